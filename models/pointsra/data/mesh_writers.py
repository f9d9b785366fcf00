"""Write a mesh as ply, npz or glb, whole or not at all. Clouds are for ``cloud_writers``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.cloud_writers import needs_double
from pointsra.data.replacing import replacing
from pointsra.errors import OutputError


def write_mesh(
    path: Path, vertices: NDArray[np.float64], faces: NDArray[np.int64], colors: NDArray[np.uint8] | None = None
) -> None:
    """Write triangles; the format follows the file's name.

    Args:
        path: ends in .ply, .npz (``vertices``, ``faces``, ``colors``) or .glb.
        vertices: (V, 3), in double precision where single would move them (in glb by an offset of the node).
        faces: (F, 3) rows of ``vertices``.
        colors: (V, 3), or None.

    Raises:
        OutputError: another ending, no permission, disk full.
    """
    writers = {".ply": _write_ply, ".npz": _write_npz, ".glb": _write_glb}
    ending = path.suffix.lower()
    if ending not in writers:
        raise OutputError(f"{path}: meshes are written as ply, npz or glb; name the file with one of these.")
    with replacing(path) as partial:
        writers[ending](partial, vertices, faces, colors)


def _write_ply(
    path: Path, vertices: NDArray[np.float64], faces: NDArray[np.int64], colors: NDArray[np.uint8] | None
) -> None:
    kind, name = ("<f8", "double") if needs_double(vertices) else ("<f4", "float")
    layout: list[tuple[str, str]] = [(axis, kind) for axis in "xyz"]
    hues = () if colors is None else ("red", "green", "blue")
    rows = np.empty(len(vertices), dtype=layout + [(hue, "u1") for hue in hues])
    for column, axis in enumerate("xyz"):
        rows[axis] = vertices[:, column]
    for column, hue in enumerate(hues):
        rows[hue] = colors[:, column]  # type: ignore[index]
    triangles = np.empty(len(faces), dtype=[("count", "u1"), ("rows", "<i4", 3)])
    triangles["count"], triangles["rows"] = 3, faces
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}"]
    header += [f"property {name} {axis}" for axis in "xyz"] + [f"property uchar {hue}" for hue in hues]
    header += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"]
    path.write_bytes(("\n".join(header) + "\n").encode("ascii") + rows.tobytes() + triangles.tobytes())


def _write_npz(
    path: Path, vertices: NDArray[np.float64], faces: NDArray[np.int64], colors: NDArray[np.uint8] | None
) -> None:
    arrays = {"vertices": vertices, "faces": faces} | ({} if colors is None else {"colors": colors})
    with path.open("wb") as stream:
        np.savez(stream, **arrays)  # pyrefly: ignore


def _write_glb(
    path: Path, vertices: NDArray[np.float64], faces: NDArray[np.int64], colors: NDArray[np.uint8] | None
) -> None:
    import trimesh

    place = np.eye(4)
    place[:3, 3] = np.median(vertices, axis=0) if needs_double(vertices) else 0.0
    mesh = trimesh.Trimesh(vertices - place[:3, 3], faces, vertex_colors=colors, process=False)
    scene = trimesh.Scene()
    scene.add_geometry(mesh, transform=place)
    path.write_bytes(scene.export(file_type="glb"))
