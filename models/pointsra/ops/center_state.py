"""The state of the flow: the centers of hidden patches, in a frame that only needs what is visible.

A cloud's G patches fill G slots. In an ordinary row the first V slots belong to the visible patches, which are
condition, and the other M = G − V hold the state. In an unconditioned row all G slots hold state, so that the
flow also learns whole clouds (this is what fine-tuning asks it about). Where what is hidden is cut in more cells than
G − V there are more slots, and in an unconditioned row the last ones hold nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pointsra.ops.ordering import morton_order
from pointsra.ops.sampling import gather_points

RANKED = ("morton", "cells")
"""The values of ``flow.order`` that give every slot a rank."""


@dataclass(frozen=True)
class CenterState:
    """Clean states of a batch, in T ≥ G slots.

    Attributes:
        data: (B, T, 3) z₀ = (center − mean of the visible centers) / σ; meaningless in slots that are condition.
        active: (B, T) bool, True where a slot holds state.
        there: (B, T) bool, True where a slot holds a center, of the state or of the condition; None: all of them do.
        rank: (B, T) place in the canonical order, (rank + ½) / M in (0, 1); None without an order.
        visible_centers: (B, V, 3) the condition's centers, in the state's frame.
    """

    data: Tensor
    active: Tensor
    there: Tensor | None
    rank: Tensor | None
    visible_centers: Tensor


def center_state(
    visible: Tensor, masked: Tensor, whole: Tensor, unconditioned: Tensor, scale: Tensor, order: str
) -> CenterState:
    """Lay out the state of a batch.

    Args:
        visible: (B, V, 3) visible centers.
        masked: (B, M, 3) hidden centers, in the same frame.
        whole: (B, G, 3) all centers in the frame of the whole cloud, for rows without condition.
        unconditioned: (B,) bool rows without condition.
        scale: () the global σ.
        order: "morton" sorts hidden and whole centers along the Z-order curve, "cells" the whole ones alone, since
            cells come in an order of their own; both give ranks. Any other value keeps the order and gives none.
    """
    middle = visible.mean(dim=1, keepdim=True)
    ordered = order in RANKED
    if order == "morton":
        masked = gather_points(masked, morton_order(masked))
    if ordered:
        whole = gather_points(whole, morton_order(whole))
    conditioned = torch.cat([visible, masked], dim=1) - middle
    free = unconditioned[:, None]
    shown, hidden, groups = visible.shape[1], masked.shape[1], whole.shape[1]
    slots = torch.arange(shown + hidden, device=visible.device)
    active = torch.where(free, slots < groups, slots >= shown)
    there = None if shown + hidden == groups else ~free | (slots < groups)
    rank = torch.where(free, ranks(groups, slots), ranks(hidden, slots - shown)) if ordered else None
    whole = torch.nn.functional.pad(whole, (0, 0, 0, shown + hidden - groups))
    data = torch.where(free.unsqueeze(-1), whole, conditioned) / scale
    return CenterState(data, active, there, rank, (visible - middle) / scale)


def ranks(count: int, places: Tensor) -> Tensor:
    """(rank + ½) / M of integer places, as float; any M gives values in (0, 1)."""
    return (places.float() + 0.5) / count
