"""What the three generators share: times, masks, gradients, samplers, and that they learn a known distribution."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from benchmarks import mean_flow_mixture
from pointsra.objectives.ddpm import Ddpm
from pointsra.objectives.mean_flow import MeanFlow
from pointsra.objectives.path import Path, TimeSampler, interpolate
from pointsra.objectives.rectified_flow import RectifiedFlow
from pointsra.objectives.regression import Regression
from pointsra.ops.batch_parts import part_stream
from pointsra.ops.randomness import stream


@dataclass(frozen=True)
class Output:
    velocity: torch.Tensor


class Toy(nn.Module):
    """A small MLP over single points with times."""

    def __init__(self, width=64, seed=0):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(9, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 3)
        )
        generator = torch.Generator().manual_seed(seed)
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.uniform_(layer.weight, -(layer.in_features**-0.5), layer.in_features**-0.5, generator=generator)
                nn.init.zeros_(layer.bias)

    def forward(self, state, r, t, rows=None):
        gap = t - r
        times = torch.stack([t.cos(), t.sin(), (2 * t).sin(), (2 * t).cos(), gap, gap.sin()], dim=-1)
        spread = times[:, None, :].expand(-1, state.shape[1], -1)
        return Output(self.layers(torch.cat([state, spread], dim=-1)))


def test_times_have_the_stated_shares():
    sampler = TimeSampler(different_share=0.5, uniform_share=0.0, one_step_share=0.2, swapped_share=0.3)
    r, t = sampler.draw(20_000, torch.Generator().manual_seed(0))
    different = r != t
    assert abs(float(different.float().mean()) - 0.5) < 0.01
    one_step = (r == 0) & (t == 1)
    assert abs(float(one_step[different].float().mean()) - 0.2) < 0.02
    swapped = r > t
    assert abs(float(swapped[different].float().mean()) - 0.3 * 0.8) < 0.02
    assert bool(((r >= 0) & (r <= 1) & (t >= 0) & (t <= 1)).all())


def test_a_share_of_swapped_pairs_leaves_the_others_as_they_are():
    straight, swapped = (
        TimeSampler(swapped_share=share).draw(200, torch.Generator().manual_seed(3)) for share in (0.0, 1.0)
    )
    same = straight[0] == straight[1]
    assert 0 < int(same.sum()) < 200
    assert torch.equal(straight[1][same], swapped[1][same]) and torch.equal(swapped[0][same], swapped[1][same])


def test_times_follow_the_logit_normal():
    sampler = TimeSampler(-0.4, 1.0, 1.0, 0.0, 0.0, 0.0)
    r, t = sampler.draw(40_000, torch.Generator().manual_seed(1))
    logits = torch.cat([torch.logit(r), torch.logit(t)])
    assert abs(float(logits.mean()) + 0.4) < 0.02
    assert abs(float(logits.std()) - 1.0) < 0.02
    assert bool((r <= t).all())


@pytest.mark.parametrize("even", [0.0, 0.5, 1.0])
def test_rectified_flow_draws_one_time_a_row_and_not_the_larger_of_two(even):
    pairs = TimeSampler(-0.4, 1.0, different_share=0.25, uniform_share=even, one_step_share=0.2, swapped_share=0.1)
    r, t = RectifiedFlow(pairs).times.draw(40_000, torch.Generator().manual_seed(1))
    assert torch.equal(r, t) and float(t.max()) < 1
    for bound in (0.2, 0.5, 0.8):
        below = float(torch.special.ndtr(torch.logit(torch.tensor(bound)) + 0.4))
        share = (1 - even) * below + even * bound  # of the larger of two it would be the square
        assert abs(float((t < bound).float().mean()) - share) < 0.01


def test_parts_of_a_batch_draw_the_single_times_of_the_whole():
    sampler = RectifiedFlow(TimeSampler()).times
    whole = sampler.draw(7, stream(3, "times"))[1]
    for part in range(2):
        drawn = part_stream(3, "times", part=part, parts=2, total=7)
        assert torch.equal(sampler.draw(drawn.count, drawn)[1], whole[part::2])


@pytest.mark.parametrize("objective", [MeanFlow(TimeSampler()), RectifiedFlow(TimeSampler()), Ddpm(), Regression()])
def test_inactive_slots_do_not_count(objective):
    network = Toy()
    generator = torch.Generator().manual_seed(2)
    data, noise = (torch.randn(16, 6, 3, generator=generator) for _ in range(2))
    active = torch.rand(16, 6, generator=generator) < 0.6
    active[:, 0] = True
    path = objective.sample_path(data, noise, torch.Generator().manual_seed(3))
    before = objective.loss(network, path, active).loss
    spoiled = Path(
        torch.where(active[..., None], path.data, 77.0),
        path.noise,
        path.r,
        path.t,
        torch.where(active[..., None], path.state, -9.0),
    )
    assert torch.allclose(objective.loss(network, spoiled, active).loss, before)


def test_target_has_no_gradient_and_the_network_has():
    network = Toy()
    generator = torch.Generator().manual_seed(4)
    data, noise = (torch.randn(16, 6, 3, generator=generator) for _ in range(2))
    data.requires_grad_(True)
    objective = MeanFlow(TimeSampler(), tangent="conditional")
    path = objective.sample_path(data.detach(), noise, generator)
    active = torch.ones(16, 6, dtype=torch.bool)
    objective.loss(network, path, active).loss.backward()
    assert data.grad is None
    assert all(
        p.grad is not None and bool(p.grad.isfinite().all()) and p.grad.abs().sum() > 0 for p in network.parameters()
    )


def test_gradient_equals_the_original_target():
    # V regressed on v_c has the gradient of u regressed on sg(v_c − (t − r) d/dt u).
    network = Toy()
    generator = torch.Generator().manual_seed(5)
    data, noise = (torch.randn(12, 4, 3, generator=generator) for _ in range(2))
    objective = MeanFlow(TimeSampler(different_share=1.0), tangent="conditional")
    path = objective.sample_path(data, noise, generator)
    active = torch.ones(12, 4, dtype=torch.bool)
    objective.loss(network, path, active).loss.backward()
    ours = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    change = objective.total_derivative(network, path, torch.arange(12))
    target = path.velocity - (path.t - path.r)[:, None, None] * change
    (network(path.state, path.r, path.t).velocity - target).square().mean(dim=(1, 2)).mean().backward()
    for mine, original in zip(ours, (p.grad for p in network.parameters()), strict=True):
        assert torch.allclose(mine, original, atol=1e-6)


def test_a_difference_is_taken_in_full_precision_whatever_autocast_says():
    network, generator = Toy(), torch.Generator().manual_seed(0)
    objective = MeanFlow(TimeSampler(), tangent="conditional", alpha=0.1)
    path = objective.sample_path(*torch.randn(2, 16, 5, 3, generator=generator), generator)
    rows = (path.r != path.t).nonzero().squeeze(1)
    here = network(path.state, path.r, path.t).velocity.detach()[rows]
    expected = objective.difference(network, path, rows, here)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = network(path.state, path.r, path.t).velocity.detach()[rows].float()
        found = objective.difference(network, path, rows, rounded)
    assert 9 * (rounded - here).abs().max() > 0.02 * expected.abs().max()  # what rounding would make of it
    torch.testing.assert_close(found, expected)


def test_adaptive_weight_is_per_cloud_and_without_gradient():
    network = Toy()
    generator = torch.Generator().manual_seed(6)
    data, noise = (torch.randn(8, 4, 3, generator=generator) for _ in range(2))
    plain = MeanFlow(TimeSampler(different_share=0.0))
    path = plain.sample_path(data, noise, generator)
    active = torch.ones(8, 4, dtype=torch.bool)
    errors = (network(path.state, path.r, path.t).velocity - path.velocity).square().mean(dim=(1, 2))
    weighted = MeanFlow(TimeSampler(different_share=0.0), adaptive_power=1.0).loss(network, path, active)
    assert torch.allclose(weighted.loss, (errors / (errors + 1e-2)).mean())
    weighted.loss.backward()
    got = network.layers[-1].bias.grad.clone()
    network.zero_grad()
    errors = (network(path.state, path.r, path.t).velocity - path.velocity).square().mean(dim=(1, 2))
    (errors / (errors.detach() + 1e-2)).mean().backward()
    assert torch.allclose(got, network.layers[-1].bias.grad, atol=1e-7)


def test_a_limit_bounds_what_one_cloud_adds_and_leaves_the_others_alone():
    network = Toy()
    generator = torch.Generator().manual_seed(7)
    data, noise = (torch.randn(6, 4, 3, generator=generator) for _ in range(2))
    data[2] *= 30.0
    times = TimeSampler(different_share=0.0)
    path = MeanFlow(times).sample_path(data, noise, generator)
    active = torch.ones(6, 4, dtype=torch.bool)
    share = torch.tensor([0.5, 1.0, 1.0, 1.5, 1.0, 1.0])
    errors = (network(path.state, path.r, path.t).velocity - path.velocity).square().mean(dim=(1, 2))
    limit = 2.0 * float((share * errors).detach().median())
    assert float(errors[2].detach()) > 10.0 * limit
    limited = MeanFlow(times, error_limit=limit).loss(network, path, active, share)
    torch.testing.assert_close(limited.loss, (share * errors).clamp_max(limit).mean())
    assert torch.equal(MeanFlow(times, error_limit=1e6).loss(network, path, active).loss, errors.mean())
    # The limit and the adaptive weight do not multiply: a cloud adds the smaller of the two.
    adaptive = MeanFlow(times, adaptive_power=0.5, error_limit=limit).loss(network, path, active, share)
    weighed = share * errors / (errors.detach() + 1e-2).sqrt()
    torch.testing.assert_close(adaptive.loss, weighed.clamp_max(limit).mean())


def _two_modes(count, generator):
    """One coordinate: −1 with share 0.3, +1 with 0.7; the others are 0."""
    data = torch.zeros(count, 1, 3)
    side = (torch.rand(count, generator=generator) < 0.7).float() * 2 - 1
    data[:, 0, 0] = side + 0.1 * torch.randn(count, generator=generator)
    return data


@pytest.mark.slow
def test_one_step_map_preserves_quantiles():
    # In one dimension the flow preserves quantiles, so the one-step map is known point by point.
    network, objective = Toy(), MeanFlow(TimeSampler(different_share=0.5))
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    generator = torch.Generator().manual_seed(7)
    active = torch.ones(256, 1, dtype=torch.bool)
    for _ in range(900):
        data, noise = _two_modes(256, generator), torch.randn(256, 1, 3, generator=generator)
        loss = objective.loss(network, objective.sample_path(data, noise, generator), active).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    noise = torch.randn(4000, 1, 3, generator=torch.Generator().manual_seed(8))
    truth = _two_modes(4000, torch.Generator().manual_seed(9))[:, 0, 0].sort().values
    with torch.no_grad():
        drawn = objective.draw(network, noise, 1)[:, 0, 0]
    assert float((drawn[noise[:, 0, 0].argsort()] - truth).abs().mean()) < 0.25


@pytest.mark.slow
def test_plane_mixture_is_learned_in_one_step_and_controls_are_not():
    # A short run of the benchmark; a wrong sign shows in one step only, many Euler steps would hide it.
    torch.set_num_threads(1)
    figures = {
        name: mean_flow_mixture.measure(objective, mean_flow_mixture.train(objective, 700, width=96), (1,))
        for name, objective in mean_flow_mixture.objectives().items()
        if not name.startswith("α")  # which is no control and takes as long as the others
    }
    right = figures["MeanFlow, predicted tangent"]["SW 1"]
    assert right < 0.4
    assert figures["MeanFlow, conditional tangent"]["SW 1"] < 0.4
    assert figures["flow matching"]["SW 1"] > 2 * right
    assert figures["control: wrong sign"]["SW 1"] > 2 * right


def test_ddpm_path_and_sampler_agree():
    # With the true noise given by an oracle, DDIM returns the data whatever the number of steps.
    objective = Ddpm()
    generator = torch.Generator().manual_seed(10)
    data, noise = (torch.randn(4, 5, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    path = objective.sample_path(data, noise, generator)
    level = (path.t * 2000).round().long()
    signal = objective.signal[level][:, None, None]
    assert torch.allclose(path.state, signal.sqrt() * data + (1 - signal).sqrt() * noise)
    start = objective.signal[-1].sqrt() * data + (1 - objective.signal[-1]).sqrt() * noise
    for steps in (1, 7):
        drawn = objective.draw(lambda *args: Output(noise), start, steps)
        assert torch.allclose(drawn, data, atol=1e-6)


def test_euler_integrates_a_straight_field_exactly():
    generator = torch.Generator().manual_seed(11)
    data, noise = (torch.randn(4, 5, 3, generator=generator) for _ in range(2))
    for steps in (1, 3):
        drawn = RectifiedFlow(TimeSampler()).draw(lambda *args: Output(noise - data), noise, steps)
        assert torch.allclose(drawn, data, atol=1e-5)
    assert torch.equal(interpolate(data, noise, torch.zeros(4)), data)


@pytest.mark.parametrize("objective", [MeanFlow(TimeSampler()), RectifiedFlow(TimeSampler()), Ddpm(), Regression()])
def test_clouds_count_by_their_shares(objective):
    network = Toy()
    generator = torch.Generator().manual_seed(9)
    data, noise = (torch.randn(2, 4, 3, generator=generator) for _ in range(2))
    path = objective.sample_path(data, noise, generator)
    active = torch.ones(2, 4, dtype=torch.bool)

    def loss(share):
        return objective.loss(network, path, active, torch.tensor(share)).loss.detach()

    first, second = loss([2.0, 0.0]), loss([0.0, 2.0])
    torch.testing.assert_close(objective.loss(network, path, active).loss.detach(), (first + second) / 2)
    torch.testing.assert_close(loss([1.5, 0.5]), 0.75 * first + 0.25 * second)
    assert not torch.isclose(first, second)


@pytest.mark.parametrize("steps", [1, 2, 8])
def test_ddpm_samples_stay_near_the_data_with_a_rough_network(steps):
    # The exact noise of data N(0, 1) is √(1 − ᾱ) x; a tenth of error must not be blown up by 1 / √ᾱ.
    objective = Ddpm()

    def rough(state, r, t, rows):
        level = (t * 2000).round().long()
        return Output((1 - objective.signal[level]).sqrt()[:, None, None] * state * 0.9)

    noise = torch.randn(64, 16, 3, generator=torch.Generator().manual_seed(1))
    assert objective.draw(rough, noise, steps).abs().max() <= 6.0


def test_ddpm_has_no_more_steps_to_go_than_levels():
    noise, asked = torch.randn(1, 2, 3, generator=torch.Generator().manual_seed(0)), []

    def network(state, r, t, rows):
        asked.append(float(t[0]))
        return Output(0.1 * state)

    drawn = Ddpm().draw(network, noise, 5000)
    assert (
        bool(drawn.isfinite().all()) and len(asked) == len(set(asked)) == 2000 and min(asked) == pytest.approx(1 / 2000)
    )


def test_regression_learns_the_mean_of_two_equally_likely_answers():
    # The network is one free vector, so the least squares are in closed form: with answers a and b in equal shares
    # it is −(a + b) / 2, and the error that is left is the variance, |a − b|² / 4 over three coordinates.
    first, second = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([3.0, 2.0, 0.5])
    data = torch.stack([first, second] * 4)[:, None, :]
    answer = torch.zeros(3, requires_grad=True)

    def network(state, r, t, rows):
        assert bool((state == 0).all() and (r == 0).all() and (t == 1).all())
        return Output(answer.expand_as(state))

    objective, active = Regression(), torch.ones(8, 1, dtype=torch.bool)
    path = objective.sample_path(data, torch.full_like(data, 7.0), torch.Generator())
    optimizer = torch.optim.SGD([answer], lr=0.5)
    for _ in range(60):
        optimizer.zero_grad()
        loss = objective.loss(network, path, active).loss
        loss.backward()
        optimizer.step()
    torch.testing.assert_close(-answer.detach(), (first + second) / 2)
    torch.testing.assert_close(loss.detach(), (first - second).square().sum() / 4 / 3)
    drawn = objective.draw(network, torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0)), steps=4)
    torch.testing.assert_close(drawn, ((first + second) / 2).expand(5, 2, 3))


def test_regression_draws_the_same_for_any_noise_in_one_evaluation():
    network, calls = Toy(), []

    def counted(state, r, t, rows):
        calls.append(len(state))
        return network(state, r, t, rows)

    noises = [torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    one, two = (Regression().draw(counted, noise, steps) for noise, steps in zip(noises, (1, 4), strict=True))
    assert torch.equal(one, two) and calls == [4, 4]
