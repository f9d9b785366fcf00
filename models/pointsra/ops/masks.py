"""Orders of patches that hide: random, block, view-point and level masks, all nested.

A mask is an order of a cloud's G patches: the first V are visible, the rest hidden. One order serves every
mask ratio, so the student's visible patches are always among the teacher's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.ops.batch_parts import integers, normal, uniform


def random_order(clouds: int, groups: int, generator: torch.Generator) -> Tensor:
    """(B, G) patch indices in random order."""
    return uniform((clouds, groups), generator).argsort(dim=1)


def block_order(centers: Tensor, generator: torch.Generator) -> Tensor:
    """Order that hides the patches nearest to a randomly chosen center (Point-BERT's block mask).

    Args:
        centers: (B, G, 3).

    Returns:
        (B, G) indices, farthest from the chosen center first, so that the visible ones lead.
    """
    clouds, groups, _ = centers.shape
    chosen = integers(0, groups, (clouds, 1), generator).to(centers.device)
    seed = centers.gather(1, chosen.unsqueeze(-1).expand(-1, -1, 3))
    return (centers - seed).square().sum(-1).argsort(dim=1, descending=True)


def view_order(centers: Tensor, generator: torch.Generator) -> Tensor:
    """Order that hides what lies farthest from a random view point, as the ShapeNet-55 protocol crops.

    Args:
        centers: (B, G, 3).

    Returns:
        (B, G) indices, nearest to the view point first. Directions are uniform on the sphere; the view point
        is three times as far out as the farthest center.
    """
    direction = normal((centers.shape[0], 1, 3), generator).to(centers)
    direction = direction / direction.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    middle = centers.mean(dim=1, keepdim=True)
    radius = (centers - middle).norm(dim=-1).amax(dim=1)[:, None, None].clamp_min(1e-9)
    eye = middle + 3.0 * radius * direction
    return (centers - eye).square().sum(-1).argsort(dim=1)


def level_order(centers: Tensor, generator: torch.Generator) -> Tensor:
    """Order that hides all that lies above a height, or all below it: what things stand on, or what they carry.

    Args:
        centers: (B, G, 3), y up.

    Returns:
        (B, G) indices, in the order of height from the top or, for every other cloud at random, from the bottom.
    """
    upward = 2.0 * integers(0, 2, (len(centers), 1), generator).to(centers) - 1.0
    return (upward * centers[..., 1]).argsort(dim=1)


def visible_count(groups: int, ratio: float) -> int:
    """Visible patches V at a mask ratio; at least 1, at most G (int(ratio · G) are hidden, as in Point-MAE)."""
    return max(1, groups - int(ratio * groups))
