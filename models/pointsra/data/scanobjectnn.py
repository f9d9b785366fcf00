"""ScanObjectNN (Uy et al., ICCV 2019): 15 classes of scanned objects, in three variants that papers report on.

Read from the official HDF5 files and written as they are: no centering and no scaling, as the Point-MAE family has
it, y up. The official ``mask`` becomes part labels (object or background) where it is there. Other variants of the
archive (T25, T25_R, T50_R, the splits 1 to 4) are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from pointsra.data.blocks import add_conditions, cut, name_caption, run_blocks
from pointsra.data.conditions import builtin_encoder
from pointsra.data.request import Built, PrepareRequest, RawFiles, Recipe, Skipped
from pointsra.data.split_writer import CloudBlock, SplitHeader, SplitWriter
from pointsra.errors import DataError
from pointsra.progress import Progress, Report

# fmt: off
CLASS_NAMES = ("bag", "bin", "box", "cabinet", "chair", "desk", "display", "door", "shelf", "table",
               "bed", "pillow", "sink", "sofa", "toilet")
# fmt: on
PART_NAMES = ("background", "object")
POINTS = 2048
VARIANTS = {
    "obj_bg": "main_split/{}_objectdataset.h5",
    "obj_only": "main_split_nobg/{}_objectdataset.h5",
    "pb_t50_rs": "main_split/{}_objectdataset_augmentedrot_scale75.h5",
}
OFFICIAL_COUNTS = {"obj_bg": (2309, 581), "obj_only": (2309, 581), "pb_t50_rs": (11416, 2882)}
_SETS = {"train": "training", "test": "test"}
_ROOTS = ("", "h5_files", "ScanObjectNN", "ScanObjectNN/h5_files")


def expected_tree() -> str:
    """The files looked for, as the archive unpacks them."""
    lines = ["h5_files/"]
    for variant, pattern in VARIANTS.items():
        for split, name in _SETS.items():
            count = OFFICIAL_COUNTS[variant][split == "test"]
            lines.append(f"  {pattern.format(name):<60} {variant} {split}, {count} clouds")
    return "\n".join(lines)


def missing_message(looked: Path) -> str:
    """Where the data set is to be had, under which terms, and what the folder should hold."""
    return (
        f"{looked}: no ScanObjectNN files there; ask for the archive h5_files.zip (13 GB) with the terms form at "
        "https://hkust-vgd.github.io/scanobjectnn/ (research use; not to be passed on; cite the paper), unpack it, "
        "and name the folder with --raw DIR. Looked for, in DIR, DIR/h5_files and DIR/ScanObjectNN:\n" + expected_tree()
    )


def find(request: PrepareRequest) -> RawFiles:
    """Find the official files of the variants that are there, or of the one asked for.

    Raises:
        DataError: none of them, or one of a pair, is missing.
    """
    base = Path(request.raw) if request.raw is not None else Path(request.root)
    wanted = (request.variant,) if request.variant else tuple(VARIANTS)
    known = {variant: [VARIANTS[variant].format(name) for name in _SETS.values()] for variant in wanted}
    roots = [base / root for root in _ROOTS]
    scores = [sum((root / name).is_file() for names in known.values() for name in names) for root in roots]
    if not any(scores):
        raise DataError(missing_message(base))
    folder = roots[int(np.argmax(scores))]
    files: list[Path] = []
    notes: list[str] = []
    for variant, names in known.items():
        there = [name for name in names if (folder / name).is_file()]
        if len(there) == 1:
            lost = next(name for name in names if name not in there)
            raise DataError(f"{folder / lost}: missing, while {there[0]} is there; {variant} needs both.")
        if there:
            files += [folder / name for name in there]
        else:
            notes.append(f"{variant} is left out: {names[0]} and its test file are not in {folder}.")
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
    for variant, pattern in VARIANTS.items():
        pair = {split: (raw.folder or Path()) / pattern.format(name) for split, name in _SETS.items()}
        if not all(path in raw.files for path in pair.values()):
            continue
        written: dict[str, int] = {}
        try:
            for split, path in pair.items():
                target = folder / f"{variant}_{split}.h5"
                written[f"{variant}_{split}"] = _convert(request, path, target, (variant, split), skipped, report)
        except DataError as damage:
            if not request.skip_bad:
                raise
            blamed = [path for path in pair.values() if str(path) in str(damage)] or [pair["train"]]
            skipped.append(Skipped(blamed[0].relative_to(raw.folder or Path()).as_posix(), str(damage)))
            for split in pair:
                (folder / f"{variant}_{split}.h5").unlink(missing_ok=True)
        else:
            counts.update(written)
    if not counts:
        raise DataError(f"{raw.folder}: no variant could be read: {'; '.join(each.reason for each in skipped)}")
    present = [variant for variant in VARIANTS if f"{variant}_train" in counts]
    notes = [f"left out {each.file}: {each.reason}" for each in skipped]
    return Built(counts, CLASS_NAMES, ",".join(present), skipped, notes)


def _convert(
    request: PrepareRequest,
    path: Path,
    target: Path,
    name: tuple[str, str],
    skipped: list[Skipped],
    report: Report,
) -> int:
    variant, split = name
    with _opened(path) as file:
        labels, has_mask = _checked(path, file)
        rows, bad = _sound_rows(path, file, labels, request.limit)
        if bad and not request.skip_bad:
            raise DataError(f"{path}: {bad[0]}; --skip-bad leaves such clouds out.")
        relative = f"{path.parent.name}/{path.name}"
        skipped.extend(Skipped(relative, reason) for reason in bad)
        if not len(rows):
            raise DataError(f"{path}: no sound cloud in it.")
        header = SplitHeader(
            dataset="scanobjectnn",
            variant=variant,
            split=f"{variant}_{split}",
            class_names=CLASS_NAMES,
            part_names=PART_NAMES if has_mask else (),
            frame="raw",
            seed=request.seed,
            image_encoder=builtin_encoder(),
            text_encoder=builtin_encoder(),
        )
        blocks = (_read_block(file, block, labels, has_mask, f"{variant}_{split}") for block in cut(rows))
        with SplitWriter(target, header) as writer:
            for block in run_blocks(add_conditions, blocks, request.workers):
                writer.append(block)
                report(Progress(f"{variant} {split}", writer.count, len(rows), "clouds"))
        return writer.count


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open an official file; what h5py says of a damaged one, at any time, becomes one sentence."""
    try:
        file = h5py.File(path, "r")
    except OSError as cause:
        what = "cut short" if "truncated" in str(cause) else "not an HDF5 file, or damaged"
        raise DataError(f"{path}: {what}; unpack the archive again.") from cause
    with file:
        yield file


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
    try:
        return label[:].astype(np.int64), has_mask
    except OSError as cause:
        raise DataError(f"{path}: label cannot be read; unpack the archive again.") from cause


