"""What prepared files of clouds and of scenes have in common: opening them, their attributes, advice on bad ones."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from pointsra.data.places import preparing_advice, read_manifest
from pointsra.data.split_writer import SCHEMA_VERSION
from pointsra.errors import DataError

Opened = TypeVar("Opened")


def open_file(path: Path) -> h5py.File:
    """Open a prepared file for reading.

    Raises:
        DataError: it is not there (names the command that prepares it), truncated, or no HDF5 file.
    """
    if not path.is_file():
        folder, root = path.parent, path.parent.parent
        if (folder / "manifest.json").is_file():
            known = sorted(read_manifest(folder).get("splits", {}))
            raise DataError(f"{path}: no such split; {folder.name} has {', '.join(known) or 'none'}.")
        raise DataError(f"{path}: not there; {preparing_advice(root, folder.name)}.")
    try:
        return h5py.File(path, "r")
    except OSError as cause:
        detail = "truncated" if "truncated" in str(cause) else "not an HDF5 file, or damaged"
        raise DataError(f"{path}: {detail}; {again_advice(path)}.") from cause


def open_checked(path: Path, schema: str, make: Callable[[Path, h5py.File], Opened]) -> Opened:
    """Open a prepared file, check its header, and make what reads it; the file is closed again where that fails.

    Args:
        path: the file.
        schema: the one it must have.
        make: checks what is in the file and returns what reads it.

    Raises:
        DataError: as :func:`open_file` and :func:`check_header`, and of a file that turns out to be damaged.
    """
    file = open_file(path)
    try:
        check_header(path, file, schema)
        return make(path, file)
    except BaseException as cause:
        with suppress(Exception):
            file.close()
        if isinstance(cause, OSError | KeyError | UnicodeDecodeError):
            raise DataError(f"{path}: damaged ({cause}); {again_advice(path)}.") from cause
        raise


def again_advice(path: Path) -> str:
    """What to do about a prepared file that is damaged."""
    return preparing_advice(path.parent.parent, path.parent.name, again=True)


def check_header(path: Path, file: h5py.File, schema: str) -> None:
    """Check the attributes that every prepared file has.

    Raises:
        DataError: another schema or version, or an attribute is missing.
    """
    found = file.attrs.get("schema")
    if found != schema:
        if isinstance(found, str) and found.startswith("pointsra-"):
            raise DataError(f"{path}: holds {found.removeprefix('pointsra-')}, not {schema.removeprefix('pointsra-')}.")
        raise DataError(f"{path}: attribute schema is not {schema!r}: not made by `pointsra prepare-data`.")
    version = file.attrs.get("schema_version")
    if version != SCHEMA_VERSION:
        raise DataError(f"{path}: schema_version {version}, this tool reads 1; {again_advice(path)}.")
    for name in ("dataset", "variant", "split", "class_names", "part_names", "frame", "seed"):
        if name not in file.attrs:
            raise DataError(f"{path}: attribute {name} is missing; {again_advice(path)}.")


def header_names(path: Path, attributes: h5py.AttributeManager, name: str) -> tuple[str, ...]:
    """A list of names from the attributes of a prepared file.

    Raises:
        DataError: not a JSON list.
    """
    text = attributes[name]
    try:
        names: Sequence[Any] = json.loads(text) if text else []
        return tuple(str(each) for each in names)
    except (TypeError, ValueError) as cause:
        raise DataError(f"{path}: attribute {name} is not a JSON list; {again_advice(path)}.") from cause


def chunk_places(dataset: h5py.Dataset) -> NDArray[np.int64] | None:
    """Where each row of a data set begins in its file; None where a row is not one plain chunk of bytes."""
    plain = dataset.chunks == (1, *dataset.shape[1:]) and dataset.id.get_create_plist().get_nfilters() == 0
    able = hasattr(dataset.id, "chunk_iter") and hasattr(os, "preadv") and dataset.file.driver == "sec2"
    if not able or not plain or not dataset.dtype.isnative or dataset.file.userblock_size:
        return None
    places = np.full(len(dataset), -1, dtype=np.int64)

    def note(chunk: Any) -> None:
        if chunk.chunk_offset[0] < len(places):
            places[chunk.chunk_offset[0]] = chunk.byte_offset

    dataset.id.chunk_iter(note)
    return places if (places >= 0).all() else None
