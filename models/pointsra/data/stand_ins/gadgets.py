"""Objects of which ShapeNetPart labels the parts and that the embedded shapes lack: caps, knives, rockets and so on.

Each function draws one object from a generator, y up, front toward +z; its part names are those of the official
labels, in their order.
"""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design
from pointsra.data.shapes.meshes import both_sides, box, rotate
from pointsra.data.shapes.parts import (
    beam,
    bent,
    cushion,
    frustum,
    lathe,
    slab,
    superellipse,
    superellipsoid,
    tube,
    wheel,
    wing,
)


def cap(rng: np.random.Generator) -> Design:
    """A baseball cap."""
    asm = Assembly(("crown", "brim"))
    wide, tall = rng.uniform(0.085, 0.1), rng.uniform(0.09, 0.13)
    t = np.linspace(0, np.pi / 2, 9)
    section = superellipse(2.2)[:, ::-1] * np.array([wide * 1.15, wide])
    asm.add("crown", lathe(np.stack([np.cos(t), tall * np.sin(t)], axis=1), section=section))
    reach = rng.uniform(0.06, 0.09)
    outline = superellipse(2.5) * np.array([wide * 0.9, wide * 1.15 + reach])
    outline[:, 1] = np.maximum(outline[:, 1], wide * 0.6)
    asm.add("brim", rotate(slab(outline, 0.0, 0.004), "x", rng.uniform(2, 14), (0, 0, wide)))
    return asm.finish({}, "a cap with a brim")


def earphone(rng: np.random.Generator) -> Design:
    """A pair of headphones: ear cups, a band over the head, and a cord."""
    asm = Assembly(("cup", "band", "cord"))
    half, tall, size = rng.uniform(0.07, 0.085), rng.uniform(0.13, 0.17), rng.uniform(0.035, 0.05)
    asm.add("cup", *both_sides(superellipsoid((half, size, 0), (0.035, size * 2, size * 1.8))))
    angles = np.linspace(0, np.pi, 17)
    path = np.stack([half * 1.05 * np.cos(angles), size + tall * np.sin(angles), np.zeros(17)], axis=1)
    asm.add("band", tube(path, 0.005, flat=rng.uniform(0.008, 0.015)))
    t = np.linspace(0, 1, 9)
    path = np.stack([half * (1 - 0.6 * t), size * (1 - t), 0.02 + 0.1 * t + 0.02 * np.sin(6 * t)], axis=1)
    asm.add("cord", tube(path, 0.003, sides=6))
    return asm.finish({}, "headphones")


def knife(rng: np.random.Generator) -> Design:
    """A knife lying along x."""
    asm = Assembly(("blade", "handle"))
    blade, grip, wide = rng.uniform(0.12, 0.24), rng.uniform(0.09, 0.13), rng.uniform(0.018, 0.04)
    t = np.linspace(0, 1, 8)
    edge = np.concatenate([np.stack([t * blade, wide * np.sqrt(np.maximum(1 - t**3, 0.0))], 1), [[0, 0]]])
    asm.add("blade", slab(edge, 0.008, 0.011))
    outline = superellipse(4.0) * np.array([grip / 2, wide * 0.45])
    asm.add("handle", slab(outline, 0.0, 0.019, (-grip / 2, wide * 0.5)))
    return asm.finish({}, "a knife with a handle")


def motorbike(rng: np.random.Generator) -> Design:
    """A motorbike, front toward +z."""
    asm = Assembly(("gas tank", "seat", "wheel", "handle", "light", "frame"))
    radius, base = rng.uniform(0.28, 0.34), rng.uniform(1.3, 1.5)
    for z in (-base / 2, base / 2):
        asm.add("wheel", wheel((0, radius, z), radius, 0.13))
    asm.add("gas tank", superellipsoid((0, 0.82, 0.12), (0.28, 0.26, 0.5)))
    asm.add("seat", cushion((0, 0.78, -0.38), (0.26, 0.12, rng.uniform(0.5, 0.75))))
    asm.add("frame", superellipsoid((0, 0.45, 0.0), (0.34, 0.4, 0.5), 0.6, 0.6))
    asm.add(
        "frame", beam((0, 0.7, -0.5), (0, 0.45, 0.3), 0.1, 0.1), beam((0, radius, -base / 2), (0, 0.45, 0), 0.1, 0.06)
    )
    asm.add("frame", *both_sides(frustum((0.09, radius, base / 2), (0.09, 0.95, base / 2 - 0.25), 0.025)))
    asm.add("frame", frustum((0.17, 0.3, 0.1), (0.17, 0.35, -base / 2), 0.04, 0.06))
    rise = rng.uniform(1.0, 1.25)
    bar = [(-0.38, rise, base / 2 - 0.42), (-0.15, rise - 0.03, base / 2 - 0.28), (0.15, rise - 0.03, base / 2 - 0.28),
           (0.38, rise, base / 2 - 0.42)]  # fmt: skip
    asm.add("handle", tube(bent(bar, 0.08), 0.02))
    asm.add("light", superellipsoid((0, 0.9, base / 2 - 0.12), (0.2, 0.2, 0.16)))
    return asm.finish({}, "a motorbike")


