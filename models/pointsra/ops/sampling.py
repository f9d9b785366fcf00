"""Farthest-point and random sampling of batched clouds, in plain torch on any device.

Farthest-point sampling as in PointNet++ (Qi et al., 2017, §3.2). The coordinates are kept apart as three
(B, N) planes: on a CPU that is several times faster than a (B, N, 3) layout, whose innermost axis of three
defeats vectorization; everything that a step needs is allocated before the first.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.ops.backends import backend
from pointsra.ops.batch_parts import uniform
from pointsra.ops.triton_search import farthest_by_triton, fits

# Points that are worked on at once on a CPU: beyond it, the six planes of the work miss the cache.
_BLOCK = 1 << 17


def farthest_point_indices(points: Tensor, count: int) -> Tensor:
    """Indices of ``count`` points, each the farthest from all chosen before it.

    The first is always point 0, so that the result is deterministic; shuffle the points for a random start.

    Args:
        points: (B, N, 3) coordinates.
        count: how many to choose, at most N.

    Returns:
        (B, count) int64 indices, in the order of choice.

    Raises:
        ValueError: the shape is not (B, N, 3), or ``count`` is not in 1 … N.
    """
    if points.ndim != 3 or points.shape[-1] != 3:
        raise ValueError(f"points must be (B, N, 3), not {tuple(points.shape)}")
    clouds, total, _ = points.shape
    if not 1 <= count <= total:
        raise ValueError(f"count must lie in 1 … {total}, not {count}")
    points = points.detach()
    if backend(points) == "triton" and fits(points):
        return farthest_by_triton(points, count)
    together = max(1, _BLOCK // total) if points.device.type == "cpu" else clouds
    return torch.cat([_farthest(part, count) for part in points.split(max(1, together))])


def _farthest(points: Tensor, count: int) -> Tensor:
    """:func:`farthest_point_indices` of clouds that are worked on at once."""
    clouds, total, _ = points.shape
    x, y, z = points.permute(2, 0, 1).contiguous()
    chosen = torch.zeros(clouds, count, dtype=torch.int64, device=points.device)
    squared = torch.full((clouds, total), torch.inf, dtype=points.dtype, device=points.device)
    gap, distance = torch.empty_like(squared), torch.empty_like(squared)
    last = chosen[:, :1]
    for step in range(1, count):
        torch.sub(x, x.gather(1, last), out=gap)
        torch.mul(gap, gap, out=distance)
        for plane in (y, z):
            torch.sub(plane, plane.gather(1, last), out=gap)
            distance.addcmul_(gap, gap)
        torch.minimum(squared, distance, out=squared)
        last = _largest(squared)
        chosen[:, step : step + 1] = last
    return chosen


def _largest(values: Tensor) -> Tensor:
    """(B, 1) place of the largest of each row (B, N); numpy's search is vectorized where torch's is not."""
    if values.device.type == "cpu" and values.dtype in (torch.float32, torch.float64):
        return torch.from_numpy(values.numpy().argmax(axis=1, keepdims=True))
    return values.argmax(dim=1, keepdim=True)


def random_indices(clouds: int, total: int, count: int, generator: torch.Generator) -> Tensor:
    """A random choice of ``count`` of ``total`` for each of B clouds, without repetition while that is possible.

    Returns:
        (B, count) int64 indices on the CPU; where ``count`` exceeds ``total`` every point appears before any repeats.
        The first of a row is as random as the choice; the order of the others means nothing.
    """
    draws = []
    for start in range(0, count, total):
        # The largest of as many random numbers, unsorted: several times quicker than sorting all of them.
        keys = uniform((clouds, total), generator)
        draws.append(keys.topk(min(total, count - start), dim=1, sorted=False).indices)
    draws[0] = draws[0].roll(int(torch.randint(draws[0].shape[1], (), generator=generator)), dims=1)
    return torch.cat(draws, dim=1)


def gather_points(values: Tensor, indices: Tensor) -> Tensor:
    """Pick rows of each cloud.

    Args:
        values: (B, N, C) values.
        indices: (B, …) int64 indices into N.

    Returns:
        (B, …, C) values.
    """
    clouds, _, channels = values.shape
    flat = indices.reshape(clouds, -1, 1).expand(-1, -1, channels)
    return values.gather(1, flat).reshape(*indices.shape, channels)
