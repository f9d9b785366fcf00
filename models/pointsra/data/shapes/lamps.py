"""Lamps: floor, table, desk, arc and hanging ones; foot, stem and shade are drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes import supports
from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import Mesh, box, move, rotate
from pointsra.data.shapes.parts import (
    circle,
    curve,
    frustum,
    lathe,
    slab,
    superellipse,
    superellipsoid,
    tube,
)  # fmt: skip

_STANDING = ("floor", "table", "desk", "arc")
CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "lamp": {
        "kind": {"floor": 0.28, "table": 0.27, "desk": 0.17, "arc": 0.1, "hanging": 0.18},
        "foot": {"round disc": 0.34, "square plate": 0.2, "tripod": 0.22, "dome": 0.14, "ring": 0.1},
        "stem": {"straight": 0.4, "turned": 0.2, "urn-shaped": 0.25, "curved": 0.15},
        "shade": {"cone": 0.28, "drum": 0.2, "dome": 0.17, "globe": 0.13, "bell": 0.12, "pyramid": 0.1},
        "lights": {"one light": 0.65, "two lights": 0.12, "three lights": 0.14, "five lights": 0.09},
        "bulb": {"hidden": 0.6, "visible": 0.4},
    },
}
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "lamp": {
        "foot": ("kind", _STANDING),
        "bulb": ("shade", ("cone", "drum", "dome", "bell", "pyramid")),
        "stem": ("kind", ("floor", "table")),
        "lights": ("kind", ("floor", "hanging")),
    },
}
PART_NAMES = {"lamp": ("foot", "stem", "arm", "shade", "bulb", "cord", "canopy")}
_WORDS = {"foot": "a {} foot", "stem": "a {} stem", "shade": "a {} shade", "lights": "{}", "bulb": "a {} bulb"}


def _shade(kind: str, wide: float, tall: float) -> Mesh:
    """Make a shade hanging below the origin, open at its lower end (and at its upper one for cone and drum)."""
    half = wide / 2
    if kind == "globe":
        return superellipsoid((0, -half, 0), (wide, wide, wide))
    if kind == "dome":
        angle = np.linspace(0.08, 1.0, 9) * np.pi / 2
        return lathe(np.stack([half * np.sin(angle), -half * 0.9 * (1 - np.cos(angle))], axis=1))
    if kind == "bell":
        return lathe(
            curve([(half * 0.28, 0), (half * 0.42, -tall * 0.35), (half * 0.62, -tall * 0.7), (half, -tall)], 5)
        )
    top = {"cone": 0.45, "drum": 0.92, "pyramid": 0.4}[kind]
    section = superellipse(12.0, 24) if kind == "pyramid" else None
    return lathe([(half * top, 0.0), (half, -tall)], section=section)


def _foot(asm: Assembly, rng: np.random.Generator, kind: str, spread: float, rise: float) -> float:
    """Add a foot and return the height at which a stem starts."""
    thick = spread * rng.uniform(0.08, 0.25)
    if kind == "round disc":
        asm.add("foot", lathe([(0, 0), (spread, 0), (spread, thick * 0.7), (spread * 0.9, thick), (0, thick)]))
    elif kind == "square plate":
        asm.add("foot", box((0, thick / 2, 0), (spread * 1.7, thick, spread * 1.7)))
    elif kind == "dome":
        asm.add(
            "foot",
            lathe(
                [(0, 0), (spread, 0), (spread * 0.9, spread * 0.25), (spread * 0.5, spread * 0.45), (0, spread * 0.5)]
            ),
        )
        return spread * 0.48
    elif kind == "ring":
        path = np.stack([spread * circle(24)[:, 0], np.full(24, spread * 0.08), spread * circle(24)[:, 1]], axis=1)
        asm.add("foot", tube(path, spread * 0.08, loop=True))
        asm.add("foot", frustum((-spread, spread * 0.08, 0), (spread, spread * 0.08, 0), spread * 0.06))
        return spread * 0.08
    else:
        tops, feet = supports.ring_legs(3, (spread * 0.12, spread * 0.12), rise, spread * 1.1, float(rng.uniform(0, 2)))
        asm.add("foot", *[frustum(t, f, spread * 0.07, spread * 0.05, 8) for t, f in zip(tops, feet, strict=True)])
        return rise * 0.97
    return thick


def _stem(rng: np.random.Generator, kind: str, low: float, high: float, thick: float) -> Mesh:
    tall = high - low
    if kind == "turned":
        radii = thick * rng.uniform(0.7, 2.2, 7)
        return lathe(
            [*(tuple(row) for row in curve(np.stack([radii, np.linspace(low, high, 7)], 1), 3)), (0, high)], sides=16
        )
    if kind == "urn-shaped":
        belly, at = rng.uniform(0.14, 0.34) * (min(tall, 0.45) if tall < 0.8 else 0.2), rng.uniform(0.2, 0.5)
        knots = [
            (belly * 0.5, low),
            (belly, low + tall * at),
            (belly * 0.55, low + tall * 0.8),
            (thick, low + tall * 0.9),
            (thick, high),
        ]
        return lathe([(0, low), *(tuple(row) for row in curve(knots, 4)), (0, high)])
    if kind == "curved":
        sway = tall * rng.uniform(0.08, 0.2)
        return tube(
            curve([(0, low, 0), (sway, low + tall * 0.3, 0), (-sway, low + tall * 0.7, 0), (0, high, 0)], 6), thick
        )
    return frustum((0, low, 0), (0, high, 0), thick)


def _light(
    asm: Assembly, drawn: dict[str, str], at: tuple[float, float, float], wide: float, tall: float, tilt: float = 0.0
) -> None:
    """Add a shade whose upper end is at ``at``, tilted about z, and its bulb."""
    asm.add("shade", move(rotate(_shade(drawn["shade"], wide, tall), "z", tilt), at))
    if drawn.get("bulb") == "visible":
        low = -tall * 0.75
        parts = [
            superellipsoid((0, low, 0), (wide * 0.22, wide * 0.26, wide * 0.22)),
            frustum((0, 0, 0), (0, low, 0), wide * 0.05),
        ]
        asm.add("bulb", *[move(rotate(piece, "z", tilt), at) for piece in parts])
    half = wide / 2 * {"cone": 0.45, "drum": 0.92, "pyramid": 0.4, "bell": 0.28}.get(drawn["shade"], 0.0)
    if half:  # the bars that hold an open shade
        for way in ((half, -0.004, 0.0), (0.0, -0.004, half)):
            bar = frustum((-way[0], -0.004, -way[2]), way, 0.004, sides=6)
            asm.add("stem", move(rotate(bar, "z", tilt), at))


def lamp(rng: np.random.Generator) -> Design:
    """Build a lamp from the choices of ``CHOICES["lamp"]``."""
    drawn = draw(rng, CHOICES["lamp"], ONLY_WHEN["lamp"])
    asm = Assembly(PART_NAMES["lamp"])
    kind, lights = (
        drawn["kind"],
        {"one": 1, "two": 2, "three": 3, "five": 5}[drawn.get("lights", "one light").split()[0]],
    )
    wide = rng.uniform(0.26, 0.48) if lights == 1 else rng.uniform(0.14, 0.22)
    tall = wide * rng.uniform(0.45, 0.9)
    drop = wide if drawn["shade"] == "globe" else (wide * 0.45 if drawn["shade"] == "dome" else tall)
    angles = rng.uniform(0, 2 * np.pi) + np.arange(lights) * 2 * np.pi / lights
    if kind in ("floor", "table"):
        high = rng.uniform(1.25, 1.7) if kind == "floor" else rng.uniform(0.35, 0.6)
        spread = rng.uniform(0.13, 0.2) if kind == "floor" else rng.uniform(0.07, 0.12)
        rise = high * rng.uniform(0.3, 0.95) if rng.random() < 0.7 else high * 0.2
        if drawn["foot"] == "tripod":
            spread *= 1.4
        if drawn["stem"] == "urn-shaped" and drawn["foot"] == "tripod":
            rise = min(rise, high * 0.35)
        start = _foot(asm, rng, drawn["foot"], spread, rise)
        thick = rng.uniform(0.008, 0.018)
        asm.add("stem", _stem(rng, drawn["stem"], start * 0.95, high, thick))
        if lights == 1:
            asm.add("stem", frustum((0, high, 0), (0, high + drop * 0.85, 0), 0.006))
            _light(asm, drawn, (0, high + drop * 0.85, 0), wide, tall)
        else:
            reach = wide * rng.uniform(1.0, 1.9)
            for i, angle in enumerate(angles):
                y = high * (1 - 0.1 * (i % 2))
                end = (reach * np.cos(angle), y + wide * 0.45, reach * np.sin(angle))
                path = [(0, y - 0.05, 0), (end[0] * 0.6, y + wide * 0.2, end[2] * 0.6), (end[0], end[1], end[2])]
                asm.add("arm", tube(curve(path, 4), 0.007, sides=6))
                _light(asm, drawn, (end[0], end[1] + 0.02, end[2]), wide, tall)
    elif kind == "desk":
        start = _foot(asm, rng, drawn["foot"], rng.uniform(0.08, 0.11), 0.07)
        lower, upper = rng.uniform(0.24, 0.4), rng.uniform(0.22, 0.38)
        first, second = np.radians(rng.uniform(65, 125)), np.radians(rng.uniform(-20, 45))
        elbow = np.array([lower * np.cos(first), start + lower * np.sin(first), 0.0])
        head = elbow + np.array([upper * np.cos(second), upper * np.sin(second), 0.0])
        wide, tall, gap = rng.uniform(0.13, 0.2), rng.uniform(0.1, 0.16), rng.choice([0.0, 0.012])
        for z in {-gap, gap}:
            asm.add(
                "arm",
                frustum((0, start * 0.9, z), elbow + np.array([0, 0, z]), 0.007),
                frustum(elbow + np.array([0, 0, z]), head + np.array([0, 0, z]), 0.007),
            )
        asm.add("arm", superellipsoid(elbow, (0.035, 0.035, 0.04)), superellipsoid(head, (0.03, 0.03, 0.03)))
        _light(asm, drawn, (head[0], head[1] + 0.01, 0.0), wide, tall, rng.uniform(-5, 40))
    elif kind == "arc":
        high, reach = rng.uniform(1.5, 2.0), rng.uniform(0.7, 1.2)
        start = _foot(asm, rng, drawn["foot"], rng.uniform(0.16, 0.24), high * 0.3)
        knots = [
            (0, start * 0.9, 0),
            (0, high * 0.6, 0),
            (reach * 0.35, high * 0.95, 0),
            (reach * 0.75, high * 0.97, 0),
            (reach, high * 0.82, 0),
        ]
        asm.add("arm", tube(curve(knots, 5), 0.012))
        _light(asm, drawn, (reach, high * 0.83, 0.0), wide, tall)
    else:
        cord = rng.uniform(0.3, 0.9)
        top = drop + cord
        ring = wide * rng.uniform(0.8, 1.4) if lights > 1 else 0.0
        style = int(rng.integers(3)) if lights > 1 else 0
        plate = 0.06 if style == 0 else 0.05
        if style == 0 and lights > 1:
            plate = ring * 0.8
        asm.add("canopy", slab(superellipse(2.0) * max(plate, 0.05), top, top + 0.025))
        hub = top - cord * 0.6
        if style:
            asm.add("cord", frustum((0, hub, 0), (0, top, 0), 0.008))
        for angle in angles:
            at = np.array([ring * np.cos(angle), 0.0, ring * np.sin(angle)])
            if style == 0:
                level = drop + cord * (rng.uniform(0, 0.4) if lights > 1 else 0.0)
                asm.add(
                    "cord",
                    frustum(at * 0.7 + np.array([0, top, 0]), at * 0.7 + np.array([0, level, 0]), 0.004, sides=6),
                )
                _light(asm, drawn, (at[0] * 0.7, level + 0.005, at[2] * 0.7), wide * (0.8 if lights > 3 else 1.0), tall)
            else:
                dip = 0.12 if style == 1 else -0.02
                knots = [(0, hub, 0), (at[0] / 2, hub - dip, at[2] / 2), (at[0], hub, at[2])]
                path = curve(knots, 4)
                asm.add("arm", tube(path, 0.009, sides=6))
                _light(asm, drawn, (at[0], hub + (drop if style == 1 else 0.0), at[2]), wide, tall)
                if style == 1:
                    asm.add(
                        "arm", frustum(at + np.array([0, hub, 0]), at + np.array([0, hub + drop, 0]), 0.006, sides=6)
                    )
    return asm.finish(drawn, caption("lamp", drawn, ("kind",), _WORDS))
