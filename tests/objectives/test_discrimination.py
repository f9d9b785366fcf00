"""MaskPoint's focal loss."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from pointsra.objectives.discrimination import decided_accuracy, focal_discrimination

LABELS = torch.tensor([[1, 0, -1, 1], [0, 0, 1, -1]])


def logits():
    return torch.randn(2, 4, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()


def test_without_focus_it_is_half_the_binary_cross_entropy():
    values = logits()
    wanted = torch.stack([1.0 - (LABELS == 1).float(), (LABELS == 1).float()], -1)[LABELS != -1]
    plain = F.binary_cross_entropy_with_logits(values[LABELS != -1], wanted)
    assert focal_discrimination(values, LABELS, alpha=0.5, gamma=0.0).item() == pytest.approx(0.5 * plain.item())


def test_undecided_places_teach_nothing():
    values = logits()
    focal_discrimination(values, LABELS).backward()
    assert bool((values.grad[LABELS == -1] == 0).all()) and bool((values.grad[LABELS != -1] != 0).all())


def test_easy_questions_count_less():
    sure, wrong = torch.tensor([[[-4.0, 4.0]]]), torch.tensor([[[4.0, -4.0]]])
    label = torch.ones(1, 1, dtype=torch.int64)
    plain = [focal_discrimination(values, label, gamma=0.0).item() for values in (sure, wrong)]
    focal = [focal_discrimination(values, label, gamma=2.0).item() for values in (sure, wrong)]
    assert focal[0] / plain[0] < 1e-3 and focal[1] / plain[1] > 0.9


def test_a_yes_weighs_alpha_and_a_no_the_rest():
    values, label = torch.zeros(1, 1, 2).requires_grad_(), torch.ones(1, 1, dtype=torch.int64)
    focal_discrimination(values, label, alpha=0.25, gamma=0.0).backward()
    no, yes = values.grad.flatten().tolist()  # half a logit's pull each: σ(0) − wanted
    assert no == pytest.approx(0.75 * 0.5 / 2) and yes == pytest.approx(-0.25 * 0.5 / 2)


def test_nothing_decided_is_no_loss():
    assert focal_discrimination(logits(), torch.full((2, 4), -1)).item() == 0.0


def test_accuracy_counts_the_decided():
    values = torch.tensor([[[0.0, 1.0], [0.0, 1.0], [9.0, 0.0], [2.0, 1.0]]])
    assert decided_accuracy(values, torch.tensor([[1, 0, -1, 0]])).item() == pytest.approx(2 / 3)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_answers_beyond_all_doubt_have_a_gradient(gamma):
    values = torch.tensor([[[-40.0, 40.0], [-40.0, 40.0]]], requires_grad=True)
    focal_discrimination(values, torch.tensor([[1, 0]]), gamma=gamma).backward()
    assert bool(values.grad.isfinite().all()) and float(values.grad[0, 1].abs().min()) > 0
