"""Triton kernels of farthest-point sampling and neighbor search. Importing this file needs triton.

Every kernel works on contiguous single-precision points (B, N, 3) and breaks ties by the smaller index. They are
launched without fused multiply-add, so that a distance is what plain arithmetic gives, and over one axis of programs:
CUDA allows 65,535 in any further one, which patches of a batch, taken for clouds, exceed.
"""

# ruff: noqa: ANN001, ANN201
from __future__ import annotations

import triton  # type: ignore[import-not-found]
import triton.language as tl  # type: ignore[import-not-found]


@triton.jit
def farthest_kernel(points, chosen, total, count, BLOCK: tl.constexpr):
    """One program a cloud: coordinates and distances to what is chosen stay in registers. ``chosen`` (B, count)."""
    cloud = tl.program_id(0).to(tl.int64)
    offsets = tl.arange(0, BLOCK)
    held = offsets < total
    base = points + cloud * total * 3
    x = tl.load(base + offsets * 3, mask=held, other=0.0)
    y = tl.load(base + offsets * 3 + 1, mask=held, other=0.0)
    z = tl.load(base + offsets * 3 + 2, mask=held, other=0.0)
    squared = tl.where(held, float("inf"), -1.0)  # what is no point is never the farthest
    last = tl.zeros((), dtype=tl.int32)
    tl.store(chosen + cloud * count, last.to(tl.int64))
    for step in range(1, count):
        dx = x - tl.load(base + last * 3)
        dy = y - tl.load(base + last * 3 + 1)
        dz = z - tl.load(base + last * 3 + 2)
        squared = tl.minimum(squared, dx * dx + dy * dy + dz * dz)
        last = tl.argmax(squared, axis=0, tie_break_left=True).to(tl.int32)
        tl.store(chosen + cloud * count + step, last.to(tl.int64))


@triton.jit
def nearest_kernel(
    queries,
    points,
    found,
    asked,
    total,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """One program ROWS queries of a cloud, over all of its points, BLOCK at a time. ``found`` (B, Q)."""
    blocks = tl.cdiv(asked, ROWS)
    cloud = (tl.program_id(0) // blocks).to(tl.int64)
    rows = tl.program_id(0) % blocks * ROWS + tl.arange(0, ROWS)
    there = rows < asked
    query = queries + (cloud * asked + rows) * 3
    qx = tl.load(query, mask=there, other=0.0)[:, None]
    qy = tl.load(query + 1, mask=there, other=0.0)[:, None]
    qz = tl.load(query + 2, mask=there, other=0.0)[:, None]
    best = tl.full((ROWS,), float("inf"), dtype=tl.float32)
    index = tl.zeros((ROWS,), dtype=tl.int32)
    for start in range(0, total, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        held = offsets < total
        point = points + (cloud * total + offsets) * 3
        dx = qx - tl.load(point, mask=held, other=0.0)[None, :]
        dy = qy - tl.load(point + 1, mask=held, other=0.0)[None, :]
        dz = qz - tl.load(point + 2, mask=held, other=0.0)[None, :]
        distance = tl.where(held[None, :], dx * dx + dy * dy + dz * dz, float("inf"))
        least = tl.min(distance, axis=1)
        place = tl.argmin(distance, axis=1, tie_break_left=True).to(tl.int32)
        closer = least < best  # of equal ones the first stays
        index = tl.where(closer, start + place, index)
        best = tl.where(closer, least, best)
    tl.store(found + cloud * asked + rows, index.to(tl.int64), mask=there)


@triton.jit
def several_kernel(
    queries,
    points,
    found,
    asked,
    total,
    count,
    BLOCK: tl.constexpr,
):
    """One program a query: distance and index in one whole number, whose minimum is taken ``count`` times."""
    row = tl.program_id(0).to(tl.int64)
    cloud = row // asked
    offsets = tl.arange(0, BLOCK)
    held = offsets < total
    point = points + (cloud * total + offsets) * 3
    dx = tl.load(queries + row * 3) - tl.load(point, mask=held, other=0.0)
    dy = tl.load(queries + row * 3 + 1) - tl.load(point + 1, mask=held, other=0.0)
    dz = tl.load(queries + row * 3 + 2) - tl.load(point + 2, mask=held, other=0.0)
    distance = dx * dx + dy * dy + dz * dz
    # A squared distance is never negative, and then its bits, read as a whole number, are in its order.
    bits = distance.to(tl.int32, bitcast=True).to(tl.int64)
    taken = 0x7FFFFFFFFFFFFFFF
    keys = tl.where(held, (bits << 32) | offsets.to(tl.int64), taken)
    for step in range(0, count):
        least = tl.min(keys, axis=0)
        tl.store(found + row * count + step, least & 0xFFFFFFFF)
        keys = tl.where(keys == least, taken, keys)
