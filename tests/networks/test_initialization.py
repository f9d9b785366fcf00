"""Initial weights: drawn from one generator, of the right size, leaving torch's own generator alone."""

from __future__ import annotations

import torch

from pointsra.networks.classifier import PointClassifier
from pointsra.networks.flow_gate import FrozenFlow
from pointsra.networks.heads import ClassificationHead
from pointsra.networks.initialization import build, initialize
from pointsra.networks.masked_autoencoder import PatchEncoder
from pointsra.networks.mean_flow_transformer import MeanFlowTransformer
from pointsra.networks.point_sra import PointSRA, PointSRASizes

SIZES = PointSRASizes(16, 2, 2, (8, 12, 16), 1, 2, 6, 12, 2, 2, 5, 7, predictor=True, transport_projection=True)


def network():
    return PointSRA(SIZES)


def classifier():
    flow = FrozenFlow(MeanFlowTransformer(12, 1, 2, context_dim=None))
    return PointClassifier(PatchEncoder(16, 1, 2, (8, 8, 8)), ClassificationHead(64, 4, hidden=8), flow)


def built(constructor, seed=0):
    return build(constructor, torch.Generator().manual_seed(seed)).state_dict()


def test_same_generator_same_weights_whatever_the_global_state():
    for constructor in (network, classifier):
        first = built(constructor)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1234)
            second = built(constructor)
        assert first.keys() == second.keys()
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_another_generator_gives_other_weights():
    first, second = built(network), built(network, seed=1)
    assert not torch.equal(first["encoder.query_tokens"], second["encoder.query_tokens"])
    assert not torch.equal(first["flow.blocks.0.qkv.weight"], second["flow.blocks.0.qkv.weight"])


def test_global_state_is_left_alone():
    before = torch.get_rng_state()
    built(network)
    assert torch.equal(before, torch.get_rng_state())


def test_every_parameter_is_drawn_anew():
    """Whatever stood there before; the gate's α and β are the exception, which start at 0 by construction."""
    for constructor in (network, classifier):
        module = constructor()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.fill_(float("nan"))
        initialize(module, torch.Generator().manual_seed(0))
        stale = {name for name, parameter in module.named_parameters() if not bool(parameter.isfinite().all())}
        assert stale <= {"gate.alpha", "gate.beta"}


def test_values_are_the_family_s():
    module = build(lambda: PatchEncoder(96, 2, 4, (32, 64, 128)), torch.Generator().manual_seed(0))
    block = module.transformer.blocks[0]
    for weight in (block.attn.qkv.weight, block.mlp.fc1.weight, module.query_tokens, module.query_positions):
        assert 0.017 < weight.std().item() < 0.023
        assert abs(weight.mean().item()) < 0.005
    assert block.mlp.fc1.bias.abs().max() == 0
    assert bool((block.norm1.weight == 1).all()) and bool((module.norm.bias == 0).all())
    joined = module.embedding.joined.weight  # uniform within 1/√inputs, as a convolution starts
    assert joined.abs().max() <= 128**-0.5 and joined.abs().max() > 0.95 * 128**-0.5


def test_zero_layers_are_zero_and_nothing_else_is():
    module = build(network, torch.Generator().manual_seed(0))
    for name, parameter in module.named_parameters():
        if name.endswith("bias"):
            continue
        silent = name.endswith(("modulation.weight", "velocity.weight"))
        assert bool((parameter == 0).all()) == silent, name
