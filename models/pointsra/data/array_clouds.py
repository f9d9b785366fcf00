"""Clouds as plain arrays and lidar records: npy, npz, KITTI's and nuScenes' bin, las and laz."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsra.data.polygons import check_corners
from pointsra.data.readout import Readout, as_colors
from pointsra.errors import InputFileError, MissingExtraError, first_line

_POINT_KEYS = ("points", "xyz", "pos", "coords", "coord", "points_raw", "pointcloud", "point_cloud", "pc", "vertices")
_COLOR_KEYS = ("colors", "color", "rgb")
_FEATURES, _MANY = 9, 32  # ours: nine rows at most and more columns than this are one point a column, not a row
_FARTHEST = 1e6  # meters; no lidar sees farther, and random bytes read as floats do not stay below it


def read_npy(path: Path) -> Readout:
    """Read an npy file: (N, C) numbers with C of 3 or more, (1, N, C), or records with fields x, y and z.

    An array of 3 to 9 rows and many columns, as networks take clouds, is read as one point a column, and says so.

    Raises:
        InputFileError: cut short, of another shape, or holding Python objects (which are never unpickled).
    """
    try:
        values = np.load(path, allow_pickle=False)
    except Exception as cause:  # what a damaged header makes of Python's own parser
        raise InputFileError(f"{path}: not a whole npy file of plain numbers ({first_line(cause)}).") from cause
    points = _as_points(values)
    if points is None:
        raise InputFileError(f"{path}: holds {values.dtype} {values.shape}; an (N, 3) array of numbers is needed.")
    return Readout(points, notes=_note_columns(path, values))


def read_npz(path: Path) -> Readout:
    """Read an npz file: the array under a usual key ("points", "xyz", …), or the only one shaped (N, 3 or more).

    Where that key is "vertices" and there are whole numbers "faces" (F, 3), as in what ``mesh_writers`` writes, it is
    a mesh. Members that hold Python objects are passed over, never unpickled.

    Raises:
        InputFileError: damaged, no array, or more than one, could be the points, or a face names a vertex that is not
            there.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays, passed = _plain_members(archive)
    except Exception as cause:  # zip members are damaged in as many ways: unpacked wrongly, of another version, locked
        raise InputFileError(f"{path}: not a whole npz file of plain numbers ({first_line(cause)}).") from cause
    fitting = {key: points for key, values in arrays.items() if (points := _as_points(values)) is not None}
    key = next((key for key in _POINT_KEYS if key in fitting), None)
    if key is None and len(fitting) == 1:
        key = next(iter(fitting))
    if key is None:
        shapes = ", ".join(f"{name} {values.shape}" for name, values in arrays.items()) or "no plain numbers"
        objects = f" and Python objects, which are not opened, as {', '.join(passed)}" if passed else ""
        raise InputFileError(f"{path}: holds {shapes}{objects}; name the (N, 3) array of points 'points'.")
    faces = arrays.get("faces") if key == "vertices" else None
    if faces is not None and faces.ndim == 2 and faces.shape[1] == 3 and len(faces) and faces.dtype.kind in "iu":
        faces = faces.astype(np.int64)
        check_corners(path, faces, len(fitting[key]))
    else:
        faces = None
    return Readout(fitting[key], _colors_of(arrays, len(fitting[key])), faces, _note_columns(path, arrays[key]))


def read_bin(path: Path) -> Readout:
    """Read a lidar sweep, or a raw ScanObjectNN object (a count, then 11 floats a point).

    Sweeps are KITTI's (float32 x, y, z, reflectance) or nuScenes' (float32 x, y, z, intensity, ring). As neither says
    which it is, rows of five are taken where their fifth numbers are those of rings: whole, from 0 to 255, and not all
    the same, unless rows of four have reflectances from 0 to 1 throughout, as KITTI's have.

    Raises:
        InputFileError: the size or the values are those of none.
    """
    size = path.stat().st_size
    if size % 4:
        raise InputFileError(f"{path}: {size} bytes are not whole float32 numbers; is this a KITTI scan?")
    values = np.fromfile(path, dtype="<f4")
    if len(values) > 11 and values[0] == (len(values) - 1) // 11 and len(values) % 11 == 1:
        rows = values[1:].reshape(-1, 11)
        return Readout(rows[:, :3].astype(np.float64), as_colors(rows[:, 6:9].astype(np.uint8)))
    notes: tuple[str, ...] = ()
    columns = 4
    if _has_rings(values):
        columns, notes = 5, (f"{path.name}: read as a nuScenes sweep (x, y, z, intensity, ring).",)
    elif size % 16:
        raise InputFileError(f"{path}: {size} bytes are not rows of four float32; is this scan cut short?")
    points = values.reshape(-1, columns)[:, :3].astype(np.float64)
    finite = np.isfinite(points).all(axis=1)
    if finite.mean() < 0.5 or np.abs(points[finite]).max(initial=0.0) > _FARTHEST:
        raise InputFileError(f"{path}: its bytes make no sense as float32 x, y, z, reflectance of a KITTI scan.")
    return Readout(points, notes=notes)


