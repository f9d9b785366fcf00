"""What benchmarks of several rows share: finished rows lie in ``results/<row>-<seed>.json`` and are not run again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pointsra.errors import PointSRAError, SettingsError
from pointsra.training.loop import RunStopped


def finished(out: Path, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Row -> what each of its finished seeds came to; empty where there is none."""
    places = {name: sorted((out / "results").glob(f"{name}-*.json")) for name in names}
    return {name: [json.loads(place.read_text("utf-8")) for place in found] for name, found in places.items()}


def check_made_of(out: Path, name: str, made_of: Mapping[str, str]) -> None:
    """See that the finished seeds of a row were made of what lies there now, and not of what lay there before.

    Args:
        out: the folder.
        name: of the row.
        made_of: what the row depends on, by the name that a message gives it -> checksum. What only one of them and the
            results know is not compared: results of former versions know nothing.

    Raises:
        SettingsError: they were made of something else.
    """
    for found in finished(out, [name])[name]:
        for what, checksum in found.get("made_of", {}).items():
            if made_of.get(what, checksum) != checksum:
                raise SettingsError(f"{out} holds results of the row {name} from other {what}: choose another --out.")


def print_result(work: Callable[[], str]) -> None:
    """Print the markdown of ``work``; end with a sentence where it was stopped or could not be done."""
    try:
        print(work())
    except (RunStopped, KeyboardInterrupt):
        sys.exit("Stopped: the same command goes on.")
    except PointSRAError as error:
        sys.exit(str(error))
