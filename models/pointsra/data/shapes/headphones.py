"""Headphones, worn facing +z: cups at the ends of a band, with a microphone, a cable or a stand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.hollow import half_width
from pointsra.data.shapes.meshes import Floats, Mesh, box, move, rotate, scale
from pointsra.data.shapes.parts import circle, curve, frustum, lathe, superellipse, superellipsoid, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "headphones": {
        "cups": {"large": 0.58, "small": 0.42},
        "outline": {"round": 0.45, "oval": 0.35, "square": 0.2},
        "band": {"slim": 0.35, "padded": 0.42, "double": 0.23},
        "microphone": {"no": 0.68, "a long": 0.2, "a short": 0.12},
        "support": {"the table": 0.5, "a stand": 0.25, "their backs": 0.25},
        "cable": {"no": 0.6, "a hanging": 0.4},
    }
}
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {}
PART_NAMES = {"headphones": ("cup", "band", "fitting")}
_WORDS = {"cups": "{} cups", "outline": "a {} outline", "band": "a {} band", "microphone": "{} microphone",
          "support": "the weight on {}", "cable": "{} cable"}  # fmt: skip


def _cup(drawn: dict[str, str], size: float, rng: np.random.Generator) -> tuple[list[Mesh], float, float]:
    """Return a cup about the origin, its pad toward -x and its shell toward +x; its reach, and width over height."""
    u, large = rng.uniform, drawn["cups"] == "large"
    section = {
        "round": circle(24),
        "oval": circle(24) * np.array([1.0, u(0.68, 0.85)]),
        "square": superellipse(u(3.5, 6.0), 28) * np.array([0.95, u(0.75, 0.95)]),
    }[drawn["outline"]]
    deep, pad = size * u(0.35, 0.8), size * (u(0.3, 0.5) if large else u(0.2, 0.4))
    style, slim = int(rng.integers(0, 4)), u(0.55, 0.95)
    back = {
        0: [(1.0, 0), (0.98, deep * 0.6), (0.9, deep * 0.9), (slim, deep), (0, deep)],
        1: [(1.0, 0), (0.95, deep * 0.4), (0.7, deep * 0.8), (0.3, deep), (0, deep * 1.02)],
        2: [(0.9, 0), (0.75, deep * 0.35), (0.75, deep * 0.55), (1.0, deep * 0.6), (0.97, deep), (0, deep)],
        3: [
            (1.0, 0),
            (0.97, deep * 0.7),
            (0.8, deep),
            (slim * 0.8, deep * 0.98),
            (slim * 0.75, deep * 0.8),
            (0, deep * 0.8),
        ],
    }[style]
    shell = lathe([(0, 0), *[(r * size, y) for r, y in back]], section=section)
    if large:
        inner = u(0.5, 0.65)
        ring = [
            (inner, 0),
            (inner, -0.6),
            (inner + 0.08, -0.9),
            ((1 + inner) / 2, -1),
            (0.95, -0.85),
            (1.02, -0.4),
            (0.98, 0),
        ]
        cushion = [(0, -0.15), (inner, -0.15), *ring[1:], (0, 0)]
    else:
        cushion = [(0, -0.75), (0.5, -0.85), (0.8, -0.95), (0.96, -0.7), (1.02, -0.3), (0.95, 0), (0, 0)]
    foam = lathe([(r * size * 1.04, y * pad) for r, y in cushion], section=section)
    pieces = []
    for mesh in (shell, foam):
        v = mesh.vertices
        pieces.append(Mesh(np.stack([v[:, 1], v[:, 2], v[:, 0]], axis=1), mesh.faces))
    return [move(piece, (pad, 0, 0)) for piece in pieces], deep + pad, half_width(section)


def _arc(half: float, low: float, high: float, square: float) -> Floats:
    """Return the band's path from (-half, low) over the top at ``high`` to (half, low), (17, 3)."""
    turn = np.linspace(np.pi, 0.0, 17)
    x, y = np.cos(turn), np.sin(turn)
    return np.stack([half * np.sign(x) * np.abs(x) ** square, low + (high - low) * y**square, 0 * x], axis=1)


