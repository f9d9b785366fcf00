"""Pre-training: gradients reach what should learn and nothing else, a batch is overfitted, a run resumes to the bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import pytest
import torch

from pointsra.data.loaders import Batch, training_batches
from pointsra.data.prepare import PrepareRequest, prepare
from pointsra.errors import CheckpointError, DataError, SettingsError, WorkFailedError
from pointsra.objectives.energy import CLOUD_DISTANCES, cloud_distance, cloud_energy_score, energy_score
from pointsra.ops.randomness import stream
from pointsra.settings import load_preset
from pointsra.training import pretrain_learner
from pointsra.training.assembly import build_plan, build_point_sra, point_sra_sizes
from pointsra.training.going_on import start_from
from pointsra.training.methods import assemble, missing_note
from pointsra.training.optimizer import adamw, parameter_groups, set_learning_rate
from pointsra.training.pretrain import plan_pretrain, pretrain
from pointsra.training.pretrain_learner import PretrainLearner
from pointsra.training.run_folder import SOURCE_NAME, alone_in, began_with, remember_source, remembered_data
from pointsra.training.step import take_step
from pointsra.training.weights import load_weights
from tests.conftest import TINY

CPU = torch.device("cpu")
TERMS = ("reconstruction", "mean_flow", "cross_modal", "mae_sra", "mft_sra")


def _batch(clouds=8, points=256):
    generator = stream(0, "test")
    return Batch(
        points=torch.rand(clouds, points, 3, generator=generator) - 0.5,
        labels=torch.zeros(clouds, dtype=torch.int64),
        image=torch.randn(clouds, 12, generator=generator),
        text=torch.randn(clouds, 10, generator=generator),
    )


def _learner(*overrides):
    preset = load_preset("quickstart", (*TINY, *overrides))
    return PretrainLearner(build_point_sra(preset, point_sra_sizes(preset, 12, 10)), preset)


def _awake(learner):
    """Move every parameter off its initial zero, so that no gradient is zero only because of it."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in learner.network.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    learner.flow_average.follow(learner.network.flow, 0.0)


@pytest.mark.parametrize("transport", ["input_embedding", "projection"])
def test_every_parameter_learns_and_no_target_does(transport):
    learner = _learner(f"alignment.transport={transport}", "flow.image_dropout=0.3", "flow.text_dropout=0.3")
    _awake(learner)
    learner.train()
    for number in range(4):  # over a few draws every null and every condition is met
        learner(_batch(), stream(0, "step", number))["loss"].backward()
    for name, parameter in learner.network.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), name
        assert parameter.grad.abs().sum() > 0, name
    targets = [*learner.teacher.parameters(), *learner.flow_average.parameters()]
    assert targets and all(parameter.grad is None for parameter in targets)


def test_each_term_can_be_switched_off():
    for term in TERMS:
        others = [] if term != "mean_flow" else ["losses.mft_sra=0"]
        terms = _learner(f"losses.{term}=0", *others)(_batch(), stream(0, "step", 0))
        assert term not in terms
        assert bool(terms["loss"].isfinite())


def test_the_energy_score_is_of_what_the_flow_draws_in_one_evaluation(monkeypatch):
    """Of its own samples, in the frame of the whole cloud; it reaches the encoder as the flow's own term does."""
    learner = _learner("losses.energy=0.7", "flow.samples=3", "masks.frame=aligned", "flow.error_frame=whole")
    _awake(learner)
    asked = []
    keep = learner.network.flow.register_forward_hook(lambda module, given, output: asked.append((given, output)))
    terms = learner(_batch(), stream(0, "step", 0))
    keep.remove()
    others = {"reconstruction": 1, "mean_flow": 0.5, "cross_modal": 1, "mae_sra": 0.2, "mft_sra": 0.2}
    expected = sum(weight * terms[name] for name, weight in others.items()) + 0.7 * terms["energy"]
    torch.testing.assert_close(terms["loss"], expected)
    (noise, r, t, *_), output = asked[-1]
    assert len(noise) == 24 and not r.any() and bool((t == 1).all())
    scored = []

    def watched(*given):
        scored.append(given)
        return energy_score(*given)

    monkeypatch.setattr(pretrain_learner, "energy_score", watched)
    monkeypatch.setattr(pretrain_learner, "_squared_unit", lambda clouds, free: torch.full((8,), 4.0))
    doubled = learner(_batch(), stream(0, "step", 0))["energy"]
    torch.testing.assert_close(scored[0][0].flatten(0, 1), noise - output.velocity)
    torch.testing.assert_close(doubled, 2 * energy_score(*scored[0]).mean())
    learner.zero_grad()
    terms["energy"].backward()
    assert any(
        parameter.grad is not None and parameter.grad.any() for parameter in learner.network.encoder.parameters()
    )


