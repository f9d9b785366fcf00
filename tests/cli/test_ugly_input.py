"""Ugly input and ugly places for results, by the command line: exit codes, one sentence, nothing half written."""

import errno
import json
import os

import numpy as np
import pytest

from pointsra.data import cloud_writers
from pointsra.data.files import read_cloud
from tests.data.test_ugly_files import POINTS, REFUSED, UTM, npy, ply, text


@pytest.fixture
def complete(run, tiny_run):
    """Run ``reconstruct`` with tiny weights, one sample."""
    return lambda *words: run(
        "reconstruct", *words, "--weights", tiny_run, "--samples", "1", "--device", "cpu", "--out", "out"
    )


@pytest.mark.parametrize("name", ["picture.ply", "all-nan.npy", "beyond.ply", "ply.stl", "more-rows.ply", "two.npz"])
@pytest.mark.parametrize("command", ["reconstruct", "visualize"])
def test_what_cannot_be_read_is_one_sentence_and_exit_2(run, complete, tmp_path, files_here, name, command):
    (tmp_path / name).write_bytes(REFUSED[name][0])
    outcome = complete(name) if command == "reconstruct" else run("visualize", name, "--out", "a.png")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr.splitlines()[-1].startswith("error: ") and REFUSED[name][1] in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert files_here() == [name]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("command", ["reconstruct", "visualize"])
def test_a_pipe_is_refused_rather_than_waited_for(run, complete, tmp_path, files_here, command):
    os.mkfifo(tmp_path / "pipe.ply")
    outcome = complete("pipe.ply") if command == "reconstruct" else run("visualize", "pipe.ply", "--out", "a.png")
    assert (outcome.code, outcome.stdout) == (2, "") and "a pipe or a device" in outcome.stderr
    assert files_here() == ["pipe.ply"]


@pytest.mark.parametrize("hide", ["none", "block", "view"])
@pytest.mark.parametrize(
    ("name", "points"),
    [("utm.xyz", UTM), ("utm.ply", UTM), ("stray.npy", np.vstack([np.tile(UTM, (4, 1)) + 0.25, np.zeros((1, 3))]))],
)
def test_survey_coordinates_come_back_to_the_millimeter(complete, tmp_path, hide, name, points):
    writers = {"xyz": lambda: text(points, "{!r} {!r} {!r}\n"), "npy": lambda: npy(points)}
    writers["ply"] = lambda: ply(points, kind="double", number="<f8")
    (tmp_path / name).write_bytes(writers[name[-3:]]())
    outcome = complete(name, "--hide", hide, "--up", "-z", "-q")
    assert (outcome.code, outcome.stderr) == (0, "")
    visible = read_cloud(tmp_path / "out" / "visible.ply").points
    completion = read_cloud(tmp_path / "out" / "completion_00.ply").points
    np.testing.assert_array_equal(completion[: len(visible)], visible)
    assert len(visible) == len(points) if hide == "none" else 0 < len(visible) < len(points)
    rows = {tuple(row) for row in points}
    assert all(tuple(row) in rows for row in visible)
    assert np.abs(completion - np.median(points, axis=0)).max() < (1e4 if name != "stray.npy" else 1e7)


@pytest.mark.parametrize("name", ["one.xyz", "equal.npy", "line.npy", "plane.npy", "copies.npy"])
def test_hardly_anything_is_completed_all_the_same_and_said(complete, tmp_path, name):
    from tests.data.test_ugly_files import READ

    (tmp_path / name).write_bytes(READ[name][0])
    outcome = complete(name, "--hide", "none", "--json")
    assert outcome.code == 0
    summary = json.loads(outcome.stdout)
    assert np.isfinite(read_cloud(tmp_path / "out" / "completion_00.ply").points).all()
    assert summary["points_visible"] == summary["points_in"] == len(READ[name][1])
    if name == "one.xyz":
        assert "Only 1 point(s) are visible" in summary["notes"][-1]


def test_results_go_only_where_they_can(complete, tmp_path, files_here, monkeypatch):
    np.save(tmp_path / "a.npy", POINTS)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")
    refused = complete("a.npy")
    assert refused.code == 2 and "not empty" in refused.stderr
    assert (tmp_path / "out" / "mine").read_text() == "kept"
    (tmp_path / "out" / "mine").unlink()
    (tmp_path / "out").rmdir()
    monkeypatch.setattr("pointsra_cli.runs.os.access", lambda _, mode: mode == os.R_OK)
    refused = complete("a.npy")
    assert refused.code == 2 and "no permission to write there" in refused.stderr
    assert files_here() == ["a.npy"]


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_disk_that_fills_up_leaves_nothing(complete, tmp_path, files_here, monkeypatch, written):
    np.save(tmp_path / "a.npy", POINTS)
    real, calls = cloud_writers.WRITERS["ply"], []

    def full(path, points, colors, double):
        calls.append(path)
        if len(calls) <= written:
            return real(path, points, colors, double)
        path.write_bytes(b"ply\nformat")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(cloud_writers.WRITERS, "ply", full)
    outcome = complete("a.npy")
    assert outcome.code == 2 and "the disk is full" in outcome.stderr and "Traceback" not in outcome.stderr
    assert files_here() == ["a.npy"]


def test_a_million_points_and_small_pictures_of_them(complete, tmp_path):
    points = np.random.default_rng(0).normal(size=(1_000_000, 3)).astype("<f4")
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    (tmp_path / "many.ply").write_bytes(ply(points))
    outcome = complete("many.ply", "--hide", "none", "-q")
    assert (outcome.code, outcome.stderr) == (0, "")
    np.testing.assert_array_equal(read_cloud(tmp_path / "out" / "visible.ply").points.astype(np.float32), points)
    assert (tmp_path / "out" / "samples.html").stat().st_size < 10_000_000


def test_lidar_files_say_which_axis_was_taken_to_point_up(complete, tmp_path):
    np.column_stack([POINTS, POINTS[:, :1]]).astype("<f4").tofile(tmp_path / "sweep.bin")
    outcome = complete("sweep.bin", "--json")
    assert "--up z" in json.loads(outcome.stdout)["notes"][0]
