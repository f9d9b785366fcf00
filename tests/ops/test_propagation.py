"""Features carried from coarse points to finer ones."""

from __future__ import annotations

import torch

from pointsra.ops.propagation import propagate


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_equals_the_mean_written_out():
    features, known, wanted = some(2, 6, 4), some(2, 6, 3, seed=1), some(2, 9, 3, seed=2)
    result = propagate(features, known, wanted)
    for cloud in range(2):
        for point in range(9):
            squared = [
                (float((wanted[cloud, point] - other).square().sum()), k) for k, other in enumerate(known[cloud])
            ]
            nearest = sorted(squared)[:3]
            total = sum(1.0 / (distance + 1e-8) for distance, _ in nearest)
            mean = sum(features[cloud, k] / (distance + 1e-8) for distance, k in nearest) / total
            assert torch.allclose(result[cloud, point], mean, atol=1e-5)


def test_a_point_on_another_takes_its_feature():
    features, known = some(1, 5, 4), some(1, 5, 3, seed=1)
    assert torch.allclose(propagate(features, known, known), features, atol=1e-4)


def test_fewer_than_three_points_all_take_part():
    features = some(1, 1, 4)
    assert torch.allclose(propagate(features, some(1, 1, 3), some(1, 7, 3, seed=1)), features.expand(1, 7, 4))


def test_gradients_reach_the_features_alone():
    features, known = some(1, 5, 4).requires_grad_(), some(1, 5, 3, seed=1)
    propagate(features, known, some(1, 8, 3, seed=2)).sum().backward()
    assert torch.allclose(features.grad.sum(), torch.tensor(32.0))  # the weights of each point add up to 1
