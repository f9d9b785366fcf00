"""Rooms of S3DIS, read from either of their two forms.

Raw: ``Area_k/<room>/Annotations/<class>_<n>.txt`` with rows x y z r g b, one file an object. Converted: one
``Area_k_<room>.npy`` (N, 7) with x y z (shifted to begin at 0), r g b and the class. The raw release has a stray
control byte within a number's row (in Area_5/hallway_6) and objects of the class "stairs", which is none of the
13 and counts as clutter.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsra.data.plain_npy import load_plain
from pointsra.data.request import Skipped
from pointsra.data.sizes import refuse_oversized
from pointsra.data.skipping import relative_name
from pointsra.errors import DataError

# fmt: off
PART_NAMES = ("ceiling", "floor", "wall", "beam", "column", "window", "door", "table", "chair", "sofa", "bookcase",
              "board", "clutter")
# fmt: on
CLUTTER = PART_NAMES.index("clutter")
_COLUMNS = 6
_LARGEST = 2 << 30  # bytes; ours: the largest object has some hundred million
_OBJECT_NAME = re.compile(r"([A-Za-z]+)_(\d+)")
_NUMBERS = b"0123456789+-.eE \t\r\nnaifNAIF"  # what rows of numbers are made of, nan and inf included


@dataclass(frozen=True)
class RoomFile:
    """Where a room lies.

    Attributes:
        area: k of Area_k.
        name: "office_1".
        path: its folder (raw) or its npy file (converted).
    """

    area: int
    name: str
    path: Path

    @property
    def id(self) -> str:
        """``Area_1_office_1``, whichever form it has."""
        return f"Area_{self.area}_{self.name}"

    @property
    def kind(self) -> str:
        """The room type: "office" of "office_1"."""
        return re.sub(r"_\d+$", "", self.name)

    def files(self) -> list[Path]:
        """The raw files of the room that will be read; hidden ones are no part of it."""
        if self.path.suffix == ".npy":
            return [self.path]
        found = (self.path / "Annotations").glob("*.txt")
        return sorted(each for each in found if each.is_file() and not each.name.startswith("."))


@dataclass(frozen=True)
class Room:
    """A whole room, z up, in meters.

    Attributes:
        file: where it was read from.
        points: (N, 3) float64, shifted so that the smallest x, y and z are 0.
        shift: (3,) what was subtracted for that.
        colors: (N, 3) uint8.
        parts: (N,) uint8, index into PART_NAMES.
        instances: (N,) int32, which object of the room; None where the form does not tell.
        skipped: what was mended or left out, for the manifest.
    """

    file: RoomFile
    points: NDArray[np.float64]
    shift: NDArray[np.float64]
    colors: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    instances: NDArray[np.int32] | None
    skipped: tuple[Skipped, ...] = ()


def read_room(file: RoomFile, raw_folder: Path | None = None) -> Room:
    """Read a room in the form that it has.

    Args:
        file: the room.
        raw_folder: what names in ``skipped`` are relative to.

    Raises:
        DataError: missing annotations, a row that is not six numbers, colors or classes out of range, points that
            are not finite, a truncated file, or no points at all.
    """
    if file.path.suffix == ".npy":
        return _read_converted(file)
    return _read_annotations(file, raw_folder)


def _read_converted(file: RoomFile) -> Room:
    values = load_plain(file.path, 7)
    if not len(values):
        raise DataError(f"{file.path}: holds no points; convert or copy the room again.")
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise DataError(f"{file.path}: row {bad[0]} (and {len(bad) - 1} more) is not finite.")
    labels = values[:, 6]
    wrong = np.flatnonzero((labels < 0) | (labels >= len(PART_NAMES)) | (labels != np.round(labels)))
    if len(wrong):
        last = len(PART_NAMES) - 1
        raise DataError(f"{file.path}: row {wrong[0]} has the label {labels[wrong[0]]:g}, expected 0 to {last}.")
    points, shift = _shifted(values[:, :3].astype(np.float64))
    colors = _checked_colors(file.path, values[:, 3:6], "row", 0)
    return Room(file, points, shift, colors, labels.astype(np.uint8), None)


def _read_annotations(file: RoomFile, raw_folder: Path | None) -> Room:
    folder = file.path / "Annotations"
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; a raw room has its objects there as <class>_<n>.txt.")
    skipped: list[Skipped] = []
    objects: list[tuple[str, int, Path]] = []
    for path in sorted(each for each in folder.iterdir() if not each.name.startswith(".")):
        match = _OBJECT_NAME.fullmatch(path.stem) if path.suffix == ".txt" else None
        if match is None:  # such as "wall_3 (1).txt", which a browser made, and would count an object twice
            skipped.append(Skipped(relative_name(path, raw_folder), "left out: not named <class>_<n>.txt."))
        else:
            objects.append((match[1], int(match[2]), path))
    rows, parts, instances = [], [], []
    for number, (name, _, path) in enumerate(sorted(objects)):
        values, mended = _read_object(path)
        skipped += [Skipped(relative_name(path, raw_folder), each) for each in mended]
        if not len(values):
            skipped.append(Skipped(relative_name(path, raw_folder), "left out: an object without points."))
            continue
        if name not in PART_NAMES:
            skipped.append(Skipped(relative_name(path, raw_folder), f"class {name!r} is unknown: taken as clutter."))
        rows.append(values)
        parts.append(np.full(len(values), PART_NAMES.index(name) if name in PART_NAMES else CLUTTER, np.uint8))
        instances.append(np.full(len(values), number, np.int32))
    if not rows:
        raise DataError(f"{folder}: no object with points in it; unpack the room again.")
    joined = np.concatenate(rows)
    points, shift = _shifted(joined[:, :3])
    colors = joined[:, 3:].astype(np.uint8)
    return Room(file, points, shift, colors, np.concatenate(parts), np.concatenate(instances), tuple(skipped))


def _shifted(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    shift = points.min(axis=0)
    return points - shift, shift


def _read_object(path: Path) -> tuple[NDArray[np.float64], list[str]]:
    """Rows (N, 6) of one object, checked, and sentences about rows that had to be mended."""
    refuse_oversized(path, _LARGEST, "one object of a room")
    text = path.read_bytes()
    mended: list[str] = []
    if text.translate(None, _NUMBERS):
        text, mended = _mended(path, text)
    if not text.strip():
        return np.empty((0, _COLUMNS)), mended
    try:
        values = np.loadtxt(io.BytesIO(text), dtype=np.float64, comments=None, ndmin=2, encoding="latin-1")
    except ValueError as cause:
        raise DataError(f"{path}: {_first_fault(text)}") from cause
    if values.shape[1] != _COLUMNS:
        raise DataError(f"{path}: {_first_fault(text)}")
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise DataError(f"{path}: line {bad[0] + 1} (and {len(bad) - 1} more) is not finite.")
    _checked_colors(path, values[:, 3:], "line", 1)
    return values, mended


def _checked_colors(path: Path, colors: NDArray[Any], row: str, first: int) -> NDArray[np.uint8]:
    wrong = np.flatnonzero(((colors < 0) | (colors > 255)).any(axis=1))
    if len(wrong):
        shown = " ".join(f"{each:g}" for each in colors[wrong[0]])
        raise DataError(f"{path}: {row} {wrong[0] + first} has the color {shown}, expected 0 to 255.")
    return colors.astype(np.uint8)


def _mended(path: Path, text: bytes) -> tuple[bytes, list[str]]:
    """Take stray control bytes out of rows, or read them as the space they stand for; whichever gives six numbers."""
    lines = text.split(b"\n")
    notes: list[str] = []
    for number, line in enumerate(lines):
        stray = bytes(byte for byte in line.translate(None, _NUMBERS) if byte < 32 or byte > 126)
        if not stray:
            continue
        shown = ", ".join(f"0x{byte:02x}" for byte in dict.fromkeys(stray))
        removed = line.translate(None, stray)
        spaced = line.translate(bytes.maketrans(stray, b" " * len(stray)))
        if _six_numbers(removed):
            lines[number] = removed
            notes.append(f"line {number + 1}: the stray byte {shown} was taken out.")
        elif _six_numbers(spaced):
            lines[number] = spaced
            notes.append(f"line {number + 1}: the stray byte {shown} was read as a space.")
        else:
            raise DataError(f"{path}: line {number + 1} has a stray byte {shown} and is not six numbers without it.")
    return b"\n".join(lines), notes


def _six_numbers(line: bytes) -> bool:
    fields = line.split()
    return len(fields) == _COLUMNS and all(_is_number(each) for each in fields)


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _first_fault(text: bytes) -> str:
    for number, line in enumerate(text.split(b"\n"), start=1):
        fields = line.split()
        if fields and len(fields) != _COLUMNS:
            return f"line {number} has {len(fields)} columns, expected {_COLUMNS} (x y z r g b); is the file cut short?"
        if not all(_is_number(each) for each in fields):
            return f"line {number} is not {_COLUMNS} numbers (x y z r g b)."
    return f"its rows are not {_COLUMNS} numbers (x y z r g b)."
