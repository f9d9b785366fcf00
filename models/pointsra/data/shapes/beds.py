"""Beds, head at -z: headboard, footboard, base, bedding and a canopy or upper bunk are drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes import supports
from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import Mesh, box
from pointsra.data.shapes.parts import beam, bent, cushion, frustum, panel, superellipsoid, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "bed": {
        "size": {"single": 0.35, "double": 0.4, "king-size": 0.25},
        "frame": {"platform": 0.8, "canopy": 0.12, "bunk": 0.08},
        "headboard": {"none": 0.1, "panel": 0.25, "slatted": 0.2, "arched": 0.15, "tufted": 0.18, "barred metal": 0.12},
        "footboard": {"none": 0.5, "panel": 0.2, "slatted": 0.15, "barred metal": 0.15},
        "base": {"four legs": 0.45, "drawers": 0.2, "plinth": 0.2, "six legs": 0.15},
        "bedding": {"bare mattress": 0.35, "blanket": 0.35, "folded duvet": 0.3},
        "pillows": {"no": 0.15, "one row of": 0.55, "two rows of": 0.3},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {}
PART_NAMES = {
    "bed": ("mattress", "frame", "headboard", "footboard", "leg", "pillow", "blanket", "drawer", "post", "ladder"),
}
_BED_WORDS = {"headboard": "a {} headboard", "footboard": "a {} footboard", "base": "{}", "bedding": "a {}",
              "pillows": "{} pillows"}  # fmt: skip


def _board(kind: str, rng: np.random.Generator, width: float, low: float, high: float, z: float) -> list[Mesh]:
    """Make a headboard or footboard at depth z."""
    half, rail = width / 2, 0.06
    posts = [beam((s * (half - 0.03), 0, z), (s * (half - 0.03), high, z), 0.06, 0.06) for s in (-1, 1)]
    if kind == "panel":
        return [*posts, panel(-half, half, low, high, rng.uniform(0.03, 0.06), z)]
    if kind == "arched":
        crest = high + rng.uniform(0.1, 0.28) * np.cos(np.linspace(-np.pi / 2, np.pi / 2, 13))
        return [*posts, panel(-half, half, low, crest, 0.04, z)]
    if kind == "tufted":
        pieces = [cushion((0, (low + high) / 2, z), (width, high - low, 0.1))]
        columns, rows = int(rng.integers(3, 6)), int(rng.integers(1, 4))
        step, tall = width / columns, (high - low) / rows
        pieces += [cushion((-half + step * (i + 0.5), low + tall * (j + 0.5), z + 0.04),
                           (step * 0.95, tall * 0.95, 0.09))
                   for i in range(columns) for j in range(rows)]  # fmt: skip
        return pieces
    if kind == "slatted":
        count = int(rng.integers(5, 12))
        xs = np.linspace(-half, half, count + 2)[1:-1]
        slats = [beam((x, low, z), (x, high - rail, z), width / count * 0.45, 0.02) for x in xs]
        return [*posts, beam((-half, high - rail / 2, z), (half, high - rail / 2, z), 0.035, rail),
                beam((-half, low + 0.03, z), (half, low + 0.03, z), 0.03, rail), *slats]  # fmt: skip
    count = int(rng.integers(5, 11))
    xs = np.linspace(-half, half, count + 2)[1:-1]
    hoop = bent([(-half, 0, z), (-half, high, z), (half, high, z), (half, 0, z)], 0.16, 6)
    return [tube(hoop, 0.02), beam((-half, low + 0.02, z), (half, low + 0.02, z), 0.02, 0.02)] + [
        frustum((x, low, z), (x, high - 0.01, z), 0.009, sides=6) for x in xs
    ]


def bed(rng: np.random.Generator) -> Design:
    """Build a bed from the choices of ``CHOICES["bed"]``; its head is at -z."""
    drawn = draw(rng, CHOICES["bed"])
    asm = Assembly(PART_NAMES["bed"])
    width = {"single": 0.95, "double": 1.42, "king-size": 1.85}[drawn["size"]] * rng.uniform(0.94, 1.08)
    length, clear = rng.uniform(1.9, 2.15), rng.uniform(0.1, 0.32)
    rail, pad = rng.uniform(0.08, 0.2), rng.uniform(0.15, 0.3)
    base, floor = drawn["base"], clear + rail
    front = length / 2
    overhang = rng.uniform(0.0, 0.12) if rng.random() < 0.3 else 0.02
    frame_size = (width + 2 * overhang, rail, length + 0.02 + overhang)
    if base in ("four legs", "six legs"):
        tops, feet = supports.corner_legs((width / 2 - 0.04, front - 0.05), clear, 0.0)
        if base == "six legs":
            extra = np.array([[width / 2 - 0.04, 0.0, 0.0], [-width / 2 + 0.04, 0.0, 0.0]])
            tops, feet = np.concatenate([tops, extra + np.array([0, clear, 0])]), np.concatenate([feet, extra])
        style = ("square", "tapered", "turned", "thin metal")[int(rng.integers(4))]
        asm.add("leg", *[supports.leg(t, f, style, 0.035) for t, f in zip(tops, feet, strict=True)])
    else:
        inset = 0.0 if base == "drawers" else 0.12
        asm.add("frame", box((0, clear / 2, 0), (width - inset * 2, clear, length - inset * 2), without=("top",)))
    if base == "drawers":
        count = int(rng.integers(2, 4))
        step = length / count
        for s in (-1, 1):
            for i in range(count):
                z = -front + step * (i + 0.5)
                asm.add("drawer", box((s * (width / 2 + 0.012), clear * 0.5, z), (0.024, clear * 0.85, step * 0.92)))
    asm.add("frame", box((0, clear + rail / 2, 0), frame_size, without=("top",)))
    asm.add("mattress", superellipsoid((0, floor + pad * 0.42, 0), (width, pad, length), 0.3, 0.12))
    top = floor + pad * 0.92
    high = top + rng.uniform(0.2, 0.8)
    if drawn["headboard"] != "none":
        asm.add("headboard", *_board(drawn["headboard"], rng, width + 0.06, clear, high, -front - 0.03))
    if drawn["footboard"] != "none":
        asm.add(
            "footboard",
            *_board(drawn["footboard"], rng, width + 0.06, clear, top + rng.uniform(0.0, 0.3), front + 0.04),
        )
    if drawn["bedding"] == "blanket":
        z = rng.uniform(-0.25, 0.05) * length
        drop = rng.uniform(0.6, 1.1) * pad
        size = (width + 0.05, drop, front - z + 0.03)
        asm.add("blanket", box((0, top + 0.025 - drop / 2, (z + front + 0.03) / 2), size, without=("bottom", "back")))
    elif drawn["bedding"] == "folded duvet":
        long = length * rng.uniform(0.2, 0.45)
        asm.add("blanket", cushion((0, top + 0.03, front - long / 2), (width * 1.03, 0.16, long)))
    rows = {"no": 0, "one row of": 1, "two rows of": 2}[drawn["pillows"]]
    across = 1 if drawn["size"] == "single" else 2
    for row in range(rows):
        for i in range(across):
            x = (i - (across - 1) / 2) * width * 0.48
            wide = min(0.7, width / across * 0.85) * (1.0 - 0.15 * row)
            asm.add(
                "pillow",
                superellipsoid((x, top + 0.07 + 0.04 * row, -front + 0.24 + 0.25 * row), (wide, 0.17, 0.4), 0.7, 0.4),
            )
    if drawn["frame"] != "platform":
        tall = rng.uniform(1.5, 1.95) if drawn["frame"] == "bunk" else rng.uniform(1.8, 2.2)
        thick = rng.uniform(0.025, 0.05)
        corners = [(x, z) for x in (-width / 2, width / 2) for z in (-front, front)]
        asm.add("post", *[beam((x, 0, z), (x, tall, z), thick * 2, thick * 2) for x, z in corners])
        for x in (-width / 2, width / 2):
            asm.add("post", beam((x, tall - thick, -front), (x, tall - thick, front), thick * 1.6, thick * 1.6))
        for z in (-front, front):
            asm.add("post", beam((-width / 2, tall - thick, z), (width / 2, tall - thick, z), thick * 1.6, thick * 1.6))
        if drawn["frame"] == "bunk":
            level = max(tall - rng.uniform(0.4, 0.55), top + 0.6)
            asm.add("frame", box((0, level, 0), (width, 0.1, length), without=("top",)))
            asm.add("mattress", superellipsoid((0, level + 0.1, 0), (width * 0.95, 0.16, length * 0.97), 0.3, 0.12))
            x = width / 2 + 0.04
            places = (front * 0.35, front * 0.35 + 0.4)
            asm.add("ladder", *[beam((x, 0, z), (x, tall, z), 0.03, 0.05) for z in places])
            rungs = np.linspace(0.25, level, 5)
            asm.add("ladder", *[frustum((x, y, places[0]), (x, y, places[1]), 0.016, sides=8) for y in rungs])
    return asm.finish(drawn, caption("bed", drawn, ("size", "frame"), _BED_WORDS))
