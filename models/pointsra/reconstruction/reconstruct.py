"""From a file to completions in the file's own frame: read, hide, draw, measure.

Visible points come back exactly as they stood in the file. It writes nothing; that is ``writing``.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsra.data.files import Cloud, read_cloud
from pointsra.data.mesh_files import sample_surface
from pointsra.errors import CheckpointError, InputFileError, SettingsError
from pointsra.metrics.geometry import chamfer_and_f_score, mean_apart
from pointsra.networks.mean_flow_transformer import FlowCondition
from pointsra.networks.point_sra import PointSRA
from pointsra.ops.cleaning import stray_points
from pointsra.ops.threads import one_thread
from pointsra.ops.up_axis import from_y_up, to_y_up
from pointsra.progress import Progress, Report, silent
from pointsra.reconstruction.completion import Drawn, draw_completions
from pointsra.reconstruction.framing import check_range, in_frame, unit_frame_of
from pointsra.reconstruction.hiding import asked_ratio, visible_points
from pointsra.reconstruction.outcome import Completions
from pointsra.reconstruction.request import ReconstructRequest, check_request
from pointsra.reconstruction.steering import flow_condition
from pointsra.training.weights import ModelDescription, find_weights, load_point_sra, packaged_weights

_SURFACE_POINTS = 40_000  # of a mesh, to tell what a view hides
_SURFACE_REACH = 1.2  # radii: beyond lies no surface but that of stray parts
_MOSTLY_Z_UP = (".las", ".laz", ".bin")  # surveys and lidar sweeps
_SMALL_WEIGHTS = 64 << 20  # bytes: on a CPU, networks of such files draw in one thread
_METRIC_POINTS = 8192  # of a larger cloud, so many random points enter the figures


def reconstruct(request: ReconstructRequest, report: Report = silent) -> Completions:
    """Draw completions of a file.

    Raises:
        SettingsError: a number is out of range, or text or image are asked of weights that know none.
        InputFileError: the input cannot be read or used. CheckpointError: the weights cannot.
    """
    check_request(request)
    source = packaged_weights() if request.weights is None else request.weights
    small = request.device.type == "cpu" and find_weights(source).stat().st_size < _SMALL_WEIGHTS
    with one_thread(small):
        return _reconstruct(request, source, report)


def _reconstruct(request: ReconstructRequest, source: Path, report: Report) -> Completions:
    started = time.perf_counter()
    network, description = load_point_sra(source, request.device)
    report(Progress("read", 0, request.samples, "samples"))
    cloud = _read(request)
    loaded = time.perf_counter() - started
    surface = None
    if cloud.vertices is not None and cloud.faces is not None and request.hide == "view":
        drawn = sample_surface(cloud.vertices, cloud.faces, _SURFACE_POINTS, np.random.default_rng([request.seed, 5]))
        surface = None if drawn is None else drawn[0]
    done = complete_points(request, cloud.points, network, description, surface)
    report(Progress("draw", request.samples, request.samples, "samples"))
    return replace(
        done,
        weights=str(source),
        visible_colors=None if cloud.colors is None else cloud.colors[done.visible],
        hidden_colors=None if cloud.colors is None or done.hidden_raw is None else cloud.colors[~done.visible],
        notes=(*cloud.notes, *_axis_note(request), *done.notes),
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
    flow_condition(request, description, request.device)
    cloud = _read(request)
    return {
        "weights": str(source),
        "points_in": len(cloud.points),
        "drawn_from_mesh": cloud.was_mesh,
        "ratio": asked_ratio(request.hide, request.ratio),
        "temperature": request.temperature,
        "up": request.up or "y",
    }


def _read(request: ReconstructRequest) -> Cloud:
    cloud = read_cloud(request.input, count=request.count, seed=request.seed)
    if request.count is not None and not cloud.was_mesh:
        raise SettingsError(f"--mesh-points is for meshes: {request.input} holds points already; leave it out.")
    return cloud


def complete_points(
    request: ReconstructRequest,
    points: NDArray[np.float64],
    network: PointSRA,
    description: ModelDescription,
    surface: NDArray[np.float64] | None = None,
) -> Completions:
    """Draw completions of points (N, 3) that are at hand already; ``request.input`` is only a name.

    Args:
        surface: (M, 3) more points of the surface, which decide what a view hides.

    Raises:
        SettingsError, InputFileError: as :func:`reconstruct`.
    """
    check_request(request)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise InputFileError(f"{request.input}: the points must be an (N, 3) array, not {points.shape}.")
    broken = ~np.isfinite(points).all(axis=1)
    if broken.any():
        raise InputFileError(f"{request.input}: {broken.sum()} of its points are not finite; leave them out.")
    started = time.perf_counter()
    condition = flow_condition(request, description, request.device)
    up = request.up or "y"
    turned = to_y_up(points, up)
    check_range(turned, request.input)
    stray = stray_points(turned)
    kept = ~stray if stray.any() else slice(None)
    unit, offset, scale = unit_frame_of(turned, kept)
    on_surface = None if surface is None else in_frame(to_y_up(surface, up), offset, scale)
    if on_surface is not None and stray.any():  # stray parts may lie before the camera, or behind it
        on_surface = on_surface[(np.abs(on_surface) < _SURFACE_REACH).all(axis=1)]
    visible = np.ones(len(points), dtype=bool)
    groups = description.patches["groups"]
    visible[kept] = visible_points(unit[kept], request.hide, groups, request.ratio, request.seed, on_surface)
    if request.hide != "none" and visible.all():
        raise InputFileError(
            f"{request.input}: nothing of its {len(points)} point(s) can be hidden; ask for a larger --ratio, or give "
            "a cloud of more distinct points."
        )
    share = _missing_share(request, visible)
    drawn = _draw(request, network, description, unit[visible & ~stray], share, condition)
    generated = drawn.points
    sampled = time.perf_counter() - started
    hidden = unit[~visible] if request.hide != "none" else None
    scored = [_thinned(part, request.seed) for part in generated]
    shown = _thinned(unit[visible & ~stray], request.seed)
    apart = mean_apart(scored, shown).tolist()
    truth = None if hidden is None else _thinned(hidden, request.seed)
    scores = None if truth is None else [chamfer_and_f_score(part, truth) for part in scored]
    return Completions(
        visible=visible,
        stray=stray,
        visible_raw=points[visible],
        generated_raw=from_y_up(generated.astype(np.float64) * scale + offset, up),
        hidden_raw=None if hidden is None else points[~visible],
        visible_unit=unit[visible],
        generated_unit=generated,
        hidden_unit=hidden,
        visible_colors=None,
        hidden_colors=None,
        points_in=len(points),
        network_evaluations=drawn.network_evaluations,
        steps=request.steps,
        fidelity=[0.0] * len(scored),  # every visible point is a point of every completion
        chamfer_l2=None if scores is None else [chamfer for chamfer, _ in scores],
        f_score=None if scores is None else [score for _, score in scores],
        diversity=float(np.mean(apart)),
        apart=apart,
        seconds={"sample": round(sampled, 4)},
        weights=str(request.weights),
        notes=_notes(request, visible, stray, drawn, description.patches["size"]),
        one_sided=drawn.one_sided,
        request=request,
    )


def _draw(
    request: ReconstructRequest,
    network: PointSRA,
    description: ModelDescription,
    visible: NDArray[np.float32],
    missing: float,
    condition: FlowCondition | None,
) -> Drawn:
    drawn = draw_completions(
        network,
        description,
        visible,
        missing=missing,
        samples=request.samples,
        steps=request.steps,
        seed=request.seed,
        condition=condition,
        guidance=1.0 if request.guidance is None else request.guidance,
        temperature=request.temperature,
        count=request.points_generated,
        one_sided=_one_sided(request),
    )
    if not np.isfinite(drawn.points).all():
        raise InputFileError(f"{request.input}: the completions are not finite; are the coordinates sensible?")
    return drawn


def _one_sided(request: ReconstructRequest) -> bool | None:
    """Whether one camera has seen the visible part; None where only its points can tell."""
    if request.hide == "none":
        return request.one_sided
    if request.hide == "view":
        return True if request.ratio is None else None
    return False


def _axis_note(request: ReconstructRequest) -> tuple[str, ...]:
    suffix = request.input.suffix.lower()
    if request.up is not None or suffix not in _MOSTLY_Z_UP:
        return ()
    return (f"y is taken to point up; in {suffix.lstrip('.')} files mostly z does: if so here, ask with --up z.",)


def _missing_share(request: ReconstructRequest, visible: NDArray[np.bool_]) -> float:
    """The share of the whole shape that the network is to add."""
    if request.hide == "none":
        return 0.5 if request.missing is None else request.missing
    asked = asked_ratio(request.hide, request.ratio)
    return 1.0 - float(visible.mean()) if asked is None else asked


def _notes(
    request: ReconstructRequest, visible: NDArray[np.bool_], stray: NDArray[np.bool_], drawn: Drawn, size: int
) -> tuple[str, ...]:
    notes = []
    if request.hide == "view" and request.ratio is None:
        notes.append(f"From the camera {1.0 - visible.mean():.0%} of the points are not seen; these are hidden.")
    if stray.any():
        notes.append(
            f"{stray.sum()} of {len(stray)} points lie far from all others: they stay in the visible part, and the "
            "network was not shown them."
        )
    if request.hide == "none" and request.one_sided is None and drawn.one_sided:
        notes.append("The input looks as if one camera had seen it, and is completed so; else say --not-one-sided.")
    if drawn.evened:
        notes.append("The points are crowded in places: for the network these were thinned, in the results all stay.")
    if visible.sum() < size:
        notes.append(f"Only {visible.sum()} point(s) are visible, fewer than one patch ({size}): expect little.")
    return tuple(notes)


def _thinned(points: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    if len(points) <= _METRIC_POINTS:
        return points
    return points[np.random.default_rng([seed, 3]).choice(len(points), _METRIC_POINTS, replace=False)]
