"""The core's progress records as a bar with rate and time left, in a terminal. rich is loaded for it alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
from pointsra_cli.progress import Position, figures, rate

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
        position = Position()

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
                figures=figures(progress.fields, _IN_BAR),
            )

        yield report


class _Count(ProgressColumn):
    """``450/1200 steps  35.2/s``."""

    def render(self, task: Task) -> Text:
        done = f"{int(task.completed)}" if task.total is None else f"{int(task.completed)}/{int(task.total)}"
        speed = f"  {rate(task.speed)}/s" if task.speed else ""
        return Text(f"{done} {task.fields['unit']}{speed}")
