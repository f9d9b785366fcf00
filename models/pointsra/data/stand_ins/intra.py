"""IntrA's layout: segments of branching vessels, some with a bulge, as points with normals and labels.

A vessel is the zero set of a smooth union of tubes along random curves; an aneurysm is a ball joined to it. Points are
brought onto that surface along its gradient, which is also their normal. Labels of annotated segments are 0 vessel,
1 aneurysm and 2 for the seam between them. File names and lists are as the official ones.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.shapes.parts import curve
from pointsra.data.stand_ins.bodies import Floats

DEFAULT_COUNT = 150
FOLDS = 5
_SHARES = (0.3, 0.25)  # annotated segments, and generated ones with an aneurysm; the rest are generated vessels
_SOFT = 0.12  # how softly the balls of tubes are joined
_BLEND = 0.35  # width of the smooth union, in vessel radii


@dataclass(frozen=True)
class Vessel:
    """Balls along curves, and perhaps a bulge.

    Attributes:
        centers: (Q, 3) of the balls.
        radii: (Q,).
        ends: (E, 2, 3) where the curves end and the directions they end in; the vessel is cut open there.
        bulge: (3,) center of the aneurysm.
        bulge_radius: 0 where there is none.
    """

    centers: Floats
    radii: Floats
    ends: Floats
    bulge: Floats
    bulge_radius: float


def make_vessel(rng: np.random.Generator, with_bulge: bool) -> Vessel:
    """Draw a trunk with one or two branches, and perhaps a bulge at a fork or at a bend.

    Args:
        rng: source of randomness.
        with_bulge: whether there is an aneurysm.
    """
    heading = _direction(rng)
    knots = [np.zeros(3)]
    for _ in range(int(rng.integers(3, 5))):
        heading = _direction(rng, heading, 0.75)
        knots.append(knots[-1] + heading * rng.uniform(2.0, 3.2))
    trunk = curve(np.array(knots), 9)
    radius = rng.uniform(0.55, 0.9)
    pieces = [(trunk, np.linspace(radius, radius * rng.uniform(0.75, 0.95), len(trunk)))]
    ends = [(trunk[0], trunk[0] - trunk[1]), (trunk[-1], trunk[-1] - trunk[-2])]
    forks = rng.choice(np.arange(7, len(trunk) - 6), int(rng.integers(1, 3)), replace=False)
    for fork in forks:
        along = trunk[fork + 1] - trunk[fork]
        out = _direction(rng, along / np.sqrt(along @ along), 2.2)
        knots = [trunk[fork]]
        for _ in range(2):
            out = _direction(rng, out, 0.5)
            knots.append(knots[-1] + out * rng.uniform(1.6, 2.6))
        branch = curve(np.array(knots), 9)
        pieces.append((branch, np.linspace(radius * 0.75, radius * rng.uniform(0.45, 0.65), len(branch))))
        ends.append((branch[-1], branch[-1] - branch[-2]))
    centers, radii = np.concatenate([path for path, _ in pieces]), np.concatenate([each for _, each in pieces])
    cuts = np.array([(place, way / np.sqrt(way @ way)) for place, way in ends])
    if not with_bulge:
        return Vessel(centers, radii, cuts, np.zeros(3), 0.0)
    at = int(forks[0]) if rng.random() < 0.6 else int(rng.integers(7, len(trunk) - 7))
    along = trunk[at + 1] - trunk[at]
    side = np.cross(along, _direction(rng))
    size = radius * rng.uniform(1.0, 1.9)
    center = trunk[at] + side / np.sqrt(side @ side) * (radius * 0.75 + size * 0.75)
    return Vessel(centers, radii, cuts, center, float(size))


def _direction(rng: np.random.Generator, around: Floats | None = None, spread: float = 1.0) -> Floats:
    vector = rng.normal(size=3) * spread + (np.zeros(3) if around is None else 2.0 * around)
    return vector / np.sqrt(vector @ vector)


def _fields(vessel: Vessel, points: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Signed distances (N,) to the tubes and the bulge, and their gradients (N, 3)."""
    squared = (points**2).sum(axis=1)[:, None] + (vessel.centers**2).sum(axis=1) - 2 * points @ vessel.centers.T
    distance = np.sqrt(np.maximum(squared, 1e-12))
    ball = distance - vessel.radii
    nearest = ball.min(axis=1, keepdims=True)
    weight = np.exp((nearest - ball) / _SOFT)
    total = weight.sum(axis=1)
    # A minimum over the balls without its edges where tubes meet; two or three balls are near on a plain tube.
    tubes = nearest[:, 0] - _SOFT * np.log(total / 2.5)
    pull = weight / distance
    slope = (points * pull.sum(axis=1, keepdims=True) - pull @ vessel.centers) / total[:, None]
    out = points - vessel.bulge
    far = np.sqrt((out**2).sum(axis=1))
    return tubes, far - vessel.bulge_radius, slope, out / np.maximum(far, 1e-9)[:, None]


