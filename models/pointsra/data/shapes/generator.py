"""Shape number ``index`` of a seed: its mesh, its part labels, its caption; and points sampled on its surface.

Everything follows from (seed, index, class): shapes can be made in any order, in any process, and come out the same.
Rendering views and writing files happen elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointsra.data.shapes import seating, surfaces
from pointsra.data.shapes.classes import CHOICES, CLASS_NAMES, DESIGNERS, PART_NAMES
from pointsra.data.shapes.designs import Alternative, Attribute, Design, Forced
from pointsra.errors import DataError

ALTERNATIVES: dict[str, tuple[Alternative, ...]] = {
    name: alternatives for family in (seating, surfaces) for name, alternatives in family.ALTERNATIVES.items()
}
"""Class -> choices that can be forced, with the parts that realize them; see :func:`generate`."""

_FORCIBLE: dict[str, Callable[[np.random.Generator, Forced | None], Design]] = {
    "chair": seating.chair,
    "stool": seating.stool,
    "table": surfaces.table,
}


@dataclass(frozen=True)
class Shape:
    """One generated object in meters, standing on y = 0, front toward +z.

    Attributes:
        vertices: (V, 3) float32.
        faces: (F, 3) int32.
        face_parts: (F,) uint8, indices into ``part_names``.
        class_name: one of ``CLASS_NAMES``.
        label: its index there.
        part_names: the class's complete list of parts.
        caption: one English phrase that states the attributes.
        attributes: option drawn for each choice that applies, then ``width_m``, ``height_m`` and ``depth_m``.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    face_parts: NDArray[np.uint8]
    class_name: str
    label: int
    part_names: tuple[str, ...]
    caption: str
    attributes: dict[str, Attribute]


def generate(
    index: int,
    seed: int,
    class_name: str | None = None,
    forced: Mapping[str, str] | None = None,
    variant: int = 0,
) -> Shape:
    """Make shape number ``index`` of a seed.

    With ``forced`` it is the same object with another option: ``{"base": "pedestal"}`` puts the same seat and back on a
    pedestal. Choices that are realized together with a forced one (``ALTERNATIVES``) are drawn anew, and so are the
    sizes of the parts that realize them; all other parts stay where they are, to the bit but for a common shift that
    lets the object stand on y = 0.

    Args:
        index: which shape, from 0.
        seed: which collection, from 0.
        class_name: the class; where None, classes take turns by index.
        forced: choice -> option, of choices in ``ALTERNATIVES``.
        variant: which instance of the forced options, from 0.

    Raises:
        DataError: the class name is not one of ``CLASS_NAMES``, a number is negative, or what is forced cannot be.
    """
    if index < 0 or seed < 0 or variant < 0:
        raise DataError(
            f"shape index {index}, seed {seed} and variant {variant} must not be negative; count all from 0"
        )
    if class_name is not None and class_name not in DESIGNERS:
        raise DataError(f"'{class_name}' is not a class of the shapes data set; choose among {', '.join(CLASS_NAMES)}")
    name = CLASS_NAMES[index % len(CLASS_NAMES)] if class_name is None else class_name
    label = CLASS_NAMES.index(name)
    rng = np.random.default_rng([seed, index, label])
    if forced:
        # One number more than the stream above, and never a zero, which would be no address of its own.
        anew = Forced(forced, _renewed(name, forced), np.random.default_rng([seed, index, label, variant + 1]))
        design = _FORCIBLE[name](rng, anew)
        for choice, option in forced.items():
            if choice not in design.attributes:
                raise DataError(
                    f"{choice} '{option}' says nothing about this {name}, whose base is '{design.attributes['base']}'; "
                    "force a base that has it as well"
                )
    else:
        design = DESIGNERS[name](rng)
    extents = np.ptp(design.vertices, axis=0)
    sizes = {key: round(float(size), 3) for key, size in zip(("width_m", "height_m", "depth_m"), extents, strict=True)}
    return Shape(
        vertices=design.vertices.astype(np.float32),
        faces=design.faces,
        face_parts=design.face_parts,
        class_name=name,
        label=label,
        part_names=PART_NAMES[name],
        caption=design.caption,
        attributes={**design.attributes, **sizes},
    )


def _renewed(name: str, forced: Mapping[str, str]) -> frozenset[str]:
    """All choices of the alternatives that forced ones belong to."""
    touched: set[str] = set()
    for choice, option in forced.items():
        together = [each.choices for each in ALTERNATIVES.get(name, ()) if choice in each.choices]
        if not together:
            known = [choice for each in ALTERNATIVES.get(name, ()) for choice in each.choices]
            raise DataError(f"'{choice}' of a {name} cannot be forced; what can be is {', '.join(known) or 'nothing'}")
        if option not in CHOICES[name][choice]:
            raise DataError(f"'{option}' is no {choice} of a {name}; choose among {', '.join(CHOICES[name][choice])}")
        touched.update(*together)
    return frozenset(touched)


def sample_surface(shape: Shape, count: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Sample points uniformly by area on a shape's triangles.

    Args:
        shape: what to sample.
        count: N, how many points.
        rng: source of randomness.

    Returns:
        Points (N, 3) float32 in the unit frame (their mean at the origin, the farthest at distance 1), and
        their part labels (N,) uint8.

    Raises:
        DataError: count is below 2, for which there is no unit frame, or the shape has no surface.
    """
    points, parts, _, _ = sample_framed(shape, count, rng)
    return points, parts


def sample_framed(
    shape: Shape, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.float64], float]:
    """The same points and labels, with the offset (3,) and the scale of the unit frame, both in meters.

    Raises:
        DataError: as :func:`sample_surface`.
    """
    if count < 2:
        raise DataError(f"cannot sample {count} points on a {shape.class_name}; ask for 2 or more")
    points, parts = sample_meters(shape, count, rng)
    offset = points.mean(axis=0)
    points -= offset
    scale = float(np.sqrt((points**2).sum(axis=1)).max())
    points /= scale
    return points.astype(np.float32), parts, offset, scale


def sample_meters(shape: Shape, count: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """The same points in the frame of the object: (N, 3) float64 in meters, with their part labels (N,).

    Raises:
        DataError: the shape has no surface.
    """
    corners = shape.vertices.astype(np.float64)[shape.faces]
    first, edge_a, edge_b = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.sqrt((np.cross(edge_a, edge_b) ** 2).sum(axis=1))
    bounds = np.cumsum(area)
    if not len(bounds) or not bounds[-1] > 0:
        raise DataError(f"this {shape.class_name} has no surface to sample; give it triangles with area")
    chosen = np.searchsorted(bounds, rng.random(count) * bounds[-1], side="right")
    chosen = np.minimum(chosen, len(area) - 1)
    u, v = rng.random((2, count, 1))
    over = u + v > 1
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    return first[chosen] + u * edge_a[chosen] + v * edge_b[chosen], shape.face_parts[chosen]
