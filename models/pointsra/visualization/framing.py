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
_NEAR = 0.15  # of the others' extent: what lies no farther from them, or from what does, is the shape's (ours)


@dataclass(frozen=True)
class Framing:
    """What every cell is drawn with.

    Attributes:
        camera: where the viewer stands.
        middle: the point (3,) that is drawn in a cell's middle.
        reach: the distance from the middle to the picture's edge along its longer side, splats included.
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
        held = _without_strays(screen)
        lows.append(held.min(axis=0))
        highs.append(held.max(axis=0))
    if anchor is None:
        return Framing(camera, np.zeros(3), 1.0, 1.0, splat_radius(1))
    low, high = np.min(lows, axis=0), np.max(highs, axis=0)
    half = (high - low) / 2.0
    radius = splat_radius(count)
    reach = float(max(half[0], half[1], 1e-9)) / (1.0 - radius)
    half = half + radius * reach
    middle = anchor + ((low + high) / 2.0) @ camera_axes(camera)
    aspect = float(np.clip(half[1] / half[0], 0.1, 10.0))
    return Framing(camera, middle, reach, aspect, radius)


def _without_strays(screen: NDArray[np.float32]) -> NDArray[np.float32]:
    """The points (M, 3) of (N, 3) that are to be seen: the bulk, and what hangs together with it.

    A thin leg may have as few points as there are strays. It is told by the way outward, from point to point: each of
    its points has another nearby, and the first of them is near the bulk.
    """
    low, high = np.quantile(screen, (_STRAY, 1.0 - _STRAY), axis=0)
    near = _NEAR * float((high - low).max())
    held = ((screen >= low - near) & (screen <= high + near)).all(axis=1)
    if held.all():
        return screen
    from pointsra.ops.near_points import nearest

    # What is near a point out there lies outside of the bulk too, so that few points need be searched.
    rim = np.flatnonzero(((screen < low) | (screen > high)).any(axis=1))
    front, rest = rim[held[rim]], rim[~held[rim]]
    while len(front) and len(rest):
        reached = nearest(screen[rest], screen[front])[0][:, 0] <= near
        front, rest = rest[reached], rest[~reached]
        held[front] = True
    return screen[held]
