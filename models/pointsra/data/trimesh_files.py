"""STL and glTF by way of trimesh."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from pointsra.data.readout import Readout
from pointsra.errors import InputFileError, first_line

# trimesh logs what it stumbles over, tracebacks included; with no handler anywhere, Python would print that on stderr.
_NOWHERE = logging.NullHandler()


def read_by_trimesh(path: Path) -> list[Readout]:
    """Read the parts of a file, each in its place.

    Args:
        path: an stl, glb or gltf file.

    Raises:
        InputFileError: damaged or cut short.
    """
    import trimesh

    logging.getLogger("trimesh").addHandler(_NOWHERE)  # once, however often; handlers of the caller's own still hear it
    try:
        pieces = trimesh.load_scene(path, process=False).dump()
        return [_piece(piece) for piece in pieces if hasattr(piece, "vertices") and len(piece.vertices)]
    except Exception as cause:  # trimesh's readers let whatever they stumble over through
        kind = path.suffix.lower().lstrip(".")
        raise InputFileError(
            f"{path}: not a {kind} file that can be read, or cut short ({first_line(cause)})."
        ) from cause


def _piece(piece: object) -> Readout:
    vertices = np.asarray(piece.vertices, dtype=np.float64).reshape(-1, 3)  # type: ignore[attr-defined]
    faces = np.asarray(getattr(piece, "faces", ()), dtype=np.int64)
    colors = getattr(piece, "colors", None)
    visual = getattr(piece, "visual", None)
    if colors is None and faces.size and getattr(visual, "kind", None) == "vertex":
        colors = visual.vertex_colors  # type: ignore[union-attr]
    colors = None if colors is None or len(colors) != len(vertices) else np.asarray(colors, np.uint8)[:, :3]
    return Readout(vertices, colors, faces if faces.ndim == 2 and len(faces) else None)
