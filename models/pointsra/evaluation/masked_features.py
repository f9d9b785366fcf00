"""Features of clouds under random masks, and the geometry that they may be asked for.

A cloud is cut once; each draw of the masks then shows the encoder the visible patches only. Nothing is fitted here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pointsra.data.loaders import evaluation_batches
from pointsra.data.store import Split
from pointsra.errors import CheckpointError
from pointsra.networks.flow_gate import FlowGate, FrozenFlow
from pointsra.networks.masked_autoencoder import CloudEncoder, Encoding
from pointsra.networks.point_m2ae import HierarchicalEncoder
from pointsra.ops.masks import random_order, visible_count
from pointsra.ops.patches import Patches, cut_patches
from pointsra.ops.sampling import farthest_point_indices, gather_points
from pointsra.ops.transforms import unit_frame
from pointsra.progress import Progress, Report
from pointsra.settings import FinetunePreset
from pointsra.training.classifiers import evaluation_times, load_classifier
from pointsra.training.weights import ModelDescription, load_point_sra, load_weights

NODES = 8
"""Of the occupancy grid, along each axis: they are 0.29 apart, about a patch's width."""

_BATCH = 64  # clouds encoded together; changes no figure

Encode = Callable[[Patches], Encoding]


@dataclass(frozen=True)
class CutClouds:
    """Clouds of one split, cut and measured once for all masks and draws.

    Attributes:
        patches: batches of patches (b, G, …), on the CPU.
        occupancy: (n, 512) geometric targets.
        labels: (n,) int64.
    """

    patches: list[Patches]
    occupancy: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class GatedEncoder:
    """Encodes as a classifier does, at the fixed flow times of evaluation."""

    encoder: CloudEncoder
    flow: FrozenFlow
    gate: FlowGate
    preset: FinetunePreset

    def __call__(self, patches: Patches) -> Encoding:
        """Tokens of patches (B, V, …)."""
        r, t = evaluation_times(self.preset, self.flow, len(patches.centers), patches.centers.device)
        knowledge = self.flow(patches.centers, r, t)
        return self.encoder(patches, lambda embedded: self.gate(embedded, knowledge))


def load_encoder(source: Path, device: torch.device) -> tuple[Encode, ModelDescription]:
    """The encoder of weights; that of a classifier with its frozen flow, asked about the visible centers only.

    Raises:
        CheckpointError: the weights are missing or damaged.
    """
    if load_weights(source).description.kind == "point_sra":
        network, description = load_point_sra(source, device)
        return network.encoder, description
    loaded = load_classifier(source, device)
    encoder, flow, gate = loaded.network.encoder, loaded.network.frozen_flow, loaded.network.gate
    if flow is None or gate is None:
        return encoder, loaded.description
    return GatedEncoder(encoder, flow, gate, loaded.preset), loaded.description


def masked_groups(encode: Encode, cut: int) -> int:
    """How many patches of a cloud masks choose among: the ``cut`` ones, or the coarsest of several scales."""
    return encode.hierarchy.groups[-1] if isinstance(encode, HierarchicalEncoder) else cut


def cut_clouds(
    split: Split, rows: NDArray[np.int64], *, points: int, groups: int, size: int, report: Report
) -> CutClouds:
    """Patches of the points that the encoder is given, and the occupancy of all points that are stored.

    Args:
        split: what to read.
        rows: clouds wanted, ascending.
        points: N given to the encoder: farthest points of those stored.
        groups: patches G a cloud.
        size: points K a patch.
        report: is told how far it is.
    """
    patches, targets, start = [], [], 0
    for batch in evaluation_batches(split, _BATCH, max(points, split.points_per_cloud)):
        inside = rows[(rows >= start) & (rows < start + len(batch))] - start
        start += len(batch)
        if len(inside):
            given = whole = batch.points[torch.from_numpy(inside)]
            if whole.shape[1] > points:
                given = gather_points(whole, farthest_point_indices(whole, points))
                given = unit_frame(given).to_unit(given) if split.frame == "unit" else given
            targets.append(soft_occupancy(unit_frame(whole).to_unit(whole)))
            patches.append(cut_patches(given, groups, size))
        report(Progress(f"cut {split.split}", start, len(split), "clouds"))
    return CutClouds(patches, torch.cat(targets).numpy(), split.labels[rows])


@torch.no_grad()
def masked_features(
    encode: Encode,
    clouds: CutClouds,
    ratios: Sequence[float],
    generator: torch.Generator,
    device: torch.device,
    report: Report,
) -> list[NDArray[np.float32]]:
    """Mean tokens of the visible patches, (n, C) at each mask ratio, of one draw of nested random masks.

    An encoder of several scales is masked as in its pre-training: coarsest patches, with all that they are made of.

    Raises:
        CheckpointError: a feature is not finite.
    """
    groups = masked_groups(encode, clouds.patches[0].centers.shape[1])
    orders = random_order(len(clouds), groups, generator)
    parts: list[list[Tensor]] = [[] for _ in ratios]
    start = 0
    for batch in clouds.patches:
        order = orders[start : start + len(batch.centers)]
        start += len(order)
        for ratio, found in zip(ratios, parts, strict=True):
            # In their own order, so that draws that hide nothing agree to the bit.
            visible = order[:, : visible_count(groups, ratio)].sort(dim=1).values
            if isinstance(encode, HierarchicalEncoder):
                encoding = encode.show(_on(batch, device), visible.to(device))
            else:
                encoding = encode(_on(batch.select(visible), device))
            pooled = encoding.pooled.float().cpu()
            if not bool(torch.isfinite(pooled).all()):
                raise CheckpointError(
                    f"The encoder's features are not finite at mask ratio {ratio:g}: its training diverged, or a "
                    "cloud holds such numbers; use earlier weights, or prepare the data again."
                )
            found.append(pooled)
        report(Progress("features", start, len(clouds), "clouds"))
    return [torch.cat(found).numpy() for found in parts]


def _on(patches: Patches, device: torch.device) -> Patches:
    return Patches(patches.centers.to(device), patches.neighborhoods.to(device))


def soft_occupancy(points: Tensor, nodes: int = NODES) -> Tensor:
    """Share of each cloud's points at the nodes of a grid over [−1, 1]³, dealt by trilinear weights.

    Each point counts at the eight nodes around it (cloud-in-cell, Hockney and Eastwood, Computer Simulation Using
    Particles, 1981), so that the result is linear in the set of points and continuous in each.

    Args:
        points: (B, N, 3) in the unit frame; what lies outside counts at the border.
        nodes: D along each axis.

    Returns:
        (B, D³), each row of sum 1.
    """
    places = (points.clamp(-1.0, 1.0) + 1.0) * ((nodes - 1) / 2)
    x, y, z = (1.0 - (places.unsqueeze(-1) - torch.arange(nodes).to(places)).abs()).clamp_min(0.0).unbind(2)
    sides = (y.unsqueeze(3) * z.unsqueeze(2)).flatten(2)
    return (x.transpose(1, 2) @ sides).flatten(1) / points.shape[1]
