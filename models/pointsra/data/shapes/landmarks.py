"""Buildings other than homes: churches, skyscrapers, castles, halls with a dome; each function adds one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from pointsra.data.shapes.designs import Assembly
from pointsra.data.shapes.meshes import box, move, rotate
from pointsra.data.shapes.parts import circle, frustum, lathe, polygon, slab, superellipse
from pointsra.data.shapes.roofs import block


def spire(asm: Assembly, kind: str, place: tuple[float, float, float], half: float, rise: float, sides: int) -> None:
    """Add what stands on a tower: a pointed spire, an onion, battlements, or a low cap."""
    plan = polygon(sides, 1) * half * (1.4142 if sides == 4 else 1.05) * 1.08
    if kind == "onion":
        line = [(0.9, 0), (0.95, 0.15), (1.25, 0.5), (1.15, 0.9), (0.6, 1.35), (0.15, 1.8), (0, 2.3)]
        asm.add("roof", lathe([(r * half, y * half) for r, y in line], place, sides=16))
    elif kind == "battlements":
        asm.add("roof", move(slab(plan, 0, half * 0.25), place))
        for x, z in polygon(sides if sides > 4 else 8, 1) * half * (1.0 if sides > 4 else 1.15):
            asm.add("roof", move(box((x, half * 0.45, z), (half * 0.4, half * 0.5, half * 0.4)), place))
    else:
        asm.add("roof", move(slab(plan, 0, rise, grow=0.02), place))


def church(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> tuple[float, float, float]:
    """Add a church with its tower or towers; returns width, depth and z of the front."""
    u = rng.uniform
    wide, high, deep, pitch = u(7, 13), u(5, 10), u(14, 28), u(0.5, 1.0)
    block(asm, (wide, high, deep), "gable", wide * pitch, over=0.3, floors=1, spacing=u(3.5, 5), share=u(0.25, 0.4))
    half, tall = wide * u(0.18, 0.32), high + wide * pitch * u(0.7, 1.6)
    kind = str(rng.choice(["spire", "spire", "spire", "onion", "battlements"]))
    rise, sides = half * u(1.5, 7.0), int(rng.choice([4, 4, 8]))
    layout = rng.random()
    spots = (
        [-wide / 2 + half, wide / 2 - half] if layout < 0.25 else [0.0] if layout < 0.75 else [wide / 2 + half * 0.6]
    )
    for x in spots:
        z = deep / 2 - half * 0.3 if layout < 0.9 else 0.0
        asm.add("wall", box((x, tall / 2, z), (2 * half, tall, 2 * half)))
        for y in (0.55, 0.8):
            asm.add("wall", box((x, tall * y, z), (half * 2.12, tall * 0.09, half * 0.7)))
        spire(asm, kind, (x, tall, z), half, rise, sides)
    if rng.random() < 0.5:
        radius = wide * u(0.3, 0.45)
        asm.add("wall", move(slab(circle(20) * radius, 0, high * 0.85), (0, 0, -deep / 2)))
        asm.add("roof", move(slab(circle(20) * radius * 1.06, 0, radius * 0.8, grow=0.05), (0, high * 0.85, -deep / 2)))
    if rng.random() < 0.4:
        block(
            asm,
            (wide * 0.8, high, wide * u(1.6, 2.2)),
            "gable",
            wide * 0.8 * pitch,
            (0, 0, -deep * 0.2),
            turn=90.0,
            over=0.3,
        )
    return wide, deep, deep / 2 + half * 0.7 if 0.25 <= layout < 0.75 else deep / 2


def skyscraper(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> tuple[float, float, float]:
    """Add a skyscraper, in one or several tiers; returns width, depth and z of the front."""
    u = rng.uniform
    wide = u(18, 45)
    high = wide * u(1.8, 5.5)
    plan = {"square": superellipse(12.0, 28), "round": circle(28), "hexagon": polygon(6, 4),
            "oblong": superellipse(12.0, 28) * np.array([1.0, u(0.4, 0.7)])}[
        str(rng.choice(["square", "oblong", "round", "hexagon"], p=[0.4, 0.35, 0.13, 0.12]))]  # fmt: skip
    tiers = int(rng.choice([1, 2, 3, 5], p=[0.35, 0.2, 0.25, 0.2]))
    cuts = np.concatenate([[0], np.sort(u(0.35, 0.92, tiers - 1)), [1]]) * high
    half, twist, taper = wide / 2, u(-8, 8) if rng.random() < 0.15 else 0.0, u(0.75, 1.0) if tiers == 1 else 1.0
    ribbed, step = rng.random() < 0.5, high / int(rng.integers(10, 30))
    for low, top in pairwise(cuts):
        asm.add("wall", slab(plan * half, low, top, grow=taper))
        if ribbed and taper == 1.0:
            for x, z in plan[::2] * half:
                asm.add("wall", box((x, (low + top) / 2, z), (half * 0.1, top - low, half * 0.1)))
        else:
            for y in np.arange(low + step, top, step):
                grow = 1 + (taper - 1) * (y - low) / (top - low)
                asm.add("wall", rotate(slab(plan * half * grow * 1.03, y - step * 0.2, y + step * 0.2), "y", twist))
        half *= u(0.62, 0.88) if top < high else taper
    asm.add("roof", slab(plan * half * 1.04, high, high + half * 0.12))
    crown = rng.random()
    if crown < 0.4:
        asm.add("roof", slab(plan * half * 0.6, high, high + half * u(0.3, 0.8)))
    elif crown < 0.6:
        asm.add("roof", slab(plan * half, high, high + half * u(1.0, 3.0), grow=0.05))
    if rng.random() < 0.35:
        asm.add("roof", frustum((0, high, 0), (0, high * u(1.1, 1.3), 0), half * 0.1, half * 0.03, sides=8))
    return wide, wide * float(np.abs(plan[:, 1]).max()), wide / 2 * float(np.abs(plan[:, 1]).max())


def castle(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> tuple[float, float, float]:
    """Add a castle or a single tower; returns width, depth and z of the front."""
    u = rng.uniform
    half, high, radius = u(8, 16), u(5, 9), u(2.0, 3.6)
    kind, single = str(rng.choice(["cone", "battlements"])), rng.random() < 0.3
    sides = 16 if rng.random() < 0.7 else 4
    spots = [(0.0, 0.0)] if single else [(x, z) for x in (-half, half) for z in (-half, half)]
    for x, z in spots:
        tall = high * (u(2.0, 3.2) if single else u(1.3, 1.8))
        plan = polygon(sides, 1) * radius * (1.3 if sides == 4 else 1.0)
        asm.add("wall", move(slab(plan, 0, tall, grow=u(0.85, 1.0)), (x, 0, z)))
        spire(asm, kind, (x, tall, z), radius, radius * u(1.5, 3.0), sides)
    if single:
        return 2 * radius, 2 * radius, radius * 0.95
    for turn in (0, 90, 180, 270):
        side = [box((0, high / 2, half), (2 * half, high, 1.2))]
        side += [box((x, high + 0.5, half + 0.3), (1.2, 1.2, 0.6)) for x in np.arange(-half + 2, half - 1, 2.4)]
        asm.add("wall", *[rotate(each, "y", turn) for each in side])
    keep = half * u(0.5, 0.9)
    block(
        asm,
        (keep, high * u(1.4, 2.2), keep),
        str(rng.choice(["hip", "flat"])),
        keep * 0.6,
        (0, 0, -half * u(0.1, 0.5)),
        over=0.3,
    )
    return 2 * half, 2 * half, half + 0.6


def domed(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> tuple[float, float, float]:
    """Add a hall with a dome, and towers beside it; returns width, depth and z of the front."""
    u = rng.uniform
    wide, deep, high = u(12, 22), u(12, 20), u(5, 9)
    block(
        asm,
        (wide, high, deep),
        "flat",
        0.0,
        over=0.3,
        floors=int(rng.integers(1, 3)),
        spacing=u(3, 4.5),
        share=u(0.3, 0.5),
    )
    radius, drum, tall = min(wide, deep) * u(0.28, 0.45), u(0.5, 3.0), u(0.7, 1.25)
    asm.add("wall", slab(circle(24) * radius, high, high + drum))
    t = np.linspace(0.0, np.pi / 2, 8)
    dome = np.stack([radius * 1.05 * np.cos(t), high + drum + radius * tall * np.sin(t)], axis=1)
    asm.add("roof", lathe(dome), frustum((0, dome[-1, 1] - 0.2, 0), (0, dome[-1, 1] + radius * 0.4, 0), 0.3, 0.1))
    for x in {0: (), 1: (1.0,), 2: (-1.0, 1.0)}[int(rng.integers(0, 3))]:
        top, place = high * u(2.2, 3.5), (x * wide * 0.55, 0.0, deep * 0.4)
        asm.add("wall", frustum(place, (place[0], top, place[2]), wide * 0.06, wide * 0.05))
        asm.add("wall", frustum((place[0], top * 0.8, place[2]), (place[0], top * 0.85, place[2]), wide * 0.085))
        asm.add("roof", frustum((place[0], top, place[2]), (place[0], top + wide * 0.18, place[2]), wide * 0.065, 0.05))
    return wide, deep, deep / 2
