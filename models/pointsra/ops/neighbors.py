"""Exact nearest neighbors between batched clouds, in bounded memory."""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.ops import box_search, tree_search
from pointsra.ops.backends import backend
from pointsra.ops.plane_search import LARGEST, nearest_by_planes
from pointsra.ops.products import taken_in_full
from pointsra.ops.triton_search import fits, nearest_by_triton

# Distances held at once: 2^24 floats are 64 MiB. Ours: small enough for a laptop, large enough to stay fast.
_CHUNK_ELEMENTS = 1 << 24


def squared_distances(queries: Tensor, points: Tensor) -> Tensor:
    """All squared distances: by the expansion |a|² − 2ab + |b|², clamped at 0, or as sums of squared differences
    where products of matrices are told to be less than exact.

    Args:
        queries: (B, Q, 3).
        points: (B, N, 3).

    Returns:
        (B, Q, N) squared distances. For the expansion both clouds are moved by the mean of ``points``, which keeps
        the cancellation small for clouds far from the origin, and autocast is switched off: with products
        in bfloat16 the cancellation leaves errors as large as the distance between neighbors.
    """
    if points.dtype == torch.float32 and not taken_in_full(points.device):
        x, y, z = ((queries[..., axis, None] - points[:, None, :, axis]).square() for axis in range(3))
        return x + y + z
    origin = points.mean(dim=1, keepdim=True)
    queries, points = queries - origin, points - origin
    with torch.autocast(points.device.type, enabled=False):
        products = torch.baddbmm(points.square().sum(-1).unsqueeze(1), queries, points.transpose(1, 2), alpha=-2.0)
    return (products + queries.square().sum(-1, keepdim=True)).clamp_min(0.0)


def nearest_indices(queries: Tensor, points: Tensor, count: int) -> Tensor:
    """Indices of the ``count`` nearest points to each query, nearest first.

    Args:
        queries: (B, Q, 3).
        points: (B, N, 3).
        count: neighbors a query, at most N.

    Returns:
        (B, Q, count) int64 indices into ``points``; memory stays bounded for any Q and N.

    Raises:
        ValueError: ``count`` is not in 1 … N.
    """
    total = points.shape[1]
    if not 1 <= count <= total:
        raise ValueError(f"count must lie in 1 … {total}, not {count}")
    queries, points = queries.detach(), points.detach()
    way = backend(points)
    if way == "triton" and (count == 1 or fits(points)):
        found = nearest_by_triton(queries, points, count)
    elif way == "planes" and _searchable(queries) and _searchable(points):
        found = _nearest_on_cpu(queries, points, count)
    else:
        found = _nearest_by_tables(queries, points, count)
    return found


def _nearest_on_cpu(queries: Tensor, points: Tensor, count: int) -> Tensor:
    """By the quickest of three ways that find the same, to the index."""
    if tree_search.pays(queries, points, count):
        return tree_search.nearest_by_tree(queries, points, count)
    if box_search.pays(queries, points, count):
        return box_search.nearest_by_boxes(queries, points, count)
    return nearest_by_planes(queries, points, count)


def _searchable(points: Tensor) -> bool:
    """Whether no coordinate is NaN, or so large that its square is not finite."""
    if not points.numel():
        return True
    low, high = (float(value) for value in points.aminmax())
    return low >= -LARGEST and high <= LARGEST  # NaN is neither


def _nearest_by_tables(queries: Tensor, points: Tensor, count: int) -> Tensor:
    """Tables of distances in chunks, on any device; of equal distances any comes first."""
    clouds, asked, _ = queries.shape
    rows = max(1, _CHUNK_ELEMENTS // max(1, clouds * points.shape[1]))
    parts = []
    for start in range(0, asked, rows):
        distances = squared_distances(queries[:, start : start + rows], points)
        if count == 1:  # several times quicker than topk of one
            parts.append(distances.min(dim=-1, keepdim=True).indices)
        else:
            parts.append(distances.topk(count, dim=-1, largest=False).indices)
    return torch.cat(parts, dim=1)
