"""What a camera sees, against closed forms: a sphere and a cube; and what --hide view makes of it."""

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from pointsra.errors import InputFileError, SettingsError
from pointsra.ops.randomness import stream
from pointsra.reconstruction import ReconstructRequest, reconstruct
from pointsra.reconstruction.hiding import visible_points
from pointsra.reconstruction.model import load
from pointsra.reconstruction.reconstruct import complete_points
from pointsra.reconstruction.visibility import depths_behind
from tests.ops.test_cleaning import cube

DIRECTION = np.array([0.6, 0.48, 0.64])


def sphere(count, seed=0):
    points = np.random.default_rng(seed).normal(size=(count, 3))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def agreement(seen, truth):
    """Of what should be seen, the share that is; of what is seen, the share that should be."""
    both = (seen & truth).sum()
    return both / truth.sum(), both / seen.sum()


@pytest.mark.parametrize("count", [1000, 8000])
def test_sphere_and_cube_are_seen_as_in_closed_form(count):
    ball = sphere(count)
    facing = ((3 * DIRECTION - ball) * ball).sum(axis=1) > 0
    found, right = agreement(depths_behind(ball, ball, DIRECTION)[0] == 0, facing)
    assert found > 0.9 and right > 0.8
    points, face = cube(count)
    block, normal = (points / np.sqrt(3.0)).astype(np.float32), np.zeros((count, 3))
    normal[np.arange(count), face // 2] = 2.0 * (face % 2) - 1.0
    facing = ((3 * DIRECTION - block) * normal).sum(axis=1) > 0
    found, right = agreement(depths_behind(block, block, DIRECTION)[0] == 0, facing)
    assert found > 0.95 and right > 0.85


def test_a_wall_hides_what_stands_behind_it_and_depths_are_distances():
    rng = np.random.default_rng(0)
    wall, behind = rng.uniform(-0.6, 0.6, (3000, 3)), rng.uniform(-0.3, 0.3, (500, 3))
    wall[:, 2], behind[:, 2] = 0.4, -0.4
    points = np.concatenate([wall, behind]).astype(np.float32)
    hidden, depths = depths_behind(points, points, np.array([0.0, 0.0, 1.0]))
    assert (hidden[:3000] == 0).all()
    assert (np.abs(hidden[3000:] - 0.8) < 0.1).mean() > 0.97  # a wall of random points has gaps
    np.testing.assert_allclose(depths, 3.0 - points[:, 2], rtol=1e-6)


def test_view_hides_what_is_not_seen_or_the_share_that_is_asked_for():
    ball = sphere(3000)
    plain = visible_points(ball, "view", 32, None, 4)
    assert 0.25 < plain.mean() < 0.42  # (1 - 1/3) / 2 of a sphere are seen from three radii
    middle = ball[plain].mean(axis=0)
    assert (ball[plain] @ (middle / np.linalg.norm(middle))).min() > 0.1  # one cap, towards the camera
    for ratio in (0.3, 0.66, 0.9):
        asked = visible_points(ball, "view", 32, ratio, 4)
        assert (~asked).sum() == round(ratio * 3000)
        assert (asked <= plain).all() if asked.sum() < plain.sum() else (plain <= asked).mean() > 0.99
    assert visible_points(ball[:1], "view", 32, 0.9, 0).all()


def test_a_mesh_hides_by_its_surface(tmp_path, tiny_run):
    trimesh.creation.box(extents=(1.0, 1.0, 0.01)).export(tmp_path / "plate.ply")
    done = reconstruct(ReconstructRequest(tmp_path / "plate.ply", samples=1, weights=tiny_run, hide="view", seed=3))
    sides = np.sign(done.visible_raw[:, 2])
    assert max((sides > 0).mean(), (sides < 0).mean()) > 0.8  # 4096 points alone see through so thin a plate
    assert 0.4 < done.summary()["hidden_share"] < 0.65
    assert "are not seen" in done.notes[0]


def test_a_flat_cloud_hides_nothing_and_ratio_needs_a_whole(tiny_run):
    model = load(tiny_run, "cpu")
    flat = np.random.default_rng(0).uniform(-1.0, 1.0, (500, 3)) * [1, 0, 1]
    with pytest.raises(InputFileError, match="can be hidden"):
        model.reconstruct(flat, samples=1, hide="view", seed=1)
    done = model.reconstruct(flat, samples=1, hide="view", ratio=0.4, seed=1)
    assert len(done.hidden_raw) == 200
    with pytest.raises(SettingsError, match="--missing"):
        model.reconstruct(flat, samples=1, hide="none", ratio=0.4)


def test_stray_parts_of_a_mesh_hide_nothing(tiny_run):
    network = load(tiny_run, "cpu")
    ball, dense = sphere(3000).astype(np.float64), sphere(20_000, seed=1).astype(np.float64)
    request = ReconstructRequest(Path("ball"), samples=1, weights=tiny_run, hide="view", seed=0)
    direction = torch.randn(3, generator=stream(0, "hide")).double().numpy()
    far = 4.0 * direction / np.linalg.norm(direction)  # behind the camera
    patch = far + np.random.default_rng(2).uniform(-0.25, 0.25, (200, 3))
    plain = complete_points(request, ball, network.network, network.description, dense)
    whole = complete_points(
        request, np.vstack([ball, patch[:20]]), network.network, network.description, np.vstack([dense, patch])
    )
    assert whole.stray.sum() == 20
    assert (whole.visible[:3000] == plain.visible).mean() > 0.99


@pytest.mark.parametrize("kind", ["block", "random"])
def test_of_coinciding_points_some_are_always_visible(kind):
    for seed in range(4):
        assert visible_points(np.zeros((50, 3), dtype=np.float32), kind, 32, 0.75, seed).any()
