"""Completions without training, for ``benchmarks.completion``: a mirror, and the memory of the training set.

Both are given the frame of the whole cloud, of which the networks see the visible part alone; so they know more.
``completion_recall`` asks the training set with no more than that. A point is away from the visible part when it lies
farther than two chance samples of one surface do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from benchmarks.completion_cases import Case
from pointsra.data.places import split_path
from pointsra.data.store import open_split

_ASKED = 128  # visible points that training shapes are compared by
Points = NDArray[np.float32]


def away_from(points: Points, visible: Points) -> Points:
    """Those of the points (P, 3) that the visible part (Nv, 3) does not explain; all of them where it explains all.

    At twice the distance within which 95 % of random points have a neighbor, all but some of a million points of the
    same surface have one.
    """
    tree = KDTree(visible)
    reach = 2.0 * float(np.quantile(tree.query(visible, 2)[0][:, 1], 0.95))
    kept = points[tree.query(points)[0] > reach]
    return kept if len(kept) else points


def mirrored(case: Case) -> Points:
    """The visible points reflected about the object's plane x = 0, where nothing is visible yet."""
    reflected = case.visible.copy()
    reflected[:, 0] = 2.0 * case.plane - reflected[:, 0]
    return away_from(reflected, case.visible)


def nearest_shape(root: Path) -> Callable[[Case], Points]:
    """Completes by the training cloud to which the visible points are nearest in the mean square."""
    with open_split(split_path(root, "shapes", "train")) as split:
        clouds = split.points_at(np.arange(len(split)))
    trees = [KDTree(cloud) for cloud in clouds]

    def complete(case: Case) -> Points:
        rng = np.random.default_rng([case.number, 8_001])
        asked = case.visible[rng.choice(len(case.visible), min(_ASKED, len(case.visible)), replace=False)]
        away = [float(np.square(tree.query(asked)[0]).mean()) for tree in trees]
        return away_from(clouds[int(np.argmin(away))], case.visible)

    return complete
