"""What the user sees: results on stdout, everything else on stderr.

A command makes one :class:`Screen` from its options and talks through it. With ``--json`` stdout carries one JSON
object and nothing else; with ``--quiet`` stderr stays empty and stdout names the place of the result, so that
``RUN=$(pointsra pretrain -q …)`` works.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from pointsra.progress import Report

WIDTH = 80  # of a result that is not shown in a terminal


@dataclass(frozen=True)
class Screen:
    """Where a command's words go.

    Attributes:
        as_json: the result is one JSON object.
        quiet: nothing but the place of the result.
        verbose: details too.
    """

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False

    def note(self, text: str) -> None:
        """A sentence on stderr, unless quiet."""
        if not self.quiet:
            typer.echo(text, err=True)

    def detail(self, text: str) -> None:
        """A sentence on stderr that only ``--verbose`` asks for."""
        if self.verbose and not self.quiet:
            typer.echo(text, err=True)

    @contextmanager
    def progress(self) -> Iterator[Report]:
        """A report for the core to call: a bar in a terminal, log lines elsewhere, nothing when quiet."""
        from pointsra.progress import silent

        if self.quiet:
            yield silent
        elif sys.stderr.isatty():
            from pointsra_cli.progress_bar import bar

            with bar() as report:
                yield report
        else:
            from pointsra_cli.progress import log_lines

            with log_lines(every=1.0 if self.verbose else 5.0, fields=None if self.verbose else 3) as report:
                yield report

    def result(self, payload: Mapping[str, Any], place: str | Path, show: Callable[[], None]) -> None:
        """Show a result in the way asked for.

        Args:
            payload: the result for ``--json``.
            place: the file or folder that ``--quiet`` prints.
            show: shows it to a person, on stdout.
        """
        if self.as_json:
            typer.echo(to_json(payload))
        elif self.quiet:
            if str(place):
                typer.echo(str(place))
        else:
            show()

    def dry_run(self, plan: Mapping[str, Any], preset: Any = None) -> None:
        """Print the resolved preset as TOML and the plan as comments after it: the whole can be read back."""
        if self.as_json:
            document = preset.model_dump(mode="json") if preset is not None else None
            typer.echo(to_json({"preset": document, "plan": plan}))
            return
        if preset is not None:
            from pointsra.settings import to_toml

            typer.echo(to_toml(preset))
        typer.echo("# Plan (dry run: nothing was done)")
        for key, value in _flat(plan):
            typer.echo(f"#   {key:<22} {value}")


def to_json(payload: Any) -> str:
    """``payload`` as JSON.

    Paths become strings, arrays lists, numbers that JSON lacks null, and what is no character in a file's name "?".
    """
    text = json.dumps(_plain(payload), indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace").decode("utf-8")


def lines(*rows: tuple[str, object]) -> None:
    """Print aligned ``name  value`` lines on stdout; rows whose value is None are left out."""
    shown = [(name, value) for name, value in rows if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        typer.echo(f"{name:<{width}}  {value}")


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> None:
    """Print a table on stdout; the first ``texts`` columns are text, the others right-aligned figures."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for number, header in enumerate(headers):
        made.add_column(header, justify="left" if number < texts else "right", overflow="fold")
    for row in rows:
        made.add_row(*row)
    show(made)


def show(renderable: Table | str) -> None:
    """Print something of rich's on stdout, without markup in the text it holds."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else WIDTH
    Console(width=width, markup=False, highlight=False, emoji=False, soft_wrap=False).print(renderable)


def figure(value: Any, digits: int = 2, *, factor: float = 1.0) -> str:
    """A number for a table; a dash where there is none."""
    return "–" if value is None or value != value else f"{factor * float(value):.{digits}f}"


def duration(seconds: float) -> str:
    """``seconds`` as a person says it: ``3.2 s``, ``4:05``, ``2:03:10``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d} min"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if value is None or isinstance(value, str | int):
        return value
    if hasattr(value, "tolist"):  # numpy arrays and scalars, torch tensors
        return _plain(value.tolist())
    return str(value)


def _flat(plan: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in plan.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        elif value is not None and value != "" and value != [] and value != {}:
            shown = ", ".join(str(each) for each in value) if isinstance(value, list | tuple) else str(value)
            yield f"{prefix}{key}", " ".join(shown.split())
