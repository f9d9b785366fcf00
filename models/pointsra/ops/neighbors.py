"""Exact nearest neighbors between batched clouds, in bounded memory."""

from __future__ import annotations

import torch
from torch import Tensor

# Distances held at once: 2^24 floats are 64 MiB. Ours: small enough for a laptop, large enough to stay fast.
_CHUNK_ELEMENTS = 1 << 24


def squared_distances(queries: Tensor, points: Tensor) -> Tensor:
    """All squared distances, by the expansion |a|² − 2ab + |b|², clamped at 0.

    Args:
        queries: (B, Q, 3).
        points: (B, N, 3).

    Returns:
        (B, Q, N) squared distances. Both clouds are first moved by the mean of ``points``, which keeps
        the cancellation small for clouds far from the origin. Autocast is switched off inside: with products
        in bfloat16 the cancellation leaves errors as large as the distance between neighbors.
    """
    origin = points.mean(dim=1, keepdim=True)
    queries, points = queries - origin, points - origin
    with torch.autocast(points.device.type, enabled=False):
        products = torch.baddbmm(points.square().sum(-1).unsqueeze(1), queries, points.transpose(1, 2), alpha=-2.0)
    return (products + queries.square().sum(-1, keepdim=True)).clamp_min(0.0)


def nearest_indices(queries: Tensor, points: Tensor, count: int, allowed: Tensor | None = None) -> Tensor:
    """Indices of the ``count`` nearest points to each query, nearest first.

    Args:
        queries: (B, Q, 3).
        points: (B, N, 3).
        count: neighbors a query, at most N.
        allowed: (B, N) bool, the points that may be taken, at least one a cloud; where they are fewer than
            ``count`` the nearest is taken again. None allows all.

    Returns:
        (B, Q, count) int64 indices into ``points``; memory stays bounded for any Q and N.

    Raises:
        ValueError: ``count`` is not in 1 … N.
    """
    clouds, asked, _ = queries.shape
    total = points.shape[1]
    if not 1 <= count <= total:
        raise ValueError(f"count must lie in 1 … {total}, not {count}")
    rows = max(1, _CHUNK_ELEMENTS // max(1, clouds * total))
    parts = []
    for start in range(0, asked, rows):
        distances = squared_distances(queries[:, start : start + rows], points)
        if allowed is not None:
            distances = distances.masked_fill(~allowed.unsqueeze(1), float("inf"))
        if count == 1:  # several times quicker than topk of one
            parts.append(distances.min(dim=-1, keepdim=True).indices)
        else:
            parts.append(distances.topk(count, dim=-1, largest=False).indices)
    found = torch.cat(parts, dim=1)
    if allowed is None:
        return found
    taken = allowed.unsqueeze(1).expand(-1, asked, -1).gather(2, found)
    return torch.where(taken, found, found[..., :1])
