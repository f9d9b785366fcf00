"""AdamW, alone or beside Muon, and the learning rate as a function of the step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import nn

from pointsra.networks.mask_point import QueryDecoderBlock
from pointsra.networks.mean_flow_transformer import FlowBlock
from pointsra.networks.transformer import Block, QueryBlock
from pointsra.training.muon import Muon

# Learned tokens, positions and nulls are embeddings: like biases and norms they are not decayed.
_UNDECAYED = ("token", "tokens", "positions", "null")
_BLOCKS = (Block, QueryBlock, QueryDecoderBlock, FlowBlock)


class Steps(Protocol):
    """What training asks of an optimizer; every ``torch.optim.Optimizer`` is one."""

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Groups of parameters, each with its ``lr``."""
        ...

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        ...

    def step(self) -> Any:
        """Change the parameters."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Take up what :meth:`state_dict` gave."""
        ...


class MuonBesideAdamW:
    """Muon for the matrices of transformer blocks, AdamW for everything else; both share one learning rate.

    With few steps it learns more a step: the preset ``small`` takes it for that reason.

    Args:
        groups: the parameters (rows, columns) that Muon steps, each with its ``lr_factor`` and ``weight_decay``.
        rest: the optimizer of all others.
    """

    def __init__(self, groups: list[dict[str, Any]], rest: torch.optim.AdamW) -> None:
        self._muon = Muon(groups, lr=0.0, weight_decay=0.0)
        self._rest = rest

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of both."""
        return [*self._muon.param_groups, *self._rest.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        self._muon.zero_grad(set_to_none)
        self._rest.zero_grad(set_to_none)

    def step(self) -> None:
        """One step of each."""
        self._muon.step()
        self._rest.step()

    def state_dict(self) -> dict[str, Any]:
        """The state of both."""
        return {"muon": self._muon.state_dict(), "rest": self._rest.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what :meth:`state_dict` gave."""
        self._muon.load_state_dict(state_dict["muon"])
        self._rest.load_state_dict(state_dict["rest"])


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


def build_optimizer(
    name: str,
    module: nn.Module,
    weight_decay: float,
    beta2: float,
    fast: tuple[str, ...] = (),
    factor: float = 1.0,
) -> Steps:
    """The optimizer of pre-training.

    Args:
        name: "adamw", or "muon" for :class:`MuonBesideAdamW`.
        module: what is trained; Muon takes the matrices of :func:`block_matrices`.
        weight_decay, fast, factor: see :func:`parameter_groups`.
        beta2: AdamW's second decay.
    """
    everything = [(each, parameter) for each, parameter in module.named_parameters() if parameter.requires_grad]
    if name == "adamw":
        return adamw(parameter_groups(everything, weight_decay, fast, factor), beta2)
    taken = block_matrices(module)
    matrices = [(each, parameter) for each, parameter in everything if each in taken]
    others = [(each, parameter) for each, parameter in everything if each not in taken]
    rest = adamw(parameter_groups(others, weight_decay, fast, factor), beta2)
    return MuonBesideAdamW(parameter_groups(matrices, weight_decay, fast, factor), rest)


def block_matrices(module: nn.Module) -> set[str]:
    """Names of the matrices (rows, columns) inside the transformer blocks of ``module``."""
    return {
        f"{place}.{name}"
        for place, block in module.named_modules()
        if isinstance(block, _BLOCKS)
        for name, parameter in block.named_parameters()
        if parameter.ndim == 2
    }


def learning_rate(step: int, total: int, warmup: int, peak: float, floor: float) -> float:
    """Linear warm-up over ``warmup`` steps, then a cosine from ``peak`` to ``floor`` at ``total``."""
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(1, total - warmup)
    return floor + (peak - floor) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, share)))


def set_learning_rate(optimizer: Steps, rate: float) -> None:
    """Give every group its rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["lr_factor"]
