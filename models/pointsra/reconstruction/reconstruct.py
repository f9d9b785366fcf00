"""From a file to completions in the file's own frame: read, hide, draw, measure.

Visible points come back exactly as they stood in the file. It writes nothing; that is ``writing``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pointsra.data.conditions import builtin_encoder, encode_captions, encode_views
from pointsra.data.files import read_cloud
from pointsra.data.views import image_as_view
from pointsra.errors import CheckpointError, InputFileError, SettingsError
from pointsra.metrics.geometry import chamfer_l2, f_score, mean_pairwise_chamfer, one_sided_distance
from pointsra.networks.mean_flow_transformer import FlowCondition
from pointsra.networks.point_sra import PointSRA
from pointsra.progress import Progress, Report, silent
from pointsra.reconstruction.completion import draw_completions
from pointsra.reconstruction.hiding import visible_points
from pointsra.reconstruction.request import ReconstructRequest, check_request
from pointsra.training.weights import ModelDescription, find_weights, load_point_sra, packaged_weights

_LARGEST = 1e30  # coordinates beyond it, or shapes smaller than its inverse, are no numbers in single precision
_METRIC_POINTS = 8192  # of a larger cloud, so many random points enter the figures


@dataclass(frozen=True)
class Completions:
    """S completions of one input. ``_raw`` is the file's frame, ``_unit`` the unit frame of all its points.

    Attributes:
        visible: (N,) bool, which of the file's points stayed visible.
        visible_raw: (Nv, 3) float64, exactly the file's points that stayed visible.
        generated_raw: (S, P, 3) float64.
        hidden_raw: (Nh, 3) float64 what was hidden, or None.
        visible_unit, generated_unit, hidden_unit: the same in the unit frame, float32.
        visible_colors: (Nv, 3) uint8 where the file has colors, or None.
        points_in: points read.
        network_evaluations: of each sample.
        steps: as asked.
        fidelity: (S) mean distance of the visible points to each whole completion, unit frame; 0 where the
            visible points are part of it.
        chamfer_l2, f_score: (S) of the generated to the hidden points, unit frame; None where nothing was hidden.
        diversity: mean pairwise CD-L2 of the completions, unit frame.
        seconds: load and sample.
        weights: which were used.
        notes: sentences for the user.
        request: what was asked.
    """

    visible: NDArray[np.bool_]
    visible_raw: NDArray[np.float64]
    generated_raw: NDArray[np.float64]
    hidden_raw: NDArray[np.float64] | None
    visible_unit: NDArray[np.float32]
    generated_unit: NDArray[np.float32]
    hidden_unit: NDArray[np.float32] | None
    visible_colors: NDArray[np.uint8] | None
    points_in: int
    network_evaluations: int
    steps: int
    fidelity: list[float]
    chamfer_l2: list[float] | None
    f_score: list[float] | None
    diversity: float
    seconds: dict[str, float]
    weights: str
    notes: tuple[str, ...]
    request: ReconstructRequest

    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` holds; the time of writing is added by whoever writes."""
        table: dict[str, Any] = {
            "input": str(self.request.input),
            "points_in": self.points_in,
            "points_visible": len(self.visible_raw),
            "points_generated": self.generated_raw.shape[1],
            "samples": len(self.generated_raw),
            "steps": self.steps,
            "network_evaluations": self.network_evaluations,
            "seconds": dict(self.seconds),
            "diversity": self.diversity,
            "fidelity": _figures(self.fidelity, min),
            "hide": self.request.hide,
            "ratio": None if self.request.hide == "none" else self.request.ratio,
            "seed": self.request.seed,
            "weights": self.weights,
            "notes": list(self.notes),
        }
        if self.chamfer_l2 is not None and self.f_score is not None:
            table["chamfer_l2"] = _figures(self.chamfer_l2, min)
            table["f_score"] = _figures(self.f_score, max)
        return table


def reconstruct(request: ReconstructRequest, report: Report = silent) -> Completions:
    """Draw completions of a file.

    Raises:
        SettingsError: a number is out of range, or text or image are asked of weights that know none.
        InputFileError: the input cannot be read or used. CheckpointError: the weights cannot.
    """
    check_request(request)
    started = time.perf_counter()
    source = packaged_weights() if request.weights is None else request.weights
    network, description = load_point_sra(source, request.device)
    report(Progress("read", 0, request.samples, "samples"))
    cloud = read_cloud(request.input, count=request.count, seed=request.seed)
    loaded = time.perf_counter() - started
    done = complete_points(request, cloud.points, network, description)
    report(Progress("draw", request.samples, request.samples, "samples"))
    return replace(
        done,
        weights=str(source),
        visible_colors=None if cloud.colors is None else cloud.colors[done.visible],
        notes=cloud.notes + done.notes,
        seconds={"load": round(loaded, 4), **done.seconds},
    )


def plan_reconstruct(request: ReconstructRequest) -> dict[str, Any]:
    """What :func:`reconstruct` would work on, found by reading input and weights and drawing nothing.

    Raises:
        SettingsError, InputFileError, CheckpointError: as :func:`reconstruct`.
    """
    check_request(request)
    source = find_weights(packaged_weights() if request.weights is None else request.weights)
    _, description = load_point_sra(source, request.device)
    if not description.sizes.flow_depth:
        raise CheckpointError(f"{source} was trained without a flow and cannot draw completions.")
    _condition(request, description, request.device)
    cloud = read_cloud(request.input, count=request.count, seed=request.seed)
    return {"weights": str(source), "points_in": len(cloud.points), "mesh": cloud.was_mesh}


