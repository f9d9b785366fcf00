"""Cabinets: a box of one to three columns, each with doors, drawers or open cells, drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import box
from pointsra.data.shapes.parts import beam, frustum, superellipsoid

_CELL = {"doors": 0.34, "drawers": 0.36, "open shelves": 0.18, "glass-framed doors": 0.12}
CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "cabinet": {
        "form": {"nightstand": 0.2, "chest": 0.25, "sideboard": 0.3, "wardrobe": 0.25},
        "columns": {"one column": 0.25, "two columns": 0.45, "three columns": 0.3},
        "left_column": dict(_CELL),
        "middle_column": dict(_CELL),
        "right_column": dict(_CELL),
        "base": {"none": 0.15, "plinth": 0.25, "tapered legs": 0.22, "square legs": 0.16, "metal frame": 0.1,
                 "bun feet": 0.12},
        "top": {"flush": 0.4, "overhanging": 0.4, "cornice": 0.2},
        "handles": {"none": 0.2, "round knob": 0.4, "bar": 0.4},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "cabinet": {
        "middle_column": ("columns", ("three columns",)),
        "right_column": ("columns", ("two columns", "three columns")),
    },
}
PART_NAMES = {
    "cabinet": ("body", "door", "drawer", "shelf", "top", "leg", "base", "handle"),
}
_CABINET_WORDS = {"columns": "{}", "left_column": "{} on the left", "middle_column": "{} in the middle",
                  "right_column": "{} on the right", "base": "{}", "top": "a {} top",
                  "handles": "{} handles"}  # fmt: skip
_COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}


def _handle(asm: Assembly, kind: str, center: tuple[float, float, float], upright: bool, length: float) -> None:
    if kind == "round knob":
        asm.add("handle", superellipsoid(center, (0.035, 0.035, 0.035)))
    elif kind == "bar":
        size = (0.014, length, 0.022) if upright else (length, 0.014, 0.022)
        asm.add("handle", box(center, size))


def _column(
    asm: Assembly,
    rng: np.random.Generator,
    kind: str,
    handles: str,
    span: tuple[float, float],
    low: float,
    high: float,
    depth: float,
) -> None:
    """Fill one column of a cabinet between heights low and high; its front is at z = depth / 2."""
    left, right = span
    middle, wide, tall, z = (left + right) / 2, right - left, high - low, depth / 2
    if kind == "drawers":
        count = int(np.clip(round(tall / rng.uniform(0.16, 0.34)), 1, 7))
        step = tall / count
        for i in range(count):
            y = low + step * (i + 0.5)
            asm.add("drawer", box((middle, y, z), (wide - 0.014, step - 0.014, 0.024), without=("back",)))
            pulls = (-0.28, 0.28) if wide > 0.65 else (0.0,)
            for pull in pulls:
                _handle(asm, handles, (middle + pull * wide, y, z + 0.026), False, min(0.16, wide * 0.4))
        return
    if kind == "doors":
        leaves = 2 if wide > 0.55 else 1
        leaf = wide / leaves
        for i in range(leaves):
            x = left + leaf * (i + 0.5)
            asm.add("door", box((x, (low + high) / 2, z), (leaf - 0.012, tall - 0.014, 0.024), without=("back",)))
            edge = (1 if i == 0 else -1) * (leaf / 2 - 0.05)
            _handle(asm, handles, (x + edge, (low + high) / 2 + 0.05 * tall, z + 0.026), True, min(0.2, tall * 0.4))
        return
    lining = box((middle, (low + high) / 2, 0.0), (wide - 0.004, tall, depth * 0.97), without=("front", "back"))
    asm.add("body", lining)
    count = max(1, round(tall / rng.uniform(0.25, 0.45)))
    levels = low + tall * np.arange(1, count) / count
    asm.add("shelf", *[box((middle, y, -0.01), (wide, 0.018, depth - 0.04)) for y in levels])
    if kind == "glass-framed doors":
        leaves = 2 if wide > 0.55 else 1
        leaf = wide / leaves
        for i in range(leaves):
            x, rim = left + leaf * (i + 0.5), min(0.05, leaf * 0.14)
            for y in (low + rim / 2 + 0.005, high - rim / 2 - 0.005):
                asm.add("door", box((x, y, z), (leaf - 0.012, rim, 0.024)))
            for s in (-1, 1):
                asm.add(
                    "door", box((x + s * (leaf - rim - 0.012) / 2, (low + high) / 2, z), (rim, tall - 2 * rim, 0.024))
                )
            if tall > 0.6:
                asm.add("door", box((x, (low + high) / 2, z), (leaf - 2 * rim, 0.02, 0.015)))
            _handle(
                asm,
                handles,
                (x + (1 if i == 0 else -1) * (leaf / 2 - rim / 2), (low + high) / 2, z + 0.026),
                True,
                0.12,
            )


def cabinet(rng: np.random.Generator) -> Design:
    """Build a cabinet from the choices of ``CHOICES["cabinet"]``."""
    drawn = draw(rng, CHOICES["cabinet"], ONLY_WHEN["cabinet"])
    asm = Assembly(PART_NAMES["cabinet"])
    columns, form = _COUNTS[drawn["columns"].split()[0]], drawn["form"]
    each, tall, deep = {
        "nightstand": ((0.3, 0.45), (0.35, 0.55), (0.32, 0.45)),
        "chest": ((0.4, 0.7), (0.7, 1.2), (0.38, 0.52)),
        "sideboard": ((0.45, 0.7), (0.45, 0.8), (0.38, 0.5)),
        "wardrobe": ((0.42, 0.62), (1.6, 2.2), (0.45, 0.62)),
    }[form]
    widths = rng.uniform(*each, columns)
    if columns == 1 and form == "sideboard":
        widths = widths * 1.7
    width, height, depth = float(widths.sum()) + 0.02, rng.uniform(*tall), rng.uniform(*deep)
    base = drawn["base"]
    clear = {"none": 0.0, "plinth": rng.uniform(0.04, 0.1), "bun feet": rng.uniform(0.05, 0.09)}.get(
        base, rng.uniform(0.1, 0.28)
    )
    if form == "wardrobe" or height < 0.5:
        clear = min(clear, 0.15)
    low, high, board = clear, clear + height, 0.01
    asm.add("body", box((0, (low + high) / 2, 0), (width, height, depth), without=("front",)))
    z = depth / 2
    edges = np.concatenate([[-width / 2 + 0.01], -width / 2 + 0.01 + np.cumsum(widths)])
    kinds = [drawn["left_column"]]
    kinds += [drawn["middle_column"]] if columns == 3 else []
    kinds += [drawn["right_column"]] if columns > 1 else []
    for i, kind in enumerate(kinds):
        _column(
            asm, rng, kind, drawn["handles"], (float(edges[i]), float(edges[i + 1])), low + board, high - board, depth
        )
    if drawn["top"] != "flush":
        over, thick = (
            (rng.uniform(0.01, 0.035), 0.025) if drawn["top"] == "overhanging" else (0.03, rng.uniform(0.05, 0.09))
        )
        flare = 1.0 if drawn["top"] == "overhanging" else 1.05
        asm.add("top", box((0, high + thick / 2, 0), (width + over * 2, thick, depth + over * 2), taper=flare))
    corners = [(a * (width / 2 - 0.05), b * (z - 0.05)) for a in (-1, 1) for b in (-1, 1)]
    if base == "plinth":
        asm.add("base", box((0, low / 2, -0.01), (width * 0.97, low, depth * 0.92), without=("top",)))
    elif base == "bun feet":
        asm.add("leg", *[superellipsoid((x, low / 2, b), (low * 1.3, low, low * 1.3)) for x, b in corners])
    elif base == "tapered legs":
        lean = rng.uniform(0.0, 0.05)
        asm.add(
            "leg",
            *[
                frustum((x, low, b), (x + np.sign(x) * lean, 0, b + np.sign(b) * lean), 0.026, 0.012)
                for x, b in corners
            ],
        )
    elif base == "square legs":
        asm.add("leg", *[beam((x, low, b), (x, 0, b), 0.045, 0.045) for x, b in corners])
    elif base == "metal frame":
        asm.add("leg", *[beam((x, low, b), (x, 0, b), 0.02, 0.02) for x, b in corners])
        for b in (corners[0][1], corners[1][1]):
            asm.add("base", beam((corners[0][0], 0.01, b), (corners[2][0], 0.01, b), 0.02, 0.02))
        for x in (corners[0][0], corners[2][0]):
            asm.add("base", beam((x, 0.01, corners[0][1]), (x, 0.01, corners[1][1]), 0.02, 0.02))
    return asm.finish(drawn, caption("cabinet", drawn, ("form",), _CABINET_WORDS))
