"""MeanFlow against Gaussian data, where the average velocity is known in closed form.

For data N(m, s²) the marginals are Gaussian, mean μ_t = (1 − t) m and variance σ_t² = (1 − t)² s² + t², and the
flow map from t to r is z ↦ μ_r + (σ_r / σ_t)(z − μ_t); hence u = (z − map(z)) / (t − r).
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch.func import jvp

from pointsra.objectives.mean_flow import MeanFlow
from pointsra.objectives.path import Path, TimeSampler, interpolate, masked_mean

M, S = 0.7, 0.4


@dataclass(frozen=True)
class Output:
    velocity: torch.Tensor


def spread(t):
    return ((1 - t) ** 2 * S**2 + t**2).sqrt()


def transport(z, r, t):
    return (1 - r) * M + spread(r) / spread(t) * (z - (1 - t) * M)


def instantaneous(z, t):
    slope = (t - (1 - t) * S**2) / spread(t) ** 2
    return -M + slope * (z - (1 - t) * M)


def average(z, r, t):
    gap = t - r
    safe = torch.where(gap == 0, torch.ones_like(gap), gap)
    return torch.where(gap == 0, instantaneous(z, t), (z - transport(z, r, t)) / safe)


def closed_network(state, r, t, rows):
    return Output(average(state, r[:, None, None], t[:, None, None]))


def times(clouds=200):
    draws = torch.rand(clouds, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 0.9 + 0.05
    return draws[:, 0], draws[:, 1]


def residual(network, r, t, *, sign=1.0, tangent_t=1.0, swapped=False):
    """u + sign (t − r) d/dt u − v for the closed-form velocity v."""
    z = torch.randn(len(t), 5, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    v = instantaneous(z, t[:, None, None])
    dr, dt = torch.zeros_like(r), torch.full_like(t, tangent_t)
    tangents = (v, dt, dr) if swapped else (v, dr, dt)
    u, change = jvp(lambda *args: network(*args, None).velocity, (z, r, t), tangents)
    return (u + sign * (t - r)[:, None, None] * change - v).abs().max()


@pytest.mark.parametrize("forward", [True, False], ids=["r<t", "r>t"])
def test_identity_holds_in_closed_form(forward):
    a, b = times()
    low, high = torch.minimum(a, b), torch.maximum(a, b)
    r, t = (low, high) if forward else (high, low)
    assert residual(closed_network, r, t) < 1e-10


@pytest.mark.parametrize("change", [{"sign": -1.0}, {"tangent_t": 0.0}, {"swapped": True}])
def test_broken_identities_are_noticed(change):
    r, t = times()
    assert residual(closed_network, r, t, **change) > 0.05


def test_point_data_has_straight_paths():
    # All data in one point m: u = v = (z − m) / t for every r, and its derivative along the flow is 0.
    def point(state, r, t, rows):
        return Output((state - M) / t[:, None, None])

    r, t = times()
    z = torch.randn(len(t), 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    v = (z - M) / t[:, None, None]
    change = jvp(lambda *a: point(*a, None).velocity, (z, r, t), (v, torch.zeros_like(r), torch.ones_like(t)))[1]
    assert change.abs().max() < 1e-10


def test_additivity_and_transport():
    a, b = times()
    r, t = torch.minimum(a, b)[:, None, None], torch.maximum(a, b)[:, None, None]
    s = 0.3 * r + 0.7 * t
    z = torch.randn(len(a), 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    z_s = z - (t - s) * average(z, s, t)
    whole, parts = (t - r) * average(z, r, t), (t - s) * average(z, s, t) + (s - r) * average(z_s, r, s)
    assert (whole - parts).abs().max() < 1e-12
    # The swapped direction goes back to where it came from.
    z_r = z - (t - r) * average(z, r, t)
    assert (z_r - (r - t) * average(z_r, t, r) - z).abs().max() < 1e-12


def closed_path(clouds=64):
    r, t = times(clouds)
    data = M + S * torch.randn(clouds, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    noise = torch.randn(clouds, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    return Path(data, noise, r, t, interpolate(data, noise, t))


@pytest.mark.parametrize("tangent", ["predicted", "conditional"])
def test_difference_becomes_the_derivative_as_its_share_shrinks(tangent):
    path, rows = closed_path(), torch.arange(0, 64, 2)
    gap = (path.t - path.r)[rows, None, None]
    here = closed_network(path.state, path.r, path.t, None).velocity[rows]
    derivative = gap * MeanFlow(TimeSampler(), tangent=tangent).total_derivative(closed_network, path, rows)

    def away(alpha):
        objective = MeanFlow(TimeSampler(), tangent=tangent, alpha=alpha)
        return (objective.difference(closed_network, path, rows, here) - derivative).abs().max()

    assert away(0.01) < 0.1 and away(0.001) < 0.2 * away(0.01)  # of first order
    assert derivative.abs().max() > 0.5


def test_difference_is_exact_where_paths_are_straight():
    # All data in one point: u = (z − m) / t stays the same along the flow, whatever α is.
    def point(state, r, t, rows):
        return Output((state - M) / t[:, None, None])

    path, rows = closed_path(), torch.arange(64)
    here = point(path.state, path.r, path.t, None).velocity
    for alpha in (0.1, 0.5, 1.0):
        assert MeanFlow(TimeSampler(), alpha=alpha).difference(point, path, rows, here).abs().max() < 1e-10


def test_the_joined_intervals_leave_no_residual_but_that_of_the_step():
    # Where u is right, V = u + (1 − α)/α (u − u_s) is the mean velocity over [s, t].
    path, rows, alpha = closed_path(), torch.arange(64), 0.3
    s = path.t - alpha * (path.t - path.r)
    mean_velocity = average(path.state, s[:, None, None], path.t[:, None, None])
    exact = Path(mean_velocity * 0, mean_velocity, path.r, path.t, path.state)  # its velocity goes to z_s exactly
    here = closed_network(path.state, path.r, path.t, None).velocity
    objective = MeanFlow(TimeSampler(), tangent="conditional", alpha=alpha)
    assert (here + objective.difference(closed_network, exact, rows, here) - mean_velocity).abs().max() < 1e-10


@pytest.mark.parametrize("tangent", ["predicted", "conditional"])
def test_total_derivative_of_the_class_is_the_closed_one(tangent):
    objective = MeanFlow(TimeSampler(), tangent=tangent)
    path, rows = closed_path(), torch.arange(0, 64, 2)
    change = objective.total_derivative(closed_network, path, rows)
    z, rr, tt = path.state[rows], path.r[rows], path.t[rows]
    v = instantaneous(z, tt[:, None, None]) if tangent == "predicted" else path.velocity[rows]
    step = 1e-5

    def shifted(size):
        return closed_network(z + size * v, rr, tt + size, None).velocity

    central = (shifted(step) - shifted(-step)) / (2 * step)
    assert (change - central).abs().max() < 1e-6
    if tangent == "predicted":
        # V = u + (t − r) d/dt u is exactly the marginal velocity.
        u = closed_network(z, rr, tt, None).velocity
        assert (u + (tt - rr)[:, None, None] * change - v).abs().max() < 1e-9


def test_conditional_target_is_unbiased():
    # Over many samples through one z_t the mean of v_c − (t − r) d/dt u is u.
    objective = MeanFlow(TimeSampler(), tangent="conditional")
    count, r0, t0, z0 = 400_000, 0.2, 0.7, 0.5
    generator = torch.Generator().manual_seed(7)
    # Posterior of z₀ given z_t = z: Gaussian, by conjugacy.
    variance = 1 / (1 / S**2 + (1 - t0) ** 2 / t0**2)
    mean = variance * (M / S**2 + (1 - t0) * z0 / t0**2)
    data = mean + variance**0.5 * torch.randn(count, 1, 3, dtype=torch.float64, generator=generator)
    noise = (z0 - (1 - t0) * data) / t0
    r, t = torch.full((count,), r0, dtype=torch.float64), torch.full((count,), t0, dtype=torch.float64)
    path = Path(data, noise, r, t, torch.full_like(data, z0))
    change = objective.total_derivative(closed_network, path, torch.arange(count))
    target = (path.velocity - (t0 - r0) * change).mean()
    expected = average(torch.tensor(z0, dtype=torch.float64), torch.tensor(r0), torch.tensor(t0))
    assert abs(float(target - expected)) < 5e-3


def test_one_step_sampling_of_the_closed_form_is_exact():
    noise = torch.randn(1000, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(8))

    def network(state, r, t, rows):
        return closed_network(state, r.double(), t.double(), rows)

    drawn = MeanFlow(TimeSampler()).draw(network, noise, 1)
    assert torch.allclose(drawn, M + S * noise, atol=1e-12)
    assert torch.allclose(MeanFlow(TimeSampler()).draw(network, noise, 4), drawn, atol=1e-6)


def test_rows_with_equal_times_are_flow_matching_bit_for_bit():
    generator = torch.Generator().manual_seed(9)
    layer = torch.nn.Linear(3, 3)
    data, noise = (torch.randn(8, 5, 3, generator=generator) for _ in range(2))
    t = torch.rand(8, generator=generator)
    path = Path(data, noise, t, t, interpolate(data, noise, t))
    active = torch.ones(8, 5, dtype=torch.bool)

    def network(state, r, t, rows):
        return Output(layer(state) + t[:, None, None])

    result = MeanFlow(TimeSampler()).loss(network, path, active)
    plain = masked_mean((network(path.state, t, t, None).velocity - path.velocity).square(), active).mean()
    assert torch.equal(result.loss, plain)
