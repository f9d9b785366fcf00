"""Pots, pans and teapots: bodies on a stove, with handles, lids, spouts and feet drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.hollow import bail, half_width, knob, loop_handle, outline, shell
from pointsra.data.shapes.meshes import Floats, Mesh, rotate
from pointsra.data.shapes.parts import beam, curve, frustum, lathe, tube
from pointsra.data.shapes.vessels import handle_path

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "pot": {
        "depth": {"flat": 0.34, "plain": 0.36, "deep": 0.3},
        "section": {"round": 0.84, "oval": 0.09, "square": 0.07},
        "wall": {"straight": 0.4, "rounded": 0.35, "flared": 0.25},
        "handles": {"one long": 0.4, "two looped": 0.24, "two stub": 0.1, "long and looped": 0.1, "overhead": 0.07,
                    "no": 0.09},
        "turned": {"right": 0.35, "left": 0.25, "front": 0.4},
        "lid": {"none": 0.55, "domed": 0.25, "flat": 0.2},
        "knob": {"ball": 0.35, "flat": 0.3, "loop": 0.35},
        "feet": {"none": 0.82, "ring": 0.1, "three-legged": 0.08},
    },
    "teapot": {
        "body": {"globular": 0.3, "pear-shaped": 0.18, "conical": 0.2, "cylindrical": 0.18, "squat": 0.14},
        "spout": {"curved": 0.34, "straight": 0.24, "gooseneck": 0.14, "lipped": 0.28},
        "handle": {"C-shaped": 0.34, "ear-shaped": 0.18, "square": 0.14, "overhead": 0.24, "rod": 0.1},
        "spout_side": {"right": 0.45, "left": 0.3, "front": 0.25},
        "lid": {"none": 0.22, "domed": 0.48, "flat": 0.3},
        "knob": {"ball": 0.45, "flat": 0.35, "loop": 0.2},
        "foot": {"none": 0.5, "ring": 0.28, "three-legged": 0.1, "stand": 0.12},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "pot": {"turned": ("handles", ("one long", "two looped", "two stub", "long and looped", "overhead")),
            "knob": ("lid", ("domed", "flat"))},
    "teapot": {"knob": ("lid", ("domed", "flat"))},
}  # fmt: skip
PART_NAMES = {
    "pot": ("body", "handle", "lid", "foot"),
    "teapot": ("body", "spout", "handle", "lid", "foot"),
}
_POT_WORDS = {"section": "a {} section", "wall": "a {} wall", "handles": "{} handles", "turned": "its grip to the {}",
              "lid": "a {} lid", "knob": "a {} knob", "feet": "{} feet"}  # fmt: skip
_TEAPOT_WORDS = {"body": "a {} body", "spout": "a {} spout", "spout_side": "its spout to the {}",
                 "handle": "a {} handle", "lid": "a {} lid", "knob": "a {} knob", "foot": "a {} foot"}  # fmt: skip
_TURNS = {"right": 0.0, "left": 180.0, "front": -90.0}


def _long_handle(rng: np.random.Generator, at: float, height: float, length: float, thick: float) -> list[Mesh]:
    """Return a pan's handle at +x: a rod, a flat strap or a tube that swells, rising a little."""
    rise, style = length * rng.uniform(-0.02, 0.25), int(rng.integers(3))
    start, end = np.array([at * 0.97, height, 0.0]), np.array([at + length, height + rise, 0.0])
    middle = start + (end - start) * 0.35 + np.array([0, rise * rng.uniform(0, 0.3), 0])
    path = curve([start, middle, end], 3)
    if style == 0:
        return [tube(path, thick * np.linspace(0.8, 1.1, len(path)), sides=8)]
    if style == 1:
        return [tube(path, thick * 0.4, flat=thick * 1.3)]
    return [frustum(start, middle, thick * 0.45), frustum(middle, end, thick, thick * 1.25, sides=10)]


def _feet(asm: Assembly, kind: str, part: str, base: float, lift: float, section: Floats) -> None:
    """Add a ring, three legs or a slender stand of radius ``base`` from the floor up to ``lift``."""
    if kind == "three-legged":
        for angle in np.pi / 2 + np.arange(3) * 2 * np.pi / 3:
            way = np.array([np.cos(angle), 0.0, np.sin(angle)]) * base
            asm.add(part, frustum(way * 0.8 + np.array((0, lift * 1.3, 0)), way * 1.05, base * 0.1, base * 0.07))
    elif kind == "ring":
        asm.add(part, lathe([(0, 0), (base, 0), (base * 0.94, lift * 1.05), (0, lift)], section=section))
    elif kind == "stand":
        asm.add(part, lathe([(0, 0), (base * 1.15, 0), (base * 1.15, lift * 0.25), (base * 1.0, lift * 0.4),
                             (base * 0.9, lift * 1.05), (0, lift)]))  # fmt: skip


