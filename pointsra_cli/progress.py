"""The core's progress records on stderr as plain log lines; a terminal gets the bar of ``progress_bar``.

A new stage with the same total goes on with the same bar ("epoch 3 of 20" while the steps of the whole run are
counted), so that rate and time left stay true.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TextIO

from pointsra.progress import Progress, Report


@contextmanager
def log_lines(
    every: float,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
    fields: int | None = None,
) -> Iterator[Report]:
    """Log lines on stderr: each message at once, other records at most once in ``every`` seconds.

    Args:
        every: seconds between two lines that are no messages.
        stream: where to write; None is stderr.
        clock: seconds that only grow.
        fields: figures a line shows, the first ones; None shows all.

    Yields:
        The report to hand to the core.
    """
    position = Position()
    last = began = clock()
    first_done = 0

    def write(text: str) -> None:
        print(f"[{datetime.now():%H:%M:%S}] {text}", file=stream or sys.stderr, flush=True)

    def report(progress: Progress) -> None:
        nonlocal last, began, first_done
        now = clock()
        if position.starts_anew(progress):
            began, first_done = now, progress.done
        if progress.message:
            write(progress.message)
            return
        if now - last < every:
            return
        last = now
        write(_line(progress, progress.done - first_done, now - began, fields))

    yield report


class Position:
    """Remembers how far the work was, to tell a new bar from the old one going on."""

    def __init__(self) -> None:
        self._last: Progress | None = None

    def starts_anew(self, progress: Progress) -> bool:
        """Whether ``progress`` begins another piece of work than the record before it."""
        before, self._last = self._last, progress
        if before is None:
            return True
        moved_back = progress.done < before.done
        another = progress.unit != before.unit or progress.total != before.total
        return moved_back or another


def _line(progress: Progress, done: int, seconds: float, fields: int | None) -> str:
    total = "" if progress.total is None else f"/{progress.total}"
    parts = [f"{progress.stage}: {progress.done}{total} {progress.unit}"]
    if done > 0 and seconds > 0:
        speed = done / seconds
        parts.append(f"{rate(speed)}/s")
        if progress.total is not None:
            parts.append(f"{_clock(max(progress.total - progress.done, 0) / speed)} left")
    if progress.fields:
        parts.append(figures(progress.fields, fields))
    return ", ".join(parts)


def rate(value: float) -> str:
    """A number of things a second, in about three digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def figures(fields: Mapping[str, float], most: int | None) -> str:
    """The first ``most`` figures by name, all where None."""
    return "  ".join(f"{name} {value:.4g}" for name, value in list(fields.items())[:most])
