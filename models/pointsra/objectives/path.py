"""The straight path from data to noise that all flows here share, and the times drawn on it.

z_t = (1 − t) z₀ + t z₁ with z₁ ~ N(0, I): t = 0 is data, t = 1 is noise, and dz_t/dt = z₁ − z₀.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import torch
from torch import Tensor

from pointsra.ops.batch_parts import normal, rows_of_batch, uniform


class HasVelocity(Protocol):
    """What a flow network returns: at least a velocity (B, T, 3)."""

    @property
    def velocity(self) -> Tensor:
        """(B, T, 3)."""
        ...


Network = Callable[[Tensor, Tensor, Tensor, Tensor | None], HasVelocity]
"""``network(state (b, T, 3), r (b,), t (b,), rows)``; ``rows`` (b,) are the clouds of the batch that the b
states belong to, or None for all of them in order (so that conditions can follow)."""


@dataclass(frozen=True)
class Path:
    """Points on the paths of a batch.

    Attributes:
        data: (B, T, 3) z₀.
        noise: (B, T, 3) z₁.
        r: (B,) the time to go to.
        t: (B,) the time of :attr:`state`.
        state: (B, T, 3) z_t.
    """

    data: Tensor
    noise: Tensor
    r: Tensor
    t: Tensor
    state: Tensor

    @property
    def velocity(self) -> Tensor:
        """(B, T, 3) the sample's own velocity z₁ − z₀."""
        return self.noise - self.data

    def at(self, time: Tensor) -> Tensor:
        """The same paths at another time (B,): (B, T, 3)."""
        return interpolate(self.data, self.noise, time)


@dataclass(frozen=True)
class FlowLoss:
    """The generative term of a batch.

    Attributes:
        loss: () what is minimized.
        error: () unweighted mean squared error of the rows with r = t, for the journal.
        output: what the network returned for the whole batch at (state, r, t), with its graph.
    """

    loss: Tensor
    error: Tensor
    output: HasVelocity


def joined(paths: Sequence[Path]) -> Path:
    """Several draws for the same clouds as one path of that many times as many rows, one draw after another."""
    if len(paths) == 1:
        return paths[0]
    return Path(*(torch.cat([getattr(path, field.name) for path in paths]) for field in fields(Path)))


def interpolate(data: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """z_t = (1 − t) z₀ + t z₁ for (B, T, 3) and (B,)."""
    share = time[:, None, None]
    return (1 - share) * data + share * noise


def masked_mean(values: Tensor, active: Tensor) -> Tensor:
    """Mean of (B, T, 3) over coordinates and active slots (B, T), a cloud at a time: (B,)."""
    weight = active.to(values.dtype).unsqueeze(-1)
    return (values * weight).sum(dim=(1, 2)) / (3.0 * weight.sum(dim=(1, 2)))


def batch_mean(errors: Tensor, share: Tensor | None) -> Tensor:
    """Mean of the clouds' errors (B,), each counted by its share (B,) of mean 1 where shares are given: ()."""
    return errors.mean() if share is None else (share * errors).mean()


class FlowTimes(Protocol):
    """How an objective draws the times that its network is asked with."""

    def draw(self, clouds: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """r (B,) and t (B,) on the CPU."""
        ...


@dataclass(frozen=True)
class TimeSampler:
    """Draws pairs (r, t).

    Attributes:
        mean, deviation: of the logit-normal that both times are drawn from; the larger is t.
        different_share: share of rows with r ≠ t, taken from the front of the batch; the others get r = t.
        uniform_share: share of pairs drawn uniformly instead.
        one_step_share: share of pairs replaced by exactly (0, 1), the query of one-step sampling.
        swapped_share: share of the r ≠ t rows turned to r > t.
    """

    mean: float = -0.4
    deviation: float = 1.0
    different_share: float = 0.5
    uniform_share: float = 0.25
    one_step_share: float = 0.10
    swapped_share: float = 0.10

    def draw(self, clouds: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """r (B,) and t (B,) on the CPU."""
        rows, clouds = rows_of_batch(clouds, generator)
        pair = torch.sigmoid(self.mean + self.deviation * torch.randn(clouds, 2, generator=generator))
        uniform = torch.rand(clouds, 2, generator=generator)
        coins = torch.rand(clouds, 3, generator=generator)
        pair = torch.where(coins[:, :1] < self.uniform_share, uniform, pair)
        r, t = pair.amin(dim=1), pair.amax(dim=1)
        one_step = coins[:, 1] < self.one_step_share
        r, t = torch.where(one_step, 0.0, r), torch.where(one_step, 1.0, t)
        same = torch.arange(clouds) >= round(self.different_share * clouds)
        swapped = (coins[:, 2] < self.swapped_share) & ~one_step & ~same
        r, t = torch.where(swapped, t, r), torch.where(swapped, r, t)
        return torch.where(same, t, r)[rows], t[rows]


@dataclass(frozen=True)
class SingleTimes:
    """Draws r = t, one time a row, as rectified flow and flow matching do.

    The larger of two times, which :class:`TimeSampler` gives its rows with r = t, is another law: it hardly ever
    comes near the data, where the last of many steps are taken.

    Attributes:
        mean, deviation: of the logit-normal that the time is drawn from.
        uniform_share: share of times drawn uniformly instead.
    """

    mean: float = -0.4
    deviation: float = 1.0
    uniform_share: float = 0.25

    def draw(self, clouds: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """r (B,) and t (B,), equal, on the CPU."""
        time = torch.sigmoid(self.mean + self.deviation * normal((clouds,), generator))
        even, coins = uniform((clouds,), generator), uniform((clouds,), generator)
        time = torch.where(coins < self.uniform_share, even, time)
        return time, time


def draw_by_euler(network: Network, noise: Tensor, steps: int, average: bool) -> Tensor:
    """Go from noise (B, T, 3) at t = 1 to t = 0 on a uniform grid of ``steps`` evaluations: (B, T, 3).

    With ``average`` the network is asked for the average velocity over each interval (MeanFlow), otherwise for
    the instantaneous one at its start.
    """
    state, clouds = noise, noise.shape[0]
    for step in range(steps):
        start = torch.full((clouds,), 1.0 - step / steps, device=noise.device)
        end = torch.full((clouds,), 1.0 - (step + 1) / steps, device=noise.device)
        velocity = network(state, end if average else start, start, None).velocity
        state = state - velocity / steps
    return state
