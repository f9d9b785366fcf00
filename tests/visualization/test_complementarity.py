"""Curves over the mask ratio and the matrix: what is measured is drawn, what is missing leaves a gap."""

from __future__ import annotations

import numpy as np
import pytest

from pointsra.visualization.complementarity import complementarity_still
from pointsra.visualization.palette import COMPLETIONS, sequential

RATIOS = [k / 10 for k in range(10)]
FALLING = np.linspace(0.9, 0.2, 10)


def pixels_of(picture, color):
    return int((picture == np.asarray(color)).all(axis=2).sum())


def test_each_curve_is_drawn_in_its_color():
    panels = {
        "geometry": {"all": (FALLING, FALLING / 20), "in class": (FALLING / 2, None)},
        "rank": {"r": (FALLING, None)},
    }
    picture = complementarity_still(RATIOS, panels, np.eye(10), "title")
    assert picture.dtype == np.uint8 and picture.ndim == 3
    for color in (COMPLETIONS[1], COMPLETIONS[0]):
        assert pixels_of(picture, color) > 300
    without = complementarity_still(RATIOS, {"geometry": {"all": (FALLING, None)}}, np.eye(10), "title")
    assert pixels_of(without, COMPLETIONS[0]) == 0


def test_a_deviation_is_a_bar():
    wide = complementarity_still(RATIOS, {"a": {"x": (FALLING, np.full(10, 0.05))}}, np.eye(10))
    none = complementarity_still(RATIOS, {"a": {"x": (FALLING, None)}}, np.eye(10))
    assert pixels_of(wide, COMPLETIONS[1]) > pixels_of(none, COMPLETIONS[1]) + 200


def test_matrix_cells_have_the_color_of_their_value():
    matrix = np.full((10, 10), 0.4)
    matrix[2, 3] = np.nan
    picture = complementarity_still(RATIOS, {"a": {"x": (FALLING, None)}}, matrix)
    assert pixels_of(picture, sequential([0.4], 0.0, 1.0)[0]) > 30_000
    assert 300 < pixels_of(picture, (160, 160, 160)) < 1500  # one gray cell


def test_missing_numbers_leave_gaps():
    holed = FALLING.copy()
    holed[4] = np.nan
    gone = {"a": {"x": (holed, None)}, "b": {"y": (np.full(10, np.nan), np.full(10, np.nan))}}
    picture = complementarity_still(RATIOS, gone, np.full((10, 10), np.nan), dark=True)
    whole = complementarity_still(RATIOS, {**gone, "a": {"x": (FALLING, None)}}, np.full((10, 10), np.nan), dark=True)
    assert 0 < pixels_of(picture, COMPLETIONS[1]) < pixels_of(whole, COMPLETIONS[1])


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="at least one panel"):
        complementarity_still(RATIOS, {}, np.eye(10))
    with pytest.raises(ValueError, match=r"\(10, 10\)"):
        complementarity_still(RATIOS, {"a": {"x": (FALLING, None)}}, np.eye(9))
    with pytest.raises(ValueError, match="'a' has 3 values"):
        complementarity_still(RATIOS, {"a": {"x": (FALLING[:3], None)}}, np.eye(10))
