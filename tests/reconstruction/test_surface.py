"""Surfaces through completions: where they lie, what they are colored, what is said where there can be none."""

from __future__ import annotations

import numpy as np
import pytest

from pointsra.data import open3d_loader
from pointsra.data.files import read_cloud
from pointsra.errors import MissingExtraError
from pointsra.reconstruction.model import load
from pointsra.reconstruction.surface import surface_through
from pointsra.reconstruction.writing import write_surfaces

OFFSET = np.array([4_600_000.0, -70_000.0, 12.0])


def sphere(count=3000):
    points = np.random.default_rng(0).normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.mark.open3d
def test_a_sphere_far_from_the_origin_comes_back_as_a_sphere():
    surface = surface_through(3.0 * sphere() + OFFSET)
    away = np.linalg.norm(surface.vertices - OFFSET, axis=1)
    assert abs(away - 3.0).max() < 0.1
    corners = surface.vertices[surface.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normals * (corners.mean(axis=1) - OFFSET)).sum(axis=1) > 0).mean() > 0.99  # they face outward
    assert 0.5 * np.linalg.norm(normals, axis=1).sum() == pytest.approx(4 * np.pi * 9, rel=0.1)


@pytest.mark.open3d
def test_nothing_is_made_up_where_there_are_no_points():
    points = sphere(4000)
    surface = surface_through(points[points[:, 1] < 0.3])
    assert surface.vertices[:, 1].max() < 0.45  # Poisson's surface alone would close the bowl


@pytest.mark.open3d
@pytest.mark.parametrize("points", [sphere(20), sphere() * [1, 1, 0], np.zeros((500, 3))], ids=["few", "plane", "one"])
def test_there_may_be_none(points):
    assert surface_through(points) is None


@pytest.mark.open3d
@pytest.mark.parametrize("ending", ["ply", "glb", "npz"])
def test_written_in_the_frame_of_the_input(tmp_path, ending):
    points = np.concatenate([sphere(1500), [[60.0, 0, 0]]]) + OFFSET  # the last is stray
    done = load(device="cpu").reconstruct(points, samples=2, ratio=0.5)
    assert done.stray.sum() == 1
    paths, notes = write_surfaces(done, tmp_path, ending)
    assert [path.name for path in paths] == [f"mesh_00.{ending}", f"mesh_01.{ending}"] and not notes
    if ending == "npz":
        with np.load(paths[0]) as table:
            assert table["faces"].max() < len(table["vertices"]) == len(table["colors"])
            vertices = table["vertices"]
    else:
        cloud = read_cloud(paths[0])
        assert cloud.was_mesh and len(np.unique(cloud.colors, axis=0)) > 1
        vertices = cloud.vertices
    assert np.linalg.norm(vertices - OFFSET, axis=1).max() < 2.0


def test_without_open3d_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(open3d_loader.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"surface \(--mesh\) needs the package open3d.*pip install"):
        surface_through(sphere())
