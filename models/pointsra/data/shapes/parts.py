"""The vocabulary of parts: bars, tubes, turned and extruded shapes, cushions, wheels.

Every function is pure numpy and returns a :class:`~pointsra.data.shapes.meshes.Mesh`. Lengths are meters, y is up.
Points along a path are (P, 3), outlines in a plane (P, 2). Solids are made for sampling their surface: they have no
thickness of material unless a profile draws it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from pointsra.data.shapes.meshes import Floats, Mesh, loft


@lru_cache(maxsize=64)
def circle(sides: int) -> Floats:
    """Return the unit circle as (sides, 2) points, counterclockwise."""
    angles = np.arange(sides) * (2.0 * np.pi / sides)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def hoop(count: int = 24) -> Floats:
    """Return a unit circle in the plane x = 0, an upright wheel's, as (count, 3) points."""
    return np.insert(circle(count), 0, 0.0, axis=1)


def _axes(direction: Floats) -> tuple[Floats, Floats]:
    """Return two unit vectors (3,) across a direction (3,): the first level, the second as upright as can be."""
    x, y, z = direction / np.sqrt(direction @ direction)
    if abs(y) > 0.7:
        across = np.array([y, -x, 0.0])
    else:
        across = np.array([z, 0.0, -x])
    across = across / np.sqrt(across @ across)
    ax, ay, az = across
    return across, np.array([y * az - z * ay, z * ax - x * az, x * ay - y * ax])


def _swept(start: ArrayLike, end: ArrayLike, section: Floats, sizes: tuple[float, float]) -> Mesh:
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    across, upright = _axes(b - a)
    flat = section[:, :1] * across + section[:, 1:] * upright
    return loft(np.stack([a + sizes[0] * flat, b + sizes[1] * flat]))


def frustum(start: ArrayLike, end: ArrayLike, radius: float, end_radius: float | None = None, sides: int = 12) -> Mesh:
    """Make a cylinder or cone frustum from start (3,) to end (3,)."""
    return _swept(start, end, circle(sides), (radius, radius if end_radius is None else end_radius))


def beam(start: ArrayLike, end: ArrayLike, width: float, depth: float, taper: float = 1.0) -> Mesh:
    """Make a square-edged bar from start (3,) to end (3,).

    Args:
        start: (3,) middle of one end.
        end: (3,) middle of the other end.
        width: size across, level (along x for an upright bar).
        depth: size in the other direction (upright for a level bar, along z for an upright one).
        taper: size of the far end relative to the near one.
    """
    section = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * np.array([width, depth])
    return _swept(start, end, section, (1.0, taper))


def tube(
    points: ArrayLike, radius: ArrayLike, *, sides: int = 8, loop: bool = False, flat: float | None = None
) -> Mesh:
    """Make a tube along a path that lies in a plane or nearly so.

    Args:
        points: (P, 3) path.
        radius: one number, or (P,) numbers along the path.
        sides: how many sides the section has.
        loop: join the end to the start.
        flat: where given, the section is a rectangle: ``radius`` half across within the plane of the path,
            ``flat`` half across out of it.
    """
    path = np.asarray(points, dtype=np.float64)
    if loop:
        tangents = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    else:
        tangents = np.empty_like(path)
        tangents[1:-1] = path[2:] - path[:-2]
        tangents[0], tangents[-1] = path[1] - path[0], path[-1] - path[-2]
    tangents /= np.maximum(np.sqrt((tangents**2).sum(1, keepdims=True)), 1e-12)
    normal = np.linalg.svd(path - path.mean(0), full_matrices=True)[2][2]
    sideways = np.cross(tangents, normal)
    sideways /= np.maximum(np.sqrt((sideways**2).sum(1, keepdims=True)), 1e-12)
    half = np.broadcast_to(np.asarray(radius, dtype=np.float64), (len(path),))
    if flat is None:
        section = circle(sides)
        out = section[None, :, 1, None] * (half[:, None, None] * normal)
    else:
        section = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        out = np.broadcast_to(section[None, :, 1, None] * (flat * normal), (len(path), 4, 3))
    within = section[None, :, 0, None] * (half[:, None] * sideways)[:, None, :]
    return loft(path[:, None] + within + out, loop=loop, caps=not loop)


def bent(corners: ArrayLike, radius: float, steps: int = 4) -> Floats:
    """Round the corners of a polyline (Q, 3), as a bent metal tube does; returns a path (P, 3)."""
    path = np.asarray(corners, dtype=np.float64)
    t = np.linspace(0.0, 1.0, steps + 1)[:, None]
    pieces = [path[:1]]
    for before, here, after in zip(path[:-2], path[1:-1], path[2:], strict=True):
        back, ahead = before - here, after - here
        long_back, long_ahead = np.sqrt(back @ back), np.sqrt(ahead @ ahead)
        first = here + back * min(radius / long_back, 0.49)
        last = here + ahead * min(radius / long_ahead, 0.49)
        pieces.append((1 - t) ** 2 * first + 2 * t * (1 - t) * here + t**2 * last)
    return np.concatenate([*pieces, path[-1:]])


