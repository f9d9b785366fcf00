"""What figures of completions are called below pictures, and in which unit: the field's terms, one scale everywhere.

Records and files keep the plain figures; the still and the page show them through here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value", float, float | int | str)

# Squared distances are small: papers, and the table in the terminal, give a thousand times as much.
_TERMS: dict[str, tuple[str, int]] = {
    "chamfer": ("CD-L2 ×1000", 1000),
    "f_score": ("F-score", 1),
    "apart": ("apart ×1000", 1000),
    "diversity": ("diversity ×1000", 1000),
}
LARGEST_FIRST = ("F-score",)
"""The terms of which the largest comes first; of the others, the smallest."""


def in_terms(figures: Mapping[str, Value]) -> dict[str, Value]:
    """Figures by name as figures by term, in its unit; those of another name, and words, stay as they are."""
    shown: dict[str, Value] = {}
    for name, value in figures.items():
        term, factor = _TERMS.get(name, (name.replace("_", " "), 1))
        shown[term] = value if isinstance(value, str) or factor == 1 else factor * value
    return shown
