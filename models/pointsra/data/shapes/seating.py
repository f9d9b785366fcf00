"""Chairs and stools: seats whose base, back and arms are drawn independently of one another."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from pointsra.data.shapes import supports
from pointsra.data.shapes.designs import Alternative, Assembly, Design, Forced, caption, draw_with
from pointsra.data.shapes.meshes import Mesh, box, move, rotate
from pointsra.data.shapes.parts import (
    beam,
    bent,
    cushion,
    frustum,
    panel,
    polygon,
    slab,
    superellipse,
    superellipsoid,
    tube,
)  # fmt: skip

_ON_LEGS = ("three legs", "four legs", "five legs")
CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "chair": {
        "seat": {"square": 0.3, "rounded": 0.25, "trapezoid": 0.2, "round": 0.25},
        "cushion": {"none": 0.6, "padded": 0.4},
        "base": {"four legs": 0.4, "three legs": 0.1, "five legs": 0.05, "pedestal": 0.1, "castors": 0.15,
                 "sled base": 0.12, "cantilever frame": 0.08},
        "leg_style": {"round": 0.15, "tapered": 0.25, "square": 0.25, "turned": 0.15, "thin metal": 0.2},
        "stretcher": {"none": 0.5, "side": 0.12, "H-shaped": 0.14, "box": 0.14, "cross": 0.1},
        "back": {"slatted": 0.2, "ladder": 0.15, "solid": 0.2, "hooped spindle": 0.1, "open-framed": 0.12,
                 "padded": 0.1, "cross-braced": 0.07, "missing": 0.06},
        "arms": {"none": 0.55, "post-mounted": 0.25, "looped": 0.2},
    },
    "stool": {
        "height": {"low": 0.3, "plain": 0.3, "bar-height": 0.4},
        "seat": {"round": 0.45, "square": 0.2, "rounded": 0.15, "saddle": 0.1, "hexagonal": 0.1},
        "cushion": {"none": 0.6, "padded": 0.4},
        "base": {"four legs": 0.38, "three legs": 0.22, "pedestal": 0.14, "castors": 0.1, "sled base": 0.08,
                 "crossed legs": 0.08},
        "leg_style": {"round": 0.2, "tapered": 0.25, "square": 0.2, "turned": 0.15, "thin metal": 0.2},
        "footrest": {"none": 0.4, "ring": 0.25, "box": 0.2, "cross": 0.15},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "chair": {"leg_style": ("base", _ON_LEGS), "stretcher": ("base", _ON_LEGS)},
    "stool": {"leg_style": ("base", _ON_LEGS[:2]), "footrest": ("base", _ON_LEGS[:2])},
}
PART_NAMES = {
    "chair": ("seat", "back", "arm", "leg", "base", "column", "wheel", "stretcher"),
    "stool": ("seat", "leg", "base", "column", "wheel", "stretcher"),
}
_BELOW = ("leg", "base", "column", "wheel", "stretcher")
ALTERNATIVES: dict[str, tuple[Alternative, ...]] = {
    "chair": (
        Alternative(("base", "leg_style", "stretcher"), _BELOW),
        Alternative(("back", "arms"), ("back", "arm")),
    ),
    "stool": (Alternative(("base", "leg_style", "footrest"), _BELOW),),
}
_CHAIR_WORDS = {"base": "{}", "stretcher": "{} stretchers", "seat": "a {} seat",
                "cushion": "a {} cushion", "back": "a {} back", "arms": "{} arms"}  # fmt: skip
_STOOL_WORDS = {"base": "{}", "footrest": "a {} footrest", "seat": "a {} seat",
                "cushion": "a {} cushion"}  # fmt: skip


def seat_outline(kind: str, width: float, depth: float) -> np.ndarray:
    """Return a seat's outline (P, 2) in x and z."""
    half = np.array([width, depth]) / 2
    if kind == "trapezoid":
        return np.array([[-0.8, -1.0], [0.8, -1.0], [1.0, 0.85], [0.9, 1.0], [-0.9, 1.0], [-1.0, 0.85]]) * half
    if kind == "hexagonal":
        return polygon(6) * half
    return superellipse({"square": 40.0, "rounded": 4.5, "round": 2.0, "saddle": 5.0}[kind]) * half


