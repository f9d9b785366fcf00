"""The two pre-training steps that are compared: ours with every term, and the Point-MAE family's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from benchmarks import point_mae_form
from pointsra.data.loaders import Batch
from pointsra.ops.randomness import stream
from pointsra.settings import PretrainPreset, load_preset
from pointsra.training.assembly import build_point_sra, point_sra_sizes
from pointsra.training.optimizer import build_optimizer, set_learning_rate
from pointsra.training.pretrain_learner import PretrainLearner

FEATURES = 512
"""Width of image and text features, as CLIP's."""
_TOTAL = 10_000  # steps of the imagined run; the teacher's momentum follows from it


def clouds(batch: int, points: int, device: torch.device) -> Tensor:
    """(B, N, 3) on ellipsoids, in the unit frame."""
    generator = stream(0, "speed", batch)
    directions = torch.randn(batch, points, 3, generator=generator)
    axes = 0.3 + 0.7 * torch.rand(batch, 1, 3, generator=generator)
    return (directions / directions.norm(dim=-1, keepdim=True) * axes).to(device)


def our_step(overrides: Sequence[str], batch: int, device: torch.device, bf16: bool = False) -> Callable[[], float]:
    """A function that takes one whole step of ``paper``: draws, masks, all five terms, backward, AdamW, averages."""
    preset = load_preset("paper", list(overrides))
    assert isinstance(preset, PretrainPreset)
    learner = PretrainLearner(build_point_sra(preset, point_sra_sizes(preset, FEATURES, FEATURES)), preset).to(device)
    if preset.runtime.compile:
        learner.compile()
    learner.train()
    settings = preset.optimizer
    optimizer = build_optimizer(settings.name, learner.network, settings.weight_decay, settings.beta2)
    set_learning_rate(optimizer, settings.lr)
    features = torch.randn(2, batch, FEATURES, generator=stream(0, "speed features")).to(device)
    labels = torch.zeros(batch, dtype=torch.int64, device=device)
    given = Batch(clouds(batch, preset.patches.points, device), labels, features[0], features[1])
    number = 0

    def step() -> float:
        nonlocal number
        optimizer.zero_grad(set_to_none=True)
        former = [buffer.clone() for buffer in learner.buffers()]  # as the training loop, which can take a step back
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            loss = learner(given, stream(preset.seed, "step", number))["loss"]
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(list(learner.network.parameters()), float("inf"))
        assert former and bool(norm.isfinite())
        optimizer.step()
        number += 1
        learner.after_step(number, _TOTAL)
        return loss.item()

    return step


def their_step(
    sizes: point_mae_form.Sizes,
    points: int,
    batch: int,
    device: torch.device,
    bf16: bool = False,
    compiled: bool = False,
) -> Callable[[], float]:
    """A function that takes one step as the Point-MAE family does; ``compiled`` compiles what follows the patches."""
    model = point_mae_form.PointMae(sizes).to(device).train()
    if compiled:
        model.loss = torch.compile(model.loss)  # type: ignore[method-assign]
    optimizer = point_mae_form.build_optimizer(model)
    given = clouds(batch, points, device)

    def step() -> float:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            return point_mae_form.step(model, optimizer, given)

    return step
