"""The legend of a still: named dots and a color scale in rows under the headline, and a note wrapped into lines.

Everything is laid out first, since its height decides how tall the picture is, and drawn after.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image, ImageDraw

from pointsra.visualization import lettering
from pointsra.visualization.lettering import Font
from pointsra.visualization.palette import Color, ColorScale

_BAR = 9.0  # a color scale's length, in letter heights
_DOT, _AFTER_DOT, _APART = 0.62, 0.45, 1.5  # in letter heights


@dataclass(frozen=True)
class Legend:
    """A legend laid out for one width; made by :func:`lay_out`.

    Attributes:
        height: pixels it takes, 0 where there is nothing to say.
    """

    height: int
    _places: tuple[tuple[int, int, str, Color | ColorScale], ...]
    _size: int
    _line: int

    def draw(self, sheet: Image.Image, left: int, top: int, ink: Color, paper: Color) -> None:
        """Draw it with its upper left corner at ``left``, ``top``."""
        draw, letters = ImageDraw.Draw(sheet), lettering.font(self._size)
        for x, row, text, mark in self._places:
            across, middle = float(left + x), top + row * self._line + self._line / 2
            if isinstance(mark, ColorScale):
                for part, anchored in ((mark.label, 0.9), (mark.low, 0.45)):
                    draw.text((across, middle), part, font=letters, fill=ink, anchor="lm")
                    across += letters.getlength(part) + anchored * self._size
                _bar(sheet, mark, round(across), round(middle), self._size)
                across += (_BAR + 0.45) * self._size
                draw.text((across, middle), mark.high, font=letters, fill=ink, anchor="lm")
                continue
            radius = _DOT * self._size / 2
            draw_dot(draw, across + radius, middle, radius, mark, paper)
            after = across + (_DOT + _AFTER_DOT) * self._size
            draw.text((after, middle), text, font=letters, fill=ink, anchor="lm")


def lay_out(entries: Mapping[str, Color], scale: ColorScale | None, size: int, width: int) -> Legend:
    """Place named dots, then a scale, in rows no wider than ``width`` pixels with letters of ``size`` pixels."""
    letters = lettering.font(size)
    places: list[tuple[int, int, str, Color | ColorScale]] = []
    x, row = 0.0, 0
    for name, color in entries.items():
        text = lettering.fit(name, letters, width - (_DOT + _AFTER_DOT) * size)
        needed = (_DOT + _AFTER_DOT) * size + letters.getlength(text)
        if x and x + needed > width:
            x, row = 0.0, row + 1
        places.append((round(x), row, text, color))
        x += needed + _APART * size
    if scale is not None:
        needed = sum(letters.getlength(text) for text in (scale.label, scale.low, scale.high)) + (_BAR + 1.8) * size
        if x and x + needed > width:
            x, row = 0.0, row + 1
        places.append((round(x), row, scale.label, scale))
    line = round(size * 1.6)
    return Legend((row + 1) * line if places else 0, tuple(places), size, line)


def wrapped(text: str, letters: Font, width: float) -> list[str]:
    """The words of ``text`` as the font can write them, ``width`` pixels a line; a longer one ends in an ellipsis."""
    lines: list[str] = []
    for word in lettering.written(text).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and letters.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(lettering.fit(word, letters, width))
    return lines


def draw_dot(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, color: Color, paper: Color) -> None:
    """A round dot with soft edges; Pillow's own ellipse has steps."""
    reach = math.ceil(radius) + 1
    for row in range(round(y) - reach, round(y) + reach + 1):
        for column in range(round(x) - reach, round(x) + reach + 1):
            share = min(max(radius + 0.5 - math.hypot(column - x, row - y), 0.0), 1.0)
            if share > 0.0:
                blend = tuple(round(c * share + p * (1 - share)) for c, p in zip(color, paper, strict=True))
                draw.point((column, row), fill=blend)


def _bar(sheet: Image.Image, scale: ColorScale, left: int, middle: int, size: int) -> None:
    wide, tall = round(_BAR * size), max(round(size * 0.75), 4)
    stops = scale.stops(wide).reshape(1, wide, 3).repeat(tall, axis=0)
    sheet.paste(Image.fromarray(stops), (left, middle - tall // 2))
