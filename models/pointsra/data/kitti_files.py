"""Files of the KITTI 3D object benchmark: a lidar sweep, the objects labelled in the camera's picture, calibration.

Each frame has ``velodyne/<id>.bin`` (rows of four float32: x forward, y left, z up, reflectance),
``label_2/<id>.txt`` (15 columns, in the rectified camera frame: x right, y down, z forward) and ``calib/<id>.txt``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.sizes import refuse_oversized
from pointsra.errors import DataError

CLASS_NAMES = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc")
IGNORED = "DontCare"
_COLUMNS = 15
_LARGEST_SWEEP, _LARGEST_TEXT = 256 << 20, 1 << 20  # bytes; ours: official ones have 2 million and some thousand
_KEYS = {"P2": 12, "R0_rect": 9, "Tr_velo_to_cam": 12}


@dataclass(frozen=True)
class Frame:
    """Where a frame lies.

    Attributes:
        id: "000123".
        folder: the folder ``training``.
    """

    id: str
    folder: Path

    @property
    def sweep(self) -> Path:
        """The lidar sweep."""
        return self.folder / "velodyne" / f"{self.id}.bin"

    @property
    def labels(self) -> Path:
        """The labelled objects."""
        return self.folder / "label_2" / f"{self.id}.txt"

    @property
    def calibration(self) -> Path:
        """How camera and lidar stand to each other."""
        return self.folder / "calib" / f"{self.id}.txt"

    def files(self) -> list[Path]:
        """The files that will be read, those of them that are there."""
        return [path for path in (self.sweep, self.labels, self.calibration) if path.is_file()]


@dataclass(frozen=True)
class Labels:
    """The K objects of a frame, and the regions of the picture that were not labelled.

    Attributes:
        rows: (K,) int64, the line of the label file each is from, from 0 on.
        classes: (K,) int64, index into CLASS_NAMES.
        truncated: (K,) float64, how much of it is outside of the picture, 0 to 1.
        occluded: (K,) int64, 0 fully visible, 1 partly, 2 largely, 3 unknown.
        regions: (K, 4) float64, left, top, right and bottom in the picture, in pixels.
        sizes: (K, 3) float64, height, width and length in meters.
        bottoms: (K, 3) float64, the middle of the bottom in the rectified camera frame.
        turns: (K,) float64, rotation about the camera's y axis in radians.
        ignored: (D, 4) float64, regions marked DontCare.
    """

    rows: NDArray[np.int64]
    classes: NDArray[np.int64]
    truncated: NDArray[np.float64]
    occluded: NDArray[np.int64]
    regions: NDArray[np.float64]
    sizes: NDArray[np.float64]
    bottoms: NDArray[np.float64]
    turns: NDArray[np.float64]
    ignored: NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """How the left color camera and the lidar of a frame stand to each other.

    Attributes:
        projection: (3, 4) P2, from the rectified camera frame to pixels.
        camera_from_lidar: (4, 4), R0_rect and Tr_velo_to_cam in one: from the lidar to the rectified camera frame.
    """

    projection: NDArray[np.float64]
    camera_from_lidar: NDArray[np.float64]


def read_sweep(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Read a sweep.

    Returns:
        Points (N, 3), z up, and reflectance (N,).

    Raises:
        DataError: missing, empty, oversized, of a size that is not rows of 16 bytes, or not finite.
    """
    _demand(path)
    refuse_oversized(path, _LARGEST_SWEEP, "one sweep")
    size = path.stat().st_size
    if not size:
        raise DataError(f"{path}: holds no points; unpack the sweep again.")
    if size % 16:
        raise DataError(f"{path}: {size} bytes are not rows of four float32 (16 bytes each); is the sweep cut short?")
    values = np.fromfile(path, dtype="<f4").reshape(-1, 4)
    broken = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(broken):
        raise DataError(f"{path}: point {broken[0]} (and {len(broken) - 1} more) is not finite.")
    return values[:, :3], values[:, 3]


def read_labels(path: Path) -> Labels:
    """Read the objects of a frame; regions marked DontCare are kept apart.

    Raises:
        DataError: missing, a line without 15 columns, an unknown type, or numbers that make no sense.
    """
    rows: list[list[float]] = []
    ignored: list[list[float]] = []
    for number, line in enumerate(_lines(path), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) not in (_COLUMNS, _COLUMNS + 1):  # a sixteenth is the score of a detector
            raise DataError(f"{path}: line {number} has {len(fields)} columns, expected {_COLUMNS}; is it cut short?")
        values = _numbers(fields[1:_COLUMNS])
        if values is None:
            raise DataError(f"{path}: line {number} has columns that are not finite numbers.")
        if fields[0] == IGNORED:
            ignored.append(values[3:7])
            continue
        if fields[0] not in CLASS_NAMES:
            known = ", ".join(CLASS_NAMES)
            raise DataError(f"{path}: line {number} is of the type {fields[0]!r}; known are {known} and {IGNORED}.")
        if min(values[7:10]) <= 0:
            raise DataError(f"{path}: line {number} has a box without extent.")
        rows.append([number - 1, CLASS_NAMES.index(fields[0]), *values])
    table = np.array(rows, dtype=np.float64).reshape(-1, _COLUMNS + 1)
    return Labels(
        rows=table[:, 0].astype(np.int64),
        classes=table[:, 1].astype(np.int64),
        truncated=table[:, 2],
        occluded=table[:, 3].astype(np.int64),
        regions=table[:, 5:9],
        sizes=table[:, 9:12],
        bottoms=table[:, 12:15],
        turns=table[:, 15],
        ignored=np.array(ignored, dtype=np.float64).reshape(-1, 4),
    )


def read_calibration(path: Path) -> Calibration:
    """Read what is needed of a frame's calibration.

    Raises:
        DataError: missing, a key is missing or has another number of values, or a matrix that cannot be inverted.
    """
    found: dict[str, NDArray[np.float64]] = {}
    for line in _lines(path):
        key, _, text = line.partition(":")
        if key.strip() in _KEYS:
            values = _numbers(text.split())
            wanted = _KEYS[key.strip()]
            if values is None or len(values) != wanted:
                raise DataError(f"{path}: {key.strip()} is not {wanted} numbers; is it cut short?")
            found[key.strip()] = np.array(values)
    for key in _KEYS:
        if key not in found:
            raise DataError(f"{path}: {key} is missing; is this the calibration of the object benchmark?")
    rectify, mount = np.eye(4), np.eye(4)
    rectify[:3, :3] = found["R0_rect"].reshape(3, 3)
    mount[:3] = found["Tr_velo_to_cam"].reshape(3, 4)
    camera_from_lidar = rectify @ mount
    if abs(np.linalg.det(camera_from_lidar[:3, :3])) < 1e-6:
        raise DataError(f"{path}: R0_rect and Tr_velo_to_cam are no rotations, their determinant is 0.")
    return Calibration(found["P2"].reshape(3, 4), camera_from_lidar)


def _demand(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"{path}: not there; is the archive of {path.parent.name} unpacked whole?")


def _lines(path: Path) -> list[str]:
    _demand(path)
    refuse_oversized(path, _LARGEST_TEXT, "one frame")
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as cause:
        raise DataError(f"{path}: cannot be read as text ({cause}); unpack it again.") from cause


def _numbers(fields: list[str]) -> list[float] | None:
    try:
        values = [float(each) for each in fields]
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None
