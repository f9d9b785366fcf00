"""ReCon's pre-training (Qi et al., 2023): Point-MAE's, guided by frozen features of an image and a text.

L = CD-L2 + smooth L1(image head(image query), image feature) + smooth L1(text head(text query), text feature).
Its contrast within a batch, off in the published recipe, is not here: the cls query learns in fine-tuning only.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.data.loaders import Batch
from pointsra.errors import DataError
from pointsra.networks.initialization import build
from pointsra.networks.peer_autoencoders import CrossModalAutoencoder
from pointsra.networks.point_sra import build_encoder
from pointsra.objectives.cross_modal import feature_alignment
from pointsra.objectives.joint import weighted_sum
from pointsra.objectives.reconstruction import patch_chamfer
from pointsra.ops.batch_parts import divisor_weights
from pointsra.ops.randomness import stream
from pointsra.settings.peers import ReconPreset
from pointsra.training.peers.assembly import build_patch_decoder, plain_sizes
from pointsra.training.peers.learner import PeerLearner


class ReconLearner(PeerLearner[CrossModalAutoencoder]):
    """ReCon's network and its three terms; a term without weight or without features is not computed."""

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """``reconstruction``, ``image``, ``text``, and their weighted sum ``loss``."""
        weights, network = self.preset.losses.model_dump(), self.network
        clouds = self.hide(batch, generator)
        image_weight, text_weight = divisor_weights(batch.known_features(), generator)
        encoding, predicted = network(clouds.visible, clouds.masked.centers)
        terms: dict[str, Tensor] = {}
        if weights["reconstruction"]:
            terms["reconstruction"] = patch_chamfer(predicted.float(), clouds.masked.neighborhoods)
        if network.image_head is not None and batch.image is not None:
            predicted_image = network.image_head(encoding.query("image")).float()
            terms["image"] = image_weight * feature_alignment(predicted_image, batch.image)
        if network.text_head is not None and batch.text is not None:
            predicted_text = network.text_head(encoding.query("text")).float()
            terms["text"] = text_weight * feature_alignment(predicted_text, batch.text)
        return {"loss": weighted_sum(terms, weights)} | terms

    def measure(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """(2,) how many clouds have an image and a text: what the two terms are divided by."""
        return batch.known_features()


def build_recon(preset: ReconPreset, image_dim: int, text_dim: int) -> ReconLearner:
    """ReCon's learner with the initial weights of the preset's seed.

    Raises:
        DataError: a term has weight, and the data set none of its features.
    """
    for name, dim in (("image", image_dim), ("text", text_dim)):
        if getattr(preset.losses, name) and not dim:
            raise DataError(
                f"ReCon learns from {name} features and {preset.data.dataset} was prepared without: prepare it with "
                f"--{name}-encoder, or set losses.{name} to 0."
            )
    sizes = plain_sizes(preset, queries=3, query_blocks=True)

    def network() -> CrossModalAutoencoder:
        return CrossModalAutoencoder(
            build_encoder(sizes, preset.encoder.drop_path),
            build_patch_decoder(preset),
            image_dim if preset.losses.image else 0,
            text_dim if preset.losses.text else 0,
        )

    return ReconLearner(build(network, stream(preset.seed, "weights")), preset, sizes)
