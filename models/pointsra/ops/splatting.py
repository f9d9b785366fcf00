"""Point clouds to pixels with numpy alone: a fast depth map, and a shaded picture that looks solid.

Both draw orthographically, so two clouds drawn with one camera and one ``extent`` can be compared with a
ruler. A point is a splat: a flat disk in :func:`render_depth`, a small sphere in :func:`render_shaded`, whose
light is in ``ops/shading``. Laying out text, opening a window and writing a file belong to
``pointsra.visualization``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsra.ops.shading import shade

SLATE = (112, 126, 146)  # the color of points that were given none


@dataclass(frozen=True)
class Camera:
    """Where the viewer stands, in degrees; y is up and azimuth 0 looks from +z.

    Attributes:
        azimuth: turn about the y axis, from +z toward +x.
        elevation: how far above the horizon the viewer stands.
    """

    azimuth: float = 35.0
    elevation: float = 20.0


DEFAULT_CAMERA = Camera()


def camera_axes(camera: Camera) -> NDArray[np.float32]:
    """The camera's axes as rows, right, up and toward the viewer: a rotation, (3, 3)."""
    azimuth, elevation = math.radians(camera.azimuth), math.radians(camera.elevation)
    sin_a, cos_a, sin_e, cos_e = (
        math.sin(azimuth),
        math.cos(azimuth),
        math.sin(elevation),
        math.cos(elevation),
    )
    rows = (
        (cos_a, 0.0, -sin_a),
        (-sin_e * sin_a, cos_e, -sin_e * cos_a),
        (cos_e * sin_a, sin_e, cos_e * cos_a),
    )
    return np.array(rows, dtype=np.float32)


def project(points: ArrayLike, camera: Camera = DEFAULT_CAMERA) -> NDArray[np.float32]:
    """Turn points (N, 3) into the camera's frame, (N, 3): x right, y up, z toward the viewer.

    Raises:
        ValueError: the points are not an (N, 3) array.
    """
    cloud = np.asarray(points, dtype=np.float32)
    if cloud.ndim != 2 or cloud.shape[1] != 3:
        raise ValueError(f"Points must have shape (N, 3), not {cloud.shape}.")
    with np.errstate(invalid="ignore"):  # an infinite point becomes NaN; those who draw leave it out
        return cloud @ camera_axes(camera).T


def splat_radius(count: int) -> float:
    """The radius, in the unit frame, at which ``count`` points on a surface close up without swelling it."""
    return float(np.clip(1.5 / math.sqrt(max(count, 1)), 0.005, 0.06))


