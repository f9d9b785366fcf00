"""The networks that Point-MAE and ReCon pre-train: our encoder in their forms, with Point-MAE's decoder."""

from __future__ import annotations

from torch import Tensor, nn

from pointsra.networks.masked_autoencoder import Encoding, PatchDecoder, PatchEncoder
from pointsra.ops.patches import Patches


class PatchAutoencoder(nn.Module):
    """Point-MAE: encode what is visible, fill what is hidden.

    Args:
        encoder: of visible patches, without queries.
        decoder: of all.
    """

    def __init__(self, encoder: PatchEncoder, decoder: PatchDecoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, visible: Patches, masked_centers: Tensor) -> tuple[Encoding, Tensor]:
        """Visible patches (V) and the centers (B, M, 3) of hidden ones: the encoding, and points (B, M, K, 3)."""
        encoding = self.encoder(visible)
        return encoding, self.decoder(encoding, masked_centers)


class CrossModalAutoencoder(PatchAutoencoder):
    """ReCon in pre-training: Point-MAE, with queries beside it that predict an image's and a text's feature.

    What the queries learn never reaches the patches: they read them detached.

    Args:
        encoder: with three queries and ReCon's blocks.
        decoder: of all patches.
        image_dim, text_dim: widths of the frozen features; 0 means that there are none.
    """

    def __init__(self, encoder: PatchEncoder, decoder: PatchDecoder, image_dim: int, text_dim: int) -> None:
        super().__init__(encoder, decoder)
        for block in encoder.transformer.blocks:
            block.detached = True  # type: ignore[assignment]
        self.image_head = nn.Linear(encoder.dim, image_dim) if image_dim else None
        self.text_head = nn.Linear(encoder.dim, text_dim) if text_dim else None
