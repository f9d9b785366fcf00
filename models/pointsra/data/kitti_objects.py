"""Objects of KITTI cut out of their boxes, as clouds for pre-training and classification.

An object is what a sweep shows of it: one side, few points far away. Those with fewer than LEAST_POINTS are left out
and counted. Clouds are brought to the unit frame; they keep the heading under which the lidar saw them.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pointsra.data.assembling import ReadBlock
from pointsra.data.blocks import choose_rows, name_caption
from pointsra.data.kitti_boxes import boxes_in_prepared_frame, points_inside
from pointsra.data.kitti_files import CLASS_NAMES, Frame, Labels, read_calibration, read_labels, read_sweep
from pointsra.data.request import Skipped
from pointsra.data.skipping import read_sound
from pointsra.data.split_writer import CloudBlock
from pointsra.data.upright import to_y_up
from pointsra.data.views import to_unit_frame
from pointsra.errors import DataError, InputFileError

LEAST_POINTS = 32  # ours: one patch of the networks
SPARSE = f"objects with fewer than {LEAST_POINTS} points left out of the clouds"
FRAMES_A_TASK = 6  # some 32 objects

Task = tuple[tuple[Frame, tuple[int, ...] | None], ...]
"""Frames, with the lines of their label files that are wanted; None takes all."""


def read_objects(task: Task, *, count: int, seed: int, skip_bad: bool) -> ReadBlock:
    """Cut the objects of some frames out.

    Args:
        task: the frames.
        count: N, points a cloud.
        seed: decides which points are taken.
        skip_bad: leave damaged frames out.

    Returns:
        Clouds (B, N, 3) in the unit frame, y up, named ``<frame>-<line of the label file, from 0>``.

    Raises:
        DataError: a frame is damaged, and ``skip_bad`` is off.
    """
    read = partial(_cut_frame, count=count, seed=seed)
    found, skipped = read_sound(task, read, lambda each: f"training/{each[0].id}", skip_bad)
    blocks = [block for block, _, _ in found if block is not None]
    skipped += [each for _, sparse, _ in found for each in sparse]
    if not blocks:
        return ReadBlock(None, tuple(skipped))
    labels = np.concatenate([block.labels for block in blocks])
    joined = CloudBlock(
        points=np.concatenate([block.points for block in blocks]),
        labels=labels,
        ids=[name for block in blocks for name in block.ids],
        captions=[name_caption(CLASS_NAMES[label]) for label in labels],
    )
    return ReadBlock(joined, tuple(skipped), sum(repeated for *_, repeated in found))


def choose_objects(frames: Sequence[Frame], limit: int) -> dict[str, tuple[int, ...]]:
    """At most ``limit`` objects that have enough points: the first of every frame, then the second of every, and so on.

    Args:
        frames: where to look; damaged ones are passed over here, reading them will tell.
        limit: how many.

    Returns:
        For each frame's id the lines of its label file.
    """
    ranked: list[tuple[int, int, str, int]] = []
    for position, frame in enumerate(frames):
        try:
            labels, members = _members(frame)[1:]
        except (DataError, InputFileError):
            continue
        dense = [int(row) for row, inside in zip(labels.rows, members, strict=True) if len(inside) >= LEAST_POINTS]
        ranked += [(rank, position, frame.id, row) for rank, row in enumerate(dense)]
    chosen: dict[str, tuple[int, ...]] = {frame.id: () for frame in frames}
    for _, _, name, row in sorted(ranked)[:limit]:
        chosen[name] = (*chosen[name], row)
    return chosen


def _members(frame: Frame) -> tuple[NDArray[np.floating], Labels, list[NDArray[np.int64]]]:
    """The points of a frame, y up, its labels, and for each object the rows of the points inside its box."""
    labels = read_labels(frame.labels)
    boxes = boxes_in_prepared_frame(labels, read_calibration(frame.calibration))
    points = to_y_up(read_sweep(frame.sweep)[0].astype(np.float64))
    return points, labels, [np.flatnonzero(points_inside(points, box)) for box in boxes]


def _cut_frame(
    item: tuple[Frame, tuple[int, ...] | None], count: int, seed: int
) -> tuple[CloudBlock | None, list[Skipped], int]:
    frame, wanted = item
    points, labels, members = _members(frame)
    clouds, kept, sparse, repeated = [], [], [], 0
    for number, (row, inside) in enumerate(zip(labels.rows, members, strict=True)):
        if wanted is not None and row not in wanted:
            continue
        if len(inside) < LEAST_POINTS or not np.ptp(points[inside], axis=0).any():
            sparse.append(f"{CLASS_NAMES[labels.classes[number]]} in line {row + 1} with {len(inside)}")
            continue
        rng = np.random.default_rng([seed, zlib.crc32(frame.id.encode()), int(row)])
        clouds.append(to_unit_frame(points[inside[choose_rows(len(inside), count, rng)]]))
        kept.append(number)
        repeated += len(inside) < count
    reason = f"{SPARSE}: {', '.join(sparse)}."
    skipped = [Skipped(f"training/label_2/{frame.id}.txt", reason)] if sparse else []
    if not clouds:
        return None, skipped, 0
    block = CloudBlock(
        points=np.stack(clouds), labels=labels.classes[kept], ids=[f"{frame.id}-{row}" for row in labels.rows[kept]]
    )
    return block, skipped, repeated
