"""Muon: momentum whose step is made orthogonal, for matrices.

After Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural networks", with steps as large as those of
AdamW (Liu et al., 2025, arXiv 2502.16982). It does what ``torch.optim.Muon`` does, which torch has since 2.9 alone and
which computes in bfloat16 on every machine: a processor without instructions for that takes 15 to 30 times as long as
in single precision, longer than for the forward and backward pass together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # steepest at 0 of the odd polynomials of degree 5 that stay near 1
_ITERATIONS = 5
_RMS = 0.2  # root mean square of AdamW's steps, in learning rates


class Muon(torch.optim.Optimizer):
    """Step matrices by their orthogonalized momentum, with decoupled weight decay.

    Args:
        params: matrices (rows, columns), or groups of them.
        lr: learning rate; a step has a root mean square of about a fifth of it.
        weight_decay: λ of W ← (1 − lr λ) W.
        momentum: decay of the mean of gradients, which looks ahead as Nesterov's does.

    Raises:
        ValueError: a parameter is no matrix.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        for each in (parameter for group in self.param_groups for parameter in group["params"]):
            if each.ndim != 2:
                raise ValueError(f"Muon steps matrices, not a parameter of shape {tuple(each.shape)}")

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step of every matrix that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(parameter.grad)
                mean = state["momentum_buffer"].lerp_(parameter.grad, 1.0 - group["momentum"])
                direction = orthogonalized(parameter.grad.lerp(mean, group["momentum"]))
                parameter.mul_(1.0 - group["lr"] * group["weight_decay"])
                parameter.add_(direction, alpha=-group["lr"] * _RMS * math.sqrt(max(parameter.shape)))


def orthogonalized(matrix: Tensor) -> Tensor:
    """About U Vᵀ of a matrix U S Vᵀ, by five iterations of Newton and Schulz: singular values between 0.7 and 1.2.

    In bfloat16 on CUDA, and in single precision on a CPU, which gives the same steps whatever processor it is.

    Args:
        matrix: (rows, columns).
    """
    wide = matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide.to(torch.float32 if matrix.device.type == "cpu" else torch.bfloat16)
    wide = wide / wide.norm().clamp_min(1e-7)
    first, third, fifth = _COEFFICIENTS
    for _ in range(_ITERATIONS):
        gram = wide @ wide.mT
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=third, alpha=fifth), wide, beta=first)
    return (wide.mT if matrix.shape[0] > matrix.shape[1] else wide).to(matrix.dtype)
