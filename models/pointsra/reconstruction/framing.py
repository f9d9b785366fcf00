"""The unit frame that a cloud is worked on in, found in float64 so that survey coordinates keep their millimeters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.errors import InputFileError

LARGEST = 1e30
"""Coordinates beyond it, or shapes smaller than its inverse, are no numbers in single precision."""

_CHUNK = 1 << 20  # rows worked on at once


def check_range(points: NDArray[np.float64], name: Path) -> None:
    """See that coordinates (N, 3) lie in the range that files and pictures can hold.

    Raises:
        InputFileError: they do not.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    largest = float(np.maximum(-low, high).max())
    extent = float((high - low).max()) if largest <= LARGEST else largest
    if largest > LARGEST or 0.0 < extent < 1.0 / LARGEST:
        raise InputFileError(
            f"{name}: its coordinates reach {largest:.1e} and span {extent:.1e}, which is not a shape; "
            "are the columns and units right?"
        )


def unit_frame_of(
    points: NDArray[np.float64], kept: NDArray[np.bool_] | slice
) -> tuple[NDArray[np.float32], NDArray[np.float64], float]:
    """The unit frame of some points, in float64: their mean and the distance of the farthest.

    Args:
        points: (N, 3) finite.
        kept: the rows that decide the frame.

    Returns:
        All points (N, 3) in that frame, its offset (3,) and its scale, 1 where all points coincide.
    """
    offset = points[kept].mean(axis=0)
    parts = np.array_split(points[kept], 1 + len(points) // _CHUNK)
    radius = max(float(np.linalg.norm(part - offset, axis=1).max(initial=0.0)) for part in parts)
    scale = radius if radius > 0 else 1.0
    return in_frame(points, offset, scale), offset, scale


def in_frame(points: NDArray[np.float64], offset: NDArray[np.float64], scale: float) -> NDArray[np.float32]:
    """Points (N, 3) in a unit frame; what lies too far out for single precision becomes infinite."""
    unit = np.empty(points.shape, dtype=np.float32)
    with np.errstate(over="ignore"):
        for start in range(0, len(points), _CHUNK):
            unit[start : start + _CHUNK] = (points[start : start + _CHUNK] - offset) / scale
    return unit
