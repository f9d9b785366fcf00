"""The data set ``shapes``: generated objects with parts and captions, nothing to download.

The objects themselves are made by ``data.shapes``. Here they are dealt out to train, val and test (80, 10 and 10 of a
hundred, each class in the same shares), sampled and written. Furniture gets a split of ``alternatives`` beside them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from pointsra.data.alternatives import (
    ALTERNATIVES_SPLIT,
    OTHER_POINTS,
    OTHERS,
    AlternativesTask,
    make_alternatives,
    plan_alternatives,
)
from pointsra.data.assembling import ReadBlock, SplitPlan, build_splits
from pointsra.data.blocks import cut
from pointsra.data.request import Built, PrepareRequest, RawFiles, Recipe
from pointsra.data.shapes import CLASS_NAMES, PART_NAMES, generate, sample_surface
from pointsra.data.split_writer import CloudBlock, SplitHeader
from pointsra.errors import SettingsError
from pointsra.progress import Report

DEFAULT_COUNT = 3000
FURNITURE = "furniture"
_EXTRA = {
    "chair": 12,
    "table": 9,
    "stool": 6,
    "armchair": 2,
    "bench": 2,
    "cabinet": 2,
    "desk": 2,
    "shelf": 2,
    "sofa": 2,
    "bed": 1,
    "lamp": 1,
}
"""How many more of a hundred furniture shapes are of a class (ours). Where all come alike a chair is one in sixty, and
what may be under its seat is seldom learned."""
_FIRST = 1_000_000  # index of the first furniture shape: none of them is in the other set of the same seed
_ALTERNATIVES_EACH = 4  # shapes for one more whose hidden part is there several times over; ours
SPLITS = ("train", "val", "test")
PART_LABELS: tuple[str, ...] = tuple(f"{name}/{part}" for name in CLASS_NAMES for part in PART_NAMES[name])
"""Part labels over all classes, "chair/seat" for instance; each class has a run of its own."""

_FIRST_PART = dict(
    zip(CLASS_NAMES, np.cumsum([0] + [len(PART_NAMES[name]) for name in CLASS_NAMES[:-1]]).tolist(), strict=True)
)


ShapesTask = tuple[tuple[int, ...], int, int, str | None]


def cycle_of(variant: str | None) -> tuple[str, ...]:
    """The classes that take turns in a variant: each once, or in :data:`FURNITURE` some more often."""
    extra = _EXTRA if variant == FURNITURE else {}
    return CLASS_NAMES + tuple(name for name, times in extra.items() for _ in range(times))


def split_of(index: int, period: int = len(CLASS_NAMES)) -> str:
    """Which split shape number ``index`` belongs to: of any ten in a row at one place of the cycle, eight, one, one."""
    turn, place = divmod(index, period)
    # The offset spreads small collections: with three cycles' worth of shapes each split has some of them.
    tenth = (turn + 3 * place) % 10
    return "val" if tenth == 8 else "test" if tenth == 9 else "train"


def deal(count: int, limit: int | None, period: int = len(CLASS_NAMES)) -> dict[str, list[int]]:
    """Deal shapes 0 … count - 1 out to the splits.

    Args:
        count: how many shapes.
        limit: at most this many in each split; the first ones are kept.
        period: after how many shapes the classes come again.

    Returns:
        Split -> indices of its shapes, in order.

    Raises:
        SettingsError: so few shapes that a split stays empty.
    """
    dealt: dict[str, list[int]] = {split: [] for split in SPLITS}
    for index in range(count):
        dealt[split_of(index, period)].append(index)
    empty = [split for split, indices in dealt.items() if not indices]
    if empty:
        raise SettingsError(f"{count} shapes leave {' and '.join(empty)} empty; ask for 16 or more with --count.")
    return {split: indices[:limit] for split, indices in dealt.items()}


def make(task: ShapesTask | AlternativesTask) -> ReadBlock:
    """What a task of any split asks for."""
    return make_alternatives(task) if isinstance(task, AlternativesTask) else make_block(task)


def make_block(task: ShapesTask) -> ReadBlock:
    """Generate some shapes and sample them.

    Args:
        task: the shapes' numbers in their variant (B of them), the seed, N points a cloud, and the variant.

    Returns:
        (B, N, 3) points in the unit frame with labels, parts and captions.
    """
    numbers, seed, count, variant = task
    cycle, first = cycle_of(variant), _FIRST if variant == FURNITURE else 0
    indices = [first + number for number in numbers]
    classes = [cycle[number % len(cycle)] for number in numbers]
    shapes = [generate(index, seed, name) for index, name in zip(indices, classes, strict=True)]
    clouds, parts = [], []
    for index, shape in zip(indices, shapes, strict=True):
        # The last number only keeps this stream apart from the one that drew the shape.
        points, labels = sample_surface(shape, count, np.random.default_rng([seed, index, 7_001]))
        clouds.append(points)
        parts.append(labels.astype(np.uint8) + np.uint8(_FIRST_PART[shape.class_name]))
    return ReadBlock(
        CloudBlock(
            points=np.stack(clouds),
            labels=np.array([shape.label for shape in shapes], dtype=np.int64),
            ids=[f"{shape.class_name}-{index:06d}" for index, shape in zip(indices, shapes, strict=True)],
            parts=np.stack(parts),
            captions=[shape.caption for shape in shapes],
        )
    )


def fingerprint(request: PrepareRequest) -> str:
    """The sha256 of one shape of each class, to the millimeter, and of a variant's cycle: it changes when they do."""
    digest = hashlib.sha256()
    if request.variant == FURNITURE:
        digest.update(f"{_FIRST} {cycle_of(FURNITURE)} {_ALTERNATIVES_EACH} {OTHERS} {OTHER_POINTS}".encode())
    for index in range(len(CLASS_NAMES)):
        shape = generate(index, 0)
        digest.update(f"{shape.class_name} {shape.part_names} {shape.caption}".encode())
        digest.update(np.round(shape.vertices * 1000.0).astype(np.int32).tobytes())
        digest.update(shape.faces.tobytes() + shape.face_parts.tobytes())
    return digest.hexdigest()


