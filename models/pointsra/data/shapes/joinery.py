"""Joinery: leaves and sashes of doors and windows, whose upper edge is level, arched or pointed.

Everything is upright boards across x, made from an upper edge and a thickness along z. What moves, and in which frame,
is the business of :mod:`~pointsra.data.shapes.doors` and :mod:`~pointsra.data.shapes.windows`. Knows no class.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from pointsra.data.shapes.meshes import Floats, Mesh, box, loft, move, rotate, scale
from pointsra.data.shapes.parts import beam, panel, superellipsoid, tube

Labeled = list[tuple[str, Mesh]]


@dataclass(frozen=True)
class Top:
    """The upper edge of an opening.

    Attributes:
        spring: height at which the edge leaves the sides.
        rise: height of the arch above that; 0 is a level edge.
        middle: x of the arch's crown.
        half: half its width.
        pointed: two arcs that meet in a point, in place of an ellipse; the rise is then at least ``half``.
    """

    spring: float
    rise: float = 0.0
    middle: float = 0.0
    half: float = 1.0
    pointed: bool = False

    def at(self, x: ArrayLike) -> Floats:
        """Return the edge's height over x (P,), as (P,)."""
        out = np.clip(np.abs(np.asarray(x, dtype=np.float64) - self.middle), 0.0, self.half)
        if self.rise <= 0.0:
            return np.full(out.shape, self.spring)
        if self.pointed:
            radius = (self.half**2 + self.rise**2) / (2 * self.half)
            return self.spring + np.sqrt(np.maximum(radius**2 - (out + radius - self.half) ** 2, 0.0))
        return self.spring + self.rise * np.sqrt(1.0 - (out / self.half) ** 2)

    def inside(self, margin: float) -> Top:
        """Return the edge that lies ``margin`` farther in; a negative margin is farther out."""
        if self.rise <= 0.0:
            return Top(self.spring - margin, 0.0, self.middle, self.half)
        return Top(self.spring, max(self.rise - margin, 0.01), self.middle, max(self.half - margin, 0.01), self.pointed)


def strip(left: float, right: float, low: float | Top, high: float | Top, thick: float, depth: float = 0.0) -> Mesh:
    """Return a board from x ``left`` to ``right`` between two edges, ``thick`` along z about z = ``depth``."""
    x = (left + right) / 2 - (right - left) / 2 * np.cos(np.linspace(0.0, np.pi, 13))
    edges = [np.full(13, edge) if isinstance(edge, int | float) else edge.at(x) for edge in (low, high)]
    if max(np.ptp(edge) for edge in edges) < 1e-9:
        return panel(left, right, edges[0][0], edges[1][0], thick, depth)
    rings = np.empty((13, 4, 3))
    rings[:, :, 0] = x[:, None]
    rings[:, :2, 1], rings[:, 2:, 1] = edges[0][:, None], np.maximum(edges[1], edges[0] + 1e-4)[:, None]
    rings[:, [0, 3], 2], rings[:, [1, 2], 2] = depth - thick / 2, depth + thick / 2
    return loft(rings)


def rim(left: float, right: float, low: float, top: Top, rail: float, thick: float, foot: float = 0.0) -> list[Mesh]:
    """Return stiles and rails around a leaf; the lower rail is ``foot`` high where that is given."""
    under = top.inside(rail)
    return [
        strip(left, left + rail, low, top, thick),
        strip(right - rail, right, low, top, thick),
        strip(left + rail / 2, right - rail / 2, low, low + (foot or rail), thick),
        strip(left, right, under, top, thick),
    ]


def bars(
    left: float, right: float, low: float, top: Top, rows: int, cols: int, wide: float, thick: float
) -> list[Mesh]:
    """Return the glazing bars that part a light into rows and columns; rows are counted below the spring."""
    pieces = [strip(x - wide / 2, x + wide / 2, low, top, thick) for x in np.linspace(left, right, cols + 1)[1:-1]]
    heights = np.linspace(low, top.spring, rows + 1)[1:-1].tolist()
    if top.rise > 0.0 and rows > 1:
        heights.append(top.spring)
    return pieces + [strip(left, right, y - wide / 2, y + wide / 2, thick) for y in heights]


