"""What ``benchmarks.completion`` completes: held-out generated shapes seen in part: a block, a scan, or all but a part.

Where a part is hidden that realizes a choice of the generator, and that alone, nothing visible tells which option it
was: the same seat stands on four legs, on a pedestal, on castors. The generator builds the same object with every
option, several instances each, and the nearest instance says which option a completion shows.

The number of hidden patches must not tell the option either. So the share that the networks are told is that of one
of the alternatives, drawn by the generator's own probabilities and not that of the truth: averaged over objects, a
perfect generator then has exactly those probabilities.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree

from benchmarks.completion_rows import HIDDEN_SHARE, PATCHES, Budget
from pointsra.data.shapes import (
    ALTERNATIVES,
    CHOICES,
    Alternative,
    Shape,
    generate,
    other_part,
    realized_in,
    sample_framed,
    sample_meters,
)
from pointsra.ops.sampling import farthest_point_indices
from pointsra.reconstruction.hiding import visible_points

CHOSEN = (("chair", "base"), ("stool", "base"), ("table", "base"), ("chair", "arms"))
"""Class and choice whose parts are hidden, in turns. With the arms of a chair its back is hidden too."""

KINDS: tuple[str, ...] = tuple(" ".join(each) for each in CHOSEN)
"""What tables call them."""

_ALTERNATIVE_POINTS = 256  # of each instance, and of a completion that is compared with them
_BLOCK_CLOUD, _PART_CLOUD, _TOLD, _INSTANCE, _NEW = 7_001, 7_002, 7_003, 7_004, 7_005  # purposes of random streams
_SCAN_CLOUD, _SCAN_SURFACE = 7_006, 7_007
_SURFACE_POINTS = 20_000  # that decide what a camera sees

Points = NDArray[np.float32]
Origin = tuple[int, int]


@dataclass(frozen=True)
class Case:
    """One cloud to complete, in the unit frame of the whole cloud.

    Attributes:
        number: of its kind, and seed of the completions.
        shape: what it was sampled from.
        origin: index and seed of the shape, for the generator.
        visible, hidden: (Nv, 3) and (Nh, 3).
        told: share of the whole that the networks are told is missing.
        offset, scale: of the frame, in meters; (3,) and a number.
        choice: what the hidden part realizes, "" where no part is hidden as such.
        one_sided: whether the visible part is what one camera sees.
    """

    number: int
    shape: Shape
    origin: Origin
    visible: Points
    hidden: Points
    told: float
    offset: NDArray[np.float64]
    scale: float
    choice: str = ""
    one_sided: bool = False
    seen: dict[str, list[KDTree]] = field(default_factory=dict, repr=False)

    @property
    def plane(self) -> float:
        """Where the object's plane x = 0 lies in this frame."""
        return float(-self.offset[0] / self.scale)

    @property
    def option(self) -> str:
        """The true option of the choice."""
        return str(self.shape.attributes[self.choice])

    @property
    def options(self) -> dict[str, float]:
        """Option -> probability."""
        return CHOICES[self.shape.class_name][self.choice]

    def alternative(self, option: str, variant: int, count: int = _ALTERNATIVE_POINTS) -> Points:
        """The hidden part (count, 3) of the same object with another option, in this frame."""
        other = _with_option(self.origin, self.shape.class_name, self.choice, option, variant)
        part = other_part(self.shape, other, realizing(self.shape.class_name, self.choice))
        rng = _stream(self.origin, self.shape, variant + 1, _INSTANCE)
        points, _ = sample_meters(part, count, rng)
        return ((points - self.offset) / self.scale).astype(np.float32)

    def known(self, instances: int) -> dict[str, list[KDTree]]:
        """Option -> instances of the hidden part, made once."""
        if not self.seen:
            for option in self.options:
                self.seen[option] = [KDTree(self.alternative(option, variant)) for variant in range(instances)]
        return self.seen


def block_cases(budget: Budget) -> Iterator[Case]:
    """Shapes of all classes in turns, of which half the patches are hidden around a random center."""
    for number in range(budget.clouds):
        origin = (number, budget.shapes_seed)
        shape = generate(*origin)
        unit, _, offset, scale = _sampled(shape, origin, budget.points, _BLOCK_CLOUD)
        visible = visible_points(unit, "block", PATCHES, HIDDEN_SHARE, number)
        yield Case(number, shape, origin, unit[visible], unit[~visible], HIDDEN_SHARE, offset, scale)


