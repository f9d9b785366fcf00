"""Umbrellas and parasols: cloth over ribs, open or furled, on a stick with a handle or a pole on a base."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import Floats, Mesh, box, loft, move, rotate
from pointsra.data.shapes.parts import beam, bent, circle, frustum, superellipsoid, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "umbrella": {
        "kind": {"handheld": 0.6, "patio": 0.4},
        "state": {"open": 0.74, "furled": 0.26},
        "canopy": {"domed": 0.42, "shallow": 0.28, "conical": 0.18, "two-tiered": 0.12},
        "ribs": {"six": 0.2, "eight": 0.6, "four": 0.08, "twelve": 0.12},
        "handle": {"hooked": 0.6, "straight": 0.4},
        "pole": {"straight": 0.5, "tilted": 0.2, "cantilever": 0.3},
    }
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "umbrella": {
        "canopy": ("state", ("open",)),
        "handle": ("kind", ("handheld",)),
        "pole": ("kind", ("patio",)),
    }
}
PART_NAMES = {"umbrella": ("canopy", "pole")}
_WORDS = {"canopy": "a {} canopy", "ribs": "{} ribs", "handle": "a {} handle", "pole": "a {} pole"}
_COUNT = {"four": 4, "six": 6, "eight": 8, "twelve": 12}


def _cloth(radii: Floats, heights: Floats, ribs: int, hollow: float, wall: float, lip: float) -> Mesh:
    """Return cloth stretched over ribs, with an upper and a lower skin.

    Args:
        radii: (S,) of the ribs' points, from the middle out.
        heights: (S,) of the same.
        ribs: how many; four make a square.
        hollow: how far the hem between two ribs curves inward, as a share of the radius.
        wall: thickness.
        lip: length of a valance that hangs from the hem, or 0.
    """
    per = 4 if ribs > 4 else 6
    t = np.arange(per) / per
    corners = circle(ribs)
    chord = (1 - t)[None, :, None] * corners[:, None] + t[None, :, None] * np.roll(corners, -1, axis=0)[:, None]
    around = chord.reshape(-1, 2)
    sag = np.tile(4 * t * (1 - t), ribs)
    share = radii / radii[-1]
    scale = radii[:, None] * (1 - hollow * sag[None] * share[:, None] ** 3)
    outer = np.empty((len(radii), len(around), 3))
    outer[:, :, 0], outer[:, :, 2] = scale * around[:, 0], scale * around[:, 1]
    outer[:, :, 1] = heights[:, None]
    if lip:
        hem = outer[-1:].copy()
        hem[:, :, 1] -= lip * (1 - 0.25 * sag)
        outer = np.concatenate([outer, hem])
    inner = outer.copy()
    inner[:, :, 1] -= wall
    if lip:
        inner[-2:, :, [0, 2]] *= 1 - wall / radii[-1] * 1.5
        inner[-1, :, 1] += wall
    return loft(np.concatenate([outer, inner[::-1]]), loop=True, caps=False)


def _open(drawn: dict[str, str], radius: float, wall: float, rng: np.random.Generator, valance: bool) -> tuple[
        list[Mesh], list[Mesh], float]:  # fmt: skip
    """Return cloth and struts of an open canopy whose crown is at y = 0, and how far its hem hangs."""
    u, style, ribs = rng.uniform, drawn["canopy"], _COUNT[drawn["ribs"]]
    t = np.linspace(0.02, 1.0, 9)
    drop = radius * {"domed": u(0.4, 0.85), "shallow": u(0.2, 0.34), "conical": u(0.25, 0.7),
                     "two-tiered": u(0.25, 0.5)}[style]  # fmt: skip
    bow = {"domed": u(1.8, 2.5), "shallow": u(1.5, 2.0), "conical": u(0.9, 1.1), "two-tiered": u(1.1, 1.7)}[style]
    out = np.sin(t * np.pi / 2) if style == "domed" else t
    heights = -drop * (1 - np.cos(t * np.pi / 2)) if style == "domed" else -drop * t**bow
    lip = radius * u(0.06, 0.14) if valance else 0.0
    hollow = u(0.0, 0.12)
    cloth = []
    if style == "two-tiered":
        start = int(rng.integers(1, 4))
        cloth.append(_cloth(radius * out[start:], heights[start:], ribs, hollow, wall, lip))
        lift = drop * u(0.08, 0.16)
        upper = _cloth(radius * out[: start + 3], heights[: start + 3] + lift, ribs, hollow, wall, 0.0)
        cloth.append(upper)
    else:
        cloth.append(_cloth(radius * out, heights, ribs, hollow, wall, lip))
    struts = []
    joint, runner = 5, float(heights[5]) - drop * u(0.15, 0.6)
    for x, z in circle(ribs):
        path = np.stack([radius * out * x, heights - wall * 1.4, radius * out * z], axis=1)
        struts.append(tube(path, wall * 0.9, sides=4))
        struts.append(beam((0, runner, 0), path[joint], wall * 1.6, wall * 1.6))
    struts.append(frustum((0, runner - wall * 4, 0), (0, runner + wall * 4, 0), wall * 4, sides=8))
    return cloth, struts, drop + lip


def _furled(long: float, radius: float, ribs: int, rng: np.random.Generator) -> Mesh:
    """Return cloth rolled about the axis from its tip at y = 0 down to y = -``long``, pleated and a little twisted."""
    u = rng.uniform
    t = np.linspace(0.0, 1.0, 11)
    width = radius * np.interp(t, [0, 0.1, u(0.6, 0.85), 1.0], [0.18, 0.4, 1.0, u(0.5, 1.15)])
    tie = u(0.5, 0.75)
    width *= 1 - u(0.0, 0.4) * np.exp(-(((t - tie) / 0.09) ** 2))
    angles = np.arange(ribs * 4) * 2 * np.pi / (ribs * 4)
    pleat = 1 + u(0.1, 0.35) * np.cos(ribs * angles)
    turn = u(-0.8, 0.8) * t[:, None] + angles[None]
    rings = np.empty((11, ribs * 4, 3))
    rings[:, :, 0] = width[:, None] * pleat * np.cos(turn)
    rings[:, :, 1] = -long * t[:, None] + 0.02 * long * (t[:, None] ** 4) * np.cos(ribs * angles)
    rings[:, :, 2] = width[:, None] * pleat * np.sin(turn)
    return loft(rings)


def _handheld(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    """Add an umbrella to carry, upright, its crown at y = 0."""
    u, ribs = rng.uniform, _COUNT[drawn["ribs"]]
    thick, long = u(0.007, 0.012), u(0.75, 0.98)
    if drawn["state"] == "open":
        cloth, struts, _ = _open(drawn, u(0.42, 0.65), 0.006, rng, False)
        asm.add("canopy", *cloth)
        asm.add("pole", *struts)
    else:
        asm.add("canopy", _furled(long * u(0.62, 0.76), u(0.03, 0.065), ribs, rng))
        thick *= 1.1
    asm.add("pole", frustum((0, 0.03, 0), (0, -long, 0), thick, sides=8))
    asm.add("pole", frustum((0, u(0.05, 0.12), 0), (0, -0.01, 0), thick * 0.5, thick * 1.3, sides=8))
    grip = thick * u(1.3, 1.9)
    if drawn["handle"] == "hooked":
        bow = u(0.035, 0.06)
        turn = np.linspace(0, np.pi * u(0.95, 1.15), 9)
        hook = np.stack([bow - bow * np.cos(turn), -long - bow * np.sin(turn), 0 * turn], axis=1)
        asm.add("pole", tube(np.concatenate([[(0, -long + u(0.05, 0.12), 0)], hook]), grip, sides=8))
    else:
        asm.add("pole", frustum((0, -long + u(0.08, 0.16), 0), (0, -long, 0), grip, grip * u(1.0, 1.4), sides=10))
        asm.add("pole", superellipsoid((0, -long, 0), (grip * 2.4,) * 3))
    if drawn["state"] == "open":
        asm.turn("z", float(rng.choice([0.0, 0.0, u(-35, 35)])))
    else:
        asm.turn("z", float(rng.choice([0.0, 180.0, u(80, 98)])))


def _patio(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    """Add a parasol on a base, or on none, stuck in the ground."""
    u, ribs, style = rng.uniform, _COUNT[drawn["ribs"]], drawn["pole"]
    high, radius, wall, thick = u(2.0, 2.7), u(0.9, 1.7), 0.018, u(0.018, 0.032)
    tilt = u(12, 32) if style == "tilted" else 0.0
    if drawn["state"] == "open":
        cloth, struts, hang = _open(drawn, radius, wall, rng, bool(rng.random() < 0.4))
    else:
        hang = high * u(0.42, 0.62)
        cloth, struts = [_furled(hang, u(0.09, 0.17), ribs, rng)], []
    side = radius * u(1.05, 1.25) if drawn["state"] == "open" else u(0.35, 0.8)
    joint = high * u(0.6, 0.7)
    for part, pieces in (("canopy", cloth), ("pole", struts)):
        for piece in pieces:
            placed = move(piece, (0, high, 0))
            asm.add(part, rotate(placed, "x", tilt, (0, joint, 0)) if tilt else placed)
    tip = np.array([0, high + 0.05, 0])
    if style == "cantilever":
        foot, lift = np.array([-side, 0, 0]), high + u(0.08, 0.3)
        if rng.random() < 0.5:
            path = bent([(-side, 0, 0), (-side * 1.05, lift, 0), (0, lift, 0), (0, high - 0.02, 0)], side * 0.6, 6)
            asm.add("pole", tube(path, thick * 1.3, sides=8))
        else:
            asm.add("pole", beam(foot, (-side, high + 0.02, 0), thick * 2.8, thick * 2.2))
            asm.add("pole", beam((-side * 1.05, high * u(0.72, 0.9), 0), (0, lift, 0), thick * 2, thick * 2))
            asm.add("pole", frustum((0, lift + 0.02, 0), (0, high - 0.1, 0), thick * 0.9, sides=8))
        base = foot
    else:
        base = np.zeros(3)
        crown = rotate(Mesh(tip[None], np.zeros((0, 3), np.int32)), "x", tilt, (0, joint, 0)).vertices[0]
        asm.add("pole", tube(np.array([(0, 0, 0), (0, joint, 0), crown]), thick, sides=8))
        asm.add("pole", superellipsoid(crown, (thick * 3, thick * 4, thick * 3)))
    x, z = float(base[0]), float(base[2])
    foot_kind = int(rng.choice(4, p=[0.35, 0.25, 0.25, 0.15])) if style != "cantilever" else int(rng.choice([1, 2]))
    size = u(0.22, 0.35) if style != "cantilever" else u(0.35, 0.55)
    if foot_kind == 0:
        asm.add("pole", frustum((x, 0, z), (x, u(0.05, 0.1), z), size, size * u(0.7, 0.95), sides=20))
    elif foot_kind == 1:
        for turn in (45.0, 135.0) if rng.random() < 0.5 else (0.0, 90.0):
            arm = rotate(box((0, 0.03, 0), (size * 2.4, 0.06, 0.07)), "y", turn)
            asm.add("pole", move(arm, (x, 0, z)))
    elif foot_kind == 2:
        asm.add("pole", box((x, 0.05, z), (size * 1.8, 0.1, size * 1.8), taper=u(0.85, 1.0)))
    if foot_kind < 3:
        asm.add("pole", frustum((x, 0, z), (x, u(0.15, 0.4), z), thick * 1.7, sides=10))


def umbrella(rng: np.random.Generator) -> Design:
    """Build an umbrella or a parasol from the choices of ``CHOICES["umbrella"]``."""
    drawn = draw(rng, CHOICES["umbrella"], ONLY_WHEN["umbrella"])
    asm = Assembly(PART_NAMES["umbrella"])
    (_handheld if drawn["kind"] == "handheld" else _patio)(asm, drawn, rng)
    return asm.finish(drawn, caption("umbrella", drawn, ("state", "kind"), _WORDS))
