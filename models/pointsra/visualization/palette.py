"""Colors with a meaning: the visible part, each completion, the hidden truth, patches, and magnitudes.

The hues are Paul Tol's vibrant, bright and muted sets (SRON technical note SRON/EPS/TN/09-002, issue 3.2, 2021),
chosen by him to stay apart for color-blind readers. Patches, of which there may be many, take hues spread by the
golden angle in OKLCH (B. Ottosson, "A perceptual color space for image processing", 2020). Magnitudes take
viridis (S. van der Walt, N. Smith and E. Firing, 2015, CC0). It draws nothing itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Color = tuple[int, int, int]

VISIBLE: Color = (132, 145, 164)  # neutral slate: what was given, not made (ours)
TRUTH: Color = (0, 153, 136)  # vibrant teal: what was hidden
# Masks of student and teacher. Slate and teal are one color to many; blue, orange and a pale slate are three.
SEEN_BY_BOTH: Color = (0, 119, 187)  # vibrant blue
SEEN_BY_TEACHER: Color = (238, 119, 51)  # vibrant orange
UNSEEN: Color = (190, 199, 211)  # pale slate (ours)
COMPLETIONS: tuple[Color, ...] = (
    (238, 119, 51),  # vibrant orange
    (0, 119, 187),  # vibrant blue
    (238, 51, 119),  # vibrant magenta
    (204, 187, 68),  # bright yellow
    (51, 187, 238),  # vibrant cyan
    (170, 51, 119),  # bright purple
    (153, 153, 51),  # muted olive
    (204, 51, 17),  # vibrant red
)

_ROUNDS = ((0, 0.0), (255, 0.45), (0, 0.45), (255, 0.7))  # toward white or black, by what share (ours)

_CLASSES: tuple[Color, ...] = (
    (0, 119, 187),  # vibrant blue
    (238, 119, 51),  # vibrant orange
    (0, 153, 136),  # vibrant teal
    (238, 51, 119),  # vibrant magenta
    (153, 153, 51),  # muted olive
    (51, 187, 238),  # vibrant cyan
    (170, 51, 119),  # bright purple
    (204, 51, 17),  # vibrant red
)

_VIRIDIS = np.array(
    [
        (68, 1, 84),
        (72, 40, 120),
        (62, 74, 137),
        (49, 104, 142),
        (38, 130, 142),
        (31, 158, 137),
        (53, 183, 121),
        (109, 205, 89),
        (180, 222, 44),
        (253, 231, 37),
    ],
    dtype=np.float64,
)
_GOLDEN_ANGLE = math.pi * (3.0 - math.sqrt(5.0))


def completion_color(number: int) -> Color:
    """The color of completion ``number``, from 0: eight hues, then the same paler, darker and palest; then again."""
    toward, share = _ROUNDS[number // len(COMPLETIONS) % len(_ROUNDS)]
    red, green, blue = (round(c + share * (toward - c)) for c in COMPLETIONS[number % len(COMPLETIONS)])
    return red, green, blue


def categorical(count: int) -> NDArray[np.uint8]:
    """Colors (count, 3) for ``count`` patches or parts; neighbors in the list differ strongly.

    Up to eight take the completions' hues; more are spread over the color circle at three lightnesses.
    """
    if count <= len(COMPLETIONS):
        return np.array(COMPLETIONS[:count], dtype=np.uint8).reshape(count, 3)
    number = np.arange(count, dtype=np.float64)
    hue = number * _GOLDEN_ANGLE + 0.6
    lightness = np.array([0.70, 0.56, 0.80])[np.arange(count) % 3]
    return from_oklab(lightness, 0.125 * np.cos(hue), 0.125 * np.sin(hue))


def class_colors(count: int, marks: int) -> NDArray[np.uint8]:
    """Colors (count, 3) for small marks of ``count`` classes, to be seen on white paper and on black.

    Up to eight are Tol's. Of more, each is the color on a grid that lies farthest in OKLab from those with the same
    mark and from its neighbor in the list; from those with other marks a third of that is enough.

    Args:
        count: of classes.
        marks: how many shapes the marks have; they take turns, so that class k has shape k % marks.
    """
    if count <= len(_CLASSES):
        return np.array(_CLASSES[:count], dtype=np.uint8).reshape(count, 3)
    grid = np.stack(np.meshgrid(*[np.arange(0, 256, 17, dtype=np.uint8)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = to_oklab(grid)
    fit = (lab[:, 0] > 0.47) & (lab[:, 0] < 0.78) & (np.hypot(lab[:, 1], lab[:, 2]) < 0.22)  # ours, by eye
    grid, lab = grid[fit], lab[fit]
    alike, others, chosen = np.full((marks, len(lab)), np.inf), np.full(len(lab), np.inf), np.empty(count, dtype=int)
    neighbor = np.linalg.norm(lab - to_oklab(np.array(_CLASSES[1:2], dtype=np.uint8)), axis=1)
    for number in range(count):
        chosen[number] = np.minimum(np.minimum(alike[number % marks], 3.0 * others), neighbor).argmax()
        neighbor = np.linalg.norm(lab - lab[chosen[number]], axis=1)
        np.minimum(alike[number % marks], neighbor, out=alike[number % marks])
        np.minimum(others, neighbor, out=others)
    return grid[chosen]


def sequential(values: ArrayLike, low: float | None = None, high: float | None = None) -> NDArray[np.uint8]:
    """Colors (N, 3) for magnitudes (N,): dark violet is small, yellow is large, gray is not a number.

    Args:
        values: (N,).
        low: the magnitude that is darkest; None takes the smallest of ``values``.
        high: the magnitude that is brightest; None takes the largest of ``values``.
    """
    numbers = np.asarray(values, dtype=np.float64).reshape(-1)
    known = np.isfinite(numbers)
    colors = np.full((len(numbers), 3), 160, dtype=np.uint8)
    if not known.any():
        return colors
    floor = float(numbers[known].min()) if low is None else low
    ceiling = float(numbers[known].max()) if high is None else high
    share = np.clip((numbers[known] - floor) / max(ceiling - floor, 1e-12), 0.0, 1.0) * (len(_VIRIDIS) - 1)
    stops = np.arange(len(_VIRIDIS))
    channels = [np.interp(share, stops, _VIRIDIS[:, channel]) for channel in range(3)]
    colors[known] = np.round(np.stack(channels, axis=1)).astype(np.uint8)
    return colors


@dataclass(frozen=True)
class ColorScale:
    """What the colors of :func:`sequential` mean on a picture.

    Attributes:
        label: the magnitude.
        low: the text at its dark end.
        high: the text at its bright end.
    """

    label: str
    low: str
    high: str

    def stops(self, count: int = 10) -> NDArray[np.uint8]:
        """``count`` colors (count, 3) from its dark to its bright end."""
        return sequential(np.linspace(0.0, 1.0, count), 0.0, 1.0)


def hex_color(color: Color) -> str:
    """A color as HTML writes it: ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*(int(channel) for channel in color))


def to_oklab(colors: NDArray[np.uint8]) -> NDArray[np.float64]:
    """sRGB (N, 3) to OKLab by Ottosson's matrices: lightness, red against green, yellow against blue, (N, 3)."""
    encoded = colors / 255.0
    red, green, blue = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).T
    long = np.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = np.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = np.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    red_green = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    blue_yellow = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return np.stack([lightness, red_green, blue_yellow], axis=1)


def from_oklab(
    lightness: NDArray[np.floating], red_green: NDArray[np.floating], blue_yellow: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """OKLab to sRGB by Ottosson's matrices: three arrays (N,) give (N, 3) uint8; what sRGB lacks is clipped."""
    a, b = red_green, blue_yellow
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    linear = np.clip(np.stack([red, green, blue], axis=1), 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(encoded * 255.0).astype(np.uint8)
