"""Point-MAE's pre-training (Pang et al., 2022): an autoencoder that fills hidden patches.

L = CD-L2 between the points of a hidden patch and those predicted for it, both relative to its center.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.data.loaders import Batch
from pointsra.networks.initialization import build
from pointsra.networks.peer_autoencoders import PatchAutoencoder
from pointsra.networks.point_sra import build_encoder
from pointsra.objectives.reconstruction import patch_chamfer
from pointsra.ops.randomness import stream
from pointsra.settings.peers import PointMaePreset
from pointsra.training.peers.assembly import build_patch_decoder, plain_sizes
from pointsra.training.peers.learner import PeerLearner


class PointMaeLearner(PeerLearner[PatchAutoencoder]):
    """Point-MAE's network and its one term."""

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """``loss``, which is ``reconstruction``."""
        clouds = self.hide(batch, generator)
        _, predicted = self.network(clouds.visible, clouds.masked.centers)
        reconstruction = patch_chamfer(predicted.float(), clouds.masked.neighborhoods)
        return {"loss": reconstruction, "reconstruction": reconstruction}


def build_point_mae(preset: PointMaePreset, image_dim: int, text_dim: int) -> PointMaeLearner:
    """Point-MAE's learner with the initial weights of the preset's seed; it takes no notice of features."""
    sizes = plain_sizes(preset, queries=0)

    def network() -> PatchAutoencoder:
        return PatchAutoencoder(build_encoder(sizes, preset.encoder.drop_path), build_patch_decoder(preset))

    return PointMaeLearner(build(network, stream(preset.seed, "weights")), preset, sizes)
