"""Loose things of a home that the embedded shapes lack: bags, bins, boxes, displays, pillows, plants and the like.

Each function draws one object from a generator, in meters, standing on y = 0 with its front toward +z, as in
``pointsra.data.shapes``. They are plain: enough for a stand-in, with none of the choices of the embedded classes.
"""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design
from pointsra.data.shapes.meshes import both_sides, box, move, rotate
from pointsra.data.shapes.parts import (
    beam,
    bent,
    cushion,
    frustum,
    lathe,
    panel,
    ring,
    slab,
    superellipse,
    superellipsoid,
    tube,
)


def bag(rng: np.random.Generator) -> Design:
    """A handbag or rucksack: a soft body, one or two handles, sometimes a pocket."""
    asm = Assembly(("body", "handle"))
    wide, tall, deep = rng.uniform(0.28, 0.48), rng.uniform(0.25, 0.45), rng.uniform(0.12, 0.22)
    asm.add("body", superellipsoid((0, tall / 2, 0), (wide, tall, deep), 0.5, 0.6))
    if rng.random() < 0.6:
        asm.add("body", cushion((0, tall * 0.35, deep * 0.5), (wide * 0.6, tall * 0.45, deep * 0.35)))
    rise, reach = rng.uniform(0.1, 0.22), wide * rng.uniform(0.2, 0.35)
    for z in (-deep * 0.2, deep * 0.2) if rng.random() < 0.6 else (0.0,):
        corners = [(-reach, tall * 0.85, z), (-reach, tall + rise, z), (reach, tall + rise, z), (reach, tall * 0.85, z)]
        asm.add("handle", tube(bent(corners, rise * 0.6), 0.012))
    return asm.finish({}, "a bag with a handle")


def trash_bin(rng: np.random.Generator) -> Design:
    """A waste bin, round or square, open or with a lid."""
    asm = Assembly(("body", "lid"))
    radius, tall, narrow = rng.uniform(0.14, 0.24), rng.uniform(0.3, 0.75), rng.uniform(0.7, 0.95)
    section = superellipse(2.0 if rng.random() < 0.6 else 8.0, 24)
    profile = [(0, 0), (radius * narrow, 0), (radius, tall), (radius * 0.95, tall), (radius * narrow * 0.95, 0.02)]
    asm.add("body", lathe(profile, section=section))
    if rng.random() < 0.45:
        asm.add(
            "lid",
            slab(section * radius * 1.04, tall, tall + 0.03),
            superellipsoid((0, tall + 0.02, 0), (radius, 0.12, radius)),
        )
    else:
        asm.add("body", slab(section * radius * narrow * 0.9, 0.02, tall * rng.uniform(0.1, 0.6)))
    return asm.finish({}, "a waste bin")


def carton(rng: np.random.Generator) -> Design:
    """A cardboard box, closed or with its flaps open."""
    asm = Assembly(("body", "flap"))
    wide, tall, deep = rng.uniform(0.25, 0.6), rng.uniform(0.18, 0.5), rng.uniform(0.2, 0.45)
    opened = rng.random() < 0.5
    asm.add("body", box((0, tall / 2, 0), (wide, tall, deep), without=("top",) if opened else ()))
    if opened:
        lean = rng.uniform(20, 70)
        for side in (-1, 1):
            flap = box((side * wide / 2, tall + deep * 0.22, 0), (0.006, deep * 0.45, deep))
            asm.add("flap", rotate(flap, "z", -side * lean, (side * wide / 2, tall, 0)))
            flap = box((0, tall + deep * 0.2, side * deep / 2), (wide, deep * 0.4, 0.006))
            asm.add("flap", rotate(flap, "x", side * lean, (0, tall, side * deep / 2)))
    return asm.finish({}, "a box")


def display(rng: np.random.Generator) -> Design:
    """A computer screen on a foot, or a wide one on two."""
    asm = Assembly(("screen", "stand"))
    wide = rng.uniform(0.42, 0.95)
    tall, clear, thick = wide * rng.uniform(0.52, 0.75), rng.uniform(0.06, 0.16), rng.uniform(0.02, 0.06)
    screen = [
        box((0, clear + tall / 2, 0), (wide, tall, thick)),
        box((0, clear + tall / 2, -thick), (wide * 0.5, tall * 0.5, thick * 1.4)),
    ]
    lean = rng.uniform(-8, 3)
    asm.add("screen", *[rotate(each, "x", lean, (0, clear, 0)) for each in screen])
    if rng.random() < 0.7:
        asm.add("stand", beam((0, 0.01, -0.04), (0, clear + tall * 0.4, -0.04), 0.07, 0.02))
        asm.add(
            "stand", slab(superellipse(2.0 if rng.random() < 0.5 else 6.0) * np.array([wide * 0.24, 0.11]), 0.0, 0.015)
        )
    else:
        asm.add("stand", *both_sides(box((wide * 0.35, 0.012, 0), (0.03, 0.024, 0.2))))
        asm.add("stand", *both_sides(beam((wide * 0.35, 0, 0), (wide * 0.35, clear + 0.02, 0), 0.025, 0.02)))
    return asm.finish({}, "a display")


