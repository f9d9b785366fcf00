"""PCP-MAE's pre-training (Zhang et al., 2024): predict where hidden patches are, and fill them there.

L = CD-L2 + 0.1 · MSE between the predicted and the true sine-cosine code of each hidden center.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pointsra.data.loaders import Batch
from pointsra.networks.center_predictor import CenterPredictingAutoencoder
from pointsra.networks.initialization import build
from pointsra.networks.point_sra import build_encoder
from pointsra.objectives.joint import weighted_sum
from pointsra.objectives.reconstruction import patch_chamfer
from pointsra.ops.randomness import stream
from pointsra.settings.peers import PcpMaePreset
from pointsra.training.peers.assembly import build_patch_decoder, plain_sizes
from pointsra.training.peers.learner import PeerLearner


class PcpMaeLearner(PeerLearner[CenterPredictingAutoencoder]):
    """PCP-MAE's network and its two terms; one without weight says nothing."""

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """``reconstruction``, ``centers``, and their weighted sum ``loss``."""
        clouds = self.hide(batch, generator)
        predicted = self.network(clouds.visible, clouds.masked)
        terms = {
            "reconstruction": patch_chamfer(predicted.points.float(), clouds.masked.neighborhoods),
            "centers": F.mse_loss(predicted.codes.float(), predicted.true_codes),
        }
        return {"loss": weighted_sum(terms, self.preset.losses.model_dump())} | terms


def build_pcp_mae(preset: PcpMaePreset, image_dim: int, text_dim: int) -> PcpMaeLearner:
    """PCP-MAE's learner with the initial weights of the preset's seed; it takes no notice of features."""
    sizes = plain_sizes(preset, queries=0, sine_positions=True)

    def network() -> CenterPredictingAutoencoder:
        return CenterPredictingAutoencoder(
            build_encoder(sizes, preset.encoder.drop_path), build_patch_decoder(preset, own_positions=False)
        )

    return PcpMaeLearner(build(network, stream(preset.seed, "weights")), preset, sizes)
