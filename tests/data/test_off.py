"""OFF in its dresses, and what is refused: rows that are missing, too short, or too many."""

import numpy as np
import pytest
import trimesh

from pointsra.data.files import read_cloud
from pointsra.data.mesh_files import read_mesh_file
from pointsra.data.off import read_off
from pointsra.errors import InputFileError

SQUARE = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
V = "0 0 0\n1 0 0\n1 1 0\n0 1 0\n"
F = "3 0 1 2\n3 0 2 3\n"


def saved(tmp_path, text):
    path = tmp_path / "a.off"
    path.write_text(text, newline="")
    return path


DRESSES = {
    "plain": "OFF\n4 2 0\n" + V + F,
    "without edges": "OFF\n4 2\n" + V + F,
    "glued": "OFF4 2 0\n" + V + F,
    "in one line": "OFF 4 2 0\n" + V + F,
    "comments": "# by hand\n\nOFF # a\n# b\n4 2 0\n\n" + V.replace("\n", " # v\n\n") + "# faces\n" + F + "\n\n",
    "Windows": ("OFF\n4 2 0\n" + V + F).replace("\n", "\r\n"),
    "old Mac": ("OFF\n4 2 0\n" + V + F).replace("\n", "\r"),
    "tabs": ("OFF\n4 2 0\n" + V + F).replace(" ", "\t"),
    "a byte order mark": "\ufeffOFF\n4 2 0\n" + V + F,
    "a polygon": "OFF\n4 1 4\n" + V + "4 0 1 2 3\n",
    "colored faces": "OFF\n4 2 0\n" + V + F.replace("\n", " 255 0 0\n"),
    "normals": "NOFF\n4 2 0\n" + V.replace("\n", " 0 0 1\n") + F,
    "textures": "STOFF\n4 2 0\n" + V.replace("\n", " 0.5 0.5\n") + F,
}


@pytest.mark.parametrize("name", DRESSES)
def test_dresses(tmp_path, name):
    found = read_off(saved(tmp_path, DRESSES[name]))
    np.testing.assert_array_equal(found.points, SQUARE)
    np.testing.assert_array_equal(found.faces, [(0, 1, 2), (0, 2, 3)])
    assert found.colors is None and not found.notes


@pytest.mark.parametrize(("word", "more"), [("COFF", "9 8 7 255"), ("CNOFF", "0 0 1 9 8 7"), ("STCOFF", "9 8 7 0.5 1")])
def test_colors(tmp_path, word, more):
    found = read_off(saved(tmp_path, f"{word}\n4 2 0\n" + V.replace("\n", f" {more}\n") + F))
    np.testing.assert_array_equal(found.colors, [[9, 8, 7]] * 4)


def test_equals_trimesh(tmp_path):
    made = trimesh.creation.icosphere()
    found = read_off(saved(tmp_path, made.export(file_type="off", digits=17)))
    np.testing.assert_array_equal(found.points, made.vertices)
    np.testing.assert_array_equal(found.faces, made.faces)


def test_a_face_of_two_corners_is_left_out_and_said(tmp_path):
    cloud = read_cloud(saved(tmp_path, "OFF\n4 3 0\n" + V + F + "2 0 1\n"))
    assert len(cloud.faces) == 2 and "1 of its 3 faces have fewer than three corners" in cloud.notes[0]


QUADS = "OFF\n4 9 0\n" + V + "4 0 1 2 3\n" * 5  # as many triangles as faces are promised, and one more
DAMAGED = {
    QUADS: "5 of the 9 face rows that its header promises",
    "OFF\n4 2 0\n0 0 0\n": "1 of the 4 vertex rows that its header promises",
    "OFF\n999999999999 2 0\n" + V + F: "6 of the 999999999999 vertex rows",
    "OFF\n4 2 0\n" + V + "3 0 1 2\n3 0 2\n": "line 8: a face of 3 corners, of which 2 are there",
    "OFF\n4 2 0\n" + V + "3 0 1 2\n-1 0 2\n": "line 8: a face of -1 corners",
    "OFF\n4 2 0\n" + V + "3 0 1 2\n3 0 2 2.5\n": "line 8: a face names vertices by numbers that are not whole",
    "OFF\n4 2 0\n" + V + "3 0 1 2\n3 0 2 x\n": "line 8: 'x' is not a number",
    "OFF\n4 2 0\n" + V + "3 0 1 2\n3 0 2 4\n": "names a vertex that is not there",
    "OFF\n4 2 0\n" + V + "3 0 1 2\n3 0 2 -1\n": "names a vertex that is not there",
    "OFF\n4 2 0\n" + V.replace("1 1 0", "1 1") + F: "line 5: a vertex of 2 numbers",
    "OFF\n4 1 0\n" + V + F: "6 rows stand after its header, which promises 5",
    "OFF\n0 0 0\n": "holds no points",
    "OFF\n": "does not say how much it holds",
    "OFF\nfour 2 0\n" + V + F: "does not say how much it holds",
    V + F: "its first line is not OFF",
    "OFFICE\n4 2 0\n" + V + F: "its first line is not OFF",
    "4OFF\n4 2 0\n" + V.replace("\n", " 1\n") + F: "other coordinates than x, y and z (4OFF)",
    "nOFF\n3\n4 2 0\n" + V + F: "other coordinates than x, y and z (nOFF)",
    "OFF BINARY\n\x00\x00": "in its binary form",
}


@pytest.mark.parametrize("text", DAMAGED)
def test_damage_is_refused(tmp_path, text):
    with pytest.raises(InputFileError) as caught:
        read_mesh_file(saved(tmp_path, text))
    assert DAMAGED[text] in str(caught.value) and "a.off" in str(caught.value)
