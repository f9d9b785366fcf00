"""A table of ugly files, made here: each is read right, to the last digit, or refused in one sentence."""

import io

import numpy as np
import pytest
import trimesh

from pointsra.data.files import read_cloud, write_cloud
from pointsra.errors import InputFileError

POINTS = np.random.default_rng(0).normal(size=(60, 3)).round(6)
UTM = POINTS * 50 + [500_000.0, 4.6e6, 300.0]
HOLES = np.where(np.arange(60)[:, None] % 7 == 0, np.nan, POINTS)
INFINITE = np.where(np.arange(60)[:, None] == 3, np.inf, POINTS)
WHOLE = np.round(POINTS * 100)
BOX = trimesh.creation.box()


def text(points, row="{:.6f} {:.6f} {:.6f}\n", start=""):
    return (start + "".join(row.format(*point) for point in np.asarray(points).tolist())).encode()


def ply(points, form="binary_little_endian", kind="float", number="<f4", promised=None, faces=()):
    head = f"ply\nformat {form} 1.0\nelement vertex {len(points) if promised is None else promised}\n"
    head += "".join(f"property {kind} {axis}\n" for axis in "xyz")
    if faces:
        head += f"element face {len(faces)}\nproperty list uchar int vertex_indices\n"
    rows = text(points, "{!r} {!r} {!r}\n") if form == "ascii" else np.asarray(points).astype(number).tobytes()
    return (head + "end_header\n").encode() + rows + "".join(f"{face}\n" for face in faces).encode()


def npy(values):
    with io.BytesIO() as stream:
        np.save(stream, values)
        return stream.getvalue()


def npz(**arrays):
    with io.BytesIO() as stream:
        np.savez(stream, **arrays)
        return stream.getvalue()


def pcd(rows, fields="x y z", count=60, form="ascii"):
    ones = " 1" * len(fields.split())
    head = f"VERSION .7\nFIELDS {fields}\nSIZE{ones.replace('1', '4')}\nTYPE{ones.replace('1', 'F')}\nCOUNT{ones}\n"
    return f"{head}WIDTH {count}\nHEIGHT 1\nPOINTS {count}\nDATA {form}\n".encode() + rows


def records(kind, shape=()):
    return np.zeros(9, dtype=[(axis, kind, shape) for axis in "xyz"])


def altered(content, mark, after, byte):
    """One byte of it changed, counted from where the mark begins."""
    at = content.index(mark) + after
    return content[:at] + bytes([byte]) + content[at + 1 :]


def packed_npz(first):
    """A compressed npz, the first byte of its deflated array replaced."""
    with io.BytesIO() as stream:
        np.savez_compressed(stream, points=POINTS)
        content = stream.getvalue()
    named, extra = np.frombuffer(content, dtype="<u2", count=2, offset=26).tolist()
    return altered(content, b"PK\3\4", 30 + named + extra, first)


THREE = "0 0 0\n1 0 0\n1 1 0\n"
TRIANGLE = [[0.0, 0, 0], [1, 0, 0], [1, 1, 0]]
OBJECTS = np.array([{"a": 1}], dtype=object)
SIGNALING = np.where(np.arange(27).reshape(9, 3) == 4, 0x7F800001, 0x3F800000).astype("<u4").view("<f4")
LABELED = pcd(text(POINTS, "{:.6f} {:.6f} {:.6f} nan\n"), "x y z label").replace(b"TYPE F F F F", b"TYPE F F F U")
AS_FLOAT32 = POINTS.astype(np.float32).astype(np.float64)

