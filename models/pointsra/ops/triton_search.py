"""Farthest points and nearest neighbors by Triton, for contiguous work on a CUDA device.

Opt in with ``POINTSRA_KERNELS=triton`` (``ops/backends``). Triton comes with the CUDA builds of torch; it is imported
inside these functions. It launches on the current device, which is made that of the points. Clouds too large for the
registers of a program, and other than single precision, are left to plain torch.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Points of a cloud that one program holds in registers (ours: four planes of 16 numbers for each of 1024 threads).
_LARGEST = 1 << 14
_ROWS, _BLOCK = 64, 64


def fits(points: Tensor) -> bool:
    """Whether a whole cloud of (B, N, 3) can be held by one program."""
    return points.shape[1] <= _LARGEST


def farthest_by_triton(points: Tensor, count: int) -> Tensor:
    """:func:`pointsra.ops.sampling.farthest_point_indices` of (B, N, 3), N within :func:`fits`: (B, count)."""
    from pointsra.ops.triton_kernels import farthest_kernel

    points = points.detach().float().contiguous()
    clouds, total, _ = points.shape
    chosen = torch.empty(clouds, count, dtype=torch.int64, device=points.device)
    block = _power_of_two(total)
    with torch.cuda.device_of(points):
        farthest_kernel[(clouds,)](
            points, chosen, total, count, BLOCK=block, num_warps=_warps(block), enable_fp_fusion=False
        )
    return chosen


def nearest_by_triton(queries: Tensor, points: Tensor, count: int) -> Tensor:
    """Indices (B, Q, count) of the nearest of (B, N, 3) to each of (B, Q, 3), nearest first; of equal ones the first.

    Args:
        queries: (B, Q, 3).
        points: (B, N, 3); N within :func:`fits` unless ``count`` is 1.
        count: neighbors a query.
    """
    from pointsra.ops.triton_kernels import nearest_kernel, several_kernel

    queries, points = (each.detach().float().contiguous() for each in (queries, points))
    clouds, asked, _ = queries.shape
    total = points.shape[1]
    found = torch.empty(clouds, asked, count, dtype=torch.int64, device=points.device)
    with torch.cuda.device_of(points):
        if count == 1:
            nearest_kernel[(-(-asked // _ROWS) * clouds,)](
                queries,
                points,
                found,
                asked,
                total,
                ROWS=_ROWS,
                BLOCK=_BLOCK,
                num_warps=4,
                enable_fp_fusion=False,
            )
        else:
            block = _power_of_two(total)
            several_kernel[(asked * clouds,)](
                queries,
                points,
                found,
                asked,
                total,
                count,
                BLOCK=block,
                num_warps=_warps(block),
                enable_fp_fusion=False,
            )
    return found


def _power_of_two(total: int) -> int:
    return max(16, 1 << (total - 1).bit_length())


def _warps(block: int) -> int:
    """Enough threads that each holds about eight points."""
    return min(32, max(1, block // 256))
