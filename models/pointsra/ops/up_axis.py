"""Which axis of the input points up: a signed permutation of the axes, exact in both directions.

The networks are trained on shapes with y up. A turn by right angles keeps right-handed right-handed, so that nothing is
mirrored; "z" is the turn of prepared rooms and scans, (x, y, z) to (x, z, -y).
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", bound=np.floating)

# For each axis that may point up: from which axis x, y and z of the y-up frame are taken, and with which sign.
_TURNS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "y": ((0, 1, 2), (1, 1, 1)),
    "z": ((0, 2, 1), (1, 1, -1)),
    "x": ((1, 0, 2), (-1, 1, 1)),
    "-y": ((0, 1, 2), (1, -1, -1)),
    "-z": ((0, 2, 1), (1, -1, 1)),
    "-x": ((1, 0, 2), (1, -1, 1)),
}
UP_AXES = tuple(_TURNS)


def to_y_up(points: NDArray[Real], up: str) -> NDArray[Real]:
    """Turn points (..., 3) whose axis ``up``, one of :data:`UP_AXES`, points up; the same array where that is y."""
    if up == "y":
        return points
    source, signs = _TURNS[up]
    return points[..., source] * np.array(signs, dtype=points.dtype)


def from_y_up(points: NDArray[Real], up: str) -> NDArray[Real]:
    """Undo :func:`to_y_up`: points (..., 3) with y up, back to the frame in which ``up`` points up."""
    if up == "y":
        return points
    source, signs = _TURNS[up]
    turned = np.empty_like(points)
    turned[..., source] = points * np.array(signs, dtype=points.dtype)
    return turned
