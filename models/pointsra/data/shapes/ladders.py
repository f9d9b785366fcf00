"""Ladders, front toward +z: straight ones, stepladders, ladders with a platform, short steps."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import box
from pointsra.data.shapes.parts import beam, bent, frustum, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "ladder": {
        "kind": {"straight": 0.3, "extension": 0.14, "step": 0.36, "platform": 0.2},
        "rungs": {"round": 0.32, "square": 0.2, "wide": 0.48},
        "sides": {"parallel": 0.5, "tapering": 0.5},
        "rails": {"slim": 0.5, "heavy": 0.5},
        "pose": {"leaning": 0.6, "upright": 0.4},
        "handrail": {"no": 0.55, "one": 0.25, "two": 0.2},
    }
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "ladder": {
        "pose": ("kind", ("straight", "extension")),
        "handrail": ("kind", ("step", "platform")),
    }
}
PART_NAMES = {"ladder": ("rail", "rung")}
_WORDS = {"rungs": "{} rungs", "sides": "{} sides", "rails": "{} rails", "pose": "the look of one {}",
          "handrail": "{} handrail"}  # fmt: skip


def _flight(
    asm: Assembly,
    foot: tuple[float, float],
    head: tuple[float, float],
    half: tuple[float, float],
    drawn: dict[str, str],
    rail: tuple[float, float],
    count: int,
    rng: np.random.Generator,
    top: bool = True,
) -> None:
    """Add two rails and the rungs between them.

    Args:
        asm: where they are added.
        foot: height and z of the rails' lower ends.
        head: height and z of their upper ends.
        half: half the distance between them, below and above.
        drawn: the choices.
        rail: width and depth of a rail.
        count: of rungs.
        rng: source of their sizes.
        top: whether a rung stands near the upper end.
    """
    low, high = (np.array([0.0, *end]) for end in (foot, head))
    for side in (-1, 1):
        a, b = low + np.array([side * half[0], 0, 0]), high + np.array([side * half[1], 0, 0])
        if drawn["rails"] == "slim" and rail[0] == rail[1]:
            asm.add("rail", frustum(a, b, rail[0] / 2, sides=10))
        else:
            asm.add("rail", beam(a, b, *rail))
    thick, deep = rng.uniform(0.026, 0.036), rail[1] * rng.uniform(0.9, 1.6) + 0.03
    ends = (0.6 / (count + 0.2), 1.0 - (0.5 / (count + 0.2) if top else 0.9 / (count + 0.2)))
    for t in np.linspace(*ends, count):
        at, x = low + t * (high - low), (1 - t) * half[0] + t * half[1]
        if drawn["rungs"] == "round":
            asm.add("rung", frustum(at - np.array([x, 0, 0]), at + np.array([x, 0, 0]), thick / 2, sides=8))
        elif drawn["rungs"] == "square":
            asm.add("rung", box(at, (2 * x, thick, thick)))
        else:
            asm.add("rung", box(at, (2 * x, thick * 0.85, deep)))


def _straight(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    """Add a ladder of one section, or of two that slide on one another."""
    u = rng.uniform
    long, half = u(1.4, 3.6), u(0.17, 0.26)
    wide, deep = (u(0.03, 0.04), u(0.05, 0.06)) if drawn["rails"] == "slim" else (u(0.035, 0.055), u(0.075, 0.1))
    deep = max(deep, long * 0.025)
    if drawn["rails"] == "slim" and rng.random() < 0.4:
        wide = deep
    above = half * (u(0.6, 0.85) if drawn["sides"] == "tapering" else 1.0)
    count = max(int(long / u(0.24, 0.34)), 4)
    _flight(asm, (0, 0), (long, 0), (half, above), drawn, (wide, deep), count, rng)
    if drawn["kind"] == "extension":
        start = long * u(0.15, 0.8)
        lean = (half - above) / long * start
        inner = (half - wide * 1.05, above - wide * 1.05)
        z = deep * 0.9
        _flight(asm, (start, z), (start + long * u(0.9, 1.0), z), (inner[0] - lean * 0.5, inner[1] - lean), drawn,
                (wide, deep), count, rng)  # fmt: skip
        for y in (start + 0.06, long * 0.97):
            asm.add("rail", box((0, y, z / 2), (2 * half - wide, 0.04, deep * 1.4)))
    elif rng.random() < 0.3:
        asm.add("rail", box((0, 0.03, 0), (half * u(3.0, 4.5), 0.06, deep)))
    if rng.random() < 0.5:
        for x in (-half, half):
            asm.add("rail", box((x, 0.02, 0), (wide * 1.5, 0.06, deep * 1.4)))
    if drawn["pose"] == "leaning":
        asm.turn("x", -u(10, 28))


def _standing(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    """Add a ladder that stands by itself: treads in front, props behind, a cap or a platform on top."""
    u, platform = rng.uniform, drawn["kind"] == "platform"
    count = int(rng.integers(2, 9))
    step, half, lean = u(0.2, 0.28), u(0.2, 0.3), u(12, 20)
    high = step * (count + 1)
    wide, deep = (u(0.025, 0.032),) * 2 if drawn["rails"] == "slim" else (u(0.025, 0.04), u(0.06, 0.09))
    above = half * (u(0.62, 0.85) if drawn["sides"] == "tapering" else 1.0)
    run = high * np.tan(np.radians(lean))
    _flight(asm, (0, run), (high, 0), (half, above), drawn, (wide, deep), count, rng, top=False)
    shelf = u(0.22, 0.4) if platform else 0.0
    back = -shelf - high * np.tan(np.radians(u(8, 20)))
    narrow = u(0.9, 1.05)
    head_z = -shelf
    for side in (-1, 1):
        start = (side * half * narrow, 0, back)
        asm.add("rail", beam(start, (side * above * 0.94, high, head_z), wide * 0.85, min(deep, 0.05) * 0.85))
        for foot in (start, (side * half, 0, run)):
            asm.add("rail", box((foot[0], 0.012, foot[2]), (wide * 1.5, 0.03, max(deep, 0.04) * 1.2)))
        if rng.random() < 0.6:
            level = u(0.3, 0.6)
            x = side * (half + (above - half) * level)
            ends = [(x, high * level, z) for z in (run * (1 - level), back + (head_z - back) * level)]
            asm.add("rail", beam(ends[0], ends[1], 0.014, 0.025))
    style = int(rng.integers(3))
    for t in np.linspace(0.15, 0.85, max(count - 1, 2)) if style == 0 else ((0.12, 0.75) if style == 1 else ()):
        x = half * narrow + (above * 0.94 - half * narrow) * t
        asm.add(
            "rung",
            beam((-x, high * t, back + (head_z - back) * t), (x, high * t, back + (head_z - back) * t), 0.025, 0.025),
        )
    if style == 2:
        for side in (-1, 1):
            a, b = (0.1, 0.85) if count > 3 else (0.15, 0.8)
            cross = [
                (s * half * (1 - 0.2 * t), high * t, back + (head_z - back) * t) for s, t in ((side, a), (-side, b))
            ]
            asm.add("rail", beam(cross[0], cross[1], 0.025, 0.02))
    if platform:
        asm.add("rung", box((0, high, -shelf / 2), (above * 2 + wide, 0.03, shelf + 0.08)))
    else:
        asm.add("rung", box((0, high, -0.01), (above * 2 + wide * 1.5, u(0.03, 0.07), u(0.1, 0.2))))
    rails = {"no": (), "one": (float(rng.choice([-1, 1])),), "two": (-1, 1)}[drawn["handrail"]]
    rise, front = u(0.4, 0.75), 0.02
    tubing = u(0.011, 0.016)
    if len(rails) == 1 and rng.random() < 0.6:
        path = bent([(-above, high, head_z), (-above, high + rise, head_z), (above, high + rise, head_z),
                     (above, high, head_z)], 0.12)  # fmt: skip
        asm.add("rail", tube(path, tubing, sides=8))
        return
    for side in rails:
        x = side * (above + wide / 2)
        end = (x, high * u(0.35, 0.6), run * 0.5)
        path = bent(
            [(x, high, head_z - 0.02), (x, high + rise, head_z - 0.02), (x, high + rise * 0.95, front), end], 0.08
        )
        asm.add("rail", tube(path, tubing, sides=8))


def ladder(rng: np.random.Generator) -> Design:
    """Build a ladder from the choices of ``CHOICES["ladder"]``."""
    drawn = draw(rng, CHOICES["ladder"], ONLY_WHEN["ladder"])
    asm = Assembly(PART_NAMES["ladder"])
    (_straight if drawn["kind"] in ("straight", "extension") else _standing)(asm, drawn, rng)
    return asm.finish(drawn, caption("ladder", drawn, ("kind",), _WORDS))
