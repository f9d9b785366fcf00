"""Point-MAE, ReCon and PCP-MAE: loss as their papers have it, written out; sizes as published; who learns from what."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from pointsra.data.loaders import Batch
from pointsra.errors import DataError
from pointsra.ops.randomness import stream
from pointsra.settings import load_preset
from pointsra.training.methods import assemble
from tests.networks.written_out import (
    attend,
    below,
    block,
    encoder,
    gelu,
    layer_norm,
    linear,
    mini_point_net,
    mlp,
    positions,
    unsettle,
)

DEPTH, HEADS, DIM = 3, 2, 24
TINY = (
    "patches.points=96",
    "patches.groups=10",
    "patches.size=8",
    f"encoder.dim={DIM}",
    f"encoder.depth={DEPTH}",
    f"encoder.heads={HEADS}",
    "encoder.patch_widths=[8, 12, 16]",
    "decoder.depth=2",
    f"decoder.heads={HEADS}",
)
METHODS = ("point-mae", "recon", "pcp-mae")


def batch(clouds=3, points=96):
    generator = stream(0, "test")
    image = torch.randn(clouds, 12, generator=generator)
    image[1] = float("nan")  # a cloud without its picture
    return Batch(
        points=torch.rand(clouds, points, 3, generator=generator) - 0.5,
        labels=torch.zeros(clouds, dtype=torch.int64),
        image=image,
        text=3.0 * torch.randn(clouds, 10, generator=generator),
    )


def learner(method, *overrides):
    return assemble(load_preset(method, (*TINY, *overrides)), 12, 10).learner


def settled(method):
    """A learner whose weights and running statistics are nowhere plain, in eval mode, and its tensors."""
    made = learner(method)
    unsettle(made.network)
    return made.eval(), made.network.state_dict()


def clouds_of(hidden):
    for index in range(len(hidden.visible.centers)):
        yield (
            hidden.visible.centers[index],
            hidden.visible.neighborhoods[index],
            hidden.masked.centers[index],
            hidden.masked.neighborhoods[index],
        )


def chamfer_written_out(predicted, true):
    """Of patches (M, K, 3): each pair's two means of smallest squared distances, added; mean over pairs."""
    pairs = []
    for one, two in zip(predicted, true, strict=True):
        squared = ((one[:, None] - two[None]) ** 2).sum(-1)
        pairs.append(squared.min(dim=1).values.mean() + squared.min(dim=0).values.mean())
    return torch.stack(pairs)


def filled(decoder, seen, where):
    """The decoder on one cloud: visible tokens (V, C), positions (V + M, C); (M, K, 3)."""
    hidden = len(where) - len(seen)
    tokens = torch.cat([seen, decoder["mask_token"][0].expand(hidden, -1)])
    for number in range(2):
        tokens = block(below(decoder, f"transformer.blocks.{number}."), tokens + where, HEADS)
    return linear(decoder, "points", layer_norm(decoder, "norm", tokens[len(seen) :])).reshape(hidden, -1, 3)


def filled_at_centers(tensors, seen, *centers):
    decoder = below(tensors, "decoder.")
    return filled(decoder, seen, positions(below(decoder, "positions."), torch.cat(centers)))


def recon_encoder(tensors, centers, neighborhoods):
    """ReCon's: the skip carries what the norm gave, queries read patches through layers of their own."""
    patches = mini_point_net(below(tensors, "embedding."), neighborhoods)
    where = positions(below(tensors, "positions."), centers)
    queries, places = tensors["query_tokens"][0], tensors["query_positions"][0]
    for number in range(DEPTH):
        inner = below(tensors, f"transformer.blocks.{number}.")
        patches = layer_norm(inner, "norm1", patches + where)
        queries = layer_norm(inner, "query_norm1", queries + places)
        keys, values = (patches @ inner["query_attn.kv.weight"].T).chunk(2, -1)
        read = attend(queries @ inner["query_attn.q.weight"].T, keys, values, HEADS)
        queries = queries + linear(inner, "query_attn.proj", read)
        mixed = attend(*(patches @ inner["attn.qkv.weight"].T).chunk(3, -1), HEADS)
        patches = patches + linear(inner, "attn.proj", mixed)
        patches, queries = layer_norm(inner, "norm2", patches), layer_norm(inner, "query_norm2", queries)
        patches = patches + mlp(inner, patches)
        widened = gelu(linear(inner, "query_mlp.fc1", queries))
        queries = queries + linear(inner, "query_mlp.fc2", widened)
    return layer_norm(tensors, "norm", queries), layer_norm(tensors, "norm", patches)


