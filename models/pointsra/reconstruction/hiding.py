"""Hide a part of a cloud: which points stay visible and which are the truth to be found again."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from pointsra.ops.masks import block_order, random_order, visible_count
from pointsra.ops.near_points import nearest
from pointsra.ops.randomness import stream
from pointsra.ops.sampling import farthest_point_indices
from pointsra.reconstruction.visibility import depths_behind

HIDING = ("block", "random", "view", "none")

_USUAL_RATIO = 0.75  # of the patches, for "block" and "random", where nobody says

_WORKING_POINTS = 8192  # farthest-point centers of a larger cloud are chosen among so many of its points


def asked_ratio(hide: str, ratio: float | None) -> float | None:
    """The share that ``ratio`` asks a way of hiding for; None where the way itself decides."""
    return _USUAL_RATIO if ratio is None and hide in ("block", "random") else ratio


def visible_points(
    points_unit: NDArray[np.float32],
    kind: str,
    groups: int,
    ratio: float | None,
    seed: int,
    surface_unit: NDArray[np.float32] | None = None,
) -> NDArray[np.bool_]:
    """Which points of a cloud stay visible.

    "block" and "random" divide the cloud among ``groups`` farthest-point centers, each point going to its nearest, and
    hide whole patches: those around one random center, or any. "view" hides the points that a camera in a random
    direction, three radii away, does not see. "none" hides nothing.

    Args:
        points_unit: (N, 3) in the unit frame.
        kind: one of :data:`HIDING`.
        groups: patches that the cloud is divided into.
        ratio: share of the patches to hide, 0.75 where None. For "view", share of the points: those farthest behind
            what the camera sees go first, then the farthest of those it sees; None hides what is not seen.
        seed: of the choice.
        surface_unit: (M, 3) more points of the same surface, which decide with "view" what is seen; None takes the
            cloud's own.

    Returns:
        (N,) True where the point stays visible; at least one point is.
    """
    if kind == "none":
        return np.ones(len(points_unit), dtype=bool)
    if kind == "view":
        return _seen(points_unit, points_unit if surface_unit is None else surface_unit, ratio, seed)
    rng = np.random.default_rng([seed, 1])
    working = points_unit
    if len(working) > _WORKING_POINTS:
        working = working[rng.choice(len(working), _WORKING_POINTS, replace=False)]
    cloud = torch.from_numpy(np.ascontiguousarray(working))[None]
    centers = cloud[0, farthest_point_indices(cloud, min(groups, len(working)))[0]][None]
    generator = stream(seed, "hide")
    count = centers.shape[1]
    order = block_order(centers, generator) if kind == "block" else random_order(1, count, generator)
    shown = np.zeros(count, dtype=bool)
    shown[order[0, : visible_count(count, asked_ratio(kind, ratio) or 0.0)].numpy()] = True
    visible = shown[nearest(points_unit, centers[0].numpy())[1][:, 0]]
    # Centers that coincide share their points with one of them, which may be hidden: then nothing can be.
    return visible if visible.any() else ~visible


def _seen(
    points: NDArray[np.float32], surface: NDArray[np.float32], ratio: float | None, seed: int
) -> NDArray[np.bool_]:
    direction = torch.randn(3, generator=stream(seed, "hide")).double().numpy()
    behind, depths = depths_behind(points, surface, direction / max(np.linalg.norm(direction), 1e-9))
    if ratio is None:
        seen = behind == 0
    else:
        seen = np.zeros(len(points), dtype=bool)
        kept = max(1, round((1.0 - ratio) * len(points)))
        # Depths reach from 2 to 4: whatever is seen comes before all that is not.
        seen[np.argpartition(np.where(behind > 0, 10.0 + behind, depths), kept - 1)[:kept]] = True
    seen[depths.argmin()] = True
    return seen
