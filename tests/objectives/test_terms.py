"""Reconstruction, cross-modal, alignment and joint terms against values worked out by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from pointsra.objectives.alignment import flow_time_alignment, mask_ratio_alignment
from pointsra.objectives.cross_modal import feature_alignment
from pointsra.objectives.joint import weighted_sum
from pointsra.objectives.reconstruction import patch_chamfer


def test_patch_chamfer_of_a_shift():
    true = torch.tensor([[[[0.0, 0, 0], [10.0, 0, 0]]]])
    assert patch_chamfer(true + torch.tensor([0.0, 2.0, 0.0]), true).item() == pytest.approx(8.0)
    assert patch_chamfer(true.flip(2), true).item() == pytest.approx(0.0, abs=1e-5)


def test_feature_alignment_is_smooth_l1_without_gradient_to_the_frozen_side():
    predicted = torch.tensor([[0.0, 2.0]], requires_grad=True)
    frozen = torch.tensor([[0.5, 0.0]], requires_grad=True)
    loss = feature_alignment(predicted, frozen)
    assert loss.item() == pytest.approx((0.125 + 1.5) / 2)
    loss.backward()
    assert frozen.grad is None
    assert predicted.grad is not None


def test_feature_alignment_leaves_out_missing_modalities():
    predicted = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    frozen = torch.zeros(3, 4)
    frozen[1] = float("nan")
    expected = F.smooth_l1_loss(predicted[[0, 2]], frozen[[0, 2]])
    loss = feature_alignment(predicted, frozen)
    assert torch.allclose(loss, expected)
    loss.backward()
    assert bool(predicted.grad.isfinite().all())
    assert predicted.grad[1].abs().sum() == 0
    assert feature_alignment(predicted, torch.full((3, 4), float("nan"))).item() == 0.0


def test_mask_ratio_alignment():
    student = torch.tensor([[1.0, 0.0], [0.0, 3.0]], requires_grad=True)
    teacher = torch.tensor([[2.0, 0.0], [1.0, 0.0]], requires_grad=True)
    loss = mask_ratio_alignment(student, teacher)
    assert loss.item() == pytest.approx(0.5)
    loss.backward()
    assert teacher.grad is None and student.grad is not None


def test_flow_time_alignment_counts_active_slots_and_ignores_scale():
    generator = torch.Generator().manual_seed(1)
    later = torch.randn(2, 3, 8, generator=generator, requires_grad=True)
    active = torch.tensor([[True, True, False], [True, False, False]])
    earlier = (5.0 * later).detach()
    earlier[~active] = 99.0
    assert flow_time_alignment(later, earlier, torch.zeros_like(earlier), active).item() == pytest.approx(0, abs=1e-6)
    moved = torch.randn(2, 3, 8, generator=generator, requires_grad=True)
    loss = flow_time_alignment(later, earlier, moved, active)
    loss.backward()
    assert loss.item() > 0
    assert later.grad[~active].abs().sum() == 0
    assert moved.grad is not None  # a learned transport learns from this term


def test_weighted_sum():
    terms = {"a": torch.tensor(2.0), "b": torch.tensor(3.0)}
    assert weighted_sum(terms, {"a": 1.0, "b": 0.5, "c": 9.0}).item() == pytest.approx(3.5)
    with pytest.raises(KeyError):
        weighted_sum(terms, {"a": 1.0})
