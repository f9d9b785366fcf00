"""Birds: one body, and for each kind the proportions of neck, bill, legs, wings and tail; standing, perched or flying.

All lengths are shares of the length of the trunk until the end.
"""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.flesh import Uniform, flesh, mirrored
from pointsra.data.shapes.meshes import Mesh, rotate, scale
from pointsra.data.shapes.parts import frustum, superellipsoid

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "bird": {
        "kind": {"songbird": 0.2, "pigeon": 0.12, "hen": 0.12, "duck": 0.13, "goose": 0.1, "penguin": 0.09,
                 "eagle": 0.1, "heron": 0.08, "owl": 0.06},
        "wings": {"folded": 0.62, "spread": 0.28, "raised": 0.1},
        "tail": {"short": 0.4, "long": 0.35, "fanned": 0.25},
        "crest": {"no": 0.72, "a tufted": 0.16, "a combed": 0.12},
        "gaze": {"forward": 0.6, "sideways": 0.25, "downward": 0.15},
        "perch": {"no": 0.68, "a post as its": 0.16, "a branch as its": 0.16},
    }
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {"bird": {"perch": ("wings", ("folded", "raised"))}}
PART_NAMES = {"bird": ("body", "wing", "leg")}
_WORDS = {"kind": "the form of a {}", "wings": "{} wings", "tail": "a {} tail", "crest": "{} crest",
          "gaze": "a {} gaze", "perch": "{} perch"}  # fmt: skip
# For each kind: length of the trunk in meters, its half width and half depth, how steeply it is held (degrees), length
# of the neck and its radius, radius of the head, length of the bill and its radius, length and radius of the legs,
# length of a wing and its breadth. Ours, from drawings of the birds.
_KINDS: dict[str, tuple[tuple[float, float], ...]] = {
    "songbird": ((0.06, 0.16), (0.26, 0.33), (0.28, 0.36), (20, 45), (0.05, 0.15), (0.17, 0.22), (0.2, 0.26),
                 (0.12, 0.24), (0.05, 0.08), (0.2, 0.38), (0.022, 0.03), (1.0, 1.3), (0.28, 0.38)),
    "pigeon": ((0.15, 0.25), (0.25, 0.32), (0.27, 0.34), (8, 32), (0.16, 0.26), (0.12, 0.16), (0.14, 0.18),
               (0.11, 0.17), (0.035, 0.05), (0.14, 0.24), (0.026, 0.035), (1.1, 1.4), (0.26, 0.34)),
    "hen": ((0.22, 0.38), (0.3, 0.4), (0.33, 0.44), (-8, 18), (0.3, 0.5), (0.12, 0.16), (0.13, 0.17), (0.1, 0.16),
            (0.045, 0.06), (0.28, 0.45), (0.032, 0.045), (0.7, 0.95), (0.3, 0.4)),
    "duck": ((0.25, 0.42), (0.26, 0.34), (0.23, 0.3), (0, 22), (0.2, 0.34), (0.095, 0.13), (0.14, 0.18), (0.2, 0.28),
             (0.075, 0.1), (0.0, 0.22), (0.032, 0.045), (0.95, 1.25), (0.24, 0.32)),
    "goose": ((0.4, 0.75), (0.24, 0.31), (0.23, 0.29), (5, 24), (0.6, 0.95), (0.065, 0.09), (0.1, 0.13), (0.15, 0.22),
              (0.05, 0.065), (0.0, 0.32), (0.03, 0.042), (1.1, 1.4), (0.24, 0.3)),
    "penguin": ((0.35, 0.8), (0.24, 0.31), (0.23, 0.29), (76, 88), (0.06, 0.12), (0.15, 0.19), (0.15, 0.19),
                (0.1, 0.24), (0.03, 0.045), (0.06, 0.1), (0.05, 0.07), (0.6, 0.75), (0.1, 0.14)),
    "eagle": ((0.3, 0.55), (0.23, 0.3), (0.25, 0.31), (35, 62), (0.1, 0.18), (0.14, 0.18), (0.15, 0.19), (0.12, 0.18),
              (0.06, 0.08), (0.16, 0.28), (0.045, 0.06), (1.4, 1.9), (0.34, 0.46)),
    "heron": ((0.3, 0.5), (0.19, 0.25), (0.2, 0.27), (18, 45), (0.8, 1.3), (0.05, 0.07), (0.085, 0.11), (0.28, 0.5),
              (0.03, 0.04), (0.75, 1.3), (0.024, 0.032), (1.2, 1.5), (0.3, 0.38)),
    "owl": ((0.18, 0.4), (0.28, 0.36), (0.27, 0.34), (68, 84), (0.0, 0.04), (0.26, 0.3), (0.28, 0.35), (0.08, 0.12),
            (0.05, 0.07), (0.1, 0.18), (0.045, 0.06), (1.1, 1.4), (0.36, 0.46)),
}  # fmt: skip


