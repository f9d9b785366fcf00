"""The 16 categories of ShapeNetPart and their 50 parts, as officially numbered.

Within a category parts have no official names, only numbers: "airplane/0" to "airplane/3".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Category:
    """One of the 16 kinds of objects: its synset, and its parts ``first`` to ``last``."""

    synset: str
    first: int
    last: int


CATEGORIES = {  # in the order of synsetoffset2category.txt
    "Airplane": Category("02691156", 0, 3),
    "Bag": Category("02773838", 4, 5),
    "Cap": Category("02954340", 6, 7),
    "Car": Category("02958343", 8, 11),
    "Chair": Category("03001627", 12, 15),
    "Earphone": Category("03261776", 16, 18),
    "Guitar": Category("03467517", 19, 21),
    "Knife": Category("03624134", 22, 23),
    "Lamp": Category("03636649", 24, 27),
    "Laptop": Category("03642806", 28, 29),
    "Motorbike": Category("03790512", 30, 35),
    "Mug": Category("03797390", 36, 37),
    "Pistol": Category("03948459", 38, 40),
    "Rocket": Category("04099429", 41, 43),
    "Skateboard": Category("04225987", 44, 46),
    "Table": Category("04379243", 47, 49),
}
CLASS_NAMES = tuple(CATEGORIES)
PART_NAMES = tuple(
    f"{name.lower()}/{part}" for name, each in CATEGORIES.items() for part in range(each.last - each.first + 1)
)
