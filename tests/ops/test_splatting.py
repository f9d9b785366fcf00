"""Splatting: what is near hides what is far, the camera turns the right way, and pictures hold what they should."""

import numpy as np
import pytest

from pointsra.ops.splatting import Camera, camera_axes, project, render_depth, render_shaded, splat_radius

FRONT = Camera(azimuth=0.0, elevation=0.0)


def sphere(count=1024, seed=0):
    points = np.random.default_rng(seed).normal(size=(count, 3))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def depth_by_loops(points, size, camera, radius, extent):
    """The slow twin: every pixel asks every point."""
    frame = project(points, camera)
    scale = size / (2 * extent)
    index = np.full((size, size), -1)
    for row in range(size):
        for column in range(size):
            best = -np.inf
            for number, (x, y, z) in enumerate(frame):
                across = column - np.floor(x * scale + size / 2)
                down = row - np.floor(size / 2 - y * scale)
                if across**2 + down**2 <= (radius * scale + 0.5) ** 2 and z > best:
                    best, index[row, column] = z, number
    return index


def test_axes_are_a_rotation_and_y_is_up():
    axes = camera_axes(Camera(50.0, -30.0))
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(axes) == pytest.approx(1.0, abs=1e-5)
    for azimuth in (0.0, 70.0, 200.0):
        up = project([[0.0, 1.0, 0.0]], Camera(azimuth, 20.0))[0]
        assert up[0] == pytest.approx(0.0, abs=1e-6) and up[1] > 0.9


def test_azimuth_goes_from_z_toward_x_and_elevation_lifts_the_viewer():
    np.testing.assert_allclose(project(np.eye(3), FRONT), np.eye(3), atol=1e-7)
    assert project([[1.0, 0.0, 0.0]], Camera(90.0, 0.0))[0, 2] == pytest.approx(1.0)
    assert project([[0.0, 1.0, 0.0]], Camera(10.0, 60.0))[0, 2] > 0.8


def test_depth_equals_the_slow_twin():
    points = np.random.default_rng(3).uniform(-1.2, 1.2, (60, 3)).astype(np.float32)
    camera = Camera(20.0, 10.0)
    for radius in (0.01, 0.12):
        depth, index = render_depth(points, 24, camera, radius, 1.0)
        np.testing.assert_array_equal(index, depth_by_loops(points, 24, camera, radius, 1.0))
        seen = index >= 0
        np.testing.assert_allclose(depth[seen], -project(points, camera)[index[seen], 2])
        assert np.isnan(depth[~seen]).all()


def test_nearer_point_hides_the_farther_whatever_the_order():
    points = np.array([[0, 0, -0.5], [0, 0, 0.5]], dtype=np.float32)
    for order in ([0, 1], [1, 0]):
        depth, index = render_depth(points[order], 32, FRONT, 0.1)
        assert set(np.unique(index)) == {-1, order.index(1)}
        assert np.nanmax(depth) == pytest.approx(-0.5)


def test_a_sphere_covers_its_disk_and_shows_its_front_half():
    depth, index = render_depth(sphere(4096), 64, FRONT, 0.05, 1.25)
    assert (index >= 0).mean() == pytest.approx(np.pi * 1.05**2 / 2.5**2, rel=0.06)
    rows, columns = np.nonzero(index >= 0)
    assert abs(rows.mean() - 31.5) < 0.7 and abs(columns.mean() - 31.5) < 0.7
    assert (depth[np.isfinite(depth)] < 0.05).mean() > 0.97


def test_up_is_up_and_right_is_right():
    _, index = render_depth([[0.0, 0.8, 0.0], [0.8, 0.0, 0.0]], 40, FRONT, 0.02)
    assert np.argwhere(index == 0)[:, 0].mean() < 10
    assert np.argwhere(index == 1)[:, 1].mean() > 30


@pytest.mark.parametrize(
    "points",
    [np.zeros((0, 3)), np.zeros((1, 3)), np.full((3, 3), np.nan), np.full((2, 3), 1e30), np.full((2, 3), np.inf)],
)
def test_odd_clouds_do_not_crash(points):
    depth, index = render_depth(points, 16)
    picture = render_shaded(points, None, 16)
    assert depth.shape == index.shape == (16, 16) and picture.shape == (16, 16, 3)
    expected = 1 if len(points) == 1 else 0
    assert (index >= 0).any() == bool(expected)
    assert (picture < 255).any() == bool(expected)


def test_points_that_are_not_finite_are_left_out_and_rows_keep_their_numbers():
    points = np.array([[np.nan, 0, 0], [0, 0, 0]], dtype=np.float32)
    assert render_depth(points, 16)[1].max() == 1


def test_points_outside_the_picture_leave_no_mark():
    outside = np.array([[3, 0, 0], [-3, 0, 0], [0, 3, 0], [0, -3, 0], [9, 9, 0]], dtype=np.float32)
    assert (render_depth(outside, 32, FRONT, 0.2)[1] == -1).all()
    assert (render_shaded(outside, None, 32, FRONT, 0.2) == 255).all()


def test_shaded_picture_shows_the_nearer_color():
    points = np.array([[0, 0, -0.5], [0, 0, 0.5]], dtype=np.float32)
    colors = np.array([[220, 30, 30], [30, 30, 220]], dtype=np.uint8)
    picture = render_shaded(points, colors, 60, FRONT, 0.3).astype(int)
    covered = (picture != 255).any(axis=2)
    assert (picture[covered][:, 2] >= picture[covered][:, 0]).all()
    center = render_shaded(points[::-1], colors, 60, FRONT, 0.3)[30, 30]
    assert center[0] > center[2]


def test_shaded_picture_is_lit_from_above_with_soft_edges_on_a_clean_background():
    for background in ((255, 255, 255), (10, 20, 30)):
        picture = render_shaded(np.zeros((1, 3)), (120, 120, 120), 80, FRONT, 0.6, background=background).astype(int)
        assert (picture[0, 0] == background).all()
        assert picture[28, 40].mean() > picture[55, 40].mean() + 15
        flat = np.unique(picture.reshape(-1, 3), axis=0)
        assert len(flat) > 30  # shades and mixed edges, not a flat disk


def test_shaded_covers_a_sphere():
    picture = render_shaded(sphere(2048), None, 100, FRONT, 0.06, extent=1.25)
    share = (picture != 255).any(axis=2).mean()
    assert share == pytest.approx(np.pi * 1.05**2 / 2.5**2, rel=0.04)


def test_splats_grow_as_points_become_fewer():
    radii = [splat_radius(count) for count in (0, 1, 512, 2048, 8192, 10**7)]
    assert radii == sorted(radii, reverse=True) and 0 < radii[-1] < radii[0] < 0.1


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"\(N, 3\)"):
        render_depth(np.zeros((4, 2)))
    with pytest.raises(ValueError, match="Colors"):
        render_shaded(np.zeros((4, 3)), np.zeros((3, 3), dtype=np.uint8))
