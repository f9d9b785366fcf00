"""Tables and desks: level surfaces whose supports are drawn independently of what they carry."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from pointsra.data.shapes import supports
from pointsra.data.shapes.designs import Alternative, Assembly, Design, Forced, caption, draw, draw_with
from pointsra.data.shapes.meshes import box
from pointsra.data.shapes.parts import (
    beam,
    bent,
    frustum,
    polygon,
    slab,
    superellipse,
    tube,
)  # fmt: skip

_ON_LEGS = ("four legs", "three legs", "six legs")
CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "table": {
        "height": {"low": 0.3, "plain": 0.5, "bar-height": 0.2},
        "top": {"rectangular": 0.3, "square": 0.15, "round": 0.2, "oval": 0.12, "rounded": 0.13, "octagonal": 0.1},
        "base": {"four legs": 0.32, "three legs": 0.08, "six legs": 0.05, "pedestal": 0.12, "double pedestal": 0.06,
                 "trestles": 0.08, "crossed legs": 0.08, "sled base": 0.08, "panel ends": 0.07, "hairpin legs": 0.06},
        "leg_style": {"round": 0.15, "tapered": 0.25, "square": 0.3, "turned": 0.15, "thin metal": 0.15},
        "stretcher": {"none": 0.6, "H-shaped": 0.15, "box": 0.15, "cross": 0.1},
        "apron": {"none": 0.5, "plain": 0.5},
        "lower_shelf": {"none": 0.75, "low": 0.25},
    },
    "desk": {
        "plan": {"straight": 0.7, "left return": 0.15, "right return": 0.15},
        "left_support": {"drawers": 0.3, "a door cabinet": 0.14, "two legs": 0.26, "a panel": 0.18, "a loop": 0.12},
        "right_support": {"drawers": 0.3, "a door cabinet": 0.14, "two legs": 0.26, "a panel": 0.18, "a loop": 0.12},
        "modesty_panel": {"none": 0.5, "full-height": 0.2, "half-height": 0.3},
        "center_drawer": {"none": 0.6, "shallow": 0.4},
        "hutch": {"none": 0.55, "low": 0.2, "pigeonhole": 0.13, "tall": 0.12},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "table": {"leg_style": ("base", _ON_LEGS), "stretcher": ("base", _ON_LEGS), "lower_shelf": ("base", _ON_LEGS)},
}
PART_NAMES = {
    "table": ("top", "apron", "leg", "base", "column", "stretcher", "shelf"),
    "desk": ("top", "leg", "drawer", "cabinet", "panel", "hutch", "handle"),
}
ALTERNATIVES: dict[str, tuple[Alternative, ...]] = {
    "table": (
        Alternative(("base", "leg_style", "stretcher", "lower_shelf"), ("leg", "base", "column", "stretcher", "shelf")),
    ),
}
_TABLE_WORDS = {"top": "a {} top", "base": "{}", "stretcher": "{} stretchers",
                "apron": "a {} apron", "lower_shelf": "a {} shelf below"}  # fmt: skip
_DESK_WORDS = {"plan": "a {} plan", "left_support": "{} on the left", "right_support": "{} on the right",
               "modesty_panel": "a {} modesty panel", "center_drawer": "a {} center drawer",
               "hutch": "a {} hutch"}  # fmt: skip


def _top_outline(kind: str, width: float, depth: float) -> np.ndarray:
    if kind == "octagonal":
        return polygon(8) * np.array([width, depth]) * 0.53
    power = {"rectangular": 60.0, "square": 60.0, "rounded": 5.0, "round": 2.0, "oval": 2.4}[kind]
    return superellipse(power, 32) * np.array([width, depth]) / 2


def _table_base(
    width: float,
    depth: float,
    below: float,
    half: tuple[float, float],
    radius: float,
    curved: bool,
    asm: Assembly,
    rng: np.random.Generator,
    drawn: Mapping[str, str],
) -> None:
    base = drawn["base"]
    splay = rng.uniform(0.0, 0.1) if rng.random() < 0.4 else 0.0
    share, turn = rng.uniform(0.12, 0.35), float(rng.choice([np.pi / 2, -np.pi / 2]))
    if base in supports.LEG_COUNTS:
        if base == "three legs":
            tops, feet = supports.ring_legs(3, (width * 0.36, depth * 0.36), below, splay, turn)
        else:
            tops, feet = supports.corner_legs(half, below, splay)
        if base == "six legs":
            z = depth / 2 * 0.92 - radius if curved else half[1]
            extra = np.array([[0.0, 0.0, z], [0.0, 0.0, -z]])
            tops = np.concatenate([tops, extra + np.array([0.0, below, 0.0])])
            feet = np.concatenate([feet, extra])
        asm.add("leg", *[supports.leg(t, f, drawn["leg_style"], radius) for t, f in zip(tops, feet, strict=True)])
        supports.stretchers(asm, drawn["stretcher"], tops[:4], feet[:4], radius * 0.6, share)
        if drawn["lower_shelf"] == "low":
            reach = feet[:4, [0, 2]] + (share + 0.05) * (tops[:4, [0, 2]] - feet[:4, [0, 2]])
            level = (share + 0.05) * below
            if base == "three legs":
                shape = superellipse(2.0) * np.abs(reach).max(axis=0) * 1.05
            else:
                shape = superellipse(60.0) * np.abs(reach).max(axis=0)
            asm.add("shelf", slab(shape, level, level + 0.02))
    elif base == "pedestal":
        supports.pedestal(asm, rng, below, min(width, depth) * rng.uniform(0.24, 0.38), rng.uniform(0.03, 0.08))
    elif base == "double pedestal":
        for x in (-half[0] * 0.7, half[0] * 0.7):
            asm.add("column", frustum((x, 0.04, 0), (x, below, 0), radius * 1.8))
            asm.add("base", beam((x, 0.025, -half[1]), (x, 0.025, half[1]), 0.1, 0.05))
            asm.add("base", beam((x, below - 0.02, -half[1] * 0.8), (x, below - 0.02, half[1] * 0.8), 0.08, 0.04))
    elif base == "trestles":
        supports.trestles(asm, (half[0] * 0.85, half[1]), below, radius)
    elif base == "crossed legs":
        supports.crossed(asm, half, below, radius)
    elif base == "sled base":
        supports.sled(asm, rng, half, below, radius * 0.6)
    elif base == "panel ends":
        supports.end_panels(asm, half, below, rng.uniform(0.02, 0.05))
    else:
        supports.hairpins(asm, half, below)


def table(rng: np.random.Generator, forced: Forced | None = None) -> Design:
    """Build a table from the choices of ``CHOICES["table"]``."""
    drawing = draw_with(rng, CHOICES["table"], ONLY_WHEN["table"], forced)
    drawn = drawing.taken
    asm = Assembly(PART_NAMES["table"])
    low, tall = {"low": (0.32, 0.5), "plain": (0.68, 0.78), "bar-height": (0.9, 1.1)}[drawn["height"]]
    height, kind = rng.uniform(low, tall), drawn["top"]
    width = rng.uniform(0.55, 1.3) if kind in ("round", "square", "octagonal") else rng.uniform(0.9, 2.2)
    depth = width * (1.0 if kind in ("round", "square", "octagonal") else rng.uniform(0.4, 0.7))
    thick, radius = rng.uniform(0.018, 0.06), rng.uniform(0.018, 0.045)
    below = height - thick
    asm.add("top", slab(_top_outline(kind, width, depth), below, height))
    curved = kind in ("round", "oval", "octagonal")
    snug = rng.uniform(0.6, 0.68) if curved else rng.uniform(0.82, 0.94)
    half = (width / 2 * snug - radius, depth / 2 * snug - radius)
    drawing.realize("base", partial(_table_base, width, depth, below, half, radius, curved), asm, rng)
    if drawn["apron"] == "plain":
        deep, inset = rng.uniform(0.05, 0.11), 0.98 if not curved else 1.0
        outline = _top_outline(kind, half[0] * 2 * inset, half[1] * 2 * inset)
        rim = slab(outline, below - deep, below)
        asm.add("apron", rim)
    return asm.finish(drawn, caption("table", drawn, ("height",), _TABLE_WORDS))


def _desk_support(
    asm: Assembly, rng: np.random.Generator, kind: str, side: int, half: tuple[float, float], below: float
) -> None:
    """Add what carries a desk at one side (-1 left, 1 right)."""
    x, z = side * half[0], half[1]
    if kind in ("drawers", "a door cabinet"):
        wide = rng.uniform(0.32, 0.46)
        clear = rng.uniform(0.0, 0.12)
        x = side * (half[0] - wide / 2)
        asm.add("cabinet", box((x, (below + clear) / 2, 0), (wide, below - clear, z * 2), without=("top", "front")))
        count = int(rng.integers(2, 5)) if kind == "drawers" else 1
        tall = (below - clear) / count
        for row in range(count):
            y = clear + tall * (row + 0.5)
            front = box((x, y, z + 0.01), (wide - 0.02, tall - 0.02, 0.02), without=("back",))
            asm.add("drawer" if kind == "drawers" else "cabinet", front)
            grip = (0.1, 0.015, 0.025) if kind == "drawers" else (0.015, 0.12, 0.025)
            asm.add("handle", box((x - (0 if kind == "drawers" else side * wide * 0.35), y, z + 0.03), grip))
        if clear > 0.03:
            asm.add("leg", *[frustum((x + a * wide * 0.4, 0, b * z * 0.85), (x + a * wide * 0.4, clear, b * z * 0.85),
                                     0.018)
                             for a in (-1, 1) for b in (-1, 1)])  # fmt: skip
    elif kind == "two legs":
        radius = rng.uniform(0.018, 0.032)
        style = ("tapered", "square", "round")[int(rng.integers(3))]
        for b in (-1, 1):
            end = np.array([x - side * 0.05, 0.0, b * (z - 0.05)])
            asm.add("leg", supports.leg(end + np.array([0.0, below, 0.0]), end, style, radius))
    elif kind == "a panel":
        asm.add("panel", beam((x - side * 0.02, 0, 0), (x - side * 0.02, below, 0), 0.03, z * 1.9))
    else:
        a = x - side * 0.05
        corners = [(a, below, z * 0.9), (a, 0.02, z * 0.9), (a, 0.02, -z * 0.9), (a, below, -z * 0.9)]
        asm.add("leg", tube(bent(corners, 0.03), 0.02, flat=0.02))


def desk(rng: np.random.Generator) -> Design:
    """Build a desk from the choices of ``CHOICES["desk"]``; its user sits at +z."""
    drawn = draw(rng, CHOICES["desk"])
    asm = Assembly(PART_NAMES["desk"])
    width, depth, height = rng.uniform(1.1, 1.9), rng.uniform(0.52, 0.85), rng.uniform(0.7, 0.79)
    thick = rng.uniform(0.02, 0.05)
    below, half = height - thick, (width / 2 - 0.03, depth / 2 - 0.03)
    asm.add("top", box((0, height - thick / 2, 0), (width, thick, depth)))
    _desk_support(asm, rng, drawn["left_support"], -1, half, below)
    _desk_support(asm, rng, drawn["right_support"], 1, half, below)
    tall = {"none": 0.0, "full-height": below - 0.05, "half-height": below * rng.uniform(0.3, 0.55)}[
        drawn["modesty_panel"]
    ]
    if tall:
        asm.add("panel", box((0, below - tall / 2, -half[1] + 0.02), (half[0] * 1.98, tall, 0.018)))
    if drawn["center_drawer"] == "shallow":
        wide = width * rng.uniform(0.25, 0.32)
        asm.add("drawer", box((0, below - 0.05, depth * 0.1), (wide, 0.1, depth * 0.72), without=("top",)))
        asm.add("handle", box((0, below - 0.05, depth * 0.47), (0.12, 0.015, 0.025)))
    if drawn["plan"] != "straight":
        side = -1 if drawn["plan"] == "left return" else 1
        reach, wide = rng.uniform(0.5, 0.9), rng.uniform(0.42, 0.58)
        x, end = side * (width / 2 - wide / 2), depth / 2 + reach
        asm.add("top", box((x, height - thick / 2, depth / 2 + reach / 2), (wide, thick, reach)))
        asm.add(
            "leg",
            *[
                frustum((x + a * wide * 0.4, below, end - 0.06), (x + a * wide * 0.4, 0, end - 0.06), 0.022)
                for a in (-1, 1)
            ],
        )
    hutch, back = drawn["hutch"], -depth / 2
    if hutch != "none":
        rise = {"low": (0.12, 0.2), "pigeonhole": (0.3, 0.45), "tall": (0.5, 0.85)}[hutch]
        up, deep, wide = rng.uniform(*rise), rng.uniform(0.18, 0.3), width * rng.uniform(0.75, 1.0)
        z = back + deep / 2
        asm.add("hutch", box((0, height + up, z), (wide, 0.02, deep)))
        uprights = {"low": 2, "pigeonhole": int(rng.integers(4, 8)), "tall": int(rng.integers(2, 5))}[hutch]
        xs = np.linspace(-wide / 2 + 0.01, wide / 2 - 0.01, uprights)
        asm.add("hutch", *[box((x, height + up / 2, z), (0.02, up, deep)) for x in xs])
        if hutch != "low":
            asm.add("hutch", box((0, height + up / 2, back + 0.006), (wide, up, 0.012)))
            levels = [0.5] if hutch == "pigeonhole" else [0.35, 0.68]
            asm.add("hutch", *[box((0, height + up * f, z), (wide, 0.016, deep)) for f in levels])
    return asm.finish(drawn, caption("desk", drawn, (), _DESK_WORDS))
