"""Who and what stands on a street: people, cyclists, vans, trucks, trams, trailers, trees and poles.

Each function draws one object from a generator, in meters, on y = 0, front toward +z. Cars are the embedded ones.
"""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design
from pointsra.data.shapes.meshes import both_sides, box, move, rotate
from pointsra.data.shapes.parts import beam, frustum, hull, superellipsoid, tube, wheel


def _person(asm: Assembly, rng: np.random.Generator, tall: float, pose: str, at: tuple[float, float]) -> None:
    """Add a person of height ``tall`` whose hips are at (y, z) = ``at``; pose is "walk", "sit" or "ride"."""
    y, z = at
    torso, hip = tall * 0.3, tall * 0.07
    lean = {"walk": 0.02, "sit": -0.04, "ride": 0.22}[pose] * tall
    neck = (0.0, y + torso * (0.93 if pose == "ride" else 1.0), z + lean)
    asm.add("body", frustum((0, y - 0.04, z), neck, tall * 0.095, tall * 0.11))
    asm.add("body", superellipsoid((0, neck[1] + tall * 0.1, neck[2] + 0.01), (tall * 0.09, tall * 0.13, tall * 0.11)))
    stride = rng.uniform(0.08, 0.22)
    for side in (-1, 1):
        x = side * hip
        if pose == "walk":
            foot, knee = (x, 0.03, z + side * stride), (x, y * 0.52, z + side * stride * 0.5 + 0.04)
        else:
            drop = 0.0 if pose == "sit" else (0.08 if side > 0 else -0.1)
            knee = (x * 1.3, y - 0.02 - drop, z + tall * 0.24)
            foot = (x, max(y - tall * 0.27 - drop, 0.03), z + tall * (0.25 if pose == "sit" else 0.1))
        asm.add(
            "body", frustum((x, y, z), knee, tall * 0.05, tall * 0.036), frustum(knee, foot, tall * 0.036, tall * 0.025)
        )
        asm.add("body", box((foot[0], foot[1], foot[2] + 0.05), (0.08, 0.06, 0.24)))
        shoulder = (side * tall * 0.115, neck[1] - tall * 0.02, neck[2])
        swing = {"walk": -side * stride * 0.8, "sit": 0.25, "ride": 0.42}[pose]
        hand = (side * tall * 0.12, shoulder[1] - tall * (0.3 if pose == "walk" else 0.16), shoulder[2] + swing)
        asm.add("body", frustum(shoulder, hand, tall * 0.03, tall * 0.022))


def pedestrian(rng: np.random.Generator) -> Design:
    """A walking person."""
    asm = Assembly(("body",))
    tall = rng.uniform(1.5, 1.9)
    _person(asm, rng, tall, "walk", (tall * 0.5, 0.0))
    return asm.finish({}, "a pedestrian")


def person_sitting(rng: np.random.Generator) -> Design:
    """A person on a plain seat."""
    asm = Assembly(("body", "seat"))
    tall = rng.uniform(1.5, 1.85)
    _person(asm, rng, tall, "sit", (0.52, 0.0))
    asm.add("seat", box((0, 0.21, -0.02), (0.5, 0.42, 0.45)))
    return asm.finish({}, "a person sitting")


def cyclist(rng: np.random.Generator) -> Design:
    """A person on a bicycle."""
    asm = Assembly(("body", "bicycle"))
    for z in (-0.52, 0.52):
        asm.add("bicycle", wheel((0, 0.34, z), 0.34, 0.05))
    frame = [((0, 0.34, -0.52), (0, 0.3, 0)), ((0, 0.3, 0), (0, 0.85, 0.4)), ((0, 0.3, 0), (0, 0.95, -0.15)),
             ((0, 0.85, -0.1), (0, 0.85, 0.4)), ((0, 0.34, 0.52), (0, 1.0, 0.36))]  # fmt: skip
    asm.add("bicycle", *[frustum(a, b, 0.025, sides=8) for a, b in frame])
    asm.add(
        "bicycle", frustum((-0.28, 1.02, 0.36), (0.28, 1.02, 0.36), 0.02), box((0, 0.97, -0.17), (0.16, 0.06, 0.25))
    )
    _person(asm, rng, rng.uniform(1.6, 1.85), "ride", (1.0, -0.16))
    return asm.finish({}, "a cyclist")


def _wheels(asm: Assembly, half: float, radius: float, places: tuple[float, ...]) -> None:
    for z in places:
        asm.add("wheel", *both_sides(wheel((half, radius, z), radius, 0.24)))


