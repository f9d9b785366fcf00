"""Canonical orders of unordered points, so that a token keeps its identity from one draw to the next."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_BITS = 10  # a coordinate; 30-bit codes stay exact in int64


def morton_order(points: Tensor) -> Tensor:
    """Indices that sort points along the Z-order curve of the fixed cube [−4, 4]³.

    The cube is fixed rather than fitted, so that the order of a point depends on nothing but itself. y, the
    vertical, is the most significant axis.

    Args:
        points: (B, M, 3).

    Returns:
        (B, M) int64 indices.
    """
    cells = ((points.detach() + 4.0) / 8.0 * (1 << _BITS)).long().clamp(0, (1 << _BITS) - 1)
    x, y, z = (_spread(cells[..., axis]) for axis in range(3))
    return ((y << 2) | (z << 1) | x).argsort(dim=1, stable=True)


def hungarian_order(points: Tensor, noise: Tensor) -> Tensor:
    """Indices that pair every noise vector with a point so that the summed squared distance is smallest.

    Args:
        points: (B, M, 3) data.
        noise: (B, M, 3).

    Returns:
        (B, M) int64: ``points.gather(order)[:, i]`` belongs to ``noise[:, i]``. Exact assignment, on the CPU.
    """
    from scipy.optimize import linear_sum_assignment

    costs = torch.cdist(noise.detach().float(), points.detach().float()).square().cpu().numpy()
    order = np.stack([linear_sum_assignment(cost)[1] for cost in costs])
    return torch.from_numpy(order).to(points.device)


def _spread(value: Tensor) -> Tensor:
    """Put two zero bits between the bits of 10-bit integers."""
    value = (value | (value << 16)) & 0x030000FF
    value = (value | (value << 8)) & 0x0300F00F
    value = (value | (value << 4)) & 0x030C30C3
    return (value | (value << 2)) & 0x09249249
