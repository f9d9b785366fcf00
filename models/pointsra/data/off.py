"""OFF, Geomview's object file format, as text: vertices, with colors in COFF, and polygons.

One vertex or face a line, as every program writes it. Normals, texture coordinates and the colors of faces are left
alone.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.polygons import mesh_of
from pointsra.data.readout import Readout, as_colors
from pointsra.data.text_rows import filled_lines, parse_rows, plain_text, refuse_cut, refuse_more, vertex_starts
from pointsra.errors import InputFileError

_HEADER = re.compile(rb"\s*((?:ST|C|N|4|n)*)OFF(?![A-Za-z_])\s*(.*)")


def read_off(path: Path) -> Readout:
    """Read an OFF file (OFF, COFF, NOFF, STOFF and their combinations).

    Args:
        path: the file.

    Returns:
        Its vertices (N, 3), colors (N, 3) where it is a COFF with some, and its faces as triangles (F, 3); no faces
        where it has none.

    Raises:
        InputFileError: not an OFF file, in its binary form or of other dimensions than three, or with rows that are
            missing, too short, or too many.
    """
    lines, numbers = filled_lines(plain_text(path, path.read_bytes()))
    head = _HEADER.match(lines[0]) if lines else None
    if head is None:
        raise InputFileError(f"{path}: not an off file that can be read; its first line is not OFF.")
    dress, rest = head[1], head[2]
    if b"4" in dress or b"n" in dress:
        raise InputFileError(f"{path}: its vertices have other coordinates than x, y and z ({lines[0].decode()}).")
    if rest.upper().startswith(b"BINARY"):
        raise InputFileError(f"{path}: this is OFF in its binary form; save it as text.")
    at = 1
    if not rest and len(lines) > 1:
        rest, at = lines[1], 2
    promised = re.match(rb"\s*(\d+)\s+(\d+)(?:\s+\d+)?\s*$", rest)
    if promised is None:
        raise InputFileError(
            f"{path}: not an off file that can be read, or cut short: it does not say how much it holds."
        )
    count, polygons = int(promised[1]), int(promised[2])
    refuse_cut(path, len(lines) - at, count, "vertex")
    refuse_cut(path, len(lines) - at - count, polygons, "face")
    refuse_more(path, len(lines) - at, count + polygons)
    end = at + count
    points, colors = _vertices(path, lines[at:end], numbers[at:end], dress)
    if not polygons:
        return Readout(points, colors)
    return mesh_of(path, points, colors, *_faces(path, lines[end:], numbers[end:]))


def _vertices(
    path: Path, rows: list[bytes], lines: list[int], dress: bytes
) -> tuple[NDArray[np.float64], NDArray[np.uint8] | None]:
    values, counts = parse_rows(path, rows, lines)
    starts = vertex_starts(path, counts, lines)
    points = values[starts[:, None] + np.arange(3)]
    first = 6 if b"N" in dress else 3  # normals go before colors
    if b"C" not in dress or not len(rows) or counts.min() < first + 3:
        return points, None
    return points, as_colors(values[starts[:, None] + np.arange(first, first + 3)])


def _faces(path: Path, rows: list[bytes], lines: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the vertices (M,) that faces name, and how many each does (P,)."""
    values, counts = parse_rows(path, rows, lines)
    starts = np.cumsum(counts) - counts
    stated = values[starts]
    short = np.flatnonzero(~((stated >= 0) & (stated == np.floor(stated)) & (counts > stated)))
    if len(short):
        row = short[0]
        raise InputFileError(
            f"{path}: line {lines[row]}: a face of {stated[row]:.12g} corners, of which {counts[row] - 1} are there."
        )
    corners = stated.astype(np.int64)
    places = np.repeat(starts + 1 - (np.cumsum(corners) - corners), corners) + np.arange(corners.sum())
    named = values[places]
    if (named != np.floor(named)).any():
        row = int(np.searchsorted(np.cumsum(corners), np.flatnonzero(named != np.floor(named))[0], side="right"))
        raise InputFileError(f"{path}: line {lines[row]}: a face names vertices by numbers that are not whole.")
    return named.astype(np.int64), corners
