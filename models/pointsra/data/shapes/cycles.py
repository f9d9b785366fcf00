"""Bicycles, front toward +z: frames from the lengths and angles a builder uses, wheels, and what is mounted on them.

Motorcycles are in :mod:`pointsra.data.shapes.vehicles`.
"""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.cycle_parts import bars, cranks, cycle_wheel, fork, handlebar, saddle_on, spot
from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.hollow import walls
from pointsra.data.shapes.meshes import Floats, box, move
from pointsra.data.shapes.parts import beam, bent, curve, frustum, superellipsoid, tube

_FITTED = ("touring", "step-through", "mountain", "folding", "cargo")
CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "bicycle": {
        "kind": {"racing": 0.2, "touring": 0.12, "step-through": 0.2, "mountain": 0.18, "folding": 0.08, "cargo": 0.08,
                 "child's": 0.1, "high-wheel": 0.04},
        "handlebar": {"straight": 0.5, "swept-back": 0.35, "raised": 0.15},
        "wheels": {"spoked": 0.84, "bladed": 0.1, "disc": 0.06},
        "carrier": {"nothing": 0.5, "a front basket": 0.17, "a rear rack": 0.2, "a basket and a rack": 0.13},
        "fenders": {"no": 0.55, "two": 0.45},
        "saddle": {"narrow": 0.55, "broad": 0.45},
    }
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "bicycle": {choice: ("kind", _FITTED) for choice in ("handlebar", "carrier", "fenders")}
}
PART_NAMES = {"bicycle": ("frame", "wheel", "fitting")}
_WORDS = {"kind": "the form of a {} cycle", "handlebar": "a {} handlebar", "wheels": "{} wheels",
          "carrier": "{} to carry things", "fenders": "{} fenders", "saddle": "a {} saddle"}  # fmt: skip


def bicycle(rng: np.random.Generator) -> Design:
    """Build a bicycle or a child's tricycle from the choices of ``CHOICES["bicycle"]``."""
    drawn = draw(rng, CHOICES["bicycle"], ONLY_WHEN["bicycle"])
    asm = Assembly(PART_NAMES["bicycle"])
    {"child's": _tricycle, "high-wheel": _high_wheel}.get(drawn["kind"], _upright)(asm, drawn, rng)
    return asm.finish(drawn, caption("bicycle", drawn, (), _WORDS))


