"""The networks are as large as the papers say theirs are, in millions of parameters."""

from __future__ import annotations

import pytest

from pointsra.networks.masked_autoencoder import PatchEncoder
from pointsra.networks.mean_flow_transformer import MeanFlowTransformer
from pointsra.networks.point_sra import PointSRA
from pointsra.settings import load_preset
from pointsra.training.assembly import point_sra_sizes
from pointsra.training.classifiers import build_classifier, sizes_from_scratch


def millions(module):
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def test_encoder_is_point_mae_s():
    assert millions(PatchEncoder(384, 12, 6)) == pytest.approx(21.83, rel=0.005)


def test_classifier_is_point_sra_s():
    sizes = point_sra_sizes(load_preset("paper"), image_dim=256, text_dim=256)
    preset = load_preset("scanobjectnn-pb-t50-rs", ["gate.enabled=true"])
    classifier = build_classifier(sizes, 15, preset, {"objective": "meanflow", "order": "morton"})
    assert classifier.frozen_flow is not None
    assert millions(classifier) == pytest.approx(40.1, rel=0.02)


def test_classifier_without_flow_is_point_mae_s():
    preset = load_preset("scanobjectnn-pb-t50-rs")
    classifier = build_classifier(sizes_from_scratch(preset.encoder, preset.patches.size), 15, preset, {})
    assert classifier.frozen_flow is None and classifier.gate is None
    # Point-MAE has 22.09 M; here three queries instead of one token widen the head's input from 2·C to 4·C.
    assert millions(classifier) == pytest.approx(22.09 + 2 * 384 * 256 / 1e6, rel=0.01)


def test_linear_protocol_trains_the_head_alone():
    preset = load_preset("shapes-classification", ['protocol="linear"'])
    classifier = build_classifier(sizes_from_scratch(preset.encoder, 32), 10, preset, {})
    trained = {name for name, parameter in classifier.named_parameters() if parameter.requires_grad}
    assert trained == {"head.1.weight", "head.1.bias"}


def test_switches_take_modules_away():
    changes = ["flow.objective=off", "losses.mean_flow=0", "losses.mft_sra=0", "losses.cross_modal=0"]
    sizes = point_sra_sizes(load_preset("quickstart", changes), image_dim=256, text_dim=256)
    network = PointSRA(sizes)
    assert network.flow is None and network.image_head is None and network.text_head is None
    sizes = point_sra_sizes(load_preset("quickstart"), image_dim=256, text_dim=0)
    network = PointSRA(sizes)
    assert network.flow.image.in_features == 256 and network.flow.text is None
    assert network.image_head.out_features == 256 and network.text_head is None and network.predictor is not None


def test_flow_without_conditions_is_smaller_by_exactly_those():
    full = MeanFlowTransformer(24, 1, 2, context_dim=8, image_dim=5, text_dim=7)
    bare = MeanFlowTransformer(24, 1, 2, context_dim=None)
    extra = sum(
        parameter.numel()
        for name, parameter in full.named_parameters()
        if name.startswith(("image.", "text.", "context.", "context_positions."))
    )
    assert millions(full) - millions(bare) == pytest.approx(extra / 1e6)
