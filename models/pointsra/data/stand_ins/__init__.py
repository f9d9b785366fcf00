"""Stand-ins: the embedded shapes in the official raw layout of each data set, small, generated, and named as such.

They exist so that every recipe, preset and command can run end to end with nothing downloaded, through the code that
reads the real data. They are no substitute for it: numbers got on them say nothing about the real sets. Each raw
root holds a ``STAND-IN.json`` that says so, and what is prepared from it carries the mark on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pointsra.data.replacing import output_problem
from pointsra.data.stand_ins import (
    intra,
    kitti,
    modelnet40,
    modelnet40_fewshot,
    s3dis,
    scannet,
    scanobjectnn,
    shapenet55,
    shapenetpart,
)
from pointsra.data.stand_ins.marking import STAND_IN_FILE, mark
from pointsra.errors import DataError, OutputError

__all__ = ["STAND_INS", "STAND_IN_FILE", "StandIn", "write_stand_in"]


@dataclass(frozen=True)
class StandIn:
    """How the stand-in of one data set is written.

    Attributes:
        summary: one line for the help text: what it holds and what ``count`` counts.
        default_count: what is written where no count is asked for.
        write: takes the raw root, the seed and the count.
    """

    summary: str
    default_count: int
    write: Callable[[Path, int, int], None]


STAND_INS: dict[str, StandIn] = {
    "scanobjectnn": StandIn(
        "partial scans with background, 15 classes, 6 variants; count: objects in each variant",
        scanobjectnn.DEFAULT_COUNT,
        scanobjectnn.write,
    ),
    "modelnet40": StandIn(
        "text files, cache and HDF5 of 29 of the 40 classes; count: objects",
        modelnet40.DEFAULT_COUNT,
        modelnet40.write,
    ),
    "modelnet40-fewshot": StandIn(
        "pickled folds of four settings; count: folds of each setting",
        modelnet40_fewshot.DEFAULT_COUNT,
        modelnet40_fewshot.write,
    ),
    "shapenet55": StandIn(
        "clouds, lists, images and texts of 30 of the 55 synsets; count: objects",
        shapenet55.DEFAULT_COUNT,
        shapenet55.write,
    ),
    "shapenetpart": StandIn(
        "objects with part labels, 16 categories; count: objects",
        shapenetpart.DEFAULT_COUNT,
        shapenetpart.write,
    ),
    "s3dis": StandIn("furnished rooms of 6 areas; count: rooms", s3dis.DEFAULT_COUNT, s3dis.write),
    "scannet": StandIn(
        "meshed scans of furnished rooms and their VoteNet export; count: scans",
        scannet.DEFAULT_COUNT,
        scannet.write,
    ),
    "intra": StandIn(
        "branching vessels, some with an aneurysm, and the lists of 5 folds; count: segments",
        intra.DEFAULT_COUNT,
        intra.write,
    ),
    "kitti": StandIn("street sweeps of a 64-line scanner; count: sweeps", kitti.DEFAULT_COUNT, kitti.write),
}
"""Data set -> its stand-in."""


def write_stand_in(dataset: str, folder: Path, seed: int, count: int | None = None) -> None:
    """Write the stand-in of a data set in its official raw layout.

    Args:
        dataset: a key of ``STAND_INS``.
        folder: the raw root; it must be empty or not there yet.
        seed: everything follows from it; the same seed gives the same files.
        count: how much to write, see :class:`StandIn`; None takes the default.

    Raises:
        DataError: there is no stand-in of that name, or a number is out of range.
        OutputError: the folder holds something already, or cannot be written.
    """
    stand_in = STAND_INS.get(dataset)
    if stand_in is None:
        raise DataError(f"there is no stand-in for {dataset!r}; there are {', '.join(STAND_INS)}.")
    if seed < 0 or (count is not None and count < 1):
        raise DataError(f"a stand-in wants a seed of 0 or more and a count of 1 or more, not {seed} and {count}.")
    many = stand_in.default_count if count is None else count
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise OutputError(f"{folder}: not empty; a stand-in is written into a folder of its own.")
        mark(folder, dataset, seed, many)
        stand_in.write(folder, seed, many)
    except OSError as cause:
        raise output_problem(folder, cause) from cause
