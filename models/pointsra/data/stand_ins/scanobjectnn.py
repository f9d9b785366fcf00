"""ScanObjectNN's layout: objects as a hand-held scanner sees them, with floor, wall and clutter around them.

Each object stands in a small scene, is seen from two or three places on one side, and is cut out by a box. The
augmented variants cut the same scene with a box that is shifted by up to a quarter (T25) or half (T50) of its size,
turned about the upright axis (R), and resized (S), so parts are lost and more background comes in. What is known of
the official files is kept: keys, types, y up, mask -1 for background. Clouds lie around the origin, within 1 of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pointsra.data.stand_ins.bodies import Body, Floats, area, kinds_in_turn, make_body, sample_faces, turned
from pointsra.data.stand_ins.sights import seen_from_any
from pointsra.data.watched_files import written_hdf5

DEFAULT_COUNT = 165
# fmt: off
CLASSES = ("bag", "bin", "box", "cabinet", "chair", "desk", "display", "door", "shelf", "table",
           "bed", "pillow", "sink", "sofa", "toilet")
# fmt: on
_MADE_OF = {"chair": ("chair", "armchair", "chair", "stool"), "sofa": ("sofa", "sofa", "armchair")}
_CLUTTER = ("box", "bin", "chair", "bag", "lamp", "vase", "stool", "bottle", "plant")
_FILES = {
    "obj_bg": "main_split/{}_objectdataset.h5",
    "obj_only": "main_split_nobg/{}_objectdataset.h5",
    "pb_t25": "main_split/{}_objectdataset_augmented25_norot.h5",
    "pb_t25_r": "main_split/{}_objectdataset_augmented25rot.h5",
    "pb_t50_r": "main_split/{}_objectdataset_augmentedrot.h5",
    "pb_t50_rs": "main_split/{}_objectdataset_augmentedrot_scale75.h5",
}
_MOVES = {"pb_t25": (0.25, False, False), "pb_t25_r": (0.25, True, False), "pb_t50_r": (0.5, True, False),
          "pb_t50_rs": (0.5, True, True)}  # fmt: skip
_POINTS = 2048
_SAMPLES = 9000  # points on surfaces before those that cannot be seen are taken away


@dataclass(frozen=True)
class Scene:
    """What was seen: points (N, 3) in meters, which of them (N,) are the object's, and the object's box (2, 3)."""

    points: Floats
    is_object: np.ndarray
    box: Floats


def _patch(origin: Floats, along: Floats, across: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Sample a rectangle: a corner (3,) and two sides (3,)."""
    share = rng.random((2, count, 1))
    return origin + share[0] * along + share[1] * across


def make_scene(body: Body, rng: np.random.Generator) -> Scene:
    """Put an object on a floor, mostly before a wall and among clutter, and look at it from one side.

    Args:
        body: the object.
        rng: source of randomness.
    """
    low, high = body.vertices.min(axis=0), body.vertices.max(axis=0)
    size = high - low
    reach = float(size.max())
    spacing = np.sqrt((area(body.vertices, body.faces) + 3.0 * reach**2) / _SAMPLES)
    per_area = 1.0 / spacing**2
    heading = rng.uniform(-0.5, 0.5)
    own = sample_faces(body.vertices, body.faces, int(area(body.vertices, body.faces) * per_area) + 400, rng).points
    pieces = [own]
    on_table = body.kind in ("bag", "pillow", "display") and rng.random() < 0.3
    side = reach * 1.1
    floor = _patch(np.array([-side, 0, -side]), np.array([2 * side, 0, 0]), np.array([0, 0, 2 * side]),
                   int(4 * side**2 * per_area * 0.7), rng)  # fmt: skip
    if on_table:
        floor = floor[(np.abs(floor[:, 0]) < size[0]) & (np.abs(floor[:, 2]) < size[2] * 0.8)]
    pieces.append(floor)
    if body.kind in ("door", "sink", "toilet", "shelf", "bed") or rng.random() < 0.55:
        behind = low[2] - (0.0 if body.kind == "door" else rng.uniform(0.01, 0.15) * reach)
        tall = size[1] * 1.5 + 0.2 * reach
        wall = _patch(np.array([-side, 0, behind]), np.array([2 * side, 0, 0]), np.array([0, tall, 0]),
                      int(2 * side * tall * per_area * 0.7), rng)  # fmt: skip
        if body.kind == "door":
            wall = wall[(np.abs(wall[:, 0]) > size[0] * 0.5) | (wall[:, 1] > high[1])]
        pieces.append(wall)
    for _ in range(int(rng.integers(0, 3))):
        other = make_body(str(rng.choice(_CLUTTER)), int(rng.integers(1000)), int(rng.integers(1000)))
        shrunk = other.vertices * min(1.0, reach * rng.uniform(0.4, 0.8) / np.ptp(other.vertices, axis=0).max())
        gap = (size[0] + np.ptp(shrunk[:, 0])) / 2 * rng.uniform(0.85, 1.1)
        shrunk = shrunk + np.array([rng.choice([-1.0, 1.0]) * gap, 0, rng.uniform(-0.3, 0.4) * reach])
        pieces.append(sample_faces(shrunk, other.faces, int(area(shrunk, other.faces) * per_area) + 50, rng).points)
    points = turned(np.concatenate(pieces), heading)
    is_object = np.arange(len(points)) < len(own)
    facing = heading + rng.uniform(-0.7, 0.7)
    angles = facing + np.linspace(-0.5, 0.5, int(rng.integers(2, 4))) * rng.uniform(0.6, 1.6)
    away, above = reach * rng.uniform(1.4, 2.2), reach * rng.uniform(0.5, 1.0) + size[1] * 0.5
    eyes = np.stack([away * np.sin(angles), np.full(len(angles), above), away * np.cos(angles)], axis=1)
    seen = seen_from_any(points, eyes, float(spacing))
    points = points[seen] + rng.normal(0.0, 0.004 * reach, (int(seen.sum()), 3))
    kept = points[is_object[seen]]
    return Scene(points, is_object[seen], np.stack([kept.min(axis=0), kept.max(axis=0)]))


