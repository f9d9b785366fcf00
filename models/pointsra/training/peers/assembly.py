"""From peers' settings to modules: the parts that several of them have."""

from __future__ import annotations

from pointsra.networks.masked_autoencoder import PatchDecoder
from pointsra.networks.point_sra import PointSRASizes, encoder_sizes
from pointsra.settings.peers import AutoencoderPreset


def plain_sizes(
    preset: AutoencoderPreset, *, queries: int, query_blocks: bool = False, sine_positions: bool = False
) -> PointSRASizes:
    """The sizes of a peer's encoder in one of the forms that :class:`PatchEncoder` has."""
    encoder = preset.encoder
    return encoder_sizes(
        encoder.dim,
        encoder.depth,
        encoder.heads,
        encoder.patch_widths,
        preset.patches.size,
        queries,
        query_blocks,
        sine_positions,
    )


def build_patch_decoder(preset: AutoencoderPreset, own_positions: bool = True) -> PatchDecoder:
    """Point-MAE's decoder, whose branches are dropped as the encoder's are."""
    decoder = preset.decoder
    return PatchDecoder(
        preset.encoder.dim, decoder.depth, decoder.heads, preset.patches.size, decoder.drop_path, own_positions
    )
