"""Meshes, and clouds in mesh formats (ply, obj, off, stl, glb, gltf), by way of trimesh but for plain PLY; and points
on a surface.

trimesh passes over some damage in silence (a text PLY or OFF cut short, an STL without triangles, faces that name
vertices that are not there); what the header of a PLY or OFF promises is compared with what came.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.plain_ply import read_plain_ply
from pointsra.data.readout import Readout
from pointsra.errors import InputFileError, first_line

# trimesh logs what it stumbles over, tracebacks included; with no handler anywhere, Python would print that on stderr.
_NOWHERE = logging.NullHandler()


def read_mesh_file(path: Path) -> Readout:
    """Read a mesh or a cloud; the parts of a scene are put in their places and joined.

    Args:
        path: a ply, obj, off, stl, glb or gltf file.

    Returns:
        Vertices (N, 3) and faces (F, 3), or points and no faces where the file has none.

    Raises:
        InputFileError: damaged, cut short, or empty.
    """
    plain = read_plain_ply(path) if path.suffix.lower() == ".ply" else None
    readouts = _by_trimesh(path) if plain is None else [plain]
    if not readouts:
        raise InputFileError(f"{path}: holds no points; it is empty, cut short or of another format.")
    for each in readouts:
        if each.faces is not None and not 0 <= each.faces.min() <= each.faces.max() < len(each.points):
            raise InputFileError(
                f"{path}: damaged: a face names a vertex that is not there (its {len(each.points)} vertices are "
                f"numbered from 0, its faces name {each.faces.min()} to {each.faces.max()})."
            )
    if plain is None and path.suffix.lower() in (".ply", ".off"):
        _compare_with_header(path, readouts)
    return _joined(readouts)


def sample_surface(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    count: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]] | None:
    """Draw points uniformly by area.

    Args:
        vertices: (V, 3) finite.
        faces: (F, 3) rows of ``vertices``.
        count: N.
        rng: source of randomness.

    Returns:
        Points (N, 3), the face each lies on (N,), and its weights on that face's corners (N, 3); None where the
        faces have no area.
    """
    corners = vertices[faces]
    first, edge_a, edge_b = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    bounds = np.cumsum(np.linalg.norm(np.cross(edge_a, edge_b), axis=1))
    if not len(bounds) or not bounds[-1] > 0:
        return None
    chosen = np.minimum(np.searchsorted(bounds, rng.random(count) * bounds[-1], side="right"), len(bounds) - 1)
    u, v = rng.random((2, count))
    over = u + v > 1
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    points = first[chosen] + u[:, None] * edge_a[chosen] + v[:, None] * edge_b[chosen]
    return points, chosen, np.stack([1 - u - v, u, v], axis=1)


def _by_trimesh(path: Path) -> list[Readout]:
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


def _joined(readouts: list[Readout]) -> Readout:
    if any(each.faces is not None for each in readouts):
        notes = ()
        meshes = [each for each in readouts if each.faces is not None]
        if len(meshes) < len(readouts):
            left_out = len(readouts) - len(meshes)
            notes = (f"{left_out} part{'s' * (left_out > 1)} of the scene without faces left out.",)
        starts = np.cumsum([0] + [len(each.points) for each in meshes])
        faces = [each.faces + start for each, start in zip(meshes, starts[:-1], strict=True) if each.faces is not None]
        return Readout(_points(meshes), _colors(meshes), np.concatenate(faces), notes)
    return Readout(_points(readouts), _colors(readouts))


def _points(readouts: list[Readout]) -> NDArray[np.float64]:
    return readouts[0].points if len(readouts) == 1 else np.concatenate([each.points for each in readouts])


def _colors(readouts: list[Readout]) -> NDArray[np.uint8] | None:
    found = [each.colors for each in readouts if each.colors is not None]
    return np.concatenate(found) if len(found) == len(readouts) else None


def _compare_with_header(path: Path, readouts: list[Readout]) -> None:
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    promises = _off_promises(head) if path.suffix.lower() == ".off" else _ply_promises(head)
    faces = sum(len(each.faces) for each in readouts if each.faces is not None)
    for name, found in (("vertex", sum(len(each.points) for each in readouts)), ("face", faces)):
        if found < promises.get(name, 0):
            raise InputFileError(
                f"{path}: cut short: {found} of the {promises[name]} {name} rows that its header promises."
            )
    if path.suffix.lower() == ".ply" and b"format ascii" in head.split(b"end_header")[0]:
        rows = sum(1 for line in path.read_bytes().partition(b"end_header")[2].splitlines() if line.strip())
        if rows > sum(promises.values()):
            raise InputFileError(
                f"{path}: {rows} rows stand after its header, which promises {sum(promises.values())}; is it whole?"
            )


def _ply_promises(head: bytes) -> dict[str, int]:
    """Rows of each element, by name."""
    found = re.findall(rb"^\s*element\s+(\S+)\s+(\d+)", head.split(b"end_header")[0], re.MULTILINE)
    return {name.decode("latin-1"): int(count) for name, count in found}


def _off_promises(head: bytes) -> dict[str, int]:
    """The first two numbers, which may stand right behind the word OFF; comments go before."""
    plain = re.sub(rb"#[^\n]*", b" ", head)
    found = re.match(rb"\s*[A-Za-z]*OFF\s*(\d+)\s+(\d+)", plain)
    return {} if found is None else {"vertex": int(found[1]), "face": int(found[2])}
