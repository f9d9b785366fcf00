"""The part of a shape that realizes a choice, and what else could be in its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pointsra.data.shapes.designs import Alternative
from pointsra.data.shapes.generator import Shape


def realized_in(labels: NDArray[np.uint8], shape: Shape, alternative: Alternative) -> NDArray[np.bool_]:
    """Which faces or points of a shape, by their part labels (N,), belong to the parts that realize an alternative."""
    return np.isin(labels, [shape.part_names.index(name) for name in alternative.parts])


def other_part(shape: Shape, other: Shape, alternative: Alternative) -> Shape:
    """What stands in the place of a shape's part where another option was taken.

    Args:
        shape: whose other parts stay.
        other: the same object with another option, by ``generate`` with ``forced``.
        alternative: what the option belongs to.

    Returns:
        The parts of ``other`` that realize it, moved up or down so that all others lie where those of ``shape`` lie:
        each object stands on a floor of its own.
    """
    theirs = realized_in(other.face_parts, other, alternative)
    rise = _lowest(shape, ~realized_in(shape.face_parts, shape, alternative)) - _lowest(other, ~theirs)
    return replace(
        other,
        vertices=other.vertices + np.array([0.0, rise, 0.0], dtype=np.float32),
        faces=other.faces[theirs],
        face_parts=other.face_parts[theirs],
    )


def _lowest(shape: Shape, faces: NDArray[np.bool_]) -> np.float32:
    return shape.vertices[shape.faces[faces]][..., 1].min()
