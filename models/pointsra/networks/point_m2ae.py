"""Point-M2AE's encoder: a transformer at each of several scales, tokens merged from one to the next.

Zhang et al., "Point-M2AE: Multi-scale Masked Autoencoders for Hierarchical Point Cloud Pre-training", NeurIPS 2022.
The finest patches are cut from the points; every coarser scale is made of the centers below it. Fine-tuning lets a
token read only those within a radius; pre-training, and a frozen encoder, let it read all (the peer's code).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from pointsra.networks.masked_autoencoder import CloudEncoder, Encoding
from pointsra.networks.patch_embedding import PatchEmbedding
from pointsra.networks.transformer import Block, PositionEmbedding
from pointsra.ops.patches import Patches
from pointsra.ops.sampling import gather_points
from pointsra.ops.scales import CoarserScale, coarser_scales, shown_scales


@dataclass(frozen=True)
class Hierarchy:
    """The scales of a hierarchical encoder above its coarsest width; kept with the weights.

    Attributes:
        dims: width of each scale, fine to coarse.
        depths: blocks of each.
        groups, sizes: patches of each scale but the finest, and how many centers of the scale below each holds.
        radii: how far a token reads at each scale while fine-tuning, in the frame of the cloud; 0: everywhere.
    """

    dims: tuple[int, ...] = (96, 192, 384)
    depths: tuple[int, ...] = (5, 5, 5)
    groups: tuple[int, ...] = (256, 64)
    sizes: tuple[int, ...] = (8, 8)
    radii: tuple[float, ...] = (0.32, 0.64, 1.28)


class HierarchicalEncoder(CloudEncoder):
    """Patches → tokens of the coarsest scale.

    Args:
        hierarchy: widths, depths and scales.
        heads: of every block.
        patch_widths: hidden widths of the finest scale's patch embedding.
        drop_path: stochastic depth of the last block; it grows over the blocks of all scales together.
        local: whether :meth:`forward` keeps to the radii.
    """

    def __init__(
        self,
        hierarchy: Hierarchy,
        heads: int = 6,
        patch_widths: tuple[int, int, int] = (128, 256, 512),
        drop_path: float = 0.1,
        local: bool = False,
    ) -> None:
        super().__init__()
        self.hierarchy, self.local = hierarchy, local
        dims, depths = hierarchy.dims, hierarchy.depths
        self.dim = dims[-1]
        merges = (PatchEmbedding(above, (below, below, above), inputs=below) for below, above in pairwise(dims))
        self.embeddings = nn.ModuleList([PatchEmbedding(dims[0], patch_widths), *merges])
        self.positions = nn.ModuleList(PositionEmbedding(dim, hidden=dim) for dim in dims)
        last = max(1, sum(depths) - 1)
        starts = [sum(depths[:number]) for number in range(len(depths))]
        self.stages = nn.ModuleList(
            nn.ModuleList(Block(dim, heads, drop_path * (start + index) / last) for index in range(depth))
            for dim, depth, start in zip(dims, depths, starts, strict=True)
        )
        self.norm = nn.LayerNorm(self.dim)

    def scales(self, centers: Tensor) -> list[CoarserScale]:
        """The coarser scales of finest centers (B, G, 3)."""
        return coarser_scales(centers, self.hierarchy.groups, self.hierarchy.sizes)

    def forward(self, patches: Patches, gate: Callable[[Tensor], Tensor] | None = None) -> Encoding:
        """Encode whole clouds, cut in the finest patches: centers (B, G, 3) and neighborhoods (B, G, K, 3).

        Returns:
            The coarsest tokens; the one "query" is their mean, so that the cloud's feature is mean and maximum, the
            peer's.

        Raises:
            ValueError: a gate is given, which tokens of several scales do not have.
        """
        if gate is not None:
            raise ValueError("an encoder of several scales has no gate")
        scales = self.scales(patches.centers)
        tokens = self.norm(self.encode(patches, scales)[-1])
        return Encoding(tokens.mean(dim=1, keepdim=True), tokens, scales[-1].centers)

    def show(self, patches: Patches, shown: Tensor) -> Encoding:
        """Encode what the coarsest patches ``shown`` (B, V) int64 are made of, and nothing else of whole clouds.

        Returns:
            Their tokens; where all are shown and hold every finer patch, those of :meth:`forward`.
        """
        scales = self.scales(patches.centers)
        masks = shown_scales(scales, shown, patches.centers.shape[1])
        tokens = gather_points(self.norm(self.encode(patches, scales, masks)[-1]), shown)
        return Encoding(tokens.mean(dim=1, keepdim=True), tokens, gather_points(scales[-1].centers, shown))

    def encode(
        self, patches: Patches, scales: Sequence[CoarserScale], visible: Sequence[Tensor] | None = None
    ) -> list[Tensor]:
        """Tokens of every scale, (B, Gᵢ, Cᵢ), fine to coarse, without a norm.

        Args:
            patches: the finest scale.
            scales: the others.
            visible: (B, Gᵢ) bool masks that agree between the scales; what they hide costs nothing and is 0 in the
                result. None shows all.
        """
        found: list[Tensor] = []
        all_centers = [patches.centers, *(scale.centers for scale in scales)]
        for number, centers in enumerate(all_centers):
            shown = None if visible is None else Shown.of(visible[number])
            positions = self.positions[number](centers if shown is None else shown.gather(centers))
            members = None if number == 0 else scales[number - 1].members
            tokens = self._embed(number, patches, found, members, shown)
            allowed = self._allowed(number, centers, shown)
            for block in self.stages[number]:  # type: ignore[union-attr]
                tokens = block(tokens + positions, allowed)
            found.append(tokens if shown is None else shown.spread(tokens))
        return found

    def _embed(
        self, number: int, patches: Patches, found: list[Tensor], members: Tensor | None, shown: Shown | None
    ) -> Tensor:
        """Tokens of one scale before its blocks, (B, Gᵢ, C), or (B, V, C) of what is shown."""
        embedding = self.embeddings[number]
        if members is None:
            parts = patches.neighborhoods
            if shown is not None:
                parts = shown.gather(parts.flatten(2)).unflatten(-1, parts.shape[2:])
        else:
            parts = gather_points(found[-1], members if shown is None else shown.gather(members))
        if shown is None:
            return embedding(parts)
        # Batch norm should see what is visible, not what fills the rows of other clouds up.
        embedded = embedding(parts[shown.valid].unsqueeze(0)).squeeze(0)
        tokens = embedded.new_zeros(*shown.valid.shape, embedded.shape[-1])
        return tokens.masked_scatter(shown.valid.unsqueeze(-1), embedded)

    def _allowed(self, number: int, centers: Tensor, shown: Shown | None) -> Tensor | None:
        """Which tokens of a scale each of those shown may read; None: all."""
        radius = self.hierarchy.radii[number]
        if not self.local or not radius:
            return None if shown is None else shown.allowed
        if shown is None:
            return torch.cdist(centers, centers) < radius
        centers = shown.gather(centers)
        itself = torch.eye(centers.shape[1], dtype=torch.bool, device=centers.device)  # what fills up reads something
        return (torch.cdist(centers, centers) < radius) & shown.allowed | itself


@dataclass(frozen=True)
class Shown:
    """Which groups of a scale are visible, packed to the front; clouds may show different numbers of them.

    Attributes:
        order: (B, V) the visible groups of each cloud, filled up with hidden ones to the largest number V.
        valid: (B, V) bool, False for what fills up.
        groups: G.
    """

    order: Tensor
    valid: Tensor
    groups: int

    @staticmethod
    def of(visible: Tensor) -> Shown:
        """From a mask (B, G) bool."""
        counts = visible.sum(dim=1)
        most = int(counts.max())
        order = (~visible).to(torch.uint8).argsort(dim=1, stable=True)[:, :most]
        return Shown(order, torch.arange(most, device=visible.device) < counts.unsqueeze(1), visible.shape[1])

    @property
    def allowed(self) -> Tensor:
        """(B, 1, V) bool: tokens read what is visible, and nothing that fills up."""
        return self.valid.unsqueeze(1)

    def gather(self, values: Tensor) -> Tensor:
        """(B, G, C) → (B, V, C)."""
        return gather_points(values, self.order)

    def spread(self, tokens: Tensor) -> Tensor:
        """(B, V, C) → (B, G, C), 0 where hidden."""
        kept = torch.where(self.valid.unsqueeze(-1), tokens, 0.0)
        full = kept.new_zeros(len(tokens), self.groups, tokens.shape[-1])
        return full.scatter(1, self.order.unsqueeze(-1).expand_as(kept), kept)
