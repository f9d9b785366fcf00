"""Benches: a long seat whose back, arms and base are drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes import supports
from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import box, move, rotate
from pointsra.data.shapes.parts import beam, bent, cushion, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "bench": {
        "seat": {"solid": 0.36, "slatted": 0.42, "padded": 0.22},
        "back": {"missing": 0.42, "slatted": 0.2, "spindled": 0.16, "solid": 0.14, "two-barred": 0.08},
        "arms": {"none": 0.55, "two": 0.35, "a single": 0.1},
        "base": {"four legs": 0.32, "end panels": 0.2, "crossed legs": 0.14, "trestles": 0.12, "blocks": 0.12,
                 "sled base": 0.1},
        "leg_style": {"round": 0.2, "tapered": 0.25, "square": 0.3, "turned": 0.15, "thin metal": 0.1},
        "stretcher": {"none": 0.6, "H-shaped": 0.2, "box": 0.2},
        "extra": {"nothing below": 0.8, "a shelf below": 0.2},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "bench": {"leg_style": ("base", ("four legs",)), "stretcher": ("base", ("four legs",))}
}
PART_NAMES = {"bench": ("seat", "back", "arm", "leg", "base", "stretcher")}
_WORDS = {"seat": "a {} seat", "back": "a {} back", "arms": "{} arms", "base": "{}", "stretcher": "a {} stretcher",
          "extra": "{}"}  # fmt: skip


def bench(rng: np.random.Generator) -> Design:
    """Build a bench from the choices of ``CHOICES["bench"]``."""
    drawn = draw(rng, CHOICES["bench"], ONLY_WHEN["bench"])
    asm, u = Assembly(PART_NAMES["bench"]), rng.uniform
    wide, deep, top, thick = u(0.9, 2.1), u(0.3, 0.55), u(0.38, 0.5), u(0.03, 0.08)
    below, radius = top - thick, u(0.018, 0.04)
    half = (wide / 2 - radius - u(0.0, 0.12) * wide, deep / 2 - radius)
    if drawn["seat"] == "slatted":
        count = int(rng.integers(3, 7))
        for z in (np.arange(count) + 0.5) * deep / count - deep / 2:
            asm.add("seat", box((0, top - thick * 0.3, z), (wide, thick * 0.6, deep / count * 0.72)))
        for x in (-half[0], half[0]):
            asm.add("seat", box((x, below + thick * 0.2, 0), (radius * 2, thick * 0.5, deep * 0.95)))
    else:
        asm.add("seat", box((0, top - thick / 2, 0), (wide, thick, deep)))
        if drawn["seat"] == "padded":
            asm.add("seat", cushion((0, top + 0.03, 0), (wide * 0.98, u(0.07, 0.14), deep * 0.96)))
    base = drawn["base"]
    if base == "four legs":
        tops, feet = supports.corner_legs(half, below, u(0.0, 0.06))
        asm.add("leg", *[supports.leg(t, f, drawn["leg_style"], radius) for t, f in zip(tops, feet, strict=True)])
        supports.stretchers(asm, drawn["stretcher"], tops, feet, radius * 0.6, u(0.15, 0.5))
    elif base == "end panels":
        supports.end_panels(asm, half, below, u(0.025, 0.06))
    elif base == "crossed legs":
        supports.crossed(asm, half, below, radius)
    elif base == "trestles":
        supports.trestles(asm, (half[0] * 0.85, half[1]), below, radius)
    elif base == "sled base":
        supports.sled(asm, rng, half, below, radius * 0.7)
    else:
        block = wide * u(0.06, 0.16)
        for x in (-half[0] * 0.8, half[0] * 0.8):
            asm.add("base", box((x, below / 2, 0), (block, below, deep * u(0.7, 0.95)), taper=u(0.8, 1.1)))
    if drawn["extra"] == "a shelf below":
        level = below * u(0.25, 0.5)
        asm.add("stretcher", box((0, level, 0), (half[0] * 2, 0.025, half[1] * 1.7)))
    high, lean, hinge = u(0.3, 0.5), u(3.0, 18.0), (0.0, top, -deep / 2 + radius)
    pieces = []
    if drawn["back"] in ("slatted", "two-barred"):
        count = 2 if drawn["back"] == "two-barred" else int(rng.integers(3, 6))
        size = high / count * (0.72 if count > 2 else 0.4)
        pieces = [box((0, high * (i + 0.65) / count, 0), (wide, size * 0.9, 0.025)) for i in range(count)]
    elif drawn["back"] == "solid":
        pieces = [box((0, high * 0.5, 0), (wide, high, u(0.03, 0.08)))]
    elif drawn["back"] == "spindled":
        pieces = [box((0, high * 0.96, 0), (wide, 0.06, 0.03))]
        count = int(rng.integers(6, 15))
        pieces += [
            box((x, high * 0.48, 0), (0.02, high * 0.96, 0.02)) for x in np.linspace(-wide * 0.46, wide * 0.46, count)
        ]
    if pieces:
        pieces += [box((x, high * 0.45, -0.02), (radius * 1.6, high * 1.1, radius * 1.4)) for x in (-half[0], half[0])]
    asm.add("back", *[move(rotate(piece, "x", -lean), hinge) for piece in pieces])
    rise, sides = u(0.18, 0.26), {"none": (), "two": (-1.0, 1.0)}.get(drawn["arms"], (float(rng.choice([-1.0, 1.0])),))
    round_arm = rng.random() < 0.4
    for side in sides:
        x = side * (wide / 2 - radius)
        if round_arm:
            corners = [(x, below, deep / 2 - 0.02), (x, top + rise, deep / 2 - 0.02), (x, top + rise, -deep / 2)]
            if drawn["back"] == "missing":
                corners += [(x, below, -deep / 2 + 0.02)]
            asm.add("arm", tube(bent(corners, 0.1), radius * 0.7))
        else:
            asm.add("arm", box((x, top + rise, 0), (radius * 2.4, 0.03, deep)))
            asm.add("arm", beam((x, below, deep * 0.42), (x, top + rise, deep * 0.42), radius * 1.5, radius * 1.5))
            if drawn["back"] == "missing":
                asm.add(
                    "arm", beam((x, below, -deep * 0.42), (x, top + rise, -deep * 0.42), radius * 1.5, radius * 1.5)
                )
    return asm.finish(drawn, caption("bench", drawn, (), _WORDS))