def headphones(rng: np.random.Generator) -> Design:
    """Build headphones or a headset from the choices of ``CHOICES["headphones"]``."""
    drawn = draw(rng, CHOICES["headphones"])
    asm, u = Assembly(PART_NAMES["headphones"]), rng.uniform
    size = u(0.038, 0.052) if drawn["cups"] == "large" else u(0.025, 0.036)
    gap, high, square = u(0.05, 0.08), u(0.11, 0.16), u(0.65, 1.0)
    pieces, reach, narrow = _cup(drawn, size, rng)
    toe, lean = u(-12, 12), u(-8, 8)
    for side in (-1.0, 1.0):
        for piece in pieces:
            turned = rotate(rotate(piece, "y", toe), "z", lean)
            asm.add("cup", scale(move(turned, (gap, size, 0)), (side, 1, 1)))
    hold, thick = gap + reach * u(0.45, 0.8), u(0.0022, 0.004)
    wide, band = u(0.008, 0.02), drawn["band"]
    yoke = rng.random() < 0.55
    low = size * (2.25 if yoke else 1.5)
    path = _arc(hold, low, high + size, square)
    if band == "double":
        for z in (-wide * 0.7, wide * 0.7):
            asm.add("band", tube(path + np.array([0, 0, z]), thick * 0.8, sides=8))
        strap = _arc(hold * 0.92, low + (high - low) * 0.3, high + size - u(0.018, 0.032), square)[1:-1]
        asm.add("band", tube(strap, thick * 0.7, flat=wide * 1.1))
        for end in (0, -1):
            asm.add(
                "band",
                superellipsoid(
                    strap[end] + np.array([np.sign(strap[end, 0]) * 0.006, 0, 0]), (0.025, 0.02, wide * 2.2), 0.5, 0.5
                ),
            )
    else:
        asm.add("band", tube(path, thick, flat=wide * (0.6 if band == "slim" else 0.9)))
        if band == "padded":
            first = int(rng.integers(1, 5))
            pad = path[first : 17 - first] * np.array([0.97, 1, 1]) - np.array([0, thick, 0])
            count = len(pad)
            swell = thick * u(1.6, 3.2) * np.clip(np.sin(np.linspace(0.25, np.pi - 0.25, count)) * 1.6, 0.3, 1)
            asm.add("band", tube(pad, swell, flat=wide * u(1.0, 1.35)))
    for side in (-1.0, 1.0):
        end = np.array([side * hold, low, 0])
        if yoke:
            arm = size * 1.12
            turn = np.linspace(np.pi, 0, 9)
            fork = np.stack([np.full(9, side * hold), size + arm * np.sin(turn), arm * narrow * np.cos(turn)], axis=1)
            asm.add("band", tube(fork, thick * 1.1, flat=thick * 1.3))
            for z in (-1.0, 1.0):
                asm.add(
                    "band",
                    frustum(
                        (side * hold, size, z * arm * narrow),
                        (side * hold, size, z * size * narrow * 0.6),
                        thick * 1.3,
                        sides=8,
                    ),
                )
        asm.add("band", box(end + np.array([0, size * 0.1, 0]), (thick * 3.5, size * u(0.6, 0.9), wide * 1.5)))
    if not yoke:
        for side in (-1.0, 1.0):
            asm.add("band", frustum((side * hold, size, 0), (side * hold, low + 0.01, 0), thick * 1.6, sides=8))
    if drawn["microphone"] != "no":
        side, at = float(rng.choice([-1, 1])), gap + reach * 0.75
        long = u(0.1, 0.14) if drawn["microphone"] == "a long" else u(0.05, 0.075)
        inward, drop = (u(0.4, 0.75), u(0.1, 0.55)) if drawn["microphone"] == "a long" else (u(0.0, 0.2), u(0.1, 0.4))
        tip = np.array([side * (at - long * inward), size - drop * long, long])
        boom = curve(np.array([(side * at, size, 0), (side * at, size - drop * long * 0.5, long * 0.5), tuple(tip)]), 5)
        asm.add("fitting", tube(boom, u(0.0022, 0.0035), sides=6), superellipsoid(tip, (0.017, 0.014, 0.02)))
        asm.add("fitting", frustum((side * (at - 0.01), size, 0), (side * (at + 0.006), size, 0), size * 0.35))
    _support(asm, drawn, size, hold, float(path[:, 1].max()) - thick, rng)
    return asm.finish(drawn, caption("pair of headphones", drawn, (), _WORDS))


def _support(
    asm: Assembly, drawn: dict[str, str], size: float, hold: float, top: float, rng: np.random.Generator
) -> None:
    u, kind = rng.uniform, drawn["support"]
    down = -u(0.01, 0.08) if kind == "a stand" else 0.0
    if drawn["cable"] == "a hanging":
        floor = down + 0.004
        if kind == "their backs":
            knots = [
                (-hold, 0.003, 0),
                (-hold - 0.02, -0.06, 0),
                (-hold + 0.05, -0.11, 0),
                (0.0, -0.08, 0),
                (0.06, -0.13, 0),
            ]
        else:
            knots = [
                (-hold, 0.004, 0),
                (-hold - 0.01, (floor * 2 + 0.003) / 3, 0.02),
                (-hold - 0.01, floor, 0.06),
                (0.0, floor, 0.1),
                (0.05, floor, 0.06),
                (0.09, floor, 0.1),
            ]
        line = curve(knots, 5)
        line[:, 1] = np.maximum(line[:, 1], floor) if kind != "their backs" else line[:, 1]
        for start, end in pairwise(line):
            asm.add("fitting", frustum(start, end + (end - start) * 0.1, 0.0026, sides=6))
        asm.add("fitting", frustum(line[-1], line[-1] + (line[-1] - line[-2]) * 3, 0.0045, sides=8))
    if kind == "a stand":
        post, base, style = u(0.008, 0.016), u(0.05, 0.075), int(rng.integers(0, 3))
        foot = lathe([(0, down), (base, down), (base, down + 0.008), (post, down + 0.014), (0, down + 0.015)],
                     section=circle(24) if style != 1 else superellipse(8.0, 28))  # fmt: skip
        behind = -u(0.03, 0.05) if style == 2 else 0.0
        rest = superellipsoid((0, top - 0.012, 0), (u(0.05, 0.09), 0.022, u(0.03, 0.06)), 0.7, 0.6)
        asm.add("fitting", foot, rest, frustum((0, down, behind), (0, top - 0.012, behind), post, sides=10))
        if behind:
            asm.add("fitting", frustum((0, top - 0.012, behind), (0, top - 0.012, 0), post, sides=10))
    elif kind == "their backs":
        asm.turn("x", -90)
