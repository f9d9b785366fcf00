"""Several processes: together they have the gradient of one, they stop together, and one that dies ends the run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from pointsra.data.places import split_path
from pointsra.data.shapes import CLASS_NAMES
from pointsra.data.store import open_split
from pointsra.errors import CheckpointError, SettingsError
from pointsra.settings import load_preset
from pointsra.training.checkpoint import Position, check_alike
from pointsra.training.distributed import ALONE, LAUNCHER, Group, device_of
from pointsra.training.finetune import measure
from pointsra.training.launching import _OUTCOMES, Outcome, _cause, _outcomes, write_outcome
from pointsra.training.pretrain import pretrain
from pointsra.training.rendezvous import Seat, find_meeting, find_seat, first_host
from pointsra.training.step import check_parts
from pointsra.training.weights import load_weights
from pointsra_cli.together import company
from tests.cli.conftest import run_command
from tests.conftest import TINY, TINY_FINETUNE
from tests.training import gloo_ranks

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")


def _start(*command, **environment):
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "POINTSRA_"))}
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env=plain | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What two gloo processes computed."""
    place = tmp_path_factory.mktemp("ranks")
    script = Path(gloo_ranks.__file__)
    started = [_start(script, rank, 2, place / "meeting", place / f"{rank}.pt") for rank in range(2)]
    for process in started:
        _, said = process.communicate(timeout=200)
        assert process.returncode == 0, said
    return [torch.load(place / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.fixture(scope="module")
def alone():
    return gloo_ranks.cases(ALONE)


@pytest.mark.parametrize("case", gloo_ranks.NAMES)
def test_two_processes_have_the_gradient_of_one(case, ranks, alone):
    one, two = alone[case], ranks[0]["cases"][case]
    assert one["gradients"].keys() == two["gradients"].keys()
    scale = torch.stack([gradient.norm() for gradient in one["gradients"].values()]).norm()
    for name, gradient in one["gradients"].items():
        # A bias in front of a batch norm has no gradient but rounding: the whole network's is the measure.
        assert (gradient - two["gradients"][name]).norm() < 1e-5 * scale, name
    for name, value in one["terms"].items():
        if name != "flow_error":  # a mean over the rows with r = t, which parts have in nearly equal numbers
            assert two["terms"][name] == pytest.approx(value, rel=1e-5), name


@pytest.mark.parametrize("case", gloo_ranks.NAMES)
def test_processes_stay_alike_to_the_bit(case, ranks, alone):
    first, second = (rank["cases"][case]["state"] for rank in ranks)
    assert all(torch.equal(first[name], second[name]) for name in first)
    statistics = [name for name in first if name.endswith(("running_mean", "running_var"))]
    assert statistics
    for name in statistics:  # those of the teacher too
        torch.testing.assert_close(first[name], alone[case]["state"][name], rtol=1e-4, atol=1e-5)


def test_past_the_wrapper_gradients_are_not_shared(ranks):
    traps = [rank["traps"] for rank in ranks]
    assert torch.equal(traps[0]["through the wrapper"], traps[1]["through the wrapper"])
    assert not torch.allclose(traps[0]["past the wrapper"], traps[1]["past the wrapper"])
    assert "in-place" in traps[0]["jvp of the wrapper"]


def _processes(parent):
    """Process ids of the ranks that ``--devices`` started, by rank."""
    found = {}
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        rank = re.search(rb"\0RANK=(\d+)\0", b"\0" + Path(f"/proc/{child}/environ").read_bytes())
        if rank:
            found[int(rank[1])] = int(child)
    return found


def _steps(run):
    path = run / "metrics.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def _wait(process, reached):
    end = time.monotonic() + 200
    while not reached():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="process ids are read from /proc")
def test_a_killed_process_ends_the_run_which_is_gone_on_with_stopped_and_finished_by_one(shapes_root, tmp_path):
    fields = (*TINY, "runtime.log_every=1", "runtime.keep_every=1")
    words = [word for field in fields for word in ("--set", field)]
    start = ("-m", "pointsra_cli", "pretrain", "--device", "cpu", "--devices", 2, "--data", shapes_root)
    run = tmp_path / "run"

    process = _start(*start, "--preset", "quickstart", *words, "--out", run)
    _wait(process, (run / "last.ckpt").exists)
    os.kill(_processes(process.pid)[1], signal.SIGKILL)
    began = time.monotonic()
    out, said = process.communicate(timeout=90)
    assert time.monotonic() - began < 60
    assert (process.returncode, out) == (1, "")
    assert "Traceback" not in said and said.count("error:") == 1
    assert "Process 1 of this run was killed (SIGKILL" in said
    assert f"pointsra pretrain --resume {run} --device cpu --devices 2" in said
    assert not (run / "model.safetensors").exists()

    before = _steps(run)
    process = _start(*start, "--resume", run)
    _wait(process, lambda: _steps(run) > before)
    process.terminate()
    out, said = process.communicate(timeout=90)
    assert (process.returncode, out) == (130, ""), said
    assert "Traceback" not in said and said.count("Stopped at step") == 1
    log = (run / "log.txt").read_text()
    assert log.count("stopped on request") == 1 and log.count("resumed at step") == 1 and "2 × cpu" in log

    preset = load_preset("quickstart", fields, task="pretrain")
    pretrain(preset, shapes_root, run, device=CPU, resume=True)
    pretrain(preset, shapes_root, tmp_path / "whole", device=CPU)
    records, whole = (
        [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        for folder in (run, tmp_path / "whole")
    )
    assert [record["step"] for record in records] == [record["step"] for record in whole]
    assert records[0]["loss"] == pytest.approx(whole[0]["loss"], rel=1e-5)
    # The optimizer turns the rounding of gradients that are zero into whole steps, so that runs part slowly.
    assert records[-1]["loss"] == pytest.approx(whole[-1]["loss"], rel=0.05)
    assert {path.name for path in run.glob("epoch-*.safetensors")} == {
        f"epoch-000{epoch}.safetensors" for epoch in (1, 2)
    }
    kept, last = load_weights(run / "epoch-0002.safetensors"), load_weights(run)
    assert kept.description.step == last.description.step
    assert all(torch.equal(kept.tensors[name], last.tensors[name]) for name in last.tensors)


@pytest.mark.slow
def test_tasks_of_slurm_fine_tune_together_and_one_speaks(shapes_root, tiny_run, tmp_path):
    port = str(20000 + os.getpid() % 10000)
    words = [
        word for field in (*TINY_FINETUNE, "optimizer.epochs=1", "runtime.keep_every=1") for word in ("--set", field)
    ]
    command = ("-m", "pointsra_cli", "finetune", "--preset", "shapes-classification", "--init", tiny_run, *words)
    tasks = [
        _start(
            *(*command, "--data", shapes_root, "--out", tmp_path / "run", "--device", "cpu", "--json"),
            SLURM_PROCID=str(rank),
            SLURM_LOCALID=str(rank),
            SLURM_NTASKS="2",
            SLURM_STEP_ID="0",
            SLURM_JOB_NODELIST="localhost",
            MASTER_PORT=port,
        )
        for rank in range(2)
    ]
    (out, said), silent = (task.communicate(timeout=120) for task in tasks)
    assert [task.returncode for task in tasks] == [0, 0], (said, silent)
    assert "2 × cpu" in said
    assert silent[0] == "" and "Fine-tuning" not in silent[1]
    assert 0.0 <= json.loads(out)["test_last"]["overall_accuracy"] <= 1.0
    assert len((tmp_path / "run" / "test.jsonl").read_text().splitlines()) == 1
    assert load_weights(tmp_path / "run", "epoch-0001").description.details["chosen"] == "epoch 1"


def test_a_seat_is_read_from_torchrun_or_srun():
    torchrun = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "a"}
    assert find_seat(torchrun) == Seat(3, 4, 1, 2, "a", 29500)
    step = {
        "SLURM_PROCID": "5",
        "SLURM_NTASKS": "8",
        "SLURM_LOCALID": "1",
        "SLURM_STEP_ID": "0",
        "SLURM_JOB_ID": "71234",
    }
    assert find_seat(step | {"SLURM_JOB_NODELIST": "gpu[007-008]"}) == Seat(5, 8, 1, None, "gpu007", 21234, bound=True)
    assert find_seat(step | {"MASTER_ADDR": "b", "MASTER_PORT": "7"}) == Seat(5, 8, 1, None, "b", 7, bound=True)
    script = {name: value for name, value in step.items() if name != "SLURM_STEP_ID"}  # sbatch's, without srun
    assert find_seat(script) is None and find_seat({}) is None
    assert find_seat({"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "a"}) is None
    for wrong in ({"MASTER_ADDR": ""}, {"RANK": "x"}, {"RANK": "4"}):
        with pytest.raises(SettingsError):
            find_seat(torchrun | wrong)
    with pytest.raises(SettingsError, match="SLURM_JOB_NODELIST"):
        find_seat(step)


@pytest.mark.parametrize(
    ("hosts", "first"),
    [("a", "a"), ("a,b", "a"), ("gpu[007-009,012],fat1", "gpu007"), ("r[1-2]n[03,05]", "r1n03"), ("n[4]", "n4")],
)
def test_the_first_host_of_a_list(hosts, first):
    assert first_host(hosts) == first


def test_machines_meet_where_the_environment_says():
    assert find_meeting(2, {"MASTER_ADDR": "a", "NODE_RANK": "1", "MASTER_PORT": "5"}).port == 5
    slurm = find_meeting(2, {"SLURM_NODEID": "1", "SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_ID": "12"})
    assert (slurm.node, slurm.address, slurm.port) == (1, "n1", 20012)
    for wrong in ({}, {"MASTER_ADDR": "a"}, {"MASTER_ADDR": "a", "NODE_RANK": "2"}):
        with pytest.raises(SettingsError, match="NODE_RANK"):
            find_meeting(2, wrong)


def test_each_process_takes_its_own_device(monkeypatch):
    seat = Seat(1, 2, 1, 2, "a", 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for there, bound, number in ((2, False, 1), (1, True, 0)):  # srun may show each task its own device only
        monkeypatch.setattr(torch.cuda, "device_count", lambda there=there: there)
        assert device_of(Seat(1, 2, 1, None, "a", 1, bound=bound), "auto") == torch.device("cuda", number)
    with pytest.raises(Exception, match="finds 1 CUDA"):
        device_of(seat, "cuda")
    with pytest.raises(Exception, match="names one device"):
        device_of(seat, "cuda:0")
    assert device_of(seat, "cpu") == CPU


def test_too_many_devices_and_machines_without_a_place_are_refused(shapes_root, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    for name in [name for name in os.environ if name.startswith(("SLURM_", "MASTER_")) or name == "NODE_RANK"]:
        monkeypatch.delenv(name)
    base = ("pretrain", "--preset", "tiny", "--data", shapes_root, "--out", tmp_path / "run")
    for words, reason in (
        (("--devices", 2), "has 1 CUDA device"),
        (("--devices", 2, "--device", "cuda:0"), "names one device"),
        (("--nodes", 2, "--device", "cpu"), "MASTER_ADDR"),
    ):
        outcome = run_command(*base, *words)
        assert (outcome.code, outcome.stdout, outcome.stderr.count("\n")) == (2, "", 1)
        assert reason in outcome.stderr
    planned = run_command(*base, "--devices", 2, "--device", "cpu", "--dry-run", "--json")
    assert json.loads(planned.stdout)["plan"]["devices"] == 2
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert "leave out --devices" in run_command(*base, "--devices", 3).stderr
    assert not (tmp_path / "run").exists()


class _Failure:
    def __init__(self, exitcode, timestamp=0):
        self.exitcode, self.timestamp = exitcode, timestamp


def test_of_several_failures_the_cause_is_told():
    lost, own = Outcome("lost", 1, lost=True), Outcome("no data", 2)
    assert str(_cause({0: lost, 1: own}, {0: _Failure(1), 1: _Failure(2)}, "again")) == "no data"
    killed = _cause({0: lost}, {0: _Failure(1), 1: _Failure(-9, 5), 2: _Failure(-15, 1), 3: _Failure(-9, 35)}, "again")
    assert "Process 1" in str(killed) and "`again`" in str(killed) and killed.exit_code == 1
    assert str(_cause({1: lost}, {1: _Failure(1)}, "again")) == "lost"
    assert _cause({}, {}, "again").exit_code == 130
    assert "exit code 7" in str(_cause({}, {0: _Failure(7)}, "again"))


def test_reasons_are_left_to_a_launcher_that_is_there_and_cleared_away_behind_one_that_is_gone(tmp_path, monkeypatch):
    folder, reason = tmp_path / "reasons", Outcome("stopped", 130)
    folder.mkdir()
    monkeypatch.setenv(_OUTCOMES, str(folder))
    monkeypatch.setenv(LAUNCHER, str(os.getppid()))
    write_outcome(1, reason)
    assert _outcomes(folder) == {1: reason}
    monkeypatch.setenv(LAUNCHER, str(os.getpid()))  # no process is its own parent
    write_outcome(0, reason)
    write_outcome(1, reason)
    assert not folder.exists()


@pytest.mark.parametrize("there", [True, False])
def test_a_process_that_ends_well_clears_away_behind_a_launcher_that_is_gone_too(there, tmp_path, monkeypatch):
    (folder := tmp_path / "reasons").mkdir()
    monkeypatch.setenv(_OUTCOMES, str(folder))
    monkeypatch.setenv(LAUNCHER, str(os.getppid() if there else os.getpid()))
    monkeypatch.setattr("pointsra_cli.together._seat", lambda devices, nodes: Seat(0, 1, 0, 1, "a", 1))
    monkeypatch.setattr("pointsra.training.distributed.joined", lambda seat, chosen: nullcontext(Group()))
    with company(None, None, "cpu", debug=False) as member:
        assert member.first and folder.exists()
    assert folder.exists() == there


def test_a_batch_that_cannot_be_shared_out_is_refused():
    preset = load_preset("quickstart", TINY, task="pretrain")
    plan = gloo_ranks.build_plan(preset.optimizer, preset.runtime, 0, 10, 4)
    check_parts(plan, Group(0, 4))
    with pytest.raises(SettingsError, match="4 clouds"):
        check_parts(plan, Group(0, 5))
    check_parts(gloo_ranks.replace(plan, micro_batches=2), Group(0, 2))
    with pytest.raises(SettingsError, match="3 micro-batch"):  # one cloud at a time leaves batch norm nothing
        check_parts(gloo_ranks.replace(plan, micro_batches=3), ALONE)


def test_processes_that_share_a_split_put_their_answers_in_its_order(shapes_root, monkeypatch):
    preset = load_preset("shapes-classification", (*TINY_FINETUNE, "optimizer.batch_size=6"), task="finetune")
    answers = {}

    def gathered(group, value):
        answers[group.rank] = value
        return [answers.get(rank, []) for rank in range(3)]

    def predicted(classifier, preset, batch, device):
        return torch.nn.functional.one_hot(batch.labels, len(CLASS_NAMES)).float()

    monkeypatch.setattr(Group, "gather", gathered)
    monkeypatch.setattr("pointsra.training.finetune.predict", predicted)
    with open_split(split_path(shapes_root, "shapes", "train")) as split:
        assert len(split) % 6 and len(split) // 6 % 3  # an incomplete batch, and not as many for each
        shares = [Group(rank, 3) for rank in (2, 1, 0)]
        for group in shares[:2]:
            monkeypatch.setattr(
                "pointsra.training.finetune.confusion_matrix", lambda *_: torch.eye(len(CLASS_NAMES)).numpy()
            )
            measure(None, preset, split, CPU, group)
        monkeypatch.undo()
        monkeypatch.setattr(Group, "gather", gathered)
        monkeypatch.setattr("pointsra.training.finetune.predict", predicted)
        assert measure(None, preset, split, CPU, shares[2])["overall_accuracy"] == 1.0


def test_different_checkpoints_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(Group, "gather", lambda self, value: [value, 3])
    check_alike(Position(step=3), tmp_path, Group(0, 2))
    with pytest.raises(CheckpointError, match="steps 3, 4"):
        check_alike(Position(step=4), tmp_path, Group(0, 2))
