"""Compiling the loss changes nothing but where it runs, and is refused where it cannot be had."""

from __future__ import annotations

import pytest
import torch

from pointsra.data.loaders import Batch
from pointsra.errors import SettingsError
from pointsra.ops.randomness import stream
from pointsra.settings import load_preset
from pointsra.training.assembly import build_point_sra, point_sra_sizes
from pointsra.training.compiling import check_compile
from pointsra.training.pretrain_learner import PretrainLearner
from tests.conftest import TINY

SMALLEST = (
    *TINY,
    *(
        "encoder.drop_path=0.5",
        "flow.depth=1",
        "losses.points=1",
        "losses.points_energy=1",
        "flow.samples=2",
        "runtime.compile=true",
    ),
)


def gradients(preset, batch, compiled):
    learner = PretrainLearner(build_point_sra(preset, point_sra_sizes(preset, 0, 0)), preset)
    learner.train()
    with torch.no_grad():  # away from the zeros that a flow starts with
        for parameter in learner.network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=stream(0, "shake", parameter.numel())))
    if compiled:
        # The graphs of torch.compile, run as they are: generating code needs minutes and a compiler of C++.
        learner.compile(backend="eager", dynamic=False)
    terms = learner(batch, stream(0, "step", 0))
    terms["loss"].backward()
    kept = {name: value.grad for name, value in learner.network.named_parameters() if value.grad is not None}
    return {name: float(value.detach()) for name, value in terms.items()}, kept


@pytest.mark.slow
@pytest.mark.parametrize("changes", [(), ("decoder.drop_path=0.5", "losses.points=0", "losses.points_energy=0")])
def test_a_compiled_loss_has_the_terms_and_gradients_of_the_plain_one(changes):
    preset = load_preset("quickstart", [*SMALLEST, *changes])
    points = torch.randn(4, 256, 3, generator=stream(0, "points"))
    batch = Batch(points / 3.0, torch.zeros(4, dtype=torch.int64))
    terms, plain = gradients(preset, batch, compiled=False)
    found, compiled = gradients(preset, batch, compiled=True)
    assert found == pytest.approx(terms, abs=1e-5)
    assert plain.keys() == compiled.keys()
    assert max(float((plain[name] - compiled[name]).abs().max()) for name in plain) < 1e-5
    assert max(float(value.abs().max()) for value in plain.values()) > 1e-3


def test_it_is_refused_on_a_cpu_and_for_peers():
    preset = load_preset("quickstart", ["runtime.compile=true"])
    with pytest.raises(SettingsError, match="for CUDA devices"):
        check_compile(preset, torch.device("cpu"))
    check_compile(preset, torch.device("cuda"))
    check_compile(load_preset("quickstart"), torch.device("cpu"))
    with pytest.raises(SettingsError, match="not point-mae"):
        check_compile(load_preset("point-mae", ["runtime.compile=true"]), torch.device("cuda"))
    with pytest.raises(SettingsError, match=r"runtime\.compile must be false in fine-tuning"):
        load_preset("shapes-classification", ["runtime.compile=true"])
