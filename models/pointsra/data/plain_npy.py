"""Raw ``.npy`` files: plain numbers only, never pickled Python objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsra.data.sizes import refuse_oversized
from pointsra.errors import DataError

_LARGEST = 4 << 30  # bytes; ours: the largest room of S3DIS has some 500 million


def load_plain(path: Path, columns: int | None) -> NDArray[Any]:
    """Read an array of numbers.

    Args:
        path: an npy file.
        columns: C, for an array (N, C); None for (N,).

    Returns:
        (N, C) or (N,) of any number type, as it is in the file.

    Raises:
        DataError: missing, cut short, oversized, holding Python objects (which are never unpickled), or of another
            shape.
    """
    refuse_oversized(path, _LARGEST, "one cloud or room")
    try:
        values = np.load(path, allow_pickle=False)
    except FileNotFoundError as cause:
        raise DataError(f"{path}: not there; is the copy complete?") from cause
    except (ValueError, EOFError, OSError, MemoryError, SyntaxError) as cause:
        if "pickle" in str(cause).lower() and _says_npy(path):
            raise DataError(f"{path}: holds pickled Python objects, not plain numbers; it was not opened.") from cause
        raise DataError(
            f"{path}: not a whole npy file; it is cut short or damaged, copy or convert it again."
        ) from cause
    wanted = "(N,)" if columns is None else f"(N, {columns})"
    shape_fits = isinstance(values, np.ndarray) and (
        values.ndim == 1 if columns is None else values.ndim == 2 and values.shape[1] == columns
    )
    if not shape_fits or values.dtype.kind not in "fiu":
        found = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else "an archive of arrays"
        raise DataError(f"{path}: holds {found}, expected numbers {wanted}.")
    return values


def _says_npy(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(6) == b"\x93NUMPY"
