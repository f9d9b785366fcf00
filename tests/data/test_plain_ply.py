"""Plain PLY by numpy equals trimesh; whatever is not plain is left to trimesh."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from pointsra.data import mesh_files
from pointsra.data.files import read_cloud
from pointsra.data.mesh_files import read_mesh_file
from pointsra.data.plain_ply import read_plain_ply
from pointsra.errors import InputFileError

CORNERS = [(0, 1, 2), (0, 2, 3)]


def ply(path, *, order="<", kind="float", colors=False, faces=CORNERS, list_name="vertex_indices", more="", tail=b""):
    word = {"<": "little", ">": "big"}[order]
    rows = [(0, 0, 0), (1, 0, 0), (1, 1, 0.5), (0, 1, 0.25)]
    lines = ["ply", f"format binary_{word}_endian 1.0", "comment by hand", f"element vertex {len(rows)}"]
    lines += [f"property {kind} {axis}" for axis in "xyz"]
    lines += [f"property uchar {hue}" for hue in ("red", "green", "blue", "alpha")] if colors else []
    if faces is not None:
        lines += [f"element face {len(faces)}", f"property list uchar int {list_name}"]
    lines += [more] if more else []
    content = ("\n".join([*lines, "end_header"]) + "\n").encode()
    letter = {"float": "f", "double": "d", "short": "h"}[kind]
    for number, row in enumerate(rows):
        content += struct.pack(order + 3 * letter, *(int(each * 4) if letter == "h" else each for each in row))
        content += bytes((number, 10, 20, 255)) if colors else b""
    for face in faces or ():
        content += struct.pack(order + "B" + "i" * len(face), len(face), *face)
    path.write_bytes(content + tail)
    return path


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"order": ">"},
        {"kind": "double"},
        {"kind": "short"},
        {"colors": True},
        {"faces": None, "colors": True},
        {"list_name": "vertex_index"},
    ],
)
def test_equals_trimesh(tmp_path, monkeypatch, form):
    path = ply(tmp_path / "a.ply", **form)
    plain = read_plain_ply(path)
    assert plain is not None
    monkeypatch.setattr(mesh_files, "read_plain_ply", lambda path: None)
    other = read_mesh_file(path)
    np.testing.assert_array_equal(plain.points, other.points)
    for ours, theirs in ((plain.faces, other.faces), (plain.colors, other.colors)):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "form",
    [
        {"faces": [(0, 1, 2, 3)]},
        {"faces": [(0, 1, 2, 3), (0, 2)]},  # as long as two triangles
        {"tail": b"more"},
        {"more": "element edge 0"},
        {"more": "property list uchar float texcoord"},
    ],
)
def test_other_forms_are_left_to_trimesh(tmp_path, form):
    assert read_plain_ply(ply(tmp_path / "a.ply", **form)) is None


def test_damage_is_still_refused(tmp_path):
    path = ply(tmp_path / "a.ply")
    path.write_bytes(path.read_bytes()[:-5])
    assert read_plain_ply(path) is None
    with pytest.raises(InputFileError, match="cut short"):
        read_cloud(path)
    with pytest.raises(InputFileError, match="names a vertex that is not there"):
        read_cloud(ply(tmp_path / "b.ply", faces=[(0, 1, 9)]))
