"""S3DIS (Armeni et al., CVPR 2016): six areas of scanned offices, every point labelled with one of 13 classes.

Each area becomes two splits: ``blocks_area_k``, columns of 1 m by 1 m with 4096 points for training on clouds, and
``rooms_area_k``, whole rooms as scenes for evaluating them. Raw rooms (text) and converted ones (npy) give the same
points, but only raw ones know which object a point belongs to; boxes of furniture are made from those. Coordinates
are shifted to begin at 0, as the converted form has it, and turned to y up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pointsra.data.assembling import ReadBlock, SplitPlan, build_splits
from pointsra.data.request import Built, PrepareRequest, RawFiles, Recipe, Skipped
from pointsra.data.s3dis_blocks import LEAST_POINTS, cut_columns
from pointsra.data.s3dis_rooms import PART_NAMES, RoomFile, read_room
from pointsra.data.s3dis_scenes import BOX_NAMES, read_scene, room_name
from pointsra.data.scenes import build_scenes
from pointsra.data.skipping import evenly, notes_on, read_sound, relative_name
from pointsra.data.split_writer import SplitHeader
from pointsra.errors import DataError
from pointsra.progress import Report

# fmt: off
ROOM_TYPES = ("WC", "auditorium", "conferenceRoom", "copyRoom", "hallway", "lobby", "lounge", "office", "openspace",
              "pantry", "storage")
# fmt: on
POINTS = 4096
OFFICIAL_ROOMS = {1: 44, 2: 40, 3: 23, 4: 49, 5: 68, 6: 48}
VARIANTS = ("blocks", "rooms")
SPARSE = f"columns with fewer than {LEAST_POINTS} points left out of the blocks"
_USUAL_COLUMNS = 87  # a room: 23,585 in PointNet's conversion of 272; only the progress bar depends on it
_RAW_ROOTS = ("", "Stanford3dDataset_v1.2_Aligned_Version", "S3DIS/Stanford3dDataset_v1.2_Aligned_Version", "S3DIS")
_RAW_ROOTS += ("s3dis/Stanford3dDataset_v1.2_Aligned_Version",)
_NPY_ROOTS = ("", "stanford_indoor3d", "S3DIS", "S3DIS/stanford_indoor3d", "s3dis/stanford_indoor3d")

Task = tuple[RoomFile, int | None]
"""A room, and at most how many of its columns."""


def expected_tree() -> str:
    """The files looked for, in both forms."""
    return (
        "Stanford3dDataset_v1.2_Aligned_Version/            raw\n"
        "  Area_1/ … Area_6/\n"
        "    office_1/Annotations/chair_1.txt, floor_1.txt …\n"
        "or stanford_indoor3d/                              converted\n"
        "  Area_1_office_1.npy …"
    )


def missing_message(looked: Path) -> str:
    """Where the data set is to be had, under which terms, and what the folder should hold."""
    return (
        f"{looked}: no S3DIS rooms there; Stanford gives the data out through a form (the repository "
        "alexsax/2D-3D-Semantics on GitHub says where; not to be passed on; cite the paper): ask for "
        "Stanford3dDataset_v1.2_Aligned_Version, unpack it, and name the folder with --raw DIR. Looked for, in DIR, "
        "DIR/S3DIS and DIR/s3dis:\n" + expected_tree()
    )


def list_rooms(base: Path) -> tuple[Path, list[RoomFile]]:
    """Find the rooms below a folder, raw ones before converted ones.

    Args:
        base: the user's folder, or the data root.

    Returns:
        The folder that holds them, and the rooms by area and name.

    Raises:
        DataError: no such folder, or no rooms in it.
    """
    for folder in (base / root for root in _RAW_ROOTS):
        rooms = [
            RoomFile(int(match[1]), room.name, room)
            for area in sorted(folder.glob("Area_*"))
            if area.is_dir() and (match := re.fullmatch(r"Area_(\d+)", area.name))
            for room in area.iterdir()
            if room.is_dir() and not room.name.startswith(".")
        ]
        if rooms:
            return folder, _in_order(rooms)
    for folder in (base / root for root in _NPY_ROOTS):
        rooms = [
            RoomFile(int(match[1]), match[2], path)
            for path in folder.glob("Area_*.npy")
            if (match := re.fullmatch(r"Area_(\d+)_(.+)", path.stem))
        ]
        if rooms:
            return folder, _in_order(rooms)
    raise DataError(missing_message(base))


def find(request: PrepareRequest) -> RawFiles:
    """Find the rooms that will be read.

    Raises:
        DataError: there are none; says where they are to be had.
    """
    base = Path(request.raw) if request.raw is not None else Path(request.root)
    folder, rooms = list_rooms(base)
    chosen = _by_area(rooms, request.limit)
    notes = []
    found = {area: sum(room.area == area for room in rooms) for area in OFFICIAL_ROOMS}
    if found != OFFICIAL_ROOMS:
        counts, official = (", ".join(map(str, each.values())) for each in (found, OFFICIAL_ROOMS))
        notes.append(f"rooms found in Area_1 to Area_6: {counts}; the official data has {official}.")
    unknown = sorted({room.kind for room in rooms} - set(ROOM_TYPES))
    if unknown:
        notes.append(f"room types that S3DIS does not have follow its own in class_names: {', '.join(unknown)}.")
    if "rooms" in _wanted(request) and rooms[0].path.suffix == ".npy":
        notes.append("converted rooms do not tell objects apart: these scenes have no instances and no boxes.")
    if "blocks" in _wanted(request) and request.points not in (PrepareRequest.points, _count(request)):
        notes.append(f"blocks keep {POINTS} points; set patches.points in the preset to train on fewer.")
    expected = {f"rooms_area_{area}": len(members) for area, members in chosen.items()}
    return RawFiles(
        folder,
        tuple(path for members in chosen.values() for room in members for path in room.files()),
        expected if "rooms" in _wanted(request) else {},
        tuple(notes),
    )


def build(request: PrepareRequest, raw: RawFiles, folder: Path, report: Report) -> Built:
    """Cut the rooms into blocks, and write them as scenes too.

    Args:
        request: limit, variant, points, max_points, workers, seed and skip_bad are used.
        raw: what :func:`find` found.
        folder: where the splits go.
        report: told after each part.

    Raises:
        DataError: a room is damaged and ``skip_bad`` is off, or nothing sound is left of an area.
        OutputError: the disk is full.
    """
    base = raw.folder or Path()
    _, rooms = list_rooms(base)
    types = (*ROOM_TYPES, *sorted({room.kind for room in rooms} - set(ROOM_TYPES)))
    chosen = _by_area(rooms, request.limit)
    counts: dict[str, int] = {}
    skipped: list[Skipped] = []
    notes: list[str] = []
    shared = {"seed": request.seed, "skip_bad": request.skip_bad, "base": base}
    if "blocks" in _wanted(request):
        plans = [
            SplitPlan(
                _header(request, raw, f"blocks_area_{area}", types),
                _shared_out(members, request.limit),
                min(len(members) * _USUAL_COLUMNS, request.limit or len(members) * _USUAL_COLUMNS),
            )
            for area, members in chosen.items()
        ]
        work = partial(read_columns, types=types, count=_count(request), **shared)
        done = build_splits(plans, work, request, folder, report)
        counts |= done.counts
        skipped += done.skipped
        if done.repeated:
            notes.append(
                f"{done.repeated} blocks have fewer than {_count(request)} points; some of theirs are repeated."
            )
    if "rooms" in _wanted(request):
        plans = [
            SplitPlan(_header(request, raw, f"rooms_area_{area}", BOX_NAMES), members, len(members))
            for area, members in chosen.items()
        ]
        done = build_scenes(
            plans, partial(read_scene, max_points=request.max_points, **shared), request, folder, report
        )
        counts |= done.counts
        skipped = list(dict.fromkeys([*skipped, *done.skipped]))
    class_names = types if "blocks" in _wanted(request) else BOX_NAMES
    return Built(counts, class_names, ",".join(_wanted(request)), skipped, [*notes, *notes_on(skipped, (SPARSE,))])


def read_columns(task: Task, *, types: Sequence[str], count: int, seed: int, skip_bad: bool, base: Path) -> ReadBlock:
    """Read a room and cut it into columns; see :func:`s3dis_blocks.cut_columns`.

    Args:
        task: the room, and at most how many columns.
        types: the room types in the order of their labels.
        count: N.
        seed: decides which points are taken.
        skip_bad: leave a damaged room out.
        base: what names of files are relative to.

    Raises:
        DataError: the room is damaged, and ``skip_bad`` is off.
    """
    file, limit = task
    rooms, skipped = read_sound([file], partial(read_room, raw_folder=base), partial(room_name, base=base), skip_bad)
    if not rooms:
        return ReadBlock(None, tuple(skipped))
    columns = cut_columns(rooms[0], types.index(file.kind), count, seed, limit)
    skipped += rooms[0].skipped
    if columns.sparse:
        reason = f"{SPARSE}: {columns.sparse}."
        skipped.append(Skipped(relative_name(file.path, base), reason))
    return ReadBlock(columns.block, tuple(skipped), columns.repeated)


def _header(request: PrepareRequest, raw: RawFiles, split: str, class_names: tuple[str, ...]) -> SplitHeader:
    return SplitHeader(
        dataset="s3dis",
        variant=split.split("_")[0],
        split=split,
        class_names=class_names,
        part_names=PART_NAMES,
        frame="raw",
        seed=request.seed,
        stand_in=raw.stand_in,
        conditions=False,
    )


def _in_order(rooms: list[RoomFile]) -> list[RoomFile]:
    return sorted(rooms, key=lambda room: (room.area, room.name))


def _by_area(rooms: list[RoomFile], limit: int | None) -> dict[int, list[RoomFile]]:
    areas: dict[int, list[RoomFile]] = {}
    for room in rooms:
        areas.setdefault(room.area, []).append(room)
    return {area: [members[index] for index in evenly(len(members), limit)] for area, members in areas.items()}


def _shared_out(rooms: list[RoomFile], limit: int | None) -> list[Task]:
    """Tasks for the rooms of an area, with the columns that a limit leaves to each."""
    if limit is None:
        return [(room, None) for room in rooms]
    return [(room, limit // len(rooms) + (rank < limit % len(rooms))) for rank, room in enumerate(rooms)]


def _count(request: PrepareRequest) -> int:
    return max(POINTS, request.points)


def _wanted(request: PrepareRequest) -> tuple[str, ...]:
    return (request.variant,) if request.variant else VARIANTS


RECIPE = Recipe(
    "scanned rooms of six areas, labelled point by point (ask for the archive; --raw DIR)",
    find,
    build,
    variants=VARIANTS,
)
