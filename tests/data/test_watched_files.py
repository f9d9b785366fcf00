"""A disk that fills up while HDF5 files are written: one error, nothing left, and the process lives on."""

import errno
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from pointsra.data import watched_files
from pointsra.data.scenes import Scene, SceneWriter
from pointsra.data.split_writer import SplitContent, SplitHeader, extend_split, write_split
from pointsra.data.watched_files import written_hdf5
from pointsra.errors import OutputError

HEADER = SplitHeader(dataset="mine", split="train", class_names=("blob",))


def fill(monkeypatch, room):
    """Let every write after the first ``room`` bytes fail."""
    real, written = os.write, []

    def write(descriptor, content):
        if sum(written) + len(content) > room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(len(content))
        return real(descriptor, content)

    monkeypatch.setattr(watched_files.os, "write", write)


def content():
    points = np.random.default_rng(0).random((40, 512, 3), dtype=np.float32)
    ids = [str(row) for row in range(40)]
    return SplitContent(**vars(HEADER), points=points, labels=np.zeros(40, np.int64), ids=ids)


def test_what_is_written_is_read_like_any_other(tmp_path):
    values = np.arange(100_000, dtype=np.float32)
    (tmp_path / "watched.h5").write_bytes(b"older and longer " * 100_000)
    with written_hdf5(tmp_path / "watched.h5", "w") as (file, watched):
        file["values"] = values
        watched.check()
    with h5py.File(tmp_path / "watched.h5") as file:
        np.testing.assert_array_equal(file["values"][:], values)
    assert (tmp_path / "watched.h5").stat().st_size < 500_000


@pytest.mark.parametrize("room", [0, 1_000, 100_000, 240_000])
def test_a_split_on_a_full_disk(tmp_path, monkeypatch, room):
    fill(monkeypatch, room)
    with pytest.raises(OutputError, match=r"train\.h5: the disk is full; free some space"):
        write_split(tmp_path / "train.h5", content())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("room", [0, 100_000])
def test_scenes_on_a_full_disk(tmp_path, monkeypatch, room):
    fill(monkeypatch, room)
    scene = Scene(id="one", points=np.zeros((20_000, 3), np.float32))
    with (
        pytest.raises(OutputError, match=r"train\.h5: the disk is full"),
        SceneWriter(tmp_path / "train.h5", HEADER) as writer,
    ):
        writer.append(scene)
    assert list(tmp_path.iterdir()) == []


def test_a_split_that_grows_on_a_full_disk(tmp_path, monkeypatch):
    write_split(tmp_path / "train.h5", content())
    fill(monkeypatch, 50_000)
    views = np.ones((40, 4, 48, 48), np.uint8)
    with pytest.raises(OutputError, match=r"train\.h5: the disk is full"):
        extend_split(tmp_path / "train.h5", [{"views": views}], {})


def test_the_process_lives_on(tmp_path):
    """HDF5 by itself ends with a segmentation fault here."""
    resource = pytest.importorskip("resource")
    limit = 1 << 20
    words = ["prepare-data", "shapes", "--count", "100", "--workers", "1", "--out", str(tmp_path / "data")]
    ended = subprocess.run(
        [sys.executable, "-m", "pointsra_cli", *words],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        check=False,
    )
    assert ended.returncode in (1, 2)
    assert "cannot be written (File too large)" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list((tmp_path / "data").iterdir()) == []
