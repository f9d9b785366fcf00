"""On CUDA: a resumed run equals the one that was not stopped within tolerance, and so do several devices one."""

from __future__ import annotations

import json

import pytest
import torch

from pointsra.settings import load_preset
from pointsra.training import loop
from pointsra.training.loop import RunStopped
from pointsra.training.pretrain import pretrain
from pointsra.training.weights import load_weights
from tests.cli.conftest import run_command, settings
from tests.conftest import TINY

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def _losses(run):
    return [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_a_resumed_run_equals_the_whole_one_within_tolerance(shapes_root, tmp_path, monkeypatch, precision):
    cuda = torch.device("cuda", 0)
    preset = load_preset("quickstart", (*TINY, f"runtime.precision={precision}"), task="pretrain")
    pretrain(preset, shapes_root, tmp_path / "whole", device=cuda)
    step, calls = loop.take_step, 0

    def failing(*arguments):
        nonlocal calls
        calls += 1
        if calls == 8:
            raise RunStopped("stop here")
        return step(*arguments)

    monkeypatch.setattr(loop, "take_step", failing)
    with pytest.raises(RunStopped):
        pretrain(preset, shapes_root, tmp_path / "cut", device=cuda)
    monkeypatch.undo()
    pretrain(preset, shapes_root, tmp_path / "cut", device=cuda, resume=True)
    assert _losses(tmp_path / "cut") == pytest.approx(_losses(tmp_path / "whole"), rel=0.02)
    whole, cut = (load_weights(tmp_path / name).tensors for name in ("whole", "cut"))
    for name, value in whole.items():
        if value.is_floating_point():
            assert (cut[name] - value).norm() <= 0.05 * value.norm() + 1e-3, name


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_two_devices_train_as_one(shapes_root, tmp_path):
    fields = settings(*TINY, "runtime.precision=fp32", "runtime.log_every=1")
    base = ("pretrain", "--preset", "quickstart", *fields, "--data", shapes_root, "--device", "cuda")
    for devices in (1, 2):
        outcome = run_command(*base, "--devices", devices, "--out", tmp_path / str(devices))
        assert outcome.code == 0, outcome.stderr
    one, two = _losses(tmp_path / "1"), _losses(tmp_path / "2")
    assert one[0] == pytest.approx(two[0], rel=1e-4)
    assert one[-1] == pytest.approx(two[-1], rel=0.05)
