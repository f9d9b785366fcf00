"""The loop that every task shares.

:func:`carry_out` goes from a position to the end of the plan: batches, forward, backward, step, averages,
records, checkpoints. A task brings a :class:`Learner` and says what happens after an epoch. The order of
events in one step is fixed and everything random comes from ``stream(seed, "step", number)``; therefore a run
that is killed and resumed equals, bit for bit on one CPU, the run that was not.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor, nn

from pointsra.data.loaders import Batch
from pointsra.errors import PointSRAError, WorkFailedError
from pointsra.ops.randomness import stream
from pointsra.progress import Progress, Report
from pointsra.training.checkpoint import Position, save_checkpoint
from pointsra.training.journal import Journal
from pointsra.training.optimizer import Steps, learning_rate, set_learning_rate


class RunStopped(PointSRAError):
    """The run was asked to stop; it saved its state and can be resumed."""

    exit_code = 130


class Learner(nn.Module):
    """What a task optimizes: one module whose forward computes the whole loss of a batch."""

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The terms of a batch by name; ``loss`` is the one that is minimized."""
        raise NotImplementedError

    def after_step(self, step: int, total: int) -> None:
        """Called after every optimizer step (averages follow here)."""


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

    @property
    def total(self) -> int:
        """Steps in all."""
        return self.epochs * self.steps_per_epoch


@dataclass
class Run:
    """A run on its way: where it writes, how far it is, and who is told."""

    folder: Path
    position: Position
    preset_text: str
    report: Report
    verb: str

    def save(self, learner: nn.Module, optimizer: Steps) -> None:
        """Write the checkpoint of this position."""
        save_checkpoint(self.folder, self.position, learner, optimizer, self.preset_text)


def carry_out(
    run: Run,
    plan: Plan,
    learner: Learner,
    optimizer: Steps,
    batches: Callable[[int, int], Iterator[Batch]],
    device: torch.device,
    after_epoch: Callable[[int], None] = lambda epoch: None,
) -> None:
    """Train from ``run.position`` to the end of the plan.

    Args:
        batches: ``batches(epoch, first)`` gives the epoch's batches from number ``first`` on.
        after_epoch: called with the number of a finished epoch, after its last step and before it is saved.

    Raises:
        RunStopped: SIGINT or SIGTERM came; the state is saved.
        WorkFailedError: the loss stayed non-finite for ``plan.skip_limit`` steps.
    """
    journal, position = Journal(run.folder), run.position
    last_time, last_step = time.perf_counter(), position.step
    with _stop_requests() as stop_asked:
        while position.step < plan.total:
            epoch, first = divmod(position.step, plan.steps_per_epoch)
            for batch in batches(epoch, first):
                learner.train()
                rate = learning_rate(position.step, plan.total, plan.warmup, plan.peak, plan.floor)
                set_learning_rate(optimizer, rate)
                terms = _step(learner, optimizer, batch.to(device), plan, position.step)
                if terms is None:
                    position.skipped += 1
                    position.skipped_in_a_row += 1
                    if position.skipped_in_a_row >= plan.skip_limit:
                        raise WorkFailedError(
                            f"The loss was not finite for {position.skipped_in_a_row} steps in a row, up to step "
                            f"{position.step + 1}: "
                            "lower optimizer.lr or set optimizer.clip, and start again."
                        )
                else:
                    position.skipped_in_a_row = 0
                    for name, value in terms.items():
                        position.window[name] = position.window.get(name, 0.0) + value
                    position.window_steps += 1
                position.step += 1
                learner.after_step(position.step, plan.total)
                if position.step % plan.log_every == 0 or position.step == plan.total:
                    now = time.perf_counter()
                    speed = (position.step - last_step) * len(batch) / max(now - last_time, 1e-9)
                    last_time, last_step = now, position.step
                    _write_record(run, plan, journal, epoch, rate, speed)
                if position.step % plan.steps_per_epoch == 0:
                    paused = time.perf_counter()
                    after_epoch(epoch)
                    last_time += time.perf_counter() - paused  # what follows an epoch is not training
                if position.step % plan.save_every == 0 or position.step == plan.total:
                    run.save(learner, optimizer)
                if stop_asked() and position.step < plan.total:
                    run.save(learner, optimizer)
                    journal.say(f"stopped on request at step {position.step}")
                    raise RunStopped(
                        f"Stopped at step {position.step} of {plan.total}; go on with "
                        f"`pointsra {run.verb} --resume {run.folder}`."
                    )


def _step(learner: Learner, optimizer: Steps, batch: Batch, plan: Plan, number: int) -> dict[str, float] | None:
    """One optimizer step; None where a number was not finite and nothing was changed."""
    optimizer.zero_grad(set_to_none=True)
    device = batch.points.device
    former = [buffer.clone() for buffer in learner.buffers()]  # a forward pass moves the statistics of batch norm
    reduced = plan.precision == "bf16" or (plan.precision == "auto" and device.type == "cuda")
    with torch.autocast(device.type, torch.bfloat16, enabled=reduced):
        terms = learner(batch, stream(plan.seed, "step", number))
    values = dict(zip(terms, torch.stack([term.detach().float() for term in terms.values()]).tolist(), strict=True))
    if not all(abs(value) < float("inf") for value in values.values()):
        _restore_buffers(learner, former)
        return None
    terms["loss"].backward()
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    norm = nn.utils.clip_grad_norm_(trained, plan.clip or float("inf"))
    if not bool(torch.isfinite(norm)):
        _restore_buffers(learner, former)
        return None
    optimizer.step()
    return values


@torch.no_grad()
def _restore_buffers(learner: Learner, former: list[Tensor]) -> None:
    for buffer, value in zip(learner.buffers(), former, strict=True):
        buffer.copy_(value)


def _write_record(run: Run, plan: Plan, journal: Journal, epoch: int, rate: float, speed: float) -> None:
    position = run.position
    steps = max(1, position.window_steps)
    means = {name: total / steps for name, total in position.window.items()}
    ordered = {"loss": means.pop("loss", float("nan")), **means}
    journal.record(
        {"step": position.step, "epoch": epoch, **ordered, "lr": rate, "clouds_per_second": round(speed, 2)}
        | ({"skipped": position.skipped} if position.skipped else {})
    )
    position.window, position.window_steps = {}, 0
    stage = f"epoch {epoch + 1} of {plan.epochs}"
    run.report(Progress(stage, position.step, plan.total, "steps", ordered | {"clouds/s": round(speed, 1)}))


@contextmanager
def _stop_requests() -> Iterator[Callable[[], bool]]:
    """Turn SIGINT and SIGTERM into a question that the loop asks after each step; a second SIGINT acts at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def note(number: int, frame: FrameType | None) -> None:
        if asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.set()

    former = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