@pytest.mark.parametrize("distance", CLOUD_DISTANCES)
def test_the_points_energy_is_of_what_the_decoder_makes_of_cooled_samples(distance):
    """By hand: the same noise, cooled; the same evaluation; the same decoder; rows that show nothing count as 0."""
    changes = ("losses.points_energy=0.7", "flow.samples=3", "flow.points_temperature=0.5", "flow.all_dropout=0.4")
    frame = ("masks.frame=aligned", "flow.error_frame=whole", "masks.sealed=true")
    learner = _learner(*changes, *frame, f"flow.points_distance={distance}")
    _awake(learner)
    asked, filled = [], []
    hooks = [
        learner.network.flow.register_forward_hook(lambda module, given, output: asked.append((given, output))),
        learner.network.decoder.register_forward_hook(lambda module, given, output: filled.append((given, output))),
    ]
    terms = learner(_batch(), stream(0, "step", 0))
    for hook in hooks:
        hook.remove()
    clouds, coins = learner._drawn(_batch(), stream(0, "step", 0))
    shown = coins[0] >= 0.4
    assert 0 < shown.sum() < len(shown)
    (noise, r, t, *_), output = asked[-1]
    assert len(noise) == 24 and not r.any() and bool((t == 1).all())
    hidden = clouds.masked.centers.shape[1]
    of_shown = noise.unflatten(0, (3, 8))[:, shown, -hidden:]
    assert 0.3 < float((of_shown - of_shown.mean(dim=2, keepdim=True)).std()) < 0.6
    (encoding, centers), members = filled[-1]
    middle = clouds.visible.centers.mean(dim=1, keepdim=True).repeat(3, 1, 1)
    expected = (noise - output.velocity)[:, -hidden:] * learner.network.center_scale + middle
    torch.testing.assert_close(centers, expected)
    torch.testing.assert_close(encoding.patches[:8], encoding.patches[16:])
    drawn, true = (centers.unsqueeze(2) + members).flatten(1, 2).unflatten(0, (3, 8)), clouds.masked.points[None]
    score = torch.where(shown, cloud_energy_score(drawn, true, distance) * clouds.scale, 0.0).mean()
    torch.testing.assert_close(terms["points_energy"], score)  # fewer points than are compared: all of them are


@pytest.mark.parametrize("allowed", [False, True])
def test_the_points_energy_teaches_flow_and_decoder_and_the_encoder_only_when_allowed(allowed):
    only = [f"losses.{term}=0" for term in TERMS if term != "mean_flow"]
    learner = _learner(*only, "losses.points_energy=1", f"flow.context_gradient={str(allowed).lower()}")
    _awake(learner)
    learner(_batch(), stream(0, "step", 0))["points_energy"].backward()
    network = learner.network
    reached = [
        any(p.grad is not None and p.grad.any() for p in part.parameters())
        for part in (network.flow, network.decoder, network.encoder)
    ]
    assert reached == [True, True, allowed]


def test_the_points_are_of_hidden_parts_filled_at_jittered_centers():
    learner = _learner("losses.points=0.7", "decoder.center_jitter=0.2")
    _awake(learner)
    filled = []
    hook = learner.network.decoder.register_forward_hook(lambda module, given, output: filled.append((given, output)))
    terms = learner(_batch(), stream(0, "step", 0))
    hook.remove()
    clouds, _ = learner._drawn(_batch(), stream(0, "step", 0))
    (_, centers), members = filled[-1]
    shift = centers - clouds.masked.centers
    assert 0.02 < float(shift.std()) < 0.2
    drawn = (centers.unsqueeze(2) + members).flatten(1, 2)
    expected = (cloud_distance(drawn, clouds.masked.points) * clouds.scale).mean()
    torch.testing.assert_close(terms["points"], expected)  # fewer points than are compared: all of them are
    weights = learner.preset.losses.model_dump()
    torch.testing.assert_close(terms["loss"], sum(weights[name] * terms[name] for name in (*TERMS, "points")))


