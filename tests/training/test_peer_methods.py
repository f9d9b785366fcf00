"""Every peer's preset, made tiny: it trains, resumes to the bit, and hands its weights on like imported ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import pointsra
from pointsra.data.loaders import Batch
from pointsra.errors import CheckpointError
from pointsra.ops.batch_parts import part_stream
from pointsra.ops.randomness import stream
from pointsra.settings import list_presets, load_preset
from pointsra.settings.peers import PRETRAIN_PRESETS
from pointsra.training.methods import PEERS, assemble
from pointsra.training.optimizer import adamw, parameter_groups, set_learning_rate
from pointsra.training.pretrain import pretrain
from pointsra.training.weights import load_weights
from tests.cli.conftest import run_command, settings
from tests.conftest import TINY_FINETUNE

CPU = torch.device("cpu")
SHARED = (
    "data.dataset=shapes",
    "data.validation_split=val",
    "patches.points=128",
    "patches.groups=16",
    "patches.size=8",
    "encoder.heads=2",
    "encoder.patch_widths=[8, 12, 16]",
    "decoder.heads=2",
    "optimizer.epochs=2",
    "optimizer.batch_size=16",
    "optimizer.warmup_epochs=0",
    "runtime.log_every=1",
    "runtime.save_every=3",
)
PLAIN = ("encoder.dim=24", "encoder.depth=2")
TINY = {
    "point-mae": (*PLAIN, "decoder.depth=1"),
    "recon": (*PLAIN, "decoder.depth=1"),
    "pcp-mae": (*PLAIN, "decoder.depth=1"),
    "pointdif": (
        *PLAIN,
        "diffusion.condition_dim=24",
        "diffusion.aggregation_dim=24",
        "diffusion.denoiser_dims=[16, 32, 16]",
        "diffusion.beta_first=0.01",
    ),
    "maskpoint": (*PLAIN, "encoder.embedding_dim=16", "decoder.hidden=8", "questions.real=16", "questions.fake=16"),
    "point-m2ae": (
        "encoder.dims=[12, 24]",
        "encoder.depths=[1, 1]",
        "encoder.groups=[8]",
        "encoder.sizes=[4]",
        "encoder.radii=[0.4, 0.8]",
        "decoder.depths=[1]",
        "decoder.points=4",
    ),
}
METHODS = tuple(PEERS)


def tiny(method):
    has = PRETRAIN_PRESETS[method].model_fields
    return tuple(field for field in SHARED if field.split(".")[0] in has) + TINY[method]


@pytest.fixture(scope="module")
def runs(shapes_root, tmp_path_factory):
    """A function that gives the folder of a method's finished tiny run, made once through the command line."""
    made: dict[str, Path] = {}

    def run(method):
        if method not in made:
            folder = tmp_path_factory.mktemp("peers") / method
            command = ("pretrain", "--preset", method, *settings(*tiny(method)), "--data", shapes_root)
            outcome = run_command(*command, "--device", "cpu", "--out", folder, "--json")
            assert outcome.code == 0, outcome.stderr
            assert json.loads(outcome.stdout)["run"] == str(folder)
            made[method] = folder
        return made[method]

    return run


def records(run, name="metrics.jsonl"):
    lines = [json.loads(line) for line in (run / name).read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "clouds_per_second"} for line in lines]


def test_every_method_is_shipped_and_only_point_sra_is_no_peer():
    methods = {load_preset(info.name).method for info in list_presets() if info.task == "pretrain"}
    assert methods == set(PRETRAIN_PRESETS) == {"point-sra", *PEERS}
    assert {load_preset(method).method for method in PEERS} == set(PEERS)


@pytest.mark.parametrize("method", METHODS)
def test_a_run_says_what_it_is(method, runs):
    run = runs(method)
    names = {
        "preset.toml",
        "metrics.jsonl",
        "validation.jsonl",
        "last.ckpt",
        "model.safetensors",
        "model.json",
        "log.txt",
    }
    assert names <= {path.name for path in run.iterdir()}
    steps = records(run)
    assert len(steps) == steps[-1]["step"] == 8 and all(np.isfinite(list(step.values())).all() for step in steps)
    assert len(records(run, "validation.jsonl")) == 2
    weights = load_weights(run)
    assert weights.description.kind == "point_sra"
    assert weights.description.details["method"] == method
    assert weights.description.details["family"] == PEERS[method].family
    assert weights.description.preset["method"] == method
    assert weights.description.sizes.flow_depth == 0 and not weights.description.flow


