"""Bowls and plates: what lies on a table, with profile, outline, foot, handles and contents drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.hollow import half_width, loop_handle, outline, shell
from pointsra.data.shapes.meshes import Floats, move, rotate
from pointsra.data.shapes.parts import curve, frustum, lathe, superellipsoid

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "bowl": {
        "depth": {"shallow": 0.3, "plain": 0.4, "deep": 0.3},
        "section": {"round": 0.7, "square": 0.1, "oval": 0.12, "scalloped": 0.08},
        "wall": {"hemispherical": 0.35, "conical": 0.2, "steep": 0.25, "bell-shaped": 0.2},
        "rim": {"simple": 0.65, "wide": 0.2, "incurved": 0.15},
        "foot": {"none": 0.4, "ring": 0.4, "stemmed": 0.08, "three-legged": 0.12},
        "handles": {"none": 0.75, "one": 0.08, "two": 0.17},
        "contents": {"nothing inside": 0.65, "food inside": 0.12, "fruit inside": 0.13, "a lid": 0.1},
    },
    "plate": {
        "section": {"round": 0.55, "square": 0.17, "oval": 0.18, "octagonal": 0.1},
        "profile": {"flat": 0.22, "rimmed": 0.33, "coupe": 0.22, "soup": 0.23},
        "foot": {"none": 0.5, "ring": 0.38, "stemmed": 0.12},
        "handles": {"none": 0.85, "two": 0.15},
        "contents": {"nothing on it": 0.62, "food on it": 0.2, "a cake on it": 0.1, "a dome on it": 0.08},
        "pile": {"alone": 0.82, "in a pile of three": 0.1, "in a pile of six": 0.08},
        "stance": {"level": 0.82, "leaning": 0.18},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "plate": {"pile": ("foot", ("none", "ring")), "contents": ("stance", ("level",))}
}
PART_NAMES = {
    "bowl": ("body", "foot", "handle", "contents"),
    "plate": ("body", "foot", "handle", "contents"),
}
_BOWL_WORDS = {"section": "a {} section", "wall": "a {} wall", "rim": "a {} rim", "foot": "a {} foot",
               "handles": "{} handles", "contents": "{}"}  # fmt: skip
_PLATE_WORDS = {"section": "a {} section", "profile": "a {} profile", "foot": "a {} foot", "handles": "{} handles",
                "contents": "{}", "pile": "a place {}"}  # fmt: skip


def _bowl_wall(kind: str, rng: np.random.Generator) -> Floats:
    """Return a bowl's outside (P, 2) from the axis to the rim, radius and height from 0 to 1."""
    base = rng.uniform(0.28, 0.5)
    if kind == "conical":
        knots = [(base, 0.0), (base + (1 - base) * 0.5, 0.5), (1.0, 1.0)]
    elif kind == "steep":
        base = rng.uniform(0.65, 0.9)
        knots = [(base, 0.0), (base + (1 - base) * 0.6, 0.2), (0.97, 0.6), (1.0, 1.0)]
    elif kind == "bell-shaped":
        knots = [(base, 0.0), (base + 0.2, 0.15), (base + 0.3, 0.55), (1.0, 1.0)]
    else:
        knots = [(base, 0.0), (0.72, 0.2), (0.92, 0.55), (1.0, 1.0)]
    return np.concatenate([[[0.0, 0.0], [base * 0.6, 0.0]], curve(knots, 4)])


def _filling(asm: Assembly, rng: np.random.Generator, kind: str, radius: float, level: float, part: str) -> None:
    """Add a heap of food, pieces of fruit or a domed lid to what is ``radius`` wide at height ``level``."""
    if kind == "fruit":
        for _ in range(int(rng.integers(3, 7))):
            size, angle = radius * rng.uniform(0.5, 0.75), rng.uniform(0, 2 * np.pi)
            out = radius * rng.uniform(0.1, 0.5)
            place = (out * np.cos(angle), level + size * rng.uniform(0.0, 0.35), out * np.sin(angle))
            asm.add(part, superellipsoid(place, (size, size * rng.uniform(0.8, 1.0), size)))
    elif kind == "food":
        heap = radius * rng.uniform(0.1, 0.35)
        t = np.linspace(0, 1, 6)
        asm.add(part, lathe(np.stack([radius * np.cos(t * np.pi / 2), level + heap * np.sin(t * np.pi / 2)], axis=1)))


