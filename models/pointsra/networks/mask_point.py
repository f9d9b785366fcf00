"""MaskPoint's network: the visible tenth of a cloud, and a decoder that is asked which places lie on the cloud.

Liu et al., "Masked Discrimination for Self-Supervised Learning on Point Clouds", ECCV 2022. The decoder sees nothing
of a query but its position, and reads the encoder's tokens, the cls token among them. Its momentum branch, which the
released configuration switches off, is not here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pointsra.networks.dot_product import attend
from pointsra.networks.masked_autoencoder import PatchEncoder
from pointsra.networks.stochastic import DropPath
from pointsra.networks.transformer import Mlp, concatenate
from pointsra.ops.patches import Patches


class MemoryAttention(nn.Module):
    """Attention whose keys are read from one memory and whose values from another; no bias but at the end."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(dim, dim, bias=False)
        self.k = nn.Linear(dim, dim, bias=False)
        self.v = nn.Linear(dim, dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, asking: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """``asking`` (B, Q, C) reads ``values`` (B, T, C) by ``keys`` (B, T, C): (B, Q, C)."""
        split = (
            layer(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, tokens in ((self.q, asking), (self.k, keys), (self.v, values))
        )
        return self.proj(attend(*split).transpose(1, 2).flatten(2))


class QueryDecoderBlock(nn.Module):
    """x + attention(norm(x) + position, memory + its positions, memory), then x + mlp(norm(x)).

    Positions enter behind the norm, keys carry them and values do not; queries never see one another.
    """

    def __init__(self, dim: int, heads: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = MemoryAttention(dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim)
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor, positions: Tensor, memory: Tensor, memory_positions: Tensor) -> Tensor:
        """(B, Q, C) with positions (B, Q, C), reading memory (B, T, C) with its positions: (B, Q, C)."""
        read = self.attn(self.norm1(tokens) + positions, memory + memory_positions, memory)
        tokens = tokens + self.drop_path(read)
        return tokens + self.drop_path(self.mlp(self.norm2(tokens)))


class MaskPoint(nn.Module):
    """Encoder, decoder of queries, and the head that says "fake" or "real".

    Args:
        encoder: of the visible patches, with one query, the cls token.
        depth, heads: of the decoder. hidden: width inside the head (64 in the peer's code).
        drop_path: stochastic depth of the decoder's last block.
    """

    def __init__(
        self, encoder: PatchEncoder, depth: int = 1, heads: int = 6, hidden: int = 64, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        dim = encoder.dim
        self.encoder = encoder
        rates = [drop_path * index / max(1, depth - 1) for index in range(depth)]
        self.decoder = nn.ModuleList(QueryDecoderBlock(dim, heads, rate) for rate in rates)
        self.head = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, 2))

    def forward(self, visible: Patches, queries: Tensor) -> Tensor:
        """Two logits for each place asked about.

        Args:
            visible: centers (B, V, 3) and neighborhoods (B, V, K, 3).
            queries: (B, Q, 3) places; the encoder's own position layers embed them.

        Returns:
            (B, Q, 2) logits of "fake" and "real".
        """
        encoder = self.encoder
        encoding = encoder(visible)
        memory = torch.cat([encoding.queries, encoding.patches], dim=1)
        memory_positions = concatenate(encoder.query_positions, encoder.positions(encoding.centers))
        positions = encoder.positions(queries)
        tokens = torch.zeros_like(positions)
        for block in self.decoder:
            tokens = block(tokens, positions, memory, memory_positions)
        return self.head(tokens)
