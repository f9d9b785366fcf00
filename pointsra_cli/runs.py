"""Where results go: a fresh, readable folder, never one that holds something already.

The checks come before the work, so that hours of it do not end at a folder that cannot be written. Nothing is
created here but by :func:`whole_folder`, which fills a folder beside its final place and renames it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pointsra.data.replacing import output_problem
from pointsra.errors import OutputError

RUNS = Path("runs")


def result_folder(out: Path | None, command: str, subject: str) -> Path:
    """The folder that a command's results go to; it is checked, not made.

    Args:
        out: what the user asked for; None takes ``runs/<command>-<subject>-<date>-<time>``.
        command: the command's name.
        subject: what it works on: a preset, an input file's stem.

    Raises:
        OutputError: the folder holds something already, or cannot be written.
    """
    if out is None:
        return _checked(_unused(RUNS / f"{command}-{_plain(subject)}-{datetime.now():%Y%m%d-%H%M%S}"))
    if out.is_dir():
        if any(out.iterdir()):
            raise OutputError(f"{out} exists and is not empty; name another folder with --out, or remove it.")
    elif out.exists() or out.is_symlink():
        raise OutputError(f"{out} is a file, and results need a folder; name another with --out.")
    return _checked(out)


def result_file(out: Path, endings: tuple[str, ...], *, force: bool) -> Path:
    """A single file that a result goes to, checked.

    Args:
        out: what the user asked for.
        endings: those that can be written.
        force: whether an existing file may be replaced.

    Raises:
        OutputError: another ending, a file that is there already, or a place that cannot be written.
    """
    if out.suffix.lower() not in endings:
        raise OutputError(f"{out}: the ending decides what is written; use {' or '.join(endings)}.")
    if out.is_dir():
        raise OutputError(f"{out} is a folder; name a file with --out.")
    if out.exists() and not force:
        raise OutputError(f"{out} exists already; name another file with --out, or add --force to replace it.")
    return _checked(out)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a folder beside ``folder`` to fill; it takes the final name when the block ends well, else it goes.

    Raises:
        OutputError: the folder cannot be made, or something appeared under the final name in the meantime.
    """
    final = folder.resolve()  # behind a link
    partial = final.with_name(f".{final.name}.partial-{os.getpid()}")
    try:
        partial.mkdir(parents=True)
    except OSError as cause:
        raise output_problem(folder, cause) from cause
    try:
        yield partial
        if final.exists() and (not final.is_dir() or any(final.iterdir())):
            raise OutputError(f"{folder} was made by something else while this ran; name another with --out.")
        if final == Path.cwd():  # a shell stands in it, which must not be left in a folder that is gone
            for path in partial.iterdir():
                os.replace(path, final / path.name)
            partial.rmdir()
        else:
            if final.is_dir():
                final.rmdir()
            os.replace(partial, final)
    finally:
        if partial.exists():
            shutil.rmtree(partial, ignore_errors=True)


def _plain(subject: str) -> str:
    """``subject`` with only what every file system takes, and without the date of an earlier run."""
    subject = re.sub(r"-\d{8}-\d{6}(-\d+)?$", "", subject)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", subject).strip("-.")[:60] or "result"


def _unused(folder: Path) -> Path:
    candidate, number = folder, 2
    while candidate.exists():
        candidate = folder.with_name(f"{folder.name}-{number}")
        number += 1
    return candidate


def _checked(target: Path) -> Path:
    """``target``, if the nearest folder above it that exists can be written.

    Raises:
        OutputError: it cannot.
    """
    place = target if target.is_dir() else target.absolute().parent
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise OutputError(f"{place} is a file, and {target} needs a folder there; name another with --out.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise OutputError(f"{place}: no permission to write there; choose another place with --out.")
    return target
