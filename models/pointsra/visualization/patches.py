"""Which color a point takes when a cloud's patches or masks are shown.

A point belongs to the nearest patch center. The network's patches overlap (each takes its K nearest points);
a picture cannot show that, so the overlap is left out here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsra.visualization.palette import SEEN_BY_BOTH, SEEN_BY_TEACHER, UNSEEN, categorical

_BLOCK = 65536  # distances are taken in blocks of points, so that a scan of millions fits in memory


def nearest_center(points: ArrayLike, centers: ArrayLike) -> NDArray[np.int64]:
    """The row of ``centers`` (G, 3) nearest to each of ``points`` (N, 3), as (N,).

    Raises:
        ValueError: an array has another shape, or there is no center.
    """
    cloud = np.asarray(points, dtype=np.float64)
    middle = np.asarray(centers, dtype=np.float64)
    for name, array in (("Points", cloud), ("Centers", middle)):
        if array.ndim != 2 or array.shape[1] != 3:
            raise ValueError(f"{name} must have three columns, not shape {array.shape}.")
    if len(middle) == 0:
        raise ValueError("There must be at least one patch center.")
    owner = np.empty(len(cloud), dtype=np.int64)
    squared_norm = (middle**2).sum(axis=1)
    for start in range(0, len(cloud), _BLOCK):
        block = cloud[start : start + _BLOCK]
        owner[start : start + _BLOCK] = (squared_norm[None, :] - 2.0 * block @ middle.T).argmin(axis=1)
    return owner


def patch_colors(points: ArrayLike, centers: ArrayLike) -> NDArray[np.uint8]:
    """Colors (N, 3): one hue a patch, each of ``points`` (N, 3) in that of the nearest of ``centers`` (G, 3).

    Raises:
        ValueError: an array has another shape, or there is no center.
    """
    return categorical(len(np.asarray(centers)))[nearest_center(points, centers)]


def mask_colors(
    points: ArrayLike, centers: ArrayLike, student: ArrayLike, teacher: ArrayLike | None = None
) -> NDArray[np.uint8]:
    """Colors (N, 3): blue for what the student sees, orange for what only the teacher sees too, pale for the rest.

    Args:
        points: (N, 3).
        centers: (G, 3).
        student: (G,) bool, True where the patch is shown to the student.
        teacher: (G,) bool, the same of the teacher; None where there is none.

    Raises:
        ValueError: an array has another shape, or there is no center.
    """
    shown = np.asarray(student, dtype=bool)
    also = shown if teacher is None else np.asarray(teacher, dtype=bool)
    count = len(np.asarray(centers))
    if shown.shape != (count,) or also.shape != (count,):
        raise ValueError(f"One visible flag a center is needed, not shapes {shown.shape} and {also.shape}.")
    table = np.array([UNSEEN, SEEN_BY_TEACHER, SEEN_BY_BOTH], dtype=np.uint8)
    kind = np.where(shown, 2, np.where(also, 1, 0))
    return table[kind[nearest_center(points, centers)]]
