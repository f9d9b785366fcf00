"""What features hold: ridge regression in closed form, explained variance, effective rank, linear CKA.

All in float64 on arrays of one row a cloud. Sources: ridge by one eigendecomposition (Hastie, Tibshirani and
Friedman, The Elements of Statistical Learning, §3.4.1); effective rank (Roy and Vetterli, EUSIPCO 2007); linear CKA
(Kornblith et al., ICML 2019, eq. 3 and §3). Nothing here knows what the features or the targets are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]
Score = Callable[[Matrix, Matrix], float]

_CONSTANT = 1e-6
"""Ours: a feature that varies by less than this share of its size (single precision, rounded) is constant."""


class Ridge:
    """Ridge regressions from the same features, for any targets and penalty, from one eigendecomposition.

    Features are centered and scaled to variance 1 (constant ones are left out), targets centered, so the penalty is
    in units of a feature's variance: minimize ‖Y − XW‖² / n + penalty · ‖W‖².

    Args:
        features: (n, C), of the clouds that are fitted to. n may be smaller than C.
    """

    def __init__(self, features: ArrayLike) -> None:
        known = np.asarray(features, dtype=np.float64)
        self._mean = known.mean(axis=0)
        deviation = known.std(axis=0)
        varies = deviation > _CONSTANT * np.abs(known).max(axis=0, initial=0.0)
        self._factor = np.where(varies, 1.0 / np.where(varies, deviation, 1.0), 0.0)
        scaled = (known - self._mean) * self._factor
        values, self._axes = np.linalg.eigh(scaled.T @ scaled / len(scaled))
        self._values: Matrix = np.maximum(values, 0.0)
        self._rotated = scaled @ self._axes

    def predictions(self, asked: ArrayLike, targets: ArrayLike, penalties: Sequence[float]) -> list[Matrix]:
        """Fit once for each penalty and predict.

        Args:
            asked: (m, C) features to predict from.
            targets: (n, T) of the clouds that are fitted to.
            penalties: P numbers above 0.

        Returns:
            P arrays (m, T).

        Raises:
            ValueError: a penalty is not above 0, or there is not one row of targets a cloud.
        """
        wanted = np.asarray(targets, dtype=np.float64)
        if wanted.ndim != 2 or len(wanted) != len(self._rotated):
            raise ValueError(f"targets must be ({len(self._rotated)}, T), not {wanted.shape}")
        if min(penalties) <= 0:
            raise ValueError("a ridge penalty must be above 0")
        middle = wanted.mean(axis=0)
        moments = self._rotated.T @ (wanted - middle) / len(wanted)
        turned = ((np.asarray(asked, dtype=np.float64) - self._mean) * self._factor) @ self._axes
        return [middle + turned @ (moments / (self._values + penalty)[:, None]) for penalty in penalties]


def best_penalty(truth: ArrayLike, predictions: Sequence[Matrix], penalties: Sequence[float], score: Score) -> float:
    """The penalty whose predictions (m, T) score highest against the truth (m, T).

    Of equals, and where no score is a number, the greatest: the plainest map.
    """
    wanted = np.asarray(truth, dtype=np.float64)
    scores = [score(wanted, predicted) for predicted in predictions]
    known = [-np.inf if np.isnan(value) else value for value in scores]
    return max(zip(known, penalties, strict=True))[1]


def explained_variance(truth: Matrix, predicted: Matrix) -> float:
    """R² of predictions (m, T) over all targets together: 1 − Σ(y − ŷ)² / Σ(y − ȳ)².

    Targets count by their variance, so that those that hardly vary say little; NaN where none varies.
    """
    total = float(np.square(truth - truth.mean(axis=0)).sum())
    return 1.0 - float(np.square(truth - predicted).sum()) / total if total > 0 else float("nan")


def effective_rank(matrix: ArrayLike, floor: float = 0.0) -> float:
    """exp(−Σ p log p) of the singular values normalized to sum 1; between 1 and the rank, 0 without any value.

    Args:
        matrix: (n, C); center it first where the mean of the rows is of no interest.
        floor: singular values up to this are rounding, and not counted.
    """
    values = np.linalg.svd(np.asarray(matrix, dtype=np.float64), compute_uv=False)
    values = values[values > floor]
    if values.size == 0:
        return 0.0
    shares = values / values.sum()
    return float(np.exp(-np.sum(shares * np.log(shares))))


def centered_rank(features: ArrayLike) -> float:
    """Effective rank of features (n, C) about their mean, which says nothing that tells clouds apart.

    What is left of equal rows by rounding in single precision is not counted: collapsed features have rank 0.
    """
    known = np.asarray(features, dtype=np.float64)
    return effective_rank(known - known.mean(axis=0), floor=_rounding(known))


def linear_cka(first: ArrayLike, second: ArrayLike) -> float:
    """Linear centered kernel alignment ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖) of (n, C) and (n, D) features of the same clouds.

    1 for features equal up to rotation and one scale, NaN where one side is constant. Unrelated features come to
    about √(C·D) / n, not to 0: with as few clouds as dimensions the figure is too high.
    """
    x, y = (_without_mean(np.asarray(side, dtype=np.float64)) for side in (first, second))
    scale = float(np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    return float(np.square(np.linalg.norm(y.T @ x))) / scale if scale > 0 else float("nan")


def _without_mean(features: Matrix) -> Matrix:
    """Features (n, C) about their mean; zeros where only rounding is left."""
    moved = features - features.mean(axis=0)
    return moved if np.linalg.norm(moved) > _rounding(features) else np.zeros_like(moved)


def _rounding(features: Matrix) -> float:
    """What rounding in single precision may make of equal rows: of the size of the whole, in the Frobenius norm."""
    return float(np.finfo(np.float32).eps * np.linalg.norm(features))
