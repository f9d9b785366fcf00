"""Write beside, then rename: no file appears under its final name before it is whole.

This is for single files. A whole prepared data set is swapped in as a folder by ``prepare``.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pointsra.errors import OutputError


def output_problem(path: Path, cause: OSError) -> OutputError:
    """One sentence for a file or folder that could not be written.

    Args:
        path: what was being written.
        cause: what the system said.

    Returns:
        The error to raise: it names the path, what is wrong and what to do.
    """
    if cause.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(f"{path}: no permission to write there; choose another place with --out.")
    if cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"{path}: the disk is full; free some space or choose another place with --out.")
    if cause.errno in (errno.ENOTDIR, errno.EEXIST):
        return OutputError(f"{path}: a file stands where a folder is needed; choose another place with --out.")
    if cause.errno == errno.EISDIR:
        return OutputError(f"{path}: this is a folder, not a file that can be written; name a file.")
    return OutputError(f"{path}: cannot be written ({cause.strerror or cause}); choose another place with --out.")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary sibling of ``path`` to write to; it takes the final name when the block ends well.

    Args:
        path: the final file; its folder is made where missing, an older file is replaced.

    Yields:
        The temporary path. It is removed when the block raises.

    Raises:
        OutputError: no permission, disk full, or a folder in the way.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        yield partial
        os.replace(partial, path)
    except OSError as cause:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise output_problem(path, cause) from cause
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