def scan_cases(budget: Budget) -> Iterator[Case]:
    """Shapes of all classes in turns, of which what one camera sees is visible."""
    for number in range(budget.clouds):
        origin = (number, budget.shapes_seed)
        shape = generate(*origin)
        unit, _, offset, scale = _sampled(shape, origin, budget.points, _SCAN_CLOUD)
        rng = _stream(origin, shape, 1, _SCAN_SURFACE)
        surface = ((sample_meters(shape, _SURFACE_POINTS, rng)[0] - offset) / scale).astype(np.float32)
        visible = visible_points(unit, "view", PATCHES, None, number, surface)
        told = float(1.0 - visible.mean())
        yield Case(number, shape, origin, unit[visible], unit[~visible], told, offset, scale, one_sided=True)


def part_cases(budget: Budget) -> Iterator[Case]:
    """Shapes of which exactly the part that realizes a choice is hidden, the choices of :data:`CHOSEN` in turns."""
    following = dict.fromkeys(CHOSEN, 0)
    for number in range(budget.parts):
        name, choice = CHOSEN[number % len(CHOSEN)]
        while True:
            index = following[name, choice]
            following[name, choice] += 1
            origin = (index, budget.shapes_seed)
            shape = generate(*origin, name)
            if _something_is_there(shape, choice):
                break
        unit, parts, offset, scale = _sampled(shape, origin, budget.points, _PART_CLOUD)
        hidden = realized_in(parts, shape, realizing(name, choice))
        rng = _stream(origin, shape, number + 1, _TOLD)
        options = CHOICES[name][choice]
        option = str(rng.choice(list(options), p=list(options.values())))
        told = _share_hidden(_with_option(origin, name, choice, option, 10_000), origin, choice, budget.points)
        yield Case(number, shape, origin, unit[~hidden], unit[hidden], told, offset, scale, choice)


def kinds_of_parts(budget: Budget) -> list[str]:
    """Class and choice of each of :func:`part_cases`."""
    return [KINDS[number % len(KINDS)] for number in range(budget.parts)]


def shown_option(points: Points, case: Case, instances: int) -> tuple[str, float]:
    """The option whose nearest instance is nearest to a completion (P, 3), and its CD-L2 to that."""
    rows = np.linspace(0, len(points) - 1, min(len(points), _ALTERNATIVE_POINTS)).round().astype(int)
    chosen = points[rows]
    tree, best = KDTree(chosen), ("", np.inf)
    for option, known in case.known(instances).items():
        for each in known:
            away = np.square(tree.query(each.data)[0]).mean() + np.square(each.query(chosen)[0]).mean()
            if away < best[1]:
                best = (option, float(away))
    return best


def drawn_alternatives(case: Case, samples: int) -> list[Points]:
    """What a perfect generator draws: hidden parts with options by the generator's probabilities, none seen before."""
    rng = _stream(case.origin, case.shape, case.number + 1, _NEW)
    options = rng.choice(list(case.options), size=samples, p=list(case.options.values()))
    return [case.alternative(str(each), 20_000 + s, len(case.hidden)) for s, each in enumerate(options)]


def _with_option(origin: Origin, name: str, choice: str, option: str, variant: int) -> Shape:
    """The object with another option; the first variant from ``variant`` on that has something to hide."""
    for number in range(variant * 100, variant * 100 + 100):
        shape = generate(*origin, name, {choice: option}, number)
        if _something_is_there(shape, choice):
            return shape
    raise ValueError(f"no {name} with {option} has anything to hide")


def _something_is_there(shape: Shape, choice: str) -> bool:
    # The back is drawn independently of the arms: leaving out chairs without a back keeps the shares of the arms.
    return choice != "arms" or shape.attributes["back"] != "missing"


def _sampled(shape: Shape, origin: Origin, count: int, purpose: int) -> tuple[Points, NDArray, NDArray, float]:
    """Points (N, 3) in the unit frame, their parts (N,), offset (3,) and scale of the frame."""
    return sample_framed(shape, count, _stream(origin, shape, 1, purpose))


def _stream(origin: Origin, shape: Shape, number: int, purpose: int) -> np.random.Generator:
    index, seed = origin
    return np.random.default_rng([seed, index, shape.label, number, purpose])


def realizing(name: str, choice: str) -> Alternative:
    """What realizes a choice of a class, and so is hidden."""
    return next(each for each in ALTERNATIVES[name] if choice in each.choices)


def _share_hidden(shape: Shape, origin: Origin, choice: str, count: int) -> float:
    """The share of the patches that hiding the part hides, as masks in training count: thin legs reach far.

    At least one patch is hidden and one visible.
    """
    unit, parts, _, _ = _sampled(shape, origin, count, _TOLD)
    cloud = torch.from_numpy(unit)[None]
    centers = farthest_point_indices(cloud, PATCHES)[0].numpy()
    hidden = int(realized_in(parts[centers], shape, realizing(shape.class_name, choice)).sum())
    return min(max(hidden, 1), PATCHES - 1) / PATCHES