def _head(kind: str, size: float, bill: float, thick: float, crest: str, u: Uniform) -> list[Mesh]:
    """Return a head about the origin, its bill toward +z."""
    pieces = [superellipsoid((0, 0, 0), np.array([1.8 if kind != "owl" else 2.2, 1.85, 2.1]) * size)]
    out, drop = size * 0.75, 0.45 if kind in ("eagle", "owl") else u(0.0, 0.15)
    wide = 1.5 if kind in ("duck", "goose") else 0.9
    rows = [(0, 0, out, thick * wide, thick), (0, -0.05 * bill, out + bill * 0.55, thick * wide * 0.85, thick * 0.75),
            (0, -drop * bill, out + bill, thick * (wide - 0.65), thick * 0.28)]  # fmt: skip
    pieces.append(flesh(rows, around=10))
    if crest == "a tufted":
        spread = size * (0.75 if kind == "owl" else 0.0)
        for side in (-1.0, 1.0) if spread else (0.0,):
            tip = size * u(0.6, 1.2)
            rows = [(side * spread, size * 0.6, 0, size * 0.28), (side * spread * 1.1, size * 0.9 + tip * 0.5,
                    -tip * 0.4,
                    size * 0.2), (side * spread * 1.2, size + tip * 0.8, -tip, size * 0.08)]  # fmt: skip
            pieces.append(flesh(rows, around=9))
    elif crest == "a combed":
        rows = [(0, size * 0.75, size * 0.7, size * 0.12, size * 0.2), (0, size * 1.1, size * 0.1, size * 0.14,
                size * 0.4),
                (0, size * 0.85, -size * 0.6, size * 0.12, size * 0.25)]  # fmt: skip
        pieces += [
            flesh(rows),
            flesh([(0, -size * 0.5, size * 0.85, size * 0.18), (0, -size, size * 0.9, size * 0.14)]),
        ]
    return pieces


