"""Write a cloud as ply, npz, glb or xyz, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsra.data.replacing import replacing
from pointsra.errors import OutputError

_PRECISION = 1e-6  # of the cloud's own size: what float32 keeps of a cloud that lies around the origin; ours
_LOOKED_AT = 1 << 16  # points that tell a cloud's size


def write_cloud(path: Path | str, points: ArrayLike, colors: ArrayLike | None = None, *, double: bool = False) -> None:
    """Write a cloud; the format follows the file's name.

    Args:
        path: ends in .ply, .npz, .glb or .xyz; its folder is made where missing.
        points: (N, 3); written in double precision where single would move them by more than a millionth of the
            cloud's size (survey coordinates far from the origin).
        colors: (N, 3) uint8, or None.
        double: write double precision in any case, where the format has it (glb has not).

    Raises:
        OutputError: an unknown ending, no points, no permission, disk full.
        ValueError: arrays of another shape (a mistake in the program).
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower().lstrip("."))
    if writer is None:
        raise OutputError(f"{path}: clouds are written as {', '.join(WRITERS)}; name the file with one of these.")
    cloud = np.asarray(points)
    if cloud.ndim != 2 or cloud.shape[1] != 3:
        raise ValueError(f"points must be (N, 3), not {cloud.shape}")
    tints = None if colors is None else np.asarray(colors, dtype=np.uint8)
    if tints is not None and tints.shape != cloud.shape:
        raise ValueError(f"colors must be {cloud.shape} like the points, not {tints.shape}")
    if not len(cloud):
        raise OutputError(f"{path}: there are no points to write.")
    with replacing(path) as partial:
        writer(partial, cloud, tints, double or needs_double(cloud))


def fits_single(points: NDArray[np.floating]) -> bool:
    """Whether single precision holds points (N, 3) to the bit."""
    return all(
        bool((part == part.astype(np.float32)).all()) for part in np.array_split(points, 1 + len(points) // _LOOKED_AT)
    )


def needs_double(points: NDArray[Any]) -> bool:
    """Whether float32 would move points (N, 3) by more than a millionth of the cloud's size.

    The size is that of the inner nine tenths along each axis: a few stray points far away, such as the zeros that
    scanners write for a lost echo, must not cost the others their millimeters.
    """
    if points.dtype != np.float64:
        return points.dtype.kind in "iu" and bool(np.abs(points).max(initial=0) > 1 << 24)
    moved = max(
        (
            np.abs(part - part.astype(np.float32)).max()
            for part in np.array_split(points, 1 + len(points) // _LOOKED_AT)
        ),
        default=0.0,
    )
    low, high = np.quantile(points[:: 1 + len(points) // _LOOKED_AT], (0.05, 0.95), axis=0)
    return bool(moved > _PRECISION * max(float((high - low).max()), 1e-30))


def _write_ply(path: Path, points: NDArray[np.generic], colors: NDArray[np.uint8] | None, double: bool) -> None:
    kind, name = ("<f8", "double") if double else ("<f4", "float")
    layout = [(axis, kind) for axis in "xyz"]
    properties = [f"property {name} {axis}" for axis in "xyz"]
    if colors is not None:
        layout += [(color, "u1") for color in ("red", "green", "blue")]
        properties += [f"property uchar {color}" for color in ("red", "green", "blue")]
    rows = np.empty(len(points), dtype=layout)
    for column, axis in enumerate("xyz"):
        rows[axis] = points[:, column]
    if colors is not None:
        for column, color in enumerate(("red", "green", "blue")):
            rows[color] = colors[:, column]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(points)}", *properties]
    with path.open("wb") as stream:
        stream.write(("\n".join([*header, "end_header"]) + "\n").encode("ascii"))
        stream.write(rows.tobytes())


def _write_npz(path: Path, points: NDArray[np.generic], colors: NDArray[np.uint8] | None, double: bool) -> None:
    kind = np.float64 if double else np.float32
    arrays: dict[str, NDArray[np.generic]] = {"points": points.astype(kind)}
    if colors is not None:
        arrays["colors"] = colors
    with path.open("wb") as stream:
        np.savez(stream, **arrays)  # pyrefly: ignore


def _write_glb(path: Path, points: NDArray[np.generic], colors: NDArray[np.uint8] | None, double: bool) -> None:
    """Positions in glTF are float32: a cloud far from the origin is centered, and its node carries the offset."""
    import trimesh

    cloud = points.astype(np.float64)
    offset = np.median(cloud, axis=0) if double else np.zeros(3)
    place = np.eye(4)
    place[:3, 3] = offset
    tints = None
    if colors is not None:
        tints = np.concatenate([colors, np.full((len(colors), 1), 255, np.uint8)], axis=1)
    scene = trimesh.Scene()
    scene.add_geometry(trimesh.PointCloud(cloud - offset, colors=tints), transform=place)
    content = scene.export(file_type="glb")
    path.write_bytes(content)


def _write_xyz(path: Path, points: NDArray[np.generic], colors: NDArray[np.uint8] | None, double: bool) -> None:
    digits = "%.17g" if double else "%.9g"
    with path.open("w", encoding="ascii", newline="\n") as stream:
        if colors is None:
            np.savetxt(stream, points, fmt=digits)
        else:
            np.savetxt(stream, np.concatenate([points, colors], axis=1), fmt=[digits] * 3 + ["%d"] * 3)


WRITERS: dict[str, Callable[[Path, NDArray[np.generic], NDArray[np.uint8] | None, bool], None]] = {
    "ply": _write_ply,
    "npz": _write_npz,
    "glb": _write_glb,
    "xyz": _write_xyz,
}
"""File name ending -> writer."""
