"""PointDif's pre-training (Zheng et al., CVPR 2024): the noise in a cloud, told from its visible patches.

L = mean of |ε − ε_θ(x_n, β_n, c)|² over all points, at a noise level of each interval; c is what the encoder says of
the visible patches, pooled to one vector.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.data.loaders import Batch
from pointsra.networks.initialization import build
from pointsra.networks.point_dif import PointDif
from pointsra.networks.point_sra import PointSRASizes, build_encoder, encoder_sizes
from pointsra.objectives.noise_prediction import NoisePrediction
from pointsra.ops.randomness import stream
from pointsra.settings.peers import PointDifPreset
from pointsra.training.peers.learner import PeerLearner


class PointDifLearner(PeerLearner):
    """PointDif's network and its one term."""

    def __init__(self, network: PointDif, preset: PointDifPreset, sizes: PointSRASizes) -> None:
        super().__init__(network, preset, sizes)
        diffusion = preset.diffusion
        self.objective = NoisePrediction(
            diffusion.levels, diffusion.beta_first, diffusion.beta_last, diffusion.intervals
        )

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """``loss``, which is ``noise``."""
        clouds = self.hide(batch, generator)
        condition = self.network.condition(clouds.visible, clouds.masked.centers.shape[1])
        levels = self.objective.draw_levels(len(batch), generator)

        def denoiser(noised: Tensor, beta: Tensor) -> Tensor:
            return self.network.denoiser(noised, beta, condition)

        noise = self.objective.loss(denoiser, clouds.points, levels, generator)
        return {"loss": noise, "noise": noise}


def build_pointdif(preset: PointDifPreset, image_dim: int, text_dim: int) -> PointDifLearner:
    """PointDif's learner with the initial weights of the preset's seed; it takes no notice of features."""
    encoder, diffusion = preset.encoder, preset.diffusion
    sizes = encoder_sizes(
        encoder.dim, encoder.depth, encoder.heads, encoder.patch_widths, preset.patches.size, queries=0
    )

    def network() -> PointDif:
        inner = build_encoder(sizes, encoder.drop_path)
        return PointDif(inner, diffusion.condition_dim, diffusion.aggregation_dim, diffusion.denoiser_dims)

    return PointDifLearner(build(network, stream(preset.seed, "weights")), preset, sizes)
