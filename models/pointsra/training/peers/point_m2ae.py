"""Point-M2AE's pre-training (Zhang et al., NeurIPS 2022): hidden patches filled through a hierarchy of scales.

L = CD-L2 between what is predicted for a hidden patch of the finest decoded scale and the centers that it holds. The
weights of the end are kept; none are chosen by a test split.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pointsra.data.loaders import Batch
from pointsra.networks.initialization import build
from pointsra.networks.point_m2ae import HierarchicalEncoder, Hierarchy
from pointsra.networks.point_m2ae_decoder import HierarchicalDecoder, PointM2AE
from pointsra.networks.point_sra import encoder_sizes
from pointsra.networks.stochastic import use_generator
from pointsra.objectives.reconstruction import patch_chamfer
from pointsra.ops.batch_parts import divisor_weights
from pointsra.ops.masks import random_order, visible_count
from pointsra.ops.patches import Patches, cut_patches
from pointsra.ops.randomness import stream
from pointsra.ops.scales import CoarserScale, shown_scales
from pointsra.settings.peers import PointM2aePreset
from pointsra.training.assembly import augmented
from pointsra.training.peers.learner import PeerLearner


@dataclass(frozen=True)
class ScaledClouds:
    """A batch at all scales.

    Attributes:
        patches: the finest.
        scales: the others, fine to coarse.
        visible: (B, Gᵢ) bool, what is shown of each scale, fine to coarse.
    """

    patches: Patches
    scales: list[CoarserScale]
    visible: list[Tensor]


class PointM2aeLearner(PeerLearner):
    """Point-M2AE's network and its one term."""

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """``loss``, which is ``reconstruction``."""
        use_generator(self.network, generator)
        drawn = self._drawn(batch, generator)
        filled = self.network(drawn.patches, drawn.scales, drawn.visible)
        # Clouds hide different numbers of patches, and each patch counts alike.
        weight = divisor_weights(self._hidden(drawn), generator)[0]
        loss = weight * patch_chamfer(filled.predicted.float().unsqueeze(0), filled.true.unsqueeze(0))
        return {"loss": loss, "reconstruction": loss}

    def measure(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """(1,) how many patches are hidden at the finest decoded scale."""
        return self._hidden(self._drawn(batch, generator))

    def _drawn(self, batch: Batch, generator: torch.Generator) -> ScaledClouds:
        """The batch augmented and cut at every scale, and what is visible of it."""
        preset, network = self.preset, self.network
        points = augmented(batch.points, preset.augment, generator)
        patches = cut_patches(points, preset.patches.groups, preset.patches.size)
        scales = network.encoder.scales(patches.centers)
        coarsest = scales[-1].centers.shape[1]
        order = random_order(len(batch), coarsest, generator).to(points.device)
        shown = order[:, : visible_count(coarsest, preset.masks.student)]
        return ScaledClouds(patches, scales, shown_scales(scales, shown, preset.patches.groups))

    def _hidden(self, drawn: ScaledClouds) -> Tensor:
        """(1,) of a batch, as :meth:`measure` says."""
        return (~drawn.visible[-len(self.preset.decoder.depths)]).float().sum()[None]


def build_point_m2ae(preset: PointM2aePreset, image_dim: int, text_dim: int) -> PointM2aeLearner:
    """Point-M2AE's learner with the initial weights of the preset's seed; it takes no notice of features."""
    encoder, decoder = preset.encoder, preset.decoder
    hierarchy = Hierarchy(encoder.dims, encoder.depths, encoder.groups, encoder.sizes, encoder.radii)
    sizes = encoder_sizes(
        encoder.dims[-1],
        sum(encoder.depths),
        encoder.heads,
        encoder.patch_widths,
        preset.patches.size,
        queries=1,
        hierarchy=hierarchy,
    )

    def network() -> PointM2AE:
        dims = tuple(reversed(encoder.dims))[: len(decoder.depths)]
        return PointM2AE(
            HierarchicalEncoder(hierarchy, encoder.heads, encoder.patch_widths, encoder.drop_path),
            HierarchicalDecoder(dims, decoder.depths, decoder.heads, decoder.points, decoder.drop_path),
        )

    return PointM2aeLearner(build(network, stream(preset.seed, "weights")), preset, sizes)
