"""Prepared data on disk: whether it is sound, and lazy reading of clouds by index.

A split is one HDF5 file ``<root>/<dataset>/<split>.h5`` (schema "pointsra-clouds", version 1); its keys are named
in ``split_writer``. Opening checks the schema, shapes and lengths, so that what follows needs no checks. Labels,
ids and captions are read at once, being small; points, parts, views and features are read when asked for, in
whichever process asks. It neither augments nor makes batches (``loaders``), and prepares nothing (``prepare``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsra.data.places import data_root, find_dataset, preparing_advice, read_manifest, split_path
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
_DIMENSIONS |= {"image_feature": 2, "text_feature": 2}


class Split:
    """One split, read lazily; safe to hand to worker processes, each of which opens the file for itself.

    Made by :func:`open_split`. ``len(split)`` is the number of clouds n.

    Attributes:
        path: the file.
        points_per_cloud: N.
        labels: (n,) int64.
        ids: n strings.
        captions: n strings, or None.
        class_names: in official order.
        part_names: names of the part labels, () where there are none.
        dataset: the data set's name.
        variant: "" where the data set has only one.
        split: the split's name.
        frame: "unit" or "raw".
        seed: the seed it was prepared with.
        has_parts: whether each point has a part label.
        image_feature_size: D, or None where there are no image features.
        text_feature_size: D, or None where there are no text features.
        image_encoder: what made the image features, or None.
        text_encoder: what made the text features, or None.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = file
        self._process = os.getpid()
        attributes = file.attrs
        self.points_per_cloud = int(file["points"].shape[1])
        self.labels: NDArray[np.int64] = file["label"][:].astype(np.int64)
        self.ids: tuple[str, ...] = tuple(file["id"].asstr()[:])
        self.captions: tuple[str, ...] | None = tuple(file["caption"].asstr()[:]) if "caption" in file else None
        self.class_names: tuple[str, ...] = _names(self.path, attributes, "class_names")
        self.part_names: tuple[str, ...] = _names(self.path, attributes, "part_names")
        self.dataset = str(attributes["dataset"])
        self.variant = str(attributes["variant"])
        self.split = str(attributes["split"])
        self.frame = str(attributes["frame"])
        self.seed = int(attributes["seed"])
        self.has_parts = "part" in file
        self.image_feature_size = _width(file, "image_feature")
        self.text_feature_size = _width(file, "text_feature")
        self.image_encoder = _encoder(file, "image_feature")
        self.text_encoder = _encoder(file, "text_feature")

    def __len__(self) -> int:
        return len(self.labels)

    def __enter__(self) -> Split:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}

    def close(self) -> None:
        """Let the file go; reading again opens it again."""
        if self._file is not None and self._process == os.getpid():
            self._file.close()
        self._file = None

    def points_at(self, indices: ArrayLike) -> NDArray[np.float32]:
        """Clouds by index, (b, N, 3) float32, in the order asked for; repeats are allowed.

        Args:
            indices: (b,) integers in 0 … n - 1.

        Raises:
            IndexError: an index outside of the split.
            DataError: the file went away or is damaged.
        """
        return self._rows("points", indices).astype(np.float32, copy=False)

    def parts_at(self, indices: ArrayLike) -> NDArray[np.uint8] | None:
        """Part labels by index, (b, N) uint8 with 255 = unknown, or None where the split has none."""
        return self._rows("part", indices) if self.has_parts else None

    def views_at(self, indices: ArrayLike) -> NDArray[np.uint8] | None:
        """Shaded views by index, (b, W, H, H) uint8, or None where the split has none."""
        return self._rows("views", indices) if "views" in self._open() else None

    def image_features_at(self, indices: ArrayLike) -> NDArray[np.float32] | None:
        """Image features by index, (b, D) float32, or None where the split has none."""
        return self._rows("image_feature", indices) if self.image_feature_size else None

    def text_features_at(self, indices: ArrayLike) -> NDArray[np.float32] | None:
        """Text features by index, (b, D) float32, or None where the split has none."""
        return self._rows("text_feature", indices) if self.text_feature_size else None

    def _open(self) -> h5py.File:
        if self._file is None or self._process != os.getpid():
            self._file = _open_file(self.path)
            self._process = os.getpid()
        return self._file

    def _rows(self, key: str, indices: ArrayLike) -> NDArray[Any]:
        wanted = np.atleast_1d(np.asarray(indices, dtype=np.int64))
        if wanted.size and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise IndexError(f"{self.path}: cloud {int(wanted.max())} asked for, there are {len(self)}.")
        dataset = self._open()[key]
        result = np.empty((len(wanted), *dataset.shape[1:]), dtype=dataset.dtype)
        if not wanted.size:
            return result
        try:
            first = int(wanted[0])
            if np.array_equal(wanted, np.arange(first, first + len(wanted))):
                dataset.read_direct(result, np.s_[first : first + len(wanted)])
                return result
            for row, index in enumerate(wanted):  # a chunk a cloud: one read each is quick
                dataset.read_direct(result, np.s_[int(index)], np.s_[row])
        except OSError as cause:
            raise DataError(f"{self.path}: {key} cannot be read ({cause}); {_again(self.path)}.") from cause
        return result


