"""ShapeNetPart from tiny files in the exact official layout, whole and damaged."""

import json

import h5py
import numpy as np
import pytest

from pointsra.data.prepare import PrepareRequest, plan, prepare
from pointsra.data.shapenetpart import FOLDER, expected_tree
from pointsra.data.shapenetpart_parts import CATEGORIES, CLASS_NAMES, PART_NAMES
from pointsra.data.store import open_split
from pointsra.data.views import to_unit_frame
from pointsra.errors import DataError

POINTS = 48
SHAPES = {"train": ("Airplane", "Mug", "Table", "Airplane"), "val": ("Chair", "Table"), "test": ("Motorbike", "Mug")}


def model(split, number):
    return f"{split}{number}a04e3eab45ca15dd86060f189eb133"


def shape(split, number, category, rows=60):
    """x y z nx ny nz part, every part of the category there."""
    rng = np.random.default_rng([number, *split.encode()])
    parts = np.arange(rows) % (category.last - category.first + 1) + category.first
    return np.round(np.column_stack([rng.normal(2, 1, (rows, 3)) * [1, 2, 3], rng.normal(size=(rows, 3)), parts]), 6)


def official(folder):
    (folder / "train_test_split").mkdir(parents=True)
    (folder / "synsetoffset2category.txt").write_text(
        "".join(f"{name}\t{each.synset}\n" for name, each in CATEGORIES.items())
    )
    for split, names in SHAPES.items():
        entries = []
        for number, name in enumerate(names):
            category = CATEGORIES[name]
            path = folder / category.synset / f"{model(split, number)}.txt"
            path.parent.mkdir(exist_ok=True)
            np.savetxt(path, shape(split, number, category), fmt="%.6f", delimiter=" ")
            entries.append(f"shape_data/{category.synset}/{model(split, number)}")
        list_path(folder, split).write_text(json.dumps(entries))
    return folder


def list_path(folder, split):
    return folder / "train_test_split" / f"shuffled_{split}_file_list.json"


def request(tmp_path, raw, **changes):
    return PrepareRequest(
        **{"dataset": "shapenetpart", "root": tmp_path / "data", "raw": raw, "points": POINTS, **changes}
    )


def counts(result):
    return {name: split["count"] for name, split in result.manifest["splits"].items()}


def test_the_official_numbers():
    assert len(CATEGORIES) == 16 and len(PART_NAMES) == 50
    assert [PART_NAMES[CATEGORIES[name].first] for name in ("Airplane", "Mug", "Table")] == [
        "airplane/0",
        "mug/0",
        "table/0",
    ]
    assert PART_NAMES[49] == "table/2" and CATEGORIES["Motorbike"].last - CATEGORIES["Motorbike"].first == 5
    firsts = [each.first for each in CATEGORIES.values()]
    assert firsts[1:] == [each.last + 1 for each in list(CATEGORIES.values())[:-1]]
    assert [each.synset for each in CATEGORIES.values()] == sorted(each.synset for each in CATEGORIES.values())


@pytest.mark.parametrize("inside", ["", FOLDER, f"ShapeNetPart/{FOLDER}"])
def test_shapes_with_their_parts_and_normals(tmp_path, inside):
    official(tmp_path / "raw" / inside)
    result = prepare(request(tmp_path, tmp_path / "raw"))
    assert counts(result) == {"train": 4, "val": 2, "test": 2} and result.manifest["class_names"] == list(CLASS_NAMES)
    assert "train has 4 clouds; the official list has 12,137." in result.notes
    with open_split(result.folder / "train.h5") as split:
        assert split.ids[1] == f"03797390-{model('train', 1)}" and split.captions[:2] == ("an airplane", "a mug")
        assert (split.frame, split.part_names) == ("unit", PART_NAMES)
        assert [split.class_names[label] for label in split.labels] == list(SHAPES["train"])
        for number, name in enumerate(SHAPES["train"]):
            raw = shape("train", number, CATEGORIES[name])
            normals, parts = split.normals_at([number])[0], split.parts_at([number])[0]
            rows = [int(np.abs(raw[:, 3:6] - normal).sum(axis=1).argmin()) for normal in normals]
            assert len(set(rows)) == POINTS  # none of them twice
            np.testing.assert_allclose(split.points_at([number])[0], to_unit_frame(raw[rows, :3]), atol=1e-6)
            np.testing.assert_array_equal(parts, raw[rows, 6])
    with open_split(result.folder / "train+val.h5") as both:
        assert len(both) == 6
    assert prepare(request(tmp_path, tmp_path / "raw")).unchanged


def test_workers_limit_and_too_few_points(tmp_path):
    raw = official(tmp_path / "raw")
    folders = [
        prepare(request(tmp_path, raw, workers=workers, root=tmp_path / str(workers), points=64)).folder
        for workers in (1, 2)
    ]
    for split in SHAPES:
        with h5py.File(folders[0] / f"{split}.h5") as one, h5py.File(folders[1] / f"{split}.h5") as two:
            assert set(one) == set(two) >= {"points", "normal", "part", "label", "id", "views"}
            for key in one:
                np.testing.assert_array_equal(one[key][:], two[key][:])
    few = prepare(request(tmp_path, raw, limit=1, points=64))
    assert counts(few) == {"train": 1, "val": 1, "test": 1}
    assert "3 clouds have fewer than 64 points; some of theirs are repeated." in few.notes
    with open_split(few.folder / "test.h5") as split:
        pairs = {
            (*normal, part)
            for normal, part in zip(split.normals_at([0])[0].tolist(), split.parts_at([0])[0], strict=True)
        }
        assert len(pairs) == 60  # a point that is there twice has its part twice


