"""Where the files of ShapeNet-55 lie, and which shapes its lists name: Point-BERT's form and ReCon's.

Both have ``shapenet_pc/<synset>-<model>.npy`` and the lists ``ShapeNet-55/{train,test}.txt``; ReCon's adds one image
a shape, ``shapenet_img/<synset>-<model>.png``, and ``shapenet55.json``, and has lists of its own, because some shapes
have no image. A model's name may itself hold a "-".
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pointsra.data.request import PrepareRequest, Skipped
from pointsra.data.skipping import evenly
from pointsra.data.synsets import SYNSETS
from pointsra.errors import DataError

SPLITS = ("train", "test")
VARIANTS = ("recon", "pointbert")
CLOUDS = ("shapenet_pc", "shapenet_pc_masksurf_with_normal")
OFFICIAL_COUNTS = {"train": 41952, "test": 10518}
_ROOTS = ("", "ShapeNet55-34", "data/ShapeNet55-34", "data", "ShapeNet55")
_TREE = """ShapeNet55-34/
  shapenet_pc/<synset>-<model>.npy    52,470 files, (8192, 3) float32
  ShapeNet-55/train.txt               41,952 names, one a line
  ShapeNet-55/test.txt                10,518 names
  shapenet_img/<synset>-<model>.png   only in the form of ReCon, which has lists of its own
  shapenet55.json                     only in the form of ReCon"""
_LISTS = "the lists are in https://github.com/Julie-tang00/Point-BERT, folder data/ShapeNet55-34/ShapeNet-55"
_RECON = "https://github.com/qizekun/ReCon, file DATASET.md"


@dataclass(frozen=True)
class Layout:
    """The places that were found.

    Attributes:
        folder: what holds them all.
        lists: split -> its list.
        clouds: the folder of npy files.
        images: the folder of png files, None where the form of Point-BERT is read.
        texts: ``shapenet55.json``, None likewise.
        notes: sentences for the user.
    """

    folder: Path
    lists: dict[str, Path]
    clouds: Path
    images: Path | None
    texts: Path | None
    notes: tuple[str, ...]

    @property
    def variant(self) -> str:
        """Which form is read, one of ``VARIANTS``."""
        return "pointbert" if self.images is None else "recon"


@dataclass(frozen=True)
class Listed:
    """The shapes to read.

    Attributes:
        stems: split -> names without suffix, in the order of the list.
        counts: split -> how many shapes its list names, before a limit.
        skipped: list entries that were left out.
        notes: sentences for the user.
    """

    stems: dict[str, tuple[str, ...]]
    counts: dict[str, int]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


def find_layout(request: PrepareRequest) -> Layout:
    """Find the lists, the clouds and, in ReCon's form, images and texts.

    Raises:
        DataError: one of them is missing; says where it is to be had.
    """
    base = Path(request.raw) if request.raw is not None else Path(request.root)
    roots = [base / root for root in _ROOTS]
    clouds = [root / name for root in roots for name in CLOUDS if (root / name).is_dir()]
    lists = next((root / "ShapeNet-55" for root in roots if (root / "ShapeNet-55").is_dir()), None)
    if not clouds and lists is None:
        raise DataError(_missing_message(base))
    if not clouds:
        raise DataError(f"{base}: the lists are there and the clouds are not; expected\n{_TREE}")
    if lists is None:
        raise DataError(f"{clouds[0]}: the clouds are there and the lists are not; {_LISTS}. Expected\n{_TREE}")
    for split in SPLITS:
        if not (lists / f"{split}.txt").is_file():
            raise DataError(f"{lists / split}.txt: missing; {_LISTS}.")
    notes = [f"{clouds[1]} is left alone; the clouds of {clouds[0]} are read."] if len(clouds) > 1 else []
    images = next((root / "shapenet_img" for root in roots if (root / "shapenet_img").is_dir()), None)
    texts = next((root / "shapenet55.json" for root in roots if (root / "shapenet55.json").is_file()), None)
    if request.variant == "recon" and (images is None or texts is None):
        lost = "shapenet_img" if images is None else "shapenet55.json"
        raise DataError(f"{clouds[0].parent / lost}: missing, and --variant recon needs it; see {_RECON}.")
    if images is None or texts is None or request.variant == "pointbert":
        if request.variant is None and (images is not None or texts is not None):
            there, lost = ("shapenet_img", "shapenet55.json") if texts is None else ("shapenet55.json", "shapenet_img")
            notes.append(f"{there} is left alone, because {lost} is not there; views are rendered from the clouds.")
        images = texts = None
    above = [place.parent for place in (clouds[0], lists, images, texts) if place is not None]
    folder = Path(os.path.commonpath(above))
    found = {split: lists / f"{split}.txt" for split in SPLITS}
    return Layout(folder, found, clouds[0], images, texts, tuple(notes))


def read_lists(layout: Layout, limit: int | None, skip_bad: bool) -> Listed:
    """Read both lists and compare them with the files that are there.

    Args:
        layout: where they are.
        limit: at most this many of each list, evenly over it.
        skip_bad: leave out what is not there, and lines that are no names.

    Raises:
        DataError: a list is empty or holds something else, or shapes have no cloud or no image and ``skip_bad`` is
            off; names the first of them.
    """
    stems: dict[str, tuple[str, ...]] = {}
    counts: dict[str, int] = {}
    skipped: list[Skipped] = []
    notes: list[str] = list(layout.notes)
    for split, path in layout.lists.items():
        named, bad = _read_list(path, skip_bad)
        skipped += bad
        once = list(dict.fromkeys(named))
        if len(once) < len(named):
            twice = sorted(name for name, count in Counter(named).items() if count > 1)
            notes.append(f"{path} names {_some(twice)} more than once; each is taken once.")
        counts[split] = len(once)
        stems[split] = tuple(once[index] for index in evenly(len(once), limit))
    both = sorted(set(stems["train"]) & set(stems["test"]))
    if both:
        notes.append(f"{_some(both)} are in both lists, so that training sees shapes that are tested.")
    for folder, suffix in ((layout.clouds, ".npy"), (layout.images, ".png")):
        if folder is None:
            continue
        there = {entry.name for entry in os.scandir(folder)}
        lost = {name for names in stems.values() for name in names if f"{name}{suffix}" not in there}
        if lost and not skip_bad:
            raise DataError(_lost_message(folder, suffix, sorted(lost), sum(map(len, stems.values()))))
        for split, names in stems.items():
            kind = "cloud" if suffix == ".npy" else "image"
            skipped += [
                Skipped(f"{folder.name}/{name}{suffix}", f"listed for {split}, and there is no such {kind}.")
                for name in names
                if name in lost
            ]
            stems[split] = tuple(name for name in names if name not in lost)
    return Listed(stems, counts, tuple(skipped), tuple(notes))


def _read_list(path: Path, skip_bad: bool) -> tuple[list[str], list[Skipped]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as cause:
        raise DataError(f"{path}: not a list of names; {_LISTS}.") from cause
    names: list[str] = []
    skipped: list[Skipped] = []
    for number, line in enumerate(lines, start=1):
        name = line.strip().removesuffix(".npy")
        if not name:
            continue
        synset, _, model = name.partition("-")
        if synset in SYNSETS and model and not set("/\\\0") & set(model):
            names.append(name)
            continue
        reason = f"line {number} is {line.strip()[:80]!r}, expected <synset>-<model>.npy with one of the 55 synsets"
        if not skip_bad:
            raise DataError(f"{path}: {reason}; {_LISTS}.")
        skipped.append(Skipped(path.name, reason))
    if not names:
        raise DataError(f"{path}: names no shape; {_LISTS}.")
    return names, skipped


def _lost_message(folder: Path, suffix: str, lost: Sequence[str], total: int) -> str:
    shown = _some([f"{name}{suffix}" for name in lost])
    start = f"{folder}: {len(lost):,} of the {total:,} shapes listed"
    if suffix == ".npy":
        return f"{start} have no cloud there ({shown}); unpack the archive again, or leave them out with --skip-bad."
    return (
        f"{start} have no image there ({shown}); ReCon's images go with its own lists, which leave such shapes out: "
        f"put its train.txt and test.txt into ShapeNet-55 ({_RECON}), or leave the shapes out with --skip-bad, or the "
        "images with --variant pointbert."
    )


def _missing_message(base: Path) -> str:
    return (
        f"{base}: no ShapeNet-55 files there; ShapeNet55-34.zip, which holds the clouds, is linked from DATASET.md of "
        f"https://github.com/Julie-tang00/Point-BERT (ShapeNet's own terms: research use), {_LISTS}, images and texts "
        f"from {_RECON}. Name the folder with --raw DIR. Looked for:\n{_TREE}"
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
