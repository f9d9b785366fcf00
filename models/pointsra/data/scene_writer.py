"""Scenes and how they are written: the HDF5 schema "pointsra-scenes", one group a scene, one chunk an array."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import h5py
import numpy as np
from numpy.typing import NDArray

from pointsra.data.replacing import output_problem, replacing
from pointsra.data.split_writer import SplitHeader, header_attributes
from pointsra.data.watched_files import WatchedFile, written_hdf5

SCENE_SCHEMA = "pointsra-scenes"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One scene of M points and K boxes; y is up.

    Attributes:
        id: its name.
        points: (M, 3) float32.
        colors: (M, 3) uint8, or None.
        intensity: (M,) float32, or None.
        parts: (M,) uint8 index into ``part_names``, 255 = unknown, or None.
        instances: (M,) int32, which thing a point belongs to, -1 = none; or None.
        boxes: (K, 7) float32 center x y z, size (full extents along the box's own axes), heading (radians about
            +y); or None where boxes were never annotated (K = 0 where there are none in the scene).
        box_labels: (K,) int64 index into ``class_names``, or None.
        extra: small arrays by name, KITTI's "box_difficulty" for instance.
    """

    id: str
    points: NDArray[np.float32]
    colors: NDArray[np.uint8] | None = None
    intensity: NDArray[np.float32] | None = None
    parts: NDArray[np.uint8] | None = None
    instances: NDArray[np.int32] | None = None
    boxes: NDArray[np.float32] | None = None
    box_labels: NDArray[np.int64] | None = None
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)


# Key in a scene's group, field, type, columns (None: one value a row), and whether a row is a point.
SCENE_KEYS: tuple[tuple[str, str, type, int | None, bool], ...] = (
    ("points", "points", np.float32, 3, True),
    ("color", "colors", np.uint8, 3, True),
    ("intensity", "intensity", np.float32, None, True),
    ("part", "parts", np.uint8, None, True),
    ("instance", "instances", np.int32, None, True),
    ("box", "boxes", np.float32, 7, False),
    ("box_label", "box_labels", np.int64, None, False),
)
KNOWN_KEYS = frozenset(key for key, *_ in SCENE_KEYS)


class SceneWriter:
    """Fills a split of scenes one by one; a context manager, like ``SplitWriter``.

    Args:
        path: the split's file, which appears when the block ends well.
        header: what holds for every scene.
    """

    def __init__(self, path: Path, header: SplitHeader) -> None:
        self.path = Path(path)
        self.header = header
        self.ids: list[str] = []
        self._stack = ExitStack()
        self._file: h5py.File | None = None
        self._watched: WatchedFile | None = None

    def __enter__(self) -> SceneWriter:
        with ExitStack() as stack:
            partial = stack.enter_context(replacing(self.path))
            self._file, self._watched = stack.enter_context(written_hdf5(partial, "w"))
            self._file.attrs.update(header_attributes(self.header, SCENE_SCHEMA))
            self._file.create_group("scenes")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:  # closes the file; it takes its final name where nothing is raised here
            if error is not None:
                raise error
            if self._file is not None:
                names = np.array(self.ids, dtype=object)
                self._file.create_dataset("id", data=names, dtype=h5py.string_dtype())

    def append(self, scene: Scene) -> None:
        """Add a scene at the end.

        Raises:
            ValueError: arrays that do not fit together (a mistake in the program).
            OutputError: the disk is full or went away.
        """
        group = self._group(scene.id)
        rows = {True: len(scene.points), False: None if scene.boxes is None else len(scene.boxes)}
        try:
            for key, name, kind, columns, is_point in SCENE_KEYS:
                values = getattr(scene, name)
                if values is None:
                    continue
                found = np.ascontiguousarray(values, dtype=kind)
                inner = () if columns is None else (columns,)
                if found.shape != (rows[is_point], *inner):
                    raise ValueError(f"{self.path}: {key} of {scene.id} is {found.shape}, not {rows[is_point]} rows")
                _store(group, key, found)
            for key, values in scene.extra.items():
                if key in KNOWN_KEYS:
                    raise ValueError(f"{self.path}: the extra array {key} of {scene.id} has the name of another")
                _store(group, key, np.asarray(values))
            self._check()
        except OSError as cause:
            raise output_problem(self.path, cause) from cause

    def copy_from(self, part: Path) -> None:
        """Add all scenes of another file, as they are."""
        try:
            with h5py.File(part) as other:
                for number, name in enumerate(other["id"].asstr()[:]):
                    group = self._group(str(name))
                    for key in other[scene_place(number)]:
                        other.copy(f"{scene_place(number)}/{key}", group)
            self._check()
        except OSError as cause:
            raise output_problem(self.path, cause) from cause

    def _check(self) -> None:
        if self._watched is not None:
            self._watched.check()

    def _group(self, name: str) -> h5py.Group:
        if self._file is None:
            raise ValueError("append() outside of the writer's with block")
        group = self._file.create_group(scene_place(len(self.ids)))
        self.ids.append(name)
        return group


def scene_place(number: int) -> str:
    """The group of a scene in its file."""
    return f"scenes/{number:06d}"


def _store(group: h5py.Group, key: str, values: np.ndarray) -> None:
    chunked = {"chunks": values.shape} if values.ndim and values.size else {}
    group.create_dataset(key, data=values, **chunked)
