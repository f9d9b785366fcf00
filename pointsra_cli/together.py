"""One command in several processes: whether this one is alone, one of them, or is to start them.

``--devices N`` starts this same command once more in N processes; under torchrun and srun the processes are there
already. One of them shows the progress and the result, and one tells what went wrong.
"""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from pointsra.training.distributed import Group
    from pointsra.training.rendezvous import Meeting, Seat


class Company:
    """The processes of a command, as one of them sees it; this one is alone, or is to start others.

    Args:
        devices, nodes, device: the options of these names.
    """

    first = True
    """Whether this process shows progress and result."""

    def __init__(self, devices: int | None, nodes: int | None, device: str) -> None:
        from pointsra.training.rendezvous import find_meeting

        self._devices, self._nodes, self._device = devices, nodes, device
        self.starts = _several(devices, nodes)
        """Whether this process is to start others in its place."""
        self._meeting: Meeting | None = find_meeting(nodes, os.environ) if nodes is not None and nodes > 1 else None

    @property
    def group(self) -> Group:
        """The group that trains together; of one that is yet to be started this tells the size."""
        from pointsra.training.distributed import Group

        return Group(size=(self._devices or 1) * (self._nodes or 1))

    def folder(self, choose: Callable[[], Path]) -> Path:
        """The run's folder: what ``choose`` gives on the first process of all, and any name where that is elsewhere."""
        return choose() if self._meeting is None or self._meeting.node == 0 else Path("RUN")

    def device(self) -> torch.device:
        """The device of this process.

        Raises:
            DeviceError: there is none such, or there are fewer than asked for.
        """
        from pointsra.training.devices import check_devices, resolve_device

        if self.starts:
            check_devices(self._device, self._devices or 1)
        return resolve_device(self._device)

    def start(self, command: str, options: Mapping[str, Any], run: Path) -> None:
        """Carry out ``pointsra <command>`` in one process a device, and wait for them.

        Args:
            command: its name.
            options: all others by flag; None, False and [] are left out.
            run: the run's folder.

        Raises:
            PointSRAError: the work failed or was stopped, for the reason that one process gave.
        """
        from pointsra.training.launching import launch

        own = {"--device": self._device, "--devices": self._devices, "--nodes": self._nodes}
        added = "".join(f" {word}" for word in _words({flag: value for flag, value in own.items() if value != "auto"}))
        again = f"pointsra {command} --resume {shlex.quote(str(run))}{added}"
        launch([command, *_words({**options, **own})], self._devices or 1, self._meeting, added, again)


class Member(Company):
    """One of several processes that were started together."""

    def __init__(self, group: Group, chosen: torch.device) -> None:
        self._group, self._chosen = group, chosen
        self.starts = False
        self.first = group.first

    @property
    def group(self) -> Group:
        """The group that trains together."""
        return self._group

    def folder(self, choose: Callable[[], Path]) -> Path:
        """The run's folder: what ``choose`` gives on rank 0; nobody else is asked."""
        return self._group.from_first(choose() if self.first else None)

    def device(self) -> torch.device:
        """The device of this process."""
        return self._chosen


@contextmanager
def company(devices: int | None, nodes: int | None, device: str, *, debug: bool) -> Iterator[Company]:
    """Join the other processes where torchrun, srun or ``--devices`` started this one among several.

    Args:
        devices, nodes, device: the options of these names.
        debug: show a traceback for every process that fails.

    Raises:
        SettingsError: the options contradict what started this process, or say too little.
        SystemExit: the work failed, and another process tells why.
    """
    seat = _seat(devices, nodes)
    if seat is not None or _several(devices, nodes):
        # Read when torch is loaded: its warnings about how processes were joined are for developers.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if seat is None:
        yield Company(devices, nodes, device)
        return
    from pointsra.training.distributed import LostContact, device_of, joined
    from pointsra.training.launching import Outcome, cleared_behind, launched, write_outcome
    from pointsra_cli import failures

    group = None
    try:
        chosen = device_of(seat, device)
        with joined(seat, chosen) as group:
            yield Member(group, chosen)
    except Exception as error:
        if not launched() and (group is None or group.tells()):
            raise
        message, code = failures.describe(error)
        if debug:
            traceback.print_exception(error, file=sys.stderr)
        elif code == failures.WORK_FAILED and not failures.is_ours(error):
            message += " Run again with --debug for the traceback."
        if launched():
            write_outcome(seat.rank, Outcome(message, code, isinstance(error, LostContact)))
        raise SystemExit(code) from error
    if launched():
        cleared_behind()


def _several(devices: int | None, nodes: int | None) -> bool:
    return (devices or 1) > 1 or (nodes or 1) > 1


def _seat(devices: int | None, nodes: int | None) -> Seat | None:
    from pointsra.errors import SettingsError
    from pointsra.training.rendezvous import find_seat

    seat = find_seat(os.environ)
    if seat is None or (seat.bound and _several(devices, nodes)):
        return None  # one task of srun on each machine may start the processes of that machine
    if devices is not None and seat.local_size is not None and devices != seat.local_size:
        raise SettingsError(
            f"torchrun started {seat.local_size} process(es) on this machine and --devices says {devices}: leave out "
            "--devices."
        )
    return seat


def _words(options: Mapping[str, Any]) -> list[str]:
    words: list[str] = []
    for flag, value in options.items():
        if value is True:
            words.append(flag)
        elif isinstance(value, list | tuple):
            words += [word for each in value for word in (flag, str(each))]
        elif value is not None and value is not False:
            words += [flag, str(value)]
    return words
