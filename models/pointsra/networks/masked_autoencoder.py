"""The masked autoencoder: an encoder of visible patches and a decoder that fills hidden ones (Point-MAE).

Three learned query tokens (cls, image, text) ride in front of the patches, as in ReCon; here they are ordinary
tokens of the same attention.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pointsra.networks.patch_embedding import PatchEmbedding
from pointsra.networks.transformer import PositionEmbedding, SinePositionEmbedding, Transformer, concatenate
from pointsra.ops.patches import Patches

QUERIES = ("cls", "image", "text")


@dataclass(frozen=True)
class Encoding:
    """What the encoder says of the visible patches.

    Attributes:
        queries: (B, Q, C) the cls, image and text tokens; peers' encoders have one of them or none.
        patches: (B, V, C) one token a visible patch.
        centers: (B, V, 3) their centers.
    """

    queries: Tensor
    patches: Tensor
    centers: Tensor

    @property
    def pooled(self) -> Tensor:
        """(B, C) mean over the visible patches."""
        return self.patches.mean(dim=1)

    def detached(self) -> Encoding:
        """The same without its graph."""
        return Encoding(self.queries.detach(), self.patches.detach(), self.centers)

    def repeated(self, count: int) -> Encoding:
        """All clouds, and all of them again, ``count`` times: (count · B, …)."""
        parts = (self.queries, self.patches, self.centers)
        return Encoding(*(part.repeat(count, 1, 1) for part in parts))

    def query(self, name: str) -> Tensor:
        """(B, C) one query token, by its name in :data:`QUERIES`."""
        return self.queries[:, QUERIES.index(name)]


class CloudEncoder(nn.Module):
    """What turns patches into an :class:`Encoding`; ``dim`` is the width C of its tokens."""

    dim: int

    def forward(self, patches: Patches, gate: Callable[[Tensor], Tensor] | None = None) -> Encoding:
        """Encode centers (B, V, 3) and neighborhoods (B, V, K, 3); ``gate`` changes the embedded patches (B, V, C)."""
        raise NotImplementedError


class PatchEncoder(CloudEncoder):
    """Patches → tokens. At dim 384, depth 12 and 6 heads it is Point-MAE's encoder plus three queries.

    Args:
        dim: width C. depth, heads: of the transformer.
        patch_widths: hidden widths of the patch embedding.
        drop_path: stochastic depth of the last block.
        queries: how many of :data:`QUERIES` there are, from the first: 0 in Point-MAE, 1 in ACT, 3 here and in ReCon.
        query_blocks: ReCon's blocks in place of ordinary ones.
        sine_positions: PCP-MAE's positions in place of Point-MAE's.
        embedding_dim: width of the patch embedding where a linear layer brings it to C, as in MaskPoint; 0: C at once.
    """

    def __init__(
        self,
        dim: int = 384,
        depth: int = 12,
        heads: int = 6,
        patch_widths: tuple[int, int, int] = (128, 256, 512),
        drop_path: float = 0.1,
        queries: int = len(QUERIES),
        query_blocks: bool = False,
        sine_positions: bool = False,
        embedding_dim: int = 0,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.embedding = PatchEmbedding(embedding_dim or dim, patch_widths)
        self.reduce = nn.Linear(embedding_dim, dim) if embedding_dim else nn.Identity()
        self.positions = SinePositionEmbedding(dim) if sine_positions else PositionEmbedding(dim)
        self.query_tokens = nn.Parameter(torch.zeros(1, queries, dim))
        self.query_positions = nn.Parameter(torch.zeros(1, queries, dim))
        self.transformer = Transformer(dim, depth, heads, drop_path, queries if query_blocks else 0)
        self.norm = nn.LayerNorm(dim)

    def forward(self, patches: Patches, gate: Callable[[Tensor], Tensor] | None = None) -> Encoding:
        """Encode the patches that are visible; nothing is spent on the others.

        Args:
            patches: centers (B, V, 3) and neighborhoods (B, V, K, 3).
            gate: changes the embedded patches (B, V, C) before the blocks; None leaves them as they are.
        """
        embedded = self.reduce(self.embedding(patches.neighborhoods))
        tokens = concatenate(self.query_tokens, embedded if gate is None else gate(embedded))
        positions = concatenate(self.query_positions, self.positions(patches.centers))
        mixed = self.norm(self.transformer(tokens, positions))
        count = self.query_tokens.shape[1]
        return Encoding(mixed[:, :count], mixed[:, count:], patches.centers)


class PatchDecoder(nn.Module):
    """Visible tokens and the centers of hidden patches → the points of the hidden patches.

    Args:
        dim: width C. depth, heads: of the transformer.
        size: points K a patch.
        drop_path: stochastic depth of the last block.
        own_positions: whether it embeds centers itself; without, :meth:`fill` is given positions, as in PCP-MAE.
    """

    def __init__(
        self,
        dim: int = 384,
        depth: int = 4,
        heads: int = 6,
        size: int = 32,
        drop_path: float = 0.0,
        own_positions: bool = True,
    ) -> None:
        super().__init__()
        self.size = size
        self.mask_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.positions = PositionEmbedding(dim) if own_positions else nn.Identity()
        self.transformer = Transformer(dim, depth, heads, drop_path)
        self.norm = nn.LayerNorm(dim)
        self.points = nn.Linear(dim, 3 * size)

    def forward(self, encoding: Encoding, masked_centers: Tensor) -> Tensor:
        """Fill the hidden patches.

        Args:
            encoding: of the visible patches.
            masked_centers: (B, M, 3) where the hidden patches are, in the same frame.

        Returns:
            (B, M, K, 3) points relative to ``masked_centers``.
        """
        positions = self.positions(torch.cat([encoding.centers, masked_centers], dim=1))
        return self.fill(encoding.patches, positions)

    def fill(self, visible: Tensor, positions: Tensor) -> Tensor:
        """Visible tokens (B, V, C) and positions (B, V + M, C), hidden ones last: points (B, M, K, 3)."""
        clouds, seen, _ = visible.shape
        masked = positions.shape[1] - seen
        tokens = concatenate(visible, self.mask_token.expand(clouds, masked, -1))
        mixed = self.norm(self.transformer(tokens, positions)[:, seen:])
        return self.points(mixed).view(clouds, masked, self.size, 3)