def test_the_points_and_their_energy_teach_the_decoder_alone_where_nothing_else_does():
    only = [f"losses.{term}=0" for term in TERMS]
    learner = _learner(*only, "losses.points=1", "losses.points_energy=1", "flow.context_gradient=false")
    _awake(learner)
    terms = learner(_batch(), stream(0, "step", 0))
    assert set(terms) == {"loss", "points", "points_energy"}
    terms["loss"].backward()
    learned = {name.split(".")[0] for name, p in learner.network.named_parameters() if p.grad is not None}
    assert learned == {"decoder"}
    before = {name: value.clone() for name, value in learner.exported().items() if name.startswith("flow.")}
    for step in range(1, 5):
        learner.after_step(step, 10)
    after = learner.exported()
    assert before and all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize("term", ["energy", "points_energy"])
def test_alternatives_are_truths_of_the_energy_scores_alone(alternatives, term):
    """The other terms see the cloud as it is; where nothing is shown, nothing could be another."""
    changes = (f"losses.{term}=0.7", "flow.samples=3", "masks.sealed=true", "masks.hidden=cells", "flow.order=cells")
    batch = next(
        training_batches(alternatives, 8, 256, seed=0, epoch=0, alternatives=alternatives, alternative_share=1.0)
    )
    assert batch.alternatives is not None
    for dropped in (0.0, 1.0):
        learner = _learner(*changes, f"flow.all_dropout={dropped}")
        _awake(learner)
        moved = replace(batch, alternatives=batch.alternatives + 1.0)
        terms = [learner(each, stream(0, "step", 0)) for each in (batch, moved)]
        changed = {name for name in terms[0] if not torch.equal(terms[0][name], terms[1][name])}
        assert changed == (set() if dropped else {"loss", term})


def test_training_takes_its_share_from_the_alternatives(furniture_root, shapes_root, tmp_path):
    changes = (*TINY, "optimizer.epochs=1", "masks.sealed=true", "masks.hidden=cells", "flow.order=cells")
    preset = load_preset("quickstart", (*changes, "losses.energy=1", "masks.alternative_share=0.5"))
    assert pretrain(preset, furniture_root, tmp_path / "run", device=CPU)["steps"] == 4
    with pytest.raises(DataError, match=r"alternatives\.h5: not there.* --variant furniture"):
        pretrain(preset, shapes_root, tmp_path / "none", device=CPU)
    assert not (tmp_path / "none").exists()


def test_loss_is_the_weighted_sum_of_the_paper():
    terms = _learner()(_batch(), stream(0, "step", 0))
    expected = (
        terms["reconstruction"]
        + 0.5 * terms["mean_flow"]
        + terms["cross_modal"]
        + 0.2 * terms["mae_sra"]
        + 0.2 * terms["mft_sra"]
    )
    assert torch.allclose(terms["loss"], expected)


@pytest.mark.parametrize(
    ("objective", "order"),
    [
        *product(["meanflow", "rectified_flow", "ddpm", "off"], ["morton", "hungarian", "none"]),
        ("regression", "morton"),  # the others are refused: nothing would tell the slots apart
    ],
)
def test_every_objective_and_order_steps(objective, order):
    overrides = [f"flow.objective={objective}", f"flow.order={order}"]
    if objective != "meanflow":
        overrides.append("losses.mft_sra=0")
    if objective == "off":
        overrides.append("losses.mean_flow=0")
    learner = _learner(*overrides)
    terms = learner(_batch(), stream(0, "step", 0))
    terms["loss"].backward()
    assert bool(terms["loss"].isfinite())


def test_flow_loss_reaches_the_encoder_only_when_allowed():
    only_flow = [f"losses.{term}=0" for term in TERMS if term != "mean_flow"]
    for allowed in (True, False):
        learner = _learner(*only_flow, f"flow.context_gradient={str(allowed).lower()}", "flow.all_dropout=0")
        _awake(learner)
        learner(_batch(), stream(0, "step", 0))["loss"].backward()
        touched = any(p.grad is not None and p.grad.abs().sum() > 0 for p in learner.network.encoder.parameters())
        assert touched is allowed


