"""Whole rooms of S3DIS as scenes, with boxes around the furniture where objects are told apart."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.s3dis_rooms import PART_NAMES, Room, RoomFile, read_room
from pointsra.data.scenes import ReadScenes, Scene
from pointsra.data.skipping import read_sound, relative_name
from pointsra.data.thinning import thinned
from pointsra.data.upright import back_to_raw, to_y_up

BOX_NAMES = ("table", "chair", "sofa", "bookcase", "board")
"""Classes that get boxes: the five pieces of furniture that detection on S3DIS is measured on."""


def read_scene(file: RoomFile, *, max_points: int | None, seed: int, skip_bad: bool, base: Path) -> ReadScenes:
    """Read a room as a scene.

    Args:
        file: the room.
        max_points: keep at most this many points; None keeps all.
        seed: decides which.
        skip_bad: leave a damaged room out.
        base: what names of files are relative to.

    Returns:
        The scene: y up, boxes around the furniture (where objects are told apart), and ``to_raw``, the matrix that
        leads from its points to the raw file's frame.

    Raises:
        DataError: the room is damaged, and ``skip_bad`` is off.
    """
    rooms, skipped = read_sound([file], partial(read_room, raw_folder=base), partial(room_name, base=base), skip_bad)
    scenes = tuple(thinned(_as_scene(room), max_points, seed) for room in rooms)
    return ReadScenes(scenes, (*skipped, *(each for room in rooms for each in room.skipped)))


def _as_scene(room: Room) -> Scene:
    points = to_y_up(room.points)
    boxes, labels = (None, None) if room.instances is None else _boxes(points, room.parts, room.instances)
    shift = np.eye(4)
    shift[:3, 3] = room.shift
    return Scene(
        id=room.file.id,
        points=points.astype(np.float32),
        colors=room.colors,
        parts=room.parts,
        instances=room.instances,
        boxes=boxes,
        box_labels=labels,
        extra={"to_raw": back_to_raw(shift)},
    )


def _boxes(
    points: NDArray[np.floating], parts: NDArray[np.uint8], instances: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Axis-aligned boxes (K, 7) around the objects of the classes BOX_NAMES, and their labels (K,)."""
    boxes, labels = [], []
    starts = np.flatnonzero(np.diff(instances, prepend=-1))  # objects lie one after the other
    for start, end in zip(starts, np.append(starts[1:], len(instances)), strict=True):
        name = PART_NAMES[parts[start]]
        if name in BOX_NAMES:
            low, high = points[start:end].min(axis=0), points[start:end].max(axis=0)
            boxes.append([*((low + high) / 2), *(high - low), 0.0])
            labels.append(BOX_NAMES.index(name))
    return np.array(boxes, dtype=np.float32).reshape(-1, 7), np.array(labels, dtype=np.int64)


def room_name(file: RoomFile, base: Path) -> str:
    """How the manifest names a room: its folder or file, relative to the raw folder."""
    return relative_name(file.path, base)
