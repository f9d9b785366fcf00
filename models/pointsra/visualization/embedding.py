"""The clouds of a data set as a map: a mark a cloud, in the color and shape of its class; here the still.

Where clouds lie is handed over; the page is in ``embedding_page``. Classes differ in color and in shape, so
that the map can be read without color.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pointsra.visualization import lettering
from pointsra.visualization.legend import wrapped
from pointsra.visualization.palette import Color, class_colors

_FINE = 2  # supersampling
_SIDE, _MARGIN, _GAP = 900, 30, 24
_ROW, _LETTERS = 26, 17
_COLUMN = 220  # of the legend
_MOST_COLUMNS = 3
_TITLE, _NOTE = 26, 16
_EDGE = 0.03  # of the map left free at each side

_ARM, _END = 0.38, 1.1
_CROSS = (
    *((-_ARM, -_END), (_ARM, -_END), (_ARM, -_ARM), (_END, -_ARM), (_END, _ARM), (_ARM, _ARM)),
    *((_ARM, _END), (-_ARM, _END), (-_ARM, _ARM), (-_END, _ARM), (-_END, -_ARM), (-_ARM, -_ARM)),
)
MARKERS: tuple[tuple[tuple[float, float], ...], ...] = (
    tuple((math.cos(turn), math.sin(turn)) for turn in np.linspace(0.0, 2.0 * math.pi, 20, endpoint=False)),
    ((-0.87, -0.87), (0.87, -0.87), (0.87, 0.87), (-0.87, 0.87)),
    ((0.0, -1.15), (1.05, 0.8), (-1.05, 0.8)),
    ((0.0, -1.25), (1.0, 0.0), (0.0, 1.25), (-1.0, 0.0)),
    ((0.0, 1.15), (1.05, -0.8), (-1.05, -0.8)),
    _CROSS,
)
"""Outlines of the marks: circle, square, triangle, diamond, triangle downward, cross; y points down."""


@dataclass(frozen=True)
class EmbeddingMap:
    """A map of clouds.

    Attributes:
        title: the headline.
        note: how places were made, and of what.
        places: (n, 2).
        labels: (n,) numbers of classes.
        class_names: all of them; those without a cloud are left out of the legend.
        ids: n names.
        captions: n sentences, or None.
        outlines: (n, P, 3) few points of each cloud for a small picture, the first being a coarser one; or None.
    """

    title: str
    note: str
    places: NDArray[np.float64]
    labels: NDArray[np.int64]
    class_names: Sequence[str]
    ids: Sequence[str]
    captions: Sequence[str] | None = None
    outlines: NDArray[np.float32] | None = None

    def classes(self) -> list[tuple[int, str, int]]:
        """Number, name and clouds of every class that has any, in their order."""
        numbers, counts = np.unique(self.labels, return_counts=True)
        return [(int(k), self.class_names[int(k)], int(count)) for k, count in zip(numbers, counts, strict=True)]

    def colors(self) -> dict[int, Color]:
        """The color of every class that has clouds; those with one mark differ most, then neighbors in the list."""
        present = [number for number, _, _ in self.classes()]
        table = class_colors(len(present), len(MARKERS)).tolist()
        return {number: (red, green, blue) for number, (red, green, blue) in zip(present, table, strict=True)}

    def markers(self) -> dict[int, int]:
        """The row of :data:`MARKERS` of every class that has clouds."""
        return {number: place % len(MARKERS) for place, (number, _, _) in enumerate(self.classes())}

    def framed(self) -> NDArray[np.float64]:
        """Places (n, 2) in 0 … 1 with y downward; both axes at one scale, the map in the middle."""
        low, high = self.places.min(axis=0), self.places.max(axis=0)
        reach = max(float((high - low).max()), 1e-12)
        shares = (self.places - (low + high) / 2.0) / reach * (1.0 - 2.0 * _EDGE) + 0.5
        return np.stack([shares[:, 0], 1.0 - shares[:, 1]], axis=1)


def embedding_still(shown: EmbeddingMap, dark: bool = False) -> NDArray[np.uint8]:
    """The map with its legend, (H, W, 3) uint8.

    Args:
        shown: the map.
        dark: light on dark.
    """
    ink, soft = (lettering.DARK_INK, lettering.DARK_SOFT_INK) if dark else (lettering.INK, lettering.SOFT_INK)
    rule, paper = (lettering.DARK_RULE, lettering.DARK_PAPER) if dark else (lettering.RULE, (255, 255, 255))
    classes, colors, markers = shown.classes(), shown.colors(), shown.markers()
    rows = _SIDE // _ROW
    columns = min(-(-len(classes) // rows), _MOST_COLUMNS)
    kept, rest = _fitting(classes, rows * columns)
    width = 2 * _MARGIN + _SIDE + _GAP + columns * _COLUMN
    inside = (width - 2 * _MARGIN) * _FINE
    notes = wrapped(shown.note, lettering.font(_NOTE * _FINE), inside)
    top = _MARGIN + 2 * _TITLE
    height = top + _SIDE + _GAP + len(notes) * 22 + _MARGIN
    image = Image.new("RGB", (width * _FINE, height * _FINE), paper)
    draw = ImageDraw.Draw(image)

    def write(x: float, y: float, text: str, size: int, color: Color, anchor: str) -> None:
        draw.text((x * _FINE, y * _FINE), text, font=lettering.font(size * _FINE), fill=color, anchor=anchor)

    write(_MARGIN, _MARGIN, lettering.fit(shown.title, lettering.font(_TITLE * _FINE), inside), _TITLE, ink, "lt")
    corners = [value * _FINE for value in (_MARGIN, top, _MARGIN + _SIDE, top + _SIDE)]
    draw.rectangle(corners, outline=rule, width=_FINE)
    radius = mark_radius(len(shown.places))
    places = shown.framed() * _SIDE + (_MARGIN, top)
    # Classes take turns, so that none lies over all others.
    for row in np.random.default_rng(0).permutation(len(places)):
        label = int(shown.labels[row])
        x, y = float(places[row, 0]), float(places[row, 1])
        _mark(draw, x, y, markers[label], radius, colors[label], paper)
    for place, (number, name, count) in enumerate(kept):
        x = _MARGIN + _SIDE + _GAP + (place // rows) * _COLUMN
        y = top + (place % rows) * _ROW + _ROW / 2
        _mark(draw, x + 8, y, markers[number], 7.0, colors[number], paper)
        tail = f"{count:,}"
        room = _COLUMN - 34 - lettering.font(_LETTERS * _FINE).getlength(tail) / _FINE - 14
        text = lettering.fit(name, lettering.font(_LETTERS * _FINE), room * _FINE)
        write(x + 24, y, text, _LETTERS, ink, "lm")
        write(x + 32 + lettering.font(_LETTERS * _FINE).getlength(text) / _FINE, y, tail, _LETTERS - 3, soft, "lm")
    if rest:
        x = _MARGIN + _SIDE + _GAP + (columns - 1) * _COLUMN
        write(x, top + (rows - 0.5) * _ROW, f"… and {rest} more classes", _LETTERS - 2, soft, "lm")
    for number, line in enumerate(notes):
        write(_MARGIN, top + _SIDE + _GAP + number * 22, line, _NOTE, soft, "lt")
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))


def mark_radius(count: int) -> float:
    """A mark's radius on a map 900 wide: smaller where there are many."""
    return float(np.clip(90.0 / math.sqrt(max(count, 1)), 3.2, 7.0))


def _fitting(classes: list[tuple[int, str, int]], room: int) -> tuple[list[tuple[int, str, int]], int]:
    """The classes that the legend has room for, the largest ones, in their order; and how many are left out."""
    if len(classes) <= room:
        return classes, 0
    largest = sorted(classes, key=lambda entry: (-entry[2], entry[0]))[: room - 1]
    return sorted(largest), len(classes) - len(largest)


def _mark(
    draw: ImageDraw.ImageDraw, x: float, y: float, marker: int, radius: float, color: Color, paper: Color
) -> None:
    """A mark with a thin rim of paper, which keeps it apart from what it lies on."""
    for reach, fill in ((radius + 0.9, paper), (radius, color)):
        draw.polygon([((x + reach * a) * _FINE, (y + reach * b) * _FINE) for a, b in MARKERS[marker]], fill=fill)
