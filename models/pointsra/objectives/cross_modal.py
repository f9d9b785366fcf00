"""The cross-modal term L_CSC: a query token, mapped linearly, against a frozen feature (ReCon's smooth L1)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor


def feature_alignment(predicted: Tensor, frozen: Tensor) -> Tensor:
    """Smooth L1 between predicted (B, D) and frozen features (B, D): (); the frozen side gets no gradient.

    A row of NaN marks a cloud without that modality and is left out; with none left the term is 0.
    """
    there = frozen.isfinite().all(dim=-1)
    error = F.smooth_l1_loss(predicted, frozen.detach().nan_to_num(), reduction="none").mean(dim=-1)
    return (error * there).sum() / there.sum().clamp_min(1)


def weighted_alignment(pairs: Iterable[tuple[Tensor | None, Tensor | None, Tensor]], nothing: Tensor) -> Tensor:
    """Σ weight · :func:`feature_alignment` over (predicted, frozen, weight), where both are there: ().

    Args:
        pairs: of each modality; a network or a batch may come without one.
        nothing: () zero, the sum of no pairs.
    """
    parts = [
        weight * feature_alignment(predicted, frozen)
        for predicted, frozen, weight in pairs
        if predicted is not None and frozen is not None
    ]
    return torch.stack([nothing, *parts]).sum()
