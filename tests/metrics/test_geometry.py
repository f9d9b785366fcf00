"""Distances between clouds against all pairs, and the edges of the F-score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsra.metrics import geometry
from pointsra.metrics.geometry import (
    F_SCORE_DISTANCE,
    chamfer_and_f_score,
    chamfer_l2,
    f_score,
    mean_apart,
    mean_pairwise_chamfer,
    one_sided_distance,
    one_sided_hausdorff,
)


def cloud(seed, count):
    return np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)


def all_distances(first, second):
    return np.linalg.norm(first[:, None].astype(np.float64) - second[None].astype(np.float64), axis=-1)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 40), m=st.integers(1, 40), distance=st.floats(0.05, 2.0))
def test_equal_all_pairs(seed, n, m, distance):
    first, second = cloud(seed, n), cloud(seed + 1, m)
    table = all_distances(first, second)
    there, back = table.min(axis=1), table.min(axis=0)
    assert one_sided_distance(first, second) == pytest.approx(there.mean())
    assert one_sided_hausdorff(first, second) == pytest.approx(there.max())
    assert chamfer_l2(first, second) == pytest.approx((there**2).mean() + (back**2).mean())
    precision, recall = (there <= distance).mean(), (back <= distance).mean()
    expected = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    assert f_score(first, second, distance) == pytest.approx(expected)
    assert f_score(second, first, distance) == pytest.approx(expected)


def test_one_sided_distance_has_a_side():
    part, whole = np.zeros((1, 3)), np.array([[0.0, 0, 0], [4.0, 0, 0]])
    assert one_sided_distance(part, whole) == 0.0
    assert one_sided_distance(whole, part) == 2.0


def test_f_score_edges():
    points = cloud(0, 30)
    assert f_score(points, points[::-1]) == 1.0
    assert f_score(points, points + 100.0) == 0.0
    line = np.array([[0.0, 0.0, 0.0]])
    assert f_score(line, np.array([[0.25, 0.0, 0.0]]), 0.25) == 1.0  # the distance itself still counts
    assert f_score(line, np.array([[0.26, 0.0, 0.0]]), 0.25) == 0.0
    # Everything predicted is right, half of the truth is missed: 2 · 1 · ½ / 1½.
    assert f_score(line, np.array([[0.0, 0, 0], [9.0, 0, 0]])) == pytest.approx(2 / 3)
    shift = np.array([[0.0, 0.99 * F_SCORE_DISTANCE, 0.0]])
    assert f_score(line, line + shift) == 1.0 and f_score(line, line + 1.1 * shift) == 0.0


def test_pairwise_is_the_mean_over_pairs_and_does_not_grow_with_copies_of_the_spread():
    places = [np.array([[0.0, 0, 0]]), np.array([[1.0, 0, 0]]), np.array([[3.0, 0, 0]])]
    assert mean_pairwise_chamfer(places) == pytest.approx((2 * 1 + 2 * 9 + 2 * 4) / 3)
    assert mean_pairwise_chamfer(places[::-1]) == mean_pairwise_chamfer(places)
    assert mean_pairwise_chamfer(places[:1]) == 0.0 and mean_pairwise_chamfer([]) == 0.0
    assert mean_pairwise_chamfer([places[0]] * 4) == 0.0


@pytest.mark.parametrize("shared", [0, 1, 25])
@pytest.mark.parametrize("count", [2, 4, 5])
def test_points_that_all_clouds_share_need_no_search(shared, count):
    parts, same = [cloud(seed, 20 + seed) for seed in range(count)], cloud(9, shared)
    wholes = [np.concatenate([same, part]) for part in parts]
    apart = mean_apart(parts, same)
    assert apart.mean() == pytest.approx(mean_pairwise_chamfer(wholes))
    for i, first in enumerate(wholes):
        others = [chamfer_l2(first, second) for j, second in enumerate(wholes) if j != i]
        assert apart[i] == pytest.approx(np.mean(others))
    assert chamfer_and_f_score(*parts[:2]) == (chamfer_l2(*parts[:2]), f_score(*parts[:2]))


@pytest.mark.parametrize(("count", "others"), [(16, 15), (17, 16), (18, 16), (40, 16)])
def test_many_clouds_are_each_compared_with_sixteen_others(count, others, monkeypatch):
    compared = []
    both_ways = geometry.nearest_both_ways
    monkeypatch.setattr(geometry, "nearest_both_ways", lambda a, b: compared.append((a, b)) or both_ways(a, b))
    places = [np.array([[float(number), 0.0, 0.0]]) for number in range(count)]
    apart = mean_apart(places)
    pairs = {frozenset((int(a[0, 0]), int(b[0, 0]))) for a, b in compared}
    assert len(pairs) == len(compared) == count * others // 2
    for number in range(count):
        mine = [next(iter(pair - {number})) for pair in pairs if number in pair]
        assert len(mine) == others
        assert apart[number] == pytest.approx(np.mean([2.0 * (number - other) ** 2 for other in mine]))
    assert mean_apart(places[:1]).tolist() == [0.0] and mean_apart([]).tolist() == []


def test_chamfer_agrees_with_the_one_that_is_trained_on():
    torch = pytest.importorskip("torch")
    from pointsra.ops.chamfer import chamfer_l2 as trained

    first, second = cloud(1, 50), cloud(2, 60)
    assert chamfer_l2(first, second) == pytest.approx(
        trained(torch.from_numpy(first)[None], torch.from_numpy(second)[None]).item(), rel=1e-4
    )