def _add_seat(asm: Assembly, kind: str, padded: str, width: float, depth: float, top: float, thick: float) -> None:
    outline = seat_outline(kind, width, depth)
    asm.add("seat", slab(outline, top - thick, top))
    if kind == "saddle":
        asm.add(
            "seat", *[superellipsoid((s * width * 0.36, top, 0), (width * 0.3, 0.05, depth * 0.95)) for s in (-1, 1)]
        )
    if padded == "padded":
        level = 1.0 if kind in ("round", "hexagonal") else 0.3
        asm.add("seat", superellipsoid((0, top + 0.01, 0), (width * 0.95, 0.09, depth * 0.95), 0.45, level))


def _chair_back(kind: str, rng: np.random.Generator, width: float, high: float) -> list[Mesh]:
    """Make a back that stands on y = 0 around z = 0, before it is leaned."""
    half, bar = width / 2, rng.uniform(0.012, 0.022)
    bow = rng.uniform(0.0, 0.05) if rng.random() < 0.6 else 0.0
    rise = rng.uniform(0.0, 0.1) if rng.random() < 0.5 else 0.0
    crest = high - rise + rise * np.cos(np.linspace(-np.pi / 2, np.pi / 2, 7))
    posts = [frustum((s * (half - bar), 0, 0), (s * (half - bar), high - rise, 0), bar) for s in (-1, 1)]
    rail = panel(-half, half, high - rise - rng.uniform(0.05, 0.1), crest, bar * 1.6, bow=bow)
    inner = half - 2 * bar
    if kind == "solid":
        return [panel(-half, half, rng.uniform(0.0, 0.12), crest, rng.uniform(0.015, 0.04), bow=bow), *posts]
    if kind == "padded":
        gap = rng.uniform(0.02, 0.2)
        spine = beam((0, -0.02, -0.03), (0, high * 0.7, -0.03), 0.07, 0.02)
        return [cushion((0, (gap + high) / 2, 0), (width, high - gap, rng.uniform(0.06, 0.12))), spine]
    if kind == "hooped spindle":
        corners = [(-half * 0.85, 0, 0), (-half, high * 0.55, -bow), (-half * 0.8, high, -bow),
                   (half * 0.8, high, -bow),
                   (half, high * 0.55, -bow), (half * 0.85, 0, 0)]  # fmt: skip
        count = int(rng.integers(4, 9))
        xs = np.linspace(-0.62, 0.62, count) * half
        tops = high * (0.94 - 0.12 * (xs / half) ** 2)
        return [tube(bent(corners, high * 0.3, 5), bar)] + [
            frustum((x * 0.8, 0, 0), (x, y, -bow), bar * 0.5, sides=6) for x, y in zip(xs, tops, strict=True)
        ]
    if kind == "slatted":
        count, low = int(rng.integers(3, 8)), rng.uniform(0.04, 0.14)
        xs = np.linspace(-1, 1, count + 2)[1:-1] * inner
        slats = [beam((x, low, -bow * (1 - (x / half) ** 2)), (x, high - rise - 0.02, -bow * (1 - (x / half) ** 2)),
                      inner / count * rng.uniform(0.7, 0.9), 0.012) for x in xs]  # fmt: skip
        return [*posts, rail, panel(-half, half, low - 0.02, low + 0.03, bar * 1.4, bow=bow), *slats]
    if kind == "ladder":
        count = int(rng.integers(2, 6))
        tall = high / count * rng.uniform(0.3, 0.65)
        lows = np.linspace(high * 0.22, high - rise - tall, count)
        return posts + [panel(-inner, inner, y, y + tall, 0.016, bow=bow) for y in lows]
    if kind == "cross-braced":
        ends = [(-inner, high * 0.12), (inner, high - rise - 0.04)]
        braces = [beam((s * ends[0][0], ends[0][1], 0), (s * ends[1][0], ends[1][1], 0), 0.014, 0.03) for s in (-1, 1)]
        return [*posts, rail, panel(-inner, inner, high * 0.08, high * 0.08 + 0.04, 0.018), *braces]
    return [*posts, panel(-half, half, high * rng.uniform(0.45, 0.7), crest, bar * 1.6, bow=bow)]


