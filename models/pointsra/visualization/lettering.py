"""Text on pictures: sizes, wrapping into a width, and how a figure is written.

Letters are those that come with Pillow (Aileron), so a picture looks the same on every machine. It lays out
lines only; where they go is up to the picture.
"""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont
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

# What has no base letter of its own in Unicode.
_SPELLED = {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
_SPELLED |= {"đ": "d", "Đ": "D", "×": "x", "–": "-", "—": "-", "−": "-", "’": "'", "‘": "'", "“": '"', "”": '"'}
_NOWHERE = "\U0010fffd"  # no font has it


@lru_cache(maxsize=32)
def font(size: int) -> Font:
    """Pillow's own letters at ``size`` pixels."""
    return ImageFont.load_default(size=size)


def figure(value: float) -> str:
    """A figure in three digits: ``0.00430``, ``12.3``, ``4.2e-06``; whole numbers as they are, a dash for NaN."""
    if not math.isfinite(value):
        return "–"
    if value != 0.0 and abs(value) < 1e-4:
        return f"{value:.1e}"
    if abs(value) >= 999.5 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


@lru_cache(maxsize=4096)
def _written(letter: str) -> str:
    """The letter itself where the font has it, else its base letters, else the letter all the same."""
    if _has(letter):
        return letter
    plain = unicodedata.normalize("NFKD", _SPELLED.get(letter, letter))
    kept = "".join(part for part in plain if not unicodedata.combining(part))
    return kept if kept and all(map(_has, kept)) else "" if unicodedata.combining(letter) else letter


def _has(letter: str) -> bool:
    return letter.isspace() or _drawn(letter) != _drawn(_NOWHERE)


def _drawn(letter: str) -> bytes:
    picture = Image.new("L", (32, 32))
    ImageDraw.Draw(picture).text((2, 2), letter, font=font(20), fill=255)
    return picture.tobytes()


def written(text: str) -> str:
    """The text on one line in letters that the font has, ``größe`` as ``grosse``; the rest is empty boxes."""
    return "".join(_written(letter) for letter in " ".join(text.split()))


def fit(text: str, letters: Font, width: float) -> str:
    """The text as :func:`written`, no wider than ``width`` pixels; what does not fit ends in an ellipsis."""
    line = written(text)
    if letters.getlength(line) <= width:
        return line
    while line and letters.getlength(line.rstrip() + "…") > width:
        line = line[:-1]
    return line.rstrip() + "…" if line else ""
