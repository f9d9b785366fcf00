"""ShapeNetPart (Yi et al., SIGGRAPH Asia 2016): 16,881 shapes of 16 categories, each point one of 50 parts.

Read from the release with normals (``shapenetcore_partanno_segmentation_benchmark_v0_normal``), written in the unit
frame, y up. N points are drawn without replacement, once; the peers draw them anew with replacement in training and in
testing, so their test is not the same twice. Parts keep their official numbers 0 to 49.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.assembling import ReadBlock, SplitPlan, build_splits
from pointsra.data.blocks import choose_rows, cut, name_caption
from pointsra.data.number_rows import read_rows
from pointsra.data.request import Built, PrepareRequest, RawFiles, Recipe, Skipped
from pointsra.data.shapenetpart_parts import CATEGORIES, CLASS_NAMES, PART_NAMES
from pointsra.data.skipping import each_once, evenly, notes_on, read_sound
from pointsra.data.split_writer import CloudBlock, SplitHeader
from pointsra.data.views import to_unit_frame
from pointsra.errors import DataError
from pointsra.progress import Report

SPLITS = ("train", "val", "test")
OFFICIAL_COUNTS = {"train": 12137, "val": 1870, "test": 2874}
FOLDER = "shapenetcore_partanno_segmentation_benchmark_v0_normal"
_FOLDERS = ("", FOLDER, f"ShapeNetPart/{FOLDER}", f"data/{FOLDER}")
_CATEGORY_FILE = "synsetoffset2category.txt"
_LIST = "train_test_split/shuffled_{}_file_list.json"
_ENTRY = re.compile(r"shape_data/(\d{8})/([\w.-]+)")
_BY_SYNSET = {each.synset: name for name, each in CATEGORIES.items()}


@dataclass(frozen=True)
class Shape:
    """One shape: its id (synset and model), its category, and its file."""

    id: str
    category: str
    path: Path


def expected_tree() -> str:
    """The files looked for, as the archive unpacks them."""
    return "\n".join(
        (
            f"{FOLDER}/",
            f"  {_CATEGORY_FILE}",
            *(f"  {_LIST.format(split):<56} {count:,} shapes" for split, count in OFFICIAL_COUNTS.items()),
            "  02691156/1a04e3eab45ca15dd86060f189eb133.txt …           x y z nx ny nz part",
        )
    )


def missing_message(looked: Path) -> str:
    """Where the data set is to be had, under which terms, and what the folder should hold."""
    return (
        f"{looked}: no ShapeNetPart files there; the official link is dead, mirrors are Zenodo record 10089706 and the "
        "Drive folder that PointCloudMamba links (ShapeNet's terms: non-commercial research; cite the paper). Unpack "
        "it and name the folder with --raw DIR. Looked for, in DIR:\n" + expected_tree()
    )


def find(request: PrepareRequest) -> RawFiles:
    """Find the lists and the shapes they name.

    Raises:
        DataError: not there, or a list is damaged or names what is not there.
    """
    folder = _folder(request)
    files: dict[Path, None] = {}
    expected = {}
    for split in SPLITS:
        shapes, _ = list_shapes(folder, split, request.limit, request.skip_bad)
        files |= dict.fromkeys((folder / _LIST.format(split), *(shape.path for shape in shapes)))
        expected[split] = len(shapes)
    if (folder / _CATEGORY_FILE).is_file():
        check_categories(folder / _CATEGORY_FILE)
        files[folder / _CATEGORY_FILE] = None
    return RawFiles(folder, tuple(files), expected)


def build(request: PrepareRequest, raw: RawFiles, folder: Path, report: Report) -> Built:
    """Read the shapes and write ``train``, ``val`` and ``test``.

    Args:
        request: limit, points, seed, workers and skip_bad are used.
        raw: what :func:`find` found.
        folder: where the splits go.
        report: told after each part.

    Raises:
        DataError: a shape is damaged and ``skip_bad`` is off, or nothing sound is left of a split.
        OutputError: the disk is full.
    """
    source = _folder(request)
    plans, skipped, shapes_of = [], [], {}
    for split in SPLITS:
        shapes, bad = list_shapes(source, split, request.limit, request.skip_bad)
        header = SplitHeader(
            dataset="shapenetpart",
            split=split,
            class_names=CLASS_NAMES,
            part_names=PART_NAMES,
            seed=request.seed,
            stand_in=raw.stand_in,
        )
        plans.append(SplitPlan(header, [tuple(task) for task in cut(shapes)], len(shapes)))
        shapes_of[split] = shapes
        skipped += bad
    work = partial(read_block, folder=source, points=request.points, seed=request.seed, skip_bad=request.skip_bad)
    done = build_splits(plans, work, request, folder, report)
    skipped += done.skipped
    notes = notes_on(skipped) + _oddities(source, shapes_of, request.limit is None and not raw.stand_in)
    if done.repeated:
        notes.append(f"{done.repeated} clouds have fewer than {request.points} points; some of theirs are repeated.")
    return Built(done.counts, CLASS_NAMES, skipped=skipped, notes=notes)


def check_categories(path: Path) -> None:
    """Compare a file of categories and synsets with the official ones.

    Args:
        path: ``synsetoffset2category.txt``, lines of a name and a synset.

    Raises:
        DataError: it cannot be read, or is not the official one.
    """
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as cause:
        raise DataError(f"{path}: cannot be read as text; unpack the archive again.") from cause
    for number, line in enumerate(lines, start=1):
        if len(line) != 2 or line[0] not in CATEGORIES or CATEGORIES[line[0]].synset != line[1]:
            raise DataError(f"{path}: line {number} ({' '.join(line)[:60]}) is none of the 16 official categories.")
    if len(lines) != len(CATEGORIES) or len({line[0] for line in lines}) != len(CATEGORIES):
        raise DataError(f"{path}: names {len(lines)} categories, expected {len(CATEGORIES)}, each once.")


def list_shapes(folder: Path, split: str, limit: int | None, skip_bad: bool) -> tuple[list[Shape], list[Skipped]]:
    """The shapes that an official list names.

    Args:
        folder: the data set's folder.
        split: "train", "val" or "test".
        limit: at most this many, evenly over the list.
        skip_bad: leave out shapes that are named but not there.

    Returns:
        The shapes in the order of the list, and what was left out.

    Raises:
        DataError: the list is missing or damaged, or names what is not there.
    """
    path = folder / _LIST.format(split)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as cause:
        raise DataError(f"{path}: missing; it belongs to the official files, unpack the archive again.") from cause
    except ValueError as cause:
        raise DataError(f"{path}: not valid JSON, or cut short; unpack the archive again.") from cause
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, str) for entry in entries):
        raise DataError(f"{path}: is not a list of names like shape_data/02691156/1a04e3eab45ca15dd86060f189eb133.")

    def read(entry: str) -> Shape:
        match = _ENTRY.fullmatch(entry)
        if match is None or match[1] not in _BY_SYNSET:
            raise DataError(f"{path}: names {entry[:80]!r}, not shape_data/, one of the 16 synsets, and a shape.")
        file = folder / match[1] / f"{match[2]}.txt"
        if not file.is_file():
            raise DataError(f"{file}: not there, though {path.name} names it; unpack the archive again.")
        return Shape(f"{match[1]}-{match[2]}", _BY_SYNSET[match[1]], file)

    unique, repeated = each_once(path, entries)
    chosen = [unique[index] for index in evenly(len(unique), limit)]
    shapes, bad = read_sound(chosen, read, lambda entry: f"{path.name}, {entry}", skip_bad)
    return shapes, repeated + bad


def read_block(task: Sequence[Shape], *, folder: Path, points: int, seed: int, skip_bad: bool) -> ReadBlock:
    """Read some shapes, draw N points of each, bring them to the unit frame.

    Args:
        task: the shapes.
        folder: what names in the manifest are relative to.
        points: N.
        seed: decides which points are drawn.
        skip_bad: leave out shapes that are damaged.

    Raises:
        DataError: a shape is damaged, and ``skip_bad`` is off.
    """

    def read(shape: Shape) -> tuple[Shape, NDArray[np.float64], NDArray[np.uint8]]:
        return shape, *read_shape(shape)

    found, skipped = read_sound(task, read, lambda shape: shape.path.relative_to(folder).as_posix(), skip_bad)
    if not found:
        return ReadBlock(None, tuple(skipped))
    chosen = [
        choose_rows(len(rows), points, np.random.default_rng([seed, zlib.crc32(shape.id.encode())]))
        for shape, rows, _ in found
    ]
    block = CloudBlock(
        points=np.stack([to_unit_frame(rows[kept, :3]) for (_, rows, _), kept in zip(found, chosen, strict=True)]),
        normals=np.stack([rows[kept, 3:6] for (_, rows, _), kept in zip(found, chosen, strict=True)]),
        parts=np.stack([parts[kept] for (_, _, parts), kept in zip(found, chosen, strict=True)]),
        labels=np.array([CLASS_NAMES.index(shape.category) for shape, _, _ in found], dtype=np.int64),
        ids=[shape.id for shape, _, _ in found],
        captions=[name_caption(shape.category) for shape, _, _ in found],
    )
    return ReadBlock(block, tuple(skipped), sum(len(rows) < points for _, rows, _ in found))


def read_shape(shape: Shape) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Read a shape and check its parts.

    Args:
        shape: which one.

    Returns:
        Points and normals (M, 6), and parts (M,).

    Raises:
        DataError: damaged, or a part that its category has not, named with its line.
    """
    values = read_rows(shape.path, 7, " ")
    parts, category = values[:, 6], CATEGORIES[shape.category]
    wrong = np.flatnonzero((parts != np.round(parts)) | (parts < category.first) | (parts > category.last))
    if len(wrong):
        line, part = int(wrong[0]) + 1, parts[wrong[0]]
        raise DataError(
            f"{shape.path}: line {line} has part {part:g}; {shape.category} has {category.first} to {category.last}."
        )
    if not np.ptp(values[:, :3], axis=0).any():
        raise DataError(f"{shape.path}: all its points are in one place.")
    return values[:, :6], parts.astype(np.uint8)


