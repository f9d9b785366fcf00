"""The options that commands share, each written once: name, meaning and how it is shown in ``--help``.

Only types stand here; whether a preset's field is in range is the schema's business. Words out of a fixed list
are checked by :func:`one_of`, which names the nearest.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer


def _preset_names(incomplete: str) -> list[str]:
    from pointsra.settings import list_presets

    return [info.name for info in list_presets() if info.name.startswith(incomplete)]


Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME|FILE.toml",
        help="A shipped preset (`pointsra presets`) or a file of your own.",
        autocompletion=_preset_names,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=VALUE", help="Override one field of the preset; may be repeated."),
]


def _data_root(shown: str) -> Any:
    return typer.Option("--data", metavar="DIR", help="Folder of the prepared data sets.", show_default=shown)


DataRoot = Annotated[Path | None, _data_root("$POINTSRA_DATA, else ./data")]
RunDataRoot = Annotated[Path | None, _data_root("a run's own, else $POINTSRA_DATA, else ./data")]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        min=0,
        metavar="N",
        help="Everything random follows from it.",
        show_default="the preset's, else 0",
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="auto|cpu|cuda|cuda:N",
        help="Where to compute; auto takes CUDA where it is there.",
    ),
]
Devices = Annotated[
    int | None,
    typer.Option(
        "--devices",
        min=1,
        metavar="N",
        help="Train on so many devices of this machine together; with --device cpu, in so many processes.",
        show_default="1",
    ),
]
Nodes = Annotated[
    int | None,
    typer.Option(
        "--nodes",
        min=1,
        metavar="N",
        help="Train on so many machines together; the same command on each, with MASTER_ADDR and NODE_RANK set.",
        show_default="1",
    ),
]
OutFolder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Folder for the results; never one that holds something.",
        show_default="a fresh one under runs/",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Check everything, print preset and plan, do nothing."),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="The result as one JSON object, alone on stdout."),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="No progress; of the result only where it is."),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="More detail and more log lines.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def one_of(*words: str) -> Callable[[Any, str | None], str | None]:
    """A Typer callback that lets only ``words`` pass and names the nearest to any other."""

    def check(parameter: typer.CallbackParam, value: str | None) -> str | None:
        if value is None or value in words:
            return value
        from pointsra_cli.failures import nearest

        raise typer.BadParameter(f"{value!r} is not one of {', '.join(words)}{nearest(value, list(words))}")

    return check


def choice(*words: str, flag: str, help: str) -> Any:
    """An option whose value is one of ``words``."""
    return typer.Option(flag, metavar="|".join(words), help=help, callback=one_of(*words))


UpAxis = Annotated[
    str | None,
    typer.Option(
        "--up",
        metavar="[-]x|y|z",
        help="Which axis of the file points up.",
        show_default="y",
        callback=one_of("x", "y", "z", "-x", "-y", "-z"),
    ),
]
