"""ModelNet40 (Wu et al., CVPR 2015): 40 classes of sampled CAD models, 9,843 for training and 2,468 for testing.

Read from the first of three raw forms that is there (see ``modelnet40_lists``), written in the unit frame with their
normals, y up. Point-MAE and its peers train on 1,024 or 8,192 points of clouds thinned to 8,192 by farthest points.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pointsra.data.assembling import SplitPlan, build_splits
from pointsra.data.blocks import cut
from pointsra.data.modelnet40_clouds import read_block
from pointsra.data.modelnet40_lists import CLASS_NAMES, SPLITS, Form, Listing, cache_points, list_split, shared_clouds
from pointsra.data.request import Built, PrepareRequest, RawFiles, Recipe
from pointsra.data.skipping import notes_on
from pointsra.data.split_writer import SplitHeader
from pointsra.errors import DataError
from pointsra.progress import Report

FORMS = ("resampled", "fps", "hdf5")
OFFICIAL_COUNTS = {"train": (9843, 9840), "test": (2468,)}  # HDF5 releases differ in the first
_RESAMPLED_POINTS, _HDF5_POINTS = 10_000, 2_048
_TEXT_FOLDERS = ("", "modelnet40_normal_resampled", "ModelNet/modelnet40_normal_resampled")
_HDF5_FOLDERS = ("", "modelnet40_ply_hdf5_2048", "ModelNet/modelnet40_ply_hdf5_2048")


def expected_tree() -> str:
    """The files looked for, form by form."""
    return "\n".join(
        (
            "modelnet40_normal_resampled/                                  variant resampled (10,000 points)",
            "  modelnet40_shape_names.txt  modelnet40_train.txt  modelnet40_test.txt",
            "  airplane/airplane_0001.txt …  night_stand/night_stand_0001.txt …",
            "modelnet40_normal_resampled/                                  variant fps (8,192 points)",
            "  modelnet40_train_8192pts_fps.dat  modelnet40_test_8192pts_fps.dat",
            "modelnet40_ply_hdf5_2048/                                     variant hdf5 (2,048 points)",
            "  train_files.txt  test_files.txt  ply_data_train0.h5 …  ply_data_test0.h5 …",
        )
    )


def missing_message(looked: Path, variant: str | None = None) -> str:
    """Where the data set is to be had, under which terms, and what the folder should hold."""
    what = f"no ModelNet40 files of the variant {variant}" if variant else "no ModelNet40 files"
    return (
        f"{looked}: {what} there; the Stanford host that most pages link is gone, mirrors are Msun/modelnet40 and "
        "Pointcept/modelnet40_normal_resampled-compressed on Hugging Face and a release asset of "
        "github.com/ma-xu/pointMLP-pytorch (for academic research; the models belong to their authors; cite the "
        "paper). Unpack one and name the folder with --raw DIR. Looked for, in DIR and DIR/ModelNet, one of:\n"
        + expected_tree()
    )


def find_forms(base: Path, variant: str | None) -> list[Form]:
    """The raw forms that are there, best first.

    Args:
        base: the folder to look in.
        variant: look for this form alone.
    """
    forms: dict[str, Form] = {}
    for name in _TEXT_FOLDERS:
        folder = base / name
        texts = any(next((folder / each).glob("*.txt"), None) is not None for each in CLASS_NAMES)
        cached = cache_points(folder)
        listed = any((folder / f"modelnet40_{split}.txt").is_file() for split in SPLITS)
        if texts or (listed and cached is None):
            forms.setdefault("resampled", Form("resampled", folder, _RESAMPLED_POINTS))
        if cached is not None:
            forms.setdefault("fps", Form("fps", folder, cached))
    for name in _HDF5_FOLDERS:
        folder = base / name
        there = any((folder / f"{split}_files.txt").is_file() for split in SPLITS)
        if there or next(folder.glob("ply_data_*.h5"), None) is not None:
            forms.setdefault("hdf5", Form("hdf5", folder, _HDF5_POINTS))
    return [forms[name] for name in FORMS if name in forms and variant in (None, name)]


def choose_form(request: PrepareRequest, base: Path, variant: str | None) -> tuple[Form, list[str]]:
    """The form to read, and a sentence where there was a choice.

    Args:
        request: the number of points is used.
        base: the folder to look in.
        variant: a form that was asked for.

    Raises:
        DataError: none is there, or its clouds have fewer points than were asked for.
    """
    forms = find_forms(base, variant)
    if not forms:
        raise DataError(missing_message(base, variant))
    form, *others = forms
    if request.points > form.points:
        richer = next((each for each in others if each.points >= request.points), None)
        way_out = f"--variant {richer.name} has them" if richer else f"ask for {form.points} or fewer with --points"
        raise DataError(f"{form.folder}: its clouds have {form.points} points, not {request.points}; {way_out}.")
    notes = []
    if others:
        names = " and ".join(each.name for each in others)
        notes.append(f"read the form {form.name}; {names} can be chosen with --variant.")
    return form, notes


def find(request: PrepareRequest) -> RawFiles:
    """Find the files of the first raw form that is there, or of the one asked for.

    Raises:
        DataError: none is there, or a list or a file that it names is missing or damaged.
    """
    base = Path(request.raw) if request.raw is not None else Path(request.root)
    form, notes = choose_form(request, base, request.variant)
    listings = {split: list_split(form, split, request.limit, request.skip_bad) for split in SPLITS}
    files = dict.fromkeys(path for listing in listings.values() for path in listing.files)
    expected = {split: len(listing.clouds) for split, listing in listings.items()}
    return RawFiles(form.folder, tuple(files), expected, tuple(notes))


def build(request: PrepareRequest, raw: RawFiles, folder: Path, report: Report) -> Built:
    """Read the clouds and write ``train`` and ``test``.

    Args:
        request: limit, points, seed, workers, variant and skip_bad are used.
        raw: what :func:`find` found.
        folder: where the splits go.
        report: told after each part.

    Raises:
        DataError: a cloud is damaged and ``skip_bad`` is off, or nothing sound is left of a split.
        OutputError: the disk is full.
    """
    base = Path(request.raw) if request.raw is not None else Path(request.root)
    form, _ = choose_form(request, base, request.variant)
    listings = {split: list_split(form, split, request.limit, request.skip_bad) for split in SPLITS}
    plans = [
        SplitPlan(_header(request, raw, form, split), [tuple(task) for task in cut(each.clouds)], len(each.clouds))
        for split, each in listings.items()
    ]
    work = partial(read_block, folder=form.folder, points=request.points, seed=request.seed, skip_bad=request.skip_bad)
    done = build_splits(plans, work, request, folder, report)
    skipped = [each for listing in listings.values() for each in listing.skipped] + done.skipped
    notes = notes_on(skipped) + [note for listing in listings.values() for note in listing.notes]
    notes += _oddities(form, listings, compared=request.limit is None and not raw.stand_in)
    if done.repeated:
        notes.append(f"{done.repeated} clouds have fewer than {request.points} points; some of theirs are repeated.")
    return Built(done.counts, CLASS_NAMES, form.name, skipped, notes)


def _header(request: PrepareRequest, raw: RawFiles, form: Form, split: str) -> SplitHeader:
    return SplitHeader(
        dataset="modelnet40",
        variant=form.name,
        split=split,
        class_names=CLASS_NAMES,
        seed=request.seed,
        stand_in=raw.stand_in,
    )


def _oddities(form: Form, listings: dict[str, Listing], compared: bool) -> list[str]:
    """What is not as in the official lists, and no reason to stop."""
    notes = []
    shared = shared_clouds(form, listings["train"].clouds, listings["test"].clouds)
    if shared:
        notes.append(f"{form.folder}: {len(shared)} clouds are in train and in test, {shared[0]} for one.")
    for split, listing in listings.items():
        count, official = len(listing.clouds), OFFICIAL_COUNTS[split]
        if compared and count not in official:
            notes.append(f"{split} has {count:,} clouds; the official list has {official[0]:,}.")
    return notes


RECIPE = Recipe(
    "CAD models of 40 classes, as text, FPS cache or HDF5 (--raw DIR)",
    find,
    build,
    variants=FORMS,
)
