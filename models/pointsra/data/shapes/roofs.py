"""Blocks of a building: four walls with framed windows, and the roof over them. Knows no class."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly
from pointsra.data.shapes.hollow import walls
from pointsra.data.shapes.meshes import Floats, Mesh, box, loft, move, rotate


def extruded(outline: Floats, ends: tuple[float, float]) -> Mesh:
    """Extrude a convex outline (P, 2) of x and y along z."""
    return loft(np.stack([np.column_stack([outline, np.full(len(outline), z)]) for z in ends]))


def roof_over(
    kind: str, size: tuple[float, float], rise: float, over: float, thick: float
) -> tuple[list[Mesh], list[Mesh]]:
    """Return gable walls and roof over a rectangle (x, z) at y = 0, the ridge along z."""
    half, deep = size[0] / 2, size[1] / 2
    if kind == "flat":
        rim = max(over, 0.15)
        edge = [move(each, (0, thick, 0)) for each in walls((2 * half + rim, 0.25 + over, 2 * deep + rim), 0.25)]
        return [], [box((0, thick / 2, 0), (2 * half + rim, thick, 2 * deep + rim)), *edge]
    if kind == "hip":
        low = np.array(
            [
                (-half - over, -deep - over),
                (half + over, -deep - over),
                (half + over, deep + over),
                (-half - over, deep + over),
            ]
        )
        top = np.array([(-0.05, -1.0), (0.05, -1.0), (0.05, 1.0), (-0.05, 1.0)]) * np.array(
            [1.0, max(deep - half, 0.05)]
        )
        rings = [np.insert(r, 1, y, axis=1) for r, y in ((low, -thick / 2), (low, thick / 2), (top, rise + thick / 2))]
        return [], [loft(np.array(rings))]
    line = np.array([(-half, 0.0), (0.0, rise), (half, 0.0)])
    if kind == "gambrel":
        line = np.array(
            [(-half, 0.0), (-half * 0.68, rise * 0.66), (0.0, rise), (half * 0.68, rise * 0.66), (half, 0.0)]
        )
    cover = []
    for start, end, lower in zip(line[:-1], line[1:], range(len(line) - 1), strict=True):
        along = (end - start) / np.sqrt((end - start) @ (end - start))
        a = start - along * over * (lower == 0)
        b = end + along * over * (lower == len(line) - 2)
        up = np.array([-along[1], along[0]]) * thick
        cover.append(extruded(np.array([a, b, b + up, a + up]), (-deep - over, deep + over)))
    return [extruded(line, (-deep, deep))], cover


def windows(size: tuple[float, float, float], floors: int, spacing: float, share: float) -> list[Mesh]:
    """Return framed windows that stand out of the four walls of a block (x, y, z) on y = 0."""
    wide, high, deep = size
    story, pieces = high / floors, []
    for along, out, turned in ((wide, deep / 2, False), (deep, wide / 2, True)):
        count = max(1, round(along / spacing))
        w, h = along / count * share, story * (0.35 + share * 0.35)
        for floor in range(floors):
            for i in range(count):
                at, y = (i + 0.5) * along / count - along / 2, (floor + 0.55) * story
                for side in (-out, out):
                    place, extents = ((side, y, at), (0.2, h, w)) if turned else ((at, y, side), (w, h, 0.2))
                    pieces.append(box(place, extents))
    return pieces


def block(
    asm: Assembly,
    size: tuple[float, float, float],
    roof: str,
    rise: float,
    place: tuple[float, float, float] = (0, 0, 0),
    turn: float = 0.0,
    over: float = 0.4,
    floors: int = 0,
    spacing: float = 3.0,
    share: float = 0.4,
) -> None:
    """Add a block of walls with a roof on it, its ridge along z before turning about y by ``turn`` degrees."""
    wide, high, deep = size
    gables, cover = roof_over(roof, (wide, deep), rise, over, 0.25)
    body = [box((0, high / 2, 0), size), *[move(each, (0, high, 0)) for each in gables]]
    body += windows(size, floors, spacing, share) if floors else []
    asm.add("wall", *[move(rotate(each, "y", turn), place) for each in body])
    asm.add("roof", *[move(rotate(each, "y", turn), (place[0], place[1] + high, place[2])) for each in cover])
