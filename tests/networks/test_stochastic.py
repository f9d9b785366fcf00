"""Dropout and stochastic depth: driven by their generator, right on average, silent in evaluation."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pointsra.networks.stochastic import Dropout, DropPath, draw_ahead, use_generator
from pointsra.networks.transformer import Transformer

LAYERS = [Dropout, DropPath]


def drawn(layer, values, seed):
    use_generator(layer, torch.Generator().manual_seed(seed))
    return layer(values)


@pytest.mark.parametrize("kind", LAYERS)
def test_same_generator_same_draw(kind):
    layer, values = kind(0.4).train(), torch.ones(20, 5, 3)
    assert torch.equal(drawn(layer, values, 0), drawn(layer, values, 0))
    assert not torch.equal(drawn(layer, values, 0), drawn(layer, values, 1))


@pytest.mark.parametrize("kind", LAYERS)
def test_global_state_is_neither_used_nor_moved(kind):
    layer, values = kind(0.4).train(), torch.ones(20, 5)
    before = torch.get_rng_state()
    first = drawn(layer, values, 0)
    assert torch.equal(before, torch.get_rng_state())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        assert torch.equal(drawn(layer, values, 0), first)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_mean_is_kept_and_the_rate_is_right(kind, rate):
    result = drawn(kind(rate).train(), torch.ones(20_000, 1), 3)
    assert result.mean().item() == pytest.approx(1.0, abs=0.06)
    assert (result == 0).float().mean().item() == pytest.approx(rate, abs=0.02)
    torch.testing.assert_close(result.unique(), torch.tensor([0.0, 1 / (1 - rate)]))


def test_drop_path_drops_whole_clouds_and_dropout_single_values():
    values = torch.ones(200, 4, 6)
    paths = drawn(DropPath(0.5).train(), values, 0).flatten(1)
    assert bool((paths == paths[:, :1]).all()) and len(paths[:, 0].unique()) == 2
    single = drawn(Dropout(0.5).train(), values, 0).flatten(1)
    assert not bool((single == single[:, :1]).all(dim=1).any())


@pytest.mark.parametrize("kind", LAYERS)
def test_evaluation_and_rate_zero_are_the_identity(kind):
    values = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
    assert kind(0.9).eval()(values) is values
    assert kind(0.0).train()(values) is values


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2.0])
def test_impossible_rates_are_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        Dropout(rate)


def test_every_layer_inside_a_module_is_reached():
    network = nn.ModuleList([Transformer(8, 3, 2, 0.3), nn.Sequential(Dropout(0.1))])
    generator = torch.Generator()
    use_generator(network, generator)
    layers = [layer for layer in network.modules() if isinstance(layer, Dropout | DropPath)]
    assert len(layers) == 4 and all(layer.generator is generator for layer in layers)


def test_what_is_drawn_ahead_is_what_the_pass_would_have_drawn():
    network = Transformer(8, 3, 2, 0.5).train()
    tokens = torch.rand(6, 5, 8, generator=torch.Generator().manual_seed(0))
    use_generator(network, torch.Generator().manual_seed(1))
    expected = network(tokens, tokens)
    use_generator(network, torch.Generator().manual_seed(1))
    draw_ahead(network, 6, tokens)
    use_generator(network, None)
    state = torch.get_rng_state()
    assert torch.equal(network(tokens, tokens), expected)
    assert torch.equal(torch.get_rng_state(), state)
    draw_ahead(network.eval(), 6, tokens)
    assert not any(layer.ahead for layer in network.modules() if isinstance(layer, DropPath))
