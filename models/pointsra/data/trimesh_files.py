"""STL and glTF by way of trimesh, and what it passes over in silence: solids cut short, and compressed geometry."""

from __future__ import annotations

import json
import logging
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np

from pointsra.data.readout import Readout
from pointsra.errors import InputFileError, first_line

# trimesh logs what it stumbles over, tracebacks included; with no handler anywhere, Python would print that on stderr.
_NOWHERE = logging.NullHandler()

# Extensions of glTF that keep vertices elsewhere than where trimesh looks, or repeat a mesh where it does not.
_NOT_READ = (
    "KHR_draco_mesh_compression",
    "EXT_meshopt_compression",
    "KHR_meshopt_compression",
    "EXT_mesh_gpu_instancing",
)


def read_by_trimesh(path: Path) -> list[Readout]:
    """Read the parts of a file, each in its place.

    Args:
        path: an stl, glb or gltf file.

    Raises:
        InputFileError: damaged, cut short, or with geometry that trimesh would misread.
    """
    import trimesh

    text = path.suffix.lower() == ".stl"
    if not text:
        _refuse_compressed(path)
    logging.getLogger("trimesh").addHandler(_NOWHERE)  # once, however often; handlers of the caller's own still hear it
    try:
        pieces = trimesh.load_scene(path, process=False).dump()
        found = [_piece(piece) for piece in pieces if hasattr(piece, "vertices") and len(piece.vertices)]
    except Exception as cause:  # trimesh's readers let whatever they stumble over through
        kind = path.suffix.lower().lstrip(".")
        raise InputFileError(
            f"{path}: not a {kind} file that can be read, or cut short ({first_line(cause)})."
        ) from cause
    if text and found:
        _refuse_lost_solids(path, sum(len(each.points) for each in found))
    return found


def _piece(piece: object) -> Readout:
    vertices = np.asarray(piece.vertices, dtype=np.float64).reshape(-1, 3)  # type: ignore[attr-defined]
    faces = np.asarray(getattr(piece, "faces", ()), dtype=np.int64)
    colors = getattr(piece, "colors", None)
    visual = getattr(piece, "visual", None)
    if colors is None and faces.size and getattr(visual, "kind", None) == "vertex":
        colors = visual.vertex_colors  # type: ignore[union-attr]
    colors = None if colors is None or len(colors) != len(vertices) else np.asarray(colors, np.uint8)[:, :3]
    return Readout(vertices, colors, faces if faces.ndim == 2 and len(faces) else None)


def _refuse_lost_solids(path: Path, found: int) -> None:
    """Compare a text STL with the vertices that came of it: of a solid without an end none do."""
    content = path.read_bytes()
    if len(content) >= 84 and len(content) == 84 + 50 * struct.unpack_from("<I", content, 80)[0]:
        return  # binary
    rows, begun, ended = (
        len(re.findall(rb"^[ \t]*" + word + rb"\b", content, re.MULTILINE | re.IGNORECASE))
        for word in (b"vertex", b"solid", b"endsolid")
    )
    if found < rows or begun != ended:
        raise InputFileError(
            f"{path}: cut short or damaged: {rows} vertex lines, of which {found} stand in whole solids "
            f"({begun} solid lines, {ended} endsolid lines)."
        )


def _refuse_compressed(path: Path) -> None:
    """Refuse a glTF whose positions trimesh would take for what they are not; what is no glTF is left to trimesh."""
    tree = _json_of(path)
    try:
        needed = [name for name in _NOT_READ if name in tree.get("extensionsRequired", ())]
        if needed:
            raise InputFileError(
                f"{path}: its geometry needs {' and '.join(needed)}, which is not read; export it without mesh "
                "compression or instancing."
            )
        for number, mesh in enumerate(tree.get("meshes", ())):
            for primitive in mesh.get("primitives", ()):
                for name, place in {**primitive.get("attributes", {}), "indices": primitive.get("indices")}.items():
                    if name in ("POSITION", "indices") and place is not None:
                        _refuse_packed(path, tree["accessors"][place], f"the {name} of mesh {number}")
    except (AttributeError, IndexError, KeyError, TypeError) as cause:
        raise InputFileError(f"{path}: damaged: its JSON is not that of a glTF ({first_line(cause)}).") from cause


def _refuse_packed(path: Path, accessor: dict[str, Any], what: str) -> None:
    for form, there in (
        ("sparse", "sparse" in accessor),
        ("quantized", accessor.get("normalized", False)),
        ("not in the file", "bufferView" not in accessor),
    ):
        if there:
            raise InputFileError(
                f"{path}: {what} is {form}, which is not read; export it without compression or quantization."
            )


def _json_of(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        content = stream.read(20)
        binary = content[:4] == b"glTF" and len(content) == 20
        content = stream.read(struct.unpack_from("<I", content, 12)[0]) if binary else content + stream.read()
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}
