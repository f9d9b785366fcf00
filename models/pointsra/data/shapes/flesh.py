"""Grown forms: one smooth skin along a curve, with an elliptic section that changes on the way and round ends.

Limbs, trunks, heads, wings and fins of people and animals are made of it. Knows no class.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from pointsra.data.shapes.meshes import Floats, Mesh, loft
from pointsra.data.shapes.parts import circle, curve

Uniform = Callable[..., float]
"""A generator's ``uniform``."""


def flesh(
    rows: ArrayLike,
    steps: int = 3,
    around: int = 12,
    across: ArrayLike | None = None,
    ends: tuple[float, float] = (0.8, 0.8),
) -> Mesh:
    """Draw a skin along a smooth curve.

    Args:
        rows: (Q, 4) knots x, y, z and radius, or (Q, 5) with the half extent across and the one through in its place.
        steps: rings from one knot to the next.
        around: points of each ring.
        across: (3,) direction of the half extent across; x unless the curve runs along it, then z.
        ends: how far the round ends stand out, relative to the smaller half extent there; 0 is flat.
    """
    knots = np.asarray(rows, dtype=np.float64)
    if knots.shape[1] == 4:
        knots = np.concatenate([knots, knots[:, 3:]], axis=1)
    line = curve(knots, steps)
    path, half = line[:, :3], np.maximum(line[:, 3:], 0.02 * knots[:, 3:].max(0))
    along = np.empty_like(path)
    along[1:-1] = path[2:] - path[:-2]
    along[0], along[-1] = path[1] - path[0], path[-1] - path[-2]
    along /= np.maximum(np.sqrt((along**2).sum(1, keepdims=True)), 1e-12)
    if across is None:
        across = (1.0, 0.0, 0.0) if np.abs(along[:, 0]).max() < 0.9 else (0.0, 0.0, 1.0)
    wide = np.asarray(across, dtype=np.float64) - (along @ np.asarray(across, dtype=np.float64))[:, None] * along
    wide /= np.maximum(np.sqrt((wide**2).sum(1, keepdims=True)), 1e-12)
    deep = along[:, [1, 2, 0]] * wide[:, [2, 0, 1]] - along[:, [2, 0, 1]] * wide[:, [1, 2, 0]]
    ring = circle(around)
    rings = path[:, None] + half[:, None, :1] * ring[:, :1] * wide[:, None]
    rings += half[:, None, 1:] * ring[:, 1:] * deep[:, None]
    lift = np.radians([80.0, 55.0, 28.0])
    first = _dome(rings[0], path[0], -along[0] * ends[0] * half[0].min(), lift)
    last = _dome(rings[-1], path[-1], along[-1] * ends[1] * half[-1].min(), lift)[::-1]
    return loft(np.concatenate([first, rings, last]))


def _dome(ring: Floats, middle: Floats, out: Floats, lift: Floats) -> Floats:
    """Return rings (L, R, 3) that close a ring (R, 3) about a middle (3,) with a dome as high as ``out`` (3,)."""
    return middle + np.cos(lift)[:, None, None] * (ring - middle) + np.sin(lift)[:, None, None] * out


def mirrored(rows: ArrayLike) -> tuple[Floats, Floats]:
    """Return knots (Q, C) and their mirror image across the plane x = 0."""
    here = np.asarray(rows, dtype=np.float64)
    return here, here * np.where(np.arange(here.shape[1]) == 0, -1.0, 1.0)
