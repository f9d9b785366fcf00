"""Classes of ScanNet V2: the 40 of NYU by number, the 18 that detection is measured on, and raw names by table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.split_writer import UNKNOWN_PART
from pointsra.errors import DataError

NYU40_IDS: dict[str, int] = {
    "cabinet": 3,
    "bed": 4,
    "chair": 5,
    "sofa": 6,
    "table": 7,
    "door": 8,
    "window": 9,
    "bookshelf": 10,
    "picture": 11,
    "counter": 12,
    "desk": 14,
    "curtain": 16,
    "refrigerator": 24,
    "showercurtain": 28,
    "toilet": 33,
    "sink": 34,
    "bathtub": 36,
    "garbagebin": 39,
}
"""The 18 classes of VoteNet in its order, with their numbers among the 40 of NYU."""
CLASS_NAMES = tuple(NYU40_IDS)
TABLE_NAME = "scannetv2-labels.combined.tsv"
_LARGEST = 40


def detection_classes(nyu40: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Numbers of NYU (N,), 0 for none and 1 to 40, as indices into CLASS_NAMES; 255 where they are none of them."""
    table = np.full(_LARGEST + 1, UNKNOWN_PART, dtype=np.uint8)
    table[list(NYU40_IDS.values())] = np.arange(len(NYU40_IDS))
    return table[nyu40]


def check_nyu40(path: Path, numbers: NDArray[np.number]) -> NDArray[np.int64]:
    """Numbers of NYU (N,) as integers.

    Raises:
        DataError: one is not a whole number from 0 to 40.
    """
    wrong = np.flatnonzero(~((numbers >= 0) & (numbers <= _LARGEST) & (numbers == np.round(numbers))))
    if len(wrong):
        shown = f"row {wrong[0]} is {numbers[wrong[0]]:g}"
        raise DataError(f"{path}: {shown}, expected an nyu40 number from 0 to {_LARGEST}.")
    return numbers.astype(np.int64)


def read_label_table(path: Path) -> dict[str, int]:
    """Which number of NYU each raw name of an object has.

    Args:
        path: ``scannetv2-labels.combined.tsv``.

    Raises:
        DataError: without the columns raw_category and nyu40id, or a row that does not fit.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as cause:
        raise DataError(f"{path}: cannot be read as a table of labels ({cause}); copy it again.") from cause
    names = lines[0].split("\t") if lines else []
    if not {"raw_category", "nyu40id"} <= set(names):
        raise DataError(f"{path}: its first line does not name raw_category and nyu40id; is it the official table?")
    raw, number = names.index("raw_category"), names.index("nyu40id")
    found: dict[str, int] = {}
    for row, line in enumerate(lines[1:], start=2):
        fields = line.split("\t")
        if not line.strip():
            continue
        if len(fields) <= max(raw, number) or not fields[number].strip().isdigit():
            raise DataError(f"{path}: line {row} has no nyu40id; is the table cut short?")
        found[fields[raw]] = int(check_nyu40(path, np.array([int(fields[number])]))[0])
    return found
