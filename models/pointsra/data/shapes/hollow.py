"""Hollow things: walls with an inside, drawn from an outer profile; loops to carry them by.

Bowls, pots, cans, bins and boxes share these. A wall has thickness, so that what is sampled inside an open vessel is
its inner surface. Knows no class.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pointsra.data.shapes.meshes import Floats, Mesh, box, rotate
from pointsra.data.shapes.parts import bent, circle, lathe, polygon, superellipse, superellipsoid, tube


def outline(kind: str, rng: np.random.Generator) -> Floats:
    """Return the outline (R, 2) around an upright axis, z and x: round, square, oval, octagonal or scalloped."""
    if kind == "square":
        return superellipse(rng.uniform(4.0, 8.0), 28) * 0.94
    if kind == "rectangular":
        return superellipse(8.0, 28) * np.array([rng.uniform(0.5, 0.8), 1.0])
    if kind == "oval":
        return circle(24) * np.array([rng.uniform(0.55, 0.8), 1.0])
    if kind == "octagonal":
        return polygon(8, 3)
    if kind == "scalloped":
        waves = int(rng.integers(6, 11))
        fine = circle(waves * 5)
        return fine * (1 + 0.05 * np.cos(np.arange(len(fine)) * 2 * np.pi / 5))[:, None]
    return circle(24)


def shell(outer: ArrayLike, wall: float, section: Floats | None = None) -> Mesh:
    """Turn an open vessel with an inside.

    Args:
        outer: (P, 2) radius and height of the outside, from the axis (radius 0) up to the rim.
        wall: thickness of the material.
        section: (R, 2) outline around the axis in place of the unit circle.
    """
    line = np.asarray(outer, dtype=np.float64)
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.sqrt((along**2).sum(1, keepdims=True)), 1e-12)
    inner = line + wall * np.stack([-along[:, 1], along[:, 0]], axis=1)
    inner[0] = (0.0, line[0, 1] + wall)
    inner[1:, 0] = np.maximum(inner[1:, 0], 0.05 * wall)
    inner[:, 1] = np.maximum(inner[:, 1], line[0, 1] + wall)
    inner[-1, 1] = line[-1, 1]
    return lathe(np.concatenate([line, inner[::-1]]), section=section)


def half_width(section: Floats) -> float:
    """Return how far an outline (R, 2) reaches along x."""
    return float(np.abs(section[:, 1]).max())


def walls(size: tuple[float, float, float], thickness: float, taper: float = 1.0) -> list[Mesh]:
    """Return floor and four walls of an open box of full extents (x, y, z) that stands on y = 0.

    Args:
        size: extents at the bottom.
        thickness: of the boards.
        taper: size of the rim relative to the bottom.
    """
    wide, high, deep = size
    pieces = [box((0, thickness / 2, 0), (wide, thickness, deep))]
    lean_x, lean_z = wide / 2 * (taper - 1), deep / 2 * (taper - 1)
    for sign in (-1.0, 1.0):
        at_x, at_z = sign * (wide - thickness) / 2, sign * (deep - thickness) / 2
        pieces.append(box((at_x, high / 2, 0), (thickness, high, deep), taper=(1.0, taper), shear=(sign * lean_x, 0.0)))
        pieces.append(box((0, high / 2, at_z), (wide, high, thickness), taper=(taper, 1.0), shear=(0.0, sign * lean_z)))
    return pieces


def loop_handle(at: float, height: float, wide: float, reach: float, thick: float) -> Mesh:
    """Return a level loop at +x: its ends at (at, height, ±wide / 2), its bow ``reach`` farther out."""
    corners = [(at, height, -wide / 2), (at + reach, height, -wide / 2), (at + reach, height, wide / 2),
               (at, height, wide / 2)]  # fmt: skip
    return tube(bent(corners, min(reach, wide / 2) * 0.8), thick, sides=6)


def bail(half: float, height: float, rise: float, thick: float, fall: float = 0.0) -> Mesh:
    """Return a wire handle from (-half, height) over the top to (half, height), ``fall`` degrees out of upright."""
    turn = np.linspace(np.pi, 0.0, 15)
    path = np.stack([half * np.cos(turn), height + rise * np.sin(turn), np.zeros(15)], axis=1)
    return rotate(tube(path, thick, sides=6), "x", fall, (0.0, height, 0.0))


def knob(kind: str, height: float, size: float) -> list[Mesh]:
    """Return what a lid is lifted by, standing on ``height``: a ball, a flat button or a loop."""
    if kind == "ball":
        return [superellipsoid((0, height + size * 0.45, 0), (size, size, size))]
    if kind == "flat":
        return [
            lathe([(0, height - size * 0.1), (size * 0.25, height - size * 0.1), (size * 0.25, height + size * 0.3),
                   (size * 0.7, height + size * 0.35), (size * 0.7, height + size * 0.5), (0, height + size * 0.55)],
                  sides=14)
        ]  # fmt: skip
    return [bail(size * 0.8, height - size * 0.1, size, size * 0.16)]