def cut_out(
    scene: Scene, rng: np.random.Generator, shift: float = 0.0, turn: bool = False, resize: bool = False
) -> tuple[Floats, np.ndarray]:
    """Cut a cloud out of a scene.

    Args:
        scene: what was seen.
        rng: source of randomness.
        shift: how far the box moves at most, relative to its size.
        turn: turn everything about the upright axis.
        resize: make the box larger or smaller by up to a quarter.

    Returns:
        Points (2048, 3), their mean at the origin and within distance 1, and which of them (2048,) are the object's.
    """
    middle, half = scene.box.mean(axis=0), (scene.box[1] - scene.box[0]) / 2
    radians = rng.uniform(0, 2 * np.pi) if turn else 0.0
    scale = rng.uniform(0.75, 1.25) if resize else 1.0
    offset = rng.uniform(-shift, shift, 3) * 2 * half
    while True:
        local = scene.points - (middle + offset)
        inside = (np.abs(local) <= half * scale * 1.06 + 0.01 * half.max()).all(axis=1)
        if scene.is_object[inside].sum() >= 0.25 * scene.is_object.sum() or np.abs(offset).max() < 1e-6:
            break
        offset = offset / 2 if np.abs(offset).max() > 1e-3 else offset * 0.0
    rows = np.flatnonzero(inside)
    rows = rng.permutation(rows)[:_POINTS] if len(rows) >= _POINTS else rng.choice(rows, _POINTS)
    cloud = turned(local[rows], radians)
    cloud = cloud - cloud.mean(axis=0)
    return cloud / np.sqrt((cloud**2).sum(axis=1)).max(), scene.is_object[rows]


def write(folder: Path, seed: int, count: int) -> None:
    """Write ``h5_files/`` with all six variants.

    Args:
        folder: the raw root.
        seed: what everything follows from.
        count: objects in each variant; about a quarter are for testing, and both parts take classes in turn.
    """
    tests = max(1, round(count * 45 / DEFAULT_COUNT))
    for part, (name, many) in enumerate((("training", count - tests), ("test", tests))):
        clouds: dict[str, list[tuple[Floats, np.ndarray]]] = {variant: [] for variant in _FILES}
        labels, instances = [], []
        dealt = kinds_in_turn(CLASSES, max(many, 1))
        order = np.random.default_rng([seed, part, 7]).permutation(len(dealt))
        for kind, number in (dealt[index] for index in order):
            rng = np.random.default_rng([seed, part, CLASSES.index(kind), number])
            made_of = _MADE_OF.get(kind, (kind,))
            body = make_body(made_of[number % len(made_of)], 2 * number + part, seed)
            scene = make_scene(body, rng)
            clouds["obj_bg"].append(cut_out(scene, rng))
            alone = Scene(scene.points[scene.is_object], scene.is_object[scene.is_object], scene.box)
            clouds["obj_only"].append(cut_out(alone, rng))
            for variant, (shift, turn, resize) in _MOVES.items():
                clouds[variant].append(cut_out(scene, rng, shift, turn, resize))
            labels.append(CLASSES.index(kind))
            instances.append(number + 1)
        for variant, pattern in _FILES.items():
            path = folder / "h5_files" / pattern.format(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            owned = np.stack([mask for _, mask in clouds[variant]])
            with written_hdf5(path, "w") as (file, _):
                file["data"] = np.stack([points for points, _ in clouds[variant]]).astype(np.float32)
                file["label"] = np.array(labels, dtype=np.int32)
                file["mask"] = np.where(owned, np.array(instances, dtype=np.int32)[:, None], -1).astype(np.int32)
