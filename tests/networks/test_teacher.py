"""The average follows its student by its formula, teaches in eval mode, and never learns by gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pointsra.networks.patch_embedding import PatchEmbedding
from pointsra.networks.teacher import Average, cosine_momentum


def student():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_follows_by_the_formula_and_copies_buffers(perturbed):
    network = student()
    average = Average(network)
    before = [parameter.clone() for parameter in average.network.parameters()]
    perturbed(network, 1.0)
    network.train()(torch.randn(8, 3, generator=torch.Generator().manual_seed(0)))
    average.follow(network, 0.9)
    for old, new, goal in zip(before, average.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(new, 0.9 * old + 0.1 * goal)
    for copy, original in zip(average.network.buffers(), network.buffers(), strict=True):
        assert torch.equal(copy, original)
    assert average.network[1].num_batches_tracked == 1


def test_momentum_one_stays_and_zero_copies(perturbed):
    network = student()
    average = Average(network)
    start = {name: value.clone() for name, value in average.network.named_parameters()}
    perturbed(network, 1.0)
    average.follow(network, 1.0)
    assert all(torch.equal(value, start[name]) for name, value in average.network.named_parameters())
    average.follow(network, 0.0)
    for value, goal in zip(average.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(value, goal)


def test_is_a_copy_of_its_own(perturbed):
    network = student()
    average = Average(network)
    before = average.network[0].weight.clone()
    perturbed(network)
    assert torch.equal(average.network[0].weight, before)


def test_is_always_in_eval_mode_without_gradients():
    network = PatchEmbedding(8, (4, 4, 4)).train()
    average = Average(network)
    for holder in (average, nn.ModuleList([average])):
        holder.train()
        assert not any(module.training for module in average.modules())
    assert network.training and all(parameter.requires_grad for parameter in network.parameters())
    average.network(torch.randn(2, 3, 4, 3))
    assert average.network.first[1].num_batches_tracked == 0
    assert not any(parameter.requires_grad for parameter in average.parameters())
    average.follow(network, 0.5)
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert not average.network(torch.randn(2, 3, 4, 3)).requires_grad


def test_cosine_momentum():
    assert cosine_momentum(0.996, 0, 100) == pytest.approx(0.996)
    assert cosine_momentum(0.996, 50, 100) == pytest.approx(0.998)
    assert cosine_momentum(0.996, 100, 100) == 1.0
    assert cosine_momentum(0.996, 140, 100) == 1.0
    assert 0.996 <= cosine_momentum(0.996, 0, 0) <= 1.0
    steps = [cosine_momentum(0.9, step, 20) for step in range(21)]
    assert steps == sorted(steps) and len(set(steps)) == 21
