"""ScanNet V2's layouts: raw scans (mesh, segments, objects, axis alignment) and the export that VoteNet reads.

Scans lie turned and shifted until the axis alignment is applied, z up. Ceilings are in no object, as unannotated
surfaces of real scans are. The lists name a train, a val and a test part; scans of the test part have no objects.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsra.data.stand_ins.bodies import Floats
from pointsra.data.stand_ins.rooms import Room, make_room
from pointsra.data.stand_ins.scanning import Scan, scan_mesh

DEFAULT_COUNT = 15
NYU40: dict[str, tuple[str, int, str]] = {
    "wall": ("wall", 1, "wall"), "floor": ("floor", 2, "floor"), "cabinet": ("cabinet", 3, "cabinet"),
    "bed": ("bed", 4, "bed"), "chair": ("chair", 5, "chair"), "sofa": ("couch", 6, "sofa"),
    "table": ("table", 7, "table"), "door": ("door", 8, "door"), "window": ("window", 9, "window"),
    "shelf": ("bookshelf", 10, "bookshelf"), "picture": ("picture", 11, "picture"),
    "counter": ("kitchen counter", 12, "counter"), "desk": ("desk", 14, "desk"),
    "curtain": ("curtain", 16, "curtain"), "refrigerator": ("refrigerator", 24, "refridgerator"),
    "shower curtain": ("shower curtain", 28, "shower curtain"), "box": ("box", 29, "box"),
    "board": ("whiteboard", 30, "whiteboard"), "toilet": ("toilet", 33, "toilet"), "sink": ("sink", 34, "sink"),
    "lamp": ("lamp", 35, "lamp"), "bathtub": ("bathtub", 36, "bathtub"), "bag": ("bag", 37, "bag"),
    "column": ("column", 38, "otherstructure"), "beam": ("beam", 38, "otherstructure"),
    "bin": ("trash can", 39, "otherfurniture"), "plant": ("plant", 40, "otherprop"),
    "bottle": ("bottle", 40, "otherprop"), "mug": ("cup", 40, "otherprop"), "vase": ("vase", 40, "otherprop"),
    "laptop": ("laptop", 40, "otherprop"),
}  # fmt: skip
"""Kind of a piece -> raw category, its number of NYU, and the name of that; other kinds are in no object."""
DETECTED = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 24, 28, 33, 34, 36, 39)
THEME_NAMES = ("bedroom", "kitchen", "bathroom", "office", "lounge")
_SPACING = 0.09
_EXPORTED = 50_000  # what VoteNet's exporter keeps at most
_COLUMNS = ("id", "raw_category", "category", "count", "nyu40id", "eigen13id", "nyuClass", "nyu40class",
            "eigen13class", "ModelNet40", "ModelNet10", "ShapeNetCore55", "synsetoffset", "wnsynsetid", "wnsynsetkey",
            "mpcat40", "mpcat40index")  # fmt: skip


def split_of(count: int) -> list[str]:
    """The part of each scan: the second of each five is for val, the third of each fifteen for test, the rest train."""
    return ["val" if index % 5 == 1 else "test" if index % 15 == 2 else "train" for index in range(count)]


def write(folder: Path, seed: int, count: int) -> None:
    """Write ``scans/``, ``scans_test/``, ``meta_data/``, the label table and ``scannet_train_detection_data/``.

    Args:
        folder: the raw root.
        seed: what everything follows from.
        count: scans in all.
    """
    parts = split_of(max(count, 2))
    listed: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for index, part in enumerate(parts):
        rng = np.random.default_rng([seed, index, 4])
        name = f"scene{index if part != 'test' else 707 + index:04d}_00"
        listed[part].append(f"{name}\n")
        room = make_room(THEME_NAMES[index % len(THEME_NAMES)], index, seed)
        scan = scan_mesh(room, _SPACING, rng)
        _write_scan(folder, name, part, room, scan, rng)
    meta = folder / "meta_data"
    meta.mkdir(exist_ok=True)
    for part, names in ((part, names) for part, names in listed.items() if names):
        (meta / f"scannetv2_{part}.txt").write_text("".join(names), encoding="ascii")
    (meta / "scannet_train.txt").write_text("".join(sorted(listed["train"] + listed["val"])), encoding="ascii")
    lines: list[str] = ["\t".join(_COLUMNS)]
    for number, (raw, nyu40, name) in enumerate(sorted(set(NYU40.values())), start=1):
        row = {"id": str(number), "raw_category": raw, "category": raw, "count": "1", "nyu40id": str(nyu40),
               "nyuClass": raw, "nyu40class": name, "mpcat40": raw}  # fmt: skip
        lines.append("\t".join(row.get(column, "") for column in _COLUMNS))
    (meta / "scannetv2-labels.combined.tsv").write_text("\n".join(lines) + "\n", encoding="ascii")
    (folder / "scans" / "scannetv2-labels.combined.tsv").write_text("\n".join(lines) + "\n", encoding="ascii")


def _write_scan(folder: Path, name: str, part: str, room: Room, scan: Scan, rng: np.random.Generator) -> None:
    place = folder / ("scans_test" if part == "test" else "scans") / name
    place.mkdir(parents=True)
    aligned = scan.points[:, [0, 2, 1]] * np.array([1.0, -1.0, 1.0])
    aligned = aligned - (aligned.min(axis=0) + aligned.max(axis=0)) / 2 * np.array([1, 1, 0])
    turn = rng.uniform(0, 2 * np.pi)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    matrix[:3, 3] = rng.uniform(-4, 4, 3) * np.array([1, 1, 0.02])
    matrix = np.round(matrix, 6)
    inverse = np.linalg.inv(matrix)
    raw = aligned @ inverse[:3, :3].T + inverse[:3, 3]
    _write_ply(place / f"{name}_vh_clean_2.ply", raw, scan)
    facts = [] if part == "test" else [f"axisAlignment = {' '.join(f'{each:.6f}' for each in matrix.ravel())} "]
    facts += ["colorHeight = 968", "colorWidth = 1296", f"sceneType = {room.theme}"]
    (place / f"{name}.txt").write_text("\n".join(facts) + "\n", encoding="ascii")
    export = folder / "scannet_train_detection_data"
    export.mkdir(exist_ok=True)
    colored = np.concatenate([raw if part == "test" else aligned, scan.colors], axis=1).astype(np.float32)
    kept = np.arange(len(raw)) if len(raw) <= _EXPORTED else np.sort(rng.choice(len(raw), _EXPORTED, replace=False))
    np.save(export / f"{name}_vert.npy", colored[kept])
    if part == "test":
        return
    semantic, instances, boxes = _write_objects(place, name, room, scan, colored[:, :3])
    np.save(export / f"{name}_sem_label.npy", semantic[kept].astype(np.uint32))
    np.save(export / f"{name}_ins_label.npy", instances[kept].astype(np.uint32))
    np.save(export / f"{name}_bbox.npy", boxes)


def _write_objects(
    place: Path, name: str, room: Room, scan: Scan, aligned: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Write segments and objects; return numbers of NYU (N,), objects from 1 (N,), and boxes (K, 7)."""
    cells = np.floor(aligned / 0.7).astype(np.int64) + 64
    keys = ((scan.pieces * 128 + cells[:, 0]) * 128 + cells[:, 1]) * 128 + cells[:, 2]
    _, firsts, segments = np.unique(keys, return_index=True, return_inverse=True)
    owners = scan.pieces[firsts]
    semantic, instances = np.zeros(len(aligned), np.int64), np.zeros(len(aligned), np.int64)
    groups: list[dict[str, Any]] = []
    boxes = []
    for number, piece in enumerate(room.pieces):
        mine = scan.pieces == number
        if piece.kind not in NYU40 or mine.sum() < 4:
            continue
        label, nyu40, _ = NYU40[piece.kind]
        groups.append({
            "id": len(groups), "objectId": len(groups), "segments": np.flatnonzero(owners == number).tolist(),
            "label": label,
        })  # fmt: skip
        semantic[mine], instances[mine] = nyu40, len(groups)
        if nyu40 in DETECTED:
            low, high = aligned[mine].min(axis=0), aligned[mine].max(axis=0)
            boxes.append([*((low + high) / 2), *(high - low), nyu40])
    scene = f"scannet.{name}"
    found = {"params": {"kThresh": "0.010000"}, "sceneId": name, "segIndices": segments.tolist()}
    (place / f"{name}_vh_clean_2.0.010000.segs.json").write_text(json.dumps(found), encoding="ascii")
    found = {"sceneId": scene, "appId": "stand-in", "segGroups": groups,
             "segmentsFile": f"{scene}_vh_clean_2.0.010000.segs.json"}  # fmt: skip
    (place / f"{name}.aggregation.json").write_text(json.dumps(found), encoding="ascii")
    return semantic, instances, np.array(boxes, dtype=np.float64).reshape(-1, 7)


def _write_ply(path: Path, points: Floats, scan: Scan) -> None:
    vertices = np.empty(len(points), dtype=[(axis, "<f4") for axis in "xyz"] + [(c, "u1") for c in "rgba"])
    for column, axis in enumerate("xyz"):
        vertices[axis] = points[:, column]
    for column, color in enumerate("rgb"):
        vertices[color] = scan.colors[:, column]
    vertices["a"] = 255
    faces = np.empty(len(scan.faces), dtype=[("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, scan.faces
    header = ["ply", "format binary_little_endian 1.0", "comment generated stand-in", f"element vertex {len(vertices)}"]
    header += [f"property float {axis}" for axis in "xyz"]
    header += [f"property uchar {color}" for color in ("red", "green", "blue", "alpha")]
    header += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"]
    path.write_bytes(("\n".join(header) + "\n").encode("ascii") + vertices.tobytes() + faces.tobytes())