def _has_rings(values: NDArray[np.float32]) -> bool:
    """Whether the numbers of a sweep are rows of five whose last is a ring."""
    if len(values) % 5:
        return False
    rings = values[4::5]
    whole = (rings >= 0) & (rings <= 255) & (rings == np.floor(rings))
    if not whole.all() or len(np.unique(rings)) < 2:
        return False
    reflectances = values[3::4]
    return len(values) % 4 != 0 or not ((reflectances >= 0) & (reflectances <= 1)).all()


def read_las(path: Path) -> Readout:
    """Read a las or laz survey file; coordinates keep their full precision.

    Raises:
        MissingExtraError: laspy (or, for laz, lazrs) is not installed.
        InputFileError: damaged or cut short.
    """
    try:
        import laspy
    except ImportError as cause:
        raise MissingExtraError(
            f"{path}: las and laz files need laspy; install it with `pip install 'pointsra[las]'`."
        ) from cause
    try:
        with laspy.open(path) as reader:
            promised = int(reader.header.point_count)
            if reader.header.are_points_compressed and not laspy.LazBackend.detect_available():
                raise MissingExtraError(f"{path}: laz files need lazrs; install it with `pip install 'pointsra[las]'`.")
            cloud = reader.read()
            points = np.asarray(cloud.xyz, dtype=np.float64)
    except MissingExtraError:
        raise
    except Exception as cause:  # laspy lets struct, numpy and Rust errors through
        raise InputFileError(f"{path}: not a whole las or laz file ({first_line(cause)}).") from cause
    if len(points) != promised:
        raise InputFileError(f"{path}: cut short: {len(points)} points, its header promises {promised}.")
    colors = None
    if {"red", "green", "blue"} <= set(cloud.point_format.dimension_names):
        found = np.stack([np.asarray(cloud[name]) for name in ("red", "green", "blue")], axis=1)
        colors = as_colors(found) if found.any() else None
    return Readout(points, colors)


def _plain_members(archive: Mapping[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """The arrays of numbers by name, and the names of those of Python objects."""
    arrays, passed = {}, []
    for key in archive:
        try:
            arrays[key] = archive[key]
        except ValueError as cause:
            if "allow_pickle" not in str(cause):
                raise
            passed.append(key)
    return arrays, passed


def _as_points(values: NDArray[Any]) -> NDArray[np.float64] | None:
    if values.dtype.names and {"x", "y", "z"} <= set(values.dtype.names):
        if any(values.dtype[axis].kind not in "fiu" for axis in "xyz"):  # words, or several numbers in one field
            return None
        return np.stack([values[axis].astype(np.float64).ravel() for axis in "xyz"], axis=1)
    if values.ndim == 3 and len(values) == 1:
        values = values[0]
    if values.ndim != 2 or values.shape[1] < 3 or values.dtype.kind not in "fiu":
        return None
    return (values[:3].T if _lies(values) else values[:, :3]).astype(np.float64, order="C")


def _lies(values: NDArray[Any]) -> bool:
    """Whether an array (3 … 9, many) has a point a column."""
    return 3 <= len(values) <= _FEATURES and values.shape[1] > _MANY


def _colors_of(arrays: Mapping[str, NDArray[np.generic]], count: int) -> NDArray[np.uint8] | None:
    for key in _COLOR_KEYS:
        values = arrays.get(key)
        if values is not None and values.shape in ((count, 3), (count, 4)) and values.dtype.kind in "fiu":
            return as_colors(values)
    return None


def _note_columns(path: Path, values: NDArray[np.generic]) -> tuple[str, ...]:
    if values.dtype.names or values.shape[-1] == 3:
        return ()
    values = values[0] if values.ndim == 3 else values
    if _lies(values):
        return (f"{path.name}: took the first 3 of its {len(values)} rows as x, y and z of {values.shape[1]} points.",)
    return (f"{path.name}: took 3 of its {values.shape[-1]} columns as x, y and z.",)