# What must come out, to the bit.
READ = {
    "one.xyz": (b"1 2 3\n", [[1, 2, 3]]),
    "two.xyz": (b"1 2 3\n4 5 6", [[1, 2, 3], [4, 5, 6]]),
    "equal.npy": (npy(np.full((50, 3), 7.0)), np.full((50, 3), 7.0)),
    "copies.npy": (npy(np.repeat(POINTS, 9, axis=0)), np.repeat(POINTS, 9, axis=0)),
    "plane.npy": (npy(POINTS * [1, 0, 1]), POINTS * [1, 0, 1]),
    "line.npy": (npy(POINTS * [1, 0, 0]), POINTS * [1, 0, 0]),
    "holes.npy": (npy(HOLES), POINTS[np.arange(60) % 7 != 0]),
    "infinite.npy": (npy(INFINITE), POINTS[np.arange(60) != 3]),
    "overflow.xyz": (b"1e400 2 3\n2 3 4\n", [[2, 3, 4]]),
    "utm.xyz": (text(UTM, "{!r} {!r} {!r}\n"), UTM),
    "utm.ply": (ply(UTM, kind="double", number="<f8"), UTM),
    "utm.pcd": (pcd(text(UTM, "{!r} {!r} {!r}\n")), UTM),
    "millimeters.npy": (npy(POINTS * 1000), POINTS * 1000),
    "big-endian.ply": (ply(POINTS, "binary_big_endian", number=">f4"), AS_FLOAT32),
    "big-endian-double.ply": (ply(POINTS, "binary_big_endian", "double", ">f8"), POINTS),
    "windows.ply": (ply(POINTS, "ascii", "double").replace(b"\n", b"\r\n"), POINTS),
    "big-endian.npy": (npy(POINTS.astype(">f8")), POINTS),
    "by-columns.npy": (npy(np.asfortranarray(POINTS)), POINTS),
    "half.npy": (npy(WHOLE.astype(np.float16)), WHOLE),
    "integers.npy": (npy(WHOLE.astype(np.int32)), WHOLE),
    "bytes.npy": (npy((np.abs(WHOLE) % 200).astype(np.uint8)), np.abs(WHOLE) % 200),
    "lying.npy": (npy(POINTS.T), POINTS),
    "lying-features.npy": (npy(np.concatenate([POINTS, POINTS], axis=1).T[None]), POINTS),
    "lying.npz": (npz(points=POINTS.T), POINTS),
    "square.npy": (npy(np.eye(3)), np.eye(3)),
    "few-with-features.npy": (npy(np.tile(POINTS[:5], (1, 4))), POINTS[:5]),
    "several.npz": (npz(a=POINTS + 1, xyz=POINTS, colors=np.zeros((60, 3))), POINTS),
    "objects-beside.npz": (npz(points=POINTS, info=OBJECTS), POINTS),
    "windows.xyz": (text(POINTS).replace(b"\n", b"\r\n"), POINTS),
    "old-mac.xyz": (text(POINTS).replace(b"\n", b"\r"), POINTS),
    "mark.xyz": (b"\xef\xbb\xbf" + text(POINTS), POINTS),
    "mark.csv": (b"\xef\xbb\xbf" + text(POINTS, "{:.6f},{:.6f},{:.6f}\n", "x,y,z\n"), POINTS),
    "mark.pts": (b"\xef\xbb\xbf" + text(POINTS, start="60\n"), POINTS),
    "tabs.txt": (text(POINTS, "{:.6f}\t{:.6f}\t{:.6f}\n", "// by hand\n\n"), POINTS),
    "spaced.csv": (text(POINTS, " {:.6f} , {:.6f} , {:.6f} \n"), POINTS),
    "decimal.csv": (text(POINTS, "{:.6f};{:.6f};{:.6f}\n", "x;y;z\n").replace(b".", b","), POINTS),
    "decimal-tabs.txt": (text(POINTS, "{:.6f}\t{:.6f}\t{:.6f}\n").replace(b".", b","), POINTS),
    "decimal-blanks.xyz": (text(POINTS).replace(b".", b","), POINTS),
    "whole.csv": (text(WHOLE, "{:.0f}, {:.0f}, {:.0f}\n"), WHOLE),
    "trailing.csv": (text(POINTS, "{:.6f},{:.6f},{:.6f},\n"), POINTS),
    "columns.csv": (text(POINTS, "7,8,{2:.6f},{1:.6f},{0:.6f}\n", "id,class,z,y,x\n"), POINTS),
    "pandas.csv": (text(POINTS, "7,{:.6f},{:.6f},{:.6f}\n", ",x,y,z\n"), POINTS),
    "units.csv": (text(POINTS, "7,{1:.6f},{0:.6f},{2:.6f}\n", "id,Y [m],X [m],Z [m]\n"), POINTS),
    "intensity.pcd": (pcd(text(POINTS, "{:.6f} {:.6f} {:.6f} 9\n"), "x y z intensity"), POINTS),
    "nan-label.pcd": (LABELED, POINTS),
    "signaling.npy": (npy(SIGNALING), np.ones((8, 3))),
    "scan.bin": (np.column_stack([POINTS, POINTS[:, :1]]).astype("<f4").tobytes(), AS_FLOAT32),
    "no-area.stl": (b"\0" * 80 + b"\2\0\0\0" + b"\0" * 100, np.zeros((6, 3))),
    "no-area.obj": (b"v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", [[0, 0, 0], [1, 0, 0], [2, 0, 0]]),
    "lost-material.obj": (b"mtllib lost.mtl\nusemtl x\nv 0 0 0\nv 1 0 0\nv 1 1 0\n", TRIANGLE),
}