def bowl(rng: np.random.Generator) -> Design:
    """Build a bowl from the choices of ``CHOICES["bowl"]``."""
    drawn = draw(rng, CHOICES["bowl"])
    asm = Assembly(PART_NAMES["bowl"])
    radius = rng.uniform(0.06, 0.16)
    low, high = {"shallow": (0.3, 0.5), "plain": (0.55, 0.85), "deep": (0.95, 1.5)}[drawn["depth"]]
    tall, section = radius * rng.uniform(low, high), outline(drawn["section"], rng)
    lift = {"none": 0.0, "ring": radius * rng.uniform(0.06, 0.15), "stemmed": radius * rng.uniform(0.4, 0.9),
            "three-legged": radius * rng.uniform(0.12, 0.3)}[drawn["foot"]]  # fmt: skip
    line = _bowl_wall(drawn["wall"], rng) * np.array([radius, tall]) + np.array([0.0, lift])
    top = lift + tall
    if drawn["rim"] == "wide":
        out = radius * rng.uniform(0.15, 0.3)
        line = np.concatenate([line, [[radius + out * 0.5, top + out * 0.05], [radius + out, top + out * 0.15]]])
    elif drawn["rim"] == "incurved":
        line = np.concatenate([line, [[radius * 0.98, top + 0.07 * radius], [radius * 0.9, top + 0.13 * radius]]])
    asm.add("body", shell(line, radius * rng.uniform(0.03, 0.07), section))
    base = float(line[2, 0])
    if drawn["foot"] == "ring":
        asm.add("foot", lathe([(0, 0), (base, 0), (base * 0.95, lift + tall * 0.02), (0, lift)], section=section))
    elif drawn["foot"] == "stemmed":
        wide = radius * rng.uniform(0.45, 0.75)
        asm.add("foot", lathe([(0, 0), (wide, 0), (wide * 0.9, lift * 0.1), (radius * 0.12, lift * 0.35),
                               (radius * 0.12, lift * 0.7), (base * 0.8, lift + tall * 0.02), (0, lift)]))  # fmt: skip
    elif drawn["foot"] == "three-legged":
        for angle in np.pi / 2 + np.arange(3) * 2 * np.pi / 3:
            way = np.array([np.cos(angle) * half_width(section), 0.0, np.sin(angle) * np.abs(section[:, 0]).max()])
            asm.add("foot", frustum(way * base * 0.9 + np.array((0, lift + 0.02 * tall, 0)), way * base, radius * 0.1))
    if drawn["handles"] != "none":
        at = float(np.interp(lift + tall * 0.85, line[2:, 1], line[2:, 0])) * half_width(section)
        grip = loop_handle(
            at * 0.97, lift + tall * 0.85, radius * rng.uniform(0.5, 0.9), radius * rng.uniform(0.2, 0.4), radius * 0.05
        )
        asm.add("handle", grip)
        if drawn["handles"] == "two":
            asm.add("handle", rotate(grip, "y", 180))
    level = lift + tall * rng.uniform(0.5, 0.85)
    inside = float(np.interp(level, line[2:, 1], line[2:, 0])) * min(half_width(section), np.abs(section[:, 0]).max())
    if drawn["contents"] == "a lid":
        edge, peak = float(line[-1, 0]), float(line[-1, 1])
        rise = radius * rng.uniform(0.08, 0.4)
        asm.add("contents", lathe([(edge * 1.03, peak - 0.002), (edge * 1.02, peak + rise * 0.2),
                                   (edge * 0.6, peak + rise * 0.8), (0, peak + rise)], section=section))  # fmt: skip
        asm.add("contents", superellipsoid((0, peak + rise * 1.1, 0), (radius * 0.25,) * 3))
    elif drawn["contents"] != "nothing inside":
        _filling(asm, rng, drawn["contents"].split()[0], inside * 0.93, level, "contents")
    return asm.finish(drawn, caption("bowl", drawn, ("depth",), _BOWL_WORDS))


