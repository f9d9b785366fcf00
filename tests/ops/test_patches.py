"""Patches hold the true neighbors, relative to their centers, and survive selection and changes of frame."""

from __future__ import annotations

import pytest
import torch

from pointsra.ops.patches import cut_patches
from pointsra.ops.sampling import farthest_point_indices
from pointsra.ops.transforms import Frame


def cloud(seed=0, clouds=2, count=80):
    return torch.randn(clouds, count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def as_set(points):
    return {tuple(round(value, 9) for value in point) for point in points.tolist()}


def test_patches_are_the_nearest_points_relative_to_farthest_centers():
    points = cloud()
    patches = cut_patches(points, 10, 6)
    chosen = farthest_point_indices(points, 10)
    assert patches.neighborhoods.shape == (2, 10, 6, 3)
    for row in range(2):
        assert torch.equal(patches.centers[row], points[row, chosen[row]])
        for group, center in enumerate(patches.centers[row]):
            nearest = points[row, (points[row] - center).norm(dim=-1).argsort()[:6]]
            torch.testing.assert_close(patches.neighborhoods[row, group] + center, nearest)
    assert patches.neighborhoods[:, :, 0].abs().max() == 0  # the center is its own nearest point


def test_moving_a_cloud_moves_centers_only():
    points, shift = cloud(1), torch.tensor([1.0, -2.0, 4.0], dtype=torch.float64)
    before, after = cut_patches(points, 8, 5), cut_patches(points + shift, 8, 5)
    torch.testing.assert_close(after.centers, before.centers + shift)
    torch.testing.assert_close(after.neighborhoods, before.neighborhoods)


def test_scale_is_not_normalized():
    points = cloud(2)
    torch.testing.assert_close(
        cut_patches(3.0 * points, 8, 5).neighborhoods, 3.0 * cut_patches(points, 8, 5).neighborhoods
    )


def test_order_of_the_other_points_changes_no_patch():
    points = cloud(3, clouds=1)
    order = torch.cat(
        [torch.zeros(1, dtype=torch.int64), 1 + torch.randperm(79, generator=torch.Generator().manual_seed(0))]
    )
    before, after = cut_patches(points, 12, 7), cut_patches(points[:, order], 12, 7)
    torch.testing.assert_close(after.centers, before.centers)
    for group in range(12):
        assert as_set(after.neighborhoods[0, group]) == as_set(before.neighborhoods[0, group])


def test_select_keeps_centers_and_neighborhoods_together():
    patches = cut_patches(cloud(4), 9, 4)
    indices = torch.tensor([[3, 0, 8], [1, 1, 5]])
    chosen = patches.select(indices)
    for row in range(2):
        assert torch.equal(chosen.centers[row], patches.centers[row, indices[row]])
        assert torch.equal(chosen.neighborhoods[row], patches.neighborhoods[row, indices[row]])


def test_moved_is_the_frame_of_the_absolute_points():
    patches = cut_patches(cloud(5), 6, 4)
    offset = torch.tensor([[[1.0, 2.0, 3.0]], [[0.0, -1.0, 0.5]]], dtype=torch.float64)
    scale = torch.tensor([[[2.0]], [[0.25]]], dtype=torch.float64)
    moved = patches.moved(Frame(offset, scale))
    absolute = patches.centers.unsqueeze(2) + patches.neighborhoods
    expected = (absolute - offset.unsqueeze(2)) / scale.unsqueeze(3)
    torch.testing.assert_close(moved.centers.unsqueeze(2) + moved.neighborhoods, expected)
    torch.testing.assert_close(moved.centers, (patches.centers - offset) / scale)


@pytest.mark.parametrize(("groups", "size"), [(81, 4), (4, 81), (0, 4)])
def test_more_than_the_cloud_has_is_refused(groups, size):
    with pytest.raises(ValueError, match="count"):
        cut_patches(cloud(), groups, size)
