"""One self-contained HTML page on which clouds turn: a grid of cells under one linked camera.

The page needs no network and opens from ``file://``. Points are stored as 16-bit whole numbers in base64; a layer
that several cells share (the visible part) is stored once. The drawing itself, WebGL 2 in plain JavaScript, is in
``viewer.html`` beside this file; this module only fills it.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsra.data.replacing import replacing
from pointsra.ops.splatting import DEFAULT_CAMERA, Camera
from pointsra.visualization.figures import LARGEST_FIRST, in_terms
from pointsra.visualization.framing import Framing, frame_clouds
from pointsra.visualization.palette import TRUTH, VISIBLE, Color, ColorScale, completion_color, hex_color

ROLES = ("visible", "completion", "truth", "other")
_STEPS = 32767  # int16: a position is kept to 1/32767 of the page's range
_FARTHEST = 8.0  # reaches from the middle; one point farther out would leave the others too few steps


@dataclass(frozen=True)
class Layer:
    """Points that are shown and hidden together.

    Attributes:
        name: what they are, for the legend.
        points: (N, 3), in a frame shared by all layers of the page.
        color: one color for all of them.
        colors: (N, 3) uint8, or None to use ``color``.
        role: "visible", "completion", "truth" or "other"; keys of the page switch roles on and off.
    """

    name: str
    points: ArrayLike
    color: Color = VISIBLE
    colors: ArrayLike | None = None
    role: str = "other"


@dataclass(frozen=True)
class PageCell:
    """One cell of the grid.

    Attributes:
        title: the line under the cloud.
        subtitle: a softer line under the title.
        layers: what is drawn, all in one frame.
        sort_keys: figures by name; shown under the cell, and the page sorts cells by them. Cells without any
            stay in front.
    """

    title: str
    subtitle: str = ""
    layers: Sequence[Layer] = ()
    sort_keys: Mapping[str, float] = field(default_factory=dict)


def viewer_page(
    title: str,
    layers_by_cell: Sequence[PageCell],
    subtitle: str = "",
    camera: Camera = DEFAULT_CAMERA,
    largest_first: Sequence[str] = LARGEST_FIRST,
    legend: Mapping[str, Color] | None = None,
    scale: ColorScale | None = None,
) -> str:
    """The page as one string of HTML.

    Args:
        title: the headline, shown as it is (markup in it has no effect).
        layers_by_cell: the cells in order.
        subtitle: a soft line under the headline, for figures of the whole.
        camera: where the viewer of all cells stands at first.
        largest_first: the sort keys of which the largest comes first; of the others, the smallest.
        legend: names of colors, where layers carry a color a point; layers of one color name themselves.
        scale: what the colors of magnitudes mean.

    Raises:
        ValueError: there is no cell, a layer has an unknown role, or points and colors do not fit.
    """
    if not layers_by_cell:
        raise ValueError("A page needs at least one cell.")
    clouds = [_cloud(layer) for cell in layers_by_cell for layer in cell.layers]
    framing = frame_clouds(
        [np.concatenate([_cloud(layer) for layer in cell.layers]) for cell in layers_by_cell if cell.layers],
        camera,
    )
    store = _Store(framing, _range_of(clouds, framing))
    stored = [[store.layer(layer) for layer in cell.layers] for cell in layers_by_cell]
    left_out = max(sum(far for _, far in layers) for layers in stored)
    if left_out:
        words = f"{left_out:,} points far outside are" if left_out > 1 else "one point far outside is"
        subtitle = f"{subtitle}{'; ' if subtitle else ''}{words} left out"
    cells = [
        {
            "title": cell.title,
            "subtitle": cell.subtitle,
            "figures": {name: float(value) for name, value in cell.sort_keys.items() if np.isfinite(value)},
            "layers": [record for record, _ in layers],
        }
        for cell, layers in zip(layers_by_cell, stored, strict=True)
    ]
    data = {
        "cells": cells,
        "buffers": store.buffers,
        "range": store.range,
        "middle": [float(value) for value in framing.middle],
        "reach": framing.reach,
        "radius": framing.radius,
        "aspect": framing.aspect,
        "azimuth": camera.azimuth,
        "elevation": camera.elevation,
        "largestFirst": list(largest_first),
        "legend": {name: hex_color(color) for name, color in (legend or {}).items()},
        "scale": None if scale is None else _scale(scale),
    }
    template = resources.files("pointsra.visualization").joinpath("viewer.html").read_text(encoding="utf-8")
    # "<" can only stand inside JSON strings, where its escape means the same and cannot end the script element.
    payload = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    payload = payload.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    parts = {"title": html.escape(title), "subtitle": html.escape(subtitle), "data": payload}
    before, *rest = template.split("{{")
    filled = [before]
    for piece in rest:  # one pass, so that braces in a title are left alone
        name, _, after = piece.partition("}}")
        filled += [parts[name], after]
    return "".join(filled)


def completion_cells(
    visible: ArrayLike,
    completions: Sequence[ArrayLike],
    hidden: ArrayLike | None = None,
    scores: Sequence[Mapping[str, float]] | None = None,
) -> list[PageCell]:
    """The cells of one input: what was given, what was hidden (where known), then every completion.

    Args:
        visible: the points given, (V, 3).
        completions: for each sample the generated points alone, (P, 3).
        hidden: the points that were hidden, (Q, 3), or None where the truth is not known.
        scores: for each completion its figures by name.

    Raises:
        ValueError: there are not as many scores as completions.
    """
    if scores is not None and len(scores) != len(completions):
        raise ValueError(f"{len(scores)} scores were given for {len(completions)} completions.")
    given = Layer("visible part", visible, VISIBLE, role="visible")
    cells = [PageCell("input", f"{len(np.asarray(visible)):,} points", [given])]
    if hidden is not None:
        truth = Layer("hidden truth", hidden, TRUTH, role="truth")
        cells.append(PageCell("hidden truth", f"{len(np.asarray(hidden)):,} points", [given, truth]))
    for number, generated in enumerate(completions):
        name = f"completion {number + 1}"
        layer = Layer(name, generated, completion_color(number), role="completion")
        cells.append(PageCell(name, "", [given, layer], {} if scores is None else in_terms(scores[number])))
    return cells


def write_page(path: str | Path, page: str) -> Path:
    """Write a page beside its place, then rename it; gives the path.

    Raises:
        OutputError: the file cannot be written.
    """
    target = Path(path)
    with replacing(target) as partial:
        partial.write_text(page, encoding="utf-8", errors="replace", newline="\n")  # names of files can hold any byte
    return target


def _scale(scale: ColorScale) -> dict[str, Any]:
    stops = [hex_color((int(red), int(green), int(blue))) for red, green, blue in scale.stops()]
    return {"label": scale.label, "low": scale.low, "high": scale.high, "stops": stops}


def _cloud(layer: Layer) -> NDArray[np.float64]:
    points = np.asarray(layer.points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"The points of layer {layer.name!r} must have shape (N, 3), not {points.shape}.")
    return points


def _range_of(clouds: Sequence[NDArray[np.float64]], framing: Framing) -> float:
    """The largest coordinate that is stored, once framed."""
    largest = [np.abs(framing.framed(cloud)[np.isfinite(cloud).all(axis=1)]).max(initial=0.0) for cloud in clouds]
    return float(min(max([1.0, *largest]), _FARTHEST))


class _Store:
    """Buffers of a page, each kept once however many cells show it."""

    def __init__(self, framing: Framing, largest: float) -> None:
        self.framing = framing
        self.range = largest
        self.buffers: list[str] = []
        self._places: dict[bytes, int] = {}

    def layer(self, layer: Layer) -> tuple[dict[str, Any], int]:
        """A layer as the page reads it, and how many of its points lie too far outside to be stored."""
        if layer.role not in ROLES:
            raise ValueError(f"The role of layer {layer.name!r} must be one of {', '.join(ROLES)}.")
        points = _cloud(layer)
        framed = self.framing.framed(points)
        kept = np.asarray(np.abs(framed).max(axis=1) <= self.range)  # nothing that is not finite is
        left_out = int(np.isfinite(points).all(axis=1).sum() - kept.sum())
        steps = np.round(framed[kept].astype(np.float64) / self.range * _STEPS).clip(-_STEPS, _STEPS).astype("<i2")
        record: dict[str, Any] = {"name": layer.name, "role": layer.role, "points": self._keep(steps.tobytes())}
        if layer.colors is None:
            return {**record, "color": hex_color(layer.color)}, left_out
        colors = np.asarray(layer.colors, dtype=np.uint8)
        if colors.shape != points.shape:
            raise ValueError(f"The colors of layer {layer.name!r} must have shape {points.shape}.")
        table, index = np.unique(colors[kept], axis=0, return_inverse=True)
        if len(table) <= 256:  # one byte a point and a table, where that is enough
            record["table"] = self._keep(table.tobytes())
            record["index"] = self._keep(index.reshape(-1).astype(np.uint8).tobytes())
        else:
            record["colors"] = self._keep(colors[kept].tobytes())
        return record, left_out

    def _keep(self, raw: bytes) -> int:
        if raw not in self._places:
            self._places[raw] = len(self.buffers)
            self.buffers.append(base64.b64encode(raw).decode("ascii"))
        return self._places[raw]
