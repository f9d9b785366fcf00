"""What one file holds, as the readers of the different formats hand it over, before anything is sampled or dropped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Readout:
    """The contents of one file.

    Attributes:
        points: (N, 3) float64 in the file's own frame, non-finite rows included; a mesh's vertices where it is one.
        colors: (N, 3) uint8, or None.
        faces: (F, 3) integers into ``points``, or None for a cloud.
        notes: sentences for the user.
    """

    points: NDArray[np.float64]
    colors: NDArray[np.uint8] | None = None
    faces: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()


def as_colors(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Colors as bytes: (N, C) with C of 3 or more, as 0 to 255, 0 to 65535 or 0 to 1; returns (N, 3) uint8."""
    colors = np.nan_to_num(np.asarray(values)[:, :3].astype(np.float64))
    largest = colors.max(initial=0.0)
    integers = np.issubdtype(np.asarray(values).dtype, np.integer)
    if largest > 255.0:
        colors = colors / 257.0
    elif largest <= 1.0 and not integers:
        colors = colors * 255.0
    return np.clip(np.round(colors), 0, 255).astype(np.uint8)
