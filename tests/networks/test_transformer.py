"""The plain transformer and the autoencoder on it, against an independent write-up and under permutations."""

from __future__ import annotations

import math

import pytest
import torch

from pointsra.networks.masked_autoencoder import QUERIES, PatchDecoder, PatchEncoder
from pointsra.networks.transformer import Transformer, concatenate
from pointsra.ops.patches import Patches

HEADS = 3


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def layer_norm(values, norm):
    centered = values - values.mean(-1, keepdim=True)
    return centered / (centered.square().mean(-1, keepdim=True) + 1e-5).sqrt() * norm.weight + norm.bias


def attention_by_loops(tokens, layer):
    """Softmax attention, cloud by cloud and head by head."""
    width = tokens.shape[-1]
    part = width // HEADS
    queries, keys, values = (tokens @ layer.qkv.weight[i * width : (i + 1) * width].T for i in range(3))
    mixed = torch.zeros_like(tokens)
    for row in range(len(tokens)):
        for head in range(HEADS):
            channels = slice(head * part, (head + 1) * part)
            scores = queries[row, :, channels] @ keys[row, :, channels].T / math.sqrt(part)
            mixed[row, :, channels] = scores.exp() / scores.exp().sum(-1, keepdim=True) @ values[row, :, channels]
    return mixed @ layer.proj.weight.T + layer.proj.bias


def transformer_by_hand(network, tokens, positions):
    for block in network.blocks:
        tokens = tokens + positions  # before every block, not once
        tokens = tokens + attention_by_loops(layer_norm(tokens, block.norm1), block.attn)
        hidden = layer_norm(tokens, block.norm2) @ block.mlp.fc1.weight.T + block.mlp.fc1.bias
        hidden = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
        tokens = tokens + hidden @ block.mlp.fc2.weight.T + block.mlp.fc2.bias
    return tokens


def encoder(perturbed, depth=2):
    return perturbed(PatchEncoder(12, depth, HEADS, (8, 8, 12), drop_path=0.0).double(), 0.2).eval()


def test_equals_the_write_up(perturbed):
    network = perturbed(Transformer(12, 3, HEADS).double(), 0.2)
    tokens, positions = some(2, 5, 12), some(2, 5, 12, seed=1)
    torch.testing.assert_close(network(tokens, positions), transformer_by_hand(network, tokens, positions))


def test_drop_path_grows_linearly():
    assert [block.drop_path.rate for block in Transformer(12, 5, HEADS, 0.2).blocks] == pytest.approx(
        [0.0, 0.05, 0.1, 0.15, 0.2]
    )
    assert [block.drop_path.rate for block in Transformer(12, 1, HEADS, 0.2).blocks] == [0.0]


def test_permuting_patches_permutes_tokens_and_keeps_queries(perturbed, tiny_patches):
    network, patches = encoder(perturbed), tiny_patches(dtype=torch.float64)
    order = torch.tensor([[3, 0, 4, 1, 2], [1, 2, 0, 4, 3]])
    straight, shuffled = network(patches), network(patches.select(order))
    for row in range(2):
        torch.testing.assert_close(shuffled.patches[row], straight.patches[row, order[row]])
    torch.testing.assert_close(shuffled.queries, straight.queries)
    torch.testing.assert_close(shuffled.pooled, straight.pooled)


def test_order_inside_a_patch_changes_nothing(perturbed, tiny_patches):
    network, patches = encoder(perturbed), tiny_patches(dtype=torch.float64)
    mixed = network(Patches(patches.centers, patches.neighborhoods[:, :, torch.tensor([5, 3, 0, 1, 4, 2])]))
    torch.testing.assert_close(mixed.patches, network(patches).patches)


def test_centers_matter_and_clouds_do_not_meet(perturbed, tiny_patches):
    network, patches = encoder(perturbed), tiny_patches(dtype=torch.float64)
    moved = network(Patches(patches.centers + 0.5, patches.neighborhoods))
    assert (moved.patches - network(patches).patches).abs().max() > 1e-3
    alone = network(Patches(patches.centers[:1], patches.neighborhoods[:1]))
    torch.testing.assert_close(alone.patches, network(patches).patches[:1])


def test_queries_by_name_and_pooled(perturbed, tiny_patches):
    encoding = encoder(perturbed)(tiny_patches(dtype=torch.float64))
    assert encoding.queries.shape == (2, len(QUERIES), 12) and encoding.patches.shape == (2, 5, 12)
    for place, name in enumerate(("cls", "image", "text")):
        assert torch.equal(encoding.query(name), encoding.queries[:, place])
    torch.testing.assert_close(encoding.pooled, encoding.patches.sum(dim=1) / 5)


def test_gate_changes_embedded_patches_before_the_blocks(perturbed, tiny_patches):
    network, patches = encoder(perturbed), tiny_patches(dtype=torch.float64)
    seen = []

    def gate(embedded):
        seen.append(embedded)
        return torch.zeros_like(embedded)

    gated = network(patches, gate)
    torch.testing.assert_close(seen[0], network.embedding(patches.neighborhoods))
    other = network(Patches(patches.centers, 5.0 * patches.neighborhoods), torch.zeros_like)
    torch.testing.assert_close(gated.patches, other.patches)
    torch.testing.assert_close(network(patches, lambda embedded: embedded).patches, network(patches).patches)


def test_decoder_fills_each_center_whatever_their_order(perturbed, tiny_patches):
    encoding = encoder(perturbed)(tiny_patches(dtype=torch.float64))
    network = perturbed(PatchDecoder(12, 2, HEADS, size=4).double(), 0.2)
    masked = some(2, 3, 3)
    filled = network(encoding, masked)
    assert filled.shape == (2, 3, 4, 3)
    torch.testing.assert_close(network(encoding, masked.flip(1)), filled.flip(1))
    assert (filled[:, 0] - filled[:, 1]).abs().max() > 1e-4


def test_decoder_with_nothing_hidden_returns_nothing(tiny_patches):
    encoding = PatchEncoder(12, 1, HEADS, (8, 8, 12)).eval()(tiny_patches())
    assert PatchDecoder(12, 1, HEADS, size=4)(encoding, torch.zeros(2, 0, 3)).shape == (2, 0, 4, 3)


def test_concatenate_spreads_what_is_shared():
    shared, own = some(1, 2, 4), some(3, 5, 4, seed=1)
    joined = concatenate(shared, own)
    assert joined.shape == (3, 7, 4)
    assert torch.equal(joined[2, :2], shared[0]) and torch.equal(joined[:, 2:], own)
