"""A folder that appears all at once: built under a hidden name, swapped in when whole, taken up again after a kill.

Only one process at a time builds a folder: it holds a lock beside it, which the system takes back when the process
ends in whatever way. Single files have ``replacing``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pointsra.data.replacing import output_problem, replacing
from pointsra.data.skipping import unreadable
from pointsra.errors import DataError, WorkFailedError

MADE_FOR = "made-for.json"


def work_place(folder: Path) -> Path:
    """The hidden folder in which ``folder`` is built; it is there only while that happens or was interrupted."""
    return folder.with_name(f".{folder.name}.partial")


@contextmanager
def work_folder(folder: Path, made_for: Mapping[str, Any]) -> Iterator[Path]:
    """Give a hidden folder beside ``folder`` to build in, with what an interrupted run for the same has left in it.

    To be used while :func:`locked` holds, as two processes would be given the same folder.

    It stays when the block is interrupted, when this process is killed, and when the work failed for want of memory;
    it is gone after an ordinary error, or when it was taken by :func:`swap_in`.

    Args:
        folder: the final place.
        made_for: what the result depends on (JSON); a folder left by a run for something else is emptied.

    Yields:
        The folder to build in; it holds :data:`MADE_FOR`, which is not part of the result.

    Raises:
        OutputError: no permission, disk full, or a file in the way.
        DataError: the system does not let a file elsewhere be read.
    """
    work = work_place(folder)
    try:
        if not left_for(folder, made_for):
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            with replacing(work / MADE_FOR) as partial:
                partial.write_text(json.dumps(made_for), encoding="utf-8")
        for half in work.rglob(".*.partial-*"):
            half.unlink(missing_ok=True)
        yield work
        shutil.rmtree(work, ignore_errors=True)
    except WorkFailedError:
        raise
    except Exception as cause:
        shutil.rmtree(work, ignore_errors=True)
        if isinstance(cause, OSError):
            if cause.filename and not any(Path(cause.filename).is_relative_to(place) for place in (work, folder)):
                raise unreadable(cause, "") from cause  # a raw file, not one that was to be written
            raise output_problem(folder, cause) from cause
        raise


def left_for(folder: Path, made_for: Mapping[str, Any]) -> bool:
    """Whether an interrupted run for the same is there to be taken up."""
    try:
        found = json.loads((work_place(folder) / MADE_FOR).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return found == json.loads(json.dumps(made_for))


def swap_in(work: Path, folder: Path) -> None:
    """Put a finished work folder in the place of ``folder``; the old one is kept until the new one stands.

    Args:
        work: what :func:`work_folder` gave, filled.
        folder: the final place.

    Raises:
        OSError: no permission (turned into an OutputError by :func:`work_folder`).
    """
    (work / MADE_FOR).unlink(missing_ok=True)
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
    """Mend what a process left that was killed between its two renames: bring back the old folder, or drop it.

    Args:
        folder: the final place.
    """
    for left in sorted(folder.parent.glob(f".{folder.name}.old-*")):
        process = left.name.rpartition("-")[2]
        if not process.isdigit() or _alive(int(process)):
            continue
        if folder.exists():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                os.replace(left, folder)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others from building ``folder`` for as long as the block runs.

    Args:
        folder: the final place; the lock lies beside it.

    Raises:
        DataError: another process is building it.
        OutputError: no permission, or a file in the way.
    """
    path = folder.with_name(f".{folder.name}.lock")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _lock(path, folder)
    except OSError as cause:
        raise output_problem(folder, cause) from cause
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _lock(path: Path, folder: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if not _taken(descriptor):
            holder = os.read(descriptor, 100).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise DataError(
                f"{folder}: another process (number {holder}) is preparing it now; "
                "wait until it is done, or choose another place with --out."
            )
        # Between opening and locking, the one before may have removed the file: then the lock is worth nothing.
        with suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                os.truncate(path, 0)
                os.write(descriptor, f"{os.getpid()}".encode())
                return descriptor
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    """Lock an open file for this process alone; False where another one holds it."""
    try:
        import fcntl
    except ImportError:  # Windows: lock a byte far behind the text, so that others can still read the number
        import msvcrt

        windows: Any = msvcrt
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        try:
            windows.locking(descriptor, windows.LK_NBLCK, 1)
        except OSError:
            os.lseek(descriptor, 0, os.SEEK_SET)
            return False
        os.lseek(descriptor, 0, os.SEEK_SET)
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks: better to work without than not at all
    return True


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
