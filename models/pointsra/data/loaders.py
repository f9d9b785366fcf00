"""Batches of clouds from a prepared split, in an order that follows from the seed alone.

Training clouds are random subsets of the stored points, test clouds are farthest-point subsets, so that a test
is deterministic. Clouds stored in the unit frame are normalized again after the choice (as Point-MAE does);
clouds stored raw (ScanObjectNN) are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pointsra.ops.batch_parts import part_stream
from pointsra.ops.randomness import stream
from pointsra.ops.sampling import farthest_point_indices, gather_points, random_indices
from pointsra.ops.transforms import unit_frame

if TYPE_CHECKING:
    from pointsra.data.store import Split


@dataclass(frozen=True)
class Batch:
    """Clouds that are learned from together.

    Attributes:
        points: (B, N, 3) float32.
        labels: (B,) int64.
        image: (B, D) frozen image features, or None where the data set has none.
        text: (B, D) frozen text features, or None.
        parts: (B, N) uint8 part labels of the points, where they were asked for and the data set has them.
        hidden: (B, N) bool, the points of a part that could be another, in batches of ``alternatives``.
        alternatives: (B, K, P, 3) what else that part could be, in the frame of the points.
    """

    points: Tensor
    labels: Tensor
    image: Tensor | None = None
    text: Tensor | None = None
    parts: Tensor | None = None
    hidden: Tensor | None = None
    alternatives: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        moved = {name: value.to(device) for name, value in vars(self).items() if value is not None}
        return replace(self, **moved)

    def known_features(self) -> Tensor:
        """(2,) how many of its clouds have an image feature, and how many a text feature."""
        none = self.points.new_zeros(())
        counts = [none if value is None else value.isfinite().all(dim=-1).sum() for value in (self.image, self.text)]
        return torch.stack([count.to(self.points) for count in counts])

    def rows(self, index: slice) -> Batch:
        """Some of its clouds."""
        return replace(self, **{name: value[index] for name, value in vars(self).items() if value is not None})


def steps_per_epoch(clouds: int, batch_size: int) -> int:
    """Whole batches in one pass; a split smaller than one batch gives one smaller batch."""
    return max(1, clouds // batch_size)


def repetition_note(split: Split, points: int) -> str:
    """A sentence for the user where clouds hold fewer than ``points`` points, so that some are taken twice; else ""."""
    held = split.points_per_cloud
    if held >= points:
        return ""
    return (
        f"{split.path} holds {held} points a cloud and patches.points asks for {points}: points are taken more than "
        f"once; prepare it with --points {points} where the data set has so many."
    )


def training_batches(
    split: Split,
    batch_size: int,
    points: int,
    *,
    seed: int,
    epoch: int,
    first: int = 0,
    part: int = 0,
    parts: int = 1,
    part_labels: bool = False,
    alternatives: Split | None = None,
    alternative_share: float = 0.0,
) -> Iterator[Batch]:
    """The batches of one epoch, from number ``first`` on.

    Args:
        split: what to read.
        batch_size: clouds a batch; the incomplete last one is left out.
        points: N drawn from each cloud, with repetition only where the cloud has fewer.
        seed: of the run.
        epoch: decides the order.
        first: batches to pass over, when an epoch is resumed in its middle.
        part, parts: read only this part of every batch, its rows part, part + parts, …, as they stand in the whole.
        part_labels: read those of the points as well.
        alternatives: a split whose clouds have a part that could be another.
        alternative_share: of all batches, those that come from there instead, as many clouds at random.
    """
    order = torch.randperm(len(split), generator=stream(seed, "order", epoch)).numpy()
    for number in range(first, steps_per_epoch(len(split), batch_size)):
        source, whole = split, order[number * batch_size : (number + 1) * batch_size]
        if alternatives is not None:
            coins = stream(seed, "alternatives", epoch, number)
            if float(torch.rand((), generator=coins)) < alternative_share:
                source, whole = alternatives, _some(len(alternatives), len(whole), coins)
        rows = whole[part::parts]
        clouds = torch.from_numpy(source.points_at(rows))
        drawn = part_stream(seed, "points", epoch, number, part=part, parts=parts, total=len(whole))
        chosen = random_indices(len(rows), clouds.shape[1], points, drawn)
        yield _batch(source, rows, clouds, chosen, part_labels)


def evaluation_batches(
    split: Split,
    batch_size: int,
    points: int,
    limit: int | None = None,
    *,
    seed: int | None = None,
    part: int = 0,
    parts: int = 1,
    part_labels: bool = False,
) -> Iterator[Batch]:
    """Every cloud once, in stored order, cut down to ``points`` by farthest-point sampling.

    Args:
        limit: read at most so many clouds.
        seed: of points at random in place of the farthest.
        part, parts: give only the batches number part, part + parts, ….
        part_labels: read those of the points as well.
    """
    total = len(split) if limit is None else min(limit, len(split))
    for start in range(0, total, batch_size)[part::parts]:
        rows = np.arange(start, min(start + batch_size, total))
        clouds = torch.from_numpy(split.points_at(rows))
        stored = clouds.shape[1]
        if seed is not None:
            chosen = random_indices(len(rows), stored, points, stream(seed, "evaluate", start // batch_size))
        elif stored > points:
            chosen = farthest_point_indices(clouds, points)
        else:
            chosen = (torch.arange(points) % stored).expand(len(rows), -1)
        yield _batch(split, rows, clouds, chosen, part_labels)


def _some(count: int, wanted: int, generator: torch.Generator) -> np.ndarray:
    """``wanted`` different numbers below ``count``, or all of them and some twice."""
    return torch.randperm(count, generator=generator).repeat(-(-wanted // count))[:wanted].numpy()


def _batch(split: Split, rows: np.ndarray, clouds: Tensor, chosen: Tensor, part_labels: bool) -> Batch:
    """A batch of the ``chosen`` points (B, N) of stored clouds."""
    clouds = gather_points(clouds, chosen)
    hidden, others = split.hidden_at(rows), split.alternatives_at(rows)
    alternatives = None if others is None else torch.from_numpy(others)
    if split.frame == "unit":
        frame = unit_frame(clouds)
        clouds = frame.to_unit(clouds)
        if alternatives is not None:
            alternatives = frame.to_unit(alternatives.flatten(1, 2)).view_as(alternatives)
    image, text = split.image_features_at(rows), split.text_features_at(rows)
    labels = split.parts_at(rows) if part_labels else None
    return Batch(
        points=clouds,
        labels=torch.from_numpy(split.labels[rows]),
        image=None if image is None else torch.from_numpy(image),
        text=None if text is None else torch.from_numpy(text),
        parts=None if labels is None else torch.from_numpy(labels).gather(1, chosen),
        hidden=None if hidden is None else torch.from_numpy(hidden).gather(1, chosen),
        alternatives=alternatives,
    )
