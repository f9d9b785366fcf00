"""The energy score of samples: how far a generator's samples are from the truth, less half of how far from one another.

With a distance of negative type, as that of :func:`energy_score`, its expectation is smallest for samples of the true
distribution alone (Gneiting & Raftery, 2007, "Strictly proper scoring rules"; as an objective of generators: Shen &
Meinshausen, 2024, "Engression"). Chamfer distances are not of negative type: :func:`cloud_energy_score` can fall below
that of the truth. It looks at nothing but samples, so that a flow drawn in one evaluation answers for what it draws.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pointsra.ops.chamfer import nearest_squared

_EPSILON = 1e-8  # under the root: two equal samples have a gradient


def energy_score(samples: Tensor, truth: Tensor, active: Tensor) -> Tensor:
    """Mean distance of the samples to the truth, less half of the mean distance of two of them: (B,).

    Args:
        samples: (S, B, T, D) independent draws, S ≥ 2; with fewer nothing can be said of their spread.
        truth: (R, B, T, D), slot by slot; what is true of each cloud, R ≥ 1 independent draws whose mean counts.
        active: (B, T) bool, the slots that count. A distance is the root mean square over their coordinates.

    Raises:
        ValueError: a single sample.
    """
    weight = active.to(samples.dtype).unsqueeze(-1)
    weight = weight / (truth.shape[-1] * weight.sum(dim=(1, 2), keepdim=True))

    def apart(first: Tensor, second: Tensor) -> Tensor:
        return ((weight * (first - second).square()).sum(dim=(-2, -1)) + _EPSILON).sqrt()

    return _score(samples, truth, apart)


def cloud_distance(first: Tensor, second: Tensor) -> Tensor:
    """CD-L1 + ½ √CD-L2 of clouds (…, N, 3) and (…, M, 3), which broadcast: (…).

    The first minds every point a little off, the second above all the few that are far.
    """
    shape = torch.broadcast_shapes(first.shape[:-2], second.shape[:-2])
    pairs = (each.expand(*shape, -1, -1).reshape(-1, *each.shape[-2:]) for each in (first, second))
    there, back = nearest_squared(*pairs)
    mean = 0.5 * ((there + _EPSILON).sqrt().mean(dim=1) + (back + _EPSILON).sqrt().mean(dim=1))
    return (mean + 0.5 * (there.mean(dim=1) + back.mean(dim=1) + _EPSILON).sqrt()).view(shape)


def cloud_energy_score(samples: Tensor, truth: Tensor) -> Tensor:
    """The same of clouds, whose points are in no order, by :func:`cloud_distance`. (B,).

    Args:
        samples: (S, B, P, 3), S ≥ 2.
        truth: (R, B, P, 3).

    Raises:
        ValueError: a single sample.
    """
    return _score(samples, truth, cloud_distance)


def _score(samples: Tensor, truth: Tensor, apart: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    count = len(samples)
    if count < 2:
        raise ValueError("the energy score needs at least two samples")
    one, other = torch.triu_indices(count, count, offset=1, device=samples.device)
    return apart(samples[:, None], truth[None]).mean(dim=(0, 1)) - 0.5 * apart(samples[one], samples[other]).mean(dim=0)
