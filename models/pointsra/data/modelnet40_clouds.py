"""Clouds of ModelNet40 (Wu et al., CVPR 2015) out of any of its raw forms, one at a time and in blocks.

A cloud is described by where it lies, so that workers read what they need and no more: a text file of 10,000 points,
an entry of a pickle (the FPS cache, a few-shot fold), or a row of an HDF5 file. Text is thinned by farthest points, as
the official cache was; a cache is in the order of that choice already, and rows of HDF5 in a random one, so of these
the first N are taken, as the field does. Which clouds there are is the matter of ``modelnet40_lists``.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pointsra.data.assembling import ReadBlock
from pointsra.data.blocks import choose_rows, name_caption
from pointsra.data.number_rows import read_rows
from pointsra.data.raw_hdf5 import HDF5_DAMAGE, opened_hdf5
from pointsra.data.safe_pickles import load_arrays
from pointsra.data.skipping import read_sound
from pointsra.data.split_writer import CloudBlock
from pointsra.data.views import to_unit_frame
from pointsra.errors import DataError


@dataclass(frozen=True)
class Listed:
    """One cloud of a raw form.

    Attributes:
        id: its name.
        label: index into the class names of the split it goes to.
        class_name: what it is.
        path: the file it lies in.
        key: where in the file: () for a text, (row,) in HDF5, the way to its points in a pickle.
        normals: whether its normals are to be kept.
    """

    id: str
    label: int
    class_name: str
    path: Path
    key: tuple[str | int, ...] = ()
    normals: bool = True

    @property
    def place(self) -> str:
        """File and entry, for messages."""
        return f"{self.path}: {self.id}" if self.key else f"{self.path}"


@dataclass(frozen=True)
class Cloud:
    """Points (N, 3) in the unit frame, normals (N, 3) or None, and whether some points are there twice."""

    points: NDArray[np.float32]
    normals: NDArray[np.float32] | None
    repeated: bool


def read_block(task: Sequence[Listed], *, folder: Path, points: int, seed: int, skip_bad: bool) -> ReadBlock:
    """Read some clouds, bring each to N points in the unit frame.

    Args:
        task: the clouds.
        folder: what names in the manifest are relative to.
        points: N.
        seed: decides which points are repeated where a cloud has fewer.
        skip_bad: leave out clouds that are damaged.

    Raises:
        DataError: a cloud is damaged, and ``skip_bad`` is off.
    """
    with ExitStack() as stack:
        files: dict[Path, h5py.File] = {}

        def read(listed: Listed) -> tuple[Listed, Cloud]:
            if listed.path.suffix == ".h5" and listed.path not in files:
                files[listed.path] = stack.enter_context(opened_hdf5(listed.path))
            return listed, read_cloud(listed, files.get(listed.path), points, seed)

        pairs, skipped = read_sound(task, read, lambda listed: listed.path.relative_to(folder).as_posix(), skip_bad)
    if not pairs:
        return ReadBlock(None, tuple(skipped))
    normals = [cloud.normals for _, cloud in pairs if cloud.normals is not None]
    block = CloudBlock(
        points=np.stack([cloud.points for _, cloud in pairs]),
        labels=np.array([listed.label for listed, _ in pairs], dtype=np.int64),
        ids=[listed.id for listed, _ in pairs],
        captions=[name_caption(listed.class_name) for listed, _ in pairs],
        normals=np.stack(normals) if normals else None,
    )
    return ReadBlock(block, tuple(skipped), sum(cloud.repeated for _, cloud in pairs))


def read_cloud(listed: Listed, file: h5py.File | None, points: int, seed: int) -> Cloud:
    """Read one cloud and bring it to N points in the unit frame.

    Args:
        listed: which one.
        file: the open file of a row of HDF5, else None.
        points: N.
        seed: decides which points are repeated.

    Raises:
        DataError: it cannot be read, or its points are no cloud.
    """
    values = _values(listed, file)
    if not np.isfinite(values).all():
        raise DataError(f"{listed.place} has points that are not finite.")
    if not np.ptp(values[:, :3], axis=0).any():
        raise DataError(f"{listed.place} has all its points in one place.")
    have = len(values)
    if have < points:
        rows = choose_rows(have, points, np.random.default_rng([seed, zlib.crc32(listed.id.encode())]))
    elif listed.key or have == points:
        rows = np.arange(points)
    else:
        rows = farthest_rows(values[:, :3], points)
    chosen = values[rows]
    normals = chosen[:, 3:6].astype(np.float32) if listed.normals else None
    return Cloud(to_unit_frame(chosen[:, :3]), normals, have < points)


def farthest_rows(points: NDArray[np.floating], count: int) -> NDArray[np.int64]:
    """Rows of points, each the farthest from all chosen before it, beginning with the first.

    Args:
        points: (M, 3).
        count: N, at most M.

    Returns:
        (N,) indices in the order of choice, none of them twice.
    """
    x, y, z = (np.ascontiguousarray(points[:, axis], dtype=np.float32) for axis in range(3))
    squared = np.full(len(points), np.inf, dtype=np.float32)
    distance, step = np.empty_like(x), np.empty_like(x)
    chosen = np.zeros(count, dtype=np.int64)
    last = 0
    for number in range(1, count):
        np.square(np.subtract(x, x[last], out=distance), out=distance)
        for plane in (y, z):
            np.square(np.subtract(plane, plane[last], out=step), out=step)
            np.add(distance, step, out=distance)
        np.minimum(squared, distance, out=squared)
        squared[last] = -1.0  # never again, even where all that is left coincides
        last = int(squared.argmax())
        chosen[number] = last
    return chosen


def open_pickle(path: Path) -> Any:
    """What a pickle of arrays holds; asked for again it is not read again, as long as the file stays the same.

    Raises:
        DataError: cut short, damaged, or a pickle that carries code.
    """
    try:
        status = path.stat()
    except OSError as cause:
        raise DataError(f"{path}: cannot be read ({cause.strerror or cause}); is it there?") from cause
    return _opened_pickle(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=2)
def _opened_pickle(path: Path, size: int, modified: int) -> Any:
    return load_arrays(path)


def _values(listed: Listed, file: h5py.File | None) -> NDArray[np.floating]:
    """Points and, where they are wanted, normals: (M, 6) or (M, 3 or more)."""
    if file is not None:
        row = int(listed.key[0])
        try:
            points = file["data" if "data" in file else "points"][row]
            return np.concatenate([points, file["normal"][row]], axis=1) if listed.normals else points
        except HDF5_DAMAGE as cause:
            raise DataError(f"{listed.place} cannot be read; unpack the archive again.") from cause
    if not listed.key:
        return read_rows(listed.path, 6, ",")
    return pickled(listed)


def pickled(listed: Listed) -> NDArray[np.floating]:
    """The points of an entry of a pickle as they are, if they are a cloud.

    Args:
        listed: which cloud.

    Returns:
        (M, 6), or (M, 3 or more) where normals are not wanted.

    Raises:
        DataError: there is something else.
    """
    values = open_pickle(listed.path)
    for step in listed.key:
        values = values[step]
    wanted = "6" if listed.normals else "3 or 6"
    if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or values.ndim != 2 or not len(values):
        what = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
        raise DataError(f"{listed.place} is {what}, not points in rows of {wanted} numbers.")
    if values.shape[1] not in ((6,) if listed.normals else (3, 6)):
        raise DataError(f"{listed.place} has rows of {values.shape[1]} numbers, not of {wanted}.")
    return values
