"""Cutlery and kitchen tools: a head on a handle, lying flat or held upright."""

from __future__ import annotations

import itertools

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import Floats, Mesh, loft
from pointsra.data.shapes.parts import bent, curve, frustum, superellipsoid, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "cutlery": {
        "tool": {"knife": 0.24, "fork": 0.2, "spoon": 0.22, "spatula": 0.12, "ladle": 0.12, "whisk": 0.1},
        "handle": {"flat": 0.35, "round": 0.25, "thick": 0.25, "waisted": 0.15},
        "end": {"rounded": 0.6, "hooked": 0.15, "ringed": 0.1, "knobbed": 0.15},
        "length": {"short": 0.35, "plain": 0.4, "long": 0.25},
        "pose": {"lying lengthwise": 0.42, "lying crosswise": 0.33, "standing upright": 0.25},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {}
PART_NAMES = {"cutlery": ("head", "handle")}
_WORDS = {"tool": "the head of a {}", "handle": "a {} handle", "end": "a {} end"}


def _blade(rows: Floats) -> Mesh:
    """Make a flat head along +z from rows (S, 5): z, y, left edge x, right edge x, thickness."""
    rings = np.empty((len(rows), 4, 3))
    rings[:, :, 0] = rows[:, [2, 3, 3, 2]]
    rings[:, :, 1] = rows[:, 1:2] + rows[:, 4:5] * np.array([-0.5, -0.5, 0.5, 0.5])
    rings[:, :, 2] = rows[:, :1]
    return loft(rings)


def _dish(length: float, wide: float, deep: float, thick: float) -> Mesh:
    """Make a spoon's bowl along +z from 0: an oval of full extents, sunk by ``deep`` in the middle."""
    t = np.linspace(0.02, np.pi - 0.02, 11)
    z = length * (1 - np.cos(t)) / 2
    half, sunk = wide / 2 * np.sin(t) ** 0.85, deep * np.sin(t)
    across = np.array([-1.0, -0.6, 0.0, 0.6, 1.0])
    x = half[:, None] * across
    low = -sunk[:, None] * (1 - across**2)
    rings = np.empty((11, 10, 3))
    rings[:, :5, 0], rings[:, 5:, 0] = x, x[:, ::-1]
    rings[:, :5, 1], rings[:, 5:, 1] = low - thick / 2, low[:, ::-1] + thick / 2
    rings[:, :, 2] = z[:, None]
    return loft(rings)


def _head(asm: Assembly, rng: np.random.Generator, tool: str, length: float) -> None:
    """Add the working end of a tool along +z from the origin."""
    u, thick = rng.uniform, length * rng.uniform(0.03, 0.06)
    t = np.linspace(0.0, 1.0, 9)
    if tool == "knife":
        wide, belly = length * u(0.18, 0.45), u(0.5, 3.0)
        spine, tip = wide * u(0.3, 0.5), u(-0.6, 0.9)
        reach = length * u(1.1, 1.9)
        edge = spine - wide * (1 - t ** (2 + belly))
        back = spine * (1 - (1 - tip) * t**6)
        edge = np.minimum(edge, back - wide * 0.06)
        asm.add("head", _blade(np.stack([t * reach, np.zeros(9), edge, back, thick * (1 - 0.5 * t)], axis=1)))
    elif tool == "fork":
        wide, prongs, sag = length * u(0.3, 0.5), int(rng.integers(2, 5)), length * u(0.1, 0.2)
        length *= u(1.0, 1.3)
        neck = u(0.4, 0.55) * length
        half = wide / 2 * np.array([0.2, 0.3, 0.8, 1.0, 1.0])
        along = np.array([0.0, 0.2, 0.55, 0.85, 1.0]) * neck
        asm.add("head", _blade(np.stack([along, -sag * np.sin(along / length * np.pi), -half, half, np.full(5, thick)],
                                        axis=1)))  # fmt: skip
        for x in np.linspace(-wide * 0.43, wide * 0.43, prongs):
            z = np.linspace(neck * 0.97, length, 5)
            path = np.stack([np.full(5, x), -sag * np.sin(z / length * np.pi), z], axis=1)
            asm.add("head", tube(path, wide / prongs * 0.26 * np.linspace(1, 0.5, 5), flat=thick / 2))
    elif tool == "spoon":
        asm.add("head", _dish(length, length * u(0.5, 0.75), length * u(0.1, 0.22), thick))
    elif tool == "spatula":
        wide, drop = length * u(0.5, 0.85), length * u(0.0, 0.25)
        half = wide / 2 * np.array([0.15, 0.2, u(0.6, 1.0), 1.0, 1.0])
        along = np.array([0.0, 0.25, 0.4, 0.95, 1.0]) * length
        low = -drop * np.array([0.0, 0.8, 1.0, 1.0, 1.0])
        if rng.random() < 0.4:
            shares = np.linspace(-1, 1, 5)
            for a, b in itertools.pairwise(shares):
                asm.add("head", _blade(np.stack([along[2:], low[2:], half[2:] * (a + 0.09), half[2:] * (b - 0.09),
                                                 np.full(3, thick)], axis=1)))  # fmt: skip
            asm.add(
                "head", _blade(np.stack([along[:3] * 1.1, low[:3], -half[:3], half[:3], np.full(3, thick)], axis=1))
            )
            along, low, half = along[3:], low[3:], half[3:]
        asm.add("head", _blade(np.stack([along, low, -half, half, np.full(len(half), thick)], axis=1)))
    elif tool == "ladle":
        cup, deep = length * u(0.35, 0.5), length * u(0.35, 0.6)
        around = np.linspace(0, np.pi / 2, 6)
        outer = np.stack([cup * np.sin(around), -deep * np.cos(around)], axis=1)
        line = np.concatenate([outer, (outer * 0.92)[::-1]])
        ring = np.stack([np.cos(np.arange(16) * np.pi / 8), np.sin(np.arange(16) * np.pi / 8)], axis=1)
        rings = np.stack([np.stack([r * ring[:, 1], np.full(16, y), cup + r * ring[:, 0]], axis=1) for r, y in line])
        asm.add("head", loft(rings, caps=False))
    else:
        wires, wide = int(rng.integers(3, 6)), length * u(0.25, 0.4)
        knots = np.array([(0.02, 0.0), (0.5, 0.3), (1.0, 0.75), (0.55, 1.1), (0, 1.2), (-0.55, 1.1), (-1.0, 0.75),
                          (-0.5, 0.3), (-0.02, 0.0)])  # fmt: skip
        flat = curve(knots, 3) * np.array([wide, length])
        for angle in np.arange(wires) * np.pi / wires:
            asm.add("head", tube(np.stack([flat[:, 0] * np.cos(angle), flat[:, 0] * np.sin(angle), flat[:, 1]], axis=1),
                                 thick * 0.35, sides=5))  # fmt: skip


def cutlery(rng: np.random.Generator) -> Design:
    """Build a piece of cutlery or a kitchen tool from the choices of ``CHOICES["cutlery"]``."""
    drawn = draw(rng, CHOICES["cutlery"])
    asm = Assembly(PART_NAMES["cutlery"])
    head, tool = rng.uniform(0.05, 0.09), drawn["tool"]
    low, high = {"short": (0.8, 1.2), "plain": (1.3, 1.9), "long": (2.1, 3.0)}[drawn["length"]]
    long, thick = head * rng.uniform(low, high), head * rng.uniform(0.06, 0.11)
    _head(asm, rng, tool, head)
    arch = long * rng.uniform(0.0, 0.1)
    t = np.linspace(0.0, 1.0, 11)
    climb = head * rng.uniform(0.2, 0.9) if tool == "ladle" else 0.0
    path = np.stack([np.zeros(11), arch * np.sin(np.pi * t) + climb * t, 0.06 * head - t * long], axis=1)
    handle = drawn["handle"]
    if handle == "flat":
        wide = thick * np.interp(t, [0, 0.2, 0.8, 1.0], [0.7, 0.8, 1.7, 1.2])
        rows = np.stack([path[:, 2], path[:, 1], -wide, wide, np.full(11, thick * 0.8)], axis=1)
        asm.add("handle", _blade(rows))
    elif handle == "thick":
        neck = int(rng.integers(1, 5))
        if neck > 1:
            asm.add("handle", tube(path[: neck + 1], thick * 0.6))
        swell = thick * rng.uniform(1.2, 1.6) * (1 + 0.2 * np.sin(t[neck:] * np.pi * 2))
        asm.add("handle", tube(path[neck:], swell, flat=thick * 1.2 if rng.random() < 0.5 else None))
    else:
        form = (
            np.full(11, 0.75) if handle == "round" else np.interp(t, [0, 0.15, 0.5, 0.85, 1], [0.8, 0.9, 0.45, 1.3, 1])
        )
        asm.add("handle", tube(path, thick * form))
    tip, back = path[-1], np.array([0.0, 0.0, -1.0])
    if drawn["end"] == "hooked":
        hook = [tip, tip + back * thick * 3, tip + back * thick * 3 + np.array((0, -thick * 3, 0)),
                tip + back * thick + np.array((0, -thick * 3.5, 0))]  # fmt: skip
        asm.add("handle", tube(bent(hook, thick * 2), thick * 0.5, sides=6))
    elif drawn["end"] == "ringed":
        turn = np.arange(14) * 2 * np.pi / 14
        path = np.stack([np.sin(turn), np.zeros(14), np.cos(turn)], axis=1) * thick * 2 + tip + back * thick * 2
        asm.add("handle", tube(path, thick * 0.5, sides=6, loop=True))
    elif drawn["end"] == "knobbed":
        asm.add("handle", superellipsoid(tip, (thick * 4, thick * 3, thick * 5)))
    else:
        asm.add("handle", frustum(tip, tip + back * thick, thick * 0.9, thick * 0.5))
    if drawn["pose"] == "lying crosswise":
        asm.turn("y", float(rng.choice([90.0, -90.0])))
    elif drawn["pose"] == "standing upright":
        asm.turn("x", float(rng.choice([90.0, -90.0])))
        asm.turn("y", rng.uniform(-40.0, 40.0))
    sentence = caption("piece of cutlery", drawn, ("pose", "length"), _WORDS)
    return asm.finish(drawn, sentence)
