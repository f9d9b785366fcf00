"""Rotors of helicopters: the main one, and the one at the tail, in the open or in a duct. Knows no class."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.meshes import Mesh, move, rotate
from pointsra.data.shapes.parts import beam, frustum, hoop, superellipsoid, tube, wing


def rotor(top: tuple[float, float, float], radius: float, count: int, rng: np.random.Generator) -> list[Mesh]:
    """Return a main rotor whose hub is at ``top``; blades droop a little."""
    u = rng.uniform
    chord, droop, start = radius * u(0.055, 0.1), radius * u(-0.02, 0.06), u(0, 360)
    mast, taper = radius * u(0.05, 0.1), u(0.7, 1.0)
    pieces = [
        frustum((0, -mast, 0), (0, mast * 0.3, 0), radius * 0.022, sides=10),
        superellipsoid((0, 0, 0), (radius * u(0.1, 0.16), radius * 0.05, radius * u(0.1, 0.16)), 0.6),
    ]
    blade = [
        wing((radius * 0.16, 0, chord * 0.4), (radius, -droop, chord * 0.4 * taper), chord, chord * taper, 0.22),
        beam((0, 0, 0), (radius * 0.2, -droop * 0.1, 0), radius * 0.025, radius * 0.025),
    ]
    for i in range(count):
        pieces += [rotate(piece, "y", start + 360 * i / count) for piece in blade]
    return [move(piece, top) for piece in pieces]


def tail_rotor(size: float, count: int, ducted: bool, rng: np.random.Generator) -> list[Mesh]:
    """Return a rotor in the plane x = 0 about the origin, in a ring where it is ducted."""
    chord = size * (rng.uniform(0.18, 0.28) if not ducted else 0.22)
    blade = wing((0, 0, chord / 2), (size * 0.96, 0, chord / 2), chord, chord * 0.8, 0.22)
    blade = rotate(rotate(blade, "x", 70), "z", 90)
    start = rng.uniform(0, 360)
    pieces = [rotate(blade, "x", start + 360 * i / count) for i in range(count)]
    pieces.append(frustum((-size * 0.14, 0, 0), (size * 0.2, 0, 0), size * 0.14, sides=10))
    if ducted:
        pieces.append(tube(hoop() * size * 1.08, size * 0.12, flat=size * 0.22, loop=True))
    return pieces
