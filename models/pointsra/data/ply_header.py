"""The header of a PLY file: in which form its rows are written, and what each holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pointsra.errors import InputFileError

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
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_END = re.compile(rb"[\r\n][ \t]*end_header[ \t]*(\r\n|\n|\r|$)")
_OLD_END = re.compile(rb"\r[ \t]*end_header[ \t]*\r")  # a line feed behind it is the first byte of the rows


@dataclass(frozen=True)
class Property:
    """One number, or a list of numbers, of each row.

    Attributes:
        name: "x", "vertex_indices".
        kind: numpy's name of the type, without the order of bytes.
        count: that of the number before a list which says how long it is; None where it is no list.
    """

    name: str
    kind: str
    count: str | None = None


@dataclass(frozen=True)
class Element:
    """Rows of one kind, one after the other.

    Attributes:
        name: "vertex", "face".
        rows: how many the header promises.
        properties: what each row holds, in order.
    """

    name: str
    rows: int
    properties: tuple[Property, ...]


@dataclass(frozen=True)
class PlyHeader:
    """What a header says.

    Attributes:
        order: "<" or ">" where rows are binary, "" where they are text.
        elements: in the order of the file.
        start: the byte at which the rows begin.
        lines: how many the header has.
    """

    order: str
    elements: tuple[Element, ...]
    start: int
    lines: int


def read_ply_header(path: Path, content: bytes) -> PlyHeader:
    """Parse the header.

    Args:
        path: the file, for what is said of it.
        content: its bytes.

    Raises:
        InputFileError: not a PLY file, its header cut short, of an unknown form or type, or contradicting itself.
    """
    first = re.match(rb"(?:\xef\xbb\xbf)?\s*ply[ \t]*(\r\n|\n|\r)", content)
    if first is None:
        raise InputFileError(f"{path}: not a ply file that can be read; its first line is not ply.")
    end = (_OLD_END if first[1] == b"\r" else _END).search(content, first.end() - 1)
    if end is None:
        raise InputFileError(f"{path}: not a ply file that can be read, or cut short; its header has no end.")
    lines = (
        re.split("\r\n|\n|\r", content[first.end() : end.start()].decode("latin-1"))
        if end.start() > first.end()
        else []
    )
    order: str | None = None
    elements: list[tuple[str, int, list[Property]]] = []
    for number, line in enumerate(lines, start=2):
        words = line.split()
        match words:
            case [] | ["comment" | "obj_info", *_]:
                pass
            case ["format", form, _] if form in _ORDERS:
                order = _ORDERS[form]
            case ["element", name, rows] if rows.isascii() and rows.isdigit() and len(rows) < 16:
                elements.append((name, int(rows), []))
            case ["property", "list", count, kind, *name] if (
                elements and kind in _KINDS and _KINDS.get(count, "f")[0] != "f"
            ):
                elements[-1][2].append(Property(" ".join(name), _KINDS[kind], _KINDS[count]))
            case ["property", kind, *name] if elements and kind in _KINDS:
                elements[-1][2].append(Property(" ".join(name), _KINDS[kind]))
            case _:
                raise _unknown(path, number, line)
    if order is None:
        raise InputFileError(f"{path}: its ply header has no format line.")
    found = tuple(Element(name, rows, tuple(properties)) for name, rows, properties in elements)
    for each in (found, *(element.properties for element in found)):
        names = [item.name for item in each]
        if len(set(names)) < len(names):
            raise InputFileError(f"{path}: its ply header names {max(names, key=names.count)} twice.")
    return PlyHeader(order, found, end.end(), len(lines) + 2)


def _unknown(path: Path, number: int, line: str) -> InputFileError:
    return InputFileError(f"{path}: line {number} of its ply header is not known: {' '.join(line.split())[:60]!r}.")
