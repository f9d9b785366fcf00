"""Exact nearest neighbors on a CPU: coordinate planes in blocks that fit the cache, selection without sorting.

A layout of (B, N, 3) defeats vectorization, a full table of distances is written to fresh memory page by page, and
``topk`` moves pairs of value and index about one at a time. Here the three coordinates are planes of their own, a
block of distances stays near the processor, and few of them are ever looked at singly.

Several neighbors are found in two steps. The first works on |b|² − 2ab, which is in the order of the distances but for
rounding, and takes half as many operations: the ``count``-th smallest minimum of groups of columns bounds the
``count``-th smallest value, only groups whose minimum lies within that bound are opened, and the bound is widened by
more than rounding can do. The second takes the distances of what is left as differences, so that nothing cancels, and
sorts them as whole numbers made of distance and index: equal distances come in the order of their indices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

# Values held at once: 2^18 in single precision are 1 MiB. Measured: smaller blocks cost more calls, larger ones miss
# the cache. Clouds of a few dozen points like less: their rows are short.
_BLOCK = 1 << 18
_SHORT_ROWS = 256
_GROUPS = (64, 32, 16, 8, 4, 2)
# Of so many groups for each neighbor the minima bound the distance well: fewer leave more candidates, more cost time.
_GROUPS_EACH = 6
# The move to the mean, |b|² − 2ab and the squared differences together round by less than 8 eps times the square of the
# largest distance that there may be, and twice that parts a value from the bound; ours is twice as much again. The
# other number is far above what products lose where they fall below the range of floats.
_ROUNDING = 32
_UNDERFLOW = 1e-36

LARGEST = 1e18
"""Coordinates up to here can be searched: their squares are finite in single precision."""


@dataclass(frozen=True)
class _Planes:
    """Both clouds, coordinate by coordinate.

    Attributes:
        asking: (3, B, Q) queries.
        asked: (3, B, N) points.
    """

    asking: Tensor
    asked: Tensor


def nearest_by_planes(queries: Tensor, points: Tensor, count: int) -> Tensor:
    """Indices of the ``count`` nearest points to each query, nearest first; of equal ones the first.

    Args:
        queries: (B, Q, 3) on the CPU.
        points: (B, N, 3), N ≥ ``count``. Both clouds lie within ``LARGEST``: NaN is neither near nor far.
        count: neighbors a query.

    Returns:
        (B, Q, count) int64. Beside it only a few blocks are held, whatever Q and N are.
    """
    kind = torch.promote_types(queries.dtype, torch.float32)  # numpy has no bfloat16
    planes = _Planes(*(cloud.detach().to(kind).permute(2, 0, 1).contiguous() for cloud in (queries, points)))
    found = np.empty((*queries.shape[:2], count), dtype=np.int64)
    if count == 1:
        _fill_nearest(planes, found)
    elif found.size:
        _fill_several(planes, found)
    return torch.from_numpy(found)


def _blocks(clouds: int, asked: int, width: int, tables: int) -> tuple[int, int]:
    """How many clouds, and how many queries of each, make a block of rows of ``width`` values in so many tables."""
    block = _BLOCK // (tables if width > _SHORT_ROWS else 4)
    rows = max(1, min(asked, block // width))
    return max(1, min(clouds, block // (width * rows))) if rows == asked else 1, rows


def _fill_nearest(planes: _Planes, found: np.ndarray) -> None:
    """The nearest point alone, into ``found`` (B, Q, 1): the smallest of each row of exact distances."""
    _, clouds, asked = planes.asking.shape
    total = planes.asked.shape[2]
    together, rows = _blocks(clouds, asked, total, tables=2)
    gap, table = (planes.asking.new_empty(together * rows * total) for _ in range(2))
    for cloud in range(0, clouds, together):
        ahead = planes.asked[:, cloud : cloud + together, None, :]
        for start in range(0, asked, rows):
            here = planes.asking[:, cloud : cloud + together, start : start + rows, None]
            shape = (here.shape[1], here.shape[2], total)
            size = shape[0] * shape[1] * total
            distance = _squared(here, ahead, gap[:size].view(shape), table[:size].view(shape))
            found[cloud : cloud + together, start : start + rows, 0] = distance.numpy().argmin(axis=2)


def _squared(first: Tensor, second: Tensor, gap: Tensor, table: Tensor) -> Tensor:
    """Σ (first − second)² over the leading axis, into ``table``; nothing is allocated."""
    torch.sub(first[0], second[0], out=gap)
    torch.mul(gap, gap, out=table)
    for axis in (1, 2):
        torch.sub(first[axis], second[axis], out=gap)
        table.addcmul_(gap, gap)
    return table


def _fill_several(planes: _Planes, found: np.ndarray) -> None:
    """The nearest points, into ``found`` (B, Q, count)."""
    clouds, asked, count = found.shape
    total = planes.asked.shape[2]
    group = next((size for size in _GROUPS if total // size >= _GROUPS_EACH * count), 1)
    per = -(-total // group)  # groups; the last of their columns are no points where the division has a rest
    width = group * per
    together, rows = _blocks(clouds, asked, width, tables=1)
    origin = planes.asked.mean(dim=2, keepdim=True)
    factors = -2.0 * (planes.asking - origin)
    moved = planes.asked.new_zeros(3, clouds, width)
    torch.sub(planes.asked, origin, out=moved[..., :total])
    squares = moved.square().sum(dim=0)
    reach = (0.5 * factors.square().sum(dim=0).amax(dim=1).sqrt() + squares.amax(dim=1).sqrt()).square()
    slack = (_ROUNDING * torch.finfo(reach.dtype).eps * reach + _UNDERFLOW).numpy()
    squares[:, total:] = torch.inf
    table = factors.new_empty(together * rows * width)
    asking, points = (cloud.flatten(1).numpy() for cloud in (planes.asking, planes.asked))
    for cloud in range(0, clouds, together):
        some = slice(cloud, cloud + together)
        ahead, square = moved[:, some, None, :], squares[some, None, :]
        for start in range(0, asked, rows):
            here = factors[:, some, start : start + rows, None]
            shape = (here.shape[1], here.shape[2], width)
            values = _compared(here, ahead, square, table[: shape[0] * shape[1] * width].view(shape))
            row, column = _candidates(values.view(-1, group, per), count, slack[some].repeat(shape[1]))
            # Several clouds make a block only with all of their queries.
            first = cloud * asked + start
            place = column + (cloud * total if shape[0] == 1 else (row // shape[1] + cloud) * total)
            distances = np.zeros(len(row), dtype=points.dtype)
            for axis in range(3):
                gap = points[axis].take(place)
                gap -= asking[axis, first : first + shape[0] * shape[1]].take(row)
                gap *= gap
                distances += gap
            chosen = _in_order(row, column, distances, shape[0] * shape[1], count)
            found[some, start : start + rows] = chosen.reshape(*shape[:2], count)


def _compared(factors: Tensor, points: Tensor, squares: Tensor, table: Tensor) -> Tensor:
    """|b|² − 2ab into ``table``, of ``factors`` −2a (3, B, Q, 1), b (3, B, 1, N) and |b|² (B, 1, N)."""
    torch.addcmul(squares, factors[0], points[0], out=table)
    for axis in (1, 2):
        table.addcmul_(factors[axis], points[axis])
    return table


def _candidates(table: Tensor, count: int, slack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What may be among the ``count`` smallest of each row.

    Args:
        table: (R, group, per) values.
        count: how many.
        slack: (R,) how far apart two values may be and yet be in the wrong order.

    Returns:
        Rows, ascending, and columns; at least ``count`` of each row.
    """
    _, group, per = table.shape
    least = table.amin(dim=1).numpy()
    # Each of the count smallest groups holds a value up to this bound: so do the count smallest values.
    bound = np.partition(least, count - 1, axis=1)[:, count - 1] + slack
    opened = np.flatnonzero(least <= bound[:, None])
    row = opened // per
    limit = bound.take(row)
    opened -= row * per
    flat, places = table.view(-1).numpy(), row * (group * per) + opened
    values = np.empty((group, len(row)), dtype=flat.dtype)
    for member in range(group):
        flat[member * per :].take(places, out=values[member], mode="clip")  # nothing to clip: "raise" works on a copy
    held = np.flatnonzero((values <= limit).T)
    of = held // group
    return row.take(of), opened.take(of) + held % group * per


def _in_order(row: np.ndarray, column: np.ndarray, values: np.ndarray, rows: int, count: int) -> np.ndarray:
    """Columns of the ``count`` smallest values of each row, in order: (R, count)."""
    held = np.bincount(row, minlength=rows)
    width = int(held.max())
    taken = np.arange(width) < held[:, None]
    if values.dtype == np.float32:
        # A distance is never negative, and then its bits, read as a whole number, are in its order.
        numbers = values.view(np.int32).astype(np.int64)
        numbers <<= 32
        numbers |= column
        keys = np.full((rows, width), np.iinfo(np.int64).max)
        keys[taken] = numbers
        keys.sort(axis=1)
        return keys[:, :count] & 0xFFFFFFFF
    kept, columns = np.full((rows, width), np.inf), np.zeros((rows, width), dtype=np.int64)
    kept[taken], columns[taken] = values, column
    order = np.lexsort((columns, kept), axis=1)[:, :count]
    return np.take_along_axis(columns, order, axis=1)
