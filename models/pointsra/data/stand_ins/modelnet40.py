"""ModelNet40's layouts: text files with normals, the cache of farthest points, and the HDF5 form.

All three hold the same objects. To be quick, only the first 1,024 points of a cloud in the cache are drawn by farthest
point sampling; the others follow as they came.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.stand_ins.bodies import kinds_in_turn, make_body, sample_faces, unit
from pointsra.data.watched_files import written_hdf5

DEFAULT_COUNT = 80
# fmt: off
CLASSES = ("airplane", "bathtub", "bed", "bench", "bookshelf", "bottle", "bowl", "car", "chair", "cone", "cup",
           "curtain", "desk", "door", "dresser", "flower_pot", "glass_box", "guitar", "keyboard", "lamp", "laptop",
           "mantel", "monitor", "night_stand", "person", "piano", "plant", "radio", "range_hood", "sink", "sofa",
           "stairs", "stool", "table", "tent", "toilet", "tv_stand", "vase", "wardrobe", "xbox")
# fmt: on
MADE_OF = {
    "airplane": "airplane",
    "bathtub": "bathtub",
    "bed": "bed",
    "bench": "bench",
    "bookshelf": "shelf",
    "bottle": "bottle",
    "bowl": "bowl",
    "car": "car",
    "chair": "chair",
    "cone": "cone",
    "cup": "mug",
    "curtain": "curtain",
    "desk": "desk",
    "door": "door",
    "dresser": "cabinet",
    "flower_pot": "plant",
    "guitar": "guitar",
    "lamp": "lamp",
    "laptop": "laptop",
    "monitor": "display",
    "night_stand": "cabinet",
    "person": "pedestrian",
    "sink": "sink",
    "sofa": "sofa",
    "stairs": "stairs",
    "stool": "stool",
    "table": "table",
    "toilet": "toilet",
    "vase": "vase",
}  # fmt: skip
"""Official class -> object it is made of; the other classes do not occur."""
_ROWS, _CACHED, _HDF5, _FARTHEST = 10_000, 8192, 2048, 1024


def cloud_of(name: str, number: int, seed: int, count: int) -> NDArray[np.float32]:
    """Make one object of a class: points in the unit frame and normals, (count, 6) float32.

    Args:
        name: a key of ``MADE_OF``.
        number: which of its class.
        seed: what it follows from.
        count: N.
    """
    index = 3 * number + (name == "night_stand")  # other cabinets than the dressers
    rng = np.random.default_rng([seed, CLASSES.index(name), number])
    body = make_body(MADE_OF[name], index, seed)
    samples = sample_faces(body.vertices, body.faces, count, rng)
    return np.concatenate([unit(samples.points), samples.normals], axis=1).astype(np.float32)


def farthest_first(points: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Order points (N, 3): the first ``count`` by farthest point sampling, the others as they are; returns (N,)."""
    chosen = np.zeros(count, dtype=np.int64)
    columns = np.ascontiguousarray(points.T)
    distance = np.full(len(points), np.inf, dtype=np.float32)
    for place in range(1, count):
        last = columns[:, chosen[place - 1], None]
        np.minimum(distance, ((columns - last) ** 2).sum(axis=0), out=distance)
        chosen[place] = distance.argmax()
    return np.concatenate([chosen, np.setdiff1d(np.arange(len(points)), chosen)])


def _write_text(path: Path, cloud: NDArray[np.float32]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    np.savetxt(text, cloud, fmt="%.4f", delimiter=",")
    path.write_text(text.getvalue(), encoding="ascii", newline="\n")


def write(folder: Path, seed: int, count: int) -> None:
    """Write ``modelnet40_normal_resampled/`` with its caches, and ``modelnet40_ply_hdf5_2048/``.

    Args:
        folder: the raw root.
        seed: what everything follows from.
        count: objects in all; both parts take classes in turn. A quarter of few objects are for testing, of enough
            objects one of each class.
    """
    text, hdf5 = folder / "modelnet40_normal_resampled", folder / "modelnet40_ply_hdf5_2048"
    text.mkdir(parents=True, exist_ok=True)
    hdf5.mkdir(parents=True, exist_ok=True)
    names = tuple(MADE_OF)
    (text / "modelnet40_shape_names.txt").write_text("".join(f"{name}\n" for name in CLASSES), encoding="ascii")
    (hdf5 / "shape_names.txt").write_text("".join(f"{name}\n" for name in CLASSES), encoding="ascii")
    tests = max(1, min(len(names), count // 2) if count >= 2 * len(names) else count // 4)
    trains = max(1, count - tests)
    numbers: dict[str, int] = {}
    for split, many in (("train", trains), ("test", tests)):
        ids, clouds = [], []
        for name, _ in kinds_in_turn(names, many):
            numbers[name] = numbers.get(name, 0) + 1
            ids.append(f"{name}_{numbers[name]:04d}")
            clouds.append(cloud_of(name, numbers[name], seed, _ROWS))
            _write_text(text / name / f"{ids[-1]}.txt", clouds[-1])
        (text / f"modelnet40_{split}.txt").write_text("".join(f"{each}\n" for each in ids), encoding="ascii")
        labels = [CLASSES.index(each.rpartition("_")[0]) for each in ids]
        ordered = [cloud[farthest_first(cloud[:, :3], _FARTHEST)[:_CACHED]] for cloud in clouds]
        with (text / f"modelnet40_{split}_{_CACHED}pts_fps.dat").open("wb") as stream:
            pickle.dump([ordered, [np.array([label], dtype=np.int32) for label in labels]], stream, protocol=4)
        _write_hdf5(hdf5, split, np.stack([cloud[:_HDF5] for cloud in ordered]), labels)


def _write_hdf5(folder: Path, split: str, clouds: NDArray[np.float32], labels: list[int]) -> None:
    """Write clouds (B, 2048, 6) as files of official names, two of them where there is more than one cloud."""
    rows = np.array_split(np.arange(len(clouds)), 2 if len(clouds) > 1 else 1)
    listed = []
    for number, chosen in enumerate(rows):
        name = f"ply_data_{split}{number}.h5"
        with written_hdf5(folder / name, "w") as (file, _):
            file["data"] = clouds[chosen][:, :, :3]
            file["normal"] = clouds[chosen][:, :, 3:]
            file["faceId"] = np.zeros((len(chosen), clouds.shape[1]), dtype=np.int32)
            file["label"] = np.array(labels, dtype=np.uint8)[chosen][:, None]
        listed.append(f"data/modelnet40_ply_hdf5_2048/{name}\n")
    (folder / f"{split}_files.txt").write_text("".join(listed), encoding="ascii")
