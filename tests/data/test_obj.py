"""Wavefront OBJ in its many dresses, by hand and against trimesh, and what is refused."""

import numpy as np
import pytest
import trimesh

from pointsra.data.files import read_cloud
from pointsra.data.mesh_files import read_mesh_file
from pointsra.data.obj import read_obj
from pointsra.errors import InputFileError

SQUARE = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
V = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
TWO = [(0, 1, 2), (0, 2, 3)]


def saved(tmp_path, text):
    path = tmp_path / "a.obj"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


DRESSES = {
    "plain": V + "f 1 2 3\nf 1 3 4\n",
    "a polygon": V + "f 1 2 3 4\n",
    "textures": V + "vt 0 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3\nf 1/2 3/3 4/1\n",
    "normals": V + "vn 0 0 1\nf 1//1 2//1 3//1\nf 1//1 3//1 4//1\n",
    "textures and normals": V + "vt 0 0\nvn 0 0 1\nf 1/1/1 2/1/1 3/1/1 4/1/1\n",
    "of all kinds": V + "vt 0 0\nvn 0 0 1\nf 1/1/1 2//1 3/1\nf 1 3 4/1/\n",
    "backward": V + "f -4 -3 -2\nf -4 -2 -1\n",
    "backward with normals": V + "vn 0 0 1\nf -4//-1 -3//-1 -2//-1 -1//-1\n",
    "forward": "f 1 2 3\nf 1 3 4\n" + V,
    "both": "v 0 0 0\nv 1 0 0\nv 1 1 0\nf -3 2 -1\nv 0 1 0\nf 1 -2 4\n",
    "tabs": (V + "f 1 2 3\nf 1 3 4\n").replace(" ", "\t"),
    "blanks": "".join(f"   {line} \t \n" for line in (V + "f 1 2  3\n\nf 1 3 4").split("\n")),
    "Windows": (V + "f 1 2 3\nf 1 3 4\n").replace("\n", "\r\n"),
    "old Mac": (V + "f 1 2 3\nf 1 3 4\n").replace("\n", "\r"),
    "a byte order mark": "\ufeff" + V + "f 1 2 3 4",
    "comments": "# C:\\things\\\n" + V.replace("\n", " # v 7 7 7\n") + "f 1 2 3 # 4\n#f 1 2 4\nf 1 3 4",
    "continued": V.replace("v 1 1 0", "v 1 \\\n1 \\ \n 0") + "f 1 2\\\n 3 4\n",
    "weights": V.replace("0\n", "0 1.0\n") + "f 1 2 3 4",
    "everything else": "mtllib é.mtl\no a\ng b c\ns 1\n"
    + V
    + "vp 1\np 1 2\nl 1 2 3\nusemtl x\nf 1 2 3 4\ncurv 0 1 1 2\n",
    "not in UTF-8": b"g \xe9\xff\n" + V.encode() + b"f 1 2 3 4",
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", DRESSES)
def test_dresses(tmp_path, name):
    found = read_obj(saved(tmp_path, DRESSES[name]))
    np.testing.assert_array_equal(found.points, SQUARE)
    np.testing.assert_array_equal(found.faces, TWO)
    assert found.colors is None and not found.notes


def test_parts_that_count_backward_each_name_their_own_vertices(tmp_path):
    text, expected = "", []
    for number, size in enumerate([(1, 2, 3), (2, 1, 1), (1, 1, 4)]):
        part = trimesh.creation.box(size)
        text += f"o part{number}\n" + "".join("v {} {} {}\n".format(*row) for row in part.vertices.tolist())
        text += "".join("f {} {} {}\n".format(*(row - 8)) for row in part.faces)
        expected.append(part.area)
    found = read_mesh_file(saved(tmp_path, text))
    assert len(found.points) == 24 and len(found.faces) == 36
    assert trimesh.Trimesh(found.points, found.faces, process=False).area == pytest.approx(sum(expected))


def test_equals_trimesh(tmp_path):
    made = trimesh.creation.torus(2, 1)
    made.visual = trimesh.visual.TextureVisuals(uv=np.random.default_rng(0).random((len(made.vertices), 2)))
    found = read_obj(saved(tmp_path, made.export(file_type="obj", include_texture=False, include_normals=True)))
    np.testing.assert_allclose(found.points, made.vertices, atol=1e-7)
    np.testing.assert_array_equal(found.faces, made.faces)


@pytest.mark.parametrize(("tints", "last"), [("1 0.5 0", [255, 128, 0]), ("9 8 7", [9, 8, 7]), ("0 0 -1", None)])
def test_colors(tmp_path, tints, last):
    found = read_obj(saved(tmp_path, f"v 0 0 0 0 0 0\nv 1 0 0 {tints} 1\n"))
    assert found.faces is None
    assert (found.colors is None) if last is None else (found.colors.tolist() == [[0, 0, 0], last])


def test_a_mixture_of_colored_and_plain_vertices_has_no_colors(tmp_path):
    found = read_obj(saved(tmp_path, "v 0 0 0 1 1 1\nv 1 0 0\nv 1 1 0 1\nv 0 1 0\n"))
    np.testing.assert_array_equal(found.points, SQUARE)
    assert found.colors is None


def test_vertices_that_no_face_names_stay(tmp_path):
    cloud = read_cloud(saved(tmp_path, V + "v 9 9 9\nf 1 2 3 4\n"))
    assert len(cloud.vertices) == 5 and cloud.points.max() <= 1


def test_faces_of_two_corners_are_left_out_and_said(tmp_path):
    cloud = read_cloud(saved(tmp_path, V + "f 1 2\nf 1 2 3 4\nf 3\n"))
    assert len(cloud.faces) == 2 and "2 of its 3 faces have fewer than three corners" in cloud.notes[0]


DAMAGED = {
    V + "f 0 1 2\n": "line 5: a face names vertex 0, which is not there; the file has 4",
    V + "f 1 2 5\n": "line 5: a face names vertex 5, which is not there; the file has 4",
    V + "f 1/1 2/1 3/1\nf 1/1 2/1 9/1\n": "line 6: a face names vertex 9",
    "v 0 0 0\nv 1 0 0\nf -3 -2 -1\nv 1 1 0\n": "line 3: a face names vertex -3, which is not there; 2 stand above it",
    V + "f 1 2 2.5\n": "line 5: a face names vertex 2.5",
    V + "f 1 2 three\n": "line 5: 'three' is not a number",
    V + "\nv 1 2\n": "line 6: a vertex of 2 numbers",
    "# a\\\nv 0 0 \\\n 0\nv\n": "line 4: a vertex of 0 numbers",
    V + "v 1 2 0,5\n": "line 5: '0,5' is not a number",
    "f 1 2 3\n": "line 1: a face names vertex 1, which is not there; the file has 0",
    "vt 0 0\n": "holds no points",
    V.encode("utf-16"): "UTF-16",
}


@pytest.mark.parametrize("text", DAMAGED)
def test_damage_is_named_by_its_line(tmp_path, text):
    with pytest.raises(InputFileError) as caught:
        read_mesh_file(saved(tmp_path, text))
    assert DAMAGED[text] in str(caught.value) and "a.obj" in str(caught.value)
