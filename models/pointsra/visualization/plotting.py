"""What a curve needs before it is drawn: ticks with round numbers, a scale, a smoothed line.

Used by the still and the page of ``curves``. It draws nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LOG_DECADES = 2.0
_SAME = 0.008  # of an axis: nearer than that one line lies on the other (ours)
_STRETCH = 0.05  # of an axis: lines that are one for less only cross (ours)
DASH = 8.0
"""Pixels of each line where all lines of a panel lie on one another."""


@dataclass(frozen=True)
class Axis:
    """One axis of a panel.

    Attributes:
        low: the value at its start.
        high: the value at its end.
        log: whether it is logarithmic.
        ticks: values to mark, (T,).
        labels: their texts, T of them.
    """

    low: float
    high: float
    log: bool
    ticks: tuple[float, ...]
    labels: tuple[str, ...]

    def place(self, values: ArrayLike) -> NDArray[np.float64]:
        """Where values (R,) lie along the axis, (R,): 0 at its start, 1 at its end, NaN where they cannot lie."""
        numbers = np.asarray(values, dtype=np.float64)
        if not self.log:
            return (numbers - self.low) / (self.high - self.low)
        with np.errstate(invalid="ignore", divide="ignore"):
            logs = np.where(numbers > 0, np.log10(np.where(numbers > 0, numbers, 1.0)), np.nan)
        return (logs - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))


def axis_for(values: Sequence[NDArray[np.float64]], ticks: int = 4, may_be_log: bool = True) -> Axis:
    """The axis that holds all ``values``, each (R,); logarithmic where they are positive over two decades.

    Where no value is finite the axis is 0 to 1.
    """
    joined = np.concatenate([np.ravel(part) for part in values]) if len(values) else np.zeros(0)
    joined = joined[np.isfinite(joined)]
    if joined.size == 0:
        return _linear(0.0, 1.0, ticks)
    low, high = float(joined.min()), float(joined.max())
    if may_be_log and low > 0 and math.log10(high / low) > _LOG_DECADES:
        return _logarithmic(low, high, ticks)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        pad = 0.5 * abs(high) or 0.5
        low, high = low - pad, high + pad
    return _linear(low, high, ticks)


def smoothed(values: ArrayLike, window: int) -> NDArray[np.float64]:
    """The running mean of values (R,) over ``window`` records centered on each, (R,); NaN counts for nothing.

    A window below 2 smooths nothing; a value that is NaN leaves the line whole.
    """
    numbers = np.asarray(values, dtype=np.float64)
    reach = max(window // 2, 0)
    known = np.isfinite(numbers)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, numbers, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    place = np.arange(len(numbers))
    # Near an end the window shrinks on both sides alike, so the line does not bend there, but never to a few
    # records, or the line would end in noise.
    even = np.minimum(np.minimum(place, len(numbers) - 1 - place), reach)
    span = np.maximum(even, reach // 2)
    first, last = np.maximum(place - span, 0), np.minimum(place + span + 1, len(numbers))
    inside = count[last] - count[first]
    return np.where(inside > 0, (total[last] - total[first]) / np.maximum(inside, 1), np.nan)


def lines_beneath(
    x: NDArray[np.float64], y: NDArray[np.float64], drawn: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]
) -> NDArray[np.int64]:
    """How many of the lines that are ``drawn`` already another would hide at each of its records, (R,).

    Args:
        x: (R,) where it lies along its axes, 0 to 1, rising.
        y: the same.
        drawn: x and y of the others.
    """
    count = np.zeros(len(x), dtype=np.int64)
    for across, up in drawn:
        known = np.isfinite(across) & np.isfinite(up)
        if not known.any():
            continue
        beneath = np.interp(x, across[known], up[known], left=np.nan, right=np.nan)
        near = np.abs(y - beneath) < _SAME  # never where either is NaN
        for part, value in stretches(near.astype(np.int64)):
            if value and np.ptp(x[part]) >= _STRETCH:
                count[part] += 1
    return count


def stretches(values: NDArray[np.int64]) -> list[tuple[slice, int]]:
    """Where values (R,) stay the same: rows from first to last, and the value."""
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return [(slice(a, b), int(values[a])) for a, b in pairwise(edges) if b > a]


def tick_label(value: float, largest: float | None = None) -> str:
    """A tick's number, short: ``0.25``, ``12k``, ``1e-5``; in thousands where the axis' ``largest`` tick is."""
    if value == 0:
        return "0"
    size = max(abs(value), abs(largest or 0.0))
    if size >= 1e6:
        return f"{value / 1e6:.4g}M"
    if size >= 1e4:
        return f"{value / 1e3:.4g}k"
    if size < 1e-3:
        mantissa, exponent = f"{value:.3e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:.4g}"


def _linear(low: float, high: float, ticks: int) -> Axis:
    raw = (high - low) / max(ticks, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((power * factor for factor in (1, 2, 2.5, 5, 10)), key=lambda size: abs(math.log(size / raw)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    marks = tuple(round(number * step, 12) for number in range(first, last + 1))
    largest = max((abs(mark) for mark in marks), default=0.0)
    return Axis(low, high, False, marks, tuple(tick_label(mark, largest) for mark in marks))


def _logarithmic(low: float, high: float, ticks: int) -> Axis:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    stride = max(1, math.ceil((last - first + 1) / (ticks + 1)))
    marks = tuple(10.0**power for power in range(first, last + 1, stride))
    return Axis(low, high, True, marks, tuple(tick_label(mark) for mark in marks))
