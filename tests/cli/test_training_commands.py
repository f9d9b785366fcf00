"""Preparing, training and evaluating by the command line, end to end on small data."""

import json
import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from pointsra.data.shapes import CLASS_NAMES
from pointsra.evaluation.report import EvaluationReport
from pointsra.training.distributed import Group
from pointsra_cli.evaluate import _show_confusion
from pointsra_cli.together import Member


def test_prepare_data_writes_says_so_and_does_nothing_twice(run, files_here):
    planned = run("prepare-data", "shapes", "--count", 32, "--points", 256, "--dry-run")
    assert (planned.code, files_here()) == (0, [])
    assert "splits.train" in planned.stdout
    made = run("prepare-data", "shapes", "--count", 32, "--points", 256, "--workers", 1, "--json")
    result = json.loads(made.stdout)
    assert result["unchanged"] is False
    assert sum(result["splits"].values()) == 32
    assert "data/shapes/train.h5" in files_here()
    again = run("prepare-data", "shapes", "--count", 32, "--points", 256, "--workers", 1)
    assert "nothing has changed" in again.stdout
    other = run("prepare-data", "shapes", "--count", 40, "--points", 256)
    assert other.code == 2
    assert "--force" in other.stderr
    assert files_here().count("data/shapes/train.h5") == 1


def test_prepare_data_takes_the_set_of_a_preset(run):
    outcome = run("prepare-data", "--preset", "quickstart", "--seed", 4, "--count", 16, "--dry-run", "--json")
    document = json.loads(outcome.stdout)
    assert document["plan"]["dataset"] == "shapes"
    assert document["plan"]["seed"] == document["preset"]["seed"] == 4
    assert run("prepare-data", "meshes", "--preset", "quickstart").code == 2
    assert run("prepare-data", "shapes", "--set", "seed=1").code == 2


def test_prepare_data_names_the_nearest_data_set(run):
    outcome = run("prepare-data", "shaeps")
    assert outcome.code == 2
    assert "did you mean shapes?" in outcome.stderr and "scanobjectnn" in outcome.stderr
    assert run("prepare-data").code == 2


def test_prepare_data_takes_raw_files_by_place_or_by_option(run, cloud, tmp_path):
    raw = tmp_path / "raw"
    for kind in ("box", "crate"):
        (raw / kind).mkdir(parents=True)
        for number in range(4):
            (raw / kind / f"{number}.xyz").write_bytes(cloud.read_bytes())
    words = ("--points", 128, "--workers", 1, "--json")
    by_place = json.loads(run("prepare-data", "meshes", raw, "--out", "a", *words).stdout)
    by_option = json.loads(run("prepare-data", "meshes", "--raw", raw, "--out", "b", *words).stdout)
    assert by_place["splits"] == by_option["splits"]
    assert by_place["classes"] == 2
    refused = run("prepare-data", "meshes", raw, "--raw", tmp_path)
    assert refused.code == 2
    assert "twice" in refused.stderr


def test_pretrain_writes_a_run_and_goes_on_with_it(run, shapes_root, tiny, files_here):
    base = ("pretrain", "--preset", "quickstart", *tiny, "--data", shapes_root)
    outcome = run(*base, "--out", "my run", "--json")
    assert outcome.code == 0, outcome.stderr
    summary = json.loads(outcome.stdout)
    assert summary["steps"] > 0 and summary["loss"] is not None
    assert "Pre-training on cpu" in outcome.stderr
    written = set(files_here())
    wanted = ("preset.toml", "metrics.jsonl", "last.ckpt", "model.safetensors", "model.json", "log.txt")
    assert {f"my run/{name}" for name in wanted} <= written
    refused = run(*base, "--out", "my run")
    assert (refused.code, refused.stdout) == (2, "")
    assert "not empty" in refused.stderr
    resumed = run("pretrain", "--resume", "my run", "-q")  # the run knows where its data lies
    assert (resumed.code, resumed.stdout, resumed.stderr) == (0, "my run\n", "")
    shown = run("pretrain", "--resume", "my run").stdout
    assert "pointsra visualize 'my run'\n" in shown and "--weights 'my run'\n" in shown  # as a shell takes it
    changed = run("pretrain", "--resume", "my run", "--seed", 0)
    assert changed.code == 2
    assert "leave out --seed" in changed.stderr
    assert run("pretrain", "--resume", "nowhere").code == 2


