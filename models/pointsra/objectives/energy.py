"""The energy score of samples: how far a generator's samples are from the truth, less half of how far from one another.

With a distance of negative type, as that of :func:`energy_score`, its expectation is smallest for samples of the true
distribution alone (Gneiting & Raftery, 2007, "Strictly proper scoring rules"; as an objective of generators: Shen &
Meinshausen, 2024, "Engression"). Chamfer distances are not of negative type: by :func:`cloud_distance` samples can
score better than the truth. It looks at nothing but samples, so that a flow drawn in one evaluation answers to it for
exactly what it draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from pointsra.ops.chamfer import nearest_squared

_DIRECTIONS = 48
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


def sliced_distance(first: Tensor, second: Tensor) -> Tensor:
    """Sliced Wasserstein-2 distance of clouds (…, N, 3) of as many points, which broadcast: (…).

    Where the coordinates along each of 48 directions are sorted, it is the root mean square of their differences, times
    √3: that of a cloud moved by v is about |v|. It is the Euclidean distance of what is sorted, so of negative type,
    and minds how many points lie where (Rabin et al., SSVM 2011; Bonneel et al., JMIV 2015). The directions are fixed
    and even over half a sphere.
    """
    return _slices_apart(_slices(first), _slices(second))


CLOUD_DISTANCES = ("chamfer", "sliced", "both")
"""What ``flow.points_distance`` may be: :func:`cloud_distance`, :func:`sliced_distance`, or their sum."""


def cloud_energy_score(samples: Tensor, truth: Tensor, distance: str = "chamfer") -> Tensor:
    """The same of clouds, whose points are in no order. (B,).

    Args:
        samples: (S, B, P, 3), S ≥ 2.
        truth: (R, B, P, 3).
        distance: of :data:`CLOUD_DISTANCES`.

    Raises:
        ValueError: a single sample, or an unknown distance.
    """
    if distance not in CLOUD_DISTANCES:
        raise ValueError(f"distance {distance!r} is none of {', '.join(CLOUD_DISTANCES)}")
    scores = []
    if distance != "sliced":
        scores.append(_score(samples, truth, cloud_distance))
    if distance != "chamfer":  # each cloud is sorted once, and not for each of its pairs
        scores.append(_score(_slices(samples), _slices(truth), _slices_apart))
    return torch.stack(scores).sum(dim=0)


def _slices(cloud: Tensor) -> Tensor:
    """Coordinates of (…, N, 3) along fixed directions, each direction's in order: (…, N, :data:`_DIRECTIONS`)."""
    number = torch.arange(_DIRECTIONS, device=cloud.device, dtype=cloud.dtype) + 0.5
    turn, height = math.pi * (1.0 + math.sqrt(5.0)) * number, 1.0 - number / _DIRECTIONS
    wide = (1.0 - height.square()).sqrt()
    with torch.autocast(cloud.device.type, enabled=False):  # products of 8 bits put points of a patch in one place
        return (cloud @ torch.stack([wide * turn.cos(), wide * turn.sin(), height])).sort(dim=-2).values


def _slices_apart(first: Tensor, second: Tensor) -> Tensor:
    return (3.0 * (first - second).square().mean(dim=(-2, -1)) + _EPSILON).sqrt()


def _score(samples: Tensor, truth: Tensor, apart: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    count = len(samples)
    if count < 2:
        raise ValueError("the energy score needs at least two samples")
    one, other = torch.triu_indices(count, count, offset=1, device=samples.device)
    return apart(samples[:, None], truth[None]).mean(dim=(0, 1)) - 0.5 * apart(samples[one], samples[other]).mean(dim=0)
