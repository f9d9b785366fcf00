"""PointDif's network: a Point-MAE encoder whose tokens become one condition for a denoiser of points.

Zheng et al., "Point Cloud Pre-training with Diffusion Models", CVPR 2024. What the encoder says of the visible
patches, and a learned token for each hidden one, are pooled to one vector; the denoiser looks at one point at a time
and knows the cloud through that vector alone. Hidden tokens carry no position: pooling forgets the order anyway.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pointsra.networks.masked_autoencoder import PatchEncoder
from pointsra.networks.transformer import concatenate
from pointsra.ops.patches import Patches
from pointsra.ops.pooling import soft_pool

DENOISER_WIDTHS = (128, 256, 512, 256, 128)
"""Hidden widths of the denoiser, from the peer's code."""


class ConditionAggregation(nn.Module):
    """Tokens → one condition: two layers, the soft pool joined to every token, two more layers, soft pool.

    Args:
        dim: width C of the tokens. condition_dim: D. hidden: width of the layers between (512 in the peer's code).
    """

    def __init__(self, dim: int = 384, condition_dim: int = 768, hidden: int = 512) -> None:
        super().__init__()
        self.tokens = nn.Sequential(_linear(dim, hidden), nn.ReLU(), _linear(hidden, hidden), nn.ReLU())
        self.joined = nn.Sequential(_linear(2 * hidden, hidden), nn.ReLU(), _linear(hidden, condition_dim), nn.ReLU())

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, C) → (B, D), whatever the order of the tokens."""
        lifted = self.tokens(tokens)
        whole = soft_pool(lifted).unsqueeze(1).expand_as(lifted)
        return soft_pool(self.joined(torch.cat([lifted, whole], dim=-1)))


class GatedLayer(nn.Module):
    """σ(G c + g) · (W x + w) + H c: a linear layer of each point that the condition scales and shifts."""

    def __init__(self, inputs: int, outputs: int, condition_dim: int) -> None:
        super().__init__()
        self.points = _linear(inputs, outputs)
        self.gate = _linear(condition_dim, outputs)
        self.shift = _linear(condition_dim, outputs, bias=False)

    def forward(self, points: Tensor, condition: Tensor) -> Tensor:
        """Features (B, N, inputs) and condition (B, 1, D) → (B, N, outputs)."""
        return self.points(points) * torch.sigmoid(self.gate(condition)) + self.shift(condition)


class PointDenoiser(nn.Module):
    """Noised points, their β and a condition → the noise in them: gated layers with leaky ReLU, plus the points."""

    def __init__(self, condition_dim: int = 768, widths: tuple[int, ...] = DENOISER_WIDTHS) -> None:
        super().__init__()
        ends = (3, *widths, 3)
        self.layers = nn.ModuleList(
            GatedLayer(inputs, outputs, condition_dim + 3) for inputs, outputs in pairwise(ends)
        )

    def forward(self, noised: Tensor, beta: Tensor, condition: Tensor) -> Tensor:
        """Predict the noise.

        Args:
            noised: (B, N, 3).
            beta: (B,) of the noise level; the code of time is [β, sin β, cos β].
            condition: (B, D).

        Returns:
            (B, N, 3).
        """
        code = torch.stack([beta, beta.sin(), beta.cos()], dim=-1)
        known = torch.cat([code, condition], dim=-1).unsqueeze(1)
        features = noised
        for number, layer in enumerate(self.layers):
            features = layer(features if number == 0 else F.leaky_relu(features), known)
        return noised + features


class PointDif(nn.Module):
    """Encoder, condition and denoiser; the loss is :class:`pointsra.objectives.noise_prediction.NoisePrediction`.

    Args:
        encoder: of the visible patches, without queries.
        condition_dim: D. hidden: of the aggregation. widths: of the denoiser.
    """

    def __init__(
        self,
        encoder: PatchEncoder,
        condition_dim: int = 768,
        hidden: int = 512,
        widths: tuple[int, ...] = DENOISER_WIDTHS,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.mask_token = nn.Parameter(torch.zeros(1, 1, encoder.dim))
        self.aggregation = ConditionAggregation(encoder.dim, condition_dim, hidden)
        self.denoiser = PointDenoiser(condition_dim, widths)

    def condition(self, visible: Patches, hidden: int) -> Tensor:
        """The condition (B, D) of clouds whose other ``hidden`` patches are not shown."""
        tokens = self.encoder(visible).patches
        return self.aggregation(concatenate(tokens, self.mask_token.expand(len(tokens), hidden, -1)))


def _linear(inputs: int, outputs: int, bias: bool = True) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=bias)
    layer.starts_as_convolution = True  # type: ignore[assignment]
    return layer