def sash(
    left: float,
    right: float,
    low: float,
    top: Top,
    rail: float,
    thick: float,
    grid: tuple[int, int] = (1, 1),
    *,
    glass: bool = True,
    foot: float = 0.0,
) -> list[Mesh]:
    """Return a glazed leaf: rim, bars of a grid (rows, columns), and a pane where it has ``glass``."""
    pieces = rim(left, right, low, top, rail, thick, foot)
    under = top.inside(rail / 2)
    pieces += bars(left + rail, right - rail, low + (foot or rail), under, *grid, max(rail * 0.4, 0.018), thick * 0.7)
    if glass:
        pieces.append(strip(left + rail / 2, right - rail / 2, low + rail / 2, under, max(thick * 0.15, 0.006)))
    return pieces


def slats(left: float, right: float, low: float, high: float, thick: float, pitch: float, tilt: float) -> list[Mesh]:
    """Return level slats ``pitch`` apart, each ``tilt`` degrees out of upright."""
    count = max(int((high - low) / pitch), 2)
    heights = low + (np.arange(count) + 0.5) * (high - low) / count
    wide = (high - low) / count * 0.95
    return [
        rotate(box(((left + right) / 2, y, 0), (right - left, wide, thick)), "x", tilt, (0, float(y), 0))
        for y in heights
    ]


def leaf(style: str, wide: float, low: float, top: Top, thick: float, rng: np.random.Generator) -> list[Mesh]:
    """Return a leaf between x = 0 and x = ``wide``.

    Args:
        style: "flush", "paneled", "glazed", "planked" or "louvered".
        wide: its width.
        low: height of its lower edge.
        top: its upper edge, in the same x.
        thick: along z.
        rng: source of the grid, the widths of rails and the like.
    """
    u = rng.uniform
    rail, tall = wide * u(0.1, 0.17), top.spring - low
    if style == "planked":
        count = int(rng.integers(4, 9))
        pitch = wide / count
        pieces = [strip(0, wide, low, top, thick * 0.5, -thick * 0.1)]
        pieces += [strip((i + 0.06) * pitch, (i + 0.94) * pitch, low, top, thick) for i in range(count)]
        rows = [low + tall * share for share in ((0.12, 0.5, 0.88) if rng.random() < 0.5 else (0.15, 0.82))]
        pieces += [box((wide / 2, y, -thick * 0.8), (wide * 0.94, tall * 0.06, thick * 0.7)) for y in rows]
        if rng.random() < 0.5:
            ends = [(wide * 0.08, rows[0], -thick * 0.8), (wide * 0.92, rows[-1], -thick * 0.8)]
            pieces.append(beam(ends[0], ends[1], thick * 0.7, tall * 0.05))
        return pieces
    if style == "flush":
        return [strip(0, wide, low, top, thick)]
    foot = rail * u(1.0, 2.0)
    if style == "glazed":
        rail *= u(0.5, 1.0)
        grid = [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (5, 1), (1, 2)][int(rng.integers(7))]
        kick = low + tall * u(0.28, 0.48) if rng.random() < 0.4 else low
        pieces = sash(0, wide, kick, top, rail, thick, grid, glass=rng.random() < 0.85, foot=foot if kick == low else 0)
        if kick > low:
            pieces += [*rim(0, wide, low, Top(kick), rail, thick, foot), strip(rail / 2, wide - rail / 2, low, kick,
                       thick * 0.4), strip(rail * 1.4, wide - rail * 1.4, low + foot + rail * 0.3,
                       kick - rail * 1.3, thick * 0.8)]  # fmt: skip
        return pieces
    pieces = rim(0, wide, low, top, rail, thick, foot)
    if style == "louvered":
        cuts = [low + foot, *([low + tall * u(0.4, 0.55)] if rng.random() < 0.5 else []), top.spring - rail * 0.6]
        for start, end in pairwise(cuts):
            pieces += slats(rail * 0.8, wide - rail * 0.8, start, end, thick * 0.25, u(0.05, 0.09), -u(25, 50))
        pieces += [strip(rail / 2, wide - rail / 2, y - rail / 2, y + rail / 2, thick) for y in cuts[1:-1]]
        if top.rise > 0.0:
            pieces.append(strip(rail / 2, wide - rail / 2, top.spring - rail * 0.6, top, thick * 0.6))
        return pieces
    pieces.append(strip(rail / 2, wide - rail / 2, low, top.inside(rail / 2), thick * 0.35))
    cols = int(rng.integers(1, 3)) if wide > 0.55 else 1
    shares = [(1.0,), (0.45, 0.55), (0.35, 0.65), (0.35, 0.4, 0.25), (0.25, 0.25, 0.25, 0.25)][int(rng.integers(5))]
    edges = low + foot + np.concatenate([[0.0], np.cumsum(shares)]) * (tall - foot - rail)
    across = np.linspace(rail, wide - rail, cols + 1)
    pieces += [strip(rail / 2, wide - rail / 2, y - rail * 0.4, y + rail * 0.4, thick) for y in edges[1:-1]]
    pieces += [strip(x - rail * 0.4, x + rail * 0.4, low, top, thick) for x in across[1:-1]]
    inset = rail * u(0.55, 0.8)
    for start, end in pairwise(edges):
        last = top.inside(rail + inset) if top.rise > 0.0 and end == edges[-1] else float(end) - inset
        for x, beside in pairwise(across):
            pieces.append(strip(float(x) + inset, float(beside) - inset, float(start) + inset, last, thick * 0.75))
    return pieces


