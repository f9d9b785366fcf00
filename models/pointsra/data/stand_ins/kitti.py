"""KITTI's object layout: sweeps of a 64-line scanner over a street, labels in the camera's frame, calibrations.

Every ray keeps the nearest surface that it meets, so things hide one another and are seen from one side only. As in
the real set, only what the camera sees is labeled, and regions that are not are "DontCare". No pictures are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.stand_ins.bodies import Body, Floats, make_body, sample_faces

DEFAULT_COUNT = 24
_SENSOR = 1.73  # height of the scanner above the road, in meters
_ELEVATIONS = np.radians(np.concatenate([np.linspace(2.0, -8.33, 32), np.linspace(-8.83, -24.33, 32)]))
_COLUMNS = 1000  # rays around; the real scanner has about 2,000
_RANGE = 80.0
_IMAGE = (1242, 375)
_KINDS = {"Car": "car", "Van": "van", "Truck": "truck", "Pedestrian": "pedestrian", "Person_sitting": "person sitting",
          "Cyclist": "cyclist", "Tram": "tram", "Misc": "trailer"}  # fmt: skip
_SHARES = (0.5, 0.08, 0.06, 0.14, 0.05, 0.1, 0.03, 0.04)
_P2 = np.array([[721.5377, 0.0, 609.5593, 44.85728], [0.0, 721.5377, 172.854, 0.2163791], [0.0, 0.0, 1.0, 0.002745884]])
_R0 = np.array([[0.9999239, 0.00983776, -0.007445048], [-0.009869795, 0.9999421, -0.004278459],
                [0.007402527, 0.004351614, 0.9999631]])  # fmt: skip
_TR = np.array([[0.007533745, -0.9999714, -0.000616602, -0.004069766],
                [0.01480249, 0.0007280733, -0.9998902, -0.07631618],
                [0.9998621, 0.00752379, 0.01480755, -0.2717806]])  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """Something on the street, in the scanner's frame (x ahead, y left, z up).

    Attributes:
        name: its class, "" where it is not labeled.
        body: its mesh.
        place: (2,) x and y of the middle of its foot.
        heading: the angle of its front about z, from x.
        size: (3,) length, width, height.
        gleam: how much of a ray it gives back, 0 to 1.
    """

    name: str
    body: Body
    place: Floats
    heading: float
    size: Floats
    gleam: float


def _thing(name: str, kind: str, rng: np.random.Generator, place: Floats, heading: float) -> Thing:
    body = make_body(kind, int(rng.integers(2**20)), 0)
    size = np.ptp(body.vertices, axis=0)
    vertices, gleam = body.vertices, float(rng.uniform(0.1, 0.7))
    if name == "Car":  # the embedded cars are drawn in all sizes
        want = np.array([rng.uniform(1.55, 1.8), rng.uniform(1.4, 1.65), rng.uniform(3.5, 4.6)])
        vertices = vertices * (want / size)
        size = want
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    middle = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    moved = Body(kind, vertices - middle, body.faces, body.face_parts, body.part_names, body.caption)
    return Thing(name, moved, place, heading, size[[2, 0, 1]], gleam)


def _on_street(thing: Thing, points: Floats) -> Floats:
    """Bring a body's points (N, 3), y up and front +z, to the scanner's frame."""
    cos, sin = np.cos(thing.heading), np.sin(thing.heading)
    ahead, left, up = points[:, 2], points[:, 0], points[:, 1]
    x, y = thing.place
    return np.stack([x + cos * ahead - sin * left, y + sin * ahead + cos * left, up - _SENSOR], axis=1)


def make_street(rng: np.random.Generator) -> list[Thing]:
    """Draw what stands on a street that runs ahead: traffic, people, poles and trees, without overlaps.

    Args:
        rng: source of randomness.
    """
    things: list[Thing] = []
    names = list(_KINDS)
    for wanted in rng.choice(names, int(rng.integers(10, 18)), p=_SHARES):
        name = str(wanted)
        walking = name in ("Pedestrian", "Person_sitting")
        for _ in range(12):
            ahead = rng.uniform(5.0, 45.0) if rng.random() < 0.8 else rng.uniform(-30.0, -5.0)
            side = rng.choice([-1.0, 1.0]) * (
                rng.uniform(6.0, 9.5) if walking else rng.choice([1.8, 4.6]) + rng.normal(0, 0.3)
            )
            heading = rng.uniform(-np.pi, np.pi) if walking else rng.choice([0.0, np.pi]) + rng.normal(0, 0.06)
            made = _thing(name, _KINDS[name], rng, np.array([ahead, side]), float(heading))
            if _is_free(made, things):
                things.append(made)
                break
    for _ in range(int(rng.integers(6, 14))):
        place = np.array([rng.uniform(-40, 55), rng.choice([-1.0, 1.0]) * rng.uniform(10.0, 12.0)])
        made = _thing("", "tree" if rng.random() < 0.45 else "pole", rng, place, float(rng.uniform(0, 6.28)))
        if _is_free(made, things):
            things.append(made)
    return things


def _is_free(made: Thing, things: list[Thing]) -> bool:
    reach = np.hypot(made.size[0], made.size[1]) / 2
    if np.hypot(*made.place) < reach + 2.5:
        return False
    return all(
        abs(made.place[1] - other.place[1]) > (made.size[1] + other.size[1]) / 2 + 0.4
        if max(made.size[0], other.size[0]) > 3.0 and abs(made.place[1] - other.place[1]) > 2.4
        else np.hypot(*(made.place - other.place)) > reach + np.hypot(other.size[0], other.size[1]) / 2 + 0.2
        for other in things
    )


def sweep(things: list[Thing], rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.int64], Floats]:
    """Scan a street once.

    Args:
        things: what stands there, besides the road and the houses along it.
        rng: source of randomness.

    Returns:
        Points and reflectance (N, 4); which thing each is on (N,), -1 for road and houses; and for each thing the
        share of its rays (T,) that nothing else took.
    """
    azimuths = (np.arange(_COLUMNS) + 0.5) * 2 * np.pi / _COLUMNS - np.pi
    lift, turn = np.meshgrid(_ELEVATIONS, azimuths, indexing="ij")
    rays = np.stack([np.cos(lift) * np.cos(turn), np.cos(lift) * np.sin(turn), np.sin(lift)], axis=2).reshape(-1, 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        road = np.where(rays[:, 2] < 0, -_SENSOR / rays[:, 2], np.inf)
        sides = rng.uniform(12.5, 15.0, 2)
        house = np.where(rays[:, 1] > 0, sides[0] / rays[:, 1], -sides[1] / rays[:, 1])
    block = np.floor(np.where(np.isfinite(house), house * rays[:, 0], 0.0) / rng.uniform(9, 14)).astype(np.int64)
    tops = rng.uniform(2.0, 8.0, 64) * (rng.random(64) < 0.75)  # some gaps between houses
    house = np.where(house * rays[:, 2] + _SENSOR < tops[block % 64], house, np.inf)
    nearest = np.minimum(road, house)
    owner, gleam = np.full(len(rays), -1), np.where(house < road, 0.35, 0.22)
    alone = np.zeros(len(things))
    taken = np.zeros(len(things))
    for number, thing in enumerate(things):
        ray, distance = _hits(thing, rng)
        alone[number] = len(ray)
        nearer = distance < nearest[ray]
        nearest[ray[nearer]], owner[ray[nearer]], gleam[ray[nearer]] = distance[nearer], number, thing.gleam
    kept = np.flatnonzero((nearest < _RANGE) & (rng.random(len(rays)) > 0.04))
    for number in range(len(things)):
        taken[number] = (owner == number).sum()
    points = rays[kept] * (nearest[kept] + rng.normal(0, 0.012, len(kept)))[:, None]
    reflected = (gleam[kept] + rng.normal(0, 0.05, len(kept))).clip(0.0, 0.99)
    values = np.concatenate([points, np.round(reflected, 2)[:, None]], axis=1).astype(np.float32)
    return values, owner[kept], taken / np.maximum(alone, 1)


def _hits(thing: Thing, rng: np.random.Generator) -> tuple[NDArray[np.int64], Floats]:
    """The rays that meet a thing, each once, and the distance to its nearest surface there."""
    distance = float(np.hypot(*thing.place))
    width = 2 * np.arctan2(np.hypot(thing.size[0], thing.size[1]) / 2, distance) / (2 * np.pi / _COLUMNS)
    height = thing.size[2] / distance / np.radians(0.4)
    count = int(np.clip(40 * width * height, 3000, 100_000))
    samples = sample_faces(thing.body.vertices, thing.body.faces, count, rng, in_order=True)
    points = _on_street(thing, samples.points)
    ranges = np.sqrt((points**2).sum(axis=1))
    around = (np.arctan2(points[:, 1], points[:, 0]) + np.pi) / (2 * np.pi) * _COLUMNS
    column = np.floor(around).astype(np.int64).clip(0, _COLUMNS - 1)
    lift = np.arcsin(points[:, 2] / ranges)
    rising = _ELEVATIONS[::-1]
    row = len(rising) - 1 - np.searchsorted((rising[1:] + rising[:-1]) / 2, lift)
    # Samples count for a ray only close to it, or a ray would meet a roof above which it passes.
    near = (np.abs(_ELEVATIONS[row] - lift) < np.radians(0.12)) & (np.abs(around - column - 0.5) < 0.35)
    ray, ranges = row[near] * _COLUMNS + column[near], ranges[near]
    order = np.lexsort((ranges, ray))
    rays, firsts = np.unique(ray[order], return_index=True)
    return rays, ranges[order][firsts]


def _well_inside(thing: Thing, points: NDArray[np.float32]) -> int:
    """How many of a thing's points (N, 3) lie in its box, and 5 cm from its sides: noise and tilt leave them there."""
    offset = points - np.array([*thing.place, thing.size[2] / 2 - _SENSOR])
    cos, sin = np.cos(thing.heading), np.sin(thing.heading)
    local = np.stack(
        [offset[:, 0] * cos + offset[:, 1] * sin, offset[:, 1] * cos - offset[:, 0] * sin, offset[:, 2]], 1
    )
    return int((np.abs(local) < thing.size / 2 - 0.05).all(axis=1).sum())


