"""Tokens, attention and features of clouds for pictures: those of the library, in the frame of what is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pointsra.data.places import split_path
from pointsra.data.store import open_split
from pointsra.errors import CheckpointError, InputFileError, SettingsError
from pointsra.evaluation.cloud_tokens import OpenedEncoder, encode_clouds, encode_split, gaze_of, open_encoder
from pointsra.networks.attention_maps import recorded_attention
from pointsra.networks.initialization import build
from pointsra.networks.masked_autoencoder import PatchEncoder
from pointsra.networks.point_m2ae import HierarchicalEncoder, Hierarchy
from pointsra.ops.patches import cut_patches
from pointsra.ops.randomness import stream
from pointsra.ops.sampling import farthest_point_indices, gather_points
from pointsra.ops.transforms import turned_about_vertical
from pointsra.progress import silent
from pointsra.training.masking import visible_frame


@pytest.fixture(scope="module")
def model(tiny_run):
    return open_encoder(tiny_run, torch.device("cpu"))


@pytest.fixture(scope="module")
def split(shapes_root):
    with open_split(split_path(shapes_root, "shapes", "test")) as opened:
        yield opened


def encoded(model, clouds, **options):
    asked = {"framed": [True] * len(clouds), "gaze": None, "seed": 0, "report": silent} | options
    return encode_clouds(model, clouds, **asked)


def test_features_are_mean_plus_maximum_of_the_tokens(model, split):
    rows = np.arange(len(split))
    done = encode_split(model, split, most=1000, seed=0, report=silent)
    np.testing.assert_array_equal(done.rows, rows)
    tokens = np.stack([cloud.tokens for cloud in encoded(model, list(split.points_at(rows)))])
    np.testing.assert_allclose(done.features, tokens.mean(axis=1) + tokens.max(axis=1), atol=1e-5)
    assert done.outlines.shape[0] == len(split)
    assert np.abs(np.linalg.norm(done.outlines, axis=2).max(axis=1) - 1.0).max() < 1e-5


def test_many_clouds_are_thinned_by_the_seed(model, split):
    first, same, other = (encode_split(model, split, most=6, seed=seed, report=silent).rows for seed in (1, 1, 2))
    assert len(first) == 6 and (np.diff(first) > 0).all()
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_tokens_do_not_depend_on_frame_or_company(model, split):
    clouds = split.points_at([0, 1]).astype(np.float64)
    together = encoded(model, list(clouds))
    (alone,) = encoded(model, [clouds[1] * 40.0 + 300.0])
    np.testing.assert_allclose(alone.tokens, together[1].tokens, atol=1e-3)
    np.testing.assert_allclose(alone.points, together[1].points, atol=1e-5)
    nearest = np.linalg.norm(alone.points[:, None] - alone.centers[None], axis=2).min(axis=0)
    assert nearest.max() < 1e-5  # centers are points, in the frame that is shown


def test_raw_clouds_are_encoded_raw_and_shown_in_the_unit_frame(model, split):
    model = replace(model, frame="whole")
    cloud = split.points_at([0])[0].astype(np.float64) * 1.5
    (framed,) = encoded(model, [cloud])
    (raw,) = encoded(model, [cloud], framed=[False])
    assert np.abs(raw.tokens - framed.tokens).max() > 1e-3
    np.testing.assert_allclose(raw.centers, framed.centers, atol=1e-5)


def test_tokens_are_those_of_the_frame_of_pre_training(model, split):
    cloud = split.points_at([0])[0].astype(np.float64)
    assert model.frame == "visible"
    tokens = {frame: encoded(replace(model, frame=frame), [cloud])[0].tokens for frame in ("whole", "visible")}
    assert np.abs(tokens["whole"] - tokens["visible"]).max() > 1e-3
    (straight,) = encoded(replace(model, frame="aligned"), [cloud])
    gaps = []
    for degrees in (46.0, 226.0):  # a cloud lies in an aligned frame one of two ways
        angle = torch.tensor([np.radians(degrees)])
        turned = turned_about_vertical(torch.from_numpy(cloud)[None], angle)[0].numpy()
        (there,) = encoded(replace(model, frame="aligned"), [turned])
        back = turned_about_vertical(torch.from_numpy(there.centers)[None].double(), -angle)[0].numpy()
        np.testing.assert_allclose(back, straight.centers, atol=1e-5)  # what is shown stays as it was given
        gaps.append(np.abs(there.tokens - straight.tokens).max())
    assert min(gaps) < 1e-2


def test_attention_is_a_row_of_the_map(model, split):
    cloud = split.points_at([0])[0].astype(np.float64)
    rows = {
        name: encoded(model, [cloud], gaze=gaze_of(model, name, 1))[0].attention
        for name in ("cls", "text", "3", "mean")
    }
    (plain,) = encoded(model, [cloud])
    assert plain.attention is None
    points = torch.from_numpy(plain.points)[None]
    working = gather_points(points, farthest_point_indices(points, 256))
    patches = cut_patches(working, 16, 16)
    with torch.no_grad(), recorded_attention(model.encoder, 0) as found:
        model.encoder(patches.moved(visible_frame(patches)))
    weights = found[0][0].numpy()
    for name, row in (("cls", 0), ("text", 2), ("3", 6)):
        np.testing.assert_allclose(rows[name], weights[row, 3:], atol=1e-5)
    np.testing.assert_allclose(rows["mean"], weights[3:, 3:].mean(axis=0), atol=1e-5)
    assert all(0 < row.sum() < 1 for row in rows.values())


def test_a_gaze_is_named(model):
    assert gaze_of(model, None, None).words == "attention of the cls token; block 2 of 2, mean over 2 heads"
    assert gaze_of(model, "7", 1).words == "attention of patch 7; block 1 of 2, mean over 2 heads"
    assert gaze_of(model, "7", 1).patch == 7
    for query, block, words in (("nose", None, "cls, image, text, mean"), ("16", None, "0 … 15"), ("cls", 3, "1 … 2")):
        with pytest.raises(SettingsError, match=words):
            gaze_of(model, query, block)


def test_thin_clouds_are_refused(model):
    with pytest.raises(InputFileError, match="15 points, too few"):
        encoded(model, [np.zeros((15, 3))])


@pytest.mark.parametrize("frame", ["whole", "visible", "aligned"])
def test_an_encoder_of_several_scales_has_features_and_no_attention(split, tmp_path, frame):
    hierarchy = Hierarchy((12, 12), (1, 1), (8,), (4,), (0.0, 0.0))
    encoder = build(lambda: HierarchicalEncoder(hierarchy, 2, (4, 8, 12)), stream(0, "weights")).eval()
    model = OpenedEncoder(
        encoder, encoder, {"points": 256, "groups": 16, "size": 16}, frame, tmp_path, torch.device("cpu")
    )
    (done,) = encoded(model, [split.points_at([0])[0].astype(np.float64)])
    assert done.tokens.shape == (8, 12) and done.centers.shape == (8, 3)
    with pytest.raises(CheckpointError, match="one scale"):
        gaze_of(model, None, None)


def test_an_encoder_without_queries_shows_the_mean(split, tmp_path):
    encoder = build(lambda: PatchEncoder(12, 2, 2, (4, 8, 12), queries=0), stream(0, "weights")).eval()
    model = OpenedEncoder(
        encoder, encoder, {"points": 256, "groups": 16, "size": 16}, "whole", tmp_path, torch.device("cpu")
    )
    gaze = gaze_of(model, None, None)
    assert gaze.query == "mean"
    (done,) = encoded(model, [split.points_at([0])[0].astype(np.float64)], gaze=gaze)
    assert done.attention.sum() == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(SettingsError, match="knows mean and"):
        gaze_of(model, "cls", None)