def pistol(rng: np.random.Generator) -> Design:
    """A pistol, its muzzle toward +z."""
    asm = Assembly(("barrel", "handle", "trigger"))
    long, tall = rng.uniform(0.16, 0.24), rng.uniform(0.026, 0.04)
    asm.add(
        "barrel",
        box((0, 0.12, 0.02), (0.026, tall, long)),
        frustum((0, 0.12, long / 2), (0, 0.12, long / 2 + 0.05), 0.01),
    )
    grip = box((0, 0.055, -long * 0.3), (0.028, 0.11, 0.05))
    asm.add("handle", rotate(grip, "x", rng.uniform(8, 22), (0, 0.11, -long * 0.3)))
    loop = [(0, 0.105, -long * 0.12), (0, 0.07, -long * 0.12), (0, 0.07, long * 0.12), (0, 0.105, long * 0.12)]
    asm.add("trigger", tube(bent(loop, 0.02), 0.004), beam((0, 0.105, -0.005), (0, 0.082, 0.004), 0.008, 0.006))
    return asm.finish({}, "a pistol")


def rocket(rng: np.random.Generator) -> Design:
    """A rocket standing upright."""
    asm = Assembly(("body", "fin", "nose"))
    radius, tall, tip = rng.uniform(0.05, 0.1), rng.uniform(0.6, 1.0), rng.uniform(0.18, 0.35)
    asm.add("body", frustum((0, 0.08, 0), (0, tall, 0), radius, sides=20))
    asm.add("body", frustum((0, 0, 0), (0, 0.09, 0), radius * 0.8, radius * 0.5, 20))
    t = np.linspace(0, 1, 8)
    asm.add("nose", lathe(np.stack([radius * np.sqrt(1 - t**1.6), tall + tip * t], axis=1)))
    count, reach, chord = int(rng.integers(3, 5)), radius * rng.uniform(1.2, 2.2), rng.uniform(0.16, 0.28)
    fin = wing((radius * 0.8, 0, 0), (radius + reach, 0, -chord * 0.7), chord, chord * 0.5, 0.08)
    upright = rotate(fin, "x", -90.0)
    for i in range(count):
        moved = rotate(upright, "y", 360.0 / count * i)
        moved.vertices[:, 1] += 0.28
        asm.add("fin", moved)
    return asm.finish({}, "a rocket")


def skateboard(rng: np.random.Generator) -> Design:
    """A skateboard, long along z."""
    asm = Assembly(("wheel", "deck", "axle"))
    long, wide, up = rng.uniform(0.7, 0.85), rng.uniform(0.19, 0.23), rng.uniform(12, 24)
    asm.add("deck", slab(superellipse(6.0) * np.array([wide / 2, long * 0.32]), 0.09, 0.102))
    for side in (-1, 1):
        tail = slab(superellipse(3.0) * np.array([wide / 2, long * 0.1]), 0.09, 0.102, (0, side * long * 0.4))
        asm.add("deck", rotate(tail, "x", -side * up, (0, 0.096, side * long * 0.31)))
        z = side * long * 0.22
        asm.add(
            "axle",
            frustum((-wide * 0.42, 0.03, z), (wide * 0.42, 0.03, z), 0.01),
            box((0, 0.065, z), (0.05, 0.06, 0.07)),
        )
        asm.add("wheel", *both_sides(wheel((wide * 0.42, 0.03, z), 0.03, 0.035)))
    return asm.finish({}, "a skateboard")
