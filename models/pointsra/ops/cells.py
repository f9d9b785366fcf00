"""Cut a part of a cloud into cells of equally many points, by medians along fixed axes (a k-d tree).

Farthest-point centers depend on which points were drawn and on where the choice began: drawn twice from the same
surface, they lie elsewhere and come in another order. A cell's mean is an average over a region that the shape
itself fixes, so the same hidden part gives nearly the same cells each time, in the same order.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.ops.patches import Patches
from pointsra.ops.sampling import gather_points

_AXES = (1, 0, 2)  # y, the vertical, first: most objects change most along it


def cut_cells(points: Tensor, members: Tensor, count: int, size: int) -> Patches:
    """Cut the members of each cloud into ``count`` cells.

    Every node of the tree is split across the next of the axes y, x, z, in proportion to the leaves on either side,
    so that all cells hold equally many points, up to one or two.

    Args:
        points: (B, N, 3).
        members: (B, N) bool, the points to cut; of fewer than ``count`` some are used twice, of none any is taken.
        count: cells M, in the order of the tree's leaves.
        size: points K a cell. Where it holds fewer, they are repeated evenly; where it holds more, some are left out.

    Returns:
        Patches whose centers (B, M, 3) are the cells' means and whose neighborhoods (B, M, K, 3) are their points.
    """
    clouds, total, _ = points.shape
    places = torch.arange(total, device=points.device)
    # Of each axis, the rank of a point: whole numbers sort exactly beside the number of the node.
    ranks = torch.empty(clouds, total, 3, dtype=torch.int64, device=points.device)
    ranks.scatter_(1, points.argsort(dim=1), places[None, :, None].expand(clouds, -1, 3))
    node = torch.where(members, 0, count)  # its first leaf; what is no member lies behind the last
    leaves = torch.ones(count + 1, dtype=torch.int64, device=points.device)
    leaves[0] = count
    for depth in range((count - 1).bit_length()):
        order = _stable_order(node * total + ranks[..., _AXES[depth % 3]])
        sorted_node = node.gather(1, order)
        sizes = _sizes(node, count)
        left = leaves // 2
        left_sizes = (2 * sizes * left + leaves) // (2 * leaves)  # rounded half up
        within = places - (sizes.cumsum(dim=1) - sizes).gather(1, sorted_node)
        right = (leaves[sorted_node] > 1) & (within >= left_sizes.gather(1, sorted_node))
        node = node.scatter(1, order, sorted_node + right * left[sorted_node])
        starts = (leaves > 1).nonzero().flatten()
        leaves[starts + left[starts]] = leaves[starts] - left[starts]
        leaves[starts] = left[starts]
    order = _stable_order(node)
    sizes = _sizes(node, count)
    first = (sizes.cumsum(dim=1) - sizes)[:, :count, None]
    slots = torch.arange(size, device=points.device) * sizes[:, :count, None] // size
    last = (members.sum(dim=1)[:, None, None] - 1).clamp_min(0)
    chosen = gather_points(points, order.gather(1, torch.minimum(first + slots, last).flatten(1)))
    cells = chosen.view(clouds, count, size, 3)
    centers = cells.mean(dim=2)
    return Patches(centers, cells - centers.unsqueeze(2))


def _stable_order(keys: Tensor) -> Tensor:
    """(B, N) places of whole numbers (B, N) from 0 to 2³¹, in ascending order; of equal ones the first place first."""
    if keys.device.type != "cpu":
        return keys.argsort(dim=1, stable=True)
    # numpy sorts numbers several times as fast as torch sorts pairs of number and place.
    both = (keys * 2**32 + torch.arange(keys.shape[1])).numpy()
    both.sort(axis=1)
    return torch.from_numpy(both & 0xFFFFFFFF)


def _sizes(node: Tensor, count: int) -> Tensor:
    """(B, count + 1) points in each node, by its first leaf."""
    return torch.zeros(len(node), count + 1, dtype=torch.int64, device=node.device).scatter_add_(
        1, node, torch.ones_like(node)
    )
