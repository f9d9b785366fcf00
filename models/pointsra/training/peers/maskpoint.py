"""MaskPoint's pre-training (Liu et al., ECCV 2022): which places lie on the cloud, told from its visible patches.

L = focal loss of "fake" and "real" over farthest points of the cloud and places drawn around it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.data.loaders import Batch
from pointsra.networks.initialization import build
from pointsra.networks.mask_point import MaskPoint
from pointsra.networks.point_sra import build_encoder, encoder_sizes
from pointsra.objectives.discrimination import decided_accuracy, focal_discrimination
from pointsra.ops.batch_parts import divisor_weights
from pointsra.ops.point_queries import UNDECIDED, PointQueries, real_and_fake
from pointsra.ops.randomness import stream
from pointsra.settings.peers import MaskPointPreset
from pointsra.training.peers.learner import HiddenPatches, PeerLearner


class MaskPointLearner(PeerLearner):
    """MaskPoint's network and its one term."""

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """``loss``, which is ``discrimination``, and the share of queries answered rightly, ``accuracy``."""
        (clouds, queries), asked = self._drawn(batch, generator), self.preset.questions
        logits = self.network(clouds.visible, queries.points).float()
        weight = divisor_weights(_decided(queries), generator)[0]
        loss = weight * focal_discrimination(logits, queries.labels, asked.alpha, asked.gamma)
        accuracy = weight * decided_accuracy(logits, queries.labels)
        return {"loss": loss, "discrimination": loss, "accuracy": accuracy}

    def measure(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """(1,) how many queries are decided."""
        return _decided(self._drawn(batch, generator)[1])

    def _drawn(self, batch: Batch, generator: torch.Generator) -> tuple[HiddenPatches, PointQueries]:
        """What the encoder is shown, and what is asked."""
        clouds, asked = self.hide(batch, generator), self.preset.questions
        return clouds, real_and_fake(clouds.points, asked.real, asked.fake, generator)


def _decided(queries: PointQueries) -> Tensor:
    return (queries.labels != UNDECIDED).float().sum()[None]


def build_maskpoint(preset: MaskPointPreset, image_dim: int, text_dim: int) -> MaskPointLearner:
    """MaskPoint's learner with the initial weights of the preset's seed; it takes no notice of features."""
    encoder, decoder = preset.encoder, preset.decoder
    sizes = encoder_sizes(
        encoder.dim,
        encoder.depth,
        encoder.heads,
        encoder.patch_widths,
        preset.patches.size,
        queries=1,
        embedding_dim=encoder.embedding_dim,
    )

    def network() -> MaskPoint:
        inner = build_encoder(sizes, encoder.drop_path)
        return MaskPoint(inner, decoder.depth, decoder.heads, decoder.hidden, decoder.drop_path)

    return MaskPointLearner(build(network, stream(preset.seed, "weights")), preset, sizes)
