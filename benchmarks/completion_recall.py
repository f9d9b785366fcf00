"""The memory of the training set, asked with as little as networks are told, for ``benchmarks.completion``.

Every training cloud is cut as the judged ones are, once. What is compared is a visible part in a frame of its own with
visible parts in theirs; the hidden part that belongs to the nearest is the answer, brought to the frame asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.completion_cases import CHOSEN, Case, realizing
from benchmarks.completion_rows import HIDDEN_SHARE, PATCHES
from pointsra.data.places import split_path
from pointsra.data.splits import Split
from pointsra.data.store import open_split
from pointsra.ops.chamfer import chamfer_l2
from pointsra.reconstruction.hiding import visible_points

_ASKED = 128  # points of a visible part that are compared
_AT_ONCE = 512  # remembered parts

Points = NDArray[np.float32]


def recalled(root: Path) -> Callable[[Case], Points]:
    """Completes by the hidden part of the training cloud whose visible part is nearest in CD-L2, each in its frame."""

    @cache
    def memory(kind: str) -> tuple[torch.Tensor, list[Points]]:
        """The visible parts (n, 128, 3) of what is cut in one way, and their hidden parts, in the visible frames."""
        shown, missing = [], []
        with open_split(split_path(root, "shapes", "train")) as split:
            for row, (cloud, visible) in enumerate(_cuts(split, kind)):
                if visible.all() or not visible.any():
                    continue
                middle, radius = _frame(cloud[visible])
                shown.append(_some((cloud[visible] - middle) / radius, row))
                missing.append((cloud[~visible] - middle) / radius)
        return torch.from_numpy(np.stack(shown)), missing

    def complete(case: Case) -> Points:
        shown, missing = memory("part" if case.choice else "view" if case.one_sided else "block")
        middle, radius = _frame(case.visible)
        asked = torch.from_numpy(_some((case.visible - middle) / radius, case.number))
        away = [chamfer_l2(asked.expand(len(some), -1, -1), some) for some in shown.split(_AT_ONCE)]
        return missing[int(torch.cat(away).argmin())] * radius + middle

    return complete


def _cuts(split: Split, kind: str) -> Iterator[tuple[Points, NDArray[np.bool_]]]:
    """Training clouds (N, 3) and which of their points (N,) are visible, cut like the cases of a kind.

    Of parts, all that realize one of the judged choices, the classes together: networks are not told the class.
    """
    if kind != "part":
        for row, cloud in enumerate(split.points_at(np.arange(len(split)))):
            yield cloud, visible_points(cloud, kind, PATCHES, HIDDEN_SHARE if kind == "block" else None, row)
        return
    for name, choice in CHOSEN:
        hidden = [split.part_names.index(f"{name}/{part}") for part in realizing(name, choice).parts]
        rows = (split.labels == split.class_names.index(name)).nonzero()[0]
        for cloud, labels in zip(split.points_at(rows), np.asarray(split.parts_at(rows)), strict=True):
            yield cloud, ~np.isin(labels, hidden)


def _frame(visible: Points) -> tuple[Points, np.float32]:
    """The middle (3,) of a visible part and the root mean square of how far its points are from there."""
    middle = visible.mean(axis=0)
    return middle, max(np.sqrt(np.square(visible - middle).sum(axis=1).mean()), np.float32(1e-6))


def _some(points: Points, seed: int) -> Points:
    """(128, 3) of the points, some of them twice where there are fewer."""
    rng = np.random.default_rng([seed, 8_002])
    return points[rng.choice(len(points), _ASKED, replace=len(points) < _ASKED)]
