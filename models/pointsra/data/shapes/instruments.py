"""Guitars, upright, strings toward +z: body, cutaways, head and hardware are drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import Floats, Mesh, box, loft
from pointsra.data.shapes.parts import beam, bent, curve, frustum, slab, superellipse, tube

_HOLLOW = ("acoustic", "jumbo acoustic", "archtop", "round resonator")
CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "guitar": {
        "body": {"acoustic": 0.22, "jumbo acoustic": 0.12, "archtop": 0.1, "round resonator": 0.1,
                 "two-horned electric": 0.18,
                 "slab electric": 0.11, "V-shaped electric": 0.09, "offset electric": 0.08},
        "cutaway": {"none": 0.45, "right": 0.35, "left": 0.1, "double": 0.1},
        "head": {"three-a-side": 0.42, "six-in-line": 0.26, "slotted": 0.1, "four-peg bass": 0.14, "missing": 0.08},
        "sound_hole": {"round": 0.55, "f-shaped": 0.3, "oval": 0.15},
        "pickups": {"no pickups": 0.4, "one pickup": 0.15, "two pickups": 0.25, "three pickups": 0.2},
        "bridge": {"flat": 0.4, "bar": 0.35, "trapeze": 0.25},
        "strap": {"none": 0.82, "hanging": 0.18},
        "stand": {"none": 0.85, "tripod": 0.15},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "guitar": {
        "sound_hole": ("body", ("acoustic", "jumbo acoustic", "archtop")),
        "cutaway": ("body", ("acoustic", "jumbo acoustic", "archtop", "two-horned electric", "slab electric")),
    }
}
PART_NAMES = {"guitar": ("body", "neck", "head", "peg", "bridge", "strings", "sound hole", "pickup", "strap", "stand")}
_WORDS = {"cutaway": "a {} cutaway", "head": "a {} head", "sound_hole": "a {} sound hole", "pickups": "{}",
          "bridge": "a {} bridge", "strap": "a {} strap", "stand": "a {} stand"}  # fmt: skip


def _half_outline(kind: str, cut: bool, rng: np.random.Generator) -> Floats:
    """Return one side of a body (Q, 2) from its bottom (0, 0) to the neck, x to the outside."""
    u = rng.uniform
    if kind == "round resonator":
        angle = np.linspace(-np.pi / 2, np.pi / 2 * 0.92, 9)
        return np.stack([0.17 * np.cos(angle), 0.17 + 0.17 * np.sin(angle)], axis=1)
    low, waist, high, tall = {
        "acoustic": (u(0.17, 0.2), u(0.11, 0.13), u(0.13, 0.15), u(0.45, 0.5)),
        "jumbo acoustic": (u(0.2, 0.225), u(0.125, 0.15), u(0.15, 0.175), u(0.5, 0.54)),
        "archtop": (u(0.185, 0.215), u(0.12, 0.14), u(0.14, 0.16), u(0.47, 0.52)),
        "slab electric": (u(0.15, 0.17), u(0.105, 0.125), u(0.13, 0.15), u(0.38, 0.42)),
    }.get(kind, (u(0.14, 0.165), u(0.11, 0.125), u(0.115, 0.14), u(0.36, 0.4)))
    knots = [(0.0, 0.0), (low * 0.62, 0.012), (low * 0.97, tall * 0.14), (low * 0.96, tall * 0.34), (waist, tall * 0.6)]
    if cut:
        knots += [(high * 0.9, tall * 0.74), (high * 0.72, tall * 0.83), (0.045, tall * 0.82), (0.03, tall)]
    else:
        knots += [(high, tall * 0.8), (high * 0.75, tall * 0.96), (0.03, tall)]
    return curve(knots, 4) * np.array([u(0.8, 1.3), u(0.88, 1.1)])


def _plate(left: Floats, right: Floats, back: float, front: float) -> Mesh:
    """Extrude a body between two halves of an outline, which are given as (Q, 2) from bottom to top."""
    steps = np.linspace(0.0, 1.0, 31)
    reach = [np.interp(steps, np.linspace(0, 1, len(half)), half[:, 1]) for half in (left, right)]
    wide = [np.interp(steps, np.linspace(0, 1, len(half)), half[:, 0]) for half in (left, right)]
    rings = np.empty((31, 4, 3))
    rings[:, [0, 3], 0], rings[:, [1, 2], 0] = -wide[0][:, None], wide[1][:, None]
    rings[:, [0, 3], 1], rings[:, [1, 2], 1] = reach[0][:, None], reach[1][:, None]
    rings[:, :2, 2], rings[:, 2:, 2] = back, front
    return loft(rings)


def _body(asm: Assembly, rng: np.random.Generator, kind: str, cutaway: str) -> tuple[float, float, float]:
    """Add a body; return the height of its top, the height of its bridge and the z of its front."""
    hollow = kind in _HOLLOW
    deep = rng.uniform(0.08, 0.125) if hollow else rng.uniform(0.035, 0.05)
    front = deep / 2
    if kind == "V-shaped electric":
        top, splay = 0.4, rng.uniform(0.15, 0.22)
        for s in (-1, 1):
            asm.add("body", beam((s * 0.02, top, 0), (s * splay, rng.uniform(-0.08, 0.0), 0), 0.12, deep, 1.1))
        return top, 0.19, front
    if kind == "offset electric":
        lean, top = rng.uniform(0.03, 0.07), 0.38
        outline = curve([(-0.05 - lean, 0.0), (0.12, 0.02), (0.17, 0.12), (0.12, 0.24),
                         (0.12 + lean * 0.3, 0.36), (0.0, top),
                         (-0.12, 0.35), (-0.11, 0.24), (-0.18, 0.13), (-0.14, 0.02),
                         (-0.05 - lean, 0.0)], 4)[:-1]  # fmt: skip
        rings = np.zeros((2, len(outline), 3))
        rings[:, :, :2] = outline
        rings[0, :, 2], rings[1, :, 2] = -front, front
        asm.add("body", loft(rings))
        return top, 0.1, front
    state = rng.bit_generator.state
    sides = []
    for side in ("left", "right"):
        rng.bit_generator.state = state
        sides.append(_half_outline(kind, cutaway in (side, "double"), rng))
    asm.add("body", _plate(sides[0], sides[1], -front, front))
    top = float(sides[0][-1, 1])
    if kind == "two-horned electric":
        for s, reach in ((-1, rng.uniform(0.07, 0.13)), (1, rng.uniform(0.02, 0.09))):
            path = curve([(s * 0.1, top * 0.72, 0), (s * 0.115, top * 0.95, 0), (s * 0.085, top + reach, 0)], 5)
            asm.add("body", tube(path, np.linspace(0.038, 0.012, len(path)), flat=front))
    if kind == "round resonator":
        disc = superellipse(2.0, 24)
        plate = slab(disc * 0.11, 0.0, 0.008)
        asm.add("sound hole", Mesh(plate.vertices[:, [0, 2, 1]] + (0, 0.17, front), plate.faces))
    return top, top * rng.uniform(0.24, 0.34), front


def _head(asm: Assembly, rng: np.random.Generator, kind: str, nut: float, z: float) -> None:
    """Add a head above the nut with its pegs."""
    if kind == "missing":
        asm.add("head", box((0, nut + 0.015, z), (0.05, 0.03, 0.03)))
        return
    tall = rng.uniform(0.14, 0.2)
    tip = z - tall * rng.uniform(0.05, 0.28)
    if kind == "six-in-line":
        asm.add("head", beam((0.0, nut, z), (rng.uniform(-0.01, 0.02), nut + tall, tip), 0.06, 0.016, 1.15))
        rows = [(-1, 6)]
    else:
        asm.add("head", beam((0, nut, z), (0, nut + tall, tip), 0.055, 0.018, rng.uniform(1.0, 1.5)))
        rows = [(-1, 2), (1, 2)] if kind == "four-peg bass" else [(-1, 3), (1, 3)]
    if kind == "slotted":
        asm.add(
            "head",
            *[box((x, nut + tall * 0.5, (z + tip) / 2 + 0.008), (0.01, tall * 0.6, 0.014)) for x in (-0.013, 0.013)],
        )
    for side, count in rows:
        for share in np.linspace(0.2, 0.85, count):
            at = np.array([side * 0.028, nut + tall * share, z + (tip - z) * share])
            asm.add("peg", frustum(at, at + np.array([side * 0.025, 0, 0]), 0.004, sides=6))
            asm.add("peg", box(at + np.array([side * 0.032, 0, 0]), (0.014, 0.02 if count < 6 else 0.014, 0.008)))


def guitar(rng: np.random.Generator) -> Design:
    """Build a guitar from the choices of ``CHOICES["guitar"]``."""
    drawn = draw(rng, CHOICES["guitar"], ONLY_WHEN["guitar"])
    asm = Assembly(PART_NAMES["guitar"])
    kind = drawn["body"]
    top, bridge, front = _body(asm, rng, kind, drawn.get("cutaway", "none"))
    long = rng.uniform(0.58, 0.7) if drawn["head"] == "four-peg bass" else rng.uniform(0.22, 0.56)
    nut, thick = top + long, rng.uniform(0.018, 0.026)
    asm.add("neck", beam((0, top - 0.09, front), (0, nut, front), 0.056, thick, 0.8))
    if kind in _HOLLOW:
        asm.add("neck", beam((0, top - 0.005, 0), (0, top + 0.05, front - 0.01), 0.045, front * 1.6, 0.35))
    _head(asm, rng, drawn["head"], nut, front)
    surface = front + 0.014
    strings = 4 if drawn["head"] == "four-peg bass" else 6
    for x in np.linspace(-1, 1, strings):
        asm.add(
            "strings",
            frustum((x * 0.026, bridge, surface), (x * 0.018, nut, front + thick / 2 + 0.003), 0.0007, sides=4),
        )
    if drawn["bridge"] == "flat":
        asm.add("bridge", box((0, bridge, front + 0.006), (0.15, 0.028, 0.012)))
    elif drawn["bridge"] == "bar":
        asm.add("bridge", box((0, bridge, front + 0.008), (0.085, 0.04, 0.016)))
    else:
        asm.add("bridge", box((0, bridge, front + 0.008), (0.09, 0.015, 0.016)))
        asm.add(
            "bridge",
            *[
                beam((s * 0.03, bridge - 0.01, front + 0.01), (s * 0.012, 0.015, front + 0.003), 0.008, 0.004)
                for s in (-1, 1)
            ],
        )
    hole = drawn.get("sound_hole")
    if hole == "f-shaped":
        for s in (-1, 1):
            path = curve(
                [
                    (s * 0.06, bridge + 0.09, front),
                    (s * 0.08, bridge + 0.06, front),
                    (s * 0.09, bridge - 0.01, front),
                    (s * 0.11, bridge - 0.04, front),
                ],
                4,
            )
            asm.add("sound hole", tube(path, 0.006, sides=5))
    elif hole is not None:
        size = np.array([0.05, 0.05 if hole == "round" else 0.032])
        flat = superellipse(2.0, 24) * size
        path = np.stack([flat[:, 0], flat[:, 1] + top * 0.68, np.full(24, front)], axis=1)
        asm.add("sound hole", tube(path, 0.005, loop=True, sides=6))
    count = {"no": 0, "one": 1, "two": 2, "three": 3}[drawn["pickups"].split()[0]]
    for y in np.linspace(bridge + 0.045, top - 0.115, max(count, 2))[:count]:
        asm.add("pickup", box((0, y, front + 0.005), (0.075, 0.03, 0.012)))
    if count and kind not in _HOLLOW:
        asm.add("pickup", *[frustum((0.085, y, front), (0.085, y, front + 0.015), 0.01) for y in (0.06, 0.1)])
    if drawn["strap"] == "hanging":
        sag = rng.uniform(0.16, 0.3)
        ends = [(0.0, 0.005, 0.0), (-sag, top * 0.1, -0.1), (-sag * 1.2, top * 0.8, -0.12), (-0.02, top + 0.02, -0.01)]
        asm.add("strap", tube(curve(ends, 6), 0.004, flat=0.02))
    if drawn["stand"] == "tripod":
        hub = np.array([0.0, top * 0.35, -front - 0.05])
        for foot in ((-0.18, -0.12, 0.12), (0.18, -0.12, 0.12), (0.0, -0.12, -0.28)):
            asm.add("stand", frustum(hub, foot, 0.009, sides=6))
        asm.add("stand", frustum(hub, (0, top + long * 0.5, -front - 0.02), 0.008, sides=6))
        for s in (-1, 1):
            corners = [tuple(hub), (s * 0.1, 0.0, -front - 0.03), (s * 0.1, -0.012, front + 0.03)]
            asm.add("stand", tube(bent(corners, 0.02), 0.008, sides=6))
    return asm.finish(drawn, caption(f"{kind} guitar", drawn, (), _WORDS))
