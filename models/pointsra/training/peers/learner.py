"""What the learners of all peers share: a network with an encoder, random masks, and what is kept of it.

Everything random is drawn from the step's generator in the order of Point-SRA's learner: augmentation, masks, then what
the method draws; stochastic layers draw as they come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from pointsra.data.loaders import Batch
from pointsra.networks.point_sra import PointSRASizes
from pointsra.networks.stochastic import use_generator
from pointsra.ops.masks import random_order, visible_count
from pointsra.ops.patches import Patches, cut_patches
from pointsra.settings.peers import PeerPreset
from pointsra.training.assembly import augmented
from pointsra.training.step import Learner


@dataclass(frozen=True)
class HiddenPatches:
    """A batch of clouds cut in two.

    Attributes:
        visible: V patches that the encoder is shown.
        masked: the other M.
        points: (B, N, 3) the whole clouds that they were cut from.
    """

    visible: Patches
    masked: Patches
    points: Tensor


NetworkT = TypeVar("NetworkT", bound=nn.Module)


class PeerLearner(Learner, Generic[NetworkT]):
    """A peer's network and the terms of its loss; a method implements ``forward``.

    Args:
        network: what is trained; ``network.encoder`` is what is kept of it for fine-tuning.
        preset: of the method.
        sizes: of the encoder, as :func:`~pointsra.networks.point_sra.build_encoder` takes them.
    """

    def __init__(self, network: NetworkT, preset: PeerPreset, sizes: PointSRASizes) -> None:
        super().__init__()
        self.network: NetworkT = network
        self.preset: Any = preset
        self.sizes = sizes

    def hide(self, batch: Batch, generator: torch.Generator) -> HiddenPatches:
        """Augment the clouds, cut them into patches and hide ``masks.student`` of those."""
        preset = self.preset
        use_generator(self.network, generator)
        points = augmented(batch.points, preset.augment, generator)
        patches = cut_patches(points, preset.patches.groups, preset.patches.size)
        order = random_order(len(batch), preset.patches.groups, generator).to(points.device)
        shown = visible_count(preset.patches.groups, preset.masks.student)
        return HiddenPatches(patches.select(order[:, :shown]), patches.select(order[:, shown:]), points)

    def exported(self) -> dict[str, Tensor]:
        """The tensors worth keeping: the whole network, its encoder under ``encoder.``; none that is empty."""
        return {name: value for name, value in self.network.state_dict().items() if value.numel()}
