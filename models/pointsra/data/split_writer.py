"""Writing one split of a prepared data set: the HDF5 schema, filled block by block.

One chunk is one cloud and nothing is compressed: a compressed chunk of 64 clouds takes 200 times as long to
read one cloud from. The reading side, and what the file must look like to be accepted, is ``store``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from pointsra.data.replacing import output_problem, replacing
from pointsra.data.watched_files import WatchedFile, written_hdf5

SCHEMA = "pointsra-clouds"
SCHEMA_VERSION = 1
UNKNOWN_PART = 255


@cache
def tool_version() -> str:
    """The version of the installed tool, or "unknown" where it runs from a source tree."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pointsra")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True)
class Encoder:
    """Which encoder made a feature: its name, its version and the checksum of its constants or weights."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class SplitHeader:
    """What holds for every cloud of a split.

    Attributes:
        dataset: the data set's name as on the command line.
        split: "train", "test", "obj_bg_train" …
        class_names: in official order; label i is class_names[i].
        variant: "" where the data set has only one.
        part_names: names of the part labels, () where there are none.
        frame: "unit" (centered on the mean, largest radius 1) or "raw" (as the data set has it).
        seed: what everything random followed from.
        image_encoder: what made the image features, None where there are none.
        text_encoder: what made the text features, None where there are none.
        stand_in: the clouds come from a small stand-in that this tool wrote, not from the data set itself.
        conditions: whether ``prepare`` adds views and condition features; not written.
    """

    dataset: str
    split: str
    class_names: tuple[str, ...]
    variant: str = ""
    part_names: tuple[str, ...] = ()
    frame: str = "unit"
    seed: int = 0
    image_encoder: Encoder | None = None
    text_encoder: Encoder | None = None
    stand_in: bool = False
    conditions: bool = True


@dataclass(frozen=True, kw_only=True)
class CloudBlock:
    """Some clouds on their way into a split; every block of a split has the same fields.

    Attributes:
        points: (B, N, 3) float32.
        labels: (B,) int64.
        ids: B strings.
        parts: (B, N) uint8, 255 = unknown.
        captions: B strings.
        views: (B, W, H, H) uint8 shaded views.
        image_features: (B, D) float32.
        text_features: (B, D) float32.
        normals: (B, N, 3) float32.
        colors: (B, N, 3) uint8, red, green and blue.
        origins: (B, 3) float64, what was subtracted: added to the points it leads back to the room's frame.
        rooms: B strings, the room or scan that each cloud was cut from.
        hidden: (B, N) uint8, 1 for the points of the part that ``alternatives`` could take the place of.
        alternatives: (B, K, P, 3) float16, what else that part could be, in the cloud's frame.
    """

    points: np.ndarray
    labels: np.ndarray
    ids: Sequence[str]
    parts: np.ndarray | None = None
    captions: Sequence[str] | None = None
    views: np.ndarray | None = None
    image_features: np.ndarray | None = None
    text_features: np.ndarray | None = None
    normals: np.ndarray | None = None
    colors: np.ndarray | None = None
    origins: np.ndarray | None = None
    rooms: Sequence[str] | None = None
    hidden: np.ndarray | None = None
    alternatives: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class SplitContent(SplitHeader, CloudBlock):
    """A whole split in memory, (n, N, 3) points with all that goes with them: header and block in one."""


# Key in the file, field of the block, type in the file.
ARRAYS: tuple[tuple[str, str, type], ...] = (
    ("points", "points", np.float32),
    ("normal", "normals", np.float32),
    ("color", "colors", np.uint8),
    ("label", "labels", np.int64),
    ("part", "parts", np.uint8),
    ("views", "views", np.uint8),
    ("image_feature", "image_features", np.float32),
    ("text_feature", "text_features", np.float32),
    ("origin", "origins", np.float64),
    ("hidden", "hidden", np.uint8),
    ("alternative", "alternatives", np.float16),
)
STRINGS: tuple[tuple[str, str], ...] = (("id", "ids"), ("caption", "captions"), ("room", "rooms"))


class SplitWriter:
    """Fills one split block by block, so that a large data set never has to fit into memory.

    Used as a context manager; the file takes its final name when the block ends well and is gone otherwise.

    Args:
        path: the split's file.
        header: what holds for every cloud.
    """

    def __init__(self, path: Path, header: SplitHeader) -> None:
        self.path = Path(path)
        self.header = header
        self.count = 0
        self._stack = ExitStack()
        self._file: h5py.File | None = None
        self._watched: WatchedFile | None = None

    def __enter__(self) -> SplitWriter:
        with ExitStack() as stack:
            partial = stack.enter_context(replacing(self.path))
            self._file, self._watched = stack.enter_context(written_hdf5(partial, "w"))
            self._file.attrs.update(header_attributes(self.header))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def append(self, block: CloudBlock) -> None:
        """Add clouds at the end.

        Args:
            block: (B, N, 3) points and what goes with them; every block has the fields of the first.

        Raises:
            ValueError: a length or shape that does not fit the points (a mistake in the program).
            OutputError: the disk is full or went away.
        """
        file, watched = self._file, self._watched
        if file is None or watched is None:
            raise ValueError("append() outside of the writer's with block")
        rows = len(block.points)
        try:
            for key, name, kind in ARRAYS:
                values = getattr(block, name)
                if values is not None:
                    self._append_rows(file, key, np.ascontiguousarray(values, dtype=kind), rows)
            for key, name in STRINGS:
                texts = getattr(block, name)
                if texts is not None:
                    self._append_rows(file, key, np.array(list(texts), dtype=object), rows)
            watched.check()
        except OSError as cause:
            raise output_problem(self.path, cause) from cause
        self.count += rows
        short = [key for key in file if len(file[key]) != self.count]
        if short:
            raise ValueError(f"{self.path}: block without {', '.join(short)}, which an earlier block had")

    def _append_rows(self, file: h5py.File, key: str, values: np.ndarray, rows: int) -> None:
        if len(values) != rows:
            raise ValueError(f"{self.path}: {key} has {len(values)} rows for {rows} clouds")
        if key not in file:
            if self.count:
                raise ValueError(f"{self.path}: {key} appears after {self.count} clouds without it")
            encoders = {"image_feature": self.header.image_encoder, "text_feature": self.header.text_encoder}
            _create(file, key, values, encoders.get(key))
        dataset = file[key]
        if dataset.shape[1:] != values.shape[1:]:
            raise ValueError(f"{self.path}: {key} rows {values.shape[1:]} after rows {dataset.shape[1:]}")
        dataset.resize(self.count + rows, axis=0)
        dataset[self.count :] = values


def header_attributes(header: SplitHeader, schema: str = SCHEMA) -> dict[str, Any]:
    """What a header writes into the attributes of a file of clouds or scenes."""
    return {
        "schema": schema,
        "schema_version": SCHEMA_VERSION,
        "dataset": header.dataset,
        "variant": header.variant,
        "split": header.split,
        "class_names": json.dumps(list(header.class_names)),
        "part_names": json.dumps(list(header.part_names)) if header.part_names else "",
        "up": "y",
        "frame": header.frame,
        "tool_version": tool_version(),
        "seed": header.seed,
        "stand_in": header.stand_in,
    }


def _layout(values: np.ndarray) -> dict[str, Any]:
    inner = values.shape[1:]
    chunk = (1, *inner) if np.prod(inner, dtype=int) > 16 else (1024, *inner)
    kind = h5py.string_dtype() if values.dtype == object else values.dtype
    return {"shape": (0, *inner), "maxshape": (None, *inner), "chunks": chunk, "dtype": kind}


def extend_split(
    path: Path, blocks: Iterable[Mapping[str, np.ndarray]], encoders: Mapping[str, Encoder | None]
) -> None:
    """Add further arrays to the clouds of a split that is there already, in place.

    Args:
        path: the split's file.
        blocks: rows of arrays by key ("views", "image_feature", "text_feature"), block after block.
        encoders: key -> what made a feature.

    Raises:
        OutputError: the disk is full or went away; the file is damaged then.
        ValueError: a key has another number of rows than there are clouds (a mistake in the program).
    """
    kinds = {key: kind for key, _, kind in ARRAYS}
    try:
        with written_hdf5(path, "r+") as (file, watched):
            count, added = len(file["points"]), set()
            for block in blocks:
                for key, found in block.items():
                    values = np.ascontiguousarray(found, dtype=kinds[key])
                    if key not in added:
                        added.add(key)
                        _create(file, key, values, encoders.get(key))
                    dataset = file[key]
                    start = len(dataset)
                    dataset.resize(start + len(values), axis=0)
                    dataset[start:] = values
                watched.check()
            for key in added:
                if len(file[key]) != count:
                    raise ValueError(f"{path}: {key} has {len(file[key])} rows for {count} clouds")
    except OSError as cause:
        raise output_problem(path, cause) from cause


def _create(file: h5py.File, key: str, values: np.ndarray, encoder: Encoder | None) -> None:
    file.create_dataset(key, **_layout(values))
    if encoder is not None:
        file[key].attrs.update({"encoder": encoder.name, "version": encoder.version, "sha256": encoder.sha256})


def write_split(path: Path, content: SplitContent) -> None:
    """Write a whole split at once.

    Args:
        path: the split's file; an older one is replaced when the new one is whole.
        content: header and clouds, (n, N, 3).

    Raises:
        OutputError: no permission, disk full.
        ValueError: arrays that do not fit together (a mistake in the program).
    """
    with SplitWriter(path, content) as writer:
        writer.append(content)
