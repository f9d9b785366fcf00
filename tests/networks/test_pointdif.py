"""PointDif's network and loss equal what its authors' code computes, written out, and have its published sizes."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from pointsra.networks.classifier import PointClassifier
from pointsra.networks.heads import ClassificationHead, cloud_feature_dim
from pointsra.networks.masked_autoencoder import PatchEncoder
from pointsra.networks.point_dif import ConditionAggregation, PointDenoiser, PointDif
from pointsra.objectives.noise_prediction import NoisePrediction
from tests.networks.written_out import below, encoder, linear, unsettle


def millions(module):
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def tiny():
    return unsettle(PointDif(PatchEncoder(24, 2, 2, (8, 12, 16), drop_path=0.0, queries=0), condition_dim=20))


def soft_pool(values):
    """(T, C) → (C,)."""
    exponentials = values.exp()
    return (values * exponentials).sum(0) / exponentials.sum(0)


def condition_written_out(tensors, centers, neighborhoods, shown, groups):
    """Encoded tokens at their slots, the mask token at the others, and the aggregation, for one cloud."""
    tokens = tensors["mask_token"][0].expand(groups, -1).clone()
    tokens[shown] = encoder(below(tensors, "encoder."), centers[shown], neighborhoods[shown], depth=2, heads=2)
    lifted = F.relu(linear(tensors, "aggregation.tokens.0", tokens))
    lifted = F.relu(linear(tensors, "aggregation.tokens.2", lifted))
    joined = torch.cat([lifted, soft_pool(lifted).expand_as(lifted)], -1)
    joined = F.relu(linear(tensors, "aggregation.joined.0", joined))
    return soft_pool(F.relu(linear(tensors, "aggregation.joined.2", joined)))


def denoised_written_out(tensors, noised, beta, condition):
    known = torch.cat([torch.tensor([beta, math.sin(beta), math.cos(beta)]), condition])
    features = noised
    for number in range(6):
        layer = below(tensors, f"denoiser.layers.{number}.")
        gate = torch.sigmoid(linear(layer, "gate", known))
        features = linear(layer, "points", features) * gate + layer["shift.weight"] @ known
        if number < 5:
            features = torch.where(features > 0, features, 0.01 * features)
    return noised + features


def test_condition_and_loss_are_the_peers(tiny_patches):
    network, patches = tiny(), tiny_patches(clouds=3, groups=6)
    order = torch.stack([torch.randperm(6, generator=torch.Generator().manual_seed(seed)) for seed in range(3)])
    shown = order[:, :2]
    points = torch.randn(3, 11, 3, generator=torch.Generator().manual_seed(5))
    objective = NoisePrediction()
    levels = objective.draw_levels(3, torch.Generator().manual_seed(6))
    condition = network.condition(patches.select(shown), hidden=4)
    loss = objective.loss(
        lambda noised, beta: network.denoiser(noised, beta, condition),
        points,
        levels,
        torch.Generator().manual_seed(7),
    )

    tensors = network.state_dict()
    betas = [0.0] + [1e-4 + (0.02 - 1e-4) * number / 1999 for number in range(2000)]
    signal = [1.0]
    for beta in betas[1:]:
        signal.append(signal[-1] * (1.0 - beta))
    generator, total = torch.Generator().manual_seed(7), 0.0
    for interval in levels.tolist():
        noise = torch.randn(3, 11, 3, generator=generator)
        for cloud, level in enumerate(interval):
            wanted = condition_written_out(
                tensors, patches.centers[cloud], patches.neighborhoods[cloud], shown[cloud], groups=6
            )
            assert torch.allclose(condition[cloud], wanted, atol=1e-4)  # what is near 0 is the rest of numbers near 40
            noised = signal[level] ** 0.5 * points[cloud] + (1.0 - signal[level]) ** 0.5 * noise[cloud]
            predicted = denoised_written_out(tensors, noised, betas[level], wanted)
            total += (predicted - noise[cloud]).square().mean() / (3 * 4)
    assert loss.item() == pytest.approx(total.item(), rel=1e-5)


def test_every_parameter_learns(perturbed, gradients_arrive, tiny_patches):
    network = perturbed(PointDif(PatchEncoder(24, 2, 2, (8, 12, 16), drop_path=0.0, queries=0), 20)).eval()
    for name in ("query_tokens", "query_positions"):
        getattr(network.encoder, name).requires_grad_(False)  # there are none
    condition = network.condition(tiny_patches(), hidden=3)
    noised = torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(1))
    gradients_arrive(network, [10.0 * network.denoiser(noised, torch.tensor([0.001, 0.02]), condition)])


def test_a_point_is_denoised_without_the_others():
    network = tiny()
    noised = torch.randn(1, 5, 3, generator=torch.Generator().manual_seed(0))
    condition, beta = torch.randn(1, 20, generator=torch.Generator().manual_seed(1)), torch.tensor([0.01])
    alone = torch.cat([network.denoiser(point, beta, condition) for point in noised.split(1, dim=1)], dim=1)
    assert torch.allclose(alone, network.denoiser(noised, beta, condition), atol=1e-5)


def test_sizes_are_the_published_ones():
    with torch.device("meta"):
        encoder_alone = PatchEncoder(384, 12, 6, queries=0)
        classifier = PointClassifier(
            PatchEncoder(384, 12, 6, queries=1), ClassificationHead(cloud_feature_dim(384, 1), 15)
        )
        network = PointDif(encoder_alone)
    assert millions(encoder_alone) == pytest.approx(21.83, abs=0.005)
    assert millions(classifier) == pytest.approx(22.09, abs=0.005)
    # What pre-training adds, layer by layer from the description of the peer's network.
    aggregation = 384 * 512 + 512 + 512 * 512 + 512 + 1024 * 512 + 512 + 512 * 768 + 768
    widths = (3, 128, 256, 512, 256, 128, 3)
    denoiser = sum(
        inputs * outputs + outputs + 771 * outputs + outputs + 771 * outputs for inputs, outputs in pairwise(widths)
    )
    assert sum(p.numel() for p in ConditionAggregation().parameters()) == aggregation
    assert sum(p.numel() for p in PointDenoiser().parameters()) == denoiser
    added = sum(p.numel() for p in network.parameters()) - sum(p.numel() for p in encoder_alone.parameters())
    assert added == aggregation + denoiser + 384