def find(request: PrepareRequest) -> RawFiles:
    """Say how many shapes each split will have; there are no raw files.

    Raises:
        SettingsError: so few shapes that a split stays empty.
    """
    expected = {split: len(indices) for split, indices in _dealt(request).items()}
    if request.variant == FURNITURE:
        expected[ALTERNATIVES_SPLIT] = _alternatives(request)
    return RawFiles(expected=expected)


def build(request: PrepareRequest, raw: RawFiles, folder: Path, report: Report) -> Built:
    """Generate the shapes of every split and write them.

    Args:
        request: count, limit, seed, points, variant and workers are used.
        raw: what :func:`find` said.
        folder: where the splits go.
        report: told after each block.

    Raises:
        OutputError: the disk is full.
    """
    dealt = _dealt(request)
    plans = [
        SplitPlan(
            SplitHeader(
                dataset="shapes",
                variant=request.variant or "",
                split=split,
                class_names=CLASS_NAMES,
                part_names=PART_LABELS,
                seed=request.seed,
            ),
            [(tuple(block), request.seed, request.points, request.variant) for block in cut(dealt[split])],
            len(dealt[split]),
        )
        for split in SPLITS
    ]
    if request.variant == FURNITURE:
        plans.append(plan_alternatives(_alternatives(request), request.seed, request.points, FURNITURE))
    counts = build_splits(plans, make, request, folder, report).counts
    return Built(counts, CLASS_NAMES, request.variant or "")


def _count(request: PrepareRequest) -> int:
    return DEFAULT_COUNT if request.count is None else request.count


def _dealt(request: PrepareRequest) -> dict[str, list[int]]:
    return deal(_count(request), request.limit, len(cycle_of(request.variant)))


def _alternatives(request: PrepareRequest) -> int:
    """How many shapes the split of alternatives has."""
    count = max(1, _count(request) // _ALTERNATIVES_EACH)
    return count if request.limit is None else min(count, request.limit)


RECIPE = Recipe(
    "generated everyday objects with parts and captions; no download",
    find,
    build,
    variants=(FURNITURE,),
    counted=True,
    fingerprint=fingerprint,
)
