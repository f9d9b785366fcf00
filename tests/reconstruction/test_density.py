"""Any number of points: fewer stay spread, more lie between neighbors, none is lost."""

from __future__ import annotations

import torch

from pointsra.ops.randomness import stream
from pointsra.reconstruction.density import evened_out, with_count


def test_as_many_or_fewer_are_points_of_the_cloud_and_spread():
    points = torch.rand(2, 200, 3, generator=stream(0, "points"))
    for count in (1, 17, 200):
        kept = with_count(points, count, 0)
        assert kept.shape == (2, count, 3)
        assert all((kept[row][:, None] == points[row]).all(-1).any(1).all() for row in range(2))
    apart = torch.cdist(with_count(points, 20, 0)[0], with_count(points, 20, 0)[0]) + torch.eye(20)
    assert apart.min() > 0.2  # 20 random points of the unit cube come closer


def test_more_points_keep_the_old_and_stay_on_a_plane():
    points = torch.rand(3, 100, 3, generator=stream(1, "points"))
    points[..., 1] = 0.25
    dense = with_count(points, 370, 5)
    assert dense.shape == (3, 370, 3)
    assert torch.equal(dense[:, :100], points)
    torch.testing.assert_close(dense[..., 1], torch.full((3, 370), 0.25))
    nearest = torch.cdist(dense[0, 100:], points[0]).min(1).values
    assert 0 < nearest.max() < 0.2
    assert torch.equal(dense, with_count(points, 370, 5))
    assert not torch.equal(dense, with_count(points, 370, 6))
    torch.testing.assert_close(dense[:2], with_count(points[:2], 370, 5))  # whatever else is drawn


def test_one_point_is_repeated():
    assert with_count(torch.ones(2, 1, 3), 4, 0).tolist() == torch.ones(2, 4, 3).tolist()


def _crowded(count: int) -> torch.Tensor:
    """(2, count, 3) points of a board, crowded toward one of its sides."""
    points = torch.rand(2, count, 3, generator=stream(2, "points"))
    points[..., 0] = points[..., 0] ** 2
    points[..., 1] = 0.25
    return points


def test_evening_out_fills_gaps_and_stays_on_a_board():
    points = _crowded(600)
    even = evened_out(points)
    torch.testing.assert_close(even[..., 1], points[..., 1], atol=1e-6, rtol=0)
    grid = torch.cartesian_prod(torch.linspace(0.05, 0.95, 19), torch.tensor([0.25]), torch.linspace(0.05, 0.95, 19))
    before, after = (torch.cdist(grid, each).min(-1).values.square().mean() for each in (points, even))
    assert after < 0.8 * before
    apart = [torch.cdist(each[0], each[0]).fill_diagonal_(1).min(1).values for each in (points, even)]
    assert apart[1].mean() > 1.4 * apart[0].mean()
    assert apart[1].std() / apart[1].mean() < 0.75 * apart[0].std() / apart[0].mean()
    torch.testing.assert_close(even[:1], evened_out(points[:1]))  # whatever else is drawn


def test_evening_out_moves_points_along_a_rod_and_not_out_of_it():
    rod = torch.randn(1, 300, 3, generator=stream(3, "points")) * torch.tensor([0.01, 0.01, 0.0])
    rod[..., 2] = torch.rand(1, 300, generator=stream(4, "points")) ** 2
    even = evened_out(rod)
    assert (even[..., :2] - rod[..., :2]).norm(dim=-1).mean() < 0.003
    assert (even[..., 2] - rod[..., 2]).abs().mean() > 0.005


def test_evening_out_leaves_few_or_equal_points_alone():
    few = torch.rand(1, 32, 3, generator=stream(5, "points"))
    assert torch.equal(evened_out(few), few)
    assert torch.equal(evened_out(torch.full((2, 50, 3), 0.3)), torch.full((2, 50, 3), 0.3))
    empty = torch.zeros(2, 0, 3)
    assert evened_out(empty).shape == (2, 0, 3)
