"""Attention as it is shown: an independent write-up, rows of sum one, and a network that gives what it gave."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from pointsra.networks.attention_maps import attention_weights, recorded_attention
from pointsra.networks.masked_autoencoder import PatchEncoder
from pointsra.ops.patches import Patches

DIM, HEADS, PATCHES = 12, 3, 5


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def encoder(perturbed, **form):
    return perturbed(PatchEncoder(DIM, 2, HEADS, (8, 8, 12), drop_path=0.0, **form), 0.3).eval()


def patches():
    return Patches(some(2, PATCHES, 3), some(2, PATCHES, 7, 3, seed=1))


def by_loops(queries, keys):
    """Mean over heads of softmax attention, one pair of tokens after the other: (Q, C) and (T, C) give (Q, T)."""
    part = DIM // HEADS
    result = torch.zeros(len(queries), len(keys))
    for head in range(HEADS):
        for row, query in enumerate(queries):
            chosen = slice(head * part, (head + 1) * part)
            scores = [math.exp(float(query[chosen] @ key[chosen]) / math.sqrt(part)) for key in keys]
            result[row] += torch.tensor(scores) / sum(scores) / HEADS
    return result


def tokens_of(network, cut, number):
    """What enters block ``number``, by running the encoder up to there."""
    tokens = torch.cat([network.query_tokens.expand(2, -1, -1), network.embedding(cut.neighborhoods)], dim=1)
    positions = torch.cat([network.query_positions.expand(2, -1, -1), network.positions(cut.centers)], dim=1)
    for block in list(network.transformer.blocks)[:number]:
        tokens = block(tokens + positions)
    return tokens + positions


@pytest.mark.parametrize("number", [0, 1])
@torch.no_grad()
def test_equals_the_slow_twin_and_sums_to_one(perturbed, number):
    network, cut = encoder(perturbed), patches()
    with recorded_attention(network, number) as found:
        network(cut)
    (weights,) = found
    assert weights.shape == (2, 3 + PATCHES, 3 + PATCHES)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 3 + PATCHES))
    block = network.transformer.blocks[number]
    for cloud, normed in enumerate(block.norm1(tokens_of(network, cut, number))):
        queries, keys = normed @ block.attn.qkv.weight[:DIM].T, normed @ block.attn.qkv.weight[DIM : 2 * DIM].T
        torch.testing.assert_close(weights[cloud], by_loops(queries, keys), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_query_blocks_read_patches_alone(perturbed):
    network, cut = encoder(perturbed, query_blocks=True), patches()
    with recorded_attention(network, 1) as found:
        network(cut)
    (weights,) = found
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 3 + PATCHES))
    assert (weights[:, :, :3] == 0).all()
    block = network.transformer.blocks[1]
    for cloud, given in enumerate(tokens_of(network, cut, 1)):
        queries, patch = block.query_norm1(given[:3]), block.norm1(given[3:])
        asking, asked = queries @ block.query_attn.q.weight.T, patch @ block.query_attn.kv.weight[:DIM].T
        torch.testing.assert_close(weights[cloud, :3, 3:], by_loops(asking, asked), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_looking_changes_nothing_and_ends(perturbed):
    network, cut = encoder(perturbed), patches()
    before = network(cut)
    with recorded_attention(network, 0) as found:
        during = network(cut)
    network(cut)
    assert len(found) == 1
    assert torch.equal(before.patches, during.patches) and torch.equal(before.queries, during.queries)


def test_unknown_blocks_are_named(perturbed):
    with pytest.raises(IndexError, match=r"0 … 1, not 2"), recorded_attention(encoder(perturbed), 2):
        pass
    with pytest.raises(TypeError, match="Linear"):
        attention_weights(nn.Linear(2, 2), some(1, 2, 2))
