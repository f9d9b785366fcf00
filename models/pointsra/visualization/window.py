"""A live window that shows clouds side by side, drawn by open3d; it blocks until it is closed.

The only drawing use of open3d. Where there is no screen, ``page`` gives a page that turns as well.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pointsra.data.open3d_loader import load_open3d
from pointsra.errors import OutputError
from pointsra.ops.splatting import DEFAULT_CAMERA, Camera, camera_axes
from pointsra.visualization.framing import frame_clouds
from pointsra.visualization.palette import VISIBLE
from pointsra.visualization.stills import Cell, best_columns

_INSTEAD = "open the HTML page in a browser instead (samples.html, or what --out NAME.html writes)"
_PATIENCE = 2.0  # seconds for a screen to answer
_SHADED = 16  # neighbors that a normal is laid through
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
    require_screen()
    open3d = load_open3d()
    points, colors = side_by_side(cells, camera)
    cloud = open3d.geometry.PointCloud()
    cloud.points = open3d.utility.Vector3dVector(points)
    cloud.colors = open3d.utility.Vector3dVector(colors)
    _, up, toward = (axis.astype(np.float64) for axis in camera_axes(camera))
    if len(points) >= _SHADED:  # with normals the points are lit, without they are flat
        cloud.estimate_normals(open3d.geometry.KDTreeSearchParamKNN(_SHADED))
        cloud.orient_normals_to_align_with_direction(toward)
    visualizer = open3d.visualization.Visualizer()
    if not visualizer.create_window(window_name=title, width=1280, height=800):
        raise OutputError(f"No window can be opened, since the screen offers no OpenGL; {_INSTEAD}.")
    try:
        visualizer.add_geometry(cloud)
        options = visualizer.get_render_option()
        options.point_size = 5.0
        options.background_color = np.ones(3)
        control = visualizer.get_view_control()
        control.set_front(toward)
        control.set_up(up)
        control.set_lookat(points.mean(axis=0) if len(points) else np.zeros(3))
        control.set_zoom(0.42)
        visualizer.run()
    finally:
        visualizer.destroy_window()


def require_window() -> None:
    """See that a window can be opened, before work that is to be shown in it.

    Raises:
        OutputError: there is no screen. MissingExtraError: there is no open3d.
    """
    require_screen()
    load_open3d()


def require_screen() -> None:
    """See that there is a screen: without one open3d would draw to nowhere, and wait for a user for ever.

    On macOS and Windows there is one; on Linux DISPLAY or WAYLAND_DISPLAY names it, and it must answer.

    Raises:
        OutputError: there is none.
    """
    if not sys.platform.startswith("linux"):
        return
    names = [f"{name}={os.environ[name]}" for name in ("DISPLAY", "WAYLAND_DISPLAY") if os.environ.get(name)]
    if not names:
        why = "no screen is attached (DISPLAY and WAYLAND_DISPLAY are not set)"
    elif not any(_answers(place) for place in _screen_sockets()):
        why = f"no screen answers ({', '.join(names)})"
    else:
        return
    raise OutputError(f"No window can be opened, since {why}; {_INSTEAD}.")


def _screen_sockets() -> list[str | tuple[str, int]]:
    """Where the screens that the environment names listen: paths of sockets, or a host and a port."""
    places: list[str | tuple[str, int]] = []
    wayland, folder = os.environ.get("WAYLAND_DISPLAY"), os.environ.get("XDG_RUNTIME_DIR", "")
    if wayland:
        places.append(os.path.join(folder, wayland))
    found = re.fullmatch(r"(.*):(\d+)(\.\d+)?", os.environ.get("DISPLAY", ""))
    if found and found[1] in ("", "unix"):
        places += [f"\0/tmp/.X11-unix/X{found[2]}", f"/tmp/.X11-unix/X{found[2]}"]
    elif found and "/" in found[1]:  # macOS names a socket; so may others
        places.append(os.environ["DISPLAY"])
    elif found:
        places.append((found[1], 6000 + int(found[2])))
    return places


def _answers(place: str | tuple[str, int]) -> bool:
    kind = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET
    try:
        with socket.socket(kind, socket.SOCK_STREAM) as line:
            line.settimeout(_PATIENCE)
            line.connect(place)
    except (OSError, ValueError):
        return False
    return True


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