def _lid(asm: Assembly, kind: str, handle: str, edge: float, high: float, rise: float, size: float,
         section: Floats) -> None:  # fmt: skip
    """Add a lid of radius ``edge`` at height ``high`` and what it is lifted by."""
    top = high + (rise if kind == "domed" else edge * 0.06)
    t = np.linspace(0.0, np.pi / 2, 5)
    dome = np.stack([edge * np.cos(t), high + edge * 0.04 + (top - high - edge * 0.04) * np.sin(t)], axis=1)
    asm.add("lid", lathe(np.concatenate([[[0, high - edge * 0.01], [edge * 1.02, high - edge * 0.01]], dome]),
                         section=section))  # fmt: skip
    asm.add("lid", *knob(handle, top, size))


def pot(rng: np.random.Generator) -> Design:
    """Build a cooking pot or pan from the choices of ``CHOICES["pot"]``."""
    drawn = draw(rng, CHOICES["pot"], ONLY_WHEN["pot"])
    asm = Assembly(PART_NAMES["pot"])
    radius, section = rng.uniform(0.07, 0.16), outline(drawn["section"], rng)
    low, high = {"flat": (0.22, 0.5), "plain": (0.6, 1.1), "deep": (1.2, 1.9)}[drawn["depth"]]
    tall = radius * rng.uniform(low, high)
    lift = {"none": 0.0, "ring": radius * 0.06, "three-legged": radius * rng.uniform(0.2, 0.5)}[drawn["feet"]]
    base = {"straight": 0.97, "rounded": rng.uniform(0.5, 0.75), "flared": rng.uniform(0.62, 0.82)}[drawn["wall"]]
    knots = {
        "straight": [(0.9, 0.0), (0.97, 0.06), (1.0, 0.2), (1.0, 1.0)],
        "rounded": [(base, 0.0), (0.9, 0.2), (1.04, 0.5), (1.0, 1.0)],
        "flared": [(base, 0.0), (base + (1 - base) * 0.5, 0.45), (1.0, 1.0)],
    }[drawn["wall"]]
    line = np.concatenate([[[0.0, 0.0], [knots[0][0] * 0.6, 0.0]], curve(knots, 3)]) * np.array([radius, tall])
    line[:, 1] += lift
    line = np.concatenate([line, [[radius * 1.03, lift + tall * 1.005]]])
    asm.add("body", shell(line, radius * rng.uniform(0.025, 0.06), section))
    _feet(asm, drawn["feet"], "foot", knots[0][0] * radius, lift, section)
    grips: list[Mesh] = []
    level = lift + tall * rng.uniform(0.7, 0.93)
    at, kind = radius * half_width(section), drawn["handles"]
    if kind in ("one long", "long and looped"):
        length, thick = radius * rng.uniform(1.0, 2.2), radius * rng.uniform(0.06, 0.13)
        grips += _long_handle(rng, at, level, length, thick)
    wide, reach, thick = (
        radius * rng.uniform(0.5, 0.9),
        radius * rng.uniform(0.2, 0.4),
        radius * rng.uniform(0.04, 0.08),
    )
    if kind in ("two looped", "long and looped"):
        loop = loop_handle(at * 0.97, level, wide, reach, thick)
        grips += [rotate(loop, "y", 180)] + ([loop] if kind == "two looped" else [])
    elif kind == "two stub":
        for sign in (-1.0, 1.0):
            grips.append(beam((sign * at * 0.95, level, 0), (sign * (at + reach), level, 0), wide, thick * 2, 0.9))
    elif kind == "overhead":
        grips.append(bail(at * 1.01, level, radius * rng.uniform(0.9, 1.4), thick * 0.7))
    turn = _TURNS[drawn.get("turned", "right")] + rng.uniform(-10, 10)
    asm.add("handle", *[rotate(grip, "y", turn) for grip in grips])
    if drawn["lid"] != "none":
        rise = radius * rng.uniform(0.15, 0.4)
        _lid(asm, drawn["lid"], drawn["knob"], radius, lift + tall, rise, radius * rng.uniform(0.2, 0.32), section)
    return asm.finish(drawn, caption("pot", drawn, ("depth",), _POT_WORDS))


def _teapot_wall(kind: str, rng: np.random.Generator) -> Floats:
    """Return the outside of a teapot (P, 2) from foot to rim; radius relative to the widest, height 0 to 1."""
    rim = rng.uniform(0.4, 0.65)
    knots = {
        "globular": [(0.55, 0.0), (0.9, 0.25), (1.0, 0.5), (0.88, 0.78), (rim, 1.0)],
        "pear-shaped": [(0.6, 0.0), (0.97, 0.22), (0.95, 0.42), (0.6, 0.75), (rim * 0.9, 1.0)],
        "conical": [(0.95, 0.0), (1.0, 0.06), (0.8, 0.5), (rim, 1.0)],
        "cylindrical": [(0.9, 0.0), (0.95, 0.1), (1.0, 0.5), (rng.uniform(0.75, 1.0), 1.0)],
        "squat": [(0.6, 0.0), (0.95, 0.3), (1.0, 0.5), (0.9, 0.75), (rim, 1.0)],
    }[kind]
    return curve(knots, 4)


