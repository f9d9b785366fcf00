"""PLY in all its forms: text and binary, elements and lists of any kind and order; vertices, faces and strips are read.

Binary rows that are all of one length, as scanners and mesh tools write them most often, are read in one step.
Otherwise the rows of an element are found one by one, and each property of all rows is then taken at once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsra.data.ply_header import Element, PlyHeader, read_ply_header
from pointsra.data.polygons import mesh_of, unroll
from pointsra.data.readout import Readout, as_colors
from pointsra.data.text_rows import filled_lines, line_feeds, parse_rows, refuse_cut, refuse_more
from pointsra.errors import InputFileError

_AXES, _COLORS = ("x", "y", "z"), ("red", "green", "blue")
_CORNERS = ("vertex_indices", "vertex_index")
_LETTERS = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I"}


@dataclass(frozen=True)
class _Columns:
    """What the R rows of an element hold, by the names of its properties.

    Attributes:
        numbers: (R,) of each property that is one number.
        lists: of each list the numbers (M,), one row after the other, and how many each row has (R,).
    """

    numbers: dict[str, NDArray[Any]] = field(default_factory=dict)
    lists: dict[str, tuple[NDArray[Any], NDArray[np.int64]]] = field(default_factory=dict)


def read_ply(path: Path) -> Readout:
    """Read a PLY file.

    Args:
        path: the file.

    Returns:
        All its vertices (N, 3), in text with every digit that is written, whatever the header calls their type; colors
        (N, 3) where vertices have red, green and blue; faces and strips as triangles (F, 3), where it has some.

    Raises:
        InputFileError: not a PLY file, without x, y and z, cut short, or with more rows or numbers than it promises.
        OSError: it cannot be opened.
    """
    content = path.read_bytes()
    header = read_ply_header(path, content)
    promised = {element.name: element for element in header.elements}
    axes = {each.name for each in promised["vertex"].properties if each.count is None} if "vertex" in promised else {}
    if not {*_AXES} <= {*axes}:
        raise InputFileError(f"{path}: its ply header has no vertices with x, y and z.")
    elements = (_read_binary if header.order else _read_text)(path, content, header)
    if not promised["vertex"].rows:
        return Readout(np.empty((0, 3)))
    vertex = elements["vertex"].numbers
    points = np.empty((promised["vertex"].rows, 3), dtype=np.float64)
    for column, axis in enumerate(_AXES):
        points[:, column] = vertex[axis]
    return mesh_of(path, points, _colors(vertex), *_polygons(path, elements))


def _colors(vertex: dict[str, NDArray[Any]]) -> NDArray[np.uint8] | None:
    if not {*_COLORS} <= vertex.keys():
        return None
    colors = np.stack([vertex[name] for name in _COLORS], axis=1)
    return colors if colors.dtype == np.uint8 else as_colors(colors)


def _polygons(path: Path, elements: dict[str, _Columns]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Corners (M,) of all faces and of the triangles of all strips, and how many each has (P,)."""
    corners, counts = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for name in [name for name in ("face", "tristrips") if name in elements]:
        lists = elements[name].lists
        key = next((each for each in _CORNERS if each in lists), next(iter(lists)) if len(lists) == 1 else None)
        if key is None:
            raise InputFileError(f"{path}: its ply header has {name} rows without a list of vertex_indices.")
        named, lengths = lists[key]
        if named.dtype.kind == "f" and not (named == np.floor(named)).all():
            raise InputFileError(f"{path}: damaged: its {name} rows name vertices by numbers that are not whole.")
        named = named.astype(np.int64)
        if name == "tristrips":
            triangles = unroll(named, lengths)
            named, lengths = triangles.reshape(-1), np.full(len(triangles), 3)
        corners.append(named)
        counts.append(lengths)
    return np.concatenate(corners), np.concatenate(counts)


