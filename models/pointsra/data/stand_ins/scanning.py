"""A room as a scanner leaves it: points or a fine mesh with colors, without what no eye in the room can see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointsra.data.stand_ins.bodies import Floats, area, sample_faces
from pointsra.data.stand_ins.rooms import Piece, Room
from pointsra.data.stand_ins.sights import seen_from_any

_LIGHT = np.array([0.3, 0.85, 0.43])


@dataclass(frozen=True)
class Scan:
    """A scanned room, y up.

    Attributes:
        points: (N, 3) meters.
        colors: (N, 3) uint8.
        pieces: (N,) index into the room's pieces.
        faces: (F, 3) indices of points; empty where only points were asked for.
    """

    points: Floats
    colors: NDArray[np.uint8]
    pieces: NDArray[np.int64]
    faces: NDArray[np.int32]


def _tinted(piece: Piece, normals: Floats, rng: np.random.Generator) -> NDArray[np.uint8]:
    lit = 0.72 + 0.28 * np.abs(normals @ _LIGHT)[:, None]
    return (piece.color * lit + rng.normal(0, 6, normals.shape)).clip(0, 255).astype(np.uint8)


def scan_points(room: Room, count: int, rng: np.random.Generator) -> Scan:
    """Sample a room's surfaces and keep what can be seen.

    Args:
        room: what to scan.
        count: points sampled, before those that cannot be seen are taken away.
        rng: source of randomness.
    """
    areas = np.array([area(piece.vertices, piece.faces) for piece in room.pieces])
    wanted = np.maximum((count * areas / areas.sum()).astype(np.int64), 60)
    samples = [sample_faces(p.vertices, p.faces, int(n), rng) for p, n in zip(room.pieces, wanted, strict=True)]
    points = np.concatenate([each.points for each in samples])
    colors = np.concatenate([_tinted(p, s.normals, rng) for p, s in zip(room.pieces, samples, strict=True)])
    owners = np.repeat(np.arange(len(samples)), wanted)
    seen = seen_from_any(points, room.eyes, float(np.sqrt(areas.sum() / wanted.sum())))
    points = points + rng.normal(0, 0.003, points.shape)
    return Scan(points[seen], colors[seen], owners[seen], np.empty((0, 3), dtype=np.int32))


def _fine(vertices: Floats, faces: NDArray[np.int32], longest: float) -> tuple[Floats, NDArray[np.int64]]:
    """Cut triangles in halves across their longest edge until none is longer, then join corners that are near."""
    corners = vertices[faces]
    done = []
    while len(corners):
        edges = np.stack([((corners[:, (i + 1) % 3] - corners[:, i]) ** 2).sum(axis=1) for i in range(3)], axis=1)
        small = edges.max(axis=1) <= longest**2
        done.append(corners[small])
        corners, at = corners[~small], edges[~small].argmax(axis=1)
        rows = np.arange(len(corners))
        a, b, c = corners[rows, at], corners[rows, (at + 1) % 3], corners[rows, (at + 2) % 3]
        middle = (a + b) / 2
        corners = np.concatenate([np.stack([a, middle, c], axis=1), np.stack([middle, b, c], axis=1)])
    flat = np.concatenate(done).reshape(-1, 3)
    cells = np.floor((flat - flat.min(axis=0)) / (0.5 * longest)).astype(np.int64) @ np.array([1, 4096, 4096**2])
    _, firsts, inverse = np.unique(cells, return_index=True, return_inverse=True)
    joined = inverse.reshape(-1, 3)
    kept = (joined[:, 0] != joined[:, 1]) & (joined[:, 1] != joined[:, 2]) & (joined[:, 0] != joined[:, 2])
    _, rows = np.unique(np.sort(joined[kept], axis=1) @ np.array([1, 2**20, 2**40]), return_index=True)
    return flat[firsts], joined[kept][rows]


def scan_mesh(room: Room, spacing: float, rng: np.random.Generator) -> Scan:
    """Cut a room's surfaces into small triangles and keep those whose corners can be seen.

    Args:
        room: what to scan.
        spacing: the longest edge in meters.
        rng: source of randomness.
    """
    points, colors, owners, faces, start = [], [], [], [], 0
    for number, piece in enumerate(room.pieces):
        vertices, triangles = _fine(piece.vertices, piece.faces, spacing)
        corners = vertices[triangles]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals = np.zeros_like(vertices)
        for side in range(3):
            np.add.at(normals, triangles[:, side], cross)
        normals /= np.maximum(np.sqrt((normals**2).sum(axis=1, keepdims=True)), 1e-12)
        points.append(vertices)
        colors.append(_tinted(piece, normals, rng))
        owners.append(np.full(len(vertices), number))
        faces.append(triangles + start)
        start += len(vertices)
    cloud, joined = np.concatenate(points), np.concatenate(faces)
    seen = seen_from_any(cloud, room.eyes, spacing)
    joined = joined[seen[joined].all(axis=1)]
    used = np.zeros(len(cloud), dtype=bool)
    used[joined] = True
    renumbered = np.cumsum(used) - 1
    cloud = cloud[used] + rng.normal(0, 0.002, (int(used.sum()), 3))
    return Scan(cloud, np.concatenate(colors)[used], np.concatenate(owners)[used], renumbered[joined].astype(np.int32))
