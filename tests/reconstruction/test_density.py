"""Any number of points: fewer stay spread, more lie between neighbors, none is lost."""

from __future__ import annotations

import torch

from pointsra.ops.randomness import stream
from pointsra.reconstruction.density import with_count


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
