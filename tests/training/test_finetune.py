"""Fine-tuning: the head learns, the frozen parts do not move, runs resume, the best epoch is marked."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import h5py
import pytest
import torch

from pointsra.data.loaders import Batch
from pointsra.data.places import split_path
from pointsra.errors import CheckpointError, DataError, SettingsError
from pointsra.ops.randomness import stream
from pointsra.settings import FinetunePreset, list_presets, load_preset
from pointsra.training.assembly import build_flow_objective
from pointsra.training.checkpoint import CHECKPOINT_NAME
from pointsra.training.classification_learner import ClassificationLearner
from pointsra.training.classifiers import build_classifier, initialize_from, load_classifier, training_times
from pointsra.training.finetune import BEST_NAME, finetune, plan_finetune
from pointsra.training.loop import RunStopped
from pointsra.training.weights import load_weights
from tests.conftest import TINY_FINETUNE

CPU = torch.device("cpu")


def _preset(*overrides):
    return load_preset("shapes-classification", (*TINY_FINETUNE, *overrides))


@pytest.fixture(scope="module")
def finetuned(shapes_root, tiny_run, tmp_path_factory):
    run = tmp_path_factory.mktemp("finetuned") / "run"
    summary = finetune(_preset("optimizer.epochs=6"), shapes_root, run, init=tiny_run, device=CPU)
    return run, summary


def test_summary_and_files(finetuned):
    run, summary = finetuned
    assert summary["matched"]["share"] == 1.0
    assert summary["test_best"]["note"] == "test-selected"
    tests = [json.loads(line) for line in (run / "test.jsonl").read_text().splitlines()]
    assert len(tests) == 6
    assert summary["test_last"]["overall_accuracy"] == tests[-1]["overall_accuracy"]
    assert summary["test_best"]["overall_accuracy"] == max(record["overall_accuracy"] for record in tests)
    assert (run / f"{BEST_NAME}.safetensors").exists()
    assert "test split" in load_weights(run, BEST_NAME).description.details["chosen"]


def test_training_lowers_the_loss(finetuned):
    run, _ = finetuned
    losses = [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert sum(losses[-3:]) < sum(losses[:3])


def test_frozen_flow_never_moves_and_the_gate_does(finetuned, tiny_run):
    run, _ = finetuned
    tuned, start = load_weights(run).tensors, load_weights(tiny_run).tensors
    flow = [name for name in tuned if name.startswith("frozen_flow.flow.")]
    assert flow
    for name in flow:
        assert torch.equal(tuned[name], start[name.removeprefix("frozen_flow.")]), name
    assert float(tuned["gate.alpha"]) != 0.0 and float(tuned["gate.beta"]) != 0.0
    changed = [n for n in start if n.startswith("encoder.") and not torch.equal(start[n], tuned[n])]
    assert changed


@pytest.mark.parametrize("protocol", ["linear", "mlp3"])
def test_frozen_protocols_keep_the_encoder(protocol, shapes_root, tiny_run, tmp_path):
    finetune(_preset(f'protocol="{protocol}"'), shapes_root, tmp_path / "run", init=tiny_run, device=CPU)
    tuned, start = load_weights(tmp_path / "run").tensors, load_weights(tiny_run).tensors
    encoder = [name for name in start if name.startswith("encoder.")]
    assert all(torch.equal(start[name], tuned[name]) for name in encoder)


def test_loaded_classifier_answers_as_the_trained_one(finetuned, shapes_root):
    run, summary = finetuned
    from pointsra.data.store import open_split
    from pointsra.training.finetune import measure

    loaded = load_classifier(run, CPU)
    with open_split(split_path(shapes_root, "shapes", "test")) as split:
        assert measure(loaded.network, loaded.preset, split, CPU) == summary["test_last"]


def test_stopped_run_resumes_to_the_bit(shapes_root, tiny_run, tmp_path, monkeypatch):
    preset = _preset()
    finetune(preset, shapes_root, tmp_path / "whole", init=tiny_run, device=CPU)
    from pointsra.training import loop

    counter = {"steps": 0}
    step = loop.take_step

    def failing(*args):
        counter["steps"] += 1
        if counter["steps"] == 6:
            raise RunStopped("stop here")
        return step(*args)

    monkeypatch.setattr(loop, "take_step", failing)
    with pytest.raises(RunStopped):
        finetune(preset, shapes_root, tmp_path / "cut", init=tiny_run, device=CPU)
    monkeypatch.setattr(loop, "take_step", step)
    finetune(preset, shapes_root, tmp_path / "cut", init=None, device=CPU, resume=True)
    whole, cut = load_weights(tmp_path / "whole").tensors, load_weights(tmp_path / "cut").tensors
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    assert (tmp_path / "whole" / "test.jsonl").read_text() == (tmp_path / "cut" / "test.jsonl").read_text()


def test_best_weights_are_never_ahead_of_the_checkpoint(shapes_root, tiny_run, tmp_path, monkeypatch):
    """Killed in the epoch after the best one, far from the next checkpoint that is due."""
    from pointsra.training import loop

    step = loop.take_step

    def killed(model, optimizer, batch, plan, number, group):
        if number == plan.steps_per_epoch + 1:
            raise KeyboardInterrupt
        return step(model, optimizer, batch, plan, number, group)

    monkeypatch.setattr(loop, "take_step", killed)
    with pytest.raises(KeyboardInterrupt):
        finetune(_preset("runtime.save_every=1000"), shapes_root, tmp_path, init=tiny_run, device=CPU)
    kept = torch.load(tmp_path / CHECKPOINT_NAME, weights_only=True)["position"]
    assert kept["best"]["epoch"] == 0.0
    assert kept["step"] == load_weights(tmp_path, BEST_NAME).description.step


def refusal(preset, root, run):
    """The sentence that run and plan refuse with, before anything is written."""
    with pytest.raises((SettingsError, DataError)) as planned:
        plan_finetune(preset, root, init=None)
    with pytest.raises(type(planned.value)) as found:
        finetune(preset, root, run, init=None, device=CPU)
    assert str(found.value) == str(planned.value) and not run.exists()
    return str(found.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("data.test_split=train", "data.train_split and data.test_split share train: "),
        ("data.train_split=train+test", "data.train_split and data.test_split share test: "),
        ("data.train_split=train+val", "data.train_split and data.validation_split share val: "),
        ("data.validation_split=watched", "watched.h5"),
        ("optimizer.batch_size=1", "optimizer.batch_size"),
        ("runtime.micro_batches=5", "5 micro-batch"),
    ],
)
def test_what_cannot_be_trained_is_refused_by_run_and_plan(shapes_root, tmp_path, change, told):
    assert told in refusal(_preset(change), shapes_root, tmp_path / "run")


@pytest.mark.parametrize("split", ["test", "val"])
def test_splits_of_other_classes_are_refused_by_run_and_plan(shapes_root, tmp_path, split):
    root = shutil.copytree(shapes_root, tmp_path / "data")
    with h5py.File(split_path(root, "shapes", split), "r+") as file:
        names = json.loads(file.attrs["class_names"])
        file.attrs["class_names"] = json.dumps([*names[:-1], "another"])
    assert "name different classes" in refusal(_preset(), root, tmp_path / "run")


def test_one_split_may_be_tested_and_watched(shapes_root):
    assert plan_finetune(_preset("data.validation_split=test"), shapes_root, init=None)["steps"]


def test_no_shipped_preset_learns_from_what_it_tests():
    presets = [load_preset(info.name) for info in list_presets()]
    for data in (preset.data for preset in presets if isinstance(preset, FinetunePreset)):
        other = {*data.test_split.split("+"), *data.validation_split.split("+")}
        assert other.isdisjoint(data.train_split.split("+"))


def test_a_resumed_plan_remembers_its_weights(finetuned, shapes_root, tiny_run):
    plan = plan_finetune(_preset("optimizer.epochs=6"), shapes_root, init=None, resumed=finetuned[0])
    assert plan["init"] == str(tiny_run.resolve()) and plan["gate"]


def test_from_scratch_uses_the_presets_encoder(shapes_root):
    plan = plan_finetune(_preset("encoder.dim=48", "encoder.heads=2"), shapes_root, init=None)
    assert plan["matched"] is None and plan["gate"] is False
    assert plan["trained"] == plan["parameters"]


def test_encoder_follows_the_weights_not_the_preset(shapes_root, tiny_run):
    preset = _preset("encoder.dim=48", "encoder.heads=2")
    weights = load_weights(tiny_run)
    classifier = build_classifier(weights.description.sizes, 16, preset, weights.description.flow)
    assert classifier.encoder.dim == 24
    assert initialize_from(classifier, weights).share == 1.0


def test_a_regression_is_not_asked_about_centers(tiny_run):
    described = load_weights(tiny_run).description
    built = [described.flow | {"objective": objective} for objective in ("regression", "ddpm")]
    regression, diffused = (build_classifier(described.sizes, 16, _preset(), flow) for flow in built)
    assert regression.gate is None and regression.frozen_flow is None
    assert diffused.frozen_flow.path is not None and not diffused.frozen_flow.averages


@pytest.mark.parametrize(("kind", "common"), [("white", 0.0), ("tree", 0.5)])
def test_a_noised_state_is_of_the_noise_that_the_flow_knows(tiny_run, kind, common):
    preset = _preset("gate.state=noised")
    described = load_weights(tiny_run).description
    classifier = build_classifier(described.sizes, 16, preset, described.flow | {"noise": kind})
    seen = []
    classifier.frozen_flow.register_forward_pre_hook(lambda module, given: seen.append(given[3]))
    learner = ClassificationLearner(classifier, preset, training_times(None))
    for step in range(20):
        points = torch.rand(8, preset.patches.points, 3, generator=stream(step, "points"))
        learner(Batch(points, torch.zeros(8, dtype=torch.int64)), stream(0, "step", step))
    noise = torch.cat(seen)
    assert abs(float(noise.var()) - 1.0) < 0.1
    assert abs(float((noise[:, 0] * noise[:, -1]).mean()) - common) < 0.15  # the ends of the order: the root's share


@pytest.mark.parametrize("name", ["ablation-meanflow", "ablation-full", "flow-rectified", "flow-ddpm"])
def test_the_flow_is_asked_at_the_times_of_its_pretraining(name, tiny_run):
    preset = load_preset(name, task="pretrain")
    given = load_weights(tiny_run)
    described = replace(given.description, preset=preset.model_dump(), flow={"objective": preset.flow.objective})
    r, t = training_times(replace(given, description=described)).draw(4000, stream(1, "times"))
    objective = build_flow_objective(preset.flow, preset.losses.mft_sra > 0)
    path = objective.sample_path(torch.zeros(4000, 2, 3), torch.ones(4000, 2, 3), stream(1, "times"))
    assert torch.equal(path.r, r) and torch.equal(path.t, t)
    assert bool((r > t).any()) == (name == "ablation-full")
    assert bool((r < t).any()) == name.startswith("ablation")
    if name == "flow-ddpm":
        assert abs(float((t > 0.9).float().mean()) - 0.1) < 0.02


def test_wrong_weights_are_refused(finetuned, tiny_run, shapes_root, tmp_path):
    run, _ = finetuned
    with pytest.raises(CheckpointError, match="classifier"):
        plan_finetune(_preset(), shapes_root, init=run)
    with pytest.raises(CheckpointError, match="no weights"):
        plan_finetune(_preset(), shapes_root, init=tmp_path / "nothing.safetensors")
    copy = tmp_path / "copy"
    copy.mkdir()
    data = bytearray((tiny_run / "model.safetensors").read_bytes())
    (copy / "model.json").write_bytes((tiny_run / "model.json").read_bytes())
    data[-5] ^= 0xFF
    (copy / "model.safetensors").write_bytes(bytes(data))
    with pytest.raises(CheckpointError, match="checksum"):
        load_weights(copy)
    (copy / "model.safetensors").write_bytes(bytes(data[:2000]))
    with pytest.raises(CheckpointError, match="damaged"):
        load_weights(copy)
    with pytest.raises(CheckpointError, match="no model"):
        load_weights(tmp_path)
