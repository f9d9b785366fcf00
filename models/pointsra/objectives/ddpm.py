"""DDPM (Ho et al., 2020) with PointDif's schedule: the diffusion comparator on the same network.

x_n = √ᾱ_n x₀ + √(1 − ᾱ_n) ε with 2000 levels and linear β from 1e-4 to 0.02. The network predicts ε and is asked
with r = t = n / 2000. Samples are drawn by deterministic DDIM (Song et al., 2021) in any number of steps.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from pointsra.objectives.path import FlowLoss, Network, Path, batch_mean, masked_mean
from pointsra.ops.batch_parts import integers

_LEVELS = 2000
_BETA_FIRST, _BETA_LAST = 1e-4, 0.02
# Where predicted data is cut off while sampling, in the state's unit of one deviation (ours). At the last level an
# error of the predicted noise is divided by √ᾱ = 4e-5: without this no number of steps leads back to the data.
_FARTHEST = 4.0


class LevelTimes:
    """Draws r = t = n / 2000 with every level n from 1 on as likely."""

    def draw(self, clouds: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """r (B,) and t (B,) on the CPU."""
        time = integers(1, _LEVELS + 1, (clouds,), generator) / _LEVELS
        return time, time


class Ddpm:
    """Path, loss and sampler of the diffusion comparator."""

    def __init__(self) -> None:
        self.times = LevelTimes()
        betas = torch.linspace(_BETA_FIRST, _BETA_LAST, _LEVELS, dtype=torch.float64)
        # Level 0 is clean data, level _LEVELS is (almost) noise.
        self.signal = torch.cat([torch.ones(1, dtype=torch.float64), (1.0 - betas).cumprod(0)])

    def sample_path(self, data: Tensor, noise: Tensor, generator: torch.Generator) -> Path:
        """Draw a level for data and noise (B, T, 3) and go there."""
        _, drawn = self.times.draw(len(data), generator)
        time = drawn.to(data)
        return Path(data, noise, time, time, self.at(data, noise, time))

    def at(self, data: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """x_n (B, T, 3) of data and noise (B, T, 3) at n / 2000 (B,)."""
        signal = self.signal.to(data)[(time * _LEVELS).round().long()][:, None, None]
        return signal.sqrt() * data + (1 - signal).sqrt() * noise

    def loss(self, network: Network, path: Path, active: Tensor, share: Tensor | None = None) -> FlowLoss:
        """Mean squared error of the predicted noise over the active slots (B, T); ``share`` as in MeanFlow."""
        output = network(path.state, path.t, path.t, None)
        error = masked_mean((output.velocity.float() - path.noise).square(), active)
        return FlowLoss(batch_mean(error, share), error.detach().mean(), output)

    def draw(self, network: Network, noise: Tensor, steps: int = 1) -> Tensor:
        """Samples x₀ (B, T, 3) by ``steps`` DDIM steps over evenly spaced levels; there are 2000 to go."""
        levels = torch.linspace(_LEVELS, 0, min(steps, _LEVELS) + 1).round().long()
        state = noise
        for level, following in pairwise(levels.tolist()):
            time = torch.full((len(noise),), float(level) / _LEVELS, device=noise.device)
            predicted = network(state, time, time, None).velocity
            signal, kept = self.signal[level].to(state), self.signal[following].to(state)
            clean = ((state - (1 - signal).sqrt() * predicted) / signal.sqrt()).clamp(-_FARTHEST, _FARTHEST)
            predicted = (state - signal.sqrt() * clean) / (1 - signal).sqrt()
            state = kept.sqrt() * clean + (1 - kept).sqrt() * predicted
        return state
