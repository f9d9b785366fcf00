"""Exact nearest neighbors on a CPU where many are asked of each cloud: most of its points are never looked at.

A cloud is cut into cells of 16 points, across its longest axis, then the next, then the shortest, and each cell has its
box. A query opens the boxes nearest to it and compares the points in them; a box that stays closed holds none nearer
than itself. Where that is not farther than the last neighbor found, twice as many are opened, and in the end all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pointsra.ops.plane_search import MORE, UNDERFLOW, WHOLE, blocks, counting_bits, in_order, nearest_by_planes

_CELL = 16  # points. Measured: boxes of 32 open too much, and of 8 there are too many to choose from
_BLOCK = 1 << 19  # points compared at once, in three tables: 6 MiB in single precision
_MOST = 4  # times as many boxes are opened as at first; who needs still more looks at all points
_ROUNDING = 8  # eps that two sums of three squares are apart by, in proportion; ours leaves room
_LARGEST = 1 << 16  # points in a cloud: that leaves 15 bits to sort them by
_PAIRS = 1 << 20  # of a query and a point, in all clouds together: fewer are compared sooner than cells are cut
_QUERIES = 32  # of each cloud, likewise


@dataclass(frozen=True)
class _Cells:
    """Clouds in C cells each.

    Attributes:
        planes: three of (B·C, 16) coordinates, infinite where a cell has no point.
        indices: (B·C·16,) int64: the points, counted through all clouds.
        low, high: (3, B, 1, C) corners of the boxes.
    """

    planes: tuple[Tensor, ...]
    indices: np.ndarray
    low: Tensor
    high: Tensor


@dataclass(frozen=True)
class _Asked:
    """Queries of one block.

    Attributes:
        places: (3, R).
        boxes: (R, C) how far each box of the query's cloud is, read as whole numbers whose last bits count boxes; in
            any order.
        owners: (R,) the query's cloud.
    """

    places: Tensor
    boxes: np.ndarray
    owners: np.ndarray

    def rows(self, rows: np.ndarray) -> _Asked:
        return _Asked(self.places[:, rows], self.boxes[rows], self.owners[rows])


def pays(queries: Tensor, points: Tensor, count: int) -> bool:
    """Whether this is quicker than comparing all of (B, Q, 3) queries and (B, N, 3) points for so many neighbors."""
    clouds, asked, _ = queries.shape
    total = points.shape[1]
    few = 4 * _CELL * _opened(count) <= total <= _LARGEST
    return count > 1 and few and asked >= _QUERIES and clouds * asked * total >= _PAIRS


def nearest_by_boxes(queries: Tensor, points: Tensor, count: int) -> Tensor:
    """What :func:`nearest_by_planes` gives, to the index.

    Args:
        queries: (B, Q, 3) on the CPU. Both clouds lie within ``LARGEST`` of ``plane_search``.
        points: (B, N, 3), N ≥ ``count``, at most 65,536.
        count: neighbors a query.

    Returns:
        (B, Q, count) int64. Beside it only a few blocks are held, whatever Q is.
    """
    kind = torch.promote_types(queries.dtype, torch.float32)
    queries, points = queries.to(kind), points.to(kind)
    if not queries.numel() or points.shape[1] <= _CELL * _opened(count):
        return nearest_by_planes(queries, points, count)
    cells = _cut(points)
    asking = queries.permute(2, 0, 1).unsqueeze(3).contiguous()
    (clouds, asked, _), many = queries.shape, cells.low.shape[3]
    width = max(many, _CELL * _opened(count))
    together, rows = blocks(clouds, asked, width, _BLOCK)
    room, columns = points.new_empty(3, together * rows * width), torch.arange(many, dtype=WHOLE[kind])
    found = np.empty((clouds, asked, count), dtype=np.int64)
    for cloud in range(0, clouds, together):
        of = slice(cloud, cloud + together)
        for start in range(0, asked, rows):
            part = slice(start, start + rows)
            here = asking[:, of, part]
            away = _away(here, cells.low[:, of], cells.high[:, of], room)
            numbered = away.view(columns.dtype).bitwise_and_(~counting_bits(many)).bitwise_or_(columns)
            into = found[of, part]
            owners = np.arange(cloud, cloud + into.shape[0]).repeat(into.shape[1])
            block = _Asked(here.reshape(3, -1), numbered.flatten(0, 1).numpy(), owners)
            chosen, unsure = _in_cells(cells, block, count, room[1:])
            for owner in np.unique(owners[unsure]):
                which = unsure[owners[unsure] == owner]
                again = nearest_by_planes(block.places[:, which].T[None], points[None, owner], count)
                chosen[which] = again[0].numpy() + owner * points.shape[1]
            np.subtract(chosen.reshape(into.shape), owners.reshape(*into.shape[:2], 1) * points.shape[1], out=into)
    return torch.from_numpy(found)


def _opened(count: int) -> int:
    """Boxes that a query opens first: ours, over twice what a flat piece of so many points meets among square ones."""
    needed = (count + MORE) / _CELL
    return round(2.4 * (1 + 2.26 * needed**0.5 + needed))


def _cut(points: Tensor) -> _Cells:
    """Cells of (B, N, 3) points. The first of each cloud stands in where cells are not full, until boxes are known."""
    clouds, total, _ = points.shape
    thin = 1 << ((-(-total // _CELL)).bit_length() - 1) // 3
    slabs = -(-total // (_CELL * thin * thin))
    held = _CELL * slabs * thin * thin
    planes = points.permute(2, 0, 1)
    planes = torch.cat([planes, planes[..., :1].expand(-1, -1, held - total)], dim=2)
    places = _sorted_places(planes, (1, slabs, slabs * thin))
    offset = np.arange(clouds)[:, None]
    flat = torch.from_numpy((places + offset * held).ravel())
    cells = planes.flatten(1).index_select(1, flat).view(3, clouds, 1, -1, _CELL)
    low, high = cells.aminmax(dim=4)
    if held > total:
        cells.masked_fill_(torch.from_numpy(places >= total).view(cells.shape[1:]), torch.inf)
    return _Cells(tuple(cells.view(3, -1, _CELL)), (places + offset * total).ravel(), low, high)


def _sorted_places(planes: Tensor, parts: tuple[int, int, int]) -> np.ndarray:
    """(B, N) places of (3, B, N) coordinates, in the order of each cloud's longest axis, then each part by the next."""
    low, high = planes.aminmax(dim=2, keepdim=True)
    spread = (high - low).clamp_min(torch.finfo(planes.dtype).tiny)
    _, clouds, total = planes.shape
    counting = counting_bits(total)
    finest = (1 << 31) // (counting + 1) - 1
    # Whole numbers sort twice as fast as pairs: where a point lies along the axis, and below it its place.
    numbers = (planes - low).div_(spread).mul_(0.999 * finest).to(torch.int32).numpy()
    numbers *= counting + 1
    numbers |= np.arange(total, dtype=np.int32)
    axes = np.argsort(-spread[..., 0].numpy(), axis=0, kind="stable")
    places = np.broadcast_to(np.arange(total), (clouds, total))
    for axis, count in zip(axes, parts, strict=True):
        keys = numbers[axis, np.arange(clouds)]
        if count > 1:
            keys = np.take_along_axis(keys, places, axis=1)
        keys = keys.reshape(clouds, count, -1)
        keys.sort(axis=2)
        places = (keys & counting).reshape(clouds, total).astype(np.int64)
    return places


