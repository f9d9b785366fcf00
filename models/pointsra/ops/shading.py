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
    """Light the pixels that show something; red, green and blue of each, (3, P) in 0..255.

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
    far = max(2 * step, *(max(round(reach * scale), 1) for reach, _ in _CREASES))
    # Only the part of the picture that shows something is worked on, with room for what looks at neighbors.
    row, column = row - (row.min() - far), column - (column.min() - far)
    depth = np.full((row.max() + far + 1, column.max() + far + 1), np.nan, dtype=np.float32)
    depth[row, column] = frame[owner, 2] + z * ball
    places = row * depth.shape[1] + column
    slope_x, slope_y = _slopes(depth, places, step, scale)
    x = _BEAD * x + (1 - _BEAD) * slope_x
    y = _BEAD * y + (1 - _BEAD) * slope_y
    z = _BEAD * z + (1 - _BEAD)
    light = _LIGHT / np.linalg.norm(_LIGHT)
    facing = (x * light[0] + y * light[1] + z * light[2]) / np.sqrt(x * x + y * y + z * z)
    wrapped = np.clip(0.5 + 0.5 * facing, 0.0, 1.0)
    tone = (_AMBIENT + _DIFFUSE * wrapped) * _creases(depth, places, scale)
    gloss = np.clip(facing, 0.0, 1.0)
    gloss *= gloss * gloss
    gloss *= gloss  # to the sixth
    gloss *= gloss * np.float32(_GLOSS * 255.0)
    return np.stack([np.clip(tints[:, hue][owner] * tone + gloss, 0.0, 255.0) for hue in range(3)])


def _slopes(
    depth: NDArray[np.float32], places: NDArray[np.int64], step: int, scale: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How the surface around each of the ``places`` (P,) leans to the right and up, (P,) each, capped at 2.

    It is measured over ``step`` pixels to either side; the places lie twice that from the border of ``depth`` (H, W).
    """
    smooth, width = _box_mean(depth, step).reshape(-1), depth.shape[1]
    rise = np.float32(2.0 * step / scale)
    slope_x = (smooth[places - step] - smooth[places + step]) / rise
    slope_y = (smooth[places + step * width] - smooth[places - step * width]) / rise
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
    padding[axis] = (reach, reach)
    power = np.pad(values, padding)
    power = power if axis == 0 else power.T
    total, done, width, span = np.zeros_like(power[: len(power) - 2 * reach]), 0, 1, 2 * reach + 1
    while True:  # sums over 1, 2, 4, … pixels, of which each window is put together
        if span & width:
            total += power[done : done + len(total)]
            done += width
        if done == span:
            return total if axis == 0 else total.T
        power = power[:-width] + power[width:]
        width *= 2


def _creases(depth: NDArray[np.float32], places: NDArray[np.int64], scale: float) -> NDArray[np.float32]:
    """Eye-dome lighting at the ``places`` (P,) of ``depth`` (H, W), in (0, 1]: dark where neighbors stand nearer."""
    flat, width = depth.reshape(-1), depth.shape[1]
    here = flat[places]
    dark = np.zeros_like(here)
    for reach, strength in _CREASES:
        step = max(round(reach * scale), 1)
        cap = np.float32(2.5 * reach)
        for way in (1, width, width + 1, width - 1):
            # A neighbor and the one opposite together: a slanted plane is not a crease. Where one is empty, it is NaN.
            bend = np.zeros_like(here)
            for neighbor in (places - way * step, places + way * step):
                nearer = flat.take(neighbor)
                nearer -= here
                np.minimum(nearer, cap, out=nearer)
                np.maximum(nearer, -cap, out=nearer)
                np.add(bend, nearer, out=bend, where=nearer == nearer)
            dark += np.float32(strength) * np.maximum(bend, 0.0, out=bend)
    return np.exp(-dark)
