"""PCD in its three forms, written here byte by byte as the format's description has it."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsra.data.files import read_cloud
from pointsra.data.open3d_loader import load_open3d
from pointsra.data.pcd import unpack_lzf
from pointsra.errors import InputFileError

POINTS = np.array([[0.5, 1.5, 2.5], [3.5, -4.5, 5.5], [6.0, 7.0, 8.0]])
PACKED = np.array([0x0A0B0C, 0xFF8000, 0x010203], dtype="<u4")
ROWS = np.zeros(3, dtype=[("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("n", "<f4", (3,)), ("rgb", "<u4")])
for column, axis in enumerate("xyz"):
    ROWS[axis] = POINTS[:, column]
ROWS["rgb"] = PACKED


def header(data, points=3, comment="# .PCD v0.7\n"):
    return (
        f"{comment}VERSION 0.7\nFIELDS x y z n rgb\nSIZE 4 4 4 4 4\nTYPE F F F F U\nCOUNT 1 1 1 3 1\n"
        f"WIDTH {points}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {points}\nDATA {data}\n"
    ).encode()


def pack_lzf(data):
    """The simplest writer there can be: a copy for a run of one byte, else bytes that stand for themselves."""
    out, at = bytearray(), 0
    while at < len(data):
        run = 1
        while at + run < len(data) and data[at + run] == data[at] and run < 260:
            run += 1
        if run >= 4:  # the byte itself, then a copy from one byte back
            out += bytes([0, data[at]])
            length = run - 1 - 2
            out += bytes([length << 5, 0]) if length < 7 else bytes([7 << 5, length - 7, 0])
            at += run
        else:
            out += bytes([0, data[at]])
            at += 1
    return bytes(out)


def compressed():
    columns = b"".join(np.ascontiguousarray(ROWS[name]).tobytes() for name in ROWS.dtype.names)
    packed = pack_lzf(columns)
    return header("binary_compressed") + struct.pack("<II", len(packed), len(columns)) + packed


FORMS = {
    "ascii": header("ascii") + b"".join(b"%g %g %g 0 0 0 %d\n" % (*p, c) for p, c in zip(POINTS, PACKED, strict=True)),
    "binary": header("binary") + ROWS.tobytes(),
    "compressed": compressed(),
}


@pytest.mark.parametrize("form", FORMS)
def test_three_forms(tmp_path, form):
    (tmp_path / "a.pcd").write_bytes(FORMS[form])
    cloud = read_cloud(tmp_path / "a.pcd")
    np.testing.assert_array_equal(cloud.points, POINTS)
    np.testing.assert_array_equal(cloud.colors, [[10, 11, 12], [255, 128, 0], [1, 2, 3]])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_cut_short(tmp_path, form, share):
    whole = FORMS[form]
    (tmp_path / "a.pcd").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputFileError, match=r"a\.pcd"):
        read_cloud(tmp_path / "a.pcd")


def test_damaged(tmp_path):
    path = tmp_path / "a.pcd"
    whole = compressed()
    start = len(header("binary_compressed")) + 8
    path.write_bytes(whole[:start] + b"\xff\xff\xff" + whole[start + 3 :])
    with pytest.raises(InputFileError, match="damaged"):
        read_cloud(path)
    for wrong in (b"hello", header("binary").replace(b"SIZE 4 4", b"SIZE 4"), header("zip") + ROWS.tobytes()):
        path.write_bytes(wrong)
        with pytest.raises(InputFileError, match=r"a\.pcd"):
            read_cloud(path)
    path.write_bytes(header("binary").replace(b"FIELDS x y z", b"FIELDS a b c") + ROWS.tobytes())
    with pytest.raises(InputFileError, match="x, y and z are needed"):
        read_cloud(path)


def test_holes_of_an_organized_cloud_are_dropped(tmp_path):
    rows = ROWS.copy()
    rows["x"][1] = np.nan
    (tmp_path / "a.pcd").write_bytes(header("binary", comment="") + rows.tobytes())
    cloud = read_cloud(tmp_path / "a.pcd")
    assert cloud.dropped == 1
    assert len(cloud.points) == len(cloud.colors) == 2


def test_text_keeps_more_digits_than_float32(tmp_path):
    text = header("ascii", points=1) + b"500000.123456 1 2 0 0 0 7\n"
    (tmp_path / "a.pcd").write_bytes(text)
    assert read_cloud(tmp_path / "a.pcd").points[0, 0] == 500000.123456


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 400)), max_size=8))
def test_lzf_round_trip(runs):
    data = b"".join(bytes([value]) * length for value, length in runs)
    assert unpack_lzf(pack_lzf(data), len(data)) == data


def test_lzf_literals_and_far_copies():
    # "abcdef" as it is, a copy of 4 from 6 back, then 40 bytes from 4 back, which overlap what they make.
    packed = b"\x05abcdef" + bytes([2 << 5, 5]) + bytes([7 << 5, 40 - 9, 3])
    assert unpack_lzf(packed, 50) == b"abcdefabcd" + b"abcd" * 10


@pytest.mark.open3d
def test_open3d_reads_the_same(tmp_path):
    open3d = load_open3d()
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(np.random.default_rng(0).normal(size=(500, 3))))
    for name, options in {"a": {"write_ascii": True}, "b": {}, "c": {"compressed": True}}.items():
        path = tmp_path / f"{name}.pcd"
        open3d.io.write_point_cloud(str(path), cloud, **options)
        np.testing.assert_allclose(read_cloud(path).points, np.asarray(cloud.points), atol=1e-6)
