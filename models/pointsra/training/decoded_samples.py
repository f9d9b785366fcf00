"""What the decoder makes of samples of the flow, and of true centers, beside what is true.

Centers are the flow's language, points are what people see: a pedestal and four legs, whose centers lie hardly farther
apart than those of two sets of four legs, differ in where there are points at all.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.networks.masked_autoencoder import Encoding
from pointsra.networks.point_sra import PointSRA
from pointsra.ops.patches import Patches
from pointsra.training.masking import MaskedClouds

_POINTS = 512  # of each hidden part that are compared, of about 1,500; ours, for speed


def compared_points(
    network: PointSRA, encoding: Encoding, clouds: MaskedClouds, samples: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Random points of decoded samples and of what is true.

    Args:
        network: its decoder fills, with a gradient to it and to the samples.
        encoding: of the visible patches.
        clouds: whose hidden parts, and what else could stand there, are true.
        samples: (S, B, T, 3) states of the flow, the M hidden slots last.
        generator: of the choice, one for all clouds.

    Returns:
        (S, B, P, 3) and (R, B, P, 3) in the frame of the visible patches, R truths of each cloud.
    """
    count, hidden = len(samples), clouds.masked.centers.shape[1]
    middle = clouds.visible.centers.mean(dim=1, keepdim=True)
    centers = (samples[:, :, -hidden:] * network.center_scale + middle).flatten(0, 1)
    true = torch.stack([each.points for each in (clouds.masked, *clouds.alternatives)])
    drawn, true = _some(_filled(network, encoding.repeated(count), centers), true, generator)
    return drawn.unflatten(0, (count, -1)), true


def refilled_points(
    network: PointSRA, encoding: Encoding, clouds: MaskedClouds, centers: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The same of hidden parts filled at ``centers`` (B, M, 3), true ones or what is near them: (B, P, 3) each."""
    return _some(_filled(network, encoding, centers), clouds.masked.points, generator)


def _filled(network: PointSRA, encoding: Encoding, centers: Tensor) -> Tensor:
    return Patches(centers, network.decoder(encoding, centers).float()).points


def _some(drawn: Tensor, true: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The same random points, the last axis but one, of both."""
    chosen = torch.randperm(drawn.shape[-2], generator=generator)[:_POINTS].to(drawn.device)
    return drawn[..., chosen, :], true[..., chosen, :]
