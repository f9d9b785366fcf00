"""The terms of pre-training that look at what centers show: reading true ones, and the energy score of what is read.

The energy score of the centers themselves hardly tells whether a flow knows all alternatives: samples that all have
four legs where a tenth of the truth has a pedestal are nearly as good by it. A network that is trained to say picture
and caption reads them differently; docs/weights.md says what that was worth so far.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import functional_call

from pointsra.data.loaders import Batch
from pointsra.errors import DataError
from pointsra.networks.condition_reader import ConditionReader
from pointsra.networks.initialization import build
from pointsra.networks.point_sra import PointSRA
from pointsra.objectives.cross_modal import weighted_alignment
from pointsra.objectives.energy import energy_score
from pointsra.ops.batch_parts import normal, uniform
from pointsra.ops.center_state import CenterState
from pointsra.ops.randomness import stream

if TYPE_CHECKING:
    from pointsra.settings import PretrainPreset

READING_RATE = 4.0
"""The reader's learning rate, in units of all others': it starts from nothing where the flow may go on from weights.
Ours: at 0.003 it tells options apart after 1,000 steps of 64 clouds better than at 0.001 after 1,500."""

_DIM, _DEPTH, _HEADS = 96, 3, 4  # of the reader; ours
_LARGEST_NOISE = 0.25  # units of the state; drawn centers are never exact, and the reader is to read them too


class Reading(nn.Module):
    """The reader and its two terms. It is trained beside the flow and not kept.

    Args:
        image_dim, text_dim: widths of the features; one may be 0.
        octaves: of coordinates, as in the flow.
        seed: of the initial weights.
    """

    def __init__(self, image_dim: int, text_dim: int, octaves: int, seed: int) -> None:
        super().__init__()
        self.widths = (image_dim, text_dim)
        self.reader = build(
            lambda: ConditionReader(image_dim + text_dim, _DIM, _DEPTH, _HEADS, octaves), stream(seed, "reader")
        )

    def error(
        self, state: CenterState, batch: Batch, image_weight: Tensor, text_weight: Tensor, generator: torch.Generator
    ) -> Tensor:
        """How far what is read off true centers, moved by noise of any size, is from their features: ()."""
        size = _LARGEST_NOISE * uniform((len(state.data), 1, 1), generator).square()
        noise = (size * normal(state.data.shape, generator)).to(state.data)
        centers = torch.where(state.active.unsqueeze(-1), state.data + noise, state.data)
        image, text = self.reader(centers, state.active, state.there).split(self.widths, dim=-1)
        pairs = ((image, batch.image, image_weight), (text, batch.text, text_weight))
        return weighted_alignment([pair for pair in pairs if pair[0].shape[1]], centers.new_zeros(()))

    def energy(self, samples: Tensor, state: CenterState, truths: Tensor) -> Tensor:
        """The energy score (B,) of what is read off samples (S, B, T, 3), the reader itself as it is.

        Args:
            samples: drawn of each cloud.
            state: of the clouds.
            truths: (R, B, T, 3) what is true of each.
        """
        fixed = {name: parameter.detach() for name, parameter in self.reader.named_parameters()}

        def read(data: Tensor) -> Tensor:
            count = len(data)
            active = state.active.repeat(count, 1)
            there = None if state.there is None else state.there.repeat(count, 1)
            centers = torch.where(active.unsqueeze(-1), data.flatten(0, 1), state.data.repeat(count, 1, 1))
            features = functional_call(self.reader, fixed, (centers, active, there)).float()
            return features.view(*data.shape[:2], 1, -1)

        with torch.no_grad():
            true = read(truths)
        everything = torch.ones(samples.shape[1], 1, dtype=torch.bool, device=samples.device)
        return energy_score(read(samples), true, everything)


def build_reading(network: PointSRA, preset: PretrainPreset) -> Reading | None:
    """The reader that a preset asks for; None where it asks for none.

    Raises:
        DataError: there is nothing to read, since the data set has no features.
    """
    if not preset.losses.reading or network.flow is None:
        return None
    image_dim, text_dim = network.sizes.image_dim, network.sizes.text_dim
    if not image_dim + text_dim:
        raise DataError("losses.reading is of image and text features, and the data set has none: set it to 0.")
    return Reading(image_dim, text_dim, preset.flow.octaves, preset.seed)
