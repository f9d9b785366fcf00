"""The split ``alternatives`` of generated furniture: shapes with a part of which is known what else it could be.

The same seat stands on four legs, on a pedestal, on castors, and nothing visible tells which. Of every shape here the
generator builds the part that realizes such a choice several times over, by its own probabilities, so that a flow can
be taught by many truths of one visible part where scans of the world show one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointsra.data.assembling import ReadBlock, SplitPlan
from pointsra.data.blocks import cut
from pointsra.data.shapes import (
    ALTERNATIVES,
    CHOICES,
    CLASS_NAMES,
    Alternative,
    Shape,
    generate,
    other_part,
    realized_in,
    sample_framed,
    sample_meters,
)
from pointsra.data.split_writer import CloudBlock, SplitHeader
from pointsra.errors import DataError

ALTERNATIVES_SPLIT = "alternatives"
OTHERS = 5
"""K, what else each part could be; ours. With its own there are six truths of what is visible."""

OTHER_POINTS = 512
"""P of each; ours. They are only cut into cells, whose means are what the flow learns."""

_FIRST = 2_000_000  # index of the first shape: none of them is in any other set of the same seed
_TURNS = tuple((name, each) for name, several in ALTERNATIVES.items() for each in several)
_LEAST = 128  # one of so many points belongs to the part, and one to the rest: with fewer, nothing is hidden, or all
_TRIES, _APART = 50, 1_000_000  # shapes tried for a number, and how far apart their indices are


@dataclass(frozen=True)
class AlternativesTask:
    """Some shapes to make: their numbers, the seed, and N points a cloud."""

    numbers: tuple[int, ...]
    seed: int
    points: int


def plan_alternatives(count: int, seed: int, points: int, variant: str) -> SplitPlan:
    """The split of ``count`` shapes, classes and their choices in turns.

    It gets no features: what a picture or a caption tells is one truth, and here there are several.
    """
    header = SplitHeader(
        dataset="shapes",
        variant=variant,
        split=ALTERNATIVES_SPLIT,
        class_names=CLASS_NAMES,
        seed=seed,
        conditions=False,
    )
    blocks = cut(range(count))
    return SplitPlan(header, [AlternativesTask(tuple(block), seed, points) for block in blocks], count)


def make_alternatives(task: AlternativesTask) -> ReadBlock:
    """Generate some shapes, sample them, and sample what else their part could be.

    Returns:
        (B, N, 3) points in the unit frame, which of them belong to the part, and (B, K, P, 3) other parts.
    """
    made = [_made(number, task) for number in task.numbers]
    shapes, indices, *arrays = zip(*made, strict=True)
    points, hidden, others = map(np.stack, arrays)
    return ReadBlock(
        CloudBlock(
            points=points,
            labels=np.array([shape.label for shape in shapes], dtype=np.int64),
            ids=[f"{shape.class_name}-{index:07d}" for index, shape in zip(indices, shapes, strict=True)],
            captions=[shape.caption for shape in shapes],
            hidden=hidden,
            alternatives=others,
        )
    )


def _made(number: int, task: AlternativesTask) -> tuple[Shape, int, NDArray, NDArray, NDArray]:
    """The first shape of a number's class that has something to hide, its index, and it sampled with the others."""
    name, alternative = _TURNS[number % len(_TURNS)]
    fewest = max(1, task.points // _LEAST)
    for index in range(_FIRST + number, _FIRST + number + _TRIES * _APART, _APART):
        shape = generate(index, task.seed, name)
        rng = np.random.default_rng([task.seed, index, 7_001])
        points, parts, offset, scale = sample_framed(shape, task.points, rng)
        hidden = realized_in(parts, shape, alternative)
        if fewest <= hidden.sum() <= task.points - fewest:
            break
    else:
        raise DataError(f"shapes: none of {_TRIES} shapes of class {name} has a part to hide at {task.points} points.")
    others = [(sampled - offset) / scale for sampled in _others(shape, index, task.seed, alternative, rng)]
    return shape, index, points, hidden, np.stack(others).astype(np.float16)


def _others(
    shape: Shape, index: int, seed: int, alternative: Alternative, rng: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """K times P points of other parts in meters, options by the generator's probabilities."""
    choice = alternative.choices[0]  # those realized together with it are drawn anew
    options = CHOICES[shape.class_name][choice]
    found = 0
    for variant in range(_TRIES):
        option = str(rng.choice(list(options), p=list(options.values())))
        other = generate(index, seed, shape.class_name, {choice: option}, variant)
        part = other_part(shape, other, alternative)
        if not len(part.faces):  # a chair may have neither back nor arms
            continue
        yield sample_meters(part, OTHER_POINTS, rng)[0]
        found += 1
        if found == OTHERS:
            return
    raise DataError(f"shapes: of {_TRIES} variants of {shape.class_name} {index} fewer than {OTHERS} have the part.")
