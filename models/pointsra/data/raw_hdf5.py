"""Raw HDF5 files: opening them, and what the library raises, at any time, over a damaged one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from pointsra.errors import DataError

HDF5_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError)
"""What h5py raises where bytes of a file are not what they should be."""
_CHUNK_CACHE = 16 << 20  # bytes; official files are compressed in chunks of many clouds


@contextmanager
def opened_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open a raw HDF5 file for as long as the block runs, which only reads from it.

    Raises:
        DataError: not there, cut short, no HDF5 file, or damaged where the block reads.
    """
    try:
        file = h5py.File(path, "r", rdcc_nbytes=_CHUNK_CACHE)
    except OSError as cause:
        what = "cut short" if "truncated" in str(cause) else "not an HDF5 file, or damaged"
        what = what if path.exists() else "not there"
        raise DataError(f"{path}: {what}; unpack the archive again.") from cause
    with file:
        try:
            yield file
        except HDF5_DAMAGE as cause:
            raise DataError(f"{path}: damaged, it cannot be read whole; unpack the archive again.") from cause
