"""PCP-MAE's network (Zhang et al., 2024): hidden patches say where they are, and are filled there.

Point-MAE's decoder is told where hidden patches are, which gives much of the shape away. Here it is told where they
are thought to be: the encoder is also shown their content, with one learned token in the place of every hidden
position. They read all patches and no visible patch reads them. A head predicts their position codes, and the decoder,
which sees neither their content nor their centers, is given the predicted codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pointsra.networks.masked_autoencoder import PatchDecoder, PatchEncoder
from pointsra.networks.transformer import SinePositionEmbedding
from pointsra.ops.patches import Patches


@dataclass(frozen=True)
class PredictedPatches:
    """What PCP-MAE says of hidden patches.

    Attributes:
        codes: (B, M, C) predicted sine-cosine codes of their centers.
        true_codes: (B, M, C) those of their true centers, without gradient.
        points: (B, M, K, 3) their points, relative to the center.
    """

    codes: Tensor
    true_codes: Tensor
    points: Tensor


class CenterPredictingAutoencoder(nn.Module):
    """PCP-MAE in pre-training.

    Args:
        encoder: without queries, with sine positions.
        decoder: without positions of its own: the encoder's serve both.
    """

    def __init__(self, encoder: PatchEncoder, decoder: PatchDecoder) -> None:
        super().__init__()
        dim = encoder.dim
        self.encoder = encoder
        self.mask_position_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.center_head = nn.Sequential(
            nn.Linear(dim, dim), nn.LayerNorm(dim), nn.ReLU(inplace=True), nn.Linear(dim, dim)
        )
        self.decoder = decoder

    def forward(self, visible: Patches, masked: Patches) -> PredictedPatches:
        """Predict the codes and the points of hidden patches (M), seeing visible ones (V) and the hidden ones' content.

        The codes that the decoder is given are detached: filling a patch does not teach where it is.
        """
        embed: SinePositionEmbedding = self.encoder.positions  # type: ignore[assignment]
        positions = embed(visible.centers)
        seen, hidden = self.encode(visible, masked, positions)
        codes = self.center_head(hidden)
        everywhere = torch.cat([positions, embed.layers(codes.detach())], dim=1)
        with torch.no_grad():
            true_codes = embed.code(masked.centers)
        return PredictedPatches(codes, true_codes, self.decoder.fill(seen, everywhere))

    def encode(self, visible: Patches, masked: Patches, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens of the visible (B, V, C), with their positions (B, V, C), and of the hidden patches (B, M, C)."""
        encoder = self.encoder
        clouds, shown, _ = visible.centers.shape
        hidden = masked.centers.shape[1]
        tokens = encoder.embedding(torch.cat([visible.neighborhoods, masked.neighborhoods], dim=1))
        places = torch.cat([positions, self.mask_position_token.expand(clouds, hidden, -1)], dim=1)
        # A visible patch reads visible ones; a hidden patch reads all.
        allowed = torch.ones(1, shown + hidden, shown + hidden, dtype=torch.bool, device=tokens.device)
        allowed[:, :shown, shown:] = False
        for block in encoder.transformer.blocks:
            tokens = block(tokens + places, allowed)
        mixed = encoder.norm(tokens)
        return mixed[:, :shown], mixed[:, shown:]
