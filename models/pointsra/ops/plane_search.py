"""Exact nearest neighbors on a CPU: coordinate planes in blocks that fit the cache, selection without sorting.

A layout of (B, N, 3) defeats vectorization, a full table of distances is written to fresh memory page by page, and
``topk`` moves pairs of value and index about one at a time. Here the three coordinates are planes of their own, a
block of distances stays near the processor, and few of them are ever looked at singly.

Several neighbors are found in two steps. The first takes |a|² − 2ab + |b|² as one product of matrices with five
columns, writes each value's column over its last bits, read as a whole number, and lets numpy select a few more than
``count`` of these numbers: what is selected brings its column along. The second takes the distances of these few as
differences, so that nothing cancels, and sorts them as whole numbers made of distance and index: equal distances come
in the order of their indices. Rounding and the bits written over have left out no point that belongs there unless the
first value left out lies within that error of the last distance taken; such a query is answered from all its distances.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pointsra.ops.products import taken_in_full

# Values held at once: 2^18 in single precision are 1 MiB. Measured: smaller blocks cost more calls, larger ones miss
# the cache. Clouds of a few dozen points like less: their rows are short.
_BLOCK = 1 << 18
_SHORT_ROWS = 256
# Points compared at once. Their columns take 13 of the 23 bits behind the point of a single-precision value.
_WIDEST = 1 << 13
# Selected beyond ``count``: so many more neighbors are farther by more than what 10 bits tell apart, but for lattices.
MORE = 4
WHOLE = {torch.float32: torch.int32, torch.float64: torch.int64}  # as what values are read where columns are in them
# The move to the mean, the product and the squared differences together round by less than 7 eps times the square of
# how far query and point are from the mean, both added; ours leaves room. The other number is far above what products
# lose where they fall below the range of floats.
_ROUNDING = 12
UNDERFLOW = 1e-36

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


def blocks(clouds: int, asked: int, width: int, held: int) -> tuple[int, int]:
    """How many clouds, and how many queries of each, make a block of rows of ``width`` values: ``held`` at once."""
    rows = max(1, min(asked, held // width))
    return max(1, min(clouds, held // (width * rows))) if rows == asked else 1, rows


def _held(width: int, tables: int) -> int:
    """Values held at once in each of so many tables of rows of ``width``."""
    return _BLOCK // (tables if width > _SHORT_ROWS else 4)


def _fill_nearest(planes: _Planes, found: np.ndarray) -> None:
    """The nearest point alone, into ``found`` (B, Q, 1): the smallest of each row of exact distances."""
    _, clouds, asked = planes.asking.shape
    total = planes.asked.shape[2]
    together, rows = blocks(clouds, asked, total, _held(total, tables=2))
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
    origin = planes.asked.mean(dim=2, keepdim=True)
    here, there = planes.asking - origin, planes.asked - origin
    near, far = here.square().sum(dim=0), there.square().sum(dim=0)
    left = torch.stack([*(-2.0 * here), near, torch.ones_like(near)], dim=2)
    right = torch.stack([*there, torch.ones_like(far), far], dim=1)
    width = min(total, _WIDEST)
    together, rows = blocks(clouds, asked, width, _held(width, tables=1))
    room = left.new_empty(together * rows * width)
    columns = torch.arange(width, dtype=WHOLE[room.dtype])
    asking, points = planes.asking.flatten(1).numpy(), planes.asked.flatten(1).numpy()
    away, rounding = near.flatten().sqrt().numpy(), _ROUNDING * torch.finfo(near.dtype).eps
    into = found.reshape(-1, count)
    for cloud in range(0, clouds, together):
        ahead = right[cloud : cloud + together]
        for start in range(0, asked, rows):
            behind = left[cloud : cloud + together, start : start + rows]
            # Several clouds make a block only with all of their queries.
            part = slice(cloud * asked + start, cloud * asked + start + behind.shape[0] * behind.shape[1])
            among = np.arange(cloud, cloud + len(behind)).repeat(behind.shape[1])
            places, beyond = _candidates(behind, ahead, room, columns, count)
            offset = (among * total)[:, None]
            places += offset
            distances = summed(points[axis].take(places) - asking[axis, part, None] for axis in range(3))
            chosen, last = in_order(places, distances, count)
            np.subtract(chosen, offset, out=into[part])
            # A point as near as the last one is no farther from the mean than the query and that distance together.
            unsure = ~(last + rounding * np.square(2 * away[part] + np.sqrt(last)) + UNDERFLOW < beyond)
            for of in np.unique(among[unsure]) if unsure.any() else ():
                which = np.flatnonzero(unsure & (among == of)) + part.start
                into[which] = _of_all(points[:, of * total : (of + 1) * total], asking[:, which], count)


def _candidates(
    left: Tensor, right: Tensor, room: Tensor, columns: Tensor, count: int
) -> tuple[np.ndarray, np.ndarray | float]:
    """A few more points than the nearest ``count``, by rounded distances.

    Args:
        left: (B, Q, 5) of the queries. right: (B, 5, N) of the points; the products of both are the squared distances.
        room: for a block of them. columns: 0, 1 … as whole numbers of as many bits.
        count: how many.

    Returns:
        Columns (B·Q, C), and for each query what the rounded squared distance of no other point lies below.
    """
    clouds, rows, _ = left.shape
    found, beyond = [], np.inf
    for start in range(0, right.shape[2], _WIDEST):
        width = min(_WIDEST, right.shape[2] - start)
        counting = counting_bits(width)
        values = room[: clouds * rows * width].view(clouds, rows, width)
        _multiply(left, right[..., start : start + width], values)
        numbers = (
            values.view(columns.dtype).bitwise_and_(~counting).bitwise_or_(columns[:width]).view(-1, width).numpy()
        )
        if width > count + MORE:
            numbers.partition(count + MORE - 1, axis=1)
            numbers = numbers[:, : count + MORE]
            beyond = np.minimum(beyond, (numbers[:, -1] & ~counting).view(f"f{numbers.itemsize}"))
        found.append((numbers & counting).astype(np.int64))
        found[-1] += start
    return found[0] if len(found) == 1 else np.concatenate(found, axis=1), beyond


def counting_bits(many: int) -> int:
    """The last bits of a whole number, which count so many columns."""
    return (1 << (many - 1).bit_length()) - 1


def _multiply(left: Tensor, right: Tensor, out: Tensor) -> None:
    """The products of (B, Q, 5) and (B, 5, N) into ``out``, in the precision that they have."""
    if taken_in_full(left.device):
        torch.bmm(left, right, out=out)
        return
    torch.mul(left[..., :1], right[:, :1], out=out)
    for column in range(1, left.shape[2]):
        out.addcmul_(left[..., column : column + 1], right[:, column : column + 1])


def _of_all(points: np.ndarray, asking: np.ndarray, count: int) -> np.ndarray:
    """The nearest of (3, N) points to each of (3, R) queries, in order, by all exact distances: (R, count)."""
    rows, columns = max(1, _BLOCK // points.shape[1]), np.arange(points.shape[1])
    chosen = np.empty((asking.shape[1], count), dtype=np.int64)
    for start in range(0, len(chosen), rows):
        part = slice(start, start + rows)
        distances = summed(points[axis] - asking[axis, part, None] for axis in range(3))
        chosen[part] = in_order(np.broadcast_to(columns, distances.shape), distances, count)[0]
    return chosen


def summed(gaps: Iterable[np.ndarray]) -> np.ndarray:
    """x² + y² + z², rounded after each step: the same two points are equally far apart however they are compared."""
    x, y, z = (np.multiply(gap, gap, out=gap) for gap in gaps)
    x += y
    x += z
    return x


def in_order(places: np.ndarray, distances: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Of (R, C) places and their distances the nearest ``count``, in order, (R, count), and the last distance, (R,)."""
    if distances.dtype == np.float32:
        # A distance is never negative, and then its bits, read as a whole number, are in its order.
        keys = distances.view(np.int32).astype(np.int64)
        keys <<= 32
        keys |= places
        if keys.shape[1] > 2 * count:
            keys.partition(count - 1, axis=1)
            keys = keys[:, :count]
        keys.sort(axis=1)
        keys = keys[:, :count]
        return keys & 0xFFFFFFFF, (keys[:, -1] >> 32).astype(np.int32).view(np.float32)
    order = np.lexsort((places, distances), axis=1)[:, :count]
    return np.take_along_axis(places, order, axis=1), np.take_along_axis(distances, order[:, -1:], axis=1)[:, 0]
