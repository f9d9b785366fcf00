"""What a camera sees of points: closed forms of a sphere and a plate, and the finer depth buffer of reconstruction."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pointsra.data.shapes import generate, sample_surface
from pointsra.ops.occlusion import depth_behind, scan_order, seen_from_one_side, whole_scan
from pointsra.ops.randomness import stream
from pointsra.reconstruction.visibility import depths_behind

SEEN = 10.0  # depths below are of points that are seen


def sphere(clouds=2, points=4096, seed=0):
    return torch.nn.functional.normalize(torch.randn(clouds, points, 3, generator=stream(seed, "cloud")), dim=-1)


def test_a_sphere_shows_the_cap_that_faces_the_camera():
    """From three radii away a tangent touches the unit sphere where cos = 1/3; towards it the surface is steep."""
    points = sphere()
    direction = torch.tensor([[[0.0, 0.0, 5.0]], [[1.0, -1.0, 0.5]]])
    seen = depth_behind(points, direction) < SEEN
    height = (points * torch.nn.functional.normalize(direction, dim=-1)).sum(-1)
    assert seen[height > 0.6].float().mean() > 0.93
    assert seen[height < 0.1].float().mean() < 0.06


def test_depth_is_the_distance_along_the_axis_of_the_camera():
    points = sphere(1)
    depth = depth_behind(points, torch.tensor([[[0.0, 2.0, 0.0]]]))
    offsets = points - points.mean(dim=1, keepdim=True)
    expected = 3.0 - offsets[..., 1] / offsets.norm(dim=-1).max()
    seen = depth < SEEN
    torch.testing.assert_close(depth[seen], expected[seen])


def test_a_plate_hides_the_one_behind_it_and_not_the_one_beside_it():
    generator = stream(1, "plates")
    front, behind, beside = (torch.rand(1500, 3, generator=generator) - 0.5 for _ in range(3))
    front[:, 2], behind[:, 2], beside[:, 2] = 0.6, -0.6, -0.6
    behind[:, :2] *= 0.6
    beside[:, 0] += 1.6
    cloud = torch.cat([front, behind, beside])[None]
    seen = (depth_behind(cloud, torch.tensor([[[0.0, 0.0, 1.0]]])) < SEEN)[0]
    assert seen[:1500].float().mean() > 0.98
    assert seen[1500:3000].float().mean() < 0.1
    assert seen[3000:].float().mean() > 0.98


def test_it_agrees_with_the_finer_depth_buffer_more_than_guessing_would():
    """On 16 generated shapes; guessing by the share alone agrees on 59 % of the points, hiding all on 71 %."""
    rng = np.random.default_rng(0)
    surfaces = [sample_surface(generate(index, 5), 20_000, np.random.default_rng(index))[0] for index in range(16)]
    clouds = np.stack([surface[rng.permutation(len(surface))[:2048]] for surface in surfaces])
    directions = torch.randn(16, 1, 3, generator=stream(2, "directions"))
    units = torch.nn.functional.normalize(directions, dim=-1)[:, 0].double().numpy()
    pairs = zip(clouds, surfaces, units, strict=True)
    finer = np.stack([depths_behind(cloud, surface, unit)[0] == 0 for cloud, surface, unit in pairs])
    coarse = (depth_behind(torch.from_numpy(clouds), directions) < SEEN).numpy()
    assert (coarse == finer).mean() > 0.78
    assert coarse[finer].mean() > 0.6
    assert coarse[~finer].mean() < 0.2


def test_the_order_starts_with_what_is_seen_and_turns_with_the_cloud():
    points = sphere(2, 600)
    order = scan_order(points, stream(3, "scan"))
    assert torch.equal(order.sort(dim=1).values, torch.arange(600).expand(2, -1))
    direction = torch.randn(2, 1, 3, generator=stream(3, "scan"))
    depths = depth_behind(points, direction).gather(1, order)
    assert bool((depths.diff(dim=1) >= 0).all())
    moved = depth_behind(7.0 * points + torch.tensor([100.0, -3.0, 5.0]), direction)
    torch.testing.assert_close(moved, depth_behind(points, direction), atol=1e-3, rtol=0)


def test_a_whole_scan_is_all_that_one_camera_sees_and_whether_that_is_about_the_share():
    points = torch.cat([sphere(1, 1500, 4), sphere(1, 1500, 5) * torch.tensor([1.0, 0.05, 1.0])])
    for share in (0.35, 0.45, 0.9):
        order, seen, near = whole_scan(points, share, 12, stream(6, "scan"))
        generator, depths = stream(6, "scan"), []
        for _ in range(12):
            direction = torch.randn(2, 1, 3, generator=generator)
            depths.append(depth_behind(points, direction))
        shares = torch.stack([(depth < SEEN).float().mean(dim=1) for depth in depths])
        for row in range(2):
            best = int((shares[:, row] - share).abs().argmin())
            assert bool((depths[best][row, order[row]].diff() >= 0).all())
            assert torch.equal(seen[row], depths[best][row] < SEEN)
            assert bool(near[row]) == (abs(float(shares[best, row]) - share) <= 0.1)
    assert not near[0]  # no camera sees nine tenths of a sphere


def test_it_sees_the_same_where_training_computes_in_bfloat16():
    points = sphere(3, 1500)
    order = scan_order(points, stream(5, "scan"))
    with torch.autocast("cpu", torch.bfloat16):
        reduced = scan_order(points, stream(5, "scan"))
    assert torch.equal(order, reduced)


def test_what_is_seen_of_a_cloud_does_not_depend_on_the_others():
    points = torch.cat([sphere(1, 500), 0.01 * torch.rand(2, 500, 3, generator=stream(6, "cloud"))])
    direction = torch.randn(3, 1, 3, generator=stream(6, "directions"))
    alone = depth_behind(points[:1], direction[:1])
    points[1] = points[1, :1]  # one place
    points[2] = torch.nan
    assert torch.equal(depth_behind(points, direction)[:1], alone)


def test_degenerate_clouds_do_not_crash():
    for cloud in (torch.zeros(1, 40, 3), torch.rand(1, 1, 3), torch.linspace(0, 1, 30)[None, :, None].expand(1, 30, 3)):
        order = scan_order(cloud, stream(4, "scan"))
        assert torch.equal(order.sort(dim=1).values, torch.arange(cloud.shape[1])[None])


def test_what_one_camera_has_seen_is_told_from_what_was_seen_all_round():
    whole = sphere(1, 3000, 8)
    direction = torch.tensor([[[0.3, 0.5, 0.8]]])
    scan = whole[0][depth_behind(whole, direction)[0] < SEEN][:1000]
    assert seen_from_one_side(scan) > 0.8  # its rim, seen at a slant, hides itself in part
    assert seen_from_one_side(100.0 * scan.flip(0).repeat(2, 1) - 7.0) > 0.8  # in any unit and order, points repeated
    cut = whole[0][whole[0, :, 0].abs() < 0.3][:1000]
    assert seen_from_one_side(whole[0, :1000]) < 0.6 and seen_from_one_side(cut) < 0.75
    plate = whole[0, :1000] * torch.tensor([1.0, 0.0, 1.0])
    assert seen_from_one_side(plate) > 0.95


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_few_points_are_seen_by_one_camera(count):
    assert seen_from_one_side(torch.zeros(count, 3)) == 1.0
    assert seen_from_one_side(torch.randn(count, 3, generator=torch.Generator().manual_seed(0))) > 0.7