def van(rng: np.random.Generator) -> Design:
    """A delivery van."""
    asm = Assembly(("body", "wheel"))
    long, wide, tall = rng.uniform(4.6, 5.6), rng.uniform(1.8, 2.0), rng.uniform(1.9, 2.4)
    nose = rng.uniform(0.8, 1.1)
    edge, up, high = long / 2 - nose, tall / 2 + 0.15, tall / 2 - 0.15
    asm.add("body", hull([(-long / 2, up, wide / 2, high), (edge, up, wide / 2, high)], 10.0))
    hood = (long / 2 - nose * 0.4, tall * 0.38, wide / 2, tall * 0.28)
    front = (long / 2, tall * 0.3, wide * 0.475, tall * 0.2)
    asm.add("body", hull([(edge, up, wide / 2, high), hood, front], 8.0))
    _wheels(asm, wide / 2 - 0.12, 0.33, (-long * 0.32, long * 0.32))
    return asm.finish({}, "a van")


def truck(rng: np.random.Generator) -> Design:
    """A truck: a cab and a box behind it."""
    asm = Assembly(("body", "wheel"))
    long, wide, tall = rng.uniform(7.5, 10.5), rng.uniform(2.4, 2.6), rng.uniform(3.0, 3.7)
    asm.add("body", box((0, tall * 0.5 + 0.15, long / 2 - 1.0), (wide * 0.97, tall * 0.75, 2.0), taper=(1.0, 0.85)))
    asm.add("body", box((0, tall / 2 + 0.5, -1.15), (wide, tall - 1.0, long - 2.3)))
    asm.add("body", box((0, 0.75, 0), (wide * 0.5, 0.3, long * 0.95)))
    _wheels(asm, wide / 2 - 0.15, 0.48, (long / 2 - 1.2, -long / 2 + 1.1, -long / 2 + 2.2))
    return asm.finish({}, "a truck")


def tram(rng: np.random.Generator) -> Design:
    """A tram of two cars."""
    asm = Assembly(("body", "wheel"))
    long, wide, tall = rng.uniform(12.0, 18.0), 2.4, rng.uniform(3.2, 3.6)
    for side in (-1, 1):
        up, high, end = tall / 2 + 0.2, tall / 2 - 0.2, side * (long / 2 - 1.2)
        front = (side * long / 2, tall * 0.42, wide * 0.38, tall * 0.32)
        asm.add("body", hull([(side * 0.3, up, wide / 2, high), (end, up, wide / 2, high), front], 9.0))
    asm.add("body", box((0, tall / 2 + 0.2, 0), (wide * 0.85, tall - 0.6, 0.8)))
    _wheels(asm, wide / 2 - 0.3, 0.3, (-long * 0.35, -long * 0.2, long * 0.2, long * 0.35))
    return asm.finish({}, "a tram")


def trailer(rng: np.random.Generator) -> Design:
    """A small trailer, which KITTI counts among its miscellaneous objects."""
    asm = Assembly(("body", "wheel"))
    long, wide = rng.uniform(1.8, 3.0), rng.uniform(1.3, 1.8)
    asm.add(
        "body",
        box((0, 0.75, -0.3), (wide, rng.uniform(0.5, 1.1), long)),
        beam((0, 0.45, long / 2 - 0.4), (0, 0.45, long / 2 + 0.6), 0.1, 0.1),
    )
    _wheels(asm, wide / 2 + 0.05, 0.3, (-0.4,))
    return asm.finish({}, "a trailer")


def tree(rng: np.random.Generator) -> Design:
    """A tree: a trunk and a crown of several lumps."""
    asm = Assembly(("trunk", "crown"))
    clear, radius = rng.uniform(1.8, 2.8), rng.uniform(0.12, 0.25)
    asm.add("trunk", frustum((0, 0, 0), (0, clear + 1.0, 0), radius, radius * 0.6))
    for _ in range(int(rng.integers(5, 9))):
        x, y, z = rng.normal(0, 0.8), clear + rng.uniform(0.6, 2.6), rng.normal(0, 0.8)
        asm.add("crown", superellipsoid((x, y, z), rng.uniform(1.2, 2.2, 3)))
    return asm.finish({}, "a tree")


def pole(rng: np.random.Generator) -> Design:
    """A lamp post or a sign."""
    asm = Assembly(("pole", "head"))
    tall = rng.uniform(2.4, 6.0)
    asm.add("pole", frustum((0, 0, 0), (0, tall, 0), rng.uniform(0.04, 0.1), 0.04))
    if tall < 3.5:
        asm.add("head", rotate(box((0, tall, 0.05), (0.6, 0.6, 0.03)), "z", rng.choice([0.0, 45.0]), (0, tall, 0)))
    else:
        reach = rng.uniform(0.6, 1.4)
        asm.add(
            "head",
            tube([(0, tall, 0), (0, tall + 0.2, reach / 2), (0, tall + 0.2, reach)], 0.04),
            move(box((0, 0, 0), (0.2, 0.12, 0.5)), (0, tall + 0.18, reach)),
        )
    return asm.finish({}, "a pole")
