"""ShapeNet-55's layout in the Point-BERT form, with the images and texts of the ReCon form beside it.

One object in ten has no image and, as in ReCon's own lists, is not listed. Some model ids contain a "-".
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsra.data.stand_ins.bodies import Body, kinds_in_turn, make_body, sample_faces, turned, unit

DEFAULT_COUNT = 240
# fmt: off
SYNSETS = ("02691156", "02747177", "02773838", "02801938", "02808440", "02818832", "02828884", "02843684", "02871439",
           "02876657", "02880940", "02924116", "02933112", "02942699", "02946921", "02954340", "02958343", "02992529",
           "03001627", "03046257", "03085013", "03207941", "03211117", "03261776", "03325088", "03337140", "03467517",
           "03513137", "03593526", "03624134", "03636649", "03642806", "03691459", "03710193", "03759954", "03761084",
           "03790512", "03797390", "03928116", "03938244", "03948459", "03991062", "04004475", "04074963", "04090263",
           "04099429", "04225987", "04256520", "04330267", "04379243", "04401088", "04460130", "04468005", "04530566",
           "04554684")
# fmt: on
MADE_OF = {
    "02691156": "airplane",
    "02747177": "bin",
    "02773838": "bag",
    "02808440": "bathtub",
    "02818832": "bed",
    "02828884": "bench",
    "02871439": "shelf",
    "02876657": "bottle",
    "02880940": "bowl",
    "02933112": "cabinet",
    "02954340": "cap",
    "02958343": "car",
    "03001627": "chair",
    "03211117": "display",
    "03261776": "earphone",
    "03467517": "guitar",
    "03593526": "vase",
    "03624134": "knife",
    "03636649": "lamp",
    "03642806": "laptop",
    "03790512": "motorbike",
    "03797390": "mug",
    "03938244": "pillow",
    "03948459": "pistol",
    "03991062": "plant",
    "04099429": "rocket",
    "04225987": "skateboard",
    "04256520": "sofa",
    "04379243": "table",
    "04468005": "tram",
}  # fmt: skip
"""Synset -> object it is made of; the other synsets do not occur."""
_POINTS = 8192
_PIXELS = 128


def write(folder: Path, seed: int, count: int) -> None:
    """Write ``ShapeNet55-34/`` with ``shapenet_pc``, the lists, ``shapenet_img`` and ``shapenet55.json``.

    Args:
        folder: the raw root.
        seed: what everything follows from.
        count: objects in all, two at least; about a quarter of them are for testing.
    """
    from PIL import Image

    root = folder / "ShapeNet55-34"
    for name in ("shapenet_pc", "shapenet_img", "ShapeNet-55"):
        (root / name).mkdir(parents=True, exist_ok=True)
    listed: dict[str, list[str]] = {"train": [], "test": []}
    for index, (synset, number) in enumerate(kinds_in_turn(tuple(MADE_OF), max(count, 2))):
        rng = np.random.default_rng([seed, index])
        body = make_body(MADE_OF[synset], number, seed)
        samples = sample_faces(body.vertices, body.faces, _POINTS, rng)
        token = rng.bytes(16).hex()
        model = f"u{token[:8]}-{token[8:12]}-{token[12:16]}" if index % 8 == 3 else token
        stem = f"{synset}-{model}"
        np.save(root / "shapenet_pc" / f"{stem}.npy", unit(samples.points).astype(np.float32))
        if index % 10 == 9:
            continue
        Image.fromarray(picture(body, rng)).save(root / "shapenet_img" / f"{stem}.png")
        tested = index == 1 or number % 4 == 3
        listed["test" if tested else "train"].append(f"{stem}.npy\n")
    for split, names in listed.items():
        (root / "ShapeNet-55" / f"{split}.txt").write_text("".join(sorted(names)), encoding="ascii")
    texts = {
        "catalogue": {str(row): int(synset) for row, synset in enumerate(SYNSETS)},
        "describe": {str(row): MADE_OF.get(synset, "object") for row, synset in enumerate(SYNSETS)},
    }
    (root / "shapenet55.json").write_text(json.dumps(texts), encoding="utf-8")


def picture(body: Body, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a body in one color, lit, before a white background: (128, 128, 3) uint8.

    Args:
        body: what to draw.
        rng: decides its color and the side it is seen from.
    """
    samples = sample_faces(body.vertices, body.faces, 40_000, rng, in_order=True)
    side = np.pi / 4 + np.pi / 2 * int(rng.integers(4))
    points, normals = turned(unit(samples.points), side), turned(samples.normals, side)
    tilt = np.radians(25.0)
    up = np.cos(tilt) * points[:, 1] - np.sin(tilt) * points[:, 2]
    near = np.sin(tilt) * points[:, 1] + np.cos(tilt) * points[:, 2]
    across = ((points[:, 0] + 1.05) / 2.1 * _PIXELS).astype(np.int64).clip(0, _PIXELS - 1)
    down = ((1.05 - up) / 2.1 * _PIXELS).astype(np.int64).clip(0, _PIXELS - 1)
    cell = down * _PIXELS + across
    order = np.lexsort((-near, cell))
    cells, firsts = np.unique(cell[order], return_index=True)
    chosen = order[firsts]
    lit = 0.35 + 0.65 * np.abs(normals[chosen] @ (np.array([0.4, 0.7, 0.6]) / np.sqrt(1.01)))
    color = rng.uniform(90, 230, 3)
    image = np.full((_PIXELS * _PIXELS, 3), 255, dtype=np.uint8)
    image[cells] = (lit[:, None] * color).clip(0, 255).astype(np.uint8)
    return image.reshape(_PIXELS, _PIXELS, 3)
