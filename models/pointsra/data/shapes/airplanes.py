"""Airplanes, nose toward +z: fuselage, wings, tail, engines and gear are drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import Mesh, both_sides, box, move
from pointsra.data.shapes.parts import beam, frustum, hull, superellipsoid, wheel, wing

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "airplane": {
        "fuselage": {"airliner": 0.38, "light": 0.22, "business": 0.2, "fighter": 0.2},
        "wing": {"straight": 0.25, "swept": 0.42, "delta": 0.15, "tapered": 0.18},
        "wing_place": {"low": 0.55, "middle": 0.2, "high": 0.25},
        "second_wing": {"none": 0.85, "upper": 0.08, "front": 0.07},
        "tail": {"conventional": 0.5, "T-shaped": 0.2, "V-shaped": 0.08, "twin-finned": 0.12, "cross-shaped": 0.1},
        "engines": {"no engines": 0.12, "two jets under the wings": 0.3, "four jets under the wings": 0.13,
                    "two jets at the rear": 0.15, "a nose propeller": 0.18, "two propellers on the wings": 0.12},
        "wing_tips": {"plain": 0.6, "upturned": 0.28, "tank": 0.12},
        "gear": {"retracted": 0.55, "nose-wheel": 0.27, "tail-wheel": 0.1, "float": 0.08},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {}
PART_NAMES = {"airplane": ("fuselage", "wing", "tail", "engine", "propeller", "gear", "cockpit")}
_AIRPLANE_WORDS = {"wing": "{} wings", "wing_place": "a {} wing position", "second_wing": "a second {} wing",
                   "tail": "a {} tail",
                   "engines": "{}", "wing_tips": "{} wing tips", "gear": "{} gear"}  # fmt: skip


def _pod(x: float, y: float, z: float, size: float) -> Mesh:
    """Make a jet engine of radius ``size`` around (x, y, z)."""
    rows = [(z + 0.07, y, size * 0.85, size * 0.85), (z + 0.05, y, size, size), (z - 0.03, y, size, size)]
    pod = hull([*rows, (z - 0.08, y, size * 0.6, size * 0.6)])
    return move(pod, (x, 0.0, 0.0))


def _propeller(asm: Assembly, rng: np.random.Generator, x: float, y: float, z: float, radius: float) -> None:
    turn, blades = rng.uniform(0, np.pi), int(rng.integers(2, 5))
    asm.add("propeller", superellipsoid((x, y, z), (radius * 0.25, radius * 0.25, radius * 0.4)))
    for i in range(blades):
        angle = turn + i * 2 * np.pi / blades
        tip = (x + radius * np.cos(angle), y + radius * np.sin(angle), z)
        asm.add("propeller", beam((x, y, z), tip, radius * 0.12, radius * 0.04, 0.7))


def _tail(
    asm: Assembly, rng: np.random.Generator, kind: str, root: float, deck: float, size: float, sweep: float
) -> None:
    """Add fins and tailplanes whose root's leading edge is at z = root, on a fuselage whose top is at deck."""
    rise, chord = size * rng.uniform(0.8, 1.15), size * rng.uniform(0.7, 0.95)
    span, plane = size * rng.uniform(0.9, 1.3), chord * 0.75
    back = sweep * rise
    level = {"T-shaped": rise * 0.97, "cross-shaped": rise * 0.45}.get(kind, -0.02)
    if kind == "V-shaped":
        fin = wing((0.02, deck, root), (span * 0.75, deck + rise * 0.8, root - back), chord, chord * 0.55, 0.1)
        asm.add("tail", *both_sides(fin))
        return
    edge = root - sweep * max(level, 0.0) - chord * 0.05
    flat = wing((0.0, deck + level, edge), (span, deck + level, edge - sweep * span * 0.8), plane, plane * 0.55, 0.09)
    asm.add("tail", *both_sides(flat))
    if kind == "twin-finned":
        at = span * rng.uniform(0.4, 1.0)
        z = edge - sweep * at * 0.8 + 0.01
        fin = wing(
            (at, deck + level - 0.02, z),
            (at * 1.05, deck + level + rise * 0.75, z - back * 0.6),
            plane * 0.75,
            plane * 0.4,
            0.09,
            True,
        )
        asm.add("tail", *both_sides(fin))
        return
    asm.add(
        "tail",
        wing((0, deck - 0.05, root + 0.02), (0, deck + rise, root - back), chord * 1.1, chord * 0.55, 0.09, True),
    )


