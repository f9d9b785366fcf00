"""The energy score: by hand, over active slots alone, and least for the distribution that the truth comes from."""

from __future__ import annotations

import pytest
import torch

from pointsra.objectives.energy import (
    CLOUD_DISTANCES,
    cloud_distance,
    cloud_energy_score,
    energy_score,
    sliced_distance,
)


def _spread(rows, deviation, generator):
    """Samples (4, B, 2, 3) about 1 along x."""
    samples = deviation * torch.randn(4, rows, 2, 3, generator=generator)
    samples[..., 0] += 1.0
    return samples


def test_it_is_the_mean_distance_less_half_the_spread():
    # Three samples at 0, 3 and 6 along x in the one slot that counts, the truth at 0.
    samples = torch.zeros(3, 1, 2, 3)
    samples[:, 0, 0, 0] = torch.tensor([0.0, 3.0, 6.0])
    samples[:, 0, 1] = torch.tensor([[5.0], [70.0], [-3.0]])
    found = energy_score(samples, torch.zeros(1, 1, 2, 3), torch.tensor([[True, False]]))
    assert found.item() == pytest.approx((3 - 0.5 * 4) / 3**0.5, abs=1e-3)


def test_of_several_truths_the_mean_counts():
    generator = torch.Generator().manual_seed(1)
    samples, truths = _spread(5, 1.0, generator), _spread(5, 1.0, generator)[:3]
    active = torch.ones(5, 2, dtype=torch.bool)
    each = torch.stack([energy_score(samples, truth[None], active) for truth in truths])
    torch.testing.assert_close(energy_score(samples, truths, active), each.mean(dim=0))


@pytest.mark.parametrize("deviation", [0.0, 0.4, 2.0])
def test_samples_of_the_true_distribution_score_best(deviation):
    generator = torch.Generator().manual_seed(0)
    truth = _spread(20_000, 1.0, generator)[:1]
    active = torch.ones(20_000, 2, dtype=torch.bool)
    right, wrong = (energy_score(_spread(20_000, each, generator), truth, active).mean() for each in (1.0, deviation))
    assert right < wrong - 0.02
    moved = energy_score(_spread(20_000, 1.0, generator) + 0.5, truth, active).mean()
    assert right < moved - 0.02


def test_equal_samples_have_a_gradient():
    samples = torch.zeros(2, 1, 1, 3, requires_grad=True)
    energy_score(samples, torch.ones(1, 1, 1, 3), torch.ones(1, 1, dtype=torch.bool)).sum().backward()
    assert bool(samples.grad.isfinite().all()) and bool((samples.grad < 0).all())


def test_one_sample_has_no_spread():
    with pytest.raises(ValueError, match="two samples"):
        energy_score(torch.zeros(1, 1, 1, 3), torch.zeros(1, 1, 1, 3), torch.ones(1, 1, dtype=torch.bool))


def test_the_distance_of_clouds_is_chamfer_in_both_ways_whatever_the_order():
    # Two points each, 9 apart along y; one cloud is 2 along x from the other, and one of its points 3 more.
    first = torch.tensor([[0.0, 0.0, 0.0], [0.0, 9.0, 0.0]])
    second = torch.tensor([[2.0, 9.0, 0.0], [5.0, 0.0, 0.0]])
    expected = (2 + 5) / 2 + 0.5 * ((4 + 25) / 2 * 2) ** 0.5
    assert cloud_distance(first, second).item() == pytest.approx(expected, abs=1e-4)
    stacked = torch.stack([first, second])
    table = cloud_distance(stacked[:, None], stacked[None])
    torch.testing.assert_close(table, torch.tensor([[0.0, expected], [expected, 0.0]]), atol=2e-4, rtol=0)


def test_the_sliced_distance_is_of_mass_moved_whatever_the_order():
    generator = torch.Generator().manual_seed(4)
    cloud = torch.randn(2, 64, 3, generator=generator)
    move = torch.tensor([0.3, -0.2, 0.6])  # 0.7 long
    moved = cloud[:, torch.randperm(64, generator=generator)] + move
    torch.testing.assert_close(sliced_distance(cloud, moved), torch.full((2,), 0.7), atol=0.02, rtol=0)
    crowded = torch.cat([cloud[:, :8].repeat_interleave(5, dim=1), cloud[:, 8:32]], dim=1)
    assert bool((sliced_distance(cloud, crowded) > 0.1).all())
    table = sliced_distance(cloud[:, None], torch.cat([cloud, moved])[None])
    assert table.shape == (2, 4) and bool((table.diagonal() < 1e-3).all())


