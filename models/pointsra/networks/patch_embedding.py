"""The mini-PointNet that turns a patch of points into a token (Point-BERT, Point-MAE)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pointsra.networks.batch_norm import BatchNorm


class PatchEmbedding(nn.Module):
    """Points of a patch → one token.

    3 → w₁ → w₂ for each point, the patch's maximum joined in front of every point ([global, local]), then
    2·w₂ → w₃ → C and the maximum over the points. At widths (128, 256, 512) this is Point-MAE's network, whose
    1×1 convolutions are linear layers here; its weights load after dropping their trailing axis.

    Args:
        dim: C. widths: w₁, w₂ and w₃.
        inputs: numbers a point; more than 3 where the "points" of a patch are tokens of a finer scale (Point-M2AE).
    """

    def __init__(self, dim: int, widths: tuple[int, int, int] = (128, 256, 512), inputs: int = 3) -> None:
        super().__init__()
        first, second, third = widths
        self.first = nn.Sequential(
            _linear(inputs, first), BatchNorm(first), nn.ReLU(inplace=True), _linear(first, second)
        )
        self.inputs = inputs
        # The first half of this layer's input is the same for all points of a patch; it is applied once a patch.
        self.joined = _linear(2 * second, third)
        self.second = nn.Sequential(BatchNorm(third), nn.ReLU(inplace=True), _linear(third, dim))
        self.dim = dim

    def forward(self, neighborhoods: Tensor) -> Tensor:
        """Embed patches.

        Args:
            neighborhoods: (B, V, K, 3) points relative to their centers, or (B, V, K, inputs) tokens.

        Returns:
            (B, V, C) tokens.
        """
        clouds, patches, size, _ = neighborhoods.shape
        local = self.first(neighborhoods.reshape(-1, self.inputs))
        width = local.shape[-1]
        largest = local.view(-1, size, width).amax(dim=1)
        from_global = torch.nn.functional.linear(largest, self.joined.weight[:, :width], self.joined.bias)
        from_local = torch.nn.functional.linear(local, self.joined.weight[:, width:])
        joined = (from_local.view(-1, size, from_local.shape[-1]) + from_global.unsqueeze(1)).flatten(0, 1)
        tokens = self.second(joined).view(-1, size, self.dim).amax(dim=1)
        return tokens.view(clouds, patches, self.dim)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    layer.starts_as_convolution = True  # type: ignore[assignment]
    return layer
