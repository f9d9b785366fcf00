"""Where the files of IntrA lie, and which segments the official folds name.

The clouds are one archive (``annotated/ad`` and ``generated/{aneurysm,vessel}/ad``), the folds another: lists under
``fileSplit/{cls,seg}`` of the authors' repository, with paths relative to the clouds' root. The lists number the
folds 0 to 4; here they are called fold 1 to 5.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pointsra.data.request import PrepareRequest, Skipped
from pointsra.data.skipping import evenly
from pointsra.errors import DataError

FOLDS = 5
CLASS_NAMES = ("vessel", "aneurysm")
VARIANTS = ("classification", "segmentation")
OFFICIAL_COUNTS = {"classification": (404, 405, 405, 405, 406), "segmentation": (23, 23, 23, 23, 24)}
# Lists of a fold, with the class of what they name.
LISTS = {
    "classification": (("cls/negSplit_{}.txt", 0), ("cls/ann_clsSplit_{}.txt", 1)),
    "segmentation": (("seg/annSplit_{}.txt", 1),),
}
_NEEDED: dict[str, tuple[str, ...]] = {
    "classification": ("generated/vessel/ad", "generated/aneurysm/ad", "annotated/ad"),
    "segmentation": ("annotated/ad",),
}
_ROOTS = ("", "IntrA", "data", "data/IntrA")
_TREE = """IntrA/
  annotated/ad/AN193-1-_norm.ad                      116 segments with a label a point
  generated/aneurysm/ad/ArteryObjAN170-3_addon.ad    215 segments
  generated/vessel/ad/ArteryObjAN197-1.ad            1,694 segments
  fileSplit/cls/ann_clsSplit_0.txt … _4.txt          the folds of classification
  fileSplit/cls/negSplit_0.txt … _4.txt
  fileSplit/seg/annSplit_0.txt … _4.txt              the folds of segmentation"""
_REPOSITORY = "https://github.com/intra3d2019/IntrA"
_HOW = f"the lists are not in the archive of the clouds but in {_REPOSITORY}: put its folder fileSplit beside annotated"


@dataclass(frozen=True)
class Segment:
    """One segment that a fold names: its file, its name in the list without suffix, and its class."""

    path: Path
    name: str
    label: int


@dataclass(frozen=True)
class Folds:
    """What is to be read.

    Attributes:
        folder: what holds clouds and lists.
        variants: those of ``VARIANTS`` that are there.
        lists: the list files.
        counts: variant -> how many segments each fold lists, before a limit.
        segments: split -> its segments, in the order of the lists.
        skipped: list entries that were left out.
        notes: sentences for the user.
    """

    folder: Path
    variants: tuple[str, ...]
    lists: tuple[Path, ...]
    counts: dict[str, tuple[int, ...]]
    segments: dict[str, tuple[Segment, ...]]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


def read_folds(request: PrepareRequest) -> Folds:
    """Find the clouds and the lists, and compare one with the other.

    Args:
        request: raw or root, variant, limit and skip_bad are used.

    Raises:
        DataError: something is missing; says where it is to be had. A list is damaged or names what is not there,
            and ``skip_bad`` is off.
    """
    base = (Path(request.raw) if request.raw is not None else Path(request.root)).absolute()
    roots = [base / root for root in _ROOTS]
    root = next((each for each in roots if (each / "annotated").is_dir() or (each / "generated").is_dir()), None)
    if root is None:
        raise DataError(
            f"{base}: no IntrA files there; the clouds are in the shared folder that {_REPOSITORY} links (its authors "
            f"ask users to fill in a form), and {_HOW}. Name the folder with --raw DIR. Looked for:\n{_TREE}"
        )
    lists = next((each / "fileSplit" for each in (root, *roots, root.parent) if (each / "fileSplit").is_dir()), None)
    if lists is None:
        raise DataError(f"{root / 'fileSplit'}: missing; {_HOW}. Expected\n{_TREE}")
    wanted = (request.variant,) if request.variant else VARIANTS
    lost = {variant: _lost(variant, root, lists) for variant in wanted}
    there = tuple(variant for variant in wanted if not lost[variant])
    if not there:
        raise DataError(f"{lost[wanted[0]]}: missing; {wanted[0]} needs it, and {_HOW}. Expected\n{_TREE}")
    notes = [f"{variant} is left out: {path} is missing." for variant, path in lost.items() if path]
    segments: dict[str, tuple[Segment, ...]] = {}
    skipped: list[Skipped] = []
    read: list[Path] = []
    listed_counts: dict[str, list[int]] = {}
    for variant in there:
        named: dict[Path, list[int]] = defaultdict(list)
        for fold in range(FOLDS):
            found: dict[Path, Segment] = {}
            for pattern, label in LISTS[variant]:
                path = lists / pattern.format(fold)
                read.append(path)
                listed, bad = _read_list(path, root, label, request.skip_bad)
                skipped += bad
                for segment in listed:
                    named[segment.path].append(fold + 1)
                    found.setdefault(segment.path, segment)
            every = tuple(found.values())
            listed_counts.setdefault(variant, []).append(len(every))
            segments[f"{variant}_fold{fold + 1}"] = tuple(every[row] for row in evenly(len(every), request.limit))
        again = {path: folds for path, folds in named.items() if len(folds) > 1}
        if again:
            path, folds = next(iter(again.items()))
            others = f" and {len(again) - 1} more" if len(again) > 1 else ""
            notes.append(
                f"{path.relative_to(root)}{others} listed more than once for {variant} (fold "
                f"{', '.join(map(str, folds))}); in two folds, training sees what is tested."
            )
    folder = Path(os.path.commonpath([root, lists.parent]))
    counts = {variant: tuple(each) for variant, each in listed_counts.items()}
    return Folds(folder, there, tuple(read), counts, segments, tuple(skipped), tuple(notes))


def _lost(variant: str, root: Path, lists: Path) -> Path | None:
    """The first folder or list that a variant needs and that is not there."""
    needed = [root / name for name in _NEEDED[variant]]
    needed += [lists / pattern.format(fold) for fold in range(FOLDS) for pattern, _ in LISTS[variant]]
    return next((path for path in needed if not path.exists()), None)


def _read_list(path: Path, root: Path, label: int, skip_bad: bool) -> tuple[list[Segment], list[Skipped]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as cause:
        raise DataError(f"{path}: not a list of names; copy it again from {_REPOSITORY}.") from cause
    segments: list[Segment] = []
    skipped: list[Skipped] = []
    empty = True
    for number, line in enumerate(lines, start=1):
        text = line.strip().replace("\\", "/")
        if not text:
            continue
        empty = False
        place = PurePosixPath(text)
        found = None
        if place.suffix != ".ad" or place.is_absolute() or ".." in place.parts or len(text) > 200:
            reason = f"line {number} is {text[:80]!r}, expected a path as annotated/ad/AN193-1-_norm.ad"
        elif ("vessel" in place.parts) != (label == 0):
            reason = f"line {number} names {text}, which is no {CLASS_NAMES[label]}; the lists are mixed up"
        else:
            found = _cloud(root / place)
            reason = f"line {number} names {text}, and there is no such file in {root}"
        if found is not None:
            segments.append(Segment(found, place.stem, label))
        elif skip_bad:
            skipped.append(Skipped(path.relative_to(path.parent.parent.parent).as_posix(), f"{reason}."))
        else:
            raise DataError(f"{path}: {reason}; unpack the clouds again, or leave it out with --skip-bad.")
    if empty:
        raise DataError(f"{path}: names no segment; copy it again from {_REPOSITORY}.")
    return segments, skipped


def _cloud(path: Path) -> Path | None:
    """The file that an entry means; the lists' names have a hyphen before ``_norm`` which copies may have lost."""
    shorter, longer = path.name.replace("-_norm", "_norm"), path.name.replace("_norm", "-_norm")
    return next((each for each in (path, path.with_name(shorter), path.with_name(longer)) if each.is_file()), None)
