"""Tiny ModelNet40 files in the exact official layouts: text with lists, FPS caches, HDF5."""

import pickle

import h5py
import numpy as np

from pointsra.data.modelnet40 import CLASS_NAMES

USED = ("airplane", "night_stand", "flower_pot", "xbox")
COUNTS = {"train": 3, "test": 2}  # clouds of each used class


def cloud(name, rows=80):
    rng = np.random.default_rng(list(name.encode()))
    values = rng.normal(size=(rows, 6)).astype(np.float32)
    values[:, :3] = values[:, :3] * [2.0, 1.0, 0.5] + 3.0
    return np.round(values, 6)


def ids(split, used=USED, counts=COUNTS):
    first = 1 if split == "train" else 1 + counts["train"]
    return [f"{name}_{number:04d}" for name in used for number in range(first, first + counts[split])]


def class_of(name):
    return name[: name.rindex("_")]


def lists(folder, used=USED, counts=COUNTS):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "modelnet40_shape_names.txt").write_text("\n".join(CLASS_NAMES) + "\n")
    for split in COUNTS:
        (folder / f"modelnet40_{split}.txt").write_text("\r\n".join(ids(split, used, counts)) + "\r\n")
    return folder


def resampled(folder, used=USED, counts=COUNTS, rows=80):
    lists(folder, used, counts)
    for name in (each for split in COUNTS for each in ids(split, used, counts)):
        path = folder / class_of(name) / f"{name}.txt"
        path.parent.mkdir(exist_ok=True)
        np.savetxt(path, cloud(name, rows), fmt="%.6f", delimiter=",")
    return folder


def cache(folder, points=8192, rows=80, protocol=3):
    folder.mkdir(parents=True, exist_ok=True)
    for split in COUNTS:
        names = ids(split)
        labels = [np.array([CLASS_NAMES.index(class_of(name))]).astype(np.int32) for name in names]
        with (folder / f"modelnet40_{split}_{points}pts_fps.dat").open("wb") as stream:
            pickle.dump([[cloud(name, rows) for name in names], labels], stream, protocol)
    return folder


def hdf5(folder, rows=80, normals=True):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shape_names.txt").write_text("\n".join(CLASS_NAMES) + "\n")
    for split in COUNTS:
        names = ids(split)
        parts = [names[: len(names) // 2], names[len(names) // 2 :]]
        entries = [f"data/modelnet40_ply_hdf5_2048/ply_data_{split}{number}.h5" for number in range(2)]
        (folder / f"{split}_files.txt").write_text("\n".join(entries) + "\n")
        for number, part in enumerate(parts):
            values = np.stack([cloud(name, rows) for name in part])
            with h5py.File(folder / f"ply_data_{split}{number}.h5", "w") as file:
                file.create_dataset("data", data=values[:, :, :3], compression="gzip")
                file["label"] = np.array([[CLASS_NAMES.index(class_of(name))] for name in part], np.uint8)
                file["faceId"] = np.zeros((len(part), rows), np.int32)
                if normals:
                    file["normal"] = values[:, :, 3:]
    return folder
