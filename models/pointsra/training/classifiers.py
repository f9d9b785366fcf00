"""Classifiers from weights: built for fine-tuning, or loaded as fine-tuning left them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pointsra.errors import CheckpointError, SettingsError
from pointsra.networks.classifier import PointClassifier
from pointsra.networks.flow_gate import FrozenFlow
from pointsra.networks.heads import ClassificationHead, LinearHead, cloud_feature_dim
from pointsra.networks.initialization import build
from pointsra.networks.point_sra import PointSRASizes, build_cloud_encoder, build_flow, encoder_sizes
from pointsra.objectives.ddpm import Ddpm
from pointsra.objectives.path import FlowTimes, TimeSampler
from pointsra.objectives.rectified_flow import RectifiedFlow
from pointsra.ops.center_state import RANKED
from pointsra.ops.randomness import stream
from pointsra.settings import FinetunePreset
from pointsra.settings.schema import Encoder
from pointsra.training.assembly import time_sampler
from pointsra.training.weights import ModelDescription, Weights, load_encoder, load_into, load_weights

# In the pre-trained weights but not in a classifier: what only reconstruction and conditioning need.
_CONDITIONING = ("flow.image.", "flow.text.", "flow.context.", "flow.context_positions.")


@dataclass(frozen=True)
class Matched:
    """What of the encoder came from the weights.

    Attributes:
        family: of a peer's weights ("Point-MAE", …); None for this tool's own.
        tensors, wanted: encoder tensors that were loaded, and that there are.
        values, wanted_values: the numbers in them.
        fresh: names of the tensors that start anew.
    """

    family: str | None
    tensors: int
    wanted: int
    values: int
    wanted_values: int
    fresh: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Share of the encoder's values, in 0 … 1."""
        return self.values / self.wanted_values

    def __str__(self) -> str:
        encoder = f"{self.family}'s encoder" if self.family else "encoder"
        fresh = f"; new: {', '.join(self.fresh[:4])}" if self.fresh else ""
        more = f" and {len(self.fresh) - 4} more" if len(self.fresh) > 4 else ""
        return (
            f"{encoder} matched in {self.tensors} of {self.wanted} tensors and {self.values:,} of "
            f"{self.wanted_values:,} values ({self.share:.1%}{fresh}{more})"
        )


def sizes_from_scratch(encoder: Encoder, patch_size: int) -> PointSRASizes:
    """The dimensions of an encoder that nothing was loaded into; it has no flow."""
    return encoder_sizes(encoder.dim, encoder.depth, encoder.heads, encoder.patch_widths, patch_size)


def fine_tuning_sizes(weights: Weights) -> PointSRASizes:
    """The dimensions of a classifier on these weights: theirs.

    An encoder that was pre-trained without a query gets one new cls token, as Point-MAE's own fine-tuning gives it.
    """
    sizes = weights.description.sizes
    return replace(sizes, queries=max(1, sizes.queries))


def build_classifier(
    sizes: PointSRASizes, classes: int, preset: FinetunePreset, flow: Mapping[str, str]
) -> PointClassifier:
    """A classifier with the initial weights of the preset's seed.

    Args:
        sizes: dimensions of encoder and flow; without flow there is no gate.
        classes: L.
        preset: head, gate and protocol; only ``full`` has a gate.
        flow: objective, order and noise of the flow, as weights describe them; a regression's has no gate.

    Raises:
        SettingsError: the preset cuts too few patches for an encoder of several scales.
    """
    if sizes.hierarchy is not None and preset.patches.groups < sizes.hierarchy.groups[0]:
        raise SettingsError(
            f"patches.groups = {preset.patches.groups} leaves too few patches for an encoder of several scales, which "
            f"groups them into {sizes.hierarchy.groups[0]}: take as many as in its pre-training, --set patches.groups=…"
        )
    inputs = cloud_feature_dim(sizes.dim, sizes.queries)

    def construct() -> PointClassifier:
        head: nn.Module
        if preset.protocol == "linear":
            head = LinearHead(inputs, classes)
        else:
            head = ClassificationHead(inputs, classes, preset.head.hidden, preset.head.dropout)
        encoder = build_cloud_encoder(sizes, preset.encoder.drop_path, local=preset.protocol == "full")
        frozen = None
        objective = flow.get("objective")
        # A regression has seen no state but zeros: it has nothing to say of centers.
        if preset.gate.enabled and preset.protocol == "full" and sizes.flow_depth and objective != "regression":
            ordered, path = flow.get("order") in RANKED, Ddpm().at if objective == "ddpm" else None
            built = build_flow(sizes, conditioned=False)
            frozen = FrozenFlow(built, ordered, objective == "meanflow", flow.get("noise", "white"), path)
        return PointClassifier(encoder, head, frozen, frozen_encoder=preset.protocol != "full")

    return build(construct, stream(preset.seed, "classifier"))


