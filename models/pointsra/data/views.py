"""Small gray pictures of a cloud from all around: what the built-in image encoder looks at.

They are pictures for a machine: 48 pixels wide, lit from the viewer's shoulder, near parts brighter than far.
Pictures for people are drawn by ``pointsra.visualization``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.pictures import read_gray_view
from pointsra.ops.splatting import Camera, render_depth, render_shaded

VIEW_COUNT = 4
VIEW_SIZE = 48
# Ours: a front, a back and both sides, turned by 35 degrees so that no view looks along a face of a box.
CAMERAS = tuple(Camera(azimuth=35.0 + 90.0 * turn, elevation=20.0) for turn in range(VIEW_COUNT))
_DRAWN = 1024  # points drawn: enough to close a surface at 48 pixels
_RADIUS = 0.05
_DRAWN_LARGE = 2048
_GRAY = np.array([210, 210, 210], dtype=np.uint8)
_LIGHT = np.array([-0.4, 0.6, 0.7]) / np.linalg.norm([-0.4, 0.6, 0.7])


def to_unit_frame(points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Center a cloud on the mean of its points and divide by the largest radius.

    Args:
        points: (N, 3), finite, in any frame.

    Returns:
        (N, 3) float32; all zeros where every point is the same.
    """
    centered = np.asarray(points, dtype=np.float64)
    centered = centered - centered.mean(axis=0)
    radius = np.sqrt((centered**2).sum(axis=1).max())
    return (centered / (radius if radius > 0 else 1.0)).astype(np.float32)


def render_views(points: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Draw a cloud from four sides.

    Args:
        points: (N, 3), finite; brought to the unit frame first, so the frame given does not matter.

    Returns:
        (W, H, H) uint8 with W = 4 views of H = 48 pixels; 0 where there is nothing.
    """
    chosen = np.linspace(0, len(points) - 1, min(_DRAWN, len(points))).astype(np.int64)
    cloud = to_unit_frame(points)[chosen]
    return np.stack([_shade(render_depth(cloud, VIEW_SIZE, camera, radius=_RADIUS)[0]) for camera in CAMERAS])


def render_pictures(points: NDArray[np.floating], size: int) -> NDArray[np.uint8]:
    """Draw a cloud from the same four sides at the size and with the light that networks for photographs want.

    Args:
        points: (N, 3), finite, in any frame.
        size: H.

    Returns:
        (4, H, H) uint8 gray; 0 where there is nothing.
    """
    chosen = np.linspace(0, len(points) - 1, min(_DRAWN_LARGE, len(points))).astype(np.int64)
    cloud = to_unit_frame(points)[chosen]
    drawn = [
        render_shaded(cloud, _GRAY, size, camera, supersample=1, background=(0, 0, 0))[..., 0] for camera in CAMERAS
    ]
    return np.stack(drawn)


def resized(pictures: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Pictures (n, W, H, H) brought to ``size`` pixels along each side, (n, W, size, size)."""
    if pictures.shape[-1] == size:
        return pictures
    from PIL import Image

    flat = pictures.reshape(-1, *pictures.shape[2:])
    small = [np.asarray(Image.fromarray(each).resize((size, size), Image.Resampling.BICUBIC)) for each in flat]
    return np.stack(small).reshape(*pictures.shape[:2], size, size)


def _shade(depth: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Light a depth map (H, H) by the slope between neighboring pixels."""
    seen = np.isfinite(depth)
    pixel = 2.1 / len(depth)
    filled = np.where(seen, _smoothed(np.where(seen, depth, 0.0).astype(np.float64), seen), 1.0)
    # Toward the viewer is minus depth; rows run downward, so the sign of the vertical slope is turned.
    slope_y, slope_x = np.gradient(-filled, pixel)
    normal = np.stack([-slope_x, slope_y, np.ones_like(slope_x)])
    lit = np.tensordot(_LIGHT, normal / np.linalg.norm(normal, axis=0), axes=1)
    nearness = 0.5 - 0.5 * np.clip(filled, -1.0, 1.0)
    gray = 60.0 + 110.0 * np.clip(lit, 0.0, 1.0) + 80.0 * nearness
    return np.where(seen, gray, 0.0).astype(np.uint8)


def _smoothed(depth: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The mean over each pixel and its neighbors that are seen, (H, H): evens out the steps between splats."""
    size = len(depth)
    total, weight = np.zeros_like(depth), np.zeros_like(depth)
    padded, known = np.pad(depth, 1), np.pad(seen.astype(np.float64), 1)
    for row in range(3):
        for column in range(3):
            total += padded[row : row + size, column : column + size]
            weight += known[row : row + size, column : column + size]
    return total / np.maximum(weight, 1.0)


def image_as_view(path: Path) -> NDArray[np.uint8]:
    """A user's picture as one view, (48, 48) uint8; see :func:`pictures.read_gray_view`."""
    return read_gray_view(path, VIEW_SIZE)
