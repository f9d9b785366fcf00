"""The KITTI 3D object benchmark (Geiger et al., CVPR 2012): lidar sweeps from a car, with boxes around road users.

Whole sweeps become scenes for detection (``train``, ``val``), the objects in them clouds for pre-training and
classification (``objects_train``, ``objects_val``). Coordinates are those of the lidar, turned to y up. Only what the
forward camera sees is labelled, while a sweep goes all around: ``camera_projection`` tells which points that is.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from pointsra.data.assembling import SplitPlan, build_splits
from pointsra.data.blocks import cut
from pointsra.data.kitti_boxes import boxes_in_prepared_frame, camera_projection, difficulties, points_inside
from pointsra.data.kitti_files import CLASS_NAMES, Frame, read_calibration, read_labels, read_sweep
from pointsra.data.kitti_lists import select
from pointsra.data.kitti_objects import FRAMES_A_TASK, SPARSE, choose_objects, read_objects
from pointsra.data.request import Built, PrepareRequest, RawFiles, Recipe, Skipped
from pointsra.data.scenes import ReadScenes, Scene, build_scenes
from pointsra.data.skipping import notes_on, read_sound
from pointsra.data.split_writer import SplitHeader
from pointsra.data.thinning import thinned
from pointsra.data.upright import back_to_raw, to_y_up
from pointsra.progress import Report

VARIANTS = ("sweeps", "objects")
WITHOUT_POINTS = "an object without points in the sweep, its box is kept"
_USUAL_OBJECTS = 4  # with enough points, a frame; only the progress bar depends on it


def find(request: PrepareRequest) -> RawFiles:
    """Find the frames that will be read.

    Raises:
        DataError: there are none, or a list names frames that are not there and ``skip_bad`` is off.
    """
    chosen = select(request)
    files = [path for frames in chosen.frames.values() for frame in frames for path in frame.files()]
    expected = {split: len(frames) for split, frames in chosen.frames.items()}
    return RawFiles(
        chosen.folder,
        (*chosen.listings, *files),
        expected if "sweeps" in _wanted(request) else {},
        chosen.notes,
    )


def build(request: PrepareRequest, raw: RawFiles, folder: Path, report: Report) -> Built:
    """Write the sweeps as scenes, and the objects in them as clouds.

    Args:
        request: limit, variant, points, max_points, workers, seed and skip_bad are used.
        raw: what :func:`find` found.
        folder: where the splits go.
        report: told after each part.

    Raises:
        DataError: a frame is damaged and ``skip_bad`` is off, or nothing sound is left of a split.
        OutputError: the disk is full.
    """
    chosen = select(request)
    counts: dict[str, int] = {}
    skipped: list[Skipped] = list(chosen.skipped)
    notes: list[str] = []
    if "sweeps" in _wanted(request):
        plans = [
            SplitPlan(_header(request, raw, split, "sweeps"), frames, len(frames))
            for split, frames in chosen.frames.items()
        ]
        work = partial(read_frame, max_points=request.max_points, seed=request.seed, skip_bad=request.skip_bad)
        done = build_scenes(plans, work, request, folder, report)
        counts |= done.counts
        skipped += done.skipped
    if "objects" in _wanted(request):
        plans = [
            _plan_objects(request, _header(request, raw, f"objects_{split}", "objects"), frames)
            for split, frames in chosen.frames.items()
        ]
        work = partial(read_objects, count=request.points, seed=request.seed, skip_bad=request.skip_bad)
        done = build_splits(plans, work, request, folder, report)
        counts |= done.counts
        skipped = list(dict.fromkeys([*skipped, *done.skipped]))
        if done.repeated:
            notes.append(f"objects with fewer than {request.points} points, some of them repeated: {done.repeated}.")
    notes += [note for note in notes_on(skipped, (WITHOUT_POINTS, SPARSE)) if note not in raw.notes]
    return Built(counts, CLASS_NAMES, ",".join(_wanted(request)), skipped, notes)


def read_frame(frame: Frame, *, max_points: int | None, seed: int, skip_bad: bool) -> ReadScenes:
    """Read a frame as a scene.

    Args:
        frame: where it lies.
        max_points: keep at most this many points; None keeps all.
        seed: decides which.
        skip_bad: leave a damaged frame out.

    Returns:
        The scene, with the arrays that evaluation needs under ``extra``, and boxes without points named.

    Raises:
        DataError: the frame is damaged, and ``skip_bad`` is off.
    """
    found, skipped = read_sound([frame], _as_scene, lambda each: f"training/{each.id}", skip_bad)
    for scene in found:
        for line in scene.extra["box_line"][scene.extra["box_points"] == 0]:
            reason = f"{WITHOUT_POINTS}: line {line + 1}."
            skipped.append(Skipped(f"training/label_2/{frame.id}.txt", reason))
    return ReadScenes(tuple(thinned(scene, max_points, seed) for scene in found), tuple(skipped))


def _as_scene(frame: Frame) -> Scene:
    labels, calibration = read_labels(frame.labels), read_calibration(frame.calibration)
    raw, intensity = read_sweep(frame.sweep)
    points, boxes = to_y_up(raw), boxes_in_prepared_frame(labels, calibration)
    inside = [int(points_inside(points.astype(np.float64), box).sum()) for box in boxes]
    return Scene(
        id=frame.id,
        points=points.astype(np.float32),
        intensity=intensity,
        boxes=boxes.astype(np.float32),
        box_labels=labels.classes,
        extra={
            "box_difficulty": difficulties(labels),
            "box_points": np.array(inside, dtype=np.int32),
            "box_line": labels.rows.astype(np.int32),
            "box_truncated": labels.truncated.astype(np.float32),
            "box_occluded": labels.occluded.astype(np.int8),
            "box_region": labels.regions.astype(np.float32),
            "ignored_region": labels.ignored.astype(np.float32),
            "camera_projection": camera_projection(calibration),
            "to_raw": back_to_raw(),
        },
    )


def _plan_objects(request: PrepareRequest, header: SplitHeader, frames: list[Frame]) -> SplitPlan:
    if request.limit is None:
        items: list[tuple[Frame, tuple[int, ...] | None]] = [(frame, None) for frame in frames]
        return SplitPlan(header, [tuple(each) for each in cut(items, FRAMES_A_TASK)], _USUAL_OBJECTS * len(frames))
    rows = choose_objects(frames, request.limit)
    total = sum(len(each) for each in rows.values())
    items = [(frame, rows[frame.id]) for frame in frames]
    return SplitPlan(header, [tuple(each) for each in cut(items, FRAMES_A_TASK)], total)


def _header(request: PrepareRequest, raw: RawFiles, split: str, variant: str) -> SplitHeader:
    return SplitHeader(
        dataset="kitti",
        variant=variant,
        split=split,
        class_names=CLASS_NAMES,
        frame="raw" if variant == "sweeps" else "unit",
        seed=request.seed,
        stand_in=raw.stand_in,
        conditions=variant == "objects",
    )


def _wanted(request: PrepareRequest) -> tuple[str, ...]:
    return (request.variant,) if request.variant else VARIANTS


RECIPE = Recipe(
    "lidar sweeps from the road with boxes around cars, people and cyclists (sign in for the archives; --raw DIR)",
    find,
    build,
    variants=VARIANTS,
)