def code(centers):
    """PCP-MAE's: for each axis the sines, then the cosines, of ω · coordinate with ω = 10000^(−i / (C/6))."""
    parts = []
    for axis in range(3):
        angles = [centers[:, axis] / 10000.0 ** (number / (DIM / 6)) for number in range(DIM // 6)]
        parts += [torch.stack([angle.sin() for angle in angles], -1), torch.stack([a.cos() for a in angles], -1)]
    return torch.cat(parts, -1)


def pcp_encoder(tensors, where, visible, masked):
    """PCP-MAE's: visible patches mix as ever; hidden ones read them and one another, at one learned place for all."""
    embedding = below(tensors, "embedding.")
    seen, hidden = mini_point_net(embedding, visible), mini_point_net(embedding, masked)
    nowhere = tensors["mask_position_token"][0]
    for number in range(DEPTH):
        inner = below(tensors, f"transformer.blocks.{number}.")
        seen, hidden = seen + where, hidden + nowhere
        q, k, v = (layer_norm(inner, "norm1", seen) @ inner["attn.qkv.weight"].T).chunk(3, -1)
        q_hidden, k_hidden, v_hidden = (layer_norm(inner, "norm1", hidden) @ inner["attn.qkv.weight"].T).chunk(3, -1)
        seen = seen + linear(inner, "attn.proj", attend(q, k, v, HEADS))
        read = attend(q_hidden, torch.cat([k, k_hidden]), torch.cat([v, v_hidden]), HEADS)
        hidden = hidden + linear(inner, "attn.proj", read)
        seen = seen + mlp(inner, layer_norm(inner, "norm2", seen))
        hidden = hidden + mlp(inner, layer_norm(inner, "norm2", hidden))
    return layer_norm(tensors, "norm", seen), layer_norm(tensors, "norm", hidden)


def test_point_mae_computes_what_is_published():
    made, tensors = settled("point-mae")
    errors = []
    for visible, inside, centers, true in clouds_of(made.hide(batch(), stream(0, "step", 0))):
        seen = encoder(below(tensors, "encoder."), visible, inside, DEPTH, HEADS)
        assert seen.shape == (4, DIM) and centers.shape == (6, 3)  # ⌊0.6 · 10⌋ are hidden
        errors.append(chamfer_written_out(filled_at_centers(tensors, seen, visible, centers), true))
    terms = made(batch(), stream(0, "step", 0))
    assert terms["loss"].item() == pytest.approx(torch.cat(errors).mean().item(), rel=1e-5)


def test_recon_computes_what_is_published():
    made, tensors = settled("recon")
    given = batch()
    errors, images, texts = [], [], []
    for index, (visible, inside, centers, true) in enumerate(clouds_of(made.hide(given, stream(0, "step", 0)))):
        queries, seen = recon_encoder(below(tensors, "encoder."), visible, inside)
        errors.append(chamfer_written_out(filled_at_centers(tensors, seen, visible, centers), true))
        if index != 1:
            images.append(linear(tensors, "image_head", queries[1]) - given.image[index])
        texts.append(linear(tensors, "text_head", queries[2]) - given.text[index])
    smooth = [torch.where(d.abs() < 1, 0.5 * d**2, d.abs() - 0.5).mean() for d in map(torch.stack, (images, texts))]
    assert (torch.stack(texts).abs() > 1).any() and (torch.stack(texts).abs() < 1).any()  # both branches count
    terms = made(given, stream(0, "step", 0))
    assert terms["image"].item() == pytest.approx(smooth[0].item(), rel=1e-5)
    assert terms["text"].item() == pytest.approx(smooth[1].item(), rel=1e-5)
    assert terms["loss"].item() == pytest.approx((torch.cat(errors).mean() + sum(smooth)).item(), rel=1e-5)


def test_pcp_mae_computes_what_is_published():
    made, tensors = settled("pcp-mae")
    layers = below(tensors, "encoder.positions.")

    def embed(values):
        return linear(layers, "layers.2", gelu(linear(layers, "layers.0", values)))

    inner = below(tensors, "encoder.") | {"mask_position_token": tensors["mask_position_token"]}
    errors, misplaced = [], []
    for visible, inside, centers, true in clouds_of(made.hide(batch(), stream(0, "step", 0))):
        where = embed(code(visible))
        seen, hidden = pcp_encoder(inner, where, inside, true)
        first = linear(tensors, "center_head.0", hidden)
        guess = linear(tensors, "center_head.3", F.relu(layer_norm(tensors, "center_head.1", first)))
        misplaced.append((guess - code(centers)) ** 2)
        points = filled(below(tensors, "decoder."), seen, torch.cat([where, embed(guess)]))
        errors.append(chamfer_written_out(points, true))
    terms = made(batch(), stream(0, "step", 0))
    assert terms["centers"].item() == pytest.approx(torch.cat(misplaced).mean().item(), rel=1e-5)
    expected = torch.cat(errors).mean() + 0.1 * torch.cat(misplaced).mean()
    assert terms["loss"].item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize(
    ("method", "changes", "whole", "encoder_alone", "rounded"),
    [
        ("point-mae", (), 29.0, 21.83, 0.006),
        ("recon", (), 50.8, 43.1, 0.06),
        ("recon", ("encoder.dim=256", "encoder.heads=4", "decoder.heads=4"), 22.9, 19.4, 0.06),  # its "small"
        ("recon", ("encoder.dim=192", "encoder.heads=3", "decoder.heads=3"), 13.2, 11.1, 0.06),  # its "tiny"
        ("pcp-mae", (), None, 22, 0.1),
    ],
)
def test_sizes_are_the_published_ones(method, changes, whole, encoder_alone, rounded, monkeypatch):
    """Classifiers on these encoders: see test_peer_forms."""
    monkeypatch.setattr("pointsra.networks.initialization.initialize", lambda module, generator: None)
    with torch.device("meta"):
        network = assemble(load_preset(method, changes), 768, 512).learner.network

    def millions(module):
        return sum(parameter.numel() for parameter in module.parameters()) / 1e6

    assert millions(network.encoder) == pytest.approx(encoder_alone, abs=rounded)
    if whole:
        assert millions(network) == pytest.approx(whole, abs=0.06)


def touched(made, term, steps=2):
    """Names of the parameters that one term of the loss gives a gradient other than zero."""
    made.train()
    for parameter in made.network.parameters():
        parameter.grad = None
    for number in range(steps):
        made(batch(), stream(0, "step", number))[term].backward()
    for name, parameter in made.network.named_parameters():
        assert parameter.grad is None or bool(parameter.grad.isfinite().all()), name
    return {
        name
        for name, parameter in made.network.named_parameters()
        if parameter.grad is not None and parameter.grad.any()
    }


def awake(method):
    """A learner without stochastic depth, moved off every initial zero."""
    made = learner(method, "encoder.drop_path=0", "decoder.drop_path=0")
    unsettle(made.network)
    return made


def learning(made):
    return {name for name, parameter in made.network.named_parameters() if parameter.numel()}


@pytest.mark.parametrize("method", METHODS)
def test_every_parameter_learns(method):
    made = awake(method)
    assert touched(made, "loss") == learning(made)


def test_what_recons_queries_learn_does_not_reach_the_patches():
    made = awake("recon")
    every = learning(made)
    queries = {name for name in every if "query" in name}
    heads = {name for name in every if "_head." in name}
    both = {"encoder.norm.weight", "encoder.norm.bias"}
    image = touched(made, "image")
    assert image == queries | both | {name for name in heads if "image" in name}
    assert not made.network.encoder.query_tokens.grad[0, 0].any()  # cls waits for fine-tuning, as published
    assert made.network.encoder.query_tokens.grad[0, 1].any()
    assert not made.network.encoder.query_tokens.grad[0, 2].any()
    assert touched(made, "reconstruction") == every - queries - heads


def test_recons_fine_tuning_is_not_cut():
    made = awake("recon")
    for part in made.network.encoder.transformer.blocks:
        assert part.detached
        part.detached = False
    assert "encoder.embedding.joined.weight" in touched(made, "image")
    from pointsra.networks.point_sra import build_encoder

    assert not any(part.detached for part in build_encoder(made.sizes).transformer.blocks)


def test_filling_does_not_teach_pcp_mae_where_patches_are():
    made = awake("pcp-mae")
    every = learning(made)
    own = {name for name in every if name.startswith(("center_head.", "mask_position_token"))}
    assert own and touched(made, "reconstruction") == every - own
    assert touched(made, "centers") == {name for name in every if not name.startswith("decoder.")}


def test_pcp_maes_decoder_is_not_told_true_centers():
    made, _ = settled("pcp-mae")
    hidden = made.hide(batch(), stream(0, "step", 0))
    before = made.network(hidden.visible, hidden.masked)
    hidden.masked.centers.add_(1.0)
    after = made.network(hidden.visible, hidden.masked)
    assert torch.equal(before.points, after.points) and torch.equal(before.codes, after.codes)
    assert not torch.allclose(before.true_codes, after.true_codes)


def test_recon_asks_for_the_features_it_learns_from():
    with pytest.raises(DataError, match="learns from image features and shapenet55 was prepared without"):
        assemble(load_preset("recon"), 0, 512)
    alone = assemble(load_preset("recon", (*TINY, "losses.image=0", "losses.text=0")), 0, 0).learner
    assert set(alone(batch(), stream(0, "step", 0))) == {"loss", "reconstruction"}
