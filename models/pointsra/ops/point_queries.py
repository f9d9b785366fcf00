"""Questions about space: which of these places lie on the cloud, which do not (MaskPoint, Liu et al., ECCV 2022)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pointsra.ops.batch_parts import uniform
from pointsra.ops.neighbors import nearest_indices
from pointsra.ops.sampling import farthest_point_indices, gather_points

REAL, FAKE, UNDECIDED = 1, 0, -1


@dataclass(frozen=True)
class PointQueries:
    """Places to ask about.

    Attributes:
        points: (B, Q, 3).
        labels: (B, Q) int64: 1 a point of the cloud, 0 not, -1 a drawn place too near to the cloud to call it fake.
    """

    points: Tensor
    labels: Tensor


def real_and_fake(points: Tensor, real: int, fake: int, generator: torch.Generator) -> PointQueries:
    """Farthest points of the whole cloud, and places drawn evenly in the box around them.

    A drawn place counts as undecided where it is nearer to the cloud than the farthest points are, on average, to
    their nearest one.

    Args:
        points: (B, N, 3).
        real: how many farthest points, 2 … N. fake: how many drawn places.
        generator: on the CPU.
    """
    kept = gather_points(points, farthest_point_indices(points, real))
    low, high = kept.amin(dim=1, keepdim=True), kept.amax(dim=1, keepdim=True)
    places = low + (high - low) * uniform((len(points), fake, 3), generator).to(points)
    spacing = _distance(kept, gather_points(kept, nearest_indices(kept, kept, 2)[..., 1])).mean(dim=1, keepdim=True)
    away = _distance(places, gather_points(points, nearest_indices(places, points, 1)[..., 0]))
    labels = torch.full((len(points), real + fake), REAL, dtype=torch.int64, device=points.device)
    labels[:, real:] = torch.where(away < spacing, UNDECIDED, FAKE)
    return PointQueries(torch.cat([kept, places], dim=1), labels)


def _distance(first: Tensor, second: Tensor) -> Tensor:
    """(B, Q) between the rows of (B, Q, 3) and (B, Q, 3)."""
    return (first - second).square().sum(-1).sqrt()
