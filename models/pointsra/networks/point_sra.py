"""Point-SRA's network: masked autoencoder, flow, and the small heads that only pre-training needs.

It composes and holds; it computes no loss and knows no schedule.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pointsra.networks.masked_autoencoder import QUERIES, CloudEncoder, Encoding, PatchDecoder, PatchEncoder
from pointsra.networks.mean_flow_transformer import MeanFlowTransformer
from pointsra.networks.point_m2ae import HierarchicalEncoder, Hierarchy


@dataclass(frozen=True)
class PointSRASizes:
    """The plain numbers that fix the network's tensors; kept with the weights.

    Attributes:
        dim: encoder width C. depth, heads: its blocks and attention heads.
        patch_widths: hidden widths of the patch embedding.
        decoder_depth, decoder_heads: the decoder's.
        patch_size: points K a patch.
        flow_dim, flow_depth, flow_heads: the flow's; depth 0 means that there is no flow.
        image_dim, text_dim: widths of the frozen features; 0 means that there are none.
        predictor: whether the student has a predictor for MAE-SRA.
        transport_projection: whether MFT-SRA has a projection of its own.
        queries, query_blocks, sine_positions: the form of the encoder, as :class:`PatchEncoder` takes them; other
            than the defaults in imported weights and those of peers' methods.
        embedding_dim: MaskPoint's width of the patch embedding; 0 where the embedding is as wide as the encoder.
        hierarchy: the scales of Point-M2AE's encoder, whose coarsest width is ``dim``; None for an encoder of one.
        flow_octaves: frequencies of coordinates in the flow.
    """

    dim: int
    depth: int
    heads: int
    patch_widths: tuple[int, int, int]
    decoder_depth: int
    decoder_heads: int
    patch_size: int
    flow_dim: int
    flow_depth: int
    flow_heads: int
    image_dim: int
    text_dim: int
    predictor: bool = False
    transport_projection: bool = False
    queries: int = len(QUERIES)
    query_blocks: bool = False
    sine_positions: bool = False
    embedding_dim: int = 0
    hierarchy: Hierarchy | None = None
    flow_octaves: int = 4


def encoder_sizes(
    dim: int,
    depth: int,
    heads: int,
    patch_widths: tuple[int, int, int],
    patch_size: int,
    queries: int = len(QUERIES),
    query_blocks: bool = False,
    sine_positions: bool = False,
    embedding_dim: int = 0,
    hierarchy: Hierarchy | None = None,
) -> PointSRASizes:
    """The sizes of an encoder alone: no decoder, no flow, no features of pictures and texts."""
    return PointSRASizes(
        dim=dim,
        depth=depth,
        heads=heads,
        patch_widths=patch_widths,
        decoder_depth=0,
        decoder_heads=1,
        patch_size=patch_size,
        flow_dim=0,
        flow_depth=0,
        flow_heads=1,
        image_dim=0,
        text_dim=0,
        queries=queries,
        query_blocks=query_blocks,
        sine_positions=sine_positions,
        embedding_dim=embedding_dim,
        hierarchy=hierarchy,
    )


class PointSRA(nn.Module):
    """Encoder, decoder, flow and heads.

    Args:
        sizes: all dimensions.
        drop_path, decoder_drop_path: stochastic depth of the encoder's and of the decoder's last block.
    """

    center_scale: Tensor

    def __init__(self, sizes: PointSRASizes, drop_path: float = 0.0, decoder_drop_path: float = 0.0) -> None:
        super().__init__()
        self.sizes = sizes
        dim = sizes.dim
        self.encoder = build_cloud_encoder(sizes, drop_path)
        self.decoder = PatchDecoder(dim, sizes.decoder_depth, sizes.decoder_heads, sizes.patch_size, decoder_drop_path)
        self.flow = build_flow(sizes) if sizes.flow_depth else None
        self.image_head = nn.Linear(dim, sizes.image_dim) if sizes.image_dim else None
        self.text_head = nn.Linear(dim, sizes.text_dim) if sizes.text_dim else None
        self.predictor = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim)) if sizes.predictor else None
        self.transport = nn.Linear(3, sizes.flow_dim, bias=False) if sizes.transport_projection else None
        # σ of the flow's state: one number for all clouds, measured on the training set.
        self.register_buffer("center_scale", torch.ones(()))

    def predicted_pooled(self, encoding: Encoding) -> Tensor:
        """The student's pooled feature (B, C), through the predictor where there is one."""
        return encoding.pooled if self.predictor is None else self.predictor(encoding.pooled)


def build_cloud_encoder(sizes: PointSRASizes, drop_path: float = 0.0, local: bool = False) -> CloudEncoder:
    """The encoder of ``sizes``, whatever its kind.

    Args:
        sizes: with a hierarchy, or without.
        drop_path: stochastic depth of its last block.
        local: whether an encoder with a hierarchy keeps to its radii, as in fine-tuning.
    """
    if sizes.hierarchy is not None:
        return HierarchicalEncoder(sizes.hierarchy, sizes.heads, sizes.patch_widths, drop_path, local)
    return build_encoder(sizes, drop_path)


def build_encoder(sizes: PointSRASizes, drop_path: float = 0.0) -> PatchEncoder:
    """The encoder of sizes without a hierarchy; ``drop_path`` is the stochastic depth of its last block."""
    return PatchEncoder(
        sizes.dim,
        sizes.depth,
        sizes.heads,
        sizes.patch_widths,
        drop_path,
        sizes.queries,
        sizes.query_blocks,
        sizes.sine_positions,
        sizes.embedding_dim,
    )


def build_flow(sizes: PointSRASizes, conditioned: bool = True) -> MeanFlowTransformer:
    """The flow of ``sizes``; without ``conditioned`` it has no inputs but centers and times."""
    return MeanFlowTransformer(
        dim=sizes.flow_dim,
        depth=sizes.flow_depth,
        heads=sizes.flow_heads,
        octaves=sizes.flow_octaves,
        context_dim=sizes.dim if conditioned else None,
        image_dim=(sizes.image_dim or None) if conditioned else None,
        text_dim=(sizes.text_dim or None) if conditioned else None,
    )
