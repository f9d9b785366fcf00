"""From drawn choices to a labeled, captioned object.

A class of objects is a table of choices with their probabilities, a list of part names, and a function that builds
one object from a generator. This file holds what all classes share: the draw, the assembly of labeled parts, the
sentence. It knows no class.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pointsra.data.shapes.meshes import Faces, Floats, Mesh, rotate

Choices = Mapping[str, Mapping[str, float]]
Conditions = Mapping[str, tuple[str, tuple[str, ...]]]
# Options that name one thing and need an article where they stand alone.
_COUNTED_ONE = frozenset(
    {"pedestal", "double pedestal", "sled base", "cantilever frame", "plinth", "box frame", "metal frame"}
)
Attribute = str | int | float | bool


@dataclass(frozen=True)
class Design:
    """One object before sampling, in meters, y up, front toward +z.

    Attributes:
        vertices: (V, 3) float64.
        faces: (F, 3) int32, wound so that normals point outward from each piece.
        face_parts: (F,) uint8 index into the class's own part names.
        attributes: what was drawn, under the names of the class's table of choices, then counts.
        caption: one English phrase that states the attributes.
    """

    vertices: Floats
    faces: Faces
    face_parts: np.ndarray
    attributes: dict[str, Attribute]
    caption: str


def draw(rng: np.random.Generator, choices: Choices, only_when: Conditions | None = None) -> dict[str, str]:
    """Draw every choice of a class independently, then drop those that say nothing about this object.

    Args:
        rng: source of randomness; one number is used for each choice, in the table's order.
        choices: option probabilities for each choice; each row sums to 1.
        only_when: choice -> (other choice, options under which it applies); a turned leg means nothing on a plinth.

    Returns:
        Choice -> option drawn.
    """
    drawn: dict[str, str] = {}
    for (name, options), number in zip(choices.items(), rng.random(len(choices)), strict=True):
        total = 0.0
        for option, probability in options.items():
            total += probability
            drawn[name] = option
            if number < total:
                break
    return _applying(drawn, only_when)


def _applying(drawn: dict[str, str], only_when: Conditions | None) -> dict[str, str]:
    for name, (other, allowed) in (only_when or {}).items():
        if drawn.get(other) not in allowed:
            drawn.pop(name, None)
    return drawn


@dataclass(frozen=True)
class Alternative:
    """Choices that are realized together, and by parts of their own: without these parts, nothing tells what was drawn.

    Attributes:
        choices: names in the class's table.
        parts: names of the parts that realize them; all others are the same whatever the choice.
    """

    choices: tuple[str, ...]
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Forced:
    """Options that take the place of drawn ones.

    Attributes:
        options: choice -> option.
        renewed: choices that are drawn anew where ``options`` does not name them, those of the same alternatives.
        rng: source of randomness of all that realizes them.
    """

    options: Mapping[str, str]
    renewed: frozenset[str]
    rng: np.random.Generator


@dataclass(frozen=True)
class Drawing:
    """What an object is built from.

    Attributes:
        drawn: choice -> option, as :func:`draw` gave it.
        taken: the same with forced options in their place; this is what the object has.
        forced: what was forced, or None.
    """

    drawn: dict[str, str]
    taken: dict[str, str]
    forced: Forced | None

    def realize(
        self,
        choice: str,
        build: Callable[[Assembly, np.random.Generator, Mapping[str, str]], None],
        asm: Assembly,
        rng: np.random.Generator,
    ) -> None:
        """Build the parts of the alternatives that ``choice`` belongs to.

        Forced ones are built with numbers of their own. What was drawn is then built aside and thrown away, so that
        ``rng`` goes on as it would have and all other parts stay as they were.
        """
        if self.forced is None or choice not in self.forced.renewed:
            build(asm, rng, self.drawn)
        else:
            build(asm.aside(), rng, self.drawn)
            build(asm, self.forced.rng, self.taken)


def draw_with(
    rng: np.random.Generator, choices: Choices, only_when: Conditions | None, forced: Forced | None
) -> Drawing:
    """Draw every choice as :func:`draw` does, then put forced options in place."""
    drawn = draw(rng, choices, only_when)
    if forced is None:
        return Drawing(drawn, drawn, None)
    anew = draw(forced.rng, choices) | dict(forced.options)
    kept = drawn | {name: option for name, option in anew.items() if name in forced.renewed}
    return Drawing(drawn, _applying({name: kept[name] for name in choices if name in kept}, only_when), forced)


def caption(name: str, attributes: Mapping[str, Attribute], lead: Sequence[str], wording: Mapping[str, str]) -> str:
    """State attributes as one English phrase.

    Args:
        name: the class, the phrase's noun.
        attributes: what was drawn.
        lead: attributes whose option stands before the noun ("a low table"); the option "plain" is left out.
        wording: attribute -> pattern in which ``{}`` is its option ("a {} back"); the option "none" is written
            as "no" and the attribute's name.
    """
    words = [str(attributes[key]) for key in lead if attributes.get(key, "plain") != "plain"] + [name]
    phrases = []
    for key, pattern in wording.items():
        if key in attributes:
            value = str(attributes[key])
            if key == "base" and "leg_style" in attributes:
                value = value.replace(" legs", f" {attributes['leg_style']} legs")
            elif pattern == "{}" and value in _COUNTED_ONE:
                value = f"a {value}"
            phrases.append(f"no {key.replace('_', ' ')}" if value == "none" else pattern.format(value))
    head = " ".join(words)
    article = "an" if head[0] in "aeiou" else "a"
    if not phrases:
        return f"{article} {head}"
    listed = phrases[0] if len(phrases) == 1 else ", ".join(phrases[:-1]) + " and " + phrases[-1]
    return re.sub(r"\ba (?=[aeio](?!ne\b)|urn|up)", "an ", f"{article} {head} with {listed}")


class Assembly:
    """Collects pieces under their part names, then closes them into a :class:`Design`."""

    def __init__(self, part_names: Sequence[str]) -> None:
        self._names = tuple(part_names)
        self._index = {name: i for i, name in enumerate(part_names)}
        self._pieces: list[Mesh] = []
        self._parts: list[int] = []

    def add(self, part: str, *meshes: Mesh) -> None:
        """Add meshes that belong to one part."""
        for mesh in meshes:
            self._pieces.append(mesh)
            self._parts.append(self._index[part])

    def turn(self, axis: str, degrees: float) -> None:
        """Turn all that has been added about an axis ("x", "y" or "z") through the origin: what stood lies down."""
        self._pieces = [rotate(mesh, axis, degrees) for mesh in self._pieces]

    def aside(self) -> Assembly:
        """An empty assembly of the same parts, for pieces that are thrown away."""
        return Assembly(self._names)

    def finish(self, attributes: Mapping[str, Attribute], sentence: str) -> Design:
        """Join the pieces: wind faces outward piece by piece, drop faces without area, stand on y = 0."""
        starts = np.cumsum([0] + [len(mesh.vertices) for mesh in self._pieces])
        counts = np.array([len(mesh.faces) for mesh in self._pieces])
        vertices = np.concatenate([mesh.vertices for mesh in self._pieces])
        faces = np.concatenate([mesh.faces for mesh in self._pieces]) + np.repeat(starts[:-1], counts)[:, None]
        middles = np.add.reduceat(vertices, starts[:-1], axis=0) / np.diff(starts)[:, None]
        corners = vertices[faces] - np.repeat(middles, counts, axis=0)[:, None]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        volumes = np.add.reduceat(np.einsum("fi,fi->f", corners[:, 0], normals), np.cumsum(counts) - counts)
        inverted = np.repeat(volumes < 0, counts)
        faces[inverted] = faces[inverted][:, ::-1]
        kept = np.einsum("fi,fi->f", normals, normals) > 1e-20
        vertices[:, 1] -= vertices[:, 1].min()
        parts = np.repeat(np.array(self._parts, dtype=np.uint8), counts)
        return Design(vertices, faces[kept].astype(np.int32), parts[kept], dict(attributes), sentence)
