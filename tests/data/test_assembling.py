"""The engine: parts that survive a kill, the same bytes however a run came to its end, one process at a time."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from pointsra.data import assembling, condition_pass, generated
from pointsra.data.assembling import ReadBlock, SplitPlan, build_splits, discard_splits, read_plan
from pointsra.data.blocks import choose_rows, cut, run_blocks
from pointsra.data.folder_swap import locked, work_place
from pointsra.data.prepare import PrepareRequest, plan, prepare
from pointsra.data.request import Skipped
from pointsra.data.split_writer import CloudBlock, SplitHeader
from pointsra.data.store import open_split
from pointsra.errors import DataError, WorkFailedError
from pointsra.progress import silent

COUNT = 330  # 264 clouds in train: a part of eight tasks, and one of a single task


def request(root, **changes):
    return PrepareRequest(**{"dataset": "shapes", "root": root, "count": COUNT, "points": 16, **changes})


def make(task, bad=()):
    """Clouds that can be told apart, with every optional array; the rows in ``bad`` are left out."""
    rows = [row for row in task if row not in bad]
    skipped = tuple(Skipped(f"{row}.txt", f"row {row} is bad") for row in task if row in bad)
    if not rows:
        return ReadBlock(None, skipped)
    points = np.stack([np.random.default_rng(row).random((8, 3), dtype=np.float32) for row in rows])
    block = CloudBlock(
        points=points,
        labels=np.array(rows) % 2,
        ids=[f"cloud-{row}" for row in rows],
        captions=[f"the {row}th" for row in rows],
        parts=np.full((len(rows), 8), 1, np.uint8),
        normals=-points,
        colors=(points * 255).astype(np.uint8),
        origins=np.array(rows)[:, None] + np.array([1e7, 0.25, 0.0]),
        rooms=[f"room {row // 5}" for row in rows],
    )
    return ReadBlock(block, skipped, repeated=1)


def header(split="train", **changes):
    names = {"class_names": ("even", "odd"), "part_names": ("a", "b")}
    return SplitHeader(dataset="toys", split=split, frame="raw", **names, **changes)


def toy_plan(count, split="train", **changes):
    return SplitPlan(header(split, **changes), cut(list(range(count))), count)


def test_everything_is_kept_in_order(tmp_path):
    records = []
    plans = [toy_plan(600), toy_plan(3, "test", conditions=False, stand_in=True)]
    made = build_splits(plans, partial(make, bad=(7, 599)), request(tmp_path), tmp_path, records.append)
    assert made.counts == {"train": 598, "test": 3}
    assert [each.file for each in made.skipped] == ["7.txt", "599.txt"]
    assert made.repeated == 20
    rows = [row for row in range(600) if row not in (7, 599)]
    with open_split(tmp_path / "train.h5") as split:
        assert split.ids == tuple(f"cloud-{row}" for row in rows)
        assert split.rooms == tuple(f"room {row // 5}" for row in rows)
        assert split.captions[-1] == "the 598th"
        np.testing.assert_array_equal(split.origins[:, 0], np.array(rows) + 1e7)
        points = split.points_at([0, 597])
        np.testing.assert_array_equal(points[1], np.random.default_rng(598).random((8, 3), dtype=np.float32))
        np.testing.assert_array_equal(split.normals_at([0, 597]), -points)
        np.testing.assert_array_equal(split.colors_at([0, 597]), (points * 255).astype(np.uint8))
        assert not split.stand_in
    with open_split(tmp_path / "test.h5") as split:
        assert split.stand_in
    assert read_plan(tmp_path, "train") == {"kind": "clouds", "conditions": True}
    assert not read_plan(tmp_path, "test")["conditions"]
    train = [record for record in records if record.stage == "read train"]
    assert [record.done for record in train] == [256, 512, 600]
    assert {record.total for record in train} == {600}


def test_an_empty_split_names_the_last_reason(tmp_path):
    with pytest.raises(DataError, match="nothing of the split train can be read; row 1 is bad"):
        build_splits([toy_plan(2)], partial(make, bad=(0, 1)), request(tmp_path), tmp_path, silent)
    with pytest.raises(DataError, match="no clouds were found"):
        build_splits([toy_plan(0, "none")], make, request(tmp_path), tmp_path, silent)
    with pytest.raises(ValueError, match="named twice"):
        build_splits([toy_plan(1), toy_plan(1)], make, request(tmp_path), tmp_path, silent)


def test_finished_parts_are_not_made_again(tmp_path):
    done = []

    def counting(task):
        done.append(task[0])
        if len(done) == 12:
            raise KeyboardInterrupt
        return make(task, bad=(5,))

    with pytest.raises(KeyboardInterrupt):
        build_splits([toy_plan(600)], counting, request(tmp_path), tmp_path, silent)
    assert not (tmp_path / "train.h5").exists()
    done.clear()
    resumed = build_splits([toy_plan(600)], lambda task: done.append(task[0]) or make(task, bad=(5,)),
                           request(tmp_path), tmp_path, silent)  # fmt: skip
    assert done == list(range(256, 600, 32))  # the first part of eight tasks was whole
    other = tmp_path / "other"
    whole = build_splits([toy_plan(600)], partial(make, bad=(5,)), request(other, workers=2), other, silent)
    assert resumed == whole
    assert (tmp_path / "train.h5").read_bytes() == (other / "train.h5").read_bytes()


@pytest.mark.parametrize("harm", ["cut short", "gone", "note cut short", "another count"])
def test_a_part_that_is_not_whole_is_made_again(tmp_path, harm):
    first = build_splits([toy_plan(300)], make, request(tmp_path), tmp_path, silent)
    whole = (tmp_path / "train.h5").read_bytes()
    part = assembling.part_path(tmp_path, "train", 0)
    if harm == "cut short":
        part.write_bytes(part.read_bytes()[:700])
    elif harm == "gone":
        part.unlink()
    elif harm == "note cut short":
        part.with_suffix(".json").write_text('{"count": 25')
    else:
        part.with_suffix(".json").write_text(json.dumps({"count": 3, "skipped": [], "repeated": 8}))
    (tmp_path / "train.h5").unlink()
    assert build_splits([toy_plan(300)], make, request(tmp_path), tmp_path, silent) == first
    assert (tmp_path / "train.h5").read_bytes() == whole


def test_a_split_is_taken_back(tmp_path):
    build_splits([toy_plan(3), toy_plan(3, "test")], make, request(tmp_path), tmp_path, silent)
    discard_splits(tmp_path, ["train"])
    assert [path.name for path in tmp_path.glob("*.h5")] == ["test.h5"]
    assert [path.name for path in (tmp_path / ".parts").iterdir()] == ["test"]


def arrays(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.h5"))}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    return arrays(prepare(request(root, workers=1)).folder)


def start(root, workers=1):
    """Prepare in a process of its own, as a user would."""
    command = [sys.executable, "-m", "pointsra_cli", "prepare-data", "shapes", "--out", root, "--quiet"]
    command += ["--count", COUNT, "--points", 16, "--workers", workers]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "POINTSRA_TEST": str(root)}
    return subprocess.Popen([str(each) for each in command], env=environment, stderr=subprocess.PIPE, text=True)


def kill_at(process, sign):
    """Kill it without warning as soon as ``sign`` is there."""
    until = time.monotonic() + 60
    while not sign():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()


def test_resume_after_kills(tmp_path, uninterrupted, monkeypatch):
    """Killed while clouds are made and again while views are drawn; the third run ends as if nothing had been."""
    work = work_place(tmp_path / "shapes")
    kill_at(start(tmp_path), lambda: (work / ".parts/train/000000.json").exists())
    assert not (tmp_path / "shapes").exists()
    assert plan(request(tmp_path))["state"] == "resume"
    made = sorted(path.name for path in (work / ".parts/train").glob("*.h5"))
    stamps = {name: (work / ".parts/train" / name).stat().st_mtime_ns for name in made}
    kill_at(start(tmp_path, workers=2), lambda: (work / ".parts/train/conditions-000000.npz").exists())
    assert {name: (work / ".parts/train" / name).stat().st_mtime_ns for name in made} == stamps

    tasks, drawn = [], []
    make_block, draw = generated.make_block, condition_pass.draw
    monkeypatch.setattr(generated, "make_block", lambda task: tasks.append(task) or make_block(task))
    monkeypatch.setattr(condition_pass, "draw", lambda task, **how: drawn.append(task) or draw(task, **how))
    result = prepare(request(tmp_path))
    assert not tasks  # all clouds were there
    assert 0 < len(drawn) <= 9 + 2 + 2 - 8  # one part of eight tasks at least was there
    assert arrays(result.folder) == uninterrupted
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shapes"]
    assert sorted(path.name for path in result.folder.iterdir()) == ["manifest.json", "test.h5", "train.h5", "val.h5"]


def test_killed_while_features_are_written_in(tmp_path, uninterrupted, monkeypatch):
    real = condition_pass.extend_split

    def torn(path, blocks, encoders):
        if path.name == "val.h5":
            path.write_bytes(path.read_bytes()[:3000])
            raise KeyboardInterrupt
        real(path, blocks, encoders)

    monkeypatch.setattr(condition_pass, "extend_split", torn)
    with pytest.raises(KeyboardInterrupt):
        prepare(request(tmp_path))
    monkeypatch.undo()
    assert arrays(prepare(request(tmp_path, workers=2)).folder) == uninterrupted


@pytest.mark.parametrize("change", [{"seed": 1}, {"points": 17}, {"limit": 100}, {"text_encoder": "none"}])
def test_what_was_left_for_something_else_is_not_taken(tmp_path, monkeypatch, change):
    def ends(*rest):
        raise KeyboardInterrupt

    monkeypatch.setattr(condition_pass, "extend_split", ends)
    with pytest.raises(KeyboardInterrupt):
        prepare(request(tmp_path, count=40))
    monkeypatch.undo()
    assert plan(request(tmp_path, count=40))["state"] == "resume"
    other = request(tmp_path, count=40, **change)
    assert plan(other)["state"] == "new"
    fresh = prepare(replace(other, root=tmp_path / "fresh"))
    assert arrays(prepare(other).folder) == arrays(fresh.folder)
    assert not work_place(tmp_path / "shapes").exists()


def test_an_ordinary_error_leaves_nothing(tmp_path, monkeypatch):
    def fails(*rest):
        raise DataError("x: bad.")

    monkeypatch.setattr(condition_pass, "extend_split", fails)
    with pytest.raises(DataError, match="x: bad"):
        prepare(request(tmp_path, count=40))
    assert list(tmp_path.iterdir()) == []


def test_want_of_memory_can_be_taken_up_with_fewer_workers(tmp_path, monkeypatch):
    def dies(*rest):
        raise WorkFailedError("a worker process died")

    monkeypatch.setattr(condition_pass, "extend_split", dies)
    with pytest.raises(WorkFailedError):
        prepare(request(tmp_path, count=40))
    monkeypatch.undo()
    assert plan(request(tmp_path, count=40))["state"] == "resume"


def test_two_at_once(tmp_path):
    """The second is told of the first, and once that one is killed nothing stands in the way."""
    process = start(tmp_path)
    lock = tmp_path / ".shapes.lock"
    until = time.monotonic() + 60
    while not (lock.exists() and lock.read_text()):
        assert time.monotonic() < until
        time.sleep(0.002)
    with pytest.raises(DataError, match=rf"another process \(number {process.pid}\) is preparing it now; wait"):
        prepare(request(tmp_path))
    kill_at(process, lambda: True)
    with locked(tmp_path / "shapes"), pytest.raises(DataError, match="another process"):
        prepare(request(tmp_path))
    assert not lock.exists()
    assert not prepare(request(tmp_path, count=16)).unchanged


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="looks at /proc")
def test_workers_end_with_a_parent_that_was_killed(tmp_path):
    work = work_place(tmp_path / "shapes")
    process = start(tmp_path, workers=2)
    kill_at(process, lambda: (work / ".parts/train/000000.json").exists() and len(_children_of(tmp_path)) > 2)
    until = time.monotonic() + 20
    while _children_of(tmp_path):
        assert time.monotonic() < until
        time.sleep(0.05)


def _children_of(root):
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/environ", "rb") as stream:
                environment = stream.read()
        except OSError:
            continue
        if name.isdigit() and f"POINTSRA_TEST={root}".encode() in environment:
            found.append(int(name))
    return found


def test_choose_rows():
    rng = np.random.default_rng(0)
    few = choose_rows(3, 8, rng)
    assert few[:3].tolist() == [0, 1, 2]
    assert len(few) == 8
    assert few.max() < 3
    some = choose_rows(100, 40, rng)
    assert len(set(some.tolist())) == 40
    assert (np.diff(some) > 0).all()
    assert choose_rows(5, 5, rng).tolist() == [0, 1, 2, 3, 4]


def test_run_blocks_works_ahead_by_little():
    taken = []

    def tasks():
        for number in range(40):
            taken.append(number)
            yield number

    results = run_blocks(abs, tasks(), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(taken) <= 3 + 3 * 2
    results.close()
    with pytest.raises(StopIteration):
        next(results)
