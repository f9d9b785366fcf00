"""The built-in encoders and the views they look at."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pointsra.data import conditions, views
from pointsra.data.conditions import encode_captions, encode_views
from pointsra.data.shapes import generate, sample_surface
from pointsra.data.views import render_views, to_unit_frame

SOURCES = str(Path(conditions.__file__).parents[2])


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_captions_sharing_words_are_close():
    chair, other_chair, plane = encode_captions(
        ["a wooden chair with four legs", "a tall wooden chair", "an airplane with swept wings"]
    )
    assert cosine(chair, other_chair) > cosine(chair, plane) + 0.3
    singular, plural, apart = encode_captions(["armchair", "armchairs", "guitar"])
    assert cosine(singular, plural) > 0.5 > cosine(singular, apart)


def test_captions_shape_scale_and_case():
    features = encode_captions(["A Chair", "a chair", "", "été !!"])
    assert features.shape == (4, conditions.FEATURE_SIZE)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features[0], features[1])
    assert not features[2].any()
    assert 0.8 < features[0].std() < 1.2
    assert encode_captions([]).shape == (0, 256)


def test_encoders_know_no_hash_seed():
    code = (
        "import numpy as np; from pointsra.data.conditions import *;"
        "v = np.arange(2*4*48*48).reshape(2,4,48,48).astype(np.uint8);"
        "print(encode_captions(['a chair', 'b'])[:, :5].tolist(), encode_views(v)[:, :5].tolist(), builtin_checksum())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": SOURCES, "PYTHONHASHSEED": seed},
            capture_output=True,
        )
        for seed in ("1", "2")
    ]
    assert runs[0].returncode == 0, runs[0].stderr
    assert runs[0].stdout == runs[1].stdout


def test_checksum_follows_the_constants(monkeypatch):
    before = conditions.builtin_checksum()
    assert len(before) == 64
    monkeypatch.setattr(conditions, "_WORD_WEIGHT", 3.0)
    assert conditions.builtin_checksum() != before


def clouds(name, count):
    made = []
    for index in range(count):
        shape = generate(index, 3, name)
        made.append(sample_surface(shape, 1024, np.random.default_rng(index))[0])
    return np.stack(made)


@pytest.fixture(scope="module")
def features():
    classes = {name: clouds(name, 6) for name in ("airplane", "bottle", "chair")}
    return {name: encode_views(np.stack([render_views(each) for each in made])) for name, made in classes.items()}


def test_views_tell_classes_apart(features):
    rows = np.concatenate(list(features.values()))
    owner = np.repeat(np.arange(3), 6)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    near = unit @ unit.T
    np.fill_diagonal(near, -1)
    assert (owner[near.argmax(axis=1)] == owner).mean() > 0.9
    same = (owner[:, None] == owner[None]) & (near > -1)
    assert near[same].mean() > near[owner[:, None] != owner[None]].mean() + 0.1


def test_two_samples_of_one_shape_are_closest(features):
    shape = generate(0, 3, "chair")
    again = encode_views(render_views(sample_surface(shape, 1024, np.random.default_rng(99))[0])[None])[0]
    others = [cosine(again, row) for row in features["airplane"]]
    assert cosine(again, features["chair"][0]) > max(others)


def test_features_do_not_depend_on_the_batch():
    pictures = np.random.default_rng(0).integers(0, 255, (70, 4, 48, 48)).astype(np.uint8)
    alone = np.concatenate([encode_views(pictures[row : row + 1]) for row in range(70)])
    np.testing.assert_array_equal(encode_views(pictures), alone)


def test_empty_views_give_finite_features():
    assert np.isfinite(encode_views(np.zeros((1, 4, 48, 48), np.uint8))).all()
    assert encode_views(np.zeros((0, 4, 48, 48), np.uint8)).shape == (0, 256)
    with pytest.raises(ValueError, match="multiple of 6"):
        encode_views(np.zeros((1, 4, 47, 47), np.uint8))


def test_views_ignore_the_frame_given():
    cloud = clouds("chair", 1)[0]
    drawn = render_views(cloud)
    assert drawn.shape == (views.VIEW_COUNT, views.VIEW_SIZE, views.VIEW_SIZE)
    assert drawn.dtype == np.uint8
    moved = render_views(cloud.astype(np.float64) * 37.0 + np.array([5e5, 12.0, -3.0]))
    assert (moved != drawn).mean() < 0.01
    assert 0.05 < (drawn > 0).mean() < 0.9
    assert len({drawn[i].tobytes() for i in range(4)}) == 4


def test_unit_frame():
    cloud = to_unit_frame(np.random.default_rng(0).normal(3.0, 5.0, (50, 3)))
    np.testing.assert_allclose(cloud.mean(axis=0), 0, atol=1e-6)
    assert np.linalg.norm(cloud, axis=1).max() == pytest.approx(1.0, abs=1e-6)
    assert not to_unit_frame(np.ones((4, 3))).any()


def test_known_numbers():
    """Stored features are compared by version: whoever changes these numbers must raise BUILTIN_VERSION."""
    assert conditions.BUILTIN_VERSION == "1"
    np.testing.assert_allclose(encode_captions(["a chair"])[0, :4], [0.6746, 1.4282, -0.0338, 0.0338], atol=2e-4)