def _tricycle(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    u, style = rng.uniform, drawn["wheels"]
    large, small, wide = u(0.12, 0.2), u(0.08, 0.14), u(0.028, 0.055)
    base, track = u(0.42, 0.62), u(0.14, 0.25)
    front, axle = spot(base / 2, large), spot(-base / 2, small)
    crown = front + spot(-u(0.02, 0.07), large + 0.05)
    seat = spot(-base * u(0.1, 0.3), max(u(0.25, 0.38), large * 1.5))
    asm.add("wheel", *cycle_wheel(front, large, wide, style, 0.05, 12))
    for x in (-track, track):
        asm.add("wheel", *cycle_wheel(axle + spot(0, 0, x), small, wide, style, wide * 0.8, 10))
    thick = u(0.013, 0.022)
    fork(asm, front, crown, wide / 2 + 0.02, thick * 0.8)
    cranks(asm, front, large * 0.5, wide / 2 + 0.05, rng)
    low = spot(seat[2], seat[1] * u(0.5, 0.75))
    asm.add("frame", tube(bent([crown + spot(0, 0.04), low + spot(0.05), axle], 0.12), thick * 1.3))
    top = crown + spot(-u(0.02, 0.06), u(0.12, 0.24))
    bars(asm, thick, (crown, top), (low, seat), (axle - spot(0, 0, track), axle + spot(0, 0, track)))
    asm.add("fitting", *[move(piece, top) for piece in handlebar("raised", rng, u(0.45, 0.7))])
    asm.add("fitting", *saddle_on(seat + spot(0, 0.02), drawn["saddle"] == "broad", rng, u(0.75, 1.0)))
    if rng.random() < 0.6:
        asm.add("frame", box(axle + spot(-0.02, small * 0.4), (track * 1.3, 0.018, u(0.1, 0.16))))
    extra = rng.random()
    if extra < 0.25:
        back = [axle + spot(-0.02, 0.02, x) for x in (-0.06, 0.06)]
        high = [axle + spot(-u(0.2, 0.35), u(0.6, 0.8), x) for x in (-0.08, 0.08)]
        asm.add("fitting", tube(bent([back[0], high[0], high[1], back[1]], 0.06), 0.012))
    elif extra < 0.5:
        asm.add("fitting", superellipsoid(seat + spot(-0.13, 0.12), (0.2, 0.2, 0.05), 0.5))
        asm.add("frame", beam(seat + spot(-0.08), seat + spot(-0.13, 0.12), 0.04, 0.02))


def _high_wheel(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    u = rng.uniform
    large, small, wide = u(0.55, 0.75), u(0.18, 0.26), u(0.022, 0.032)
    front, rear = spot(0, large), spot(-large * u(1.05, 1.25) - small * 0.3, small)
    asm.add("wheel", *cycle_wheel(front, large, wide, drawn["wheels"], 0.06, 36))
    asm.add("wheel", *cycle_wheel(rear, small, wide, drawn["wheels"], 0.04, 16))
    crown = front + spot(-0.03, large + 0.06)
    turn = np.linspace(1.5, np.arctan2(small - large * 0.6, rear[2]) + 2 * np.pi, 9)
    spine = front + (large + 0.07) * np.stack([0 * turn, np.sin(turn), np.cos(turn)], axis=1)
    spine = np.concatenate([crown[None], spine[1:-1], rear[None] + spot(0, small + 0.04)])
    asm.add("frame", tube(spine, 0.018))
    fork(asm, front, crown, 0.05, 0.013)
    fork(asm, rear, spine[-1], 0.035, 0.011)
    bars(asm, 0.016, (crown, crown + spot(0, 0.14)))
    cranks(asm, front, u(0.11, 0.16), 0.09, rng)
    grip = handlebar(str(rng.choice(["straight", "swept-back"])), rng)
    asm.add("fitting", *[move(piece, crown + spot(0, 0.14)) for piece in grip])
    asm.add("fitting", *saddle_on(spine[2] + spot(0, 0.09), drawn["saddle"] == "broad", rng))
    bars(asm, 0.02, (spine[2], spine[2] + spot(0, 0.09)))


def _upright(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    u, kind, bar = rng.uniform, drawn["kind"], drawn.get("handlebar", "dropped")
    size = u(0.2, 0.27) if kind == "folding" else u(0.3, 0.37)
    fore = u(0.2, 0.28) if kind == "cargo" else size
    wide = {"racing": u(0.023, 0.032), "mountain": u(0.045, 0.07)}.get(kind, u(0.03, 0.05))
    base = {"cargo": u(1.7, 2.1), "mountain": u(1.05, 1.2)}.get(kind, u(0.95, 1.1))
    twin = kind == "cargo" and rng.random() < 0.45
    rear, front = spot(-base / 2, size), spot(base / 2, fore)
    crank = spot(-base / 2 + max(u(0.4, 0.47), size + 0.08), u(0.25, 0.31))
    lean, steer = np.radians(u(69, 76)), np.radians(u(65, 74))
    back, axis = spot(-np.cos(lean), np.sin(lean)), spot(-np.cos(steer), np.sin(steer))
    ahead = spot(np.sin(steer), np.cos(steer))
    long = u(0.56, 0.78)
    saddle, seat_top = crank + long * back, crank + long * back * u(0.62, 0.85)
    seat_top[1] = max(seat_top[1], 2 * size - 0.05)
    seat_top[2] = crank[2] - (seat_top[1] - crank[1]) / np.tan(lean)
    saddle[1] = max(saddle[1], seat_top[1] + 0.06)
    foot = front if kind != "cargo" else spot(crank[2] + u(0.5, 0.62), fore)
    low = foot - u(0.03, 0.06) * ahead + (max(size, 0.3) + wide + u(0.02, 0.08)) * axis
    top = low + u(0.09, 0.2) * axis
    thick = u(0.014, 0.021) if kind != "mountain" else u(0.018, 0.028)
    spokes, apart = int(rng.integers(8, 17)) * 2, wide / 2 + 0.025
    hubs = [rear] + ([front + spot(0, 0, x) for x in (-0.42, 0.42)] if twin else [front])
    for hub, each in zip(hubs, (size, fore, fore), strict=False):
        asm.add("wheel", *cycle_wheel(hub, each, wide, drawn["wheels"], 0.05, spokes))
    bars(asm, thick * 0.7, *[(crank + spot(0, 0, x * 0.6), rear + spot(0, 0, x)) for x in (-apart, apart)])
    bars(
        asm,
        thick * 0.6,
        *[(seat_top - 0.03 * back + spot(0, 0, x * 0.4), rear + spot(0, 0, x)) for x in (-apart, apart)],
    )
    bars(asm, thick, (crank, seat_top), (low, top))
    bars(asm, thick * 0.8, (seat_top, saddle))
    if kind in ("racing", "touring", "mountain"):
        asm.add("frame", frustum(low + 0.03 * axis, crank, thick * u(1.0, 1.5), thick * 1.1, sides=8))
        bars(asm, thick * 0.9, (top - 0.03 * axis, seat_top - u(0.0, 0.06) * back))
    elif kind == "folding":
        asm.add("frame", beam(low + 0.05 * axis, crank + 0.1 * back, 0.045, u(0.05, 0.08)))
    else:
        knots = [low + 0.03 * axis, (low + crank) / 2 - spot(u(0.0, 0.09), u(0.02, 0.1)), crank + 0.02 * back]
        asm.add("frame", tube(curve(knots, 4), thick * 1.1))
        if rng.random() < 0.6:
            lift = u(0.08, 0.2)
            knots = [low + 0.09 * axis, (low + crank) / 2 - spot(0.02, lift * -0.35 + 0.02), crank + lift * back]
            asm.add("frame", tube(curve(knots, 4), thick * 0.9))
    if kind == "cargo":
        wider, level = u(0.42, 0.6), front[1] + (fore + 0.04 if twin else 0.06)
        deep = (front[2] - foot[2]) - (fore + 0.08) * (not twin) + 0.1 * twin
        middle = spot(foot[2] + deep / 2 + 0.04, level)
        asm.add("fitting", *[move(w, middle) for w in walls((wider, u(0.25, 0.45), deep), 0.02, u(1.0, 1.25))])
        bars(asm, thick * 1.3, (crank, middle + spot(-deep / 2)), (low, middle + spot(-deep / 2 + 0.05, 0.02)))
        bars(asm, thick * 1.2, *[(middle + spot(s * deep / 2, 0, x), middle + spot(-s * deep / 2, 0, x))
                                  for x, s in ((-0.15, 1), (0.15, 1))])  # fmt: skip
        if twin:
            bars(asm, thick, (hubs[1], hubs[2]), *[(h, spot(h[2], level, h[0] * 0.5)) for h in hubs[1:]])
        else:
            crown = front + spot(-0.02, fore + wide + 0.03)
            fork(asm, front, crown, apart, thick * 0.8)
            bars(asm, thick * 1.2, (crown, middle + spot(deep / 2, 0.02)), (crown, crown + spot(-0.02, 0.12)))
    else:
        fork(
            asm, front, low, apart + (0.012 if kind == "mountain" else 0), thick * (1.2 if kind == "mountain" else 0.8)
        )
    stem = top + axis * (u(0.3, 0.4) if kind == "folding" else u(0.03, 0.14))
    grip = stem + ahead * (u(0.03, 0.1) if bar in ("straight", "dropped") else 0.02)
    bars(asm, thick * 0.9, (top, stem), (stem, grip))
    asm.add("fitting", *[move(piece, grip) for piece in handlebar(bar, rng)])
    asm.add("fitting", *saddle_on(saddle + spot(0, 0.025), drawn["saddle"] == "broad", rng))
    cranks(asm, crank, u(0.15, 0.175), 0.075, rng)
    ring = u(0.07, 0.11)
    asm.add("frame", frustum(crank + spot(0, 0, 0.045), crank + spot(0, 0, 0.057), ring, sides=18))
    asm.add("frame", frustum(rear + spot(0, 0, 0.04), rear + spot(0, 0, 0.056), u(0.03, 0.06), sides=12))
    for sign in (-1.0, 1.0):
        asm.add("frame", beam(crank + spot(0, sign * ring, 0.051), rear + spot(0, sign * 0.035, 0.048), 0.012, 0.014))
    _mounted(asm, drawn, rng, rear, grip, size, wide, None if twin else (front, fore))


def _mounted(
    asm: Assembly, drawn: dict[str, str], rng: np.random.Generator, rear: Floats, grip: Floats, size: float,
    wide: float, front: tuple[Floats, float] | None
) -> None:  # fmt: skip
    u = rng.uniform
    if drawn.get("fenders") == "two":
        for hub, each, first, last in ((rear, size, -0.15, 0.85), (*(front or (rear, size)), -0.05, 0.62)):
            turn = np.linspace(first, last, 10) * np.pi
            line = hub + np.stack([0 * turn, np.sin(turn), -np.cos(turn)], axis=1) * (each + 0.025)
            asm.add("fitting", tube(line, 0.006, flat=wide * 0.7 + 0.008))
    carrier = drawn.get("carrier", "nothing")
    if "basket" in carrier and drawn["kind"] != "cargo":
        tall, deep = u(0.17, 0.27), u(0.2, 0.3)
        place = grip + spot(deep / 2 + 0.07, -tall * u(0.6, 1.0))
        asm.add("fitting", *[move(w, place) for w in walls((u(0.26, 0.4), tall, deep), 0.012, u(1.0, 1.25))])
        asm.add("fitting", beam(grip + spot(0, -0.06), place + spot(0, 0.04), 0.05, 0.02))
    if "rack" in carrier:
        half, y, z = u(0.05, 0.08), 2 * size + u(0.03, 0.07), rear[2]
        corners = [(-half, y, z + 0.18), (-half, y, z - 0.2), (half, y, z - 0.2), (half, y, z + 0.18)]
        asm.add("fitting", tube(bent(corners, 0.04), 0.009))
        for at in (-0.1, 0.0, 0.1, 0.18):
            asm.add("fitting", frustum((-half, y, z + at), (half, y, z + at), 0.008, sides=6))
        for x in (-half, half):
            asm.add("fitting", frustum((x, y, z - 0.05), rear + spot(0, 0, x * 0.8), 0.008, sides=6))
            asm.add("fitting", frustum((x, y, z + 0.17), rear + spot(0.22, size * 0.9, x * 0.3), 0.008, sides=6))
