"""The feature for a linear probe against a slow twin, what a turn changes, and its width."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pointsra.ops.patches import Patches, cut_patches
from pointsra.ops.transforms import unit_frame
from pointsra.training.frozen_features import feature_scales, frozen_feature_dim, frozen_features
from pointsra.training.masking import visible_frame
from pointsra.training.weights import load_point_sra


@pytest.fixture(scope="module")
def loaded(tiny_run):
    return load_point_sra(tiny_run, torch.device("cpu"))


def clouds_of(description, count):
    points = torch.randn(count, description.patches["points"], 3, generator=torch.Generator().manual_seed(3))
    points = points * torch.tensor([1.0, 0.6, 0.3])
    return unit_frame(points).to_unit(points)


def quarter(points, turns):
    """Turn (…, 3) about y by exact quarters."""
    for _ in range(turns):
        points = torch.stack([points[..., 2], points[..., 1], -points[..., 0]], dim=-1)
    return points


@pytest.mark.parametrize("frame", ["aligned", "visible", "whole"])
def test_it_is_what_one_writes_down_cloud_by_cloud(loaded, frame):
    network, description = loaded
    masks = description.preset["masks"] | {"frame": frame}
    description = replace(description, preset=description.preset | {"masks": masks})
    clouds = clouds_of(description, 9)  # more than are encoded at once
    groups, size = description.patches["groups"], description.patches["size"]
    expected = []
    for cloud in clouds:
        row = []
        for cut, members in ((groups, size), (groups // 2, 2 * size)):
            sums = 0
            ways = (0, 2) if frame == "aligned" else (0, 1, 2, 3)
            for turns in ways:
                patches = cut_patches(cloud[None], cut, members)
                if frame != "whole":
                    patches = patches.moved(visible_frame(patches, frame == "aligned"))
                patches = Patches(quarter(patches.centers, turns), quarter(patches.neighborhoods, turns))
                with torch.no_grad():
                    tokens = network.encoder(patches).patches[0]
                sums = sums + torch.cat([tokens.mean(dim=0), tokens.max(dim=0).values])
            row.append(sums / len(ways))
        expected.append(torch.cat(row))
    found = frozen_features(network.encoder, description, clouds)
    assert found.shape == (9, frozen_feature_dim(description)) == (9, 4 * description.sizes.dim)
    np.testing.assert_allclose(found.numpy(), torch.stack(expected).numpy(), atol=1e-4)


def test_a_quarter_turn_changes_nothing_and_a_tilt_does(loaded):
    network, description = loaded
    clouds = clouds_of(description, 2)
    plain = frozen_features(network.encoder, description, clouds)
    for turns in (1, 2, 3):
        turned = frozen_features(network.encoder, description, quarter(clouds, turns))
        np.testing.assert_allclose(turned.numpy(), plain.numpy(), atol=1e-4)
    tilted = frozen_features(network.encoder, description, clouds[..., [1, 0, 2]])
    assert float((tilted - plain).abs().max()) > 1e-3


def test_coarse_patches_never_need_more_points_than_there_are(loaded):
    _, description = loaded
    wide = replace(description, patches={"points": 64, "groups": 1, "size": 48})
    assert feature_scales(wide) == ((1, 48), (1, 64))
