"""A small network that reads picture and caption off the patch centers of a whole cloud, true or drawn.

What it has learned of true clouds judges drawn ones (``losses.reading_energy``): four legs and a pedestal lie hardly
farther apart than two sets of four legs, but read differently.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pointsra.networks.mean_flow_transformer import PointSinusoids
from pointsra.networks.transformer import Block


class ConditionReader(nn.Module):
    """Centers → features of picture and text.

    Args:
        features: width of all features together.
        dim, depth, heads: of its transformer.
        octaves: frequencies of coordinates.
    """

    def __init__(self, features: int, dim: int, depth: int, heads: int, octaves: int) -> None:
        super().__init__()
        self.embed = PointSinusoids(dim, octaves)
        self.hidden_token = nn.Parameter(torch.zeros(dim))
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(2 * dim)
        self.head = nn.Linear(2 * dim, features)

    def forward(self, centers: Tensor, hidden: Tensor, there: Tensor | None = None) -> Tensor:
        """Read clouds.

        Args:
            centers: (B, T, 3) in the flow's frame and unit.
            hidden: (B, T) bool, which of them are hidden from the flow.
            there: (B, T) bool, which of them are of the cloud at all, at least one; None: all.

        Returns:
            (B, features).
        """
        if there is None:
            there = torch.ones_like(hidden)
        tokens = self.embed(centers) + hidden.unsqueeze(-1) * self.hidden_token
        for block in self.blocks:
            tokens = block(tokens, there.unsqueeze(1))
        weight = there.unsqueeze(-1).to(tokens.dtype)
        mean = (tokens * weight).sum(dim=1) / weight.sum(dim=1)
        largest = tokens.masked_fill(~there.unsqueeze(-1), -torch.inf).amax(dim=1)
        return self.head(self.norm(torch.cat([mean, largest], dim=-1)))
