"""From frames with z up (rooms, scans, lidar) to the frame of prepared data, where y is up.

A point (x, y, z) becomes (x, z, -y): a quarter turn about x, so that right-handed stays right-handed. Headings about
+z become headings about +y with the same sign.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", bound=np.floating)

Z_UP_TO_Y_UP: NDArray[np.float64] = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""(3, 3): y-up point = Z_UP_TO_Y_UP @ z-up point; its transpose leads back."""


def to_y_up(points: NDArray[Real]) -> NDArray[Real]:
    """Turn points or directions, (..., 3) with z up, to y up: (x, z, -y)."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


def sizes_to_y_up(sizes: NDArray[Real]) -> NDArray[Real]:
    """Full extents (..., 3) along x, y, z with z up, in the order of the y-up axes: (x, z, y)."""
    return sizes[..., [0, 2, 1]]


def back_to_raw(raw_from_z_up: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """The (4, 4) matrix that leads from prepared (y-up) points to the raw file's frame.

    Args:
        raw_from_z_up: (4, 4), what still lies between the z-up frame that was turned and the raw file's; None where
            they are the same.
    """
    matrix = np.eye(4)
    matrix[:3, :3] = Z_UP_TO_Y_UP.T
    return matrix if raw_from_z_up is None else raw_from_z_up @ matrix
