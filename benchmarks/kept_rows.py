"""What benchmarks of several rows share: finished rows lie in ``results/<row>-<seed>.json`` and are not run again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pointsra.data.manifest import sha256_of
from pointsra.data.replacing import replacing
from pointsra.errors import PointSRAError, SettingsError
from pointsra.training.checkpoint import CHECKPOINT_NAME
from pointsra.training.loop import RunStopped


def finished(out: Path, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Row -> what each of its finished seeds came to; empty where there is none."""
    places = {name: sorted((out / "results").glob(f"{name}-*.json")) for name in names}
    return {name: [json.loads(place.read_text("utf-8")) for place in found] for name, found in places.items()}


class Checksums:
    """sha256 of files; each is read once for as long as it stays the same."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, int, int], str] = {}

    def __call__(self, path: Path) -> str:
        state = path.stat()
        key = (path, state.st_mtime_ns, state.st_size)
        if key not in self._known:
            self._known[key] = sha256_of(path)
        return self._known[key]


def check_made_of(out: Path, name: str, made_of: Callable[[], Mapping[str, str]]) -> None:
    """See that the finished seeds of a row were made of what lies there now, and not of what lay there before.

    Args:
        out: the folder.
        name: of the row.
        made_of: gives what the row depends on, by the name that a message gives it -> checksum; only asked where there
            is something to compare. What only one of them and the results know is not compared: results of former
            versions know nothing.

    Raises:
        SettingsError: they were made of something else.
    """
    for found in finished(out, [name])[name]:
        if known := found.get("made_of"):
            for what in _others(known, made_of()):
                raise SettingsError(f"{out} holds results of the row {name} from other {what}: choose another --out.")


def begun_with(run: Path, made_of: Mapping[str, str]) -> dict[str, str]:
    """What a run is made of: what lay there when it began, which is kept beside its folder.

    Args:
        run: the folder; it goes on where it has a checkpoint, and begins anew where it has none.
        made_of: what lies there now, as for :func:`check_made_of`.

    Returns:
        Name -> checksum; empty where a former version began it and kept none.

    Raises:
        SettingsError: it goes on, and began with something else.
    """
    kept = run.with_name(f"{run.name}-made-of.json")
    if (run / CHECKPOINT_NAME).is_file():
        known = json.loads(kept.read_text("utf-8")) if kept.is_file() else {}
        for what in _others(known, made_of):
            raise SettingsError(f"{run} was begun with other {what}: put those back, or remove it to begin anew.")
        return known
    with replacing(kept) as partial:
        partial.write_text(json.dumps(made_of) + "\n", encoding="utf-8")
    return dict(made_of)


def _others(known: Mapping[str, str], made_of: Mapping[str, str]) -> list[str]:
    """The names of what both know by different checksums."""
    return [what for what, checksum in known.items() if made_of.get(what, checksum) != checksum]


def print_result(work: Callable[[], str]) -> None:
    """Print the markdown of ``work``; end with a sentence where it was stopped or could not be done."""
    try:
        print(work())
    except (RunStopped, KeyboardInterrupt):
        sys.exit("Stopped: the same command goes on.")
    except PointSRAError as error:
        sys.exit(str(error))
