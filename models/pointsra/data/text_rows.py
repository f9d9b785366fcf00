"""Lines of the text formats of meshes (obj, off, ply), and the numbers in them.

Where a file goes wrong its line is named. Clouds as text, whose layout has to be found first, are for ``text_clouds``.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.errors import InputFileError

_COMMENT = re.compile(rb"#[^\n]*")


def refuse_utf16(path: Path, head: bytes) -> None:
    """Refuse text whose first bytes are the mark of UTF-16.

    Raises:
        InputFileError: it is.
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputFileError(f"{path}: this is text in UTF-16; save it as UTF-8 or plain ASCII.")


def plain_text(path: Path, content: bytes) -> bytes:
    """Text with line feeds alone, without a byte order mark or comments from ``#`` on; lines stay where they are.

    Raises:
        InputFileError: it is in UTF-16.
    """
    refuse_utf16(path, content)
    text = line_feeds(content.removeprefix(b"\xef\xbb\xbf"))
    return _COMMENT.sub(b"", text) if b"#" in text else text


def line_feeds(text: bytes) -> bytes:
    """Text whose lines end in a line feed, however they ended before."""
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def filled_lines(text: bytes, first: int = 1) -> tuple[list[bytes], list[int]]:
    """The lines that are not blank, and their numbers, counted from ``first``."""
    lines = text.split(b"\n")
    numbers = [number for number, line in enumerate(lines, start=first) if line and not line.isspace()]
    return (lines if len(numbers) == len(lines) else [lines[number - first] for number in numbers]), numbers


def refuse_cut(path: Path, found: int, promised: int, name: str) -> None:
    """Refuse a file that has fewer rows of an element than its header says.

    Raises:
        InputFileError: it has.
    """
    if found < promised:
        raise InputFileError(f"{path}: cut short: {found} of the {promised} {name} rows that its header promises.")


def refuse_more(path: Path, found: int, promised: int) -> None:
    """Refuse a file that has more rows than its header says.

    Raises:
        InputFileError: it has.
    """
    if found > promised:
        raise InputFileError(f"{path}: {found} rows stand after its header, which promises {promised}; is it whole?")


def parse_rows(
    path: Path, rows: Sequence[bytes], numbers: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The numbers of some lines.

    Args:
        path: the file, for what is said of it.
        rows: n lines, the numbers in each separated by blanks or tabs.
        numbers: where the lines stand in the file.

    Returns:
        All numbers (M,), one line after the other, with every digit that float64 has; and how many each line has (n,).

    Raises:
        InputFileError: a word that is no number, named with its line.
    """
    counts = np.fromiter((len(row.split()) for row in rows), dtype=np.int64, count=len(rows))
    values = _parse_at_once(b" ".join(rows))
    if values is None or values.size != counts.sum():
        values = np.array(
            [_number(path, word, n) for row, n in zip(rows, numbers, strict=True) for word in row.split()]
        )
    return values.astype(np.float64), counts


def vertex_starts(path: Path, counts: NDArray[np.int64], lines: Sequence[int]) -> NDArray[np.int64]:
    """Where in all numbers each line's begin, (n,), for lines of which each is a vertex.

    Raises:
        InputFileError: a line has fewer than three.
    """
    few = np.flatnonzero(counts < 3)
    if len(few):
        raise InputFileError(f"{path}: line {lines[few[0]]}: a vertex of {counts[few[0]]} numbers; it has x, y and z.")
    return np.cumsum(counts) - counts


def _parse_at_once(text: bytes) -> NDArray[np.float64] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy only warns of text that is no number
            return np.fromstring(text.decode("ascii"), dtype=np.float64, sep=" ")
    except (ValueError, DeprecationWarning, UnicodeDecodeError):
        return None


def _number(path: Path, word: bytes, line: int) -> float:
    try:
        if b"_" not in word:  # which Python takes in numbers
            return float(word)
    except ValueError:
        pass
    raise InputFileError(f"{path}: line {line}: {word[:40].decode('ascii', 'replace')!r} is not a number.")
