"""Clocks, dial toward +z: on a wall, with bells, on a mantel, as tall as a person, with a cuckoo."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.joinery import Top, strip
from pointsra.data.shapes.meshes import Mesh, box, move, rotate
from pointsra.data.shapes.parts import (
    beam,
    circle,
    curve,
    frustum,
    lathe,
    panel,
    polygon,
    superellipse,
    superellipsoid,
    tube,
)

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "clock": {
        "kind": {"wall": 0.38, "alarm": 0.24, "mantel": 0.18, "grandfather": 0.14, "cuckoo": 0.06},
        "outline": {"round": 0.6, "square": 0.18, "octagonal": 0.1, "sunburst": 0.12},
        "bells": {"two": 0.6, "no": 0.4},
        "top": {"flat": 0.28, "arched": 0.34, "gabled": 0.22, "humped": 0.16},
        "marks": {"no": 0.2, "twelve": 0.55, "four": 0.25},
        "rim": {"slim": 0.5, "thick": 0.5},
    }
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "clock": {
        "outline": ("kind", ("wall",)),
        "bells": ("kind", ("alarm",)),
        "top": ("kind", ("mantel", "grandfather")),
    }
}
PART_NAMES = {"clock": ("case", "dial")}
_WORDS = {"outline": "a {} outline", "bells": "{} bells", "top": "a {} top", "marks": "{} marks",
          "rim": "a {} rim"}  # fmt: skip


def _facing(mesh: Mesh, x: float, y: float, z: float) -> Mesh:
    """Turn what stands about the upright axis toward +z and put its foot at a place."""
    return move(rotate(mesh, "x", 90), (x, y, z))


def _dial(asm: Assembly, drawn: dict[str, str], radius: float, place: tuple[float, float, float], flat: bool,
          rng: np.random.Generator) -> None:  # fmt: skip
    """Add a dial with marks, hands that tell some time, and a rim around it where ``flat`` is false."""
    u, (x, y, z) = rng.uniform, place
    thick = radius * 0.04
    asm.add("dial", _facing(lathe([(0, 0), (radius, 0), (radius, thick), (0, thick)]), x, y, z - thick))
    if not flat:
        broad = radius * (u(0.05, 0.1) if drawn["rim"] == "slim" else u(0.15, 0.28))
        out = radius * u(0.08, 0.2)
        profile = [(radius, -thick), (radius + broad, -thick), (radius + broad * u(0.6, 1), out), (radius, out * 0.8),
                   (radius, -thick)]  # fmt: skip
        asm.add("case", _facing(lathe(profile, sides=28), x, y, z))
    marks = {"no": 0, "twelve": 12, "four": 4}[drawn["marks"]]
    style, long = int(rng.integers(3)), u(0.08, 0.18)
    for turn in np.arange(marks) * 2 * np.pi / max(marks, 1):
        out = np.array([np.sin(turn), np.cos(turn), 0.0])
        end, start = np.array(place) + out * radius * 0.92, np.array(place) + out * radius * (0.92 - long)
        if style == 0:
            asm.add("dial", superellipsoid((start + end) / 2, (radius * 0.1,) * 2 + (thick * 2,)))
        else:
            asm.add("dial", beam(start, end, radius * 0.06, radius * 0.06, 1.0 if style == 1 else 0.5))
    minute, hour = rng.random(2)
    for turn, reach, wide in ((minute, u(0.72, 0.88), 0.055), (hour, u(0.42, 0.58), 0.08)):
        angle, lift = turn * 2 * np.pi, np.array([0, 0, radius * 0.05])
        out = np.array([np.sin(angle), np.cos(angle), 0.0]) * radius
        hub = np.array(place) + lift
        asm.add("dial", beam(hub - out * 0.12, hub + out * reach, radius * wide, radius * 0.05, u(0.4, 1.0)))
    asm.add("dial", _facing(lathe([(0, 0), (radius * 0.07, 0), (radius * 0.06, radius * 0.1), (0, radius * 0.1)],
                                  sides=10), x, y, z))  # fmt: skip


def _wall(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    """Add a flat clock that hangs upright."""
    u, outline, size = rng.uniform, drawn["outline"], rng.uniform(0.1, 0.25)
    deep = size * u(0.14, 0.4)
    margin = u(1.02, 1.12) if drawn["rim"] == "slim" else u(1.18, 1.45)
    kinds = {"square": superellipse(u(6, 30), 32) * u(1.0, 1.12), "octagonal": polygon(8, 3) * 1.08}
    section = kinds.get(outline, circle(28))
    body = lathe([(0, 0), (size * margin, 0), (size * margin * u(0.9, 1.0), deep), (size, deep), (size, deep * 0.75),
                  (0, deep * 0.75)], section=section)  # fmt: skip
    asm.add("case", _facing(body, 0, 0, 0))
    if outline == "sunburst":
        count, long = int(rng.integers(8, 25)), u(0.5, 1.1)
        for i, turn in enumerate(np.arange(count) * 2 * np.pi / count):
            out = np.array([np.sin(turn), np.cos(turn), 0.0]) * size
            reach = margin + long * (1.0 if i % 2 else u(0.5, 1.0))
            at = np.array([0, 0, deep / 2])
            asm.add("case", beam(at + out * 0.9, at + out * reach, size * 0.12, size * 0.06, u(0.2, 1.0)))
            if count < 14:
                asm.add("case", superellipsoid(at + out * reach, (size * 0.22,) * 3))
    elif rng.random() < 0.2:
        drop, at = size * u(1.6, 2.6), deep * 0.4
        wide = size * u(0.5, 0.9)
        asm.add("case", box((0, -drop * 0.55, at * 0.5), (wide * 1.6, drop * 0.95, at)))
        asm.add("case", beam((0, -size, at * 1.2), (0, -drop, at * 1.2), size * 0.06, size * 0.06),
                _facing(lathe([(0, 0), (size * 0.2, 0), (size * 0.2, at * 0.4), (0, at * 0.4)]), 0, -drop * 0.9,
                        at))  # fmt: skip
    _dial(asm, drawn, size * 0.98, (0, 0, deep * 0.77), True, rng)


def _alarm(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    """Add a small round clock on two legs, with bells where it has them."""
    u, size = rng.uniform, rng.uniform(0.035, 0.07)
    deep, spread = size * u(0.6, 1.2), u(30, 42)
    body = lathe([(0, 0), (size * 0.8, 0), (size, deep * 0.2), (size, deep), (0, deep)])
    asm.add("case", _facing(body, 0, 0, -deep))
    for side in (-1, 1):
        lean = np.radians(spread) * side
        out = np.array([np.sin(lean), -np.cos(lean), 0])
        start, end = out * size * 0.9, out * size * u(1.3, 1.45)
        start[2] = end[2] = -deep * 0.5
        asm.add("case", frustum(start, end, size * 0.1, size * 0.07, sides=8), superellipsoid(end, (size * 0.22,) * 3))
        if drawn["bells"] == "two":
            lean *= 0.95
            out = np.array([np.sin(lean), np.cos(lean), 0])
            foot, bell = out * size * 0.95, size * u(0.38, 0.5)
            cup = [
                (0, 0),
                (bell, 0),
                (bell, bell * 0.2),
                (bell * 0.75, bell * 0.65),
                (bell * 0.35, bell * 0.85),
                (0, bell * 0.9),
            ]
            turned = rotate(move(lathe(cup, sides=16), (0, size * 1.14, 0)), "z", -np.degrees(lean))
            asm.add("case", move(turned, (0, 0, -deep * 0.5)))
            foot[2] = -deep * 0.5
            asm.add("case", frustum(foot, foot * np.array([1.35, 1.35, 1]), size * 0.06, sides=6))
    if drawn["bells"] == "two":
        if rng.random() < 0.7:
            x, y = np.sin(np.radians(spread * 0.95)) * size * 1.45, np.cos(np.radians(spread * 0.95)) * size * 1.45
            knots = [(-x, y, 0), (-x * 0.85, y + size * 0.35, 0), (0, y + size * u(0.5, 0.8), 0),
                     (x * 0.85, y + size * 0.35, 0), (x, y, 0)]  # fmt: skip
            asm.add("case", tube(curve(knots, 3) - np.array([0, 0, deep * 0.5]), size * 0.07, sides=6))
        asm.add("case", beam((0, size * 0.9, -deep * 0.5), (0, size * 1.45, -deep * 0.5), size * 0.09, size * 0.09),
                box((0, size * 1.45, -deep * 0.5), (size * 0.4, size * 0.2, size * 0.15)))  # fmt: skip
    else:
        asm.add("case", box((0, size * 1.03, -deep * 0.5), (size * u(0.3, 0.9), size * 0.2, deep * 0.35)))
    _dial(asm, drawn, size * 0.9, (0, 0, size * 0.02), False, rng)


def _hump() -> np.ndarray:
    """Return how high a bell's outline (15,) stands from left to right, between 0 and 1."""
    return np.exp(-((np.linspace(-1.0, 1.0, 15) / 0.45) ** 2))


