"""Completions at any number of points: fewer by farthest points, more by points between neighbors."""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.ops.neighbors import nearest_indices
from pointsra.ops.randomness import stream
from pointsra.ops.sampling import farthest_point_indices, gather_points

_NEIGHBORS = 4  # ours: near enough that the chord between two of them stays on the surface


def with_count(points: Tensor, count: int, seed: int) -> Tensor:
    """Generated clouds at another density.

    Args:
        points: (S, P, 3), P ≥ 1.
        count: wanted points a cloud, at least 1. Of fewer than P the evenly spread ones are kept; above P every
            point is kept, and each new one lies between a random point and one of its nearest neighbors.
        seed: of the new points.

    Returns:
        (S, count, 3).
    """
    samples, held, _ = points.shape
    if count <= held:
        return gather_points(points, farthest_point_indices(points, count))
    around = nearest_indices(points, points, min(_NEIGHBORS + 1, held))[..., 1:]
    if not around.shape[-1]:  # one point has no neighbor
        return points.expand(samples, count, 3)
    added = count - held
    draws = []
    for sample in range(samples):  # each from a stream of its own: a sample does not depend on how many there are
        generator = stream(seed, "density", sample)
        # Every point begins as many new ones as any other, up to one.
        begin = torch.cat([torch.randperm(held, generator=generator) for _ in range(-(-added // held))])[:added]
        which = torch.randint(around.shape[-1], (added,), generator=generator)
        draws.append((begin, which, torch.rand(added, 1, generator=generator)))
    begin, which, share = (torch.stack(parts).to(points.device) for parts in zip(*draws, strict=True))
    end = gather_points(around, begin).gather(2, which.unsqueeze(2)).squeeze(2)
    start = gather_points(points, begin)
    return torch.cat([points, start + share * (gather_points(points, end) - start)], dim=1)
