"""Noise for slots that stand in an order: most of it shared by many of them, as what is hidden moves together.

Where a hidden part is and how far it reaches moves all of its centers alike. Independent noise has next to nothing of
that (1 / M of its variance), so that a flow has to blow up the little there is; the noise of a tree has as much of it
as centers have. Ours; the shares are about those of what samples of a flow trained with independent noise differ by.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

_SHARES = (0.5, 0.125, 0.125, 0.125)
"""Of the variance, for all slots, halves, quarters and eighths of the order; the rest is each slot's own."""

_NODES = 2 ** len(_SHARES) - 1


def slot_noise(
    kind: str, clouds: int, slots: int, rank: Tensor | None, draw: Callable[[tuple[int, int, int]], Tensor]
) -> Tensor:
    """Noise of unit variance in every coordinate: (B, T, 3).

    Args:
        kind: "white": independent; "tree": :func:`tree_noise`, where slots have ranks.
        clouds, slots: B and T.
        rank: (B, T) places of the slots in (0, 1), or None.
        draw: N(0, I) of a shape, on the device of ``rank``.
    """
    own = draw((clouds, slots, 3))
    if kind != "tree" or rank is None:
        return own
    return tree_noise(own, draw((clouds, _NODES, 3)), rank)


def tree_noise(own: Tensor, common: Tensor, rank: Tensor) -> Tensor:
    """The noise of a slot: the sum of its own and that of the nodes above it in a binary tree over the order.

    Args:
        own: (B, T, 3) N(0, I).
        common: (B, 15, 3) N(0, I) of the nodes, from the root downward.
        rank: (B, T) places in (0, 1); what lies outside belongs to the nodes at the ends.
    """
    noise = (1.0 - sum(_SHARES)) ** 0.5 * own
    first = 0
    for level, share in enumerate(_SHARES):
        nodes = 2**level
        node = (rank * nodes).long().clamp(0, nodes - 1)
        shared = common[:, first : first + nodes].gather(1, node.unsqueeze(-1).expand(-1, -1, 3))
        noise = noise + share**0.5 * shared
        first += nodes
    return noise


def cooled(noise: Tensor, temperature: float, active: Tensor | None = None) -> Tensor:
    """Noise (B, T, 3) times the temperature, and its mean over the slots times the temperature once more.

    The mean decides where everything lies and how far it reaches. A flow that is not fully trained answers too much to
    it, and what it then draws is all in the wrong place; what slots have of their own makes one completion unlike
    another. At 1 nothing changes.

    Args:
        noise: of the slots.
        temperature: T.
        active: (B, T) bool, the slots that the mean is of; None for all.
    """
    if active is None:
        common = noise.mean(dim=1, keepdim=True)
    else:
        weight = active.to(noise.dtype).unsqueeze(-1)
        common = (weight * noise).sum(dim=1, keepdim=True) / weight.sum(dim=1, keepdim=True)
    return temperature * (noise - common) + temperature**2 * common
