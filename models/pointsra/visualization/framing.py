"""One view for several clouds: the same camera, the same middle and the same scale.

Shapes can only be compared when they are framed alike, so a sheet or a page asks here once and draws every cell
with the answer. It draws nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsra.ops.splatting import Camera, camera_axes, project, splat_radius

_STRAY = 0.002  # share of a cloud's points, at each side, that may fall outside the frame (ours)
_NEAR = 0.1  # of the others' extent: what lies no farther out is an end of the shape, and is framed (ours)


@dataclass(frozen=True)
class Framing:
    """What every cell is drawn with.

    Attributes:
        camera: where the viewer stands.
        middle: the point (3,) that is drawn in a cell's middle.
        reach: the distance from the middle to the picture's edge along its longer side.
        aspect: height over width of what is to be shown.
        radius: a splat's radius once the points are divided by ``reach``.
    """

    camera: Camera
    middle: NDArray[np.float64]
    reach: float
    aspect: float
    radius: float

    def framed(self, points: ArrayLike) -> NDArray[np.float32]:
        """Points (N, 3) moved and scaled so that [-1, 1] is the picture."""
        cloud = np.asarray(points, dtype=np.float64).reshape(-1, 3)
        return ((cloud - self.middle) / self.reach).astype(np.float32)


def frame_clouds(clouds: Sequence[ArrayLike], camera: Camera) -> Framing:
    """The view that holds all ``clouds``, each (N, 3); stray points do not shrink the rest.

    Clouds without a finite point count for nothing; without any, the unit frame is returned.
    """
    lows, highs, count = [], [], 1
    anchor: NDArray[np.float64] | None = None  # coordinates of a map are too large for float32 as they are
    for cloud in clouds:
        points = np.asarray(cloud, dtype=np.float64).reshape(-1, 3)
        points = points[np.isfinite(points).all(axis=1)]
        if len(points) == 0:
            continue
        count = max(count, len(points))
        anchor = points.mean(axis=0) if anchor is None else anchor
        screen = project(points - anchor, camera)
        low, high = np.quantile(screen, (_STRAY, 1.0 - _STRAY), axis=0)
        near = _NEAR * (high - low)
        lows.append(np.where(screen >= low - near, screen, np.inf).min(axis=0))
        highs.append(np.where(screen <= high + near, screen, -np.inf).max(axis=0))
    if anchor is None:
        return Framing(camera, np.zeros(3), 1.0, 1.0, splat_radius(1))
    low, high = np.min(lows, axis=0), np.max(highs, axis=0)
    half = (high - low) / 2.0
    reach = float(max(half[0], half[1], 1e-9))
    middle = anchor + ((low + high) / 2.0) @ camera_axes(camera)
    aspect = float(np.clip(half[1] / max(half[0], 1e-9), 0.1, 10.0))
    return Framing(camera, middle, reach, aspect, splat_radius(count))