def initialize_from(classifier: PointClassifier, weights: Weights) -> Matched:
    """Load encoder and flow of pre-trained weights into a new classifier.

    Raises:
        CheckpointError: the weights are not pre-trained ones, or do not fit in every tensor of encoder and flow;
            of a peer's, what :func:`load_weights` let pass as missing starts anew.
    """
    if weights.description.kind != "point_sra":
        raise CheckpointError(
            f"{weights.path} is a {weights.description.kind}: --init needs pre-trained weights, "
            "from `pointsra pretrain`."
        )
    fresh = load_encoder(classifier.encoder, weights)
    if classifier.frozen_flow is not None:
        kept = {name: value for name, value in weights.tensors.items() if not name.startswith(_CONDITIONING)}
        load_into(classifier.frozen_flow.flow, _below(kept, "flow."), weights.path)
        classifier.frozen_flow.center_scale.copy_(weights.tensors["center_scale"])
    counts = {name: value.numel() for name, value in classifier.encoder.state_dict().items()}
    loaded = [count for name, count in counts.items() if name not in fresh]
    family = weights.description.details.get("family")
    return Matched(family, len(loaded), len(counts), sum(loaded), sum(counts.values()), fresh)


@dataclass(frozen=True)
class LoadedClassifier:
    """A classifier ready to answer, and the preset it was trained with."""

    network: PointClassifier
    description: ModelDescription
    preset: FinetunePreset


def load_classifier(source: Path, device: torch.device, name: str = "model") -> LoadedClassifier:
    """What a fine-tuning run left.

    Raises:
        CheckpointError: missing, damaged, or not a classifier.
    """
    weights = load_weights(source, name)
    description = weights.description
    if description.kind != "classifier":
        raise CheckpointError(
            f"{weights.path} holds pre-trained weights without a classifier: run `pointsra finetune --init` on them "
            "first, or evaluate them with --protocol svm."
        )
    try:
        preset = FinetunePreset.model_validate(description.preset)
    except ValueError as cause:
        raise CheckpointError(
            f"{weights.path} was written by version {description.tool_version} of pointsra, whose settings this "
            "version does not know: use that version, or fine-tune again."
        ) from cause
    network = build_classifier(description.sizes, len(description.class_names), preset, description.flow)
    load_into(network, weights.tensors, weights.path)
    return LoadedClassifier(network.eval().to(device), description, preset)


def evaluation_times(
    preset: FinetunePreset, frozen_flow: FrozenFlow | None, clouds: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """The fixed flow times r and t (B,) of evaluation; r = t for a flow that knows no intervals."""
    r = preset.gate.eval_r if frozen_flow is None or frozen_flow.averages else preset.gate.eval_t
    return torch.full((clouds,), r, device=device), torch.full((clouds,), preset.gate.eval_t, device=device)


def training_times(weights: Weights | None) -> FlowTimes:
    """How flow times are drawn while fine-tuning: as they were in pre-training, and r = t without intervals."""
    if weights is None or "flow" not in weights.description.preset:
        return TimeSampler()
    trained, objective = weights.description.preset, weights.description.flow.get("objective")
    sampler = time_sampler(trained["flow"]["times"], trained["losses"]["mft_sra"] > 0)
    if objective == "meanflow":
        return sampler
    return Ddpm().times if objective == "ddpm" else RectifiedFlow(sampler).times


def trained_parameters(network: nn.Module) -> dict[str, Any]:
    """Parameters in all, and those that learn."""
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "trained": sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad),
    }


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
