"""A live window that shows clouds side by side, drawn by open3d; it blocks until it is closed.

The only drawing use of open3d. Where there is no screen, ``page`` gives a page that turns as well.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pointsra.errors import OutputError
from pointsra.ops.splatting import DEFAULT_CAMERA, Camera, camera_axes
from pointsra.visualization.framing import frame_clouds
from pointsra.visualization.open3d_loader import load_open3d
from pointsra.visualization.palette import VISIBLE
from pointsra.visualization.stills import Cell, best_columns

_STRIDE = 2.4  # from one cell's middle to the next, where a cloud reaches from -1 to 1


def show(cells: Sequence[Cell], title: str = "pointsra", camera: Camera = DEFAULT_CAMERA) -> None:
    """Open a window with the cells' clouds in rows, at one scale; returns when the user closes it.

    Args:
        cells: what to show; titles are not drawn.
        title: the window's title.
        camera: where the viewer stands at first.

    Raises:
        ValueError: there is no cell.
        MissingExtraError: open3d is not installed or cannot be loaded.
        OutputError: there is no screen, or no window can be opened on it.
    """
    if not cells:
        raise ValueError("A window needs at least one cell.")
    if not has_display():
        raise OutputError(
            "No window can be opened, since no screen is attached (DISPLAY and WAYLAND_DISPLAY are not set); "
            "write the HTML page with --out NAME.html and open that in a browser instead."
        )
    open3d = load_open3d()
    points, colors = side_by_side(cells, camera)
    cloud = open3d.geometry.PointCloud()
    cloud.points = open3d.utility.Vector3dVector(points)
    cloud.colors = open3d.utility.Vector3dVector(colors)
    visualizer = open3d.visualization.Visualizer()
    if not visualizer.create_window(window_name=title, width=1280, height=800):
        raise OutputError(
            "No window can be opened, since the screen offers no OpenGL; write the HTML page with "
            "--out NAME.html and open that in a browser instead."
        )
    try:
        visualizer.add_geometry(cloud)
        options = visualizer.get_render_option()
        options.point_size = 5.0
        options.background_color = np.ones(3)
        control = visualizer.get_view_control()
        _, up, toward = camera_axes(camera)
        control.set_front(toward.astype(np.float64))
        control.set_up(up.astype(np.float64))
        control.set_lookat(points.mean(axis=0) if len(points) else np.zeros(3))
        control.set_zoom(0.6)
        visualizer.run()
    finally:
        visualizer.destroy_window()


def has_display() -> bool:
    """Whether a window could be opened: always on macOS and Windows, on Linux where a screen is named."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def side_by_side(
    cells: Sequence[Cell], camera: Camera = DEFAULT_CAMERA
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """All cells' points (N, 3) and colors (N, 3) in 0..1, in rows that lie flat before the camera."""
    framing = frame_clouds([cell.points for cell in cells], camera)
    right, up, _ = camera_axes(camera).astype(np.float64)
    across = best_columns(len(cells))
    points, colors = [], []
    for number, cell in enumerate(cells):
        framed = framing.framed(cell.points).astype(np.float64)
        kept = np.isfinite(framed).all(axis=1)
        tint = np.asarray(VISIBLE if cell.colors is None else cell.colors, dtype=np.float64) / 255.0
        shift = _STRIDE * ((number % across) * right - (number // across) * up)
        points.append(framed[kept] + shift)
        colors.append(np.broadcast_to(tint, framed.shape)[kept])
    return np.concatenate(points), np.concatenate(colors)
