"""The generated shapes: the same from the same seed, sound as meshes, as varied and as labeled as promised."""

from __future__ import annotations

import numpy as np
import pytest

from pointsra.data.shapes import (
    ALTERNATIVES,
    CHOICES,
    CLASS_NAMES,
    ONLY_WHEN,
    PART_NAMES,
    generate,
    sample_meters,
    sample_surface,
)
from pointsra.data.shapes.designs import draw
from pointsra.data.shapes.generator import Shape
from pointsra.data.shapes.meshes import box, merge
from pointsra.errors import DataError

OWNERS_LIST = [
    "chair",
    "armchair",
    "stool",
    "table",
    "desk",
    "sofa",
    "bed",
    "cabinet",
    "shelf",
    "lamp",
    "bottle",
    "mug",
    "vase",
    "airplane",
    "car",
    "guitar",
    "bowl",
    "box",
    "can",
    "cutlery",
    "plant",
    "plate",
    "pot",
    "teapot",
    "bag",
    "bathtub",
    "bench",
    "bin",
    "faucet",
    "laptop",
    "monitor",
    "phone",
    "sink",
    "toilet",
    "tool",
    "boat",
    "book",
    "bus",
    "hat",
    "motorcycle",
    "shoe",
    "person",
    "animal",
    "bird",
    "fish",
    "door",
    "window",
    "stove",
    "fridge",
    "radiator",
    "clock",
    "umbrella",
    "ladder",
    "bicycle",
    "helicopter",
    "house",
    "fruit",
    "headphones",
    "camera",
]


def test_all_promised_classes_are_there() -> None:
    assert set(OWNERS_LIST) <= set(CLASS_NAMES)
    assert list(CLASS_NAMES[:41]) == sorted(CLASS_NAMES[:41])  # later ones are appended: labels stay
    assert sum(len(PART_NAMES[name]) for name in CLASS_NAMES) <= 255  # one byte over all classes, 255 is unknown
    assert [generate(i, 0).class_name for i in range(len(CLASS_NAMES))] == list(CLASS_NAMES)


