"""Initial weights, drawn from an explicit generator.

The Point-MAE family's choice: truncated normal of deviation 0.02 for linear layers and tokens, zero biases,
unit norms. Layers that declare ``starts_at_zero`` (adaLN modulations, the flow's output) are set to zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn


def initialize(module: nn.Module, generator: torch.Generator) -> None:
    """Draw every parameter of ``module`` anew, in the order of its named modules."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            if getattr(layer, "starts_at_zero", False):
                nn.init.zeros_(layer.weight)
            elif getattr(layer, "starts_as_convolution", False):
                bound = layer.in_features**-0.5
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            else:
                nn.init.trunc_normal_(layer.weight, std=0.02, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.LayerNorm | nn.BatchNorm1d):
            layer.reset_parameters()
        for name, parameter in layer.named_parameters(recurse=False):
            if name.endswith(("token", "tokens", "positions", "null")):
                nn.init.trunc_normal_(parameter, std=0.02, generator=generator)


ModuleT = TypeVar("ModuleT", bound=nn.Module)


def build(constructor: Callable[[], ModuleT], generator: torch.Generator) -> ModuleT:
    """Construct a module and initialize it, leaving torch's global random state as it was."""
    module = construct(constructor)
    initialize(module, generator)
    return module


def construct(constructor: Callable[[], ModuleT]) -> ModuleT:
    """Construct a module whose weights are loaded afterwards, leaving torch's global random state as it was."""
    with torch.random.fork_rng(devices=[]):
        return constructor()
