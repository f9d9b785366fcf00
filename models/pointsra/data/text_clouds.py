"""Clouds written as text: xyz, pts, txt and csv, one point a line.

The delimiter (space, tab, comma, semicolon) is found out; a header that names x, y and z decides which columns they
are, else they are the first three. A first line with one whole number is the count of points, as in pts, and is
checked. Lines may end as on any system; a byte order mark is passed over. Blocks of text are parsed at once, so ten
million points are a matter of seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from pointsra.data.readout import Readout, as_colors
from pointsra.errors import InputFileError

_MARK = b"\xef\xbb\xbf"  # the byte order mark that some programs begin UTF-8 with
_BLOCK = 1 << 24  # bytes parsed at once
_COMMENTS = (b"#", b"//", b"%", b";;")
_COLOR_NAMES = (("r", "g", "b"), ("red", "green", "blue"), ("rf", "gf", "bf"))


@dataclass
class _Layout:
    """How the lines are to be read: what was learned from the head of the file."""

    start: int  # where the first row of numbers begins
    lines_before: int
    columns: int
    names: tuple[str, ...]
    promised: int | None
    table: bytes  # what turns any delimiter into a space, for bytes.translate


def read_text_cloud(path: Path) -> Readout:
    """Read a text cloud.

    Args:
        path: an xyz, pts, txt or csv file.

    Returns:
        Its points (N, 3), and colors (N, 3) where a header or the pts layout says there are some.

    Raises:
        InputFileError: no rows of numbers, a row that does not fit (named by line), or fewer rows than promised.
    """
    with _opened(path) as stream:
        layout = _look_at_head(path, stream)
        stream.seek(layout.start)
        rows = _parse(path, stream, layout)
    if layout.promised is not None and len(rows) != layout.promised:
        raise InputFileError(
            f"{path}: its first line promises {layout.promised} points, {len(rows)} are there; is it cut short?"
        )
    place = {name: column for column, name in reversed(list(enumerate(layout.names)))}
    axes = [place[axis] for axis in "xyz"] if place else [0, 1, 2]
    colors, notes = _colors(rows, place, path)
    return Readout(np.ascontiguousarray(rows[:, axes]), colors, notes=notes)


def _opened(path: Path) -> BinaryIO:
    """The file; where lines end in a carriage return alone, as a copy in memory with line feeds."""
    stream = path.open("rb")
    head = stream.read(1 << 16)
    stream.seek(0)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        stream.close()
        raise InputFileError(f"{path}: this is text in UTF-16; save it as UTF-8 or plain ASCII.")
    if b"\r" not in head or b"\n" in head:
        return stream
    with stream:
        return BytesIO(stream.read().replace(b"\r", b"\n"))


def _look_at_head(path: Path, stream: BinaryIO) -> _Layout:
    names: tuple[str, ...] = ()
    promised: int | None = None
    had_header = False
    start = lines = 0
    for line in stream:
        text = line.strip()
        if not start:
            text = text.removeprefix(_MARK)
        if b"\0" in line or len(line) > 1 << 16:
            break
        table = _table(text)
        fields = text.translate(table).split()
        if text.startswith(_COMMENTS) or not text:
            names = names or _header_names(text)
        elif _numbers(fields) >= 3:
            named = names if len(names) == len(fields) else ()
            mark = len(_MARK) if not start and line.startswith(_MARK) else 0
            return _Layout(start + mark, lines, len(fields), named, promised, table)
        elif promised is None and len(fields) == 1 and fields[0].isdigit():
            promised = int(fields[0])
        elif had_header or len(fields) < 3 or _numbers(fields):
            break
        else:
            names, had_header = _header_names(text), True
        start += len(line)
        lines += 1
    else:
        raise InputFileError(f"{path}: no line of it is x, y and z as numbers; is this a point cloud as text?")
    raise InputFileError(f"{path}: line {lines + 1} is not x, y and z as numbers; is this a point cloud as text?")


def _table(row: bytes) -> bytes:
    """Which characters separate fields; with a semicolon between fields, a comma is a decimal comma."""
    if b";" in row and b"," in row and b"." not in row:
        return bytes.maketrans(b";,\t", b" . ")
    return bytes.maketrans(b";,\t", b"   ")


def _numbers(fields: list[bytes]) -> int:
    """How many of the leading fields are numbers."""
    for count, each in enumerate(fields):
        try:
            float(each)
        except ValueError:
            return count
    return len(fields)


def _header_names(text: bytes) -> tuple[str, ...]:
    """The columns' names, () where x, y and z are not among them."""
    plain = text.decode("utf-8", "replace").lstrip("#/%; \ufeff").lower()
    names = tuple(name.strip("\"' ") for name in re.split(r"[\s,;]+", plain) if name.strip("\"' "))
    return names if {"x", "y", "z"} <= set(names) else ()


