"""Which clouds ModelNet40 has, from any of its three raw forms: what the lists name, checked against what is there.

- ``resampled``: ``modelnet40_normal_resampled``, text files of 10,000 points named by two lists;
- ``fps``: the caches ``modelnet40_{train,test}_8192pts_fps.dat`` that the Point-BERT family makes of them;
- ``hdf5``: ``modelnet40_ply_hdf5_2048``, a few HDF5 files named by two lists.

The class of an id is all but its last field: ``night_stand_0001`` is a night_stand. Reading a cloud is the matter of
``modelnet40_clouds``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from pointsra.data.modelnet40_clouds import Listed, open_pickle, pickled
from pointsra.data.raw_hdf5 import opened_hdf5
from pointsra.data.request import Skipped
from pointsra.data.skipping import each_once, evenly, read_sound
from pointsra.errors import DataError

# fmt: off
CLASS_NAMES = ("airplane", "bathtub", "bed", "bench", "bookshelf", "bottle", "bowl", "car", "chair", "cone",
               "cup", "curtain", "desk", "door", "dresser", "flower_pot", "glass_box", "guitar", "keyboard", "lamp",
               "laptop", "mantel", "monitor", "night_stand", "person", "piano", "plant", "radio", "range_hood", "sink",
               "sofa", "stairs", "stool", "table", "tent", "toilet", "tv_stand", "vase", "wardrobe", "xbox")
# fmt: on
SPLITS = ("train", "test")
_CACHE = re.compile(r"modelnet40_(train|test)_(\d+)pts_fps\.dat")
_SAME_ROWS = 64  # rows that tell two clouds of a cache apart; ours


@dataclass(frozen=True)
class Form:
    """One raw form: "resampled", "fps" or "hdf5", its folder, and how many points its clouds have."""

    name: str
    folder: Path
    points: int


@dataclass(frozen=True)
class Listing:
    """The clouds of one split, the files they lie in or are named by, what was left out, and sentences for the user."""

    clouds: list[Listed]
    files: list[Path]
    skipped: list[Skipped]
    notes: list[str]


def list_split(form: Form, split: str, limit: int | None, skip_bad: bool) -> Listing:
    """List the clouds of a split.

    Args:
        form: which raw form.
        split: "train" or "test".
        limit: at most this many, evenly over all.
        skip_bad: leave out what is named but not there, or mislabeled.

    Raises:
        DataError: a list or a file is missing or damaged, names what is not there, or has labels out of range.
    """
    return _LISTERS[form.name](form, split, limit, skip_bad)


def shared_clouds(form: Form, train: Sequence[Listed], test: Sequence[Listed]) -> list[str]:
    """Ids of test clouds that are among the training clouds too: by name, or by content in a cache.

    Args:
        form: the form they were listed from.
        train: clouds of one split.
        test: clouds of the other.
    """

    def identity(listed: Listed) -> object:
        return same_cloud(listed) if form.name == "fps" else (listed.path, listed.key)

    known = {identity(listed) for listed in train}
    return [listed.id for listed in test if identity(listed) in known]


def same_cloud(listed: Listed) -> bytes:
    """What two entries of pickles share if they are one cloud: the bytes of their first points."""
    try:
        return pickled(listed)[:_SAME_ROWS, :3].tobytes()
    except DataError:  # no cloud, and like no other; that it is none is said when it is read
        return listed.place.encode()


def cache_points(folder: Path) -> int | None:
    """Points a cloud of the largest cache in a folder, by its name; None where there is no cache."""
    found = [_CACHE.fullmatch(path.name) for path in folder.glob("modelnet40_*pts_fps.dat")]
    return max((int(match[2]) for match in found if match), default=None)


def as_whole(value: object) -> int | None:
    """A label as an integer: a plain one, a numpy scalar, or an array of one; None for anything else."""
    if isinstance(value, bool):
        return None
    array = np.asarray(value) if isinstance(value, int | np.integer | np.ndarray) else np.zeros(0)
    return int(array.reshape(-1)[0]) if array.size == 1 and array.dtype.kind in "iu" else None


def _lines(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as cause:
        raise DataError(f"{path}: missing; it belongs to the official files, unpack the archive again.") from cause
    except UnicodeDecodeError as cause:
        raise DataError(f"{path}: not a text file; unpack the archive again.") from cause
    lines = [line for line in lines if line]
    if not lines:
        raise DataError(f"{path}: is empty; unpack the archive again.")
    return lines


def _check_names(path: Path) -> None:
    """Refuse a file of class names that is not the official one: labels would mean something else."""
    names = _lines(path)
    if len(names) != len(CLASS_NAMES):
        raise DataError(f"{path}: names {len(names)} classes, expected {len(CLASS_NAMES)}; unpack the archive again.")
    for number, (name, official) in enumerate(zip(names, CLASS_NAMES, strict=True), start=1):
        if name != official:
            raise DataError(f"{path}: line {number} is {name!r}, expected {official!r} as in the official order.")


def _list_text(form: Form, split: str, limit: int | None, skip_bad: bool) -> Listing:
    names_path = form.folder / "modelnet40_shape_names.txt"
    _check_names(names_path)
    list_path = form.folder / f"modelnet40_{split}.txt"
    ids, skipped = each_once(list_path, _lines(list_path))

    def read(name: str) -> Listed:
        class_name = class_of(name, list_path)
        path = form.folder / class_name / f"{name}.txt"
        if not path.is_file():
            raise DataError(f"{path}: not there, though {list_path.name} names it; unpack the archive again.")
        return Listed(name, CLASS_NAMES.index(class_name), class_name, path)

    chosen = [ids[index] for index in evenly(len(ids), limit)]
    clouds, bad = read_sound(chosen, read, lambda name: f"{list_path.name}, {name}", skip_bad)
    return Listing(clouds, [names_path, list_path, *(each.path for each in clouds)], skipped + bad, [])


def class_of(name: str, list_path: Path) -> str:
    """The class of an id: all but its last field.

    Args:
        name: "night_stand_0001" for instance.
        list_path: the list that names it, for messages.

    Raises:
        DataError: not an id of one of the 40 classes.
    """
    class_name, _, number = name.rpartition("_")
    if class_name not in CLASS_NAMES or not number.isdigit():
        raise DataError(f"{list_path}: names {name!r}, which is not of the form class_0001 with one of 40 classes.")
    return class_name


def _list_cache(form: Form, split: str, limit: int | None, skip_bad: bool) -> Listing:
    path = form.folder / f"modelnet40_{split}_{form.points}pts_fps.dat"
    if not path.is_file():
        raise DataError(f"{path}: missing, while the other split's cache is there; both are needed.")
    names_path = form.folder / "modelnet40_shape_names.txt"
    files = [path]
    if names_path.is_file():
        _check_names(names_path)
        files.append(names_path)
    content = open_pickle(path)
    sound = isinstance(content, list | tuple) and len(content) == 2 and all(isinstance(each, list) for each in content)
    if not sound or not content[0] or len(content[0]) != len(content[1]):
        raise DataError(f"{path}: is not a list of clouds and a list of as many labels; is this an official cache?")
    labels = [as_whole(each) for each in content[1]]
    ids, list_path = _cache_ids(form, split, labels)
    files += [list_path] if list_path else []
    first = content[0][0]
    normals = isinstance(first, np.ndarray) and first.ndim == 2 and first.shape[1] >= 6

    def read(row: int) -> Listed:
        label = _label(labels[row], f"{path}: the label of entry {row}", content[1][row])
        return Listed(ids[row], label, CLASS_NAMES[label], path, (0, row), normals)

    rows = evenly(len(labels), limit)
    clouds, skipped = read_sound(rows, read, lambda row: f"{path.name}, entry {row}", skip_bad)
    return Listing(clouds, files, skipped, [])


def _cache_ids(form: Form, split: str, labels: Sequence[int | None]) -> tuple[list[str], Path | None]:
    """Ids from the list the cache was made from, where it lies beside and agrees with every label; else numbers."""
    list_path = form.folder / f"modelnet40_{split}.txt"
    if list_path.is_file():
        names = _lines(list_path)
        known = {name: label for label, name in enumerate(CLASS_NAMES)}
        if [known.get(name.rpartition("_")[0]) for name in names] == list(labels):
            return names, list_path
    return [f"{split}-{row:05d}" for row in range(len(labels))], None


def _label(value: int | None, what: str, shown: object = None) -> int:
    if value is None:
        raise DataError(f"{what} is {type(shown).__name__}, not an integer.")
    if not 0 <= value < len(CLASS_NAMES):
        raise DataError(f"{what} is {value}, expected 0 to {len(CLASS_NAMES) - 1}.")
    return value


def _list_hdf5(form: Form, split: str, limit: int | None, skip_bad: bool) -> Listing:
    list_path, names_path = form.folder / f"{split}_files.txt", form.folder / "shape_names.txt"
    files = [list_path]
    if names_path.is_file():
        _check_names(names_path)
        files.append(names_path)
    # Entries begin with data/modelnet40_ply_hdf5_2048/, wherever the files are now: only their last part counts.
    names, skipped = each_once(list_path, [re.split(r"[/\\]", line)[-1] for line in _lines(list_path)])
    present = [form.folder / name for name in names if (form.folder / name).is_file()]

    def read(name: str) -> tuple[Path, NDArray[np.int64], bool]:
        path = form.folder / name
        if not path.is_file():
            raise DataError(f"{path}: not there, though {list_path.name} names it; unpack the archive again.")
        with opened_hdf5(path) as file:
            return path, *_checked(path, file)

    found, bad = read_sound(names, read, lambda name: name, skip_bad)
    normals = all(has_normals for _, _, has_normals in found)
    rows = [(path, row, int(label)) for path, labels, _ in found for row, label in enumerate(labels)]

    def listed(item: tuple[Path, int, int]) -> Listed:
        path, row, value = item
        label = _label(value, f"{path}: row {row} of label")
        return Listed(f"{path.stem}-{row:05d}", label, CLASS_NAMES[label], path, (row,), normals)

    chosen = [rows[index] for index in evenly(len(rows), limit)]
    clouds, mislabeled = read_sound(chosen, listed, lambda item: f"{item[0].name}, row {item[1]}", skip_bad)
    notes = [] if normals or not found else [f"{split}: its HDF5 files have no normals, so none are kept."]
    return Listing(clouds, files + present, skipped + bad + mislabeled, notes)


def _checked(path: Path, file: h5py.File) -> tuple[NDArray[np.int64], bool]:
    """The labels of a file, and whether it has normals; what is not as official files have it is refused."""
    for key in ("data", "label"):
        if not isinstance(file.get(key), h5py.Dataset):
            raise DataError(f"{path}: key {key} is missing (it holds {', '.join(sorted(file)) or 'nothing'}).")
    data, label, normal = file["data"], file["label"], file.get("normal")
    if data.ndim != 3 or data.shape[2] != 3 or 0 in data.shape or data.dtype.kind != "f":
        raise DataError(f"{path}: data is {data.dtype} {data.shape}, expected floats (n, 2048, 3).")
    if label.shape not in ((len(data),), (len(data), 1)) or label.dtype.kind not in "iu":
        raise DataError(f"{path}: label is {label.dtype} {label.shape}, expected {len(data)} integers, one a cloud.")
    has_normals = isinstance(normal, h5py.Dataset)
    if has_normals and normal.shape != data.shape:
        raise DataError(f"{path}: normal has shape {normal.shape}, expected {data.shape}.")
    return label[:].reshape(-1).astype(np.int64), has_normals


_LISTERS: dict[str, Callable[[Form, str, int | None, bool], Listing]] = {
    "resampled": _list_text,
    "fps": _list_cache,
    "hdf5": _list_hdf5,
}
