"""Labeled splits, opened together and held against one another: what is learned from, reported on, and watched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pointsra.data.places import split_path
from pointsra.data.store import Split, open_split
from pointsra.errors import DataError, SettingsError
from pointsra.settings import FinetunePreset
from pointsra.training.run_data import members


@dataclass(frozen=True)
class LabeledSplits:
    """What a run of fine-tuning reads.

    Attributes:
        train: learned from.
        test: reported on.
        validation: watched; None where the preset names none.
    """

    train: Split
    test: Split
    validation: Split | None


@contextmanager
def open_labeled_splits(preset: FinetunePreset, root: Path) -> Iterator[LabeledSplits]:
    """Open them, checked against one another.

    Raises:
        SettingsError: what is learned from is tested or watched too.
        DataError: one is not prepared, or they name different classes.
    """
    data = preset.data
    with ExitStack() as stack:

        def opened(name: str) -> Split:
            return stack.enter_context(open_split(split_path(root, data.dataset, name)))

        train, test = opened(data.train_split), opened(data.test_split)
        validation = opened(data.validation_split) if data.validation_split else None
        for field, other in (("test_split", test), ("validation_split", validation)):
            if other is not None:
                check_pair(train, other, field)
        yield LabeledSplits(train, test, validation)


def check_pair(train: Split, other: Split, field: str = "test_split") -> None:
    """Refuse to learn from one split and ask about another that the preset's ``field`` names.

    Raises:
        SettingsError: they share clouds. DataError: they name different classes.
    """
    learned = {member.path for member in members(train)}
    shared = [member.split for member in members(other) if member.path in learned]
    if shared:
        raise SettingsError(
            f"data.train_split and data.{field} share {', '.join(shared)}: accuracy on clouds that were learned from "
            "tells nothing; name splits without common clouds."
        )
    if train.class_names != other.class_names:
        raise DataError(f"{train.path} and {other.path} name different classes: prepare the data set again.")
