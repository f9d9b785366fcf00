"""Armchairs and sofas: padded seats between arms, on a base drawn independently of what stands on it."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes import supports
from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import both_sides, box, move, rotate
from pointsra.data.shapes.parts import beam, bent, cushion, frustum, panel, superellipsoid, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "armchair": {
        "base": {"four legs": 0.32, "plinth": 0.2, "sled base": 0.12, "pedestal": 0.12, "castors": 0.1,
                 "rockers": 0.14},
        "leg_style": {"tapered": 0.35, "square": 0.25, "turned": 0.2, "thin metal": 0.2},
        "arms": {"block": 0.28, "rolled": 0.22, "open wooden": 0.22, "sloped": 0.15, "looped metal": 0.13},
        "back": {"low": 0.2, "straight high": 0.25, "winged": 0.18, "curved tub": 0.17, "tall button-tufted": 0.2},
        "headrest": {"none": 0.75, "small": 0.25},
    },
    "sofa": {
        "seats": {"two": 0.35, "three": 0.45, "four": 0.2},
        "base": {"four legs": 0.3, "six legs": 0.15, "plinth": 0.3, "sled base": 0.15, "box frame": 0.1},
        "leg_style": {"tapered": 0.35, "square": 0.3, "turned": 0.15, "thin metal": 0.2},
        "left_arm": {"block": 0.32, "rolled": 0.25, "slim": 0.15, "sloped": 0.16, "missing": 0.12},
        "right_arm": {"matching": 0.75, "missing": 0.15, "slim": 0.1},
        "chaise": {"none": 0.64, "left": 0.18, "right": 0.18},
        "back": {"separate-cushion": 0.4, "one-piece": 0.2, "low bench": 0.15, "camel-shaped": 0.13, "slatted": 0.12},
        "throw_pillows": {"no throw pillows": 0.55, "one throw pillow": 0.2, "two throw pillows": 0.25},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "armchair": {
        "leg_style": ("base", ("four legs",)),
        "headrest": ("back", ("low", "straight high", "winged", "tall button-tufted")),
    },
    "sofa": {"leg_style": ("base", ("four legs", "six legs"))},
}
PART_NAMES = {
    "armchair": ("seat", "back", "arm", "leg", "base", "column", "wheel", "headrest"),
    "sofa": ("seat", "back", "arm", "leg", "base", "chaise", "pillow"),
}
_ARMCHAIR_WORDS = {"base": "{}", "arms": "{} arms", "back": "a {} back",
                   "headrest": "a {} headrest"}  # fmt: skip
_SOFA_WORDS = {"seats": "{} seats", "base": "{}", "left_arm": "a {} left arm",
               "right_arm": "a {} right arm", "chaise": "a chaise on the {}", "back": "a {} back",
               "throw_pillows": "{}"}  # fmt: skip


def _arm(asm: Assembly, kind: str, x: float, wide: float, low: float, high: float, depth: float) -> None:
    """Add one arm centered on x, from z = -depth/2 to depth/2."""
    if kind == "block":
        asm.add("arm", cushion((x, (low + high) / 2, 0), (wide, high - low, depth)))
    elif kind == "rolled":
        asm.add("arm", box((x, (low + high - wide * 0.5) / 2, 0), (wide * 0.7, high - low - wide * 0.5, depth * 0.98)))
        asm.add(
            "arm", frustum((x, high - wide * 0.5, -depth / 2), (x, high - wide * 0.5, depth / 2), wide * 0.55, sides=16)
        )
    elif kind == "sloped":
        tall = high - low
        asm.add(
            "arm", box((x, (low + high) / 2, 0), (wide * 0.8, tall, depth), taper=(1.0, 0.72), shear=(0, -depth * 0.14))
        )
    elif kind == "slim":
        asm.add("arm", box((x, (low + high) / 2, 0), (wide * 0.35, high - low, depth * 0.95)))
    elif kind == "open wooden":
        asm.add("arm", beam((x, high, -depth / 2), (x, high, depth * 0.45), wide * 0.5, 0.03))
        asm.add("arm", beam((x, low, depth * 0.36), (x, high, depth * 0.4), 0.04, 0.045))
        asm.add("arm", beam((x, low, -depth * 0.4), (x, high, -depth * 0.42), 0.04, 0.045))
    elif kind == "looped metal":
        corners = [(x, low, depth * 0.4), (x, high, depth * 0.45), (x, high, -depth * 0.45), (x, low, -depth * 0.4)]
        asm.add("arm", tube(bent(corners, 0.1), 0.017))


def _feet(asm: Assembly, drawn: dict[str, str], width: float, depth: float, height: float, radius: float) -> None:
    """Add the four or six legs, runners or plinth under a body."""
    half, base = (width / 2 - 0.06, depth / 2 - 0.06), drawn["base"]
    if base in ("four legs", "six legs"):
        tops, feet = supports.corner_legs(half, height, 0.02)
        if base == "six legs":
            middle = np.array([[0.0, 0.0, half[1]], [0.0, 0.0, -half[1]]])
            tops = np.concatenate([tops, middle + np.array([0.0, height, 0.0])])
            feet = np.concatenate([feet, middle])
        asm.add("leg", *[supports.leg(t, f, drawn["leg_style"], radius) for t, f in zip(tops, feet, strict=True)])
    elif base in ("plinth", "box frame"):
        inset = 0.04 if base == "plinth" else -0.02
        size = (width - 2 * inset, height, depth - 2 * inset)
        asm.add("base", box((0, height / 2, 0), size, without=("top",)))
    elif base == "sled base":
        for side in (-half[0], half[0]):
            corners = [
                (side, height, half[1]),
                (side, 0.012, half[1]),
                (side, 0.012, -half[1]),
                (side, height, -half[1]),
            ]
            asm.add("base", tube(bent(corners, 0.03), 0.012, flat=0.02))


def armchair(rng: np.random.Generator) -> Design:
    """Build an armchair from the choices of ``CHOICES["armchair"]``."""
    drawn = draw(rng, CHOICES["armchair"], ONLY_WHEN["armchair"])
    asm = Assembly(PART_NAMES["armchair"])
    inner, depth, wide = rng.uniform(0.44, 0.76), rng.uniform(0.55, 0.88), rng.uniform(0.09, 0.2)
    light = drawn["arms"] in ("open wooden", "looped metal")
    wide = min(wide, 0.11) if light else wide
    width, base = inner + 2 * wide, drawn["base"]
    clear = rng.uniform(0.2, 0.28) if base in ("pedestal", "castors", "rockers") else rng.uniform(0.08, 0.22)
    if base == "plinth":
        clear = rng.uniform(0.04, 0.09)
    body, top = rng.uniform(0.04, 0.16), rng.uniform(0.34, 0.48)
    body = max(body, top - 0.1 - clear) if not light else min(body, 0.14)
    clear = top - 0.1 - body if base in ("four legs", "sled base") else clear
    clear = max(clear, 0.05)
    floor = clear + body
    if base == "pedestal":
        supports.pedestal(asm, rng, clear, rng.uniform(0.24, 0.34), rng.uniform(0.025, 0.06))
    elif base == "castors":
        supports.castors(asm, rng, clear, rng.uniform(0.28, 0.36))
    elif base == "rockers":
        z = np.linspace(-0.62, 0.55, 11) * depth
        for x in (-width / 2 + 0.07, width / 2 - 0.07):
            rocker = np.stack([np.full(11, x), 0.02 + 0.28 * z**2 / depth, z], axis=1)
            asm.add("base", tube(rocker, 0.02, flat=0.018))
            for end in (-0.36, 0.36):
                low = 0.02 + 0.28 * (end * depth) ** 2 / depth
                asm.add("leg", frustum((x, low, end * depth), (x, clear + 0.02, end * depth), 0.02))
    else:
        _feet(asm, drawn, width - (0.1 if light else 0.0), depth, clear, rng.uniform(0.02, 0.035))
    asm.add(
        "seat", box((0, clear + body / 2, 0), (inner if light else width * 0.98, body, depth * 0.97), without=("top",))
    )
    front = rng.uniform(-0.01, 0.03)
    asm.add("seat", cushion((0, floor + 0.06, front), (inner * 0.99, rng.uniform(0.11, 0.22), depth * 0.92)))
    kind, seat_top = drawn["back"], floor + 0.13
    high = {"low": (0.28, 0.36), "curved tub": (0.25, 0.36)}.get(kind, (0.46, 0.8))
    tall, thick, lean = rng.uniform(*high), rng.uniform(0.09, 0.22), rng.uniform(3, 24)
    rise = seat_top + rng.uniform(0.08, 0.2)
    pieces = []
    if kind == "curved tub":
        angles = np.linspace(0.0, np.pi, 13)
        tub = np.stack(
            [width / 2 * 0.92 * np.cos(angles), np.zeros(13), -depth * 0.55 * np.sin(angles) + depth * 0.1], 1
        )
        mid, half = (seat_top - 0.12 + tall) / 2, (tall + 0.1) / 2
        asm.add("back", tube(tub + np.array([0, floor + mid - 0.02, 0]), 0.05, flat=half))
    else:
        pieces.append(cushion((0, tall / 2, 0), (inner * 1.02 if light else width * 0.94, tall, thick)))
    if kind == "winged":
        wing = box((width * 0.45, tall * 0.62, thick * 0.9), (0.05, tall * 0.72, thick * 2.0), taper=(1.0, 0.8))
        pieces += both_sides(wing)
    if kind == "tall button-tufted":
        for y in (0.45, 0.65, 0.85):
            pieces += [
                cushion((x * inner * 0.32, y * tall, thick * 0.42), (inner * 0.31, tall * 0.19, 0.08))
                for x in (-1, 0, 1)
            ]
    if drawn.get("headrest") == "small":
        peak = tall + 0.03
        rest = rotate(cushion((0, peak, 0.02), (inner * 0.6, 0.16, 0.11)), "x", -lean)
        asm.add("headrest", move(rest, (0, seat_top - 0.1, -depth / 2 + thick * 0.55)))
    for piece in pieces:
        asm.add("back", move(rotate(piece, "x", -lean), (0, seat_top - 0.1, -depth / 2 + thick * 0.55)))
    low = clear + body * 0.3 if light else clear
    for side in (-1, 1):
        _arm(asm, drawn["arms"], side * (inner / 2 + wide * 0.5 - (0.02 if light else 0.0)), wide, low, rise, depth)
    return asm.finish(drawn, caption("armchair", drawn, (), _ARMCHAIR_WORDS))


def sofa(rng: np.random.Generator) -> Design:
    """Build a sofa from the choices of ``CHOICES["sofa"]``."""
    drawn = draw(rng, CHOICES["sofa"], ONLY_WHEN["sofa"])
    asm = Assembly(PART_NAMES["sofa"])
    seats = {"two": 2, "three": 3, "four": 4}[drawn["seats"]]
    each, depth, wide = rng.uniform(0.52, 0.72), rng.uniform(0.75, 1.0), rng.uniform(0.1, 0.24)
    inner = each * seats
    clear = rng.uniform(0.03, 0.09) if drawn["base"] in ("plinth", "box frame") else rng.uniform(0.08, 0.2)
    body, thick = rng.uniform(0.14, 0.24), rng.uniform(0.14, 0.24)
    floor = clear + body
    _feet(asm, drawn, inner + wide, depth, clear, rng.uniform(0.02, 0.035))
    asm.add("seat", box((0, clear + body / 2, 0), (inner, body, depth * 0.97), without=("top",)))
    pad = rng.uniform(0.12, 0.2)
    centers = (np.arange(seats) - (seats - 1) / 2) * each
    run = depth - thick
    if rng.random() < 0.75:
        asm.add("seat", *[cushion((x, floor + pad * 0.4, thick / 2), (each, pad, run)) for x in centers])
    else:
        asm.add("seat", cushion((0, floor + pad * 0.4, thick / 2), (inner, pad, run)))
    seat_top = floor + pad * 0.85
    if drawn["chaise"] != "none":
        side = -1 if drawn["chaise"] == "left" else 1
        reach, x = rng.uniform(0.45, 0.8), side * (inner / 2 - each / 2)
        asm.add(
            "chaise", box((x, clear + body / 2, depth / 2 + reach / 2), (each, body, reach), without=("top", "back"))
        )
        asm.add("chaise", cushion((x, floor + pad * 0.4, depth / 2 + reach / 2 - 0.02), (each, pad, reach + 0.1)))
        if clear > 0.05:
            ends = [(x - each * 0.4, depth / 2 + reach - 0.06), (x + each * 0.4, depth / 2 + reach - 0.06)]
            asm.add("leg", *[frustum((a, 0, b), (a, clear, b), 0.025) for a, b in ends])
    kind, lean = drawn["back"], rng.uniform(4, 14)
    tall = rng.uniform(0.22, 0.3) if kind == "low bench" else rng.uniform(0.36, 0.58)
    pieces = []
    if kind in ("separate-cushion", "one-piece"):
        pieces.append(box((0, tall * 0.4, -thick * 0.3), (inner, tall * 0.8, thick * 0.4)))
    if kind == "separate-cushion":
        pieces += [cushion((x, tall / 2 + 0.03, thick * 0.3), (each * 0.97, tall, thick)) for x in centers]
    elif kind == "camel-shaped":
        crest = tall * (0.75 + 0.35 * np.cos(np.linspace(-1, 1, 13) * np.pi / 2))
        pieces.append(panel(-inner / 2, inner / 2, 0.0, crest, thick * 0.8))
    elif kind == "slatted":
        count = seats * int(rng.integers(4, 8))
        xs = np.linspace(-0.48, 0.48, count) * inner
        pieces += [beam((x, 0, 0), (x, tall * 0.95, 0), 0.03, 0.02) for x in xs]
        pieces.append(beam((-inner / 2, tall, 0), (inner / 2, tall, 0), 0.05, 0.06))
    else:
        pieces.append(cushion((0, tall / 2, 0), (inner, tall, thick)))
    for piece in pieces:
        asm.add("back", move(rotate(piece, "x", -lean), (0, floor, -depth / 2 + thick * 0.5)))
    rise = seat_top + rng.uniform(0.08, 0.22)
    right = drawn["left_arm"] if drawn["right_arm"] == "matching" else drawn["right_arm"]
    for side, arm in ((-1, drawn["left_arm"]), (1, right)):
        gap = wide * 0.175 if arm == "slim" else wide * 0.4
        _arm(asm, arm, side * (inner / 2 + gap), wide, clear, rise, depth)
    places = rng.permutation(seats)[: {"no": 0, "one": 1, "two": 2}[drawn["throw_pillows"].split()[0]]]
    for place in places:
        pillow = superellipsoid((0, 0, 0), (0.4, 0.4, 0.15), 0.6, 0.5)
        turned = rotate(rotate(pillow, "z", rng.uniform(0, 45)), "x", -25)
        asm.add(
            "pillow", move(turned, (centers[place] + rng.uniform(-0.1, 0.1), seat_top + 0.18, -depth / 2 + thick * 1.7))
        )
    return asm.finish(drawn, caption("sofa", drawn, (), _SOFA_WORDS))
