"""Meshes in npz files, and sweeps of KITTI and nuScenes, which share an ending."""

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


def sweep(count, *columns):
    rng = np.random.default_rng(count)
    points = rng.uniform((-50, -50, -3), (50, 50, 3), (count, 3))
    return np.column_stack([points, *(column(rng, count) for column in columns)]).astype("<f4")


def intensity(rng, count):
    return rng.integers(0, 256, count)


def ring(rng, count):
    return np.arange(count) % 32


def reflectance(rng, count):
    return rng.random(count)


@pytest.mark.parametrize("count", [397, 398, 400])
@pytest.mark.parametrize("name", ["a.pcd.bin", "a.bin"])
def test_sweeps_of_nuscenes_are_rows_of_five(tmp_path, count, name):
    rows = sweep(count, intensity, ring)
    rows.tofile(tmp_path / name)
    cloud = read_cloud(tmp_path / name)
    np.testing.assert_array_equal(cloud.points, rows[:, :3].astype(np.float64))
    assert "nuScenes" in cloud.notes[0]


@pytest.mark.parametrize("count", [397, 400, 405])
def test_sweeps_of_kitti_are_rows_of_four(tmp_path, count):
    rows = sweep(count, reflectance)
    rows.tofile(tmp_path / "000000.bin")
    cloud = read_cloud(tmp_path / "000000.bin")
    np.testing.assert_array_equal(cloud.points, rows[:, :3].astype(np.float64))
    assert not cloud.notes


def test_whole_numbers_in_rows_of_four_are_no_rings(tmp_path):
    rows = np.column_stack([np.arange(240).reshape(80, 3) % 200, np.arange(80) % 2]).astype("<f4")
    rows.tofile(tmp_path / "a.bin")
    np.testing.assert_array_equal(read_cloud(tmp_path / "a.bin").points, rows[:, :3].astype(np.float64))


def test_rows_of_five_without_rings_are_refused(tmp_path):
    for name, last in {"same": lambda rng, count: np.zeros(count), "halves": reflectance}.items():
        sweep(397, intensity, last).tofile(tmp_path / f"{name}.bin")
        with pytest.raises(InputFileError, match="rows of four float32"):
            read_cloud(tmp_path / f"{name}.bin")
