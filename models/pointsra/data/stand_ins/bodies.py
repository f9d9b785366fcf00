"""Objects of which stand-ins are made: the embedded shapes, and the plain ones that they lack, under one name each."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointsra.data.shapes import CLASS_NAMES, generate
from pointsra.data.shapes.designs import Design
from pointsra.data.stand_ins import fittings, gadgets, household, road_users

Floats = NDArray[np.float64]

_PLAIN: dict[str, tuple[Callable[[np.random.Generator], Design], tuple[str, ...]]] = {
    "bag": (household.bag, ("body", "handle")),
    "bathtub": (fittings.bathtub, ("tub", "faucet")),
    "bench": (household.bench, ("seat", "back", "leg")),
    "bin": (household.trash_bin, ("body", "lid")),
    "board": (fittings.board, ("board", "tray")),
    "bowl": (household.bowl, ("body", "foot")),
    "box": (household.carton, ("body", "flap")),
    "cap": (gadgets.cap, ("crown", "brim")),
    "cone": (household.cone, ("body", "base")),
    "counter": (fittings.counter, ("top", "body", "handle")),
    "curtain": (fittings.curtain, ("cloth", "rod")),
    "cyclist": (road_users.cyclist, ("body", "bicycle")),
    "display": (household.display, ("screen", "stand")),
    "door": (fittings.door, ("leaf", "frame", "handle")),
    "earphone": (gadgets.earphone, ("cup", "band", "cord")),
    "knife": (gadgets.knife, ("blade", "handle")),
    "laptop": (household.laptop, ("keyboard", "screen")),
    "motorbike": (gadgets.motorbike, ("gas tank", "seat", "wheel", "handle", "light", "frame")),
    "pedestrian": (road_users.pedestrian, ("body",)),
    "person sitting": (road_users.person_sitting, ("body", "seat")),
    "picture": (fittings.framed, ("picture", "frame")),
    "pillow": (household.pillow, ("body",)),
    "pistol": (gadgets.pistol, ("barrel", "handle", "trigger")),
    "plant": (household.plant, ("pot", "leaf")),
    "pole": (road_users.pole, ("pole", "head")),
    "refrigerator": (fittings.refrigerator, ("body", "door", "handle")),
    "rocket": (gadgets.rocket, ("body", "fin", "nose")),
    "sink": (fittings.sink, ("basin", "faucet", "support")),
    "skateboard": (gadgets.skateboard, ("wheel", "deck", "axle")),
    "stairs": (fittings.stairs, ("step", "rail")),
    "toilet": (fittings.toilet, ("bowl", "seat", "cistern")),
    "trailer": (road_users.trailer, ("body", "wheel")),
    "tram": (road_users.tram, ("body", "wheel")),
    "tree": (road_users.tree, ("trunk", "crown")),
    "truck": (road_users.truck, ("body", "wheel")),
    "van": (road_users.van, ("body", "wheel")),
    "window": (fittings.window, ("pane", "frame")),
}

KINDS: tuple[str, ...] = (*CLASS_NAMES, *_PLAIN)
"""Every object there is, by name."""


@dataclass(frozen=True)
class Body:
    """One object in meters, standing on y = 0, front toward +z.

    Attributes:
        kind: one of ``KINDS``.
        vertices: (V, 3) float64.
        faces: (F, 3) int32.
        face_parts: (F,) uint8, indices into ``part_names``.
        part_names: its parts.
        caption: one English phrase.
    """

    kind: str
    vertices: Floats
    faces: NDArray[np.int32]
    face_parts: NDArray[np.uint8]
    part_names: tuple[str, ...]
    caption: str


@dataclass(frozen=True)
class Samples:
    """Points on surfaces: points (N, 3) and outward normals (N, 3) float64, and the face (N,) each lies on."""

    points: Floats
    normals: Floats
    faces: NDArray[np.int64]


def make_body(kind: str, index: int, seed: int) -> Body:
    """Make object number ``index`` of a kind.

    Args:
        kind: one of ``KINDS``.
        index: which, from 0.
        seed: which collection, from 0.
    """
    if kind not in _PLAIN:
        shape = generate(index, seed, kind)
        vertices = shape.vertices.astype(np.float64)
        return Body(kind, vertices, shape.faces, shape.face_parts, shape.part_names, shape.caption)
    design, part_names = _PLAIN[kind]
    made = design(np.random.default_rng([seed, index, zlib.crc32(kind.encode())]))
    return Body(kind, made.vertices, made.faces, made.face_parts, part_names, made.caption)


def sample_faces(
    vertices: Floats, faces: NDArray[np.integer], count: int, rng: np.random.Generator, *, in_order: bool = False
) -> Samples:
    """Sample points uniformly by area.

    Args:
        vertices: (V, 3).
        faces: (F, 3).
        count: N.
        rng: source of randomness.
        in_order: give them in the order of the faces, which is quicker for very many.
    """
    corners = vertices[faces]
    first, along, across = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    cross = np.cross(along, across)
    double_area = np.sqrt((cross**2).sum(axis=1))
    bounds = np.cumsum(double_area)
    draws = np.sort(rng.random(count)) if in_order else rng.random(count)
    chosen = np.searchsorted(bounds, draws * bounds[-1], side="right").clip(max=len(faces) - 1)
    u, v = rng.random((2, count, 1))
    over = u + v > 1
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    points = first[chosen] + u * along[chosen] + v * across[chosen]
    normals = cross[chosen] / np.maximum(double_area[chosen, None], 1e-12)
    return Samples(points, normals, chosen)


def area(vertices: Floats, faces: NDArray[np.integer]) -> float:
    """The area of a mesh (V, 3), (F, 3)."""
    corners = vertices[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.sqrt((cross**2).sum(axis=1)).sum() / 2)


def unit(points: Floats) -> Floats:
    """Center points (N, 3) on their mean and bring the farthest to distance 1."""
    centered = points - points.mean(axis=0)
    return centered / np.sqrt((centered**2).sum(axis=1)).max()


def turned(points: Floats, radians: float) -> Floats:
    """Turn points (N, 3) about +y; a quarter turn takes the front from +z to +x."""
    cos, sin = np.cos(radians), np.sin(radians)
    x, y, z = points.T
    return np.stack([cos * x + sin * z, y, cos * z - sin * x], axis=1)


def kinds_in_turn(kinds: tuple[str, ...], count: int) -> list[tuple[str, int]]:
    """Deal ``count`` objects over kinds in turn: (kind, its number among its kind)."""
    return [(kinds[index % len(kinds)], index // len(kinds)) for index in range(count)]
