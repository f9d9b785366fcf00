"""Muon beside AdamW: who steps what, and that a resumed optimizer goes on to the bit."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from pointsra.networks.transformer import Block
from pointsra.settings import FinetunePreset, load_preset
from pointsra.training.methods import PEERS, assemble
from pointsra.training.muon import Muon
from pointsra.training.optimizer import block_matrices, build_optimizer, set_learning_rate
from tests.conftest import TINY
from tests.training import test_peer_methods


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(5, 8)
        self.trunk = nn.Module()
        self.trunk.blocks = nn.ModuleList([Block(8, 2), Block(8, 2)])
        self.cls_token = nn.Parameter(torch.zeros(1, 8))

    def forward(self, values):
        tokens = (self.first(values) + self.cls_token).unsqueeze(0)
        for block in self.trunk.blocks:
            tokens = block(tokens)
        return tokens.square().mean()


def steps(net, optimizer, count, first=0):
    for number in range(first, first + count):
        set_learning_rate(optimizer, 0.02)
        optimizer.zero_grad()
        net(torch.randn(6, 5, generator=torch.Generator().manual_seed(number))).backward()
        optimizer.step()


def test_matrices_of_blocks_go_to_muon_and_everything_is_stepped_once():
    net = Net()
    optimizer = build_optimizer("muon", net, 0.1, 0.95)
    groups = optimizer.param_groups
    held = [parameter for group in groups for parameter in group["params"]]
    assert sorted(map(id, held)) == sorted(map(id, net.parameters()))
    matrices = [each for each in net.trunk.parameters() if each.ndim == 2]
    assert len(matrices) == 8 and [id(each) for each in groups[0]["params"]] == [id(each) for each in matrices]
    before = [parameter.detach().clone() for parameter in net.parameters()]
    steps(net, optimizer, 1)
    assert not any(torch.equal(old, new) for old, new in zip(before, net.parameters(), strict=True))


@pytest.mark.parametrize("method", ["point-sra", *PEERS])
def test_the_blocks_of_every_method_are_found(method):
    peer = method in PEERS
    fields = test_peer_methods.tiny(method) if peer else (*TINY, "losses.reading=1", "losses.reading_energy=1")
    learner = assemble(load_preset(method if peer else "small", (*fields, "optimizer.name=muon")), 6, 6).learner
    homes = {"maskpoint": (".blocks.", ".decoder."), "point-m2ae": (".stages.",)}.get(method, (".blocks.",))
    expected = {
        name
        for name, parameter in learner.named_parameters()
        if parameter.ndim == 2 and any(home in name for home in homes)
    }
    assert expected == block_matrices(learner)
    assert all(any(home in name for name in expected) for home in homes)
    learning = [value for name, value in learner.named_parameters() if name in expected and value.requires_grad]
    optimizer = build_optimizer("muon", learner, 0.05, 0.95)
    assert [id(each) for each in optimizer.param_groups[0]["params"]] == [id(each) for each in learning]


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_what_is_fast_is_stepped_at_a_multiple_of_the_rate(name):
    net = Net()
    optimizer = build_optimizer(name, net, 0.1, 0.95, fast=("trunk.",), factor=4.0)
    set_learning_rate(optimizer, 0.02)
    quick = {id(parameter) for parameter in net.trunk.parameters()}
    rates = {id(each): group["lr"] for group in optimizer.param_groups for each in group["params"]}
    assert {key: 0.08 if key in quick else 0.02 for key in map(id, net.parameters())} == rates


def test_a_muon_step_is_orthogonal_and_as_large_as_one_of_adamw():
    net = Net()
    weight = net.trunk.blocks[0].mlp.fc1.weight
    before = weight.detach().clone()
    steps(net, build_optimizer("muon", net, 0.0, 0.95), 1)
    change = (weight.detach() - before).double()
    values = torch.linalg.svdvals(change)
    assert values.max() / values.median() < 2.0  # Newton and Schulz bring them near one another, not to equality
    assert 0.1 * 0.02 < change.square().mean().sqrt() < 0.4 * 0.02


def test_a_resumed_optimizer_goes_on_to_the_bit():
    whole, broken = Net(), Net()
    steps(whole, build_optimizer("muon", whole, 0.1, 0.95), 6)
    first = build_optimizer("muon", broken, 0.1, 0.95)
    steps(broken, first, 3)
    second = build_optimizer("muon", broken, 0.1, 0.95)
    second.load_state_dict(first.state_dict())
    steps(broken, second, 3, first=3)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), broken.parameters(), strict=True))


@pytest.mark.parametrize("shape", [(8, 8), (24, 8), (8, 40)])
def test_muon_steps_as_that_of_torch_does(shape):
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("torch has it since 2.9")
    generator = torch.Generator().manual_seed(0)
    mine, theirs = (nn.Parameter(torch.ones(shape)) for _ in range(2))
    ours = Muon([mine], lr=0.02, weight_decay=0.1)
    reference = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    for _ in range(4):
        mine.grad = torch.randn(shape, generator=generator)
        theirs.grad = mine.grad.clone()
        ours.step()
        reference.step()
    moved = (theirs - 1).norm()
    assert (mine - theirs).norm() < 0.02 * moved  # theirs is in bfloat16


def test_muon_is_for_matrices():
    with pytest.raises(ValueError, match="matrices"):
        Muon([nn.Parameter(torch.ones(3))], lr=0.1, weight_decay=0.0)


def test_fine_tuning_refuses_muon():
    content = load_preset("shapes-classification").model_dump(mode="json")
    content["optimizer"]["name"] = "muon"
    with pytest.raises(ValidationError, match=r"optimizer\.name must be adamw"):
        FinetunePreset.model_validate(content)
