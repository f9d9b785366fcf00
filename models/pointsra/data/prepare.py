"""Prepare a data set: what is the same for all of them.

A set is built in a hidden folder beside its final place and swapped in when it is whole; whoever reads the old set,
or kills this process, never sees half of a new one, and the next run for the same goes on where this one was killed.
What differs between data sets is in one file each, named in :data:`DATASETS`. Data sets are never downloaded.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pointsra.data import (
    generated,
    intra,
    kitti,
    meshes,
    modelnet40,
    modelnet40_fewshot,
    s3dis,
    scannet,
    scanobjectnn,
    shapenet55,
    shapenetpart,
)
from pointsra.data.archive_members import is_archive, not_an_archive
from pointsra.data.archives import raw_folder
from pointsra.data.assembling import PARTS_FOLDER
from pointsra.data.condition_pass import Encoders, add_conditions, find_encoders
from pointsra.data.folder_swap import left_for, locked, recover, swap_in, work_folder
from pointsra.data.manifest import (
    archive_facts,
    changed_source,
    difference,
    made_for,
    options_of,
    same_archive,
    write_manifest,
)
from pointsra.data.places import read_manifest
from pointsra.data.request import Built, PrepareRequest, PrepareResult, RawFiles, Recipe, Skipped
from pointsra.data.stand_in_files import is_stand_in, written_stand_in
from pointsra.errors import DataError, SettingsError
from pointsra.progress import Report, silent

__all__ = ["DATASETS", "PrepareRequest", "PrepareResult", "Skipped", "plan", "prepare"]

NO_STAND_IN = ("shapes", "meshes")

DATASETS: dict[str, Recipe] = {
    "shapes": generated.RECIPE,
    "scanobjectnn": scanobjectnn.RECIPE,
    "modelnet40": modelnet40.RECIPE,
    "modelnet40-fewshot": modelnet40_fewshot.RECIPE,
    "shapenet55": shapenet55.RECIPE,
    "shapenetpart": shapenetpart.RECIPE,
    "s3dis": s3dis.RECIPE,
    "scannet": scannet.RECIPE,
    "intra": intra.RECIPE,
    "kitti": kitti.RECIPE,
    "meshes": meshes.RECIPE,
}


@dataclass(frozen=True)
class _Job:
    """A request that was checked: its recipe, its final folder, its encoders, and what the arrays depend on."""

    request: PrepareRequest
    recipe: Recipe
    folder: Path
    encoders: Encoders
    options: Mapping[str, Any]


def plan(request: PrepareRequest) -> dict[str, Any]:
    """Check everything that can be checked without doing anything.

    An archive is not unpacked and a stand-in not written, so nothing is said of what is in them.

    Args:
        request: what is wanted.

    Returns:
        JSON-ready: dataset, folder, raw, sources (how many files and bytes), splits (clouds expected, where known),
        options, and state: "new", "unchanged", "resume", "replace" or "blocked" (``reason`` says what would need
        --force).

    Raises:
        SettingsError: an unknown data set, variant or encoder, or a number out of range.
        DataError: raw files are missing, or something else stands in the way.
    """
    job = _job(request, fetch=False)
    unread = _unread(request)
    raw = _packed(request) if unread else _find(job)
    state, reason = _state(job, None if unread else raw)
    if state in ("new", "replace") and not unread and left_for(job.folder, made_for(request, job.options, raw)):
        state = "resume"
    return {
        "dataset": request.dataset,
        "folder": str(job.folder),
        "raw": str(request.raw if unread else raw.folder) if raw.folder else None,
        "stand_in": request.stand_in or raw.stand_in,
        "sources": {"files": len(raw.files), "bytes": sum(path.stat().st_size for path in raw.files)},
        "splits": dict(raw.expected),
        "options": dict(job.options),
        "seed": request.seed,
        "state": state,
        "reason": reason,
        "notes": [*raw.notes, *job.encoders.notes],
    }


def prepare(request: PrepareRequest, report: Report = silent) -> PrepareResult:
    """Prepare a data set, or find that there is nothing to do.

    Args:
        request: what is wanted.
        report: told how far the work is.

    Returns:
        The folder, its manifest, and whether it was there already.

    Raises:
        SettingsError: an unknown data set, variant or encoder, or a number out of range.
        DataError: raw files are missing or damaged, a different set is there and ``force`` was not given, or
            another process is preparing the same set.
        MissingExtraError: an encoder needs a package that is not installed.
        OutputError: the data root cannot be written, or the disk is full.
    """
    job = _job(request, fetch=True)
    recover(job.folder)
    kept = _already_there(job)
    if kept is not None:
        return kept
    raw = None if _unread(request) else _find(job)
    if raw is not None and _settled(job, raw):
        return _unchanged(job)
    with locked(job.folder), ExitStack() as stack:
        if raw is None:
            named = written_stand_in(request, report) if request.stand_in else request.raw
            job = replace(job, request=replace(request, raw=stack.enter_context(raw_folder(named, job.folder, report))))
            raw = _find(job)
        if _settled(job, raw):  # by another process, a moment ago; or by an archive that was prepared before
            return _unchanged(job)
        built, manifest = _build(job, raw, request.raw, report)
    return PrepareResult(job.folder, manifest, False, (*raw.notes, *job.encoders.notes, *built.notes))


def _build(job: _Job, raw: RawFiles, named: Path | None, report: Report) -> tuple[Built, dict[str, Any]]:
    """Build the set in its hidden folder and swap it in."""
    with work_folder(job.folder, made_for(job.request, job.options, raw)) as work:
        built = job.recipe.build(job.request, raw, work, report)
        add_conditions(work, list(built.splits), job.encoders, job.request.workers, report)
        manifest = write_manifest(job.request, job.options, raw, built, work, report)
        if named is not None and Path(named).is_file():
            manifest["archive"] = archive_facts(Path(named))
        (work / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        shutil.rmtree(work / PARTS_FOLDER, ignore_errors=True)
        swap_in(work, job.folder)
    return built, manifest


def _job(request: PrepareRequest, *, fetch: bool) -> _Job:
    recipe = _recipe(request)
    folder = _folder(request)
    encoders = find_encoders(request.image_encoder, request.text_encoder, fetch=fetch)
    fingerprint = recipe.fingerprint(request) if recipe.fingerprint else None
    options = options_of(request, fingerprint, encoders.image_identity, encoders.text_identity)
    return _Job(request, recipe, folder, encoders, options)


def _recipe(request: PrepareRequest) -> Recipe:
    recipe = DATASETS.get(request.dataset)
    if recipe is None:
        raise SettingsError(f"no data set is called {request.dataset!r}; there are {', '.join(DATASETS)}.")
    for name, least in (("limit", 1), ("count", 1), ("workers", 1), ("points", 16), ("seed", 0), ("max_points", 16)):
        value = getattr(request, name)
        if value is not None and value < least:
            raise SettingsError(f"--{name.replace('_', '-')} {value}: must be {least} or more.")
    if request.variant is not None and request.variant not in recipe.variants:
        known = f"it has {', '.join(recipe.variants)}" if recipe.variants else "it has no variants"
        raise SettingsError(f"{request.dataset} has no variant {request.variant!r}; {known}.")
    if request.count is not None and not recipe.counted and not request.stand_in:
        raise SettingsError(f"--count is for generated data; use --limit to take only some of {request.dataset}.")
    if request.stand_in and request.raw is not None:
        raise SettingsError("--stand-in makes the raw files itself: leave out --raw, or leave out --stand-in.")
    if request.stand_in and request.dataset in NO_STAND_IN:
        raise SettingsError(f"{request.dataset} has no stand-in: there is nothing that it would stand in for.")
    if recipe.fixed_points and request.points != recipe.fixed_points:
        raise SettingsError(
            f"{request.dataset} is kept at its {recipe.fixed_points} points a cloud, not {request.points}; "
            "set patches.points in the preset to train on fewer."
        )
    return recipe


def _folder(request: PrepareRequest) -> Path:
    folder = Path(request.root) / request.dataset
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise DataError(f"{place}: a file stands where a folder is needed; choose another --out.")
    return folder


def _packed(request: PrepareRequest) -> RawFiles:
    """What can be said of raw files before they are written or unpacked."""
    if request.stand_in or request.raw is None:
        return RawFiles()
    if not is_archive(Path(request.raw)):
        raise DataError(not_an_archive(Path(request.raw)))
    return RawFiles(Path(request.raw).parent, (Path(request.raw),))


def _unread(request: PrepareRequest) -> bool:
    """Whether the raw files must be written or unpacked before they can be looked at."""
    return request.stand_in or (request.raw is not None and Path(request.raw).is_file())


def _find(job: _Job) -> RawFiles:
    """The raw files, checked not to lie in the folder that will be replaced."""
    raw = job.recipe.find(job.request)
    if raw.folder is None:
        return raw
    if (raw.folder.resolve() / "x").is_relative_to(job.folder.resolve()):
        raise DataError(f"{raw.folder}: the raw files lie where the result goes; choose another --out.")
    return replace(raw, stand_in=raw.stand_in or is_stand_in(raw.folder))


def _already_there(job: _Job) -> PrepareResult | None:
    """A set prepared with the same options stays, raw files or not, when nobody says where other raw files are."""
    request, folder = job.request, job.folder
    if request.force or request.stand_in or not (folder / "manifest.json").is_file():
        return None
    manifest = read_manifest(folder)
    if not manifest.get("sources") or _difference(job, manifest) is not None:
        return None
    if request.raw is None:
        note = f"{folder} is prepared already; its raw files were not looked at, because --raw was not given."
    elif same_archive(request.raw, manifest):
        note = f"{folder} is prepared already and {request.raw} has not changed."
    else:
        return None
    return PrepareResult(folder, manifest, True, (note, *_stand_in_note(manifest)))


def _settled(job: _Job, raw: RawFiles) -> bool:
    """Whether the set is there as wanted.

    Raises:
        DataError: it is there, different, and ``force`` was not given.
    """
    state, reason = _state(job, raw)
    if state == "blocked":
        raise DataError(reason)
    return state == "unchanged"


def _unchanged(job: _Job) -> PrepareResult:
    manifest = read_manifest(job.folder)
    note = f"{job.folder} is prepared already and nothing has changed."
    return PrepareResult(job.folder, manifest, True, (note, *_stand_in_note(manifest)))


def _stand_in_note(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    name = manifest.get("dataset")
    return (f"It is a small stand-in that this tool made up, not {name} itself.",) if manifest.get("stand_in") else ()


def _state(job: _Job, raw: RawFiles | None) -> tuple[str, str]:
    folder = job.folder
    if not folder.exists() or not any(folder.iterdir()):
        return "new", ""
    if not (folder / "manifest.json").is_file():
        raise DataError(f"{folder}: holds files that are not a prepared data set; choose another --out.")
    try:
        manifest = read_manifest(folder)
    except DataError:
        if job.request.force and all(each.name == "manifest.json" or each.suffix == ".h5" for each in folder.iterdir()):
            return "replace", "its manifest.json is damaged"
        raise
    found = _difference(job, manifest)
    if found is None and raw is not None:
        found = changed_source(raw, manifest)
    if found is None:
        return "unchanged", ""
    if job.request.force:
        return "replace", found
    return "blocked", f"{folder}: prepared before, but {found}; --force replaces it, --out goes elsewhere."


def _difference(job: _Job, manifest: Mapping[str, Any]) -> str | None:
    # --force is also how damage is mended, so there every byte is looked at.
    return difference(job.folder, manifest, job.request.seed, job.options, checksums=job.request.force)