def _parse(path: Path, stream: BinaryIO, layout: _Layout) -> NDArray[np.float64]:
    blocks: list[NDArray[np.float64]] = []
    line = layout.lines_before
    rest = b""
    while True:
        piece = stream.read(_BLOCK)
        block = rest + piece
        if piece:
            end = block.rfind(b"\n") + 1
            block, rest = block[:end], block[end:]
            if len(rest) > _BLOCK:
                raise InputFileError(f"{path}: line {line + 1} has no end; is this a point cloud as text?")
        if block:
            blocks.append(_parse_block(path, block.translate(layout.table), layout.columns, line))
            line += block.count(b"\n")
        if not piece:
            return np.concatenate(blocks)


def _parse_block(path: Path, text: bytes, columns: int, lines_before: int) -> NDArray[np.float64]:
    """Parse whole lines into (n, columns); a line with another number of fields is named, never passed over."""
    codes = np.frombuffer(text if text.endswith(b"\n") else text + b"\n", dtype=np.uint8)
    blank = codes <= 32
    starts = ~blank
    starts[1:] &= blank[:-1]
    ends = np.flatnonzero(codes == 10)
    fields = np.diff(np.cumsum(starts, dtype=np.int64)[ends], prepend=0)
    wrong = (fields != columns) & (fields != 0)
    if not wrong.any():
        try:
            import warnings

            with warnings.catch_warnings():
                warnings.simplefilter("error")  # numpy only warns of text that is no number
                values = np.fromstring(text.decode("ascii"), dtype=np.float64, sep=" ")
            if values.size == int(fields.sum()):
                return values.reshape(-1, columns)
        except (ValueError, DeprecationWarning, UnicodeDecodeError):
            pass
    return _parse_slowly(path, text, columns, lines_before)


def _parse_slowly(path: Path, text: bytes, columns: int, lines_before: int) -> NDArray[np.float64]:
    """Line by line: for comments among the rows and words in the later columns, and to name the line at fault."""
    rows = []
    for number, line in enumerate(text.split(b"\n"), start=lines_before + 1):
        fields = line.split()
        if not fields or fields[0].startswith(_COMMENTS):
            continue
        if len(fields) != columns:
            raise InputFileError(f"{path}: line {number} has {len(fields)} columns, the first row has {columns}.")
        if _numbers(fields) < 3:
            raise InputFileError(f"{path}: line {number} is not x, y and z as numbers.")
        numbers = _numbers(fields)
        rows.append([float(each) for each in fields[:numbers]] + [np.nan] * (columns - numbers))
    return np.array(rows, dtype=np.float64).reshape(-1, columns)


def _colors(
    rows: NDArray[np.float64], place: dict[str, int], path: Path
) -> tuple[NDArray[np.uint8] | None, tuple[str, ...]]:
    for names in _COLOR_NAMES:
        if set(names) <= place.keys():
            return as_colors(rows[:, [place[name] for name in names]]), ()
    extra = rows.shape[1] - 3
    # pts is x y z intensity r g b; without a header, six columns may be normals or colors: bytes give it away.
    first = 4 if extra >= 4 and path.suffix.lower() == ".pts" else 3
    if not place and extra >= 3 and rows.shape[1] in (first + 3, first + 4):
        values = rows[:, first : first + 3]
        if ((values >= 0) & (values <= 255) & (values == np.round(values))).all() and values.max(initial=0) > 1:
            return as_colors(values), ()
    if extra > 0:
        return None, (f"{path.name}: took 3 of its {rows.shape[1]} columns as x, y and z.",)
    return None, ()