@pytest.mark.parametrize(
    ("part", "losses"),
    [
        ("flow", ("losses.energy=1",)),
        ("flow", ("losses.points_energy=1", "decoder.learns=false")),
        ("decoder", ("losses.mean_flow=0", "losses.points=1", "losses.points_energy=1")),
    ],
)
def test_a_part_goes_on_alone_beside_an_encoder_that_learns_nothing(
    part, losses, tiny_run, tiny_preset, shapes_root, tmp_path
):
    alone = [f"losses.{term}=0" for term in TERMS if term != "mean_flow"]
    preset = load_preset(tiny_run / "preset.toml", (*alone, *losses, "flow.context_gradient=false"))
    run = tmp_path / "alone"
    pretrain(preset, shapes_root, run, device=CPU, init=tiny_run)
    before, after = load_weights(tiny_run).tensors, load_weights(run).tensors
    measured = ("running_mean", "running_var", "num_batches_tracked")  # by batch norm, not learned
    changed = {name for name in before if not torch.equal(before[name], after[name]) and not name.endswith(measured)}
    assert changed and {name.split(".")[0] for name in changed} == {part}


def test_the_decoder_drops_blocks_while_it_learns_and_then_alone():
    rates = {}
    for learns in ("true", "false"):
        learner = _learner("decoder.drop_path=0.5", f"decoder.learns={learns}", "decoder.depth=3")
        rates[learns] = [block.drop_path.rate for block in learner.network.decoder.transformer.blocks]
        _awake(learner)
        clouds, _ = learner._drawn(_batch(), stream(0, "step", 0))
        encoding = learner.network.encoder.eval()(clouds.visible)
        filled = []
        for training in (True, True, False, False):
            learner._listen(stream(0, "step", len(filled)))
            filled.append(learner.network.decoder.train(training)(encoding, clouds.masked.centers))
        assert torch.equal(*filled[:2]) == (learns == "false")
        assert torch.equal(*filled[2:])
    assert rates == {"true": [0.0, 0.25, 0.5], "false": [0.0, 0.0, 0.0]}


def test_a_decoder_that_does_not_learn_needs_weights_to_start_from(shapes_root, tmp_path):
    preset = load_preset("quickstart", (*TINY, "decoder.learns=false"))
    for start in (partial(pretrain, run=tmp_path / "run", device=CPU), plan_pretrain):
        with pytest.raises(SettingsError, match="no --init is given"):
            start(preset, shapes_root)
    assert not (tmp_path / "run").exists()


def _watched_paths(learner, monkeypatch):
    """The paths that a learner samples from now on, as they come."""
    seen, sample = [], learner._sampled_path

    def watched(*given):
        seen.append(sample(*given))
        return seen[-1]

    monkeypatch.setattr(learner, "_sampled_path", watched)
    return seen


@pytest.mark.parametrize(("kind", "common"), [("white", 0.0), ("tree", 0.5)])
def test_noise_is_of_the_kind_that_the_preset_asks_for(kind, common, monkeypatch):
    learner = _learner(f"flow.noise={kind}")
    paths = _watched_paths(learner, monkeypatch)
    for step in range(20):
        learner(_batch(), stream(0, "step", step))
    noise = torch.cat([path.noise for path in paths])
    assert abs(float(noise.var()) - 1.0) < 0.1
    assert abs(float((noise[:, 0] * noise[:, -1]).mean()) - common) < 0.15  # the ends of the order: the root's share


@pytest.mark.parametrize("objective", ["meanflow", "rectified_flow", "ddpm"])
def test_the_flows_term_is_the_mean_over_its_draws(objective, monkeypatch):
    common = (f"flow.objective={objective}", "flow.error_frame=whole", "flow.alpha=0.1", "losses.mft_sra=0")
    learner, alone = _learner(*common, "flow.draws=3"), _learner(*common)
    for one in (learner, alone):
        _awake(one)
    paths = _watched_paths(learner, monkeypatch)
    together = learner(_batch(), stream(0, "step", 0))["mean_flow"]
    assert len(paths) == 3
    assert not torch.equal(paths[0].noise, paths[1].noise) and not torch.equal(paths[0].t, paths[2].t)
    terms = []
    for path in paths:
        monkeypatch.setattr(alone, "_sampled_path", lambda *given, path=path: path)
        terms.append(alone(_batch(), stream(0, "step", 0))["mean_flow"])
    torch.testing.assert_close(together, torch.stack(terms).mean())


