"""Morton order against interleaving bits one at a time, and exact assignment against all permutations."""

from __future__ import annotations

import itertools

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsra.ops.ordering import hungarian_order, morton_order
from pointsra.ops.sampling import gather_points


def cloud(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def code_by_loops(point):
    """The slow twin: bit by bit, y before z before x."""
    cells = [min(max(int((value + 4.0) / 8.0 * 1024), 0), 1023) for value in point]
    bits = ""
    for place in reversed(range(10)):
        for axis in (1, 2, 0):
            bits += str((cells[axis] >> place) & 1)
    return int(bits, 2)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 40), spread=st.sampled_from([0.1, 1.0, 5.0]))
def test_order_equals_the_bitwise_twin(seed, count, spread):
    points = spread * cloud(seed, 2, count, 3)
    order = morton_order(points)
    for row in range(2):
        codes = [code_by_loops(point) for point in points[row].tolist()]
        assert order[row].tolist() == sorted(range(count), key=lambda index: codes[index])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 40))
def test_sorted_points_do_not_depend_on_their_order(seed, count):
    points = cloud(seed, 1, count, 3)
    shuffled = points[:, torch.randperm(count, generator=torch.Generator().manual_seed(seed))]
    first = gather_points(points, morton_order(points))
    second = gather_points(shuffled, morton_order(shuffled))
    assert [code_by_loops(p) for p in first[0].tolist()] == [code_by_loops(p) for p in second[0].tolist()]
    if len({code_by_loops(p) for p in first[0].tolist()}) == count:
        assert torch.equal(first, second)


def test_order_of_two_points_does_not_depend_on_the_others():
    points = cloud(3, 1, 12, 3)
    place = morton_order(points).argsort(dim=1)[0]
    fewer = morton_order(points[:, :7]).argsort(dim=1)[0]
    for i, j in itertools.combinations(range(7), 2):
        assert bool(place[i] < place[j]) == bool(fewer[i] < fewer[j])


def test_height_comes_first():
    points = torch.tensor([[[3.0, -1.0, 3.0], [-3.0, 1.0, -3.0], [-3.0, -1.0, -3.0]]])
    assert morton_order(points).tolist() == [[2, 0, 1]]


def test_ties_keep_their_order_and_outliers_do_not_wrap():
    points = torch.tensor([[[99.0, 99, 99], [0.0, 0, 0], [0.0, 0, 0], [-99.0, -99, -99]]])
    assert morton_order(points).tolist() == [[3, 1, 2, 0]]


def test_assignment_equals_all_permutations():
    points, noise = cloud(0, 4, 5, 3), cloud(1, 4, 5, 3)
    order = hungarian_order(points, noise)
    for row in range(4):

        def cost(choice, row=row):
            return float((points[row, list(choice)] - noise[row]).square().sum())

        assert sorted(order[row].tolist()) == list(range(5))
        assert cost(order[row].tolist()) <= min(map(cost, itertools.permutations(range(5)))) + 1e-5


def test_assignment_undoes_a_shuffle():
    noise = cloud(2, 1, 9, 3)
    shuffle = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    points = noise[:, shuffle] + 0.001
    order = hungarian_order(points, noise)
    torch.testing.assert_close(gather_points(points, order), noise + 0.001)