def sample_vessel(vessel: Vessel, count: int, rng: np.random.Generator) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Sample a vessel's surface.

    Args:
        vessel: what to sample.
        count: N.
        rng: source of randomness.

    Returns:
        Points (N, 3), outward normals (N, 3), labels (N,): 0 vessel, 1 aneurysm, 2 the seam.
    """
    many = 2 * count + 400
    bulge_area = 4 * np.pi * vessel.bulge_radius**2
    tube_area = 2 * np.pi * float(vessel.radii.sum()) * 0.22
    on_bulge = int(many * bulge_area / (bulge_area + tube_area))
    chosen = rng.choice(len(vessel.radii), many - on_bulge, p=vessel.radii / vessel.radii.sum())
    spread = rng.normal(size=(many, 3))
    spread /= np.sqrt((spread**2).sum(axis=1, keepdims=True))
    start = np.concatenate([vessel.centers[chosen], np.tile(vessel.bulge, (on_bulge, 1))])
    size = np.concatenate([vessel.radii[chosen], np.full(on_bulge, vessel.bulge_radius)])
    points = start + spread * size[:, None]
    width = _BLEND * float(vessel.radii.mean())
    normals, value = spread, np.zeros(many)
    share = np.zeros(many)
    for _ in range(3):
        tubes, ball, tube_slope, ball_slope = _fields(vessel, points)
        if vessel.bulge_radius > 0:
            mix = np.clip(0.5 + 0.5 * (tubes - ball) / width, 0.0, 1.0)
            value = tubes * (1 - mix) + ball * mix - width * mix * (1 - mix)
            normals = tube_slope * (1 - mix[:, None]) + ball_slope * mix[:, None]
            share = mix
        else:
            value, normals = tubes, tube_slope
        normals = normals / np.maximum(np.sqrt((normals**2).sum(axis=1, keepdims=True)), 1e-9)
        points = points - value[:, None] * normals
    labels = np.where(share > 0.75, 1, np.where(share > 0.25, 2, 0))
    # Those pushed out of the inside have come far and crowd at the seams: only those that stayed near are taken.
    moved = np.sqrt(((points - start) ** 2).sum(axis=1)) / size
    sound = np.flatnonzero((np.abs(value) < 0.02) & (moved < 1.6) & ~_beyond_ends(vessel, points))
    rows = _evenly(points[sound], count, rng)
    return points[sound][rows], normals[sound][rows], labels[sound][rows]


def _beyond_ends(vessel: Vessel, points: Floats) -> NDArray[np.bool_]:
    """Which points (N, 3) close a tube's end like a cap."""
    offset = points[:, None] - vessel.ends[:, 0]
    ahead = (offset * vessel.ends[:, 1]).sum(axis=2)
    near = (offset**2).sum(axis=2) < (1.5 * vessel.radii.max()) ** 2
    return (near & (ahead > 0.0)).any(axis=1)


def _evenly(points: Floats, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose ``count`` of the points (M, 3), crowded ones less often."""
    cells = np.floor((points - points.min(axis=0)) / 0.3).astype(np.int64) @ np.array([1, 512, 512**2])
    _, inverse, crowd = np.unique(cells, return_inverse=True, return_counts=True)
    chance = 1.0 / crowd[inverse]
    return rng.choice(len(points), min(count, len(points)), replace=False, p=chance / chance.sum())


def write(folder: Path, seed: int, count: int) -> None:
    """Write ``annotated/ad``, ``generated/{aneurysm,vessel}/ad`` and ``fileSplit/{cls,seg}``.

    Args:
        folder: the raw root.
        seed: what everything follows from.
        count: segments in all; at least 5 of each of the three sorts are written.
    """
    annotated, bulging = (max(FOLDS, round(count * share)) for share in _SHARES)
    plain = max(FOLDS, count - annotated - bulging)
    sorts = (
        ("annotated/ad", annotated, lambda n: f"AN{n + 1}-_norm.ad" if n % 6 else f"AN{n + 1}-1-_norm.ad"),
        ("generated/aneurysm/ad", bulging, lambda n: f"ArteryObjAN{n + 1}-{n % 17}_addon.ad"),
        ("generated/vessel/ad", plain, lambda n: f"ArteryObjAN{n + 1}-{n % 19}.ad"),
    )
    names: list[list[str]] = []
    for rank, (place, many, named) in enumerate(sorts):
        (folder / place).mkdir(parents=True)
        names.append([f"{place}/{named(number)}" for number in range(many)])
        for number, name in enumerate(names[-1]):
            rng = np.random.default_rng([seed, rank, number])
            vessel = make_vessel(rng, with_bulge=rank < 2)
            points, normals, labels = sample_vessel(vessel, int(rng.integers(900, 2600)), rng)
            if rank == 1:
                labels = np.ones_like(labels)
            _write_ad(folder / name, points, normals, labels)
    for fold in range(FOLDS):
        own = [each[fold::FOLDS] for each in names]
        positives = own[0] + own[1]
        order = np.random.default_rng([seed, fold]).permutation(len(positives))
        _write_list(folder / "fileSplit/seg" / f"annSplit_{fold}.txt", own[0])
        _write_list(folder / "fileSplit/cls" / f"ann_clsSplit_{fold}.txt", [positives[index] for index in order])
        _write_list(folder / "fileSplit/cls" / f"negSplit_{fold}.txt", own[2])


def _write_ad(path: Path, points: Floats, normals: Floats, labels: NDArray[np.int64]) -> None:
    text = io.StringIO()
    rows = np.concatenate([points, normals, labels[:, None]], axis=1)
    np.savetxt(text, rows, fmt=["%.5f"] * 6 + ["%d"])
    path.write_text(text.getvalue(), encoding="ascii", newline="\n")


def _write_list(path: Path, names: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}\n" for name in names), encoding="ascii")
