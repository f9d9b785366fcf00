"""Completions as files that other programs open. Pictures are made elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.cloud_writers import fits_single, write_cloud
from pointsra.data.mesh_writers import write_mesh
from pointsra.errors import SettingsError
from pointsra.reconstruction.outcome import Completions

FORMATS = ("ply", "npz", "glb")

_VISIBLE_COLOR = (130, 138, 150)
_GENERATED_COLOR = (232, 119, 34)


def write_completions(completions: Completions, folder: Path, format: str = "ply") -> list[Path]:
    """Write ``completion_00.<format>`` … , ``visible.<format>`` and, where something was hidden, ``hidden.<format>``.

    A completion is the visible points, exactly as they came (glb, which has single precision alone, apart), followed by
    the generated ones; colors tell them apart, and the input's points keep their own color where it had any.

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
    hidden = completions.hidden_raw
    double = not all(fits_single(part) for part in (completions.visible_raw, hidden) if part is not None)
    paths = []
    for number, generated in enumerate(completions.generated_raw):
        path = folder / f"completion_{number:02d}.{format}"
        colors = np.concatenate([shown, _plain(len(generated), _GENERATED_COLOR)])
        write_cloud(path, np.concatenate([completions.visible_raw, generated]), colors, double=double)
        paths.append(path)
    write_cloud(folder / f"visible.{format}", completions.visible_raw, completions.visible_colors, double=double)
    paths.append(folder / f"visible.{format}")
    if hidden is not None:
        write_cloud(folder / f"hidden.{format}", hidden, completions.hidden_colors, double=double)
        paths.append(folder / f"hidden.{format}")
    return paths


def write_surfaces(completions: Completions, folder: Path, format: str = "ply") -> tuple[list[Path], list[str]]:
    """Write ``mesh_00.<format>`` …, a surface through each completion, colored like its points.

    Returns:
        The files, and a sentence for each completion that has none.

    Raises:
        MissingExtraError: open3d is not there. OutputError: the folder cannot be written.
    """
    kept = ~completions.stray[completions.visible]
    shown = completions.visible_colors
    shown = _plain(int(kept.sum()), _VISIBLE_COLOR) if shown is None else shown[kept]
    paths, notes = [], []
    for number, generated in enumerate(completions.generated_raw):
        surface = completions.surface(number)
        if surface is None:
            notes.append(
                f"No surface fits the points of completion {number + 1}: they are too few, or all in one plane."
            )
            continue
        path = folder / f"mesh_{number:02d}.{format}"
        colors = np.concatenate([shown, _plain(len(generated), _GENERATED_COLOR)])[surface.nearest]
        write_mesh(path, surface.vertices, surface.faces, colors)
        paths.append(path)
    return paths, notes


def _plain(count: int, color: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.tile(np.array(color, dtype=np.uint8), (count, 1))
