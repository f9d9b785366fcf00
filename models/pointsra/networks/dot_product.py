"""Softmax attention of queries to keys, by torch's fused kernels, and where the fast ones lie on a CPU in bfloat16.

What is computed is ``torch.nn.functional.scaled_dot_product_attention``: softmax(q kᵀ / √width) v. Only the precision
in which it is computed is chosen here; it is never below the one that torch would take.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Measured on a CPU with AMX: the backward pass of the fused kernel takes 2 to 6 times as long in bfloat16 as in single
# precision, casts included, for the 11 to 64 tokens of a cloud; at 256 tokens both passes together are nearly alike.
_FEW_KEYS = 256


def attend(queries: Tensor, keys: Tensor, values: Tensor, allowed: Tensor | None = None) -> Tensor:
    """Mix values by the softmax of the products of queries and keys.

    Args:
        queries: (B, heads, Q, D / heads).
        keys: (B, heads, T, D / heads).
        values: (B, heads, T, D / heads).
        allowed: bool that spreads to (B, heads, Q, T): what each query reads; None: all. Who reads nothing gets zeros.

    Returns:
        (B, heads, Q, D / heads), of the dtype of ``values``, or of autocast where that is on.
    """
    if not _better_in_single(queries, keys, values):
        return F.scaled_dot_product_attention(queries, keys, values, allowed)
    kind = _kind(values)
    with torch.autocast("cpu", enabled=False):
        # The fused kernel, or the plain one where the caller asks for it, as a JVP must.
        mixed = F.scaled_dot_product_attention(queries.float(), keys.float(), values.float(), allowed)
    return mixed.to(kind)


def _better_in_single(queries: Tensor, keys: Tensor, values: Tensor) -> bool:
    """Whether this is a forward pass on a CPU in less than single precision whose backward pass will come."""
    if values.device.type != "cpu" or keys.shape[-2] > _FEW_KEYS or not torch.is_grad_enabled():
        return False
    return _kind(values).itemsize < 4 and any(part.requires_grad for part in (queries, keys, values))


def _kind(values: Tensor) -> torch.dtype:
    """The precision that torch would compute in."""
    reduced = values.device.type == "cpu" and torch.is_autocast_enabled("cpu") and values.dtype != torch.float64
    return torch.get_autocast_dtype("cpu") if reduced else values.dtype
