"""Orders that hide: permutations, nested at every ratio, and hiding what they promise to hide."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsra.ops.masks import block_order, level_order, random_order, view_order, visible_count

ORDERS = {
    "random": lambda centers, generator: random_order(centers.shape[0], centers.shape[1], generator),
    "block": block_order,
    "view": view_order,
    "level": level_order,
}


def cloud(seed, clouds=3, groups=24):
    return torch.randn(clouds, groups, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", ORDERS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), groups=st.integers(1, 30))
def test_orders_are_permutations_and_follow_the_generator(kind, seed, groups):
    centers = cloud(seed, 3, groups)
    order = ORDERS[kind](centers, torch.Generator().manual_seed(seed))
    assert torch.equal(order.sort(dim=1).values, torch.arange(groups).expand(3, -1))
    assert torch.equal(order, ORDERS[kind](centers, torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize("kind", ORDERS)
def test_orders_differ_with_the_generator(kind):
    centers = cloud(0)
    orders = [ORDERS[kind](centers, torch.Generator().manual_seed(seed)) for seed in range(8)]
    assert any(not torch.equal(orders[0], order) for order in orders[1:])


@pytest.mark.parametrize("kind", ORDERS)
@pytest.mark.parametrize(("larger", "smaller"), [(0.75, 0.3), (0.5, 0.1), (0.9, 0.0)])
def test_student_sees_a_part_of_what_the_teacher_sees(kind, larger, smaller):
    order = ORDERS[kind](cloud(1), torch.Generator().manual_seed(1))
    student = order[:, : visible_count(24, larger)]
    teacher = order[:, : visible_count(24, smaller)]
    assert student.shape[1] < teacher.shape[1]
    for row in range(3):
        assert set(student[row].tolist()) < set(teacher[row].tolist())


def test_random_order_favors_no_patch():
    order = random_order(4000, 8, torch.Generator().manual_seed(0))
    share = torch.bincount(order[:, :2].flatten(), minlength=8) / 4000
    torch.testing.assert_close(share, torch.full((8,), 0.25), atol=0.04, rtol=0)


def test_block_hides_a_center_and_its_nearest():
    centers = cloud(2)
    order = block_order(centers, torch.Generator().manual_seed(5))
    for row in range(3):
        chosen = centers[row, order[row, -1]]  # the chosen center is nearest to itself, hence the last
        far = (centers[row] - chosen).norm(dim=-1)
        hidden, shown = order[row, 6:], order[row, :6]
        assert far[hidden].max() <= far[shown].min()
        assert bool((far[order[row]].diff() <= 0).all())


def test_blocks_are_chosen_for_each_cloud_apart():
    centers = cloud(3, 1).expand(40, -1, -1)
    last = block_order(centers, torch.Generator().manual_seed(0))[:, -1]
    assert len(last.unique()) > 10


def test_view_hides_what_lies_farthest_from_one_eye():
    """The eye is three radii out in the direction drawn; patches are sorted by their distance to it."""
    centers = cloud(4) + torch.tensor([5.0, 0.0, -2.0])
    order = view_order(centers, torch.Generator().manual_seed(9))
    direction = torch.randn(3, 1, 3, generator=torch.Generator().manual_seed(9))
    for row in range(3):
        middle = centers[row].mean(dim=0)
        radius = max(float((center - middle).norm()) for center in centers[row])
        eye = middle + 3 * radius * direction[row, 0] / direction[row, 0].norm()
        far = (centers[row] - eye).norm(dim=-1)
        assert bool((far[order[row]].diff() >= 0).all())


def test_view_directions_cover_the_sphere():
    corners = torch.tensor([[x, y, z] for x in (-1.0, 1) for y in (-1.0, 1) for z in (-1.0, 1)])
    nearest = view_order(corners.expand(400, -1, -1), torch.Generator().manual_seed(0))[:, 0]
    assert torch.bincount(nearest, minlength=8).min() > 25


def test_a_level_cut_hides_the_top_or_the_bottom_of_each_cloud():
    centers = cloud(6, 200)
    order = level_order(centers, torch.Generator().manual_seed(2))
    steps = centers[..., 1].gather(1, order).diff(dim=1)
    upward, downward = (steps >= 0).all(dim=1), (steps <= 0).all(dim=1)
    assert bool((upward ^ downward).all())
    assert 70 < int(upward.sum()) < 130


@pytest.mark.parametrize("kind", ["block", "view", "level"])
def test_a_cloud_in_one_point_is_still_a_permutation(kind):
    order = ORDERS[kind](torch.zeros(2, 6, 3), torch.Generator().manual_seed(0))
    assert torch.equal(order.sort(dim=1).values, torch.arange(6).expand(2, -1))


@pytest.mark.parametrize(
    ("groups", "ratio", "visible"),
    [(64, 0.75, 16), (64, 0.3, 45), (64, 0.0, 64), (64, 1.0, 1), (1, 0.75, 1), (10, 0.99, 1), (128, 0.6, 52)],
)
def test_visible_count_is_point_mae_s(groups, ratio, visible):
    assert visible_count(groups, ratio) == visible