def airplane(rng: np.random.Generator) -> Design:
    """Build an airplane from the choices of ``CHOICES["airplane"]``; lengths are in tenths of a typical fuselage."""
    drawn = draw(rng, CHOICES["airplane"])
    asm = Assembly(PART_NAMES["airplane"])
    kind, place = drawn["fuselage"], drawn["wing_place"]
    long = 1.0
    fat = {"airliner": rng.uniform(0.048, 0.068), "light": rng.uniform(0.06, 0.085),
           "business": rng.uniform(0.05, 0.06),
           "fighter": rng.uniform(0.04, 0.06)}[kind]  # fmt: skip
    nose = {"airliner": 0.07, "light": 0.12, "business": 0.13, "fighter": 0.28}[kind] * rng.uniform(0.85, 1.2)
    taper = {"airliner": 0.3, "light": 0.55, "business": 0.32, "fighter": 0.25}[kind] * rng.uniform(0.9, 1.15)
    half, up = long / 2, fat * rng.uniform(0.3, 0.75)
    t = np.linspace(0, 1, 6)
    front = [
        (
            half - nose * f,
            -fat * 0.25 * (1 - f),
            fat * np.sqrt(1 - (1 - f) ** 2) + 1e-3,
            fat * np.sqrt(1 - (1 - f) ** 2) + 1e-3,
        )
        for f in t
    ]
    end = 0.12 if kind != "fighter" else 0.7
    rear = [
        (-half + taper * (1 - f), up * f**1.5, fat * (1 - (1 - end) * f**1.4), fat * (1 - (1 - end) * f**1.4))
        for f in t
    ]
    asm.add("fuselage", hull(front + rear, 2.0 if kind != "light" else 3.0))
    if kind in ("light", "fighter", "business"):
        at = half - nose * (1.5 if kind != "fighter" else 1.0)
        asm.add(
            "cockpit",
            superellipsoid(
                (0, fat * 0.85, at - 0.03),
                (fat * 1.2, fat * (1.3 if kind == "light" else 1.0), 0.22 if kind != "business" else 0.1),
            ),
        )
    span = {"airliner": 0.5, "light": 0.58, "business": 0.45, "fighter": 0.36}[kind] * rng.uniform(0.85, 1.2)
    shape = drawn["wing"]
    sweep = {
        "straight": rng.uniform(0.0, 0.06),
        "swept": rng.uniform(0.4, 0.75),
        "delta": rng.uniform(0.9, 1.2),
        "tapered": rng.uniform(0.1, 0.25),
    }[shape]
    chord = {"straight": 0.15, "swept": 0.22, "delta": 0.46, "tapered": 0.2}[shape] * rng.uniform(0.9, 1.2)
    tip = (
        chord
        * {
            "straight": rng.uniform(0.8, 1.0),
            "swept": rng.uniform(0.25, 0.4),
            "delta": 0.1,
            "tapered": rng.uniform(0.3, 0.5),
        }[shape]
    )
    if shape == "delta":
        span *= 0.85
    height = {"low": -fat * 0.6, "middle": 0.0, "high": fat * 0.85}[place]
    rise = span * (rng.uniform(0.03, 0.13) if place == "low" else rng.uniform(-0.05, 0.06))
    lead = rng.uniform(0.08, 0.16) + chord * 0.3 + (0.05 if shape == "delta" else 0.0)
    panel = wing((0, height, lead), (span, height + rise, lead - sweep * span), chord, tip, 0.11)
    asm.add("wing", *both_sides(panel))
    if drawn["second_wing"] == "upper":
        gap = fat * 3.2 if place != "high" else -fat * 2.6
        asm.add(
            "wing",
            *both_sides(
                wing(
                    (0, height + gap, lead + 0.02),
                    (span, height + gap + rise, lead + 0.02 - sweep * span),
                    chord,
                    tip,
                    0.1,
                )
            ),
        )
        for share in (0.12, 0.7):
            x, z, y = span * share, lead - sweep * span * share - chord * 0.3, height + rise * share
            asm.add("wing", *both_sides(frustum((x, y, z), (x, y + gap, z), 0.006, sides=6)))
    elif drawn["second_wing"] == "front":
        z = half - nose - 0.05
        asm.add(
            "wing",
            *both_sides(
                wing((0, fat * 0.3, z), (span * 0.4, fat * 0.3, z - 0.3 * span * 0.4), chord * 0.4, chord * 0.22, 0.1)
            ),
        )

    def on_wing(share: float) -> tuple[float, float, float]:
        return span * share, height + rise * share, lead - sweep * span * share

    tip_x, tip_y, tip_z = on_wing(1.0)
    if drawn["wing_tips"] == "upturned":
        up_tip = wing(
            (tip_x, tip_y, tip_z),
            (tip_x + 0.015, tip_y + 0.07, tip_z - 0.06),
            max(tip, 0.05),
            max(tip, 0.05) * 0.5,
            0.1,
            True,
        )
        asm.add("wing", *both_sides(up_tip))
    elif drawn["wing_tips"] == "tank":
        asm.add("wing", *both_sides(superellipsoid((tip_x, tip_y, tip_z - tip * 0.4), (0.035, 0.035, 0.2))))
    _tail(
        asm,
        rng,
        drawn["tail"],
        -half + chord * 0.4 + rng.uniform(0.06, 0.12),
        up + fat * 0.25,
        0.19 * rng.uniform(0.85, 1.2),
        max(sweep * 0.8, 0.25) if shape != "delta" else 0.7,
    )
    engines, size = drawn["engines"], rng.uniform(0.022, 0.034)
    if "under" in engines:
        for share in (0.36,) if engines.startswith("two") else (0.3, 0.6):
            x, y, z = on_wing(share)
            drop = size * 1.1
            asm.add("engine", *both_sides(_pod(x, y - drop, z, size)))
            asm.add("engine", *both_sides(box((x, y - drop * 0.3, z - 0.03), (0.008, drop, 0.08))))
    elif engines == "two jets at the rear":
        z, x = -half + taper * 0.85, fat * 0.8 + size * 1.2
        asm.add("engine", *both_sides(_pod(x, up * 0.3 + 0.01, z, size)))
        asm.add("engine", *both_sides(box((x * 0.6, up * 0.3 + 0.01, z), (x * 0.7, 0.01, 0.06))))
    elif engines == "a nose propeller":
        _propeller(asm, rng, 0.0, -fat * 0.25, half + 0.01, rng.uniform(0.09, 0.14))
    elif engines == "two propellers on the wings":
        x, y, z = on_wing(rng.uniform(0.28, 0.4))
        for s in (-1, 1):
            asm.add("engine", superellipsoid((s * x, y, z - 0.02), (size * 1.8, size * 1.8, 0.2), 0.8))
            _propeller(asm, rng, s * x, y, z + 0.085, rng.uniform(0.07, 0.1))
    low = -fat - rng.uniform(0.04, 0.08)
    roll = rng.uniform(0.014, 0.024)
    track = rng.uniform(0.05, 0.12)
    if drawn["gear"] in ("nose-wheel", "tail-wheel"):
        main = -0.06 if drawn["gear"] == "nose-wheel" else 0.2
        other = half - nose if drawn["gear"] == "nose-wheel" else -half + 0.08
        for x, z, start in ((track, main, -fat * 0.7), (-track, main, -fat * 0.7), (0.0, other, 0.0)):
            floor = low if drawn["gear"] == "nose-wheel" or x else up - fat * 0.5
            asm.add(
                "gear",
                frustum((x * 0.5, start, z), (x, floor, z), 0.006, sides=6),
                wheel((x, floor, z), roll, roll * 0.9),
            )
    elif drawn["gear"] == "float":
        for x in (-track - 0.04, track + 0.04):
            rows = [
                (0.38, low + 0.02, 0.004, 0.004),
                (0.28, low, 0.028, 0.026),
                (-0.05, low, 0.028, 0.026),
                (-0.3, low + 0.015, 0.005, 0.005),
            ]
            asm.add("gear", move(hull(rows, 3.0), (x, 0.0, 0.0)))
            asm.add("gear", *[frustum((x * 0.4, -fat * 0.6, z), (x, low, z), 0.006, sides=6) for z in (0.2, 0.0)])
    return asm.finish(drawn, caption(f"{kind} airplane", drawn, (), _AIRPLANE_WORDS))
