"""Heads that turn an encoding of a whole cloud into logits of classes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pointsra.networks.batch_norm import BatchNorm
from pointsra.networks.masked_autoencoder import QUERIES, Encoding
from pointsra.networks.stochastic import Dropout


def cloud_feature(encoding: Encoding) -> Tensor:
    """The feature of a cloud: its query tokens and the maximum of its patches, (B, (Q + 1)·C), as in ReCon."""
    return torch.cat([encoding.queries.flatten(1), encoding.patches.amax(dim=1)], dim=-1)


def cloud_feature_dim(dim: int, queries: int = len(QUERIES)) -> int:
    """Width of :func:`cloud_feature` for an encoder of width ``dim`` with that many queries."""
    return (queries + 1) * dim


class ClassificationHead(nn.Sequential):
    """Two hidden layers with batch norm, ReLU and dropout, then logits (the Point-MAE family's head)."""

    def __init__(self, inputs: int, classes: int, hidden: int = 256, dropout: float = 0.5) -> None:
        layers: list[nn.Module] = []
        for width in (inputs, hidden):
            layers += [
                nn.Linear(width, hidden),
                BatchNorm(hidden),
                nn.ReLU(inplace=True),
                Dropout(dropout),
            ]
        super().__init__(*layers, nn.Linear(hidden, classes))


class LinearHead(nn.Sequential):
    """One linear layer behind a batch norm without parameters, for the linear protocol."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__(BatchNorm(inputs, affine=False), nn.Linear(inputs, classes))
