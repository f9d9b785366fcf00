"""Read the figures a run wrote while it trained: ``metrics.jsonl``, one JSON object a logged step.

A run that was interrupted may have torn its last line; that line is left out. What the figures mean and how they
are drawn is not decided here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.errors import DataError

Series = dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
_NOT_TERMS = ("step", "epoch")


@dataclass(frozen=True)
class RunMetrics:
    """The figures of one run.

    Attributes:
        name: the run folder's name.
        series: for each term its steps (R,) and its values (R,), as logged; "loss" comes first.
        records: how many whole records the file held.
    """

    name: str
    series: Series
    records: int


def read_metrics(run_folder: str | Path) -> RunMetrics:
    """Read ``metrics.jsonl`` of a run folder (or such a file itself).

    Raises:
        DataError: the file is missing, holds no whole record, or a line other than the last is not a record.
    """
    place = Path(run_folder)
    path = place if place.suffix == ".jsonl" else place / "metrics.jsonl"
    if place.is_file() and place != path:
        raise DataError(f"{place}: is no metrics.jsonl: curves are of a run folder that pretrain or finetune wrote.")
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as cause:
        raise DataError(
            f"{path}: cannot be read ({cause.strerror or cause}); name a run folder that pretrain or finetune wrote."
        ) from cause
    lines = [(row, line) for row, line in enumerate(text.split("\n"), 1) if line.strip()]
    found: dict[str, tuple[list[float], list[float]]] = {}
    records = 0
    for row, line in lines:
        record = _record(line)
        if record is None:
            if row == lines[-1][0]:
                break  # torn by an interruption
            raise DataError(f"{path}, line {row}: not a record with a step; remove that line.")
        records += 1
        for term, value in record.items():
            if term in _NOT_TERMS or isinstance(value, bool) or not isinstance(value, int | float):
                continue
            steps, values = found.setdefault(term, ([], []))
            steps.append(float(record["step"]))
            values.append(float(value))
    if records == 0:
        raise DataError(f"{path}: holds no whole record yet; wait for the run's first logged step.")
    order = sorted(found, key=_rank)
    series = {term: (np.array(found[term][0]), np.array(found[term][1])) for term in order}
    return RunMetrics(path.parent.name, series, records)


def _record(line: str) -> dict[str, float] | None:
    try:
        record = json.loads(line)
    except json.JSONDecodeError:
        return None
    if not isinstance(record, dict) or not isinstance(record.get("step"), int | float):
        return None
    return record


def _rank(term: str) -> tuple[int, str]:
    """The loss first, then its terms, then what is not learned."""
    return {"loss": 0, "lr": 2, "clouds_per_second": 3}.get(term, 1), "" if term == "loss" else term
