"""Text on pictures: sizes, wrapping into a width, and how a figure is written.

Letters are those that come with Pillow (Aileron), so a picture looks the same on every machine. It lays out
lines only; where they go is up to the picture.
"""

from __future__ import annotations

import math
from functools import lru_cache

from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont
from PIL.ImageFont import ImageFont as BitmapFont

INK = (28, 33, 41)
SOFT_INK = (104, 114, 128)
RULE = (226, 230, 236)
DARK_INK = (236, 240, 245)
DARK_SOFT_INK = (150, 160, 174)
DARK_RULE = (48, 54, 63)
DARK_PAPER = (17, 19, 23)

Font = FreeTypeFont | BitmapFont


@lru_cache(maxsize=32)
def font(size: int) -> Font:
    """Pillow's own letters at ``size`` pixels."""
    return ImageFont.load_default(size=size)


def figure(value: float) -> str:
    """A figure in three digits, as short as can be: ``0.00431``, ``12.3``, ``4.2e-06``; a dash for NaN."""
    if not math.isfinite(value):
        return "–"
    if value != 0.0 and abs(value) < 1e-4:
        return f"{value:.1e}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def fit(text: str, letters: Font, width: float) -> str:
    """The text on one line no wider than ``width`` pixels; what does not fit ends in an ellipsis."""
    line = " ".join(text.split())
    if letters.getlength(line) <= width:
        return line
    while line and letters.getlength(line.rstrip() + "…") > width:
        line = line[:-1]
    return line.rstrip() + "…" if line else ""