def pillow(rng: np.random.Generator) -> Design:
    """A pillow, flat or leaning."""
    asm = Assembly(("body",))
    wide, deep, thick = rng.uniform(0.4, 0.7), rng.uniform(0.35, 0.48), rng.uniform(0.1, 0.2)
    body = superellipsoid((0, thick / 2, 0), (wide, thick, deep), 0.8, 0.45)
    asm.add("body", rotate(body, "x", rng.uniform(40, 75) if rng.random() < 0.5 else rng.uniform(-6, 6)))
    return asm.finish({}, "a pillow")


def bench(rng: np.random.Generator) -> Design:
    """A bench of slats, with or without a back."""
    asm = Assembly(("seat", "back", "leg"))
    wide, high, deep = rng.uniform(1.0, 1.7), rng.uniform(0.4, 0.48), rng.uniform(0.34, 0.45)
    slats = int(rng.integers(3, 6))
    asm.add(
        "seat",
        *[box((0, high, -deep / 2 + deep * (i + 0.5) / slats), (wide, 0.03, deep / slats * 0.8)) for i in range(slats)],
    )
    for x in (-wide * 0.4, wide * 0.4):
        asm.add("leg", *[beam((x, 0, z), (x, high, z), 0.06, 0.05) for z in (-deep * 0.4, deep * 0.4)])
        asm.add("leg", box((x, high * 0.35, 0), (0.04, 0.04, deep * 0.8)))
    if rng.random() < 0.6:
        asm.add(
            "back", *[panel(-wide / 2, wide / 2, high + y, high + y + 0.09, 0.025, -deep * 0.5) for y in (0.15, 0.28)]
        )
        asm.add(
            "back",
            *[
                beam((x, high, -deep * 0.5), (x, high + 0.4, -deep * 0.52), 0.05, 0.04)
                for x in (-wide * 0.4, wide * 0.4)
            ],
        )
    return asm.finish({}, "a bench")


def bowl(rng: np.random.Generator) -> Design:
    """An open bowl on a small foot."""
    asm = Assembly(("body", "foot"))
    radius, tall = rng.uniform(0.07, 0.14), rng.uniform(0.05, 0.1)
    t = np.linspace(0.15, 1.0, 8)
    outside = np.stack([radius * t, tall * t ** rng.uniform(1.6, 3.0)], axis=1)
    asm.add("body", lathe(np.concatenate([outside, outside[::-1] * np.array([0.94, 1.0]) + np.array([0, 0.004])])))
    asm.add("foot", ring((0, 0, 0), radius * 0.4, 0.006))
    return asm.finish({}, "a bowl")


def cone(rng: np.random.Generator) -> Design:
    """A traffic cone."""
    asm = Assembly(("body", "base"))
    tall, radius = rng.uniform(0.35, 0.9), rng.uniform(0.1, 0.22)
    asm.add("body", frustum((0, 0.02, 0), (0, tall, 0), radius, radius * rng.uniform(0.05, 0.2), 24))
    asm.add("base", slab(superellipse(8.0) * radius * 1.35, 0.0, 0.025))
    return asm.finish({}, "a cone")


def plant(rng: np.random.Generator) -> Design:
    """A potted plant of bent leaves."""
    asm = Assembly(("pot", "leaf"))
    radius, tall = rng.uniform(0.12, 0.2), rng.uniform(0.18, 0.35)
    asm.add("pot", lathe([(0, 0), (radius * 0.7, 0), (radius, tall), (radius * 0.9, tall), (0, tall - 0.03)]))
    for _ in range(int(rng.integers(7, 16))):
        angle, reach, rise = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.4), rng.uniform(0.3, 0.9)
        out = np.array([np.cos(angle), 0.0, np.sin(angle)])
        path = [
            np.array([0, tall, 0]) + out * reach * s**2 + np.array([0, rise * (s - 0.45 * s**3), 0])
            for s in np.linspace(0, 1, 6)
        ]
        asm.add("leaf", tube(path, [0.008, 0.03, 0.045, 0.045, 0.03, 0.005], flat=0.003))
    return asm.finish({}, "a plant in a pot")


def laptop(rng: np.random.Generator) -> Design:
    """A laptop: keyboard half and screen half."""
    asm = Assembly(("keyboard", "screen"))
    wide, deep, thick = rng.uniform(0.28, 0.4), rng.uniform(0.2, 0.27), rng.uniform(0.012, 0.025)
    asm.add(
        "keyboard",
        box((0, thick / 2, 0), (wide, thick, deep)),
        box((0, thick, deep * 0.28), (wide * 0.3, 0.003, deep * 0.25)),
    )
    lid = move(box((0, deep / 2, 0), (wide, deep, thick * 0.6)), (0, thick, -deep / 2))
    asm.add("screen", rotate(lid, "x", -rng.uniform(5, 40), (0, thick, -deep / 2)))
    return asm.finish({}, "a laptop")
