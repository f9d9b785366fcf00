"""Raw files far larger than what they should hold: refused before they are read, not when memory has run out."""

from __future__ import annotations

from pathlib import Path

from pointsra.errors import DataError


def refuse_oversized(path: Path, most: int, what: str) -> None:
    """Refuse a file that has more bytes than any file of its kind.

    Args:
        path: the file; where it is not there, nothing happens, as whoever reads it says that.
        most: bytes.
        what: what it should hold, "one cloud" for instance.

    Raises:
        DataError: it has more.
    """
    size = path.stat().st_size if path.is_file() else 0
    if size > most:
        raise DataError(f"{path}: has {size} bytes, far more than {what}; is this the right file?")
