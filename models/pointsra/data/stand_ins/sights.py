"""What a scanner sees: of many points on surfaces, those that no nearer one hides.

Directions from the eye are sorted into bins of equal angle, and in each bin the nearest points stay. It takes
surfaces sampled finer than the bins; at grazing angles some hidden points stay, as noise does in a real scan.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def seen_from(points: NDArray[np.float64], eye: NDArray[np.float64], step: float, slack: float) -> NDArray[np.bool_]:
    """Say which points can be seen from an eye.

    Args:
        points: (N, 3), y up.
        eye: (3,).
        step: size of a bin in radians.
        slack: how far behind the nearest of its bin a point may lie.

    Returns:
        (N,) bool.
    """
    ray = points - eye
    distance = np.sqrt((ray**2).sum(axis=1))
    column = np.floor((np.arctan2(ray[:, 2], ray[:, 0]) + np.pi) / step).astype(np.int64)
    row = np.floor((np.arcsin(np.clip(ray[:, 1] / np.maximum(distance, 1e-9), -1, 1)) + np.pi / 2) / step)
    columns = int(2 * np.pi / step) + 2
    cell = row.astype(np.int64) * columns + column
    nearest = np.full(int(cell.max()) + 1, np.inf)
    np.minimum.at(nearest, cell, distance)
    return distance <= nearest[cell] + slack


def seen_from_any(points: NDArray[np.float64], eyes: NDArray[np.float64], spacing: float) -> NDArray[np.bool_]:
    """Say which points (N, 3) can be seen from at least one of the eyes (E, 3).

    Args:
        points: (N, 3), y up.
        eyes: (E, 3).
        spacing: typical distance between neighboring points; bins are made a little wider.
    """
    seen = np.zeros(len(points), dtype=bool)
    for eye in eyes:
        reach = float(np.median(np.sqrt(((points - eye) ** 2).sum(axis=1))))
        seen |= seen_from(points, eye, 2.2 * spacing / max(reach, 1e-6), 3.0 * spacing)
    return seen
