"""What is built into a home and the embedded shapes lack: doors, windows, sinks, toilets, counters, stairs.

Each function draws one object from a generator, in meters, standing on y = 0 with its front toward +z, as in
``pointsra.data.shapes``.
"""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design
from pointsra.data.shapes.meshes import both_sides, box, rotate
from pointsra.data.shapes.parts import (
    beam,
    bent,
    frustum,
    lathe,
    slab,
    superellipse,
    tube,
)


def door(rng: np.random.Generator) -> Design:
    """A door leaf with handle and frame, closed or ajar."""
    asm = Assembly(("leaf", "frame", "handle"))
    wide, tall = rng.uniform(0.75, 0.98), rng.uniform(1.95, 2.1)
    turn = rng.uniform(0, 55) if rng.random() < 0.4 else 0.0
    leaf = [box((0, tall / 2, 0), (wide, tall, 0.04))]
    if rng.random() < 0.6:
        heights = ((0.28, 0.42), (0.73, 0.4)) if rng.random() < 0.5 else ((0.5, 0.8),)
        leaf += [box((0, tall * y, z), (wide * 0.66, tall * h, 0.012)) for y, h in heights for z in (-0.024, 0.024)]
    handle = [frustum((wide * 0.42, 1.02, z), (wide * 0.42, 1.02, z * 3), 0.012) for z in (-0.02, 0.02)]
    handle += [beam((wide * 0.43, 1.02, z), (wide * 0.3, 1.02, z), 0.02, 0.02) for z in (-0.06, 0.06)]
    hinge = (-wide / 2, 0.0, 0.0)
    asm.add("leaf", *[rotate(each, "y", -turn, hinge) for each in leaf])
    asm.add("handle", *[rotate(each, "y", -turn, hinge) for each in handle])
    asm.add("frame", *both_sides(box((wide / 2 + 0.035, tall / 2, 0), (0.07, tall, 0.12))))
    asm.add("frame", box((0, tall + 0.035, 0), (wide + 0.14, 0.07, 0.12)))
    return asm.finish({}, "a door in its frame")


def sink(rng: np.random.Generator) -> Design:
    """A wash basin with a faucet, on a pedestal, a cabinet, or hung on the wall."""
    asm = Assembly(("basin", "faucet", "support"))
    half = np.array([rng.uniform(0.24, 0.36), rng.uniform(0.19, 0.26)])
    height, depth = rng.uniform(0.78, 0.9), rng.uniform(0.12, 0.2)
    section = superellipse(float(rng.choice([2.3, 5.0])), 24)[:, ::-1] * half[::-1]
    profile = [(0.3, height - depth), (0.92, height - 0.04), (1.0, height), (0.86, height), (0.8, height - 0.03),
               (0.45, height - depth * 0.85), (0.0, height - depth * 0.9)]  # fmt: skip
    asm.add("basin", lathe(profile, section=section))
    back = -half[1] * 0.9
    spout = [
        (0, height, back),
        (0, height + 0.18, back),
        (0, height + 0.16, back + 0.14),
        (0, height + 0.1, back + 0.14),
    ]
    asm.add(
        "faucet",
        tube(bent(spout, 0.05), 0.014),
        *both_sides(frustum((0.07, height, back), (0.09, height + 0.06, back), 0.016)),
    )
    kind = int(rng.integers(3))
    if kind == 0:
        asm.add("support", frustum((0, 0, -0.04), (0, height - depth, -0.04), 0.12, 0.09))
    elif kind == 1:
        tall = height - depth * 0.6
        asm.add("support", box((0, tall / 2, 0), (half[0] * 1.9, tall, half[1] * 1.9)))
        asm.add(
            "support",
            *both_sides(box((half[0] * 0.47, tall / 2, half[1] * 0.97), (half[0] * 0.85, tall * 0.85, 0.012))),
        )
    else:
        asm.add(
            "support", tube(bent([(0, height - depth, 0), (0, height - 0.4, 0), (0, height - 0.4, back)], 0.06), 0.02)
        )
        asm.add("support", box((0, height - 0.2, back - 0.02), (half[0] * 1.6, 0.42, 0.02)))
    return asm.finish({}, "a sink with a faucet")


