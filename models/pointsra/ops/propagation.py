"""Features of a coarse cloud brought to the points of a finer one (PointNet++, Qi et al., 2017, §3.4)."""

from __future__ import annotations

from torch import Tensor

from pointsra.ops.neighbors import nearest_indices
from pointsra.ops.sampling import gather_points

_NEIGHBORS = 3
_NEAREST = 1e-8  # squared distance added to all, so that a point on top of another takes its feature


def propagate(features: Tensor, known: Tensor, wanted: Tensor) -> Tensor:
    """Mean of the three nearest points' features, weighted by the inverse of the squared distance.

    Args:
        features: (B, S, C) at ``known``.
        known: (B, S, 3). Fewer than three points all take part.
        wanted: (B, N, 3).

    Returns:
        (B, N, C), with gradients to ``features``.
    """
    nearest = nearest_indices(wanted, known, min(_NEIGHBORS, known.shape[1]))
    squared = (gather_points(known, nearest) - wanted.unsqueeze(2)).square().sum(-1)
    weights = 1.0 / (squared + _NEAREST)
    weights = weights / weights.sum(dim=-1, keepdim=True)
    return (gather_points(features, nearest) * weights.unsqueeze(-1)).sum(dim=2)
