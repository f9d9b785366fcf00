"""``last.ckpt``: everything that a run needs to go on exactly where it stopped.

It is one ``torch.save`` of plain tensors and numbers, loaded with ``weights_only=True``. Randomness needs no
place in it: every stream follows from the seed and the step.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pointsra.errors import CheckpointError, PointSRAError, SettingsError
from pointsra.settings import validate
from pointsra.training.distributed import Group
from pointsra.training.optimizer import Steps
from pointsra.training.run_data import RunData
from pointsra.training.torch_files import write_torch_file

CHECKPOINT_NAME = "last.ckpt"


@dataclass
class Position:
    """How far a run has come.

    Attributes:
        step: optimizer steps taken, skipped ones included.
        skipped: steps left out because a number was not finite.
        skipped_in_a_row: those of them that came last.
        window: sums of the terms since the last record.
        window_steps: steps in those sums.
        best: figures of the best epoch so far (fine-tuning).
    """

    step: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0
    window: dict[str, float] = field(default_factory=dict)
    window_steps: int = 0
    best: dict[str, float] = field(default_factory=dict)


def save_checkpoint(
    run: Path, position: Position, learner: nn.Module, optimizer: Steps, preset_text: str, data: RunData
) -> None:
    """Write ``last.ckpt`` beside and rename.

    Raises:
        OutputError: no permission or no space; the former checkpoint stays.
    """
    content = {
        "format": 1,
        "position": asdict(position),
        "learner": learner.state_dict(),
        "optimizer": optimizer.state_dict(),
        "preset": preset_text,
        "data": data.splits,
    }
    write_torch_file(content, run / CHECKPOINT_NAME)


def check_checkpoint(run: Path, preset_text: str, data: RunData) -> bool:
    """Find out before the work whether a run can go on with this preset on these data.

    Returns:
        Whether it has a checkpoint; without one it starts anew.

    Raises:
        CheckpointError: the checkpoint is damaged, or was made with another preset than the run folder's.
        DataError: it was made with other data.
    """
    path = run / CHECKPOINT_NAME
    if not path.exists():
        return False
    with _damage_named(path):
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        Position(**content["position"])
        if not _same_preset(content["preset"], preset_text):
            raise CheckpointError(f"{path} was made with another preset than {run / 'preset.toml'}: restore that file.")
        data.check(content.get("data"), run)
    return True


def load_checkpoint(run: Path, learner: nn.Module, optimizer: Steps, data: RunData, device: torch.device) -> Position:
    """Restore a run from a checkpoint that was checked.

    Raises:
        CheckpointError: it is of another network, as one of a former version may be, which does not say of which data
            it is; or it is damaged.
    """
    path = run / CHECKPOINT_NAME
    with _damage_named(path):
        content: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        tensors, moments = content["learner"], content["optimizer"]
    try:
        learner.load_state_dict(tensors)
        optimizer.load_state_dict(moments)
    except Exception as cause:
        raise CheckpointError(
            f"{path} is of another network than its preset asks for on the data in {data.folder} ({_reason(cause)}): "
            "if the run began on others, name those with --data."
        ) from cause
    return Position(**content["position"])


def check_alike(position: Position, run: Path, group: Group) -> None:
    """Find out before the work that the processes of a run read different checkpoints.

    Raises:
        CheckpointError: they stand at different steps.
    """
    steps = group.gather(position.step)
    if len(set(steps)) > 1:
        raise CheckpointError(
            f"The processes of this run stand at steps {', '.join(map(str, sorted(set(steps))))}: {run} must lie on "
            "storage that all machines share."
        )


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Whatever fails in the block fails because ``path`` is damaged, but for what says of itself why."""
    try:
        yield
    except PointSRAError:
        raise
    except Exception as cause:
        raise CheckpointError(f"{path} is damaged and cannot be resumed ({_reason(cause)}).") from cause


def _reason(cause: Exception) -> str:
    first = " ".join(str(cause).split(". ")[0].split())[:200].rstrip(".")
    return f"{type(cause).__name__}: {first}"


def _same_preset(kept: str, asked: str) -> bool:
    """Whether two presets agree; a field that a former version did not have counts as its default."""
    if kept == asked:
        return True
    try:
        return validate(tomllib.loads(kept), "kept") == validate(tomllib.loads(asked), "asked")
    except (SettingsError, tomllib.TOMLDecodeError):
        return False
