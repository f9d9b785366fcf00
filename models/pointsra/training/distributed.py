"""Training by several processes: the group they form, and what they tell one another.

Each process computes its part of every batch (``ops/batch_parts``) with a learner wrapped once in
DistributedDataParallel. The wrapper's forward is the learner's, which holds the whole loss and its JVP: a JVP on
the module inside would leave gradients unshared without a word, one through the wrapper fails. Batch norm takes its
statistics over all processes, so that together they have the gradient of one.

Tensors that are trained with go over NCCL on CUDA and over gloo on the CPU; small questions (shall we stop?) always
over gloo, which notices a process that died.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from inspect import signature
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from pointsra.errors import DeviceError, WorkFailedError
from pointsra.networks.batch_norm import share_statistics
from pointsra.training.rendezvous import Seat

LAUNCHER = "POINTSRA_LAUNCHER"
"""Environment variable of processes that ``launching`` started: its process id."""
ADVICE = "POINTSRA_OPTIONS"
"""Environment variable: the options to repeat when a run is gone on with, as text."""

_PATIENCE = timedelta(minutes=30)  # the slowest thing one waits for another with: measuring, writing, a slow disk


class LostContact(WorkFailedError):
    """Another process of the run ended or stopped answering."""


@dataclass(frozen=True)
class Group:
    """The processes of a run, seen from one of them.

    Attributes:
        rank, size: its number, and how many there are.
        options: what a message about going on adds to the command.
        launcher: process id of the ``--devices`` that started this process; 0: none.
        store: what the processes share besides.
    """

    rank: int = 0
    size: int = 1
    options: str = ""
    launcher: int = 0
    store: Any = field(default=None, compare=False, repr=False)

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    @property
    def orphaned(self) -> bool:
        """Whether the launcher of this process has gone."""
        return bool(self.launcher) and os.getppid() != self.launcher

    def described(self, device: torch.device) -> str:
        """The devices of the run, for a message."""
        return str(device) if self.size == 1 else f"{self.size} × {device.type}"

    def tells(self) -> bool:
        """Whether this process is the first that has something to say of the run's failure."""
        try:
            return self.store is None or self.store.add("told", 1) == 1
        except RuntimeError:  # the store went with the process that held it
            return True

    def wrap(self, learner: nn.Module) -> nn.Module:
        """The learner as it is to be called in training; all processes start from rank 0's tensors."""
        if self.size == 1:
            return learner
        share_statistics(learner)
        with torch.no_grad():
            for tensor in (*learner.parameters(), *learner.buffers()):
                dist.broadcast(tensor, src=0)
        warnings.filterwarnings("ignore", message="find_unused_parameters=True was specified")
        # Buffers stay equal by their own arithmetic; newer versions of torch have another name for not sending them.
        known = signature(DistributedDataParallel).parameters
        sending = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
        # Which parameters a loss reaches depends on the preset.
        options: dict[str, Any] = {"find_unused_parameters": True, sending: False}
        return DistributedDataParallel(learner, **options)

    def add_up(self, values: Tensor) -> Tensor:
        """The sum of a tensor over the processes, without gradient."""
        if self.size == 1:
            return values
        values = values.detach().clone()
        dist.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in some process."""
        if self.size == 1:
            return flag
        raised = torch.tensor([float(flag)])
        dist.all_reduce(raised, dist.ReduceOp.MAX)
        return bool(raised.item())

    def gather(self, value: Any) -> list[Any]:
        """What every process has, in the order of their ranks; plain Python values."""
        if self.size == 1:
            return [value]
        every: list[Any] = [None] * self.size
        dist.all_gather_object(every, value)
        return every

    def from_first(self, value: Any) -> Any:
        """What rank 0 has; a plain Python value."""
        return self.gather(value if self.first else None)[0]


ALONE = Group()
"""A run in this process only."""


def unshared(learner: nn.Module, last: bool) -> AbstractContextManager[None]:
    """Around forward and backward of a micro-batch: gradients are exchanged with the last one only."""
    if last or not isinstance(learner, DistributedDataParallel):
        return nullcontext()
    return learner.no_sync()


def device_of(seat: Seat, asked: str) -> torch.device:
    """The device of a process: its own number on its machine.

    Args:
        seat: of the process.
        asked: ``--device``: auto, cpu or cuda.

    Raises:
        DeviceError: a single device was named, or there are fewer devices than processes.
    """
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if asked == "cpu" or (asked == "auto" and not there):
        return torch.device("cpu")
    if asked not in ("auto", "cuda"):
        raise DeviceError(
            f"--device {asked} names one device and this run has {seat.size} processes: write cuda or cpu."
        )
    number = 0 if seat.bound and there == 1 else seat.local_rank
    if number >= there:
        raise DeviceError(
            f"Process {seat.local_rank + 1} of this machine finds {there} CUDA device(s): start as many as there are."
        )
    return torch.device("cuda", number)


@contextmanager
def joined(seat: Seat, device: torch.device) -> Iterator[Group]:
    """Join the processes of a run, and leave them.

    Raises:
        LostContact: they were not to be found, or one was lost on the way.
    """
    kind = "gloo" if device.type == "cpu" else "cpu:gloo,cuda:nccl"
    if device.type == "cuda":
        torch.cuda.set_device(device)
    with lost_contact("joining the other processes"):
        place = f"tcp://{seat.address}:{seat.port}"
        store, rank, size = next(dist.rendezvous(place, seat.rank, seat.size, timeout=_PATIENCE))
        dist.init_process_group(kind, store=store, rank=rank, world_size=size, timeout=_PATIENCE)
    group = Group(rank, size, os.environ.get(ADVICE, ""), int(os.environ.get(LAUNCHER, "0")), store)
    with lost_contact("training"):
        yield group
        # Only after good work: leaving in good order would wait for a process that is no more.
        dist.destroy_process_group()


@contextmanager
def lost_contact(doing: str) -> Iterator[None]:
    """Turn what the transports say of a process that died, or never came, into one sentence.

    Raises:
        LostContact: see above.
    """
    try:
        yield
    except (RuntimeError, dist.DistError) as error:
        said = str(error)
        if isinstance(error, dist.DistError) or any(word in said for word in ("gloo", "NCCL", "onnection")):
            detail = " ".join(said.split("\n")[0].split())[:160].rstrip(".")
            raise LostContact(
                f"Another process of this run ended or stopped answering while {doing} ({detail}): see what it said; "
                "the run can be gone on with from its last checkpoint by --resume."
            ) from error
        raise
