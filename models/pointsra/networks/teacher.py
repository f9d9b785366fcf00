"""An exponential moving average of a network, which teaches and is never taught."""

from __future__ import annotations

import copy
import math
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

NetworkT = TypeVar("NetworkT", bound=nn.Module)


class Average(nn.Module, Generic[NetworkT]):
    """A copy that follows its student: θ̄ ← m θ̄ + (1 − m) θ. Always in eval mode, never with gradients.

    Buffers (the running statistics of batch norm) are copied as they are: they are averages already.
    """

    def __init__(self, student: NetworkT) -> None:
        super().__init__()
        self.network: NetworkT = copy.deepcopy(student)
        self.network.requires_grad_(False)
        self.network.eval()

    def train(self, mode: bool = True) -> Average[NetworkT]:
        """Stay in eval mode whatever the surrounding model is told."""
        return super().train(False)

    @torch.no_grad()
    def follow(self, student: nn.Module, momentum: float) -> None:
        """Take one step towards ``student``."""
        averages: list[Tensor] = list(self.network.parameters())
        values: list[Tensor] = [parameter.detach() for parameter in student.parameters()]
        torch._foreach_mul_(averages, momentum)
        torch._foreach_add_(averages, values, alpha=1.0 - momentum)
        for average, value in zip(self.network.buffers(), student.buffers(), strict=True):
            average.copy_(value)


def cosine_momentum(start: float, step: int, total: int) -> float:
    """Momentum that rises from ``start`` at step 0 to 1 at the last (BYOL, Grill et al., 2020)."""
    return 1.0 - (1.0 - start) * 0.5 * (1.0 + math.cos(math.pi * min(step, total) / max(1, total)))
