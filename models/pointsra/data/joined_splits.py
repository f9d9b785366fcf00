"""Several splits of one data set read as one: ``train+val``, or all areas of a building but one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsra.data.splits import Split
from pointsra.errors import DataError

# What splits must share to be read as one, and in which words a difference is told.
_ALIKE = {
    "class_names": "class names",
    "part_names": "part names",
    "points_per_cloud": "points a cloud",
    "frame": "frames",
    "image_encoder": "image encoders",
    "text_encoder": "text encoders",
    "image_feature_size": "widths of image features",
    "text_feature_size": "widths of text features",
}
_OPTIONAL = ("has_parts", "has_normals", "has_colors", "has_views", "has_captions", "has_rooms", "origins")
_OPTIONAL += ("has_alternatives",)


class JoinedSplit(Split):
    """Several splits of one data set read as one, cloud after cloud in the order they were named.

    Args:
        path: the place that a split of the joined name would have.
        members: the splits, alike in class names, part names, points a cloud, frame and keys.
    """

    def __init__(self, path: Path, members: Sequence[Split]) -> None:
        first = members[0]
        lazy = ("ids", "captions", "rooms")
        self.__dict__.update({key: value for key, value in first.__dict__.items() if key not in lazy})
        self._file, self._places = None, {}
        self.path = Path(path)
        self.members = tuple(members)
        self.split = "+".join(member.split for member in members)
        self.variant = ",".join(dict.fromkeys(member.variant for member in members if member.variant))
        self.stand_in = any(member.stand_in for member in members)
        self.labels = np.concatenate([member.labels for member in members])
        origins = [member.origins for member in members if member.origins is not None]
        self.origins = np.concatenate(origins) if origins else None
        self._starts = np.cumsum([0, *map(len, members)])

    def _strings(self, key: str) -> tuple[str, ...]:
        return tuple(each for member in self.members for each in member._strings(key))

    def close(self) -> None:
        """Let all files go; reading again opens them again."""
        for member in self.members:
            member.close()

    def _rows(self, key: str, indices: ArrayLike) -> NDArray[Any]:
        wanted = np.atleast_1d(np.asarray(indices, dtype=np.int64))
        if wanted.size and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise IndexError(f"{self.path}: cloud {int(wanted.max())} asked for, there are {len(self)}.")
        owners = np.searchsorted(self._starts, wanted, side="right") - 1
        empty = self.members[0]._rows(key, np.zeros(0, dtype=np.int64))
        result = np.empty((len(wanted), *empty.shape[1:]), dtype=empty.dtype)
        for number, member in enumerate(self.members):
            chosen = np.flatnonzero(owners == number)
            if chosen.size:
                result[chosen] = member._rows(key, wanted[chosen] - self._starts[number])
        return result


def check_alike(path: Path, members: Sequence[Split]) -> None:
    """Check that splits can be read as one.

    Raises:
        DataError: they differ in what is the same for all clouds, or only some have a key.
    """
    first = members[0]
    for member in members[1:]:
        for attribute, words in _ALIKE.items():
            if getattr(member, attribute) != getattr(first, attribute):
                raise DataError(f"{path}: {first.split} and {member.split} have different {words}.")
        for attribute in _OPTIONAL:
            mine, theirs = getattr(first, attribute), getattr(member, attribute)
            if (mine is None or mine is False) != (theirs is None or theirs is False):
                what = attribute.removeprefix("has_")
                raise DataError(f"{path}: only one of {first.split} and {member.split} has {what}.")
