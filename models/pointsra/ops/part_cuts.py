"""Hide whole parts of a shape: all that stand higher than a height, or all that stand lower.

What holds up a seat, or what stands on it, is then absent entirely. A cut through a cloud at a height leaves stubs that
tell what goes on; where a part is absent as a whole, what is visible tells little, and captions and pictures the rest.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.ops.batch_parts import integers
from pointsra.ops.neighbors import nearest_indices

_LABELS = 256  # a part label is one byte


def hide_parts(points: Tensor, parts: Tensor, centers: Tensor, ratio: float, generator: torch.Generator) -> Tensor:
    """Choose the parts of each cloud that are hidden: the lowest ones or, for every other cloud at random, the highest.

    How many, is decided by ``ratio``: as many as come nearest to hiding that share of the patches. At least one part is
    hidden and at least one is visible.

    Args:
        points: (B, N, 3), y up.
        parts: (B, N) uint8 part labels.
        centers: (B, G, 3) of the patches.
        ratio: share of the patches to hide.
        generator: of the directions.

    Returns:
        (B, N) bool, True for hidden points; in clouds of one part False throughout.
    """
    upward = 2.0 * integers(0, 2, (len(points), 1), generator).to(points) - 1.0
    label = parts.long()
    heights = points.new_zeros(len(points), _LABELS).scatter_reduce(
        1, label, upward * points[..., 1], "mean", include_self=False
    )
    held = torch.zeros_like(heights).scatter_(1, label, 1.0) > 0
    rank = torch.where(held, heights, torch.inf).argsort(dim=1).argsort(dim=1)  # 0 is hidden first
    ranks = rank.gather(1, label)
    owner = nearest_indices(centers, points, 1).squeeze(2)
    held_patches = torch.zeros_like(heights).scatter_add_(1, ranks.gather(1, owner), torch.ones_like(centers[..., 0]))
    shares = held_patches.cumsum(dim=1) / centers.shape[1]  # hidden, where all up to this rank are
    last = held.sum(dim=1, keepdim=True) - 1
    never = torch.arange(_LABELS, device=points.device) >= last
    cut = (shares - ratio).abs().masked_fill(never, torch.inf).argmin(dim=1, keepdim=True)
    return (ranks <= cut) & (last > 0)
