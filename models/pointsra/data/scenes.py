"""Scenes on disk: rooms, scans and sweeps of any number of points, with boxes where there are some.

A split of scenes is one HDF5 file (schema "pointsra-scenes", version 1) with one group a scene; each array is one
chunk, so a scene is read in one go. Clouds of a fixed number of points, which training reads by the thousand, have
a file of their own kind (``split_writer``, ``store``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py

from pointsra.data.assembling import Assembled, Kind, Outcome, SplitPlan, assemble
from pointsra.data.prepared_files import again_advice, header_names, open_checked, open_file
from pointsra.data.request import PrepareRequest, Skipped
from pointsra.data.scene_writer import KNOWN_KEYS, SCENE_KEYS, SCENE_SCHEMA, Scene, SceneWriter, scene_place
from pointsra.data.split_writer import SplitHeader
from pointsra.errors import DataError
from pointsra.progress import Report

__all__ = ["SCENES", "ReadScenes", "Scene", "SceneWriter", "Scenes", "build_scenes", "open_scenes"]


@dataclass(frozen=True)
class ReadScenes:
    """What came of one task: the scenes, and what was left out."""

    scenes: tuple[Scene, ...]
    skipped: tuple[Skipped, ...] = ()


class Scenes:
    """A split of scenes, read one by one when asked for; made by :func:`open_scenes`, ``len()`` is their number.

    Safe to hand to worker processes, each of which opens the file for itself.

    Attributes:
        path: the file.
        ids: the scenes' names.
        class_names: of the boxes.
        part_names: of the points' labels, () where there are none.
        dataset: the data set's name.
        variant: "" where the data set has only one.
        split: the split's name.
        frame: "unit" or "raw".
        seed: the seed it was prepared with.
        stand_in: whether these are a stand-in and not the data set itself.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = file
        self._process = os.getpid()
        self.ids: tuple[str, ...] = tuple(file["id"].asstr()[:])
        self.class_names = header_names(path, file.attrs, "class_names")
        self.part_names = header_names(path, file.attrs, "part_names")
        self.dataset = str(file.attrs["dataset"])
        self.variant = str(file.attrs["variant"])
        self.split = str(file.attrs["split"])
        self.frame = str(file.attrs["frame"])
        self.seed = int(file.attrs["seed"])
        self.stand_in = bool(file.attrs.get("stand_in", False))

    def __len__(self) -> int:
        return len(self.ids)

    def __enter__(self) -> Scenes:
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

    def scene_at(self, index: int) -> Scene:
        """Read one scene.

        Args:
            index: 0 … len - 1.

        Raises:
            IndexError: outside of the split.
            DataError: the file went away or is damaged.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"{self.path}: scene {index} asked for, there are {len(self)}.")
        if self._file is None or self._process != os.getpid():
            self._file, self._process = open_file(self.path), os.getpid()
        try:
            group = self._file[scene_place(index)]
            found = {name: group[key][()] for key, name, *_ in SCENE_KEYS if key in group}
            extra = {key: group[key][()] for key in group if key not in KNOWN_KEYS}
        except (OSError, KeyError) as cause:
            where = f"{self.path}: scene {self.ids[index]}"
            raise DataError(f"{where} cannot be read ({cause}); {again_advice(self.path)}.") from cause
        return Scene(id=self.ids[index], extra=extra, **found)


def open_scenes(path: Path) -> Scenes:
    """Open a split of scenes and check that it is sound.

    Args:
        path: ``<root>/<dataset>/<split>.h5``.

    Returns:
        The scenes; use them in a ``with`` block or close them.

    Raises:
        DataError: no such file (names the command that prepares it), a truncated or foreign file, another schema
            version, or arrays whose shapes do not fit together.
    """
    return open_checked(Path(path), SCENE_SCHEMA, _checked_scenes)


def _checked_scenes(path: Path, file: h5py.File) -> Scenes:
    _check_scenes(path, file)
    return Scenes(path, file)


def build_scenes(
    plans: Sequence[SplitPlan],
    work: Callable[[Any], ReadScenes],
    request: PrepareRequest,
    folder: Path,
    report: Report,
) -> Assembled:
    """Do all tasks of some splits of scenes and write each as ``<folder>/<split>.h5``.

    Args and errors are those of ``assembling.build_splits``; a task is mostly one scene.
    """
    return assemble(plans, work, request, folder, report, SCENES)


def _check_scenes(path: Path, file: h5py.File) -> None:
    for key in ("id", "scenes"):
        if key not in file:
            raise DataError(f"{path}: {key} is missing; {again_advice(path)}.")
    if len(file["id"]) != len(file["scenes"]):
        raise DataError(f"{path}: {len(file['id'])} names for {len(file['scenes'])} scenes; {again_advice(path)}.")
    for number in range(len(file["id"])):
        group = file[scene_place(number)]
        rows = {True: len(group["points"]), False: len(group["box"]) if "box" in group else None}
        for key, _, _, columns, is_point in SCENE_KEYS:
            if key in group and group[key].shape != (rows[is_point], *(() if columns is None else (columns,))):
                shape = group[key].shape
                raise DataError(f"{path}: {scene_place(number)}/{key} has shape {shape}; {again_advice(path)}.")


def _write_scenes(path: Path, header: SplitHeader, results: list[ReadScenes]) -> Outcome:
    scenes = [scene for result in results for scene in result.scenes]
    if scenes:
        with SceneWriter(path, header) as writer:
            for scene in scenes:
                writer.append(scene)
    return Outcome(len(scenes), tuple(each for result in results for each in result.skipped))


def _join_scenes(path: Path, header: SplitHeader, parts: list[Path]) -> None:
    with SceneWriter(path, header) as writer:
        for part in parts:
            writer.copy_from(part)


SCENES: Kind[ReadScenes] = Kind("scenes", 1, _write_scenes, _join_scenes)
