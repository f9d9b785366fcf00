"""Chamfer distances with gradients, in bounded memory.

Two conventions of the literature, both without a factor of 1000:
CD-L2 = mean over p of min |p − q|² + mean over q of min |q − p|²;
CD-L1 = half the sum of the two mean (unsquared) distances.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.ops.neighbors import nearest_indices
from pointsra.ops.sampling import gather_points


def nearest_squared(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distance of each point to its nearest neighbor in the other cloud.

    Args:
        first: (B, N, 3).
        second: (B, M, 3).

    Returns:
        (B, N) and (B, M), with gradients to both clouds. Neighbors are searched in blocks, without a graph; only
        the N + M distances that matter are computed with one. Of equally near points the gradient takes one.
    """
    with torch.no_grad():
        to_second = nearest_indices(first, second, 1).squeeze(-1)
        to_first = nearest_indices(second, first, 1).squeeze(-1)
    forward = (first - gather_points(second, to_second)).square().sum(-1)
    backward = (second - gather_points(first, to_first)).square().sum(-1)
    return forward, backward


def chamfer_l2(first: Tensor, second: Tensor) -> Tensor:
    """CD-L2 of each pair of clouds (B, N, 3) and (B, M, 3): (B,)."""
    forward, backward = nearest_squared(first, second)
    return forward.mean(dim=1) + backward.mean(dim=1)


def chamfer_l1(first: Tensor, second: Tensor) -> Tensor:
    """CD-L1 of each pair of clouds (B, N, 3) and (B, M, 3): (B,)."""
    forward, backward = nearest_squared(first, second)
    return 0.5 * (_root(forward).mean(dim=1) + _root(backward).mean(dim=1))


def _root(squared: Tensor) -> Tensor:
    """Square root whose gradient at 0 is 0: coinciding points pull nowhere, where √ alone gives NaN."""
    apart = squared > 0
    return torch.where(apart, torch.where(apart, squared, 1.0).sqrt(), 0.0)
