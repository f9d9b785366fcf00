"""The core's progress records on stderr: a bar with rate and time left in a terminal, plain log lines elsewhere.

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

from rich.console import Console
from rich.progress import (
    BarColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bars,
)
from rich.table import Column
from rich.text import Text

from pointsra.progress import Progress, Report

_IN_BAR = 1  # figures beside the bar: more would push it out of 80 columns


@contextmanager
def bar(console: Console | None = None) -> Iterator[Report]:
    """A single bar on stderr that is gone when the work is done; messages stay above it.

    Yields:
        The report to hand to the core.
    """
    screen = console or Console(stderr=True, markup=False, highlight=False, emoji=False)
    columns = (
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None),
        _Count(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[figures]}", style="dim", markup=False, table_column=Column(no_wrap=True)),
    )
    with Bars(*columns, console=screen, transient=True, expand=True, refresh_per_second=5) as bars:
        stage = bars.add_task("", total=None, visible=False, unit="", figures="")
        position = _Position()

        def report(progress: Progress) -> None:
            if progress.message:
                bars.print(progress.message, markup=False, highlight=False, emoji=False)
                if progress.total is None and not progress.done:
                    return
            if position.starts_anew(progress):
                bars.reset(stage, total=progress.total, visible=True)
            bars.update(
                stage,
                description=progress.stage,
                completed=progress.done,
                unit=progress.unit,
                figures=_figures(progress.fields, _IN_BAR),
            )

        yield report


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
    position = _Position()
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


class _Position:
    """Remembers how far the work was, to tell a new bar from the old one going on."""

    def __init__(self) -> None:
        self._last: Progress | None = None

    def starts_anew(self, progress: Progress) -> bool:
        before, self._last = self._last, progress
        if before is None:
            return True
        moved_back = progress.done < before.done
        another = progress.unit != before.unit or progress.total != before.total
        return moved_back or another


class _Count(ProgressColumn):
    """``450/1200 steps  35.2/s``."""

    def render(self, task: Task) -> Text:
        done = f"{int(task.completed)}" if task.total is None else f"{int(task.completed)}/{int(task.total)}"
        rate = f"  {_rate(task.speed)}/s" if task.speed else ""
        return Text(f"{done} {task.fields['unit']}{rate}")


def _line(progress: Progress, done: int, seconds: float, fields: int | None) -> str:
    total = "" if progress.total is None else f"/{progress.total}"
    parts = [f"{progress.stage}: {progress.done}{total} {progress.unit}"]
    if done > 0 and seconds > 0:
        rate = done / seconds
        parts.append(f"{_rate(rate)}/s")
        if progress.total is not None:
            parts.append(f"{_clock(max(progress.total - progress.done, 0) / rate)} left")
    if progress.fields:
        parts.append(_figures(progress.fields, fields))
    return ", ".join(parts)


def _rate(rate: float) -> str:
    return f"{rate:.0f}" if rate >= 100 else f"{rate:.1f}" if rate >= 1 else f"{rate:.2f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _figures(fields: Mapping[str, float], most: int | None) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in list(fields.items())[:most])