def toilet(rng: np.random.Generator) -> Design:
    """A toilet: foot, bowl, seat, lid up or down, cistern."""
    asm = Assembly(("bowl", "seat", "cistern"))
    wide, deep, high = rng.uniform(0.17, 0.2), rng.uniform(0.22, 0.27), rng.uniform(0.36, 0.43)
    section = superellipse(2.2, 24)[:, ::-1] * np.array([deep, wide])
    profile = [(0.55, 0), (0.5, high * 0.3), (0.8, high * 0.8), (1.0, high), (0.78, high), (0.7, high * 0.85),
               (0.3, high * 0.5), (0.0, high * 0.45)]  # fmt: skip
    asm.add("bowl", lathe(profile, (0, 0, 0.06), section=section))
    opening = superellipse(2.2, 24) * np.array([wide, deep])
    path = np.stack([opening[:, 0] * 0.86, np.full(24, high + 0.012), opening[:, 1] * 0.86 + 0.06], axis=1)
    asm.add("seat", tube(path, 0.026, loop=True, flat=0.01))
    lid = slab(opening * 0.98, high + 0.024, high + 0.04, (0.0, 0.06))
    asm.add(
        "seat",
        rotate(lid, "x", -rng.uniform(86, 98), (0, high + 0.03, 0.06 - deep * 0.9)) if rng.random() < 0.6 else lid,
    )
    back, tall = 0.06 - deep - 0.07, rng.uniform(0.3, 0.4)
    asm.add("bowl", box((0, high * 0.5, back + 0.1), (wide * 1.1, high, 0.2)))
    asm.add(
        "cistern",
        box((0, high + tall / 2, back), (wide * 2.2, tall, 0.17)),
        box((0, high + tall + 0.012, back), (wide * 2.3, 0.024, 0.185)),
    )
    return asm.finish({}, "a toilet with a cistern")


def bathtub(rng: np.random.Generator) -> Design:
    """A bathtub with a faucet at one end, long along x."""
    asm = Assembly(("tub", "faucet"))
    half, high = np.array([rng.uniform(0.72, 0.85), rng.uniform(0.33, 0.4)]), rng.uniform(0.48, 0.6)
    section = superellipse(5.0, 32)[:, ::-1] * half[::-1]
    profile = [(0, 0), (0.96, 0), (1.0, high), (0.88, high), (0.74, 0.12), (0.0, 0.1)]
    asm.add("tub", lathe(profile, section=section))
    spout = [(-half[0] * 0.95, high, 0), (-half[0] * 0.95, high + 0.16, 0), (-half[0] * 0.78, high + 0.14, 0)]
    asm.add("faucet", tube(bent(spout, 0.04), 0.016))
    return asm.finish({}, "a bathtub")


def refrigerator(rng: np.random.Generator) -> Design:
    """A refrigerator of two doors, one above the other."""
    asm = Assembly(("body", "door", "handle"))
    wide, tall, deep, cut = (
        rng.uniform(0.58, 0.8),
        rng.uniform(1.5, 1.85),
        rng.uniform(0.6, 0.7),
        rng.uniform(0.3, 0.65),
    )
    asm.add("body", box((0, tall / 2, 0), (wide, tall, deep)))
    for low, high in ((0.03, cut * tall - 0.01), (cut * tall + 0.01, tall)):
        asm.add("door", box((0, (low + high) / 2, deep / 2 + 0.03), (wide, high - low, 0.05)))
        at = high - 0.25 if low < 0.1 else low + 0.25
        asm.add(
            "handle",
            beam((-wide * 0.42, at - 0.16, deep / 2 + 0.08), (-wide * 0.42, at + 0.16, deep / 2 + 0.08), 0.02, 0.03),
        )
    return asm.finish({}, "a refrigerator")


