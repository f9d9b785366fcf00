"""What of a batch is shown to whom: frames, sealed patches, and the scale between frames."""

from __future__ import annotations

import pytest
import torch

from pointsra.ops.patches import cut_patches
from pointsra.ops.randomness import stream
from pointsra.settings.schema import Masks
from pointsra.training.masking import mask_clouds

GROUPS, SIZE = 16, 24


def masked(seed=0, **settings):
    points = torch.randn(4, 300, 3, generator=stream(seed, "cloud"))
    masks = Masks(**{"block_share": 1.0, "crop_low": 0.5, "crop_high": 0.5, **settings})
    patches = cut_patches(points, GROUPS, SIZE)
    return points, mask_clouds(points, patches, masks, stream(seed, "mask"))


def rows(points):
    return {tuple(point) for point in points.reshape(-1, 3).double().mul(1e4).round().tolist()}


def owned(points, clouds, row):
    """The points of one cloud whose nearest center is hidden."""
    centers = torch.cat([clouds.visible.centers[row], clouds.masked.centers[row]])
    return points[row][torch.cdist(points[row], centers).argmin(1) >= len(clouds.visible.centers[row])]


def absolute(patches, row):
    return patches.centers[row].unsqueeze(1) + patches.neighborhoods[row]


@pytest.mark.parametrize("sealed", [True, False])
def test_sealed_patches_hold_no_hidden_point_and_plain_ones_do(sealed):
    points, clouds = masked(sealed=sealed)
    leaks = [len(rows(owned(points, clouds, row)) & rows(absolute(clouds.visible, row))) for row in range(4)]
    assert all(leak == 0 for leak in leaks) if sealed else all(leak > 0 for leak in leaks)


def test_sealing_changes_the_visible_patches_alone():
    _, plain = masked(sealed=False)
    _, sealed = masked(sealed=True)
    assert torch.equal(plain.visible.centers, sealed.visible.centers)
    assert torch.equal(plain.masked.neighborhoods, sealed.masked.neighborhoods)
    assert torch.equal(plain.teacher_visible.neighborhoods, sealed.teacher_visible.neighborhoods)


def test_the_scale_leads_from_the_visible_frame_to_the_whole_one():
    _, whole = masked(frame="whole")
    _, visible = masked(frame="visible")
    assert torch.equal(whole.scale, torch.ones(4))
    apart = (whole.masked.centers[:, 0] - whole.masked.centers[:, 1]).norm(dim=-1)
    torch.testing.assert_close(
        (visible.masked.centers[:, 0] - visible.masked.centers[:, 1]).norm(dim=-1) * visible.scale, apart
    )


def test_cells_hold_the_hidden_points_and_leave_the_visible_patches_alone():
    points, plain = masked(sealed=True)
    _, cells = masked(sealed=True, hidden="cells")
    assert torch.equal(plain.visible.neighborhoods, cells.visible.neighborhoods)
    assert cells.masked.neighborhoods.shape == plain.masked.neighborhoods.shape
    for row in range(4):
        hidden = rows(owned(points, plain, row))
        assert rows(absolute(cells.masked, row)) <= hidden
        assert len(rows(absolute(cells.masked, row))) > 0.8 * len(hidden)


def test_cells_follow_the_frame():
    _, whole = masked(hidden="cells")
    _, visible = masked(hidden="cells", frame="visible")
    scale = visible.scale[:, None, None, None]
    torch.testing.assert_close(visible.masked.neighborhoods * scale, whole.masked.neighborhoods)
