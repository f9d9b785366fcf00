"""Where a process stands among those that train together, as torchrun, SLURM or the user's environment say it.

Nothing is joined here and torch is not needed: ``distributed`` joins, ``launching`` starts processes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pointsra.errors import SettingsError

_PORT = 29500  # torchrun's own default


@dataclass(frozen=True)
class Seat:
    """One process of several.

    Attributes:
        rank: its number, 0 … size − 1; 0 writes and speaks.
        size: processes in all.
        local_rank: its number on its machine, which is that of its device.
        local_size: processes on its machine; None where nobody said.
        address, port: where rank 0 can be met.
        bound: whether the scheduler may have shown each process its own device only.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int | None
    address: str
    port: int
    bound: bool = False


@dataclass(frozen=True)
class Meeting:
    """Where the machines of a run meet.

    Attributes:
        nodes: machines. node: the number of this one.
        address, port: of the first.
    """

    nodes: int
    node: int
    address: str
    port: int


def find_seat(environment: Mapping[str, str]) -> Seat | None:
    """The seat that torchrun (RANK, WORLD_SIZE, …) or srun (SLURM_PROCID, …) gave this process; None if it is alone.

    Under ``srun`` rank 0 runs on the first host of the step. The script of ``sbatch`` has SLURM's variables too but is
    no step of a job: it is alone.

    Raises:
        SettingsError: the variables are incomplete or no numbers.
    """
    if "RANK" in environment and "WORLD_SIZE" in environment:
        local_size = environment.get("LOCAL_WORLD_SIZE")
        seat = Seat(
            rank=_number(environment, "RANK"),
            size=_number(environment, "WORLD_SIZE"),
            local_rank=_number(environment, "LOCAL_RANK", environment["RANK"]),
            local_size=None if local_size is None else _number(environment, "LOCAL_WORLD_SIZE"),
            address=_given(environment, "MASTER_ADDR"),
            port=_number(environment, "MASTER_PORT", str(_PORT)),
        )
    elif "SLURM_PROCID" in environment and "SLURM_STEP_ID" in environment:
        tasks = "SLURM_STEP_NUM_TASKS" if "SLURM_STEP_NUM_TASKS" in environment else "SLURM_NTASKS"
        seat = Seat(
            rank=_number(environment, "SLURM_PROCID"),
            size=_number(environment, tasks, "1"),
            local_rank=_number(environment, "SLURM_LOCALID", "0"),
            local_size=None,
            address=environment.get("MASTER_ADDR") or _first_slurm_host(environment),
            port=_number(environment, "MASTER_PORT", str(_job_port(environment))),
            bound=True,
        )
    else:
        return None
    if not 0 <= seat.rank < seat.size:
        raise SettingsError(
            f"The environment gives this process rank {seat.rank} of {seat.size}: unset RANK, or set both."
        )
    return seat if seat.size > 1 else None


def find_meeting(nodes: int, environment: Mapping[str, str]) -> Meeting:
    """Where ``--nodes`` machines meet, and which of them this is: MASTER_ADDR and NODE_RANK, or what SLURM says.

    Raises:
        SettingsError: neither is there, or the numbers do not fit.
    """
    slurm = "SLURM_NODEID" in environment and bool(_slurm_hosts(environment))
    if slurm and "MASTER_ADDR" not in environment:
        node, address = _number(environment, "SLURM_NODEID"), _first_slurm_host(environment)
        port = _number(environment, "MASTER_PORT", str(_job_port(environment)))
    elif "MASTER_ADDR" in environment and ("NODE_RANK" in environment or slurm):
        node = _number(environment, "NODE_RANK" if "NODE_RANK" in environment else "SLURM_NODEID")
        address, port = environment["MASTER_ADDR"], _number(environment, "MASTER_PORT", str(_PORT))
    else:
        raise SettingsError(
            f"--nodes {nodes} needs a place to meet: on every machine set MASTER_ADDR to the name of the first one and "
            f"NODE_RANK to its own number, 0 … {nodes - 1} (MASTER_PORT too where {_PORT} is taken)."
        )
    if not 0 <= node < nodes:
        raise SettingsError(f"NODE_RANK is {node} and --nodes {nodes}: it must be a number in 0 … {nodes - 1}.")
    return Meeting(nodes, node, address, port)


def first_host(hosts: str) -> str:
    """The first name of SLURM's compressed list: ``gpu[007-009,012],fat1`` gives ``gpu007``."""
    opened = 0
    for place, letter in enumerate(hosts):
        opened += (letter == "[") - (letter == "]")
        if letter == "," and not opened:
            hosts = hosts[:place]
            break
    return re.sub(r"\[([^\],-]+)[^\]]*\]", r"\1", hosts)


def _slurm_hosts(environment: Mapping[str, str]) -> str:
    return environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_JOB_NODELIST") or ""


def _first_slurm_host(environment: Mapping[str, str]) -> str:
    hosts = _slurm_hosts(environment)
    if not hosts:
        raise SettingsError("SLURM_JOB_NODELIST is not set: start with srun, or set MASTER_ADDR to the first machine.")
    return first_host(hosts)


def _job_port(environment: Mapping[str, str]) -> int:
    """A port that two jobs on one machine seldom share, and that all processes of a job agree on."""
    return 20000 + _number(environment, "SLURM_JOB_ID", "0") % 10000


def _given(environment: Mapping[str, str], name: str) -> str:
    if not environment.get(name):
        raise SettingsError(f"RANK and WORLD_SIZE are set and {name} is not: start with torchrun, or unset RANK.")
    return environment[name]


def _number(environment: Mapping[str, str], name: str, default: str | None = None) -> int:
    text = environment.get(name, default)
    if text is None or not text.strip().isdecimal():
        raise SettingsError(f"{name} is {text!r}, and must be a number: start with torchrun or srun, or unset it.")
    return int(text)
