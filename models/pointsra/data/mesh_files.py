"""Meshes, and clouds in mesh formats (ply, obj, off, stl, glb, gltf); and points on a surface."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.obj import read_obj
from pointsra.data.off import read_off
from pointsra.data.ply import read_ply
from pointsra.data.polygons import check_corners
from pointsra.data.readout import Readout
from pointsra.data.trimesh_files import read_by_trimesh
from pointsra.errors import InputFileError

_READERS = {".ply": read_ply, ".obj": read_obj, ".off": read_off}


def read_mesh_file(path: Path) -> Readout:
    """Read a mesh or a cloud; the parts of a scene are put in their places and joined.

    Args:
        path: a ply, obj, off, stl, glb or gltf file.

    Returns:
        Vertices (N, 3) and faces (F, 3), or points and no faces where the file has none.

    Raises:
        InputFileError: damaged, cut short, or empty.
    """
    read = _READERS.get(path.suffix.lower())
    readouts = read_by_trimesh(path) if read is None else [read(path)]
    if not sum(len(each.points) for each in readouts):
        raise InputFileError(f"{path}: holds no points; it is empty, cut short or of another format.")
    for each in readouts:
        if each.faces is not None:
            check_corners(path, each.faces, len(each.points))
    return _joined(readouts)


def sample_surface(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    count: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]] | None:
    """Draw points uniformly by area.

    Args:
        vertices: (V, 3) finite.
        faces: (F, 3) rows of ``vertices``.
        count: N.
        rng: source of randomness.

    Returns:
        Points (N, 3), the face each lies on (N,), and its weights on that face's corners (N, 3); None where the
        faces have no area.
    """
    corners = vertices[faces]
    first, edge_a, edge_b = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    bounds = np.cumsum(np.linalg.norm(np.cross(edge_a, edge_b), axis=1))
    if not len(bounds) or not bounds[-1] > 0:
        return None
    chosen = np.minimum(np.searchsorted(bounds, rng.random(count) * bounds[-1], side="right"), len(bounds) - 1)
    u, v = rng.random((2, count))
    over = u + v > 1
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    points = first[chosen] + u[:, None] * edge_a[chosen] + v[:, None] * edge_b[chosen]
    return points, chosen, np.stack([1 - u - v, u, v], axis=1)


def _joined(readouts: list[Readout]) -> Readout:
    if len(readouts) == 1:
        return readouts[0]
    if any(each.faces is not None for each in readouts):
        notes = ()
        meshes = [each for each in readouts if each.faces is not None]
        if len(meshes) < len(readouts):
            left_out = len(readouts) - len(meshes)
            notes = (f"{left_out} part{'s' * (left_out > 1)} of the scene without faces left out.",)
        starts = np.cumsum([0] + [len(each.points) for each in meshes])
        faces = [each.faces + start for each, start in zip(meshes, starts[:-1], strict=True) if each.faces is not None]
        return Readout(_points(meshes), _colors(meshes), np.concatenate(faces), notes)
    return Readout(_points(readouts), _colors(readouts))


def _points(readouts: list[Readout]) -> NDArray[np.float64]:
    return np.concatenate([each.points for each in readouts])


def _colors(readouts: list[Readout]) -> NDArray[np.uint8] | None:
    found = [each.colors for each in readouts if each.colors is not None]
    return np.concatenate(found) if len(found) == len(readouts) else None
