"""Clouds written as text: xyz, pts, txt and csv, one point a line.

How the lines are laid out is found in ``text_layout``: a header that names x, y and z decides which columns they are,
else they are the first three. A first line with one whole number is the count of points, as in pts, and is checked.
Lines may end as on any system; a byte order mark is passed over. Blocks of text are parsed at once, so ten million
points are a matter of seconds.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from pointsra.data.readout import Readout, as_colors
from pointsra.data.text_layout import COMMENTS, Layout, count_numbers, look_at_head
from pointsra.data.text_rows import refuse_utf16
from pointsra.errors import InputFileError

_BLOCK = 1 << 24  # bytes parsed at once
_COLOR_NAMES = (("r", "g", "b"), ("red", "green", "blue"), ("rf", "gf", "bf"))


def read_text_cloud(path: Path) -> Readout:
    """Read a text cloud.

    Args:
        path: an xyz, pts, txt or csv file.

    Returns:
        Its points (N, 3), and colors (N, 3) where a header or the pts layout says there are some.

    Raises:
        InputFileError: no rows of numbers, a header or a row that does not fit (named by line), or fewer rows than
            promised.
    """
    with _opened(path) as stream:
        layout = look_at_head(path, stream)
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
    try:
        refuse_utf16(path, head)
    except InputFileError:
        stream.close()
        raise
    if b"\r" not in head or b"\n" in head:
        return stream
    with stream:
        return BytesIO(stream.read().replace(b"\r", b"\n"))


def _parse(path: Path, stream: BinaryIO, layout: Layout) -> NDArray[np.float64]:
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
        if not fields or fields[0].startswith(COMMENTS):
            continue
        if len(fields) != columns:
            raise InputFileError(f"{path}: line {number} has {len(fields)} columns, the first row has {columns}.")
        if count_numbers(fields) < 3:
            raise InputFileError(f"{path}: line {number} is not x, y and z as numbers.")
        numbers = count_numbers(fields)
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
