"""Completions as files that other programs open. Pictures are made elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.cloud_writers import write_cloud
from pointsra.errors import SettingsError
from pointsra.reconstruction.reconstruct import Completions

FORMATS = ("ply", "npz", "glb")

_VISIBLE_COLOR = (130, 138, 150)
_GENERATED_COLOR = (232, 119, 34)


def write_completions(completions: Completions, folder: Path, format: str = "ply") -> list[Path]:
    """Write ``completion_00.<format>`` … , ``visible.<format>`` and, where something was hidden, ``hidden.<format>``.

    A completion is the visible points, exactly as they came, followed by the generated ones; colors tell them apart,
    and visible points keep their own color where the input had any.

    Returns:
        The files, completions first.

    Raises:
        SettingsError: unknown format. OutputError: the folder cannot be written.
    """
    if format not in FORMATS:
        raise SettingsError(f"--format {format} is not known: write one of {', '.join(FORMATS)}.")
    shown = completions.visible_colors
    if shown is None:
        shown = _plain(len(completions.visible_raw), _VISIBLE_COLOR)
    paths = []
    for number, generated in enumerate(completions.generated_raw):
        path = folder / f"completion_{number:02d}.{format}"
        colors = np.concatenate([shown, _plain(len(generated), _GENERATED_COLOR)])
        write_cloud(path, np.concatenate([completions.visible_raw, generated]), colors)
        paths.append(path)
    write_cloud(folder / f"visible.{format}", completions.visible_raw, completions.visible_colors)
    paths.append(folder / f"visible.{format}")
    if completions.hidden_raw is not None:
        write_cloud(folder / f"hidden.{format}", completions.hidden_raw)
        paths.append(folder / f"hidden.{format}")
    return paths


def _plain(count: int, color: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.tile(np.array(color, dtype=np.uint8), (count, 1))
