"""Weights between two trainings: tensor by tensor, described, and only of one size."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pointsra.errors import CheckpointError
from pointsra.training.mixing import mix_weights
from pointsra.training.weights import load_weights, save_weights


@pytest.fixture
def two(tiny_run, tmp_path):
    """A run's weights, and others of the same size that stand for what it went on from."""
    latter = load_weights(tiny_run)
    generator = torch.Generator().manual_seed(0)
    tensors = {
        key: value + torch.randn(value.shape, generator=generator) if value.is_floating_point() else value
        for key, value in latter.tensors.items()
    }
    return load_weights(save_weights(tmp_path, tensors, latter.description, "former")), latter


def test_tensors_are_the_weighted_mean(two, tmp_path):
    former, latter = two
    made = load_weights(mix_weights(former.path, latter.path, 0.75, tmp_path, "mixed"))
    for key, value in latter.tensors.items():
        wanted = 0.75 * value + 0.25 * former.tensors[key] if value.is_floating_point() else value
        torch.testing.assert_close(made.tensors[key], wanted)
    assert made.description.details["mixed"] == {"share": 0.75, "with": "former.safetensors"}
    assert replace(made.description, details=latter.description.details) == latter.description


@pytest.mark.parametrize(("share", "which"), [(0.0, 0), (1.0, 1)])
def test_the_ends_are_the_weights_themselves(two, tmp_path, share, which):
    made = load_weights(mix_weights(two[0].path, two[1].path, share, tmp_path, "mixed"))
    assert all(torch.equal(made.tensors[key], value) for key, value in two[which].tensors.items())


def test_other_sizes_are_refused_and_nothing_is_written(two, tmp_path):
    former, latter = two
    sizes = replace(former.description.sizes, flow_octaves=5)
    other = save_weights(tmp_path, former.tensors, replace(former.description, sizes=sizes), "other")
    with pytest.raises(CheckpointError, match="cannot be mixed"):
        mix_weights(other, latter.path, 0.5, tmp_path, "mixed")
    with pytest.raises(ValueError, match="0 … 1"):
        mix_weights(former.path, latter.path, 1.5, tmp_path, "mixed")
    assert not (tmp_path / "mixed.safetensors").exists()