def curve(knots: ArrayLike, steps: int = 5) -> Floats:
    """Draw a smooth curve (Catmull-Rom, uniform) through knots (Q, C); returns (steps * (Q - 1) + 1, C)."""
    k = np.asarray(knots, dtype=np.float64)
    padded = np.concatenate([2 * k[:1] - k[1:2], k, 2 * k[-1:] - k[-2:-1]])
    t = (np.arange(steps) / steps)[None, :, None]
    p0, p1, p2, p3 = (padded[i : len(k) - 1 + i, None] for i in range(4))
    inner = p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))
    return np.concatenate([inner.reshape(-1, k.shape[1]), k[-1:]])


def lathe(
    profile: ArrayLike, center: ArrayLike = (0.0, 0.0, 0.0), section: Floats | None = None, sides: int = 24
) -> Mesh:
    """Turn a profile about the upright axis.

    Args:
        profile: (P, 2) radius and height, in order along the surface; it is closed only where the radius is 0.
        center: (3,) foot of the axis.
        section: (R, 2) outline around the axis in place of the unit circle (a square vase).
        sides: sides of the circle where no section is given.
    """
    drawn = np.asarray(profile, dtype=np.float64)
    around = circle(sides) if section is None else section
    rings = np.empty((len(drawn), len(around), 3))
    rings[:, :, 0] = np.maximum(drawn[:, :1], 0.0) * around[:, 1]
    rings[:, :, 1] = drawn[:, 1:]
    rings[:, :, 2] = np.maximum(drawn[:, :1], 0.0) * around[:, 0]
    return loft(rings + np.asarray(center, dtype=np.float64), caps=False)


def superellipse(power: float, count: int = 24) -> Floats:
    """Return (count, 2) points of |x|^p + |y|^p = 1: 2 is a circle, 4 a rounded square, 20 nearly a square."""
    unit = circle(count)
    return np.sign(unit) * np.abs(unit) ** (2.0 / power)


def polygon(sides: int, per_side: int = 3) -> Floats:
    """Return a regular polygon of circumradius 1 as (sides * per_side, 2) points, one side facing +x."""
    corners = circle(sides) @ np.array(
        [[np.cos(np.pi / sides), np.sin(np.pi / sides)], [-np.sin(np.pi / sides), np.cos(np.pi / sides)]]
    )
    t = (np.arange(per_side) / per_side)[None, :, None]
    return ((1 - t) * corners[:, None] + t * np.roll(corners, -1, axis=0)[:, None]).reshape(-1, 2)


def slab(
    outline: Floats, bottom: float, top: float, center: tuple[float, float] = (0.0, 0.0), grow: float = 1.0
) -> Mesh:
    """Extrude an outline (P, 2) of x and z upright; ``grow`` is the top's size relative to the bottom's."""
    rings = np.empty((2, len(outline), 3))
    rings[0, :, 0], rings[0, :, 2] = outline[:, 0], outline[:, 1]
    rings[1, :, 0], rings[1, :, 2] = outline[:, 0] * grow, outline[:, 1] * grow
    rings[0, :, 1], rings[1, :, 1] = bottom, top
    return loft(rings + np.array([center[0], 0.0, center[1]]))


def superellipsoid(center: ArrayLike, size: ArrayLike, upright: float = 1.0, level: float = 1.0) -> Mesh:
    """Make an ellipsoid or a cushion of full extents ``size`` (3,).

    Args:
        center: (3,) middle.
        size: (3,) extents along x, y and z.
        upright: exponent of the upright section; 1 is an ellipse, 0.3 a rounded box.
        level: exponent of the level section, likewise.
    """
    lift = np.linspace(-np.pi / 2, np.pi / 2, 11)
    out, high = np.abs(np.cos(lift)) ** upright, np.sign(np.sin(lift)) * np.abs(np.sin(lift)) ** upright
    around = superellipse(2.0 / level, 20)
    rings = np.empty((11, 20, 3))
    rings[:, :, 0] = out[:, None] * around[:, 1]
    rings[:, :, 1] = high[:, None]
    rings[:, :, 2] = out[:, None] * around[:, 0]
    return loft(rings * (0.5 * np.asarray(size, dtype=np.float64)) + np.asarray(center, dtype=np.float64), caps=False)


def cushion(center: ArrayLike, size: ArrayLike) -> Mesh:
    """Make a soft rounded box of full extents ``size`` (3,)."""
    return superellipsoid(center, size, 0.45, 0.3)


