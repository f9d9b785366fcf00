"""Frames, their degenerate clouds, and random augmentations with their ranges."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsra.ops.transforms import (
    Frame,
    rectangle_turn,
    rotate_about_vertical,
    scale_and_translate,
    turned_about_vertical,
    unit_frame,
)


def cloud(seed, *shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 40), size=st.sampled_from([1e-3, 1.0, 1e3]))
def test_unit_frame_is_centered_has_radius_one_and_goes_back(seed, count, size):
    points = size * (cloud(seed, 2, count, 3) + 5.0)
    frame = unit_frame(points)
    unit = frame.to_unit(points)
    torch.testing.assert_close(unit.mean(dim=1), torch.zeros(2, 3, dtype=torch.float64), atol=1e-9, rtol=0)
    torch.testing.assert_close(unit.norm(dim=-1).amax(dim=1), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(frame.from_unit(unit), points)
    torch.testing.assert_close(unit_frame(3.0 * points - 1.0).to_unit(3.0 * points - 1.0), unit)


def test_each_cloud_has_its_own_frame():
    points = torch.stack([cloud(0, 20, 3), 10.0 * cloud(1, 20, 3)])
    both, alone = unit_frame(points), unit_frame(points[1:])
    torch.testing.assert_close(both.scale[1:], alone.scale)
    assert both.offset.shape == (2, 1, 3) and both.scale.shape == (2, 1, 1)


@pytest.mark.parametrize("count", [1, 7, 1000])
@pytest.mark.parametrize("place", [[0.0, 0.0, 0.0], [0.1, 0.7, 1000.0]])
def test_points_that_all_coincide_get_the_unit_one(count, place):
    points = torch.tensor(place).expand(1, count, 3).contiguous()
    frame = unit_frame(points)
    assert frame.scale.item() == 1.0
    assert frame.to_unit(points).abs().max() < 1e-3
    torch.testing.assert_close(frame.from_unit(frame.to_unit(points)), points)


def test_a_coinciding_cloud_leaves_its_neighbors_in_the_batch_alone():
    points = torch.stack([torch.ones(9, 3), cloud(2, 9, 3, dtype=torch.float32)])
    unit = unit_frame(points).to_unit(points)
    assert unit[1].norm(dim=-1).max().item() == pytest.approx(1.0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), degrees=st.floats(-720, 720))
def test_turns_keep_height_and_distances(seed, degrees):
    points = cloud(seed, 2, 15, 3)
    angle = torch.tensor([math.radians(degrees), 0.3], dtype=torch.float64)
    turned = turned_about_vertical(points, angle)
    assert torch.equal(turned[..., 1], points[..., 1])
    torch.testing.assert_close(torch.cdist(turned, turned), torch.cdist(points, points))
    torch.testing.assert_close(turned.norm(dim=-1), points.norm(dim=-1))
    torch.testing.assert_close(turned_about_vertical(turned, -angle), points)


def test_a_quarter_turn_takes_z_to_x():
    points = torch.tensor([[[0.0, 5.0, 1.0], [1.0, 0.0, 0.0]]])
    turned = turned_about_vertical(points, torch.tensor([math.pi / 2]))
    torch.testing.assert_close(turned, torch.tensor([[[1.0, 5.0, 0.0], [0.0, 0.0, -1.0]]]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("largest", [0.0, 15.0, 180.0])
def test_random_turns_fill_their_range(largest):
    points = torch.tensor([[[0.0, 2.0, 1.0]]]).expand(2000, -1, -1)
    turned = rotate_about_vertical(points, largest, torch.Generator().manual_seed(0))[:, 0]
    angles = torch.atan2(turned[:, 0], turned[:, 2]).rad2deg()
    assert angles.abs().max() <= largest + 1e-3
    assert angles.max() >= 0.98 * largest - 1e-3 and angles.min() <= -0.98 * largest + 1e-3


def test_scales_and_shifts_stay_in_and_fill_their_ranges():
    generator = torch.Generator().manual_seed(0)
    points = torch.tensor([[[0.0, 0, 0], [1.0, 1, 1]]]).expand(3000, -1, -1)
    changed = scale_and_translate(points, 2 / 3, 3 / 2, 0.2, generator)
    shift, scale = changed[:, 0], changed[:, 1] - changed[:, 0]
    assert 2 / 3 - 1e-5 <= scale.min() < 0.68 and 1.48 < scale.max() <= 1.5 + 1e-5
    assert -0.2 - 1e-6 <= shift.min() < -0.195 and 0.195 < shift.max() <= 0.2 + 1e-6
    # Every axis and every cloud has its own draw.
    assert (scale[:, 0] - scale[:, 1]).abs().min() < (scale[:, 0] - scale[:, 1]).abs().max()
    assert abs(torch.corrcoef(scale.T)[0, 1]) < 0.1 and len(scale[:, 0].unique()) > 2900


def test_one_cloud_is_changed_as_a_whole():
    points = cloud(3, 1, 30, 3)
    changed = scale_and_translate(points, 0.5, 2.0, 1.0, torch.Generator().manual_seed(1))
    for axis in range(3):
        slope, start = torch.linalg.lstsq(
            torch.stack([points[0, :, axis], torch.ones(30, dtype=torch.float64)], dim=1), changed[0, :, axis, None]
        ).solution.flatten()
        torch.testing.assert_close(changed[0, :, axis], slope * points[0, :, axis] + start)


@pytest.mark.parametrize(
    "change",
    [
        lambda points, generator: scale_and_translate(points, 0.5, 2.0, 0.2, generator),
        lambda points, generator: rotate_about_vertical(points, 180.0, generator),
    ],
)
def test_augmentations_follow_their_generator_and_leave_their_input(change):
    points = cloud(4, 2, 8, 3, dtype=torch.float32)
    before = points.clone()
    first = change(points, torch.Generator().manual_seed(3))
    assert torch.equal(points, before)
    assert torch.equal(first, change(points, torch.Generator().manual_seed(3)))
    assert not torch.equal(first, change(points, torch.Generator().manual_seed(4)))


@settings(max_examples=25, deadline=None)
@given(degrees=st.floats(-360, 360), sizes=st.sampled_from([(1.0, 0.4), (0.4, 1.0), (0.7, 0.6)]))
def test_however_a_box_was_turned_its_long_side_comes_to_lie_along_x(degrees, sizes):
    corners = torch.cartesian_prod(*3 * [torch.tensor([-0.5, 0.5])])
    box = (corners * torch.tensor([sizes[0], 0.5, sizes[1]])).expand(2, 8, 3)
    turned = turned_about_vertical(box, torch.tensor([math.radians(degrees), math.radians(3 * degrees)])) + 7.0
    back = turned_about_vertical(turned, rectangle_turn(turned))
    extent = back.amax(dim=1) - back.amin(dim=1)
    off = math.sin(math.radians(1.01))  # turns are tried in steps of 2 degrees
    assert (extent[:, 0] < max(sizes) + min(sizes) * off).all() and (extent[:, 0] > max(sizes) * 0.99).all()
    assert (extent[:, 2] < min(sizes) + max(sizes) * off).all()


def test_the_turn_is_found_in_full_precision_whatever_autocast_says():
    points = cloud(9, 40, 200, 3, dtype=torch.float32) * torch.tensor([1.0, 0.5, 0.8])
    with torch.autocast("cpu", torch.bfloat16):
        inside = rectangle_turn(points)
    assert torch.equal(inside, rectangle_turn(points))


def test_a_turn_by_whole_steps_is_undone_up_to_half_a_turn():
    points = cloud(5, 1, 60, 3, dtype=torch.float32) * torch.tensor([1.0, 0.5, 0.3])
    there = turned_about_vertical(points, rectangle_turn(points))
    for degrees in range(0, 360, 46):
        turned = turned_about_vertical(points, torch.tensor([math.radians(degrees)]))
        found = turned_about_vertical(turned, rectangle_turn(turned))
        half = found * torch.tensor([-1.0, 1.0, -1.0])
        assert min(float((found - there).abs().max()), float((half - there).abs().max())) < 1e-5


@pytest.mark.parametrize("value", [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
def test_one_place_has_a_turn_too(value):
    assert torch.isfinite(rectangle_turn(torch.tensor(value).expand(2, 5, 3))).all()


def test_a_turned_frame_goes_there_and_back_and_keeps_distances():
    points = cloud(6, 3, 20, 3)
    plain = unit_frame(points)
    frame = Frame(plain.offset, plain.scale, torch.tensor([0.3, -2.0, 5.0], dtype=torch.float64))
    unit = frame.to_unit(points)
    torch.testing.assert_close(frame.from_unit(unit), points)
    torch.testing.assert_close(unit.norm(dim=-1), plain.to_unit(points).norm(dim=-1))
    torch.testing.assert_close(unit, frame.turned(plain.to_unit(points)))
    one = Frame(plain.offset[:1], plain.scale[:1], frame.turn[:1])  # one frame, any number of samples
    torch.testing.assert_close(one.from_unit(unit[:1].expand(4, -1, -1)), points[:1].expand(4, -1, -1))
