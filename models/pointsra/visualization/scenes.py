"""A scene, and the four ways to show it: a still, a page, a window, a preview in the terminal.

A scene holds arrays and words, nothing that must still be read or computed. What a target on disk becomes as a scene
is decided in ``targets``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from pointsra.errors import OutputError
from pointsra.visualization.page import Layer, PageCell, completion_cells, viewer_page, write_page
from pointsra.visualization.palette import TRUTH, VISIBLE, Color, ColorScale, completion_color
from pointsra.visualization.stills import Cell, completions_sheet, contact_sheet, figures_line, two_parts, write_png

if TYPE_CHECKING:  # each kind of picture loads what draws it
    from pointsra.visualization.curves import CurveSeries
    from pointsra.visualization.embedding import EmbeddingMap

_LARGE = 800  # pixels of a cell that stands alone (ours)
_SMALL = 320


@dataclass(frozen=True)
class Completed:
    """One input with its completions, all in one frame.

    Attributes:
        visible: (V, 3) what was given.
        generated: for each of S completions the generated points alone, (P, 3).
        hidden: (Q, 3) what was hidden, or None where that is not known.
        scores: for each completion its figures by name, or None.
        figures: figures of the whole.
    """

    visible: ArrayLike
    generated: Sequence[ArrayLike]
    hidden: ArrayLike | None = None
    scores: Sequence[Mapping[str, float]] | None = None
    figures: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Scene:
    """What is to be shown; one of ``cells``, ``completed``, ``series`` and ``embedding`` is filled.

    Attributes:
        what: "cloud", "patches", "masks", "completions", "curves", "attention", "features" or "embedding".
        title: the headline.
        cells: clouds side by side.
        completed: an input and its completions.
        series: run -> term -> (steps (R,), values (R,)).
        legend: what the colors of the cells mean.
        scale: what the colors of magnitudes in the cells mean.
        note: a sentence below the cells.
        embedding: the clouds of a data set as a map.
    """

    what: str
    title: str
    cells: tuple[Cell, ...] = ()
    completed: Completed | None = None
    series: CurveSeries | None = None
    legend: Mapping[str, Color] | None = None
    scale: ColorScale | None = None
    note: str = ""
    embedding: EmbeddingMap | None = None


def draw(scene: Scene, path: Path) -> Path:
    """Write a scene as a still or a page, by the ending of ``path``, ``.png`` or ``.html``; gives the path.

    Raises:
        OutputError: another ending, or the file cannot be written.
    """
    ending = path.suffix.lower()
    if ending == ".html":
        return write_page(path, _page(scene))
    if ending != ".png":
        raise OutputError(f"{path}: scenes are written as .png or .html; name the file with one of these.")
    if scene.series is not None:
        from pointsra.visualization.curves import curves_still

        return write_png(path, curves_still(scene.series, scene.title))
    done = scene.completed
    if done is not None:
        image = completions_sheet(
            done.visible, done.generated, done.hidden, done.scores, name=scene.title, figures=done.figures
        )
        return write_png(path, image)
    if scene.embedding is not None:
        from pointsra.visualization.embedding import embedding_still

        return write_png(path, embedding_still(scene.embedding))
    size = _LARGE if len(scene.cells) == 1 else _SMALL
    sheet = contact_sheet(
        scene.cells, cell_size=size, title=scene.title, footer=scene.note, legend=scene.legend, scale=scene.scale
    )
    return write_png(path, sheet)


def open_window(scene: Scene) -> None:
    """Open a window on a scene of clouds; returns when it is closed.

    Raises:
        MissingExtraError: open3d is not installed.
        OutputError: there is no screen, or the scene is curves or a map.
    """
    from pointsra.visualization.window import show

    if scene.series is not None or scene.embedding is not None:
        raise OutputError(
            f"--what {scene.what} is not shown in a window: write a picture or a page with --out FILE.png|.html."
        )
    show(_cells(scene), scene.title)


def preview(scene: Scene, *, columns: int, color: bool) -> str:
    """The first clouds of a scene as text for a terminal of ``columns`` characters; "" for curves and maps."""
    from pointsra.visualization.terminal import terminal_preview

    cells = _cells(scene)
    return terminal_preview(
        [cell.points for cell in cells],
        [cell.colors for cell in cells],
        [cell.title for cell in cells],
        columns=columns,
        color=color,
    )


def _page(scene: Scene) -> str:
    if scene.series is not None:
        from pointsra.visualization.curves_page import curves_page

        return curves_page(scene.series, scene.title)
    if scene.embedding is not None:
        from pointsra.visualization.embedding_page import embedding_page

        return embedding_page(scene.embedding)
    done = scene.completed
    if done is not None:
        cells = completion_cells(done.visible, done.generated, done.hidden, done.scores)
        return viewer_page(scene.title, cells, subtitle=figures_line(done.figures or {}))
    pages = [PageCell(cell.title, cell.subtitle, [_layer(cell)]) for cell in scene.cells]
    return viewer_page(scene.title, pages, scene.note, legend=scene.legend, scale=scene.scale)


def _layer(cell: Cell) -> Layer:
    name = cell.title or "points"
    if cell.colors is None:
        return Layer(name, cell.points, VISIBLE)
    colors = np.asarray(cell.colors, dtype=np.uint8)
    if colors.ndim == 1:
        return Layer(name, cell.points, (int(colors[0]), int(colors[1]), int(colors[2])))
    return Layer(name, cell.points, colors=colors)


def _cells(scene: Scene) -> list[Cell]:
    """The clouds of a scene, completions included."""
    done = scene.completed
    if done is None:
        return list(scene.cells)
    cells = [Cell(done.visible, VISIBLE, "input")]
    if done.hidden is not None:
        cells.append(Cell(*two_parts(done.visible, done.hidden, TRUTH), "hidden truth"))
    for number, generated in enumerate(done.generated):
        parts = two_parts(done.visible, generated, completion_color(number))
        cells.append(Cell(*parts, f"completion {number + 1}"))
    return cells