def _sound_rows(
    path: Path, file: h5py.File, labels: NDArray[np.int64], limit: int | None
) -> tuple[list[int], list[str]]:
    """Rows to take, and a sentence for each that cannot be; a limit takes rows evenly over the file."""
    count = len(labels)
    rows = range(count)
    if limit is not None and limit < count:
        rows = [index * count // limit for index in range(limit)]
    sound, bad = [], []
    for block in cut(list(rows), 256):
        try:
            values = np.stack([file["data"][row] for row in block])
        except OSError as cause:
            raise DataError(f"{path}: data cannot be read at row {block[0]}; unpack the archive again.") from cause
        broken = (~np.isfinite(values).all(axis=2)).sum(axis=1)
        flat = (np.ptp(values, axis=1) == 0).all(axis=1)
        for row, lost, same in zip(block, broken, flat, strict=True):
            if not 0 <= labels[row] < len(CLASS_NAMES):
                bad.append(f"row {row} of label is {labels[row]}, expected 0 to {len(CLASS_NAMES) - 1}")
            elif lost:
                bad.append(f"row {row} of data has {lost} points that are not finite")
            elif same:
                bad.append(f"row {row} of data is one point {POINTS} times")
            else:
                sound.append(row)
    return sound, bad


def _read_block(
    file: h5py.File, rows: Sequence[int], labels: NDArray[np.int64], has_mask: bool, split: str
) -> CloudBlock:
    try:
        points = np.stack([file["data"][row] for row in rows]).astype(np.float32)
        masks = np.stack([file["mask"][row] for row in rows]) if has_mask else None
    except OSError as cause:
        raise DataError(f"{file.filename}: rows from {rows[0]} on cannot be read; unpack it again.") from cause
    return CloudBlock(
        points=points,
        labels=labels[list(rows)],
        ids=[f"{split}-{row:05d}" for row in rows],
        parts=None if masks is None else (masks != -1).astype(np.uint8),
        captions=[name_caption(CLASS_NAMES[labels[row]]) for row in rows],
    )


RECIPE = Recipe(
    "scanned objects of 15 classes (ask for the archive; --raw DIR)",
    find,
    build,
    variants=tuple(VARIANTS),
    fixed_points=POINTS,
)
