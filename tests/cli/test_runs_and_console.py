"""Where results go, and how progress and results are shown."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pointsra.errors import OutputError
from pointsra.progress import Progress
from pointsra_cli import console, progress, progress_bar, runs


def test_a_default_folder_is_fresh_and_readable(monkeypatch):
    first = runs.result_folder(None, "pretrain", "my preset/ä")
    assert first.parent == Path("runs")
    assert first.name.startswith("pretrain-my-preset")
    first.mkdir(parents=True)
    assert runs.result_folder(None, "pretrain", "my preset/ä") != first
    dated = runs.result_folder(None, "evaluate", "finetune-x-20250102-030405").name
    assert dated.startswith("evaluate-finetune-x-") and "20250102" not in dated


def test_what_stands_in_the_way_is_refused(tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    assert runs.result_folder(full, "x", "y") == full  # empty: welcome
    (full / "thing").write_text("kept")
    with pytest.raises(OutputError, match="not empty"):
        runs.result_folder(full, "x", "y")
    with pytest.raises(OutputError, match="is a file"):
        runs.result_folder(full / "thing", "x", "y")
    with pytest.raises(OutputError, match="is a file"):
        runs.result_folder(full / "thing" / "below", "x", "y")
    with pytest.raises(OutputError, match="exists already"):
        runs.result_file(full / "thing", ("",), force=False)
    assert runs.result_file(full / "thing", ("",), force=True) == full / "thing"


def test_a_place_that_cannot_be_written_is_found_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda place, mode: False)
    with pytest.raises(OutputError, match=r"no permission .* --out"):
        runs.result_folder(tmp_path / "a" / "b", "x", "y")
    assert not (tmp_path / "a").exists()


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "result"
    with pytest.raises(ValueError), runs.whole_folder(target) as partial:
        (partial / "half").write_text("half")
        assert not target.exists()
        raise ValueError
    assert list(target.parent.iterdir()) == []
    target.mkdir()
    with runs.whole_folder(target) as partial:
        (partial / "file").write_text("whole")
    assert [path.name for path in target.parent.iterdir()] == ["result"]
    assert (target / "file").read_text() == "whole"


def test_the_folder_one_stands_in_and_one_behind_a_link_are_filled(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path / "here")
    for name in (".", "../link"):
        with runs.whole_folder(runs.result_folder(Path(name), "reconstruct", "x")) as partial:
            (partial / "a.ply").write_text("points")
    assert [(tmp_path / name / "a.ply").read_text() for name in ("here", "real")] == ["points", "points"]
    assert (tmp_path / "link").is_symlink() and Path("a.ply").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "link", "real"]


def test_a_folder_made_meanwhile_is_not_replaced(tmp_path):
    target = tmp_path / "result"
    with pytest.raises(OutputError, match="while this ran"), runs.whole_folder(target) as partial:
        (partial / "mine").write_text("")
        target.mkdir()
        (target / "theirs").write_text("")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["theirs"]


def test_log_lines_are_rare_but_messages_are_not():
    now, stream = [0.0], io.StringIO()
    with progress.log_lines(5.0, stream, clock=lambda: now[0], fields=1) as report:
        for step in range(1, 101):
            now[0] += 0.25
            report(Progress("epoch 1 of 2", step, 200, "steps", {"loss": 2.0, "other": 1.0}))
            if step == 50:
                report(Progress("epoch 1 of 2", step, 200, "steps", message="half of it"))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 6  # 25 s: five lines, and the message
    assert any(line.endswith("half of it") for line in lines)
    last = lines[-1]
    assert "100/200 steps" in last and "/s" in last and "0:25 left" in last
    assert last.endswith("loss 2")


def test_the_bar_fits_80_columns_and_says_rate_and_time_left():
    stream = io.StringIO()
    screen = Console(file=stream, force_terminal=True, width=80, color_system=None)
    with progress_bar.bar(screen) as report:
        report(Progress("pretrain", message="started: [bold] 40 clouds"))
        for step in range(1, 2001):
            report(Progress("epoch 13 of 300", step, 2000, "steps", {"loss": 1.234567, "reconstruction": 0.02}))
    text = stream.getvalue()
    assert "started: [bold] 40 clouds" in text
    assert "2000/2000 steps" in text and "loss 1.235" in text
    assert "…" not in text


def test_a_new_stage_with_the_same_total_goes_on():
    position = progress.Position()
    assert position.starts_anew(Progress("epoch 1", 1, 10))
    assert not position.starts_anew(Progress("epoch 2", 5, 10))
    assert position.starts_anew(Progress("validate", 1, 4))
    assert position.starts_anew(Progress("validate", 0, 4))


def test_json_takes_what_results_hold():
    text = console.to_json(
        {"path": Path("a/b"), "array": np.arange(3), "number": np.float32(0.5), "nothing": float("nan"), "t": (1, True)}
    )
    assert json.loads(text) == {"path": "a/b", "array": [0, 1, 2], "number": 0.5, "nothing": None, "t": [1, True]}


@pytest.mark.parametrize(("seconds", "words"), [(3.21, "3.2 s"), (245, "4:05 min"), (7390, "2:03:10")])
def test_durations(seconds, words):
    assert console.duration(seconds) == words
