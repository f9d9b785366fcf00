"""Refrigerators, front toward +z: one to four doors and drawers on a case, closed, or open on shelves."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.hollow import walls
from pointsra.data.shapes.meshes import Mesh, box, move, rotate
from pointsra.data.shapes.parts import bent, frustum, hull, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "fridge": {
        "kind": {"one-door": 0.26, "top-freezer": 0.24, "bottom-freezer": 0.2, "side-by-side": 0.18,
                 "French-door": 0.12},
        "edges": {"sharp": 0.62, "rounded": 0.38},
        "handles": {"bar": 0.42, "grip": 0.3, "no": 0.28},
        "state": {"closed": 0.6, "ajar": 0.18, "wide open": 0.22},
        "base": {"a plinth": 0.6, "short feet": 0.4},
        "front": {"plain": 0.72, "a dispenser": 0.14, "a display": 0.14},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {"fridge": {}}
PART_NAMES = {"fridge": ("body", "door")}
_FRIDGE_WORDS = {"edges": "{} edges", "handles": "{} handles", "state": "the look of one {}", "base": "{}",
                 "front": "a front: {}"}  # fmt: skip


def _case(size: tuple[float, float, float], rounded: float) -> Mesh:
    """Return a solid of full extents about the origin, whose edges along z are rounded."""
    wide, high, deep = size
    if not rounded:
        return box((0, 0, 0), size)
    ends = [(-0.5, 0.97), (-0.48, 1.0), (0.42, 1.0), (0.47, 0.98), (0.5, 0.93)]
    return hull([(z * deep, 0, wide / 2 * s, high / 2 * s) for z, s in ends], rounded, 24)


def _handle(kind: str, x: float, low: float, high: float, front: float) -> list[Mesh]:
    """Return what a door is pulled by: an upright bar, or a grip that ends the edge; at x, on z = ``front``."""
    out = front + 0.06
    if kind == "bar":
        path = bent([(x, low, front - 0.01), (x, low, out), (x, high, out), (x, high, front - 0.01)], 0.03, 2)
        return [tube(path, 0.016, sides=6)]
    middle, tall = (low + high) / 2, min(high - low, 0.28)
    return [box((x, middle, front + 0.01), (0.055, tall, 0.07), taper=0.9)]


def fridge(rng: np.random.Generator) -> Design:
    """Build a refrigerator from the choices of ``CHOICES["fridge"]``."""
    drawn = draw(rng, CHOICES["fridge"], ONLY_WHEN["fridge"])
    asm, u, kind = Assembly(PART_NAMES["fridge"]), rng.uniform, drawn["kind"]
    broad = kind in ("side-by-side", "French-door")
    wide = u(0.8, 1.05) if broad else u(0.48, 0.76)
    high = u(1.65, 1.9) if broad else u(1.35, 2.0)
    if kind == "one-door" and rng.random() < 0.5:
        high = u(0.5, 1.15)
    deep, thick, lift = u(0.5, 0.75), u(0.05, 0.09), u(0.02, 0.1)
    rounded = u(7.0, 14.0) if drawn["edges"] == "rounded" else 0.0
    open_by = {"closed": 0.0, "ajar": u(12, 40), "wide open": u(75, 125)}[drawn["state"]]
    front = deep / 2
    cut = {"top-freezer": u(0.62, 0.76), "bottom-freezer": u(0.3, 0.45), "French-door": u(0.28, 0.45)}.get(kind, 0.0)
    # One row a door: left, right, low and high as shares of the front; which side hinges, 0 for a drawer.
    left = float(rng.choice([-1.0, 1.0]))
    share = u(0.4, 0.55)
    layouts: dict[str, list[tuple[float, float, float, float, float]]] = {
        "one-door": [(0, 1, 0, 1, left)],
        "top-freezer": [(0, 1, 0, cut, left), (0, 1, cut, 1, left)],
        "bottom-freezer": [(0, 1, cut, 1, left), (0, 1, 0, cut, left)],
        "side-by-side": [(share, 1, 0, 1, 1.0), (0, share, 0, 1, -1.0)],
        "French-door": [(0, 0.5, cut, 1, -1.0), (0.5, 1, cut, 1, 1.0), (0, 1, 0, cut, 0.0)],
    }
    doors = layouts[kind]
    if kind == "French-door" and rng.random() < 0.5:
        doors[2:] = [(0, 1, cut / 2, cut, 0.0), (0, 1, 0, cut / 2, 0.0)]
    if kind == "bottom-freezer" and rng.random() < 0.4:
        doors[1:] = [(0, 1, cut * i / 3, cut * (i + 1) / 3, 0.0) for i in range(3)]
    if open_by:
        for piece in walls((wide, deep, high), u(0.035, 0.055)):
            turned = rotate(piece, "x", 90)
            asm.add("body", move(turned, (0, lift + high / 2, -deep / 2)))
    else:
        asm.add("body", move(_case((wide, high, deep), rounded), (0, lift + high / 2, 0)))
    every = rng.random() < 0.5
    for number, (x0, x1, y0, y1, side) in enumerate(doors):
        gap = 0.012
        a, b = -wide / 2 + x0 * wide + gap / 2, -wide / 2 + x1 * wide - gap / 2
        low, top = lift + y0 * high + gap / 2, lift + y1 * high - gap / 2
        size = (b - a, top - low, thick)
        middle = ((a + b) / 2, (low + top) / 2, front + thick / 2 + 0.006)
        pieces = [move(_case(size, rounded), middle)]
        if not side:
            if drawn["handles"] != "no":
                grip = _handle(drawn["handles"], 0, -size[0] * 0.4, size[0] * 0.4, 0.0)
                y = top - min(0.07, size[1] * 0.25)
                pieces += [move(rotate(piece, "z", 90), (middle[0], y, front + thick)) for piece in grip]
        else:
            x = middle[0] - side * (size[0] / 2 - 0.055)
            tall = size[1]
            start = low + tall * (0.08 if y0 > 0.2 else 0.42)
            end = start + min(tall * u(0.35, 0.5), 0.75) if kind != "side-by-side" else low + tall * 0.85
            if drawn["handles"] != "no":
                pieces += _handle(drawn["handles"], x, start, min(end, top - 0.04), front + thick)
        if number == 0 and drawn["front"] != "plain":
            wider, y = size[0] * u(0.35, 0.6), low + size[1] * u(0.55, 0.68)
            tall = min(wider * u(1.0, 1.6), size[1] * 0.35)
            z = front + thick + 0.012
            if drawn["front"] == "a dispenser":
                pieces += [box((middle[0] + s * wider / 2, y, z), (0.03, tall, 0.03)) for s in (-1, 1)]
                pieces += [
                    box((middle[0], y + s * tall / 2, z), (wider + 0.03, 0.03 + 0.03 * (s > 0), 0.03)) for s in (-1, 1)
                ]
                pieces.append(box((middle[0], y - tall * 0.38, z), (wider * 0.9, 0.015, 0.05)))
                pieces.append(frustum((middle[0], y + tall * 0.15, z), (middle[0], y + tall * 0.45, z), 0.025, sides=8))
            else:
                pieces.append(box((middle[0], y, z), (wider, tall * 0.8, 0.02)))
        if open_by and side and (number == 0 or every):
            back = front - 0.05
            for y in np.linspace(low + 0.06, top - 0.25, max(int(size[1] / 0.3), 1)):
                pieces += [box((middle[0], y + 0.03, back), (size[0] * 0.82, 0.06, 0.015)),
                           box((middle[0], y, back + 0.03), (size[0] * 0.82, 0.015, 0.08))]  # fmt: skip
            turn = side * open_by if number == 0 else side * open_by * u(0.5, 1.0)
            pivot = (b if side > 0 else a, 0, front + 0.01)
            pieces = [rotate(piece, "y", turn, pivot) for piece in pieces]
        asm.add("door", *pieces)
    if open_by:
        for x0, x1, y0, y1, side in doors:
            a, b = (x0 - 0.5) * wide, (x1 - 0.5) * wide
            if y0 > 0:
                asm.add("body", box(((a + b) / 2, lift + y0 * high, 0), (b - a, 0.04, deep * 0.97)))
            if x0 > 0:
                asm.add("body", box((a, lift + (y0 + y1) / 2 * high, 0), (0.035, (y1 - y0) * high, deep * 0.97)))
            if side:
                for y in np.linspace(y0, y1, max(int((y1 - y0) * high / u(0.22, 0.4)), 1) + 1)[1:-1]:
                    asm.add(
                        "body", box(((a + b) / 2, lift + y * high, -0.02), (b - a - 0.04, 0.014, deep * u(0.7, 0.85)))
                    )
            if y0 == 0 and side:
                asm.add("body", box(((a + b) / 2, lift + 0.14, 0.0), ((b - a) * 0.85, 0.17, deep * 0.75)))
    if drawn["base"] == "a plinth":
        asm.add("body", box((0, lift / 2, -0.02), (wide * 0.94, lift + 0.02, deep * 0.9)))
    else:
        for x in (-0.42, 0.42):
            for z in (-0.4, 0.4):
                asm.add("body", frustum((x * wide, 0, z * deep), (x * wide, lift + 0.03, z * deep), 0.022, sides=8))
    return asm.finish(drawn, caption("fridge", drawn, ("kind",), _FRIDGE_WORDS))
