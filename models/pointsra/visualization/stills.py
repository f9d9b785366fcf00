"""Still pictures: one cloud, a sheet of clouds in cells, and the sheet of one input's completions.

All cells of a sheet share one camera, one middle and one scale, so that what looks larger is larger. Drawing is
done on the CPU by ``ops/splatting``; text by Pillow. Pages that turn are in ``page``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from pointsra.data.replacing import replacing
from pointsra.ops.splatting import DEFAULT_CAMERA, Camera, render_shaded
from pointsra.visualization import lettering
from pointsra.visualization.figures import in_terms
from pointsra.visualization.framing import Framing, frame_clouds
from pointsra.visualization.legend import draw_dot, lay_out, wrapped
from pointsra.visualization.palette import TRUTH, VISIBLE, Color, ColorScale, completion_color

_LARGEST_LETTERS = 1.6  # times those of a cell 320 wide, however large the cell (ours)
_NARROWEST = 0.72  # times a cell's height: captions need some width (ours)
_PAINTERS = 4  # cells drawn at a time; numpy lets go of the interpreter
_FIGURES = 2  # of a completion under its picture: more would not fit
_PADDING = 1.05  # the picture's edge lies this far out, where 1 touches the shapes


@dataclass(frozen=True)
class Cell:
    """One cloud on a sheet.

    Attributes:
        points: (N, 3).
        colors: (N, 3) uint8, one color (3,), or None for slate.
        title: the line under the picture.
        subtitle: a softer line under the title, for figures.
        swatch: the color of a dot before the title, as a legend.
    """

    points: ArrayLike
    colors: ArrayLike | None = None
    title: str = ""
    subtitle: str = ""
    swatch: Color | None = None


def cloud_still(
    points: ArrayLike,
    colors: ArrayLike | None = None,
    size: int = 800,
    camera: Camera = DEFAULT_CAMERA,
    radius: float | None = None,
    background: Color = (255, 255, 255),
    framing: Framing | None = None,
) -> NDArray[np.uint8]:
    """One cloud, large: (H, W, 3) uint8 with H = W = size.

    Args:
        points: (N, 3) in any frame; the picture fits itself to them.
        colors: (N, 3) uint8, one color (3,), or None for slate.
        size: pixels along each side.
        camera: where the viewer stands (not used with ``framing``).
        radius: a splat's radius as a share of the picture's half; None chooses by the number of points.
        background: the color behind the cloud.
        framing: a view shared with other pictures.

    Raises:
        ValueError: points or colors have a wrong shape.
    """
    view = frame_clouds([points], camera) if framing is None else framing
    splat = view.radius if radius is None else radius
    framed = view.framed(points)
    return render_shaded(framed, colors, size, view.camera, splat, _PADDING, background=background)


def contact_sheet(
    cells: Sequence[Cell],
    columns: int | None = None,
    cell_size: int = 320,
    title: str = "",
    footer: str = "",
    camera: Camera = DEFAULT_CAMERA,
    radius: float | None = None,
    dark: bool = False,
    legend: Mapping[str, Color] | None = None,
    scale: ColorScale | None = None,
) -> NDArray[np.uint8]:
    """Clouds side by side under one camera and one scale, (H, W, 3) uint8.

    Args:
        cells: what to show, row by row.
        columns: cells a row; None chooses a sheet somewhat wider than tall.
        cell_size: pixels a cell is wide, narrower for shapes that are all tall; text follows it.
        title: the headline; nothing is reserved where it is empty.
        footer: a soft line at the bottom, or several where it is long.
        camera: where the viewer of every cell stands.
        radius: a splat's radius as a share of a cell's half; None chooses by the largest cloud.
        dark: light text on a dark ground.
        legend: what colors mean, under the headline.
        scale: what the colors of magnitudes mean, after it.

    Raises:
        ValueError: there is no cell, or a cell's arrays have wrong shapes.
    """
    if not cells:
        raise ValueError("A contact sheet needs at least one cell.")
    framing = frame_clouds([cell.points for cell in cells], camera)
    across = min(columns or best_columns(len(cells)), len(cells))
    down = math.ceil(len(cells) / across)
    style = _Style.of(cell_size, dark)
    tall = round(cell_size * min(max(framing.aspect, 0.45), 1.0))
    wide = round(cell_size * min(max(1.0 / framing.aspect, _NARROWEST), 1.0)) if len(cells) > 1 else cell_size
    caption = style.caption_height(cells)
    step_x, step_y = wide + style.gap, tall + caption + style.gap
    width = 2 * style.margin + across * step_x - style.gap
    inside = width - 2 * style.margin
    head = style.margin + (round(style.title_size * 1.2) + style.gap if title else 0)
    named = lay_out(legend or {}, scale, style.small_size, inside)
    top = head + (named.height + style.gap // 2 if named.height else 0)
    notes, step = wrapped(footer, lettering.font(style.small_size), inside), round(style.small_size * 1.4)
    bottom = (style.gap // 2 + len(notes) * step if notes else 0) + style.margin
    height = top + down * step_y - style.gap + bottom
    sheet = Image.new("RGB", (width, height), style.paper)
    draw = ImageDraw.Draw(sheet)
    if title:
        letters = lettering.font(style.title_size)
        line = lettering.fit(title, letters, inside)
        draw.text((style.margin, style.margin), line, font=letters, fill=style.ink)
    named.draw(sheet, style.margin, head - style.gap // 2 if title else head, style.soft_ink, style.paper)
    titled = any(cell.title for cell in cells)
    trim, trim_x = (cell_size - tall) // 2, (cell_size - wide) // 2

    def picture(cell: Cell) -> NDArray[np.uint8]:
        drawn = cloud_still(cell.points, cell.colors, cell_size, radius=radius, background=style.paper, framing=framing)
        return drawn[trim : trim + tall, trim_x : trim_x + wide]

    with ThreadPoolExecutor(min(len(cells), os.cpu_count() or 1, _PAINTERS)) as painters:
        for number, (cell, drawn) in enumerate(zip(cells, painters.map(picture, cells), strict=True)):
            left, upper = style.margin + (number % across) * step_x, top + (number // across) * step_y
            sheet.paste(Image.fromarray(drawn), (left, upper))
            _caption(draw, cell, left + wide / 2, upper + tall, wide, style, titled)
    for number, line in enumerate(reversed(notes)):
        place = (style.margin, height - style.margin - number * step)
        draw.text(place, line, font=lettering.font(style.small_size), fill=style.soft_ink, anchor="ls")
    return np.asarray(sheet)


def completions_sheet(
    visible: ArrayLike,
    completions: Sequence[ArrayLike],
    hidden: ArrayLike | None = None,
    scores: Sequence[Mapping[str, float]] | None = None,
    name: str = "",
    figures: Mapping[str, float | int | str] | None = None,
    columns: int | None = None,
    cell_size: int = 320,
    camera: Camera = DEFAULT_CAMERA,
    dark: bool = False,
) -> NDArray[np.uint8]:
    """The sheet of one input: what was given, what was hidden (where known), then every completion.

    Args:
        visible: the points given, (V, 3).
        completions: for each sample the generated points alone, (P, 3).
        hidden: the points that were hidden, (Q, 3), or None where the truth is not known.
        scores: for each completion its figures by name, such as ``{"chamfer": 0.004, "f_score": 0.2}``.
        name: what was completed; the headline.
        figures: figures of the whole, for the footer.
        columns: cells a row.
        cell_size: pixels a cell is wide.
        camera: where the viewer of every cell stands.
        dark: light text on a dark ground.

    Raises:
        ValueError: arrays have wrong shapes, or there are not as many scores as completions.
    """
    if scores is not None and len(scores) != len(completions):
        raise ValueError(f"{len(scores)} scores were given for {len(completions)} completions.")
    given = np.asarray(visible, dtype=np.float64).reshape(-1, 3)
    cells = [Cell(given, VISIBLE, "input", f"{len(given):,} points", VISIBLE)]
    if hidden is not None:
        truth = np.asarray(hidden, dtype=np.float64).reshape(-1, 3)
        points, colors = two_parts(given, truth, TRUTH)
        cells.append(Cell(points, colors, "hidden truth", f"{len(truth):,} points", TRUTH))
    for number, generated in enumerate(completions):
        hue = completion_color(number)
        points, colors = two_parts(given, generated, hue)
        subtitle = "" if scores is None else figures_line(dict(list(scores[number].items())[:_FIGURES]))
        cells.append(Cell(points, colors, f"completion {number + 1}", subtitle, hue))
    footer = figures_line(figures or {})
    return contact_sheet(cells, columns, cell_size, name, footer, camera, dark=dark)


def two_parts(visible: ArrayLike, generated: ArrayLike, color: Color) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Points (V + P, 3) and their colors (V + P, 3): the visible part (V, 3) in slate, the rest in ``color``."""
    first = np.asarray(visible, dtype=np.float64).reshape(-1, 3)
    second = np.asarray(generated, dtype=np.float64).reshape(-1, 3)
    colors = np.repeat(np.array([VISIBLE, color], dtype=np.uint8), [len(first), len(second)], axis=0)
    return np.concatenate([first, second]), colors