def test_the_sliced_score_is_least_for_the_truth():
    """A bar that lies here or there: samples that crowd on one end, lie in the middle or too far apart score worse."""
    generator = torch.Generator().manual_seed(5)
    ends = torch.tensor([-1.0, 1.0]).repeat_interleave(20)

    def drawn(count, along, apart):
        side = apart * (2.0 * (torch.rand(count, 300, 1, generator=generator) < 0.5) - 1.0)
        cloud = torch.stack(torch.broadcast_tensors(along, side, torch.zeros(1)), dim=-1)
        return cloud + 0.1 * torch.randn(cloud.shape, generator=generator)

    truth = drawn(1, ends, 0.5)
    best = cloud_energy_score(drawn(4, ends, 0.5), truth, "sliced").mean()
    crowded = 2.0 * (torch.rand(4, 300, 1, generator=generator) < 0.5) - 1.0
    for along, apart in ((crowded.expand(-1, -1, 40), 0.5), (ends, 0.0), (ends, 1.5)):
        assert cloud_energy_score(drawn(4, along, apart), truth, "sliced").mean() > best + 0.05


def test_the_score_of_clouds_is_by_that_distance():
    generator = torch.Generator().manual_seed(3)
    samples, truths = torch.randn(3, 2, 9, 3, generator=generator), torch.randn(2, 2, 9, 3, generator=generator)
    near = torch.stack([cloud_distance(x, y) for x in samples for y in truths]).mean(dim=0)
    far = torch.stack([cloud_distance(samples[i], samples[j]) for i, j in ((0, 1), (0, 2), (1, 2))]).mean(dim=0)
    torch.testing.assert_close(cloud_energy_score(samples, truths), near - 0.5 * far)
    apart = cloud_energy_score(samples, truths, "sliced")
    torch.testing.assert_close(cloud_energy_score(samples, truths, "both"), near - 0.5 * far + apart)
    with pytest.raises(ValueError, match="none of chamfer, sliced, both"):
        cloud_energy_score(samples, truths, "cosine")


@pytest.mark.parametrize("distance", CLOUD_DISTANCES)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_clouds_that_have_the_true_options_by_their_shares_score_best(share, distance):
    """A ring or its axis, each in a quarter and in three quarters of the cases: leaving one out costs."""
    generator = torch.Generator().manual_seed(2)
    turn = torch.linspace(0, 6.2, 24)
    ring = torch.stack([turn.cos(), 0 * turn, turn.sin()], dim=-1)
    axis = torch.stack([0 * turn, turn / 6, 0 * turn], dim=-1)

    def drawn(count, rings):
        chosen = (torch.rand(count, 400, 1, 1, generator=generator) < rings).expand(-1, -1, 24, 3)
        return torch.where(chosen, ring, axis) + 0.05 * torch.randn(count, 400, 24, 3, generator=generator)

    truth = drawn(1, 0.25)
    best, other = (cloud_energy_score(drawn(4, rings), truth, distance).mean() for rings in (0.25, share))
    assert best < other - 0.01


@pytest.mark.parametrize("distance", CLOUD_DISTANCES)
def test_equal_clouds_have_a_gradient(distance):
    samples = torch.zeros(2, 1, 5, 3, requires_grad=True)
    cloud_energy_score(samples, torch.ones(1, 1, 5, 3), distance).sum().backward()
    assert bool(samples.grad.isfinite().all()) and bool((samples.grad.sum(dim=2) < 0).all())


@pytest.mark.parametrize("distance", CLOUD_DISTANCES)
def test_the_score_is_taken_in_full_precision_whatever_autocast_says(distance):
    samples = 3.0 + torch.randn(2, 3, 40, 3, generator=torch.Generator().manual_seed(4))
    truth = samples[:1] + 0.01 * torch.randn(1, 3, 40, 3, generator=torch.Generator().manual_seed(5))
    with torch.autocast("cpu", torch.bfloat16):
        inside = cloud_energy_score(samples, truth, distance)
    assert torch.equal(inside, cloud_energy_score(samples, truth, distance))
