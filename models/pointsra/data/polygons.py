"""Faces of any number of corners as triangles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.readout import Readout
from pointsra.errors import InputFileError


def fan(corners: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cut polygons into triangles that all have the polygon's first corner.

    Args:
        corners: (M,) rows of the vertices, one polygon after the other.
        counts: (P,) corners of each, M in all.

    Returns:
        (F, 3), in the order and with the winding of the polygons; those of fewer than three corners have no surface.
    """
    if (counts == 3).all():
        return corners.reshape(-1, 3)
    pieces = np.maximum(counts - 2, 0)
    firsts = np.repeat(np.cumsum(counts) - counts, pieces)
    seconds = firsts + 1 + np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return np.stack([corners[firsts], corners[seconds], corners[seconds + 1]], axis=1)


def mesh_of(
    path: Path,
    points: NDArray[np.float64],
    colors: NDArray[np.uint8] | None,
    corners: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> Readout:
    """Vertices and polygons as a mesh, or a cloud where no polygon has three corners; those with fewer are counted.

    Args:
        path: the file, whose name goes into the note.
        points: (N, 3).
        colors: (N, 3), or None.
        corners: (M,) rows of ``points``, one polygon after the other.
        counts: (P,) corners of each, M in all.
    """
    few = int((counts < 3).sum())
    note = f"{path.name}: {few} of its {len(counts)} faces have fewer than three corners and were left out."
    faces = fan(corners, counts)
    return Readout(points, colors, faces if len(faces) else None, (note,) if few else ())


def unroll(strips: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The triangles of strips: every three vertices that follow one another, every second triangle turned back.

    Args:
        strips: (M,) rows of the vertices, -1 where a strip ends and another begins.
        counts: (R,) numbers in each row, M in all; a strip also ends with its row.

    Returns:
        (F, 3) without those that name a vertex twice, which only lead from one part of a strip to the next.
    """
    ended = np.insert(strips, np.cumsum(counts), -1)
    places = np.arange(len(ended))
    stops = np.maximum.accumulate(np.where(ended == -1, places, -1)) if len(ended) else places
    triples = np.stack([ended[:-2], ended[1:-1], ended[2:]], axis=1)
    odd = (places - stops - 1)[: len(triples)] % 2 == 1
    triples[odd] = triples[odd][:, [1, 0, 2]]
    first, second, third = triples.T
    kept = (triples != -1).all(axis=1) & (first != second) & (second != third) & (first != third)
    return triples[kept]


def check_corners(path: Path, faces: NDArray[np.int64], count: int) -> None:
    """Refuse faces (F, 3) that name vertices which are not among ``count``.

    Raises:
        InputFileError: one does.
    """
    if len(faces) and not 0 <= faces.min() <= faces.max() < count:
        raise InputFileError(
            f"{path}: damaged: a face names a vertex that is not there (its {count} vertices are "
            f"numbered from 0, its faces name {faces.min()} to {faces.max()})."
        )
