"""One raw scan of ScanNet V2: mesh, over-segmentation, objects and axis alignment, joined as VoteNet's exporter does.

Points are the vertices of ``<id>_vh_clean_2.ply`` turned by the axisAlignment of ``<id>.txt``, all of them. Objects are
the groups of segments in ``<id>.aggregation.json``; a box runs from the least to the largest coordinates of its
object's aligned points. Unlike the exporter, which passes over a scan that fails without a word, everything amiss
is named.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsra.data.mesh_files import read_mesh_file
from pointsra.data.request import Skipped
from pointsra.data.scannet_labels import CLASS_NAMES, TABLE_NAME, detection_classes
from pointsra.data.scenes import Scene
from pointsra.data.sizes import refuse_oversized
from pointsra.data.upright import back_to_raw, sizes_to_y_up, to_y_up
from pointsra.errors import DataError

_LARGEST_MESH, _LARGEST_TEXT = 2 << 30, 256 << 20  # bytes; ours: official ones have some ten million


@dataclass(frozen=True)
class RawScan:
    """Where a raw scan lies.

    Attributes:
        id: "scene0000_00".
        folder: its folder, ``scans/scene0000_00``.
        annotated: whether it is to have objects; those of the test split have none.
    """

    id: str
    folder: Path
    annotated: bool

    @property
    def mesh(self) -> Path:
        """The decimated mesh with colors."""
        return self.folder / f"{self.id}_vh_clean_2.ply"

    @property
    def alignment(self) -> Path:
        """The text file with axisAlignment."""
        return self.folder / f"{self.id}.txt"

    @property
    def objects(self) -> Path:
        """Which segments make an object."""
        return self.folder / f"{self.id}.aggregation.json"

    @property
    def segments(self) -> Path:
        """Which segment each vertex is in."""
        return self.folder / f"{self.id}_vh_clean_2.0.010000.segs.json"

    def files(self) -> list[Path]:
        """The files that will be read, those of them that are there."""
        wanted = [self.mesh, self.alignment, *([self.objects, self.segments] if self.annotated else [])]
        return [path for path in wanted if path.is_file()]


def read_raw_scan(scan: RawScan, nyu40: dict[str, int]) -> tuple[Scene, list[Skipped]]:
    """Read a scan.

    Args:
        scan: where it lies.
        nyu40: the number of NYU of each raw name.

    Returns:
        The scene, y up, of all vertices; and what was noted (no alignment, objects without points).

    Raises:
        DataError: a file is missing, cut short, of another scan or does not fit the others; a label that the table
            does not have; points that are not finite.
        InputFileError: the mesh cannot be read.
    """
    _demand(scan.mesh)
    refuse_oversized(scan.mesh, _LARGEST_MESH, "one scan")
    mesh = read_mesh_file(scan.mesh)
    broken = np.flatnonzero(~np.isfinite(mesh.points).all(axis=1))
    if len(broken):
        raise DataError(f"{scan.mesh}: vertex {broken[0]} (and {len(broken) - 1} more) is not finite.")
    matrix, skipped = _read_alignment(scan)
    aligned = (mesh.points @ matrix[:3, :3].T + matrix[:3, 3]).astype(np.float32)  # float32 as the exporter has it
    extra = {"to_raw": back_to_raw(np.linalg.inv(matrix).astype(np.float64))}
    points = to_y_up(aligned)
    if not scan.annotated:
        return Scene(id=scan.id, points=points, colors=mesh.colors, extra=extra), skipped
    groups = _read_groups(scan, nyu40)
    labels, instances, notes = _labels(scan, groups, len(points))
    skipped += [Skipped(scan.objects.name, note) for note in notes]
    boxes, box_labels = [], []
    for group in groups:
        name, members = int(detection_classes(np.array([group.nyu40]))[0]), instances == group.number
        if name >= len(CLASS_NAMES) or not members.any():
            continue
        low, high = aligned[members].min(axis=0), aligned[members].max(axis=0)
        boxes.append([*to_y_up((low + high) / 2), *sizes_to_y_up(high - low), 0.0])
        box_labels.append(name)
    scene = Scene(
        id=scan.id,
        points=points,
        colors=mesh.colors,
        parts=detection_classes(labels),
        instances=instances,
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 7),
        box_labels=np.array(box_labels, dtype=np.int64),
        extra=extra,
    )
    return scene, skipped


@dataclass(frozen=True)
class _Group:
    """One object: its number, raw label, number of NYU and segments."""

    number: int
    label: str
    nyu40: int
    segments: NDArray[np.int64]


def _demand(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"{path}: not there; download this file of the scan too.")


def _read_alignment(scan: RawScan) -> tuple[NDArray[np.float64], list[Skipped]]:
    if scan.annotated:
        _demand(scan.alignment)
    refuse_oversized(scan.alignment, _LARGEST_TEXT, "one scan")
    try:
        lines = scan.alignment.read_text(encoding="utf-8").splitlines() if scan.alignment.is_file() else []
    except (OSError, UnicodeDecodeError) as cause:
        raise DataError(f"{scan.alignment}: cannot be read as text ({cause}); download it again.") from cause
    for line in lines:
        name, _, text = line.partition("=")
        if name.strip() != "axisAlignment":
            continue
        try:
            values = np.array([float(field) for field in text.split()])
        except ValueError:
            values = np.empty(0)
        if values.size != 16 or not np.isfinite(values).all():
            raise DataError(f"{scan.alignment}: axisAlignment is not 16 numbers; download it again.")
        matrix = values.reshape(4, 4)
        if abs(np.linalg.det(matrix[:3, :3])) < 1e-6:
            raise DataError(f"{scan.alignment}: axisAlignment is no rotation, its determinant is 0.")
        return matrix, []
    return np.eye(4), [Skipped(scan.alignment.name, "axisAlignment is missing: the scan was taken as it lies.")]


def _read_json(path: Path, scan: RawScan, key: str) -> list[Any]:
    """The list under a key of a JSON file, which must be of this scan."""
    _demand(path)
    refuse_oversized(path, _LARGEST_TEXT, "one scan")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as cause:
        raise DataError(f"{path}: not whole JSON, cut short or damaged ({cause}); download it again.") from cause
    if not isinstance(found, dict) or not isinstance(found.get(key), list):
        raise DataError(f"{path}: has no list {key}; is it the file that its name says?")
    owner = str(found.get("sceneId", "")).rpartition(".")[2]
    if owner.startswith("scene") and owner != scan.id:
        raise DataError(f"{path}: is of the scan {owner}, not of {scan.id}; files are mixed up.")
    return found[key]


def _read_groups(scan: RawScan, nyu40: dict[str, int]) -> list[_Group]:
    groups: list[_Group] = []
    for position, entry in enumerate(_read_json(scan.objects, scan, "segGroups")):
        try:
            number, label = int(entry["objectId"]), str(entry["label"])
            segments = np.array(entry["segments"], dtype=np.int64).reshape(-1)
        except (KeyError, TypeError, ValueError) as cause:
            place = f"{scan.objects}: entry {position} of segGroups"
            raise DataError(f"{place} lacks a sound objectId, label or segments ({cause}).") from cause
        if label not in nyu40:
            what = f"object {number} has the label {label!r}"
            raise DataError(f"{scan.objects}: {what}, which {TABLE_NAME} does not have.")
        if any(group.number == number for group in groups):
            raise DataError(f"{scan.objects}: the objectId {number} is there twice.")
        groups.append(_Group(number, label, nyu40[label], segments))
    return groups


def _labels(scan: RawScan, groups: list[_Group], count: int) -> tuple[NDArray[np.int64], NDArray[np.int32], list[str]]:
    """Number of NYU (N,) and object (N,) of each vertex, 0 and -1 where it is in none, and what was noted."""
    try:
        found = np.array(_read_json(scan.segments, scan, "segIndices"), dtype=np.int64)
    except (TypeError, ValueError, OverflowError) as cause:
        raise DataError(f"{scan.segments}: segIndices is not a list of whole numbers; download it again.") from cause
    if found.shape != (count,):
        raise DataError(
            f"{scan.segments}: {found.size} segIndices for the {count} vertices of {scan.mesh.name}; "
            "the two are not of one release, or one is cut short."
        )
    names, places = np.unique(found, return_inverse=True)
    labels, owners, notes = np.zeros(len(names), np.int64), np.full(len(names), -1, np.int32), []
    for group in groups:
        members = np.isin(names, group.segments)
        lost = len(np.unique(group.segments)) - int(members.sum())
        if not members.any():
            notes.append(f"object {group.number} ({group.label}) has no points: it has no box.")
        elif lost:
            notes.append(f"object {group.number} ({group.label}): {lost} of its segments have no vertices.")
        labels[members], owners[members] = group.nyu40, group.number
    return labels[places], owners[places], notes