def test_same_seed_same_shape_other_seed_other_shape() -> None:
    for name in CLASS_NAMES:
        one, two, other = generate(5, 3, name), generate(5, 3, name), generate(5, 4, name)
        assert np.array_equal(one.vertices, two.vertices)
        assert np.array_equal(one.faces, two.faces)
        assert np.array_equal(one.face_parts, two.face_parts)
        assert one.attributes == two.attributes and one.caption == two.caption
        assert one.vertices.shape != other.vertices.shape or not np.allclose(one.vertices, other.vertices)


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_thirty_of_each_class_are_sound(name: str) -> None:
    seen: set[int] = set()
    for index in range(30):
        shape = generate(index, 11, name)
        assert shape.part_names == PART_NAMES[name]
        assert shape.label == CLASS_NAMES.index(name)
        assert np.isfinite(shape.vertices).all()
        assert shape.faces.min() >= 0 and shape.faces.max() < len(shape.vertices)
        assert len(shape.face_parts) == len(shape.faces)
        assert shape.face_parts.max() < len(shape.part_names)
        corners = shape.vertices.astype(np.float64)[shape.faces]
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
        assert area.sum() > 0 and np.isfinite(area).all()
        extents = np.ptp(shape.vertices, axis=0)
        assert extents.min() > 0.02 * extents.max()
        assert shape.vertices[:, 1].min() == pytest.approx(0.0, abs=1e-6)
        assert name in shape.caption and "None" not in shape.caption and "{}" not in shape.caption
        seen |= set(np.unique(shape.face_parts).tolist())
    assert len(seen) >= len(PART_NAMES[name]) // 2 + 1


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_faces_of_each_part_point_outward_on_the_whole(name: str) -> None:
    shape = generate(2, 5, name)
    corners = shape.vertices.astype(np.float64)[shape.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert np.einsum("fi,fi->", corners[:, 0] - shape.vertices.mean(axis=0), normals) > 0


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_caption_tells_apart_what_attributes_tell_apart(name: str) -> None:
    captions: dict[tuple, str] = {}
    for index in range(60):
        shape = generate(index, 1, name)
        drawn = tuple((key, shape.attributes.get(key)) for key in CHOICES[name])
        captions[drawn] = shape.caption
    assert len(set(captions.values())) == len(captions)


def test_every_table_sums_to_one_and_conditions_name_real_options() -> None:
    for name in CLASS_NAMES:
        for choice, options in CHOICES[name].items():
            assert sum(options.values()) == pytest.approx(1.0), (name, choice)
        for choice, (other, allowed) in ONLY_WHEN[name].items():
            assert choice in CHOICES[name]
            assert set(allowed) <= set(CHOICES[name][other]), (name, choice)


@pytest.mark.parametrize(("name", "choices"), [("chair", ("base", "back", "arms")), ("car", ("body", "wheels"))])
def test_frequencies_are_those_of_the_table(name: str, choices: tuple[str, ...]) -> None:
    shapes = [generate(i, 21, name) for i in range(400)]
    for choice in choices:
        drawn = [shape.attributes[choice] for shape in shapes]
        for option, probability in CHOICES[name][choice].items():
            spread = 4 * np.sqrt(probability * (1 - probability) / 400)
            assert abs(drawn.count(option) / 400 - probability) < spread, (choice, option)


def test_choices_are_independent_of_one_another() -> None:
    rng = np.random.default_rng(3)
    draws = [draw(rng, CHOICES["chair"], ONLY_WHEN["chair"]) for _ in range(4000)]
    solid = [d["base"] for d in draws if d["back"] == "solid"]
    for option, probability in CHOICES["chair"]["base"].items():
        spread = 4 * np.sqrt(probability * (1 - probability) / len(solid))
        assert abs(solid.count(option) / len(solid) - probability) < spread
    assert all("leg_style" not in d for d in draws if d["base"] == "castors")
    assert all("leg_style" in d for d in draws if d["base"] == "four legs")


def _two_boxes() -> Shape:
    small, large = box((0, 0.5, 0), (1, 1, 1)), box((5, 1, 0), (2, 2, 2))
    both = merge([small, large])
    return Shape(
        both.vertices.astype(np.float32),
        both.faces,
        np.repeat([0, 1], 12).astype(np.uint8),
        "chair",
        6,
        ("a", "b"),
        "",
        {},
    )


def test_sampling_is_proportional_to_area() -> None:
    _, parts = sample_surface(_two_boxes(), 20000, np.random.default_rng(0))
    assert (parts == 1).mean() == pytest.approx(24 / 30, abs=0.012)


def test_samples_lie_on_the_surface_and_fill_it() -> None:
    shape = _two_boxes()
    points, parts = sample_surface(shape, 6000, np.random.default_rng(1))
    cube = points[parts == 0]
    cube = (cube - (cube.max(0) + cube.min(0)) / 2) / (np.ptp(cube, axis=0) / 2)
    assert np.allclose(np.abs(cube).max(axis=1), 1.0, atol=0.02)
    assert np.allclose([(cube[:, axis] > 0).mean() for axis in range(3)], 0.5, atol=0.06)


def test_samples_are_in_the_unit_frame_and_repeatable() -> None:
    for name in CLASS_NAMES:
        shape = generate(0, 9, name)
        points, parts = sample_surface(shape, 512, np.random.default_rng(4))
        again, _ = sample_surface(shape, 512, np.random.default_rng(4))
        assert points.dtype == np.float32 and points.shape == (512, 3)
        assert parts.dtype == np.uint8 and parts.shape == (512,)
        assert np.array_equal(points, again)
        assert np.allclose(points.mean(axis=0), 0.0, atol=1e-5)
        assert np.linalg.norm(points, axis=1).max() == pytest.approx(1.0, abs=1e-5)


def _part_mean(shape: Shape, part: str, axis: int) -> float | None:
    chosen = shape.faces[shape.face_parts == shape.part_names.index(part)]
    return float(shape.vertices[chosen].mean(axis=(0, 1))[axis]) if len(chosen) else None


def test_objects_stand_upright_and_face_front() -> None:
    for index in range(40):
        chair = generate(index, 2, "chair")
        seat = _part_mean(chair, "seat", 1)
        for below in ("leg", "base", "wheel", "stretcher"):
            height = _part_mean(chair, below, 1)
            assert height is None or height < seat
        back = _part_mean(chair, "back", 1)
        assert back is None or (back > seat and _part_mean(chair, "back", 2) < _part_mean(chair, "seat", 2))
        assert _part_mean(generate(index, 2, "bed"), "mattress", 1) > 0.1
        airplane = generate(index, 2, "airplane")
        assert _part_mean(airplane, "tail", 2) < _part_mean(airplane, "wing", 2)
        car = generate(index, 2, "car")
        assert _part_mean(car, "wheel", 1) < _part_mean(car, "cabin", 1)
        assert np.ptp(car.vertices[:, 2]) > np.ptp(car.vertices[:, 0])


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_shapes_of_a_class_differ(name: str) -> None:
    spatial = pytest.importorskip("scipy.spatial")
    clouds = [sample_surface(generate(i, 6, name), 1000, np.random.default_rng(i))[0] for i in range(8)]
    again = [sample_surface(generate(i, 6, name), 1000, np.random.default_rng(99 + i))[0] for i in range(8)]
    trees = [spatial.cKDTree(cloud) for cloud in clouds]
    away = np.array([[tree.query(cloud)[0].mean() for tree in trees] for cloud in clouds])
    chamfer = away + away.T + np.where(np.eye(8), np.inf, 0.0)
    apart = [chamfer[i].min() / (2 * trees[i].query(again[i])[0].mean()) for i in range(8)]
    assert np.median(apart) > 1.12, apart


def test_bad_requests_say_what_is_wrong() -> None:
    with pytest.raises(DataError, match="'spoon' is not a class"):
        generate(0, 0, "spoon")
    with pytest.raises(DataError, match="negative"):
        generate(-1, 0)
    with pytest.raises(DataError, match="2 or more"):
        sample_surface(generate(0, 0), 1, np.random.default_rng(0))
    with pytest.raises(DataError, match="'seat' of a chair cannot be forced"):
        generate(0, 0, "chair", {"seat": "round"})
    with pytest.raises(DataError, match="of a lamp cannot be forced; what can be is nothing"):
        generate(0, 0, "lamp", {"base": "disc"})
    with pytest.raises(DataError, match="'six legs' is no base of a chair"):
        generate(0, 0, "chair", {"base": "six legs"})


def _kept(shape: Shape, hidden: tuple[str, ...]) -> np.ndarray:
    """Corners (F, 3, 3) of the faces of all other parts, over the lowest of them."""
    shown = [number for number, part in enumerate(shape.part_names) if part not in hidden]
    corners = shape.vertices.astype(np.float64)[shape.faces[np.isin(shape.face_parts, shown)]]
    corners[..., 1] -= corners[..., 1].min()
    return corners


@pytest.mark.parametrize("name", sorted(ALTERNATIVES))
def test_a_forced_option_changes_what_realizes_it_and_nothing_else(name: str) -> None:
    for alternative in ALTERNATIVES[name]:
        choice = alternative.choices[0]
        for index in range(6):
            plain = generate(index, 4, name)
            for option in CHOICES[name][choice]:
                forced = generate(index, 4, name, {choice: option}, variant=index)
                assert forced.attributes[choice] == option
                np.testing.assert_allclose(_kept(forced, alternative.parts), _kept(plain, alternative.parts), atol=1e-6)
                for key in CHOICES[name].keys() - set(alternative.choices):
                    assert forced.attributes.get(key) == plain.attributes.get(key)
                for key, (other, allowed) in ONLY_WHEN[name].items():
                    assert (key in forced.attributes) == (forced.attributes[other] in allowed)


def test_a_forced_option_that_says_nothing_about_the_object_is_refused() -> None:
    with pytest.raises(DataError, match="leg_style 'turned' says nothing about this chair, whose base is 'pedestal'"):
        generate(0, 4, "chair", {"base": "pedestal", "leg_style": "turned"})
    assert generate(0, 4, "chair", {"base": "four legs", "leg_style": "turned"}).attributes["leg_style"] == "turned"
    made, refused = [], []
    for variant in range(20):  # the base is drawn anew: it may have legs or none
        try:
            made.append(generate(0, 4, "table", {"leg_style": "turned"}, variant).attributes["leg_style"])
        except DataError as error:
            refused.append(str(error))
    assert set(made) == {"turned"} and refused
    assert all("force a base that has it as well" in told for told in refused)


def test_forced_options_are_repeatable_and_variants_differ() -> None:
    one, two = (generate(3, 4, "chair", {"base": "castors"}, variant=2) for _ in range(2))
    assert np.array_equal(one.vertices, two.vertices) and one.caption == two.caption
    other = generate(3, 4, "chair", {"base": "castors"}, variant=3)
    assert other.vertices.shape != one.vertices.shape or not np.array_equal(other.vertices, one.vertices)
    assert "castors" in one.caption
    legs = {generate(3, 4, "chair", {"base": "four legs"}, variant=each).attributes["leg_style"] for each in range(12)}
    assert len(legs) > 2


def test_meters_and_unit_frame_are_the_same_points() -> None:
    shape = generate(6, 9, "chair")
    meters, parts = sample_meters(shape, 500, np.random.default_rng(4))
    unit, again = sample_surface(shape, 500, np.random.default_rng(4))
    assert np.array_equal(parts, again) and meters[:, 1].min() > -1e-6
    centered = meters - meters.mean(axis=0)
    np.testing.assert_allclose(centered / np.linalg.norm(centered, axis=1).max(), unit, atol=1e-6)
