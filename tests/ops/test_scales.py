"""Scales of centers, and masks that agree between them."""

from __future__ import annotations

import pytest
import torch

from pointsra.ops.patches import cut_patches
from pointsra.ops.scales import coarser_scales, visible_scales


def centers(clouds=2, groups=20):
    points = torch.randn(clouds, 80, 3, generator=torch.Generator().manual_seed(0))
    return cut_patches(points, groups, 4).centers


def test_coarser_centers_lead_the_finer_ones():
    """Farthest points of farthest points are the first of them."""
    fine = centers()
    middle, coarse = coarser_scales(fine, (10, 4), (3, 5))
    assert torch.equal(middle.centers, fine[:, :10]) and torch.equal(coarse.centers, fine[:, :4])


def test_members_are_the_nearest_centers_below():
    fine = centers()
    middle, coarse = coarser_scales(fine, (10, 4), (3, 5))
    for scale, below in ((middle, fine), (coarse, middle.centers)):
        table = torch.cdist(scale.centers, below)
        wanted = table.argsort(dim=-1)[..., : scale.members.shape[-1]]
        assert torch.equal(scale.members.sort(-1).values, wanted.sort(-1).values)


def test_everything_under_a_visible_patch_is_visible_and_nothing_else():
    fine = centers()
    scales = coarser_scales(fine, (10, 4), (3, 5))
    coarsest = torch.tensor([[True, False, False, True], [False, True, False, False]])
    masks = visible_scales(scales, coarsest, finest=20)
    assert [tuple(mask.shape) for mask in masks] == [(2, 20), (2, 10), (2, 4)]
    assert torch.equal(masks[2], coarsest)
    for scale, below, above in ((scales[1], masks[1], masks[2]), (scales[0], masks[0], masks[1])):
        for row in range(2):
            held = {int(index) for patch in scale.members[row][above[row]] for index in patch}
            assert held == set(below[row].nonzero()[:, 0].tolist())


def test_a_scale_cannot_be_larger_than_the_one_below():
    with pytest.raises(ValueError, match="count must lie in 1 … 20, not 30"):
        coarser_scales(centers(), (30,), (2,))
