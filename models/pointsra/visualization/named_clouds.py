"""Clouds with the names that a picture shows, from files and prepared data sets. Nothing is cut or encoded here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.files import Cloud, read_cloud
from pointsra.data.places import read_manifest, split_path
from pointsra.data.store import Split, open_split
from pointsra.errors import InputFileError, SettingsError
from pointsra.ops.up_axis import to_y_up

SURFACE_POINTS = 20_000  # drawn from a mesh for a picture (ours: splats close up at 800 pixels)
MOST_POINTS = 200_000  # of a scan; a picture shows no more
SHEET_CLOUDS = 24  # of a data set, spread over its classes

_MOST_COLORED = 120_000  # points of all clouds together: as a page they take 1.5 MB where each has its own color


@dataclass(frozen=True)
class NamedCloud:
    """One cloud.

    Attributes:
        points: (N, 3) in its file's frame, turned so that y is up.
        title: its name, or its class in a data set; "" where the picture shows it alone.
        subtitle: its size, or its id in a data set.
        raw: whether networks are given it in this frame and not in the unit frame, as some data sets have it.
        source: the file or split.
    """

    points: NDArray[np.float64]
    title: str
    subtitle: str
    raw: bool
    source: Path


def located(target: Path, root: Path) -> Path:
    """A target as the user wrote it: a path, or the name of a data set under ``root``.

    Raises:
        InputFileError: there is neither.
    """
    if target.exists():
        return target
    prepared = root / target
    if len(target.parts) == 1 and (prepared / "manifest.json").is_file():
        return prepared
    raise InputFileError(f"{target}: no such file or folder, and no data set of that name under {root}.")


def split_of(target: Path) -> Path | None:
    """The split that a target names: itself, or the test split of a data set; None for any other file.

    Raises:
        InputFileError: a folder without a prepared data set, or one without splits.
    """
    if target.suffix == ".h5":
        return target
    if not target.is_dir():
        return None
    if not (target / "manifest.json").is_file():
        more = " It is a run: name it with --weights." if (target / "model.safetensors").is_file() else ""
        if (target / "summary.json").is_file():
            more = " It is a reconstruct folder: name one of its clouds."
        raise InputFileError(f"{target} holds no prepared data set: name a file or a data set.{more}")
    splits = sorted(read_manifest(target).get("splits", {}))
    if not splits:
        raise InputFileError(f"{target}: its manifest names no split; prepare it again.")
    tests = [name for name in splits if "test" in name]
    return split_path(target.parent, target.name, (tests or splits)[0])


def file_cloud(target: Path, up: str | None, most: int = MOST_POINTS) -> Cloud:
    """A file's cloud of at most ``most`` points, turned so that its axis ``up`` (y where None) points to +y."""
    cloud = read_cloud(target, count=min(SURFACE_POINTS, most), max_points=min(MOST_POINTS, most))
    return replace(cloud, points=to_y_up(cloud.points, up or "y"))


def check_up(up: str | None, turns: bool) -> None:
    """Refuse an axis where it ``turns`` nothing, for no target is a cloud's file.

    Raises:
        SettingsError: an axis, and no cloud file to turn.
    """
    if up is not None and not turns:
        raise SettingsError("--up turns files; runs, data sets and reconstruct folders say themselves what is up.")


def spread(split: Split, most: int = SHEET_CLOUDS) -> NDArray[np.int64]:
    """Up to ``most`` clouds: the first of every class, then the second of every class, and so on; in order of class.

    Where there is no room for one more of every class, the classes that get it are spread over all.
    """
    turn = np.zeros(len(split), dtype=np.int64)
    for label in np.unique(split.labels):
        rows = np.flatnonzero(split.labels == label)
        turn[rows] = np.arange(len(rows))
    order = np.lexsort((np.arange(len(split)), split.labels, turn))
    if len(order) > most:
        last = turn[order[most]]
        whole, part = order[turn[order] < last], order[turn[order] == last]
        places = np.linspace(0, len(part), most - len(whole), endpoint=False).astype(np.int64)
        order = np.concatenate([whole, part[places]])
    return order[np.lexsort((order, split.labels[order]))]


def named_clouds(targets: Sequence[Path], root: Path, up: str | None = None) -> tuple[str, list[NamedCloud]]:
    """The clouds of files and data sets together, at most :data:`SHEET_CLOUDS`, and a headline.

    Args:
        targets: files, splits or data sets; each data set gives as many clouds as it has room for.
        root: data root, where a target is the bare name of a data set.
        up: the axis of files that points up; y where None.

    Raises:
        SettingsError: there are more targets than clouds can be shown, or an axis without files.
        InputFileError, DataError: a target is missing or cannot be read.
    """
    if len(targets) > SHEET_CLOUDS:
        raise SettingsError(f"{len(targets)} targets are more than the {SHEET_CLOUDS} clouds of a sheet: name fewer.")
    found = [located(target, root) for target in targets]
    splits = [split_of(target) for target in found]
    sets = sum(split is not None for split in splits)
    check_up(up, sets < len(found))
    room = (SHEET_CLOUDS - (len(found) - sets)) // max(sets, 1)
    most = _MOST_COLORED // (SHEET_CLOUDS if sets else len(found))
    titles: list[str] = []
    clouds: list[NamedCloud] = []
    for target, split in zip(found, splits, strict=True):
        if split is None:
            cloud = file_cloud(target, up, most)
            words = f"{len(cloud.points):,} points" + (" drawn from the mesh" if cloud.was_mesh else "")
            clouds.append(NamedCloud(cloud.points, target.name if len(found) > 1 else "", words, False, target))
            titles.append(target.name)
        else:
            more, title = _of_split(split, room, most)
            clouds += more
            titles.append(title)
    return titles[0] if len(titles) == 1 else f"{len(clouds)} clouds of {len(titles)} targets", clouds


def _of_split(path: Path, room: int, most: int) -> tuple[list[NamedCloud], str]:
    with open_split(path) as split:
        rows = spread(split, room)
        step = -(-split.points_per_cloud // most)
        clouds = [
            NamedCloud(
                points[::step].astype(np.float64),
                split.class_names[split.labels[row]],
                split.ids[row],
                split.frame == "raw",
                path,
            )
            for row, points in zip(rows, split.points_at(rows), strict=True)
        ]
        return clouds, f"{named_split(split)}: {len(clouds)} of {len(split):,} clouds"


def named_split(split: Split) -> str:
    """A split's name for a headline; a stand-in says that it is one."""
    return f"{split.dataset}, {split.split}" + (" (stand-in)" if split.stand_in else "")
