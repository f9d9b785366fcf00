"""Nearest points of arrays: a table of distances for small clouds, a k-d tree for larger ones.

Both are exact. scipy's tree is the quicker one beyond some thousand points, and importing it takes half a second,
which is more than all searches of a small cloud together. Several neighbors are found as those of tensors are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from pointsra.ops.neighbors import nearest_indices

_PAIRS = 1 << 24  # distances of two clouds of 4,096 points, 30 to 60 ms; ours
_BLOCK = 1 << 16  # distances held at once: a quarter of a megabyte, near the processor


def nearest(
    queries: NDArray[np.floating], points: NDArray[np.floating], count: int = 1
) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    """The nearest points to each query, nearest first.

    Args:
        queries: (Q, 3) finite.
        points: (N, 3) finite, N ≥ ``count``.
        count: K.

    Returns:
        Distances and rows of ``points``, (Q, K) each.
    """
    if count > 1:
        return _several(queries, points, count)
    if len(queries) * len(points) > _PAIRS:
        from scipy.spatial import KDTree

        return KDTree(points).query(queries, [1])
    rows = np.empty((len(queries), 1), dtype=np.int64)
    squared = np.empty((len(queries), 1), dtype=np.result_type(queries, points, np.float32))
    for part, table in _tables(queries, points):
        rows[part, 0] = table.argmin(axis=1)
        squared[part] = np.take_along_axis(table, rows[part], axis=1)
    return np.sqrt(squared), rows


def _several(
    queries: NDArray[np.floating], points: NDArray[np.floating], count: int
) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    """As :func:`nearest`; both are divided by a power of two near their largest coordinate, which rounds nothing."""
    kind = np.result_type(queries, points, np.float32)
    exponent = int(np.frexp(max(np.abs(queries).max(), np.abs(points).max()))[1])
    asking, held = (np.ldexp(each, -exponent, dtype=kind) for each in (queries, points))
    rows = nearest_indices(torch.from_numpy(asking)[None], torch.from_numpy(held)[None], count)[0].numpy()
    return np.ldexp(np.linalg.norm(asking[:, None] - held[rows], axis=-1), exponent), rows


def nearest_both_ways(
    first: NDArray[np.floating], second: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """The distance of each point of (N, 3) to the nearest of (M, 3), and the other way: (N,) and (M,)."""
    if len(first) * len(second) > _PAIRS:
        from scipy.spatial import KDTree

        return KDTree(second).query(first)[0], KDTree(first).query(second)[0]
    there = np.empty(len(first), dtype=np.result_type(first, second, np.float32))
    back = np.full(len(second), np.inf, dtype=there.dtype)
    for part, table in _tables(first, second):
        there[part] = table.min(axis=1)
        np.minimum(back, table.min(axis=0), out=back)
    return np.sqrt(there), np.sqrt(back)


def _tables(first: NDArray[np.floating], second: NDArray[np.floating]) -> Iterator[tuple[slice, NDArray[np.floating]]]:
    """Slices of ``first`` and their squared distances to all of ``second``, as differences, so that nothing cancels."""
    kind = np.result_type(first, second, np.float32)
    here, there = np.ascontiguousarray(first.T, dtype=kind), np.ascontiguousarray(second.T, dtype=kind)
    rows = max(1, min(len(first), _BLOCK // max(len(second), 1)))
    room = np.empty((2, rows, len(second)), dtype=kind)
    for start in range(0, len(first), rows):
        part = slice(start, min(start + rows, len(first)))
        gap, table = room[:, : part.stop - start]
        np.subtract(here[0, part, None], there[0], out=table)
        np.multiply(table, table, out=table)
        for axis in (1, 2):
            np.subtract(here[axis, part, None], there[axis], out=gap)
            np.multiply(gap, gap, out=gap)
            np.add(table, gap, out=table)
        yield part, table
