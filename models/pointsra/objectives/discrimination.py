"""MaskPoint's term: tell points of the cloud from places beside it (Liu et al., ECCV 2022), with the focal loss.

FL(p) = −α_t (1 − p_t)^γ log p_t (Lin et al., 2017), for each of two logits by itself: one says "fake", the other
"real", and each is a binary question of its own.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pointsra.ops.point_queries import REAL, UNDECIDED

_SURE = 1e-12  # a sigmoid in single precision is 0 or 1 from about 17 on, and below 1 γ has no slope there


def focal_discrimination(logits: Tensor, labels: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Mean focal loss over both logits of every decided query.

    Args:
        logits: (B, Q, 2), "fake" and "real".
        labels: (B, Q) as in :class:`~pointsra.ops.point_queries.PointQueries`.
        alpha: weight of a question whose answer is yes; 1 − α where it is no.
        gamma: how much easy questions count less.

    Returns:
        (), 0 where nothing is decided.
    """
    real = (labels == REAL).to(logits)
    wanted = torch.stack([1.0 - real, real], dim=-1)
    missed = (logits.sigmoid() - wanted).abs().clamp_min(_SURE)  # 1 − p_t
    weight = alpha * wanted + (1.0 - alpha) * (1.0 - wanted)
    losses = weight * missed**gamma * F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    decided = (labels != UNDECIDED).unsqueeze(-1)
    return (losses * decided).sum() / (2 * decided.sum()).clamp_min(1)


def decided_accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Share of decided queries whose larger logit is the right one: (), for the journal."""
    decided = labels != UNDECIDED
    right = (logits.detach().argmax(dim=-1) == labels) & decided
    return right.sum() / decided.sum().clamp_min(1)