def _spout(rng: np.random.Generator, kind: str, wall: Floats, thick: float) -> Mesh:
    """Return a spout at +x on a wall (P, 2) in meters: a tube, or a lip at the rim."""
    foot, rim = float(wall[0, 1]), float(wall[-1, 1])
    tall = rim - foot

    def beside(share: float) -> tuple[float, float]:
        height = foot + share * tall
        return float(np.interp(height, wall[:, 1], wall[:, 0])), height

    if kind == "lipped":
        edge, high = float(wall[-1, 0]), tall * rng.uniform(0.12, 0.3)
        flat = curve([(edge * 0.75, rim - high), (edge, rim - high * 0.6), (edge + thick * 1.2, rim)], 2)
        return tube(np.pad(flat, ((0, 0), (0, 1))), thick * np.linspace(0.3, 1.0, len(flat)), sides=8)
    start = beside(rng.uniform(0.2, 0.5) if kind != "gooseneck" else rng.uniform(0.12, 0.25))
    reach, top = float(wall[:, 0].max()) * rng.uniform(0.45, 0.85), foot + tall * rng.uniform(0.8, 1.1)
    widest = float(wall[:, 0].max())
    end = (widest + reach, top)
    if kind == "straight":
        knots = [(start[0] * 0.85, start[1]), end]
    elif kind == "curved":
        knots = [(start[0] * 0.85, start[1]), (widest + reach * 0.35, start[1] + (top - start[1]) * 0.3),
                 (widest + reach * 0.65, start[1] + (top - start[1]) * 0.8), end]  # fmt: skip
    else:
        knots = [(start[0] * 0.85, start[1]), (widest + reach * 0.45, start[1] + (top - start[1]) * 0.1),
                 (widest + reach * 0.5, top * 0.75), (widest + reach * 0.75, top * 1.02),
                 (widest + reach * 1.15, top * 0.98)]  # fmt: skip
    path = curve(knots, 4)
    width = np.linspace(0.45 if kind == "gooseneck" else 1.0, 0.4, len(path))
    return tube(np.pad(path, ((0, 0), (0, 1))), thick * width, sides=8)


def teapot(rng: np.random.Generator) -> Design:
    """Build a teapot, kettle or jug from the choices of ``CHOICES["teapot"]``."""
    drawn = draw(rng, CHOICES["teapot"], ONLY_WHEN["teapot"])
    asm = Assembly(PART_NAMES["teapot"])
    radius = rng.uniform(0.06, 0.1)
    tall = radius * (rng.uniform(0.8, 1.15) if drawn["body"] == "squat" else rng.uniform(1.3, 2.8))
    if drawn["body"] == "globular":
        tall = radius * rng.uniform(1.3, 1.7)
    lift = {"none": 0.0, "ring": radius * 0.08, "three-legged": radius * 0.2, "stand": radius * 0.3}[drawn["foot"]]
    wall = _teapot_wall(drawn["body"], rng) * np.array([radius, tall]) + np.array([0.0, lift])
    closed = np.concatenate([[[0.0, lift], [float(wall[0, 0]) * 0.6, lift]], wall])
    asm.add("body", shell(closed, radius * 0.05))
    _feet(asm, drawn["foot"], "foot", float(wall[0, 0]), lift, outline("round", rng))
    turn = _TURNS[drawn["spout_side"]] + rng.uniform(-8, 8)
    asm.add("spout", rotate(_spout(rng, drawn["spout"], wall, radius * rng.uniform(0.2, 0.34)), "y", turn))
    edge, top, thick = float(wall[-1, 0]), lift + tall, radius * rng.uniform(0.06, 0.11)
    low_at, high_at = (float(np.interp(lift + f * tall, wall[:, 1], wall[:, 0])) * 0.96 for f in (0.25, 0.82))
    if drawn["handle"] == "overhead":
        at = float(np.interp(lift + 0.8 * tall, wall[:, 1], wall[:, 0]))
        grip = bail(at, lift + 0.8 * tall, radius * rng.uniform(1.0, 1.7), thick)
    elif drawn["handle"] == "rod":
        length = radius * rng.uniform(0.9, 1.5)
        grip = frustum((high_at, lift + 0.75 * tall, 0), (high_at + length, lift + tall * rng.uniform(0.75, 1.0), 0),
                       thick * 1.1, thick * 1.6)  # fmt: skip
    else:
        path = handle_path(drawn["handle"], high_at, lift + 0.25 * tall, lift + 0.82 * tall,
                           radius - min(low_at, high_at) + radius * rng.uniform(0.35, 0.7), low_at)  # fmt: skip
        grip = tube(path, thick, flat=thick * 1.5 if rng.random() < 0.4 else None)
    asm.add("handle", rotate(grip, "y", turn + (rng.choice([0.0, 90.0]) if drawn["handle"] == "overhead" else 180.0)))
    if drawn["lid"] != "none":
        size = radius * rng.uniform(0.2, 0.34)
        _lid(asm, drawn["lid"], drawn["knob"], edge, top, edge * rng.uniform(0.25, 0.6), size, outline("round", rng))
    return asm.finish(drawn, caption("teapot", drawn, (), _TEAPOT_WORDS))