def test_a_run_whose_data_are_gone_or_others_is_not_gone_on_with_unsaid(
    run, shapes_root, full_shapes_root, tiny, tmp_path
):
    moved, later = shutil.copytree(shapes_root, "here"), tmp_path / "later"
    started = run("pretrain", "--preset", "quickstart", *tiny, "--data", moved, "--out", "run", "-q")
    assert started.code == 0, started.stderr
    for words in (("-q",), ("--dry-run",)):
        other = run("pretrain", "--resume", "run", "--data", full_shapes_root, *words)
        assert (other.code, other.stdout, other.stderr.count("\n")) == (2, "", 1)
        assert "train.h5 is not what run was trained on: clouds " in other.stderr
    shutil.move(moved, later)
    (tmp_path / "data").symlink_to(full_shapes_root)  # the usual place holds others
    measured = ("evaluate", "run", "--protocol", "complementarity", "--dry-run")
    for words in (("pretrain", "--resume", "run"), measured):
        gone = run(*words)
        assert (gone.code, gone.stdout) == (2, "")
        assert "here: the data of run is no longer there; say with --data" in gone.stderr
    assert run(*measured, "--data", later).code == 0
    assert run("pretrain", "--resume", "run", "--data", later, "-q").code == 0
    assert run("pretrain", "--resume", "run", "-q").code == 0  # it knows where they lie now


def test_a_plan_of_a_resumed_run_names_the_weights_that_it_started_from(run, shapes_root, tiny_run):
    start = ("pretrain", "--preset", tiny_run / "preset.toml", "--set", "decoder.learns=false")
    assert run(*start, "--init", tiny_run, "--data", shapes_root, "--out", "run", "-q").code == 0
    planned = run("pretrain", "--resume", "run", "--dry-run", "--json")
    assert (planned.code, planned.stderr) == (0, "")
    assert json.loads(planned.stdout)["plan"]["init"] == str(tiny_run.resolve())


def test_pretrain_without_data_says_what_to_type(run, files_here):
    outcome = run("pretrain", "--preset", "quickstart")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "prepare-data shapes" in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert files_here() == []
    assert "--preset quickstart" in run("pretrain").stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--set", "runtime.micro_batches=64"), "A batch of 20 clouds"),
        (("--set", "optimizer.batch_size=2", "--devices", 3, "--device", "cpu"), "A batch of 2 clouds"),
        (("--set", "runtime.compile=true", "--device", "cpu"), "runtime.compile = true"),
    ],
)
def test_a_plan_of_pretraining_is_refused_as_the_run_is(run, shapes_root, tiny, files_here, words, told):
    planned = run("pretrain", "--preset", "quickstart", *tiny, *words, "--data", shapes_root, "--dry-run")
    assert (planned.code, planned.stdout, planned.stderr.count("\n")) == (2, "", 1)
    assert told in planned.stderr
    if "--devices" not in words:
        refused = run("pretrain", "--preset", "quickstart", *tiny, *words, "--data", shapes_root, "-q")
        assert (refused.code, refused.stderr) == (2, planned.stderr)
    assert files_here() == []


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("command", ["pretrain", "finetune"])
def test_of_several_processes_the_first_shows_the_plan(
    run, shapes_root, tiny_finetune, monkeypatch, tmp_path, rank, command
):
    monkeypatch.setattr(Group, "from_first", lambda self, value: tmp_path / "run")
    alone = nullcontext(Member(Group(rank, 2), torch.device("cpu")))
    monkeypatch.setattr(f"pointsra_cli.{command}.company", lambda *given, **options: alone)
    start = ("--preset", "quickstart") if command == "pretrain" else ("--preset", "shapes-classification")
    rest = () if command == "pretrain" else ("--from-scratch",)
    outcome = run(command, *start, *rest, *tiny_finetune, "--data", shapes_root, "--dry-run", "--json")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert json.loads(outcome.stdout)["plan"]["steps"] > 0 if rank == 0 else outcome.stdout == ""


