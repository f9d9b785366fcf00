"""Nearest neighbors against loops: small, chunked, far from the origin, and under autocast."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsra.ops import neighbors
from pointsra.ops.neighbors import nearest_indices, squared_distances


def cloud(seed, *shape, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def distances_by_loops(queries, points):
    table = np.zeros((len(queries), len(queries[0]), len(points[0])))
    for row in range(len(queries)):
        for i, query in enumerate(queries[row].double().numpy()):
            for j, point in enumerate(points[row].double().numpy()):
                table[row, i, j] = ((query - point) ** 2).sum()
    return torch.from_numpy(table)


def test_distances_equal_three_loops():
    queries, points = cloud(0, 2, 7, 3), cloud(1, 2, 11, 3)
    torch.testing.assert_close(
        squared_distances(queries, points).double(), distances_by_loops(queries, points), atol=1e-5, rtol=1e-5
    )


def test_distance_to_itself_is_never_negative():
    points = 100.0 + cloud(2, 1, 200, 3)
    table = squared_distances(points, points)
    assert bool((table >= 0).all())
    assert table.diagonal(dim1=1, dim2=2).max() < 1e-5


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_clouds_far_from_the_origin_keep_their_neighbors(offset):
    # Coordinates are multiples of 2⁻¹⁰, so that moving them by 1000 rounds nothing.
    points = (cloud(3, 1, 300, 3) * 1024).round() / 1024 + offset
    true = distances_by_loops(points[:, :40], points).sort(dim=-1).values[..., :8]
    found = nearest_indices(points[:, :40], points, 8)
    reached = distances_by_loops(points[:, :40], points).gather(2, found)
    torch.testing.assert_close(reached, true, atol=1e-6, rtol=0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), asked=st.integers(1, 12), total=st.integers(1, 20))
def test_nearest_equal_the_sorted_table(seed, asked, total):
    queries, points = cloud(seed, 2, asked, 3, dtype=torch.float64), cloud(seed + 1, 2, total, 3, dtype=torch.float64)
    count = 1 + seed % total
    expected = torch.cdist(queries, points, compute_mode="donot_use_mm_for_euclid_dist").argsort(dim=-1)[..., :count]
    assert torch.equal(nearest_indices(queries, points, count), expected)


@pytest.mark.parametrize("elements", [1, 97, 2 * 50 * 3, 2 * 50 * 1000])
def test_chunks_change_nothing(monkeypatch, elements):
    queries, points = cloud(4, 2, 23, 3, dtype=torch.float64), cloud(5, 2, 50, 3, dtype=torch.float64)
    whole = nearest_indices(queries, points, 6)
    monkeypatch.setattr(neighbors, "_CHUNK_ELEMENTS", elements)
    assert torch.equal(nearest_indices(queries, points, 6), whole)


def test_chunks_really_bound_the_table(monkeypatch):
    sizes = []
    direct = squared_distances

    def watched(queries, points):
        table = direct(queries, points)
        sizes.append(table.numel())
        return table

    monkeypatch.setattr(neighbors, "_CHUNK_ELEMENTS", 400)
    monkeypatch.setattr(neighbors, "squared_distances", watched)
    nearest_indices(cloud(0, 2, 31, 3), cloud(1, 2, 50, 3), 2)
    assert len(sizes) == 8
    assert max(sizes) <= 400


def test_autocast_does_not_reach_the_distances():
    points = cloud(6, 1, 200, 3)
    plain = squared_distances(points, points)
    with torch.autocast("cpu", torch.bfloat16):
        cast = squared_distances(points, points)
    assert cast.dtype == torch.float32
    assert torch.equal(cast, plain)


@pytest.mark.parametrize("count", [0, 5])
def test_count_outside_the_cloud_is_refused(count):
    with pytest.raises(ValueError, match="1 … 4"):
        nearest_indices(torch.zeros(1, 2, 3), torch.zeros(1, 4, 3), count)


def test_only_allowed_points_are_taken_and_few_are_repeated():
    points = cloud(7, 2, 40, 3, dtype=torch.float64)
    allowed = torch.rand(2, 40, generator=torch.Generator().manual_seed(8)) < 0.5
    found = nearest_indices(points, points, 6, allowed)
    for row in range(2):
        kept = allowed[row].nonzero().squeeze(1)
        assert torch.equal(found[row], kept[nearest_indices(points[row][None], points[row, kept][None], 6)[0]])
    lone = torch.zeros(2, 40, dtype=torch.bool)
    lone[:, 11] = True
    assert torch.equal(nearest_indices(points, points, 3, lone), torch.full((2, 40, 3), 11))
