"""What of a batch is shown to whom: frames, sealed patches, and the scale between frames."""

from __future__ import annotations

import math

import pytest
import torch

from pointsra.ops.masks import block_order
from pointsra.ops.occlusion import scan_order, whole_scan
from pointsra.ops.patches import cut_patches
from pointsra.ops.randomness import stream
from pointsra.ops.transforms import turned_about_vertical
from pointsra.settings.pretraining import Masks
from pointsra.training.masking import mask_clouds, scan_size, scanned, visible_frame

GROUPS, SIZE = 16, 24


def masked(seed=0, **settings):
    points = torch.randn(4, 300, 3, generator=stream(seed, "cloud"))
    masks = Masks(**{"block_share": 1.0, "crop_low": 0.5, "crop_high": 0.5, **settings})
    patches = cut_patches(points, GROUPS, SIZE)
    return points, mask_clouds(points, patches, masks, stream(seed, "mask"))


def rows(points):
    return {tuple(point) for point in points.reshape(-1, 3).double().mul(1e4).round().tolist()}


def owned(points, row, seed=0, shown=GROUPS // 2):
    """The points of one cloud whose nearest center is hidden by the block mask of ``masked``."""
    centers = cut_patches(points, GROUPS, SIZE).centers
    generator = stream(seed, "mask")
    torch.rand(2, generator=generator)  # kind and ratio
    order = block_order(centers, generator)[row]
    return points[row][~torch.isin(torch.cdist(points[row], centers[row]).argmin(1), order[:shown])]


def absolute(patches, row):
    return patches.centers[row].unsqueeze(1) + patches.neighborhoods[row]


@pytest.mark.parametrize("sealed", [True, False])
def test_sealed_patches_hold_no_hidden_point_and_plain_ones_do(sealed):
    points, clouds = masked(sealed=sealed)
    leaks = [len(rows(owned(points, row)) & rows(absolute(clouds.visible, row))) for row in range(4)]
    assert all(leak == 0 for leak in leaks) if sealed else all(leak > 0 for leak in leaks)


def test_sealing_changes_the_visible_patches_alone():
    _, plain = masked(sealed=False)
    _, sealed = masked(sealed=True)
    assert plain.visible.neighborhoods.shape == sealed.visible.neighborhoods.shape
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


@pytest.mark.parametrize("settings", [{"sealed": True, "hidden": "cells"}, {"sealed": False}])
def test_an_aligned_frame_is_the_visible_one_turned(settings):
    points, whole = masked(**settings)
    _, visible = masked(frame="visible", **settings)
    _, aligned = masked(frame="aligned", **settings)
    frame = visible_frame(whole.visible, aligned=True)
    for name in ("visible", "teacher_visible"):
        expected, found = getattr(visible, name).turned(frame.turn), getattr(aligned, name)
        torch.testing.assert_close(found.centers, expected.centers, atol=1e-5, rtol=0)
        torch.testing.assert_close(found.neighborhoods, expected.neighborhoods, atol=1e-5, rtol=0)
    torch.testing.assert_close(aligned.scale, visible.scale)
    assert torch.equal(aligned.whole_centers, whole.whole_centers)  # of rows without condition: nothing is moved
    if "hidden" not in settings:
        torch.testing.assert_close(aligned.masked.centers, visible.masked.turned(frame.turn).centers)
        return
    for row in range(4):  # cells are cut along the axes of the frame, out of the hidden points
        hidden = frame.to_unit(points)[row][torch.isin(points[row], owned(points, row)).all(dim=1)]
        found = absolute(aligned.masked, row).reshape(-1, 3)
        assert all((hidden - point).norm(dim=1).min() < 1e-5 for point in found)


def test_what_an_aligned_network_sees_hardly_depends_on_how_the_cloud_was_turned():
    points = torch.randn(4, 300, 3, generator=stream(0, "cloud")) * torch.tensor([1.0, 0.6, 0.4])
    masks = Masks(block_share=1.0, sealed=True, hidden="cells", frame="aligned")
    seen = []
    for degrees in (0.0, 46.0, 130.0):
        turned = turned_about_vertical(points, torch.full((4,), math.radians(degrees)))
        with torch.autocast("cpu", torch.bfloat16):  # as in training
            clouds = mask_clouds(turned, cut_patches(turned, GROUPS, SIZE), masks, stream(3, "mask"))
        seen.append(clouds.visible.centers)
    half = torch.tensor([-1.0, 1.0, -1.0])
    for row in range(4):
        for other in seen[1:]:
            gaps = [float((seen[0][row] - way * other[row]).abs().max()) for way in (torch.ones(3), half)]
            assert min(gaps) < 1e-4


def test_cells_hold_the_hidden_points_and_leave_the_visible_patches_alone():
    points, plain = masked(sealed=True)
    _, cells = masked(sealed=True, hidden="cells")
    assert torch.equal(plain.visible.neighborhoods, cells.visible.neighborhoods)
    assert cells.masked.neighborhoods.shape == plain.masked.neighborhoods.shape
    for row in range(4):
        hidden = rows(owned(points, row))
        assert rows(absolute(cells.masked, row)) <= hidden
        assert len(rows(absolute(cells.masked, row))) > 0.8 * len(hidden)


def test_more_cells_are_smaller_and_hold_the_same_points_together():
    points, usual = masked(sealed=True, hidden="cells")
    _, dense = masked(sealed=True, hidden="cells", cell_density=2)
    assert torch.equal(usual.visible.neighborhoods, dense.visible.neighborhoods)
    cells, members = usual.masked.neighborhoods.shape[1:3]
    assert dense.masked.neighborhoods.shape == (4, 2 * cells, members, 3)
    halves = dense.masked.centers.unflatten(1, (cells, 2))
    # Two cells of an order that follow one another are the halves of one of the usual.
    assert (halves.mean(dim=2) - usual.masked.centers).norm(dim=-1).median() < 0.1
    assert (halves[:, :, 0] - halves[:, :, 1]).norm(dim=-1).median() > 0.2
    assert dense.masked.neighborhoods.norm(dim=-1).mean() < 0.9 * usual.masked.neighborhoods.norm(dim=-1).mean()
    for row in range(4):
        assert rows(absolute(dense.masked, row)) <= rows(owned(points, row))


def test_cells_follow_the_frame():
    _, whole = masked(hidden="cells")
    _, visible = masked(hidden="cells", frame="visible")
    scale = visible.scale[:, None, None, None]
    torch.testing.assert_close(visible.masked.neighborhoods * scale, whole.masked.neighborhoods)


def test_a_scan_holds_visible_points_alone_each_once_before_any_is_repeated():
    points = torch.randn(2, 50, 3, generator=stream(3, "cloud"))
    seen = torch.zeros(2, 50, dtype=torch.bool)
    seen[0, :40] = seen[1, 7:12] = True
    for count in (4, 30, 50, 60):
        scan = scanned(points, seen, count, stream(count, "scan"))
        assert scan.shape == (2, count, 3)
        for row in range(2):
            assert rows(scan[row]) <= rows(points[row][seen[row]])
            assert len(rows(scan[row])) == min(count, int(seen[row].sum()))
    assert not torch.equal(scanned(points, seen, 4, stream(0, "scan")), scanned(points, seen, 4, stream(1, "scan")))


@pytest.mark.parametrize("hidden", ["patches", "cells"])
def test_a_scan_shows_the_points_that_a_camera_comes_to_know_first(hidden):
    settings = {"block_share": 0.0, "scan_share": 1.0, "scan_low": 0.5, "scan_high": 0.5, "sealed": True}
    points, clouds = masked(hidden=hidden, **settings)
    generator = stream(0, "mask")
    torch.rand(2, generator=generator)
    order = scan_order(points, generator)
    for row in range(4):
        shown, rest = rows(points[row, order[row, :150]]), rows(points[row, order[row, 150:]])
        assert rows(absolute(clouds.visible, row)) <= shown
        if hidden == "cells":
            assert rows(absolute(clouds.masked, row)) <= rest
    assert clouds.visible.centers.shape[1] == clouds.masked.centers.shape[1] == GROUPS // 2


def test_of_several_cameras_a_scan_shows_all_that_one_sees_and_hides_the_rest():
    settings = {"block_share": 0.0, "scan_share": 1.0, "scan_low": 0.6, "scan_high": 0.6, "scan_views": 3}
    points, clouds = masked(hidden="cells", sealed=True, **settings)
    generator = stream(0, "mask")
    torch.rand(2, generator=generator)
    order, seen, near = whole_scan(points, 0.4, 3, generator)
    seen = torch.where(near, seen, order.argsort(dim=1) < round(7 / GROUPS * points.shape[1]))
    for row in range(4):
        assert rows(absolute(clouds.visible, row)) <= rows(points[row, seen[row]])
        assert rows(absolute(clouds.masked, row)) <= rows(points[row, ~seen[row]])


def test_a_dense_scan_is_cut_in_more_patches_of_the_same_points():
    scan = {"block_share": 0.0, "scan_share": 1.0, "scan_low": 0.75, "scan_high": 0.75, "sealed": True}
    _, usual = masked(hidden="cells", **scan)
    _, dense = masked(hidden="cells", scan_density=2.5, **scan)
    assert usual.visible.centers.shape[1] == 4 and dense.visible.centers.shape[1] == 10
    assert torch.equal(usual.masked.centers, dense.masked.centers)
    for row in range(4):
        assert rows(absolute(dense.visible, row)) >= rows(absolute(usual.visible, row))
    assert masked(scan_density=8.0, **scan | {"scan_low": 0.5})[1].visible.centers.shape[1] > SIZE
    block = {"block_share": 1.0, "scan_share": 0.0, "sealed": True}
    assert torch.equal(masked(**block)[1].visible.points, masked(scan_density=2.5, **block)[1].visible.points)


def test_a_level_cut_hides_points_beyond_a_height_alone():
    cut = {"block_share": 0.0, "level_share": 1.0, "sealed": True, "hidden": "cells"}
    points, clouds = masked(**cut, crop_low=0.4, crop_high=0.4)
    centers = cut_patches(points, GROUPS, SIZE).centers
    for row in range(4):
        heights = centers[row, :, 1].sort().values
        owner = torch.cdist(points[row], centers[row]).argmin(1)
        tops, bottoms = (
            rows(points[row][torch.isin(owner, part)])
            for part in ((centers[row, :, 1] > heights[9]).nonzero(), (centers[row, :, 1] < heights[6]).nonzero())
        )
        hidden = rows(absolute(clouds.masked, row))
        assert hidden <= tops or hidden <= bottoms


def test_patches_of_a_scan_without_sealing_are_those_it_knows_first():
    settings = {"block_share": 0.0, "scan_share": 1.0, "scan_low": 0.5, "scan_high": 0.5}
    points, clouds = masked(**settings)
    generator = stream(0, "mask")
    torch.rand(2, generator=generator)
    ranks = scan_order(points, generator).argsort(dim=1).float()
    for row in range(4):
        centers = cut_patches(points, GROUPS, SIZE).centers[row]
        owner = torch.cdist(points[row], centers).argmin(1)
        means = torch.stack([ranks[row, owner == patch].mean() for patch in range(GROUPS)])
        assert rows(clouds.visible.centers[row]) == rows(centers[means.argsort()[: GROUPS // 2]])


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("views", [1, 3])
@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_a_cloud_of_one_place_or_of_none_is_masked_without_a_crash(value, views, share):
    """Its points all have the same nearest center, so nothing is seen or nothing is hidden."""
    points = torch.full((4, 300, 3), value)
    scans = {"scan_share": share, "scan_low": 0.75, "scan_high": 0.75, "scan_views": views}
    masks = Masks(student=0.75, sealed=True, hidden="cells", **scans)
    for number in range(3):
        clouds = mask_clouds(points, cut_patches(points, GROUPS, SIZE), masks, stream(number, "mask"))
        assert clouds.visible.neighborhoods.shape == (4, 4, SIZE, 3)
        assert clouds.masked.neighborhoods.shape == (4, 12, SIZE, 3)


def test_a_scan_is_as_dense_as_the_whole_and_fills_its_patches():
    assert scan_size(2048, 32, 16, 64) == 1024
    assert scan_size(2048, 32, 1, 100) == 100
    assert scan_size(16, 32, 20, 4) == 20


def test_patches_of_a_sealed_mask_are_those_that_completion_would_cut():
    """The same points, cut as a user's partial scan is: nothing else may tell what is hidden."""
    points, clouds = masked(sealed=True, frame="whole")
    generator = stream(0, "mask")
    torch.rand(2, generator=generator)
    centers = cut_patches(points, GROUPS, SIZE).centers
    order = block_order(centers, generator)
    owner = torch.stack([torch.cdist(points[row], centers[row]).argmin(1) for row in range(4)])
    seen = torch.stack([torch.isin(owner[row], order[row, : GROUPS // 2]) for row in range(4)])
    scan = scanned(points, seen, scan_size(300, GROUPS, GROUPS // 2, SIZE), generator)
    cut = cut_patches(scan, GROUPS // 2, SIZE)
    assert torch.equal(cut.centers, clouds.visible.centers)
    assert torch.equal(cut.neighborhoods, clouds.visible.neighborhoods)


def test_a_part_mask_hides_whole_parts_and_shows_all_others():
    settings = {"block_share": 0.0, "part_share": 1.0, "sealed": True, "hidden": "cells"}
    points = torch.randn(4, 300, 3, generator=stream(0, "cloud"))
    parts = (points[..., 1] > 0).to(torch.uint8) + 4  # the upper half of each cloud is a part, and the lower one
    parts[3] = 1
    masks = Masks(**settings, crop_low=0.5, crop_high=0.5)
    clouds = mask_clouds(points, cut_patches(points, GROUPS, SIZE), masks, stream(0, "mask"), parts)
    for row in range(3):
        halves = [rows(points[row][parts[row] == part]) for part in (4, 5)]
        seen, hidden = rows(absolute(clouds.visible, row)), rows(absolute(clouds.masked, row))
        assert any(seen <= one and hidden <= other for one, other in (halves, halves[::-1]))
    # A cloud of one part, and all clouds where nobody knows their parts, are cut at a height.
    for labels in (parts, None):
        clouds = mask_clouds(points, cut_patches(points, GROUPS, SIZE), masks, stream(0, "mask"), labels)
        for row in range(3 if labels is not None else 0, 4):
            seen, hidden = (absolute(each, row)[..., 1].mean() for each in (clouds.visible, clouds.masked))
            assert abs(float(seen - hidden)) > 0.5


def test_the_part_that_could_be_another_is_hidden_and_the_others_are_cut_like_it():
    points = torch.randn(4, 300, 3, generator=stream(0, "cloud"))
    hidden = points[..., 1] > 0.3
    members = torch.stack([each[mask][:80] for each, mask in zip(points, hidden, strict=True)])
    raised = torch.stack([members, members + torch.tensor([0.0, 2.0, 0.0])], dim=1)
    settings = {"block_share": 1.0, "sealed": True, "hidden": "cells", "crop_low": 0.5, "crop_high": 0.5}
    found = {}
    for frame in ("whole", "aligned"):
        masks = Masks(**settings, frame=frame)
        patches = cut_patches(points, GROUPS, SIZE)
        found[frame] = mask_clouds(points, patches, masks, stream(0, "mask"), hidden=hidden, alternatives=raised)
    clouds = found["whole"]
    for row in range(4):
        assert rows(absolute(clouds.visible, row)) <= rows(points[row][~hidden[row]])
        assert rows(absolute(clouds.masked, row)) <= rows(points[row][hidden[row]])
    same, above = clouds.alternatives
    torch.testing.assert_close(above.centers, same.centers + torch.tensor([0.0, 2.0, 0.0]))
    torch.testing.assert_close(above.neighborhoods, same.neighborhoods)
    # Cut the same way: what the cells of the part itself are, but for the points that were left out.
    assert (same.centers - clouds.masked.centers).norm(dim=-1).median() < 0.25
    for row in range(4):
        assert rows(absolute(same, row)) <= rows(members[row])
    # In the frame that is turned and scaled the same holds, in units of that frame.
    turned = found["aligned"]
    same, above = (each.centers for each in turned.alternatives)
    rise = (above - same) * turned.scale[:, None, None]
    torch.testing.assert_close(rise, torch.tensor([0.0, 2.0, 0.0]).expand_as(rise), atol=1e-4, rtol=0)
    assert (same - turned.masked.centers).norm(dim=-1).median() < 0.25


def test_what_hides_a_part_that_could_be_another_must_be_sealed():
    with pytest.raises(ValueError, match=r"alternative_share needs masks\.sealed"):
        Masks(alternative_share=0.5, hidden="cells")
