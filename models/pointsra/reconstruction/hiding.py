"""Hide a part of a cloud, by patches: which points stay visible and which are the truth to be found again."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree

from pointsra.ops.masks import block_order, random_order, view_order, visible_count
from pointsra.ops.randomness import stream
from pointsra.ops.sampling import farthest_point_indices

HIDING = ("block", "random", "view", "none")

_WORKING_POINTS = 8192  # farthest-point centers of a larger cloud are chosen among so many of its points


def visible_points(
    points_unit: NDArray[np.float32], kind: str, groups: int, ratio: float, seed: int
) -> NDArray[np.bool_]:
    """Which points of a cloud stay visible.

    The cloud is divided among ``groups`` farthest-point centers, each point going to its nearest; whole patches
    are hidden. "block" hides the patches around one random center, "random" any, "view" those farthest from a
    random view point, "none" nothing.

    Args:
        points_unit: (N, 3) in the unit frame.
        kind: one of :data:`HIDING`.
        groups: patches that the cloud is divided into.
        ratio: share of the patches to hide.
        seed: of the choice.

    Returns:
        (N,) True where the point stays visible; at least one point is.
    """
    if kind == "none":
        return np.ones(len(points_unit), dtype=bool)
    rng = np.random.default_rng([seed, 1])
    working = points_unit
    if len(working) > _WORKING_POINTS:
        working = working[rng.choice(len(working), _WORKING_POINTS, replace=False)]
    cloud = torch.from_numpy(np.ascontiguousarray(working))[None]
    centers = cloud[0, farthest_point_indices(cloud, min(groups, len(working)))[0]][None]
    generator = stream(seed, "hide")
    count = centers.shape[1]
    order = {
        "block": lambda: block_order(centers, generator),
        "random": lambda: random_order(1, count, generator),
        "view": lambda: view_order(centers, generator),
    }[kind]()
    shown = np.zeros(count, dtype=bool)
    shown[order[0, : visible_count(count, ratio)].numpy()] = True
    nearest = KDTree(centers[0].numpy()).query(points_unit)[1]
    return shown[nearest]
