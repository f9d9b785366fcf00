"""Accuracy from a confusion matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(truth: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Counts (L, L): row the true class, column the predicted one.

    Args:
        truth: (n,) labels. predicted: (n,) labels.

    Raises:
        ValueError: a label is not in 0 … L − 1.
    """
    labels = np.concatenate([truth, predicted])
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(f"labels must lie in 0 … {classes - 1}")
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def overall_accuracy(confusion: NDArray[np.int64]) -> float:
    """Share of clouds that are right; NaN without clouds."""
    total = confusion.sum()
    return float(np.trace(confusion) / total) if total else float("nan")


def class_accuracies(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """(L,) share of each true class that is right; NaN for a class without clouds."""
    counts = confusion.sum(axis=1)
    right = np.diag(confusion).astype(np.float64)
    return np.divide(right, counts, out=np.full(len(counts), np.nan), where=counts > 0)


def mean_class_accuracy(confusion: NDArray[np.int64]) -> float:
    """Mean over the classes that have clouds; NaN without any."""
    accuracies = class_accuracies(confusion)
    return float(np.nanmean(accuracies)) if np.isfinite(accuracies).any() else float("nan")
