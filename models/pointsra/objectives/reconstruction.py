"""Reconstruction of hidden patches: Chamfer L2 between predicted and true points (Point-MAE)."""

from __future__ import annotations

from torch import Tensor

from pointsra.ops.chamfer import chamfer_l2


def patch_chamfer(predicted: Tensor, true: Tensor) -> Tensor:
    """Mean CD-L2 over all hidden patches.

    Args:
        predicted: (B, M, K, 3) points relative to their patch's center.
        true: (B, M, K, 3).

    Returns:
        () the loss.
    """
    return chamfer_l2(predicted.flatten(0, 1), true.flatten(0, 1)).mean()
