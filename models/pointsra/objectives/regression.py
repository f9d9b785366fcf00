"""Regression: one answer in place of a distribution, the comparator that says what drawing is worth.

The network is asked the very question of one-step sampling, (r, t) = (0, 1), with zeros where noise would stand, and
z₀ = −u(0, 0, 1) is learned by mean squared error. Its best answer is the mean of all that may be hidden, so where two
answers are equally likely it gives the point between them. What is drawn does not depend on the noise. Nothing but the
ranks of the slots tells them apart, so they must have some.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.objectives.path import FlowLoss, Network, Path, batch_mean, masked_mean


class Regression:
    """Path, loss and "sampler" of the deterministic comparator."""

    def sample_path(self, data: Tensor, noise: Tensor, generator: torch.Generator) -> Path:
        """The one question for data (B, T, 3): zeros at t = 1, to go to r = 0; ``noise`` and generator are not used."""
        nothing, first = torch.zeros_like(data), data.new_zeros(len(data))
        return Path(data, nothing, first, torch.ones_like(first), nothing)

    def loss(self, network: Network, path: Path, active: Tensor, share: Tensor | None = None) -> FlowLoss:
        """Mean squared error of −u to z₀ over the active slots (B, T); ``share`` as in MeanFlow."""
        output = network(path.state, path.r, path.t, None)
        error = masked_mean((output.velocity.float() - path.velocity).square(), active)
        return FlowLoss(batch_mean(error, share), error.detach().mean(), output)

    def draw(self, network: Network, noise: Tensor, steps: int = 1) -> Tensor:
        """The answer z₀ (B, T, 3), the same for any noise (B, T, 3); one evaluation, whatever ``steps`` says."""
        first = torch.zeros(len(noise), device=noise.device)
        return -network(torch.zeros_like(noise), first, torch.ones_like(first), None).velocity