def counter(rng: np.random.Generator) -> Design:
    """A kitchen counter: a row of cabinets under one top."""
    asm = Assembly(("top", "body", "handle"))
    columns = int(rng.integers(2, 5))
    wide, deep, high = columns * rng.uniform(0.45, 0.6), rng.uniform(0.55, 0.65), rng.uniform(0.85, 0.95)
    asm.add("body", box((0, (high + 0.04) / 2, -0.02), (wide, high - 0.12, deep - 0.06)))
    asm.add("top", box((0, high - 0.02, 0), (wide + 0.03, 0.04, deep)))
    for i in range(columns):
        x = -wide / 2 + wide / columns * (i + 0.5)
        asm.add("body", box((x, high * 0.5, deep / 2 - 0.045), (wide / columns - 0.02, high - 0.22, 0.02)))
        asm.add("handle", box((x, high * 0.8, deep / 2 - 0.02), (0.14, 0.015, 0.025)))
    return asm.finish({}, "a counter")


def curtain(rng: np.random.Generator) -> Design:
    """A curtain hanging in folds."""
    asm = Assembly(("cloth", "rod"))
    wide, tall, folds = rng.uniform(0.5, 1.3), rng.uniform(1.4, 2.1), int(rng.integers(4, 10))
    x = np.linspace(-wide / 2, wide / 2, folds * 6 + 1)
    z = 0.045 * np.sin(np.linspace(0, 2 * np.pi * folds, len(x)))
    path = np.stack([x, np.full(len(x), tall / 2), z], axis=1)
    asm.add("cloth", tube(path, 0.004, flat=tall / 2))
    asm.add("rod", frustum((-wide * 0.58, tall, 0), (wide * 0.58, tall, 0), 0.014))
    return asm.finish({}, "a curtain")


def framed(rng: np.random.Generator) -> Design:
    """A picture in its frame."""
    asm = Assembly(("picture", "frame"))
    wide, tall = rng.uniform(0.35, 0.9), rng.uniform(0.35, 0.7)
    asm.add("picture", box((0, tall / 2, 0), (wide, tall, 0.015)))
    for y in (0.0, tall):
        asm.add("frame", box((0, y, 0.005), (wide + 0.04, 0.04, 0.035)))
    asm.add("frame", *both_sides(box((wide / 2, tall / 2, 0.005), (0.04, tall, 0.035))))
    return asm.finish({}, "a picture")


def board(rng: np.random.Generator) -> Design:
    """A writing board with a tray."""
    asm = Assembly(("board", "tray"))
    wide, tall = rng.uniform(1.2, 2.4), rng.uniform(0.9, 1.2)
    asm.add("board", box((0, tall / 2, 0), (wide, tall, 0.03)))
    asm.add("tray", box((0, 0, 0.05), (wide * 0.7, 0.02, 0.08)))
    return asm.finish({}, "a board")


def window(rng: np.random.Generator) -> Design:
    """A window: a pane, a frame and a cross or a bar."""
    asm = Assembly(("pane", "frame"))
    wide, tall = rng.uniform(0.9, 1.8), rng.uniform(1.0, 1.4)
    asm.add("pane", box((0, tall / 2, 0), (wide, tall, 0.01)))
    asm.add("frame", *both_sides(box((wide / 2 - 0.03, tall / 2, 0), (0.06, tall, 0.06))))
    asm.add("frame", *[box((0, y, 0), (wide, 0.06, 0.06)) for y in (0.03, tall - 0.03)])
    asm.add("frame", box((0, tall / 2, 0), (0.05, tall, 0.05)))
    if rng.random() < 0.5:
        asm.add("frame", box((0, tall * 0.65, 0), (wide, 0.05, 0.05)))
    return asm.finish({}, "a window")


def stairs(rng: np.random.Generator) -> Design:
    """A flight of stairs, climbing toward -z."""
    asm = Assembly(("step", "rail"))
    count, wide = int(rng.integers(5, 11)), rng.uniform(0.8, 1.3)
    for i in range(count):
        asm.add("step", box((0, 0.17 * (i + 1) / 2, -0.27 * i), (wide, 0.17 * (i + 1), 0.27)))
    top = (0.17 * count, -0.27 * (count - 1))
    for side in (-1, 1) if rng.random() < 0.6 else (1,):
        x = side * wide / 2
        asm.add("rail", beam((x, 1.05, 0), (x, top[0] + 0.9, top[1]), 0.05, 0.04))
        asm.add(
            "rail",
            *[beam((x, 0.17, -0.27 * i), (x, 0.17 * i + 1.05, -0.27 * i), 0.03, 0.03) for i in range(0, count, 2)],
        )
    return asm.finish({}, "stairs")
