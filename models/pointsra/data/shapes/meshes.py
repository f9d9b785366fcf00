"""Triangle meshes as plain arrays, and the two constructions from which every part is made: boxes and lofts.

A loft is a skin drawn over a row of closed rings; cylinders, tubes, wings, bottles and cushions are lofts
(see :mod:`pointsra.data.shapes.parts`). Lengths are meters, y is up. Nothing here reads or writes files, repairs
meshes or computes unions: parts of an object simply overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Faces = NDArray[np.int32]

_BOX_CORNERS = np.array(
    [[x, y, z] for y in (-0.5, 0.5) for x, z in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))]
)
_BOX_QUADS = {
    "bottom": (0, 1, 2, 3),
    "top": (4, 7, 6, 5),
    "back": (0, 4, 5, 1),
    "right": (1, 5, 6, 2),
    "front": (2, 6, 7, 3),
    "left": (3, 7, 4, 0),
}


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh: vertices (V, 3) float64 and faces (F, 3) int32, indices into the vertices."""

    vertices: Floats
    faces: Faces


@lru_cache(maxsize=64)
def _box_faces(without: tuple[str, ...]) -> Faces:
    quads = [quad for name, quad in _BOX_QUADS.items() if name not in without]
    return np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], dtype=np.int32)


@lru_cache(maxsize=256)
def _loft_faces(rings: int, around: int, loop: bool, caps: bool) -> Faces:
    steps = rings if loop else rings - 1
    s, r = np.meshgrid(np.arange(steps), np.arange(around), indexing="ij")
    s, r = s.ravel(), r.ravel()
    after, beside = (s + 1) % rings, (r + 1) % around
    a, b = s * around + r, s * around + beside
    c, d = after * around + beside, after * around + r
    faces = [np.stack([a, b, c], 1), np.stack([a, c, d], 1)]
    if caps and not loop:
        edge = np.arange(around)
        following = (edge + 1) % around
        first, last = np.full(around, rings * around), np.full(around, rings * around + 1)
        end = (rings - 1) * around
        faces.append(np.stack([first, following, edge], 1))
        faces.append(np.stack([last, end + edge, end + following], 1))
    return np.concatenate(faces).astype(np.int32)


def box(
    center: ArrayLike,
    size: ArrayLike,
    *,
    taper: float | tuple[float, float] = 1.0,
    shear: tuple[float, float] = (0.0, 0.0),
    without: tuple[str, ...] = (),
) -> Mesh:
    """Make a box, whose top may be narrower than its bottom and moved sideways.

    Args:
        center: (3,) middle of the box before tapering.
        size: (3,) extents along x, y and z.
        taper: size of the top relative to the bottom, one number or one each for x and z.
        shear: how far the top moves along x and z.
        without: sides left open, among bottom, top, back (-z), front (+z), left (-x) and right (+x).

    Returns:
        A mesh with vertices (8, 3) and at most 12 faces.
    """
    corners = _BOX_CORNERS * np.asarray(size, dtype=np.float64)
    tx, tz = (taper, taper) if isinstance(taper, int | float) else taper
    corners[4:, 0] = corners[4:, 0] * tx + shear[0]
    corners[4:, 2] = corners[4:, 2] * tz + shear[1]
    return Mesh(corners + np.asarray(center, dtype=np.float64), _box_faces(tuple(without)))


def loft(rings: ArrayLike, *, loop: bool = False, caps: bool = True) -> Mesh:
    """Draw a skin over rings of equally many points.

    Args:
        rings: (S, R, 3) rings in order; each is closed by itself.
        loop: join the last ring to the first (a torus).
        caps: close both ends with a fan from the ring's middle.

    Returns:
        A mesh with vertices (S * R, 3), and two more where it has caps.
    """
    grid = np.asarray(rings, dtype=np.float64)
    count, around = grid.shape[:2]
    vertices = grid.reshape(-1, 3)
    if caps and not loop:
        vertices = np.concatenate([vertices, grid[:1].mean(1), grid[-1:].mean(1)])
    return Mesh(vertices, _loft_faces(count, around, loop, caps))


def merge(meshes: list[Mesh]) -> Mesh:
    """Put meshes side by side into one: vertices (sum V, 3), faces (sum F, 3)."""
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    faces = [mesh.faces + np.int32(start) for mesh, start in zip(meshes, starts[:-1], strict=True)]
    return Mesh(np.concatenate([mesh.vertices for mesh in meshes]), np.concatenate(faces))


def move(mesh: Mesh, offset: ArrayLike) -> Mesh:
    """Return the mesh shifted by offset (3,)."""
    return Mesh(mesh.vertices + np.asarray(offset, dtype=np.float64), mesh.faces)


def scale(mesh: Mesh, factors: ArrayLike) -> Mesh:
    """Return the mesh stretched about the origin by factors (3,); negative factors mirror it."""
    return Mesh(mesh.vertices * np.asarray(factors, dtype=np.float64), mesh.faces)


def rotate(mesh: Mesh, axis: str, degrees: float, pivot: ArrayLike = (0.0, 0.0, 0.0)) -> Mesh:
    """Return the mesh turned about an axis ("x", "y" or "z") through pivot (3,), right-handed."""
    turn = np.radians(degrees)
    cos, sin = np.cos(turn), np.sin(turn)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    center = np.asarray(pivot, dtype=np.float64)
    centered = mesh.vertices - center
    turned = centered.copy()
    turned[:, i] = cos * centered[:, i] - sin * centered[:, j]
    turned[:, j] = sin * centered[:, i] + cos * centered[:, j]
    return Mesh(turned + center, mesh.faces)


def both_sides(mesh: Mesh) -> list[Mesh]:
    """Return the mesh and its mirror image across the plane x = 0."""
    return [mesh, scale(mesh, (-1.0, 1.0, 1.0))]
