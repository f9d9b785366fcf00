"""Which data a run learns from, as its checkpoint keeps it, so that a run goes on with the same and no others.

Clouds are drawn by their number, and the length of a run and its learning rate follow from how many there are: on other
data a resumed run is neither the one that was stopped nor a new one. Where the data lie is not kept: they may move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pointsra.data.joined_splits import JoinedSplit
from pointsra.data.manifest import listed_sha256
from pointsra.data.splits import Split
from pointsra.errors import DataError

Facts = dict[str, int | str]
_CHECKSUM = "sha256"
_SHOWN = 12  # digits of a checksum


@dataclass(frozen=True)
class RunData:
    """The splits that a run reads.

    Attributes:
        folder: the data set's; not kept.
        splits: for each split by name what tells it from others; "sha256" is "" where no manifest lists it.
    """

    folder: Path
    splits: dict[str, Facts]

    def check(self, kept: Mapping[str, Facts] | None, run: Path) -> None:
        """Compare them with those that a checkpoint was made with.

        Args:
            kept: its ``splits``; None for a checkpoint of a former version, which kept nothing. What only one of the
                two knows is not compared.
            run: the folder of the run.

        Raises:
            DataError: they are others; says what differs.
        """
        for name, before in (kept or {}).items():
            now = self.splits.get(name, {})
            differ = [key for key in before if key in now and now[key] != before[key]]
            if _CHECKSUM in differ and (len(differ) > 1 or not (before[_CHECKSUM] and now[_CHECKSUM])):
                differ.remove(_CHECKSUM)  # unknown on one side, or a consequence of the others
            if differ:
                told = ", ".join(
                    f"{key.replace('_', ' ')} {_shown(key, now)} (then {_shown(key, before)})" for key in differ
                )
                raise DataError(
                    f"{self.folder / f'{name}.h5'} is not what {run} was trained on: {told}; name with --data where "
                    "its own data lie now, or start a new run."
                )


def run_data(*splits: Split | None) -> RunData:
    """What tells the ``splits`` of one data set from others; None is passed over."""
    given = [split for split in splits if split is not None]
    return RunData(given[0].path.parent, {split.path.stem: _facts(split) for split in given})


def members(split: Split) -> tuple[Split, ...]:
    """The splits that are read as one, or the one."""
    return split.members if isinstance(split, JoinedSplit) else (split,)


def _facts(split: Split) -> Facts:
    checksums = [listed_sha256(member.path) for member in members(split)]
    return {
        "clouds": len(split),
        "points_per_cloud": split.points_per_cloud,
        "classes": len(split.class_names),
        "variant": split.variant,
        "seed": split.seed,
        "image_features": split.image_feature_size or 0,
        "text_features": split.text_feature_size or 0,
        _CHECKSUM: "+".join(checksums) if all(checksums) else "",
    }


def _shown(key: str, facts: Facts) -> str:
    """A fact in words: of a checksum, or of each of several that are joined, the first digits."""
    value = str(facts[key])
    if key == _CHECKSUM:
        value = "+".join(each[:_SHOWN] for each in value.split("+"))
    return value or "none"
