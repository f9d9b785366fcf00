"""Read any mesh or cloud a user may have, and write clouds: the gate for files from outside.

Reading never gives a part of a damaged file: what cannot be read whole raises InputFileError with one sentence.
Coordinates stay as they are in the file, in float64, so that survey coordinates keep their millimeters; bringing them
to the unit frame is for whoever needs it. Prepared data sets have a format of their own, see ``store``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.array_clouds import read_bin, read_las, read_npy, read_npz
from pointsra.data.cloud_writers import WRITERS, write_cloud
from pointsra.data.mesh_files import read_mesh_file, sample_surface
from pointsra.data.pcd import read_pcd
from pointsra.data.readout import Readout
from pointsra.data.text_clouds import read_text_cloud
from pointsra.errors import InputFileError, PointSRAError, first_line

__all__ = ["KNOWN_SUFFIXES", "WRITERS", "Cloud", "read_cloud", "write_cloud"]

DEFAULT_SAMPLES = 4096  # points drawn from a mesh where nobody says how many; ours: twice what the networks take

_READERS: dict[str, Callable[[Path], Readout]] = {
    **dict.fromkeys(("ply", "obj", "stl", "off", "glb", "gltf"), read_mesh_file),
    "pcd": read_pcd,
    **dict.fromkeys(("xyz", "pts", "txt", "csv"), read_text_cloud),
    "npy": read_npy,
    "npz": read_npz,
    "las": read_las,
    "laz": read_las,
    "bin": read_bin,
}
KNOWN_SUFFIXES: tuple[str, ...] = tuple(_READERS)
"""File name endings that can be read, without the dot."""

# How other kinds of file begin; some text and binary readers would make points of them.
_FOREIGN = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"\x89HDF": "an HDF5 file",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself",
}


@dataclass(frozen=True)
class Cloud:
    """A cloud, or points drawn from a mesh, in the frame and units of its file.

    Attributes:
        points: (N, 3) float64, finite.
        colors: (N, 3) uint8, or None.
        path: the file.
        was_mesh: whether the points were drawn from a surface.
        vertices: (V, 3) float64 of the mesh, or None for a cloud.
        faces: (F, 3) int64 into ``vertices``, or None for a cloud.
        dropped: rows left out because they were not finite.
        notes: sentences for the user.
    """

    points: NDArray[np.float64]
    colors: NDArray[np.uint8] | None
    path: Path
    was_mesh: bool
    vertices: NDArray[np.float64] | None = None
    faces: NDArray[np.int64] | None = None
    dropped: int = 0
    notes: tuple[str, ...] = ()


def read_cloud(path: Path | str, *, count: int | None = None, seed: int = 0, max_points: int | None = None) -> Cloud:
    """Read a mesh or a cloud.

    Args:
        path: a file of one of the :data:`KNOWN_SUFFIXES`.
        count: points to draw from a mesh, 4096 where None; a cloud is taken as it is.
        seed: decides which points are drawn.
        max_points: a cloud with more is thinned to a random choice of this many.

    Returns:
        The cloud, in the file's own frame.

    Raises:
        InputFileError: not there, not readable, damaged, of an unknown kind, or without a finite point.
        MissingExtraError: las or laz without laspy.
    """
    path = Path(path)
    reader = _reader_for(path)
    try:
        with np.errstate(invalid="ignore", over="ignore"):  # numbers that are not finite are counted below
            readout = reader(path)
    except PointSRAError:
        raise
    except OSError as cause:
        raise InputFileError(f"{path}: cannot be read ({cause.strerror or cause}).") from cause
    except MemoryError as cause:
        raise InputFileError(f"{path}: does not fit into memory.") from cause
    except Exception as cause:  # a damaged file may make a reader stumble where nobody thought of
        kind = path.suffix.lower().lstrip(".")
        raise InputFileError(f"{path}: not a whole {kind} file ({first_line(cause)}).") from cause
    kept, dropped = _finite(path, readout)
    rng = np.random.default_rng(seed)
    if kept.faces is not None:
        drawn = sample_surface(kept.points, kept.faces, count or DEFAULT_SAMPLES, rng)
        if drawn is not None:
            points, chosen, weights = drawn
            colors = kept.colors
            if colors is not None:
                corners = colors[kept.faces[chosen]].astype(np.float64)
                colors = np.round((corners * weights[:, :, None]).sum(axis=1)).astype(np.uint8)
            return Cloud(points, colors, path, True, kept.points, kept.faces, dropped, kept.notes)
        note = f"{path.name}: its faces have no area; its {len(kept.points)} vertices are taken as a cloud."
        kept = replace(kept, faces=None, notes=(*kept.notes, note))
    if max_points is not None and len(kept.points) > max_points:
        rows = np.sort(rng.choice(len(kept.points), max_points, replace=False))
        note = f"{path.name}: {max_points} of its {len(kept.points)} points are used, chosen at random."
        colors = None if kept.colors is None else kept.colors[rows]
        kept = replace(kept, points=kept.points[rows], colors=colors, notes=(*kept.notes, note))
    return Cloud(kept.points, kept.colors, path, False, None, None, dropped, kept.notes)


def _reader_for(path: Path) -> Callable[[Path], Readout]:
    if not path.exists():
        raise InputFileError(f"{path}: no such file.")
    if path.is_dir():
        raise InputFileError(f"{path}: this is a folder; name a mesh or point cloud file.")
    if not path.is_file():
        raise InputFileError(f"{path}: this is a pipe or a device; write what comes of it to a file first.")
    suffix = path.suffix.lower().lstrip(".")
    if suffix not in _READERS:
        known = ", ".join(KNOWN_SUFFIXES)
        raise InputFileError(f"{path}: files ending in '.{suffix}' are not known; known are {known}.")
    try:
        if path.stat().st_size == 0:
            raise InputFileError(f"{path}: the file is empty.")
        with path.open("rb") as stream:
            head = stream.read(32)
    except OSError as cause:
        raise InputFileError(f"{path}: cannot be read ({cause.strerror or cause}).") from cause
    for magic, name in _FOREIGN.items():
        if head.startswith(magic) and not (suffix == "npz" and magic.startswith(b"PK")):
            raise InputFileError(f"{path}: this is {name}, not a {suffix} file.")
    return _READERS[suffix]


def _finite(path: Path, readout: Readout) -> tuple[Readout, int]:
    """Leave out rows with a NaN or an infinity, and the faces that stood on them."""
    sound: NDArray[np.bool_] = np.asarray(np.isfinite(readout.points).all(axis=1))
    dropped = int((~sound).sum())
    if not sound.any():
        what = "no points" if not len(sound) else f"none of its {len(sound)} points is finite"
        raise InputFileError(f"{path}: {what}.")
    if not dropped:
        return readout, 0
    faces = readout.faces
    if faces is not None:
        place = np.cumsum(sound) - 1
        faces = place[faces[sound[faces].all(axis=1)]]
    note = f"{path.name}: {dropped} of {len(sound)} points are not finite and were left out."
    colors = None if readout.colors is None else readout.colors[sound]
    return Readout(readout.points[sound], colors, faces, (*readout.notes, note)), dropped