def _folder(request: PrepareRequest) -> Path:
    base = Path(request.raw) if request.raw is not None else Path(request.root)
    for name in _FOLDERS:
        if any((base / name / _LIST.format(split)).is_file() for split in SPLITS):
            return base / name
    for name in _FOLDERS:
        if any((base / name / synset).is_dir() for synset in _BY_SYNSET) and (base / name / _CATEGORY_FILE).is_file():
            return base / name  # the lists are missing, which is said when they are looked for
    raise DataError(missing_message(base))


def _oddities(folder: Path, shapes_of: dict[str, list[Shape]], compared: bool) -> list[str]:
    """What is not as in the official lists, and no reason to stop."""
    notes = []
    for first, second in (("train", "test"), ("val", "test"), ("train", "val")):
        shared = {shape.id for shape in shapes_of[first]} & {shape.id for shape in shapes_of[second]}
        if shared:
            notes.append(f"{folder}: {len(shared)} shapes are in {first} and in {second}, {min(shared)} for one.")
    for split, shapes in shapes_of.items():
        if compared and len(shapes) != OFFICIAL_COUNTS[split]:
            notes.append(f"{split} has {len(shapes):,} clouds; the official list has {OFFICIAL_COUNTS[split]:,}.")
    return notes


RECIPE = Recipe("shapes of 16 categories with 50 parts (--raw DIR)", find, build)
