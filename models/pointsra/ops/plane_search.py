"""Exact nearest neighbors on a CPU: coordinate planes in blocks that fit the cache, selection without sorting.

A layout of (B, N, 3) defeats vectorization, a full table of distances is written to fresh memory page by page, and
``topk`` moves pairs of value and index about one at a time. Here the three coordinates are planes of their own, a
block of distances stays near the processor, and few of them are ever looked at singly: the ``count``-th smallest
minimum of groups of sixteen bounds the ``count``-th smallest distance, and what lies within that bound is sorted as
whole numbers made of distance and index. Distances are differences, so nothing cancels; equal distances come in
the order of their indices.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

# Distances held at once: 2^19 in single precision are 2 MiB. Measured: smaller blocks cost more calls, larger ones miss
# the cache. Clouds of a few dozen points like less: their rows are short.
_BLOCK = 1 << 19
_SHORT_ROWS = 256
_GROUPS = (16, 8, 4, 2)


def nearest_by_planes(queries: Tensor, points: Tensor, count: int) -> Tensor:
    """Indices of the ``count`` nearest points to each query, nearest first; of equal ones the first.

    Args:
        queries: (B, Q, 3) on the CPU.
        points: (B, N, 3), N ≥ ``count``. Both clouds are finite: NaN is neither near nor far.
        count: neighbors a query.

    Returns:
        (B, Q, count) int64. Beside it only a few blocks are held, whatever Q and N are.
    """
    clouds, asked, _ = queries.shape
    total = points.shape[1]
    kind = torch.promote_types(queries.dtype, torch.float32)  # numpy has no bfloat16
    found = np.empty((clouds, asked, count), dtype=np.int64)
    asking = queries.detach().to(kind).permute(2, 0, 1).contiguous()
    asked_of = points.detach().to(kind).permute(2, 0, 1).contiguous()
    block = _BLOCK if total > _SHORT_ROWS else _BLOCK // 8
    rows = max(1, min(asked, block // total))
    together = max(1, min(clouds, block // (total * rows))) if rows == asked else 1
    gap, table = (torch.empty(together * rows * total, dtype=kind) for _ in range(2))
    within = np.empty(together * rows * total, dtype=bool)
    for cloud in range(0, clouds, together):
        ahead = asked_of[:, cloud : cloud + together, None, :]
        for start in range(0, asked, rows):
            here = asking[:, cloud : cloud + together, start : start + rows, None]
            shape = (here.shape[1], here.shape[2], total)
            size = shape[0] * shape[1] * total
            distance = _squared(here, ahead, gap[:size].view(shape), table[:size].view(shape))
            chosen = _smallest(distance.view(-1, total), count, within[:size].reshape(-1, total))
            found[cloud : cloud + together, start : start + rows] = chosen.reshape(*shape[:2], count)
    return torch.from_numpy(found)


def _squared(first: Tensor, second: Tensor, gap: Tensor, table: Tensor) -> Tensor:
    """Σ (first − second)² over the leading axis, into ``table``; nothing is allocated."""
    torch.sub(first[0], second[0], out=gap)
    torch.mul(gap, gap, out=table)
    for axis in (1, 2):
        torch.sub(first[axis], second[axis], out=gap)
        table.addcmul_(gap, gap)
    return table


def _smallest(table: Tensor, count: int, within: np.ndarray) -> np.ndarray:
    """Columns of the ``count`` smallest values of each row (R, N), in order: (R, count). ``within`` (R, N) is room."""
    distances = table.numpy()
    if count == 1:
        return distances.argmin(axis=1)[:, None]
    rows, total = distances.shape
    group = next((size for size in _GROUPS if total // size >= 3 * count), 1)
    least = table[:, : total // group * group].unflatten(1, (group, -1)).amin(dim=1)
    # Each of the count smallest groups holds a value up to this bound: so do the count smallest values.
    bound = np.partition(least.numpy(), count - 1, axis=1)[:, count - 1 : count]
    places = np.flatnonzero(np.less_equal(distances, bound, out=within))
    row = places // total
    held = np.bincount(row, minlength=rows)
    column, values = places - row * total, distances.reshape(-1)[places]
    width = int(held.max())
    slots = np.arange(len(places)) + np.repeat(np.arange(rows) * width - (held.cumsum() - held), held)
    if values.dtype == np.float32:
        # A distance is never negative, and then its bits, read as a whole number, are in its order.
        numbers = values.view(np.int32).astype(np.int64)
        numbers <<= 32
        numbers |= column
        keys = np.full(rows * width, np.iinfo(np.int64).max)
        keys[slots] = numbers
        keys = keys.reshape(rows, width)
        keys.sort(axis=1)
        return keys[:, :count] & 0xFFFFFFFF
    kept, columns = np.full(rows * width, np.inf), np.full(rows * width, total)
    kept[slots], columns[slots] = values, column
    order = np.lexsort((columns.reshape(rows, width), kept.reshape(rows, width)), axis=1)[:, :count]
    return np.take_along_axis(columns.reshape(rows, width), order, axis=1)
