"""A folder that appears all at once: built under a hidden name, swapped in when whole, recovered after a kill.

Single files have ``replacing``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pointsra.data.replacing import output_problem


@contextmanager
def work_folder(folder: Path) -> Iterator[Path]:
    """Give an empty hidden folder beside ``folder``; it is gone afterwards unless :func:`swap_in` took it.

    Args:
        folder: the final place.

    Yields:
        The folder to build in.

    Raises:
        OutputError: no permission, disk full, or a file in the way.
    """
    work = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        yield work
    except OSError as cause:
        raise output_problem(folder, cause) from cause
    finally:
        shutil.rmtree(work, ignore_errors=True)


def swap_in(work: Path, folder: Path) -> None:
    """Put a finished work folder in the place of ``folder``; the old one is kept until the new one stands.

    Args:
        work: what :func:`work_folder` gave, filled.
        folder: the final place.

    Raises:
        OSError: no permission (turned into an OutputError by :func:`work_folder`).
    """
    old = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    if not folder.exists():
        os.replace(work, folder)
        return
    os.replace(folder, old)
    try:
        os.replace(work, folder)
    except OSError:
        os.replace(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def recover(folder: Path) -> None:
    """Mend what a killed process left beside ``folder``: bring back the old one, drop half-built ones.

    Args:
        folder: the final place.
    """
    for left in sorted(folder.parent.glob(f".{folder.name}.*-*")):
        kind, _, process = left.name.removeprefix(f".{folder.name}.").rpartition("-")
        if kind not in ("old", "partial") or not process.isdigit() or _alive(int(process)):
            continue
        if kind == "old" and not folder.exists():
            with suppress(OSError):
                os.replace(left, folder)
        else:
            shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    if process == os.getpid():
        return False
    if os.name == "nt":
        return True  # there, os.kill would end the process instead of asking after it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
