"""Meshes in npz files."""

import numpy as np
import pytest

from pointsra.data.files import read_cloud
from pointsra.data.mesh_writers import write_mesh
from pointsra.errors import InputFileError

VERTICES = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.125]])
FACES = np.array([(0, 1, 2), (0, 2, 3)])
COLORS = np.array([[9, 8, 7]] * 4, dtype=np.uint8)


@pytest.mark.parametrize("suffix", ["npz", "ply", "glb"])
def test_a_mesh_that_is_written_is_read_as_one(tmp_path, suffix):
    write_mesh(tmp_path / f"a.{suffix}", VERTICES, FACES, COLORS)
    cloud = read_cloud(tmp_path / f"a.{suffix}", count=100)
    assert cloud.was_mesh and cloud.points.shape == (100, 3)
    np.testing.assert_array_equal(cloud.vertices, VERTICES)
    np.testing.assert_array_equal(cloud.faces, FACES)
    assert (cloud.colors == [9, 8, 7]).all()


@pytest.mark.parametrize(
    "arrays",
    [
        {"points": VERTICES, "vertices": VERTICES + 1, "faces": FACES},  # the points come first
        {"vertices": VERTICES, "faces": FACES.astype(float)},
        {"vertices": VERTICES, "faces": FACES[:, :2]},
        {"vertices": VERTICES, "faces": FACES[:0]},
    ],
)
def test_other_arrays_called_faces_are_passed_over(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    cloud = read_cloud(tmp_path / "a.npz")
    assert not cloud.was_mesh
    np.testing.assert_array_equal(cloud.points, VERTICES)


@pytest.mark.parametrize("face", [(0, 1, 4), (0, 1, -1)])
def test_faces_beyond_the_vertices_are_refused(tmp_path, face):
    np.savez(tmp_path / "a.npz", vertices=VERTICES, faces=np.array([face]))
    with pytest.raises(InputFileError, match=r"a\.npz: damaged: a face names a vertex that is not there"):
        read_cloud(tmp_path / "a.npz")
