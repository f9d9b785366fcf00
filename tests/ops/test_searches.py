"""The three searches of a CPU against sorted tables: ties, blocks, clouds far from the origin, solids and surfaces."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from pointsra.ops import box_search, plane_search, tree_search


def cloud(seed, *shape, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


SEARCHES = {
    "planes": plane_search.nearest_by_planes,
    "boxes": box_search.nearest_by_boxes,
    "tree": tree_search.nearest_by_tree,
}


@pytest.fixture(params=SEARCHES)
def search(request):
    return SEARCHES[request.param]


@pytest.mark.parametrize(("total", "count"), [(2048, 32), (1000, 7), (97, 32), (40, 40), (5, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_distances_come_in_the_order_of_their_indices(search, total, count, dtype):
    # Points of a coarse grid: most distances occur many times.
    points = torch.randint(-3, 4, (2, total, 3), generator=torch.Generator().manual_seed(total)).to(dtype)
    queries = points[:, : min(total, 60)]
    table = (queries.unsqueeze(2) - points.unsqueeze(1)).square().sum(-1)
    expected = table.sort(dim=-1, stable=True).indices
    assert torch.equal(search(queries, points, count), expected[..., :count])
    assert torch.equal(search(queries, points, 1), expected[..., :1])


def scattered(name, total, dtype):
    points = cloud(20, 3, total, 3, dtype=dtype)
    if name == "far":
        points += 3000.0
    elif name == "outlier":
        points[:, total // 2] = 1e6
    elif name == "tiny":
        points *= 1e-21
    elif name == "huge":
        points *= 1e17
    elif name == "one place":
        points[:] = points[:, :1]
    elif name == "flat":
        points[..., 1] = 7.0
    return points


@pytest.mark.parametrize("name", ["plain", "far", "outlier", "tiny", "huge", "one place", "flat"])
@pytest.mark.parametrize(("total", "count"), [(1500, 32), (1031, 9), (130, 2), (20, 19)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_equal_the_sorted_differences_wherever_clouds_lie(search, name, total, count, dtype):
    points = scattered(name, total, dtype)
    queries = torch.cat([points[:, : total // 10], scattered("plain", 40, dtype) * points.std()], dim=1)
    gaps = queries.unsqueeze(2) - points.unsqueeze(1)
    x, y, z = gaps.square().unbind(dim=-1)
    expected = (x + y + z).sort(dim=-1, stable=True).indices[..., :count]
    assert torch.equal(search(queries, points, count), expected)


@pytest.mark.parametrize("widest", [8, 64, 600])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_planes_search_many_points_in_parts(monkeypatch, widest, dtype):
    points = scattered("plain", 1031, dtype)
    whole = plane_search.nearest_by_planes(points, points, 11)
    monkeypatch.setattr(plane_search, "_WIDEST", widest)
    assert torch.equal(plane_search.nearest_by_planes(points, points, 11), whole)


@pytest.fixture
def asked_again(monkeypatch):
    """How many queries are answered from all of their distances."""
    direct, sizes = plane_search._of_all, []

    def watched(points, asking, count):
        sizes.append(asking.shape[1])
        return direct(points, asking, count)

    monkeypatch.setattr(plane_search, "_of_all", watched)
    return sizes


def test_planes_look_again_where_rounding_may_have_left_a_neighbor_out(asked_again):
    points = torch.cartesian_prod(*[torch.arange(9.0)] * 3)[None]
    table = (points.unsqueeze(2) - points.unsqueeze(1)).square().sum(-1)
    expected = table.sort(dim=-1, stable=True).indices[..., :40]
    assert torch.equal(plane_search.nearest_by_planes(points, points, 40), expected)
    assert sum(asked_again) > 100


@pytest.mark.parametrize("shift", [0.0, 5e5])
def test_planes_look_once_at_a_room_in_metres(asked_again, shift):
    points = 10 * cloud(24, 1, 20_000, 3).remainder(1.0)
    points[..., 2] *= 0.01
    plane_search.nearest_by_planes(points[:, :500].double() + shift, points.double() + shift, 16)
    plane_search.nearest_by_planes(points[:, :500], points, 16)
    assert not asked_again


@pytest.mark.parametrize("precision", ["highest", "medium"])
def test_planes_heed_neither_autocast_nor_the_precision_of_products(precision):
    points = scattered("plain", 1500, torch.float32)
    expected = plane_search.nearest_by_planes(points.double(), points.double(), 32)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision(precision)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = plane_search.nearest_by_planes(points, points, 32)
    finally:
        torch.set_float32_matmul_precision(before)
    assert torch.equal(found, expected)


def test_nothing_asked_nothing_found(search):
    for count in (1, 4):
        assert search(torch.zeros(2, 0, 3), cloud(21, 2, 9, 3), count).shape == (2, 0, count)
        assert search(torch.zeros(0, 5, 3), torch.zeros(0, 9, 3), count).shape == (0, 5, count)


@pytest.fixture
def opened(monkeypatch):
    """How many queries opened how many boxes."""
    direct, times = box_search._in_opened, Counter()

    def watched(cells, asked, boxes, count, room):
        times[boxes] += len(asked.owners)
        return direct(cells, asked, boxes, count, room)

    monkeypatch.setattr(box_search, "_in_opened", watched)
    return times


def test_a_surface_is_found_in_the_boxes_opened_first(opened, monkeypatch):
    monkeypatch.setattr(box_search, "nearest_by_planes", None)
    points = torch.nn.functional.normalize(cloud(30, 4, 2048, 3), dim=-1)
    box_search.nearest_by_boxes(points[:, :128], points, 32)
    assert opened == {16: 512}


def test_a_solid_opens_more_boxes_for_some(opened, monkeypatch):
    monkeypatch.setattr(box_search, "nearest_by_planes", None)
    points = cloud(31, 4, 2048, 3)
    box_search.nearest_by_boxes(points[:, :128], points, 32)
    assert opened[16] == 512 and 0 < opened[32] < 128


def test_ties_open_no_more_boxes_than_they_need(opened, monkeypatch):
    monkeypatch.setattr(box_search, "nearest_by_planes", None)
    points = torch.cartesian_prod(*[torch.arange(13.0)] * 3)[None]
    asked = points[:, ::11]
    table = (asked.unsqueeze(2) - points.unsqueeze(1)).square().sum(-1)
    found = box_search.nearest_by_boxes(asked, points, 20)
    assert torch.equal(found, table.sort(dim=-1, stable=True).indices[..., :20])
    assert opened[13] == asked.shape[1] and max(opened) <= 26


def test_repeated_points_are_asked_of_all_where_boxes_cannot_tell(opened):
    points = torch.zeros(1, 1500, 3)
    points[0, 1400:] = cloud(32, 100, 3)
    found = box_search.nearest_by_boxes(points[:, :40], points, 32)
    assert torch.equal(found, torch.arange(32).expand(1, 40, 32)) and max(opened) == 64


@pytest.mark.parametrize("elements", [1, 4000, 1 << 16])
def test_blocks_change_nothing_that_boxes_find(monkeypatch, elements):
    points = cloud(33, 3, 1031, 3)
    asked = torch.cat([points[:, ::9], 3 * cloud(34, 3, 20, 3)], dim=1)
    monkeypatch.setattr(box_search, "_BLOCK", elements)
    found = box_search.nearest_by_boxes(asked, points, 12)
    assert torch.equal(found, plane_search.nearest_by_planes(asked, points, 12))
