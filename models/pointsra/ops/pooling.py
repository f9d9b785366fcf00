"""Soft pooling: an average of tokens in which large values weigh more (SoftPool, Stergiou et al., ICCV 2021)."""

from __future__ import annotations

from torch import Tensor


def soft_pool(tokens: Tensor) -> Tensor:
    """Σᵢ wᵢ xᵢ over the tokens of a cloud, with w = softmax(x) in each channel by itself.

    As in that paper, the weights count as constants in the gradient, dL/dxᵢ = wᵢ dL/dx̄: without that a token's
    pull could turn against it where it lies far below the average.

    Args:
        tokens: (B, T, C).

    Returns:
        (B, C).
    """
    return (tokens.detach().softmax(dim=1) * tokens).sum(dim=1)