def test_fine_tuning_whose_weights_have_moved_goes_on_where_they_are(run, shapes_root, tiny_run, tiny_finetune):
    first = shutil.copytree(tiny_run, Path("first"))
    start = ("finetune", "--preset", "shapes-classification", *tiny_finetune, "--data", shapes_root)
    assert run(*start, "--init", first, "--out", "run", "-q").code == 0
    shutil.copytree(first, "moved")
    resumed = ("finetune", "--resume", "run")
    for gone in (first / "model.safetensors", first):
        gone.unlink() if gone.is_file() else shutil.rmtree(gone)
        for words in (("-q",), ("--dry-run",)):
            told = run(*resumed, *words)
            assert (told.code, told.stdout, told.stderr.count("\n")) == (2, "", 1)
            assert "first: the weights that run started from are no longer there; say with --init" in told.stderr
    other = ("pretrain", "--preset", tiny_run / "preset.toml", "--seed", 1, "--data", shapes_root, "--out", "other")
    assert run(*other).code == 0
    refused = run(*resumed, "--init", "other", "-q")
    assert (refused.code, refused.stdout) == (2, "") and "other holds other weights than run started" in refused.stderr
    source, known = Path("run/source.json"), json.loads(Path("run/source.json").read_text())
    shutil.copytree("other", first)
    for words in (("-q",), ("--dry-run",), ("--init", first, "-q")):
        refused = run(*resumed, *words)
        assert (refused.code, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
        assert "first holds other weights" in refused.stderr and json.loads(source.read_text()) == known
    assert run(*resumed, "--init", "moved", "-q").code == 0
    assert json.loads(source.read_text()) == known | {"init": str(Path("moved").resolve())}
    assert run(*resumed, "-q").code == 0  # it knows where they are now
    del known["init_sha256"]  # of a former version: nothing tells the one from the other
    source.write_text(json.dumps(known))
    assert run(*resumed, "-q").code == 0 and json.loads(source.read_text()) == known
    assert run(*start, "--from-scratch", "--out", "scratch", "-q").code == 0
    assert "leave out --init" in run("finetune", "--resume", "scratch", "--init", "moved").stderr


def test_finetune_says_where_it_started_and_what_it_reached(run, shapes_root, tiny_run, finetuned, files_here):
    assert {"preset.toml", "metrics.jsonl", "model.safetensors"} <= {path.name for path in finetuned.iterdir()}
    base = ("finetune", "--preset", "shapes-classification", "--data", shapes_root)
    for wrong in ((), ("--init", tiny_run, "--from-scratch"), ("--init", "nowhere")):
        outcome = run(*base, *wrong)
        assert (outcome.code, outcome.stdout) == (2, "")
        assert "--init" in outcome.stderr or "nowhere" in outcome.stderr
    planned = run(*base, "--init", tiny_run, "--protocol", "linear", "--dry-run", "--json")
    document = json.loads(planned.stdout)
    assert document["preset"]["protocol"] == "linear"
    assert document["plan"]["matched"] == 1.0
    assert files_here() == []


def test_finetune_from_scratch_shows_a_table(run, shapes_root, tiny_finetune):
    outcome = run(
        *("finetune", "--preset", "shapes-classification", "--from-scratch", "--protocol", "mlp3"),
        *(*tiny_finetune, "--data", shapes_root, "--out", "scratch"),
    )
    assert outcome.code == 0, outcome.stderr
    assert "last epoch" in outcome.stdout and "test-selected" in outcome.stdout
    assert "pointsra evaluate scratch" in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 80


def report_of(confusion):
    names, clouds = CLASS_NAMES[: len(confusion)], int(confusion.sum())
    return EvaluationReport("t", "test", "w", "shapes", "test", clouds, 1, (), names, confusion)


def test_a_confusion_table_of_sixteen_classes_is_shown_in_eighty_columns(capsys):
    _show_confusion(report_of(10 * np.eye(16, dtype=np.int64)))
    table = [line for line in capsys.readouterr().out.splitlines() if " · " in line or "air arm" in line]
    assert len(table) == 17  # a head and sixteen classes
    assert {len(line) for line in table} <= set(range(75, 81))


def test_of_more_classes_the_least_accurate_are_shown_with_what_they_were_taken_for(capsys):
    counts = 10 * np.eye(59, dtype=np.int64)
    counts[CLASS_NAMES.index("desk"), CLASS_NAMES.index("table")] = 30
    counts[CLASS_NAMES.index("desk"), CLASS_NAMES.index("bench")] = 10
    counts[CLASS_NAMES.index("sofa")] = 0
    _show_confusion(report_of(counts))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    first = next(line for line in lines if line.startswith(" desk "))
    assert first.split() == ["desk", "table", "30,", "bench", "10", "50", "20.0"]
    assert "The 10 least accurate classes; all 58 are in the report." in lines
    assert sum("100.0" in line for line in lines) == 9


def test_evaluate_prints_and_writes_a_report(run, shapes_root, finetuned):
    outcome = run("evaluate", finetuned, "--data", shapes_root, "--out", "report")
    assert outcome.code == 0, outcome.stderr
    assert "overall accuracy" in outcome.stdout and "report/report.md" in outcome.stdout
    assert "taken for" in outcome.stdout
    assert "## Mistakes, the least accurate class first" in Path("report/report.md").read_text()
    again = run("evaluate", finetuned, "--out", "again", "--json")  # the run knows where its data lies
    result = json.loads(again.stdout)
    assert result["rows"] == json.loads(Path("report/report.json").read_text())["rows"]
    assert run("evaluate", finetuned, "--data", shapes_root, "--out", "report").code == 2


def test_evaluate_refuses_what_it_cannot_measure(run, shapes_root, finetuned, tiny_run, files_here):
    wrong = run("evaluate", finetuned, "--data", shapes_root, "--protocol", "votes")
    assert wrong.code == 2
    assert "did you mean vote?" in wrong.stderr
    assert run("evaluate", "nowhere").code == 2
    assert run("evaluate", finetuned, "--set", "seed=1").code == 2
    unlabeled = run("evaluate", tiny_run, "--data", shapes_root)
    assert unlabeled.code == 2 and "without a classifier" in unlabeled.stderr
    assert run("evaluate", tiny_run, "--data", shapes_root, "--dry-run").stderr in unlabeled.stderr.splitlines(
        keepends=True
    )
    best = run("evaluate", finetuned, "--protocol", "test-best", "--dry-run", "--json")
    assert json.loads(best.stdout)["plan"]["weights"] == str(finetuned / "test_best.safetensors")
    planned = run("evaluate", finetuned, "--data", shapes_root, "--dry-run", "--json")
    assert json.loads(planned.stdout)["plan"]["protocol"] == "test"
    assert files_here() == []
