"""Every trainable parameter of every network learns from what the network says.

The networks are in eval mode: behind a batch norm that normalizes with the batch's own mean, the gradient of a
bias is zero by construction.
"""

from __future__ import annotations

import torch

from pointsra.networks.classifier import PointClassifier
from pointsra.networks.flow_gate import FlowGate, FrozenFlow
from pointsra.networks.heads import ClassificationHead, LinearHead
from pointsra.networks.masked_autoencoder import PatchDecoder, PatchEncoder
from pointsra.networks.mean_flow_transformer import FlowCondition, FlowContext, MeanFlowTransformer
from pointsra.networks.patch_embedding import PatchEmbedding
from pointsra.networks.point_sra import PointSRA, PointSRASizes
from pointsra.networks.transformer import PositionEmbedding, Transformer
from pointsra.objectives.regression import Regression

SIZES = PointSRASizes(
    dim=16,
    depth=2,
    heads=2,
    patch_widths=(8, 12, 16),
    decoder_depth=1,
    decoder_heads=2,
    patch_size=6,
    flow_dim=12,
    flow_depth=2,
    flow_heads=2,
    image_dim=5,
    text_dim=7,
    predictor=True,
    transport_projection=True,
)


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def flow_inputs(width):
    """State, times, ranks, context and condition of 3 clouds; some rows see each learned null."""
    context = FlowContext(some(3, 2, width), some(3, 2, 3, seed=1), torch.tensor([True, False, True]))
    condition = FlowCondition(
        some(3, 5), some(3, 7, seed=2), torch.tensor([True, False, False]), torch.tensor([False, False, True])
    )
    times = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.9, 0.2, 0.6])
    return some(3, 5, 3, seed=3), *times, torch.rand(3, 5), context, condition


def test_patch_embedding(perturbed, gradients_arrive):
    network = perturbed(PatchEmbedding(16, (8, 12, 16))).eval()
    gradients_arrive(network, [network(some(2, 4, 6, 3))])


def test_transformer_and_positions(perturbed, gradients_arrive):
    network = perturbed(Transformer(16, 2, 2))
    gradients_arrive(network, [network(some(2, 4, 16), some(2, 4, 16, seed=1))])
    positions = perturbed(PositionEmbedding(16))
    gradients_arrive(positions, [positions(some(2, 4, 3))])


def test_encoder(perturbed, gradients_arrive, tiny_patches):
    network = perturbed(PatchEncoder(16, 2, 2, (8, 12, 16), drop_path=0.0)).eval()
    encoding = network(tiny_patches())
    gradients_arrive(network, [encoding.queries, encoding.patches])


def test_encoder_while_training(perturbed, tiny_patches):
    network = perturbed(PatchEncoder(16, 2, 2, (8, 12, 16), drop_path=0.3)).train()
    encoding = network(tiny_patches(clouds=6))
    (encoding.pooled.square().sum() + encoding.queries.sum()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), name


def test_decoder(perturbed, gradients_arrive, tiny_patches):
    encoder = PatchEncoder(16, 1, 2, (8, 12, 16)).eval().requires_grad_(False)
    network = perturbed(PatchDecoder(16, 2, 2, size=4))
    gradients_arrive(network, [network(encoder(tiny_patches()), some(2, 3, 3))])


def test_flow_in_velocity_and_hidden_tokens(perturbed, gradients_arrive):
    network = perturbed(MeanFlowTransformer(12, 2, 2, context_dim=16, image_dim=5, text_dim=7))
    output = network(*flow_inputs(16))
    gradients_arrive(network, [output.velocity])


def test_flow_asked_by_a_regression(perturbed, gradients_arrive):
    # Zeros in place of noise: the cosines and the bias of the state's embedding still learn, and all the rest does.
    network = perturbed(MeanFlowTransformer(12, 2, 2, context_dim=16, image_dim=5, text_dim=7))
    state, _, _, rank, context, condition = flow_inputs(16)
    objective = Regression()
    path = objective.sample_path(state, some(3, 5, 3, seed=4), torch.Generator())
    gradients_arrive(network, [network(path.state, path.r, path.t, rank, context, condition).velocity])


