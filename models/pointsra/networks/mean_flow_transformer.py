"""The flow transformer: average velocities of hidden patch centers, given what is visible.

One network serves MeanFlow (two times r and t), rectified flow (r = t) and DDPM (r = t = n / T). Every operation
inside survives forward-mode differentiation: norms are written by hand and attention goes through
``scaled_dot_product_attention``, whose fused kernels the MeanFlow objective switches off inside its JVP.
Times enter raw, with frequencies of 1 to 10: multiplied by 1000, as diffusion codes do, the JVP diverges.

It realizes MFT(Center, t, r) of Point-SRA (Wei et al., 2026) with adaLN-zero (Peebles & Xie, 2023) and QK-norm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pointsra.networks.dot_product import attend


@dataclass(frozen=True)
class FlowContext:
    """The visible part, as the flow is shown it.

    Attributes:
        tokens: (B, V, C) encoder tokens of the visible patches.
        centers: (B, V, 3) their centers in the state's frame.
        keep: (B,) bool, False in rows whose condition is dropped; None keeps all.
        there: (B, T) bool, False in slots that hold nothing and are not read; None: all hold something.
    """

    tokens: Tensor
    centers: Tensor
    keep: Tensor | None = None
    there: Tensor | None = None

    def rows(self, index: Tensor) -> FlowContext:
        """The clouds at ``index``."""
        keep, there = (None if part is None else part[index] for part in (self.keep, self.there))
        return FlowContext(self.tokens[index], self.centers[index], keep, there)

    def detached(self) -> FlowContext:
        """The same values, cut from the encoder's graph."""
        return FlowContext(self.tokens.detach(), self.centers, self.keep, self.there)


@dataclass(frozen=True)
class FlowCondition:
    """Image and text of each cloud.

    Attributes:
        image: (B, D) feature, or None where there are no images.
        text: (B, D) feature, or None.
        image_keep: (B,) bool, False in rows that get the learned null; None keeps all.
        text_keep: likewise.
    """

    image: Tensor | None = None
    text: Tensor | None = None
    image_keep: Tensor | None = None
    text_keep: Tensor | None = None

    def rows(self, index: Tensor) -> FlowCondition:
        """The clouds at ``index``."""
        parts = (self.image, self.text, self.image_keep, self.text_keep)
        return FlowCondition(*(None if part is None else part[index] for part in parts))


@dataclass(frozen=True)
class FlowOutput:
    """What the flow says.

    Attributes:
        velocity: (B, T, 3) average velocity u(z, r, t) of every slot.
        hidden: (B, T, D) tokens after the last block.
    """

    velocity: Tensor
    hidden: Tensor


def rms_norm(values: Tensor) -> Tensor:
    """Divide by the root mean square of the last axis; no parameters."""
    return values * torch.rsqrt(values.square().mean(dim=-1, keepdim=True) + 1e-6)


