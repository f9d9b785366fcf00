"""Chamfer distances against loops, a KD-tree and finite differences, by planes and by plain tables."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from pointsra.ops.backends import VARIABLE
from pointsra.ops.chamfer import chamfer_l1, chamfer_l2, nearest_squared


@pytest.fixture(autouse=True, params=["auto", "plain"])
def _way(request, monkeypatch):
    monkeypatch.setenv(VARIABLE, request.param)


def cloud(seed, *shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def by_loops(first, second):
    """The slow twin: CD-L2 and CD-L1 of two clouds."""
    forward = [min(sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) for q in second) for p in first]
    backward = [min(sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) for p in first) for q in second]
    squared = np.mean(forward) + np.mean(backward)
    plain = (np.mean(np.sqrt(forward)) + np.mean(np.sqrt(backward))) / 2
    return squared, plain


def test_values_equal_the_loops():
    first, second = cloud(0, 3, 9, 3), cloud(1, 3, 14, 3)
    for row in range(3):
        squared, plain = by_loops(first[row].tolist(), second[row].tolist())
        assert chamfer_l2(first, second)[row].item() == pytest.approx(squared)
        assert chamfer_l1(first, second)[row].item() == pytest.approx(plain)


@pytest.mark.parametrize("offset", [0.0, 50.0])
def test_values_equal_a_kd_tree_in_single_precision(offset):
    first, second = cloud(2, 1, 500, 3).float() + offset, cloud(3, 1, 700, 3).float() + offset
    a, b = first[0].double().numpy(), second[0].double().numpy()
    expected = np.square(cKDTree(b).query(a)[0]).mean() + np.square(cKDTree(a).query(b)[0]).mean()
    assert chamfer_l2(first, second).item() == pytest.approx(expected, rel=1e-3)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), n=st.integers(1, 15), m=st.integers(1, 15))
def test_symmetric_and_blind_to_order_and_place(seed, n, m):
    first, second = cloud(seed, 1, n, 3), cloud(seed + 1, 1, m, 3)
    value = chamfer_l2(first, second)
    torch.testing.assert_close(chamfer_l2(second, first), value)
    torch.testing.assert_close(chamfer_l2(first.flip(1), second), value)
    torch.testing.assert_close(chamfer_l2(first + 3.0, second + 3.0), value)
    torch.testing.assert_close(chamfer_l2(2.0 * first, 2.0 * second), 4.0 * value)
    torch.testing.assert_close(chamfer_l1(2.0 * first, 2.0 * second), 2.0 * chamfer_l1(first, second))


def test_a_cloud_is_at_no_distance_from_itself():
    points = cloud(4, 2, 30, 3)
    assert chamfer_l2(points, points.flip(1)).max() < 1e-12


@pytest.mark.parametrize("distance", [chamfer_l2, chamfer_l1])
def test_gradients_equal_finite_differences(distance):
    first, second = cloud(5, 2, 6, 3).requires_grad_(), cloud(6, 2, 7, 3).requires_grad_()
    assert torch.autograd.gradcheck(distance, (first, second), eps=1e-6, atol=1e-6)


def test_values_and_gradients_equal_those_of_the_full_table():
    first, second = cloud(7, 2, 40, 3).requires_grad_(), cloud(8, 2, 55, 3).requires_grad_()
    table = (first.unsqueeze(2) - second.unsqueeze(1)).square().sum(-1)
    full = table.amin(dim=2), table.amin(dim=1)
    full_gradients = torch.autograd.grad(full[0].sum() + full[1].square().sum(), (first, second))
    found = nearest_squared(first, second)
    gradients = torch.autograd.grad(found[0].sum() + found[1].square().sum(), (first, second))
    for one, other in zip((*found, *gradients), (*full, *full_gradients), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("distance", [chamfer_l2, chamfer_l1])
def test_coinciding_points_have_finite_gradients(distance):
    first = cloud(9, 1, 5, 3).requires_grad_()
    second = torch.cat([first.detach()[:, :3], cloud(10, 1, 3, 3)], dim=1)
    (gradient,) = torch.autograd.grad(distance(first, second).sum(), first)
    assert bool(gradient.isfinite().all())
    assert gradient.abs().sum() > 0


def test_autocast_leaves_the_loss_in_full_precision():
    first, second = cloud(11, 2, 60, 3).float(), cloud(12, 2, 60, 3).float()
    plain = chamfer_l2(first, second)
    with torch.autocast("cpu", torch.bfloat16):
        cast = chamfer_l2(first, second)
    torch.testing.assert_close(cast, plain)
