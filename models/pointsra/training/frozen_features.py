"""One feature a cloud from a frozen encoder, for a linear probe: fine and coarse patches, seen from several sides.

Ours: nothing is trained for it. The frame is that of pre-training; the second scale has half as many patches of twice
as many points. It neither prepares the cloud (``Model.embed`` does) nor fits anything.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pointsra.networks.masked_autoencoder import CloudEncoder
from pointsra.ops.patches import cut_patches
from pointsra.training.masking import frame_of
from pointsra.training.weights import ModelDescription

_QUARTERS = 4  # quarter turns about the vertical: they need no interpolation and have no preferred front
_HALVES = 2  # turns where the frame is aligned: clouds lie in it one of two ways
_CLOUDS_AT_ONCE = 8  # ours: the points of more clouds leave a CPU's cache


def feature_scales(description: ModelDescription) -> tuple[tuple[int, int], ...]:
    """Groups G and size K of each scale; an encoder of several scales of its own is given its own patches alone."""
    points, groups, size = (description.patches[name] for name in ("points", "groups", "size"))
    if description.sizes.hierarchy is not None:
        return ((groups, size),)
    return (groups, size), (max(1, groups // 2), min(2 * size, points))


def frozen_feature_dim(description: ModelDescription) -> int:
    """Width D of :func:`frozen_features`: mean and maximum for each scale."""
    return 2 * len(feature_scales(description)) * description.sizes.dim


@torch.no_grad()
def frozen_features(encoder: CloudEncoder, description: ModelDescription, clouds: Tensor) -> Tensor:
    """Mean and maximum of the patch tokens for each scale, averaged over quarter turns about the vertical, or over
    the half turns of an aligned frame.

    Args:
        encoder: in eval mode.
        description: of its weights: how clouds are cut, and in which frame patches were shown in pre-training.
        clouds: (B, N, 3) in the unit frame, on the encoder's device, y up, N those of ``description.patches``.

    Returns:
        (B, D): for each scale the means (C), then the maxima (C).
    """
    turns = _HALVES if description.frame == "aligned" else _QUARTERS
    rows = []
    for part in clouds.split(_CLOUDS_AT_ONCE):
        scales = []
        for groups, size in feature_scales(description):
            patches = cut_patches(part, groups, size)
            frame = frame_of(patches, description.frame)
            patches = patches if frame is None else patches.moved(frame)
            angles = [patches.centers.new_full((len(part),), 2.0 * math.pi * turn / turns) for turn in range(turns)]
            turned = [encoder(patches.turned(angle)).patches for angle in angles]
            seen = [torch.cat([tokens.mean(dim=1), tokens.amax(dim=1)], dim=1) for tokens in turned]
            scales.append(torch.stack(seen).mean(dim=0))
        rows.append(torch.cat(scales, dim=1))
    return torch.cat(rows)
