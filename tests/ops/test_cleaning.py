"""Stray points and uneven density: found where they are made, and nothing found in clean, even clouds."""

import numpy as np
import pytest

from pointsra.data.shapes import generate, sample_surface
from pointsra.ops.cleaning import evened_rows, stray_points
from pointsra.reconstruction.model import load


def cube(count, seed=0):
    """Points on the surface of a cube of side 2, and the number of each one's face."""
    rng = np.random.default_rng(seed)
    points, axis = rng.uniform(-1.0, 1.0, (count, 3)), rng.integers(0, 3, count)
    sign = rng.integers(0, 2, count)
    points[np.arange(count), axis] = 2.0 * sign - 1.0
    return points, 2 * axis + sign


def crowded(count=4000):
    """A cube with nine tenths of its points on one face."""
    points, face = cube(60 * count, 1)
    first, others = np.flatnonzero(face == 3)[: count * 9 // 10], np.flatnonzero(face != 3)[: count // 10]
    rows = np.random.default_rng(2).permutation(np.concatenate([first, others]))
    return points[rows], face[rows]


@pytest.mark.parametrize("name", ["chair", "sofa", "mug", "car"])
def test_clean_shapes_have_nothing_to_clean(name):
    points = sample_surface(generate(0, 5, name), 1500, np.random.default_rng(0))[0]
    assert not stray_points(points.astype(np.float64)).any()
    assert evened_rows(points.astype(np.float32), 512, 0) is None


@pytest.mark.parametrize("unit", [1.0, 1000.0, 1e-6])
def test_stray_points_are_found_in_any_unit_and_order(unit):
    points = cube(2000)[0]
    far = np.array([[30.0, 0, 0], [0, -4.0, 0], [3.0, 3, 3], [3.1, 3, 3], [0, 0, 1e6]])
    together = (np.concatenate([far, points]) + 50.0) * unit
    expected = np.arange(2005) < 5
    np.testing.assert_array_equal(stray_points(together), expected)
    np.testing.assert_array_equal(stray_points(together[::-1]), expected[::-1])


def test_a_second_object_or_much_noise_or_few_points_are_no_stray_points():
    points = cube(2000)[0]
    assert not stray_points(np.concatenate([points, points[:100] + 9.0])).any()  # 5 % in one place
    noise = np.random.default_rng(3).uniform(-20.0, 20.0, (400, 3))
    assert not stray_points(np.concatenate([points, noise])).any()
    middles = np.random.default_rng(4).uniform(-1.0, 1.0, (40, 1, 3)) * 40.0
    crumbs = middles + 0.02 * np.random.default_rng(5).normal(size=(40, 12, 3))
    assert stray_points(np.concatenate([points, crumbs[:10].reshape(-1, 3)])).sum() > 60
    assert not stray_points(np.concatenate([points, crumbs.reshape(-1, 3)])).any()  # a fifth of the points
    assert not stray_points(np.concatenate([points[:90], [[30.0, 0, 0]]])).any()
    for same in (np.zeros((500, 3)), np.repeat(points[:1], 300, axis=0)):
        assert not stray_points(same).any()


def test_many_points_are_judged_like_few(monkeypatch):
    points = np.concatenate([cube(30_000)[0], [[9.0, 9, 9]]])
    whole = stray_points(points)
    monkeypatch.setattr("pointsra.ops.cleaning._WORKING_POINTS", 500)
    monkeypatch.setattr("pointsra.ops.cleaning._CHUNK", 1000)
    np.testing.assert_array_equal(stray_points(points), whole)
    assert whole.sum() == 1


def test_the_choice_from_a_crowded_cloud_is_nearly_even():
    points, face = crowded()
    assert not stray_points(points).any()  # the thin sides are not far from anything
    rows = evened_rows(points.astype(np.float32), 400, 0)
    assert len(set(rows.tolist())) == 400
    of_faces = np.bincount(face[rows], minlength=6) / 400
    assert of_faces[3] < 0.4  # 0.9 of the points
    assert of_faces[[0, 1, 2, 4, 5]].min() > 0.07
    np.testing.assert_array_equal(evened_rows(points.astype(np.float32), 400, 0), rows)
    assert not np.array_equal(evened_rows(points.astype(np.float32), 400, 1), rows)
    assert evened_rows(cube(4000)[0].astype(np.float32), 400, 0) is None
    assert evened_rows(np.zeros((500, 3), np.float32), 100, 0) is None


def test_stray_points_stay_in_the_result_and_change_nothing_else(tiny_run):
    model, points = load(tiny_run, "cpu"), cube(800)[0]
    far = np.array([[40.0, 3, 0], [-7.0, -60, 5], [0, 0, 900]])
    for options in ({"hide": "none"}, {"hide": "block"}):
        clean = model.reconstruct(points, samples=2, **options)
        soiled = model.reconstruct(np.concatenate([points, far]), samples=2, **options)
        np.testing.assert_array_equal(soiled.generated_raw, clean.generated_raw)
        np.testing.assert_array_equal(soiled.visible_raw, np.concatenate([clean.visible_raw, far]))
        assert soiled.stray.sum() == 3 and soiled.summary()["points_stray"] == 3
        assert "3 of 803 points lie far" in " ".join(soiled.notes)
        assert not clean.notes and soiled.chamfer_l2 == clean.chamfer_l2


def test_a_crowded_scan_is_thinned_for_the_network_only_and_said(tiny_run):
    points, _ = crowded(1000)
    done = load(tiny_run, "cpu").reconstruct(points, samples=1, hide="none")
    np.testing.assert_array_equal(done.visible_raw, points)
    assert "crowded" in done.notes[0]


def test_whether_all_cells_touch_is_told_as_by_labels():
    from scipy import ndimage

    from pointsra.ops.cleaning import _one_group

    rng = np.random.default_rng(0)
    found = set()
    for share in (0.02, 0.1, 0.2, 0.4):
        for _ in range(10):
            full = rng.random((5, 7, 6)) < share
            full[tuple(rng.integers(0, 5, 3))] = True
            expected = ndimage.label(full, structure=np.ones((3, 3, 3)))[1] == 1
            assert _one_group(full) == expected
            found.add(bool(expected))
    assert found == {True, False}
    assert not _one_group(np.ones((33, 33, 33), dtype=bool))  # not tried