def _to_camera(points: Floats) -> Floats:
    """Bring points (N, 3) of the scanner's frame to the rectified camera's: x right, y down, z ahead."""
    return (points @ _TR[:, :3].T + _TR[:, 3]) @ _R0.T


def _label(thing: Thing, share: float) -> str | None:
    """The line of a label file, or None where the camera does not see the thing."""
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (0.0, 1.0) for z in (-0.5, 0.5)])
    local = corners * np.array([thing.size[1], thing.size[2], thing.size[0]])
    corner = _to_camera(_on_street(thing, local))
    if corner[:, 2].min() < 0.5:
        return None
    drawn = corner @ _P2[:, :3].T + _P2[:, 3]
    image = drawn[:, :2] / drawn[:, 2:]
    low, high = image.min(axis=0), image.max(axis=0)
    shown_low, shown_high = np.clip(low, 0, np.array(_IMAGE) - 1.0), np.clip(high, 0, np.array(_IMAGE) - 1.0)
    visible = np.prod(shown_high - shown_low) / np.prod(high - low)
    if visible < 0.15:
        return None
    foot, tip = _to_camera(_on_street(thing, np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])))
    ahead = tip - foot
    turn = float(np.arctan2(-ahead[2], ahead[0]))
    alpha = (turn - np.arctan2(foot[0], foot[2]) + np.pi) % (2 * np.pi) - np.pi
    hidden = 0 if share > 0.75 else 1 if share > 0.4 else 2
    length, width, height = thing.size
    numbers = [alpha, *shown_low, *shown_high, height, width, length, *foot, turn]
    return f"{thing.name} {1 - visible:.2f} {hidden} " + " ".join(f"{each:.2f}" for each in numbers)