def test_alignment_across_times_looks_at_the_first_draw():
    """Its cost does not grow with the draws."""
    learner = _learner("flow.draws=3")
    _awake(learner)
    rows = []
    learner.flow_average.network.register_forward_pre_hook(lambda module, given: rows.append(len(given[0])))
    terms = learner(_batch(), stream(0, "step", 0))
    assert rows == [8] and bool(terms["mft_sra"].isfinite())


def test_a_regression_has_nothing_to_draw():
    learner = _learner("flow.objective=regression", "losses.mft_sra=0", "flow.draws=4")
    rows = []
    learner.network.flow.register_forward_pre_hook(lambda module, given: rows.append(len(given[0])))
    learner(_batch(), stream(0, "step", 0))
    assert rows == [8]


def test_missing_modalities_do_not_stop_training():
    whole = _batch()
    image = whole.image.clone()
    image[::2] = float("nan")
    learner = _learner()
    for batch in (Batch(whole.points, whole.labels), Batch(whole.points, whole.labels, image, whole.text)):
        terms = learner(batch, stream(0, "step", 0))
        terms["loss"].backward()
        assert bool(terms["loss"].isfinite())
    assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in learner.network.parameters())


def test_terms_that_go_without_features_are_said(tiny_preset, tmp_path):
    without = {"image_encoder": "none", "text_encoder": "none"}
    prepare(PrepareRequest(dataset="shapes", root=tmp_path, count=16, workers=1, points=256, **without))
    pretrain(tiny_preset, tmp_path, tmp_path / "run", device=CPU)
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "shapes holds no image and no text features: losses.cross_modal and the flow's conditions go without" in log
    assert "cross_modal" not in (tmp_path / "run" / "metrics.jsonl").read_text()
    assert "--text-encoder" in missing_note(tiny_preset, 12, 0) and "image" not in missing_note(tiny_preset, 12, 0)
    assert missing_note(tiny_preset, 12, 10) == "" == missing_note(load_preset("point-mae"), 0, 0)
    assert (
        missing_note(
            load_preset("quickstart", ("losses.cross_modal=0", "losses.mean_flow=0", "losses.mft_sra=0")), 0, 0
        )
        == ""
    )


def test_a_loss_of_features_alone_needs_some():
    others = ("reconstruction", "mean_flow", "mae_sra", "mft_sra")
    preset = load_preset("quickstart", (*TINY, *(f"losses.{name}=0" for name in others)), task="pretrain")
    for widths in ((12, 0), (0, 10)):
        assert "cross_modal" in assemble(preset, *widths).learner(_batch(), stream(0, "step", 0))
    with pytest.raises(DataError, match="shapes holds none"):
        assemble(preset, 0, 0)


def test_one_batch_is_overfitted():
    learner = _learner("augment.rotate=0", "augment.scale_low=1", "augment.scale_high=1")
    optimizer = adamw(parameter_groups(learner.network.named_parameters(), 0.0), 0.95)
    set_learning_rate(optimizer, 3e-3)
    batch, history = _batch(), []
    for step in range(60):
        optimizer.zero_grad()
        terms = learner(batch, stream(0, "step", step % 4))
        terms["loss"].backward()
        optimizer.step()
        learner.after_step(step, 60)
        history.append({name: float(value.detach()) for name, value in terms.items()})
    for name in ("loss", "reconstruction", "cross_modal", "mae_sra"):
        assert sum(h[name] for h in history[-4:]) < 0.7 * sum(h[name] for h in history[:4]), name


def test_paper_preset_builds_and_steps():
    preset = load_preset("paper", ["optimizer.batch_size=2"])
    learner = PretrainLearner(build_point_sra(preset, point_sra_sizes(preset, 12, 10)), preset)
    batch = _batch(2, 1024)
    terms = learner(batch, stream(0, "step", 0))
    terms["loss"].backward()
    assert set(TERMS) <= set(terms)
    assert all(bool(p.grad.isfinite().all()) for p in learner.network.parameters() if p.grad is not None)


