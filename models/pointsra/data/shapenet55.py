"""ShapeNet-55 (Chang et al., 2015), as the Point-MAE family pre-trains on it: 52,470 shapes of 55 categories.

Read from Point-BERT's npy files and lists, or in ReCon's form with one real image a shape and one text a category.
Without those, views are rendered from the clouds and the caption is the category's name. Of the 8,192 points of a
shape ``--points`` are kept, and the shape is brought to the unit frame after that, as the family does.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.assembling import ReadBlock, SplitPlan, build_splits
from pointsra.data.blocks import choose_rows, cut, name_caption
from pointsra.data.pictures import read_gray_view
from pointsra.data.plain_npy import load_plain
from pointsra.data.request import Built, PrepareRequest, RawFiles, Recipe
from pointsra.data.shapenet_layout import OFFICIAL_COUNTS, VARIANTS, Layout, find_layout, read_lists
from pointsra.data.shapenet_texts import read_texts
from pointsra.data.skipping import notes_on, read_sound
from pointsra.data.split_writer import CloudBlock, SplitHeader
from pointsra.data.synsets import SYNSETS
from pointsra.data.views import to_unit_frame
from pointsra.errors import DataError
from pointsra.progress import Report

CLASS_NAMES = tuple(SYNSETS.values())
VIEW_SIZE = 224  # the size at which trained image encoders look at a picture
_LABELS = {synset: label for label, synset in enumerate(SYNSETS)}


@dataclass(frozen=True)
class Shape:
    """One shape that was read: (N, 3) points in the unit frame, (N, 3) normals or None, (1, H, H) view or None."""

    stem: str
    points: NDArray[np.float32]
    normals: NDArray[np.float32] | None
    view: NDArray[np.uint8] | None
    repeated: bool


@dataclass(frozen=True)
class ShapeReader:
    """How the shapes of one request are read.

    Attributes:
        clouds: the folder of npy files.
        images: the folder of png files, or None.
        captions: synset -> caption.
        columns: 3, or 6 where normals are there.
        points: N.
        seed: decides which points are kept.
    """

    clouds: Path
    images: Path | None
    captions: Mapping[str, str]
    columns: int
    points: int
    seed: int

    def read(self, stem: str) -> Shape:
        """Read one shape.

        Args:
            stem: ``<synset>-<model>``.

        Raises:
            DataError: its cloud is damaged or has another number of columns.
            InputFileError: its image is damaged.
        """
        path = self.clouds / f"{stem}.npy"
        values = load_plain(path, self.columns)
        if values.dtype.kind != "f":
            raise DataError(f"{path}: holds {values.dtype}, expected floats; this is no cloud of this data set.")
        if not len(values):
            raise DataError(f"{path}: holds no point.")
        bad = ~np.isfinite(values).all(axis=1)
        if bad.any():
            raise DataError(f"{path}: {bad.sum()} points are not finite, the first in row {int(bad.argmax())}.")
        if not np.ptp(values[:, :3], axis=0).any():
            raise DataError(f"{path}: all its points are in one place.")
        rng = np.random.default_rng([self.seed, zlib.crc32(stem.encode())])
        kept = values[choose_rows(len(values), self.points, rng)]
        view = read_gray_view(self.images / f"{stem}.png", VIEW_SIZE)[None] if self.images is not None else None
        normals = kept[:, 3:].astype(np.float32) if self.columns == 6 else None
        return Shape(stem, to_unit_frame(kept[:, :3]), normals, view, len(values) < self.points)


def find(request: PrepareRequest) -> RawFiles:
    """Find the lists, and the clouds and images that they name.

    Raises:
        DataError: something is missing; says where it is to be had.
    """
    layout = find_layout(request)
    listed = read_lists(layout, request.limit, request.skip_bad)
    files = list(layout.lists.values())
    if layout.texts is not None:
        files.append(layout.texts)
    stems = sorted({name for names in listed.stems.values() for name in names})
    files += [layout.clouds / f"{stem}.npy" for stem in stems]
    if layout.images is not None:
        files += [layout.images / f"{stem}.png" for stem in stems]
    expected = {split: len(names) for split, names in listed.stems.items()}
    return RawFiles(layout.folder, tuple(files), expected, listed.notes)


def read_block(task: tuple[str, ...], *, reader: ShapeReader, skip_bad: bool) -> ReadBlock:
    """Read some shapes.

    Args:
        task: their names, ``<synset>-<model>``.
        reader: how.
        skip_bad: leave out damaged ones.

    Raises:
        DataError: one is damaged, and ``skip_bad`` is off.
    """
    shapes, skipped = read_sound(task, reader.read, lambda stem: f"{reader.clouds.name}/{stem}.npy", skip_bad)
    if not shapes:
        return ReadBlock(None, tuple(skipped))
    synsets = [shape.stem.partition("-")[0] for shape in shapes]
    views = [shape.view for shape in shapes if shape.view is not None]
    normals = [shape.normals for shape in shapes if shape.normals is not None]
    block = CloudBlock(
        points=np.stack([shape.points for shape in shapes]),
        labels=np.array([_LABELS[synset] for synset in synsets], dtype=np.int64),
        ids=[shape.stem for shape in shapes],
        captions=[reader.captions[synset] for synset in synsets],
        normals=np.stack(normals) if normals else None,
        views=np.stack(views) if views else None,
    )
    return ReadBlock(block, tuple(skipped), sum(shape.repeated for shape in shapes))


def build(request: PrepareRequest, raw: RawFiles, folder: Path, report: Report) -> Built:
    """Read the shapes of both lists and write their splits.

    Args:
        request: raw, limit, seed, points, workers, variant and skip_bad are used.
        raw: what :func:`find` found.
        folder: where the splits go.
        report: told after each part.

    Raises:
        DataError: a file is damaged and ``skip_bad`` is off, or nothing sound is left of a list.
        OutputError: the disk is full.
    """
    layout = find_layout(request)
    listed = read_lists(layout, request.limit, request.skip_bad)
    captions, notes = _captions(layout)
    reader = ShapeReader(layout.clouds, layout.images, captions, _columns(layout), request.points, request.seed)
    plans = [
        SplitPlan(
            SplitHeader(
                dataset="shapenet55",
                variant=layout.variant,
                split=split,
                class_names=CLASS_NAMES,
                seed=request.seed,
                stand_in=raw.stand_in,
            ),
            [tuple(block) for block in cut(stems)],
            len(stems),
        )
        for split, stems in listed.stems.items()
    ]
    made = build_splits(plans, partial(read_block, reader=reader, skip_bad=request.skip_bad), request, folder, report)
    skipped = [*listed.skipped, *made.skipped]
    notes += notes_on(skipped)
    for split, found in listed.counts.items():
        if found != OFFICIAL_COUNTS[split] and layout.images is None and not raw.stand_in:
            notes.append(f"the list of {split} has {found:,} shapes; the official one has {OFFICIAL_COUNTS[split]:,}.")
    if made.repeated:
        notes.append(f"{made.repeated} clouds have fewer than {request.points} points; some of theirs are repeated.")
    return Built(made.counts, CLASS_NAMES, layout.variant, skipped, notes)


def _captions(layout: Layout) -> tuple[dict[str, str], list[str]]:
    captions = {synset: name_caption(name) for synset, name in SYNSETS.items()}
    if layout.texts is None:
        return captions, []
    texts = read_texts(layout.texts)
    lost = [synset for synset in SYNSETS if synset not in texts]
    note = f"{layout.texts} has no text for {', '.join(lost)}; there the caption is the category's name."
    return captions | texts, [note] if lost else []


def _columns(layout: Layout) -> int:
    """6 columns where the folder's name promises normals, else 3."""
    return 6 if layout.clouds.name.endswith("_with_normal") else 3


RECIPE = Recipe(
    "55 categories of shapes for pre-training, with ReCon's images and texts or without (--raw DIR)",
    find,
    build,
    variants=VARIANTS,
    points=8192,
)
