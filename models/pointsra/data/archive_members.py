"""What is in a zip or tar, member by member, and where each may be written.

Both kinds become the same :class:`Member`. Nothing is written here (``archives`` does), and no name, size or kind
that an archive states is believed before it was looked at.
"""

from __future__ import annotations

import re
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from tarfile import EOFHeaderError  # type: ignore[attr-defined]
from typing import IO, Self

from pointsra.errors import DataError

BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError)
_HEADER_LIMIT = 1 << 20  # ours: whatever is longer is no file name
_TAIL_LIMIT = 1 << 26  # ours: what may follow the end of a tar; its writers fill up to a few KiB
_IN_MEMORY = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE)
_IN_MEMORY += (tarfile.SOLARIS_XHDTYPE,)
_KINDS = {stat.S_IFLNK: "link", stat.S_IFDIR: "folder", stat.S_IFREG: "file", 0: "file"}


@dataclass(frozen=True)
class Member:
    """One entry of an archive.

    Attributes:
        name: as the archive has it.
        kind: "file", "folder", "link" (a second name of ``target``), or in words what else it is.
        size: bytes it says it has, unpacked.
        modified: seconds since 1970.
        target: for links, the name of another member; "" otherwise.
        opened: gives its bytes; used once, before the next member is asked for.
    """

    name: str
    kind: str
    size: int
    modified: float
    target: str
    opened: Callable[[], IO[bytes] | None]


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or tar by what is in it, whatever its name."""
    return zipfile.is_zipfile(path) or _is_tar(path)


def not_an_archive(path: Path) -> str:
    """What is said of a file that is neither a zip nor a tar."""
    return f"{path}: not a zip or tar archive, or cut short; --raw names a folder, or a .zip, .tar, .tar.gz or .tgz."


@contextmanager
def open_members(path: Path) -> Iterator[tuple[Iterator[Member], int | None]]:
    """The members of an archive, one after the other, and how many there are where that is known beforehand.

    Args:
        path: a zip, or a tar, plain or compressed.

    Raises:
        DataError: the file is neither, or an entry of it is encrypted, or a tar ends too early.
        zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError: it is damaged (``BROKEN``).
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            yield (_zip_member(path, archive, info) for info in infos), len(infos)
    elif _is_tar(path):
        with _Tar.open(path, "r:*") as archive:
            yield _tar_members(path, archive), None
    else:
        raise DataError(not_an_archive(path))


def place_in(folder: Path, name: str) -> Path | None:
    """Where a member's name leads, or None where that is outside of ``folder``.

    Args:
        folder: where the archive is unpacked.
        name: the member's name; a backslash separates folders as a slash does.
    """
    plain = name.replace("\\", "/")
    if plain.startswith("/") or re.match("[A-Za-z]:", plain) or "\0" in plain or ".." in plain.split("/"):
        return None
    return folder / PurePosixPath(plain)


def shown(name: str) -> str:
    """A member's name for a message: short, and without what a terminal would obey."""
    return (name if name.isprintable() else ascii(name))[:200]


def _zip_member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    if info.flag_bits & 0x41:  # encrypted, plainly or strongly
        raise DataError(
            f"{path}: {shown(info.filename)} in it is encrypted; unpack it yourself and name the folder with --raw."
        )
    mode = stat.S_IFMT(info.external_attr >> 16) if info.create_system == 3 else 0
    kind = "folder" if info.filename.endswith("/") else _KINDS.get(mode, "a device or pipe")
    target = ""
    if kind == "link":
        with archive.open(info) as stream:
            target = stream.read(_HEADER_LIMIT).decode("utf-8", "replace")
    try:
        modified = time.mktime((*info.date_time, 0, 0, -1))
    except (ValueError, OverflowError):
        modified = 0.0
    return Member(
        info.filename, kind, info.file_size, modified, _sibling(info.filename, target), partial(archive.open, info)
    )


def _tar_members(path: Path, archive: _Tar) -> Iterator[Member]:
    last = "its start"
    while (info := archive.next()) is not None:
        archive.members.clear()  # else it keeps every header; nothing is asked for twice
        last, target, size = info.name, "", 0
        if info.isdir():
            kind = "folder"
        elif info.isreg():  # sparse files too
            kind, size = "file", info.size
        elif info.islnk():  # a second name, from the top of the archive
            kind, target = "link", info.linkname
        elif info.issym():  # seen from the folder that it lies in
            kind, target = "link", _sibling(info.name, info.linkname)
        else:
            kind = "a device or pipe" if info.isdev() else "neither a file nor a folder"
        yield Member(info.name, kind, size, info.mtime, target, partial(archive.extractfile, info))
    if not archive.ended:
        raise DataError(f"{path}: cut short or damaged after {shown(last)}; download it again.")
    _read_tail(archive)


def _read_tail(archive: _Tar) -> None:
    """Read on to the end of a compressed tar, where the checksum of the whole is."""
    left = _TAIL_LIMIT
    while left > 0 and archive.fileobj is not None:
        piece = archive.fileobj.read(min(left, 1 << 20))
        left -= len(piece)
        if not piece:
            return


def _sibling(name: str, target: str) -> str:
    """A link's target as seen from the top of the archive; "" where it leads out."""
    if not target or target.startswith("/"):
        return ""
    parts: list[str] = []
    for part in (PurePosixPath(name).parent / target).parts:
        if part == ".." and not parts:
            return ""
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except BROKEN:
        return False


class _Tar(tarfile.TarFile):
    """A tar that remembers whether its proper end was reached; tarfile takes a missing one for the end."""

    ended = False
    members: list[tarfile.TarInfo]


class _Header(tarfile.TarInfo):
    """A tar header that is refused where it is unreasonably long, because it would be read into memory whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header from a block of 512 bytes."""
        header = super().frombuf(buf, encoding, errors)
        if header.type in _IN_MEMORY and header.size > _HEADER_LIMIT:
            raise tarfile.ReadError(f"a header of {header.size} bytes")
        return header

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        """Read the next header of an archive."""
        try:
            return super().fromtarfile(tarfile)
        except EOFHeaderError:
            if isinstance(tarfile, _Tar):
                tarfile.ended = True
            raise


_Tar.tarinfo = _Header