def _calibration() -> str:
    def row(name: str, values: Floats) -> str:
        return f"{name}: " + " ".join(f"{each:.12e}" for each in values.ravel())

    shifted = [
        _P2 * np.array([1, 1, 1, 0.0]) + np.array([[0, 0, 0, x], [0, 0, 0, 0], [0, 0, 0, 0]]) for x in (0.0, -387.5744)
    ]
    lines = [row("P0", shifted[0]), row("P1", shifted[1]), row("P2", _P2), row("P3", shifted[1]), row("R0_rect", _R0)]
    return "\n".join([*lines, row("Tr_velo_to_cam", _TR), row("Tr_imu_to_velo", np.eye(4)[:3])]) + "\n\n"


def write(folder: Path, seed: int, count: int) -> None:
    """Write ``training/{velodyne,label_2,calib}``, ``ImageSets`` and, in larger ones, ``testing/{velodyne,calib}``.

    Args:
        folder: the raw root.
        seed: what everything follows from.
        count: sweeps under training; two at least, every third for val. For each dozen there is one
            more under testing, without labels.
    """
    lists: dict[str, list[str]] = {"train": [], "val": [], "trainval": [], "test": []}
    for index in range(max(count, 2) + count // 12):
        tested = index >= max(count, 2)
        name = f"{index - max(count, 2) if tested else index:06d}"
        place = folder / ("testing" if tested else "training")
        rng = np.random.default_rng([seed, index, 5])
        things = make_street(rng)
        values, owners, shares = sweep(things, rng)
        for part in ("velodyne", "calib", *(() if tested else ("label_2",))):
            (place / part).mkdir(parents=True, exist_ok=True)
        (place / "velodyne" / f"{name}.bin").write_bytes(values.astype("<f4").tobytes())
        (place / "calib" / f"{name}.txt").write_text(_calibration(), encoding="ascii")
        if tested:
            lists["test"].append(f"{name}\n")
            continue
        split = "val" if index % 3 == 1 else "train"
        lists[split].append(f"{name}\n")
        lists["trainval"].append(f"{name}\n")
        lines = []
        for number, thing in enumerate(things):
            hit = thing.name and _well_inside(thing, values[owners == number, :3]) >= 5
            line = _label(thing, shares[number]) if hit else None
            if line is not None:
                lines.append(line)
        left, top = rng.uniform(400, 600), rng.uniform(160, 180)
        box = f"{left:.2f} {top:.2f} {left + 40:.2f} {top + 20:.2f}"
        lines.append(f"DontCare -1 -1 -10 {box} -1 -1 -1 -1000 -1000 -1000 -10")
        (place / "label_2" / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
    (folder / "ImageSets").mkdir(exist_ok=True)
    for split, names in ((split, names) for split, names in lists.items() if names):
        (folder / "ImageSets" / f"{split}.txt").write_text("".join(names), encoding="ascii")
