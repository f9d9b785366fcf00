"""Batch norm over the whole batch, also where several processes hold parts of it.

torch's own ``SyncBatchNorm`` runs on CUDA only. This one gathers each process's count, mean and sum of squared
deviations, joins them exactly (Chan et al., 1983) and sends the two sums of the backward pass around, on any
device; in one process, and in eval mode, it is ``nn.BatchNorm1d``. Its tensors have the same names.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class BatchNorm(nn.BatchNorm1d):
    """``nn.BatchNorm1d`` for (n, C), which :func:`share_statistics` spreads over processes."""

    shared = False

    def forward(self, input: Tensor) -> Tensor:
        """(n, C) → (n, C)."""
        if not (self.training and self.shared):
            return super().forward(input)
        normalized, mean, variance, count = _SharedNorm.apply(input, self.weight, self.bias, self.eps)
        if self.running_mean is not None and self.running_var is not None:
            with torch.no_grad():
                unbiased = variance * (count / (count - 1).clamp_min(1))
                self.running_mean.lerp_(mean.to(self.running_mean), self.momentum or 0.0)
                self.running_var.lerp_(unbiased.to(self.running_var), self.momentum or 0.0)
                if self.num_batches_tracked is not None:
                    self.num_batches_tracked.add_(1)
        return normalized


def share_statistics(module: nn.Module) -> None:
    """Let every batch norm inside ``module`` take its statistics over all processes of the default group.

    Raises:
        TypeError: the module holds a batch norm of another class, which would see its own part only.
    """
    for name, layer in module.named_modules():
        if isinstance(layer, BatchNorm):
            layer.shared = True
        elif isinstance(layer, nn.modules.batchnorm._BatchNorm):
            raise TypeError(f"{name} is a {type(layer).__name__}, not networks.batch_norm.BatchNorm")


def spread_momentum(module: nn.Module, parts: int) -> None:
    """Let ``parts`` forward passes a step move running statistics as far as one would: 1 − (1 − m)^(1 / parts)."""
    for layer in module.modules():
        if isinstance(layer, BatchNorm) and layer.momentum is not None:
            layer.momentum = 1.0 - (1.0 - layer.momentum) ** (1.0 / parts)


class _SharedNorm(torch.autograd.Function):
    """y = w (x − mean) / √(variance + ε) + b with mean and variance over the rows of all processes."""

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        exact = values.double() if values.dtype == torch.float64 else values.float()
        own = exact.mean(dim=0)
        summary = torch.cat([own.new_full((1,), len(exact)), own, (exact - own).square().sum(dim=0)])
        every = [torch.empty_like(summary) for _ in range(dist.get_world_size())]
        dist.all_gather(every, summary)
        counts, means, squares = torch.stack(every).split([1, len(own), len(own)], dim=1)
        count = counts.sum()
        mean = (counts * means).sum(dim=0) / count
        variance = (squares + counts * (means - mean).square()).sum(dim=0) / count
        inverse = (variance + eps).rsqrt()
        scale = inverse if weight is None else inverse * weight
        normalized = (exact - mean) * scale
        if bias is not None:
            normalized = normalized + bias
        ctx.save_for_backward(values, weight, mean, inverse, count)
        ctx.mark_non_differentiable(mean, variance, count)
        return normalized.to(values.dtype), mean, variance, count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None]:
        values, weight, mean, inverse, count = ctx.saved_tensors
        incoming = gradients[0].to(mean.dtype)
        unit = (values.to(mean.dtype) - mean) * inverse
        toward_bias, toward_weight = incoming.sum(dim=0), (incoming * unit).sum(dim=0)
        sums = torch.cat([toward_bias, toward_weight])
        dist.all_reduce(sums)
        all_bias, all_weight = sums.chunk(2)
        scale = inverse if weight is None else inverse * weight
        outgoing = (incoming - (all_bias + unit * all_weight) / count) * scale
        if weight is None:
            return outgoing.to(values.dtype), None, None, None
        return outgoing.to(values.dtype), toward_weight.to(weight.dtype), toward_bias.to(weight.dtype), None
