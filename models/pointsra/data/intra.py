"""IntrA (Yang et al., CVPR 2020): segments of brain vessels, healthy or with an aneurysm, in five official folds.

Two tasks. Classification tells 1,694 healthy segments from 331 with an aneurysm; segmentation finds the aneurysm in
the 116 segments that experts have annotated, and the ring between vessel and aneurysm counts as aneurysm, as in the
papers that report on it. Each fold is a split: train on four of them, test on the fifth. The geodesic distances
(``geo``) are not read. There is no up in these clouds; they are left as they are turned.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.assembling import ReadBlock, SplitPlan, build_splits
from pointsra.data.blocks import choose_rows, cut, name_caption
from pointsra.data.intra_lists import CLASS_NAMES, OFFICIAL_COUNTS, VARIANTS, Segment, read_folds
from pointsra.data.number_rows import read_rows
from pointsra.data.request import Built, PrepareRequest, RawFiles, Recipe
from pointsra.data.skipping import notes_on, read_sound
from pointsra.data.split_writer import CloudBlock, SplitHeader
from pointsra.data.views import to_unit_frame
from pointsra.errors import DataError
from pointsra.progress import Report

PART_NAMES = CLASS_NAMES
_BOUNDARY = 2  # the official third label


@dataclass(frozen=True)
class Cloud:
    """One segment that was read: (N, 3) points in the unit frame, (N, 3) normals, (N,) part labels or None."""

    segment: Segment
    points: NDArray[np.float32]
    normals: NDArray[np.float32]
    parts: NDArray[np.uint8] | None
    repeated: bool


def find(request: PrepareRequest) -> RawFiles:
    """Find the lists of the folds, and the clouds that they name.

    Raises:
        DataError: something is missing; says where it is to be had.
    """
    folds = read_folds(request)
    clouds = {segment.path for segments in folds.segments.values() for segment in segments}
    expected = {split: len(segments) for split, segments in folds.segments.items()}
    return RawFiles(folds.folder, (*folds.lists, *sorted(clouds)), expected, folds.notes)


def read_segment(segment: Segment, *, points: int, seed: int, with_parts: bool) -> Cloud:
    """Read one ``.ad`` file: a point a row, x y z nx ny nz and a label.

    Args:
        segment: which.
        points: N.
        seed: decides which points are kept, or are there twice where there are too few.
        with_parts: read the labels; without, a file may lack them.

    Raises:
        DataError: missing, empty, a row that is not numbers or not finite, or a label other than 0, 1 and 2.
    """
    path = segment.path
    columns = 7 if with_parts else _columns(path)
    rows = read_rows(path, columns, " ")
    if not np.ptp(rows[:, :3], axis=0).any():
        raise DataError(f"{path}: all its points are in one place.")
    rng = np.random.default_rng([seed, zlib.crc32(segment.name.encode())])
    chosen = choose_rows(len(rows), points, rng)
    parts = _parts(path, rows[:, 6])[chosen] if with_parts else None
    kept = rows[chosen]
    normals = kept[:, 3:6].astype(np.float32)
    return Cloud(segment, to_unit_frame(kept[:, :3]), normals, parts, len(rows) < points)


def _columns(path: Path) -> int:
    """6 for a file without labels, 7 otherwise; what is neither is named when it is read."""
    try:
        with path.open(encoding="latin-1") as stream:
            first = next((line for line in stream if line.strip()), "")
    except OSError as cause:
        raise DataError(f"{path}: cannot be read ({cause.strerror}); is it there?") from cause
    return 6 if len(first.split()) == 6 else 7


def _parts(path: Path, labels: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Part labels (M,) from official ones: 0 vessel, 1 aneurysm, and the boundary (2) is aneurysm."""
    wrong = ~np.isin(labels, (0, 1, _BOUNDARY))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{path}: the label of point {row + 1} is {labels[row]:g}; expected 0 (vessel), 1 (aneurysm) or 2 (the "
            "boundary between them)."
        )
    return (labels > 0).astype(np.uint8)


def read_block(task: tuple[Segment, ...], *, points: int, seed: int, with_parts: bool, skip_bad: bool) -> ReadBlock:
    """Read some segments.

    Args:
        task: which.
        points: N.
        seed: decides which points are kept.
        with_parts: read the label of each point.
        skip_bad: leave out damaged ones.

    Raises:
        DataError: one is damaged, and ``skip_bad`` is off.
    """
    read = partial(read_segment, points=points, seed=seed, with_parts=with_parts)
    clouds, skipped = read_sound(task, read, lambda segment: _relative(segment.path), skip_bad)
    if not clouds:
        return ReadBlock(None, tuple(skipped))
    parts = [cloud.parts for cloud in clouds if cloud.parts is not None]
    block = CloudBlock(
        points=np.stack([cloud.points for cloud in clouds]),
        labels=np.array([cloud.segment.label for cloud in clouds], dtype=np.int64),
        ids=[cloud.segment.name for cloud in clouds],
        captions=[name_caption(CLASS_NAMES[cloud.segment.label]) for cloud in clouds],
        normals=np.stack([cloud.normals for cloud in clouds]),
        parts=np.stack(parts) if parts else None,
    )
    return ReadBlock(block, tuple(skipped), sum(cloud.repeated for cloud in clouds))


def _relative(path: Path) -> str:
    """A cloud's name from its root: the two or three folders that the official tree has."""
    names = path.parts[-4:] if "generated" in path.parts[-4:] else path.parts[-3:]
    return "/".join(names)


def build(request: PrepareRequest, raw: RawFiles, folder: Path, report: Report) -> Built:
    """Read the segments of each fold and write it as a split ``classification_fold1`` … ``segmentation_fold5``.

    Args:
        request: raw, limit, seed, points, workers, variant and skip_bad are used.
        raw: what :func:`find` found.
        folder: where the splits go.
        report: told after each part.

    Raises:
        DataError: a file is damaged and ``skip_bad`` is off, or nothing sound is left of a fold.
        OutputError: the disk is full.
    """
    folds = read_folds(request)
    counts: dict[str, int] = {}
    skipped = list(folds.skipped)
    repeated = 0
    for variant in folds.variants:
        with_parts = variant == "segmentation"
        plans = [
            SplitPlan(
                SplitHeader(
                    dataset="intra",
                    variant=variant,
                    split=split,
                    class_names=CLASS_NAMES,
                    part_names=PART_NAMES if with_parts else (),
                    seed=request.seed,
                    stand_in=raw.stand_in,
                ),
                [tuple(block) for block in cut(segments)],
                len(segments),
            )
            for split, segments in folds.segments.items()
            if split.startswith(variant)
        ]
        work = partial(
            read_block, points=request.points, seed=request.seed, with_parts=with_parts, skip_bad=request.skip_bad
        )
        made = build_splits(plans, work, request, folder, report)
        counts |= made.counts
        skipped += made.skipped
        repeated += made.repeated
    notes = notes_on(skipped)
    for variant, found in folds.counts.items():
        if found != OFFICIAL_COUNTS[variant] and not raw.stand_in:
            official = ", ".join(map(str, OFFICIAL_COUNTS[variant]))
            notes.append(
                f"the {variant} folds list {', '.join(map(str, found))} segments; the official ones {official}."
            )
    if repeated:
        notes.append(f"{repeated} clouds have fewer than {request.points} points; some of theirs are repeated.")
    return Built(counts, CLASS_NAMES, ",".join(folds.variants), skipped, notes)


RECIPE = Recipe(
    "vessels and aneurysms in five folds, for classification and segmentation (--raw DIR)",
    find,
    build,
    variants=VARIANTS,
)
