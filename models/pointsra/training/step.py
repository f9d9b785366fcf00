"""One optimizer step on a batch, whole or in parts.

A batch may be spread over processes (``distributed``), and what a process has of it over micro-batches. Both are parts
in the sense of ``ops/batch_parts``: together they have the gradient of the whole batch, in another order of adding.
Batch norm alone sees less: its statistics are taken over all processes, and over one micro-batch at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from pointsra.data.loaders import Batch
from pointsra.errors import SettingsError
from pointsra.ops.batch_parts import PartStream, part_stream
from pointsra.ops.randomness import stream
from pointsra.training.distributed import ALONE, Group, unshared
from pointsra.training.optimizer import Steps


class Learner(nn.Module):
    """What a task optimizes: one module whose forward computes the whole loss of a batch."""

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The terms of a batch by name; ``loss`` is the one that is minimized.

        Each is a mean over clouds, or multiplied by ``ops/batch_parts.divisor_weights``: the batch may be a part only.
        """
        raise NotImplementedError

    def measure(self, batch: Batch, generator: torch.Generator) -> Tensor | None:
        """What the terms of a batch are divided by besides its number of clouds (k,); None: nothing else.

        It draws from the generator as :meth:`forward` will, and is asked before the micro-batches of a batch.
        """
        return None

    def after_step(self, step: int, total: int) -> None:
        """Called after every optimizer step that was taken (averages follow here).

        Args:
            step: steps behind the run, those that were left out included.
            total: of the whole run.
        """


@dataclass(frozen=True)
class Plan:
    """The numbers of a run.

    Attributes:
        epochs, steps_per_epoch: its length.
        warmup: steps of linear warm-up. peak, floor: learning rates.
        clip: largest gradient norm; 0: none.
        seed: of everything random.
        log_every, save_every: steps between records and between checkpoints.
        skip_limit: non-finite steps in a row after which the run stops.
        precision: "auto" (bf16 on CUDA, fp32 on the CPU), "fp32" or "bf16".
        batch_size: clouds a step, over all processes.
        micro_batches: parts that a process's share of a batch is computed in.
    """

    epochs: int
    steps_per_epoch: int
    warmup: int
    peak: float
    floor: float
    clip: float
    seed: int
    log_every: int
    save_every: int
    skip_limit: int
    precision: str = "auto"
    batch_size: int = 0
    micro_batches: int = 1

    @property
    def total(self) -> int:
        """Steps in all."""
        return self.epochs * self.steps_per_epoch


def check_parts(plan: Plan, group: Group) -> None:
    """Find out before the work that a batch cannot be cut into as many parts as are asked for.

    Raises:
        SettingsError: it has fewer clouds, or leaves batch norm a single one.
    """
    parts = group.size * plan.micro_batches
    if parts > 1 and (parts > plan.batch_size or plan.batch_size < 2 * plan.micro_batches):
        raise SettingsError(
            f"A batch of {plan.batch_size} clouds cannot be computed by {group.size} device(s) in {plan.micro_batches} "
            "micro-batch(es) each: raise optimizer.batch_size, or lower --devices or runtime.micro_batches."
        )


def take_step(
    model: nn.Module, optimizer: Steps, batch: Batch, plan: Plan, number: int, group: Group = ALONE
) -> dict[str, float] | None:
    """One optimizer step; None where a number was not finite and nothing was changed.

    Args:
        model: the learner, wrapped where several processes work at it.
        batch: this process's part of the whole batch.

    Returns:
        The terms of the whole batch.
    """
    optimizer.zero_grad(set_to_none=True)
    device = batch.points.device
    former = [buffer.clone() for buffer in model.buffers()]  # a forward pass moves the statistics of batch norm
    reduced = plan.precision == "bf16" or (plan.precision == "auto" and device.type == "cuda")
    values: dict[str, float] = {}
    parts = _parts(model, batch, plan, number, group)
    for index, (part, generator, share) in enumerate(parts):
        with unshared(model, last=index == len(parts) - 1):
            with torch.autocast(device.type, torch.bfloat16, enabled=reduced):
                terms = model(part, generator)
            means = group.add_up(torch.stack([term.detach().float() for term in terms.values()]) * share)
            for name, value in zip(terms, means.tolist(), strict=True):
                values[name] = values.get(name, 0.0) + value
            if not all(abs(value) < float("inf") for value in values.values()):
                _restore_buffers(model, former)
                optimizer.zero_grad(set_to_none=True)
                return None
            # The wrapper takes the mean over the processes, where the parts' shares of the batch are to be added up.
            factor = share * group.size
            (terms["loss"] if factor == 1.0 else terms["loss"] * factor).backward()
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    norm = nn.utils.clip_grad_norm_(trained, plan.clip or float("inf"))
    if not bool(torch.isfinite(norm)):
        _restore_buffers(model, former)
        return None
    optimizer.step()
    return values


def _parts(
    model: nn.Module, batch: Batch, plan: Plan, number: int, group: Group
) -> list[tuple[Batch, torch.Generator, float]]:
    """What is computed one after another: clouds, their stream, and their share of the whole batch's clouds."""
    count = plan.micro_batches
    if count * group.size == 1:
        return [(batch, stream(plan.seed, "step", number), 1.0)]

    def streams(add_up: Callable[[Tensor], Tensor] | None) -> list[PartStream]:
        places = [group.rank + index * group.size for index in range(count)]
        address, sizes = ("step", number), {"parts": count * group.size, "total": plan.batch_size}
        return [part_stream(plan.seed, *address, part=place, **sizes, add_up=add_up) for place in places]

    pieces = [batch.rows(slice(index, None, count)) for index in range(count)]
    add_up = group.add_up
    if count > 1:  # what others count is not known while one's own part is computed: count first
        learner = cast(Learner, model.module if isinstance(model, DistributedDataParallel) else model)
        with torch.no_grad():
            counts = [learner.measure(*each) for each in zip(pieces, streams(None), strict=True)]
        counted = [each for each in counts if each is not None]
        known = group.add_up(torch.stack(counted).sum(dim=0)) if counted else None
        add_up = None if known is None else lambda own: known
    shares = [len(piece) / plan.batch_size for piece in pieces]
    return list(zip(pieces, streams(add_up), shares, strict=True))


@torch.no_grad()
def _restore_buffers(model: nn.Module, former: list[Tensor]) -> None:
    for buffer, value in zip(model.buffers(), former, strict=True):
        buffer.copy_(value)