def test_run_folder_is_complete(tiny_run):
    names = {"preset.toml", "metrics.jsonl", "last.ckpt", "model.safetensors", "model.json", "log.txt"}
    assert names <= {path.name for path in tiny_run.iterdir()}
    records = [json.loads(line) for line in (tiny_run / "metrics.jsonl").read_text().splitlines()]
    assert records
    for record in records:
        assert {"step", "epoch", "loss", "lr", "clouds_per_second", *TERMS} <= set(record)
    weights = load_weights(tiny_run)
    assert weights.description.kind == "point_sra"
    assert float(weights.tensors["center_scale"]) != 1.0
    assert not any(name.startswith("teacher") for name in weights.tensors)


def _tensors(run):
    return load_weights(run).tensors


def _same(first, second):
    one, two = _tensors(first), _tensors(second)
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def _records(run):
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "clouds_per_second"} for line in lines]


def test_same_seed_same_run_and_other_seed_another(tiny_run, tiny_preset, shapes_root, tmp_path):
    pretrain(tiny_preset, shapes_root, tmp_path / "again", device=CPU)
    assert _same(tiny_run, tmp_path / "again")
    assert _records(tiny_run) == _records(tmp_path / "again")
    pretrain(load_preset("quickstart", TINY, seed=1), shapes_root, tmp_path / "other", device=CPU)
    assert not _same(tiny_run, tmp_path / "other")


CHILD = """
import sys, torch
from pathlib import Path
from pointsra.settings import load_preset
from pointsra.training.pretrain import pretrain
torch.set_num_threads(1)
preset = load_preset(sys.argv[1])
pretrain(preset, Path(sys.argv[2]), Path(sys.argv[3]), device=torch.device("cpu"), resume=sys.argv[4] == "resume",
         report=lambda progress: print(progress.done, flush=True))
"""


def _child(tiny_run, root, run, mode):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tiny_run / "preset.toml"), str(root), str(run), mode],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("kill_after", [2, 8])
def test_killed_run_resumes_to_the_bit(tiny_run, tiny_preset, shapes_root, tmp_path, kill_after):
    run = tmp_path / "killed"
    process = _child(tiny_run, shapes_root, run, "fresh")
    for line in process.stdout:
        if int(line) >= kill_after:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (run / "model.safetensors").exists()
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 9999, "torn')  # half a record, as a kill may leave it
    pretrain(tiny_preset, shapes_root, run, device=CPU, resume=True)
    assert _same(tiny_run, run)
    assert _records(tiny_run) == _records(run)


def test_sigterm_saves_and_says_how_to_go_on(tiny_run, tiny_preset, shapes_root, tmp_path):
    run = tmp_path / "stopped"
    process = _child(tiny_run, shapes_root, run, "fresh")
    assert int(process.stdout.readline()) == 0
    while not (run / "metrics.jsonl").exists():
        time.sleep(0.01)
        assert process.poll() is None
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert (run / "last.ckpt").exists()
    assert "stopped on request" in (run / "log.txt").read_text()
    pretrain(tiny_preset, shapes_root, run, device=CPU, resume=True)
    assert _same(tiny_run, run)


def test_resume_of_a_finished_run_changes_nothing(tiny_run, tiny_preset, shapes_root):
    before = (tiny_run / "model.safetensors").read_bytes()
    pretrain(tiny_preset, shapes_root, tiny_run, device=CPU, resume=True)
    assert (tiny_run / "model.safetensors").read_bytes() == before