@pytest.mark.parametrize("method", METHODS)
def test_an_interrupted_run_resumes_to_the_bit(method, runs, shapes_root, tmp_path):
    run = tmp_path / "run"

    def interrupt(progress):
        if progress.done >= 5:  # after the save at step 3
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(load_preset(method, tiny(method)), shapes_root, run, device=CPU, report=interrupt)
    assert not (run / "model.safetensors").exists()
    outcome = run_command("pretrain", "--resume", run, "--data", shapes_root, "--device", "cpu", "-q")
    assert outcome.code == 0, outcome.stderr
    assert "resumed at step 3" in (run / "log.txt").read_text()
    resumed, whole = load_weights(run).tensors, load_weights(runs(method)).tensors
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)
    assert records(run) == records(runs(method))


@pytest.mark.parametrize("method", METHODS)
def test_its_weights_are_fine_tuned(method, runs, shapes_root, tmp_path):
    changes = settings(*TINY_FINETUNE, "optimizer.epochs=1", "optimizer.batch_size=32")
    command = ("finetune", "--preset", "shapes-classification", "--init", runs(method), *changes)
    outcome = run_command(*command, "--data", shapes_root, "--device", "cpu", "--out", tmp_path / "tuned", "--json")
    assert outcome.code == 0, outcome.stderr
    summary = json.loads(outcome.stdout)
    assert summary["gate"] is False and summary["matched"]["share"] > 0.98
    log = (tmp_path / "tuned" / "log.txt").read_text()
    assert f"{PEERS[method].family}'s encoder matched in " in log and "runs without the gate" in log


@pytest.mark.parametrize("method", METHODS)
def test_its_weights_embed_export_and_do_not_draw(method, runs, tmp_path):
    model = pointsra.load(runs(method), device="cpu")
    points = np.random.default_rng(0).normal(size=(300, 3))
    feature = model.embed(points)
    assert feature.shape == (model.dim,) and np.isfinite(feature).all()
    model.export(tmp_path / "encoder.safetensors")
    again = pointsra.load(tmp_path / "encoder.safetensors", device="cpu")
    assert np.array_equal(again.embed(points), feature)
    with pytest.raises(CheckpointError, match="without a flow") as caught:
        model.reconstruct(points, samples=1)
    assert str(caught.value).count(". ") == 0


def clouds(rows=8, points=128):
    generator = stream(0, "test")
    image = torch.randn(rows, 6, generator=generator)
    image[0] = float("nan")  # a cloud without its picture
    return Batch(
        torch.rand(rows, points, 3, generator=generator) - 0.5,
        torch.zeros(rows, dtype=torch.int64),
        image,
        torch.randn(rows, 6, generator=generator),
    )


@pytest.mark.parametrize("method", METHODS)
def test_one_batch_is_learned(method):
    same = ("augment.rotate=0", "augment.scale_low=1", "augment.scale_high=1", "augment.translate=0")
    preset = load_preset(method, (*tiny(method), *same))
    learner, batch = assemble(preset, 6, 6).learner, clouds(points=preset.patches.points)
    optimizer = adamw(parameter_groups(learner.network.named_parameters(), 0.0), 0.95)
    set_learning_rate(optimizer, 3e-3)
    history = []
    learner.train()
    for step in range(40):
        optimizer.zero_grad()
        terms = learner(batch, stream(0, "step", step % 2))
        terms["loss"].backward()
        optimizer.step()
        learner.after_step(step, 40)
        history.append(float(terms["loss"].detach()))
    assert sum(history[-4:]) < 0.9 * sum(history[:4])


@pytest.mark.parametrize("method", METHODS)
def test_two_parts_of_a_batch_have_the_gradient_of_the_whole(method):
    """As two processes compute it, but for batch norms, which are held still here and share statistics there."""
    preset = load_preset(method, tiny(method))
    learner, batch = assemble(preset, 6, 6).learner, clouds(7, preset.patches.points)
    learner.train()
    for layer in learner.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.eval()

    def gradients():
        named = learner.network.named_parameters()
        found = {name: value.grad for name, value in named if value.numel() and value.grad is not None}
        learner.network.zero_grad(set_to_none=True)
        return found

    learner(batch, stream(0, "step", 0))["loss"].backward()
    whole = gradients()
    pieces = [batch.rows(slice(part, None, 2)) for part in range(2)]

    def streams(add_up):
        return [part_stream(0, "step", 0, part=part, parts=2, total=7, add_up=add_up) for part in range(2)]

    counts = [learner.measure(*each) for each in zip(pieces, streams(None), strict=True)]
    known = None if counts[0] is None else torch.stack(counts).sum(dim=0)
    for piece, drawn in zip(pieces, streams(None if known is None else lambda own: known), strict=True):
        (learner(piece, drawn)["loss"] * len(piece) / 7).backward()
    parts = gradients()
    assert parts.keys() == whole.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, atol=1e-6 * float(gradient.abs().max()) + 1e-8, rtol=1e-3)
