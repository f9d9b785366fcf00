"""The user's own features: one ``<split>.npy`` for each split, in the order of the prepared clouds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.encoders.interface import checksum_of_files
from pointsra.data.split_writer import Encoder
from pointsra.errors import DataError


class FeatureArrays:
    """Features read from a folder of npy files.

    Args:
        folder: holds ``train.npy``, ``test.npy`` …, each (n, D) floats; a row of NaN marks a cloud without any.

    Attributes:
        identity: "file", the folder's name and a checksum over all npy files in it.

    Raises:
        DataError: no such folder, or no npy file in it.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise DataError(f"{self.folder}: no such folder; file:FOLDER wants one that holds a SPLIT.npy each.")
        files = sorted(self.folder.glob("*.npy"))
        if not files:
            raise DataError(f"{self.folder}: no npy file in it; one is wanted for each split, as train.npy.")
        self.identity = Encoder("file", self.folder.resolve().name, checksum_of_files(files))
        self._width: tuple[int, Path] | None = None

    def features_of(self, split: str, count: int) -> NDArray[np.float32]:
        """The features of a split.

        Args:
            split: its name.
            count: n, the clouds it has.

        Returns:
            (n, D) float32.

        Raises:
            DataError: the file is missing, not a plain array of numbers, of another length, of another width than
                an earlier one, or holds infinities or rows that are NaN in part.
        """
        path = self.folder / f"{split}.npy"
        if not path.is_file():
            raise DataError(f"{path}: missing; the split {split} has {count} clouds and needs a row for each.")
        try:
            values = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as cause:
            raise DataError(
                f"{path}: not a plain npy file of numbers, or cut short; save it with numpy.save."
            ) from cause
        if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind != "f" or not values.shape[1]:
            found = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else "an archive"
            raise DataError(f"{path}: holds {found}, expected floats (n, D), a row a cloud.")
        if len(values) != count:
            raise DataError(
                f"{path}: {len(values)} rows for the {count} clouds of {split}; `id` there has their order."
            )
        if self._width is not None and values.shape[1] != self._width[0]:
            raise DataError(f"{path}: {values.shape[1]} columns, while {self._width[1].name} has {self._width[0]}.")
        features = np.array(values, dtype=np.float32)
        known = np.isfinite(features).sum(axis=1)
        odd = np.flatnonzero((known != features.shape[1]) & ~np.isnan(features).all(axis=1))
        if odd.size:
            raise DataError(
                f"{path}: row {odd[0]} has values that are not finite; a cloud without a feature is a row of NaN alone."
            )
        self._width = (values.shape[1], path)
        return features
