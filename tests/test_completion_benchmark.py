"""The completion benchmark: rows are alike but for the objective, and results are kept."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace

import pytest
import torch

from benchmarks import choosing, completion, kept_rows
from benchmarks.completion_aims import ratios
from benchmarks.completion_cases import CHOSEN, part_cases
from benchmarks.completion_rows import HELD_OUT_SEED, ROWS, VALIDATION_SEED, Budget, resolved
from benchmarks.completion_tables import main_table
from pointsra.training.weights import load_weights, packaged_weights, save_weights
from tests.settings.test_ablation_presets import flat

TINY = Budget(clouds=4, tiny=True)
TRAINED = [row for row in ROWS if row.objective]


@pytest.mark.parametrize("tiny", [False, True])
def test_trained_rows_differ_by_the_objective_alone(tiny):
    budget = Budget(tiny=tiny)
    tables = [dict(flat(resolved(row, budget, 800, seed=1).model_dump())) for row in TRAINED]
    objectives = [(table.pop("flow.objective"), table.pop("losses.energy") > 0) for table in tables]
    assert objectives == [("meanflow", True), ("meanflow", False), ("rectified_flow", False), ("regression", False)]
    assert all(table == tables[0] for table in tables)
    assert tables[0]["data.dataset"] == "shapes" and tables[0]["seed"] == 1
    assert tables[0]["masks.block_share"] > 0 and tables[0]["masks.frame"] == "aligned"


def test_steps_become_whole_epochs():
    assert resolved(TRAINED[0], Budget(steps=100), clouds=800, seed=0).optimizer.epochs == 4
    assert resolved(TRAINED[0], Budget(steps=1), clouds=800, seed=0).optimizer.epochs == 1


def test_ratios_say_whether_an_aim_is_met():
    def run(best, mean):
        case = {"best": best, "mean": mean, "tmd": 0, "uhd": 0, "kept": 1, "seconds": 0}
        labels = {drawing.label for row in ROWS for drawing in row.drawings}
        return [{"lines": {label: {"blocks": [case], "scans": [case], "parts": [case]} for label in labels}}]

    results = {"meanflow": run(0.6, 1.2), "regression": run(1.0, 1.0), "mirror": run(0.5, 2.0)}
    found = {(each["ratio"], each["mask"], each["drawing"]): each for each in ratios(results)}
    assert found["best / regression", "parts", "1"]["met"] and not found["mean / regression", "blocks", "1"]["met"]
    mirrored_parts = [found[f"{name} / mirror and copy", "parts", "1 at T = 1"]["met"] for name in ("best", "mean")]
    assert mirrored_parts == [False, True]
    assert all(each["of_the_generator_itself"] is None for each in found.values())
    with_control = list(ratios(results | {"generator": run(0.2, 1.6)}))
    assert {each["of_the_generator_itself"] for each in with_control if each["mask"] == "blocks"} == {None}
    assert with_control[8]["ratio"] == "best / regression" and with_control[8]["of_the_generator_itself"] == 0.2
    assert not any("nearest" in title for title, _, _ in found)
    rectified = run(0.8, 2.0)
    rectified[0]["lines"]["1 at T = 1"] = run(0.3, 0.6)[0]["lines"]["1"]
    beside = {(each["ratio"], each["drawing"]): each["value"] for each in ratios(results | {"rectified": rectified})}
    assert beside["best / rectified flow", "1"] == pytest.approx(0.6 / 0.8)  # drawn alike
    assert beside["best / rectified flow", "1 at T = 1"] == pytest.approx(0.6 / 0.3)
    assert sum("not run" in line for line in main_table(results, 8)) == len(ROWS) - 3


@pytest.fixture(scope="module")
def finished(shapes_root, tmp_path_factory):
    """The folder of a tiny run over all rows; the given weights are those of its own first row."""
    out = tmp_path_factory.mktemp("completion")
    arguments = ["--tiny", "--data", str(shapes_root), "--out", str(out), "--weights"]
    completion.main([*arguments, str(out / "runs" / "meanflow-0")])
    return out


def test_tiny_fills_every_table(finished):
    page = (finished / "completion.md").read_text("utf-8")
    assert "not run" not in page
    found = json.loads((finished / "completion.json").read_text("utf-8"))
    assert list(found["rows"]) == [row.name for row in ROWS]
    assert found["settings"]["samples"] == 2 and len(found["aims"]) == 10 * 3 * 4
    for row in ROWS:
        run = found["rows"][row.name]["runs"][0]
        assert list(run["lines"]) == [drawing.label for drawing in row.drawings]
        for drawing, figures_ in zip(row.drawings, run["lines"].values(), strict=True):
            assert len(figures_["blocks"]) == len(figures_["scans"]) == (row.name != "generator")
            assert len(figures_["parts"]) == 4
            for case in figures_["blocks"] + figures_["scans"] + figures_["parts"]:
                assert 0 < case["best"] <= case["mean"] and math.isfinite(case["tmd"])
                assert case["evaluations"] == drawing.evaluations and case["uhd"] == 0 and case["kept"] == 1
                assert (case["tmd"] > 1e-4) == (row.name not in ("regression", "mirror", "nearest", "recalled"))
        assert ("steered" in run) == row.steered
    # The given weights are the first row's: the same noise gives the same completions.
    first, given = (found["rows"][name]["runs"][0]["lines"]["1"]["parts"] for name in ("meanflow", "weights"))
    assert [case["best"] for case in first] == [case["best"] for case in given]


def test_finished_rows_are_kept_and_another_budget_is_refused(finished, shapes_root, monkeypatch, capsys):
    def nothing(*arguments, **keywords):
        raise AssertionError("a finished row was done again")

    monkeypatch.setattr(completion, "measured", nothing)
    again = ["--data", str(shapes_root), "--out", str(finished), "--weights", str(finished / "runs" / "meanflow-0")]
    before = (finished / "completion.json").read_text("utf-8")
    completion.main(["--tiny", "--rows", "mirror", *again])
    assert (finished / "completion.json").read_text("utf-8") == before
    with pytest.raises(SystemExit, match="another budget"):
        completion.main(["--steps", "3", *again])
    with pytest.raises(SystemExit):
        completion.main(["--clouds", "0"])
    assert "at least 1" in capsys.readouterr().err


def test_kept_results_with_fewer_drawings_stand_in_the_tables_with_those(finished, shapes_root, tmp_path, monkeypatch):
    shutil.copytree(finished / "results", tmp_path / "results")
    kept = tmp_path / "results" / "weights-0.json"
    found = json.loads(kept.read_text("utf-8"))
    del found["lines"]["2"], found["lines"]["4"]
    kept.write_text(json.dumps(found), "utf-8")
    monkeypatch.setattr(completion, "measured", None)  # nothing is measured again
    given = ["--weights", str(finished / "runs" / "meanflow-0")]
    completion.main(["--tiny", "--rows", "mirror", "--data", str(shapes_root), "--out", str(tmp_path), *given])
    page = (tmp_path / "completion.md").read_text("utf-8")
    tables = page.split("## ")
    for table in (tables[0], tables[2]):
        cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
        drawn = [row[1] for row in cells if row[0].startswith("given weights")]
        assert drawn == ["1", "1 at T = 1"]


def test_rows_of_weights_or_shapes_that_have_changed_since_are_refused(finished, shapes_root, tmp_path, monkeypatch):
    out, root = tmp_path / "out", tmp_path / "data"
    shutil.copytree(finished / "results", out / "results")
    shutil.copytree(shapes_root / "shapes", root / "shapes")
    shutil.copytree(finished / "runs" / "meanflow-0", tmp_path / "given")
    monkeypatch.setattr(completion, "measured", None)  # nothing is measured again
    again = ["--tiny", "--rows", "mirror", "--data", str(root), "--out", str(out), "--weights", str(tmp_path / "given")]
    completion.main(again)
    weights = load_weights(tmp_path / "given")
    save_weights(tmp_path / "given", weights.tensors, replace(weights.description, step=1))
    with pytest.raises(SystemExit, match="holds results of the row weights from other weights"):
        completion.main(again)
    (tmp_path / "given" / "model.safetensors").unlink()  # what is gone cannot be others
    completion.main(again)
    shutil.rmtree(tmp_path / "given")
    completion.main(again)
    shutil.copy(root / "shapes" / "test.h5", root / "shapes" / "train.h5")
    with pytest.raises(SystemExit, match="holds results of the row meanflow from other training shapes"):
        completion.main(again)


def test_files_are_read_for_their_checksums_once_and_where_a_row_depends_on_them(
    finished, shapes_root, tmp_path, monkeypatch
):
    read, results = [], {row.name: finished / "results" / f"{row.name}-0.json" for row in ROWS}
    monkeypatch.setattr(kept_rows, "sha256_of", lambda path: read.append(path.name) or "0")
    monkeypatch.setattr(
        completion, "measured", lambda row, *given: json.loads(results[row.name].read_text("utf-8")) | {"made_of": {}}
    )
    arguments = ["--tiny", "--data", str(shapes_root), "--out", str(tmp_path), "--weights"]
    arguments += [str(finished / "runs" / "meanflow-0"), "--rows"]
    completion.main([*arguments, "mirror"])
    assert read == []
    completion.main([*arguments, *results])
    assert sorted(read) == ["model.safetensors", "train.h5"]
    completion.main([*arguments, "mirror"])
    assert sorted(read) == 2 * ["model.safetensors"] + 2 * ["train.h5"]


def test_a_run_that_began_with_other_weights_is_not_gone_on_with(finished, shapes_root, tmp_path, monkeypatch):
    def stopped(row, seed, budget, root, run, *rest):
        run.mkdir(parents=True, exist_ok=True)
        (run / "last.ckpt").touch()
        raise KeyboardInterrupt

    given, out = shutil.copytree(finished / "runs" / "meanflow-0", tmp_path / "given"), tmp_path / "out"
    words = ["--tiny", "--given-encoder", "--rows", "rectified", "--data", str(shapes_root), "--weights", str(given)]
    monkeypatch.setattr(completion, "measured", stopped)
    with pytest.raises(SystemExit, match="the same command goes on"):
        completion.main([*words, "--out", str(out)])
    weights = load_weights(given)
    save_weights(given, weights.tensors, replace(weights.description, step=1))
    found = json.loads((finished / "results" / "rectified-0.json").read_text("utf-8"))
    monkeypatch.setattr(completion, "measured", lambda *given: dict(found))
    for name in ("later", "former"):
        shutil.copytree(out, tmp_path / name)
    with pytest.raises(SystemExit, match="rectified-0 was begun with other weights"):
        completion.main([*words, "--out", str(out)])
    shutil.rmtree(out / "runs" / "rectified-0")  # begun anew, it is made of what lies there now
    (tmp_path / "former" / "runs" / "rectified-0-made-of.json").unlink()  # a former version kept nothing
    for name in ("out", "former"):
        completion.main([*words, "--out", str(tmp_path / name)])
    save_weights(given, weights.tensors, weights.description)
    completion.main([*words, "--out", str(tmp_path / "later")])
    made = {
        name: json.loads((tmp_path / name / "results" / "rectified-0.json").read_text("utf-8"))["made_of"]
        for name in ("out", "former", "later")
    }
    assert set(made["out"]) == set(made["later"]) == {"training shapes", "weights"} and made["former"] == {}
    assert made["out"]["weights"] != made["later"]["weights"]


def test_rows_can_start_from_all_of_the_given_weights_but_their_flow(finished, shapes_root, tmp_path):
    trained = load_weights(finished / "runs" / "meanflow-0")
    tensors = {name: value.flip(0) for name, value in trained.tensors.items() if value.dim()}  # like no run of its seed
    given = save_weights(tmp_path, trained.tensors | tensors, trained.description)
    arguments = ["--data", str(shapes_root), "--weights", str(given), "--rows", "rectified", "--out", str(tmp_path)]
    completion.main(["--tiny", "--given-encoder", *arguments])
    assert "from the given weights without their flow" in (tmp_path / "completion.md").read_text("utf-8")
    run = tmp_path / "runs" / "rectified-0"
    start, end = load_weights(run.with_name("rectified-0-start")), load_weights(run)
    assert start.description.flow["objective"] == end.description.flow["objective"] == "rectified_flow"
    others = [name for name in tensors if not name.startswith("flow.")]
    assert all(torch.equal(start.tensors[name], tensors[name]) for name in others)
    flows = [name for name in tensors if name.startswith("flow.") and tensors[name].dim() > 1]
    assert not any(torch.equal(start.tensors[name], tensors[name]) for name in flows)
    for name in others:  # two steps change little
        if name.startswith("encoder.") and tensors[name].dim() == 2:
            assert (end.tensors[name] - tensors[name]).norm() < 0.2 * tensors[name].norm()


def test_weights_are_chosen_on_shapes_that_judge_nothing(capsys, tmp_path):
    mine, held_out = (next(part_cases(replace(TINY, shapes_seed=seed))) for seed in (VALIDATION_SEED, HELD_OUT_SEED))
    assert mine.shape.caption != held_out.shape.caption and TINY.shapes_seed == HELD_OUT_SEED
    packaged = packaged_weights()
    choosing.main([str(packaged), "--temperatures", "0.65", "1", "--tiny"])
    _, _, *rows = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[:2] for row in cells] == [[str(packaged), "0.65"], [str(packaged), "1"]]
    best, mean = map(float, cells[0][2].split(","))
    assert 0 < best < mean < 100 and cells[0][2] != cells[1][2]
    assert len(cells[0][5].split(",")) == len(CHOSEN) and all(0 < float(each) < 1 for each in cells[0][6].split(","))
    with pytest.raises(SystemExit, match="nowhere"):
        choosing.main([str(tmp_path / "nowhere"), "--tiny"])
