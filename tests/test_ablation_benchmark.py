"""The ablation benchmark: rows differ by what they are about alone; a smoke run fills both tables and is kept."""

from __future__ import annotations

import json
import math
import shutil

import pytest

from benchmarks import ablation
from benchmarks.ablation_rows import ROWS, Budget, resolved
from benchmarks.ablation_tables import ablation_table, spread, written
from pointsra.training.loop import RunStopped
from tests.settings.test_ablation_presets import flat

TERMS = {f"losses.{term}" for term in ("mean_flow", "cross_modal", "mae_sra", "mft_sra")}


@pytest.mark.parametrize("smoke", [False, True])
@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_row_differs_from_the_first_of_its_table_in_the_allowed_fields_alone(row, smoke):
    first = next(other for other in ROWS if other.table == row.table)
    budget = Budget(smoke=smoke)
    one, two = (
        dict(flat(resolved(each, budget, 800, seed=1).model_dump(exclude={"description"}))) for each in (first, row)
    )
    allowed = {"flow.objective"} | (TERMS if row.table == "ablation" else set())
    assert {name for name in one if one[name] != two[name]} <= allowed
    assert (row is first) == (one == two)
    assert two["data.dataset"] == "shapes" and two["seed"] == 1


def test_steps_become_whole_epochs_with_a_tenth_of_warm_up():
    preset = resolved(ROWS[0], Budget(steps=100), clouds=800, seed=0)
    assert (preset.optimizer.epochs, preset.optimizer.warmup_epochs) == (4, 0.4)
    assert resolved(ROWS[0], Budget(steps=1), clouds=800, seed=0).optimizer.epochs == 1


def test_spread_is_the_sample_s():
    assert spread([1.0]) == (1.0, None)
    assert spread([1.0, 2.0, 3.0]) == (2.0, 1.0)
    assert (written([1.0], 1), written([1.0, 2.0, 3.0], 2)) == ("1.0", "2.00 ± 1.00")
    assert written([8.03e10], 1) == "8.0e+10"


def test_rows_that_were_not_run_say_so():
    lines = ablation_table({})
    assert len(lines) == 2 + 6 and all("not run" in line for line in lines[2:])
    assert "| 95.53 | 93.31 | 90.77 |" in lines[-1]


@pytest.fixture(scope="module")
def finished(shapes_root, tmp_path_factory):
    """The folder of a smoke run over all rows."""
    pytest.importorskip("sklearn")
    out = tmp_path_factory.mktemp("ablation")
    ablation.main(["--smoke", "--seeds", "1", "--data", str(shapes_root), "--out", str(out)])
    return out


def test_smoke_fills_every_row_with_the_paper_s_figures_beside(finished):
    page = (finished / "ablation.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert "not run" not in page
    assert len(rows) == 2 * 2 + 6 + 3 * 3
    found = json.loads((finished / "ablation.json").read_text("utf-8"))
    assert list(found["rows"]) == [row.name for row in ROWS]
    assert found["rows"]["flow-rectified"]["paper"]["PB_T50_RS"] == 89.60
    assert found["machine"]["threads"] == 1 and found["settings"]["protocol"] == "svm"
    for row in ROWS:
        kept = found["rows"][row.name]
        assert [run["seed"] for run in kept["runs"]] == [0]
        run = kept["runs"][0]
        assert 0 <= kept["accuracy"]["mean"] == run["accuracy"] <= 100 and run["seconds"] > 0
        if row.table == "generators":
            assert list(run["completion"]) == ["1", "2", "8"]
            for figures in run["completion"].values():
                assert 0 < figures["best"] <= figures["mean"] and math.isfinite(figures["diversity"])
                assert figures["diversity"] > 0
        else:
            assert "completion" not in run


def test_finished_rows_are_kept_and_another_budget_is_refused(finished, shapes_root, monkeypatch, capsys):
    def nothing(*arguments, **keywords):
        raise AssertionError("a finished row was trained again")

    monkeypatch.setattr(ablation, "pretrain", nothing)
    again = ["--seeds", "1", "--data", str(shapes_root), "--out", str(finished)]
    before = (finished / "ablation.json").read_text("utf-8")
    ablation.main(["--smoke", "--rows", "baseline", "full", *again])
    assert (finished / "ablation.json").read_text("utf-8") == before
    with pytest.raises(SystemExit, match="another budget"):
        ablation.main(["--steps", "3", *again])
    with pytest.raises(SystemExit):
        ablation.main(["--seeds", "0"])
    assert "at least 1" in capsys.readouterr().err


def test_rows_of_shapes_that_have_changed_since_are_refused(finished, shapes_root, tmp_path, monkeypatch):
    shutil.copytree(finished / "results", tmp_path / "out" / "results")
    shutil.copytree(shapes_root / "shapes", tmp_path / "data" / "shapes")
    monkeypatch.setattr(ablation, "measured", None)  # nothing is measured again
    again = ["--smoke", "--seeds", "1", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    ablation.main(again)
    shutil.copy(tmp_path / "data" / "shapes" / "train.h5", tmp_path / "data" / "shapes" / "test.h5")
    with pytest.raises(SystemExit, match="holds results of the row baseline from other test shapes"):
        ablation.main(again)


def test_a_stopped_run_leaves_tables_of_what_is_finished(shapes_root, tmp_path, monkeypatch):
    def measured(row, preset, *others):
        if row.name == "meanflow":
            raise RunStopped("Stopped at step 1 of 2.")
        return {"accuracy": 50.0 + preset.seed, "optimizer_steps": 2, "terms": ["reconstruction"], "seconds": 1.0}

    monkeypatch.setattr(ablation, "measured", measured)
    with pytest.raises(SystemExit, match="the same command goes on"):
        ablation.main(["--smoke", "--seeds", "2", "--data", str(shapes_root), "--out", str(tmp_path)])
    page = (tmp_path / "ablation.md").read_text("utf-8")
    assert "| baseline | reconstruction | 50.5 ± 0.7 | 90.02 | 88.29 | 85.18 | 2 | 1 |" in page
    assert "| full |  | not run | 95.53 |" in page
