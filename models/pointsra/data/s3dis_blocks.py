"""Rooms cut into columns of 1 m by 1 m, as PointNet (Qi et al., CVPR 2017) and its successors train on S3DIS.

The columns stand on a grid with steps of half a meter; the last of a row ends at the room's far side, so that none
is a sliver. What a column holds is drawn at random down to N points.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointsra.data.blocks import choose_rows
from pointsra.data.s3dis_rooms import Room
from pointsra.data.skipping import evenly
from pointsra.data.split_writer import CloudBlock
from pointsra.data.upright import to_y_up

SIZE = 1.0  # meters
STRIDE = 0.5  # meters
LEAST_POINTS = 100  # PointNet's conversion leaves columns with fewer out


@dataclass(frozen=True)
class Columns:
    """What a room was cut into.

    Attributes:
        block: the columns (B, N, 3), y up; None where every one has too few points.
        sparse: columns left out for having fewer than LEAST_POINTS points, the empty ones not counted.
        repeated: columns with fewer than N points, some of which are therefore there twice.
    """

    block: CloudBlock | None
    sparse: int
    repeated: int


def cut_columns(room: Room, label: int, count: int, seed: int, limit: int | None) -> Columns:
    """Cut a room into columns.

    Args:
        room: the room, z up.
        label: its room type.
        count: N, points a column.
        seed: decides which points are taken.
        limit: at most this many columns, evenly over the room; None takes all.

    Returns:
        Columns with their floor center subtracted (``origins``): x and z run from -0.5 to 0.5, y is the height above
        the room's lowest point.
    """
    members, corners, sparse = [], [], 0
    for corner, inside in _grid(room.points):
        if len(inside) >= LEAST_POINTS:
            members.append(inside)
            corners.append(corner)
        elif len(inside):
            sparse += 1
    chosen = evenly(len(members), limit)
    if not chosen:
        return Columns(None, sparse, 0)
    points, colors, parts, origins = [], [], [], []
    for number in chosen:
        rng = np.random.default_rng([seed, zlib.crc32(room.file.id.encode()), number])
        rows = members[number][choose_rows(len(members[number]), count, rng)]
        origin = np.array([*(corners[number] + SIZE / 2), 0.0])
        points.append(to_y_up(room.points[rows] - origin))
        colors.append(room.colors[rows])
        parts.append(room.parts[rows])
        origins.append(to_y_up(origin))
    block = CloudBlock(
        points=np.stack(points).astype(np.float32),
        labels=np.full(len(chosen), label, dtype=np.int64),
        ids=[f"{room.file.id}-{number:04d}" for number in chosen],
        parts=np.stack(parts),
        colors=np.stack(colors),
        origins=np.stack(origins),
        rooms=[room.file.id] * len(chosen),
    )
    return Columns(block, sparse, sum(len(members[number]) < count for number in chosen))


def _grid(points: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """Corner (2,) and rows of points of every column of the grid, x before y."""
    extent = points.max(axis=0)
    columns = []
    for x in _starts(extent[0]):
        strip = np.flatnonzero((points[:, 0] >= x) & (points[:, 0] <= x + SIZE))
        across = points[strip, 1]
        for y in _starts(extent[1]):
            columns.append((np.array([x, y]), strip[(across >= y) & (across <= y + SIZE)]))
    return columns


def _starts(extent: float) -> NDArray[np.float64]:
    count = max(1, int(np.ceil((extent - SIZE) / STRIDE - 1e-9)) + 1)
    return np.minimum(np.arange(count) * STRIDE, max(extent - SIZE, 0.0))
