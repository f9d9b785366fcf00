"""Terminal previews: never wider than asked, colored or plain, titles that cannot disturb the terminal."""

import re

import numpy as np
import pytest

from pointsra.visualization.terminal import terminal_preview

CLOUDS = [np.random.default_rng(k).normal(size=(400, 3)) for k in range(6)]
CODES = re.compile(r"\x1b\[[0-9;]*m")


def width(line):
    return len(CODES.sub("", line))


@pytest.mark.parametrize("columns", [20, 41, 80])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("style", [{}, {"color": False}, {"color": False, "ascii_only": True}])
def test_lines_fit(columns, count, style):
    text = terminal_preview(CLOUDS[:count], None, ["a long title indeed " * 3] * count, columns, **style)
    assert max(map(width, text.split("\n"))) <= columns
    assert len(text.split("\n")) > 3


def test_color_has_codes_and_plain_has_none():
    assert "\x1b[38;2;" in terminal_preview(CLOUDS[:1])
    plain = terminal_preview(CLOUDS[:1], color=False)
    assert "\x1b" not in plain and any(0x2800 < ord(letter) < 0x2900 for letter in plain)
    assert terminal_preview(CLOUDS[:1], color=False, ascii_only=True).isascii()


def test_colors_appear_and_are_closed():
    text = terminal_preview(CLOUDS[:2], [(220, 0, 0), None])
    inks = [tuple(map(int, ink)) for ink in re.findall(r"\x1b\[38;2;(\d+);(\d+);(\d+)m", text)]
    red = [ink for ink in inks if ink[0] > 3 * max(ink[1], 20)]
    assert 0 < len(red) < len(inks)
    assert all(line.rstrip().endswith("\x1b[0m") for line in text.split("\n") if line)


def test_titles_are_cleaned_and_wide_letters_counted():
    text = terminal_preview(CLOUDS[:1], None, ["a\x1b[31m\nb"], color=False)
    assert "\x1b" not in text
    last = terminal_preview(CLOUDS[:4], None, ["椅子" * 20] * 4, 80, color=False).split("\n")[-1]
    assert sum(2 if ord(letter) > 0x3000 else 1 for letter in last) <= 80


def test_nothing_to_show():
    assert terminal_preview([]) == ""
    assert isinstance(terminal_preview([np.zeros((0, 3))]), str)
