"""Where prepared data lies: the data root, the folder of a data set, its manifest and its splits.

Nothing here opens a split (``store``) or makes one (``prepare``).
"""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

from pointsra.errors import DataError


def data_root(out: Path | None) -> Path:
    """Where prepared data lies: ``out``, else ``$POINTSRA_DATA``, else ``./data``."""
    if out is not None:
        return Path(out)
    return Path(os.environ.get("POINTSRA_DATA") or "data")


def preparing_advice(root: Path, dataset: str, again: bool = False) -> str:
    """What to do about a data set that is missing or damaged: the command that prepares it, as the user would type it.

    Args:
        root: the data root.
        dataset: its name.
        again: it is there, and must be replaced.
    """
    from pointsra.data.prepare import DATASETS  # the recipes know this file

    if dataset not in DATASETS:
        missing = f"`pointsra prepare-data` does not make {dataset}: "
        return missing + f"{'restore it, or ' if again else ''}choose another with --set data.dataset=NAME"
    place = "" if Path(root) == data_root(None) else f" --out {shlex.quote(str(root))}"
    return f"run `pointsra prepare-data {dataset}{place}{' --force' if again else ''}`"


def split_path(root: Path, dataset: str, split: str) -> Path:
    """The file of one split, whether it is there or not."""
    return Path(root) / dataset / f"{split}.h5"


def find_dataset(root: Path, dataset: str) -> Path:
    """The folder of a prepared data set.

    Args:
        root: the data root.
        dataset: its name, "shapes" for instance.

    Returns:
        The folder that holds its manifest.

    Raises:
        DataError: not prepared; names the command that prepares it.
    """
    folder = Path(root) / dataset
    if not (folder / "manifest.json").is_file():
        raise DataError(f"{folder}: no prepared data set there; {preparing_advice(root, dataset)}.")
    return folder


def read_manifest(folder: Path) -> dict[str, Any]:
    """What a prepared data set says of itself.

    Args:
        folder: the data set's folder.

    Raises:
        DataError: no manifest, or one that is not the JSON this tool writes.
    """
    path = Path(folder) / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as cause:
        raise DataError(f"{path}: cannot be read ({cause.strerror}); prepare it again.") from cause
    except ValueError as cause:
        advice = preparing_advice(path.parent.parent, path.parent.name, again=True)
        raise DataError(f"{path}: not valid JSON; {advice}.") from cause
    if not isinstance(manifest, dict) or manifest.get("schema") != "pointsra-manifest":
        raise DataError(f"{path}: not a manifest of this tool; choose another folder with --out.")
    return manifest
