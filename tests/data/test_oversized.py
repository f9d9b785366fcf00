"""Raw files far larger than they should be are named before they are read; these take no room, being holes."""

import os

import pytest

from pointsra.data.kitti_files import read_calibration, read_labels, read_sweep
from pointsra.data.number_rows import read_rows
from pointsra.data.plain_npy import load_plain
from pointsra.data.s3dis_rooms import RoomFile, read_room
from pointsra.data.scannet_raw import RawScan, read_raw_scan
from pointsra.data.shapenet_texts import read_texts
from pointsra.errors import DataError


@pytest.mark.parametrize(
    ("name", "read", "what"),
    [
        ("000000.bin", read_sweep, "one sweep"),
        ("000000.txt", read_labels, "one frame"),
        ("000000.txt", read_calibration, "one frame"),
        ("airplane_0001.txt", lambda path: read_rows(path, 6, ","), "one cloud"),
        ("Area_1_office_1.npy", lambda path: load_plain(path, 7), "one cloud or room"),
        ("shapenet55.json", read_texts, "55 texts"),
        (
            "Annotations/chair_1.txt",
            lambda path: read_room(RoomFile(1, "office_1", path.parent.parent)),
            "one object of a room",
        ),
        (
            "scene0000_00_vh_clean_2.ply",
            lambda path: read_raw_scan(RawScan("scene0000_00", path.parent, True), {}),
            "one scan",
        ),
    ],
)
def test_oversized_files_are_named(tmp_path, name, read, what):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    os.truncate(path, 5 << 30)
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: has {5 << 30} bytes, far more than {what}; is this the right file?"
