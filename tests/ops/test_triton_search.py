"""Triton's farthest points, neighbors and Chamfer are those of plain torch: on a CUDA device, or in its interpreter.

Without a device, in an environment with triton:  TRITON_INTERPRET=1 python -m pytest tests/ops/test_triton_search.py
"""

from __future__ import annotations

import importlib.util
import os

import pytest
import torch

from pointsra.ops import triton_search
from pointsra.ops.backends import VARIABLE, backend
from pointsra.ops.chamfer import chamfer_l2
from pointsra.ops.neighbors import nearest_indices
from pointsra.ops.sampling import farthest_point_indices

THERE = importlib.util.find_spec("triton") is not None
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cuda" if torch.cuda.is_available() and not INTERPRETED else "cpu"
runs = pytest.mark.skipif(
    not (THERE and (INTERPRETED or torch.cuda.is_available())),
    reason="needs triton with a CUDA device, or with TRITON_INTERPRET=1",
)


def clouds(seed, total, coarse):
    """(2, total, 3) points: of a coarse grid, where most distances are equal, or anywhere."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.randint(0, 4, (2, total, 3), generator=generator).float()
    return points if coarse else torch.randn(2, total, 3, generator=generator)


def both(monkeypatch, compute):
    """What ``compute(device)`` gives by triton, on the CPU again, and by planes."""
    monkeypatch.setenv(VARIABLE, "triton")
    here = compute(DEVICE).cpu()
    monkeypatch.setenv(VARIABLE, "auto")
    return here, compute("cpu")


@runs
@pytest.mark.cuda
@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize(("total", "count"), [(70, 20), (33, 33), (1, 1)])
def test_farthest_points(monkeypatch, coarse, total, count):
    points = clouds(0, total, coarse)
    assert torch.equal(*both(monkeypatch, lambda device: farthest_point_indices(points.to(device), count)))


@runs
@pytest.mark.cuda
@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize(("asked", "total", "count"), [(5, 70, 9), (130, 70, 1), (3, 33, 33), (2, 1, 1)])
def test_neighbors(monkeypatch, coarse, asked, total, count):
    queries, points = clouds(1, asked, coarse), clouds(2, total, coarse)
    assert torch.equal(*both(monkeypatch, lambda device: nearest_indices(queries.to(device), points.to(device), count)))


@runs
@pytest.mark.cuda
def test_chamfer_and_its_gradients(monkeypatch):
    first, second = clouds(4, 90, False), clouds(5, 150, False)

    def gradients(device):
        ours, theirs = (each.to(device).requires_grad_() for each in (first, second))
        return torch.cat(
            [each.flatten() for each in torch.autograd.grad(chamfer_l2(ours, theirs).sum(), (ours, theirs))]
        )

    torch.testing.assert_close(*both(monkeypatch, gradients))


def test_what_does_not_fit_a_program_is_left_to_plain_torch(monkeypatch):
    assert triton_search.fits(torch.zeros(1, 1 << 14, 3)) and not triton_search.fits(torch.zeros(1, (1 << 14) + 1, 3))


def test_without_a_device_or_triton_the_switch_changes_nothing(monkeypatch):
    monkeypatch.setenv(VARIABLE, "triton")
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    assert backend(torch.zeros(1, 4, 3)) == "planes"
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert backend(torch.zeros(1, 4, 3)) == "planes"
    assert nearest_indices(torch.zeros(1, 2, 3), torch.zeros(1, 4, 3), 1).shape == (1, 2, 1)
