"""Boxes and cans: what goods come in, closed or open, standing or lying."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.hollow import bail, half_width, outline, shell, walls
from pointsra.data.shapes.meshes import box, loft, rotate
from pointsra.data.shapes.parts import beam, bent, frustum, lathe, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "box": {
        "form": {"plain": 0.25, "flat": 0.28, "tall": 0.25, "long": 0.22},
        "walls": {"solid": 0.66, "slatted": 0.14, "barred": 0.1, "rounded": 0.1},
        "taper": {"upright": 0.78, "widening": 0.14, "narrowing": 0.08},
        "lid": {"none": 0.24, "closed": 0.34, "overhanging": 0.1, "flapped": 0.12, "open hinged": 0.1, "gabled": 0.1},
        "handles": {"none": 0.68, "side": 0.18, "overhead": 0.14},
        "feet": {"none": 0.82, "block": 0.18},
    },
    "can": {
        "form": {"flat": 0.2, "plain": 0.35, "tall": 0.3, "slim": 0.15},
        "section": {"round": 0.76, "rectangular": 0.14, "oval": 0.1},
        "side": {"smooth": 0.4, "ribbed": 0.25, "beaded": 0.15, "necked": 0.2},
        "top": {"sealed": 0.22, "pull-tab": 0.25, "open": 0.18, "lidded": 0.15, "capped": 0.1, "spray": 0.1},
        "handle": {"none": 0.86, "bail": 0.14},
        "stance": {"standing": 0.85, "lying": 0.15},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "box": {"feet": ("walls", ("solid", "slatted", "barred"))}
}
PART_NAMES = {
    "box": ("wall", "lid", "handle", "foot"),
    "can": ("body", "top", "handle"),
}
_BOX_WORDS = {"walls": "{} walls", "taper": "{} sides", "lid": "a {} lid", "handles": "{} handles",
              "feet": "{} feet"}  # fmt: skip
_CAN_WORDS = {"section": "a {} section", "side": "a {} side", "top": "a {} top", "handle": "a {} handle"}


def _open_walls(asm: Assembly, rng: np.random.Generator, kind: str, size: tuple[float, float, float], thick: float,
                taper: float) -> None:  # fmt: skip
    """Add walls of slats or bars around a floor: size is x, y and z at the bottom."""
    wide, high, deep = size
    asm.add("wall", box((0, thick / 2, 0), (wide, thick, deep)))
    corners = np.array([[-1, 1], [1, 1], [1, -1], [-1, -1]]) * np.array([wide, deep]) / 2
    if kind == "slatted":
        count = int(rng.integers(2, 6))
        slat = high / count * rng.uniform(0.5, 0.8)
        levels = (np.arange(count) + 0.5) * high / count
    else:
        slat, levels = thick * 1.2, np.array([thick, high - thick * 0.6])
    for level in levels:
        grown = corners * (1 + (taper - 1) * level / high)
        for a, b in zip(grown, np.roll(grown, -1, axis=0), strict=True):
            asm.add("wall", beam((a[0], level, a[1]), (b[0], level, b[1]), thick, slat))
    upright = [(a, a) for a in corners]
    if kind == "barred":
        count = int(rng.integers(3, 8))
        for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            upright += [((a + (b - a) * i / count),) * 2 for i in range(1, count)]
    for low, top in upright:
        asm.add("wall", beam((low[0], 0, low[1]), (top[0] * taper, high, top[1] * taper), thick * 1.3, thick * 1.3))


def _lid(
    asm: Assembly, rng: np.random.Generator, kind: str, rim: tuple[float, float], high: float, thick: float
) -> None:
    """Add what closes a box whose rim has full extents x and z at height ``high``."""
    wide, deep = rim
    if kind == "closed":
        asm.add("lid", box((0, high - thick / 2, 0), (wide * 0.99, thick, deep * 0.99)))
    elif kind == "overhanging":
        drop = high * rng.uniform(0.1, 0.5)
        asm.add("lid", box((0, high + thick - drop / 2, 0), (wide + 2 * thick, drop, deep + 2 * thick)))
    elif kind == "flapped":
        for sign in (-1.0, 1.0):
            for axis, length, across in (("z", wide, deep), ("x", deep, wide)):
                flap, angle = min(length, across) * 0.5, rng.uniform(-50, 75)
                if axis == "z":
                    at = (sign * wide / 2, high, 0)
                    piece = box((at[0], high + flap / 2, 0), (thick, flap, across * 0.98))
                    asm.add("lid", rotate(piece, "z", -sign * angle, at))
                else:
                    at = (0, high, sign * deep / 2)
                    piece = box((0, high + flap / 2, at[2]), (across * 0.98, flap, thick))
                    asm.add("lid", rotate(piece, "x", sign * angle, at))
    elif kind == "open hinged":
        at = (0.0, high, -deep / 2)
        asm.add("lid", rotate(box((0, high, 0), (wide, thick * 1.5, deep)), "x", -rng.uniform(35, 115), at))
    elif kind == "gabled":
        rise, ridge = deep * rng.uniform(0.3, 0.6), thick * 0.8
        rings = np.array([[(x * wide / 2, high, deep / 2), (x * wide / 2, high, -deep / 2),
                           (x * wide / 2, high + rise, -ridge), (x * wide / 2, high + rise, ridge)]
                          for x in (-1, 1)])  # fmt: skip
        asm.add("lid", loft(rings), box((0, high + rise * 1.1, 0), (wide, rise * 0.3, ridge * 2)))


def carton(rng: np.random.Generator) -> Design:
    """Build a box from the choices of ``CHOICES["box"]``."""
    drawn = draw(rng, CHOICES["box"], ONLY_WHEN["box"])
    asm = Assembly(PART_NAMES["box"])
    unit, u = rng.uniform(0.1, 0.3), rng.uniform
    wide, high, deep = {
        "plain": (u(0.8, 1.3), u(0.7, 1.1), u(0.7, 1.1)),
        "flat": (u(1.0, 1.6), u(0.15, 0.45), u(0.7, 1.2)),
        "tall": (u(0.5, 0.9), u(1.1, 1.8), u(0.25, 0.8)),
        "long": (u(1.4, 2.2), u(0.4, 0.8), u(0.5, 0.8)),
    }[drawn["form"]]
    wide, high, deep = wide * unit, high * unit, deep * unit
    if rng.random() < 0.25:
        wide, deep = deep, wide
    thick = min(wide, high, deep) * u(0.03, 0.08)
    taper = {"upright": 1.0, "widening": u(1.1, 1.35), "narrowing": u(0.65, 0.92)}[drawn["taper"]]
    if drawn["walls"] == "solid":
        asm.add("wall", *walls((wide, high, deep), thick, taper))
    elif drawn["walls"] == "rounded":
        ratio, edge = deep / wide, rng.uniform(4.0, 9.0)
        around = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        curved = np.stack([np.sin(around), np.cos(around)], axis=1)
        section = np.sign(curved) * np.abs(curved) ** (2 / edge) * np.array([ratio, 1.0])
        line = [(0, 0), (wide * 0.35, 0), (wide * 0.46, 0), (wide / 2, high * 0.08),
                (wide / 2 * (1 + (taper - 1) * 0.5), high * 0.5), (wide / 2 * taper, high)]  # fmt: skip
        asm.add("wall", shell(line, thick, section))
    else:
        _open_walls(asm, rng, drawn["walls"], (wide, high, deep), thick, taper)
    _lid(asm, rng, drawn["lid"], (wide * taper, deep * taper), high, thick)
    if drawn["handles"] == "side":
        level, grip, reach = high * u(0.6, 0.85), deep * u(0.25, 0.45), unit * u(0.06, 0.14)
        at = wide / 2 * (1 + (taper - 1) * level / high)
        corners = [(at - thick / 2, level, -grip / 2), (at + reach, level, -grip / 2), (at + reach, level, grip / 2),
                   (at - thick / 2, level, grip / 2)]  # fmt: skip
        loop = tube(bent(corners, reach * 0.5), unit * 0.025, sides=6)
        asm.add("handle", loop, rotate(loop, "y", 180))
    elif drawn["handles"] == "overhead":
        grip = bail(wide / 2 * taper * 0.97, high * 0.95, unit * u(0.5, 1.0), unit * u(0.015, 0.04))
        asm.add("handle", grip)
    if drawn.get("feet") == "block":
        size = min(wide, deep) * u(0.1, 0.2)
        for x in (-1, 1):
            for z in (-1, 1):
                place = (x * (wide - size) / 2, -size * 0.35, z * (deep - size) / 2)
                asm.add("foot", box(place, (size, size * 0.75, size)))
    return asm.finish(drawn, caption("box", drawn, ("form",), _BOX_WORDS))


def can(rng: np.random.Generator) -> Design:
    """Build a can or tin from the choices of ``CHOICES["can"]``."""
    drawn = draw(rng, CHOICES["can"])
    asm = Assembly(PART_NAMES["can"])
    radius, section = rng.uniform(0.03, 0.06), outline(drawn["section"], rng)
    low, top = {"flat": (0.4, 1.0), "plain": (1.4, 2.4), "tall": (2.8, 3.9), "slim": (4.2, 5.5)}[drawn["form"]]
    tall, lip = radius * rng.uniform(low, top), radius * 0.05
    t = np.linspace(0.03, 0.97, 21)
    side = np.full(21, 1.0)
    if drawn["side"] == "ribbed":
        side -= 0.035 * (1 + np.cos(t * 2 * np.pi * int(rng.integers(3, 6)))) * ((t > 0.2) & (t < 0.8))
    elif drawn["side"] == "beaded":
        side += 0.05 * np.exp(-(((t - rng.uniform(0.3, 0.7)) / 0.04) ** 2))
    elif drawn["side"] == "necked":
        side -= rng.uniform(0.12, 0.25) * np.clip((t - 0.88) / 0.09, 0, 1)
        side -= rng.uniform(0.05, 0.18) * np.clip((0.12 - t) / 0.09, 0, 1)
    line = [(0.0, lip), (side[0] * radius * 0.9, lip), (side[0] * radius * 0.93, 0.0), (side[0] * radius * 1.02, 0.0)]
    line += list(zip(side * radius, t * tall, strict=True))
    edge = float(side[-1]) * radius
    line += [(edge * 1.04, tall - lip * 0.5), (edge * 1.02, tall)]
    if drawn["top"] == "open":
        asm.add("body", shell([(0, 0), (edge * 0.5, 0), *line[3:]], radius * 0.03, section))
    else:
        sunk = tall - lip
        line += [(edge * 0.95, tall), (edge * 0.93, sunk)]
        asm.add("body", lathe([*line, (edge * 0.8, sunk), (0, sunk)], section=section))
    deep = float(np.abs(section[:, 0]).max())
    if drawn["top"] == "pull-tab":
        at = edge * deep * 0.3
        asm.add(
            "top",
            tube(
                np.array(
                    [
                        (0, tall - lip * 0.6, at - edge * 0.3),
                        (0, tall - lip * 0.6, at),
                        (0, tall - lip * 0.3, at + edge * 0.3),
                    ]
                ),
                edge * 0.16,
                flat=lip * 0.3,
            ),
        )
    elif drawn["top"] == "lidded":
        drop = lip * rng.uniform(1.5, 4.0)
        asm.add("top", lathe([(edge * 1.08, tall - drop), (edge * 1.1, tall + lip), (edge * 0.9, tall + lip * 1.3),
                              (edge * 0.85, tall + lip * 0.6), (0, tall + lip * 0.6)], section=section))  # fmt: skip
    elif drawn["top"] == "capped":
        cap, high = edge * rng.uniform(0.25, 0.5) * deep, radius * rng.uniform(0.3, 0.7)
        off = float(rng.choice([0.0, 0.4])) * half_width(section) * edge
        asm.add("top", frustum((off, tall - lip, 0), (off, tall + high, 0), cap, cap * 0.95, sides=16))
    elif drawn["top"] == "spray":
        asm.add("top", lathe([(edge * 0.95 * deep, tall - lip), (edge * 0.6 * deep, tall + radius * 0.3),
                              (edge * 0.35 * deep, tall + radius * 0.35), (edge * 0.3 * deep, tall + radius * 0.9),
                              (0, tall + radius * 0.95)]))  # fmt: skip
    if drawn["handle"] == "bail":
        half = radius * half_width(section)
        fall = float(rng.choice([0.0, 0.0, rng.uniform(40, 100)]))
        asm.add("handle", bail(half * 1.02, tall * 0.88, half * rng.uniform(1.0, 1.5), radius * 0.04, fall))
    if drawn["stance"] == "lying":
        asm.turn("z", 90.0)
        asm.turn("y", float(rng.choice([0.0, 90.0])))
    return asm.finish(drawn, caption("can", drawn, ("stance", "form"), _CAN_WORDS))