def render_depth(
    points: ArrayLike,
    size: int = 64,
    camera: Camera = DEFAULT_CAMERA,
    radius: float = 0.03,
    extent: float = 1.05,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Draw points (N, 3) as flat disks; about a millisecond for 1024 points at 64 pixels.

    Args:
        points: (N, 3) in the unit frame; points with a NaN or infinity are left out.
        size: pixels along each side (H = W = size).
        camera: where the viewer stands.
        radius: a disk's radius, in units of the points.
        extent: the picture shows x and y in [-extent, extent].

    Returns:
        depth (H, W) float32: distance from the plane through the origin, away from the viewer, so smaller is
        nearer; NaN where there is nothing. index (H, W) int32: the row of the point seen, -1 where none is.

    Raises:
        ValueError: the points are not an (N, 3) array.
    """
    frame = project(points, camera)
    index = np.full((size, size), -1, dtype=np.int32)
    depth = np.full((size, size), np.nan, dtype=np.float32)
    order = _far_to_near(frame)
    if order.size == 0:
        return depth, index
    scale = size / (2.0 * extent)
    offsets_x, offsets_y = _disk(radius * scale + 0.5)
    reach = int(offsets_x.max())
    border = 2 * reach + 1
    width = size + 2 * border
    columns, rows = _pixel_of(frame[order], size, scale, reach)
    stamp = offsets_y * width + offsets_x
    # Far points are written first and nearer ones over them: the order of the fancy index is the z-buffer.
    targets = (rows * width + columns)[:, None] + stamp[None, :]
    canvas = np.full(width * width, -1, dtype=np.int32)
    canvas[targets] = order.astype(np.int32)[:, None]
    index[:] = canvas.reshape(width, width)[border:-border, border:-border]
    seen = index >= 0
    depth[seen] = -frame[index[seen], 2]
    return depth, index


def render_shaded(
    points: ArrayLike,
    colors: ArrayLike | None = None,
    size: int = 400,
    camera: Camera = DEFAULT_CAMERA,
    radius: float | None = None,
    extent: float = 1.05,
    supersample: int = 2,
    background: tuple[int, int, int] = (255, 255, 255),
) -> NDArray[np.uint8]:
    """Draw points as lit spheres with occlusion and dark creases, (H, W, 3) uint8.

    Args:
        points: (N, 3) in the unit frame; points with a NaN or infinity are left out.
        colors: (N, 3) uint8, one color for all as (3,), or None for slate.
        size: pixels along each side (H = W = size).
        camera: where the viewer stands.
        radius: a sphere's radius in units of the points; None chooses by the number of points.
        extent: the picture shows x and y in [-extent, extent].
        supersample: samples along each side of a pixel; 2 gives clean edges.
        background: the color behind the cloud.

    Raises:
        ValueError: the points are not (N, 3), or the colors fit neither one point nor all of them.
    """
    frame = project(points, camera)
    tints = _tints(colors, len(frame))
    fine = size * supersample
    scale = fine / (2.0 * extent)
    order = _far_to_near(frame)
    ball = splat_radius(order.size) if radius is None else radius
    picture = np.empty((size, size, 3), dtype=np.uint8)
    picture[:] = background
    index = _nearest_spheres(frame, order, fine, scale, ball) if order.size else np.empty(0, dtype=np.int32)
    seen = np.flatnonzero(index >= 0)
    if not seen.size:
        return picture
    # The mean of the finer pixels, in the part of the picture that shows something.
    row, column = np.divmod(seen, fine)
    top, left, bottom, right = (
        edge // supersample for edge in (row.min(), column.min(), row.max() + supersample, column.max() + supersample)
    )
    part = np.empty(((bottom - top) * supersample, (right - left) * supersample), dtype=np.float32)
    places = (row - top * supersample) * part.shape[1] + column - left * supersample
    for hue, values in enumerate(shade(frame, tints, index, seen, fine, scale, ball)):
        part.fill(background[hue])
        part.put(places, values)
        total = np.full((bottom - top, right - left), 0.5, dtype=np.float32)
        for down in range(supersample):
            for across in range(supersample):
                total += part[down::supersample, across::supersample] / np.float32(supersample**2)
        picture[top:bottom, left:right, hue] = total
    return picture


def _tints(colors: ArrayLike | None, count: int) -> NDArray[np.float32]:
    tints = np.asarray(SLATE if colors is None else colors, dtype=np.float32)
    if tints.shape == (3,):
        return np.broadcast_to(tints, (count, 3))
    if tints.shape != (count, 3):
        raise ValueError(f"Colors must have shape (3,) or ({count}, 3), not {tints.shape}.")
    return tints


def _far_to_near(frame: NDArray[np.float32]) -> NDArray[np.int64]:
    finite = np.isfinite(frame).all(axis=1)
    if finite.all():
        return np.argsort(frame[:, 2], kind="stable")
    kept = np.flatnonzero(finite)
    return kept[np.argsort(frame[kept, 2], kind="stable")]


def _disk(radius: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whole-pixel offsets (x, y), each (K,), within ``radius`` pixels of a center."""
    reach = max(int(radius), 0)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = x * x + y * y <= max(radius, 0.5) ** 2
    return x[inside], y[inside]


def _pixel_of(
    frame: NDArray[np.float32], size: int, scale: float, reach: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns and rows, each (N,), on a canvas whose border of 2 reach + 1 swallows what lies outside."""
    border = 2 * reach + 1
    low, high = reach, size + border + reach
    columns = np.clip(np.floor(frame[:, 0] * scale + (size / 2 + border)), low, high)
    rows = np.clip(np.floor((size / 2 + border) - frame[:, 1] * scale), low, high)
    return columns.astype(np.int64), rows.astype(np.int64)


def _nearest_spheres(
    frame: NDArray[np.float32], order: NDArray[np.int64], fine: int, scale: float, ball: float
) -> NDArray[np.int32]:
    """The point whose sphere is nearest at each pixel, (fine * fine,), -1 where there is none."""
    offsets_x, offsets_y = _disk(ball * scale)
    reach = int(offsets_x.max())
    border = 2 * reach + 1
    width = fine + 2 * border
    columns, rows = _pixel_of(frame[order], fine, scale, reach)
    center = rows * width + columns
    depth = frame[order, 2]
    bulge = np.sqrt(np.maximum(ball**2 - (offsets_x**2 + offsets_y**2) / scale**2, 0.0)).astype(np.float32)
    nearest = np.full(width * width, -np.inf, dtype=np.float32)
    canvas = np.full(width * width, -1, dtype=np.int32)
    owner = order.astype(np.int32)
    # Within one offset every sphere is raised by the same bulge: far first, near last is right there.
    for x, y, rise in zip(offsets_x, offsets_y, bulge, strict=True):
        target = center + (y * width + x)
        height = depth + rise
        wins = np.flatnonzero(height > nearest[target])
        target = target[wins]
        nearest[target] = height[wins]
        canvas[target] = owner[wins]
    return np.ascontiguousarray(canvas.reshape(width, width)[border:-border, border:-border]).ravel()