def _head(asm: Assembly, drawn: dict[str, str], wide: float, low: float, deep: float, u: float) -> None:
    """Add what crowns a case of a width at a height: a cornice, an arch or a gable."""
    half = wide / 2
    top = drawn["top"]
    if top == "flat":
        asm.add("case", box((0, low + wide * 0.04, 0), (wide * 1.12, wide * 0.08, deep * 1.12)))
    elif top == "arched":
        asm.add("case", strip(-half, half, low - 0.01, Top(low, half * (0.4 + 0.6 * u), 0.0, half), deep))
    elif top == "humped":
        asm.add("case", panel(-half, half, low - 0.01, low + _hump() * wide * (0.2 + 0.2 * u), deep))
    else:
        rise = wide * (0.15 + 0.25 * u)
        asm.add("case", box((0, low + rise / 2, 0), (wide * 1.1, rise, deep), taper=(0.02, 1.0)))


def _cased(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    """Add a clock in a case that stands: on a mantel, or on the floor with a window on its pendulum."""
    u, tall = rng.uniform, drawn["kind"] == "grandfather"
    if not tall:
        wide, deep = u(0.14, 0.35), u(0.07, 0.15)
        high = wide * u(0.65, 1.3)
        size = min(wide, high) * u(0.32, 0.42)
        if drawn["top"] == "humped":
            wide *= u(1.6, 2.2)
            asm.add("case", panel(-wide / 2, wide / 2, 0.0, high * (0.25 + 0.85 * _hump()), deep))
        else:
            asm.add("case", box((0, high / 2, 0), (wide, high, deep)))
            _head(asm, drawn, wide, high, deep, u(0, 1))
        grow = u(1.08, 1.35)
        asm.add("case", box((0, -wide * 0.04, 0), (wide * grow, wide * 0.1, deep * min(grow, 1.2))))
        if drawn["top"] != "humped" and rng.random() < 0.35:
            for x in (-0.5, 0.5):
                asm.add(
                    "case", frustum((x * wide, 0, deep * 0.3), (x * wide, high, deep * 0.3), wide * 0.055, sides=10)
                )
        middle = high / 2 + (wide * 0.1 if drawn["top"] == "arched" else 0.0)
        _dial(asm, drawn, size, (0, middle, deep / 2 + size * 0.05), False, rng)
        return
    wide, deep, high = u(0.38, 0.55), u(0.2, 0.32), u(1.75, 2.3)
    foot, hood, waist = high * u(0.18, 0.26), high * u(0.2, 0.25), wide * u(0.62, 0.95)
    asm.add("case", box((0, foot / 2, 0), (wide, foot, deep)), box((0, 0.03, 0), (wide * 1.1, 0.06, deep * 1.1)))
    for y in (foot, high - hood):
        asm.add("case", box((0, y, 0), (wide * 1.08, 0.05, deep * 1.08)))
    middle, long = (foot + high - hood) / 2, high - hood - foot
    asm.add("case", box((0, middle, -deep * 0.42), (waist, long, deep * 0.1)))
    for x in (-1, 1):
        asm.add("case", box((x * waist * 0.46, middle, 0), (waist * 0.1, long, deep * 0.9)))
    if rng.random() < 0.65:
        asm.add("dial", beam((0, high - hood, 0), (0, foot + long * 0.25, 0), 0.018, 0.018))
        bob = waist * u(0.15, 0.24)
        asm.add("dial", _facing(lathe([(0, -0.02), (bob, 0), (0, 0.02)], sides=16), 0, foot + long * 0.25, 0))
        for x in (-0.22, 0.22) if rng.random() < 0.6 else ():
            y = foot + long * u(0.4, 0.65)
            asm.add("dial", frustum((x * waist, y, -0.02), (x * waist, y + 0.2, -0.02), 0.025, sides=10),
                    beam((x * waist, y, -0.02), (x * waist, high - hood, -0.02), 0.01, 0.01))  # fmt: skip
    else:
        asm.add("case", box((0, middle, deep * 0.38), (waist * 0.96, long, 0.03)),
                box((0, middle, deep * 0.41), (waist * 0.6, long * 0.8, 0.025)))  # fmt: skip
    asm.add("case", box((0, high - hood / 2, 0), (wide, hood, deep)))
    _head(asm, drawn, wide, high, deep, u(0, 1))
    size = min(wide, hood) * u(0.38, 0.44)
    _dial(asm, drawn, size, (0, high - hood / 2, deep / 2 + size * 0.05), False, rng)


def _cuckoo(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    """Add a small house that hangs on a wall, with a roof, a door for the bird, a pendulum and weights."""
    u, wide = rng.uniform, rng.uniform(0.18, 0.3)
    high, deep, rise = wide * u(0.9, 1.3), wide * u(0.4, 0.6), wide * u(0.3, 0.6)
    asm.add("case", box((0, high / 2, 0), (wide, high, deep)))
    asm.add("case", box((0, high + rise / 2, 0), (wide, rise, deep), taper=(0.02, 1.0)))
    for side in (-1, 1):
        low = (side * wide * 0.68, high - rise * 0.32, 0)
        asm.add("case", beam(low, (0, high + rise * 1.05, 0), deep * 1.4, wide * 0.06))
        drop, x = u(0.2, 0.6), side * wide * 0.22
        asm.add(
            "case", beam((x, 0.01, 0), (x, -drop, 0), 0.009, 0.009), superellipsoid((x, -drop, 0), (0.04, 0.13, 0.04))
        )
    asm.add("case", box((0, high * 0.98, deep / 2), (wide * 0.26, wide * 0.3, 0.02)))
    asm.add("case", superellipsoid((0, high * 0.98, deep * 0.62), (0.03, 0.035, 0.06)))
    asm.add("case", box((0, 0, 0), (wide * 1.15, wide * 0.07, deep * 1.2)))
    drop = u(0.12, 0.3)
    asm.add("case", beam((0, 0, 0), (0, -drop, 0), 0.01, 0.01),
            _facing(lathe([(0, -0.01), (wide * 0.13, 0), (0, 0.01)], sides=14), 0, -drop, 0))  # fmt: skip
    size = wide * u(0.26, 0.34)
    _dial(asm, drawn, size, (0, high * 0.45, deep / 2 + size * 0.06), False, rng)


def clock(rng: np.random.Generator) -> Design:
    """Build a clock from the choices of ``CHOICES["clock"]``."""
    drawn = draw(rng, CHOICES["clock"], ONLY_WHEN["clock"])
    asm = Assembly(PART_NAMES["clock"])
    build = {"wall": _wall, "alarm": _alarm, "cuckoo": _cuckoo}.get(drawn["kind"], _cased)
    build(asm, drawn, rng)
    return asm.finish(drawn, caption("clock", drawn, ("kind",), _WORDS))
