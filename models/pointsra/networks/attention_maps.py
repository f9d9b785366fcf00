"""What the tokens of an encoder read: the weights of its attention, computed a second time beside the fast path.

The blocks use a fused attention that keeps no weights. Here a hook looks at the tokens that enter one block and
computes softmax(q kᵀ / √d) from that block's own layers; what the block gives is not changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from pointsra.networks.masked_autoencoder import PatchEncoder
from pointsra.networks.transformer import Block, QueryBlock


@contextmanager
def recorded_attention(encoder: PatchEncoder, block: int) -> Iterator[list[Tensor]]:
    """Collect the attention of one block, for every forward pass while the ``with`` block lasts.

    Args:
        encoder: whose T = Q + V tokens are its queries, then the visible patches.
        block: number of the block, from 0.

    Yields:
        A list that each pass adds (B, T, T) to: mean over the heads, rows of sum 1. Row t says how much token t reads
        of every token; in ReCon's blocks queries read patches alone, and patches read patches alone.

    Raises:
        IndexError: there is no such block.
    """
    blocks = encoder.transformer.blocks
    if not 0 <= block < len(blocks):
        raise IndexError(f"there are blocks 0 … {len(blocks) - 1}, not {block}")
    found: list[Tensor] = []

    def look(module: nn.Module, given: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        tokens = given[0] if given else named["tokens"]
        found.append(attention_weights(module, tokens.detach()).mean(dim=1))

    handle = blocks[block].register_forward_pre_hook(look, with_kwargs=True)
    try:
        yield found
    finally:
        handle.remove()


@torch.no_grad()
def attention_weights(block: nn.Module, tokens: Tensor) -> Tensor:
    """The weights (B, heads, T, T) by which a block mixes ``tokens`` (B, T, C), all of which read all they may.

    Raises:
        TypeError: a block of another kind.
    """
    if isinstance(block, Block):
        queries, keys = _queries_and_keys(block, block.norm1(tokens))
        return _softmax(queries, keys)
    if not isinstance(block, QueryBlock):
        raise TypeError(f"attention cannot be read from a {type(block).__name__}")
    count, heads = block.queries, block.attn.heads
    patches = block.norm1(tokens[:, count:])
    asking = _split(block.query_attn.q(block.query_norm1(tokens[:, :count])), heads)
    asked = _split(block.query_attn.kv(patches).chunk(2, dim=-1)[0], heads)
    weights = tokens.new_zeros(len(tokens), heads, tokens.shape[1], tokens.shape[1])
    weights[:, :, :count, count:] = _softmax(asking, asked)
    weights[:, :, count:, count:] = _softmax(*_queries_and_keys(block, patches))
    return weights


def _queries_and_keys(block: Block | QueryBlock, normed: Tensor) -> tuple[Tensor, Tensor]:
    queries, keys, _ = block.attn.qkv(normed).chunk(3, dim=-1)
    return _split(queries, block.attn.heads), _split(keys, block.attn.heads)


def _split(values: Tensor, heads: int) -> Tensor:
    """(B, T, C) → (B, heads, T, C / heads)."""
    return values.unflatten(-1, (heads, -1)).transpose(1, 2)


def _softmax(queries: Tensor, keys: Tensor) -> Tensor:
    return (queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5).float().softmax(dim=-1)
