"""AdamW with two groups, and the learning rate as a function of the step."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

# Learned tokens, positions and nulls are embeddings: like biases and norms they are not decayed.
_UNDECAYED = ("token", "tokens", "positions", "null")


def parameter_groups(
    named: Iterable[tuple[str, nn.Parameter]], weight_decay: float, fast: tuple[str, ...] = (), factor: float = 1.0
) -> list[dict[str, object]]:
    """Split trainable parameters into decayed and undecayed ones.

    Args:
        named: names and parameters; those without gradient are left out.
        weight_decay: of the decayed group.
        fast: name prefixes whose learning rate is multiplied.
        factor: that multiple, kept in each group as ``lr_factor``.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in named:
        if parameter.requires_grad:
            decayed = parameter.ndim > 1 and not name.endswith(_UNDECAYED)
            groups.setdefault((decayed, name.startswith(fast) if fast else False), []).append(parameter)
    return [
        {"params": members, "weight_decay": weight_decay if decayed else 0.0, "lr_factor": factor if quick else 1.0}
        for (decayed, quick), members in sorted(groups.items(), key=lambda item: item[0])
    ]


def adamw(groups: list[dict[str, object]], beta2: float) -> torch.optim.AdamW:
    """AdamW over ``groups``; the learning rate is set before every step by :func:`set_learning_rate`."""
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, beta2), fused=True)


def learning_rate(step: int, total: int, warmup: int, peak: float, floor: float) -> float:
    """Linear warm-up over ``warmup`` steps, then a cosine from ``peak`` to ``floor`` at ``total``."""
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(1, total - warmup)
    return floor + (peak - floor) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, share)))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["lr_factor"]
