"""The record of a run: one JSON line a logged step in ``metrics.jsonl``, plain sentences in ``log.txt``.

A killed run may leave records beyond its last checkpoint, or half a line; :meth:`Journal.rewind` drops them, so
that the file of a resumed run reads like that of one that was never killed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pointsra.data.replacing import output_problem, replacing

LOG_NAME = "log.txt"
"""File of a run's sentences."""


class Journal:
    """Appends to one file of records and to the log beside it.

    Args:
        folder: of the run.
        name: of the file of records.
        writes: False makes one that stays silent: of several processes one keeps the journal.

    Raises (all methods):
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path, name: str = "metrics.jsonl", writes: bool = True) -> None:
        self.writes = writes
        self.path = folder / name
        self.log_path = folder / LOG_NAME

    def record(self, values: Mapping[str, Any]) -> None:
        """Append one record; numbers that are not finite become null."""
        clean = {key: _clean(value) for key, value in values.items()}
        self._append(self.path, json.dumps(clean))

    def say(self, sentence: str) -> None:
        """Append a sentence with the time to the log."""
        self._append(self.log_path, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {sentence}")

    def rewind(self, step: int) -> None:
        """Keep only whole records up to ``step``."""
        if not self.writes or not self.path.exists():
            return
        kept = [line for line, record in self._lines() if record["step"] <= step]
        with replacing(self.path) as partial:
            partial.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def records(self) -> list[dict[str, Any]]:
        """All whole records."""
        return [record for _, record in self._lines()] if self.path.exists() else []

    def _lines(self) -> list[tuple[str, dict[str, Any]]]:
        lines = []
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue  # the torn last line of a killed run
            if isinstance(record, dict) and isinstance(record.get("step"), int):
                lines.append((line, record))
        return lines

    def _append(self, path: Path, line: str) -> None:
        if not self.writes:
            return
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as cause:
            raise output_problem(path, cause) from cause


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _clean(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
