"""Bodies of cameras other than plain still ones, and the lenses of all; each function adds one. Knows no captions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from pointsra.data.shapes.designs import Assembly
from pointsra.data.shapes.meshes import Mesh, box, loft, move
from pointsra.data.shapes.parts import circle, frustum, hoop, superellipse, tube


def barrel(place: tuple[float, float, float], radius: float, long: float, rng: np.random.Generator) -> list[Mesh]:
    """Return a lens that starts at ``place`` and looks toward +z: stepped rings, an open rim, sunken glass."""
    u = rng.uniform
    steps = int(rng.integers(2, 5))
    line: list[tuple[float, float]] = [(0.0, 0.0)]
    cuts, width = np.linspace(0, 1, steps + 1), u(0.82, 1.0)
    for low, high in pairwise(cuts):
        line += [(width, low), (width * u(0.95, 1.0), high)]
        width = min(max(width * u(0.82, 1.22), 0.7), 1.15)
    rim = line[-1][0]
    if rng.random() < 0.3:
        rim = rim * u(1.05, 1.3)
        line.append((rim, 1.0 + u(0.1, 0.3)))
    end = line[-1][1]
    line += [(rim * 0.88, end), (rim * 0.78, end - 0.12), (rim * 0.45, end - 0.08), (0.0, end - 0.05)]
    around = circle(24)
    rings = np.array([np.column_stack([r * radius * around, np.full(24, z * long)]) for r, z in line])
    return [move(loft(rings, caps=False), place)]


def block(center: tuple[float, float, float], size: tuple[float, float, float], power: float) -> Mesh:
    """Return a body whose outline, seen from the front, is a rounded rectangle."""
    section = superellipse(power, 28) * np.array([size[0], size[1]]) / 2
    z = np.array([-0.5, -0.44, 0.44, 0.5]) * size[2]
    grow = np.array([0.94, 1.0, 1.0, 0.94])
    rings = np.concatenate([grow[:, None, None] * section, np.broadcast_to(z[:, None, None], (4, 28, 1))], axis=2)
    return move(loft(rings), center)


def knobs(asm: Assembly, top: float, half: float, rng: np.random.Generator) -> None:
    """Add dials and a shutter button on a body that is ``top`` high and ``half`` wide to each side."""
    u = rng.uniform
    for x in u(0.45, 0.85, int(rng.integers(1, 4))) * half * rng.choice([-1, 1], 1):
        asm.add("body", frustum((x, top - 0.002, 0), (x, top + u(0.004, 0.009), 0), u(0.005, 0.01), sides=14))


def bellows(asm: Assembly, drawn: dict[str, str], power: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """Add a folding or a view camera with its bellows; returns width, height and depth of its body."""
    u, upright = rng.uniform, rng.random() < 0.6
    large = rng.random() < 0.4
    wide, high = (u(0.09, 0.13), u(0.13, 0.18)) if upright else (u(0.14, 0.18), u(0.085, 0.11))
    wide, high = (u(0.18, 0.26), u(0.18, 0.26)) if large else (wide, high)
    deep, long = u(0.025, 0.045), u(0.08, 0.14) * (2.0 if large else 1.0)
    asm.add("body", block((0, 0, 0), (wide, high, deep), power))
    folds = int(rng.integers(6, 12))
    t = np.linspace(0, 1, 2 * folds + 1)
    end = u(0.35, 0.9 if large else 0.6)
    grow = (0.86 + (end - 0.86) * t) * (1 - 0.1 * (np.arange(len(t)) % 2))
    side = min(wide, high) / max(wide, high)
    shrink = np.stack(
        [
            wide / 2 * grow * (side if wide > high and not large else 1),
            high / 2 * grow * (side if high > wide and not large else 1),
        ],
        axis=1,
    )
    square = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    rings = np.concatenate(
        [shrink[:, None] * square, np.broadcast_to((deep / 2 + t * long)[:, None, None], (len(t), 4, 1))], axis=2
    )
    asm.add("lens", loft(rings))
    front = deep / 2 + long
    size = shrink[-1] * 2 * 1.08
    asm.add("body", box((0, 0, front), (size[0], size[1], 0.012)))
    asm.add("lens", *barrel((0, 0, front), min(size) * u(0.28, 0.42), u(0.02, 0.05), rng))
    asm.add(
        "body", box((0, -high / 2 + 0.006, front / 2 + 0.015), (wide * (0.45 if large else 0.85), 0.01, front + 0.02))
    )
    asm.add(
        "body",
        box((0, (-high / 2 - size[1] / 2) / 2 + 0.004, front), (size[0] * 0.7, high / 2 - size[1] / 2 + 0.01, 0.01)),
    )
    if not large:
        asm.add("body", box((wide * u(-0.2, 0.2), high / 2 + 0.008, 0), (0.03, 0.022, deep * 0.6)))
        knobs(asm, high / 2, wide / 2, rng)
    return wide, high, deep


def film(asm: Assembly, drawn: dict[str, str], power: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """Add a film camera with reels or a handle; returns width, height and depth of its body."""
    u = rng.uniform
    wide, high, deep = u(0.09, 0.16), u(0.16, 0.24), u(0.22, 0.36)
    asm.add("body", block((0, 0, 0), (wide, high, deep), power))
    style, radius = rng.random(), u(0.08, 0.13)
    if style < 0.8:
        slim, first = wide * u(0.3, 0.6), deep * u(-0.32, -0.1)
        near = float(rng.choice([0.0, 0.35])) * radius
        for z, y in ((first, 0.85 * radius), (first + radius * u(1.75, 2.0), 0.85 * radius + near)):
            center = np.array([0, high / 2 + y, z])
            out = np.array([slim / 2, 0, 0])
            if rng.random() < 0.7:
                asm.add("body", frustum(center - out, center + out, radius, sides=24))
            else:
                rim = hoop()
                asm.add("body", tube(center + rim * radius * 0.92, radius * 0.08, flat=slim / 2, loop=True))
                asm.add(
                    "body",
                    *[
                        frustum(center - rim[i] * radius * 0.9, center + rim[i] * radius * 0.9, radius * 0.08)
                        for i in (0, 4, 8)
                    ],
                )
            asm.add("body", frustum(center - out * 1.3, center + out * 1.3, radius * 0.2, sides=12))
    else:
        asm.add("body", box((0, high / 2 + 0.05, -deep * 0.1), (0.03, 0.025, deep * 0.5)))
        for z in (-0.3, 0.1):
            asm.add("body", box((0, high / 2 + 0.02, deep * z), (0.03, 0.05, 0.03)))
    long = {"short": u(0.05, 0.08), "medium": u(0.1, 0.15), "long": u(0.18, 0.28)}[drawn["lens"]]
    turret, size = rng.random() < 0.3, min(wide, high) * u(0.22, 0.36)
    if turret:
        asm.add("lens", frustum((0, 0, deep / 2), (0, 0, deep / 2 + 0.012), min(wide * 0.55, high * 0.45), sides=20))
        for angle in np.arange(3) * 2.094 + 0.5236:
            spot = (wide * 0.28 * np.cos(angle), wide * 0.28 * np.sin(angle), deep / 2 + 0.008)
            asm.add("lens", *barrel(spot, wide * 0.17, long * u(0.3, 0.8), rng))
    else:
        asm.add("lens", *barrel((0, high * u(-0.1, 0.2), deep / 2 - 0.002), size, long, rng))
        if rng.random() < 0.5:
            box_hood = box((0, 0, 0), (size * 3.0, 0.08, size * 2.4), taper=0.7)
            hood = Mesh(box_hood.vertices[:, [0, 2, 1]] * np.array([1, 1, -1]), box_hood.faces)
            asm.add("lens", move(hood, (0, high * 0.05, deep / 2 + long * 0.9)))
    side = float(rng.choice([-1, 1])) * (wide / 2 + 0.014)
    asm.add("body", frustum((side, high * 0.3, -deep * 0.7), (side, high * 0.3, deep * 0.2), 0.017, sides=12))
    asm.add("body", box((side * 0.9, high * 0.3, -deep * 0.1), (0.03, 0.03, deep * 0.2)))
    if rng.random() < 0.4:
        asm.add(
            "body",
            frustum((-side * 0.9, 0, 0), (-side * 1.25, 0, 0), 0.012),
            box((-side * 1.25, -0.03, 0), (0.008, 0.07, 0.014)),
        )
    return wide, high, deep


def twin(asm: Assembly, drawn: dict[str, str], power: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """Add a box with two lenses over one another; returns its width, height and depth."""
    u = rng.uniform
    wide, high, deep, power = u(0.072, 0.09), u(0.12, 0.15), u(0.075, 0.1), max(power, 6.0)
    asm.add("body", block((0, 0, 0), (wide, high, deep), power))
    asm.add("body", block((0, 0, deep / 2 + 0.006), (wide * 0.85, high * 0.85, 0.018), 8.0))
    for y, size in ((-0.2, u(0.27, 0.34)), (0.2, u(0.24, 0.32))):
        asm.add("lens", *barrel((0, high * y, deep / 2 + 0.01), wide * size, u(0.018, 0.04), rng))
    if rng.random() < 0.6:
        rise = u(0.03, 0.06)
        for x, z, w, d in (
            (0.43, 0, 0.004, 0.8),
            (-0.43, 0, 0.004, 0.8),
            (0, 0.4, wide * 0.86, 0),
            (0, -0.4, wide * 0.86, 0),
        ):
            asm.add("body", box((x * wide, high / 2 + rise / 2, z * deep), (w, rise, d * deep or 0.004)))
    for y in (-0.2, 0.2):
        asm.add("body", frustum((wide / 2, high * y, 0), (wide / 2 + 0.014, high * y, 0), u(0.01, 0.018), sides=14))
    return wide, high, deep
