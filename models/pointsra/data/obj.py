"""Wavefront OBJ: vertices, with colors where there are any, and faces.

A face names vertices by their number, or from -1 backward through those that stand above it; only its vertices are
read, not what textures and normals it names. Lines, points, curves, groups and materials are passed over.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.polygons import mesh_of
from pointsra.data.readout import Readout, as_colors
from pointsra.data.text_rows import parse_rows, plain_text, vertex_starts
from pointsra.errors import InputFileError

_CONTINUED = re.compile(rb"((?:[^\n]*\\[ \t]*\n)+)([^\n]*)")
_BREAK = re.compile(rb"\\[ \t]*\n")
_TEXTURE_AND_NORMAL = re.compile(rb"/\S*")


def read_obj(path: Path) -> Readout:
    """Read an OBJ file.

    Args:
        path: the file.

    Returns:
        All its vertices (N, 3), colors (N, 3) where every vertex has some (x y z r g b), and its faces as triangles
        (F, 3); no faces where it has none.

    Raises:
        InputFileError: a vertex of fewer than three numbers, a face with a vertex that is not there, or a word that is
            no number, named with its line.
    """
    text = plain_text(path, path.read_bytes())
    if b"\\" in text:  # the blank lines keep the numbers of those below
        text = _CONTINUED.sub(lambda m: _BREAK.sub(b" ", m[1]) + m[2] + b"\n" * m[1].count(b"\n"), text)
    vertices: list[bytes] = []
    vertex_lines: list[int] = []
    faces: list[bytes] = []
    face_lines: list[int] = []
    above: list[int] = []
    for number, line in enumerate(text.split(b"\n"), start=1):
        words = line.split(None, 1)
        if not words:
            continue
        rest = words[1] if len(words) == 2 else b""
        if words[0] == b"v":
            vertices.append(rest)
            vertex_lines.append(number)
        elif words[0] == b"f":
            faces.append(rest)
            face_lines.append(number)
            above.append(len(vertices))
    points, colors = _vertices(path, vertices, vertex_lines)
    if not faces:
        return Readout(points, colors)
    return mesh_of(path, points, colors, *_faces(path, faces, face_lines, np.array(above), len(points)))


def _vertices(path: Path, rows: list[bytes], lines: list[int]) -> tuple[NDArray[np.float64], NDArray[np.uint8] | None]:
    values, counts = parse_rows(path, rows, lines)
    starts = vertex_starts(path, counts, lines)
    points = values[starts[:, None] + np.arange(3)]
    if not len(rows) or counts.min() < 6:
        return points, None
    tints = values[starts[:, None] + np.arange(3, 6)]
    return points, as_colors(tints) if (tints >= 0).all() else None  # normals have negative numbers among them


def _faces(
    path: Path, rows: list[bytes], lines: list[int], above: NDArray[np.int64], vertices: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the vertices (M,) that faces name, and how many each does; ``above`` counts the vertices above each."""
    text = b"\n".join(rows)
    if b"/" in text:
        rows = _TEXTURE_AND_NORMAL.sub(b"", text).split(b"\n")
    values, counts = parse_rows(path, rows, lines)
    named = values.astype(np.int64)
    corners = np.where(named > 0, named - 1, np.repeat(above, counts) + named)
    wrong = np.flatnonzero((named == 0) | (corners < 0) | (corners >= vertices) | (named != values))
    if len(wrong):
        row = int(np.searchsorted(np.cumsum(counts), wrong[0], side="right"))
        number = values[wrong[0]]
        have = f"{above[row]} stand above it" if number < 0 else f"the file has {vertices}, numbered from 1"
        raise InputFileError(
            f"{path}: line {lines[row]}: a face names vertex {number:.12g}, which is not there; {have}."
        )
    return corners, counts
