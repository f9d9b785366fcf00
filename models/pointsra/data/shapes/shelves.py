"""Shelves: frame, back, lowest level, feet and contents are drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import box
from pointsra.data.shapes.parts import beam, frustum

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "shelf": {
        "form": {"bookcase": 0.3, "open-sided": 0.2, "ladder": 0.12, "cube-grid": 0.18, "staggered": 0.1,
                 "wall-mounted": 0.1},
        "levels": {"three": 0.25, "four": 0.3, "five": 0.25, "six": 0.2},
        "backing": {"none": 0.4, "solid": 0.4, "cross-braced": 0.2},
        "lowest_level": {"open cells": 0.6, "doors": 0.2, "drawers": 0.2},
        "feet": {"none": 0.5, "short legs": 0.3, "plinth": 0.2},
        "contents": {"nothing on it": 0.5, "a few books": 0.3, "many books": 0.2},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "shelf": {
        "backing": ("form", ("bookcase", "open-sided", "cube-grid")),
        "lowest_level": ("form", ("bookcase", "open-sided", "cube-grid", "staggered")),
        "feet": ("form", ("bookcase", "cube-grid", "staggered")),
    },
}
PART_NAMES = {
    "shelf": ("board", "side", "back", "leg", "door", "drawer", "book", "brace"),
}
_SHELF_WORDS = {"levels": "{} levels", "backing": "a {} back", "lowest_level": "{} at its lowest level", "feet": "{}",
                "contents": "{}"}  # fmt: skip
_COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}


def _books(
    asm: Assembly,
    rng: np.random.Generator,
    left: float,
    right: float,
    floor: float,
    room: float,
    depth: float,
    full: float,
) -> None:
    """Stand books on a board, from one end, over the share ``full`` of its width."""
    count = int((right - left) * full / 0.045)
    if count < 1:
        return
    tall = room * rng.uniform(0.55, 0.88, count)
    if rng.random() < 0.5:
        left = right - count * 0.045
    for i in range(count):
        x = left + 0.045 * (i + 0.5)
        asm.add(
            "book",
            box((x, floor + tall[i] / 2, -0.01), (0.038, tall[i], depth * 0.7), without=("left", "right", "bottom")),
        )


def shelf(rng: np.random.Generator) -> Design:
    """Build a shelf from the choices of ``CHOICES["shelf"]``."""
    drawn = draw(rng, CHOICES["shelf"], ONLY_WHEN["shelf"])
    asm = Assembly(PART_NAMES["shelf"])
    form, levels = drawn["form"], _COUNTS[drawn["levels"]]
    width, depth, thick = rng.uniform(0.5, 1.3), rng.uniform(0.22, 0.42), rng.uniform(0.015, 0.035)
    room = rng.uniform(0.24, 0.42)
    if form == "cube-grid":
        width = room * int(rng.integers(1, 6))
        depth = rng.uniform(0.28, 0.4)
    clear = {"none": 0.0, "short legs": rng.uniform(0.06, 0.2), "plinth": 0.07}[drawn.get("feet", "none")]
    heights = clear + thick / 2 + room * np.arange(levels + 1)
    if form in ("bookcase", "open-sided") and rng.random() < 0.4:
        heights[1:-1] += rng.uniform(-0.07, 0.07, levels - 1)
    high, half = float(heights[-1]), width / 2
    if form == "wall-mounted":
        heights = heights[:levels]
    deeps = np.full(len(heights), depth)
    if form == "ladder":
        deeps = depth * np.linspace(1.35, 0.55, len(heights))
    shifts = np.zeros(len(heights))
    if form == "staggered":
        shifts = np.where(np.arange(len(heights)) % 2 == 0, 0.18, -0.18) * width
    for y, deep, shift in zip(heights, deeps, shifts, strict=True):
        wide = width * (0.72 if form == "staggered" else 1.0)
        asm.add("board", box((shift, y, (deep - depth) / 2), (wide, thick, deep)))
    if form in ("bookcase", "cube-grid"):
        asm.add(
            "side", *[box((s * half, (clear + high) / 2, 0), (thick, high - clear + thick, depth)) for s in (-1, 1)]
        )
    if form == "cube-grid":
        columns = max(1, round(width / room))
        xs = -half + width * np.arange(1, columns) / columns
        asm.add(
            "side",
            *[box((x, (clear + high) / 2, 0), (thick, high - clear, depth), without=("top", "bottom")) for x in xs],
        )
    elif form == "open-sided":
        bar = rng.uniform(0.012, 0.025)
        posts = [(s * (half - bar), b * (depth / 2 - bar)) for s in (-1, 1) for b in (-1, 1)]
        extra = rng.uniform(0.0, 0.12)
        asm.add("side", *[beam((x, 0, z), (x, high + extra, z), bar * 2, bar * 2) for x, z in posts])
    elif form == "ladder":
        for s in (-1, 1):
            front = deeps[0] - depth / 2
            asm.add("side", beam((s * half, 0, front), (s * half, high + 0.15, -depth / 2 + 0.12), 0.03, 0.045))
            asm.add(
                "side", beam((s * half, 0, -depth / 2 + 0.02), (s * half, high + 0.1, -depth / 2 + 0.02), 0.03, 0.03)
            )
    elif form == "staggered":
        for i in range(len(heights) - 1):
            for x in (
                shifts[i] + np.sign(shifts[i + 1] - shifts[i]) * width * 0.3,
                shifts[i + 1] - np.sign(shifts[i + 1] - shifts[i]) * width * 0.3,
            ):
                asm.add(
                    "side", box((x, (heights[i] + heights[i + 1]) / 2, 0), (thick, heights[i + 1] - heights[i], depth))
                )
    elif form == "wall-mounted":
        if rng.random() < 0.5:
            ends = [(s * half * 0.96) for s in (-1, 1)]
            asm.add(
                "side",
                *[box((x, (heights[0] + heights[-1]) / 2, 0), (thick, heights[-1] - heights[0], depth)) for x in ends],
            )
        else:
            for x in (-half * 0.7, half * 0.7):
                asm.add(
                    "side",
                    beam(
                        (x, heights[0] - 0.15, -depth / 2 + 0.01),
                        (x, heights[-1] + 0.1, -depth / 2 + 0.01),
                        0.025,
                        0.02,
                    ),
                )
                asm.add(
                    "brace",
                    *[beam((x, y - 0.13, -depth / 2 + 0.01), (x, y - 0.01, depth * 0.4), 0.02, 0.02) for y in heights],
                )
    if drawn.get("backing") == "solid":
        asm.add("back", box((0, (clear + high) / 2, -depth / 2 + 0.004), (width, high - clear, 0.008)))
    elif drawn.get("backing") == "cross-braced":
        for s in (-1, 1):
            asm.add("brace", beam((s * -half, clear + 0.02, -depth / 2), (s * half, high, -depth / 2), 0.012, 0.018))
    lowest = drawn.get("lowest_level", "open cells")
    if lowest != "open cells":
        span = float(heights[1] - heights[0]) - thick
        wide = width * (0.7 if form == "staggered" else 0.97)
        cells = max(1, round(wide / 0.45))
        for i in range(cells):
            x = shifts[0] - wide / 2 + wide / cells * (i + 0.5)
            if lowest == "doors":
                asm.add(
                    "door",
                    box((x, heights[0] + thick / 2 + span / 2, depth / 2), (wide / cells - 0.012, span - 0.01, 0.018)),
                )
                continue
            for j in (0.25, 0.75):
                asm.add(
                    "drawer",
                    box(
                        (x, heights[0] + thick / 2 + span * j, depth / 2),
                        (wide / cells - 0.012, span / 2 - 0.012, 0.018),
                    ),
                )
    feet = drawn.get("feet", "none")
    if feet == "short legs":
        x0, z0, at = half * (0.66 if form == "staggered" else 0.9), depth * 0.4, shifts[0]
        asm.add(
            "leg",
            *[
                frustum((at + a * x0, clear, b * z0), (at + a * x0, 0, b * z0), 0.022, 0.014)
                for a in (-1, 1)
                for b in (-1, 1)
            ],
        )
    elif feet == "plinth":
        asm.add(
            "leg",
            box(
                (shifts[0], clear / 2, -0.01),
                (width * (0.68 if form == "staggered" else 0.98), clear, depth * 0.9),
                without=("top",),
            ),
        )
    if drawn["contents"] != "nothing on it":
        share = 0.35 if drawn["contents"] == "a few books" else 0.8
        for i in range(len(heights) - 1):
            if (i == 0 and lowest != "open cells") or rng.random() < 0.25:
                continue
            wide = width * (0.3 if form == "staggered" else 0.47)
            gap = float(heights[i + 1] - heights[i]) - thick
            _books(
                asm,
                rng,
                shifts[i] - wide,
                shifts[i] + wide,
                float(heights[i]) + thick / 2,
                gap,
                float(min(deeps[i], depth)),
                share * rng.uniform(0.5, 1.1),
            )
    return asm.finish(drawn, caption("shelf", drawn, ("form",), _SHELF_WORDS))
