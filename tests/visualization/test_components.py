"""Principal components, colors made of them, and maps: equal features are of equal color in any company."""

import sys

import numpy as np
import pytest

from pointsra.errors import MissingExtraError
from pointsra.visualization.components import ColorSpace, plane_map, principal_components

RNG = np.random.default_rng(3)
FEATURES = RNG.normal(size=(60, 8)) * np.arange(8, 0, -1) + 5.0


def test_components_are_the_axes_of_the_covariance():
    found = principal_components(FEATURES, 3)
    sizes, axes = np.linalg.eigh(np.cov(FEATURES.T))
    for place in range(3):
        axis = axes[:, -1 - place]
        axis = axis * np.sign(axis[np.abs(axis).argmax()])
        np.testing.assert_allclose(found.scores[:, place], (FEATURES - FEATURES.mean(axis=0)) @ axis, atol=1e-9)
        assert found.shares[place] == pytest.approx(sizes[-1 - place] / sizes.sum())


def test_order_of_the_features_changes_nothing_but_order():
    order = RNG.permutation(60)
    plain, mixed = principal_components(FEATURES, 3), principal_components(FEATURES[order], 3)
    np.testing.assert_allclose(mixed.scores, plain.scores[order], atol=1e-9)
    first, second = (ColorSpace.of(found.scores).colors(found.scores) for found in (plain, mixed))
    assert np.abs(second.astype(int) - first[order]).max() <= 1
    assert len(np.unique(first, axis=0)) > 40


def test_equal_features_have_equal_colors():
    doubled = np.concatenate([FEATURES, FEATURES])
    scores = principal_components(doubled, 3).scores
    colors = ColorSpace.of(scores).colors(scores)
    assert np.abs(colors[:60].astype(int) - colors[60:]).max() <= 1


def test_fewer_axes_than_asked_for():
    line = np.outer(np.linspace(-1, 1, 9), [1.0, 2.0])
    found = principal_components(line, 3)
    assert (found.scores[:, 1:] == 0).all() and found.shares.tolist() == pytest.approx([1.0, 0.0, 0.0])
    same = principal_components(np.ones((5, 4)), 3)
    assert (same.scores == 0).all() and (same.shares == 0).all()
    assert len(np.unique(ColorSpace.of(same.scores).colors(same.scores), axis=0)) == 1


def test_first_axis_runs_from_blue_to_orange():
    scores = np.zeros((101, 3))
    scores[:, 0] = np.linspace(-1, 1, 101)
    colors = ColorSpace.of(scores).colors(scores).astype(int)
    assert colors[0, 2] > colors[0, 0] + 80 and colors[-1, 0] > colors[-1, 2] + 80


def test_maps_are_seeded_and_keep_groups_apart():
    pytest.importorskip("sklearn")
    groups = np.repeat(np.eye(3, 12) * 20, 12, axis=0) + RNG.normal(size=(36, 12))
    for method, words in (("pca", "variance"), ("tsne", "perplexity")):
        places, said = plane_map(groups, method, 4)
        assert places.shape == (36, 2) and words in said
        assert "11.6667" not in said  # (36 − 1) / 3 is said in three digits
        np.testing.assert_array_equal(places, plane_map(groups, method, 4)[0])
        middles = places.reshape(3, 12, 2).mean(axis=1)
        inside = np.linalg.norm(places.reshape(3, 12, 2) - middles[:, None], axis=2).max()
        assert min(np.linalg.norm(middles[a] - middles[b]) for a, b in ((0, 1), (0, 2), (1, 2))) > inside


def test_a_map_without_scikit_learn_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(MissingExtraError, match="take pca"):
        plane_map(FEATURES, "tsne", 0)