def test_two_processes_never_train_in_one_folder(tiny_run, tiny_preset, shapes_root, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    leftover = run / ".last.ckpt.partial-1"
    leftover.touch()
    with alone_in(run):
        with pytest.raises(SettingsError, match="another process trains there; let it finish, or stop it first"):
            pretrain(tiny_preset, shapes_root, run, device=CPU, resume=True)
        assert leftover.exists()  # it may be what the other is writing
    pretrain(tiny_preset, shapes_root, run, device=CPU, resume=True)
    assert not leftover.exists()


def test_damaged_checkpoint_is_named(tiny_run, tiny_preset, shapes_root, tmp_path):
    run = tmp_path / "damaged"
    run.mkdir()
    data = (tiny_run / "last.ckpt").read_bytes()
    (run / "last.ckpt").write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match=r"last\.ckpt is damaged"):
        pretrain(tiny_preset, shapes_root, run, device=CPU, resume=True)
    (run / "last.ckpt").write_bytes(data)
    other = load_preset("quickstart", (*TINY, "optimizer.lr=0.1"))
    with pytest.raises(CheckpointError, match="another preset"):
        pretrain(other, shapes_root, run, device=CPU, resume=True)


def test_diverging_run_stops_with_a_reason(shapes_root, tmp_path, monkeypatch):
    monkeypatch.setattr(PretrainLearner, "forward", lambda self, batch, generator: {"loss": torch.tensor(float("nan"))})
    preset = load_preset("quickstart", (*TINY, "runtime.skip_limit=3", "losses.mae_sra=0"))
    with pytest.raises(WorkFailedError, match="not finite for 3 steps"):
        pretrain(preset, shapes_root, tmp_path / "run", device=CPU)


def test_missing_data_is_named_before_anything_is_written(tiny_preset, tmp_path):
    with pytest.raises(DataError, match="prepare-data shapes"):
        plan_pretrain(tiny_preset, tmp_path)
    with pytest.raises(DataError):
        pretrain(tiny_preset, tmp_path, tmp_path / "run", device=CPU)
    assert not (tmp_path / "run").exists()


def test_a_step_that_is_not_finite_changes_nothing(tiny_preset):
    learner = _learner()
    optimizer = adamw(parameter_groups(learner.network.named_parameters(), 0.05), 0.999)
    plan = build_plan(tiny_preset.optimizer, tiny_preset.runtime, 0, 10)
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    batch = _batch()
    batch.points[0, 0] = float("nan")
    assert take_step(learner.train(), optimizer, batch, plan, 0) is None
    assert all(torch.equal(value, before[name]) for name, value in learner.state_dict().items())


def test_a_flow_that_learns_nothing_is_not_kept():
    assert _learner("losses.mean_flow=0", "losses.mft_sra=0").network.flow is None


def test_a_missing_validation_split_is_found_before_the_work(tiny_preset, shapes_root, tmp_path):
    data = tiny_preset.data.model_copy(update={"validation_split": "nope"})
    preset = tiny_preset.model_copy(update={"data": data})
    with pytest.raises(DataError, match="nope"):
        pretrain(preset, shapes_root, tmp_path / "run", device=torch.device("cpu"))
    assert not (tmp_path / "run").exists()


def test_weights_are_as_readable_as_the_files_beside_them(tiny_run):
    modes = {(tiny_run / name).stat().st_mode for name in ("model.safetensors", "model.json", "last.ckpt")}
    assert len(modes) == 1


def test_a_run_from_weights_starts_where_they_stand(tiny_run, tiny_preset, shapes_root, tmp_path):
    """With nothing learned in between, student, averaged flow and scale are those of the weights, to the bit."""
    still = tiny_preset.model_copy(
        update={
            "optimizer": tiny_preset.optimizer.model_copy(update={"epochs": 1, "lr": 0.0, "min_lr": 0.0}),
            "augment": tiny_preset.augment.model_copy(update={"scale_low": 0.5, "scale_high": 0.5}),
        }
    )
    run = tmp_path / "on"
    pretrain(still, shapes_root, run, device=CPU, init=tiny_run)
    before, after = load_weights(tiny_run).tensors, load_weights(run).tensors
    assert before.keys() == after.keys()
    for name, value in before.items():
        # Statistics of batch norm are measured, not learned; the averaged flow is a rounded mean of equal numbers.
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            torch.testing.assert_close(after[name], value, msg=name)
    assert "from the weights" in (run / "log.txt").read_text()


