"""Folds of ModelNet40 few-shot: read from the official pickles, or drawn from a seed.

A fold is a task of its own: ``way`` classes, ``shot`` training clouds of each, 20 test clouds of each. Labels run from
0 to way - 1, in the order in which the fold names its classes. What is drawn here follows the official script: classes
at random, training clouds from the official training split, test clouds from the test split.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pointsra.data.modelnet40_clouds import Listed, open_pickle
from pointsra.data.modelnet40_lists import CLASS_NAMES, as_whole
from pointsra.errors import DataError

SETTINGS = ((5, 10), (5, 20), (10, 10), (10, 20))
FOLDS = 10
QUERIES = 20
_SETTING = re.compile(r"(\d{1,3})way_?(\d{1,4})shot")
_FOLD = re.compile(r"(\d{1,3})\.pkl")


@dataclass(frozen=True)
class Fold:
    """One few-shot task: its way, shot and number, its classes in the order of their labels, and its clouds."""

    way: int
    shot: int
    number: int
    class_names: tuple[str, ...]
    clouds: Mapping[str, Sequence[Listed]]

    @property
    def name(self) -> str:
        """As in the names of its splits: "5way10shot_fold0"."""
        return f"{self.way}way{self.shot}shot_fold{self.number}"


def fold_files(folder: Path) -> tuple[dict[tuple[int, int, int], Path], list[str]]:
    """The official pickles of a folder, in both spellings of the settings (``5way10shot``, ``5way_10shot``).

    Args:
        folder: ``ModelNetFewshot``.

    Returns:
        (way, shot, number) -> file, in order; and sentences about what is not as it should be.
    """
    found: dict[tuple[int, int, int], Path] = {}
    notes: list[str] = []
    for setting in sorted(folder.glob("*way*shot")):
        match = _SETTING.fullmatch(setting.name)
        for path in setting.glob("*.pkl") if match else ():
            number = _FOLD.fullmatch(path.name)
            if match is None or number is None:
                continue
            key = (int(match[1]), int(match[2]), int(number[1]))
            if key in found:
                notes.append(f"{path}: left alone, because {found[key]} is the same fold.")
            found.setdefault(key, path)
    for way, shot in sorted({key[:2] for key in found}):
        lost = [str(number) for number in range(FOLDS) if (way, shot, number) not in found]
        if lost:
            notes.append(f"{way}way{shot}shot lacks the folds {', '.join(lost)} of the official {FOLDS}.")
    return dict(sorted(found.items())), notes


def read_fold(path: Path, way: int, shot: int, number: int) -> Fold:
    """Read one official fold; its clouds stay in the file until they are asked for.

    Args:
        path: a pickle: ``train`` and ``test`` -> lists of (points, label 0 … way - 1, class 0 … 39).
        way: classes, by the folder's name.
        shot: training clouds of each class, by the folder's name.
        number: of the fold.

    Raises:
        DataError: damaged, a pickle that carries code, or labels that contradict one another.
    """
    content = open_pickle(path)
    if not isinstance(content, dict) or not all(isinstance(content.get(split), list) for split in ("train", "test")):
        raise DataError(f"{path}: is not a dict with the lists train and test; is this an official fold?")
    classes: dict[int, int] = {}
    labels: dict[str, list[int]] = {"train": [], "test": []}
    for split, found in labels.items():
        for row, entry in enumerate(content[split]):
            place = f"{path}: entry {row} of {split}"
            if not isinstance(entry, tuple | list) or len(entry) != 3:
                raise DataError(f"{place} is not points, label and class.")
            label, original = as_whole(entry[1]), as_whole(entry[2])
            if label is None or not 0 <= label < way:
                raise DataError(f"{place} has the label {_shown(entry[1])}, expected 0 to {way - 1}.")
            if original is None or not 0 <= original < len(CLASS_NAMES):
                raise DataError(f"{place} has the class {_shown(entry[2])}, expected 0 to {len(CLASS_NAMES) - 1}.")
            if classes.setdefault(label, original) != original:
                both = f"{CLASS_NAMES[classes[label]]} and {CLASS_NAMES[original]}"
                raise DataError(f"{place}: its label {label} stands for {both} alike.")
            found.append(label)
        if not found:
            raise DataError(f"{path}: its list {split} is empty.")
    if len(classes) != way or len(set(classes.values())) != way:
        raise DataError(f"{path}: has {len(set(classes.values()))} classes under {len(classes)} labels, not {way}.")
    names = tuple(CLASS_NAMES[classes[label]] for label in range(way))
    first = content["train"][0][0]
    normals = isinstance(first, np.ndarray) and first.ndim == 2 and first.shape[1] >= 6
    clouds = {
        split: [
            Listed(f"{split}-{row:03d}", label, names[label], path, (split, row, 0), normals)
            for row, label in enumerate(found)
        ]
        for split, found in labels.items()
    }
    return Fold(way, shot, number, names, clouds)


def draw_folds(train: Sequence[Listed], test: Sequence[Listed], seed: int) -> tuple[list[Fold], list[str]]:
    """Draw ten folds of each official setting.

    Args:
        train: the training clouds of ModelNet40.
        test: its test clouds.
        seed: everything follows from it.

    Returns:
        The folds, and sentences about settings for which there are too few clouds.
    """
    pools: dict[str, dict[str, list[Listed]]] = {"train": {}, "test": {}}
    for split, clouds in (("train", train), ("test", test)):
        for listed in clouds:
            pools[split].setdefault(listed.class_name, []).append(listed)
    folds, notes = [], []
    for way, shot in SETTINGS:
        fit = [name for name in CLASS_NAMES if len(pools["train"].get(name, ())) >= shot and name in pools["test"]]
        if len(fit) < way:
            notes.append(f"{way}way{shot}shot is left out: {len(fit)} classes have {shot} training clouds, not {way}.")
            continue
        few = [name for name in fit if len(pools["test"][name]) < QUERIES]
        if few:
            notes.append(f"{way}way{shot}shot: {few[0]} and {len(few) - 1} more have under {QUERIES} test clouds.")
        for number in range(FOLDS):
            rng = np.random.default_rng([seed, way, shot, number])
            names = tuple(fit[index] for index in rng.permutation(len(fit))[:way])
            clouds = {
                split: [
                    replace(pools[split][name][row], label=label)
                    for label, name in enumerate(names)
                    for row in rng.permutation(len(pools[split][name]))[:most]
                ]
                for split, most in (("train", shot), ("test", QUERIES))
            }
            folds.append(Fold(way, shot, number, names, clouds))
    return folds, notes


def _shown(value: object) -> str:
    whole = as_whole(value)
    return type(value).__name__ if whole is None else str(whole)