class Sinusoids(nn.Module):
    """Cosines and sines of a scalar at fixed frequencies, then a linear layer with an optional second."""

    def __init__(self, frequencies: Tensor, dim: int, layers: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", frequencies, persistent=False)
        stack: list[nn.Module] = [nn.Linear(2 * len(frequencies), dim)]
        for _ in range(layers - 1):
            stack += [nn.SiLU(), nn.Linear(dim, dim)]
        for layer in stack:
            layer.starts_as_convolution = True  # type: ignore[assignment]
        self.layers = nn.Sequential(*stack)

    def forward(self, values: Tensor) -> Tensor:
        """(…) → (…, D)."""
        angles = values.unsqueeze(-1) * self.frequencies
        return self.layers(torch.cat([angles.cos(), angles.sin()], dim=-1))


class PointSinusoids(nn.Module):
    """Coordinates with their cosines and sines, then a linear layer: tokens whose products tell distances apart.

    The frequencies π/4 · 2^k fit a state of unit variance. Four octaves are enough for a derivative in time, which
    higher ones would only make larger; where MeanFlow takes a difference, six tell places apart that four cannot.

    Args:
        dim: width D of a token.
        octaves: how many frequencies, each twice the one before.
    """

    def __init__(self, dim: int, octaves: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", math.pi / 4 * 2.0 ** torch.arange(octaves), persistent=False)
        self.layer = nn.Linear(3 + 6 * len(self.frequencies), dim)
        self.layer.starts_as_convolution = True  # type: ignore[assignment]

    def forward(self, points: Tensor) -> Tensor:
        """(…, 3) → (…, D)."""
        angles = (points.unsqueeze(-1) * self.frequencies).flatten(-2)
        return self.layer(torch.cat([points, angles.cos(), angles.sin()], dim=-1))


class FlowBlock(nn.Module):
    """A transformer block modulated by the condition vector, starting as the identity (adaLN-zero)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.modulation = nn.Linear(dim, 6 * dim)
        self.modulation.starts_at_zero = True  # type: ignore[assignment]
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.fc2 = nn.Linear(4 * dim, dim)

    def forward(self, tokens: Tensor, condition: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Tokens (B, T, D) under the condition (B, D): (B, T, D); ``allowed`` as in :func:`attend`."""
        parts = self.modulation(F.silu(condition)).unsqueeze(1).chunk(6, dim=-1)
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = parts
        tokens = tokens + gate_a * self._attend(rms_norm(tokens) * (1 + scale_a) + shift_a, allowed)
        inner = rms_norm(tokens) * (1 + scale_m) + shift_m
        return tokens + gate_m * self.fc2(F.gelu(self.fc1(inner), approximate="tanh"))

    def _attend(self, tokens: Tensor, allowed: Tensor | None) -> Tensor:
        clouds, count, dim = tokens.shape
        split = self.qkv(tokens).view(clouds, count, 3, self.heads, dim // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        mixed = attend(rms_norm(queries), rms_norm(keys), values, allowed)
        return self.proj(mixed.transpose(1, 2).reshape(clouds, count, dim))


class MeanFlowTransformer(nn.Module):
    """u(z, r, t | visible patches, image, text).

    Args:
        dim: width D.
        depth: blocks.
        heads: attention heads.
        context_dim: width C of the encoder's tokens; None builds a flow that is never shown any.
        image_dim: width of image features; None: images are always null.
        text_dim: width of text features; None: texts are always null.
        octaves: frequencies of coordinates, from π/4 upward.
    """

    def __init__(
        self,
        dim: int = 288,
        depth: int = 12,
        heads: int = 6,
        context_dim: int | None = 384,
        image_dim: int | None = None,
        text_dim: int | None = None,
        octaves: int = 4,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.state = PointSinusoids(dim, octaves)
        self.rank = Sinusoids(math.pi * torch.arange(1, 33), dim, layers=1)
        times = torch.logspace(0, 1, 16)
        self.time = Sinusoids(times, dim, layers=2)
        self.gap = Sinusoids(times, dim, layers=2)
        self.image_null = nn.Parameter(torch.zeros(dim))
        self.text_null = nn.Parameter(torch.zeros(dim))
        self.image = None if image_dim is None else nn.Linear(image_dim, dim)
        self.text = None if text_dim is None else nn.Linear(text_dim, dim)
        self.context = None if context_dim is None else nn.Linear(context_dim, dim)
        self.context_positions = None if context_dim is None else PointSinusoids(dim, octaves)
        self.blocks = nn.ModuleList(FlowBlock(dim, heads) for _ in range(depth))
        self.last_modulation = nn.Linear(dim, 2 * dim)
        self.last_modulation.starts_at_zero = True  # type: ignore[assignment]
        self.velocity = nn.Linear(dim, 3)
        self.velocity.starts_at_zero = True  # type: ignore[assignment]

    def forward(
        self,
        state: Tensor,
        r: Tensor,
        t: Tensor,
        rank: Tensor | None = None,
        context: FlowContext | None = None,
        condition: FlowCondition | None = None,
    ) -> FlowOutput:
        """Evaluate the flow once.

        Args:
            state: (B, T, 3) points z_t. Where a context is given its V patches take the first V slots, and what
                stands there in ``state`` is used only in rows whose context is dropped.
            r: (B,) time to go to.
            t: (B,) time of ``state``; 1 is noise, 0 is data.
            rank: (B, T) places in the canonical order; None: the slots are interchangeable.
            context: the visible part.
            condition: image and text.
        """
        tokens = self.state(state)
        if rank is not None:
            tokens = tokens + self.rank(rank)
        if context is not None:
            tokens = self._with_context(tokens, context)
        modulation = self.time(t) + self.gap(t - r) + self._condition(condition, len(t))
        allowed = None if context is None or context.there is None else context.there[:, None, None]
        for block in self.blocks:
            tokens = block(tokens, modulation, allowed)
        shift, scale = self.last_modulation(F.silu(modulation)).unsqueeze(1).chunk(2, dim=-1)
        return FlowOutput(self.velocity(rms_norm(tokens) * (1 + scale) + shift), tokens)

    def embed_displacement(self, state: Tensor, displacement: Tensor) -> Tensor:
        """The change (B, T, D) of an embedded state token when its point (B, T, 3) moves by (B, T, 3)."""
        return self.state(state + displacement) - self.state(state)

    def _with_context(self, tokens: Tensor, context: FlowContext) -> Tensor:
        if self.context is None or self.context_positions is None:
            raise ValueError("this flow was built without context_dim and cannot be shown visible patches")
        tokens_shown = context.tokens.to(self.context.weight.dtype)  # of autocast, which may be off by now
        shown = self.context(tokens_shown) + self.context_positions(context.centers)
        visible = shown.shape[1]
        if context.keep is not None:
            shown = torch.where(context.keep[:, None, None], shown, tokens[:, :visible])
        return torch.cat([shown, tokens[:, visible:]], dim=1)

    def _condition(self, condition: FlowCondition | None, clouds: int) -> Tensor:
        condition = condition or FlowCondition()
        image = _or_null(self.image, condition.image, condition.image_keep, self.image_null, clouds)
        return image + _or_null(self.text, condition.text, condition.text_keep, self.text_null, clouds)


def _or_null(layer: nn.Linear | None, feature: Tensor | None, keep: Tensor | None, null: Tensor, clouds: int) -> Tensor:
    """Project a feature (B, D'), or take the learned null where it is missing or dropped: (B, D)."""
    if layer is None or feature is None:
        return null.expand(clouds, -1)
    projected = layer(feature)
    return projected if keep is None else torch.where(keep[:, None], projected, null)
