"""Reading whatever a user may have: every format, the options, and files that are damaged in every way."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pointsra.data.files import KNOWN_SUFFIXES, read_cloud, write_cloud
from pointsra.errors import InputFileError, OutputError

SQUARE = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
UTM = np.array([[500000.1234, 12.5, 5400000.5678], [500001.25, 13.5, 5400001.0], [500002.0, 14.0, 5400002.0]])


def ply_header(count, form="ascii", kind="float"):
    properties = "".join(f"property {kind} {axis}\n" for axis in "xyz")
    return f"ply\nformat {form} 1.0\nelement vertex {count}\n{properties}end_header\n"


@settings(max_examples=30, deadline=None)
@given(
    points=hnp.arrays(np.float32, st.tuples(st.integers(1, 40), st.just(3)), elements=st.floats(-1e3, 1e3, width=32)),
    colored=st.booleans(),
    suffix=st.sampled_from(["ply", "npz", "glb", "xyz"]),
)
def test_what_is_written_is_read(tmp_path_factory, points, colored, suffix):
    path = tmp_path_factory.mktemp("round") / f"cloud.{suffix}"
    colors = np.random.default_rng(len(points)).integers(2, 256, points.shape).astype(np.uint8) if colored else None
    write_cloud(path, points, colors)
    cloud = read_cloud(path)
    np.testing.assert_array_equal(cloud.points.astype(np.float32), points)
    assert not cloud.was_mesh
    if colored:
        np.testing.assert_array_equal(cloud.colors, colors)
    else:
        assert cloud.colors is None


@pytest.mark.parametrize("suffix", ["ply", "npz", "glb", "xyz"])
def test_survey_coordinates_keep_their_millimeters(tmp_path, suffix):
    write_cloud(tmp_path / f"a.{suffix}", UTM)
    cloud = read_cloud(tmp_path / f"a.{suffix}")
    assert cloud.points.dtype == np.float64
    np.testing.assert_allclose(cloud.points, UTM, rtol=0, atol=1e-6)


def test_ply_is_single_precision_where_that_is_enough(tmp_path):
    write_cloud(tmp_path / "a.ply", SQUARE / 3)
    assert b"property float x" in (tmp_path / "a.ply").read_bytes()
    write_cloud(tmp_path / "b.ply", UTM)
    assert b"property double x" in (tmp_path / "b.ply").read_bytes()


def test_failed_writes_leave_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"ply, npz, glb, xyz"):
        write_cloud(tmp_path / "a.stl", SQUARE)
    with pytest.raises(OutputError, match="no points"):
        write_cloud(tmp_path / "a.ply", np.zeros((0, 3)))
    with pytest.raises(OutputError, match="file"):
        write_cloud(tmp_path / "file" / "a.ply", SQUARE)
    monkeypatch.setattr(np, "savetxt", lambda *rest, **more: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OutputError, match="disk is full"):
        write_cloud(tmp_path / "a.xyz", SQUARE)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("suffix", ["ply", "obj", "off", "stl", "glb"])
def test_meshes_are_sampled_by_area(tmp_path, suffix):
    path = tmp_path / f"box.{suffix}"
    trimesh.creation.box(extents=(4, 2, 1)).export(path)
    cloud = read_cloud(path, count=3000, seed=1)
    assert cloud.was_mesh
    assert cloud.points.shape == (3000, 3)
    assert cloud.faces.max() < len(cloud.vertices)
    on_top = np.abs(np.abs(cloud.points[:, 2]) - 0.5) < 1e-6
    assert on_top.mean() == pytest.approx(16 / 28, abs=0.04)  # two faces of 8 in a surface of 28
    np.testing.assert_array_equal(read_cloud(path, count=3000, seed=1).points, cloud.points)
    assert (read_cloud(path, count=3000, seed=2).points != cloud.points).any()
    assert len(read_cloud(path).points) == 4096


def test_scenes_are_put_together(tmp_path):
    scene = trimesh.Scene()
    scene.add_geometry(trimesh.creation.box())
    scene.add_geometry(trimesh.creation.box(), transform=trimesh.transformations.translation_matrix([10, 0, 0]))
    scene.export(tmp_path / "two.glb")
    cloud = read_cloud(tmp_path / "two.glb")
    assert cloud.points[:, 0].min() < 0 < 9.5 < cloud.points[:, 0].max()
    assert (cloud.points[:, 0] > 5).mean() == pytest.approx(0.5, abs=0.05)


def test_mesh_colors_are_mixed(tmp_path):
    mesh = trimesh.creation.box()
    mesh.visual.vertex_colors = np.tile([200, 10, 30, 255], (8, 1)).astype(np.uint8)
    mesh.export(tmp_path / "a.ply")
    np.testing.assert_array_equal(np.unique(read_cloud(tmp_path / "a.ply").colors, axis=0), [[200, 10, 30]])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fused.off", "OFF4 0 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n"),
        ("points.obj", "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"),
        ("a.ply", ply_header(4) + "0 0 0\n1 0 0\n1 1 0\n0 1 0\n"),
        ("a.xyz", "0 0 0\n1 0 0\n1 1 0\n0 1 0"),
        ("a.pts", "4\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n"),
        ("b.pts", "0 0 0\n1 0 0\n1 1 0\n0 1 0\n\n\n"),
        ("c.pts", "4\r\n0 0 0 7 9 8 7\r\n1 0 0 7 9 8 7\r\n1 1 0 7 9 8 7\r\n0 1 0 7 9 8 7\r\n"),
        ("comma.txt", "0,0,0\n1,0,0\n1,1,0\n0,1,0\n"),
        ("normals.txt", "".join(f"{x},{y},{z},0.1,0.2,-0.97\n" for x, y, z in SQUARE)),
        ("semicolon.csv", "0;0;0\n1;0;0\n1;1;0\n0;1;0\n"),
        ("decimal.csv", "0,0;0,0;0,0\n1,0;0,0;0,0\n1,0;1,0;0,0\n0,0;1,0;0,0\n"),
        ("header.csv", "id,z,y,x\n7,0,0,0\n8,0,0,1\n9,0,1,1\n10,0,1,0\n"),
        ("quoted.csv", '"X";"Y";"Z"\n0;0;0\n1;0;0\n1;1;0\n0;1;0\n'),
        ("cloudcompare.txt", "//X Y Z R G B\n4\n0 0 0 9 8 7\n1 0 0 9 8 7\n1 1 0 9 8 7\n0 1 0 9 8 7\n"),
        ("tab.txt", "# made by hand\n0\t0\t0\n1\t0\t0\n# pause\n1\t1\t0\n0\t1\t0\n"),
        ("words.txt", "0 0 0 leg\n1 0 0 leg\n1 1 0 seat\n0 1 0 seat\n"),
        ("exponent.xyz", "0e0 0.0 -0\n1E+00 0 0\n1 1.0e0 0\n0 +1 0\n"),
    ],
)
def test_text_in_many_dresses(tmp_path, name, text):
    (tmp_path / name).write_text(text, newline="")
    cloud = read_cloud(tmp_path / name)
    np.testing.assert_array_equal(cloud.points, SQUARE)
    assert not cloud.was_mesh
    if name in ("c.pts", "cloudcompare.txt"):
        np.testing.assert_array_equal(cloud.colors, np.tile([9, 8, 7], (4, 1)))
    else:
        assert cloud.colors is None


def test_blocks_of_text_join_without_a_seam(tmp_path, monkeypatch):
    monkeypatch.setattr("pointsra.data.text_clouds._BLOCK", 64)
    points = np.random.default_rng(0).normal(size=(200, 3))
    np.savetxt(tmp_path / "a.xyz", points, fmt="%.17g")
    np.testing.assert_array_equal(read_cloud(tmp_path / "a.xyz").points, points)
    lines = (tmp_path / "a.xyz").read_text().splitlines()
    lines[150] = "1 2"
    (tmp_path / "b.xyz").write_text("\n".join(lines))
    with pytest.raises(InputFileError, match="line 151 has 2 columns"):
        read_cloud(tmp_path / "b.xyz")


def test_plain_rows_are_parsed_in_bulk(tmp_path, monkeypatch):
    def refuse(*rest):
        raise AssertionError("line by line")

    monkeypatch.setattr("pointsra.data.text_clouds._parse_slowly", refuse)
    (tmp_path / "a.xyz").write_bytes(b"0.123456 1.234567 -2.345678\n" * 50_000)
    assert len(read_cloud(tmp_path / "a.xyz").points) == 50_000


@pytest.mark.parametrize("key", ["points", "xyz", "anything"])
def test_npz_keys(tmp_path, key):
    np.savez(tmp_path / "a.npz", **{key: SQUARE, "label": np.zeros(4), "normals_2d": np.zeros((4, 2))})
    np.testing.assert_array_equal(read_cloud(tmp_path / "a.npz").points, SQUARE)


def test_npy_forms(tmp_path):
    np.save(tmp_path / "a.npy", SQUARE[None].astype(np.float16))
    np.testing.assert_array_equal(read_cloud(tmp_path / "a.npy").points, SQUARE)
    np.save(tmp_path / "b.npy", np.concatenate([SQUARE, SQUARE], axis=1))
    cloud = read_cloud(tmp_path / "b.npy")
    np.testing.assert_array_equal(cloud.points, SQUARE)
    assert "3 of its 6 columns" in cloud.notes[0]
    records = np.zeros(4, dtype=[("i", "i4"), ("z", "f4"), ("y", "f4"), ("x", "f4")])
    for column, axis in enumerate("xyz"):
        records[axis] = SQUARE[:, column]
    np.save(tmp_path / "c.npy", records)
    np.testing.assert_array_equal(read_cloud(tmp_path / "c.npy").points, SQUARE)


def test_kitti_and_scanobjectnn_bin(tmp_path):
    scan = np.concatenate([SQUARE, np.full((4, 1), 0.5)], axis=1).astype("<f4")
    scan.tofile(tmp_path / "000001.bin")
    np.testing.assert_array_equal(read_cloud(tmp_path / "000001.bin").points, SQUARE)
    rows = np.zeros((5, 11), "<f4")
    rows[:4, :3], rows[:, 6:9] = SQUARE, 77
    np.concatenate([np.float32([5]), rows.ravel()]).astype("<f4").tofile(tmp_path / "object.bin")
    cloud = read_cloud(tmp_path / "object.bin")
    np.testing.assert_array_equal(cloud.points[:4], SQUARE)
    assert (cloud.colors == 77).all()


@pytest.mark.parametrize("suffix", ["las", "laz"])
def test_las(tmp_path, suffix):
    laspy = pytest.importorskip("laspy")
    pytest.importorskip("lazrs")
    las = laspy.create(point_format=2, file_version="1.2")
    las.header.scales, las.header.offsets = [0.0001] * 3, UTM[0]
    las.x, las.y, las.z = UTM.T
    las.red, las.green, las.blue = (np.array([65535, 257, 0], np.uint16) for _ in range(3))
    path = tmp_path / f"a.{suffix}"
    las.write(path)
    cloud = read_cloud(path)
    np.testing.assert_allclose(cloud.points, UTM, atol=1e-4)
    np.testing.assert_array_equal(cloud.colors[:, 0], [255, 1, 0])
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputFileError, match=r"a\.la"):
        read_cloud(path)


def test_not_finite_rows_are_dropped_and_counted(tmp_path):
    (tmp_path / "a.xyz").write_text("0 0 0\nnan 1 1\n1 0 0\n1 inf 0\n1 1 0\n0 1 0\n")
    cloud = read_cloud(tmp_path / "a.xyz")
    np.testing.assert_array_equal(cloud.points, SQUARE)
    assert cloud.dropped == 2
    assert "2 of 6 points are not finite" in cloud.notes[-1]


def test_mesh_with_a_vertex_that_is_not_finite(tmp_path):
    (tmp_path / "a.off").write_text("OFF\n5 3 0\nnan 0 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n3 1 2 3\n3 1 3 4\n3 0 1 2\n")
    cloud = read_cloud(tmp_path / "a.off", count=200)
    assert cloud.was_mesh
    assert cloud.dropped == 1
    assert len(cloud.faces) == 2
    assert np.isfinite(cloud.points).all()


def test_faces_without_area_make_a_cloud(tmp_path):
    (tmp_path / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n")
    cloud = read_cloud(tmp_path / "a.obj", count=100)
    assert not cloud.was_mesh
    assert len(cloud.points) == 3
    assert "no area" in cloud.notes[0]


def test_max_points_thins_clouds(tmp_path):
    points = np.arange(300.0).reshape(100, 3)
    np.save(tmp_path / "a.npy", points)
    cloud = read_cloud(tmp_path / "a.npy", max_points=10, seed=4)
    assert len(cloud.points) == 10
    assert set(cloud.points[:, 0]) <= set(points[:, 0])
    np.testing.assert_array_equal(cloud.points, read_cloud(tmp_path / "a.npy", max_points=10, seed=4).points)
    assert "10 of its 100" in cloud.notes[0]


def png():
    return b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


def pickled(path):
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def cut(path, data):
    path.write_bytes(data)


BINARY_PLY = ply_header(4, "binary_little_endian").encode() + SQUARE.astype("<f4").tobytes()
UGLY = {
    "short.ply": (BINARY_PLY[:-5], "cut short"),
    "header.ply": (BINARY_PLY[:60], "cut short"),
    "rows.ply": (ply_header(4).encode() + b"0 0 0\n1 0 0\n", "cut short: 2 of the 4 vertex rows"),
    "none.ply": (ply_header(0).encode(), ""),
    "short.stl": (b"\0" * 80 + b"\x09\0\0\0" + b"\0" * 60, ""),
    "index.obj": (b"v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 9\n", ""),
    "short.off": (b"OFF\n5 3 0\n0 0 0\n1 0 0\n", ""),
    "short.glb": (b"glTF\x02\0\0\0\xff\0\0\0\x20\0\0\0JSON{}", ""),
    "bad.gltf": (b'{"asset": {"version": "2.0"}, "buffers": [{"uri": "lost.bin", "byteLength": 4}]}', ""),
    "text.gltf": (b"hello", ""),
    "words.xyz": (b"this is not a cloud\n", "no line of it is x, y and z"),
    "prose.txt": (b"some header text here\nand a second line\n", "line 2 is not x, y and z"),
    "letter.csv": (b"x,y,z\n0,0,0\n0,zero,0\n", "line 3 is not x, y and z"),
    "two.txt": (b"0 0\n1 1\n", "line 1"),
    "ragged.txt": (b"0 0 0\n1 1\n", "line 2 has 2 columns"),
    "hole.csv": (b"0,0,0\n1,,1\n", "line 2 has 2 columns"),
    "binary.xyz": (bytes(range(256)) * 8, "line 1"),
    "latin.txt": ("0 0 0\n1 é 1\n".encode("latin-1"), "line 2"),
    "short.pts": (b"4\n0 0 0\n1 1 1\n", "promises 4 points, 2 are there"),
    "nan.xyz": (b"nan nan nan\nnan 0 0\n", "none of its 2 points is finite"),
    "short.npy": (b"\x93NUMPY\x01\0v\0" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (9, 3), }", ""),
    "text.npy": (b"hello", "npy"),
    "text.npz": (b"hello", "npz"),
    "odd.bin": (b"\0" * 19, "19 bytes"),
    "rows.bin": (b"\0" * 20, "rows of four float32"),
    "huge.bin": (np.full(16, 1e20, "<f4").tobytes(), "KITTI"),
    "text.las": (b"hello" * 100, "las"),
    "picture.xyz": (png(), "PNG picture"),
    "empty.glb": (b"", "empty"),
}


@pytest.mark.parametrize("name", UGLY)
def test_ugly_files_give_one_sentence(tmp_path, name):
    content, sentence = UGLY[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputFileError) as caught:
        read_cloud(tmp_path / name)
    assert name in str(caught.value)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", KNOWN_SUFFIXES)
def test_empty_files_pictures_and_folders(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    with pytest.raises(InputFileError, match="no such file"):
        read_cloud(path)
    path.write_bytes(b"")
    with pytest.raises(InputFileError, match="empty"):
        read_cloud(path)
    path.write_bytes(png())
    with pytest.raises(InputFileError, match="PNG picture"):
        read_cloud(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(InputFileError, match="folder"):
        read_cloud(path)


def test_unknown_endings_and_objects(tmp_path):
    (tmp_path / "a.doc").write_text("0 0 0")
    with pytest.raises(InputFileError, match=r"'\.doc' are not known; known are ply, obj"):
        read_cloud(tmp_path / "a.doc")
    pickled(tmp_path / "a.npy")
    with pytest.raises(InputFileError, match=r"a\.npy"):
        read_cloud(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", a=SQUARE, b=SQUARE)
    with pytest.raises(InputFileError, match="name the"):
        read_cloud(tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputFileError, match="npz"):
        read_cloud(tmp_path / "a.npz")