def add_arms(
    asm: Assembly, rng: np.random.Generator, kind: str, half: tuple[float, float], top: float, back: float | None
) -> None:
    """Add a pair of chair arms over a seat.

    Args:
        asm: where the pieces go.
        rng: source of randomness.
        kind: "post-mounted", "looped" or "none".
        half: half the seat's width and depth.
        top: height of the seat's upper side.
        back: how far the back leans for each meter of height; None where there is no back to reach.
    """
    if kind == "none":
        return
    rise, wide = rng.uniform(0.17, 0.26), rng.uniform(0.035, 0.075)
    front, rear = half[1] * rng.uniform(0.55, 0.95), -half[1] * 0.95
    thick = rng.uniform(0.011, 0.018)
    reach = rear if back is None else rear - back * rise
    for side in (-1.0, 1.0):
        x = side * (half[0] - 0.005)
        if kind == "looped":
            corners = [(x, top - 0.03, front * 0.85), (x, top + rise, front), (x, top + rise, rear * 0.75),
                       (x, top - 0.03, rear * 0.6)]  # fmt: skip
            asm.add("arm", tube(bent(corners, rise * 0.35), thick))
            asm.add("arm", beam((x, top + rise + 0.01, front * 0.7), (x, top + rise + 0.01, rear * 0.5), wide, 0.025))
            continue
        asm.add("arm", beam((x, top + rise, reach), (x, top + rise, front + 0.02), wide, 0.025))
        asm.add("arm", frustum((x, top - 0.03, front - 0.03), (x, top + rise, front), thick))
        if back is None:
            asm.add("arm", frustum((x, top - 0.03, rear + 0.03), (x, top + rise, rear), thick))


def _chair_base(
    width: float, depth: float, below: float, asm: Assembly, rng: np.random.Generator, drawn: Mapping[str, str]
) -> None:
    radius = rng.uniform(0.014, 0.028)
    base, splay = drawn["base"], rng.uniform(0.0, 0.08) if rng.random() < 0.6 else 0.0
    share, turn = rng.uniform(0.15, 0.55), rng.choice([np.pi / 2, -np.pi / 2])
    snug = 0.68 if drawn["seat"] == "round" else (0.78 if drawn["seat"] == "trapezoid" else 0.92)
    half = (width / 2 * snug - radius * 0.5, depth / 2 * snug - radius * 0.5)
    if base in supports.LEG_COUNTS:
        count = supports.LEG_COUNTS[base]
        if count == 4:
            tops, feet = supports.corner_legs(half, below, splay)
        else:
            tops, feet = supports.ring_legs(count, (width * 0.38, depth * 0.38), below, splay + 0.03, float(turn))
        asm.add("leg", *[supports.leg(t, f, drawn["leg_style"], radius) for t, f in zip(tops, feet, strict=True)])
        supports.stretchers(asm, drawn["stretcher"], tops, feet, radius * 0.5, share)
    elif base == "pedestal":
        supports.pedestal(asm, rng, below, rng.uniform(0.18, 0.27), rng.uniform(0.02, 0.05))
    elif base == "castors":
        supports.castors(asm, rng, below, rng.uniform(0.24, 0.32))
    elif base == "sled base":
        supports.sled(asm, rng, (width / 2 * 0.9, depth / 2 * 0.9), below, radius * 0.55)
    else:
        supports.cantilever(asm, rng, (width / 2 * 0.92, depth / 2), below - radius * 0.2, radius * 0.6)


def _chair_back_and_arms(
    width: float,
    depth: float,
    top: float,
    thick: float,
    asm: Assembly,
    rng: np.random.Generator,
    drawn: Mapping[str, str],
) -> None:
    high, lean = rng.uniform(0.32, 0.62), rng.uniform(2.0, 16.0)
    spread = width * rng.uniform(0.78, 0.95)
    inset = {"round": 0.16, "rounded": 0.05}.get(drawn["seat"], 0.03) * depth
    if drawn["seat"] in ("round", "trapezoid"):
        spread = width * rng.uniform(0.6, 0.74)
    hinge = (0.0, top - thick * 0.5, -depth / 2 + inset)
    if drawn["back"] != "missing":
        for piece in _chair_back(drawn["back"], rng, spread, high):
            asm.add("back", move(rotate(piece, "x", -lean), hinge))
    slope = None if drawn["back"] == "missing" else float(np.tan(np.radians(lean)))
    reach = (max(spread / 2, width / 2 * 0.8 if drawn["seat"] == "round" else 0.0), depth / 2 - inset)
    add_arms(asm, rng, drawn["arms"], (reach[0], reach[1]), top, slope)


