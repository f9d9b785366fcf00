"""ShapeNetPart's layout: points with normals and part labels within the official range of each category."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from pointsra.data.stand_ins.bodies import kinds_in_turn, make_body, sample_faces, unit

DEFAULT_COUNT = 160
CATEGORIES: dict[str, tuple[str, str, int, dict[str, int]]] = {
    "Airplane": ("02691156", "airplane", 0, {"fuselage": 0, "cockpit": 0, "wing": 1, "tail": 2, "engine": 3,
                                             "propeller": 3, "gear": 3}),
    "Bag": ("02773838", "bag", 4, {"handle": 0, "body": 1}),
    "Cap": ("02954340", "cap", 6, {"crown": 0, "brim": 1}),
    "Car": ("02958343", "car", 8, {"cabin": 0, "roof load": 0, "bumper": 1, "spoiler": 1, "light": 1, "mirror": 1,
                                   "cargo": 1, "wheel": 2, "body": 3, "seat": 3}),
    "Chair": ("03001627", "chair", 12, {"back": 0, "seat": 1, "leg": 2, "base": 2, "column": 2, "wheel": 2,
                                        "stretcher": 2, "arm": 3}),
    "Earphone": ("03261776", "earphone", 16, {"cup": 0, "band": 1, "cord": 2}),
    "Guitar": ("03467517", "guitar", 19, {"head": 0, "peg": 0, "neck": 1, "strings": 1, "body": 2, "bridge": 2,
                                          "sound hole": 2, "pickup": 2, "strap": 2, "stand": 2}),
    "Knife": ("03624134", "knife", 22, {"blade": 0, "handle": 1}),
    "Lamp": ("03636649", "lamp", 24, {"foot": 0, "shade": 1, "bulb": 2, "canopy": 2, "stem": 3, "arm": 3, "cord": 3}),
    "Laptop": ("03642806", "laptop", 28, {"keyboard": 0, "screen": 1}),
    "Motorbike": ("03790512", "motorbike", 30, {"gas tank": 0, "seat": 1, "wheel": 2, "handle": 3, "light": 4,
                                                "frame": 5}),
    "Mug": ("03797390", "mug", 36, {"handle": 0, "body": 1, "base": 1, "saucer": 1, "contents": 1}),
    "Pistol": ("03948459", "pistol", 38, {"barrel": 0, "handle": 1, "trigger": 2}),
    "Rocket": ("04099429", "rocket", 41, {"body": 0, "fin": 1, "nose": 2}),
    "Skateboard": ("04225987", "skateboard", 44, {"wheel": 0, "deck": 1, "axle": 2}),
    "Table": ("04379243", "table", 47, {"top": 0, "apron": 0, "leg": 1, "base": 1, "column": 1, "stretcher": 1,
                                        "shelf": 2}),
}  # fmt: skip
"""Category -> synset, the object it is made of, its first official part label, and the rank of each of its parts."""
_ROOT = "shapenetcore_partanno_segmentation_benchmark_v0_normal"
_POINTS = (2300, 2900)  # the official files have 2,600 rows or so


def write(folder: Path, seed: int, count: int) -> None:
    """Write the official folder of text files, its category list and its split lists.

    Args:
        folder: the raw root.
        seed: what everything follows from.
        count: objects in all: seven tenths train, one tenth val, two tenths test, in turn.
    """
    root = folder / _ROOT
    (root / "train_test_split").mkdir(parents=True, exist_ok=True)
    lines = [f"{category}\t{synset}\n" for category, (synset, *_) in CATEGORIES.items()]
    (root / "synsetoffset2category.txt").write_text("".join(lines), encoding="ascii")
    listed: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    names = tuple(CATEGORIES)
    for index, (category, number) in enumerate(kinds_in_turn(names, max(count, 3))):
        synset, kind, start, ranks = CATEGORIES[category]
        rng = np.random.default_rng([seed, index])
        body = make_body(kind, number, seed)
        samples = sample_faces(body.vertices, body.faces, int(rng.integers(*_POINTS)), rng)
        official = start + np.array([ranks[name] for name in body.part_names])
        parts = official[body.face_parts[samples.faces]]
        token = rng.bytes(16).hex()
        text = io.StringIO()
        rows = np.concatenate([unit(samples.points), samples.normals, parts[:, None]], axis=1)
        np.savetxt(text, rows, fmt=["%.5f"] * 3 + ["%.4f"] * 3 + ["%.6f"])
        path = root / synset / f"{token}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.getvalue(), encoding="ascii", newline="\n")
        place = (number + index) % 10 if index >= 3 else (0, 7, 8)[index]
        split = "train" if place < 7 else "val" if place == 7 else "test"
        listed[split].append(f"shape_data/{synset}/{token}")
    for split, entries in listed.items():
        path = root / "train_test_split" / f"shuffled_{split}_file_list.json"
        path.write_text(json.dumps(entries), encoding="ascii")
