"""Prepared data on disk: opening a split and checking that it is sound.

A split is one HDF5 file ``<root>/<dataset>/<split>.h5`` (schema "pointsra-clouds", version 1); its keys are named
in ``split_writer``. Opening checks the schema, shapes and lengths, so that what follows needs no checks. Labels
are read at once, being small; all else is read when asked for, in whichever process asks (``splits``). Nothing here
augments or makes batches (``loaders``), and nothing is prepared (``prepare``).
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import h5py

from pointsra.data.joined_splits import JoinedSplit, check_alike
from pointsra.data.places import data_root, find_dataset, preparing_advice, read_manifest, split_path
from pointsra.data.prepared_files import again_advice, header_names, open_checked
from pointsra.data.split_writer import (
    SCHEMA,
    SCHEMA_VERSION,
    UNKNOWN_PART,
    CloudBlock,
    Encoder,
    SplitContent,
    SplitHeader,
    SplitWriter,
    tool_version,
    write_split,
)
from pointsra.data.splits import Split
from pointsra.errors import DataError

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "UNKNOWN_PART",
    "CloudBlock",
    "Encoder",
    "Split",
    "SplitContent",
    "SplitHeader",
    "SplitWriter",
    "data_root",
    "find_dataset",
    "open_split",
    "preparing_advice",
    "read_manifest",
    "split_path",
    "tool_version",
    "write_split",
]

_DIMENSIONS = {"points": 3, "label": 1, "id": 1, "part": 2, "caption": 1, "views": 4}
_DIMENSIONS |= {"image_feature": 2, "text_feature": 2, "normal": 3, "color": 3, "origin": 2, "room": 1}
_DIMENSIONS |= {"hidden": 2, "alternative": 4}


def open_split(path: Path) -> Split:
    """Open one split of a prepared data set and check that it is sound.

    Args:
        path: ``<root>/<dataset>/<split>.h5``, see :func:`split_path`; ``train+val`` in place of a split's name
            opens several splits of one data set as one, in the order named.

    Returns:
        The split; use it in a ``with`` block or close it.

    Raises:
        DataError: no such file (names the command that prepares it), a truncated or foreign file, another
            schema version, keys whose shapes and lengths do not fit together, or splits that cannot be joined.
    """
    path = Path(path)
    if "+" in path.stem and not path.exists():
        return _open_joined(path)
    return open_checked(path, SCHEMA, _checked_split)


def _checked_split(path: Path, file: h5py.File) -> Split:
    _check(path, file)
    return Split(path, file)


def _open_joined(path: Path) -> Split:
    names = path.stem.split("+")
    if not all(names) or len(set(names)) != len(names):
        raise DataError(f"{path}: to join splits name each once, as in train+val.")
    with ExitStack() as stack:
        members = [stack.enter_context(open_split(path.with_name(f"{name}.h5"))) for name in names]
        check_alike(path, members)
        stack.pop_all()
        return JoinedSplit(path, members)


def _check(path: Path, file: h5py.File) -> None:
    for key in ("points", "label", "id"):
        if key not in file:
            raise DataError(f"{path}: {key} is missing; {again_advice(path)}.")
    count = len(file["points"])
    for key, dimensions in _DIMENSIONS.items():
        if key not in file:
            continue
        shape = file[key].shape
        if len(shape) != dimensions:
            raise DataError(f"{path}: {key} has shape {shape}, not {dimensions} dimensions; {again_advice(path)}.")
        if shape[0] != count:
            raise DataError(f"{path}: {key} has {shape[0]} rows for {count} clouds; {again_advice(path)}.")
    points = file["points"]
    if points.shape[2] != 3 or points.shape[1] < 1 or points.dtype.kind != "f":
        raise DataError(f"{path}: points is {points.dtype} {points.shape}, expected floats (n, N, 3).")
    for key in ("part", "hidden"):
        if key in file and file[key].shape[1] != points.shape[1]:
            raise DataError(f"{path}: {key} has {file[key].shape[1]} labels for {points.shape[1]} points.")
    if ("hidden" in file) != ("alternative" in file):
        raise DataError(f"{path}: hidden and alternative come together or not at all; {again_advice(path)}.")
    for key, wanted in (("normal", points.shape), ("color", points.shape), ("origin", (count, 3))):
        if key in file and file[key].shape != wanted:
            raise DataError(f"{path}: {key} has shape {file[key].shape}, expected {wanted}; {again_advice(path)}.")
    labels, classes = file["label"][:], len(header_names(path, file.attrs, "class_names"))
    if count and (labels.min() < 0 or labels.max() >= classes):
        raise DataError(f"{path}: label {labels.min()} … {labels.max()} does not fit {classes} class names.")
