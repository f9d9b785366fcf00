"""Streams: one address, one stream; another address, another; nothing global is touched."""

from __future__ import annotations

import itertools

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsra.ops.randomness import stream

ADDRESSES = [
    ("step", 0),
    ("step", 1),
    ("step", 17),
    ("scale", 0),
    ("scale", 1),
    ("order", 1),
    (1, "order"),
    ("weights",),
    ("classifier",),
    ("points", 1, 2),
    ("points", 2, 1),
]


def draw(seed, *address):
    return torch.rand(8, generator=stream(seed, *address))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**62), step=st.integers(0, 2**31), name=st.text(max_size=12))
def test_same_address_same_stream(seed, step, name):
    assert torch.equal(draw(seed, name, step), draw(seed, name, step))
    assert not torch.equal(draw(seed, name, step), draw(seed, name, step + 1))
    assert not torch.equal(draw(seed, name, step), draw(seed + 1, name, step))


def test_different_addresses_and_seeds_differ():
    draws = [draw(seed, *address) for seed in (0, 1) for address in ADDRESSES]
    for first, second in itertools.combinations(draws, 2):
        assert not torch.equal(first, second)


def test_streams_are_what_they_always_were():
    """Frozen values: a change here breaks every resumed run and every published seed."""
    assert stream(0, "step", 17).initial_seed() == 3553777771710142642
    assert stream(3, "weights").initial_seed() == 6588005019075867934
    torch.testing.assert_close(draw(0, "step", 17)[:2], torch.tensor([0.481653, 0.3215581]))


def test_neighboring_steps_are_uncorrelated():
    table = torch.stack([torch.randn(4000, generator=stream(0, "step", step)) for step in range(6)])
    correlation = torch.corrcoef(table) - torch.eye(6)
    assert correlation.abs().max() < 0.08


def test_global_state_is_left_alone():
    before = torch.get_rng_state()
    draw(0, "step", 3)
    assert torch.equal(before, torch.get_rng_state())
