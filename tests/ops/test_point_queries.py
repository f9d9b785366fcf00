"""Places on a cloud and beside it."""

from __future__ import annotations

import torch

from pointsra.ops.point_queries import real_and_fake
from pointsra.ops.sampling import farthest_point_indices, gather_points


def drawn(seed=0):
    points = torch.randn(2, 90, 3, generator=torch.Generator().manual_seed(9))
    return points, real_and_fake(points, 20, 300, torch.Generator().manual_seed(seed))


def test_real_ones_are_the_farthest_points():
    points, queries = drawn()
    assert queries.points.shape == (2, 320, 3) and queries.labels.shape == (2, 320)
    assert torch.equal(queries.points[:, :20], gather_points(points, farthest_point_indices(points, 20)))
    assert bool((queries.labels[:, :20] == 1).all())


def test_fake_ones_fill_the_box_of_the_real_ones():
    _, queries = drawn()
    real, fake = queries.points[:, :20], queries.points[:, 20:]
    low, high = real.amin(dim=1, keepdim=True), real.amax(dim=1, keepdim=True)
    assert bool(((fake >= low) & (fake <= high)).all())
    spread = (fake - low) / (high - low)
    assert torch.allclose(spread.mean(dim=1), torch.full((2, 3), 0.5), atol=0.06)
    assert float(spread.amin()) < 0.03 and float(spread.amax()) > 0.97


def test_a_place_nearer_than_the_mean_spacing_is_undecided():
    points, queries = drawn()
    for cloud in range(2):
        real = queries.points[cloud, :20]
        apart = [min(float((real[i] - real[j]).norm()) for j in range(20) if j != i) for i in range(20)]
        spacing = sum(apart) / 20
        for place, label in zip(queries.points[cloud, 20:], queries.labels[cloud, 20:].tolist(), strict=True):
            away = float((points[cloud] - place).norm(dim=-1).min())
            assert label == (-1 if away < spacing else 0)
    assert {-1, 0, 1} == set(queries.labels.flatten().tolist())


def test_draws_follow_from_the_generator():
    assert torch.equal(drawn(1)[1].points, drawn(1)[1].points)
    assert not torch.equal(drawn(1)[1].points, drawn(2)[1].points)
