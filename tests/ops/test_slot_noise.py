"""Noise of slots in an order: unit variance, and shared as the tree says."""

from __future__ import annotations

import pytest
import torch

from pointsra.ops.center_state import ranks
from pointsra.ops.slot_noise import cooled, slot_noise, tree_noise


def _drawn(clouds, slots, kind="tree", ranked=True):
    generator = torch.Generator().manual_seed(0)
    rank = ranks(slots, torch.arange(slots)).expand(clouds, -1) if ranked else None
    return slot_noise(kind, clouds, slots, rank, lambda shape: torch.randn(shape, generator=generator))


def test_two_slots_share_what_the_nodes_above_both_hold():
    """Sixteen slots: a half for all, an eighth for each of halves, quarters and eighths that hold both."""
    noise = _drawn(40_000, 16)[..., 1]
    found = noise.T @ noise / len(noise)
    places = torch.arange(16)
    expected = torch.full((16, 16), 0.5)
    for size in (8, 4, 2):
        expected += 0.125 * (places[:, None] // size == places // size)
    expected += 0.125 * torch.eye(16)
    torch.testing.assert_close(found, expected, atol=0.03, rtol=0)


def test_axes_and_clouds_are_independent():
    noise = _drawn(40_000, 5)
    assert (noise[..., 0] * noise[..., 2]).mean().abs() < 0.02
    assert (noise[1:] * noise[:-1]).mean().abs() < 0.02


@pytest.mark.parametrize("slots", [1, 2, 7, 24])
def test_any_number_of_slots_has_unit_variance(slots):
    assert _drawn(20_000, slots).var(dim=(0, 2)).sub(1).abs().max() < 0.05


def test_is_the_sum_over_the_nodes():
    own, common = torch.randn(1, 3, 3), torch.randn(1, 15, 3)
    noise = tree_noise(own, common, torch.tensor([[0.1, 0.6, 0.9]]))
    nodes = [(0, 1, 3, 7), (0, 2, 5, 11), (0, 2, 6, 14)]  # breadth first: root, halves, quarters, eighths
    for slot, path in enumerate(nodes):
        weights = (0.5, 0.125, 0.125, 0.125)
        wanted = 0.125**0.5 * own[0, slot] + sum(w**0.5 * common[0, n] for w, n in zip(weights, path, strict=True))
        torch.testing.assert_close(noise[0, slot], wanted)


def test_places_outside_belong_to_the_ends():
    own, common = torch.zeros(1, 3, 3), torch.randn(1, 15, 3)
    noise = tree_noise(own, common, torch.tensor([[-0.4, 0.01, 1.2]]))
    assert torch.equal(noise[0, 0], noise[0, 1])
    assert torch.equal(noise[0, 2], tree_noise(own[:, :1], common, torch.tensor([[0.99]]))[0, 0])


@pytest.mark.parametrize(("kind", "ranked"), [("white", True), ("tree", False)])
def test_white_noise_and_slots_without_an_order_are_independent(kind, ranked):
    noise = _drawn(40_000, 4, kind, ranked)[..., 0]
    torch.testing.assert_close(noise.T @ noise / len(noise), torch.eye(4), atol=0.03, rtol=0)


def test_cooled_noise_has_less_in_common():
    noise = _drawn(20_000, 8, "white")
    colder = cooled(noise, 0.5)
    common = colder.mean(dim=1, keepdim=True)
    torch.testing.assert_close(common, 0.25 * noise.mean(dim=1, keepdim=True))
    torch.testing.assert_close(colder - common, 0.5 * (noise - noise.mean(dim=1, keepdim=True)))
    torch.testing.assert_close(cooled(noise, 1.0), noise)
    assert not cooled(noise, 0.0).any()
    # Where some slots hold no state, the others' mean is what they have in common.
    active = torch.arange(8).expand(len(noise), -1) >= 3
    torch.testing.assert_close(cooled(noise, 0.5, active)[:, 3:], cooled(noise[:, 3:], 0.5))
