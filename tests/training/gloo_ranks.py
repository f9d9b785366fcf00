"""What ``test_distributed`` computes in one process and in several: steps of learners, and what they leave behind.

As a script it is one rank: ``python gloo_ranks.py RANK SIZE MEETING RESULT``, two files to meet at and to write.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from pointsra.data.loaders import Batch
from pointsra.networks.batch_norm import BatchNorm
from pointsra.ops.batch_parts import part_stream
from pointsra.ops.randomness import stream
from pointsra.settings import load_preset
from pointsra.training.assembly import build_plan, point_sra_sizes
from pointsra.training.classification_learner import ClassificationLearner
from pointsra.training.classifiers import build_classifier, training_times
from pointsra.training.distributed import Group
from pointsra.training.methods import assemble
from pointsra.training.optimizer import adamw, parameter_groups, set_learning_rate
from pointsra.training.step import take_step

TINY = (
    "patches.points=128",
    "patches.groups=16",
    "patches.size=8",
    "encoder.dim=24",
    "encoder.depth=2",
    "encoder.heads=2",
    "encoder.patch_widths=[8, 16, 24]",
    "decoder.depth=1",
    "decoder.heads=2",
    "flow.dim=24",
    "flow.depth=2",
    "flow.heads=2",
)
HARDEST = (
    "flow.error_frame=whole",  # divides by the mean unit of the batch
    "flow.draws=2",
    "losses.energy=1",
    "losses.points=1",
    "losses.points_energy=1",
    "flow.all_dropout=0.3",  # rows with more slots of state than others
    "flow.adaptive_power=0.5",
    "flow.error_limit=0.3",  # binding: below the error of most clouds
    "encoder.drop_path=0.3",
    "decoder.center_jitter=0.02",
    "masks.sealed=true",
    "masks.hidden=cells",
    "flow.order=cells",
    "flow.noise=tree",
)
CLOUDS = 7  # no multiple of the ranks


def batch():
    """CLOUDS clouds in four parts, some of them without an image or a text."""
    generator = stream(0, "test")
    points = torch.rand(CLOUDS, 128, 3, generator=generator) - 0.5
    image = torch.randn(CLOUDS, 12, generator=generator)
    image[::3] = float("nan")
    text = torch.randn(CLOUDS, 10, generator=generator)
    text[1] = float("nan")
    parts = (4 * (points[..., 1] + 0.5)).to(torch.uint8)
    return Batch(points, torch.arange(CLOUDS) % 3, image, text, parts)


def awake(learner):
    """Move every parameter off its initial zero, so that no gradient is zero only because of it."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in learner.network.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return learner


def pretraining(*overrides):
    preset = load_preset("quickstart", (*TINY, *HARDEST, *overrides), task="pretrain")
    return preset, awake(assemble(preset, 12, 10).learner)


def finetuning():
    small = [field for field in TINY if field.startswith("patches")]
    preset = load_preset(
        "shapes-classification", [*small, "gate.state=noised", "encoder.drop_path=0.3"], task="finetune"
    )
    sizes = point_sra_sizes(load_preset("quickstart", TINY, task="pretrain"), 0, 0)
    classifier = build_classifier(sizes, 3, preset, {"order": "morton", "objective": "meanflow"})
    return preset, awake(ClassificationLearner(classifier, preset, training_times(None)))


def steps(preset, learner, group: Group, *, count=1, micro_batches=1, still=False, broken_row=None):
    """Take steps and tell what there is then: gradients and terms of the last one, and every tensor of the learner."""
    plan = build_plan(preset.optimizer, preset.runtime, 0, 10, CLOUDS)
    plan = replace(plan, micro_batches=micro_batches, clip=0.0)
    optimizer = adamw(parameter_groups(learner.network.named_parameters(), 0.05), 0.9)
    set_learning_rate(optimizer, 1e-3)
    model = group.wrap(learner)
    for number in range(count):
        model.train()
        for layer in model.modules():
            if still and isinstance(layer, BatchNorm):
                layer.train(False)
        whole = batch()
        if broken_row is not None and number == 0:
            whole.points[broken_row] = float("nan")
        terms = take_step(model, optimizer, whole.rows(slice(group.rank, None, group.size)), plan, number, group)
        learner.after_step(number + 1, 10)
    gradients = {name: value.grad for name, value in learner.network.named_parameters() if value.grad is not None}
    return {"terms": terms, "gradients": gradients, "state": learner.state_dict()}


CASES = {
    "pretrain": lambda group: steps(*pretraining(), group),
    "a row that is not finite": lambda group: steps(*pretraining(), group, count=2, broken_row=3),
    "micro-batches": lambda group: steps(*pretraining(), group, micro_batches=2, still=True),
    "idle parameters": lambda group: steps(*pretraining("losses.reconstruction=0", "losses.mft_sra=0"), group),
    "scans": lambda group: steps(
        *pretraining("masks.block_share=0", "masks.view_share=0", "masks.scan_share=1"), group
    ),
    "parts": lambda group: steps(
        *pretraining("masks.block_share=0", "masks.view_share=0", "masks.part_share=1", "flow.alpha=0.1"), group
    ),
    "finetune": lambda group: steps(*finetuning(), group),
}
NAMES = tuple(CASES)


def cases(group: Group):
    """Everything that is compared between one process and several."""
    return {name: compute(group) for name, compute in CASES.items()}


class _WithBuffer(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, values):
        return self.layer(values)


def traps(group: Group):
    """What goes wrong where a JVP or a loss is asked past the wrapper."""
    _, learner = pretraining()
    wrapped = group.wrap(learner).train()
    mine = batch().rows(slice(group.rank, None, group.size))

    def asked(called):
        learner.zero_grad(set_to_none=True)
        place = {"part": group.rank, "parts": group.size, "total": CLOUDS, "add_up": group.add_up}
        called(mine, part_stream(0, "step", 0, **place))["loss"].backward()
        return learner.network.decoder.points.weight.grad.clone()

    found = {"through the wrapper": asked(wrapped), "past the wrapper": asked(wrapped.module)}
    plain = DistributedDataParallel(_WithBuffer())
    try:
        torch.func.jvp(plain, (torch.ones(1, 2),), (torch.ones(1, 2),))
    except RuntimeError as error:
        found["jvp of the wrapper"] = str(error)
    return found


if __name__ == "__main__":
    rank, size, meeting, result = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    group = Group(rank, size)
    torch.save({"cases": cases(group), "traps": traps(group)}, result)
    dist.destroy_process_group()
