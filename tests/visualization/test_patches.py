"""Colors of patches and masks: the nearest center decides."""

import numpy as np
import pytest

from pointsra.visualization.palette import SEEN_BY_BOTH, SEEN_BY_TEACHER, UNSEEN
from pointsra.visualization.patches import mask_colors, nearest_center, patch_colors

RNG = np.random.default_rng(5)
POINTS, CENTERS = RNG.normal(size=(300, 3)), RNG.normal(size=(20, 3))


def test_nearest_center_equals_the_slow_twin():
    twin = [min(range(20), key=lambda g: np.sum((p - CENTERS[g]) ** 2)) for p in POINTS]
    np.testing.assert_array_equal(nearest_center(POINTS, CENTERS), twin)


def test_patches_have_one_color_each():
    colors, owner = patch_colors(POINTS, CENTERS), nearest_center(POINTS, CENTERS)
    assert colors.shape == (300, 3) and colors.dtype == np.uint8
    tables = [np.unique(colors[owner == g], axis=0) for g in np.unique(owner)]
    assert all(len(table) == 1 for table in tables)
    assert len(np.unique(np.concatenate(tables), axis=0)) == len(tables)


def test_masks_tell_student_and_teacher_apart():
    student, owner = np.arange(20) % 4 == 0, nearest_center(POINTS, CENTERS)
    teacher = student | (np.arange(20) % 4 == 1)
    colors = mask_colors(POINTS, CENTERS, student, teacher)
    assert (colors[student[owner]] == SEEN_BY_BOTH).all()
    assert (colors[(teacher & ~student)[owner]] == SEEN_BY_TEACHER).all()
    assert (colors[~teacher[owner]] == UNSEEN).all()
    alone = mask_colors(POINTS, CENTERS, student)
    assert (alone[~student[owner]] == UNSEEN).all() and (alone[student[owner]] == SEEN_BY_BOTH).all()


def test_colors_of_masks_stay_apart_without_red_or_green():
    """By the matrices of Machado, Oliveira and Fernandes (2009) for protanopia and deuteranopia, in linear RGB."""
    blind = (
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    )
    colors = np.array([SEEN_BY_BOTH, SEEN_BY_TEACHER, UNSEEN]) / 255
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    for matrix in blind:
        seen = np.clip(linear @ np.array(matrix).T, 0, 1) ** (1 / 2.2)
        assert min(np.linalg.norm(seen[a] - seen[b]) for a, b in ((0, 1), (0, 2), (1, 2))) > 0.3


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match="at least one"):
        patch_colors(POINTS, np.zeros((0, 3)))
    with pytest.raises(ValueError, match="Points"):
        nearest_center(POINTS[:, :2], CENTERS)
    with pytest.raises(ValueError, match="flag"):
        mask_colors(POINTS, CENTERS, np.ones(3, dtype=bool))
