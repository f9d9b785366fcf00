"""Plain binary PLY, as scanners and mesh tools write it most often, by numpy alone.

Plain is: little or big endian, vertices of single numbers with x, y and z, colors of one byte where there are any, then
nothing or triangles. Such a file is read in one step, without the half second that trimesh takes to be imported.
Anything else, and any doubt, is left to trimesh (``mesh_files``), which also says what is wrong with a damaged file.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.readout import Readout

_KINDS = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
_ENDIAN = {"binary_little_endian": "<", "binary_big_endian": ">"}
_LONGEST_HEADER = 1 << 14
_COLORS = ("red", "green", "blue")
_CORNERS = ("vertex_indices", "vertex_index")
_OTHER = ("s", "t", "u", "v", "texture_u", "texture_v")  # texture coordinates are for trimesh


def read_plain_ply(path: Path) -> Readout | None:
    """The contents of a plain PLY; None where the file is of another form, damaged, or not as long as it says.

    Raises:
        OSError: it cannot be opened.
    """
    with path.open("rb") as stream:
        head = stream.read(_LONGEST_HEADER)
        layout = _layout(head)
        if layout is None:
            return None
        start, rows, vertex, triangles, triangle = layout
        if path.stat().st_size != start + rows * vertex.itemsize + triangles * triangle.itemsize:
            return None
        stream.seek(start)
        table = np.fromfile(stream, dtype=vertex, count=rows)
        corners = np.fromfile(stream, dtype=triangle, count=triangles)
    if len(table) != rows or len(corners) != triangles or (corners["count"] != 3).any():
        return None
    points = np.empty((rows, 3), dtype=np.float64)
    for column, axis in enumerate("xyz"):
        points[:, column] = table[axis]
    colors: NDArray[np.uint8] | None = None
    if vertex.names is not None and "red" in vertex.names:
        colors = np.stack([table[name] for name in _COLORS], axis=1)
    return Readout(points, colors, corners["rows"].astype(np.int64) if triangles else None)


def _layout(head: bytes) -> tuple[int, int, np.dtype, int, np.dtype] | None:
    """Where the rows begin, the number and form of vertices, and the number and form of triangles."""
    text, mark, _ = head.partition(b"\nend_header\n")
    lines = [line.split() for line in text.decode("latin-1").split("\n")]
    if not mark or len(lines) < 2 or lines[0] != ["ply"] or lines[1][:1] != ["format"] or len(lines[1]) != 3:
        return None
    order = _ENDIAN.get(lines[1][1])
    elements: list[tuple[str, int, list[list[str]]]] = []
    for words in lines[2:]:
        if words[:1] == ["element"] and len(words) == 3 and re.fullmatch(r"\d{1,12}", words[2]):
            elements.append((words[1], int(words[2]), []))
        elif words[:1] == ["property"] and elements:
            elements[-1][2].append(words[1:])
        elif words[:1] not in (["comment"], ["obj_info"]):
            return None
    if order is None or [name for name, _, _ in elements] not in (["vertex"], ["vertex", "face"]):
        return None
    _, rows, properties = elements[0]
    vertex = _vertex(properties, order)
    triangles, triangle = 0, _triangle([["list", "uchar", "int", _CORNERS[0]]], order)
    if len(elements) == 2:
        triangles, triangle = elements[1][1], _triangle(elements[1][2], order)
    if not rows or vertex is None or triangle is None:
        return None
    return len(text) + len(mark), rows, vertex, triangles, triangle


def _vertex(properties: list[list[str]], order: str) -> np.dtype | None:
    fields = [(words[1], words[0]) for words in properties if len(words) == 2 and words[0] in _KINDS]
    names = [name for name, _ in fields]
    tinted = [kind for name, kind in fields if name in _COLORS]
    known = len(fields) == len(properties) and len(set(names)) == len(names) and {"x", "y", "z"} <= set(names)
    if (
        not known
        or set(_OTHER) & set(names)
        or len(tinted) not in (0, 3)
        or any(_KINDS[kind] != "u1" for kind in tinted)
    ):
        return None
    return np.dtype([(name, order + _KINDS[kind]) for name, kind in fields])


def _triangle(properties: list[list[str]], order: str) -> np.dtype | None:
    if len(properties) != 1 or len(properties[0]) != 4:
        return None
    word, count, corner, name = properties[0]
    whole = count in _KINDS and corner in _KINDS and "f" not in _KINDS[count] + _KINDS[corner]
    if word != "list" or name not in _CORNERS or not whole:
        return None
    return np.dtype([("count", order + _KINDS[count]), ("rows", order + _KINDS[corner], 3)])
