"""The forms of the encoder that published weights need: sizes as published, and every parameter learns."""

from __future__ import annotations

import pytest
import torch

from pointsra.networks.classifier import PointClassifier
from pointsra.networks.heads import ClassificationHead, cloud_feature_dim
from pointsra.networks.masked_autoencoder import PatchEncoder
from pointsra.networks.transformer import SinePositionEmbedding


def millions(module):
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


@pytest.mark.parametrize(("dim", "heads", "published"), [(384, 6, 43.1), (256, 4, 19.4), (192, 3, 11.1)])
def test_recon_has_its_published_size(dim, heads, published):
    with torch.device("meta"):
        encoder = PatchEncoder(dim, 12, heads, query_blocks=True)
    assert millions(encoder) == pytest.approx(published, abs=0.06)


@pytest.mark.parametrize(
    ("form", "published"),
    [
        ({"queries": 1}, 22.09),  # Point-MAE
        ({"queries": 1, "sine_positions": True}, 22.34),  # PCP-MAE
        ({"query_blocks": True}, 43.57),  # ReCon
    ],
)
def test_classifiers_have_their_published_size(form, published):
    with torch.device("meta"):
        encoder = PatchEncoder(384, 12, 6, **form)
        head = ClassificationHead(cloud_feature_dim(384, form.get("queries", 3)), 15)
        network = PointClassifier(encoder, head)
    assert millions(network) == pytest.approx(published, abs=0.006)


@pytest.mark.parametrize("form", [{"queries": 0}, {"queries": 1}, {"query_blocks": True}, {"sine_positions": True}])
def test_every_parameter_gets_a_gradient(form, perturbed, tiny_patches, gradients_arrive):
    encoder = perturbed(PatchEncoder(24, 2, 2, (8, 12, 16), drop_path=0.0, **form)).eval()
    for parameter in encoder.parameters():
        parameter.requires_grad_(parameter.numel() > 0)  # no queries, no gradient
    encoding = encoder(tiny_patches())
    assert encoding.queries.shape == (2, form.get("queries", 3), 24)
    gradients_arrive(encoder, [encoding.queries, encoding.patches])


def test_recons_patches_do_not_see_the_queries(perturbed, tiny_patches):
    encoder = perturbed(PatchEncoder(24, 2, 2, (8, 12, 16), query_blocks=True)).eval()
    before = encoder(tiny_patches())
    with torch.no_grad():
        encoder.query_tokens.add_(1.0 * torch.arange(24))
    after = encoder(tiny_patches())
    assert torch.equal(before.patches, after.patches)
    assert not torch.allclose(before.queries, after.queries)


def test_sine_positions_need_six_parts():
    with pytest.raises(ValueError, match="divisible by 6, not 32"):
        SinePositionEmbedding(32)
