"""The light on a picture of spheres: soft diffuse light, a little gloss, dark creases.

Works on one picture at a time, from the point seen at each pixel. The creases are eye-dome lighting (C.
Boucheny, "Visualisation scientifique de grands volumes de données", 2009) measured across each pixel, so that a
slanted plane stays bright. It places no point; that is ``ops/splatting``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Light and creases of the shaded picture; ours, chosen by eye on chairs, tables and lamps of 2048 points.
_LIGHT = np.array([-0.42, 0.68, 0.60], dtype=np.float32)
_AMBIENT, _DIFFUSE, _GLOSS = 0.42, 0.74, 0.07
_BEAD = 0.45  # share of the sphere's own normal in the shading; the rest is the surface around it
_CREASES = ((0.008, 7.0), (0.04, 1.6))  # (reach in unit-frame units, strength)


def shade(
    frame: NDArray[np.float32],
    tints: NDArray[np.float32],
    index: NDArray[np.int32],
    seen: NDArray[np.int64],
    fine: int,
    scale: float,
    ball: float,
) -> NDArray[np.float32]:
    """Light the pixels that show something; colors (P, 3) in 0..255.

    Args:
        frame: points (N, 3) in the camera's frame, z toward the viewer.
        tints: their colors (N, 3) in 0..255.
        index: the point seen at each pixel, (fine * fine,), -1 where there is none.
        seen: the P pixels of ``index`` that show a point, (P,).
        fine: pixels along each side.
        scale: pixels a unit.
        ball: the spheres' radius in units.
    """
    owner = index[seen]
    row, column = np.divmod(seen, fine)
    x = (((column + (0.5 - fine / 2)) / scale).astype(np.float32) - frame[owner, 0]) / ball
    y = (((fine / 2 - 0.5) - row) / scale).astype(np.float32)
    y = (y - frame[owner, 1]) / ball
    z = np.sqrt(np.maximum(1.0 - x * x - y * y, 0.02))
    step = max(round(1.6 * ball * scale), 1)
    # Only the part of the picture that shows something is worked on, with room for what looks at neighbors.
    top, left = row.min() - 2 * step, column.min() - 2 * step
    row, column = row - top, column - left
    depth = np.full((row.max() + 2 * step + 1, column.max() + 2 * step + 1), np.nan, dtype=np.float32)
    depth[row, column] = frame[owner, 2] + z * ball
    slope_x, slope_y = _slopes(depth, step, scale)
    x = _BEAD * x + (1 - _BEAD) * slope_x[row, column]
    y = _BEAD * y + (1 - _BEAD) * slope_y[row, column]
    z = _BEAD * z + (1 - _BEAD)
    light = _LIGHT / np.linalg.norm(_LIGHT)
    facing = (x * light[0] + y * light[1] + z * light[2]) / np.sqrt(x * x + y * y + z * z)
    wrapped = np.clip(0.5 + 0.5 * facing, 0.0, 1.0)
    tone = (_AMBIENT + _DIFFUSE * wrapped) * _creases(depth, scale)[row, column]
    gloss = _GLOSS * 255.0 * np.clip(facing, 0.0, 1.0) ** 12
    return np.clip(tints[owner] * tone[:, None] + gloss[:, None], 0.0, 255.0)


def _slopes(depth: NDArray[np.float32], step: int, scale: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How the surface around each pixel leans to the right and up, (H, W) each, capped at 2.

    It is measured over ``step`` pixels to either side; H and W are more than twice that.
    """
    smooth = _box_mean(depth, step)
    rise = 2.0 * step / scale
    slope_x, slope_y = np.zeros_like(depth), np.zeros_like(depth)
    slope_x[:, step:-step] = (smooth[:, : -2 * step] - smooth[:, 2 * step :]) / rise
    slope_y[step:-step] = (smooth[2 * step :] - smooth[: -2 * step]) / rise
    return np.clip(np.nan_to_num(slope_x), -2.0, 2.0), np.clip(np.nan_to_num(slope_y), -2.0, 2.0)


def _box_mean(depth: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """The mean of the pixels that hold something within ``reach``, (H, W); NaN where none does."""
    full = np.isfinite(depth)
    total, count = np.where(full, depth, 0.0), full.astype(np.float32)
    for axis in (0, 1):
        total, count = _running_sum(total, reach, axis), _running_sum(count, reach, axis)
    return np.where(count > 0.5, total / np.maximum(count, 1.0), np.nan).astype(np.float32)


def _running_sum(values: NDArray[np.floating], reach: int, axis: int) -> NDArray[np.floating]:
    padding = [(0, 0), (0, 0)]
    padding[axis] = (reach + 1, reach)
    sums = np.cumsum(np.pad(values, padding), axis=axis, dtype=np.float32)
    span = 2 * reach + 1
    if axis == 0:
        return sums[span:] - sums[:-span]
    return sums[:, span:] - sums[:, :-span]


def _creases(depth: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Eye-dome lighting, (H, W) in (0, 1]: dark where the neighbors stand nearer to the viewer."""
    full = np.isfinite(depth)
    floor = np.where(full, depth, 0.0).astype(np.float32)
    height, width = floor.shape
    dark = np.zeros_like(floor)
    for reach, strength in _CREASES:
        step = max(round(reach * scale), 1)
        cap = np.float32(2.5 * reach)
        padded, there = np.pad(floor, step), np.pad(full, step)
        for row, column in ((0, 1), (1, 0), (0, 0), (0, 2)):
            # A neighbor and the one opposite together: a slanted plane is not a crease.
            bend = np.zeros_like(floor)
            for down, across in ((row, column), (2 - row, 2 - column)):
                window = np.s_[down * step : down * step + height, across * step : across * step + width]
                nearer = padded[window] - floor
                np.clip(nearer, -cap, cap, out=nearer)
                nearer *= there[window]
                bend += nearer
            dark += strength * np.maximum(bend, 0.0, out=bend)
    return np.exp(-dark)
