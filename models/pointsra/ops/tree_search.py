"""Exact nearest neighbors on a CPU where clouds are large: a k-d tree of each cloud proposes, exact distances decide.

Comparing every query with every point costs their product. From about two million pairs a cloud on scipy's tree is
quicker: 1.2 to 1.9 times for 2,048 to 8,192 points, 8 times for 2,000 queries to 100,000, on one thread of an AMD EPYC.
Where several neighbors are asked for, boxes are quicker than both up to about 8,192 points (``box_search``).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pointsra.ops.plane_search import MORE, UNDERFLOW, in_order, nearest_by_planes, summed

_PAIRS = 1 << 21  # of a query and a point, in each cloud
_ALL_PAIRS = 1 << 24  # in all clouds together: fewer are compared before scipy is imported
_BOXES = 1 << 13  # points of a cloud: several neighbors of fewer are found sooner by ``box_search``
_QUERIES = 1 << 13  # asked at once: of 16 neighbors each, a few MiB
_LEAF = 64  # points in a leaf; the usual 10 is half as quick where two clouds lie apart
_ROUNDING = 16  # eps that both kinds of distances together are off by, in proportion; ours leaves room


def pays(queries: Tensor, points: Tensor, count: int) -> bool:
    """Whether a tree is the quickest for so many neighbors of (B, Q, 3) queries among (B, N, 3) points."""
    pairs, large = queries.shape[1] * points.shape[1], points.shape[1] > _BOXES
    return pairs >= _PAIRS and len(points) * pairs > _ALL_PAIRS and (count == 1 or large)


def nearest_by_tree(queries: Tensor, points: Tensor, count: int) -> Tensor:
    """What :func:`nearest_by_planes` gives, to the index.

    The tree gives a few more than ``count``, whose distances are then taken as there. A point that it has left out is
    no nearer than the last one that it gave; where that is not farther than the last one taken by more than rounding,
    as among repeated points, all are compared after all.

    Args:
        queries: (B, Q, 3) on the CPU, finite.
        points: (B, N, 3), N ≥ ``count``, likewise.
        count: neighbors a query.

    Returns:
        (B, Q, count) int64.
    """
    from scipy.spatial import KDTree  # only large clouds pay for its import

    kind = torch.promote_types(queries.dtype, torch.float32)
    total, wanted = points.shape[1], min(count + MORE, points.shape[1])
    found = torch.empty(*queries.shape[:2], count, dtype=torch.int64)
    for cloud, (asking, held) in enumerate(zip(queries.to(kind), points.to(kind), strict=True)):
        tree = KDTree(held.double().numpy(), leafsize=_LEAF, balanced_tree=False, compact_nodes=False)
        planes = held.T.contiguous().numpy()
        for start in range(0, len(asking), _QUERIES):
            part = asking[start : start + _QUERIES]
            away, places = tree.query(part.double().numpy(), k=range(1, wanted + 1), workers=torch.get_num_threads())
            here = part.T.contiguous().numpy()
            distances = summed(planes[axis].take(places) - here[axis, :, None] for axis in range(3))
            chosen, last = in_order(places, distances, count)
            into = found[cloud, start : start + len(part)]
            into.copy_(torch.from_numpy(chosen))
            if wanted < total:
                room = 1.0 - _ROUNDING * torch.finfo(kind).eps
                unsure = torch.from_numpy(~(last + UNDERFLOW < room * np.square(away[:, -1])))
                if unsure.any():
                    into[unsure] = nearest_by_planes(part[unsure][None], held[None], count)[0]
    return found
