"""Plants in pots: pot, saucer, stand and foliage are drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.hollow import outline, shell
from pointsra.data.shapes.meshes import Floats, Mesh, loft, merge, move, rotate
from pointsra.data.shapes.parts import curve, frustum, lathe, ring, superellipsoid, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "plant": {
        "pot": {"tapered": 0.36, "cylindrical": 0.2, "bowl-shaped": 0.14, "bellied": 0.15, "flared": 0.15},
        "section": {"round": 0.74, "square": 0.16, "octagonal": 0.1},
        "rim": {"simple": 0.6, "thick": 0.4},
        "saucer": {"none": 0.65, "round": 0.35},
        "stand": {"none": 0.82, "three-legged": 0.09, "four-legged": 0.09},
        "foliage": {"long leaves": 0.2, "broad leaves": 0.2, "a round crown": 0.14, "cactus columns": 0.1,
                    "a rosette": 0.1, "a conifer": 0.1, "palm fronds": 0.16},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {}
PART_NAMES = {"plant": ("pot", "saucer", "stand", "soil", "stem", "leaf")}
_WORDS = {"pot": "a {} pot", "section": "a {} section", "rim": "a {} rim", "saucer": "a {} saucer",
          "stand": "a {} stand", "foliage": "{}"}  # fmt: skip


def _leaf(length: float, wide: float, droop: float, thick: float, widest: float = 0.5) -> Mesh:
    """Make a leaf from the origin along +x: it rises, and droops by ``droop`` of its length at the tip."""
    t = np.linspace(0.0, 1.0, 7)
    half = wide / 2 * np.clip(np.sin(np.pi * t ** (np.log(0.5) / np.log(widest))), 0.08, None)
    rings = np.empty((7, 4, 3))
    rings[:, :, 0] = (length * t)[:, None]
    rings[:, :, 1] = (length * (0.3 * t - (droop + 0.3) * t**2))[:, None] + thick * np.array([-0.5, 0.5, 0.5, -0.5])
    rings[:, :, 2] = half[:, None] * np.array([-1.0, -1.0, 1.0, 1.0])
    return loft(rings)


def _spread(rng: np.random.Generator, leaf: Mesh, count: int, base: Floats, tilt: tuple[float, float]) -> list[Mesh]:
    """Return ``count`` copies of a leaf around base (3,), each tilted up by ``tilt`` degrees."""
    first = rng.uniform(0, 360)
    return [
        move(rotate(rotate(leaf, "z", rng.uniform(*tilt)), "y", first + i * 360 / count + rng.uniform(-20, 20)), base)
        for i in range(count)
    ]


def _foliage(asm: Assembly, rng: np.random.Generator, kind: str, top: float, size: float) -> None:
    """Add what grows out of the soil at height ``top``; size is the pot's radius."""
    u, foot = rng.uniform, np.array([0.0, top, 0.0])
    if kind == "long leaves":
        length = size * u(2.0, 4.5)
        leaf = _leaf(length, length * u(0.08, 0.16), u(0.0, 0.7), size * 0.03)
        asm.add("leaf", merge(_spread(rng, leaf, int(rng.integers(6, 14)), foot, (25, 85))))
    elif kind == "broad leaves":
        for _ in range(int(rng.integers(4, 10))):
            rise, out, angle = size * u(1.0, 3.6), size * u(0.3, 1.4), u(0, 2 * np.pi)
            way = np.array([np.cos(angle), 0.0, -np.sin(angle)])
            end = foot + way * out + np.array((0, rise, 0))
            stem = curve([foot + way * size * 0.15, foot + way * out * 0.5 + np.array((0, rise * 0.65, 0)), end], 3)
            asm.add("stem", tube(stem, size * 0.035, sides=5))
            length = size * u(0.9, 1.7)
            leaf = _leaf(length, length * u(0.5, 0.9), u(0.2, 0.6), size * 0.03, u(0.35, 0.5))
            asm.add("leaf", move(rotate(leaf, "y", np.degrees(angle)), end))
    elif kind == "a round crown":
        trunk, crown = size * u(0.3, 3.0), size * u(1.2, 2.4)
        asm.add("stem", frustum(foot, foot + np.array((0, trunk + crown * 0.3, 0)), size * 0.12, size * 0.09))
        height = crown * u(0.8, 1.2)
        asm.add("leaf", superellipsoid(foot + np.array((0, trunk + height * 0.5, 0)), (crown, height, crown)))
        for _ in range(int(rng.integers(0, 7))):
            at = rng.normal(size=3)
            place = foot + np.array((0, trunk + height * 0.5, 0)) + at / np.linalg.norm(at) * crown * 0.35
            asm.add("leaf", superellipsoid(place, (crown * u(0.35, 0.6),) * 3))
    elif kind == "cactus columns":
        for i in range(int(rng.integers(1, 5))):
            thick, tall = size * u(0.25, 0.55), size * u(0.9, 4.0) * (1.0 if i == 0 else 0.6)
            out, angle = (0.0 if i == 0 else size * u(0.4, 0.65)), u(0, 2 * np.pi)
            t = np.linspace(0, np.pi / 2, 5)
            line = np.concatenate([[[0, 0], [thick * 0.8, 0], [thick, tall * 0.3]],
                                   np.stack([thick * np.cos(t), tall + thick * np.sin(t)], axis=1)])  # fmt: skip
            section = outline("scalloped", rng)
            asm.add(
                "leaf", lathe(line, foot + np.array((out * np.cos(angle), 0, out * np.sin(angle))), section=section)
            )
    elif kind == "a rosette":
        for ring_number in range(int(rng.integers(2, 4))):
            length = size * u(0.8, 1.5) * (1 - 0.2 * ring_number)
            leaf = _leaf(length, length * u(0.3, 0.5), u(-0.3, 0.1), size * 0.12, 0.45)
            tilt = 10 + 28 * ring_number
            asm.add("leaf", merge(_spread(rng, leaf, int(rng.integers(6, 10)), foot, (tilt, tilt + 12))))
    elif kind == "a conifer":
        tall, wide, tiers = size * u(2.5, 5.0), size * u(0.9, 1.6), int(rng.integers(1, 5))
        asm.add("stem", frustum(foot, foot + np.array((0, tall * 0.3, 0)), size * 0.12))
        low = tall * u(0.06, 0.25)
        for tier in range(tiers):
            share, step = 1 - tier / (tiers + 0.5), (tall - low) / tiers
            bottom = top + low + tier * step
            asm.add(
                "leaf",
                lathe(
                    [
                        (0, bottom),
                        (wide * share, bottom),
                        (wide * share * 0.45, bottom + step * 0.7),
                        (0.01 * size, bottom + step * 1.25),
                        (0, bottom + step * 1.25),
                    ],
                    sides=16,
                ),
            )
    else:
        trunk, length = size * u(0.4, 4.0), size * u(1.4, 2.6)
        lean = np.array([u(-0.4, 0.4), 0, u(-0.4, 0.4)]) * size
        path = curve(
            [foot, foot + np.array((0, trunk * 0.5, 0)) + lean * 0.2, foot + np.array((0, trunk, 0)) + lean], 3
        )
        asm.add("stem", tube(path, size * 0.1, sides=7))
        leaf = _leaf(length, length * u(0.12, 0.3), u(0.3, 1.0), size * 0.03, 0.4)
        asm.add("leaf", merge(_spread(rng, leaf, int(rng.integers(6, 12)), path[-1], (5, 60))))


