"""Nearest neighbors against loops: small, chunked, far from the origin, under autocast, and by which search."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsra.errors import SettingsError
from pointsra.ops import box_search, neighbors, plane_search, tree_search
from pointsra.ops.backends import VARIABLE
from pointsra.ops.neighbors import nearest_indices, squared_distances
from pointsra.ops.products import taken_in_full


@pytest.fixture(autouse=True, params=["auto", "plain"])
def way(request, monkeypatch):
    monkeypatch.setenv(VARIABLE, request.param)
    return request.param


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


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), asked=st.integers(1, 12), total=st.integers(1, 20))
def test_nearest_equal_the_sorted_table(seed, asked, total):
    queries, points = cloud(seed, 2, asked, 3, dtype=torch.float64), cloud(seed + 1, 2, total, 3, dtype=torch.float64)
    count = 1 + seed % total
    expected = torch.cdist(queries, points, compute_mode="donot_use_mm_for_euclid_dist").argsort(dim=-1)[..., :count]
    assert torch.equal(nearest_indices(queries, points, count), expected)


@pytest.mark.parametrize("elements", [1, 97, 2 * 50 * 3, 2 * 50 * 1000])
@pytest.mark.parametrize("count", [1, 6])
def test_chunks_change_nothing(monkeypatch, elements, count):
    queries, points = cloud(4, 3, 23, 3, dtype=torch.float64), cloud(5, 3, 50, 3, dtype=torch.float64)
    whole = nearest_indices(queries, points, count)
    monkeypatch.setattr(neighbors, "_CHUNK_ELEMENTS", elements)
    monkeypatch.setattr(plane_search, "_BLOCK", elements)
    assert torch.equal(nearest_indices(queries, points, count), whole)


def test_tables_heed_no_lowered_precision_of_products(monkeypatch):
    queries, points = cloud(27, 2, 40, 3), cloud(28, 2, 300, 3)
    exact = squared_distances(queries.double(), points.double())
    for full in (True, False):
        monkeypatch.setattr(neighbors, "taken_in_full", lambda device, full=full: full)
        torch.testing.assert_close(squared_distances(queries, points).double(), exact, atol=1e-5, rtol=1e-5)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        assert not taken_in_full(points.device)
        monkeypatch.setattr(neighbors, "taken_in_full", taken_in_full)
        torch.testing.assert_close(squared_distances(queries, points).double(), exact, atol=1e-5, rtol=1e-5)
    finally:
        torch.set_float32_matmul_precision(before)
    assert taken_in_full(points.device)


@pytest.mark.parametrize("count", [1, 9])
def test_large_clouds_are_searched_by_trees(monkeypatch, way, count):
    monkeypatch.setattr(tree_search, "_QUERIES", 700)
    monkeypatch.setattr(tree_search, "_BOXES", 1000)
    asked, points = cloud(25, 2, 1500, 3), cloud(26, 2, 1500, 3)
    assert not tree_search.pays(asked, points, count)
    monkeypatch.setattr(tree_search, "_ALL_PAIRS", 4_000_000)
    assert tree_search.pays(asked, points, count) and not tree_search.pays(asked[:, :900], points, count)
    if way == "auto":
        monkeypatch.setattr(neighbors, "nearest_by_planes", None)
        monkeypatch.setattr(box_search, "nearest_by_boxes", None)
    assert torch.equal(nearest_indices(asked, points, count), plane_search.nearest_by_planes(asked, points, count))


def test_clouds_asked_for_many_neighborhoods_are_searched_by_boxes(monkeypatch, way):
    points = cloud(29, 16, 1100, 3)
    asked = points[:, :64]
    expected = plane_search.nearest_by_planes(asked, points, 32)
    assert box_search.pays(asked, points, 32)
    assert not box_search.pays(asked[:8], points[:8], 32) and not box_search.pays(asked, points, 1)
    if way == "auto":
        monkeypatch.setattr(neighbors, "nearest_by_planes", None)
    assert torch.equal(nearest_indices(asked, points, 32), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -3e38])
def test_coordinates_that_cannot_be_squared_do_not_stop_the_search(dtype, value):
    points = cloud(22, 1, 400, 3).to(dtype)
    points[0, 4, 1] = torch.tensor(value).to(dtype)  # older torch converts no number that is too large
    assert nearest_indices(points[:, 5:50], points, 12).shape == (1, 45, 12)


def test_points_that_are_no_numbers_do_not_stop_the_search():
    points = cloud(12, 1, 30, 3)
    points[0, 4] = torch.nan
    found = nearest_indices(points[:, 5:], points, 3)
    assert found.shape == (1, 25, 3) and bool(((found >= 0) & (found < 30)).all())


def test_an_unknown_way_is_refused(monkeypatch):
    monkeypatch.setenv(VARIABLE, "quick")
    with pytest.raises(SettingsError, match="quick is not known"):
        nearest_indices(cloud(0, 1, 4, 3), cloud(1, 1, 4, 3), 1)


@pytest.mark.parametrize(("count", "table", "blocks"), [(1, "_squared", 16), (2, "_candidates", 8)])
def test_chunks_really_bound_the_table(monkeypatch, way, count, table, blocks):
    sizes = []
    place, name = (neighbors, "squared_distances") if way == "plain" else (plane_search, table)
    direct = getattr(place, name)

    def watched(*arguments):
        found = direct(*arguments)
        sizes.append((arguments[2] if name == "_candidates" else found).numel())
        return found

    monkeypatch.setattr(neighbors, "_CHUNK_ELEMENTS", 400)
    monkeypatch.setattr(plane_search, "_BLOCK", 400)
    monkeypatch.setattr(plane_search, "_SHORT_ROWS", 0)
    monkeypatch.setattr(place, name, watched)
    nearest_indices(cloud(0, 2, 31, 3), cloud(1, 2, 50, 3), count)
    assert len(sizes) == (8 if way == "plain" else blocks)
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
