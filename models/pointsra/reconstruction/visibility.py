"""What a camera sees of a cloud: a depth buffer over surfels.

Every occluder stands for a small disc in the plane of its neighborhood, as wide as the gaps between occluders, so that
a surface seen at a slant does not hide itself. A point is seen if no disc before it is nearer to the camera by more
than a tolerance. Points alone, unlike a mesh, cannot hide the far side of a plate that is thinner than the tolerance,
which is about half a spacing of the points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pointsra.ops.near_points import nearest

# Ours, tried against spheres and boxes in closed form and dense samples of the generated shapes.
_DISC = 1.5  # of the occluders' mean spacing to four neighbors: random points leave 1 % of a surface uncovered
_TOLERANCE = 0.4  # of the disc's radius
_PIXELS = 4  # a disc's radius in pixels
_LARGEST_IMAGE = 2048  # pixels
_OCCLUDERS = 40_000
_NEIGHBORS = 9  # that a plane is laid through
_CAMERA = 3.0  # radii away, as in the view mask of pre-training
_CHUNK = 1 << 20


def depths_behind(
    points_unit: NDArray[np.float32], occluders_unit: NDArray[np.float32], direction: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far each point lies behind what the camera sees in its place.

    Args:
        points_unit: (N, 3) in the unit frame.
        occluders_unit: (M, 3) points of the surface; the points themselves, or more of them.
        direction: (3,) of length one, from the origin towards the camera, which is three radii away.

    Returns:
        (N,) depth behind the tolerance, 0 where the point is seen; and (N,) depth from the camera, from 2 to 4.
    """
    if len(occluders_unit) > _OCCLUDERS:
        rows = np.random.default_rng(0).choice(len(occluders_unit), _OCCLUDERS, replace=False)
        occluders_unit = occluders_unit[rows]
    axes = _camera(direction)
    near, normals = _neighborhoods(occluders_unit)
    radius = _DISC * near
    # The image lies at distance one from the camera; the front of the unit sphere is two away.
    pixel = max(radius / (_CAMERA - 1.0) / _PIXELS, 1.0 / _LARGEST_IMAGE)
    side = 2 * int(np.ceil(0.4 / pixel)) + 1  # a sphere of radius one, three away, reaches 0.354
    image = _depth_image(occluders_unit @ axes.T, normals @ axes.T, radius, pixel, side)
    behind = np.empty(len(points_unit), dtype=np.float32)
    depths = np.empty(len(points_unit), dtype=np.float32)
    for start in range(0, len(points_unit), _CHUNK):
        part = slice(start, start + _CHUNK)
        seen = points_unit[part] @ axes.T
        depths[part] = seen[:, 2] + _CAMERA
        row, column = _pixels_of(seen, pixel, side)
        behind[part] = np.maximum(depths[part] - image[row, column] - _TOLERANCE * radius, 0.0)
    return behind, depths


def _depth_image(
    points: NDArray[np.float32], normals: NDArray[np.float32], radius: float, pixel: float, side: int
) -> NDArray[np.float32]:
    """(side, side) depth of the nearest disc in each pixel, infinite where there is none.

    A ray through image point q meets the plane of a disc at p with normal n in the depth n · p / n · q; it meets the
    disc where that is within ``radius`` of p.

    Args:
        points: (M, 3) in the camera's axes, the origin not yet moved to the camera.
        normals: (M, 3) in the same axes.
    """
    image = np.full(side * side, np.inf, dtype=np.float32)
    row, column = _pixels_of(points, pixel, side)
    places = points + np.array([0.0, 0.0, _CAMERA], dtype=np.float32)
    plane = (normals * places).sum(axis=1)
    np.minimum.at(image, row * side + column, places[:, 2])
    half = side // 2
    for down in range(-_PIXELS, _PIXELS + 1):
        for across in range(-_PIXELS, _PIXELS + 1):
            y, x = np.clip(row + down, 0, side - 1), np.clip(column + across, 0, side - 1)
            u, v = (x - half) * pixel, (y - half) * pixel
            facing = normals[:, 0] * u + normals[:, 1] * v + normals[:, 2]
            depth = plane / np.where(np.abs(facing) > 1e-3, facing, np.inf)
            apart = (u * depth - places[:, 0]) ** 2 + (v * depth - places[:, 1]) ** 2 + (depth - places[:, 2]) ** 2
            meets = apart < radius**2
            np.minimum.at(image, (y * side + x)[meets], depth[meets].astype(np.float32))
    from scipy import ndimage

    image = image.reshape(side, side)
    # A slanted surface is deeper at the next pixel: the deepest of the neighbors counts, but for the background.
    covered = np.isfinite(image)
    deepest = ndimage.maximum_filter(np.where(covered, image, -np.inf), size=3)
    return np.where(covered, deepest, np.inf).astype(np.float32)


def _camera(direction: NDArray[np.float64]) -> NDArray[np.float32]:
    """(3, 3) rows: right, down, forward."""
    forward = -direction
    right = np.cross(forward, np.eye(3)[int(np.abs(forward).argmin())])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward]).astype(np.float32)


def _pixels_of(points: NDArray[np.float32], pixel: float, side: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    depth = points[:, 2] + _CAMERA
    x, y = (np.round(points[:, axis] / depth / pixel).astype(np.int64) + side // 2 for axis in (0, 1))
    return np.clip(y, 0, side - 1), np.clip(x, 0, side - 1)


def _neighborhoods(points: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
    """The mean distance to four neighbors in the thinner part of the cloud, and the normals (M, 3), of either sign."""
    count = min(_NEIGHBORS, len(points))
    if count < 4:
        return 1e-3, np.tile(np.array([0.0, 0.0, 1.0], dtype=np.float32), (len(points), 1))
    distances, rows = nearest(points, points, count)
    near = float(np.quantile(distances[:, 1:5].mean(axis=1), 0.75))
    around = points[rows] - points[rows].mean(axis=1, keepdims=True)
    normals = np.linalg.eigh(np.einsum("mki,mkj->mij", around, around).astype(np.float64))[1][:, :, 0]
    return max(near, 1e-4), normals.astype(np.float32)
