"""Cells partition the hidden points by medians, equally, in one order, and hardly move when points are drawn anew."""

from __future__ import annotations

import pytest
import torch

from pointsra.ops.cells import cut_cells
from pointsra.ops.ordering import morton_order
from pointsra.ops.patches import cut_patches
from pointsra.ops.randomness import stream
from pointsra.ops.sampling import gather_points


def tree(points, count, depth=0):
    """The slow twin: lists of points, split one after another."""
    if count == 1:
        return [points]
    points = points[points[:, (1, 0, 2)[depth % 3]].argsort()]
    left = count // 2
    cut = (2 * len(points) * left + count) // (2 * count)
    return tree(points[:cut], left, depth + 1) + tree(points[cut:], count - left, depth + 1)


def rows(points):
    return {tuple(row) for row in points.mul(1e6).round().tolist()}


@pytest.mark.parametrize("count", [1, 2, 5, 16, 17])
def test_cells_are_the_leaves_of_the_slow_tree(count):
    points = torch.randn(3, 300, 3, generator=stream(count, "points"), dtype=torch.float64)
    members = torch.rand(3, 300, generator=stream(count, "members")) < 0.6
    cells = cut_cells(points, members, count, 300)
    for row in range(3):
        leaves = tree(points[row][members[row]], count)
        sizes = [len(leaf) for leaf in leaves]
        assert max(sizes) - min(sizes) <= 2
        for number, leaf in enumerate(leaves):
            held = cells.centers[row, number] + cells.neighborhoods[row, number]
            assert rows(held) == rows(leaf)
            assert (cells.centers[row, number] - leaf.mean(0)).abs().max() < 0.1  # repeated points weigh a little more


def test_a_full_cell_gives_up_points_and_a_small_one_repeats_them():
    points = torch.randn(1, 64, 3, generator=stream(0, "points"))
    everything = torch.ones(1, 64, dtype=torch.bool)
    assert cut_cells(points, everything, 2, 8).neighborhoods.shape == (1, 2, 8, 3)
    repeated = cut_cells(points, everything, 16, 8)
    assert all(len(rows(cell)) == 4 for cell in repeated.neighborhoods[0])
    torch.testing.assert_close(repeated.neighborhoods.mean(2), torch.zeros(1, 16, 3), atol=1e-6, rtol=0)


def test_fewer_points_than_cells_stay_finite_and_true():
    points = torch.randn(2, 40, 3, generator=stream(1, "points"))
    members = torch.zeros(2, 40, dtype=torch.bool)
    members[0, 7] = members[1, :3] = True
    cells = cut_cells(points, members, 8, 4)
    held = cells.centers.unsqueeze(2) + cells.neighborhoods
    torch.testing.assert_close(held[0], points[0, 7].expand(8, 4, 3))
    assert torch.cdist(held[1].flatten(0, 1), points[1, :3]).min(1).values.max() < 1e-6


def test_drawing_the_points_anew_moves_cells_far_less_than_farthest_point_centers():
    surface = torch.rand(1, 4000, 3, generator=stream(2, "surface")) * torch.tensor([1.0, 0.3, 0.7])
    draws = {"cells": [], "patches": []}
    for number in range(8):
        chosen = torch.randperm(4000, generator=stream(number, "draw"))[None, :500]
        points = gather_points(surface, chosen)
        draws["cells"].append(cut_cells(points, torch.ones(1, 500, dtype=torch.bool), 16, 32).centers)
        centers = cut_patches(points, 16, 32).centers
        draws["patches"].append(gather_points(centers, morton_order(centers)))
    spread = {name: torch.stack(found).var(dim=0).mean() for name, found in draws.items()}
    assert spread["cells"] < 0.05 * spread["patches"]
