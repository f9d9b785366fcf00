"""What cycles are put together from: wheels with spokes, handlebars, saddles, cranks, forks. Knows no class."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pointsra.data.shapes.designs import Assembly
from pointsra.data.shapes.meshes import Floats, Mesh, box, move, rotate
from pointsra.data.shapes.parts import beam, bent, curve, frustum, hoop, hull, tube


def spot(z: float, y: float = 0.0, x: float = 0.0) -> Floats:
    """Return the point (3,) at z, y and x: most of a cycle lies in the plane x = 0."""
    return np.array([x, y, z])


def repeated(mesh: Mesh, count: int, hub: Floats) -> Mesh:
    """Return ``count`` copies of a mesh, turned about the x axis through ``hub``, as one mesh."""
    turn = np.arange(count) * 2 * np.pi / count
    cos, sin, away = np.cos(turn)[:, None], np.sin(turn)[:, None], mesh.vertices - hub
    y, z = cos * away[:, 1] - sin * away[:, 2], sin * away[:, 1] + cos * away[:, 2]
    vertices = np.stack([np.broadcast_to(away[:, 0], y.shape), y, z], axis=2).reshape(-1, 3) + hub
    starts = np.repeat(np.arange(count, dtype=np.int32) * len(mesh.vertices), len(mesh.faces))
    return Mesh(vertices, np.tile(mesh.faces, (count, 1)) + starts[:, None])


def cycle_wheel(hub: Floats, size: float, wide: float, style: str, axle: float, spokes: int) -> list[Mesh]:
    """Return a wheel of outer radius ``size`` whose axle of half length ``axle`` lies along x."""
    rim = hoop(32)
    inner = size - wide * 1.1 - 0.012
    pieces = [
        tube(hub + rim * (size - wide / 2), wide / 2, loop=True),
        tube(hub + rim * inner, 0.012, loop=True, flat=max(wide * 0.4, 0.009)),
        frustum(hub - spot(0, 0, axle), hub + spot(0, 0, axle), max(0.016, size * 0.06), sides=10),
    ]
    if style == "disc":
        pieces.append(frustum(hub - spot(0, 0, 0.012), hub + spot(0, 0, 0.012), inner, sides=28))
    elif style == "bladed":
        pieces.append(repeated(beam(hub, hub + spot(0, inner), 0.022, size * 0.14, 0.7), 3 + spokes % 4, hub))
    else:
        for side, start in ((-axle * 0.5, 0.0), (axle * 0.5, 360 / spokes)):
            spoke = rotate(frustum(hub + spot(0, 0, side), hub + spot(0, inner), 0.0032, sides=4), "x", start, hub)
            pieces.append(repeated(spoke, spokes // 2, hub))
    return pieces


def handlebar(kind: str, rng: np.random.Generator, size: float = 1.0) -> list[Mesh]:
    """Return a handlebar about the origin, its grips toward -z."""
    u = rng.uniform
    half, thick = size * (u(0.19, 0.23) if kind == "dropped" else u(0.25, 0.37)), 0.013
    if kind == "dropped":
        drop, reach = u(0.1, 0.15), u(0.07, 0.11)
        pieces = [frustum((-half, 0, 0), (half, 0, 0), thick)]
        for x in (-half, half):
            line = [(x, 0, 0), (x, 0, reach * 0.8), (x, -drop * 0.4, reach * 1.25), (x, -drop, reach * 0.6),
                    (x, -drop, -reach * 0.6)]  # fmt: skip
            pieces += [tube(curve(line, 4), thick), box((x, 0.02, reach * 1.1), (0.028, 0.07, 0.035))]
        return pieces
    back = {"straight": u(0.0, 0.05), "swept-back": u(0.14, 0.26), "raised": u(0.05, 0.16)}[kind] * size
    rise = {"straight": u(0.0, 0.04), "swept-back": u(0.0, 0.1), "raised": u(0.16, 0.34)}[kind] * size
    side = [(half * 0.35, rise * 0.75, 0.03 * size), (half * 0.85, rise, -back * 0.3), (half, rise, -back)]
    if kind == "straight":
        side = [(half * 0.25, rise, 0), (half, rise, -back)]
    line = np.array([*[(-x, y, z) for x, y, z in side[::-1]], (0, 0, 0), *side])
    grips = [frustum(line[i], line[i] + (line[j] - line[i]) * 0.4, 0.019, sides=8) for i, j in ((0, 1), (-1, -2))]
    return [tube(bent(line, 0.05 * size), thick), *grips]


def saddle_on(place: Floats, broad: bool, rng: np.random.Generator, size: float = 1.0) -> list[Mesh]:
    """Return a saddle at ``place``, on springs now and then where it is broad."""
    wide = size * (rng.uniform(0.1, 0.13) if broad else rng.uniform(0.065, 0.085))
    rows = np.array([(-0.13, 0.01, 0.5, 0.02), (-0.09, 0.01, 1, 0.036), (-0.02, 0, 0.75, 0.032), (0.06, 0, 0.3, 0.024),
                     (0.15, 0, 0.2, 0.014)])  # fmt: skip
    pieces = [move(hull(rows * np.array([size, size, wide, size]), 2.2), place)]
    if broad and rng.random() < 0.5:
        pieces += [tube(place + np.array([(x, -0.09, -0.06), (x, -0.01, -0.1)]) * size, 0.018) for x in (-0.05, 0.05)]
    return pieces


def cranks(asm: Assembly, place: Floats, arm: float, out: float, rng: np.random.Generator) -> None:
    """Add an axle at ``place`` with two cranks of length ``arm`` and their pedals."""
    turn = rng.uniform(0, 2 * np.pi)
    asm.add("frame", frustum(place - spot(0, 0, out), place + spot(0, 0, out), 0.018, sides=8))
    for x in (-1.0, 1.0):
        end = place + x * arm * spot(np.cos(turn), np.sin(turn)) + spot(0, 0, x * out)
        asm.add("frame", beam(place + spot(0, 0, x * out), end, 0.016, 0.024))
        asm.add("fitting", box(end + spot(0, 0, x * 0.05), (0.09, 0.022, 0.075)))


def bars(asm: Assembly, thick: float, *ends: tuple[ArrayLike, ArrayLike]) -> None:
    """Add straight round bars of the frame."""
    asm.add("frame", *[frustum(start, end, thick, sides=8) for start, end in ends])


def fork(asm: Assembly, hub: Floats, crown: Floats, apart: float, thick: float) -> None:
    """Add a fork from its crown down to both sides of a hub."""
    asm.add("frame", frustum(crown - spot(0, 0, apart), crown + spot(0, 0, apart), thick * 1.2, sides=8))
    bars(asm, thick, *[(crown + spot(0, 0, x), hub + spot(0, 0, x)) for x in (-apart, apart)])
