"""Prepare a data set: what is the same for all of them.

A set is built in a hidden folder beside its final place and swapped in when it is whole; whoever reads the old set,
or kills this process, never sees half of a new one. What differs between data sets is in one file each, named in
:data:`DATASETS`. Nothing is ever downloaded.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pointsra.data import generated, meshes, scanobjectnn
from pointsra.data.conditions import BUILTIN_NAME, BUILTIN_VERSION, builtin_checksum
from pointsra.data.folder_swap import recover, swap_in, work_folder
from pointsra.data.places import read_manifest
from pointsra.data.request import Built, PrepareRequest, PrepareResult, RawFiles, Recipe, Skipped
from pointsra.data.split_writer import SCHEMA_VERSION, tool_version
from pointsra.errors import DataError, SettingsError
from pointsra.progress import Progress, Report, silent

__all__ = ["DATASETS", "PrepareRequest", "PrepareResult", "Skipped", "plan", "prepare"]

DATASETS: dict[str, Recipe] = {
    "shapes": generated.RECIPE,
    "scanobjectnn": scanobjectnn.RECIPE,
    "meshes": meshes.RECIPE,
}


def plan(request: PrepareRequest) -> dict[str, Any]:
    """Check everything that can be checked without doing anything.

    Args:
        request: what is wanted.

    Returns:
        JSON-ready: dataset, folder, raw, sources (how many files and bytes), splits (clouds expected, where known),
        options, and state: "new", "unchanged", "replace" or "blocked" (``reason`` says what would need --force).

    Raises:
        SettingsError: an unknown data set or variant, or a number out of range.
        DataError: raw files are missing, or something else stands in the way.
    """
    recipe = _recipe(request)
    folder = _folder(request)
    raw = recipe.find(request)
    _keep_apart(folder, raw)
    state, reason = _state(request, folder, raw)
    return {
        "dataset": request.dataset,
        "folder": str(folder),
        "raw": str(raw.folder) if raw.folder else None,
        "sources": {"files": len(raw.files), "bytes": sum(path.stat().st_size for path in raw.files)},
        "splits": dict(raw.expected),
        "options": _options(request),
        "seed": request.seed,
        "state": state,
        "reason": reason,
        "notes": list(raw.notes),
    }


def prepare(request: PrepareRequest, report: Report = silent) -> PrepareResult:
    """Prepare a data set, or find that there is nothing to do.

    Args:
        request: what is wanted.
        report: told how far the work is.

    Returns:
        The folder, its manifest, and whether it was there already.

    Raises:
        SettingsError: an unknown data set or variant, or a number out of range.
        DataError: raw files are missing or damaged, or a different set is there and ``force`` was not given.
        OutputError: the data root cannot be written, or the disk is full.
    """
    recipe = _recipe(request)
    folder = _folder(request)
    recover(folder)
    kept = _already_there(request, folder)
    if kept is not None:
        return kept
    raw = recipe.find(request)
    _keep_apart(folder, raw)
    state, reason = _state(request, folder, raw)
    if state == "unchanged":
        note = f"{folder} is prepared already and nothing has changed."
        return PrepareResult(folder, read_manifest(folder), True, (note,))
    if state == "blocked":
        raise DataError(reason)
    with work_folder(folder) as work:
        built = recipe.build(request, raw, work, report)
        manifest = _manifest(request, raw, built, work, report)
        (work / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        swap_in(work, folder)
    return PrepareResult(folder, manifest, False, (*raw.notes, *built.notes))


def _recipe(request: PrepareRequest) -> Recipe:
    recipe = DATASETS.get(request.dataset)
    if recipe is None:
        raise SettingsError(f"no data set is called {request.dataset!r}; there are {', '.join(DATASETS)}.")
    for name, least in (("limit", 1), ("count", 1), ("workers", 1), ("points", 16), ("seed", 0)):
        value = getattr(request, name)
        if value is not None and value < least:
            raise SettingsError(f"--{name} {value}: must be {least} or more.")
    if request.variant is not None and request.variant not in recipe.variants:
        known = f"it has {', '.join(recipe.variants)}" if recipe.variants else "it has no variants"
        raise SettingsError(f"{request.dataset} has no variant {request.variant!r}; {known}.")
    if request.count is not None and not recipe.counted:
        raise SettingsError(f"--count is for generated data; use --limit to take only some of {request.dataset}.")
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


def _keep_apart(folder: Path, raw: RawFiles) -> None:
    """Refuse raw files inside the folder that will be replaced."""
    if raw.folder is not None and (raw.folder.resolve() / "x").is_relative_to(folder.resolve()):
        raise DataError(f"{raw.folder}: the raw files lie where the result goes; choose another --out.")


def _already_there(request: PrepareRequest, folder: Path) -> PrepareResult | None:
    """A set prepared with the same options stays, raw files or not, when nobody says where raw files are."""
    if request.raw is not None or request.force or not (folder / "manifest.json").is_file():
        return None
    manifest = read_manifest(folder)
    if not manifest.get("sources") or _difference(request, folder, manifest) is not None:
        return None
    note = f"{folder} is prepared already; its raw files were not looked at, because --raw was not given."
    return PrepareResult(folder, manifest, True, (note,))


def _state(request: PrepareRequest, folder: Path, raw: RawFiles) -> tuple[str, str]:
    if not folder.exists() or not any(folder.iterdir()):
        return "new", ""
    if not (folder / "manifest.json").is_file():
        raise DataError(f"{folder}: holds files that are not a prepared data set; choose another --out.")
    manifest = read_manifest(folder)
    difference = _difference(request, folder, manifest) or _changed_source(raw, manifest)
    if difference is None:
        return "unchanged", ""
    if request.force:
        return "replace", difference
    return "blocked", f"{folder}: prepared before, but {difference}; --force replaces it, --out goes elsewhere."


def _difference(request: PrepareRequest, folder: Path, manifest: dict[str, Any]) -> str | None:
    """What about a prepared set is not as requested, None where nothing is."""
    wanted = {"seed": request.seed, **_options(request)}
    found = {"seed": manifest.get("seed"), **manifest.get("options", {})}
    for name, value in wanted.items():
        if found.get(name) != value:
            return f"with {name} {_shown(found.get(name))} instead of {_shown(value)}"
    for split in manifest.get("splits", {}).values():
        path = folder / split["file"]
        if not path.is_file() or path.stat().st_size != split["bytes"]:
            return f"its file {split['file']} is missing or cut short"
        if request.force and _sha256(path) != split["sha256"]:  # --force is also how damage is mended
            return f"its file {split['file']} is damaged"
    return None


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return f"{value.get('name')} {value.get('version')}"
    return "unset" if value is None else f"{value}"[:12]


def _changed_source(raw: RawFiles, manifest: dict[str, Any]) -> str | None:
    known = {source["file"]: source for source in manifest.get("sources", [])}
    names = {_relative(path, raw): path for path in raw.files}
    for name in sorted(known.keys() ^ names.keys()):
        return f"the raw file {name} is {'gone' if name in known else 'new'}"
    for name, path in names.items():
        status, source = path.stat(), known[name]
        if status.st_size != source["bytes"]:
            return f"the raw file {name} has changed"
        if status.st_mtime_ns != source.get("modified_ns") and _sha256(path) != source["sha256"]:
            return f"the raw file {name} has changed"
    return None


def _options(request: PrepareRequest) -> dict[str, Any]:
    """What the arrays depend on, besides the raw files and the seed; the number of workers is not among it."""
    fingerprint = DATASETS[request.dataset].fingerprint
    return {
        "generator": fingerprint() if fingerprint else None,
        "limit": request.limit,
        "count": request.count,
        "points": request.points,
        "variant": request.variant,
        "skip_bad": request.skip_bad,
        "encoder": {"name": BUILTIN_NAME, "version": BUILTIN_VERSION, "sha256": builtin_checksum()},
    }


def _manifest(request: PrepareRequest, raw: RawFiles, built: Built, work: Path, report: Report) -> dict[str, Any]:
    splits = {}
    for split, count in built.splits.items():
        path = work / f"{split}.h5"
        splits[split] = {
            "count": count,
            "file": path.name,
            "sha256": _sha256(path),
            "bytes": path.stat().st_size,
        }
    sources = []
    for number, path in enumerate(raw.files, start=1):
        status = path.stat()
        sources.append(
            {
                "file": _relative(path, raw),
                "bytes": status.st_size,
                "sha256": _sha256(path),
                "modified_ns": status.st_mtime_ns,
            }
        )
        report(Progress("checksums of raw files", number, len(raw.files), "files"))
    return {
        "schema": "pointsra-manifest",
        "schema_version": SCHEMA_VERSION,
        "dataset": request.dataset,
        "variant": built.variant,
        "splits": splits,
        "class_names": list(built.class_names),
        "sources": sources,
        "tool_version": tool_version(),
        "seed": request.seed,
        "options": _options(request),
        "skipped": [{"file": each.file, "reason": each.reason} for each in built.skipped],
    }


def _relative(path: Path, raw: RawFiles) -> str:
    return path.relative_to(raw.folder).as_posix() if raw.folder else path.as_posix()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