def chair(rng: np.random.Generator, forced: Forced | None = None) -> Design:
    """Build a chair from the choices of ``CHOICES["chair"]``."""
    drawing = draw_with(rng, CHOICES["chair"], ONLY_WHEN["chair"], forced)
    drawn = drawing.taken
    asm = Assembly(PART_NAMES["chair"])
    width, depth = rng.uniform(0.38, 0.56), rng.uniform(0.38, 0.54)
    top, thick = rng.uniform(0.4, 0.5), rng.uniform(0.02, 0.055)
    drawing.realize("base", partial(_chair_base, width, depth, top - thick), asm, rng)
    _add_seat(asm, drawn["seat"], drawn["cushion"], width, depth, top, thick)
    drawing.realize("back", partial(_chair_back_and_arms, width, depth, top, thick), asm, rng)
    return asm.finish(drawn, caption("chair", drawn, (), _CHAIR_WORDS))


def _stool_base(
    width: float,
    depth: float,
    top: float,
    below: float,
    asm: Assembly,
    rng: np.random.Generator,
    drawn: Mapping[str, str],
) -> None:
    radius, base = rng.uniform(0.012, 0.026), drawn["base"]
    splay, share = rng.uniform(0.0, 0.14) * top / 0.5, rng.uniform(0.2, 0.45)
    turn = rng.choice([np.pi / 2, -np.pi / 2])
    if base in supports.LEG_COUNTS:
        snug = 0.62 if drawn["seat"] in ("round", "hexagonal") else 0.85
        if base == "four legs":
            tops, feet = supports.corner_legs((width / 2 * snug, depth / 2 * snug), below, splay)
        else:
            tops, feet = supports.ring_legs(3, (width * 0.36, depth * 0.36), below, splay + 0.02, float(turn))
        asm.add("leg", *[supports.leg(t, f, drawn["leg_style"], radius) for t, f in zip(tops, feet, strict=True)])
        supports.stretchers(asm, drawn["footrest"], tops, feet, radius * 0.5, share)
    elif base == "pedestal":
        supports.pedestal(asm, rng, below, width * rng.uniform(0.42, 0.6), rng.uniform(0.018, 0.05))
    elif base == "castors":
        supports.castors(asm, rng, below, rng.uniform(0.2, 0.28))
    elif base == "sled base":
        supports.sled(asm, rng, (width / 2 * 0.85, depth / 2 * 0.9), below, radius * 0.6)
    else:
        snug = 0.66 if drawn["seat"] in ("round", "hexagonal") else 0.85
        supports.crossed(asm, (width / 2 * snug, depth / 2 * snug * rng.uniform(0.85, 1.0)), below, radius)


def stool(rng: np.random.Generator, forced: Forced | None = None) -> Design:
    """Build a stool from the choices of ``CHOICES["stool"]``."""
    drawing = draw_with(rng, CHOICES["stool"], ONLY_WHEN["stool"], forced)
    drawn = drawing.taken
    asm = Assembly(PART_NAMES["stool"])
    low, tall = {"low": (0.25, 0.38), "plain": (0.42, 0.52), "bar-height": (0.6, 0.8)}[drawn["height"]]
    top, width = rng.uniform(low, tall), rng.uniform(0.28, 0.44)
    depth = width if drawn["seat"] in ("round", "hexagonal") else width * rng.uniform(0.65, 1.0)
    thick = rng.uniform(0.02, 0.07)
    below = top - thick
    drawing.realize("base", partial(_stool_base, width, depth, top, below), asm, rng)
    _add_seat(asm, drawn["seat"], drawn["cushion"], width, depth, top, thick)
    if drawn["seat"] == "square" and rng.random() < 0.3:
        asm.add("seat", box((0, below - 0.025, 0), (width * 0.8, 0.05, depth * 0.8), without=("top",)))
    return asm.finish(drawn, caption("stool", drawn, ("height",), _STOOL_WORDS))
