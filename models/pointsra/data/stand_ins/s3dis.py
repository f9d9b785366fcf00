"""S3DIS's raw layout: rooms of six areas, one text file an object, z up, in one building's coordinates.

As in the real release, a ceiling file of Area_5/hallway_6 has a stray control byte within a row.
"""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np

from pointsra.data.stand_ins.rooms import make_room
from pointsra.data.stand_ins.scanning import scan_points

DEFAULT_COUNT = 18
CLASSES = {
    "ceiling": "ceiling", "floor": "floor", "wall": "wall", "beam": "beam", "column": "column", "window": "window",
    "door": "door", "table": "table", "desk": "table", "chair": "chair", "sofa": "sofa", "shelf": "bookcase",
    "board": "board",
}  # fmt: skip
"""Kind of a piece -> official class; all else is clutter."""
_ROOT = "Stanford3dDataset_v1.2_Aligned_Version"
_AREAS = (5, 1, 2, 3, 4, 6)  # the area that is tested on comes first, so that a small stand-in has it
_THEMES = ("hallway", "office", "conferenceRoom", "lounge")
_POINTS = 40_000
_STRAY = b"\x10"


def room_names(count: int) -> list[tuple[int, str, str]]:
    """Area, theme and name of each room: areas in turn, themes in turn within an area.

    Args:
        count: rooms.
    """
    names = []
    taken: Counter[tuple[int, str]] = Counter()
    for index in range(count):
        area, turn = _AREAS[index % len(_AREAS)], index // len(_AREAS)
        theme = _THEMES[(index % len(_AREAS) + turn) % len(_THEMES)]
        taken[area, theme] += 1
        number = taken[area, theme] + (5 if (area, theme) == (5, "hallway") else 0)
        names.append((area, theme, f"{theme}_{number}"))
    return names


def write(folder: Path, seed: int, count: int) -> None:
    """Write ``Stanford3dDataset_v1.2_Aligned_Version/Area_k/<room>/Annotations``.

    Args:
        folder: the raw root.
        seed: what everything follows from.
        count: rooms; areas take turns.
    """
    for index, (area, theme, name) in enumerate(room_names(count)):
        rng = np.random.default_rng([seed, index, 3])
        room = make_room(theme, index, seed)
        scan = scan_points(room, _POINTS, rng)
        raw = scan.points[:, [0, 2, 1]] * np.array([1.0, -1.0, 1.0])
        raw = raw + np.array([rng.uniform(-20, 20), rng.uniform(0, 40), 0.0])
        rows = np.concatenate([raw, scan.colors], axis=1)
        place = folder / _ROOT / f"Area_{area}" / name / "Annotations"
        place.mkdir(parents=True)
        numbers: Counter[str] = Counter()
        for number, piece in enumerate(room.pieces):
            own = rows[scan.pieces == number]
            if not len(own):
                continue
            official = CLASSES.get(piece.kind, "clutter")
            numbers[official] += 1
            text = io.BytesIO()
            np.savetxt(text, own, fmt=["%.3f"] * 3 + ["%d"] * 3)
            content = text.getvalue()
            if (area, name, official) == (5, "hallway_6", "ceiling"):
                content = _with_stray_byte(content)
            (place / f"{official}_{numbers[official]}.txt").write_bytes(content)


def _with_stray_byte(content: bytes) -> bytes:
    """Put a control byte in place of the space between red and green of the row in the middle."""
    lines = content.split(b"\n")
    fields = lines[len(lines) // 2].split(b" ")
    lines[len(lines) // 2] = b" ".join([*fields[:3], fields[3] + _STRAY + fields[4], fields[5]])
    return b"\n".join(lines)