def open_split(path: Path) -> Split:
    """Open one split of a prepared data set and check that it is sound.

    Args:
        path: ``<root>/<dataset>/<split>.h5``, see :func:`split_path`.

    Returns:
        The split; use it in a ``with`` block or close it.

    Raises:
        DataError: no such file (names the command that prepares it), a truncated or foreign file, another
            schema version, or keys whose shapes and lengths do not fit together.
    """
    path = Path(path)
    file = _open_file(path)
    try:
        _check(path, file)
        return Split(path, file)
    except BaseException as cause:
        with suppress(Exception):
            file.close()
        if isinstance(cause, OSError | KeyError | UnicodeDecodeError):
            raise DataError(f"{path}: damaged ({cause}); {_again(path)}.") from cause
        raise


def _open_file(path: Path) -> h5py.File:
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
        raise DataError(f"{path}: {detail}; {_again(path)}.") from cause


def _again(path: Path) -> str:
    return preparing_advice(path.parent.parent, path.parent.name, again=True)


def _check(path: Path, file: h5py.File) -> None:
    if file.attrs.get("schema") != SCHEMA:
        raise DataError(f"{path}: attribute schema is not {SCHEMA!r}: not made by `pointsra prepare-data`.")
    version = file.attrs.get("schema_version")
    if version != SCHEMA_VERSION:
        raise DataError(f"{path}: schema_version {version}, this tool reads 1; {_again(path)}.")
    for name in ("dataset", "variant", "split", "class_names", "part_names", "frame", "seed"):
        if name not in file.attrs:
            raise DataError(f"{path}: attribute {name} is missing; {_again(path)}.")
    for key in ("points", "label", "id"):
        if key not in file:
            raise DataError(f"{path}: {key} is missing; {_again(path)}.")
    count = len(file["points"])
    for key, dimensions in _DIMENSIONS.items():
        if key not in file:
            continue
        shape = file[key].shape
        if len(shape) != dimensions:
            raise DataError(f"{path}: {key} has shape {shape}, not {dimensions} dimensions; {_again(path)}.")
        if shape[0] != count:
            raise DataError(f"{path}: {key} has {shape[0]} rows for {count} clouds; {_again(path)}.")
    points = file["points"]
    if points.shape[2] != 3 or points.shape[1] < 1 or points.dtype.kind != "f":
        raise DataError(f"{path}: points is {points.dtype} {points.shape}, expected floats (n, N, 3).")
    if "part" in file and file["part"].shape[1] != points.shape[1]:
        raise DataError(f"{path}: part has {file['part'].shape[1]} labels for {points.shape[1]} points.")
    labels, classes = file["label"][:], len(_names(path, file.attrs, "class_names"))
    if count and (labels.min() < 0 or labels.max() >= classes):
        raise DataError(f"{path}: label {labels.min()} … {labels.max()} does not fit {classes} class names.")


def _names(path: Path, attributes: h5py.AttributeManager, name: str) -> tuple[str, ...]:
    text = attributes[name]
    try:
        names: Sequence[Any] = json.loads(text) if text else []
        return tuple(str(each) for each in names)
    except (TypeError, ValueError) as cause:
        raise DataError(f"{path}: attribute {name} is not a JSON list; {_again(path)}.") from cause


def _width(file: h5py.File, key: str) -> int | None:
    return int(file[key].shape[1]) if key in file else None


def _encoder(file: h5py.File, key: str) -> Encoder | None:
    if key not in file:
        return None
    found = file[key].attrs
    return Encoder(str(found.get("encoder", "")), str(found.get("version", "")), str(found.get("sha256", "")))