def _away(asking: Tensor, low: Tensor, high: Tensor, room: Tensor) -> Tensor:
    """(B, Q, C) squared distances of (3, B, Q, 1) queries to boxes with corners (3, B, 1, C), in the first ``room``."""
    shape = (*asking.shape[1:3], low.shape[3])
    table, gap = (each[: shape[0] * shape[1] * shape[2]].view(shape) for each in room[:2])
    for axis in range(3):
        torch.clamp(asking[axis], low[axis], high[axis], out=gap)
        gap -= asking[axis]
        if axis:
            table.addcmul_(gap, gap)
        else:
            torch.mul(gap, gap, out=table)
    return table


def _in_cells(cells: _Cells, asked: _Asked, count: int, room: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The nearest points in the boxes nearest to each query, more of them where they are not enough.

    Returns:
        (R, count) indices through all clouds, and the rows of those queries, if any, that all points should be asked.
    """
    opened = _opened(count)
    most = min(_MOST * opened, asked.boxes.shape[1] - 1)
    chosen, sure = _in_opened(cells, asked, opened, count, room)
    rows = np.flatnonzero(~sure)
    while len(rows) and 2 * opened <= most:
        opened *= 2
        chosen[rows], sure = _in_opened(cells, asked.rows(rows), opened, count, room)
        rows = rows[~sure]
    return chosen, rows


def _in_opened(cells: _Cells, asked: _Asked, opened: int, count: int, room: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The same in so many boxes: (R, count) indices, and whether no point of the others can be as near."""
    numbered, kind = asked.boxes, f"f{asked.boxes.itemsize}"
    rows, many = numbered.shape
    width = opened * _CELL
    numbered.partition(opened, axis=1)
    closed = (numbered[:, opened] & ~counting_bits(many)).view(kind)
    boxes = (numbered[:, :opened] & counting_bits(many)) + (asked.owners * many)[:, None].astype(numbered.dtype)
    looked = torch.from_numpy(boxes.ravel())
    if room.shape[1] < rows * width:
        room = room.new_empty(2, rows * width)
    distances, gaps = (each[: rows * width].view(rows, width) for each in room)
    for axis, plane in enumerate(cells.planes):
        into = gaps if axis else distances
        torch.index_select(plane, 0, looked, out=into.view(-1, _CELL))
        into -= asked.places[axis, :, None]
        into *= into
        if axis:
            distances += gaps
    whole, counting = WHOLE[distances.dtype], counting_bits(width)
    numbers = torch.bitwise_and(distances.view(whole), ~counting, out=gaps.view(whole))
    numbers = numbers.bitwise_or_(torch.arange(width, dtype=whole)).numpy()
    numbers.partition(count + MORE - 1, axis=1)
    beyond = (numbers[:, count + MORE - 1] & ~counting).view(kind)
    columns = (numbers[:, : count + MORE] & counting).astype(np.int64)
    row, kept = np.arange(rows)[:, None], distances.numpy()
    members = boxes.take(columns // _CELL + row * opened) * _CELL + columns % _CELL
    nearest, last = in_order(cells.indices.take(members), kept.take(columns + row * width), count)
    tied = np.flatnonzero(~(last < beyond))  # with more than were kept: such a query looks at all that it has opened
    if len(tied):
        members = cells.indices.reshape(-1, _CELL).take(boxes[tied], axis=0).reshape(len(tied), width)
        nearest[tied], last[tied] = in_order(members, kept[tied], count)
    slack = 1 + _ROUNDING * np.finfo(kind).eps
    return nearest, last * slack + UNDERFLOW < closed