def plate(rng: np.random.Generator) -> Design:
    """Build a plate from the choices of ``CHOICES["plate"]``."""
    drawn = draw(rng, CHOICES["plate"], ONLY_WHEN["plate"])
    asm = Assembly(PART_NAMES["plate"])
    radius, section = rng.uniform(0.07, 0.17), outline(drawn["section"], rng)
    lift = {"none": 0.0, "ring": 0.005, "stemmed": radius * rng.uniform(0.5, 0.9)}[drawn["foot"]]
    well, rise = radius * rng.uniform(0.5, 0.8), radius * rng.uniform(0.08, 0.26)
    line = {
        "flat": [(0, 0), (radius * 0.5, 0), (radius * 0.93, 0), (radius, rise * 0.5)],
        "rimmed": [(0, 0), (well * 0.5, 0), (well * 0.95, 0), (well * 1.06, rise * 0.6), (radius, rise)],
        "coupe": [
            (0, 0),
            (radius * 0.35, 0.0),
            (radius * 0.65, rise * 0.3),
            (radius * 0.9, rise),
            (radius, rise * 1.5),
        ],
        "soup": [(0, 0), (well * 0.6, 0), (well * 0.9, rise * 0.5), (well * 1.05, rise * 1.5), (radius, rise * 1.9)],
    }[drawn["profile"]]
    line = np.array(line, dtype=np.float64) + np.array([0.0, lift])
    wall = radius * rng.uniform(0.025, 0.05)
    dish = shell(line, wall, section)
    base = float(line[1, 0])
    count = {"in a pile of three": 3, "in a pile of six": 6}.get(drawn.get("pile", "alone"), 1)
    step = wall * rng.uniform(1.4, 2.2)
    for turn in range(count):
        asm.add("body", move(dish, (0, turn * step, 0)))
    if drawn["foot"] == "ring":
        asm.add("foot", lathe([(0, 0), (base * 1.1, 0), (base * 1.1, lift + wall * 0.4), (0, lift + wall * 0.4)]))
    elif drawn["foot"] == "stemmed":
        asm.add("foot", lathe([(0, 0), (radius * 0.55, 0), (radius * 0.5, lift * 0.08), (radius * 0.1, lift * 0.3),
                               (radius * 0.1, lift * 0.8), (base * 0.8, lift + wall * 0.3), (0, lift)]))  # fmt: skip
    if drawn["handles"] == "two":
        grip = loop_handle(half_width(section) * radius * 0.97, float(line[-1, 1]), radius * 0.5, radius * 0.25,
                           radius * 0.04)  # fmt: skip
        asm.add("handle", grip, rotate(grip, "y", 180))
    level = lift + wall + (count - 1) * step
    inside = well * 0.85 * min(half_width(section), float(np.abs(section[:, 0]).max()))
    if drawn.get("contents") == "food on it":
        for _ in range(int(rng.integers(2, 5))):
            angle, size = rng.uniform(0, 2 * np.pi), inside * rng.uniform(0.6, 1.0)
            place = (inside * 0.5 * np.cos(angle), level + size * 0.12, inside * 0.5 * np.sin(angle))
            asm.add("contents", superellipsoid(place, (size, size * rng.uniform(0.3, 0.6), size * rng.uniform(0.5, 1))))
    elif drawn.get("contents") == "a cake on it":
        high = inside * rng.uniform(0.5, 1.1)
        asm.add(
            "contents",
            lathe(
                [
                    (0, level),
                    (inside, level),
                    (inside, level + high * 0.9),
                    (inside * 0.95, level + high),
                    (0, level + high),
                ]
            ),
        )
    elif drawn.get("contents") == "a dome on it":
        t, high = np.linspace(0, 1, 7), radius * rng.uniform(0.5, 0.9)
        asm.add(
            "contents",
            lathe(
                np.stack([radius * 0.9 * np.cos(t * np.pi / 2), level + wall + high * np.sin(t * np.pi / 2)], axis=1),
                section=section,
            ),
        )
        asm.add("contents", superellipsoid((0, level + wall + high, 0), (radius * 0.15,) * 3))
    if drawn["stance"] == "leaning":
        asm.turn("x", rng.uniform(62.0, 85.0))
    return asm.finish(drawn, caption("plate", drawn, ("stance",), _PLATE_WORDS))
