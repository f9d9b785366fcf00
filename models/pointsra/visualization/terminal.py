"""A preview of a few clouds for the terminal: colored half blocks, or braille dots where there is no color.

The result is text with ANSI codes for the caller to print; nothing is printed here, and whether the terminal has
color is the caller's to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import combining, east_asian_width

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsra.ops.splatting import DEFAULT_CAMERA, Camera, render_depth, render_shaded
from pointsra.visualization.framing import Framing, frame_clouds

MOST_CLOUDS = 4
_GAP = 2
_BACKGROUND = (1, 2, 3)  # stands for "nothing here"; no lit point comes out like this
_BRAILLE = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # Unicode, block 2800


def terminal_preview(
    points_list: Sequence[ArrayLike],
    colors_list: Sequence[ArrayLike | None] | None = None,
    titles: Sequence[str] = (),
    columns: int = 80,
    color: bool = True,
    ascii_only: bool = False,
    camera: Camera = DEFAULT_CAMERA,
) -> str:
    """Up to four clouds side by side under one camera and one scale; further ones are left out.

    Args:
        points_list: clouds, each (N, 3).
        colors_list: for each cloud (N, 3) uint8, one color (3,), or None for slate; not used without color.
        titles: a line under each cloud.
        columns: characters a line may take; none of the result is longer.
        color: 24-bit color in half blocks; False gives braille dots, two by four to a character.
        ascii_only: without color, plain ASCII instead of braille.
        camera: where the viewer stands.

    Returns:
        Lines joined by newlines, without one at the end; empty where there is no cloud.
    """
    clouds = list(points_list)[:MOST_CLOUDS]
    if not clouds or columns < 4:
        return ""
    while len(clouds) > 1 and (columns - _GAP * (len(clouds) - 1)) // len(clouds) < 12:
        clouds.pop()
    tints = list(colors_list) if colors_list is not None else [None] * len(clouds)
    width = min((columns - _GAP * (len(clouds) - 1)) // len(clouds), 40)
    framing = frame_clouds(clouds, camera)
    blocks = []
    for cloud, tint in zip(clouds, tints, strict=False):
        if color:
            blocks.append(_half_blocks(cloud, tint, framing, width))
        else:
            blocks.append(_dots(cloud, framing, width, ascii_only))
    blocks = _without_empty_rows(blocks)
    lines = [(" " * _GAP).join(row).rstrip() for row in zip(*blocks, strict=True)]
    if any(titles):
        names = [_centered(titles[number] if number < len(titles) else "", width) for number in range(len(clouds))]
        lines.append((" " * _GAP).join(names).rstrip())
    return "\n".join(lines)


def _half_blocks(cloud: ArrayLike, tint: ArrayLike | None, framing: Framing, width: int) -> list[str]:
    """Rows of ``width`` characters, each two square pixels one above the other."""
    radius = max(framing.radius, 1.6 / width)
    picture = render_shaded(
        framing.framed(cloud),
        tint,
        width,
        framing.camera,
        radius,
        supersample=1,
        background=_BACKGROUND,
    )
    if width % 2:
        picture = np.concatenate([picture, np.full((1, width, 3), _BACKGROUND, dtype=np.uint8)])
    filled = (picture != _BACKGROUND).any(axis=2)
    rows = []
    for row in range(0, len(picture), 2):
        cells = []
        for column in range(width):
            upper, lower = filled[row, column], filled[row + 1, column]
            if upper and lower:
                cells.append(f"{_ink(38, picture[row, column])}{_ink(48, picture[row + 1, column])}▀\x1b[0m")
            elif upper or lower:
                pixel = picture[row if upper else row + 1, column]
                cells.append(f"{_ink(38, pixel)}{'▀' if upper else '▄'}\x1b[0m")
            else:
                cells.append(" ")
        rows.append("".join(cells))
    return rows


def _ink(kind: int, pixel: NDArray[np.uint8]) -> str:
    return f"\x1b[{kind};2;{pixel[0]};{pixel[1]};{pixel[2]}m"


def _dots(cloud: ArrayLike, framing: Framing, width: int, ascii_only: bool) -> list[str]:
    """Rows of ``width`` characters without color: edges and points seen, two by four dots a character."""
    fine = 2 * width
    radius = max(framing.radius * 0.6, 0.9 / fine)
    _, index = render_depth(framing.framed(cloud), fine, framing.camera, radius)
    filled = index >= 0
    filled = np.pad(filled, ((0, -fine % 4), (0, 0)))
    blocks = filled.reshape(len(filled) // 4, 4, width, 2).transpose(0, 2, 1, 3)
    if ascii_only:
        levels = np.array(list(" .:-+*##@"))
        return ["".join(row) for row in levels[blocks.sum(axis=(2, 3))]]
    codes = (blocks * _BRAILLE).sum(axis=(2, 3))
    return ["".join(chr(0x2800 + code) if code else " " for code in row) for row in codes.tolist()]


def _without_empty_rows(blocks: list[list[str]]) -> list[list[str]]:
    """Leave out the rows at top and bottom that are empty in every cloud."""
    busy = [any(block[row].strip() for block in blocks) for row in range(len(blocks[0]))]
    if not any(busy):
        return [block[:1] for block in blocks]
    first, last = busy.index(True), len(busy) - busy[::-1].index(True)
    return [block[first:last] for block in blocks]


def _centered(title: str, width: int) -> str:
    """The title in ``width`` terminal cells; control characters are dropped, wide letters count twice."""
    clean = "".join(letter for letter in " ".join(title.split()) if letter.isprintable())
    if _cells(clean) > width:
        while clean and _cells(clean) > width - 1:
            clean = clean[:-1]
        clean += "…"
    room = width - _cells(clean)
    return " " * (room // 2) + clean + " " * (room - room // 2)


def _cells(text: str) -> int:
    return sum(0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1 for letter in text)
