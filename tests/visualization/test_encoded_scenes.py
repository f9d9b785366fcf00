"""Scenes of features and attention: one set of colors for all shapes, a scale that says what it means."""

from pathlib import Path

import numpy as np
import pytest

from pointsra.visualization.encoded_scenes import READER, attention_scene, features_scene, spread_values
from pointsra.visualization.named_clouds import NamedCloud
from pointsra.visualization.palette import sequential
from pointsra.visualization.scenes import draw

RNG = np.random.default_rng(8)
POINTS = [RNG.uniform(-1, 1, (200, 3)) for _ in range(3)]
CENTERS = [points[:10] for points in POINTS]
TOKENS = [RNG.normal(size=(10, 6)) for _ in range(3)]
NAMES = [NamedCloud(points, f"c{k}", "", False, Path()) for k, points in enumerate(POINTS)]


def test_values_are_spread_as_by_the_slow_twin():
    values = RNG.normal(size=(10, 2))
    spread = spread_values(values, CENTERS[0], POINTS[0])
    for point, found in zip(POINTS[0], spread, strict=True):
        away = ((CENTERS[0] - point) ** 2).sum(axis=1)
        near = np.argsort(away)[:3]
        weights = 1 / (away[near] + 1e-8)
        np.testing.assert_allclose(found, weights @ values[near] / weights.sum(), atol=1e-6)
    np.testing.assert_allclose(spread[:10], values, atol=1e-4)


def test_equal_shapes_have_equal_colors_whatever_their_place():
    cells = features_scene("t", NAMES, POINTS, CENTERS, TOKENS).cells
    order = [2, 0, 1]
    mixed = features_scene("t", *([part[k] for k in order] for part in (NAMES, POINTS, CENTERS, TOKENS))).cells
    for place, k in enumerate(order):
        assert mixed[place].title == cells[k].title
        assert np.abs(mixed[place].colors.astype(int) - cells[k].colors).max() <= 1
    twins = features_scene(
        "t",
        NAMES,
        [POINTS[0], POINTS[0], POINTS[2]],
        [CENTERS[0], CENTERS[0], CENTERS[2]],
        [TOKENS[0], TOKENS[0], TOKENS[2]],
    ).cells
    np.testing.assert_array_equal(twins[0].colors, twins[1].colors)
    assert (twins[0].colors != twins[2].colors).any()


def test_a_component_of_their_own_would_color_shapes_differently():
    together = features_scene("t", NAMES, POINTS, CENTERS, TOKENS).cells[0]
    alone = features_scene("t", NAMES[:1], POINTS[:1], CENTERS[:1], TOKENS[:1]).cells[0]
    assert np.abs(together.colors.astype(int) - alone.colors).max() > 20


def test_attention_has_one_scale_for_all():
    shares = [np.full(10, 0.02), np.full(10, 0.04), np.full(10, 0.08)]
    scene = attention_scene("t", NAMES, POINTS, CENTERS, shares, "attention of the cls token")
    assert (scene.scale.low, scene.scale.high) == ("0", "8%")
    for cell, share in zip(scene.cells, (0.25, 0.5, 1.0), strict=True):
        goal = sequential(np.array([share]), 0.0, 1.0).astype(int)
        assert np.abs(cell.colors.astype(int) - goal).max() <= 2
    assert scene.note.startswith("Attention of the cls token; 53% goes to the query tokens. An even share is 10%")
    assert scene.legend is None


def test_outliers_and_the_patch_that_reads_are_named():
    shares = [np.full(10, 0.01)] * 20 + [np.r_[0.9, np.full(9, 0.01)]]
    scene = attention_scene("t", NAMES[:1] * 21, POINTS[:1] * 21, CENTERS[:1] * 21, shares, "words", reader=4)
    assert scene.scale.high == "1% and more"
    assert list(scene.legend) == ["patch 4, which reads"]
    marked = (scene.cells[0].colors == READER).all(axis=1)
    assert marked.sum() == 4 and marked[4]


@pytest.mark.parametrize("kind", ["features", "attention"])
def test_pages_stay_small_and_say_what_colors_mean(kind, tmp_path):
    many = [RNG.uniform(-1, 1, (5000, 3)) for _ in range(24)]
    names, centers = [NamedCloud(p, "c", "", False, Path()) for p in many], [p[:10] for p in many]
    if kind == "features":
        scene = features_scene("t", names, many, centers, [RNG.normal(size=(10, 6)) for _ in many])
        words = ["like features", "of their variance"]
    else:
        scene = attention_scene("t", names, many, centers, [RNG.dirichlet(np.ones(10)) for _ in many], "words", 1)
        words = ["attention to a patch", "patch 1, which reads", "An even share is 10%"]
    page = draw(scene, tmp_path / "x.html").read_text()
    assert len(page.encode()) < 2_000_000
    for sentence in words:
        assert sentence in page
