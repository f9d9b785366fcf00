"""The data set ``meshes``: a folder of the user's own meshes and clouds, one sub-folder a class.

``DIR/chair/a.ply`` is of class "chair"; a file directly in DIR is "unlabelled". Splits already made are kept, as
``DIR/train/chair/a.ply`` or, like ModelNet, ``DIR/chair/train/a.off``; what is in neither goes to train and test by
80 and 20 of a hundred of its class. Files are taken to be y up. Reading a file is the work of ``files``.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.assembling import ReadBlock, SplitPlan, build_splits
from pointsra.data.blocks import choose_rows, cut, name_caption
from pointsra.data.files import KNOWN_SUFFIXES, read_cloud
from pointsra.data.request import Built, PrepareRequest, RawFiles, Recipe, Skipped
from pointsra.data.split_writer import CloudBlock, SplitHeader
from pointsra.data.views import to_unit_frame
from pointsra.errors import DataError, InputFileError
from pointsra.progress import Report

UNLABELLED = "unlabelled"
SPLITS = ("train", "val", "test")
_TEST_SHARE = 0.2
_NOT_CLOUDS = ("readme", "license", "licence", "copying", "requirements")


@dataclass(frozen=True)
class Entry:
    """One file of the folder: where it is, its class, and the split it was put in by its owner, if any."""

    path: Path
    name: str
    class_name: str
    split: str | None


def list_entries(folder: Path) -> list[Entry]:
    """List the meshes and clouds of a folder with their classes, sorted by name.

    Args:
        folder: the user's folder.
    """
    entries = []
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        suffix = path.suffix.lower().lstrip(".")
        if suffix not in KNOWN_SUFFIXES or any(part.startswith(".") for part in place.parts):
            continue
        if not path.is_file() or path.stem.lower().startswith(_NOT_CLOUDS):
            continue
        if suffix == "bin" and any(path.parent.glob("*.gltf")):
            continue  # the buffer of a glTF file, not a KITTI scan
        above = place.parts[:-1]
        split, class_name = None, above[0] if above else UNLABELLED
        if above and above[0] in SPLITS:
            split, class_name = above[0], above[1] if len(above) > 1 else UNLABELLED
        elif len(above) > 1 and above[1] in SPLITS:
            split = above[1]
        entries.append(Entry(path, place.as_posix(), class_name, split))
    return entries


def deal(entries: list[Entry], seed: int, limit: int | None) -> dict[str, list[Entry]]:
    """Deal files out to the splits.

    Args:
        entries: the files, sorted.
        seed: decides which files of a class go to test, where their owner has not.
        limit: at most this many in each split, taken from all classes in turn.

    Returns:
        Split -> files; only splits that have some.
    """
    by_class: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    free: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.split is not None:
            by_class[entry.split, entry.class_name].append(entry)
        else:
            free[entry.class_name].append(entry)
    for class_name, members in free.items():
        tests = max(1, round(_TEST_SHARE * len(members))) if len(members) > 1 else 0
        order = np.random.default_rng([seed, zlib.crc32(class_name.encode())]).permutation(len(members))
        chosen = set(order[:tests].tolist())
        for rank, entry in enumerate(members):
            by_class["test" if rank in chosen else "train", class_name].append(entry)
    dealt: dict[str, list[Entry]] = {}
    for split in SPLITS:
        ranked = [
            (rank, class_name, entry)
            for (owner, class_name), members in by_class.items()
            if owner == split
            for rank, entry in enumerate(members)
        ]
        in_turn = sorted(ranked, key=lambda item: item[:2])[:limit]
        if in_turn:
            dealt[split] = [entry for _, _, entry in in_turn]
    return dealt


def fit_count(points: NDArray[np.floating], count: int, rng: np.random.Generator) -> NDArray[np.floating]:
    """Bring a cloud to ``count`` points: a random choice of more, or all of fewer with some of them twice.

    Args:
        points: (M, 3).
        count: N.
        rng: source of randomness.

    Returns:
        (N, 3), each row one of ``points``.
    """
    return points[choose_rows(len(points), count, rng)]


def find(request: PrepareRequest) -> RawFiles:
    """List the files that will be read.

    Raises:
        DataError: no folder given, no such folder, or nothing in it that can be read.
    """
    if request.raw is None:
        raise DataError("meshes: name the folder of your files with --raw DIR; its sub-folders are the classes.")
    folder = Path(request.raw)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; --raw wants a folder whose sub-folders are the classes.")
    entries = list_entries(folder)
    if not entries:
        raise DataError(f"{folder}: no mesh or cloud in it; known are {', '.join(KNOWN_SUFFIXES)}.")
    dealt = deal(entries, request.seed, request.limit)
    return RawFiles(
        folder,
        tuple(entry.path for entry in entries),
        {split: len(members) for split, members in dealt.items()},
    )


def read_block(task: tuple[Entry, ...], *, labels: dict[str, int], points: int, seed: int, skip_bad: bool) -> ReadBlock:
    """Read some files and bring each to N points in the unit frame.

    Args:
        task: the files.
        labels: class name -> label.
        points: N.
        seed: decides which points are taken.
        skip_bad: leave out files that cannot be read.

    Raises:
        DataError: a file cannot be read, and ``skip_bad`` is off.
    """
    clouds, taken, skipped, repeated = [], [], [], 0
    for entry in task:
        rng = np.random.default_rng([seed, zlib.crc32(entry.name.encode())])
        try:
            cloud = read_cloud(entry.path, count=points, seed=int(rng.integers(2**31)))
            if not np.ptp(cloud.points, axis=0).any():
                raise InputFileError(f"{entry.path}: all its points are in one place.")
        except InputFileError as problem:
            if not skip_bad:
                raise DataError(f"{problem} --skip-bad leaves such files out.") from problem
            skipped.append(Skipped(entry.name, str(problem)))
            continue
        repeated += len(cloud.points) < points
        clouds.append(to_unit_frame(fit_count(cloud.points, points, rng)))
        taken.append(entry)
    if not taken:
        return ReadBlock(None, tuple(skipped), 0)
    block = CloudBlock(
        points=np.stack(clouds),
        labels=np.array([labels[entry.class_name] for entry in taken], dtype=np.int64),
        ids=[entry.name for entry in taken],
        captions=[name_caption("" if e.class_name == UNLABELLED else e.class_name) for e in taken],
    )
    return ReadBlock(block, tuple(skipped), repeated)


def build(request: PrepareRequest, raw: RawFiles, folder: Path, report: Report) -> Built:
    """Read the user's files and write their splits.

    Args:
        request: raw, limit, seed, points, workers and skip_bad are used.
        raw: what :func:`find` found.
        folder: where the splits go.
        report: told after each block.

    Raises:
        DataError: a file cannot be read and ``skip_bad`` is off, or none of a split can.
        OutputError: the disk is full.
    """
    entries = list_entries(raw.folder or Path())
    class_names = tuple(sorted({entry.class_name for entry in entries}))
    labels = {name: label for label, name in enumerate(class_names)}
    dealt = deal(entries, request.seed, request.limit)
    work = partial(read_block, labels=labels, points=request.points, seed=request.seed, skip_bad=request.skip_bad)
    plans = [
        SplitPlan(
            SplitHeader(
                dataset="meshes", split=split, class_names=class_names, seed=request.seed, stand_in=raw.stand_in
            ),
            [tuple(block) for block in cut(members)],
            len(members),
        )
        for split, members in dealt.items()
    ]
    made = build_splits(plans, work, request, folder, report)
    notes = [f"left out {each.file}: {each.reason}" for each in made.skipped]
    if made.repeated:
        notes.append(f"{made.repeated} clouds have fewer than {request.points} points; some of theirs are repeated.")
    return Built(made.counts, class_names, skipped=made.skipped, notes=notes)


RECIPE = Recipe("a folder of your own meshes and clouds, one sub-folder a class (--raw DIR)", find, build)
