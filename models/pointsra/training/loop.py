"""The loop that every task shares.

:func:`carry_out` goes from a position to the end of the plan: batches, forward, backward, step, averages,
records, checkpoints. A task brings a :class:`Learner` and says what happens after an epoch. The order of
events in one step is fixed and everything random comes from ``stream(seed, "step", number)``; therefore a run
that is killed and resumed equals, bit for bit on one CPU, the run that was not.
"""

from __future__ import annotations

import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch
from torch import nn

from pointsra.data.loaders import Batch
from pointsra.errors import PointSRAError, WorkFailedError
from pointsra.networks.batch_norm import spread_momentum
from pointsra.progress import Progress, Report
from pointsra.training.checkpoint import Position, save_checkpoint
from pointsra.training.distributed import ALONE, Group
from pointsra.training.journal import Journal
from pointsra.training.optimizer import Steps, learning_rate, set_learning_rate
from pointsra.training.run_data import RunData
from pointsra.training.step import Learner, Plan, check_parts, take_step


class RunStopped(PointSRAError):
    """The run was asked to stop; it saved its state and can be resumed."""

    exit_code = 130


@dataclass
class Run:
    """A run on its way: where it writes, how far it is, what it learns from, who is told, and who works at it."""

    folder: Path
    position: Position
    preset_text: str
    data: RunData
    report: Report
    verb: str
    group: Group = ALONE

    def save(self, learner: nn.Module, optimizer: Steps) -> None:
        """Write the checkpoint of this position; rank 0 does."""
        if self.group.first:
            save_checkpoint(self.folder, self.position, learner, optimizer, self.preset_text, self.data)


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
        batches: ``batches(epoch, first)`` gives this process's part of the epoch's batches from number ``first`` on.
        after_epoch: called with the number of a finished epoch, after its last step and before it is saved, by every
            process.

    Raises:
        RunStopped: SIGINT or SIGTERM came; the state is saved.
        WorkFailedError: the loss stayed non-finite for ``plan.skip_limit`` steps.
        SettingsError: a batch has fewer clouds than there are parts.
    """
    group, position = run.group, run.position
    journal = Journal(run.folder, writes=group.first)
    check_parts(plan, group)
    if plan.micro_batches > 1:
        spread_momentum(learner, plan.micro_batches)
    model = group.wrap(learner)
    last_time, last_step = time.perf_counter(), position.step
    with _stop_requests(at_once=group.size == 1) as stop_asked:
        while position.step < plan.total:
            epoch, first = divmod(position.step, plan.steps_per_epoch)
            for batch in batches(epoch, first):
                model.train()
                rate = learning_rate(position.step, plan.total, plan.warmup, plan.peak, plan.floor)
                set_learning_rate(optimizer, rate)
                terms = take_step(model, optimizer, batch.to(device), plan, position.step, group)
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
                if terms is not None:
                    learner.after_step(position.step, plan.total)
                if position.step % plan.log_every == 0 or position.step == plan.total:
                    now = time.perf_counter()
                    clouds = plan.batch_size or len(batch)
                    speed = (position.step - last_step) * clouds / max(now - last_time, 1e-9)
                    last_time, last_step = now, position.step
                    _write_record(run, plan, journal, epoch, rate, speed)
                if position.step % plan.steps_per_epoch == 0:
                    paused = time.perf_counter()
                    after_epoch(epoch)
                    last_time += time.perf_counter() - paused  # what follows an epoch is not training
                if position.step % plan.save_every == 0 or position.step == plan.total:
                    run.save(learner, optimizer)
                # Every process asks, so that all stop at the same step.
                if group.any(stop_asked() or group.orphaned) and position.step < plan.total:
                    run.save(learner, optimizer)
                    journal.say(f"stopped on request at step {position.step}")
                    raise RunStopped(
                        f"Stopped at step {position.step} of {plan.total}; go on with "
                        f"`pointsra {run.verb} --resume {shlex.quote(str(run.folder))}{group.options}`."
                    )


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
def _stop_requests(at_once: bool) -> Iterator[Callable[[], bool]]:
    """Turn SIGINT and SIGTERM into a question that the loop asks after each step.

    A second SIGINT acts ``at_once``, but where others would be left waiting.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def note(number: int, frame: FrameType | None) -> None:
        if asked.is_set() and number == signal.SIGINT and at_once:
            raise KeyboardInterrupt
        asked.set()

    former = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