# Part of the sentence.
REFUSED = {
    "empty.ply": (b"", "the file is empty"),
    "no-rows.ply": (ply(np.zeros((0, 3))), "no points"),
    "no-rows.npy": (npy(np.zeros((0, 3))), "no points"),
    "all-nan.npy": (npy(np.full((9, 3), np.nan)), "none of its 9 points is finite"),
    "picture.ply": (b"\x89PNG\r\n\x1a\n" + bytes(300), "PNG picture"),
    "ply.stl": (ply(POINTS), "no points"),
    "ply.xyz": (ply(POINTS, "ascii"), "line 1"),
    "ply.pcd": (ply(POINTS), "PCD"),
    "ply.npy": (ply(POINTS), "npy"),
    "ply.glb": (ply(POINTS), "glb"),
    "xyz.ply": (text(POINTS), "ply"),
    "stl.ply": (BOX.export(file_type="stl"), "ply"),
    "objects.npy": (npy(np.array([[1, 2, 3]] * 9, dtype=object)), "plain numbers"),
    "objects.npz": (npz(points=OBJECTS), "Python objects, which are not opened, as points"),
    "two.npz": (npz(a=POINTS, b=POINTS), "name the (N, 3) array"),
    "nothing.npz": (npz(), "no plain numbers"),
    "flat.npy": (npy(POINTS[:, :2]), "(60, 2)"),
    "row.npy": (npy(POINTS[:, 0]), "(60,)"),
    "batch.npy": (npy(np.stack([POINTS, POINTS])), "(2, 60, 3)"),
    "words.npy": (npy(POINTS.astype(str)), "(60, 3)"),
    "complex.npy": (npy(POINTS.astype(complex)), "complex128"),
    "truth.npy": (npy(POINTS > 0), "bool"),
    "huge-promise.ply": (ply(POINTS, promised=10**12), "ply"),
    "huge-promise-text.ply": (ply(POINTS, "ascii", promised=10**9), "60 of the 1000000000 vertex rows"),
    "more-rows.ply": (ply(POINTS, "ascii", promised=50), "60 rows stand after its header"),
    "tail.ply": (ply(POINTS) + b"junk", "ply"),
    "huge-promise.pcd": (pcd(bytes(99), count=10**12, form="binary"), "cut short"),
    "no-rows-text.pcd": (pcd(b"", count=0), "no points"),
    "no-rows-binary.pcd": (pcd(b"", count=0, form="binary"), "no points"),
    "no-rows-compressed.pcd": (pcd(bytes(8), count=0, form="binary_compressed"), "no points"),
    "count-0.pcd": (pcd(text(POINTS)).replace(b"COUNT 1", b"COUNT 0"), "a field whose COUNT is 0"),
    "no-fields.pcd": (pcd(b"", ""), "x, y and z are needed"),
    "flipped.npz": (packed_npz(0xFF), "not a whole npz file of plain numbers"),
    "version.npz": (altered(npz(points=POINTS), b"PK\1\2", 6, 99), "not a whole npz file of plain numbers"),
    "locked.npz": (altered(npz(points=POINTS), b"PK\1\2", 8, 1), "not a whole npz file of plain numbers"),
    "open-header.npy": (npy(POINTS).replace(b"}", b" ", 1), "not a whole npy file of plain numbers"),
    "word-fields.npy": (npy(records("U5")), "an (N, 3) array of numbers is needed"),
    "vector-fields.npy": (npy(records("f4", (3,))), "an (N, 3) array of numbers is needed"),
    "truth-fields.npy": (npy(records("?")), "an (N, 3) array of numbers is needed"),
    "word-fields.npz": (npz(points=records("U5")), "name the (N, 3) array"),
    "beyond.ply": (ply(TRIANGLE, "ascii", faces=["3 0 1 77"]), "a face names a vertex that is not there"),
    "negative.ply": (ply(TRIANGLE, "ascii", faces=["3 0 1 -2"]), "a face names a vertex that is not there"),
    "beyond.obj": (b"v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 9\n", "obj"),
    "beyond.off": (b"OFF\n3 1 0\n" + THREE.encode() + b"3 0 1 7\n", "off"),
    "few-faces.off": (b"OFF # a\n3 2 0\n" + THREE.encode() + b"3 0 1 2\n", "1 of the 2 face rows"),
    "odd.bin": (bytes(4 * 4 * 9 - 3), "not whole float32 numbers"),
    "cut.bin": (bytes(4 * 4 * 9 - 4), "rows of four float32"),
    "wide.txt": (text(POINTS).decode().encode("utf-16"), "UTF-16"),
    "one-line.xyz": (b"1 2 3 " * 40_000, "line 1"),
    "brackets.txt": (b"[1,2,3]\n[4,5,6]\n", "x, y and z as numbers"),
    "fewer-names.csv": (text(POINTS, "7,{:.6f},{:.6f},{:.6f}\n", "x,y,z\n"), "does not go with the 4 values in line 2"),
    "two-decimal.txt": (text(POINTS, "{:.6f} {:.6f}\n").replace(b".", b","), "line 1 reads in two ways"),
    "thousands.txt": (text(UTM, "{:,.3f} {:,.3f} {:,.3f}\n"), "line 1 reads in two ways"),
    "zero-byte.xyz": (b"1 2 3\n1 2\x003\n", "line 2"),
    "empty-scene.gltf": (b'{"asset": {"version": "2.0"}, "scenes": [{"nodes": []}], "scene": 0}', "no points"),
    "own-child.gltf": (b'{"asset": {"version": "2.0"}, "scenes": [{"nodes": [0]}], "nodes": [{"children": [0]}]}', ""),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", READ)
def test_read_to_the_last_digit(tmp_path, name):
    content, expected = READ[name]
    (tmp_path / name).write_bytes(content)
    cloud = read_cloud(tmp_path / name)
    np.testing.assert_array_equal(cloud.points, np.asarray(expected, dtype=np.float64))
    assert not cloud.was_mesh
    if name.startswith(("lying", "holes", "infinite", "overflow", "no-area")):
        assert cloud.notes  # nothing is decided or left out in silence


@pytest.mark.filterwarnings("error", "ignore:unclosed file:ResourceWarning")  # numpy leaves damaged archives open
@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_sentence(tmp_path, name):
    content, words = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputFileError) as caught:
        read_cloud(tmp_path / name)
    said = str(caught.value)
    assert words in said and name in said and "\n" not in said


