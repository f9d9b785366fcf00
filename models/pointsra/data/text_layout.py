"""How a text cloud is laid out, as the first lines of it tell: where its rows begin, what separates their fields, and
which columns a header or a comment calls x, y and z.

Names go with columns by what stands between the delimiters, empty names and fields included, as in the header that
pandas writes above row numbers. Nothing is parsed here but the first row, see ``text_clouds``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pointsra.errors import InputFileError

COMMENTS = (b"#", b"//", b"%", b";;")
_MARK = b"\xef\xbb\xbf"  # the byte order mark that some programs begin UTF-8 with
_SIGNS = ";,\t"  # what separates fields, before blanks
_TO_SPACES = bytes.maketrans(b";,\t", b"   ")
_COMMA_TO_POINT = bytes.maketrans(b";,\t", b" . ")
_WITH_COMMA = re.compile(rb"[-+]?\d+,\d+([eE][-+]?\d+)?")
_NUMBER = re.compile(  # with a decimal comma, with commas between thousands, with a point, or whole
    rb"[-+]?(\d+,\d+|\d{1,3}(,\d{3})+(\.\d*)?|\d*\.\d+|\d+\.?|inf|nan)([eE][-+]?\d+)?", re.IGNORECASE
)
_UNIT = re.compile(r"(\w[\"']?)\s*[\[(][^\])]*[\])]")  # [m] or (m) behind a name
_AXES = {"x", "y", "z"}


@dataclass(frozen=True)
class Layout:
    """How the lines are to be read.

    Attributes:
        start: byte at which the first row of numbers begins.
        lines_before: lines that go before it.
        columns: fields of the first row that are not empty.
        names: lower-case names of these, "" for one without; () where nothing tells which are x, y and z.
        promised: how many rows a line before them says there are, or None.
        table: what turns any delimiter into a space, for ``bytes.translate``.
    """

    start: int
    lines_before: int
    columns: int
    names: tuple[str, ...]
    promised: int | None
    table: bytes


@dataclass(frozen=True)
class _Header:
    line: int
    text: str  # in lower case, without units
    is_comment: bool


def look_at_head(path: Path, stream: BinaryIO) -> Layout:
    """Read up to the first row of numbers.

    Args:
        path: the file, for what is said.
        stream: its bytes, lines ending in line feeds.

    Raises:
        InputFileError: no row of numbers comes first, its commas read in two ways, or a header names x, y and z and
            does not go with it.
    """
    header: _Header | None = None
    promised: int | None = None
    start = lines = 0
    for line in stream:
        mark = len(_MARK) if not start and line.startswith(_MARK) else 0
        text = line[mark:].strip()
        if b"\0" in line or len(line) > 1 << 16:
            break
        is_comment = not text or text.startswith(COMMENTS)
        table = _TO_SPACES if is_comment else _table(path, lines + 1, text)
        fields = text.translate(table).split()
        if is_comment:
            header = header or _comment(lines + 1, text)
        elif count_numbers(fields) >= 3:
            row = line[mark:].strip(b" \r\n").decode("utf-8", "replace")
            if table == _COMMA_TO_POINT:
                row = row.replace(",", ".")
            names = () if header is None else _names(path, header, lines + 1, row, len(fields))
            return Layout(start + mark, lines, len(fields), names, promised, table)
        elif promised is None and len(fields) == 1 and fields[0].isdigit():
            promised = int(fields[0])
        elif (header is not None and not header.is_comment) or not _is_words(text.translate(_TO_SPACES).split()):
            break
        else:
            header = _Header(lines + 1, _plain(line[mark:]), is_comment=False)
        start += len(line)
        lines += 1
    else:
        raise InputFileError(f"{path}: no line of it is x, y and z as numbers; is this a point cloud as text?")
    raise InputFileError(f"{path}: line {lines + 1} is not x, y and z as numbers; is this a point cloud as text?")


def count_numbers(fields: list[bytes]) -> int:
    """How many of the leading fields are numbers."""
    for count, each in enumerate(fields):
        try:
            float(each)
        except ValueError:
            return count
    return len(fields)


def _table(path: Path, line: int, row: bytes) -> bytes:
    """Which characters separate fields; a comma is a decimal comma where no points and no other commas contradict.

    With a semicolon between fields that is plain. With tabs or blanks between them, it is where each of the first three
    is one number, whole ones included: the comma of ``1, 2, 3`` is in none, and ``1,2,3`` is no number.

    Raises:
        InputFileError: a row that reads in two ways.
    """
    if b";" in row and b"," in row and b"." not in row:
        return _COMMA_TO_POINT
    fields = [each for each in re.split(rb"[\s;]+", row) if each]
    if len(fields) < 2 or not all(_NUMBER.fullmatch(each) for each in fields[:3]):
        return _TO_SPACES
    pointed = any(_NUMBER.fullmatch(each) and b"." in each for each in fields)
    decimal = all(_WITH_COMMA.fullmatch(each) for each in fields if b"," in each)
    if len(fields) >= 3 and decimal and not pointed:
        return _COMMA_TO_POINT
    if any(b"," in each for each in fields[:3]):
        raise InputFileError(
            f"{path}: line {line} reads in two ways, its commas as decimal points or as what separates numbers; "
            "write points, or semicolons between the numbers."
        )
    return _TO_SPACES


def _is_words(fields: list[bytes]) -> bool:
    return len(fields) >= 3 and not count_numbers(fields)


def _plain(line: bytes) -> str:
    return _UNIT.sub(r"\1", line.strip(b" \r\n").decode("utf-8", "replace").lower())


def _comment(line: int, text: bytes) -> _Header | None:
    """A comment that may be a header: one that says x, y and z."""
    plain = _plain(text)
    return _Header(line, plain, is_comment=True) if set(_runs(plain.lstrip("#/%; \t"))) >= _AXES else None


def _names(path: Path, header: _Header, line: int, row: str, columns: int) -> tuple[str, ...]:
    """The name of each column of the rows; () where the header does not say x, y and z, or is only a sentence."""
    sign = next((each for each in _SIGNS if each in row), None)
    fields = _split(row, sign)
    mixed = sum(map(bool, fields)) != columns  # commas within what semicolons separate, and the like
    bare = header.text.lstrip("#/%" if sign == ";" else "#/%;") if header.is_comment else header.text
    says_axes = False
    for text in (bare, bare.rpartition(":")[2]):  # words may go before a colon
        own = next((each for each in (sign, *_SIGNS) if each and each in text), None)
        given = _runs(text) if mixed else _split(text, own)
        several = sign == "\t" and (own == "\t" or all(given))  # only tabs are used to line columns up
        names = _fitting(given, _runs(row) if mixed else fields, several)
        if names is not None and set(names) >= _AXES:
            twice = [axis for axis in "xyz" if names.count(axis) > 1]
            if twice:
                raise InputFileError(
                    f"{path}: the header in line {header.line} names {twice[0]} more than once; rename all but one."
                )
            return names
        says_axes = says_axes or set(given) >= _AXES
    if _names_turned_axes(_runs(bare)) if header.is_comment else says_axes:
        raise InputFileError(
            f"{path}: the header in line {header.line} names x, y and z, but does not go with the {columns} values in "
            f"line {line}; name each column of the rows."
        )
    return ()


def _split(text: str, sign: str | None) -> list[str]:
    """What the sign separates, or blanks; empty ones are kept."""
    return text.split() if sign is None else [each.strip(" \t\"'") for each in text.split(sign)]


def _runs(text: str) -> list[str]:
    """What any delimiters separate."""
    return [each.strip("\"'") for each in re.split(r"\s*[,;]\s*|\s+", text.strip())]


def _fitting(names: list[str], fields: list[str], several: bool) -> tuple[str, ...] | None:
    """The names of the fields that are not empty; None where the two do not go together.

    Args:
        names: of the header.
        fields: of the first row.
        several: whether what separates one from the next may stand there several times.
    """
    named, filled = (max((at for at, each in enumerate(some, 1) if each), default=0) for some in (names, fields))
    pairs = list(zip(names, fields[:filled], strict=False))
    if filled <= len(names) and named <= len(fields) and all(field or not name for name, field in pairs):
        return tuple(name for name, field in pairs if field)
    if several and (all(names) or all(fields)):
        return _fitting([each for each in names if each], [each for each in fields if each], several=False)
    return None


def _names_turned_axes(words: list[str]) -> bool:
    """Whether x, y and z stand side by side in another order; a comment with them in this one may be a sentence."""
    threes = list(zip(words, words[1:], words[2:], strict=False))
    return ("x", "y", "z") not in threes and any(set(three) == _AXES for three in threes)
