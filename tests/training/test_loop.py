"""The loop: what a step that is left out leaves alone, that a run which had one resumes to the bit, and full disks."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from pointsra.data.loaders import Batch
from pointsra.errors import OutputError
from pointsra.ops.randomness import stream
from pointsra.progress import silent
from pointsra.settings import load_preset
from pointsra.training import loop
from pointsra.training.assembly import build_plan, build_point_sra, point_sra_sizes
from pointsra.training.checkpoint import CHECKPOINT_NAME, Position, save_checkpoint
from pointsra.training.loop import Run, RunStopped, carry_out
from pointsra.training.optimizer import adamw, parameter_groups
from pointsra.training.pretrain import pretrain
from pointsra.training.pretrain_learner import PretrainLearner
from pointsra.training.run_data import RunData
from pointsra.training.weights import load_weights
from tests.conftest import TINY

CPU = torch.device("cpu")


def test_a_step_that_is_left_out_moves_neither_teacher_nor_averaged_flow(tmp_path):
    preset = load_preset("quickstart", TINY)
    learner = PretrainLearner(build_point_sra(preset, point_sra_sizes(preset, 0, 0)), preset)
    optimizer = adamw(parameter_groups(learner.network.named_parameters(), 0.05), 0.999)
    plan = replace(build_plan(preset.optimizer, preset.runtime, 0, 4, 8), epochs=1, peak=0.01, floor=0.01)
    points = torch.rand(8, 256, 3, generator=stream(0, "test")) - 0.5
    good = Batch(points, torch.zeros(8, dtype=torch.int64))
    states, asked = [], []

    def batches(epoch, first):
        for batch in (good, replace(good, points=points * float("nan")), good, good):
            states.append({name: value.clone() for name, value in learner.state_dict().items()})
            yield batch

    follow = learner.after_step
    learner.after_step = lambda step, total: (asked.append((step, total)), follow(step, total))
    run = Run(tmp_path, Position(), "", RunData(tmp_path, {}), silent, "pretrain")
    carry_out(run, plan, learner, optimizer, batches, CPU)
    _, before, after, later = states
    assert [name for name, value in before.items() if not torch.equal(value, after[name])] == []
    for part in ("network.", "teacher.", "flow_average."):
        assert any(not torch.equal(later[name], after[name]) for name in after if name.startswith(part)), part
    assert asked == [(1, 4), (3, 4), (4, 4)] and (run.position.step, run.position.skipped) == (4, 1)


@pytest.mark.parametrize("stopped", [3, 4])
def test_a_run_with_a_step_left_out_resumes_to_the_bit(tiny_preset, shapes_root, tmp_path, monkeypatch, stopped):
    """Stopped right after such a step, and one later; checkpoints stand at every third step."""
    take_step = loop.take_step

    def one_left_out(model, optimizer, batch, plan, number, group):
        if number == stopping:
            raise RunStopped("stop here")
        return None if number == 2 else take_step(model, optimizer, batch, plan, number, group)

    monkeypatch.setattr(loop, "take_step", one_left_out)
    stopping = None
    pretrain(tiny_preset, shapes_root, tmp_path / "whole", device=CPU)
    stopping = stopped
    with pytest.raises(RunStopped):
        pretrain(tiny_preset, shapes_root, tmp_path / "cut", device=CPU)
    stopping = None
    pretrain(tiny_preset, shapes_root, tmp_path / "cut", device=CPU, resume=True)
    whole, cut = load_weights(tmp_path / "whole"), load_weights(tmp_path / "cut")
    assert whole.description.step == cut.description.step
    assert all(torch.equal(value, cut.tensors[name]) for name, value in whole.tensors.items())
    records = [(tmp_path / name / "metrics.jsonl").read_text().splitlines() for name in ("whole", "cut")]
    assert [json.loads(line)["skipped"] for line in records[0][1:]] == [1] * (len(records[0]) - 1)
    steps = [[(json.loads(line)["step"], json.loads(line)["loss"]) for line in each] for each in records]
    assert steps[0] == steps[1]


def test_a_checkpoint_without_room_is_a_sentence_and_leaves_the_former(tmp_path, little_space):
    learner = nn.Linear(100, 100)
    optimizer = adamw(parameter_groups(learner.named_parameters(), 0.05), 0.999)
    rest = (learner, optimizer, "", RunData(tmp_path, {}))
    save_checkpoint(tmp_path, Position(step=1), *rest)
    before = (tmp_path / CHECKPOINT_NAME).read_bytes()
    with little_space(), pytest.raises(OutputError, match=CHECKPOINT_NAME):
        save_checkpoint(tmp_path, Position(step=2), *rest)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(CHECKPOINT_NAME, before)]