def test_missing_says_where_it_is_to_be_had(tmp_path):
    for act in (plan, prepare):
        with pytest.raises(DataError) as caught:
            act(request(tmp_path, tmp_path))
        for words in ("10089706", "non-commercial", "--raw", expected_tree()):
            assert words in str(caught.value)


MUG = f"03797390/{model('train', 1)}.txt"


def rewritten(name, change):
    return lambda folder: (folder / name).write_text(change((folder / name).read_text()))


def relisted(change):
    def damage(folder):
        path = list_path(folder, "train")
        path.write_text(json.dumps(change(json.loads(path.read_text()))))

    return damage


def last_field(value):
    def change(text):
        lines = text.splitlines()
        lines[6] = lines[6][: lines[6].rindex(" ")] + f" {value}"
        return "\n".join(lines)

    return change


DAMAGE = {
    "no list": (lambda f: list_path(f, "val").unlink(), r"shuffled_val_file_list\.json: missing"),
    "no lists": (
        lambda f: [list_path(f, split).unlink() for split in SHAPES],
        r"shuffled_train_file_list\.json: missing",
    ),
    "list cut short": (
        lambda f: list_path(f, "test").write_text(list_path(f, "test").read_text()[:-9]),
        r"shuffled_test_file_list\.json: not valid JSON, or cut short",
    ),
    "empty list": (relisted(lambda entries: []), r"train_file_list\.json: is not a list of names like shape_data/"),
    "numbers": (relisted(lambda entries: [1, 2]), r"train_file_list\.json: is not a list of names like shape_data/"),
    "other synset": (
        relisted(lambda entries: [*entries, "shape_data/02747177/abc"]),
        r"names 'shape_data/02747177/abc', not shape_data/, one of the 16 synsets",
    ),
    "out of the folder": (
        relisted(lambda entries: [*entries, "shape_data/02691156/../../x"]),
        r"names 'shape_data/02691156/\.\./\.\./x', not",
    ),
    "not there": (lambda f: (f / MUG).unlink(), r"train1a.*\.txt: not there, though shuffled_train_file_list\.json"),
    "15 categories": (
        rewritten("synsetoffset2category.txt", lambda text: text[text.index("\n") + 1 :]),
        r"synsetoffset2category\.txt: names 15 categories, expected 16",
    ),
    "another category": (
        rewritten("synsetoffset2category.txt", lambda text: text.replace("Mug\t03797390", "Mug\t03797391")),
        r"synsetoffset2category\.txt: line 12 \(Mug 03797391\) is none of the 16",
    ),
    "part of another": (
        rewritten(MUG, last_field("38.000000")),
        r"train1a.*\.txt: line 7 has part 38; Mug has 36 to 37\.",
    ),
    "part too large": (rewritten(MUG, last_field("50.000000")), r"line 7 has part 50; Mug has 36 to 37"),
    "no whole part": (rewritten(MUG, last_field("36.5")), r"line 7 has part 36\.5; Mug has 36 to 37"),
    "empty": (rewritten(MUG, lambda _: ""), r"train1a.*\.txt: is empty"),
    "nan": (rewritten(MUG, lambda text: "nan" + text[text.index(" ") :]), r"line 1 has a number that is not finite"),
    "cut short": (rewritten(MUG, lambda text: text[: text.rindex(" ")]), r"line 60 has 6 columns, not 7 with a space"),
    "separator": (
        rewritten(MUG, lambda text: text.replace(" ", ",")),
        r"line 1 has 1 column, not 7 with a space between them \(it seems to have a comma there instead\)",
    ),
    "one place": (
        rewritten(MUG, lambda _: "1 2 3 0 0 1 36\n" * 60),
        r"train1a.*\.txt: all its points are in one place",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(tmp_path, name):
    raw = official(tmp_path / FOLDER)
    change, sentence = DAMAGE[name]
    change(raw)
    with pytest.raises(DataError, match=sentence) as caught:
        prepare(request(tmp_path, raw))
    assert str(raw) in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "data" / "shapenetpart").exists()


def test_skip_bad_names_what_it_leaves_out(tmp_path):
    raw = official(tmp_path / "raw")
    DAMAGE["part of another"][0](raw)
    DAMAGE["other synset"][0](raw)
    (raw / "04379243" / f"{model('val', 1)}.txt").unlink()
    with pytest.raises(DataError, match="--skip-bad leaves it out"):
        prepare(request(tmp_path, raw))
    result = prepare(request(tmp_path, raw, skip_bad=True))
    assert counts(result) == {"train": 3, "val": 1, "test": 2}
    assert [each["file"] for each in result.manifest["skipped"]] == [
        "shuffled_train_file_list.json, shape_data/02747177/abc",
        f"shuffled_val_file_list.json, shape_data/04379243/{model('val', 1)}",
        MUG,
    ]


def test_duplicates_and_shapes_in_two_splits_are_said(tmp_path):
    raw = official(tmp_path / "raw")
    first, test_entry = (json.loads(list_path(raw, split).read_text())[0] for split in ("train", "test"))
    relisted(lambda entries: [*entries, first, test_entry])(raw)
    result = prepare(request(tmp_path, raw))
    assert counts(result) == {"train": 5, "val": 2, "test": 2}
    assert f"names {first} more than once; it was taken once." in result.manifest["skipped"][0]["reason"]
    assert any("1 shapes are in train and in test, 03790512-test0" in note for note in result.notes)


def test_without_the_file_of_categories(tmp_path):
    raw = official(tmp_path / "raw")
    (raw / "synsetoffset2category.txt").unlink()
    assert counts(prepare(request(tmp_path, raw))) == {"train": 4, "val": 2, "test": 2}
