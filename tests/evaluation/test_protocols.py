"""Protocols: last and best epoch, their marks, voting, SVM, and the report's files."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from pointsra.data.shapes import CLASS_NAMES
from pointsra.errors import CheckpointError, DataError, SettingsError
from pointsra.evaluation import classification
from pointsra.evaluation.protocols import PROTOCOLS, check_evaluation, evaluate
from pointsra.evaluation.published import published_accuracy
from pointsra.evaluation.report import EvaluationReport, ReportRow, write_report
from pointsra.settings import load_preset
from pointsra.training.finetune import BEST_NAME, finetune
from pointsra.training.weights import load_weights, save_weights
from tests.conftest import TINY_FINETUNE

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def finetuned(shapes_root, tiny_run, tmp_path_factory):
    run = tmp_path_factory.mktemp("evaluated") / "run"
    preset = load_preset("shapes-classification", (*TINY_FINETUNE, "optimizer.epochs=3", "runtime.keep_every=2"))
    return run, finetune(preset, shapes_root, run, init=tiny_run, device=CPU)


def _evaluate(source, root, protocol, **changes):
    options = {"preset": None, "seeds": 1, "seed": 0, "device": CPU, **changes}
    return evaluate(source, root, protocol=protocol, **options)


def test_last_and_best_epoch_agree_with_training(finetuned, shapes_root):
    run, summary = finetuned
    report = _evaluate(run, shapes_root, "test")
    figures = {(row.weights, row.metric): row.mean for row in report.rows}
    last = figures[("last epoch", "overall accuracy")]
    best = figures[("best epoch (test-selected)", "overall accuracy")]
    assert last == pytest.approx(100 * summary["test_last"]["overall_accuracy"])
    assert best == pytest.approx(100 * summary["test_best"]["overall_accuracy"])
    assert report.confusion.sum() == report.clouds
    assert 100 * np.trace(report.confusion) / report.clouds == pytest.approx(last)
    assert [row["test_selected"] for row in report.to_json()["rows"]] == [False, False, True, True]
    assert any("selected on the test split" in note for note in report.notes)
    only_best = _evaluate(run, shapes_root, "test-best")
    assert {row.weights for row in only_best.rows} == {"best epoch (test-selected)"}


def test_lone_weights_have_no_best_epoch(finetuned, shapes_root):
    run, _ = finetuned
    report = _evaluate(run / "model.safetensors", shapes_root, "test")
    assert {row.weights for row in report.rows} == {"last epoch"}
    with pytest.raises(CheckpointError, match="run folder"):
        _evaluate(run / "model.safetensors", shapes_root, "test-best")


@pytest.mark.parametrize(
    ("file", "said", "label"),
    [
        (BEST_NAME, True, "best epoch (test-selected)"),
        (BEST_NAME, False, "best epoch (test-selected)"),
        ("epoch-0002", True, "epoch 2"),
        ("epoch-0002", False, "epoch-0002"),
        ("model", False, "last epoch"),
    ],
)
@pytest.mark.parametrize("protocol", ["test", "vote"])
def test_a_file_is_of_the_epoch_that_it_says(
    finetuned, shapes_root, tmp_path, monkeypatch, protocol, file, said, label
):
    monkeypatch.setattr(classification, "_VOTES", 1)
    source = finetuned[0] / f"{file}.safetensors"
    if not said:
        weights = load_weights(source)
        source = save_weights(tmp_path, weights.tensors, replace(weights.description, details={}), file)
    report = _evaluate(source, shapes_root, protocol)
    selected = "test-selected" in label
    assert {(row["weights"], row["test_selected"]) for row in report.to_json()["rows"]} == {(label, selected)}
    assert any("selected on the test split" in note for note in report.notes) == selected


def test_the_papers_figure_stands_beside_the_same_alone(finetuned, shapes_root, tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr(classification, "published_accuracy", lambda dataset, split: 90.0)
    monkeypatch.setattr(classification, "_VOTES", 1)

    def figures(source, protocol):
        return {row.published for row in _evaluate(source, shapes_root, protocol).rows}

    assert figures(finetuned[0], "test") == {90.0, None}  # None: the mean over classes
    assert figures(finetuned[0], "vote") == {None}
    preset = load_preset("shapes-classification", (*TINY_FINETUNE, "optimizer.epochs=1", "gate.enabled=false"))
    finetune(preset, shapes_root, tmp_path / "run", init=tiny_run, device=CPU)
    assert load_weights(tmp_path / "run").description.sizes.flow_depth
    assert figures(tmp_path / "run", "test") == {None}


def test_seeds_give_mean_and_deviation(finetuned, shapes_root):
    run, _ = finetuned
    for protocol in ("test", "vote"):
        row = _evaluate(run, shapes_root, protocol, seeds=3).rows[0]
        assert row.deviation is not None and row.deviation >= 0
    single = _evaluate(run, shapes_root, "vote").rows[0]
    assert single.deviation is None


def test_svm_on_frozen_features(tiny_run, finetuned, shapes_root, full_shapes_root):
    preset = load_preset("shapes-classification", TINY_FINETUNE)
    report = _evaluate(tiny_run, full_shapes_root, "svm", preset=preset)
    assert report.rows[0].mean > 100 / len(CLASS_NAMES)  # better than chance
    with pytest.raises(SettingsError, match="--preset"):
        _evaluate(tiny_run, shapes_root, "svm")
    with pytest.raises(CheckpointError, match="classifier"):
        _evaluate(finetuned[0], shapes_root, "svm", preset=preset)


def test_a_plan_refuses_what_cannot_be_measured(finetuned, tiny_run, shapes_root, tmp_path):
    preset = load_preset("shapes-classification", (*TINY_FINETUNE, "data.test_split=missing"))
    known = load_preset("shapes-classification", TINY_FINETUNE)
    twice = load_preset("shapes-classification", (*TINY_FINETUNE, "data.train_split=train+test"))
    shutil.copytree(finetuned[0], tmp_path / "run")
    (tmp_path / "run" / "model.safetensors").unlink()
    refused = [
        (finetuned[0], "svm", known),
        (tiny_run, "svm", None),
        (tiny_run, "test", known),
        (finetuned[0], "test", preset),
        (tiny_run, "complementarity", preset),
        (tiny_run, "complementarity", twice),
        (tiny_run, "svm", twice),
        (tmp_path / "run", "test", None),
        (finetuned[0] / "model.safetensors", "test-best", None),
    ]
    for source, protocol, given in refused:
        with pytest.raises((CheckpointError, DataError, SettingsError)) as planned:
            check_evaluation(source, shapes_root, preset=given, protocol=protocol, seeds=1, seed=0)
        with pytest.raises(type(planned.value)) as found:
            _evaluate(source, shapes_root, protocol, preset=given)
        assert str(found.value) == str(planned.value)
    check_evaluation(tmp_path / "run", shapes_root, preset=None, protocol="test-best", seeds=1, seed=0)


def test_wrong_requests_are_named(finetuned, tiny_run, shapes_root, tmp_path):
    with pytest.raises(SettingsError, match="--protocol"):
        _evaluate(finetuned[0], shapes_root, "guess")
    with pytest.raises(SettingsError, match="--seeds"):
        _evaluate(finetuned[0], shapes_root, "test", seeds=0)
    with pytest.raises(CheckpointError, match="without a classifier"):
        _evaluate(tiny_run, shapes_root, "test")
    with pytest.raises(DataError, match="prepare-data shapes"):
        _evaluate(finetuned[0], tmp_path, "test")
    assert set(PROTOCOLS) == {"test", "test-best", "vote", "svm", "complementarity"}


@pytest.fixture
def report():
    return EvaluationReport(
        title="scanobjectnn: classification",
        protocol="test",
        weights="runs/x",
        dataset="scanobjectnn",
        split="obj_bg_test",
        clouds=4,
        seeds=2,
        rows=(ReportRow("last epoch", "overall accuracy", 75.0, 1.5, 95.53),),
        class_names=("bag", "bin"),
        confusion=np.array([[2, 1], [0, 1]]),
        notes=("a note",),
    )


def test_report_sets_the_papers_figure_beside_ours(report, tmp_path):
    assert published_accuracy("scanobjectnn", "obj_bg_test") == 95.53
    assert published_accuracy("shapes", "test") is None
    assert report.table() == [["last epoch", "overall accuracy", "75.00 ± 1.50", "95.53", "-20.53"]]
    assert report.confusion_table() == [["bag", "2", "1", "66.7"], ["bin", "0", "1", "100.0"]]
    write_report(report, tmp_path)
    table = json.loads((tmp_path / "report.json").read_text())
    assert table["rows"][0]["difference"] == pytest.approx(-20.53)
    assert table["confusion"] == [[2, 1], [0, 1]]
    text = (tmp_path / "report.md").read_text()
    assert "| last epoch | overall accuracy | 75.00 ± 1.50 | 95.53 | -20.53 |" in text
    assert "- a note" in text


def test_a_report_of_many_classes_lists_what_each_was_taken_for(report, tmp_path):
    names = tuple(f"c{number}" for number in range(21))
    counts = np.eye(21, dtype=np.int64)
    counts[4, [2, 7]] = 1, 5
    counts[20] = 0
    many = replace(report, class_names=names, confusion=counts)
    assert many.mistakes_table()[0] == ["c4", "c7 5, c2 1", "7", "14.3"]
    assert many.mistakes_table(1)[0] == ["c4", "c7 5, …", "7", "14.3"]
    assert many.mistakes_table()[1] == ["c0", "–", "1", "100.0"]
    assert [row[0] for row in many.mistakes_table()[1:]] == [name for name in names if name not in ("c4", "c20")]
    write_report(many, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "| c4 | c7 5, c2 1 | 7 | 14.3 |" in text and "columns: prediction" not in text
    assert "columns: prediction" in report.to_markdown() and "| bag | bin 1 | 3 | 66.7 |" in report.to_markdown()


def test_report_without_a_published_figure(report):
    row = replace(report.rows[0], published=None, deviation=None)
    assert replace(report, rows=(row,)).table()[0][2:] == ["75.00", "–", "–"]


def test_a_stand_in_is_named_in_every_report(report, tmp_path):
    made_up = replace(report, stand_in=True)
    write_report(made_up, tmp_path)
    table, page = json.loads((tmp_path / "report.json").read_text()), (tmp_path / "report.md").read_text()
    assert table["stand_in"]
    assert table["title"].endswith("(stand-in)")
    assert "stand-in" in table["notes"][0]
    assert "4 clouds of a stand-in for scanobjectnn obj_bg_test" in page
    assert "cannot be compared" in page
    assert "stand-in" not in report.to_markdown()


def test_no_published_figure_beside_a_stand_in(finetuned, shapes_root, tmp_path):
    """The same run on the same clouds, once they are marked as a stand-in."""
    root = tmp_path / "data"
    shutil.copytree(shapes_root, root)
    with h5py.File(root / "shapes" / "test.h5", "r+") as file:
        file.attrs["stand_in"] = True
    result = _evaluate(finetuned[0], root, "test")
    assert result.stand_in
    assert all(row.published is None for row in result.rows)
