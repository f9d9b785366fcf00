"""What fine-tuning for classification optimizes: a classifier and its cross-entropy, as one module."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pointsra.data.loaders import Batch
from pointsra.networks.classifier import PointClassifier
from pointsra.networks.stochastic import use_generator
from pointsra.objectives.path import FlowTimes
from pointsra.ops.batch_parts import normal
from pointsra.ops.center_state import ranks
from pointsra.ops.patches import cut_patches
from pointsra.ops.slot_noise import slot_noise
from pointsra.settings import FinetunePreset
from pointsra.training.assembly import augmented
from pointsra.training.step import Learner


class ClassificationLearner(Learner):
    """A classifier and its cross-entropy.

    Args:
        network: what is trained.
        preset: patches, augmentation and gate.
        times: how the flow is asked while training.
    """

    def __init__(self, network: PointClassifier, preset: FinetunePreset, times: FlowTimes) -> None:
        super().__init__()
        self.network = network
        self.preset = preset
        self.times = times

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """``loss`` and the batch's accuracy."""
        use_generator(self.network, generator)
        points = augmented(batch.points, self.preset.augment, generator)
        patches = cut_patches(points, self.preset.patches.groups, self.preset.patches.size)
        # As in pre-training, the flow is asked at random times while training.
        r, t = (value.to(points) for value in self.times.draw(len(batch), generator))
        noise = None
        if self.preset.gate.state == "noised":
            noise = self._noise(patches.centers, generator)
        logits = self.network(patches, r, t, noise)
        loss = F.cross_entropy(logits.float(), batch.labels)
        accuracy = (logits.detach().argmax(dim=-1) == batch.labels).float().mean()
        return {"loss": loss, "accuracy": accuracy}

    def _noise(self, centers: Tensor, generator: torch.Generator) -> Tensor:
        """(B, G, 3) as in the flow's own training."""
        clouds, groups, _ = centers.shape
        frozen = self.network.frozen_flow
        return slot_noise(
            "white" if frozen is None else frozen.noise,
            clouds,
            groups,
            ranks(groups, torch.arange(groups, device=centers.device)).expand(clouds, -1),
            lambda shape: normal(shape, generator).to(centers),
        )