def test_flow_without_any_condition(perturbed, gradients_arrive):
    network = perturbed(MeanFlowTransformer(12, 2, 2, context_dim=None))
    assert not any("context" in name for name, _ in network.named_parameters())
    state, r, t, rank, _, _ = flow_inputs(16)
    gradients_arrive(network, [network(state, r, t, rank).velocity])


def test_gate(perturbed, gradients_arrive):
    network = perturbed(FlowGate(16, 9))
    gradients_arrive(network, [network(some(2, 4, 16), some(2, 4, 9, seed=1))])


def test_gate_can_leave_its_start():
    network = FlowGate(16, 9)
    network(some(2, 4, 16), some(2, 4, 9, seed=1)).square().sum().backward()
    assert network.alpha.grad.abs() > 1e-6 and network.beta.grad.abs() > 1e-6


def test_heads(perturbed, gradients_arrive):
    for head in (ClassificationHead(16, 4, hidden=8), LinearHead(16, 4)):
        network = perturbed(head).eval()
        gradients_arrive(network, [network(some(5, 16))])


def test_classifier_with_gate(perturbed, gradients_arrive, tiny_patches):
    flow = FrozenFlow(MeanFlowTransformer(12, 2, 2, context_dim=None))
    network = perturbed(
        PointClassifier(
            PatchEncoder(16, 2, 2, (8, 12, 16), drop_path=0.0), ClassificationHead(64, 4, hidden=8), frozen_flow=flow
        )
    ).eval()
    gradients_arrive(network, [network(tiny_patches(), torch.zeros(2), torch.full((2,), 0.5))])
    assert all(not parameter.requires_grad for parameter in network.frozen_flow.parameters())


def test_classifier_with_frozen_encoder(perturbed, gradients_arrive, tiny_patches):
    encoder = PatchEncoder(16, 2, 2, (8, 12, 16))
    network = perturbed(PointClassifier(encoder, LinearHead(64, 4), frozen_encoder=True)).train()
    assert not network.encoder.training and network.head.training
    running = {name: value.clone() for name, value in network.encoder.named_buffers()}
    gradients_arrive(network, [network(tiny_patches(), torch.zeros(2), torch.zeros(2))])
    for name, value in network.encoder.named_buffers():
        assert torch.equal(value, running[name]), name


def test_whole_network(perturbed, gradients_arrive, tiny_patches):
    network = perturbed(PointSRA(SIZES)).eval()
    patches = tiny_patches(clouds=3)
    shown = torch.tensor([[0, 1]] * 3)
    encoding = network.encoder(patches.select(shown))
    state, r, t, rank, context, condition = flow_inputs(16)
    seen = FlowContext(encoding.patches, context.centers, context.keep)
    outputs = [
        network.decoder(encoding, patches.centers[:, 2:]),
        network.image_head(encoding.query("image")),
        network.text_head(encoding.query("text")),
        network.predicted_pooled(encoding),
        network.flow(state, r, t, rank, seen, condition).velocity,
        network.transport(state),
    ]
    gradients_arrive(network, outputs)


def test_detached_context_keeps_the_flow_from_the_encoder(perturbed, tiny_patches):
    network = perturbed(PointSRA(SIZES)).eval()
    encoding = network.encoder(tiny_patches(clouds=3, groups=2))
    state, r, t, rank, context, condition = flow_inputs(16)
    seen = FlowContext(encoding.patches, context.centers, context.keep)
    network.flow(state, r, t, rank, seen.detached(), condition).velocity.sum().backward()
    assert all(parameter.grad is None for parameter in network.encoder.parameters())
    network.flow(state, r, t, rank, seen, condition).velocity.square().sum().backward()
    assert network.encoder.embedding.joined.weight.grad.abs().max() > 0


def test_no_displacement_transports_nothing(perturbed):
    network = perturbed(PointSRA(SIZES))
    assert network.transport(torch.zeros(2, 3)).abs().max() == 0
