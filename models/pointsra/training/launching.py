"""``--devices N``: this command once more in N processes, through ``torch.distributed.run``.

torch's launcher starts them, watches them, and ends all when one ends. What it says of that fills a screen; here a
process that fails writes one sentence down (:func:`write_outcome`), and the one that started them tells the cause.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pointsra.data.replacing import replacing
from pointsra.errors import PointSRAError, WorkFailedError
from pointsra.training.distributed import ADVICE, LAUNCHER
from pointsra.training.rendezvous import Meeting

_OUTCOMES = "POINTSRA_OUTCOMES"
_INTERRUPTED = 130
# How long a process may take from the request to stop until its state is saved: a step and a checkpoint.
_STOPPING_SECONDS = 600


@dataclass(frozen=True)
class Outcome:
    """What a process says of its failure.

    Attributes:
        message: one sentence.
        code: exit code.
        lost: whether it failed only because another one did.
    """

    message: str
    code: int
    lost: bool = False


class RunEnded(PointSRAError):
    """A run in several processes ended before its time, for the reason that one of them gave."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.exit_code = outcome.code


def launched() -> bool:
    """Whether :func:`launch` started this process."""
    return LAUNCHER in os.environ


def write_outcome(rank: int, outcome: Outcome) -> None:
    """Leave the reason of a failure to the process that called :func:`launch`, if it is still there."""
    folder = Path(os.environ[_OUTCOMES])
    if not cleared_behind() and folder.is_dir():
        with replacing(folder / f"{rank}.json") as partial:
            partial.write_text(json.dumps(asdict(outcome)), encoding="utf-8")


def cleared_behind() -> bool:
    """Where the process that called :func:`launch` is gone, clear away its folder for reasons; whether it is gone."""
    gone = os.getppid() != int(os.environ[LAUNCHER])
    if gone:
        shutil.rmtree(os.environ[_OUTCOMES], ignore_errors=True)
    return gone


def launch(words: Sequence[str], devices: int, meeting: Meeting | None, options: str, again: str) -> None:
    """Carry out ``pointsra <words>`` in one process a device, and wait for them.

    Args:
        words: the command line of each.
        devices: processes on this machine.
        meeting: where several machines meet; None: this one is all.
        options: what a process's own message about going on adds to the command.
        again: the whole command that goes on with the run.

    Raises:
        RunEnded: a process failed, or the run was stopped on request.
        WorkFailedError: a process was killed.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    with tempfile.TemporaryDirectory(prefix="pointsra-") as folder:
        added = {LAUNCHER: str(os.getpid()), _OUTCOMES: folder, ADVICE: options}
        cores = (os.cpu_count() or 1) // devices
        if "OMP_NUM_THREADS" not in os.environ:
            added["OMP_NUM_THREADS"] = str(max(1, cores))
        arguments = parse_args(
            [*_place(devices, meeting), f"--log-dir={folder}", "--max-restarts=0", "--module", "pointsra_cli", *words]
        )
        if hasattr(arguments, "shutdown_timeout"):  # since torch 2.9
            arguments.shutdown_timeout = _STOPPING_SECONDS
        if hasattr(arguments, "signals_to_handle"):
            arguments.signals_to_handle = "SIGTERM,SIGINT"  # others end this process, which its children notice
        stopped, failures = False, {}
        with _environment(added), _launcher_silenced():
            try:
                run(arguments)
            except SignalException:
                stopped = True
            except ChildFailedError as error:
                failures = error.failures
        outcomes = _outcomes(Path(folder))
    if stopped or failures:
        raise _cause(outcomes, failures, again)


def _place(devices: int, meeting: Meeting | None) -> list[str]:
    words = [f"--nproc-per-node={devices}"]
    if meeting is None:
        return [*words, "--standalone", "--local-addr=127.0.0.1"]
    return [
        *words,
        f"--nnodes={meeting.nodes}",
        f"--node-rank={meeting.node}",
        f"--master-addr={meeting.address}",
        f"--master-port={meeting.port}",
    ]


def _cause(outcomes: Mapping[int, Outcome], failures: Mapping[int, Any], again: str) -> PointSRAError:
    """Of all that went wrong, what the rest followed from."""
    own = [outcomes[rank] for rank in sorted(outcomes) if not outcomes[rank].lost]
    if own:
        return RunEnded(own[0])
    # The launcher's own hand comes later than what it answers, and is a SIGTERM first.
    killed = [
        (-failure.exitcode == signal.SIGTERM, failure.timestamp, rank)
        for rank, failure in failures.items()
        if failure.exitcode < 0
    ]
    if killed:
        rank = min(killed)[-1]
        name = signal.Signals(-failures[rank].exitcode).name
        memory = ", as happens when memory runs out" if name == "SIGKILL" else ""
        return WorkFailedError(
            f"Process {rank} of this run was killed ({name}{memory}), which ended the run: go on from its last "
            f"checkpoint with `{again}`."
        )
    if outcomes:
        return RunEnded(outcomes[min(outcomes)])
    if not failures:
        return RunEnded(Outcome(f"Stopped before the run could say where; go on with `{again}`.", _INTERRUPTED))
    rank = min(failures)
    code = failures[rank].exitcode
    return WorkFailedError(
        f"Process {rank} of this run ended with exit code {code} and no reason; go on with `{again}`."
    )


def _outcomes(folder: Path) -> dict[int, Outcome]:
    found = {}
    for path in folder.glob("*.json"):
        if path.stem.isdecimal():
            found[int(path.stem)] = Outcome(**json.loads(path.read_text(encoding="utf-8")))
    return found


@contextmanager
def _environment(added: Mapping[str, str]) -> Iterator[None]:
    former = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _launcher_silenced() -> Iterator[None]:
    """Keep torch's launcher from writing its own account, and put back the signal handlers that it replaces."""
    level = logging.root.manager.disable
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(level)
        for number, handler in handlers.items():
            signal.signal(number, handler)
