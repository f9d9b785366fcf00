"""What holds furniture up: legs, pedestals, castors, sled frames, trestles.

Seats and tables share these, so that the same drawn base may carry quite different tops. Each function adds labeled
pieces to an assembly from the floor (y = 0) to the underside of what is carried.
"""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly
from pointsra.data.shapes.meshes import Floats, Mesh
from pointsra.data.shapes.parts import beam, bent, circle, frustum, lathe, slab, superellipse, tube, wheel

LEG_COUNTS = {"three legs": 3, "four legs": 4, "five legs": 5, "six legs": 6}
_TURNED = np.array([0.75, 0.6, 1.15, 0.7, 1.0, 1.25, 1.0, 0.6, 1.2, 1.0, 1.1])


def leg(top: Floats, foot: Floats, profile: str, radius: float) -> Mesh:
    """Make one leg from its top (3,) to its foot (3,): round, tapered, square, turned or thin metal."""
    if profile == "round":
        return frustum(top, foot, radius)
    if profile == "tapered":
        return frustum(top, foot, radius * 1.2, radius * 0.55)
    if profile == "square":
        return beam(top, foot, radius * 2, radius * 2)
    if profile == "turned":
        t = np.linspace(1.0, 0.0, len(_TURNED))[:, None]
        return tube(foot + t * (top - foot), radius * _TURNED[::-1], sides=10)
    return frustum(top, foot, radius * 0.45, sides=8)


def corner_legs(half: tuple[float, float], height: float, splay: float) -> tuple[Floats, Floats]:
    """Return tops and feet, (4, 3) each, of legs at the corners of a rectangle of half extents x and z."""
    signs = np.array([[-1, 1], [1, 1], [1, -1], [-1, -1]], dtype=np.float64)
    tops = np.stack([signs[:, 0] * half[0], np.full(4, height), signs[:, 1] * half[1]], axis=1)
    feet = np.stack([signs[:, 0] * (half[0] + splay), np.zeros(4), signs[:, 1] * (half[1] + splay)], axis=1)
    return tops, feet


def ring_legs(count: int, half: tuple[float, float], height: float, splay: float, turn: float) -> tuple[Floats, Floats]:
    """Return tops and feet, (count, 3) each, of legs spread around an ellipse; the first points to angle ``turn``."""
    angles = turn + np.arange(count) * 2 * np.pi / count
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    tops = np.stack([around[:, 0] * half[0], np.full(count, height), around[:, 1] * half[1]], axis=1)
    feet = np.stack([around[:, 0] * (half[0] + splay), np.zeros(count), around[:, 1] * (half[1] + splay)], axis=1)
    return tops, feet


def stretchers(asm: Assembly, kind: str, tops: Floats, feet: Floats, radius: float, share: float) -> None:
    """Join legs (L, 3) at ``share`` of their height: "side", "H-shaped", "box", "cross" or "ring".

    Legs other than four meet in a star both where "H-shaped" and where "cross" was drawn.
    """
    at = feet + share * (tops - feet)
    count = len(at)
    pairs: list[tuple[int, int]] = []
    if kind == "ring":
        spread = np.hypot(at[:, 0], at[:, 2]).mean()
        path = np.stack([spread * circle(24)[:, 0], np.full(24, at[0, 1]), spread * circle(24)[:, 1]], axis=1)
        asm.add("stretcher", tube(path, radius, loop=True, sides=6))
        return
    if kind == "box":
        pairs = [(i, (i + 1) % count) for i in range(count)]
    elif kind == "side" and count != 4:
        pairs = [(1, count - 1)]
    elif count != 4:
        middle = at.mean(axis=0)
        asm.add("stretcher", *[frustum(end, middle, radius, sides=8) for end in at])
        return
    elif kind == "cross":
        pairs = [(0, 2), (1, 3)]
    elif kind in ("side", "H-shaped"):
        pairs = [(0, 3), (1, 2)]
    asm.add("stretcher", *[frustum(at[i], at[j], radius, sides=8) for i, j in pairs])
    if kind == "H-shaped":
        asm.add("stretcher", frustum((at[0] + at[3]) / 2, (at[1] + at[2]) / 2, radius, sides=8))


def pedestal(asm: Assembly, rng: np.random.Generator, height: float, spread: float, column: float) -> None:
    """Add one column on a disc, square plate or cone."""
    style = int(rng.integers(3))
    thick = rng.uniform(0.015, 0.04)
    outline = superellipse(8.0 if style == 1 else 2.0) * spread
    if style == 2:
        profile = [(0, 0), (spread, 0), (spread * 0.95, thick), (column * 1.6, thick * 2.5), (column, thick * 5)]
        asm.add("base", lathe(profile))
    else:
        asm.add("base", slab(outline, 0.0, thick))
    asm.add("column", frustum((0, thick, 0), (0, height, 0), column, column * rng.uniform(0.7, 1.1)))
    asm.add("column", frustum((0, height - 0.02, 0), (0, height, 0), spread * 0.45))