def test_parts_of_a_scene_without_faces_are_left_out_and_said(tmp_path):
    scene = trimesh.Scene([BOX, trimesh.PointCloud(POINTS)])
    scene.export(tmp_path / "mixed.glb")
    cloud = read_cloud(tmp_path / "mixed.glb")
    assert cloud.was_mesh and len(cloud.vertices) == 8
    assert "1 part of the scene" in cloud.notes[0]


def las(path):
    laspy = pytest.importorskip("laspy")
    survey = laspy.create(point_format=2, file_version="1.2")
    survey.header.scales = [1e-4] * 3
    survey.x, survey.y, survey.z = POINTS.T
    survey.write(path)


# Formats that say how much they hold: any cut shows.
COUNTED = {
    "cloud.ply": lambda path: write_cloud(path, POINTS),
    "mesh.ply": lambda path: path.write_bytes(BOX.export(file_type="ply")),
    "text.ply": lambda path: path.write_bytes(ply(POINTS, "ascii")),
    "text-mesh.ply": lambda path: path.write_bytes(BOX.export(file_type="ply", encoding="ascii")),
    "binary.pcd": lambda path: path.write_bytes(pcd(POINTS.astype("<f4").tobytes(), form="binary")),
    "text.pcd": lambda path: path.write_bytes(pcd(text(POINTS))),
    "cloud.npz": lambda path: write_cloud(path, POINTS),
    "packed.npz": lambda path: np.savez_compressed(path, points=POINTS),
    "cloud.npy": lambda path: np.save(path, POINTS),
    "cloud.glb": lambda path: write_cloud(path, POINTS),
    "mesh.glb": lambda path: path.write_bytes(BOX.export(file_type="glb")),
    "binary.stl": lambda path: path.write_bytes(BOX.export(file_type="stl")),
    "text.stl": lambda path: path.write_text(BOX.export(file_type="stl_ascii")),
    "mesh.off": lambda path: path.write_text(BOX.export(file_type="off")),
    "counted.pts": lambda path: path.write_bytes(text(POINTS, start="60\n")),
    "survey.las": las,
}


@pytest.mark.parametrize("name", COUNTED)
def test_cut_at_every_tenth(tmp_path, name):
    COUNTED[name](tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    read_cloud(tmp_path / name)
    for tenth in range(10):
        (tmp_path / name).write_bytes(whole[: len(whole) * tenth // 10])
        with pytest.raises(InputFileError, match=name):
            read_cloud(tmp_path / name)


@pytest.mark.parametrize("name", ["rows.xyz", "mesh.obj"])
def test_formats_without_a_count_give_at_most_what_is_there(tmp_path, name):
    content = text(POINTS) if name == "rows.xyz" else text(POINTS, "v {:.6f} {:.6f} {:.6f}\n")
    for tenth in range(1, 10):
        (tmp_path / name).write_bytes(content[: len(content) * tenth // 10])
        try:
            points = read_cloud(tmp_path / name).points
        except InputFileError:
            continue
        np.testing.assert_array_equal(points[:-1], POINTS[: len(points) - 1])  # the last number may be cut


def test_stray_zeros_do_not_cost_survey_coordinates_their_millimeters(tmp_path):
    points = np.concatenate([UTM, np.zeros((2, 3))])
    for suffix in ("ply", "glb", "npz"):
        write_cloud(tmp_path / f"a.{suffix}", points)
        np.testing.assert_allclose(read_cloud(tmp_path / f"a.{suffix}").points[:60], UTM, rtol=0, atol=1e-3)
