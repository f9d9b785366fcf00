"""What benchmarks of several rows share: finished rows lie in ``results/<row>-<seed>.json`` and are not run again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pointsra.errors import PointSRAError
from pointsra.training.loop import RunStopped


def finished(out: Path, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Row -> what each of its finished seeds came to; empty where there is none."""
    places = {name: sorted((out / "results").glob(f"{name}-*.json")) for name in names}
    return {name: [json.loads(place.read_text("utf-8")) for place in found] for name, found in places.items()}


def print_result(work: Callable[[], str]) -> None:
    """Print the markdown of ``work``; end with a sentence where it was stopped or could not be done."""
    try:
        print(work())
    except (RunStopped, KeyboardInterrupt):
        sys.exit("Stopped: the same command goes on.")
    except PointSRAError as error:
        sys.exit(str(error))
