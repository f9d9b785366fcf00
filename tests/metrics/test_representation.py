"""Ridge, explained variance, effective rank and CKA where the answer is known in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pointsra.metrics.representation import (
    Ridge,
    best_penalty,
    centered_rank,
    effective_rank,
    explained_variance,
    linear_cka,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def rotation(rng, size):
    return np.linalg.qr(rng.normal(size=(size, size)))[0]


def test_ridge_recovers_a_planted_linear_map(rng):
    features = rng.normal(size=(200, 6)) * [1, 10, 0.1, 1, 5, 1] + 3.0
    weights, bias = rng.normal(size=(6, 4)), rng.normal(size=4)
    asked = rng.normal(size=(50, 6)) + 3.0
    (predicted,) = Ridge(features).predictions(asked, features @ weights + bias, [1e-12])
    np.testing.assert_allclose(predicted, asked @ weights + bias, atol=1e-8)


def test_ridge_solves_the_normal_equations(rng):
    """The twin: standardize, then (XᵀX / n + penalty · I)⁻¹ XᵀY / n, written out."""
    features, targets, asked = rng.normal(size=(40, 5)) * 3 + 1, rng.normal(size=(40, 2)), rng.normal(size=(7, 5))
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    scaled, moved = (features - mean) / deviation, targets - targets.mean(axis=0)
    penalties = [0.01, 1.0, 30.0]
    for penalty, found in zip(penalties, Ridge(features).predictions(asked, targets, penalties), strict=True):
        weights = np.linalg.solve(scaled.T @ scaled / 40 + penalty * np.eye(5), scaled.T @ moved / 40)
        np.testing.assert_allclose(found, (asked - mean) / deviation @ weights + targets.mean(axis=0), atol=1e-10)


def test_ridge_with_fewer_clouds_than_dimensions(rng):
    features, targets = rng.normal(size=(8, 30)), rng.normal(size=(8, 3))
    tight, loose = Ridge(features).predictions(features, targets, [1e-10, 1e10])
    np.testing.assert_allclose(tight, targets, atol=1e-6)  # there is a map through every cloud
    np.testing.assert_allclose(loose, np.tile(targets.mean(axis=0), (8, 1)), atol=1e-6)


def test_ridge_leaves_constant_features_out(rng):
    features, targets = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    constant = np.hstack([features, np.full((30, 1), 7.0)]).astype(np.float32)
    elsewhere = np.hstack([features, np.full((30, 1), -100.0)])
    (plain,) = Ridge(features.astype(np.float32)).predictions(features, targets, [0.1])
    (found,) = Ridge(constant).predictions(elsewhere, targets, [0.1])
    np.testing.assert_allclose(found, plain, atol=1e-9)


def test_ridge_refuses_what_it_cannot_solve(rng):
    ridge = Ridge(rng.normal(size=(5, 2)))
    with pytest.raises(ValueError, match="above 0"):
        ridge.predictions(np.zeros((1, 2)), np.zeros((5, 1)), [0.0])
    with pytest.raises(ValueError, match=r"\(5, T\)"):
        ridge.predictions(np.zeros((1, 2)), np.zeros((4, 1)), [1.0])


def test_the_best_penalty_follows_the_signal(rng):
    """Pure noise wants the greatest penalty, a planted map a small one; of equals the greatest is taken."""
    features, held = rng.normal(size=(60, 20)), rng.normal(size=(400, 20))
    penalties = (1e-6, 1e-2, 1.0, 1e4)
    weights = rng.normal(size=(20, 3))
    for known, wanted, expected in (
        (rng.normal(size=(60, 3)), rng.normal(size=(400, 3)), 1e4),
        (features @ weights, held @ weights, 1e-6),
        (np.zeros((60, 3)), np.zeros((400, 3)), 1e4),
    ):
        tried = Ridge(features).predictions(held, known, penalties)
        assert best_penalty(wanted, tried, penalties, explained_variance) == expected


def test_explained_variance(rng):
    truth = rng.normal(size=(100, 3)) * [1.0, 10.0, 0.0]
    assert explained_variance(truth, truth) == 1.0
    assert explained_variance(truth, np.tile(truth.mean(axis=0), (100, 1))) == pytest.approx(0.0)
    assert explained_variance(truth, 2 * truth.mean(axis=0) - truth) == pytest.approx(-3.0)
    only_large = np.where([False, True, False], truth, truth.mean(axis=0))
    assert explained_variance(truth, only_large) > 0.97  # targets count by their variance
    assert math.isnan(explained_variance(np.ones((4, 2)), np.zeros((4, 2))))


def test_effective_rank_of_an_isotropic_matrix_is_its_dimension(rng):
    for size in (1, 4, 16):
        assert effective_rank(3.7 * rotation(rng, size)) == pytest.approx(size)
    columns = np.linalg.qr(rng.normal(size=(50, 7)))[0]
    assert effective_rank(columns) == pytest.approx(7)
    assert effective_rank(np.outer(np.ones(9), np.arange(4))) == pytest.approx(1.0)
    assert effective_rank(np.zeros((5, 3))) == 0.0


def test_effective_rank_of_two_singular_values(rng):
    left, right = rotation(rng, 6)[:, :2], rotation(rng, 4)[:, :2]
    share = 0.8
    entropy = -(share * math.log(share) + (1 - share) * math.log(1 - share))
    assert effective_rank(left @ np.diag([8.0, 2.0]) @ right.T) == pytest.approx(math.exp(entropy))
    assert effective_rank(left @ np.diag([8.0, 2.0]) @ right.T, floor=3.0) == pytest.approx(1.0)


def test_centered_rank_knows_no_mean_and_no_rounding(rng):
    features = rng.normal(size=(4000, 8))
    assert centered_rank(features + 100.0) == pytest.approx(centered_rank(features))
    assert centered_rank(features) == pytest.approx(8, abs=0.02)
    collapsed = np.full((50, 8), 0.3, dtype=np.float32)
    collapsed[::2] = np.nextafter(collapsed[::2], np.float32(1.0))
    assert centered_rank(collapsed) == 0.0


def test_cka_is_1_for_a_rotated_scaled_and_shifted_copy(rng):
    features = rng.normal(size=(60, 9)) * np.arange(1, 10)
    assert linear_cka(features, features) == pytest.approx(1.0)
    assert linear_cka(features, -2.5 * features @ rotation(rng, 9) + 4.0) == pytest.approx(1.0)
    assert linear_cka(features, features @ rng.normal(size=(9, 9))) < 0.999  # not for any linear map


def test_cka_of_independent_noise_is_small(rng):
    first, second = rng.normal(size=(5000, 10)), rng.normal(size=(5000, 40))
    assert linear_cka(first, second) == pytest.approx(math.sqrt(10 * 40) / 5000, rel=0.5)
    assert linear_cka(first, second) == pytest.approx(linear_cka(second, first))


def test_cka_equals_the_alignment_of_centered_kernels(rng):
    """The twin: HSIC of the n × n Gram matrices (Kornblith et al., eq. 2 and 3)."""
    first, second = rng.normal(size=(25, 4)), rng.normal(size=(25, 3))
    second += first[:, :3]
    center = np.eye(25) - 1 / 25
    gram = [center @ side @ side.T @ center for side in (first, second)]
    expected = np.sum(gram[0] * gram[1]) / (np.linalg.norm(gram[0]) * np.linalg.norm(gram[1]))
    assert linear_cka(first, second) == pytest.approx(expected)


def test_cka_with_constant_features_is_not_a_number(rng):
    assert math.isnan(linear_cka(np.full((9, 3), 0.1, dtype=np.float32), rng.normal(size=(9, 3))))
