"""ScanObjectNN (Uy et al., ICCV 2019): 15 classes of scanned objects, in the three variants that papers report on
(OBJ_BG, OBJ_ONLY, PB_T50_RS) and the three other perturbed ones.

Read from the official HDF5 files and written as they are: no centering and no scaling, as the Point-MAE family has
it, y up. The official ``mask`` becomes part labels (object or background) where it is there. The archive's other
divisions into training and test, 1 to 4, are read when one is asked for by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from pointsra.data.assembling import ReadBlock, SplitPlan, build_splits, discard_splits
from pointsra.data.blocks import cut, name_caption
from pointsra.data.raw_hdf5 import HDF5_DAMAGE, opened_hdf5
from pointsra.data.request import Built, PrepareRequest, RawFiles, Recipe, Skipped
from pointsra.data.skipping import evenly, notes_on
from pointsra.data.split_writer import CloudBlock, SplitHeader
from pointsra.errors import DataError
from pointsra.progress import Report

# fmt: off
CLASS_NAMES = ("bag", "bin", "box", "cabinet", "chair", "desk", "display", "door", "shelf", "table",
               "bed", "pillow", "sink", "sofa", "toilet")
# fmt: on
PART_NAMES = ("background", "object")
POINTS = 2048
MAIN_VARIANTS = {
    "obj_bg": "main_split/{}_objectdataset.h5",
    "obj_only": "main_split_nobg/{}_objectdataset.h5",
    "pb_t25": "main_split/{}_objectdataset_augmented25_norot.h5",
    "pb_t25_r": "main_split/{}_objectdataset_augmented25rot.h5",
    "pb_t50_r": "main_split/{}_objectdataset_augmentedrot.h5",
    "pb_t50_rs": "main_split/{}_objectdataset_augmentedrot_scale75.h5",
}
# The archive has four more divisions into training and test; they are read only when one is asked for.
VARIANTS = MAIN_VARIANTS | {
    f"split{number}_{variant}": pattern.replace("main_split", f"split{number}")
    for number in (1, 2, 3, 4)
    for variant, pattern in MAIN_VARIANTS.items()
}
OFFICIAL_COUNTS = {"obj_bg": (2309, 581), "obj_only": (2309, 581)}
OFFICIAL_COUNTS |= dict.fromkeys(("pb_t25", "pb_t25_r", "pb_t50_r", "pb_t50_rs"), (11416, 2882))
_SETS = {"train": "training", "test": "test"}
_ROOTS = ("", "h5_files", "ScanObjectNN", "ScanObjectNN/h5_files")


def expected_tree(variants: Sequence[str] = tuple(MAIN_VARIANTS)) -> str:
    """The files of some variants, as the archive unpacks them."""
    lines = ["h5_files/"]
    for variant in variants:
        for split, name in _SETS.items():
            counts = OFFICIAL_COUNTS.get(variant)
            known = f", {counts[split == 'test']} clouds" if counts else ""
            lines.append(f"  {VARIANTS[variant].format(name):<60} {variant} {split}{known}")
    return "\n".join(lines)


def missing_message(looked: Path, variants: Sequence[str] = tuple(MAIN_VARIANTS)) -> str:
    """Where the data set is to be had, under which terms, and what the folder should hold."""
    return (
        f"{looked}: no ScanObjectNN files there; ask for the archive h5_files.zip (13 GB) with the terms form at "
        "https://hkust-vgd.github.io/scanobjectnn/ (research use; not to be passed on; cite the paper), and name it, "
        "or the folder where you unpacked it, with --raw. Looked for, in DIR, DIR/h5_files and DIR/ScanObjectNN:\n"
        + expected_tree(variants)
    )


def find(request: PrepareRequest) -> RawFiles:
    """Find the official files of the variants that are there, or of the one asked for.

    Raises:
        DataError: none of them, or one of a pair, is missing.
    """
    base = Path(request.raw) if request.raw is not None else Path(request.root)
    wanted = (request.variant,) if request.variant else tuple(MAIN_VARIANTS)
    known = {variant: [VARIANTS[variant].format(name) for name in _SETS.values()] for variant in wanted}
    roots = [base / root for root in _ROOTS]
    scores = [sum((root / name).is_file() for names in known.values() for name in names) for root in roots]
    if not any(scores):
        raise DataError(missing_message(base, wanted))
    folder = roots[int(np.argmax(scores))]
    files: list[Path] = []
    notes: list[str] = []
    absent: list[str] = []
    for variant, names in known.items():
        there = [name for name in names if (folder / name).is_file()]
        if len(there) == 1:
            lost = next(name for name in names if name not in there)
            raise DataError(f"{folder / lost}: missing, while {there[0]} is there; {variant} needs both.")
        if there:
            files += [folder / name for name in there]
        else:
            absent.append(variant)
    if absent:
        notes.append(f"left out, because their files are not in {folder}: {', '.join(absent)}.")
    return RawFiles(folder, tuple(files), notes=tuple(notes))


def build(request: PrepareRequest, raw: RawFiles, folder: Path, report: Report) -> Built:
    """Check the official files and write each as a split ``<variant>_train`` or ``<variant>_test``.

    Args:
        request: limit, workers, seed and skip_bad are used.
        raw: what :func:`find` found.
        folder: where the splits go.
        report: told after each block.

    Raises:
        DataError: a file or a cloud is damaged and ``skip_bad`` is off, or nothing sound is left.
        OutputError: the disk is full.
    """
    counts: dict[str, int] = {}
    skipped: list[Skipped] = []
    notes: list[str] = []
    base = raw.folder or Path()
    for variant, pattern in VARIANTS.items():
        pair = {split: base / pattern.format(name) for split, name in _SETS.items()}
        if not all(path in raw.files for path in pair.values()):
            continue
        try:
            plans = [_plan(request, raw, path, (variant, split)) for split, path in pair.items()]
            made = build_splits(plans, partial(read_block, skip_bad=request.skip_bad), request, folder, report)
        except DataError as damage:
            if not request.skip_bad:
                raise
            blamed = [path for path in pair.values() if str(path) in str(damage)] or [pair["train"]]
            skipped.append(Skipped(blamed[0].relative_to(base).as_posix(), str(damage)))
            discard_splits(folder, [f"{variant}_{split}" for split in pair])
        else:
            counts.update(made.counts)
            skipped.extend(made.skipped)
            official = OFFICIAL_COUNTS.get(variant)
            found = tuple(plan.total for plan in plans)
            if official and found != official and request.limit is None and not raw.stand_in:
                notes.append(
                    f"{variant} has {found[0]} and {found[1]} clouds for training and test; the official files have "
                    f"{official[0]} and {official[1]}."
                )
    if not counts:
        raise DataError(f"{raw.folder}: no variant could be read: {'; '.join(each.reason for each in skipped)}")
    present = [variant for variant in VARIANTS if f"{variant}_train" in counts]
    notes += notes_on(skipped)
    return Built(counts, CLASS_NAMES, ",".join(present), skipped, notes)


@dataclass(frozen=True)
class Rows:
    """Some rows of an official file, for a worker: B row numbers with their labels."""

    path: Path
    split: str
    rows: tuple[int, ...]
    labels: tuple[int, ...]
    has_mask: bool


def _plan(request: PrepareRequest, raw: RawFiles, path: Path, name: tuple[str, str]) -> SplitPlan:
    """Check an official file and cut its rows into tasks; a limit takes rows evenly over the file."""
    split = "_".join(name)
    with opened_hdf5(path) as file:
        labels, has_mask = _checked(path, file)
    rows = evenly(len(labels), request.limit)
    header = SplitHeader(
        dataset="scanobjectnn",
        variant=name[0],
        split=split,
        class_names=CLASS_NAMES,
        part_names=PART_NAMES if has_mask else (),
        frame="raw",
        seed=request.seed,
        stand_in=raw.stand_in,
    )
    tasks = [Rows(path, split, tuple(block), tuple(labels[list(block)].tolist()), has_mask) for block in cut(rows)]
    return SplitPlan(header, tasks, len(rows))


def read_block(task: Rows, *, skip_bad: bool) -> ReadBlock:
    """Read some rows of an official file.

    Args:
        task: which.
        skip_bad: leave out rows that are not sound.

    Raises:
        DataError: the file cannot be read, or a row is not sound and ``skip_bad`` is off.
    """
    relative = f"{task.path.parent.name}/{task.path.name}"
    with opened_hdf5(task.path) as file:
        try:
            points = np.stack([file["data"][row] for row in task.rows]).astype(np.float32)
            masks = np.stack([file["mask"][row] for row in task.rows]) if task.has_mask else None
        except HDF5_DAMAGE as cause:
            raise DataError(f"{task.path}: rows from {task.rows[0]} on cannot be read; unpack it again.") from cause
    problems = _problems(points, task)
    if problems and not skip_bad:
        raise DataError(f"{task.path}: {next(iter(problems.values()))}; --skip-bad leaves such clouds out.")
    skipped = tuple(Skipped(relative, reason) for reason in problems.values())
    sound = [place for place, row in enumerate(task.rows) if row not in problems]
    if not sound:
        return ReadBlock(None, skipped)
    labels = np.array(task.labels, dtype=np.int64)[sound]
    block = CloudBlock(
        points=points[sound],
        labels=labels,
        ids=[f"{task.split}-{task.rows[place]:05d}" for place in sound],
        parts=None if masks is None else (masks[sound] != -1).astype(np.uint8),
        captions=[name_caption(CLASS_NAMES[label]) for label in labels],
    )
    return ReadBlock(block, skipped)


def _problems(points: NDArray[np.float32], task: Rows) -> dict[int, str]:
    """A sentence for each row that cannot be taken."""
    found = {}
    broken = (~np.isfinite(points).all(axis=2)).sum(axis=1)
    flat = (np.ptp(points, axis=1) == 0).all(axis=1)
    for row, label, lost, same in zip(task.rows, task.labels, broken, flat, strict=True):
        if not 0 <= label < len(CLASS_NAMES):
            found[row] = f"row {row} of label is {label}, expected 0 to {len(CLASS_NAMES) - 1}"
        elif lost:
            found[row] = f"row {row} of data has {lost} points that are not finite"
        elif same:
            found[row] = f"row {row} of data is one point {POINTS} times"
    return found


def _checked(path: Path, file: h5py.File) -> tuple[NDArray[np.int64], bool]:
    for key in ("data", "label"):
        if not isinstance(file.get(key), h5py.Dataset):
            found = ", ".join(sorted(file)) or "nothing"
            raise DataError(f"{path}: key {key} is missing (it holds {found}); is this an official file?")
    data, label = file["data"], file["label"]
    if data.ndim != 3 or data.shape[1:] != (POINTS, 3) or data.dtype.kind != "f" or not len(data):
        raise DataError(f"{path}: data is {data.dtype} {data.shape}, expected floats (n, {POINTS}, 3).")
    if label.shape != (len(data),) or label.dtype.kind not in "iu":
        raise DataError(f"{path}: label is {label.dtype} {label.shape}, expected {len(data)} integers, one a cloud.")
    has_mask = isinstance(file.get("mask"), h5py.Dataset)
    if has_mask and file["mask"].shape != (len(data), POINTS):
        raise DataError(f"{path}: mask has shape {file['mask'].shape}, expected {(len(data), POINTS)}.")
    return label[:].astype(np.int64), has_mask


RECIPE = Recipe(
    "scanned objects of 15 classes (ask for the archive; --raw DIR)",
    find,
    build,
    variants=tuple(VARIANTS),
    fixed_points=POINTS,
)
