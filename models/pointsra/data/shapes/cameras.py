"""Cameras, looking toward +z: bodies, lenses, and what they are held by."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.camera_bodies import barrel, bellows, block, film, knobs, twin
from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import box, move
from pointsra.data.shapes.parts import curve, frustum, hull, superellipsoid, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "camera": {
        "kind": {"compact": 0.2, "reflex": 0.3, "rangefinder": 0.12, "bellows": 0.12, "film": 0.16, "twin-lens": 0.1},
        "lens": {"short": 0.42, "medium": 0.36, "long": 0.22},
        "edges": {"sharp": 0.45, "rounded": 0.55},
        "flash": {"no": 0.66, "a mounted": 0.34},
        "support": {"nothing": 0.67, "a tripod": 0.26, "a grip": 0.07},
        "strap": {"no": 0.75, "a": 0.25},
    }
}
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "camera": {
        "lens": ("kind", ("compact", "reflex", "rangefinder", "film")),
        "flash": ("kind", ("compact", "reflex", "rangefinder")),
    }
}
PART_NAMES = {"camera": ("body", "lens")}
_WORDS = {"kind": "the form of a {} camera", "lens": "a {} lens", "edges": "{} edges", "flash": "{} flash",
          "support": "{} below it", "strap": "{} strap"}  # fmt: skip


def camera(rng: np.random.Generator) -> Design:
    """Build a camera from the choices of ``CHOICES["camera"]``."""
    drawn = draw(rng, CHOICES["camera"], ONLY_WHEN["camera"])
    asm, kind = Assembly(PART_NAMES["camera"]), drawn["kind"]
    power = rng.uniform(9.0, 20.0) if drawn["edges"] == "sharp" else rng.uniform(3.5, 6.0)
    build = {"bellows": bellows, "film": film, "twin-lens": twin}.get(kind, _still)
    wide, high, deep = build(asm, drawn, power, rng)
    if drawn["strap"] == "a":
        _strap(asm, wide, high, rng)
    _support(asm, drawn["support"], high, deep * (1.3 if kind == "film" else 1.0), rng)
    return asm.finish(drawn, caption("camera", drawn, (), _WORDS))


def _still(asm: Assembly, drawn: dict[str, str], power: float, rng: np.random.Generator) -> tuple[float, float, float]:
    u, kind, lens = rng.uniform, drawn["kind"], drawn["lens"]
    if kind == "compact":
        wide, high, deep = u(0.085, 0.115), u(0.052, 0.072), u(0.02, 0.035)
        radius, long = (
            high * u(0.28, 0.42),
            {"short": u(0.006, 0.015), "medium": u(0.02, 0.035), "long": u(0.04, 0.06)}[lens],
        )
    elif kind == "reflex":
        wide, high, deep = u(0.12, 0.155), u(0.075, 0.1), u(0.04, 0.065)
        radius, long = (
            high * u(0.34, 0.46),
            {"short": u(0.03, 0.055), "medium": u(0.065, 0.11), "long": u(0.13, 0.26)}[lens],
        )
    else:
        wide, high, deep = u(0.115, 0.145), u(0.065, 0.082), u(0.03, 0.042)
        radius, long = (
            high * u(0.27, 0.4),
            {"short": u(0.015, 0.03), "medium": u(0.035, 0.055), "long": u(0.065, 0.1)}[lens],
        )
    asm.add("body", block((0, 0, 0), (wide, high, deep), power))
    off = wide * {"compact": u(0.0, 0.2), "reflex": u(0.0, 0.08), "rangefinder": u(0.0, 0.08)}[kind]
    place = (off, -high * u(0.0, 0.08), deep / 2 - 0.002)
    asm.add("lens", *barrel(place, radius, long, rng))
    knobs(asm, high / 2, wide / 2, rng)
    top = high / 2
    if kind == "reflex":
        rise, half = high * u(0.2, 0.36), wide * u(0.15, 0.22)
        rows = [
            (-deep * 0.55, top + rise * 0.1, half * 0.7, rise * 0.6),
            (-deep * 0.3, top + rise * 0.2, half, rise * 0.8),
            (deep * 0.25, top + rise * 0.1, half * 0.9, rise * 0.85),
            (deep * u(0.5, 0.7), top, half * 0.6, rise * 0.6),
        ]
        asm.add("body", move(hull(rows, u(2.5, 5.0), 20), (off, 0, 0)))
        asm.add("body", box((off, top + rise * 0.2, -deep * 0.55), (half * 1.1, rise * 0.7, deep * 0.2)))
        top += rise * 0.9
        if rng.random() < 0.2:
            asm.add("body", block((0, -high * 0.65, 0), (wide * 0.98, high * 0.5, deep * 0.95), power))
    elif kind == "rangefinder":
        asm.add("body", box((0, top - high * 0.06, 0), (wide * 0.92, high * 0.25, deep * 1.04)))
        for x, w in ((-0.36, 0.1), (-0.08, 0.06), (0.3, 0.13)):
            asm.add("body", box((wide * x, top - high * 0.06, deep * 0.5), (wide * w, high * 0.12, deep * 0.14)))
        top += high * 0.06
    if kind == "reflex" or rng.random() < 0.3:
        size = (wide * u(0.14, 0.22), high * u(0.85, 0.98), deep * u(0.7, 1.1))
        asm.add("body", superellipsoid((-wide * 0.42, -high * 0.02, deep * 0.45), size, 0.35, 0.6))
    if rng.random() < 0.4:
        asm.add("body", box((0, -high * 0.05, -deep * 0.52), (wide * 0.6, high * 0.6, deep * 0.12)))
    if drawn["flash"] == "a mounted":
        tall = u(0.004, 0.012) if kind == "compact" else u(0.015, 0.06)
        asm.add("body", box((off, top + 0.006, -deep * 0.1), (0.022, 0.02, 0.022)))
        asm.add("body", box((off, top + 0.012 + tall / 2, -deep * 0.1), (0.045, tall, 0.03)))
        asm.add("body", block((off, top + 0.012 + tall, 0), (0.055, u(0.02, 0.035), u(0.025, 0.05)), 8.0))
    return wide, high, deep


def _strap(asm: Assembly, wide: float, high: float, rng: np.random.Generator) -> None:
    """Add a strap from shoulder to shoulder, lying behind and below or standing over the top."""
    u, half = rng.uniform, wide / 2
    over = rng.random() < 0.5
    rise, back = (u(0.6, 1.4) * wide, -u(0.0, 0.3) * wide) if over else (high * 0.1, -u(0.8, 1.5) * wide)
    knots = [
        (-half, high * 0.35, 0),
        (-half * 1.3, high * 0.35 + rise * 0.6, back * 0.6),
        (0, high * 0.35 + rise, back),
        (half * 1.3, high * 0.35 + rise * 0.6, back * 0.6),
        (half, high * 0.35, 0),
    ]
    asm.add("body", tube(curve(knots, 5), 0.0018, flat=u(0.005, 0.012)))


def _support(asm: Assembly, kind: str, high: float, deep: float, rng: np.random.Generator) -> None:
    u, low = rng.uniform, -high / 2
    if kind == "a grip":
        asm.add(
            "body",
            frustum((0, low + 0.004, 0), (0, low - u(0.08, 0.13), -deep * u(0.0, 0.3)), u(0.013, 0.02), sides=12),
        )
        asm.add("body", frustum((0, low - 0.006, 0), (0, low + 0.004, 0), 0.024, sides=14))
    elif kind == "a tripod":
        scaled = max(high, 0.08)
        long = scaled * (u(1.2, 2.5) if rng.random() < 0.35 else u(3.5, 8.0))
        thick, spread, start = scaled * u(0.07, 0.13), u(0.28, 0.55), u(0, 2 * np.pi)
        neck = low - scaled * u(0.2, 0.5)
        asm.add("body", frustum((0, low + 0.003, 0), (0, low - 0.008, 0), scaled * 0.3, sides=14))
        asm.add("body", frustum((0, low, 0), (0, neck - scaled * 0.4, 0), thick * 1.2, sides=10))
        asm.add("body", superellipsoid((0, neck, 0), (scaled * 0.45, scaled * 0.3, scaled * 0.45), 0.7))
        for turn in start + np.arange(3) * 2 * np.pi / 3:
            way = np.array([np.cos(turn) * spread, -1.0, np.sin(turn) * spread])
            hip = np.array([0, neck, 0]) + way * np.array([1, 0, 1]) * scaled * 0.3
            knee = hip + way * long * 0.55
            asm.add("body", frustum(hip, knee, thick, sides=8), frustum(knee, hip + way * long, thick * 0.7, sides=8))
