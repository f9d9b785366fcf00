"""Bags: backpacks, handbags, totes, duffels and suitcases, with straps, pockets and handles drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.hollow import bail
from pointsra.data.shapes.meshes import Mesh, box, move, rotate
from pointsra.data.shapes.parts import bent, curve, cushion, frustum, stack, superellipsoid, tube, wheel

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "bag": {
        "form": {"backpack": 0.28, "handbag": 0.2, "tote": 0.16, "duffel": 0.16, "suitcase": 0.2},
        "front": {"plain": 0.4, "pocketed": 0.35, "flapped": 0.25},
        "carrying": {"no strap": 0.2, "a short handle": 0.3, "a pair of handles": 0.25, "a long strap": 0.25},
        "back_straps": {"two": 0.75, "no": 0.25},
        "sides": {"plain": 0.7, "pouched": 0.3},
        "wheels": {"no": 0.6, "two": 0.4},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "bag": {"back_straps": ("form", ("backpack",)), "wheels": ("form", ("suitcase", "duffel"))}
}
PART_NAMES = {"bag": ("body", "pocket", "handle", "wheel")}
_WORDS = {"form": "the form of a {}", "front": "a {} front", "carrying": "{}", "back_straps": "{} straps on the back",
          "sides": "{} sides", "wheels": "{} wheels"}  # fmt: skip


def _body(kind: str, rng: np.random.Generator, wide: float, high: float, deep: float) -> list[Mesh]:
    """Return the body of a bag of full extents x, y and z that stands on y = 0."""
    u, t = rng.uniform, np.linspace(0.0, 1.0, 7)
    if kind == "duffel":
        lying = stack(
            np.stack([t * wide, *[np.full(7, s) for s in (high / 2, deep / 2)], np.zeros(7)], axis=1), u(2.0, 3.5)
        )
        return [move(rotate(lying, "z", 90), (wide / 2, high / 2, 0))]
    if kind == "suitcase":
        power = u(5.0, 14.0)
        grown = np.array([(0, 0.9, 0.8, 0), (0.03, 1, 0.97, 0), (0.5, 1, 1, 0), (0.97, 1, 0.97, 0), (1, 0.9, 0.8, 0)])
        return [stack(grown * np.array([high, wide / 2, deep / 2, 1.0]), power)]
    if kind == "tote":
        flare = u(0.95, 1.25)
        rows = np.stack(
            [t * high, wide / 2 * (1 + (flare - 1) * t), deep / 2 * (1 - u(0.0, 0.8) * t**2), 0 * t], axis=1
        )
        inner = rows[::-1] * np.array([1.0, 0.95, 0.9, 1.0])
        inner[:, 0] = np.maximum(inner[:, 0], high * 0.05)
        return [stack(np.concatenate([rows, inner]), u(4.0, 9.0))]
    if kind == "handbag":
        pinch = u(0.3, 0.9)
        rows = np.stack(
            [t * high, wide / 2 * (1 - (1 - u(0.65, 1.0)) * t**2), deep / 2 * (1 - pinch * t), 0 * t], axis=1
        )
        return [stack(rows, u(3.0, 7.0))]
    swell = np.sqrt(np.clip(1 - np.abs(2 * t - 1) ** u(3.0, 6.0), 0.02, 1))
    lean = u(0.55, 0.95)
    rows = np.stack([t * high, wide / 2 * swell, deep / 2 * swell * (1 - (1 - lean) * t), -deep * 0.1 * t], axis=1)
    return [stack(rows, u(2.5, 4.5))]


def bag(rng: np.random.Generator) -> Design:
    """Build a bag from the choices of ``CHOICES["bag"]``."""
    drawn = draw(rng, CHOICES["bag"], ONLY_WHEN["bag"])
    asm, u, kind = Assembly(PART_NAMES["bag"]), rng.uniform, drawn["form"]
    wide, high, deep = {
        "backpack": (u(0.28, 0.38), u(0.4, 0.56), u(0.14, 0.24)),
        "handbag": (u(0.24, 0.4), u(0.16, 0.3), u(0.1, 0.18)),
        "tote": (u(0.28, 0.42), u(0.28, 0.42), u(0.1, 0.2)),
        "duffel": (u(0.45, 0.65), u(0.22, 0.32), u(0.22, 0.32)),
        "suitcase": (u(0.36, 0.5), u(0.5, 0.72), u(0.18, 0.28)),
    }[kind]
    if kind == "suitcase" and rng.random() < 0.3:
        wide, high = high, wide
    asm.add("body", *_body(kind, rng, wide, high, deep))
    if drawn["front"] == "pocketed":
        size = (wide * u(0.5, 0.75), high * u(0.25, 0.45), deep * u(0.25, 0.5))
        asm.add("pocket", cushion((0, high * u(0.25, 0.42), deep * 0.48), size))
    elif drawn["front"] == "flapped":
        drop = high * u(0.25, 0.6)
        shape = {"duffel": 0.5}.get(kind, 0.9)
        asm.add("pocket", box((0, high - drop / 2, deep * 0.5), (wide * shape, drop, deep * 0.06)))
        asm.add("pocket", box((0, high * 1.01, deep * 0.2), (wide * shape * 0.95, high * 0.03, deep * 0.66)))
    thick = wide * u(0.015, 0.03)
    carrying, top = drawn["carrying"], high * 0.98
    if carrying == "a short handle":
        asm.add("handle", bail(wide * u(0.1, 0.22), top, wide * u(0.1, 0.2), thick * 1.3))
    elif carrying == "a pair of handles":
        rise, fall = wide * u(0.2, 0.5), u(0, 40)
        for sign in (-1.0, 1.0):
            depth = deep * (0.5 if kind == "duffel" else 0.28)
            level = top * (0.8 if kind == "duffel" else 0.97)
            asm.add("handle", move(bail(wide * 0.25, level, rise, thick, sign * fall), (0, 0, sign * depth)))
    elif carrying == "a long strap":
        rise = u(0.3, 0.9) * max(wide, high)
        knots = [
            (-wide * 0.47, high * 0.8),
            (-wide * 0.4, high + rise * 0.4),
            (0, high + rise),
            (wide * 0.4, high + rise * 0.4),
            (wide * 0.47, high * 0.8),
        ]
        flat = curve(knots, 4)
        asm.add("handle", tube(np.pad(flat, ((0, 0), (0, 1))), thick * 0.4, flat=thick * 2))
    if drawn.get("back_straps") == "two":
        for x in (-wide * 0.24, wide * 0.24):
            knots = [(high * 0.9, -deep * 0.5), (high * 0.95, -deep * 0.85), (high * 0.6, -deep * u(1.0, 1.3)),
                     (high * 0.25, -deep * 0.8), (high * 0.08, -deep * 0.4)]  # fmt: skip
            path = np.pad(curve(knots, 3), ((0, 0), (1, 0)), constant_values=x)
            asm.add("handle", tube(path, thick * 0.8, flat=wide * 0.07))
    if drawn["sides"] == "pouched":
        for sign in (-1.0, 1.0):
            asm.add(
                "pocket",
                superellipsoid((sign * wide * 0.5, high * 0.28, 0), (wide * 0.2, high * 0.4, deep * 0.6), 0.5, 0.6),
            )
    if drawn.get("wheels") == "two":
        size = high * 0.05
        for x in (-wide * 0.38, wide * 0.38):
            asm.add("wheel", wheel((x, -size * 0.3, -deep * 0.35), size, size))
            if kind == "suitcase":
                asm.add(
                    "wheel", frustum((x, -size * 1.2, deep * 0.35), (x, size * 0.3, deep * 0.35), size * 0.5, sides=8)
                )
        rise = high * u(0.3, 0.8)
        if kind == "suitcase" and rng.random() < 0.6:
            corners = [(-wide * 0.18, high * 0.9, -deep * 0.4), (-wide * 0.18, high + rise, -deep * 0.4),
                       (wide * 0.18, high + rise, -deep * 0.4), (wide * 0.18, high * 0.9, -deep * 0.4)]  # fmt: skip
            asm.add("handle", tube(bent(corners, wide * 0.05), thick))
    return asm.finish(drawn, caption("bag", drawn, (), _WORDS))
