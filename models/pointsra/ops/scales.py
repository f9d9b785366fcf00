"""A cloud at several scales, each made of the finer one's centers, and masks that agree between them (Point-M2AE)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pointsra.ops.neighbors import nearest_indices
from pointsra.ops.sampling import farthest_point_indices, gather_points


@dataclass(frozen=True)
class CoarserScale:
    """A scale whose patches hold centers of the scale below.

    Attributes:
        centers: (B, G, 3).
        members: (B, G, K) int64, which of the finer scale's centers each patch holds.
    """

    centers: Tensor
    members: Tensor


def coarser_scales(centers: Tensor, groups: tuple[int, ...], sizes: tuple[int, ...]) -> list[CoarserScale]:
    """Scales above the finest, from fine to coarse: farthest-point centers of the centers below, nearest ones around.

    Args:
        centers: (B, G₀, 3) of the finest scale.
        groups: patches of each coarser scale, fewer from one to the next.
        sizes: centers that a patch of each holds.

    Raises:
        ValueError: a scale asks for more patches, or for larger ones, than the scale below has centers.
    """
    scales = []
    for count, size in zip(groups, sizes, strict=True):
        chosen = gather_points(centers, farthest_point_indices(centers, count))
        scales.append(CoarserScale(chosen, nearest_indices(chosen, centers, size)))
        centers = chosen
    return scales


def visible_below(scale: CoarserScale, visible: Tensor, finer: int) -> Tensor:
    """Which centers of the finer scale some visible patch holds.

    Args:
        scale: the coarser one.
        visible: (B, G) bool, its patches.
        finer: centers of the finer scale.

    Returns:
        (B, finer) bool: everything that a visible patch is made of is visible, and nothing else.
    """
    marks = visible.unsqueeze(-1).expand(scale.members.shape).flatten(1).to(torch.int64)
    counts = marks.new_zeros(len(marks), finer).scatter_add_(1, scale.members.flatten(1), marks)
    return counts > 0


def visible_scales(scales: list[CoarserScale], coarsest: Tensor, finest: int) -> list[Tensor]:
    """The masks of all scales that follow from the coarsest one's (B, G) bool, from fine to coarse."""
    masks = [coarsest]
    for number in range(len(scales) - 1, -1, -1):
        below = scales[number - 1].centers.shape[1] if number else finest
        masks.insert(0, visible_below(scales[number], masks[0], below))
    return masks


def shown_scales(scales: list[CoarserScale], shown: Tensor, finest: int) -> list[Tensor]:
    """:func:`visible_scales` where the coarsest patches ``shown`` (B, V) int64 are visible."""
    coarsest = shown.new_zeros(len(shown), scales[-1].centers.shape[1], dtype=torch.bool)
    return visible_scales(scales, coarsest.scatter_(1, shown, True), finest)