def handle(kind: str, x: float, y: float, thick: float, rng: np.random.Generator) -> list[Mesh]:
    """Return a lever, a knob, a pull bar or a ring on both faces of a leaf that hangs at x = 0."""
    u, pieces = rng.uniform, []
    long, reach, tall = u(0.1, 0.16), u(0.045, 0.07), u(0.25, 0.9)
    size, plate = u(0.05, 0.075), rng.random() < 0.5
    for side in (-1.0, 1.0):
        face, out = side * thick / 2, side * (thick / 2 + reach)
        if kind == "pull bar":
            path = [(x, y - tall / 2, face), (x, y - tall / 2, out), (x, y + tall / 2, out), (x, y + tall / 2, face)]
            pieces.append(tube(np.array(path), size * 0.3, sides=6))
            continue
        high = 0.2 if plate else size
        pieces.append(box((x, y - (high - size) * 0.3, face), (size * 0.9, high, 0.016)))
        if kind == "lever":
            path = [(x, y, face), (x, y, out), (x - long, y, out)]
            pieces.append(tube(np.array(path), size * 0.2, sides=6))
        elif kind == "knob":
            pieces.append(superellipsoid((x, y, out), (size, size, size * 0.8)))
            pieces.append(beam((x, y, face), (x, y, out), size * 0.4, size * 0.4))
        else:
            turn = np.linspace(0, 2 * np.pi, 13)[:-1]
            circle = np.stack([x + size * np.cos(turn), y - size + size * np.sin(turn), 0 * turn + face * 1.5], axis=1)
            pieces.append(tube(circle, size * 0.18, sides=6, loop=True))
    return pieces


def surround(wide: float, top: Top, jamb: float, deep: float, casing: float, low: float = 0.0) -> list[Mesh]:
    """Return jambs and head around an opening of a width, with boards on both faces where it has a casing."""
    outer, half = top.inside(-jamb), wide / 2
    pieces = [strip(-half - jamb, half + jamb, top, outer, deep)]
    pieces += [strip(x, x + jamb, low, top.spring, deep) for x in (-half - jamb, half)]
    if casing:
        for z in (-deep / 2, deep / 2):
            pieces.append(strip(-half - casing, half + casing, top, top.inside(-casing), 0.03, z))
            pieces += [strip(x, x + casing, low, top.spring, 0.03, z) for x in (-half - casing, half)]
    return pieces


def hang(pieces: Labeled, degrees: float, at: float, right: bool) -> Labeled:
    """Turn a leaf drawn from its hinge at x = 0 and hang it at x = -``at``, or mirrored at x = ``at``."""
    turned = [(part, rotate(piece, "y", degrees)) for part, piece in pieces]
    if right:
        return [(part, move(scale(piece, (-1, 1, 1)), (at, 0, 0))) for part, piece in turned]
    return [(part, move(piece, (-at, 0, 0))) for part, piece in turned]