def complete_points(
    request: ReconstructRequest, points: NDArray[np.float64], network: PointSRA, description: ModelDescription
) -> Completions:
    """Draw completions of points (N, 3) that are at hand already; ``request.input`` is only a name.

    Raises:
        SettingsError, InputFileError: as :func:`reconstruct`.
    """
    check_request(request)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points) or not np.isfinite(points).all():
        raise InputFileError(f"{request.input}: the points must be a finite (N, 3) array, not {points.shape}.")
    started = time.perf_counter()
    condition = _condition(request, description, request.device)
    unit, offset, scale = _to_unit(points, request.input)
    visible = visible_points(unit, request.hide, description.patches["groups"], request.ratio, request.seed)
    if request.hide != "none" and visible.all():
        raise InputFileError(
            f"{request.input}: nothing of its {len(points)} point(s) can be hidden; ask for a larger --ratio, or give "
            "a cloud of more distinct points."
        )
    generated, evaluations = _draw(request, network, description, unit[visible], condition)
    sampled = time.perf_counter() - started
    hidden = unit[~visible] if request.hide != "none" else None
    scored = [_thinned(part, request.seed) for part in generated]
    shown = _thinned(unit[visible], request.seed)
    wholes = [np.concatenate([shown, part]) for part in scored]
    truth = None if hidden is None else _thinned(hidden, request.seed)
    return Completions(
        visible=visible,
        visible_raw=points[visible],
        generated_raw=generated.astype(np.float64) * scale + offset,
        hidden_raw=None if hidden is None else points[~visible],
        visible_unit=unit[visible],
        generated_unit=generated,
        hidden_unit=hidden,
        visible_colors=None,
        points_in=len(points),
        network_evaluations=evaluations,
        steps=request.steps,
        fidelity=[one_sided_distance(shown, whole) for whole in wholes],
        chamfer_l2=None if truth is None else [chamfer_l2(part, truth) for part in scored],
        f_score=None if truth is None else [f_score(part, truth) for part in scored],
        diversity=mean_pairwise_chamfer(wholes),
        seconds={"sample": round(sampled, 4)},
        weights=str(request.weights),
        notes=(),
        request=request,
    )


def _draw(
    request: ReconstructRequest,
    network: PointSRA,
    description: ModelDescription,
    visible: NDArray[np.float32],
    condition: FlowCondition | None,
) -> tuple[NDArray[np.float32], int]:
    hidden_share = request.ratio if request.hide != "none" else (0.5 if request.missing is None else request.missing)
    drawn = draw_completions(
        network,
        description,
        visible,
        missing=hidden_share,
        samples=request.samples,
        steps=request.steps,
        seed=request.seed,
        condition=condition,
        guidance=1.0 if request.guidance is None else request.guidance,
        count=request.points_generated,
    )
    if not np.isfinite(drawn.points).all():
        raise InputFileError(f"{request.input}: the completions are not finite; are the coordinates sensible?")
    return drawn.points, drawn.network_evaluations


def _to_unit(points: NDArray[np.float64], name: Path) -> tuple[NDArray[np.float32], NDArray[np.float64], float]:
    """The unit frame of a cloud (N, 3), computed in float64: points (N, 3), offset (3,), scale.

    Raises:
        InputFileError: the coordinates leave the range that files and pictures can hold.
    """
    largest, extent = float(np.abs(points).max()), float(np.ptp(points / _LARGEST, axis=0).max()) * _LARGEST
    if largest > _LARGEST or 0.0 < extent < 1.0 / _LARGEST:
        raise InputFileError(
            f"{name}: its coordinates reach {largest:.1e} and span {extent:.1e}, which is not a shape; "
            "are the columns and units right?"
        )
    offset = points.mean(axis=0)
    radius = float(np.linalg.norm(points - offset, axis=1).max())
    scale = radius if radius > 0 else 1.0
    return ((points - offset) / scale).astype(np.float32), offset, scale


def _thinned(points: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    if len(points) <= _METRIC_POINTS:
        return points
    return points[np.random.default_rng([seed, 3]).choice(len(points), _METRIC_POINTS, replace=False)]


def _condition(
    request: ReconstructRequest, description: ModelDescription, device: torch.device
) -> FlowCondition | None:
    if request.text is None and request.image is None:
        return None
    image = text = None
    if request.text is not None:
        _require_encoder(description, "text", description.sizes.text_dim)
        text = torch.from_numpy(encode_captions([request.text])).to(device)
    if request.image is not None:
        _require_encoder(description, "image", description.sizes.image_dim)
        image = torch.from_numpy(encode_views(image_as_view(request.image)[None, None])).to(device)
    return FlowCondition(image=image, text=text)


def _require_encoder(description: ModelDescription, kind: str, width: int) -> None:
    """Features must come from the very encoder that the weights were trained with."""
    known = description.encoders.get(kind)
    builtin = builtin_encoder()
    if not width or known is None:
        raise SettingsError(f"These weights were trained without {kind} features: leave out --{kind}.")
    if (known["name"], known["sha256"]) != (builtin.name, builtin.sha256):
        raise SettingsError(
            f"These weights know {kind} features of encoder {known['name']} {known['version']}, which is not at hand "
            f"(the built-in one is {builtin.name} {builtin.version}): leave out --{kind}."
        )


def _figures(values: Sequence[float], best: Any) -> dict[str, Any]:
    return {"per_sample": list(values), "best": best(values), "mean": float(np.mean(values))}
