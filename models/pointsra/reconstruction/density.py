"""Completions at even distances, and at any number of points: fewer by farthest points, more between neighbors."""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.ops.neighbors import nearest_indices
from pointsra.ops.randomness import stream
from pointsra.ops.sampling import farthest_point_indices, gather_points

_NEIGHBORS = 4  # ours: near enough that the chord between two of them stays on the surface

# Ours, by F-scores on validation shapes: fewer neighbors or steps even out less, more of them nothing more.
_CROWD = 8  # neighbors that a point keeps its distance from
_WATCHED = 12  # neighbors among which these are, after all have moved
_SURFACE = 32  # neighbors that tell how the surface lies
_STEPS, _STRIDE = 5, 1.5
_AT_ONCE = 1 << 17  # points, with 50 MB of neighbors
_SOFT = 0.01  # squared distances, so that points in one place need not choose where to go


def evened_out(points: Tensor) -> Tensor:
    """Generated clouds with their points at more even distances: crowded ones give way along the surface, into gaps.

    A decoder draws every patch by itself: points crowd within patches and where patches overlap, and leave gaps
    between. In each step a point moves away from those of its neighbors that are nearer than the eighth usually is,
    as far as the points around it spread: along a rod or a board, not out of it.

    Args:
        points: (S, P, 3).

    Returns:
        (S, P, 3). Points with no neighbor as near as that stay where they are, as do those of clouds of too few.
    """
    if points.shape[1] <= _SURFACE:
        return points
    at_once = max(_AT_ONCE // points.shape[1], 1)
    return torch.cat([_evened_out(part) for part in points.split(at_once)])


def _evened_out(points: Tensor) -> Tensor:
    around = nearest_indices(points, points, _SURFACE + 1)[..., 1:]
    along = _spread(gather_points(points, around))
    watched = around[..., :_WATCHED]
    usual = (points - gather_points(points, around[..., _CROWD - 1])).square().sum(-1)
    reach = usual.median(dim=1).values[:, None, None].clamp_min(1e-20)
    for _ in range(_STEPS):
        away = points.unsqueeze(2) - gather_points(points, watched)
        push = (reach / (away.square().sum(-1) + _SOFT * reach)).sqrt().sub(1.0).clamp_min(0.0)
        step = (push.unsqueeze(-1) * away).sum(dim=2) * (_STRIDE / _CROWD)
        points = points + (along @ step.unsqueeze(-1)).squeeze(-1)
    return points


def _spread(around: Tensor) -> Tensor:
    """(S, P, 3, 3) from neighbors (S, P, K, 3): their covariance, of about 1 where they spread, squared."""
    apart = around - around.mean(dim=2, keepdim=True)
    covariance = apart.transpose(2, 3) @ apart
    total = covariance.diagonal(dim1=2, dim2=3).sum(-1)[..., None, None]
    covariance = covariance / (covariance.square().sum((2, 3), keepdim=True) / total.clamp_min(1e-20)).clamp_min(1e-20)
    return covariance @ covariance


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
    if count == held:
        return points
    if count < held:
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
