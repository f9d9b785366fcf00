"""Going on with an interrupted run: its preset, and what to type after an interruption."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pointsra_cli.console import Screen

PRESET = "preset.toml"
STATE = "last.ckpt"


def resumed_preset(run: Path, task: Literal["pretrain", "finetune"], refused: Mapping[str, Any]) -> Any:
    """The preset of the run folder ``run``.

    Args:
        run: the folder of the run to go on with.
        task: what the command needs, ``pretrain`` or ``finetune``.
        refused: options that would change the run, with the values given; each must be None, False or [].

    Raises:
        SettingsError: such an option was given, or the preset does not fit.
        CheckpointError: the folder is no run that can be gone on with.
    """
    from pointsra.errors import CheckpointError, SettingsError
    from pointsra.settings import load_preset

    given = [name for name, value in refused.items() if not (value is None or value is False or value == [])]
    if given:
        raise SettingsError(f"--resume goes on with what {run / PRESET} says: leave out {', '.join(given)}.")
    if not (run / PRESET).is_file():
        raise CheckpointError(f"{run} has no {PRESET}: --resume takes the folder of a run that has begun.")
    return load_preset(run / PRESET, task=task)


@contextmanager
def resumable(screen: Screen, command: str, run: Path) -> Iterator[None]:
    """Say how to go on when the block is interrupted and the run's state was saved."""
    try:
        yield
    except KeyboardInterrupt:
        if (run / STATE).is_file():
            screen.note(f"Go on with: pointsra {command} --resume {shlex.quote(str(run))}")
        raise
