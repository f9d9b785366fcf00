"""Training curves as a still: one panel a term, all runs together, drawn with Pillow at twice the size.

Each curve is shown as logged (thin) and as a running mean (bold), dashed where it lies upon another run's. The same
as a page with a read-out is in ``curves_page``; reading a run's figures is ``metrics_file``'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from pointsra.visualization import lettering
from pointsra.visualization.metrics_file import RunMetrics, read_metrics
from pointsra.visualization.palette import COMPLETIONS, VISIBLE, Color
from pointsra.visualization.plotting import DASH, Axis, axis_for, lines_beneath, smoothed, stretches

__all__ = ["Panel", "RunMetrics", "curves_still", "panels_of", "read_metrics", "run_color"]

CurveSeries = Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike]]]
_FINE = 2  # supersampling
_MOST_POINTS = 1500  # vertices a drawn line keeps
# One run alone is blue; yellow is left out, for a thin yellow line is lost on white.
_RUN_COLORS: tuple[Color, ...] = (
    COMPLETIONS[1],
    COMPLETIONS[0],
    COMPLETIONS[2],
    (0, 153, 136),
    COMPLETIONS[5],
    VISIBLE,
    COMPLETIONS[4],
    COMPLETIONS[6],
    COMPLETIONS[7],
)


@dataclass(frozen=True)
class Curve:
    """One run's curve of one term.

    Attributes:
        run: the run's name.
        color: its color.
        steps: (R,).
        values: as logged, (R,).
        mean: the running mean, (R,).
        beneath: how many curves of other runs the mean lies upon, (R,): there it is dashed, so that they are seen.
    """

    run: str
    color: Color
    steps: NDArray[np.float64]
    values: NDArray[np.float64]
    mean: NDArray[np.float64]
    beneath: NDArray[np.int64]


@dataclass(frozen=True)
class Panel:
    """One term: its curves and axes."""

    term: str
    curves: tuple[Curve, ...]
    steps: Axis
    values: Axis


def run_color(number: int) -> Color:
    """The color of run ``number``, from 0."""
    return _RUN_COLORS[number % len(_RUN_COLORS)]


def _reach(steps: ArrayLike) -> float:
    x = np.asarray(steps, dtype=np.float64)
    return float(np.ptp(x)) if x.size else 0.0


def panels_of(series: CurveSeries, window: int | None = None) -> tuple[Panel, ...]:
    """One panel a term, in the order in which terms first appear.

    Args:
        series: run -> term -> (steps (R,), values (R,)).
        window: records a running mean covers; None takes as many as lie in a fortieth of the longest curve's steps, so
            that all curves are smoothed over as many steps, and at most a fifth of its own, so that none is flat.

    Raises:
        ValueError: there is no term, or steps and values differ in number.
    """
    terms: dict[str, list[Curve]] = {}
    longest = max((_reach(steps) for by_term in series.values() for steps, _ in by_term.values()), default=0.0)
    for number, (run, by_term) in enumerate(series.items()):
        for term, (steps, values) in by_term.items():
            x = np.asarray(steps, dtype=np.float64).reshape(-1)
            y = np.asarray(values, dtype=np.float64).reshape(-1)
            if x.shape != y.shape:
                raise ValueError(f"Term {term!r} of run {run!r} has {len(x)} steps and {len(y)} values.")
            usual = min(round(longest / 40 * (len(x) - 1) / (_reach(x) or math.inf)), len(x) // 5)
            mean = smoothed(y, usual if window is None else window)
            none = np.zeros(len(x), dtype=np.int64)
            terms.setdefault(term, []).append(Curve(run, run_color(number), x, y, mean, none))
    if not terms:
        raise ValueError("There is no term to draw.")
    every_step = axis_for([c.steps for curves in terms.values() for c in curves], may_be_log=False)
    return tuple(_panel(term, curves, every_step) for term, curves in terms.items())


def _panel(term: str, curves: Sequence[Curve], steps: Axis) -> Panel:
    values = axis_for([curve.values for curve in curves])
    places = [(steps.place(curve.steps), values.place(curve.mean)) for curve in curves]
    told = (replace(curve, beneath=lines_beneath(*places[k], places[:k])) for k, curve in enumerate(curves))
    return Panel(term, tuple(told), steps, values)


def curves_still(
    series: CurveSeries,
    title: str = "",
    columns: int | None = None,
    panel_width: int = 380,
    window: int | None = None,
    dark: bool = False,
) -> NDArray[np.uint8]:
    """Small multiples of training curves, (H, W, 3) uint8.

    Args:
        series: run -> term -> (steps (R,), values (R,)); NaN leaves a gap.
        title: the headline.
        columns: panels a row; None takes up to three.
        panel_width: pixels a panel is wide.
        window: records a running mean covers; None: see :func:`panels_of`.
        dark: light on dark.

    Raises:
        ValueError: there is no term, or steps and values differ in number.
    """
    panels = panels_of(series, window)
    across = min(columns or (2 if len(panels) in (2, 4) else 3), len(panels))
    down = math.ceil(len(panels) / across)
    unit = panel_width / 380
    margin, gap, tall = round(26 * unit), round(22 * unit), round(panel_width * 0.62)
    runs = list(series)
    headline = round(44 * unit) if title else 0
    width = 2 * margin + across * panel_width + (across - 1) * gap
    inside = width - 2 * margin
    rows = _legend_rows(runs, inside, unit)
    legend = round(24 * unit) * len(rows) + round(6 * unit) if rows else 0
    below = round(14 * unit)  # for the name of the axis, under the lowest panel of each column
    height = 2 * margin + headline + legend + down * tall + (down - 1) * gap + below
    pen = _Pen(width, height, unit, dark)
    if title:
        letters = lettering.font(round(24 * unit * _FINE))
        pen.text(margin, margin, lettering.fit(title, letters, inside * _FINE), 24, pen.ink, "lt")
    pen.legend(margin, margin + headline, rows)
    for number, panel in enumerate(panels):
        left = margin + (number % across) * (panel_width + gap)
        top = margin + headline + legend + (number // across) * (tall + gap)
        _draw_panel(pen, panel, left, top, panel_width, tall, number + across >= len(panels))
    return np.asarray(pen.image.resize((width, height), Image.Resampling.BOX))


def _draw_panel(pen: _Pen, panel: Panel, left: float, top: float, width: float, height: float, lowest: bool) -> None:
    unit = pen.unit
    log = " (log)" if panel.values.log else ""
    name = _fitted(panel.term.replace("_", " "), 15, width - pen.length(log, 15), unit) + log
    pen.text(left, top - 3 * unit, name, 15, pen.ink, "la")
    longest = max([pen.length(label, 12) for label in panel.values.labels], default=0.0)
    x0, x1 = left + longest + 8 * unit, left + width - 4 * unit
    y0, y1 = top + height - 24 * unit, top + 30 * unit
    for share, label in zip(panel.values.place(panel.values.ticks), panel.values.labels, strict=True):
        y = y0 + share * (y1 - y0)
        pen.line([(x0, y), (x1, y)], pen.rule, 1.0)
        pen.text(x0 - 8 * unit, y, label, 12, pen.soft_ink, "rm")
    for share, label in zip(panel.steps.place(panel.steps.ticks), panel.steps.labels, strict=True):
        x = x0 + share * (x1 - x0)
        pen.line([(x, y0), (x, y0 + 4 * unit)], pen.soft_ink, 1.0)
        half = pen.length(label, 12) / 2
        pen.text(min(max(x, left + half), left + width - half), y0 + 8 * unit, label, 12, pen.soft_ink, "mt")
    pen.line([(x0, y0), (x1, y0)], pen.soft_ink, 1.0)
    if lowest:
        pen.text((x0 + x1) / 2, y0 + 24 * unit, "step", 12, pen.soft_ink, "mt")
    for bold in (False, True):  # all thin lines lie under all bold ones
        for curve in panel.curves:
            color = curve.color if bold else pen.faded(curve.color)
            x = x0 + panel.steps.place(curve.steps) * (x1 - x0)
            y = y0 + panel.values.place(curve.mean if bold else curve.values) * (y1 - y0)
            pen.curve(x, y, color, 2.2 if bold else 1.0, curve.beneath * bold, len(panel.curves))


class _Pen:
    """Draws in a picture's own pixels on a finer canvas."""

    def __init__(self, width: int, height: int, unit: float, dark: bool) -> None:
        self.unit = unit
        self.paper: Color = lettering.DARK_PAPER if dark else (255, 255, 255)
        self.ink: Color = lettering.DARK_INK if dark else lettering.INK
        self.soft_ink: Color = lettering.DARK_SOFT_INK if dark else lettering.SOFT_INK
        self.rule: Color = lettering.DARK_RULE if dark else lettering.RULE
        self.image = Image.new("RGB", (width * _FINE, height * _FINE), self.paper)
        self._draw = ImageDraw.Draw(self.image)

    def faded(self, color: Color) -> Color:
        red, green, blue = (round(0.32 * c + 0.68 * p) for c, p in zip(color, self.paper, strict=True))
        return red, green, blue

    def length(self, text: str, size: float) -> float:
        return lettering.font(round(size * self.unit * _FINE)).getlength(text) / _FINE

    def text(self, x: float, y: float, text: str, size: float, color: Color, anchor: str) -> None:
        letters = lettering.font(round(size * self.unit * _FINE))
        self._draw.text((x * _FINE, y * _FINE), text, font=letters, fill=color, anchor=anchor)

    def line(self, ends: list[tuple[float, float]], color: Color, width: float) -> None:
        thick = max(round(width * self.unit * _FINE), 1)
        places = [(x * _FINE, y * _FINE) for x, y in ends]
        self._draw.line(places, fill=color, width=thick, joint="curve")

    def curve(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        color: Color,
        width: float,
        beneath: NDArray[np.int64],
        curves: int,
    ) -> None:
        stride = max(len(x) // _MOST_POINTS, 1)
        known = np.isfinite(x) & np.isfinite(y)
        breaks = np.flatnonzero(~known)
        for part in np.split(np.arange(len(x)), breaks):
            part = part[known[part]]
            if len(part) == 0:
                continue
            part = np.union1d(part[::stride], part[-1:])
            if len(part) == 1:
                self.dot(float(x[part[0]]), float(y[part[0]]), color, width * 1.2)
                continue
            for same, others in stretches(beneath[part]):
                along = part[same.start : same.stop + 1]  # up to where the next begins
                if others:
                    self.dashes(x[along], y[along], color, width, curves - others, others)
                else:
                    self.line(list(zip(x[along].tolist(), y[along].tolist(), strict=True)), color, width)

    def dashes(
        self, x: NDArray[np.float64], y: NDArray[np.float64], color: Color, width: float, dash: int, gap: int
    ) -> None:
        """A line with gaps that show what lies beneath, both in units of ``DASH``."""
        gone = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
        unit = DASH * self.unit
        for start in np.arange(0.0, gone[-1], (dash + gap) * unit):
            ends = np.array([start, min(start + dash * unit, gone[-1])])
            path = np.unique(np.concatenate([ends, gone[(gone > ends[0]) & (gone < ends[1])]]))
            places = zip(np.interp(path, gone, x).tolist(), np.interp(path, gone, y).tolist(), strict=True)
            self.line(list(places), color, width)

    def dot(self, x: float, y: float, color: Color, radius: float) -> None:
        reach = radius * self.unit * _FINE
        box = (x * _FINE - reach, y * _FINE - reach, x * _FINE + reach, y * _FINE + reach)
        self._draw.ellipse(box, fill=color)

    def legend(self, left: float, top: float, rows: list[list[tuple[float, int, str]]]) -> None:
        for number, row in enumerate(rows):
            middle = top + (8 + 24 * number) * self.unit
            for x, run, name in row:
                self.line([(left + x, middle), (left + x + 16 * self.unit, middle)], run_color(run), 3.0)
                self.text(left + x + 22 * self.unit, middle, name, 14, self.ink, "lm")


def _legend_rows(runs: list[str], width: float, unit: float) -> list[list[tuple[float, int, str]]]:
    """Where each run's name stands: rows of distance from the left, number and name. One run alone needs none."""
    rows: list[list[tuple[float, int, str]]] = []
    x = 0.0
    for number, run in enumerate(runs if len(runs) > 1 else []):
        name = _fitted(run, 14, width - 22 * unit, unit)
        step = 22 * unit + lettering.font(round(14 * unit * _FINE)).getlength(name) / _FINE
        if not rows or x + step > width:
            rows.append([])
            x = 0.0
        rows[-1].append((x, number, name))
        x += step + 22 * unit
    return rows


def _fitted(text: str, size: float, width: float, unit: float) -> str:
    return lettering.fit(text, lettering.font(round(size * unit * _FINE)), width * _FINE)
