"""``presets``, ``doctor``, and what every command says about presets and devices that are not there."""

import json
import tomllib

import pytest
import torch

from pointsra.settings import list_presets, load_preset


def test_presets_lists_every_shipped_one(run):
    names = [info.name for info in list_presets()]
    assert run("presets", "-q").stdout.split() == names
    for arguments in (("presets", "--json"), ("presets", "list", "--json"), ("presets", "--json", "list")):
        document = json.loads(run(*arguments).stdout)
        assert [preset["name"] for preset in document["presets"]] == names
    shown = run("presets").stdout
    assert all(name in shown for name in names)
    assert max(map(len, shown.splitlines())) <= 80


def test_a_shown_preset_can_be_read_back(run, tmp_path):
    outcome = run("presets", "show", "quickstart", "--set", "optimizer.epochs=3", "--seed", 5)
    assert outcome.code == 0
    path = tmp_path / "mine.toml"
    path.write_text(outcome.stdout)
    preset = load_preset(path)
    assert (preset.optimizer.epochs, preset.seed) == (3, 5)
    assert json.loads(run("presets", "show", str(path), "--json").stdout) == preset.model_dump(mode="json")
    checked = run("presets", "check", path, "--json")
    assert json.loads(checked.stdout)["valid"] is True


def test_a_wrong_file_is_named_with_its_field(run, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(run("presets", "show", "quickstart").stdout.replace("batch_size", "batchsize"))
    outcome = run("presets", "check", path)
    assert outcome.code == 2
    assert "optimizer.batchsize" in outcome.stderr and "optimizer.batch_size" in outcome.stderr
    assert run("presets", "check", "quickstart").code == 2  # a file is asked for, and there is none


@pytest.mark.parametrize("command", ["pretrain", "prepare-data", "visualize"])
def test_unknown_preset_names_the_nearest(run, command, cloud):
    arguments = [command, *([cloud, "--what", "patches"] if command == "visualize" else []), "--preset", "quikstart"]
    outcome = run(*arguments)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "quickstart" in outcome.stderr and "presets list" in outcome.stderr


def test_set_names_the_nearest_field(run):
    outcome = run("pretrain", "--preset", "quickstart", "--set", "optimizer.epoch=3")
    assert outcome.code == 2
    assert "did you mean optimizer.epochs?" in outcome.stderr
    outcome = run("pretrain", "--preset", "quickstart", "--set", "optimizer.epochs=-1")
    assert outcome.code == 2
    assert "optimizer.epochs = -1" in outcome.stderr


def test_a_preset_of_the_other_task_is_refused(run):
    outcome = run("pretrain", "--preset", "shapes-classification")
    assert outcome.code == 2
    assert "quickstart" in outcome.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there")
@pytest.mark.parametrize(
    "arguments",
    [
        ["prepare-data", "shapes", "--count", "16"],
        ["pretrain", "--preset", "quickstart"],
        ["finetune", "--preset", "shapes-classification", "--from-scratch"],
        ["evaluate", "RUN"],
        ["reconstruct", "CLOUD"],
        ["visualize", "CLOUD"],
    ],
)
def test_cuda_that_is_not_there_is_a_wrong_request(run, arguments, cloud, tiny_run, files_here):
    before = files_here()
    filled = [{"RUN": tiny_run, "CLOUD": cloud}.get(word, word) for word in arguments]
    outcome = run(*filled, "--device", "cuda")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "--device cuda" in outcome.stderr and outcome.stderr.count("\n") == 1
    assert files_here() == before
    assert run(*filled, "--device", "gpu").code == 2


def test_doctor_reports_and_is_well(run, shapes_root):
    outcome = run("doctor", "--data", shapes_root, "--json")
    findings = {finding["subject"]: finding for finding in json.loads(outcome.stdout)["findings"]}
    assert findings["torch"]["state"] == "ok"
    assert findings["shapes"]["state"] == "ok"
    assert {finding["state"] for finding in findings.values()} <= {"ok", "missing", "broken"}
    assert all(finding["mend"] for finding in findings.values() if finding["state"] != "ok")
    assert outcome.code == int(any(finding["state"] == "broken" for finding in findings.values()))
    shown = run("doctor").stdout
    assert "prepare-data shapes" in shown  # no data here: how to mend it
    assert max(map(len, shown.splitlines())) <= 80


def test_doctor_survives_damage(run, tmp_path, monkeypatch):
    (tmp_path / "data" / "broken").mkdir(parents=True)
    (tmp_path / "data" / "broken" / "manifest.json").write_text("{")
    (tmp_path / "data" / "shapes").mkdir()
    (tmp_path / "data" / "shapes" / "manifest.json").write_text('{"schema": "pointsra-manifest"}')
    monkeypatch.setattr("torch.cuda.is_available", lambda: 1 / 0)
    outcome = run("doctor", "--json")
    assert outcome.code == 1
    findings = {finding["subject"]: finding for finding in json.loads(outcome.stdout)["findings"]}
    assert findings["broken"]["state"] == "missing" and "restore it" in findings["broken"]["mend"]
    assert findings["shapes"]["detail"].endswith("its manifest lists no splits")
    assert "pointsra prepare-data shapes --force" in findings["shapes"]["mend"]
    assert findings["devices"]["state"] == "broken"
    assert outcome.stderr == ""


def test_dry_run_is_toml_that_can_be_read_back(run, shapes_root, files_here):
    arguments = ("pretrain", "--preset", "quickstart", "--data", shapes_root, "--seed", 3, "--dry-run")
    outcome = run(*arguments)
    assert (outcome.code, outcome.stderr) == (0, "")
    assert tomllib.loads(outcome.stdout)["seed"] == 3
    assert "#   device" in outcome.stdout
    document = json.loads(run(*arguments, "--json").stdout)
    assert document["preset"]["seed"] == 3
    assert document["plan"]["clouds"] > 0
    assert files_here() == []
