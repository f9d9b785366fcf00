"""Nearest points of arrays: the table, the tree and all pairs agree."""

from __future__ import annotations

import numpy as np
import pytest

from pointsra.ops import near_points
from pointsra.ops.near_points import nearest, nearest_both_ways


def clouds(kind, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(301, 3)).astype(kind), rng.normal(size=(157, 3)).astype(kind)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("pairs", [1 << 24, 1], ids=["table", "tree"])
@pytest.mark.parametrize("block", [1 << 16, 1 << 9])
def test_equals_all_pairs(monkeypatch, kind, pairs, block):
    monkeypatch.setattr(near_points, "_PAIRS", pairs)
    monkeypatch.setattr(near_points, "_BLOCK", block)
    first, second = clouds(kind)
    table = np.linalg.norm(first[:, None].astype(float) - second[None].astype(float), axis=-1)
    there, back = nearest_both_ways(first, second)
    np.testing.assert_allclose(there, table.min(axis=1), rtol=1e-5)
    np.testing.assert_allclose(back, table.min(axis=0), rtol=1e-5)
    for count in (1, 5, 157):
        distances, rows = nearest(first, second, count)
        np.testing.assert_array_equal(rows, table.argsort(axis=1)[:, :count])
        np.testing.assert_allclose(distances, np.sort(table, axis=1)[:, :count], rtol=1e-5)


def test_huge_coordinates_keep_their_distances():
    points = np.array([[0.0, 0, 0], [1e29, 0, 0], [1e29, 3e20, 0]])
    distances, rows = nearest(points, points, 2)
    np.testing.assert_allclose(distances[:, 1], [1e29, 3e20, 3e20])
    np.testing.assert_array_equal(rows[:, 1], [1, 2, 1])
