"""Dropout and stochastic depth whose randomness comes from an explicit generator.

``torch.nn.Dropout`` draws from the process-wide generator, which makes a resumed run differ from one that was
never interrupted. These two draw from a generator that the training loop hands out with :func:`use_generator`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pointsra.ops.batch_parts import uniform


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
        draw = uniform(shape, self.generator)
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
    """Drop a residual branch for whole clouds with probability ``rate`` (Huang et al., 2016).

    Attributes:
        ahead: masks (B, 1, 1) for the next calls, where :func:`draw_ahead` made them.
    """

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self.ahead: list[Tensor] = []

    def forward(self, branch: Tensor) -> Tensor:
        """(B, …) → (B, …)."""
        if not self.training or self.rate == 0.0:
            return branch
        if self.ahead:
            return branch * self.ahead.pop(0).to(branch.dtype)
        return branch * self._keep((branch.shape[0],) + (1,) * (branch.ndim - 1), branch)


def use_generator(module: nn.Module, generator: torch.Generator | None) -> None:
    """Let every stochastic layer inside ``module`` draw from ``generator`` (on the CPU)."""
    for layer in module.modules():
        if isinstance(layer, Stochastic):
            layer.generator = generator


def draw_ahead(module: nn.Module, clouds: int, like: Tensor) -> None:
    """Draw what stochastic depth inside ``module`` needs for one forward pass over B clouds, before that pass.

    A compiled graph holds no generator. Every layer draws for the two branches of its block, and blocks in their order:
    so the numbers are those that the pass itself would have drawn.
    """
    for layer in module.modules():
        if isinstance(layer, DropPath):
            drawn = layer.training and layer.rate > 0.0
            layer.ahead = [layer._keep((clouds, 1, 1), like) for _ in range(2)] if drawn else []