def plant(rng: np.random.Generator) -> Design:
    """Build a potted plant from the choices of ``CHOICES["plant"]``."""
    drawn = draw(rng, CHOICES["plant"])
    asm = Assembly(PART_NAMES["plant"])
    radius, section = rng.uniform(0.05, 0.16), outline(drawn["section"], rng)
    tall, u = radius * rng.uniform(1.0, 2.4), rng.uniform
    lift = 0.0 if drawn["stand"] == "none" else radius * u(0.8, 2.5)
    knots = {
        "tapered": [(u(0.6, 0.8), 0.0), (0.88, 0.5), (1.0, 1.0)],
        "cylindrical": [(0.97, 0.0), (1.0, 0.3), (1.0, 1.0)],
        "bowl-shaped": [(0.45, 0.0), (0.8, 0.25), (1.0, 0.65), (1.0, 1.0)],
        "bellied": [(0.65, 0.0), (1.05, 0.4), (0.95, 0.75), (0.85, 1.0)],
        "flared": [(0.55, 0.0), (0.6, 0.4), (1.0, 1.0)],
    }[drawn["pot"]]
    if drawn["pot"] == "bowl-shaped":
        tall = radius * u(0.6, 1.0)
    line = curve(knots, 3) * np.array([radius, tall]) + np.array([0.0, lift])
    line = np.concatenate([[[0.0, lift], [line[0, 0] * 0.6, lift]], line])
    rim = float(line[-1, 0])
    if drawn["rim"] == "thick":
        edge = radius * u(0.08, 0.16)
        line = np.concatenate([line, [[rim + edge, lift + tall], [rim + edge, lift + tall * 1.12]]])
    asm.add("pot", shell(line, radius * 0.07, section))
    top = float(line[-1, 1])
    soil = top - tall * u(0.08, 0.2)
    asm.add(
        "soil",
        lathe(
            [(0, soil - 0.004), (rim * 0.93, soil - 0.004), (rim * 0.93, soil), (0, soil + radius * 0.05)],
            section=section,
        ),
    )
    base = float(line[2, 0])
    if drawn["saucer"] == "round":
        wide, floor = base * u(1.2, 1.45), lift - radius * 0.05
        asm.add("saucer", lathe([(0, floor), (wide * 0.85, floor), (wide, floor + radius * 0.16),
                                 (wide * 0.94, floor + radius * 0.16), (wide * 0.8, floor + radius * 0.06),
                                 (0, floor + radius * 0.06)], section=section))  # fmt: skip
    if drawn["stand"] != "none":
        count, splay, level = (3 if drawn["stand"] == "three-legged" else 4), u(0.9, 1.3), lift * 0.97
        angles = np.pi / 4 + np.arange(count) * 2 * np.pi / count if count == 4 else np.pi / 2 + np.arange(3) * 2.0944
        for way in np.stack([np.cos(angles), np.zeros(count), np.sin(angles)], axis=1):
            asm.add("stand", frustum(way * base + np.array((0, level * 1.15, 0)), way * base * splay, radius * 0.06))
        asm.add("stand", ring((0, level, 0), base * 0.95, radius * 0.05, sides=6))
    _foliage(asm, rng, drawn["foliage"], soil, rim)
    return asm.finish(drawn, caption("plant", drawn, (), _WORDS))