def bird(rng: np.random.Generator) -> Design:
    """Build a bird from the choices of ``CHOICES["bird"]``; looks toward +z."""
    drawn = draw(rng, CHOICES["bird"], ONLY_WHEN["bird"])
    u, kind, wings = rng.uniform, drawn["kind"], drawn["wings"]
    (size, wide, deep, steep, neck, neck_thick, head, bill, bill_thick, leg, leg_thick, span, broad) = (
        float(u(low, top)) for low, top in _KINDS[kind]
    )
    flying = wings == "spread" and kind not in ("penguin", "hen")
    if flying:
        steep = u(-8, 14)
    pieces: list[tuple[str, Mesh]] = []
    rows = [(0, 0.06, -0.56, wide * 0.3, deep * 0.22), (0, 0.02, -0.3, wide * 0.75, deep * 0.7), (0, -0.01,
            0.0, wide, deep),
            (0, 0.02, 0.28, wide * 0.9, deep * 0.88), (0, 0.08, 0.45, wide * 0.55, deep * 0.55)]  # fmt: skip
    trunk = [("body", flesh(rows, around=16))]
    long = {"short": u(0.15, 0.35), "long": u(0.55, 0.95), "fanned": u(0.35, 0.6)}[drawn["tail"]]
    long *= {"penguin": 0.15, "duck": 0.4, "goose": 0.4, "heron": 0.4}.get(kind, 1.0)
    fan = wide * (u(1.0, 1.5) if drawn["tail"] == "fanned" else u(0.35, 0.6))
    lift = u(0.3, 0.9) if kind == "hen" else u(-0.15, 0.2)
    rows = [(0, 0.05, -0.4, wide * 0.35, 0.06), (0, 0.06 + 0.5 * long * lift, -0.55 - 0.5 * long,
            (fan + wide * 0.35) / 2, 0.04),
            (0, 0.05 + long * lift, -0.55 - long, fan, 0.026)]  # fmt: skip
    trunk.append(("body", flesh(rows)))
    if wings == "folded":
        reach = u(0.5, 0.75) if kind != "penguin" else u(0.45, 0.6)
        x = wide * 0.94
        rows = [(x * 0.75, deep * 0.3, 0.33, 0.5 * deep, 0.05), (x * 1.02, deep * 0.15, 0.05, 0.62 * deep, 0.055),
                (x * 0.85, deep * 0.15, -0.3, 0.42 * deep, 0.045), (x * 0.3, 0.08, -reach, 0.1 * deep,
                0.026)]  # fmt: skip
        if kind == "penguin":
            rows = [(x, 0.0, 0.28, broad, 0.045), (x * 1.15, -deep * 0.2, 0.0, broad, 0.04),
                    (x * u(1.1, 1.9), -deep * 0.1, 0.28 - span, broad * 0.5, 0.028)]  # fmt: skip
        trunk += [("wing", flesh(each, across=(0, 1, 0))) for each in mirrored(rows)]
    else:
        rise = u(-0.1, 0.4) if wings == "spread" else u(1.0, 2.2)
        sweep, droop = u(-0.45, 0.25), u(-0.35, 0.15) * span
        away = np.array([1.0, rise, 0.0]) / np.hypot(1.0, rise) * span
        knots = [np.array([wide * 0.4, deep * 0.35, 0.12])]
        for share, back in ((0.3, 0.12), (0.65, 0.06), (1.0, sweep)):
            knots.append(knots[0] + share * away + (0, droop * share**2, back * span * share))
        chords = np.array([0.85, 1.0, 0.85, u(0.2, 0.55)]) * broad
        rows = [(*k, c, t) for k, c, t in zip(knots, chords, (0.07, 0.055, 0.04, 0.026), strict=True)]
        trunk += [("wing", flesh(each, 4, 12, (0, 0, 1))) for each in mirrored(rows)]
    pieces += [(part, rotate(each, "x", -steep)) for part, each in trunk]
    turn = np.radians(steep)
    base = np.array([0.0, 0.4 * np.sin(turn) + 0.1 * np.cos(turn), 0.4 * np.cos(turn) - 0.1 * np.sin(turn)])
    straight = u(-0.1, 0.5) if flying else u(0.9, 1.4) if kind != "pigeon" else u(0.5, 1.1)
    upward = np.array([0.0, np.sin(straight), np.cos(straight)]) if kind != "owl" else np.array([0.0, 1.0, 0.1])
    top = base + (neck + head * 0.75) * upward
    bow = np.array([0.0, -0.1, 0.16]) * neck * (u(-1.0, 1.6) if kind in ("goose", "heron", "duck") else 0.3)
    full = wide * 0.85 if steep > 60 else min(max(neck_thick * 1.5, 0.12), wide * 0.82)
    rows = [(*(base - 0.12 * upward), full * 1.1), (*(base * 0.7 + top * 0.3 + bow), (full + neck_thick) / 2),
            (*(base * 0.3 + top * 0.7 - bow * 0.8), neck_thick), (*top, neck_thick * 0.95)]  # fmt: skip
    pieces.append(("body", flesh(rows)))
    pitch = {"forward": u(-8, 8), "sideways": u(-8, 8), "downward": u(20, 45)}[drawn["gaze"]]
    yaw = float(rng.choice([-1.0, 1.0])) * u(35, 85) if drawn["gaze"] == "sideways" else 0.0
    for each in _head(kind, head, bill, bill_thick, drawn["crest"], u):
        each = rotate(rotate(each, "x", pitch), "y", yaw)
        pieces.append(("body", Mesh(each.vertices + top, each.faces)))
    floor = -deep * 0.86 - leg if steep < 60 else -0.46 * np.sin(turn) - leg
    middle = 0.0 if steep < 60 else -0.06
    if flying:
        if leg > 0.1:
            for side in (-1.0, 1.0):
                low = (side * wide * 0.3, -deep * 0.6, -0.5 - leg * 0.6)
                pieces.append(("leg", flesh([(side * wide * 0.35, -deep * 0.6, -0.1, 0.09), (*low, leg_thick)])))
                pieces.append(("leg", flesh([(*low, leg_thick), (*(low - np.array([0, 0.03, 0.18])), leg_thick)])))
    elif leg > 0.05:
        for side in (-1.0, 1.0):
            x, step = side * wide * 0.42, u(-0.08, 0.08)
            hip, foot = (x, floor + leg + deep * 0.45, middle - 0.04), np.array([x, floor + 0.02, middle + step])
            knee = (x, floor + leg * u(0.45, 0.6), middle + step - 0.1 * leg)
            rows = [(*hip, 0.13), (x, floor + leg * 0.95, middle - 0.03, 0.075 if kind != "penguin" else 0.1),
                    (*knee, leg_thick * 1.1), (*foot, leg_thick)]  # fmt: skip
            pieces.append(("leg", flesh(rows, around=8)))
            for fan_out in (-0.5, 0.0, 0.5):
                tip = foot + np.array([fan_out * 0.18, 0.0, 0.2]) * (1.0 if leg > 0.12 else 0.8)
                pieces.append(("leg", flesh([(*foot, leg_thick), (*tip, leg_thick * 0.75)], 2, 7)))
            if kind in ("duck", "goose", "penguin"):
                web = foot + np.array([0, 0, 0.18])
                pieces.append(("leg", flesh([(*foot, 0.04, 0.022), (*web, 0.11, 0.022)], 2, 10)))
            else:
                pieces.append(("leg", flesh([(*foot, leg_thick), (*(foot - (0, 0, 0.1)), leg_thick * 0.7)], 2, 7)))
    perch = drawn.get("perch", "no")
    if perch == "a post as its":
        radius, high = u(0.3, 0.5), u(0.2, 1.0)
        pieces.append(
            ("leg", frustum((0, floor - high, middle + 0.05), (0, floor + 0.01, middle + 0.05), radius, sides=16))
        )
    elif perch == "a branch as its":
        reach, thick, tilt = u(0.7, 1.2), u(0.06, 0.12), u(-0.12, 0.12)
        rows = [
            (x * reach, floor - thick * 0.8 + tilt * x * abs(x), middle + 0.04, thick) for x in (-1.0, -0.3, 0.3, 1.0)
        ]
        pieces.append(("leg", flesh(rows)))
    asm = Assembly(PART_NAMES["bird"])
    for part, each in pieces:
        asm.add(part, scale(each, (size, size, size)))
    return asm.finish(drawn, caption("bird", drawn, (), _WORDS))