def test_a_run_from_weights_that_was_killed_before_it_saved_starts_from_them_again(
    tiny_run, tiny_preset, shapes_root, tmp_path
):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    pretrain(tiny_preset, shapes_root, whole, device=CPU, init=tiny_run)
    pretrain(tiny_preset, shapes_root, killed, device=CPU, init=tiny_run)
    for name in ("last.ckpt", "metrics.jsonl", "validation.jsonl", "model.safetensors", "model.json"):
        (killed / name).unlink(missing_ok=True)
    pretrain(tiny_preset, shapes_root, killed, device=CPU, resume=True)
    one, other = load_weights(whole).tensors, load_weights(killed).tensors
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_weights_of_other_sizes_are_refused_with_what_differs(tiny_run, tiny_preset, shapes_root, tmp_path):
    wider = tiny_preset.model_copy(
        update={"flow": tiny_preset.flow.model_copy(update={"depth": 1 + tiny_preset.flow.depth})}
    )
    with pytest.raises(CheckpointError, match="flow_depth"):
        pretrain(wider, shapes_root, tmp_path / "run", device=CPU, init=tiny_run)
    assert not (tmp_path / "run").exists()


def test_weights_whose_flow_learned_something_else_are_refused(tiny_run, tiny_preset, shapes_root, tmp_path):
    changes = {"objective": "rectified_flow"}
    other = tiny_preset.model_copy(update={"flow": tiny_preset.flow.model_copy(update=changes)})
    with pytest.raises(CheckpointError, match=r"flow.objective is meanflow, the preset's rectified_flow"):
        plan_pretrain(other, shapes_root, tiny_run)


def test_weights_that_know_other_features_than_the_data_set_has_are_refused_with_where_they_are(tiny_run, tiny_preset):
    learner = PretrainLearner(build_point_sra(tiny_preset, point_sra_sizes(tiny_preset, 0, 0)), tiny_preset)
    with pytest.raises(CheckpointError, match=r"image_dim \d+ \(here 0\).*data set's features"):
        start_from(learner, load_weights(tiny_run))


def test_weights_that_know_another_encoders_features_are_refused(tiny_run, tiny_preset):
    weights = load_weights(tiny_run)
    sizes = weights.description.sizes
    learner = PretrainLearner(build_point_sra(tiny_preset, sizes), tiny_preset)
    same = weights.description.encoders
    start_from(learner, weights, same)
    with pytest.raises(CheckpointError, match=r"its text features are of .*, the data set's of other"):
        start_from(learner, weights, same | {"text": {"name": "other", "version": "1"}})


def test_a_run_killed_before_its_first_step_already_knows_its_weights(
    tiny_run, tiny_preset, shapes_root, tmp_path, monkeypatch
):
    """Whatever has a preset.toml can be resumed, so it must not do so from random weights."""

    def killed(run, *_, **__):
        assert began_with(run, None) == tiny_run.resolve()
        raise KeyboardInterrupt

    monkeypatch.setattr("pointsra.training.pretrain.start_run_folder", killed)
    with pytest.raises(KeyboardInterrupt):
        pretrain(tiny_preset, shapes_root, tmp_path / "run", device=CPU, init=tiny_run)


def test_a_run_remembers_where_its_data_lies_and_says_when_that_folder_is_gone(tmp_path, monkeypatch):
    monkeypatch.delenv("POINTSRA_DATA", raising=False)
    (run := tmp_path / "run").mkdir()
    (root := tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    assert remembered_data(None) is None and remembered_data(run) is None
    remember_source(run, None, Path("data"))
    monkeypatch.chdir(run)
    assert remembered_data(run) == root.resolve() and began_with(run, tmp_path) is None
    root.rmdir()
    with pytest.raises(DataError, match="no longer there; say with --data"):
        remembered_data(run)
    (run / "data").mkdir()  # the usual place, of which nothing says that it holds the same
    with pytest.raises(DataError, match="no longer there; say with --data"):
        remembered_data(run)
    (run / SOURCE_NAME).write_text('{"init": null}')  # of an older version
    assert remembered_data(run) is None
    (run / SOURCE_NAME).write_text("{")
    assert remembered_data(run) is None


def test_a_peers_pre_training_does_not_start_from_weights(tiny_run, shapes_root, tmp_path):
    preset = load_preset("point-mae", ["data.dataset=shapes", "optimizer.batch_size=4", "patches.points=64"])
    with pytest.raises(SettingsError, match="point-sra"):
        plan_pretrain(preset, shapes_root, tiny_run)
