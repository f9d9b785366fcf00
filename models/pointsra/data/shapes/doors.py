"""Doors in their frames, seen from the front: single, double, sliding and garage doors, closed or open."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.joinery import Labeled, Top, handle, hang, leaf, rim, sash, strip, surround
from pointsra.data.shapes.meshes import box, move, rotate, scale
from pointsra.data.shapes.parts import tube, wheel

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "door": {
        "kind": {"single": 0.54, "double": 0.2, "sliding": 0.13, "garage": 0.13},
        "leaf": {"flush": 0.22, "paneled": 0.34, "glazed": 0.24, "planked": 0.13, "louvered": 0.07},
        "frame": {"no frame": 0.2, "a slim frame": 0.3, "a wide casing": 0.26, "a transom": 0.12, "sidelights": 0.12},
        "top": {"straight": 0.78, "arched": 0.22},
        "state": {"closed": 0.52, "ajar": 0.3, "wide open": 0.18},
        "handle": {"lever": 0.42, "knob": 0.28, "pull bar": 0.2, "ring": 0.1},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "door": {"frame": ("kind", ("single", "double")), "top": ("kind", ("single", "double"))}
}
PART_NAMES = {"door": ("leaf", "frame", "handle")}
_DOOR_WORDS = {"leaf": "a {} leaf", "frame": "{}", "top": "a {} top", "state": "the look of one {}",
               "handle": "a {} to hold"}  # fmt: skip


def _garage(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    """Add a door of level sections that runs up and back in its tracks."""
    u, style = rng.uniform, drawn["leaf"]
    wide, high, thick, bend = u(2.3, 5.0), u(1.95, 2.5), u(0.045, 0.07), 0.35
    count = int(rng.integers(14, 22)) if style == "louvered" else int(rng.integers(4, 6))
    tall, cols = high / count, max(int(wide / u(0.5, 1.1)), 2)
    lifted = {"closed": 0.0, "ajar": u(0.15, 0.5), "wide open": u(0.6, 0.95)}[drawn["state"]] * high
    window_row = int(rng.integers(count - 2, count))
    for i in range(count):
        pieces: Labeled = [("leaf", box((0, 0, 0), (wide, tall * 0.97, thick * 0.6)))]
        pitch = wide / cols
        for x in (np.arange(cols) - (cols - 1) / 2) * pitch:
            if style == "paneled" or (style == "glazed" and i != window_row):
                pieces.append(("leaf", box((x, 0, thick * 0.25), (pitch * 0.82, tall * 0.66, thick * 0.5))))
            elif style == "glazed":
                opened = rim(-pitch * 0.44, pitch * 0.44, -tall * 0.4, Top(tall * 0.4), tall * 0.12, thick * 1.3)
                pieces += [("leaf", move(piece, (x, 0, 0))) for piece in opened]
            elif style == "planked":
                pieces.append(("leaf", box((x, 0, thick * 0.2), (pitch * 0.9, tall * 0.97, thick * 0.6))))
        if style == "louvered":
            pieces.append(("leaf", box((0, 0, thick * 0.3), (wide, tall * 0.6, thick * 0.5))))
        if i == 1 or (style == "louvered" and i == 2):
            grip = handle(drawn["handle"], 0, 0, thick, rng)
            pieces += [("handle", scale(piece, (1.0, 1.0 if drawn["handle"] != "pull bar" else 0.5, 1.0)))
                       for piece in grip]  # fmt: skip
        along = (i + 0.5) * tall + lifted
        turn = float(np.clip((along - high) / bend, 0, np.pi / 2))
        back = max(along - high - bend * np.pi / 2, 0.0)
        place = (0, min(along, high) + bend * np.sin(turn), -bend * (1 - np.cos(turn)) - back)
        for part, piece in pieces:
            asm.add(part, move(rotate(piece, "x", -np.degrees(turn)), place))
    jamb, deep = u(0.1, 0.25), u(0.12, 0.25)
    asm.add("frame", *surround(wide * 0.99, Top(high), jamb, deep, 0.0))
    if lifted or rng.random() < 0.4:
        for x in (-wide / 2, wide / 2):
            corner = [(x, high + bend * np.sin(a), -bend * (1 - np.cos(a))) for a in np.linspace(0, np.pi / 2, 5)]
            path = np.array([(x, 0, 0), *corner, (x, high + bend, -bend - max(lifted, high * 0.5))])
            asm.add("frame", tube(path, 0.025, flat=0.04))
        asm.add("frame", box((0, high + bend * 0.5, -0.02), (wide, bend, 0.03)))


def _sliding(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    """Add leaves that pass one another in a frame, or one that hangs from a rail."""
    u, thick, high, tall = rng.uniform, _thickness(rng), rng.uniform(2.0, 2.3), rng.uniform(0.9, 1.1)
    share = {"closed": 0.0, "ajar": u(0.2, 0.55), "wide open": u(0.7, 0.95)}[drawn["state"]]
    hung = rng.random() < 0.4
    count, side = 1 if hung else int(rng.integers(2, 5)), float(rng.choice([-1.0, 1.0]))
    wide = u(0.8, 1.3) if hung else u(0.7, 1.1)
    total = wide * count
    low = 0.04
    for i in range(count):
        x = -total / 2 + wide * i
        if i == 0:
            x += share * wide
        pieces: Labeled = [("leaf", m) for m in leaf(drawn["leaf"], wide, low, Top(high), thick, rng)]
        pieces += [("handle", m) for m in handle(drawn["handle"], wide * 0.1, tall, thick, rng)]
        for part, piece in pieces:
            asm.add(part, scale(move(piece, (x, 0, 0 if hung else (i % 2 - 0.5) * thick * 1.5)), (side, 1, 1)))
    deep = thick * 3.5
    if not hung:
        asm.add("frame", *surround(total, Top(high), u(0.05, 0.1), deep, 0.0), box((0, low / 2, 0), (total, low, deep)))
        return
    asm.add("frame", box((side * wide * 0.45, high + 0.12, 0), (wide * 2.1, 0.05, 0.03)))
    for x in (0.2, 0.8):
        at = side * (-wide / 2 + (share + x) * wide)
        asm.add("frame", wheel((at, high + 0.17, 0), 0.06, 0.045, "z"), box((at, high, thick / 2), (0.05, 0.4, 0.02)))
    if rng.random() < 0.6:
        back = -thick / 2 - 0.07
        asm.add("frame", *(move(m, (0, 0, back)) for m in surround(wide * 0.94, Top(high - 0.04), 0.12, 0.06, 0.0)),
                box((side * wide * 0.45, high + 0.12, -thick), (wide * 1.2, 0.06, 0.12)))  # fmt: skip


def _thickness(rng: np.random.Generator) -> float:
    """Draw the thickness of a leaf."""
    return rng.uniform(0.045, 0.065)


def door(rng: np.random.Generator) -> Design:
    """Build a door from the choices of ``CHOICES["door"]``."""
    drawn = draw(rng, CHOICES["door"], ONLY_WHEN["door"])
    asm, u = Assembly(PART_NAMES["door"]), rng.uniform
    if drawn["kind"] in ("garage", "sliding"):
        (_garage if drawn["kind"] == "garage" else _sliding)(asm, drawn, rng)
        return asm.finish(drawn, caption("door", drawn, ("kind",), _DOOR_WORDS))
    count, frame = 2 if drawn["kind"] == "double" else 1, drawn["frame"]
    wide, high, thick = count * u(0.65, 1.0) * (1.0 if count == 1 else 0.9), u(1.95, 2.3), _thickness(rng)
    arched = drawn["top"] == "arched"
    rise = wide * u(0.12, 0.5) if arched else 0.0
    spring = max(high - rise * 0.6, 1.5)
    light = u(0.25, 0.55) if frame == "a transom" else 0.0
    whole = Top(high + light, rise, 0.0, wide / 2) if light else Top(spring, rise, 0.0, wide / 2)
    over = Top(high) if light else whole
    swing = {"closed": 0.0, "ajar": u(8, 45), "wide open": u(65, 120)}[drawn["state"]] * float(rng.choice([-1, 1]))
    first, both = bool(rng.random() < 0.5), rng.random() < 0.6
    style_numbers = int(rng.integers(2**31))
    for i in range(count):
        each = wide / count * 0.99
        edge = Top(over.spring, over.rise, wide / 2, wide / 2)
        again = np.random.default_rng(style_numbers)
        pieces: Labeled = [("leaf", m) for m in leaf(drawn["leaf"], each, 0.008, edge, thick, again)]
        pieces += [("handle", m) for m in handle(drawn["handle"], each - u(0.05, 0.08), u(0.92, 1.12), thick, again)]
        turn = swing if i == 0 or both else 0.0
        for part, piece in hang(pieces, turn, wide / 2, (i == 1) != first):
            asm.add(part, piece)
    if frame == "no frame":
        if count == 2 and swing:
            asm.add("frame", box((0, 0, 0), (wide, 0.035, u(0.1, 0.2))))
        for y in (0.15, 0.5, 0.85) if rng.random() < 0.5 else ():
            sides = (-1, 1) if count == 2 else (1 if first else -1,)
            asm.add("frame", *(box((s * wide / 2, y * spring, 0), (0.03, 0.1, thick * 1.15)) for s in sides))
    else:
        deep, jamb = u(0.09, 0.22), u(0.03, 0.07)
        casing = u(0.08, 0.17) if frame == "a wide casing" else 0.0
        asm.add("frame", *surround(wide, whole, jamb, deep, casing))
        if rng.random() < 0.4:
            asm.add("frame", box((0, -0.012, 0), (wide + 2 * jamb, 0.03, deep * u(1.0, 1.6))))
        if light:
            asm.add("frame", strip(-wide / 2, wide / 2, high, high + 0.06, deep))
            asm.add("frame", *sash(-wide / 2, wide / 2, high + 0.05, whole, 0.045, 0.05, (1, int(rng.integers(1, 5)))))
        if frame == "sidelights":
            broad, rows = u(0.25, 0.55), int(rng.integers(1, 6))
            for s in (-1, 1) if rng.random() < 0.6 else (float(rng.choice([-1, 1])),):
                near = wide / 2 + jamb
                panes = sash(near, near + broad, 0.0, Top(spring), 0.06, 0.05, (rows, 1), foot=u(0.08, 0.5))
                panes += [strip(near + broad, near + broad + jamb, 0, spring, deep),
                          strip(near, near + broad + jamb, spring, spring + jamb, deep)]  # fmt: skip
                asm.add("frame", *(scale(piece, (s, 1, 1)) for piece in panes))
    return asm.finish(drawn, caption("door", drawn, ("kind",), _DOOR_WORDS))
