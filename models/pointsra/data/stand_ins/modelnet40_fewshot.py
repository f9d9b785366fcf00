"""ModelNet40 few-shot's layout: ``5way10shot/0.pkl`` and so on, drawn from the ModelNet40 stand-in's objects.

Clouds have 1,024 rows instead of 8,192, and there are two folds instead of ten: pickles
of the official size would be a gigabyte. One setting is spelled as the peers' code has it, ``5way_10shot``.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from pointsra.data.stand_ins.modelnet40 import CLASSES, MADE_OF, cloud_of

DEFAULT_COUNT = 2
SETTINGS = {"5way_10shot": (5, 10), "5way20shot": (5, 20), "10way10shot": (10, 10), "10way20shot": (10, 20)}
_QUERIES = 20
_POINTS = 1024


def write(folder: Path, seed: int, count: int) -> None:
    """Write ``ModelNetFewshot/<setting>/<fold>.pkl``.

    Args:
        folder: the raw root.
        seed: what everything follows from.
        count: folds of each setting.
    """
    made: dict[tuple[str, int], np.ndarray] = {}
    names = tuple(MADE_OF)

    def cloud(name: str, number: int) -> np.ndarray:
        if (name, number) not in made:
            made[name, number] = cloud_of(name, number, seed, _POINTS)
        return made[name, number]

    for rank, (setting, (ways, shots)) in enumerate(SETTINGS.items()):
        place = folder / "ModelNetFewshot" / setting
        place.mkdir(parents=True, exist_ok=True)
        for fold in range(count):
            rng = np.random.default_rng([seed, rank, fold])
            fold_data: dict[str, list[tuple[np.ndarray, int, int]]] = {"train": [], "test": []}
            for label, choice in enumerate(rng.choice(len(names), ways, replace=False)):
                numbers = rng.permutation(shots + _QUERIES)
                for rank_in_class, number in enumerate(numbers.tolist()):
                    part = "train" if rank_in_class < shots else "test"
                    name = names[int(choice)]
                    fold_data[part].append((cloud(name, number), label, CLASSES.index(name)))
            with (place / f"{fold}.pkl").open("wb") as stream:
                pickle.dump(fold_data, stream, protocol=4)
