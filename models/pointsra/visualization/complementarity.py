"""Figures over the mask ratio as a still: a panel a figure with its spread, and a matrix of likeness between ratios.

It draws the numbers it is handed, with Pillow at twice the size; ``evaluation`` measures them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from pointsra.visualization import lettering
from pointsra.visualization.palette import COMPLETIONS, Color, sequential
from pointsra.visualization.plotting import Axis, axis_for

Curve = tuple[ArrayLike, ArrayLike | None]
"""Means (R,) and their deviations (R,), or None where each was measured once."""

_FINE = 2  # supersampling
_COLORS: tuple[Color, ...] = (COMPLETIONS[1], COMPLETIONS[0], COMPLETIONS[2], (0, 153, 136))
_MARGIN, _GAP, _HEADLINE = 28, 36, 48
_PANEL, _TALL = 440, 330
_ROOM = 0.08  # of an axis' length left free beyond its extremes


def complementarity_still(
    ratios: Sequence[float],
    panels: Mapping[str, Mapping[str, Curve]],
    likeness: ArrayLike,
    title: str = "",
    dark: bool = False,
) -> NDArray[np.uint8]:
    """Panels of curves over the mask ratio and, last, the likeness of the features, (H, W, 3) uint8.

    Args:
        ratios: R mask ratios, ascending.
        panels: figure -> curve's name -> means and deviations, (R,) each; NaN leaves a gap.
        likeness: (R, R) linear CKA, 0 … 1.
        title: the headline.
        dark: light on dark.

    Raises:
        ValueError: there is no panel, or numbers do not fit the ratios.
    """
    count = len(ratios)
    matrix = np.asarray(likeness, dtype=np.float64)
    if not panels or matrix.shape != (count, count):
        raise ValueError(f"{count} mask ratios need at least one panel and a matrix ({count}, {count})")
    down = math.ceil((len(panels) + 1) / 2)
    top = _MARGIN + (_HEADLINE if title else 0)
    width = 2 * _MARGIN + 2 * _PANEL + _GAP
    canvas = _Canvas(width, top + down * _TALL + (down - 1) * _GAP + _MARGIN, dark)
    if title:
        letters = lettering.font(24 * _FINE)
        canvas.text(_MARGIN, _MARGIN, lettering.fit(title, letters, (width - 2 * _MARGIN) * _FINE), 24, "lt")
    places = [(_MARGIN + (k % 2) * (_PANEL + _GAP), top + (k // 2) * (_TALL + _GAP)) for k in range(len(panels) + 1)]
    for (name, curves), (left, upper) in zip(panels.items(), places, strict=False):
        _draw_curves(canvas, name, np.asarray(ratios, dtype=np.float64), curves, left, upper)
    _draw_matrix(canvas, ratios, matrix, *places[-1])
    return canvas.pixels()


def _draw_curves(
    canvas: _Canvas, name: str, ratios: NDArray[np.float64], curves: Mapping[str, Curve], left: float, top: float
) -> None:
    numbers = {curve: _band(name, values, len(ratios)) for curve, values in curves.items()}
    across = axis_for([ratios], ticks=len(ratios), may_be_log=False)
    upright = _roomy([edge for mean, low, high in numbers.values() for edge in (mean, low, high)])
    canvas.text(left, top, name, 16, "lt")
    longest = max((canvas.length(label, 13) for label in upright.labels), default=0.0)
    x0, x1, y0, y1 = left + longest + 10, left + _PANEL - 12, top + _TALL - 48, top + (34 if len(curves) == 1 else 54)
    for share, label in zip(upright.place(upright.ticks), upright.labels, strict=True):
        y = y0 + share * (y1 - y0)
        canvas.line([(x0, y), (x1, y)], canvas.rule, 1)
        canvas.text(x0 - 8, y, label, 13, "rm", soft=True)
    canvas.line([(x0, y0), (x1, y0)], canvas.soft_ink, 1)
    columns = x0 + 8 + across.place(ratios) * (x1 - x0 - 16)
    for x, ratio in zip(columns.tolist(), ratios.tolist(), strict=True):
        canvas.line([(x, y0), (x, y0 + 4)], canvas.soft_ink, 1)
        canvas.text(x, y0 + 8, f"{ratio:g}", 13, "mt", soft=True)
    canvas.text((x0 + x1) / 2, y0 + 30, "mask ratio", 13, "mt", soft=True)
    for number, (mean, low, high) in enumerate(numbers.values()):
        color = _COLORS[number % len(_COLORS)]
        heights = np.stack([y0 + upright.place(values) * (y1 - y0) for values in (mean, low, high)])
        canvas.curve(columns, heights, color)
    if len(numbers) > 1:
        x = left + 4.0
        for number, curve in enumerate(numbers):
            canvas.dot(x, top + 33, _COLORS[number % len(_COLORS)], 4)
            canvas.text(x + 10, top + 33, curve, 13, "lm", soft=True)
            x += canvas.length(curve, 13) + 34


def _draw_matrix(
    canvas: _Canvas, ratios: Sequence[float], matrix: NDArray[np.float64], left: float, top: float
) -> None:
    canvas.text(left, top, "linear CKA of the features", 16, "lt")
    names = [f"{ratio:g}" for ratio in ratios]
    x0, y0 = left + max(canvas.length(name, 13) for name in names) + 10, top + 34
    wide, tall = (left + _PANEL - 12 - x0) / len(names), (_TALL - 82) / len(names)
    colors = sequential(matrix, 0.0, 1.0).reshape(*matrix.shape, 3)
    for row, name in enumerate(names):
        y = y0 + row * tall
        canvas.text(x0 - 8, y + tall / 2, name, 13, "rm", soft=True)
        canvas.text(x0 + (row + 0.5) * wide, y0 + len(names) * tall + 8, name, 13, "mt", soft=True)
        for column in range(len(names)):
            red, green, blue = (int(channel) for channel in colors[row, column])
            x = x0 + column * wide
            canvas.box(x, y, x + wide, y + tall, (red, green, blue))
            bright = 0.299 * red + 0.587 * green + 0.114 * blue > 128  # luma of ITU-R BT.601
            ink: Color = lettering.INK if bright else lettering.DARK_INK
            canvas.text(x + wide / 2, y + tall / 2, _hundredths(matrix[row, column]), 12, "mm", color=ink)
    canvas.text(x0 + len(names) * wide / 2, y0 + len(names) * tall + 30, "mask ratio", 13, "mt", soft=True)


def _band(name: str, curve: Curve, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean, and mean less and plus one deviation, (R,) each."""
    mean = np.asarray(curve[0], dtype=np.float64)
    spread = np.zeros(count) if curve[1] is None else np.nan_to_num(np.asarray(curve[1], dtype=np.float64))
    if mean.shape != (count,) or spread.shape != (count,):
        raise ValueError(f"{name!r} has {mean.size} values and {spread.size} deviations for {count} mask ratios")
    return mean, mean - spread, mean + spread


