"""HDF5 files whose writing may fail: a full disk becomes an ordinary error.

The HDF5 library does not survive a write that fails: it cannot close the file then, says so in tracebacks, and mostly
takes the process with it at its end. So it writes through an object of ours that notes the first failure, lets the
library believe that all went well, and lets whoever writes find out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py


class WatchedFile:
    """What the library writes through, as an open file that can be read and written anywhere.

    Args:
        path: the file; made where it is not there.
        anew: empty it first.

    Attributes:
        failure: the first thing that went wrong; nothing is written from there on.
    """

    def __init__(self, path: Path, *, anew: bool) -> None:
        self.failure: OSError | None = None
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | (os.O_TRUNC if anew else 0)
        self._descriptor = os.open(path, flags, 0o666)
        self._place = 0

    def check(self) -> None:
        """Say what went wrong, if anything did.

        Raises:
            OSError: a write failed, most likely because the disk is full.
        """
        if self.failure is not None:
            raise self.failure

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, as in every file."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: os.fstat(self._descriptor).st_size}[whence]
        self._place = start + offset
        return self._place

    def tell(self) -> int:
        """The place."""
        return self._place

    def read(self, size: int) -> bytes:
        """Read from the place on."""
        os.lseek(self._descriptor, self._place, os.SEEK_SET)
        found = os.read(self._descriptor, size)
        self._place += len(found)
        return found

    def readinto(self, buffer: memoryview) -> int:
        """Read from the place on, into a buffer."""
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def write(self, content: bytes | memoryview) -> int:
        """Write at the place, or note that it failed."""
        left = memoryview(content).cast("B")
        size = len(left)
        try:
            if self.failure is None:
                os.lseek(self._descriptor, self._place, os.SEEK_SET)
            while len(left) and self.failure is None:
                left = left[os.write(self._descriptor, left) :]
        except OSError as cause:
            self.failure = cause
        self._place += size
        return size

    def truncate(self, size: int | None = None) -> int:
        """Give the file a size, or note that it failed."""
        wanted = self._place if size is None else size
        try:
            if self.failure is None:
                os.ftruncate(self._descriptor, wanted)
        except OSError as cause:
            self.failure = cause
        return wanted

    def flush(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        """Let the file go; some file systems tell only now that there was no room."""
        try:
            os.close(self._descriptor)
        except OSError as cause:
            self.failure = self.failure or cause


@contextmanager
def written_hdf5(path: Path, mode: str) -> Iterator[tuple[h5py.File, WatchedFile]]:
    """An HDF5 file to write into.

    Args:
        path: where it is, or will be.
        mode: "w" for a new one, "r+" for one that is there.

    Yields:
        The file, and what it is written through: ``check`` it now and then.

    Raises:
        OSError: a write failed.
    """
    watched = WatchedFile(path, anew=mode == "w")
    try:
        try:
            with h5py.File(watched, mode) as file:
                yield file, watched
        finally:
            watched.close()
    except (OSError, RuntimeError, ValueError, KeyError) as cause:  # what the library makes of zeros read back
        if watched.failure is not None and cause is not watched.failure:
            raise watched.failure from cause
        raise
    watched.check()