def wheel(center: ArrayLike, radius: float, width: float, axis: str = "x") -> Mesh:
    """Make a disc wheel with a rounded tread and a dished hub; its axle lies along "x" or "z"."""
    half = width / 2
    profile = np.array([[0.0, -0.25], [0.55, -0.3], [0.62, -1], [0.92, -1], [1, -0.6], [1, 0.6], [0.92, 1], [0.62, 1],
                        [0.55, 0.3], [0.0, 0.25]])  # fmt: skip
    turned = lathe(profile * np.array([radius, half]), sides=16)
    order = (1, 0, 2) if axis == "x" else (0, 2, 1)
    return Mesh(turned.vertices[:, order] + np.asarray(center, dtype=np.float64), turned.faces)


def ring(center: ArrayLike, radius: float, thickness: float, sides: int = 8) -> Mesh:
    """Make a level torus: ``radius`` to the middle of the tube, ``thickness`` the tube's radius."""
    flat = circle(24)
    path = np.stack([radius * flat[:, 0], np.zeros(24), radius * flat[:, 1]], axis=1)
    return tube(path + np.asarray(center, dtype=np.float64), thickness, sides=sides, loop=True)


def panel(
    left: float, right: float, low: ArrayLike, high: ArrayLike, thickness: float, depth: float = 0.0, bow: float = 0.0
) -> Mesh:
    """Make an upright board across x whose lower and upper edges may be curved, and which may be bowed.

    Args:
        left: x of its left edge.
        right: x of its right edge.
        low: lower edge's height, one number or (S,) numbers from left to right.
        high: upper edge's height, likewise.
        thickness: along z.
        depth: z of the board's middle.
        bow: how far the board's middle stands behind its edges, along -z.
    """
    steps = max(np.size(low), np.size(high), 2 if bow == 0.0 else 7)
    t = np.linspace(-1.0, 1.0, steps)
    rings = np.empty((steps, 4, 3))
    rings[:, :, 0] = (left + (t + 1) / 2 * (right - left))[:, None]
    rings[:, :2, 1] = np.broadcast_to(np.asarray(low, dtype=np.float64), (steps,))[:, None]
    rings[:, 2:, 1] = np.broadcast_to(np.asarray(high, dtype=np.float64), (steps,))[:, None]
    middle = depth - bow * (1 - t**2)
    rings[:, [0, 3], 2] = (middle - thickness / 2)[:, None]
    rings[:, [1, 2], 2] = (middle + thickness / 2)[:, None]
    return loft(rings)


def hull(stations: ArrayLike, power: float = 2.0, around: int = 16) -> Mesh:
    """Make a body along z from superelliptic sections.

    Args:
        stations: (S, 4) rows of z, y of the middle, half width and half height.
        power: of the section; 2 is an ellipse, 6 a rounded box.
        around: points of each section.
    """
    rows = np.asarray(stations, dtype=np.float64)
    section = superellipse(power, around)
    rings = np.empty((len(rows), around, 3))
    rings[:, :, 0] = rows[:, 2:3] * section[:, 0]
    rings[:, :, 1] = rows[:, 1:2] + rows[:, 3:4] * section[:, 1]
    rings[:, :, 2] = rows[:, :1]
    return loft(rings)


def wing(
    root: ArrayLike, tip: ArrayLike, chord: float, tip_chord: float, thickness: float, upright: bool = False
) -> Mesh:
    """Make a wing or fin between two leading edges, its chord running toward -z.

    Args:
        root: (3,) leading edge at the root.
        tip: (3,) leading edge at the tip.
        chord: length of the root's section.
        tip_chord: length of the tip's section.
        thickness: of the root, relative to its chord.
        upright: the section's thickness lies along x (a fin) and not along y.
    """
    back = np.array([0.0, 0.08, 0.3, 0.65, 1.0, 0.65, 0.3, 0.08])
    thick = np.array([0.0, 0.6, 1.0, 0.7, 0.05, -0.7, -1.0, -0.6]) * thickness / 2
    rings = np.zeros((2, 8, 3))
    for ring_points, edge, length in ((rings[0], root, chord), (rings[1], tip, tip_chord)):
        ring_points[:, 2] = -back * length
        ring_points[:, 0 if upright else 1] = thick * length
        ring_points += np.asarray(edge, dtype=np.float64)
    return loft(rings)


def stack(rows: ArrayLike, power: float = 2.0, around: int = 20) -> Mesh:
    """Make an upright body from level superelliptic sections.

    Args:
        rows: (S, 4) rows of height, half width (x), half depth (z) and z of the middle.
        power: of the section; 2 is an ellipse, 6 a rounded box.
        around: points of each section.
    """
    levels = np.asarray(rows, dtype=np.float64)
    section = superellipse(power, around)
    rings = np.empty((len(levels), around, 3))
    rings[:, :, 0] = levels[:, 1:2] * section[:, 1]
    rings[:, :, 1] = levels[:, :1]
    rings[:, :, 2] = levels[:, 3:4] + levels[:, 2:3] * section[:, 0]
    return loft(rings)
