"""What of a scan the network should not see, or see less of: stray points far away, and the crowd on one side.

Neither removes anything from a result. Stray points are found on a grid, as small groups of occupied cells apart from
the rest, which takes seconds for ten million points and does not depend on their order. A scan of uneven density is
drawn from with weights that make up for it. Clean, even clouds are left exactly as they are.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from pointsra.ops.near_points import nearest
from pointsra.ops.sampling import farthest_point_indices

# All ours, tried on the generated shapes: clean ones have no stray points and are even.
_FEWEST = 100  # points; of fewer, none is called stray
_WORKING_POINTS = 16_384
_GAP = 0.5  # of the median distance to the middle: how far apart stray points are, at least
_SPACINGS = 3  # and in spacings of an eighth of the points, for a thin cloud
_SMALL_GROUP = 0.01  # of all points
_MOST_STRAY = 0.1  # of all points; beyond, it is how the cloud is
_SMALL_GRID = 32**3  # cells: of so few it is quickly told whether they all touch
_HALF_GRID = 64  # cells from the middle to the border, where whatever lies farther out is put
_REGIONS = 32
_UNEVEN = 3.0  # spacing in the thin regions, over that of the crowded points
_CHUNK = 1 << 20  # rows worked on at once


def stray_points(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Points in small groups far from the others.

    An eighth of the points is drawn as evenly as they allow; their middle, median distance to it and spacing do not
    follow a crowd on one side. The cloud is laid on a grid of cubes, half that distance wide (or three such spacings,
    where that is more). Cubes that touch, corners included, make a group; groups with less than a hundredth of the
    points are stray. Where more than a tenth would be, none is.

    Args:
        points: (N, 3) finite.

    Returns:
        (N,) True for stray points.
    """
    none = np.zeros(len(points), dtype=bool)
    if len(points) < _FEWEST:
        return none
    working = points[_working_rows(len(points))]
    center = np.median(working, axis=0)
    spread = _drawn_by_area(_spacings(working - center, 8), max(len(working) // 8, _FEWEST // 2), 0)
    working = working[spread]
    middle = np.median(working, axis=0)
    reach = float(np.median(_lengths(working - middle)))
    spacing = float(np.median(_spacings(working - middle, 4)))
    edge = max(_GAP * reach, _SPACINGS * spacing)
    if not edge > 0:
        return none
    low, high = (_cells(corner, middle, edge) for corner in (points.min(axis=0), points.max(axis=0)))
    sides = high - low + 1
    cells = np.empty(len(points), dtype=np.int32)
    for start in range(0, len(points), _CHUNK):
        x, y, z = (_cells(points[start : start + _CHUNK], middle, edge) - low).T
        cells[start : start + _CHUNK] = (x * sides[1] + y) * sides[2] + z
    counts = np.bincount(cells, minlength=sides.prod()).reshape(sides)
    if _one_group(counts > 0):
        return none
    from scipy import ndimage  # half a second, which a clean cloud does not pay

    groups, _ = ndimage.label(counts > 0, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(groups.ravel(), weights=counts.ravel())
    stray = (sizes < _SMALL_GROUP * len(points))[groups].reshape(-1)[cells]
    return none if stray.mean() > _MOST_STRAY else stray


def _cells(places: NDArray[np.float64], middle: NDArray[np.float64], edge: float) -> NDArray[np.int32]:
    """The cell of each of (…, 3) places, counted from the middle along each axis: (…, 3)."""
    return np.clip(np.round((places - middle) / edge), -_HALF_GRID, _HALF_GRID).astype(np.int32)


def evened_rows(points_unit: NDArray[np.float32], count: int, seed: int) -> NDArray[np.int64] | None:
    """A random choice of points of an uneven cloud, in which crowded ones are as much rarer as they are more crowded.

    Uneven is a cloud whose thinner regions have three times the spacing of its crowded points: a region is what is
    nearest to one of 32 farthest-point centers, its spacing the median of its points' mean distance to 8 neighbors.
    A point's weight is the square of its own, that is, the area it stands for.

    Args:
        points_unit: (N, 3) without stray points.
        count: points wanted, fewer than N.
        seed: of the choice.

    Returns:
        (count,) distinct rows in random order, or None for an even cloud, which needs no such choice.
    """
    rows = _working_rows(len(points_unit), 2 * max(_WORKING_POINTS, count))
    working = np.ascontiguousarray(points_unit[rows])
    spacing = _spacings(working, 8)
    if not spacing.any() or _unevenness(working, spacing) < _UNEVEN:
        return None
    return rows[_drawn_by_area(spacing, count, seed)]


def _one_group(full: NDArray[np.bool_]) -> bool:
    """Whether all occupied cells (X, Y, Z) touch: one grows until it stands still. Large grids are not tried."""
    if full.size > _SMALL_GRID:
        return False
    room = np.pad(full, 1)
    grown = np.zeros_like(room)
    grown[tuple(np.argwhere(room)[0])] = True
    reached, before = 1, 0
    while reached > before:
        for axis in range(3):  # the border is empty, so that rolling brings nothing round
            grown = grown | np.roll(grown, 1, axis) | np.roll(grown, -1, axis)
        grown &= room
        reached, before = int(grown.sum()), reached
    return reached == int(full.sum())


def _drawn_by_area(spacing: NDArray[np.float64], count: int, seed: int) -> NDArray[np.int64]:
    """(count,) distinct rows in random order, drawn with the squares of their spacings (N,) as weights."""
    rng = np.random.default_rng([seed, 4])
    weights = np.maximum(spacing / max(float(spacing.max()), 1e-300), 1e-6) ** 2
    keys = np.log(weights) + rng.gumbel(size=len(weights))  # the largest are a draw without repetition
    return rng.permutation(np.argpartition(-keys, count - 1)[:count])


def _unevenness(points: NDArray[np.float32], spacing: NDArray[np.float64]) -> float:
    cloud = torch.from_numpy(points[:: 1 + len(points) // 4096])[None].contiguous()
    centers = cloud[0, farthest_point_indices(cloud, min(_REGIONS, cloud.shape[1]))[0]].numpy()
    region = nearest(points, centers)[1][:, 0]
    of_regions = [float(np.median(spacing[region == each])) for each in np.unique(region)]
    crowded = float(np.quantile(spacing, 0.25))
    return float(np.quantile(of_regions, 0.75)) / crowded if crowded > 0 else np.inf


def _working_rows(total: int, most: int = _WORKING_POINTS) -> NDArray[np.int64]:
    if total <= most:
        return np.arange(total)
    return np.random.default_rng(0).choice(total, most, replace=False)


def _spacings(points: NDArray[np.floating], neighbors: int) -> NDArray[np.float64]:
    """(N,) mean distance of each point to so many nearest others."""
    neighbors = min(neighbors, len(points) - 1)
    if not neighbors:
        return np.zeros(len(points))
    return nearest(points, points, neighbors + 1)[0][:, 1:].mean(axis=1, dtype=np.float64)


def _lengths(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) lengths that neither overflow nor vanish."""
    largest = float(np.abs(vectors).max())
    return np.linalg.norm(vectors / largest, axis=1) * largest if largest > 0 else np.zeros(len(vectors))
