"""Fewer points for a scene, where the user asks for a cap; nothing is capped otherwise."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from pointsra.data.blocks import choose_rows
from pointsra.data.scenes import Scene

_OF_POINTS = ("points", "colors", "intensity", "parts", "instances")


def thinned(scene: Scene, max_points: int | None, seed: int) -> Scene:
    """A scene with at most ``max_points`` of its points, whatever belongs to them; boxes stay as they are.

    Args:
        scene: of M points.
        max_points: the cap; None keeps all.
        seed: decides, together with the scene's name, which points stay.
    """
    if max_points is None or len(scene.points) <= max_points:
        return scene
    rng = np.random.default_rng([seed, zlib.crc32(scene.id.encode())])
    rows = choose_rows(len(scene.points), max_points, rng)
    fields = {name: values[rows] for name in _OF_POINTS if (values := getattr(scene, name)) is not None}
    return replace(scene, **fields)
