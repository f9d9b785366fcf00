"""Official clouds written as text with a fixed number of columns: ModelNet40 (commas) and ShapeNetPart (spaces).

Strict, unlike ``text_clouds``, which finds out how a user's own file is written: here the columns and what separates
them are known, and anything else is damage, named by its line.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.sizes import refuse_oversized
from pointsra.errors import DataError

_SEPARATORS = {",": "a comma", " ": "a space"}
_LARGEST = 256 << 20  # bytes; the official files have less than one million


def read_rows(path: Path, columns: int, separator: str) -> NDArray[np.float64]:
    """Read a file of numbers, one point a line.

    Args:
        path: the file.
        columns: numbers a line.
        separator: "," or " " (any run of blanks).

    Returns:
        (M, columns) finite numbers, M at least 1.

    Raises:
        DataError: not there, empty, too large for one cloud, or a line that does not fit, named with its number.
    """
    try:
        refuse_oversized(path, _LARGEST, "one cloud")
        rows = _parse(path, columns, separator)
    except OSError as cause:
        raise DataError(f"{path}: cannot be read ({cause.strerror or cause}); is it there?") from cause
    if rows is None:
        raise DataError(f"{path}: {_fault(path, columns, separator)}; unpack it again.")
    return rows


def _parse(path: Path, columns: int, separator: str) -> NDArray[np.float64] | None:
    """All rows at once, None where something does not fit."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy warns of an empty file
            rows = np.loadtxt(
                path, delimiter=None if separator == " " else separator, comments=None, ndmin=2, encoding="latin-1"
            )
    except ValueError:
        return None
    return rows if len(rows) and rows.shape[1] == columns and np.isfinite(rows).all() else None


def _fault(path: Path, columns: int, separator: str) -> str:
    """What is wrong with a file that could not be parsed: the first line at fault."""
    empty = True
    with path.open(encoding="latin-1") as stream:
        for number, line in enumerate(stream, start=1):
            text = line.strip()
            if not text:
                continue
            empty = False
            fields = text.split() if separator == " " else text.split(separator)
            if len(fields) != columns:
                other = next((sign for sign in (",", ";", "\t", " ") if sign != separator and sign in text), None)
                hint = ""
                if len(fields) == 1 and other is not None:
                    hint = f" (it seems to have {_SEPARATORS.get(other, repr(other))} there instead)"
                have = f"{len(fields)} column{'s' if len(fields) > 1 else ''}"
                return f"line {number} has {have}, not {columns} with {_SEPARATORS[separator]} between them{hint}"
            try:
                values = [float(field) for field in fields]
            except ValueError:
                return f"line {number} is not {columns} numbers"
            if not np.isfinite(values).all():
                return f"line {number} has a number that is not finite"
    return "is empty" if empty else f"is not {columns} numbers a line"
