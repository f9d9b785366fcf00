"""What pre-training reads beside the split that it learns from: the watched split, and parts that could be others."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from pointsra.data.alternatives import ALTERNATIVES_SPLIT
from pointsra.data.places import split_path
from pointsra.data.store import Split, open_split
from pointsra.errors import DataError
from pointsra.settings import AnyPretrainPreset


def check_others(preset: AnyPretrainPreset, root: Path) -> None:
    """Find out before the work, not after its first epoch, that the watched split or the alternatives are missing.

    Raises:
        DataError: they are.
    """
    if preset.data.validation_split:
        with open_split(split_path(root, preset.data.dataset, preset.data.validation_split)):
            pass
    with open_alternatives(preset, root) as alternatives:
        if alternatives is not None and not alternatives.has_alternatives:
            raise DataError(f"{alternatives.path}: holds no alternatives, and masks.alternative_share asks for them.")


def alternative_share(preset: AnyPretrainPreset) -> float:
    """Share of the batches that hide a part that could be another; masks of the peers never do."""
    return getattr(preset.masks, "alternative_share", 0.0)


def open_alternatives(preset: AnyPretrainPreset, root: Path) -> AbstractContextManager[Split | None]:
    """The split of alternatives, to be entered, or None where the preset asks for none.

    Raises:
        DataError: it is not prepared.
    """
    if not alternative_share(preset):
        return nullcontext()
    path = split_path(root, preset.data.dataset, ALTERNATIVES_SPLIT)
    if path.parent.is_dir() and not path.is_file():
        raise DataError(
            f"{path}: not there, and masks.alternative_share asks for it; "
            "`pointsra prepare-data shapes --variant furniture` writes it."
        )
    return open_split(path)


def hides_parts(preset: AnyPretrainPreset) -> bool:
    """Whether masks ask for part labels; those of the peers never do."""
    return getattr(preset.masks, "part_share", 0.0) > 0
