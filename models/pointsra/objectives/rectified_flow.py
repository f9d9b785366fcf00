"""Rectified flow (Liu et al., 2023) and flow matching (Lipman et al., 2023): the comparator with r = t."""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.objectives.path import (
    FlowLoss,
    Network,
    Path,
    SingleTimes,
    TimeSampler,
    batch_mean,
    draw_by_euler,
    interpolate,
    masked_mean,
)


class RectifiedFlow:
    """Path, loss and sampler of an instantaneous velocity field; the network is asked with r = t.

    Args:
        times: of whose law one time a row is drawn; what it says about pairs means nothing here.
    """

    def __init__(self, times: TimeSampler) -> None:
        self.times = SingleTimes(times.mean, times.deviation, times.uniform_share)

    def sample_path(self, data: Tensor, noise: Tensor, generator: torch.Generator) -> Path:
        """Draw a time for data and noise (B, T, 3) and go there."""
        r, t = (time.to(data) for time in self.times.draw(len(data), generator))
        return Path(data, noise, r, t, interpolate(data, noise, t))

    def loss(self, network: Network, path: Path, active: Tensor, share: Tensor | None = None) -> FlowLoss:
        """Mean squared error to z₁ − z₀ over the active slots (B, T); ``share`` as in MeanFlow."""
        output = network(path.state, path.t, path.t, None)
        error = masked_mean((output.velocity.float() - path.velocity).square(), active)
        return FlowLoss(batch_mean(error, share), error.detach().mean(), output)

    def draw(self, network: Network, noise: Tensor, steps: int = 1) -> Tensor:
        """Samples z₀ (B, T, 3) by ``steps`` Euler steps."""
        return draw_by_euler(network, noise, steps, average=False)
