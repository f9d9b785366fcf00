"""Raw data still packed: a zip or tar named with ``--raw``, unpacked beside the result without trusting it.

Nothing is written outside of the folder, no symbolic link is ever made, and no more is written than the disk has
free. Members that would have it otherwise, encrypted ones and damaged ones stop the work with their name. What the
files mean is for the recipes to say; other formats (7z, rar) are not read.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from zipfile import ZipFile, is_zipfile

from pointsra.data.archive_members import BROKEN, Member, open_members, place_in, shown
from pointsra.data.replacing import output_problem
from pointsra.errors import DataError, OutputError
from pointsra.progress import Progress, Report, silent

_PIECE = 1 << 20
_MEMBER_LIMIT = 5_000_000  # ours: some fifty times the files of the largest set that is read here
_BAD_NAME = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ)
_BY_HAND = "unpack it yourself and name the folder with --raw"


@contextmanager
def raw_folder(raw: Path | None, folder: Path, report: Report = silent) -> Iterator[Path | None]:
    """The raw files as a folder, for as long as the block runs.

    Args:
        raw: what the user named: a folder or None, given back as it is; or an archive, which is unpacked.
        folder: where the result goes; the unpacked files lie hidden beside it. They are gone when the block ends or
            fails, and kept for the next time where the process is killed or interrupted.
        report: told how much is unpacked.

    Raises:
        DataError: not an archive, or one that cannot be trusted or read.
        OutputError: no permission beside the result, or the disk is full.
    """
    if raw is None or not Path(raw).is_file():
        yield raw
        return
    place = unpacked(Path(raw), folder, report)
    try:
        yield place
    except Exception:
        shutil.rmtree(place.parent, ignore_errors=True)
        raise
    shutil.rmtree(place.parent, ignore_errors=True)


def unpacked(path: Path, beside: Path, report: Report = silent) -> Path:
    """Unpack an archive into a hidden folder beside ``beside``, or find it unpacked there already.

    To be used while ``folder_swap.locked`` holds for ``beside``.

    Args:
        path: a zip, or a tar, plain or compressed.
        beside: where the result goes.
        report: told how much is unpacked.

    Returns:
        The folder that holds its files, with the times of change that the archive names, so that a second run
        finds them unchanged.

    Raises:
        DataError: not an archive, cut short, or a member that must not be written; names it.
        OutputError: no permission beside the result, or the disk is full.
    """
    status = path.stat()
    identity = f"{path.resolve()}\n{status.st_size}\n{status.st_mtime_ns}"
    whole = beside.with_name(f".{beside.name}.raw-{hashlib.sha256(identity.encode()).hexdigest()[:16]}")
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        for left in beside.parent.glob(f".{beside.name}.raw-*"):
            if left != whole:  # half unpacked, or of another archive
                shutil.rmtree(left, ignore_errors=True)
        if whole.is_dir():
            return whole / "files"
        partial = whole.with_name(f"{whole.name}.partial")
        try:
            (partial / "files").mkdir(parents=True)
            _unpack(path, partial / "files", report)
            os.replace(partial, whole)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as cause:
        raise output_problem(beside, cause) from cause
    return whole / "files"


def _unpack(path: Path, folder: Path, report: Report) -> None:
    last, links = "", []
    free, written = shutil.disk_usage(folder).free, 0
    try:
        _refuse_bomb(path, free)
        with open_members(path) as (members, total):
            for number, member in enumerate(members):
                last = member.name
                place = _admitted(path, folder, member, number, free - written)
                if member.kind == "link":
                    links.append((place, member))
                else:
                    written += _write(path, member, place)
                report(Progress(f"unpack {path.name}", number + 1, total, "files"))
    except (*BROKEN, OSError) as cause:
        if isinstance(cause, OSError) and cause.errno is not None:
            raise
        said = str(cause).rstrip(".") or type(cause).__name__
        raise DataError(
            f"{path}: cut short or damaged at {shown(last) or 'its start'} ({said}); download it again."
        ) from cause
    except NotImplementedError as cause:
        raise DataError(
            f"{path}: {shown(last)} in it is packed in a way not read here ({cause}); {_BY_HAND}."
        ) from cause
    if not last:
        raise DataError(f"{path}: there is nothing in it; download it again.")
    _write_links(path, folder, links)


def _refuse_bomb(path: Path, free: int) -> None:
    """A zip says beforehand how much it holds; a tar is weighed member by member, as it is read."""
    if not is_zipfile(path):
        return
    with ZipFile(path) as archive:
        total = 0
        for info in archive.infolist():
            total += info.file_size
            if total > free:
                raise DataError(_too_much(path, info.filename, total, free))


def _too_much(path: Path, name: str, total: int, free: int) -> str:
    return (
        f"{path}: its files up to {shown(name)} take {total / 1e9:,.1f} GB unpacked and the disk has "
        f"{free / 1e9:,.1f} GB free; free some space, or choose another disk with --out."
    )


def _admitted(path: Path, folder: Path, member: Member, number: int, free: int) -> Path:
    """Where a member goes, if it may."""
    place = place_in(folder, member.name)
    if place is None:
        raise DataError(
            f"{path}: {shown(member.name)} in it leads out of its folder; nothing was unpacked, do not trust it."
        )
    if member.kind not in ("file", "folder", "link"):
        raise DataError(f"{path}: {shown(member.name)} in it is {member.kind}; nothing was unpacked, do not trust it.")
    if member.kind == "link" and (not member.target or place_in(folder, member.target) is None):
        raise DataError(f"{path}: {shown(member.name)} in it is a link out of its folder; nothing was unpacked.")
    if member.size > free:
        raise DataError(_too_much(path, member.name, member.size, free))
    if number >= _MEMBER_LIMIT:
        raise DataError(f"{path}: more than {_MEMBER_LIMIT:,} files, {shown(member.name)} the next; {_BY_HAND}.")
    return place


def _write(path: Path, member: Member, place: Path) -> int:
    """Write a file or make a folder; gives the bytes written."""
    written = 0
    try:
        if member.kind == "folder":
            place.mkdir(parents=True, exist_ok=True)
            return 0
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)  # a tar may hold a newer version further on
        with place.open("xb") as target, member.opened() or open(os.devnull, "rb") as source:
            while piece := source.read(min(_PIECE, member.size - written + 1)):
                written += len(piece)
                if written > member.size:
                    raise DataError(f"{path}: {shown(member.name)} in it holds more than it says; do not trust it.")
                target.write(piece)
    except OSError as cause:
        if cause.errno in _BAD_NAME:
            raise DataError(
                f"{path}: {shown(member.name)} in it cannot be written ({cause.strerror}); {_BY_HAND}."
            ) from cause
        raise
    if written < member.size:
        raise DataError(f"{path}: cut short or damaged at {shown(member.name)}; download it again.")
    with suppress(OSError, ValueError, OverflowError):
        os.utime(place, (member.modified, member.modified))
    return written


def _write_links(path: Path, folder: Path, links: list[tuple[Path, Member]]) -> None:
    """Give files their second names, as hard links; links to links come in a later round."""
    while links:
        waiting = []
        for place, member in links:
            source = place_in(folder, member.target)
            if source is None or not source.is_file():
                waiting.append((place, member))
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            try:
                os.link(source, place)
            except OSError as cause:
                if source.stat().st_size > shutil.disk_usage(folder).free:
                    raise OutputError(f"{path}: the disk is full at {shown(member.name)}; free some space.") from cause
                shutil.copy2(source, place)  # no hard links on this disk
        if len(waiting) == len(links):
            _, member = waiting[0]
            raise DataError(
                f"{path}: {shown(member.name)} in it is a link to {shown(member.target)}, which is no file in it; "
                f"{_BY_HAND}."
            )
        links = waiting
