"""Boxes of KITTI in the prepared frame, how hard they are by the official rule, and the points inside them.

A label gives the middle of a box's bottom, its height, width and length, and its turn about the axis that points
down, all in the rectified camera frame. Here a box has its center and heading in the lidar's frame turned to y up
(x forward, y up, z right), and its size along its own axes: length, height, width. With heading 0 an object faces
forward, along x. As everywhere with KITTI, boxes stand upright in the lidar's frame; the camera's tilt against it
(less than a degree or so) is left out of account.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointsra.data.kitti_files import Calibration, Labels
from pointsra.data.upright import back_to_raw, to_y_up

DIFFICULTIES = ("easy", "moderate", "hard")
NO_DIFFICULTY = -1
_LEAST_HEIGHT = (40, 25, 25)  # pixels; boxes must be higher, as the official evaluation code has it
_MOST_OCCLUDED = (0, 1, 2)
_MOST_TRUNCATED = (0.15, 0.30, 0.50)


def boxes_in_prepared_frame(labels: Labels, calibration: Calibration) -> NDArray[np.float64]:
    """Boxes (K, 7): center x y z, length, height, width, heading about +y in radians from -pi to pi.

    Args:
        labels: the objects, in the rectified camera frame.
        calibration: of the same frame.
    """
    lidar_from_camera = np.linalg.inv(calibration.camera_from_lidar)
    height, width, length = labels.sizes.T
    centers = labels.bottoms.copy()
    centers[:, 1] -= height / 2  # the camera's y points down
    in_lidar = centers @ lidar_from_camera[:3, :3].T + lidar_from_camera[:3, 3]
    # The length of an object turned by t about y lies along (cos t, 0, -sin t); the same holds in the prepared frame.
    lengthwise = np.stack([np.cos(labels.turns), np.zeros_like(labels.turns), -np.sin(labels.turns)], axis=1)
    turned = to_y_up(lengthwise @ lidar_from_camera[:3, :3].T)
    headings = np.arctan2(-turned[:, 2], turned[:, 0])
    return np.concatenate([to_y_up(in_lidar), np.stack([length, height, width, headings], axis=1)], axis=1)


def difficulties(labels: Labels) -> NDArray[np.int8]:
    """The easiest level (K,) whose bounds an object meets, index into DIFFICULTIES; -1 where it meets none."""
    heights = labels.regions[:, 3] - labels.regions[:, 1]
    found = np.full(len(labels.rows), NO_DIFFICULTY, dtype=np.int8)
    for level in reversed(range(len(DIFFICULTIES))):
        meets = (
            (heights > _LEAST_HEIGHT[level])
            & (labels.occluded <= _MOST_OCCLUDED[level])
            & (labels.truncated <= _MOST_TRUNCATED[level])
        )
        found[meets] = level
    return found


def camera_projection(calibration: Calibration) -> NDArray[np.float64]:
    """The (3, 4) matrix from prepared points to pixels of the left color camera (divide by the third coordinate)."""
    return calibration.projection @ calibration.camera_from_lidar @ back_to_raw()


def points_inside(points: NDArray[np.floating], box: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which points (N, 3) are inside a box (7,), its sides included; (N,).

    Args:
        points: y up.
        box: center, size along the box's own axes, heading about +y.
    """
    center, size, heading = box[:3], box[3:6], float(box[6])
    away = points - center
    cosine, sine = np.cos(heading), np.sin(heading)
    local = np.stack([cosine * away[:, 0] - sine * away[:, 2], away[:, 1], sine * away[:, 0] + cosine * away[:, 2]], 1)
    return np.all(np.abs(local) <= size / 2, axis=1)
