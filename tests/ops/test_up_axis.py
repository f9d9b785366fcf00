"""Turning the input so that y is up: right-handed, exact, undone in the results."""

import numpy as np
import pytest

from pointsra.data.upright import to_y_up as prepared
from pointsra.errors import SettingsError
from pointsra.ops.up_axis import UP_AXES, from_y_up, to_y_up
from pointsra.reconstruction.model import load

POINTS = np.random.default_rng(0).normal(size=(300, 3)) * [1.0, 2.0, 0.5] + [500_000.0, 40.0, 4.6e6]


@pytest.mark.parametrize("up", UP_AXES)
def test_the_axis_comes_to_point_up_and_back(up):
    axis = np.zeros(3)
    axis["xyz".index(up[-1])] = -1.0 if up.startswith("-") else 1.0
    np.testing.assert_array_equal(to_y_up(axis, up), [0.0, 1.0, 0.0])
    turn = to_y_up(np.eye(3), up)
    assert np.linalg.det(turn) == pytest.approx(1.0)  # nothing is mirrored
    np.testing.assert_array_equal(from_y_up(to_y_up(POINTS, up), up), POINTS)


def test_z_up_is_the_turn_of_prepared_scans():
    np.testing.assert_array_equal(to_y_up(POINTS, "z"), prepared(POINTS))


@pytest.mark.parametrize("up", ["z", "-x"])
def test_results_are_those_of_the_turned_input_turned_back(up, tiny_run):
    model = load(tiny_run, "cpu")
    upright = model.reconstruct(to_y_up(POINTS, up), samples=2, hide="block")
    asked = model.reconstruct(POINTS, samples=2, hide="block", up=up)
    np.testing.assert_array_equal(asked.visible, upright.visible)
    np.testing.assert_array_equal(asked.visible_raw, POINTS[asked.visible])
    np.testing.assert_array_equal(asked.generated_raw, from_y_up(upright.generated_raw, up))
    np.testing.assert_array_equal(asked.generated_unit, upright.generated_unit)
    assert asked.summary()["up"] == up


def test_an_unknown_axis_is_named(tiny_run):
    with pytest.raises(SettingsError, match="--up w"):
        load(tiny_run, "cpu").reconstruct(POINTS, samples=1, up="w")
