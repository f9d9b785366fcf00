"""Dropout and stochastic depth whose randomness comes from an explicit generator.

``torch.nn.Dropout`` draws from the process-wide generator, which makes a resumed run differ from one that was
never interrupted. These two draw from a generator that the training loop hands out with :func:`use_generator`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Stochastic(nn.Module):
    """A module that draws random numbers while training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"rate must lie in [0, 1), not {rate}")
        self.rate = rate
        self.generator: torch.Generator | None = None

    def _keep(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """A mask of 0 and 1/(1 − rate) of ``shape``."""
        draw = torch.rand(shape, generator=self.generator)
        return ((draw >= self.rate) / (1.0 - self.rate)).to(like)

    def extra_repr(self) -> str:
        """Shown by ``print(module)``."""
        return f"rate={self.rate}"


class Dropout(Stochastic):
    """Zero each value with probability ``rate`` while training."""

    def forward(self, values: Tensor) -> Tensor:
        """(…) → (…)."""
        if not self.training or self.rate == 0.0:
            return values
        return values * self._keep(tuple(values.shape), values)


class DropPath(Stochastic):
    """Drop a residual branch for whole clouds with probability ``rate`` (Huang et al., 2016)."""

    def forward(self, branch: Tensor) -> Tensor:
        """(B, …) → (B, …)."""
        if not self.training or self.rate == 0.0:
            return branch
        return branch * self._keep((branch.shape[0],) + (1,) * (branch.ndim - 1), branch)


def use_generator(module: nn.Module, generator: torch.Generator | None) -> None:
    """Let every stochastic layer inside ``module`` draw from ``generator`` (on the CPU)."""
    for layer in module.modules():
        if isinstance(layer, Stochastic):
            layer.generator = generator
