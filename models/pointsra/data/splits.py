"""One split of clouds, read lazily by index; ``store`` opens and checks it."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsra.data.prepared_files import again_advice, chunk_places, header_names, open_file
from pointsra.data.split_writer import Encoder
from pointsra.errors import DataError


class Split:
    """One split, read lazily; safe to hand to worker processes, each of which opens the file for itself.

    Made by ``store.open_split``. ``len(split)`` is the number of clouds n.

    Attributes:
        path: the file.
        points_per_cloud: N.
        labels: (n,) int64.
        ids: n strings.
        captions: n strings, or None.
        class_names: in official order.
        part_names: names of the part labels, () where there are none.
        dataset: the data set's name.
        variant: "" where the data set has only one.
        split: the split's name.
        frame: "unit" or "raw".
        seed: the seed it was prepared with.
        stand_in: whether these are a stand-in written by this tool and not the data set itself.
        origins: (n, 3) float64, added to the points of a cloud it leads back to its room; or None.
        rooms: n strings, the room that each cloud was cut from, or None.
        has_parts: whether each point has a part label.
        has_normals: whether each point has a normal.
        has_colors: whether each point has a color.
        has_views: whether each cloud has shaded views or pictures.
        has_alternatives: whether each cloud has a part of which is known what else it could be.
        image_feature_size: D, or None where there are no image features.
        text_feature_size: D, or None where there are no text features.
        image_encoder: what made the image features, or None.
        text_encoder: what made the text features, or None.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = file
        self._places: dict[str, NDArray[np.int64] | None] = {}
        self._process = os.getpid()
        attributes = file.attrs
        self.points_per_cloud = int(file["points"].shape[1])
        self.labels: NDArray[np.int64] = file["label"][:].astype(np.int64)
        self.origins: NDArray[np.float64] | None = file["origin"][:].astype(np.float64) if "origin" in file else None
        self.class_names: tuple[str, ...] = header_names(self.path, attributes, "class_names")
        self.part_names: tuple[str, ...] = header_names(self.path, attributes, "part_names")
        self.dataset = str(attributes["dataset"])
        self.variant = str(attributes["variant"])
        self.split = str(attributes["split"])
        self.frame = str(attributes["frame"])
        self.seed = int(attributes["seed"])
        self.stand_in = bool(attributes.get("stand_in", False))
        self.has_parts = "part" in file
        self.has_normals = "normal" in file
        self.has_colors = "color" in file
        self.has_views = "views" in file
        self.has_captions = "caption" in file
        self.has_alternatives = "alternative" in file
        self.has_rooms = "room" in file
        self.image_feature_size = _width(file, "image_feature")
        self.text_feature_size = _width(file, "text_feature")
        self.image_encoder = _encoder(file, "image_feature")
        self.text_encoder = _encoder(file, "text_feature")

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The clouds' names; like captions and rooms read when first asked for, as training never does."""
        return self._strings("id")

    @cached_property
    def captions(self) -> tuple[str, ...] | None:
        """The clouds' captions, or None."""
        return self._strings("caption") if self.has_captions else None

    @cached_property
    def rooms(self) -> tuple[str, ...] | None:
        """The rooms that the clouds were cut from, or None."""
        return self._strings("room") if self.has_rooms else None

    def __enter__(self) -> Split:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None, "_places": {}}

    def close(self) -> None:
        """Let the file go; reading again opens it again."""
        if self._file is not None and self._process == os.getpid():
            self._file.close()
        self._file = None

    def points_at(self, indices: ArrayLike) -> NDArray[np.float32]:
        """Clouds by index, (b, N, 3) float32, in the order asked for; repeats are allowed.

        Args:
            indices: (b,) integers in 0 … n - 1.

        Raises:
            IndexError: an index outside of the split.
            DataError: the file went away or is damaged.
        """
        return self._rows("points", indices).astype(np.float32, copy=False)

    def parts_at(self, indices: ArrayLike) -> NDArray[np.uint8] | None:
        """Part labels by index, (b, N) uint8 with 255 = unknown, or None where the split has none."""
        return self._rows("part", indices) if self.has_parts else None

    def views_at(self, indices: ArrayLike) -> NDArray[np.uint8] | None:
        """Shaded views by index, (b, W, H, H) uint8, or None where the split has none."""
        return self._rows("views", indices) if self.has_views else None

    def normals_at(self, indices: ArrayLike) -> NDArray[np.float32] | None:
        """Normals by index, (b, N, 3) float32, or None where the split has none."""
        return self._rows("normal", indices) if self.has_normals else None

    def colors_at(self, indices: ArrayLike) -> NDArray[np.uint8] | None:
        """Colors by index, (b, N, 3) uint8, or None where the split has none."""
        return self._rows("color", indices) if self.has_colors else None

    def hidden_at(self, indices: ArrayLike) -> NDArray[np.bool_] | None:
        """Which points belong to the part with alternatives, by index, (b, N); None where the split has none."""
        return self._rows("hidden", indices).astype(bool) if self.has_alternatives else None

    def alternatives_at(self, indices: ArrayLike) -> NDArray[np.float32] | None:
        """What else that part could be, by index, (b, K, P, 3) float32, or None where the split has none."""
        return self._rows("alternative", indices).astype(np.float32) if self.has_alternatives else None

    def image_features_at(self, indices: ArrayLike) -> NDArray[np.float32] | None:
        """Image features by index, (b, D) float32, or None where the split has none."""
        return self._rows("image_feature", indices) if self.image_feature_size else None

    def text_features_at(self, indices: ArrayLike) -> NDArray[np.float32] | None:
        """Text features by index, (b, D) float32, or None where the split has none."""
        return self._rows("text_feature", indices) if self.text_feature_size else None

    def _open(self) -> h5py.File:
        if self._file is None or self._process != os.getpid():
            self._file, self._places = open_file(self.path), {}
            self._process = os.getpid()
        return self._file

    def _strings(self, key: str) -> tuple[str, ...]:
        try:
            return tuple(self._open()[key].asstr()[:])
        except (OSError, UnicodeDecodeError) as cause:
            raise DataError(f"{self.path}: {key} cannot be read ({cause}); {again_advice(self.path)}.") from cause

    def _rows(self, key: str, indices: ArrayLike) -> NDArray[Any]:
        wanted = np.atleast_1d(np.asarray(indices, dtype=np.int64))
        if wanted.size and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise IndexError(f"{self.path}: cloud {int(wanted.max())} asked for, there are {len(self)}.")
        dataset = self._open()[key]
        result = np.empty((len(wanted), *dataset.shape[1:]), dtype=dataset.dtype)
        if not wanted.size:
            return result
        try:
            first = int(wanted[0])
            if np.array_equal(wanted, np.arange(first, first + len(wanted))):
                dataset.read_direct(result, np.s_[first : first + len(wanted)])
                return result
            places = self._places_of(key, dataset)
            if places is not None:
                self._read_bytes(places[wanted], result)
                return result
            for row, index in enumerate(wanted):
                dataset.read_direct(result, np.s_[int(index)], np.s_[row])
        except (OSError, RuntimeError) as cause:
            raise DataError(f"{self.path}: {key} cannot be read ({cause}); {again_advice(self.path)}.") from cause
        return result

    def _places_of(self, key: str, dataset: h5py.Dataset) -> NDArray[np.int64] | None:
        """Where in the file each cloud's chunk begins, (n,), looked up once; None where HDF5 must read them."""
        if key not in self._places:
            self._places[key] = chunk_places(dataset)
        return self._places[key]

    def _read_bytes(self, places: NDArray[np.int64], result: NDArray[Any]) -> None:
        """Read chunks straight from the file, past HDF5, which takes ten times as long to find one."""
        descriptor = self._open().id.get_vfd_handle()
        for row in np.argsort(places):  # in the order of the disk
            if os.preadv(descriptor, [result[row]], places[row]) != result[row].nbytes:
                raise OSError("the file ends too soon")


def _width(file: h5py.File, key: str) -> int | None:
    return int(file[key].shape[1]) if key in file else None


def _encoder(file: h5py.File, key: str) -> Encoder | None:
    if key not in file:
        return None
    found = file[key].attrs
    return Encoder(str(found.get("encoder", "")), str(found.get("version", "")), str(found.get("sha256", "")))
