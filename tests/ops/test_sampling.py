"""Farthest-point and random sampling against loops, and gathering against indexing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsra.ops.sampling import farthest_point_indices, gather_points, random_indices


def cloud(seed, *shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def farthest_by_loops(points, count):
    """The slow twin: for every choice, measure everything to everything chosen."""
    chosen = [0]
    while len(chosen) < count:
        gaps = [min(np.sum((point - points[other]) ** 2) for other in chosen) for point in points]
        chosen.append(int(np.argmax(gaps)))
    return chosen


@pytest.mark.parametrize("seed", range(3))
def test_farthest_points_equal_the_loops(seed):
    points = cloud(seed, 2, 40, 3)
    result = farthest_point_indices(points, 17)
    assert result.dtype == torch.int64
    for row in range(2):
        assert result[row].tolist() == farthest_by_loops(points[row].numpy(), 17)


def test_farthest_points_on_a_line_are_known():
    line = torch.tensor([[[0.0, 0, 0], [1.0, 0, 0], [2.2, 0, 0], [10.0, 0, 0]]])
    assert farthest_point_indices(line, 4).tolist() == [[0, 3, 2, 1]]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), total=st.integers(1, 30))
def test_all_points_are_a_permutation_and_shorter_choices_are_its_start(seed, total):
    points = cloud(seed, 2, total, 3)
    whole = farthest_point_indices(points, total)
    assert torch.equal(whole.sort(dim=1).values, torch.arange(total).expand(2, -1))
    count = 1 + seed % total
    assert torch.equal(farthest_point_indices(points, count), whole[:, :count])
    assert torch.equal(farthest_point_indices(points, total), whole)


def test_farthest_points_do_not_depend_on_where_the_cloud_stands_or_how_large_it_is():
    points = cloud(3, 1, 60, 3)
    moved = 2.0 * points + torch.tensor([8.0, -16.0, 4.0], dtype=torch.float64)
    assert torch.equal(farthest_point_indices(moved, 20), farthest_point_indices(points, 20))


def test_every_distinct_place_is_taken_before_a_duplicate():
    places = cloud(1, 1, 5, 3)
    points = places.repeat(1, 4, 1)
    chosen = gather_points(points, farthest_point_indices(points, 5))[0]
    assert len(torch.unique(chosen, dim=0)) == 5
    assert farthest_point_indices(points, 20).shape == (1, 20)


@pytest.mark.parametrize("count", [0, -1, 6])
def test_count_outside_the_cloud_is_refused(count):
    with pytest.raises(ValueError, match="1 … 5"):
        farthest_point_indices(torch.zeros(1, 5, 3), count)


@pytest.mark.parametrize("shape", [(5, 3), (1, 5, 2), (1, 2, 5, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"\(B, N, 3\)"):
        farthest_point_indices(torch.zeros(*shape), 2)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), total=st.integers(1, 12), count=st.integers(1, 40))
def test_random_indices_use_every_point_before_repeating_any(seed, total, count):
    drawn = random_indices(3, total, count, torch.Generator().manual_seed(seed))
    assert drawn.shape == (3, count)
    for row in drawn:
        times = torch.bincount(row, minlength=total)
        assert len(times) == total
        assert int(times.max() - times.min()) <= 1
    assert torch.equal(drawn, random_indices(3, total, count, torch.Generator().manual_seed(seed)))


def test_random_indices_differ_between_clouds():
    drawn = random_indices(2, 50, 50, torch.Generator().manual_seed(0))
    assert not torch.equal(drawn[0], drawn[1])


def test_gather_equals_indexing_for_any_number_of_axes():
    values = cloud(0, 3, 9, 4)
    indices = torch.randint(9, (3, 5, 2), generator=torch.Generator().manual_seed(0))
    expected = torch.stack([values[row][indices[row]] for row in range(3)])
    assert torch.equal(gather_points(values, indices), expected)


@pytest.mark.parametrize(("total", "count"), [(8, 4), (8, 8), (8, 12)])
def test_the_first_index_is_as_random_as_the_choice(total, count):
    # Farthest-point sampling begins with it. 2,400 draws, 300 expected of each: five deviations are 81.
    generator = torch.Generator().manual_seed(3)
    first = torch.cat([random_indices(4, total, count, generator)[:, 0] for _ in range(600)])
    assert (torch.bincount(first, minlength=total) - 300).abs().max() < 81
    assert (
        torch.bincount(random_indices(4000, total, 4, generator).flatten(), minlength=total) - 2000
    ).abs().max() < 200
