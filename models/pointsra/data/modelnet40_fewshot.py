"""ModelNet40 few-shot: 5 or 10 ways, 10 or 20 shots, ten folds each, every fold a training and a test split.

The official folds are pickles that come with Point-BERT; Point-MAE and its peers report mean and standard deviation
over the ten folds of a setting. Where they are not at hand, folds are drawn from the seed (variant ``derived``) out of
ModelNet40, prepared or raw: figures obtained with those are comparable with each other, and not with published ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pointsra.data.assembling import SplitPlan, build_splits
from pointsra.data.blocks import cut
from pointsra.data.modelnet40 import choose_form, find_forms
from pointsra.data.modelnet40_clouds import Listed, read_block
from pointsra.data.modelnet40_folds import QUERIES, Fold, draw_folds, fold_files, read_fold
from pointsra.data.modelnet40_lists import CLASS_NAMES, SPLITS, list_split, same_cloud
from pointsra.data.places import split_path
from pointsra.data.request import Built, PrepareRequest, RawFiles, Recipe, Skipped
from pointsra.data.skipping import evenly, notes_on, read_sound
from pointsra.data.split_writer import SplitHeader
from pointsra.data.store import open_split
from pointsra.errors import DataError
from pointsra.progress import Report

VARIANTS = ("official", "derived")
_FOLDERS = ("", "ModelNetFewshot", "ModelNet/ModelNetFewshot", "data/ModelNetFewshot")


@dataclass(frozen=True)
class Source:
    """Where folds come from: the variant, the raw folder and files, the folds, what was left out, and sentences."""

    variant: str
    folder: Path
    files: tuple[Path, ...]
    folds: Sequence[Fold]
    skipped: Sequence[Skipped]
    notes: Sequence[str]
    stand_in: bool = False


def missing_message(looked: Path) -> str:
    """Where the folds are to be had, and what can be done without them."""
    return (
        f"{looked}: no few-shot folds there, and no ModelNet40 to draw them from; the official folds are linked in "
        "DATASET.md of github.com/Julie-tang00/Point-BERT (terms as for ModelNet40: academic research). Name their "
        "folder with --raw DIR, or run `pointsra prepare-data modelnet40` first, and folds are drawn from the seed. "
        "Looked for, in DIR and DIR/ModelNetFewshot:\n"
        "  5way10shot/0.pkl … 9.pkl    (or 5way_10shot/ …)\n"
        "  5way20shot/  10way10shot/  10way20shot/"
    )


def find(request: PrepareRequest) -> RawFiles:
    """Find the official folds, else ModelNet40 to draw folds from.

    Raises:
        DataError: neither is there, or what is there is damaged.
    """
    source = _source(request)
    expected = {f"{fold.name}_{split}": len(fold.clouds[split]) for fold in source.folds for split in SPLITS}
    return RawFiles(source.folder, source.files, expected, stand_in=source.stand_in)


def build(request: PrepareRequest, raw: RawFiles, folder: Path, report: Report) -> Built:
    """Read or draw the folds and write each as ``5way10shot_fold0_train`` and ``5way10shot_fold0_test``.

    Args:
        request: limit, points, seed, workers, variant and skip_bad are used.
        raw: what :func:`find` found.
        folder: where the splits go.
        report: told after each part.

    Raises:
        DataError: a fold or a cloud is damaged and ``skip_bad`` is off, or nothing sound is left.
        OutputError: the disk is full.
    """
    source = _source(request)
    plans = []
    for fold in source.folds:
        for split in SPLITS:
            header = SplitHeader(
                dataset="modelnet40-fewshot",
                variant=source.variant,
                split=f"{fold.name}_{split}",
                class_names=fold.class_names,
                seed=request.seed,
                stand_in=raw.stand_in,
            )
            tasks = [tuple(task) for task in cut(fold.clouds[split])]
            plans.append(SplitPlan(header, tasks, len(fold.clouds[split])))
    work = partial(
        read_block, folder=source.folder, points=request.points, seed=request.seed, skip_bad=request.skip_bad
    )
    done = build_splits(plans, work, request, folder, report)
    skipped = [*source.skipped, *done.skipped]
    notes = [*notes_on(skipped), *source.notes]
    if request.limit is None and not raw.stand_in:
        notes += _oddities(source)
    if done.repeated:
        notes.append(f"{done.repeated} clouds have fewer than {request.points} points; some of theirs are repeated.")
    return Built(done.counts, CLASS_NAMES, source.variant, skipped, notes)


def _source(request: PrepareRequest) -> Source:
    base = Path(request.raw) if request.raw is not None else Path(request.root)
    if request.variant != "derived":
        for name in _FOLDERS:
            files, notes = fold_files(base / name)
            if files:
                return _official(request, base / name, files, notes)
    if request.variant == "official":
        raise DataError(missing_message(base))
    if request.raw is None and all(split_path(base, "modelnet40", split).is_file() for split in SPLITS):
        return _from_prepared(request, base)
    if not find_forms(base, None):
        raise DataError(missing_message(base))
    form, notes = choose_form(request, base, None)
    listings = [list_split(form, split, None, request.skip_bad) for split in SPLITS]
    files = dict.fromkeys(path for listing in listings for path in listing.files)
    skipped = [each for listing in listings for each in listing.skipped]
    pools = [listing.clouds for listing in listings]
    return _drawn(request, Source("derived", form.folder, tuple(files), (), skipped, notes), pools)


def _official(
    request: PrepareRequest, folder: Path, files: dict[tuple[int, int, int], Path], notes: list[str]
) -> Source:
    def read(key: tuple[int, int, int]) -> Fold:
        return read_fold(files[key], *key)

    def name(key: tuple[int, int, int]) -> str:
        return files[key].relative_to(folder).as_posix()

    folds, skipped = read_sound(files, read, name, request.skip_bad)
    if not folds:
        raise DataError(f"{folder}: none of its folds can be read; {skipped[-1].reason}")
    return Source("official", folder, tuple(files.values()), _limited(folds, request.limit), skipped, notes)


def _from_prepared(request: PrepareRequest, root: Path) -> Source:
    """Folds out of the prepared ModelNet40 of the same data root."""
    paths = [split_path(root, "modelnet40", split) for split in SPLITS]
    pools, stand_in = [], False
    for path in paths:
        with open_split(path) as split:
            if split.points_per_cloud < request.points:
                raise DataError(
                    f"{path}: its clouds have {split.points_per_cloud} points, not {request.points}; ask for "
                    f"--points {split.points_per_cloud}, or prepare modelnet40 with --points {request.points} first."
                )
            stand_in = stand_in or split.stand_in
            pools.append(
                [
                    Listed(name, int(label), split.class_names[label], path, (row,), split.has_normals)
                    for row, (name, label) in enumerate(zip(split.ids, split.labels, strict=True))
                ]
            )
    return _drawn(request, Source("derived", root, tuple(paths), (), (), (), stand_in), pools)


def _drawn(request: PrepareRequest, source: Source, pools: Sequence[Sequence[Listed]]) -> Source:
    folds, short = draw_folds(pools[0], pools[1], request.seed)
    if not folds:
        raise DataError(f"{source.folder}: too few clouds for any fold; {short[0]}")
    said = f"the folds are drawn with seed {request.seed}; figures are not comparable with those of the official folds."
    return Source(
        source.variant,
        source.folder,
        source.files,
        _limited(folds, request.limit),
        source.skipped,
        [said, *source.notes, *short],
        source.stand_in,
    )


def _limited(folds: Sequence[Fold], limit: int | None) -> list[Fold]:
    """The folds with at most ``limit`` clouds in each split, evenly over all."""
    return [
        Fold(
            fold.way,
            fold.shot,
            fold.number,
            fold.class_names,
            {split: [each[row] for row in evenly(len(each), limit)] for split, each in fold.clouds.items()},
        )
        for fold in folds
    ]


def _oddities(source: Source) -> list[str]:
    """What is not as the official protocol has it, and no reason to stop."""
    notes = []
    for fold in source.folds:
        for split, each_class in (("train", fold.shot), ("test", QUERIES)):
            count, wanted = len(fold.clouds[split]), each_class * fold.way
            if count != wanted:
                notes.append(f"{fold.name}_{split} has {count} clouds; the official protocol has {wanted}.")
        if source.variant == "official":
            known = {same_cloud(listed) for listed in fold.clouds["train"]}
            shared = sum(same_cloud(listed) in known for listed in fold.clouds["test"])
            if shared:
                notes.append(f"{fold.name}: {shared} test clouds are among its training clouds.")
    return notes


RECIPE = Recipe(
    "few-shot folds of ModelNet40, official or drawn from the seed (--raw DIR)",
    find,
    build,
    variants=VARIANTS,
)
