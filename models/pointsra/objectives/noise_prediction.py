"""PointDif's term: the noise in a noised cloud, at several levels of it in each step (Zheng et al., CVPR 2024).

x_n = √ᾱ_n x₀ + √(1 − ᾱ_n) ε, with a linear β. "Recurrent uniform sampling" cuts the levels into equal intervals and
asks at one level of each, so that each step sees little and much noise alike.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pointsra.ops.batch_parts import normal, uniform

Denoiser = Callable[[Tensor, Tensor], Tensor]
"""``denoiser(noised (B, N, 3), beta (B,))`` predicts the noise (B, N, 3)."""


class NoisePrediction:
    """Schedule, levels and loss.

    Args:
        levels: how many there are; level n is the n-th of them, 1 … levels.
        beta_first, beta_last: ends of the linear schedule.
        intervals: in how many the levels are cut, and how often a cloud is noised in one step.
    """

    def __init__(
        self, levels: int = 2000, beta_first: float = 1e-4, beta_last: float = 0.02, intervals: int = 4
    ) -> None:
        if not 1 <= intervals <= levels:
            raise ValueError(f"{levels} levels cannot be cut into {intervals} intervals")
        betas = torch.linspace(beta_first, beta_last, levels, dtype=torch.float64)
        # Level 0 is clean data and never drawn.
        self.betas = torch.cat([torch.zeros(1, dtype=torch.float64), betas])
        self.signal = (1.0 - self.betas).cumprod(0)
        self.levels, self.intervals = levels, intervals

    def draw_levels(self, clouds: int, generator: torch.Generator) -> Tensor:
        """One level of each interval for each cloud: (I, B) int64 on the CPU."""
        edges = torch.tensor([number * self.levels // self.intervals for number in range(self.intervals + 1)])
        shares = uniform((clouds, self.intervals), generator, dtype=torch.float64)
        return (edges[:-1] + 1 + (shares * (edges[1:] - edges[:-1])).long()).T

    def loss(self, denoiser: Denoiser, points: Tensor, levels: Tensor, generator: torch.Generator) -> Tensor:
        """Mean squared error of the predicted noise over clouds (B, N, 3), their points and levels (I, B): ()."""
        errors = []
        for level in levels:
            signal = self.signal[level][:, None, None]
            noise = normal(points.shape, generator).to(points)
            noised = signal.sqrt().to(points) * points + (1.0 - signal).sqrt().to(points) * noise
            predicted = denoiser(noised, self.betas[level].to(points))
            errors.append((predicted.float() - noise).square().mean())
        return torch.stack(errors).mean()
