"""Point-M2AE's decoder and its whole network: hidden patches filled from coarse to fine (Zhang et al., NeurIPS 2022).

The coarsest tokens, with a learned one in each hidden place, are mixed, carried to the next finer centers, joined
there with what the encoder says of the visible ones, and mixed again. The finest decoded scale predicts points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pointsra.networks.batch_norm import BatchNorm
from pointsra.networks.point_m2ae import HierarchicalEncoder
from pointsra.networks.transformer import Block, PositionEmbedding
from pointsra.ops.patches import Patches
from pointsra.ops.propagation import propagate
from pointsra.ops.sampling import gather_points
from pointsra.ops.scales import CoarserScale


class TokenPropagation(nn.Module):
    """Coarse tokens at finer centers, joined with the finer ones: a linear layer, then a residual pair, batch-normed.

    Args:
        coarse, fine: widths of the two scales.
    """

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.joined = nn.Sequential(_linear(fine + coarse, fine), BatchNorm(fine))
        self.first = nn.Sequential(_linear(fine, fine), BatchNorm(fine))
        self.second = nn.Sequential(_linear(fine, fine), BatchNorm(fine))

    def forward(self, fine: Tensor, coarse: Tensor, fine_centers: Tensor, coarse_centers: Tensor) -> Tensor:
        """Tokens (B, N, C) at ``fine_centers`` (B, N, 3) and (B, S, D) at ``coarse_centers`` (B, S, 3): (B, N, C)."""
        carried = propagate(coarse, coarse_centers, fine_centers)
        tokens = F.gelu(self.joined(torch.cat([fine, carried], dim=-1).flatten(0, 1)))
        tokens = F.gelu(self.second(F.gelu(self.first(tokens))) + tokens)
        return tokens.view(fine.shape)


@dataclass(frozen=True)
class Filled:
    """Predictions for the hidden patches of all clouds of a batch, in one row; clouds hide different numbers.

    Attributes:
        predicted: (T, P, 3) points relative to their patch's center.
        true: (T, K, 3) the centers of the scale below that the patch holds, relative to its own.
    """

    predicted: Tensor
    true: Tensor


class HierarchicalDecoder(nn.Module):
    """Visible tokens of the coarsest scales → points of the hidden patches of the finest decoded one.

    Args:
        dims: width of each decoded scale, coarse to fine; they are the encoder's.
        depths: blocks of each. heads: of every block.
        points: points P predicted for a patch.
        drop_path: stochastic depth of the last block.
    """

    def __init__(
        self,
        dims: tuple[int, ...] = (384, 192),
        depths: tuple[int, ...] = (1, 1),
        heads: int = 6,
        points: int = 16,
        drop_path: float = 0.1,
    ) -> None:
        super().__init__()
        self.points = points
        self.mask_token = nn.Parameter(torch.zeros(1, 1, dims[0]))
        self.positions = nn.ModuleList(PositionEmbedding(dim, hidden=dim) for dim in dims)
        last = max(1, sum(depths) - 1)
        starts = [sum(depths[:number]) for number in range(len(depths))]
        self.stages = nn.ModuleList(
            nn.ModuleList(Block(dim, heads, drop_path * (start + index) / last) for index in range(depth))
            for dim, depth, start in zip(dims, depths, starts, strict=True)
        )
        self.skip_norms = nn.ModuleList(nn.LayerNorm(dim) for dim in dims[1:])
        self.propagations = nn.ModuleList(TokenPropagation(coarse, fine) for coarse, fine in pairwise(dims))
        self.norm = nn.LayerNorm(dims[-1])
        self.head = _linear(dims[-1], 3 * points)

    def forward(self, tokens: Sequence[Tensor], visible: Sequence[Tensor], centers: Sequence[Tensor]) -> Tensor:
        """Predict.

        Args:
            tokens: of the encoder, (B, Gᵢ, Cᵢ), coarse to fine, those of the coarsest scale already normed.
            visible: (B, Gᵢ) bool. centers: (B, Gᵢ, 3).

        Returns:
            (T, P, 3) for the hidden patches of the last of these scales, in the order of ``centers[-1][~visible[-1]]``.
        """
        mixed = torch.where(visible[0].unsqueeze(-1), tokens[0], self.mask_token)
        for number, stage in enumerate(self.stages):
            if number:
                skipped = self.skip_norms[number - 1](tokens[number])
                skipped = torch.where(visible[number].unsqueeze(-1), skipped, 0.0)
                mixed = self.propagations[number - 1](skipped, mixed, centers[number], centers[number - 1])
            positions = self.positions[number](centers[number])
            for block in stage:  # type: ignore[union-attr]
                mixed = block(mixed + positions)
        hidden = self.norm(mixed)[~visible[-1]]
        return self.head(hidden).view(-1, self.points, 3)


class PointM2AE(nn.Module):
    """Encoder and decoder; the loss is the Chamfer distance between the two parts of :class:`Filled`.

    Args:
        encoder: of all scales.
        decoder: of the coarsest ones.
    """

    def __init__(self, encoder: HierarchicalEncoder, decoder: HierarchicalDecoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, patches: Patches, scales: Sequence[CoarserScale], visible: Sequence[Tensor]) -> Filled:
        """Hide, encode and fill.

        Args:
            patches: the finest scale, centers (B, G, 3).
            scales: the coarser ones, as :meth:`HierarchicalEncoder.scales` gives them.
            visible: (B, Gᵢ) bool, what is shown of each scale, fine to coarse, as
                :func:`pointsra.ops.scales.visible_scales` gives them.
        """
        tokens = self.encoder.encode(patches, scales, visible)
        tokens[-1] = self.encoder.norm(tokens[-1])
        centers = [patches.centers, *(scale.centers for scale in scales)]
        count = len(self.decoder.stages)
        decoded = [list(reversed(values))[:count] for values in (tokens, visible, centers)]
        predicted = self.decoder(*decoded)
        finest = len(centers) - count  # of the decoded scales
        return Filled(predicted, self._true(patches, scales, centers, finest)[~visible[finest]])

    def _true(self, patches: Patches, scales: Sequence[CoarserScale], centers: Sequence[Tensor], finest: int) -> Tensor:
        """(B, Gᵢ, K, 3) what the patches of one scale hold, relative to their centers."""
        if finest == 0:
            return patches.neighborhoods
        members = gather_points(centers[finest - 1], scales[finest - 1].members)
        return members - centers[finest].unsqueeze(2)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    layer.starts_as_convolution = True  # type: ignore[assignment]
    return layer