def castors(asm: Assembly, rng: np.random.Generator, height: float, spread: float) -> None:
    """Add a star of five arms on wheels under a gas column."""
    roll = rng.uniform(0.022, 0.036)
    hub = roll * 2 + rng.uniform(0.02, 0.06)
    angles = rng.uniform(0, 2 * np.pi / 5) + np.arange(5) * 2 * np.pi / 5
    for cos, sin in zip(np.cos(angles), np.sin(angles), strict=True):
        tip = np.array([spread * cos, roll * 2 + 0.015, spread * sin])
        asm.add("base", beam((0.0, hub, 0.0), tip, 0.045, 0.035, 0.7))
        asm.add("wheel", wheel((tip[0], roll, tip[2]), roll, roll * 1.6, "x" if abs(sin) > 0.7 else "z"))
    asm.add("column", frustum((0, hub - 0.02, 0), (0, (hub + height) / 2, 0), 0.034))
    asm.add("column", frustum((0, (hub + height) / 2, 0), (0, height, 0), 0.02))
    asm.add("column", frustum((0, height - 0.025, 0), (0, height, 0), spread * 0.4, spread * 0.5))


def sled(asm: Assembly, rng: np.random.Generator, half: tuple[float, float], height: float, radius: float) -> None:
    """Add two bent runners, one at each side, joined by a bar."""
    lean = rng.uniform(-0.03, 0.05)
    bend = rng.uniform(0.02, 0.1)
    for side in (-half[0], half[0]):
        corners = [(side, height, half[1] - 0.03), (side, radius, half[1] + lean), (side, radius, -half[1] - lean),
                   (side, height, -half[1] + 0.03)]  # fmt: skip
        asm.add("base", tube(bent(corners, bend), radius))
    level, depth = (radius, -half[1] * 0.9) if rng.random() < 0.5 else (height - radius, half[1] * 0.5)
    asm.add("base", frustum((-half[0], level, depth), (half[0], level, depth), radius, sides=8))


def cantilever(
    asm: Assembly, rng: np.random.Generator, half: tuple[float, float], height: float, radius: float
) -> None:
    """Add one bent tube that carries the seat from the front only."""
    x, front, back = half[0], half[1], -half[1] * rng.uniform(0.8, 1.1)
    corners = [(-x, height, back * 0.9), (-x, height, front), (-x, radius, front * rng.uniform(0.85, 1.05)),
               (-x, radius, back)]  # fmt: skip
    corners += [(-a, b, c) for a, b, c in reversed(corners)]
    path = bent(corners, rng.uniform(0.05, 0.11))
    half_way = len(path) // 2
    asm.add("base", tube(path[:half_way], radius), tube(path[half_way:], radius))
    asm.add("base", frustum(path[half_way - 1], path[half_way], radius))


def crossed(asm: Assembly, half: tuple[float, float], height: float, radius: float, part: str = "leg") -> None:
    """Add an X of two bars at each side, joined by a level bar where they cross."""
    for side in (-half[0], half[0]):
        for sign in (-1.0, 1.0):
            inset = side * (1.0 - 0.02 * sign)
            asm.add(part, beam((inset, height, sign * half[1]), (inset, 0, -sign * half[1]), radius * 1.6, radius * 2))
    middle = height / 2
    asm.add("stretcher", frustum((-half[0], middle, 0), (half[0], middle, 0), radius * 0.8, sides=8))


def trestles(asm: Assembly, half: tuple[float, float], height: float, radius: float) -> None:
    """Add a post on a foot at each end, joined by a long beam."""
    for side in (-half[0], half[0]):
        asm.add("leg", beam((side, radius * 2, 0), (side, height, 0), radius * 3, radius * 4))
        asm.add("base", beam((side, radius, -half[1]), (side, radius, half[1]), radius * 2.6, radius * 2))
        asm.add(
            "base", beam((side, height - radius, -half[1]), (side, height - radius, half[1]), radius * 2, radius * 2)
        )
    level = height * 0.35
    asm.add("stretcher", beam((-half[0], level, 0), (half[0], level, 0), radius * 1.2, radius * 3))


def a_frames(asm: Assembly, half: tuple[float, float], height: float, radius: float) -> None:
    """Add two bars in an A at each end, with a level bar between them."""
    for side in (-half[0], half[0]):
        for sign in (-1.0, 1.0):
            asm.add("leg", beam((side, height, sign * 0.05), (side, 0, sign * half[1]), radius * 2, radius * 2))
        asm.add(
            "stretcher",
            beam((side, height * 0.3, -half[1] * 0.7), (side, height * 0.3, half[1] * 0.7), radius, radius * 2),
        )


def hairpins(asm: Assembly, half: tuple[float, float], height: float) -> None:
    """Add four legs, each of a thin rod bent into a V."""
    for x in (-half[0], half[0]):
        for z in (-half[1], half[1]):
            foot = np.array([x, 0.006, z])
            inner, outer = np.array([x * 0.8, height, z]), np.array([x, height, z * 0.75])
            asm.add("leg", frustum(inner, foot, 0.007, sides=6), frustum(outer, foot, 0.007, sides=6))


def end_panels(asm: Assembly, half: tuple[float, float], height: float, thickness: float) -> None:
    """Add an upright board at each end."""
    for side in (-half[0], half[0]):
        asm.add("leg", beam((side, 0, 0), (side, height, 0), thickness, half[1] * 2))
