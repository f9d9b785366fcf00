"""The transformer of the masked autoencoder: pre-norm blocks that receive positions before each block.

Two more forms stand here because published weights need them: ReCon's blocks, and PCP-MAE's positions.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pointsra.networks.dot_product import attend
from pointsra.networks.stochastic import DropPath


class Attention(nn.Module):
    """Multi-head self-attention; queries, keys and values without bias, as in Point-MAE."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor, allowed: Tensor | None = None) -> Tensor:
        """(B, T, C) → (B, T, C); ``allowed`` (B, T or 1, T) bool says which tokens each one reads, None: all."""
        clouds, count, dim = tokens.shape
        split = self.qkv(tokens).view(clouds, count, 3, self.heads, dim // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        mask = None if allowed is None else allowed.unsqueeze(1)
        mixed = attend(queries, keys, values, mask)
        return self.proj(mixed.transpose(1, 2).reshape(clouds, count, dim))


class CrossAttention(nn.Module):
    """Multi-head attention of some tokens to others; queries, keys and values without bias, as in ReCon."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(dim, dim, bias=False)
        self.kv = nn.Linear(dim, 2 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, asking: Tensor, asked: Tensor) -> Tensor:
        """``asking`` (B, Q, C) reads ``asked`` (B, T, C): (B, Q, C)."""
        clouds, count, dim = asking.shape
        queries = self.q(asking).view(clouds, count, self.heads, -1).transpose(1, 2)
        keys, values = self.kv(asked).view(clouds, -1, 2, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        mixed = attend(queries, keys, values)
        return self.proj(mixed.transpose(1, 2).reshape(clouds, count, dim))


class Mlp(nn.Module):
    """Two layers with GELU between, four times as wide."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.fc2 = nn.Linear(4 * dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, C) → (B, T, C)."""
        return self.fc2(F.gelu(self.fc1(tokens)))


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)); each branch may be dropped for a whole cloud."""

    def __init__(self, dim: int, heads: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim)
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor, allowed: Tensor | None = None) -> Tensor:
        """(B, T, C) → (B, T, C); ``allowed`` as in :class:`Attention`."""
        tokens = tokens + self.drop_path(self.attn(self.norm1(tokens), allowed))
        return tokens + self.drop_path(self.mlp(self.norm2(tokens)))


class QueryBlock(nn.Module):
    """ReCon's block (Qi et al., 2023): queries read the patches through a branch of their own, patches never see them.

    Each skip carries the normalized tensor, n + branch(n) with n = norm(x), where an ordinary block has
    x + branch(norm(x)): the weights of one compute something else in the other.

    Args:
        queries: how many of the first tokens are queries.

    Attributes:
        detached: whether what the queries learn stops at the patches that they read, as in ReCon's pre-training.
    """

    def __init__(self, dim: int, heads: int, queries: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.queries = queries
        self.detached = False
        self.norm1 = nn.LayerNorm(dim)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim)
        self.query_norm1 = nn.LayerNorm(dim)
        self.query_attn = CrossAttention(dim, heads)
        self.query_norm2 = nn.LayerNorm(dim)
        self.query_mlp = Mlp(dim)
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, Q + T, C) → (B, Q + T, C)."""
        queries = self.query_norm1(tokens[:, : self.queries])
        patches = self.norm1(tokens[:, self.queries :])
        asked = patches.detach() if self.detached else patches
        queries = self.query_norm2(queries + self.drop_path(self.query_attn(queries, asked)))
        patches = self.norm2(patches + self.drop_path(self.attn(patches)))
        queries = queries + self.drop_path(self.query_mlp(queries))
        return torch.cat([queries, patches + self.drop_path(self.mlp(patches))], dim=1)


class Transformer(nn.Module):
    """A stack of blocks. Positions are added before every block, not once (Point-MAE).

    Args:
        separate_queries: how many of the first tokens are queries in ReCon's sense; 0 makes ordinary blocks.
    """

    def __init__(self, dim: int, depth: int, heads: int, drop_path: float = 0.0, separate_queries: int = 0) -> None:
        super().__init__()
        rates = [drop_path * index / max(1, depth - 1) for index in range(depth)]
        self.blocks = nn.ModuleList(
            QueryBlock(dim, heads, separate_queries, rate) if separate_queries else Block(dim, heads, rate)
            for rate in rates
        )

    def forward(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Mix tokens (B, T, C) with their positions (B, T, C): (B, T, C)."""
        for block in self.blocks:
            tokens = block(tokens + positions)
        return tokens


class PositionEmbedding(nn.Module):
    """Center coordinates → positions: 3 → 128 → C with GELU."""

    def __init__(self, dim: int, hidden: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, hidden), nn.GELU(), nn.Linear(hidden, dim))
        # Coordinates are the whole signal here; the 0.02 of wide layers would flatten it.
        self.layers[0].starts_as_convolution = True  # type: ignore[assignment]
        self.layers[2].starts_as_convolution = True  # type: ignore[assignment]

    def forward(self, centers: Tensor) -> Tensor:
        """(B, T, 3) → (B, T, C)."""
        return self.layers(centers)


class SinePositionEmbedding(nn.Module):
    """Center coordinates → positions as in PCP-MAE: sine and cosine of each axis, then C → C → C with GELU."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        if dim % 6:
            raise ValueError(f"sines and cosines of three axes need a width divisible by 6, not {dim}")
        self.frequencies = dim // 6
        self.layers = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim))

    def forward(self, centers: Tensor) -> Tensor:
        """(B, T, 3) → (B, T, C)."""
        return self.layers(self.code(centers))

    def code(self, centers: Tensor) -> Tensor:
        """Sines and cosines of centers (B, T, 3), from which the layers make positions: (B, T, C)."""
        steps = torch.arange(self.frequencies, device=centers.device, dtype=centers.dtype) / self.frequencies
        angles = centers.unsqueeze(-1) / 10000**steps  # (B, T, 3, C / 6)
        return torch.stack([angles.sin(), angles.cos()], dim=-2).flatten(-3)  # x sine, x cosine, y sine, …


def concatenate(first: Tensor, second: Tensor) -> Tensor:
    """Join tokens (B, T, C) and (B, U, C), or shared ones (1, T, C), along the sequence: (B, T + U, C)."""
    clouds = max(first.shape[0], second.shape[0])
    return torch.cat([first.expand(clouds, -1, -1), second.expand(clouds, -1, -1)], dim=1)
