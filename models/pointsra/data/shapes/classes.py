"""The classes of shapes in their fixed order: who designs them, their choices, conditions and parts.

A class keeps its place, for labels in files are places: new ones are appended. The designs themselves are in the
files of the families.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import numpy as np

from pointsra.data.shapes import (
    airplanes,
    animals,
    bags,
    beds,
    belongings,
    benches,
    bins,
    birds,
    cabinets,
    cameras,
    cars,
    clocks,
    cookware,
    cutlery,
    cycles,
    dishes,
    doors,
    fishes,
    fridges,
    fruits,
    headphones,
    helicopters,
    houses,
    instruments,
    ladders,
    lamps,
    packaging,
    people,
    plants,
    radiators,
    sanitary,
    screens,
    seating,
    shelves,
    stoves,
    surfaces,
    tools,
    umbrellas,
    upholstery,
    vases,
    vehicles,
    vessels,
    windows,
)  # fmt: skip
from pointsra.data.shapes.designs import Design

DESIGNERS: dict[str, Callable[[np.random.Generator], Design]] = {
    "airplane": airplanes.airplane,
    "armchair": upholstery.armchair,
    "bag": bags.bag,
    "bathtub": sanitary.bathtub,
    "bed": beds.bed,
    "bench": benches.bench,
    "bin": bins.bin_,
    "boat": vehicles.boat,
    "book": belongings.book,
    "bottle": vessels.bottle,
    "bowl": dishes.bowl,
    "box": packaging.carton,
    "bus": vehicles.bus,
    "cabinet": cabinets.cabinet,
    "can": packaging.can,
    "car": cars.car,
    "chair": seating.chair,
    "cutlery": cutlery.cutlery,
    "desk": surfaces.desk,
    "faucet": sanitary.faucet,
    "guitar": instruments.guitar,
    "hat": belongings.hat,
    "lamp": lamps.lamp,
    "laptop": screens.laptop,
    "monitor": screens.monitor,
    "motorcycle": vehicles.motorcycle,
    "mug": vessels.mug,
    "phone": screens.phone,
    "plant": plants.plant,
    "plate": dishes.plate,
    "pot": cookware.pot,
    "shelf": shelves.shelf,
    "shoe": belongings.shoe,
    "sink": sanitary.sink,
    "sofa": upholstery.sofa,
    "stool": seating.stool,
    "table": surfaces.table,
    "teapot": cookware.teapot,
    "toilet": sanitary.toilet,
    "tool": tools.tool,
    "vase": vases.vase,
    "person": people.person,
    "animal": animals.animal,
    "bird": birds.bird,
    "fish": fishes.fish,
    "door": doors.door,
    "window": windows.window,
    "stove": stoves.stove,
    "fridge": fridges.fridge,
    "radiator": radiators.radiator,
    "clock": clocks.clock,
    "umbrella": umbrellas.umbrella,
    "ladder": ladders.ladder,
    "bicycle": cycles.bicycle,
    "helicopter": helicopters.helicopter,
    "house": houses.house,
    "fruit": fruits.fruit,
    "headphones": headphones.headphones,
    "camera": cameras.camera,
}
"""Class -> what makes one object of it."""

CLASS_NAMES: tuple[str, ...] = tuple(DESIGNERS)
"""The classes in their fixed order; a label is an index into it."""


def _family(name: str) -> ModuleType:
    """The file that designs a class; its tables hold those of its classes."""
    return sys.modules[DESIGNERS[name].__module__]


CHOICES: dict[str, dict[str, dict[str, float]]] = {name: _family(name).CHOICES[name] for name in DESIGNERS}
"""Class -> choice -> option -> probability, as drawn: the ground truth for how many ways a shape may go on."""

ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    name: _family(name).ONLY_WHEN.get(name, {}) for name in DESIGNERS
}
"""Class -> choice -> (other choice, options of it under which this one applies); otherwise all are independent."""

PART_NAMES: dict[str, tuple[str, ...]] = {name: _family(name).PART_NAMES[name] for name in DESIGNERS}
"""Class -> names of its parts; a part label is an index into its own class's names."""
