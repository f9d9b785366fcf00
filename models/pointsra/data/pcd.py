"""PCD, the file format of the Point Cloud Library: ascii, binary and binary_compressed, version 0.7.

Byte counts are checked against the header before anything is believed: a file cut short is an error, never a part of
a cloud. The viewpoint in the header is left alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.readout import Readout
from pointsra.errors import InputFileError

_KINDS = {"F": "f", "I": "i", "U": "u"}
_LONGEST_HEADER = 1 << 16


@dataclass(frozen=True)
class _Header:
    row: np.dtype
    points: int
    data: str
    start: int


def read_pcd(path: Path) -> Readout:
    """Read a PCD file.

    Args:
        path: the file.

    Returns:
        Its points (N, 3), non-finite ones included, and colors (N, 3) where it has an ``rgb`` field.

    Raises:
        InputFileError: not a PCD file, an unknown layout, or fewer bytes than its header promises.
    """
    content = path.read_bytes()
    header = _header(path, content)
    body = memoryview(content)[header.start :]
    if header.data == "ascii":
        fields = _ascii(path, bytes(body), header)
    elif header.data == "binary":
        size = header.points * header.row.itemsize
        if len(body) < size:
            raise InputFileError(f"{path}: cut short: {len(body)} bytes of points, its header promises {size}.")
        rows = np.frombuffer(body[:size], dtype=header.row)
        fields = {name: rows[name] for name in header.row.names or ()}
    else:
        fields = _compressed(path, body, header)
    points = np.stack([fields[axis].reshape(header.points, -1)[:, 0] for axis in "xyz"], axis=1)
    return Readout(points.astype(np.float64), _colors(fields))


def _header(path: Path, content: bytes) -> _Header:
    entries: dict[str, list[str]] = {}
    at = 0
    while "DATA" not in entries:
        end = content.find(b"\n", at, _LONGEST_HEADER)
        if end < 0:
            raise InputFileError(f"{path}: no PCD header with a DATA line; is this a PCD file?")
        words = content[at:end].decode("ascii", "replace").split("#")[0].split()
        if words:
            entries[words[0].upper()] = words[1:]
        at = end + 1
    try:
        names = entries["FIELDS"]
        sizes, kinds = [int(word) for word in entries["SIZE"]], entries["TYPE"]
        counts = [int(word) for word in entries.get("COUNT", ["1"] * len(names))]
        width, height = int(entries["WIDTH"][0]), int(entries.get("HEIGHT", ["1"])[0])
        points = int(entries["POINTS"][0]) if "POINTS" in entries else width * height
        unique = [name if name != "_" else f"_{place}" for place, name in enumerate(names)]
        layout = [
            (name, f"<{_KINDS[kind]}{size}", (count,))
            for name, size, kind, count in zip(unique, sizes, kinds, counts, strict=True)
        ]
        row = np.dtype(layout)
        data = entries["DATA"][0].lower()
    except (KeyError, IndexError, ValueError, TypeError) as cause:
        raise InputFileError(f"{path}: its PCD header is incomplete or contradicts itself ({cause}).") from cause
    if not {"x", "y", "z"} <= set(names):
        raise InputFileError(f"{path}: its fields are {' '.join(names)}; x, y and z are needed.")
    if min(counts) < 1:
        raise InputFileError(f"{path}: a field whose COUNT is {min(counts)} is not known to the PCD format.")
    if points == 0:
        raise InputFileError(f"{path}: holds no points; its header says so.")
    if data not in ("ascii", "binary", "binary_compressed") or points < 0:
        raise InputFileError(f"{path}: DATA {data} with {points} points is not known to the PCD format.")
    return _Header(row, points, data, at)


def _ascii(path: Path, body: bytes, header: _Header) -> dict[str, NDArray[np.generic]]:
    words = body.split()
    width = sum(header.row[name].shape[0] for name in header.row.names or ())
    if len(words) != header.points * width:
        raise InputFileError(
            f"{path}: {len(words)} numbers where its header promises {header.points} points of {width}; cut short?"
        )
    try:
        table = np.array(words, dtype=np.bytes_).astype(np.float64).reshape(header.points, width)
    except ValueError as cause:
        raise InputFileError(f"{path}: something among its points is not a number ({cause}).") from cause
    fields: dict[str, NDArray[np.generic]] = {}
    at = 0
    for name in header.row.names or ():
        kind, count = header.row[name].base, header.row[name].shape[0]
        values = table[:, at : at + count]
        if kind.kind != "f":  # no integer stands for NaN
            values = np.where(np.isfinite(values), values, 0.0)
        fields[name] = values.astype(kind) if kind.kind != "f" or kind.itemsize < 8 else values
        at += count
    for axis in "xyz":  # text may carry more digits than the type in the header
        column = _column_of(header, axis)
        fields[axis] = table[:, column : column + 1]
    return fields


def _column_of(header: _Header, wanted: str) -> int:
    at = 0
    for name in header.row.names or ():
        if name == wanted:
            break
        at += header.row[name].shape[0]
    return at


def _compressed(path: Path, body: memoryview, header: _Header) -> dict[str, NDArray[np.generic]]:
    """Fields one after the other, all of it packed with LZF behind two byte counts."""
    if len(body) < 8:
        raise InputFileError(f"{path}: cut short before its points begin.")
    packed, size = struct.unpack("<II", body[:8])
    expected = header.points * header.row.itemsize
    if len(body) - 8 < packed or size != expected:
        raise InputFileError(
            f"{path}: cut short or damaged: {len(body) - 8} of {packed} packed bytes, {size} of {expected} unpacked."
        )
    try:
        raw = unpack_lzf(bytes(body[8 : 8 + packed]), size)
    except (IndexError, ValueError) as cause:
        raise InputFileError(f"{path}: its compressed points are damaged.") from cause
    fields: dict[str, NDArray[np.generic]] = {}
    at = 0
    for name in header.row.names or ():
        kind, count = header.row[name].base, header.row[name].shape[0]
        fields[name] = np.frombuffer(raw, kind, header.points * count, at).reshape(header.points, count)
        at += header.points * header.row[name].itemsize
    return fields


def unpack_lzf(packed: bytes, size: int) -> bytes:
    """Undo LZF compression (Marc Lehmann's liblzf, format 1 without headers).

    Args:
        packed: what was compressed.
        size: how long it was.

    Raises:
        ValueError: the result has another length, or points before its beginning.
        IndexError: the packed bytes end in the middle of a token.
    """
    out = bytearray()
    at, end = 0, len(packed)
    while at < end:
        control = packed[at]
        at += 1
        if control < 32:  # the next control + 1 bytes stand for themselves
            out += packed[at : at + control + 1]
            at += control + 1
            continue
        length = control >> 5
        if length == 7:
            length += packed[at]
            at += 1
        start = len(out) - ((control & 31) << 8) - packed[at] - 1
        at += 1
        length += 2
        if start < 0:
            raise ValueError("a copy from before the beginning")
        piece = out[start : start + length]
        while len(piece) < length:  # the copy runs into what it writes: the piece repeats
            piece += piece[: length - len(piece)]
        out += piece
    if len(out) != size or at != end:
        raise ValueError(f"{len(out)} bytes instead of {size}")
    return bytes(out)


def _colors(fields: dict[str, NDArray[np.generic]]) -> NDArray[np.uint8] | None:
    """Colors packed into four bytes, whether they are called a float or an integer."""
    values = fields.get("rgb", fields.get("rgba"))
    if values is None or values.dtype.itemsize != 4:
        return None
    packed = np.ascontiguousarray(values[:, 0]).view(np.uint32)
    return np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], axis=1).astype(np.uint8)
