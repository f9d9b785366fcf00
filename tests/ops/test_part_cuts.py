"""Hiding whole parts: which ones, how many, and what happens where there is but one."""

from __future__ import annotations

import pytest
import torch

from pointsra.ops.part_cuts import hide_parts
from pointsra.ops.randomness import stream

HEIGHTS = {7: 0.0, 0: 0.4, 200: 0.5, 3: 1.0}  # label -> height: labels are in no order


def tower(clouds: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Clouds of four flat parts one above the other, ten points each, in random order."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.tensor([label for label in HEIGHTS for _ in range(10)], dtype=torch.uint8)
    points = torch.rand(clouds, 40, 3, generator=generator) * 0.05
    points[..., 1] += torch.tensor([HEIGHTS[int(label)] for label in labels])
    order = torch.rand(clouds, 40, generator=generator).argsort(dim=1)
    return points.gather(1, order.unsqueeze(2).expand(-1, -1, 3)), labels.expand(clouds, -1).gather(1, order)


@pytest.mark.parametrize(("ratio", "count"), [(0.01, 1), (0.25, 1), (0.5, 2), (0.74, 3), (1.0, 3)])
def test_as_many_whole_parts_go_as_come_nearest_to_the_share(ratio: float, count: int) -> None:
    points, parts = tower()
    hidden = hide_parts(points, parts, points, ratio, stream(0, "parts"))
    ends = set()
    for row in range(len(points)):
        gone = {int(label) for label in parts[row][hidden[row]]}
        assert not gone & {int(label) for label in parts[row][~hidden[row]]}  # whole parts
        order = list(HEIGHTS)
        assert gone in (set(order[:count]), set(order[-count:]))
        ends.add(gone == set(order[:count]))
    assert ends == {True, False}  # some lose the lowest, some the highest


def test_shares_are_counted_in_patches() -> None:
    # Three of four patches lie in the lowest part and one in the highest; those between have points but no patch.
    points, parts = tower(1)
    points, parts = points.expand(16, -1, -1), parts.expand(16, -1)
    low, high = (points[0][parts[0] == label] for label in (7, 3))
    centers = torch.cat([low[:3], high[:1]]).expand(16, -1, -1)
    hidden = hide_parts(points, parts, centers, 0.75, stream(1, "parts"))
    gone = {frozenset(parts[row][hidden[row]].tolist()) for row in range(16)}
    assert gone == {frozenset({7}), frozenset({3})}


def test_a_cloud_of_one_part_keeps_all() -> None:
    points, parts = tower(2)
    parts = torch.stack([torch.full_like(parts[0], 9), parts[1]])
    hidden = hide_parts(points, parts, points, 0.5, stream(2, "parts"))
    assert not hidden[0].any() and hidden[1].any()