def _roomy(values: Sequence[NDArray[np.float64]]) -> Axis:
    """An axis a little longer than its values, so that no mark lies on its end."""
    tight = axis_for(values, may_be_log=False)
    room = _ROOM * (tight.high - tight.low)
    return axis_for([np.array([tight.low - room, tight.high + room])], may_be_log=False)


def _hundredths(value: float) -> str:
    """``.87``, ``1``, or a dash for what is not a number."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:.2f}"
    return "1" if text == "1.00" else text.removeprefix("0")


class _Canvas:
    """Draws in the picture's own pixels on a finer image."""

    def __init__(self, width: int, height: int, dark: bool) -> None:
        self._paper: Color = lettering.DARK_PAPER if dark else (255, 255, 255)
        self._ink: Color = lettering.DARK_INK if dark else lettering.INK
        self.soft_ink: Color = lettering.DARK_SOFT_INK if dark else lettering.SOFT_INK
        self.rule: Color = lettering.DARK_RULE if dark else lettering.RULE
        self._image = Image.new("RGB", (width * _FINE, height * _FINE), self._paper)
        self._draw = ImageDraw.Draw(self._image)

    def pixels(self) -> NDArray[np.uint8]:
        wide, tall = self._image.size
        return np.asarray(self._image.resize((wide // _FINE, tall // _FINE), Image.Resampling.BOX))

    def length(self, text: str, size: int) -> float:
        return lettering.font(size * _FINE).getlength(text) / _FINE

    def text(
        self, x: float, y: float, text: str, size: int, anchor: str, soft: bool = False, color: Color | None = None
    ) -> None:
        fill = color or (self.soft_ink if soft else self._ink)
        self._draw.text((x * _FINE, y * _FINE), text, font=lettering.font(size * _FINE), fill=fill, anchor=anchor)

    def line(self, ends: Sequence[tuple[float, float]], color: Color, width: float) -> None:
        places = [(x * _FINE, y * _FINE) for x, y in ends]
        self._draw.line(places, fill=color, width=round(width * _FINE), joint="curve")

    def box(self, x0: float, y0: float, x1: float, y1: float, color: Color) -> None:
        self._draw.rectangle([round(value * _FINE) for value in (x0, y0, x1, y1)], fill=color)

    def dot(self, x: float, y: float, color: Color, radius: float) -> None:
        box = ((x - radius) * _FINE, (y - radius) * _FINE, (x + radius) * _FINE, (y + radius) * _FINE)
        self._draw.ellipse(box, fill=color)

    def curve(self, x: NDArray[np.float64], heights: NDArray[np.float64], color: Color) -> None:
        """A line through the means that lifts at NaN, a dot at each, and a bar of one deviation both ways.

        Args:
            x: (R,).
            heights: (3, R) of the means, and of the means less and plus one deviation.
            color: of all.
        """
        mean, low, high = heights
        known = np.isfinite(mean)
        for start in range(len(x) - 1):
            if known[start] and known[start + 1]:
                ends = [(float(x[k]), float(mean[k])) for k in (start, start + 1)]
                self.line(ends, color, 2)
        for k in np.flatnonzero(known):
            across, lower, upper = float(x[k]), float(low[k]), float(high[k])
            self.dot(across, float(mean[k]), color, 3.5)
            if lower - upper > 1:
                self.line([(across, lower), (across, upper)], color, 1.5)
                for end in (lower, upper):
                    self.line([(across - 5, end), (across + 5, end)], color, 1.5)
