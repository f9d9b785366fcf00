"""Features of clouds in whatever numpy and torch hold them, alone and in batches."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

import pointsra
from pointsra.errors import DeviceError
from pointsra.ops.up_axis import from_y_up


@pytest.fixture(scope="module")
def model():
    return pointsra.load(device="cpu")


def cloud(points, seed=0):
    return np.random.default_rng(seed).normal(size=(points, 3)) * [1.0, 2.0, 0.5]


HELD = {
    "backward": lambda points: points[::-1].copy()[::-1],
    "columns": lambda points: np.asfortranarray(points),
    "part of rows": lambda points: np.concatenate([points, points], axis=1)[:, :3],
    "other byte order": lambda points: points.astype(">f8"),
    "long double": lambda points: points.astype(np.longdouble),
    "objects": lambda points: points.astype(object),
    "lists": lambda points: points.tolist(),
    "list of rows": list,
}


@pytest.mark.parametrize("kind", HELD)
def test_the_same_points_have_the_same_feature_however_they_are_held(kind, model):
    points = cloud(300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(model.embed(HELD[kind](points)), model.embed(points))


def test_arrays_that_cannot_be_written_to_are_taken_in_silence(model):
    points = cloud(300)
    points.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.embed(points).shape == (model.dim,)


def test_a_large_cloud_has_the_same_feature_wherever_it_stands_in_a_batch(model):
    points, other = cloud(9000), cloud(9000, seed=1)
    alone = model.embed(points)
    for row, batch in ((0, [points, other]), (1, [other, points])):
        np.testing.assert_allclose(model.embed(np.stack(batch))[row], alone, atol=1e-5)


@pytest.mark.parametrize("factor", [1e200, 1e-200])
def test_coordinates_beyond_single_precision_are_refused(factor, model):
    with pytest.raises(ValueError, match=r"must lie within 1e\+30 and span more than its inverse"):
        model.embed(np.stack([cloud(100), factor * cloud(100)]))


@pytest.mark.parametrize("number", [np.longdouble("1e4000"), 10**400], ids=["long double", "integer"])
def test_numbers_beyond_double_precision_are_refused_without_a_warning(number, model):
    with warnings.catch_warnings(), pytest.raises(ValueError, match=r"must be .*finite"):
        warnings.simplefilter("error")
        model.embed([[number, 0, 0], [0, 1, 0], [0, 0, 1]])


COMPLEX = cloud(100) + 1j


@pytest.mark.parametrize("given", [COMPLEX, COMPLEX.astype(object), torch.ones(5, 3, dtype=torch.complex64)])
def test_complex_numbers_are_refused(given, model):
    with pytest.raises(ValueError, match="must be real"):
        model.embed(given)


@pytest.mark.parametrize("up", ["z", "-y", "x"])
def test_what_lies_on_its_side_is_turned_by_the_axis_that_points_up(up, model):
    points = cloud(500)
    lying = from_y_up(points, up)
    np.testing.assert_allclose(model.embed(lying, up=up), model.embed(points), atol=1e-5)
    assert not np.allclose(model.embed(lying), model.embed(points), atol=0.05)
    with pytest.raises(ValueError, match="up must be one of y, z, x, -y, -z, -x, not 'w'"):
        model.embed(points, up="w")


def test_a_device_of_torch_is_a_device(model):
    assert pointsra.load(device=torch.device("cpu")).device == model.device
    with pytest.raises(DeviceError, match="mps is not known"):
        pointsra.load(device=torch.device("mps"))
