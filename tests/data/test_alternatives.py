"""The split of alternatives: what stays visible is the same whatever the part, and options come as often as told."""

from __future__ import annotations

from collections import Counter

import h5py
import numpy as np
import pytest
from scipy.spatial import KDTree

from pointsra.data.alternatives import OTHER_POINTS, OTHERS, AlternativesTask, make_alternatives
from pointsra.data.shapes import ALTERNATIVES, CHOICES, generate, other_part, realized_in
from pointsra.data.store import open_split
from pointsra.errors import DataError

TURNS = [(name, alternative) for name, several in ALTERNATIVES.items() for alternative in several]


@pytest.mark.parametrize(("name", "alternative"), TURNS)
def test_an_other_part_is_put_where_the_rest_of_the_shape_stands(name, alternative):
    choice = alternative.choices[0]
    shape = generate(3, 0, name)
    visible = ~realized_in(shape.face_parts, shape, alternative)
    for option in CHOICES[name][choice]:
        other = generate(3, 0, name, {choice: option}, 1)
        theirs = ~realized_in(other.face_parts, other, alternative)
        part = other_part(shape, other, alternative)
        assert len(part.faces) == (~theirs).sum()
        # What both have in common lies in the same place once the part does.
        rise = part.vertices - other.vertices
        common = (other.vertices + rise)[other.faces[theirs]]
        np.testing.assert_allclose(common, shape.vertices[shape.faces[visible]], atol=1e-5)


def test_of_every_shape_the_part_and_what_else_it_could_be(alternatives):
    assert len(alternatives) == 12 and not alternatives.image_feature_size and not alternatives.has_views
    rows = np.arange(12)
    points, hidden, others = (
        alternatives.points_at(rows),
        alternatives.hidden_at(rows),
        alternatives.alternatives_at(rows),
    )
    assert others.shape == (12, OTHERS, OTHER_POINTS, 3) and hidden.dtype == bool
    np.testing.assert_allclose(np.linalg.norm(points, axis=2).max(axis=1), 1, atol=1e-5)
    for row in rows:
        assert alternatives.ids[row].startswith(f"{TURNS[row % len(TURNS)][0]}-2")
        assert 4 <= hidden[row].sum() <= 512 - 4
        own = points[row][hidden[row]]
        spread = np.linalg.norm(own - own.mean(axis=0), axis=1).max()
        for other in others[row]:  # it is as large as the part, and where the part was
            assert np.linalg.norm(other.mean(axis=0) - own.mean(axis=0)) < spread
            assert 0.3 * spread < np.linalg.norm(other - other.mean(axis=0), axis=1).max() < 3 * spread
        apart = [KDTree(one).query(other)[0].mean() for one in others[row] for other in others[row] if one is not other]
        assert max(apart) > 0.01  # they are not one and the same


def test_the_same_seed_makes_the_same(alternatives):
    first = make_alternatives(AlternativesTask((0, 1), 0, 512)).block
    np.testing.assert_array_equal(first.points, alternatives.points_at([0, 1]))
    np.testing.assert_array_equal(first.alternatives.astype(np.float32), alternatives.alternatives_at([0, 1]))
    other = make_alternatives(AlternativesTask((0, 1), 1, 512)).block
    assert not np.array_equal(first.points, other.points)


def test_options_come_by_the_probabilities_of_the_generator(monkeypatch):
    seen = Counter()

    def watched(index, seed, name=None, forced=None, variant=0):
        if forced:
            seen[forced["base"]] += 1
        return generate(index, seed, name, forced, variant)

    monkeypatch.setattr("pointsra.data.alternatives.generate", watched)
    stools = [number for number in range(240) if TURNS[number % len(TURNS)][0] == "stool"]
    make_alternatives(AlternativesTask(tuple(stools), 0, 64))
    total = sum(seen.values())
    assert total >= OTHERS * len(stools)
    for option, probability in CHOICES["stool"]["base"].items():
        assert abs(seen[option] / total - probability) < 4 * (probability * (1 - probability) / total) ** 0.5


def test_half_of_what_belongs_together_is_refused(alternatives, tmp_path):
    path = tmp_path / "shapes" / "alternatives.h5"
    path.parent.mkdir()
    path.write_bytes(alternatives.path.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["hidden"]
    with pytest.raises(DataError, match="hidden and alternative come together"):
        open_split(path)
