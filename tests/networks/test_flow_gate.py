"""The frozen flow answers in the order it is asked and never changes; the gate starts as the identity."""

from __future__ import annotations

import pytest
import torch

from pointsra.networks.classifier import PointClassifier
from pointsra.networks.flow_gate import FlowGate, FrozenFlow
from pointsra.networks.heads import ClassificationHead, LinearHead, cloud_feature, cloud_feature_dim
from pointsra.networks.masked_autoencoder import PatchEncoder
from pointsra.networks.mean_flow_transformer import MeanFlowTransformer, rms_norm
from pointsra.objectives.ddpm import Ddpm
from pointsra.ops.center_state import ranks
from pointsra.ops.ordering import morton_order
from pointsra.ops.sampling import gather_points
from pointsra.ops.transforms import unit_frame

R, TIME = torch.tensor([0.1, 0.4]), torch.tensor([0.7, 0.5])


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def unit(centers):
    return unit_frame(centers).to_unit(centers)


@pytest.fixture(params=[True, False], ids=["ordered", "unordered"])
def frozen(request, perturbed):
    flow = FrozenFlow(perturbed(MeanFlowTransformer(12, 2, 2, context_dim=None), 0.3), ordered=request.param)
    flow.center_scale.fill_(0.4)
    return flow


def test_features_come_in_the_order_of_the_centers(frozen):
    centers = some(2, 7, 3)
    order = torch.tensor([[3, 0, 6, 1, 2, 5, 4], [6, 5, 4, 3, 2, 1, 0]])
    features = frozen(centers, R, TIME)
    assert features.shape == (2, 7, frozen.feature_dim)
    torch.testing.assert_close(
        frozen(gather_points(centers, order), R, TIME), gather_points(features, order), atol=1e-5, rtol=1e-5
    )
    assert (features[:, 0] - features[:, 1]).abs().max() > 1e-3


def test_features_are_what_the_flow_says_of_the_sorted_centers(frozen):
    centers = some(2, 7, 3)
    centers = unit(centers)
    order = morton_order(centers) if frozen.ordered else torch.arange(7).expand(2, -1)
    places = ranks(7, torch.arange(7)).expand(2, -1) if frozen.ordered else None
    state = gather_points(centers, order) / 0.4
    output = frozen.flow(state, R, TIME, places)
    features = gather_points(frozen(centers, R, TIME), order)
    torch.testing.assert_close(features[..., :3], output.velocity)
    torch.testing.assert_close(features[..., 3:], rms_norm(output.hidden))


def test_noise_is_mixed_in_by_time(frozen):
    centers, noise = some(2, 7, 3), some(2, 7, 3, seed=1)
    centers = unit(centers)
    zero = torch.zeros(2)
    torch.testing.assert_close(frozen(centers, zero, zero, noise), frozen(centers, zero, zero))
    halfway = frozen(centers, zero, torch.full((2,), 0.5), noise)
    assert (halfway - frozen(centers, zero, torch.full((2,), 0.5))).abs().max() > 1e-3
    if not frozen.ordered:
        state = 0.5 * centers / 0.4 + 0.5 * noise
        expected = frozen.flow(state, zero, torch.full((2,), 0.5)).velocity
        torch.testing.assert_close(halfway[..., :3], expected)


def test_noise_is_mixed_in_on_the_path_of_the_flow(perturbed):
    flow = FrozenFlow(perturbed(MeanFlowTransformer(12, 1, 2, context_dim=None), 0.3), ordered=False, path=Ddpm().at)
    centers, noise, time = unit(some(2, 7, 3)), some(2, 7, 3, seed=1), torch.tensor([0.25, 0.5])
    signal = Ddpm().signal[[500, 1000]].float()[:, None, None]
    expected = flow.flow(signal.sqrt() * centers + (1 - signal).sqrt() * noise, time, time).velocity
    torch.testing.assert_close(flow(centers, time, time, noise)[..., :3], expected)


def test_frame_of_the_centers_does_not_matter(frozen):
    centers = some(2, 7, 3)
    torch.testing.assert_close(frozen(centers * 40 + 7, R, TIME), frozen(centers, R, TIME), atol=1e-4, rtol=1e-4)


def test_never_trains(frozen):
    frozen.train()
    assert not any(module.training for module in frozen.modules())
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    centers = some(2, 7, 3).requires_grad_()
    assert not frozen(centers, R, TIME).requires_grad
    assert "center_scale" in frozen.state_dict()


def test_gate_at_the_start_is_the_identity():
    gate = FlowGate(16, 15)
    patches = some(2, 5, 16)
    assert torch.equal(gate(patches, some(2, 5, 15, seed=1)), patches)


def test_gate_is_its_formula(perturbed):
    gate = perturbed(FlowGate(16, 15), 0.3)
    patches, features = some(2, 5, 16), some(2, 5, 15, seed=1)
    condition = features @ gate.projection.weight.T + gate.projection.bias
    weight = 1 / (1 + torch.exp(-gate.gate(condition)))
    torch.testing.assert_close(gate(patches, features), patches * (1 + gate.alpha * weight) + gate.beta * condition)


def classifier(with_flow=True):
    flow = FrozenFlow(MeanFlowTransformer(12, 1, 2, context_dim=None)) if with_flow else None
    head = ClassificationHead(cloud_feature_dim(16), 4, hidden=8)
    return PointClassifier(PatchEncoder(16, 1, 2, (8, 8, 8)), head, flow)


def test_classifier_starts_as_the_plain_encoder(tiny_patches):
    network, patches = classifier().eval(), tiny_patches()
    plain = cloud_feature(network.encoder(patches))
    assert plain.shape == (2, cloud_feature_dim(16))
    torch.testing.assert_close(network.features(patches, R, TIME), plain)
    torch.testing.assert_close(network(patches, R, TIME), network.head(plain))


def test_classifier_hears_the_flow_once_the_gate_is_open(perturbed, tiny_patches):
    network, patches = perturbed(classifier(), 0.2).eval(), tiny_patches()
    other = network.features(patches, R, TIME - 0.3)
    assert (other - network.features(patches, R, TIME)).abs().max() > 1e-4
    assert torch.equal(network(patches, R, TIME), network(patches, R, TIME))
    deaf = perturbed(classifier(with_flow=False), 0.2).eval()
    assert torch.equal(deaf(patches, R, TIME), deaf(patches, R, TIME - 0.3))


def test_classifier_in_training_keeps_the_flow_in_eval_mode():
    network = classifier().train()
    assert network.encoder.training and network.head.training
    assert not any(module.training for module in network.frozen_flow.modules())


def test_cloud_feature_is_queries_then_the_maximum(tiny_patches):
    encoding = PatchEncoder(16, 1, 2, (8, 8, 8)).eval()(tiny_patches())
    feature = cloud_feature(encoding)
    for place, name in enumerate(("cls", "image", "text")):
        torch.testing.assert_close(feature[:, 16 * place : 16 * (place + 1)], encoding.query(name))
    torch.testing.assert_close(feature[:, 48:], encoding.patches.max(dim=1).values)


def test_heads():
    values = some(6, 16)
    assert ClassificationHead(16, 4).eval()(values).shape == (6, 4)
    linear = LinearHead(16, 4).eval()
    assert [name for name, _ in linear.named_parameters()] == ["1.weight", "1.bias"]
    torch.testing.assert_close(linear(values), linear[1](values / (1 + 1e-5) ** 0.5))
