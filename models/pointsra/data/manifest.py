"""What ``manifest.json`` says of a prepared data set, and how a prepared set differs from what is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pointsra.data.places import read_manifest
from pointsra.data.request import Built, PrepareRequest, RawFiles
from pointsra.data.split_writer import SCHEMA_VERSION, Encoder, tool_version
from pointsra.errors import DataError
from pointsra.progress import Progress, Report


def options_of(
    request: PrepareRequest, fingerprint: str | None, image: Encoder | None, text: Encoder | None
) -> dict[str, Any]:
    """What the arrays depend on, besides the raw files and the seed; the number of workers is not among it.

    Args:
        request: what is wanted.
        fingerprint: of the generator, for generated data.
        image: what will make image features, None for none.
        text: what will make text features, None for none.
    """
    return {
        "variant": request.variant,  # first: another variant has another generator, and is what the user asked for
        "generator": fingerprint,
        "limit": request.limit,
        "count": request.count,
        "points": request.points,
        "max_points": request.max_points,
        "skip_bad": request.skip_bad,
        "image_encoder": None if image is None else asdict(image),
        "text_encoder": None if text is None else asdict(text),
    }


def difference(
    folder: Path, manifest: Mapping[str, Any], seed: int, options: Mapping[str, Any], *, checksums: bool
) -> str | None:
    """What about a prepared set is not as wanted, None where nothing is.

    Args:
        folder: the prepared set.
        manifest: what it says of itself.
        seed: the seed wanted.
        options: from :func:`options_of`.
        checksums: read every split again, to find damage that leaves its size alone.
    """
    found = {"seed": manifest.get("seed"), **manifest.get("options", {})}
    if "encoder" in found:  # sets prepared when there was one encoder for both
        found = {"image_encoder": found["encoder"], "text_encoder": found["encoder"], **found}
    for name, value in {"seed": seed, **options}.items():
        if not _same(found.get(name), value):
            return f"with {name} {_shown(found.get(name))} instead of {_shown(value)}"
    for split in manifest.get("splits", {}).values():
        path = folder / split["file"]
        if not path.is_file() or path.stat().st_size != split["bytes"]:
            return f"its file {split['file']} is missing or cut short"
        if checksums and sha256_of(path) != split["sha256"]:
            return f"its file {split['file']} is damaged"
    return None


def _same(found: object, wanted: object) -> bool:
    if isinstance(found, dict) and isinstance(wanted, dict) and wanted.get("sha256") == "":
        return found.get("name") == wanted.get("name")  # weights that are not on this machine yet
    return found == wanted


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return f"{value.get('name')} {value.get('version')}"
    return "unset" if value is None else f"{value}"[:12]


def changed_source(raw: RawFiles, manifest: Mapping[str, Any]) -> str | None:
    """Which raw file is new, gone or changed since a set was prepared; None where none is."""
    known = {source["file"]: source for source in manifest.get("sources", [])}
    names = {relative_name(path, raw): path for path in raw.files}
    for name in sorted(known.keys() ^ names.keys()):
        return f"the raw file {name} is {'gone' if name in known else 'new'}"
    for name, path in names.items():
        status, source = path.stat(), known[name]
        if status.st_size != source["bytes"]:
            return f"the raw file {name} has changed"
        if status.st_mtime_ns != source.get("modified_ns") and sha256_of(path) != source["sha256"]:
            return f"the raw file {name} has changed"
    return None


def made_for(request: PrepareRequest, options: Mapping[str, Any], raw: RawFiles) -> dict[str, Any]:
    """What a half-built set must have been built for, to be taken up again."""
    sources = [[relative_name(path, raw), path.stat().st_size, path.stat().st_mtime_ns] for path in raw.files]
    digest = hashlib.sha256(repr(sources).encode()).hexdigest()
    return {
        "dataset": request.dataset,
        "seed": request.seed,
        "options": dict(options),
        "sources": digest,
        "tool_version": tool_version(),
    }


def write_manifest(
    request: PrepareRequest,
    options: Mapping[str, Any],
    raw: RawFiles,
    built: Built,
    work: Path,
    report: Report,
) -> dict[str, Any]:
    """Put together the manifest of a set that was just built.

    Args:
        request: what was asked for.
        options: from :func:`options_of`.
        raw: the raw files that were read.
        built: what the recipe has written.
        work: the folder that holds the splits.
        report: told after each checksum.
    """
    splits = {}
    for split, count in built.splits.items():
        path = work / f"{split}.h5"
        splits[split] = {"count": count, "file": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size}
    sources = []
    for number, path in enumerate(raw.files, start=1):
        sources.append({"file": relative_name(path, raw), **_file_facts(path)})
        report(Progress("checksums of raw files", number, len(raw.files), "files"))
    return {
        "schema": "pointsra-manifest",
        "schema_version": SCHEMA_VERSION,
        "dataset": request.dataset,
        "variant": built.variant,
        "stand_in": raw.stand_in,
        "splits": splits,
        "class_names": list(built.class_names),
        "sources": sources,
        "tool_version": tool_version(),
        "seed": request.seed,
        "options": dict(options),
        "skipped": [{"file": each.file, "reason": each.reason} for each in built.skipped],
    }


def archive_facts(path: Path) -> dict[str, Any]:
    """What the manifest keeps of the archive that the raw files came in."""
    return {"file": path.name, **_file_facts(path)}


def same_archive(raw: Path | None, manifest: Mapping[str, Any]) -> bool:
    """Whether ``raw`` is the archive that a set was prepared from, unchanged; it need not be unpacked then."""
    known = manifest.get("archive")
    if known is None or raw is None or not Path(raw).is_file():
        return False
    status = Path(raw).stat()
    if status.st_size != known["bytes"]:
        return False
    return status.st_mtime_ns == known["modified_ns"] or sha256_of(Path(raw)) == known["sha256"]


def relative_name(path: Path, raw: RawFiles) -> str:
    """A raw file's name as the manifest has it."""
    return path.relative_to(raw.folder).as_posix() if raw.folder else path.as_posix()


def listed_sha256(path: Path) -> str:
    """The sha256 of a split's file as the manifest beside it lists it, without reading the file.

    "" where there is no manifest, where it does not list the split, as that of a set of one's own, or where the file
    has another size than it says.
    """
    try:
        listed = read_manifest(path.parent)["splits"][path.stem]
        return str(listed["sha256"]) if listed["bytes"] == path.stat().st_size else ""
    except (DataError, OSError, KeyError, TypeError):
        return ""


def sha256_of(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _file_facts(path: Path) -> dict[str, Any]:
    status = path.stat()
    try:
        checksum = sha256_of(path)
    except OSError:  # it was left out and named, or whoever read it would have stopped the work
        checksum = ""
    return {"bytes": status.st_size, "sha256": checksum, "modified_ns": status.st_mtime_ns}
