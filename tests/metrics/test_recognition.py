"""Accuracies against scikit-learn, and their values where classes or clouds are missing."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsra.metrics.recognition import class_accuracies, confusion_matrix, mean_class_accuracy, overall_accuracy


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 80), classes=st.integers(1, 7))
def test_equal_scikit_learn(seed, count, classes):
    reference = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(classes, size=count), rng.integers(classes, size=count)
    confusion = confusion_matrix(truth, predicted, classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about predicted classes that never occur, and about a single class
        counts = reference.confusion_matrix(truth, predicted, labels=np.arange(classes))
        balanced = reference.balanced_accuracy_score(truth, predicted)
    np.testing.assert_array_equal(confusion, counts)
    assert overall_accuracy(confusion) == pytest.approx(reference.accuracy_score(truth, predicted))
    assert mean_class_accuracy(confusion) == pytest.approx(balanced)


def test_rows_are_true_classes():
    confusion = confusion_matrix(np.array([0, 0, 1]), np.array([0, 2, 2]), 3)
    assert confusion.tolist() == [[1, 0, 1], [0, 0, 1], [0, 0, 0]]
    np.testing.assert_array_equal(class_accuracies(confusion), [0.5, 0.0, np.nan])
    assert overall_accuracy(confusion) == pytest.approx(1 / 3)
    assert mean_class_accuracy(confusion) == pytest.approx(0.25)  # the class without clouds does not count


def test_without_clouds_there_is_no_number():
    empty = confusion_matrix(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), 4)
    assert empty.shape == (4, 4) and empty.sum() == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(overall_accuracy(empty))
        assert math.isnan(mean_class_accuracy(empty))


@pytest.mark.parametrize(("truth", "predicted"), [([3], [0]), ([0], [3]), ([-1], [0]), ([0], [-1])])
def test_labels_outside_the_classes_are_refused(truth, predicted):
    with pytest.raises(ValueError, match="0 … 2"):
        confusion_matrix(np.array(truth), np.array(predicted), 3)
