"""Bins and buckets: body, lid, handles and wheels are drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.hollow import bail, half_width, loop_handle, outline, shell
from pointsra.data.shapes.meshes import box, move, rotate
from pointsra.data.shapes.parts import frustum, lathe, ring, superellipsoid, wheel

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "bin": {
        "height": {"low": 0.3, "plain": 0.4, "tall": 0.3},
        "section": {"round": 0.55, "square": 0.2, "rectangular": 0.15, "oval": 0.1},
        "body": {"straight": 0.25, "widening": 0.45, "narrowing": 0.1, "barrel-shaped": 0.2},
        "side": {"smooth": 0.6, "banded": 0.4},
        "lid": {"none": 0.45, "flat": 0.15, "domed": 0.2, "opened": 0.12, "swinging": 0.08},
        "handles": {"none": 0.4, "overhead": 0.28, "side": 0.22, "rear": 0.1},
        "wheels": {"no": 0.82, "two": 0.18},
        "pedal": {"no": 0.85, "a": 0.15},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {}
PART_NAMES = {"bin": ("body", "lid", "handle", "wheel", "pedal")}
_WORDS = {"section": "a {} section", "body": "a {} body", "side": "a {} side", "lid": "a {} lid",
          "handles": "{} handles", "wheels": "{} wheels", "pedal": "{} pedal"}  # fmt: skip


def bin_(rng: np.random.Generator) -> Design:
    """Build a trash bin or bucket from the choices of ``CHOICES["bin"]``."""
    drawn = draw(rng, CHOICES["bin"])
    asm, u = Assembly(PART_NAMES["bin"]), rng.uniform
    radius, section = u(0.11, 0.26), outline(drawn["section"], rng)
    low, high = {"low": (0.9, 1.4), "plain": (1.6, 2.3), "tall": (2.5, 3.6)}[drawn["height"]]
    tall, t = radius * u(low, high), np.linspace(0.0, 1.0, 9)
    amount = u(0.12, 0.4)
    side = {"straight": np.ones(9), "widening": 1 - amount * (1 - t), "narrowing": 1 - amount * 0.7 * t,
            "barrel-shaped": 0.85 + 0.2 * np.sin(np.pi * t)}[drawn["body"]] * radius  # fmt: skip
    line = np.concatenate([[[0.0, 0.0], [side[0] * 0.6, 0.0]], np.stack([side, t * tall], axis=1)])
    edge, across, deep = float(side[-1]), half_width(section), float(np.abs(section[:, 0]).max())
    lip = radius * u(0.02, 0.08)
    line = np.concatenate([line, [[edge + lip, tall], [edge + lip, tall + lip]]])
    asm.add("body", shell(line, radius * 0.03, section))
    if drawn["side"] == "banded":
        for share in np.linspace(0.2, 0.85, int(rng.integers(1, 5))):
            wide, size = float(np.interp(share, t, side)), radius * 0.035
            if drawn["section"] == "round":
                asm.add("body", ring((0, share * tall, 0), wide, size, sides=6))
            else:
                band = [
                    (wide * 0.97, -size),
                    (wide + size, -size),
                    (wide + size, size),
                    (wide * 0.97, size),
                    (wide * 0.97, -size),
                ]
                asm.add("body", move(lathe(band, section=section), (0, share * tall, 0)))
    if drawn["lid"] != "none":
        top, rise, rim = tall + lip, radius * u(0.15, 0.6), (edge + lip) * 1.03
        angles = np.linspace(0, np.pi / 2, 6)
        profile = [(0, top - 0.003), (rim, top - 0.003), (rim, top + radius * 0.06), (rim * 0.95, top + radius * 0.08),
                   (0, top + radius * 0.1)]  # fmt: skip
        if drawn["lid"] in ("domed", "swinging"):
            profile = [(0, top - 0.003), *zip(rim * np.cos(angles), top + rise * np.sin(angles), strict=True)]
        cover = lathe(profile, section=section)
        if drawn["lid"] == "opened":
            cover = rotate(cover, "x", -u(40, 105), (0, top, -edge * deep))
        asm.add("lid", cover)
        if drawn["lid"] == "swinging":
            asm.add(
                "lid",
                rotate(
                    box((0, top + rise * 0.6, 0), (edge * across, radius * 0.05, edge * deep)),
                    "x",
                    u(15, 40),
                    (0, top + rise * 0.6, 0),
                ),
            )
        elif drawn["lid"] == "flat":
            asm.add("lid", superellipsoid((0, top + radius * 0.15, 0), (radius * 0.3,) * 3))
    level = tall * u(0.75, 0.93)
    at = float(np.interp(level / tall, t, side)) * across
    if drawn["handles"] == "overhead":
        fall = float(rng.choice([0.0, u(20, 110)]))
        asm.add("handle", bail(at * 1.03, level, edge * u(0.9, 1.3), radius * 0.03, fall))
    elif drawn["handles"] == "side":
        grip = loop_handle(at * 0.98, level, radius * u(0.4, 0.7), radius * u(0.12, 0.3), radius * 0.05)
        asm.add("handle", grip, rotate(grip, "y", 180))
    elif drawn["handles"] == "rear":
        back = loop_handle(edge * deep * 0.98, tall * 0.97, edge * across * 1.2, radius * 0.25, radius * 0.05)
        asm.add("handle", rotate(back, "y", 90))
    if drawn["wheels"] == "two":
        size = radius * u(0.18, 0.3)
        place = float(side[0])
        for x in (-1.0, 1.0):
            asm.add("wheel", wheel((x * (place * across * 0.55), size * 0.6, -place * deep * 0.92), size, size * 0.7))
        asm.add(
            "wheel",
            frustum(
                (-place * across * 0.55, size * 0.6, -place * deep * 0.92),
                (place * across * 0.55, size * 0.6, -place * deep * 0.92),
                size * 0.15,
                sides=6,
            ),
        )
    if drawn["pedal"] == "a":
        asm.add("pedal", box((0, radius * 0.08, side[0] * deep * 1.1), (radius * 0.4, radius * 0.08, radius * 0.4)))
    return asm.finish(drawn, caption("bin", drawn, ("height",), _WORDS))
