"""Colors of patches and masks: the nearest center decides."""

import numpy as np
import pytest

from pointsra.visualization.palette import TRUTH, VISIBLE
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


def test_masks_take_the_colors_of_the_seen_and_the_hidden():
    visible = np.arange(20) % 2 == 0
    colors, owner = mask_colors(POINTS, CENTERS, visible), nearest_center(POINTS, CENTERS)
    assert (colors[visible[owner]] == VISIBLE).all()
    assert (colors[~visible[owner]] == TRUTH).all()


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match="at least one"):
        patch_colors(POINTS, np.zeros((0, 3)))
    with pytest.raises(ValueError, match="Points"):
        nearest_center(POINTS[:, :2], CENTERS)
    with pytest.raises(ValueError, match="flag"):
        mask_colors(POINTS, CENTERS, np.ones(3, dtype=bool))
