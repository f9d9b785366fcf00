"""PLY in all its forms: equal to what trimesh reads where it can, whole where it cannot, and refused where damaged."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import trimesh

from pointsra.data import ply as ply_files
from pointsra.data.files import read_cloud
from pointsra.data.mesh_files import read_mesh_file
from pointsra.data.ply import read_ply
from pointsra.errors import InputFileError

SQUARE = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (2, 0, 0.5), (2, 1, 0.25)]
CORNERS = [(0, 1, 2), (0, 2, 3)]
LETTERS = dict(zip(["char", "uchar", "short", "ushort", "int", "uint", "float", "double"], "bBhHiIfd", strict=True))
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
XYZ = ["float x", "float y", "float z"]
FACE = ["list uchar int vertex_indices"]


def in_form(form, *elements, end="\n", remarks=("comment by hand", "obj_info 3 of 4")):
    """A file of elements (name, properties, rows): a row has a number or a list for each property."""
    head, body = ["ply", f"format {form} 1.0", *remarks], b""
    for name, properties, rows in elements:
        head += [f"element {name} {len(rows)}", *(f"property {each}" for each in properties)]
        for row in rows:
            for each, value in zip(properties, row, strict=True):
                kinds = each.split()[1:3] if each.startswith("list") else each.split()[:1]
                numbers = [len(value), *value] if len(kinds) == 2 else [value]
                if form == "ascii":
                    body += (" ".join(repr(number) for number in numbers) + " ").encode()
                else:
                    letters = LETTERS[kinds[0]] + LETTERS[kinds[-1]] * (len(numbers) - 1)
                    body += struct.pack(ORDERS[form] + letters, *numbers)
            body += end.encode() if form == "ascii" else b""
    return (end.join([*head, "end_header"]) + end).encode() + body


def mesh(form="binary_little_endian", faces=CORNERS, kinds=XYZ, points=SQUARE, **options):
    elements = [("vertex", kinds, points)] + ([("face", FACE, [(face,) for face in faces])] if faces else [])
    return in_form(form, *elements, **options)


def saved(tmp_path, content):
    path = tmp_path / "a.ply"
    path.write_bytes(content)
    return path


TINTED = [(*point, number, 10, 20, 255) for number, point in enumerate(SQUARE)]
HUES = ["red", "green", "blue", "alpha"]


@pytest.mark.parametrize("form", ORDERS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kinds": ["double x", "double y", "double z"]},
        {"kinds": ["short x", "short y", "short z"], "points": np.array(np.array(SQUARE) * 4, int).tolist()},
        {"kinds": XYZ + [f"uchar {hue}" for hue in HUES], "points": TINTED},
        {"kinds": XYZ + [f"uchar {hue}" for hue in HUES], "points": TINTED, "faces": None},
        {"kinds": XYZ + [f"float {hue}" for hue in HUES[:3]], "points": [(*each, 1, 0.25, 0) for each in SQUARE]},
        {"faces": [(0, 1, 2, 3), (1, 4, 5, 2)]},
    ],
)
def test_equals_trimesh(tmp_path, form, options):
    path = saved(tmp_path, mesh(form, **options))
    ours, theirs = read_ply(path), trimesh.load(path, process=False)
    np.testing.assert_array_equal(ours.points, theirs.vertices)
    if options.get("faces", True) is None:
        assert ours.faces is None
        tints = theirs.colors
    else:
        assert {tuple(sorted(face)) for face in ours.faces.tolist()} == {
            tuple(sorted(f)) for f in theirs.faces.tolist()
        }
        tints = theirs.visual.vertex_colors if theirs.visual.kind == "vertex" else None
    assert (ours.colors is None) == (tints is None)
    if tints is not None:
        np.testing.assert_array_equal(ours.colors, tints[:, :3])


MIXED = [(0, 1, 2, 3), (1, 4, 2), (1, 4, 5, 2, 3)]
IN_TRIANGLES = [(0, 1, 2), (0, 2, 3), (1, 4, 2), (1, 4, 5), (1, 5, 2), (1, 2, 3)]


@pytest.mark.parametrize("form", ORDERS)
def test_polygons_of_all_sizes(tmp_path, form):
    np.testing.assert_array_equal(read_ply(saved(tmp_path, mesh(form, MIXED))).faces, IN_TRIANGLES)


@pytest.mark.parametrize("form", ORDERS)
def test_lists_and_elements_of_any_kind_and_order(tmp_path, form):
    points = [([7] * number, *point, [0.5], number) for number, point in enumerate(SQUARE)]
    content = in_form(
        form,
        ("camera", ["float view", "list int double axes"], [(1.5, [1.0, 2.0]), (2.5, [])]),
        ("face", ["uchar flags", "list uchar float texcoord", "list int uint vertex_index"], [
            (9, [0.5] * 2 * len(face), face) for face in MIXED
        ]),
        ("nothing", ["list uchar int more"], []),
        ("vertex", ["list ushort short tags", *XYZ, "list uchar float w", "short s"], points),
        ("edge", ["int vertex1", "int vertex2"], [(0, 1)]),
    )  # fmt: skip
    found = read_ply(saved(tmp_path, content))
    np.testing.assert_array_equal(found.points, SQUARE)
    np.testing.assert_array_equal(found.faces, IN_TRIANGLES)


@pytest.mark.parametrize("form", ORDERS)
def test_strips_are_triangles_of_one_winding(tmp_path, form):
    strips = [([0, 1, 3, 2, -1, 1, 4, 2, 5, 5, 1],), ([3, 2, 5],)]
    content = in_form(form, ("vertex", XYZ, SQUARE), ("tristrips", ["list int int vertex_indices"], strips))
    expected = [(0, 1, 3), (3, 1, 2), (1, 4, 2), (2, 4, 5), (3, 2, 5)]
    np.testing.assert_array_equal(read_ply(saved(tmp_path, content)).faces, expected)


def test_text_keeps_its_digits_whatever_the_header_calls_them(tmp_path):
    points = [(500000.123456, 4600000.12, 1.0), (1e-300, 16777217.0, -0.1)]
    np.testing.assert_array_equal(read_ply(saved(tmp_path, mesh("ascii", None, points=points))).points, points)


def test_vertices_that_no_face_names_stay(tmp_path):
    kinds = [*XYZ, "float s", "float t"]  # texture coordinates, by which vertices are not to be split either
    path = saved(tmp_path, mesh("ascii", kinds=kinds, points=[(*point, 0, 1) for point in SQUARE]))
    assert len(read_cloud(path).vertices) == len(SQUARE)


def test_dark_colors_of_bytes_in_text_stay_dark(tmp_path):
    kinds = XYZ + [f"uchar {hue}" for hue in HUES[:3]]
    path = saved(tmp_path, mesh("ascii", None, kinds, [(*point, 1, 0, 1) for point in SQUARE]))
    np.testing.assert_array_equal(read_ply(path).colors, [[1, 0, 1]] * len(SQUARE))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_headers_of_all_systems(tmp_path, end):
    remarks = (
        "comment Åsa's",
        "comment",
        "obj_info a b",
        "",
    )  # Å in UTF-8 has a byte that latin-1 takes for a line's end
    for form in ORDERS:
        content = mesh(form, points=[(1e-44, 0, 0), *SQUARE[1:]], end=end, remarks=remarks)
        assert len(read_ply(saved(tmp_path, content)).faces) == 2
    line_feed_first = np.array([[10, 0, 0]], dtype="<i4")
    content = mesh("binary_little_endian", None, ["int x", "int y", "int z"], line_feed_first.tolist(), end=end)
    np.testing.assert_array_equal(read_ply(saved(tmp_path, content)).points, line_feed_first)


def test_a_face_of_two_corners_is_left_out_and_said(tmp_path):
    cloud = read_cloud(saved(tmp_path, mesh(faces=[*CORNERS, (0, 2)])))
    assert len(cloud.faces) == 2 and "1 of its 3 faces have fewer than three corners" in cloud.notes[0]
    assert not read_cloud(saved(tmp_path, mesh(faces=[(0, 2)]))).was_mesh


@pytest.mark.parametrize("form", ORDERS)
@pytest.mark.parametrize("faces", [CORNERS, MIXED])
def test_cut_anywhere(tmp_path, form, faces):
    whole = mesh(form, faces)
    for cut in range(len(whole) - 2 * (form == "ascii")):  # the last row of text ends in a blank and a line feed
        with pytest.raises(InputFileError, match=r"a\.ply"):
            read_mesh_file(saved(tmp_path, whole[:cut]))


def test_plain_rows_are_read_in_one_step(tmp_path, monkeypatch):
    def refuse(*rest):
        raise AssertionError("row by row")

    monkeypatch.setattr(ply_files, "_uneven_rows", refuse)
    assert len(read_ply(saved(tmp_path, mesh())).faces) == 2
    assert len(read_ply(saved(tmp_path, mesh(faces=[(0, 1, 2, 3)] * 5))).faces) == 10


ASCII = mesh("ascii")
NEGATIVE = in_form("binary_little_endian", ("vertex", XYZ, SQUARE), ("face", ["list char int a"], [((0, 1, 2),)]))
DAMAGED = {
    "no axes": (mesh(kinds=["float x", "float y", "float w"]), "no vertices with x, y and z"),
    "no vertices": (in_form("ascii", ("face", FACE, [((0, 1, 2),)])), "no vertices with x, y and z"),
    "unknown type": (ASCII.replace(b"float x", b"half x"), "line 6 of its ply header is not known: 'property half x'"),
    "unknown form": (ASCII.replace(b"ascii", b"binary_middle_endian"), "line 2 of its ply header is not known"),
    "no form": (ASCII.replace(b"format", b"comment"), "no format line"),
    "count of a list": (ASCII.replace(b"list uchar", b"list float"), "is not known: 'property list float int"),
    "twice": (ASCII.replace(b"float y", b"float x"), "names x twice"),
    "no lists": (ASCII.replace(b"list uchar int", b"int"), "more or fewer than its header"),
    "no list": (in_form("ascii", ("vertex", XYZ, SQUARE), ("face", ["int a"], [(1,)])), "without a list of vertex_ind"),
    "open header": (ASCII[: ASCII.index(b"end_header")], "its header has no end"),
    "too many": (ASCII + b"0 0 0\n", "9 rows stand after its header, which promises 8"),
    "a tail": (mesh() + b"more", "4 bytes stand after its last row"),
    "beyond": (mesh(faces=[(0, 1, 9)]), "names a vertex that is not there"),
    "before": (mesh("ascii", faces=[(0, 1, -2)]), "names a vertex that is not there"),
    "halves": (ASCII.replace(b"3 0 1 2", b"3 0 1 1.5"), "by numbers that are not whole"),
    "a word": (ASCII.replace(b"3 0 1 2", b"3 0 1 x"), "line 18: 'x' is not a number"),
    "an underscore": (ASCII.replace(b"3 0 1 2", b"3 0 1 1_0"), "line 18: '1_0' is not a number"),
    "a longer row": (ASCII.replace(b"3 0 1 2", b"3 0 1 2 4"), "line 18: 5 numbers, more or fewer than its header"),
    "a shorter row": (ASCII.replace(b"3 0 1 2", b"4 0 1 2"), "line 18: 4 numbers, more or fewer than its header"),
    "no length": (ASCII.replace(b"3 0 1 2", b"nan 0 1 2"), "line 18: 4 numbers, more or fewer"),
    "a list below nothing": (NEGATIVE[:-13] + b"\xff" + NEGATIVE[-12:], "face 1 has a list of -1 numbers"),
    "absurd in text": (ASCII.replace(b"vertex 6", b"vertex 999999999999"), "8 of the 999999999999 vertex rows"),
    "absurd": (mesh().replace(b"vertex 6", b"vertex 999999999999"), "8 of the 999999999999 vertex rows"),
    "absurd lists": (mesh().replace(b"face 2", b"face 999999999999"), "26 of the 999999999999 face rows"),
    "a longer list": (mesh(faces=[(0, 1, 2, 3), (0, 1, 2)])[:-4], "1 of the 2 face rows"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_refused(tmp_path, name):
    content, words = DAMAGED[name]
    with pytest.raises(InputFileError) as caught:
        read_mesh_file(saved(tmp_path, content))
    assert words in str(caught.value) and "a.ply" in str(caught.value)