def figures_line(figures: Mapping[str, float | int | str]) -> str:
    """Figures by name on one line, in their terms: ``CD-L2 ×1000 4.31 · F-score 0.257``."""
    words = []
    for term, value in in_terms(figures).items():
        text = value if isinstance(value, str) else lettering.figure(float(value))
        words.append(f"{term} {text}")
    return "  ·  ".join(words)


def best_columns(count: int) -> int:
    """How many cells a row make a sheet somewhat wider than tall, the last row as full as can be."""
    if count <= 4:
        return count
    widest = range(max(3, math.ceil(math.sqrt(count))), min(count, math.ceil(math.sqrt(count)) + 2) + 1)
    return min(widest, key=lambda columns: (-count % columns, columns))


def write_png(path: str | Path, image: ArrayLike) -> Path:
    """Write an (H, W, 3) uint8 image beside its place, then rename it; gives the path.

    Raises:
        OutputError: the file cannot be written.
    """
    target = Path(path)
    with replacing(target) as partial:
        Image.fromarray(np.asarray(image, dtype=np.uint8)).save(partial, format="PNG")
    return target


@dataclass(frozen=True)
class _Style:
    """Sizes and colors that follow a cell's width."""

    margin: int
    gap: int
    title_size: int
    name_size: int
    small_size: int
    paper: Color
    ink: Color
    soft_ink: Color

    @classmethod
    def of(cls, cell_size: int, dark: bool) -> _Style:
        unit = min(cell_size / 320, _LARGEST_LETTERS)
        return cls(
            margin=max(round(28 * unit), 8),
            gap=max(round(20 * unit), 4),
            title_size=max(round(27 * unit), 13),
            name_size=max(round(17 * unit), 11),
            small_size=max(round(14 * unit), 10),
            paper=lettering.DARK_PAPER if dark else (255, 255, 255),
            ink=lettering.DARK_INK if dark else lettering.INK,
            soft_ink=lettering.DARK_SOFT_INK if dark else lettering.SOFT_INK,
        )

    def caption_height(self, cells: Sequence[Cell]) -> int:
        titled = any(cell.title for cell in cells)
        detailed = any(cell.subtitle for cell in cells)
        return round(self.name_size * 1.6 * titled + self.small_size * 1.5 * detailed)


def _caption(
    draw: ImageDraw.ImageDraw, cell: Cell, center: float, top: float, width: float, style: _Style, titled: bool
) -> None:
    letters = lettering.font(style.name_size)
    dot = style.name_size * 0.62 if cell.swatch is not None and cell.title else 0.0
    lead = dot * 1.7
    line = lettering.fit(cell.title, letters, width - lead)
    left = center - (letters.getlength(line) + lead) / 2
    middle = top + style.name_size * 0.85
    if cell.swatch is not None and line:
        draw_dot(draw, left + dot / 2, middle, dot / 2, cell.swatch, style.paper)
    draw.text((left + lead, middle), line, font=letters, fill=style.ink, anchor="lm")
    small = lettering.font(style.small_size)
    detail = lettering.fit(cell.subtitle, small, width)
    below = (middle + style.name_size * 0.75 if titled else top) + style.small_size * 0.65
    draw.text((center, below), detail, font=small, fill=style.soft_ink, anchor="mm")
