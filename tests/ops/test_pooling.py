"""Soft pooling."""

from __future__ import annotations

import math

import torch

from pointsra.ops.pooling import soft_pool


def test_equals_the_sum_written_out():
    tokens = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    result = soft_pool(tokens)
    for cloud in range(2):
        for channel in range(3):
            values = tokens[cloud, :, channel].tolist()
            total = sum(math.exp(value) for value in values)
            wanted = sum(value * math.exp(value) / total for value in values)
            assert abs(float(result[cloud, channel]) - wanted) < 1e-5


def test_large_values_do_not_overflow():
    assert torch.equal(soft_pool(torch.full((1, 4, 2), 300.0)), torch.full((1, 2), 300.0))


def test_weights_count_as_constants_in_the_gradient():
    tokens = torch.randn(1, 5, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    soft_pool(tokens).sum().backward()
    assert torch.allclose(tokens.grad, tokens.detach().softmax(dim=1))
