"""MaskPoint's network and loss equal what its authors' code computes, written out, and have its published size."""

from __future__ import annotations

import pytest
import torch

from pointsra.networks.classifier import PointClassifier
from pointsra.networks.heads import ClassificationHead, cloud_feature_dim
from pointsra.networks.mask_point import MaskPoint
from pointsra.networks.masked_autoencoder import PatchEncoder
from pointsra.objectives.discrimination import focal_discrimination
from tests.networks.written_out import attend, below, encoder, gelu, layer_norm, linear, mlp, positions, unsettle


def tiny(drop_path=0.0):
    return MaskPoint(
        PatchEncoder(24, 2, 2, (8, 12, 16), drop_path=drop_path, queries=1, embedding_dim=10), heads=2, hidden=7
    )


def logits_written_out(tensors, centers, neighborhoods, queries):
    """(Q, 2) for one cloud."""
    inner = below(tensors, "encoder.")
    memory = encoder(inner, centers, neighborhoods, depth=2, heads=2)
    embed = below(inner, "positions.")
    memory_positions = torch.cat([inner["query_positions"][0], positions(embed, centers)])
    where = positions(embed, queries)
    decoder = below(tensors, "decoder.0.")
    tokens = torch.zeros_like(where)
    asking = layer_norm(decoder, "norm1", tokens) + where
    read = attend(
        linear(decoder, "attn.q", asking),
        linear(decoder, "attn.k", memory + memory_positions),
        linear(decoder, "attn.v", memory),
        heads=2,
    )
    tokens = tokens + linear(decoder, "attn.proj", read)
    tokens = tokens + mlp(decoder, layer_norm(decoder, "norm2", tokens))
    return linear(tensors, "head.2", gelu(linear(tensors, "head.0", tokens)))


def loss_written_out(logits, labels):
    """One binary question at a time."""
    terms = []
    for pair, label in zip(logits.reshape(-1, 2).tolist(), labels.flatten().tolist(), strict=True):
        if label == -1:
            continue
        for index, logit in enumerate(pair):
            chance = 1.0 / (1.0 + torch.tensor(-logit, dtype=torch.float64).exp())
            yes = index == label
            right = chance if yes else 1.0 - chance
            terms.append(-(0.25 if yes else 0.75) * (1.0 - right) ** 2 * right.log())
    return torch.stack(terms).mean()


def test_logits_and_loss_are_the_peers(tiny_patches):
    network, patches = unsettle(tiny()), tiny_patches(clouds=3, groups=4)
    queries = torch.randn(3, 9, 3, generator=torch.Generator().manual_seed(3))
    labels = torch.tensor([[1, 1, 1, 1, 0, 0, -1, 0, -1], [1, 1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 1, -1, 0, 0, -1, 0]])
    logits = network(patches, queries)
    tensors = network.state_dict()
    wanted = torch.stack(
        [
            logits_written_out(tensors, *cloud)
            for cloud in zip(patches.centers, patches.neighborhoods, queries, strict=True)
        ]
    )
    assert torch.allclose(logits, wanted, atol=1e-5)
    loss = focal_discrimination(logits, labels)
    assert loss.item() == pytest.approx(loss_written_out(wanted, labels).item(), rel=1e-5)


def test_every_parameter_learns(perturbed, gradients_arrive, tiny_patches):
    network = perturbed(tiny()).eval()
    network.decoder[0].norm1.weight.requires_grad_(False)  # it scales tokens that start as zeros, in the peer's too
    queries = torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(3))
    gradients_arrive(network, [10.0 * network(tiny_patches(), queries)])


def test_queries_do_not_see_one_another(tiny_patches):
    network, patches = unsettle(tiny()), tiny_patches(clouds=1)
    queries = torch.randn(1, 4, 3, generator=torch.Generator().manual_seed(3))
    alone = torch.cat([network(patches, query) for query in queries.split(1, dim=1)], dim=1)
    assert torch.allclose(alone, network(patches, queries), atol=1e-5)


def test_sizes_are_the_published_ones():
    with torch.device("meta"):
        inner = PatchEncoder(384, 12, 6, queries=1, embedding_dim=256)
        network = MaskPoint(inner)
        classifier = PointClassifier(inner, ClassificationHead(cloud_feature_dim(384, 1), 40))
    count = sum(parameter.numel() for parameter in inner.parameters())
    # The published 22.1 M has the peer's head of ModelNet40, 768 → 256 → 40; the family's usual head has a layer more.
    peers_head = 768 * 256 + 256 + 256 * 40 + 40
    assert (count + peers_head) / 1e6 == pytest.approx(22.1, abs=0.05)
    assert sum(parameter.numel() for parameter in classifier.parameters()) / 1e6 == pytest.approx(22.13, abs=0.005)
    block = 2 * 2 * 384 + 4 * 384 * 384 + 384 + 8 * 384 * 384 + 5 * 384
    head = 384 * 64 + 64 + 64 * 2 + 2
    assert sum(parameter.numel() for parameter in network.parameters()) == count + block + head