def _read_binary(path: Path, content: bytes, header: PlyHeader) -> dict[str, _Columns]:
    elements: dict[str, _Columns] = {}
    at = header.start
    for element in header.elements:
        least = sum(int((each.count or each.kind)[1]) for each in element.properties)
        left = len(content) - at
        if element.rows * least > left:  # before anything of that size is made
            refuse_cut(path, left // least, element.rows, element.name)
        if not element.rows or not least:
            continue
        even = _even_row(content, at, element, header.order)
        if even is not None and element.rows * even.itemsize <= left:
            columns = _table(np.frombuffer(content, dtype=even, count=element.rows, offset=at), element)
            if columns is not None:
                elements[element.name] = columns
                at += element.rows * even.itemsize
                continue
        starts, at = _uneven_rows(path, content, at, element, header.order)
        elements[element.name] = _walk(element, starts, _bytes_at(content, header.order), lambda kind: int(kind[1]))
    if at < len(content):
        raise InputFileError(f"{path}: {len(content) - at} bytes stand after its last row; is it whole?")
    return elements


def _even_row(content: bytes, at: int, element: Element, order: str) -> np.dtype | None:
    """A row as the first one is laid out, if it is there in whole."""
    fields: list[tuple[str, str] | tuple[str, str, tuple[int]]] = []
    for number, each in enumerate(element.properties):
        if each.count is None:
            fields.append((f"{number}", order + each.kind))
            at += int(each.kind[1])
            continue
        width = int(each.count[1])
        if at + width > len(content):
            return None
        (length,) = struct.unpack_from(order + _LETTERS[each.count], content, at)
        at += width + length * int(each.kind[1])
        if length < 0 or at > len(content):
            return None
        fields += [(f"count {number}", order + each.count), (f"{number}", order + each.kind, (length,))]
    return np.dtype(fields)


def _table(rows: NDArray[Any], element: Element) -> _Columns | None:
    """Columns of rows that are laid out like the first; None where the lists of another have another length."""
    columns = _Columns()
    for number, each in enumerate(element.properties):
        values = rows[f"{number}"]
        if each.count is None:
            columns.numbers[each.name] = values
            continue
        counts = rows[f"count {number}"].astype(np.int64)
        if (counts != values.shape[1]).any():
            return None
        columns.lists[each.name] = values.reshape(-1), counts
    return columns


def _uneven_rows(path: Path, content: bytes, at: int, element: Element, order: str) -> tuple[NDArray[np.int64], int]:
    """Where each row begins (R,), and where the last ends."""
    steps: list[tuple[int, Callable[..., tuple[Any, ...]], int, int]] = []
    plain = 0
    for each in element.properties:
        if each.count is None:
            plain += int(each.kind[1])
        else:
            unpack = struct.Struct(order + _LETTERS[each.count]).unpack_from
            steps.append((plain, unpack, int(each.count[1]), int(each.kind[1])))
            plain = 0
    starts = np.empty(element.rows, dtype=np.int64)
    size = len(content)
    for row in range(element.rows):
        starts[row] = at
        try:
            for before, unpack, width, itemsize in steps:
                at += before
                (length,) = unpack(content, at)
                if length < 0:
                    raise InputFileError(f"{path}: damaged: {element.name} {row + 1} has a list of {length} numbers.")
                at += width + length * itemsize
        except struct.error:
            at = size + 1
        at += plain
        if at > size:
            refuse_cut(path, row, element.rows, element.name)
    return starts, at


def _bytes_at(content: bytes, order: str) -> Callable[[NDArray[np.int64], str], NDArray[Any]]:
    """Numbers of one kind that begin at some bytes."""
    raw = np.frombuffer(content, dtype=np.uint8)

    def gather(places: NDArray[np.int64], kind: str) -> NDArray[Any]:
        found = np.empty((len(places), int(kind[1])), dtype=np.uint8)
        for byte in range(found.shape[1]):
            found[:, byte] = raw[places + byte]
        return found.view(order + kind).reshape(-1)

    return gather


def _walk(
    element: Element,
    starts: NDArray[np.int64],
    gather: Callable[[NDArray[np.int64], str], NDArray[Any]],
    width: Callable[[str], int],
) -> _Columns:
    """Take one property after the other from rows that begin at ``starts`` and are known to be whole."""
    columns = _Columns()
    at = starts
    for each in element.properties:
        if each.count is None:
            columns.numbers[each.name] = gather(at, each.kind)
            at = at + width(each.kind)
            continue
        counts = gather(at, each.count).astype(np.int64)
        at = at + width(each.count)
        before = np.cumsum(counts) - counts
        steps = np.arange(counts.sum()) - np.repeat(before, counts)
        values = gather(np.repeat(at, counts) + steps * width(each.kind), each.kind)
        columns.lists[each.name] = values, counts
        at = at + counts * width(each.kind)
    return columns


def _read_text(path: Path, content: bytes, header: PlyHeader) -> dict[str, _Columns]:
    lines, numbers = filled_lines(line_feeds(content[header.start :]), header.lines + 1)
    elements: dict[str, _Columns] = {}
    at = 0
    for element in header.elements:
        if not element.properties or not element.rows:
            continue
        end = at + element.rows
        refuse_cut(path, len(lines) - at, element.rows, element.name)
        values, counts = parse_rows(path, lines[at:end], numbers[at:end])
        starts = np.cumsum(counts) - counts
        wrong = np.flatnonzero(_stated(element, values, starts, counts) != counts)
        if len(wrong):
            raise InputFileError(
                f"{path}: line {numbers[at + wrong[0]]}: {counts[wrong[0]]} numbers, more or fewer than its header and "
                f"lists state for a {element.name}; is it cut short?"
            )
        elements[element.name] = _walk(element, starts, _numbers_at(values), lambda kind: 1)
        at = end
    refuse_more(path, len(lines), at)
    return elements


def _numbers_at(values: NDArray[np.float64]) -> Callable[[NDArray[np.int64], str], NDArray[Any]]:
    """Numbers of text at some places of all: of every digit, whole where their kind is and they are."""

    def gather(places: NDArray[np.int64], kind: str) -> NDArray[Any]:
        found = values[places]
        whole = kind[0] != "f" and (found == np.floor(found)).all() and (np.abs(found) < 2**53).all()
        return found.astype(np.int64) if whole else found

    return gather


def _stated(
    element: Element, values: NDArray[np.float64], starts: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many numbers each row must have (R,), by its properties and as far as its lists can be followed."""
    needed = np.zeros(len(starts), dtype=np.int64)
    for each in element.properties:
        inside = needed < counts
        needed = needed + 1
        if each.count is not None:
            lengths = np.zeros(len(starts))
            lengths[inside] = values[(starts + needed - 1)[inside]]
            sound = (lengths >= 0) & (lengths == np.floor(lengths)) & (lengths < values.size + 1)
            needed = needed + np.where(sound, lengths, values.size + 1).astype(np.int64)
    return needed
