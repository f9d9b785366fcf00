"""The raw files of stand-ins: where they are written, and how a folder is recognized as one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from pointsra.data.folder_swap import locked, swap_in
from pointsra.data.replacing import output_problem
from pointsra.data.request import PrepareRequest
from pointsra.data.split_writer import tool_version
from pointsra.errors import DataError
from pointsra.progress import Progress, Report

STAND_IN_FILE = "STAND-IN.json"
"""Marks a folder of raw files that this tool made up; it lies there or up to two folders above."""

_ASKED = ".asked-for.json"


def is_stand_in(folder: Path) -> bool:
    """Whether the raw files in a folder are a stand-in, or a part of one."""
    above = folder.resolve()
    return any((place / STAND_IN_FILE).is_file() for place in (above, *list(above.parents)[:2]))


def written_stand_in(request: PrepareRequest, report: Report) -> Path:
    """Write the raw files of a stand-in, unless they are there already.

    Args:
        request: dataset, root, seed and count are used; with force they are written again.
        report: told when it begins and ends.

    Returns:
        ``<root>/stand-ins/<dataset>``.

    Raises:
        DataError: another process is writing them, or something else is there.
        OutputError: no permission, or the disk is full.
    """
    from pointsra.data.stand_ins import write_stand_in  # loads all of them, which real data does not need

    place = Path(request.root) / "stand-ins" / request.dataset
    asked = {"dataset": request.dataset, "seed": request.seed, "count": request.count, "tool_version": tool_version()}
    with locked(place):
        noted = place / _ASKED
        if not request.force and noted.is_file() and noted.read_text(encoding="utf-8") == json.dumps(asked):
            return place
        if place.exists() and not (place / STAND_IN_FILE).is_file():
            raise DataError(f"{place}: holds files that are no stand-in; choose another --out.")
        report(Progress("write the stand-in", 0, 1, "data sets"))
        partial = place.with_name(f".{place.name}.partial")
        try:
            shutil.rmtree(partial, ignore_errors=True)
            write_stand_in(request.dataset, partial, request.seed, request.count)
            (partial / _ASKED).write_text(json.dumps(asked), encoding="utf-8")
            swap_in(partial, place)
        except OSError as cause:
            raise output_problem(place, cause) from cause
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        report(Progress("write the stand-in", 1, 1, "data sets"))
    return place
