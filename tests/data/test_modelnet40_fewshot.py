"""Few-shot folds of ModelNet40: official pickles in both spellings, and folds drawn from a seed."""

import pickle
from dataclasses import replace

import h5py
import numpy as np
import pytest

from pointsra.data.modelnet40 import CLASS_NAMES
from pointsra.data.modelnet40_clouds import Listed
from pointsra.data.modelnet40_folds import draw_folds
from pointsra.data.prepare import PrepareRequest, plan, prepare
from pointsra.data.store import SplitContent, open_split, write_split
from pointsra.data.views import to_unit_frame
from pointsra.errors import DataError
from tests.data.modelnet40_layout import cloud, resampled

POINTS = 32


def request(tmp_path, raw, **changes):
    return PrepareRequest(
        **{"dataset": "modelnet40-fewshot", "root": tmp_path / "data", "raw": raw, "points": POINTS, **changes}
    )


def fold(way=5, shot=2, first=10, queries=3):
    """As the official script writes one: class number ``first`` + label, in shuffled order."""

    def entries(split, count):
        made = [
            (cloud(f"{split}{label}{row}"), label, np.int32(first + label))
            for label in range(way)
            for row in range(count)
        ]
        return [made[index] for index in np.random.default_rng(0).permutation(len(made))]

    return {"train": entries("train", shot), "test": entries("test", queries)}


def save(path, content, protocol=4):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def official(folder, spelling="{}way{}shot", numbers=(0, 1), protocol=4):
    for number in numbers:
        save(folder / spelling.format(5, 10) / f"{number}.pkl", fold(first=10 + number), protocol)
    return folder


def counts(result):
    return {name: split["count"] for name, split in result.manifest["splits"].items()}


@pytest.mark.parametrize(
    ("inside", "spelling", "protocol"),
    [("", "{}way{}shot", 2), ("ModelNetFewshot", "{}way_{}shot", 3), ("ModelNet/ModelNetFewshot", "{}way_{}shot", 4)],
)
def test_official_folds_in_both_spellings(tmp_path, inside, spelling, protocol):
    official(tmp_path / "raw" / inside, spelling, protocol=protocol)
    result = prepare(request(tmp_path, tmp_path / "raw"))
    assert counts(result) == {f"5way10shot_fold{n}_{s}": c for n in (0, 1) for s, c in (("train", 10), ("test", 15))}
    assert result.manifest["variant"] == "official" and result.manifest["class_names"] == list(CLASS_NAMES)
    assert any("lacks the folds 2, 3, 4, 5, 6, 7, 8, 9 of the official 10" in note for note in result.notes)
    assert "5way10shot_fold0_train has 10 clouds; the official protocol has 50." in result.notes
    with open_split(result.folder / "5way10shot_fold1_train.h5") as train:
        entries = fold(first=11)["train"]
        assert train.class_names == CLASS_NAMES[11:16]  # in the order of the fold's labels
        np.testing.assert_array_equal(train.labels, [label for _, label, _ in entries])
        assert train.ids[:2] == ("train-000", "train-001") and train.frame == "unit"
        assert train.captions[0] == f"a {CLASS_NAMES[11 + entries[0][1]].replace('_', ' ')}"
        for row, (points, _, _) in enumerate(entries):
            np.testing.assert_array_equal(train.points_at([row])[0], to_unit_frame(points[:POINTS, :3]))
            np.testing.assert_array_equal(train.normals_at([row])[0], points[:POINTS, 3:])
        with open_split(result.folder / "5way10shot_fold1_test.h5") as test:
            assert test.class_names == train.class_names and len(test) == 15
    again = prepare(request(tmp_path, tmp_path / "raw"))
    assert again.unchanged


def test_a_cloud_with_too_few_points_repeats_some(tmp_path):
    result = prepare(request(tmp_path, official(tmp_path / "raw", numbers=(0,)), points=100, limit=3))
    assert "6 clouds have fewer than 100 points; some of theirs are repeated." in result.notes


def test_both_spellings_at_once_and_other_settings(tmp_path):
    official(tmp_path, "{}way_{}shot", (0,))
    official(tmp_path, "{}way{}shot", (0,))
    save(tmp_path / "3way1shot" / "7.pkl", fold(3, 1))
    save(tmp_path / "notes_way_shot" / "0.pkl", {})
    result = prepare(request(tmp_path, tmp_path, limit=2))
    assert set(counts(result)) == {
        f"{name}_{s}" for name in ("5way10shot_fold0", "3way1shot_fold7") for s in ("train", "test")
    }
    assert set(counts(result).values()) == {2}
    assert any("5way_10shot/0.pkl: left alone, because" in note for note in result.notes)


def test_workers_make_no_difference(tmp_path):
    raw = official(tmp_path / "raw")
    folders = [prepare(request(tmp_path, raw, workers=n, root=tmp_path / str(n), limit=4)).folder for n in (1, 2)]
    for path in sorted(folders[0].glob("*.h5")):
        with h5py.File(path) as one, h5py.File(folders[1] / path.name) as two:
            assert set(one) == set(two)
            for key in one:
                np.testing.assert_array_equal(one[key][:], two[key][:])


def edit(change):
    content = fold()
    change(content)
    return content


class Code:
    def __reduce__(self):
        return (eval, ("1",))


DAMAGE = {
    "code": (edit(lambda c: c["train"].append(Code())), "carries code (it names builtins.eval)"),
    "other": ([1, 2], "is not a dict with the lists train and test"),
    "no test": ({"train": []}, "is not a dict with the lists train and test"),
    "empty": (edit(lambda c: c["test"].clear()), "its list test is empty"),
    "entry": (edit(lambda c: c["train"].__setitem__(3, (1, 2))), "entry 3 of train is not points, label and class"),
    "label": (
        edit(lambda c: c["test"].__setitem__(4, (cloud("x"), 5, 12))),
        "entry 4 of test has the label 5, expected 0 to 4",
    ),
    "float": (edit(lambda c: c["test"].__setitem__(4, (cloud("x"), 1.5, 12))), "has the label float, expected"),
    "class": (edit(lambda c: c["test"].__setitem__(4, (cloud("x"), 1, 40))), "has the class 40, expected 0 to 39"),
    "mixed": (
        edit(lambda c: c["test"].__setitem__(4, (cloud("x"), 1, 30))),
        f"its label 1 stands for {CLASS_NAMES[11]} and {CLASS_NAMES[30]} alike",
    ),
    "few": (fold(4), "has 4 classes under 4 labels, not 5"),
    "nan": (
        edit(lambda c: c["test"].__setitem__(4, (np.full((80, 6), np.nan), *c["test"][4][1:]))),
        "test-004 has points that are not finite",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_folds_are_named(tmp_path, name):
    raw = official(tmp_path / "raw")
    path = save(raw / "5way10shot" / "1.pkl", DAMAGE[name][0])
    with pytest.raises(DataError) as caught:
        prepare(request(tmp_path, raw))
    assert DAMAGE[name][1] in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_skip_bad_leaves_out_a_fold_or_a_cloud(tmp_path):
    raw = official(tmp_path / "raw", numbers=(0, 1, 2))
    cut = raw / "5way10shot" / "1.pkl"
    cut.write_bytes(cut.read_bytes()[:-3000])
    with pytest.raises(DataError, match=r"1\.pkl: cut short or damaged at byte .* --skip-bad"):
        plan(request(tmp_path, raw))
    save(raw / "5way10shot" / "2.pkl", DAMAGE["nan"][0])
    result = prepare(request(tmp_path, raw, skip_bad=True))
    assert counts(result)["5way10shot_fold2_test"] == 14 and "5way10shot_fold1_train" not in counts(result)
    assert [each["file"] for each in result.manifest["skipped"]] == ["5way10shot/1.pkl", "5way10shot/2.pkl"]
    for number in (0, 2):
        (raw / "5way10shot" / f"{number}.pkl").write_bytes(b"")
    with pytest.raises(DataError, match=r"none of its folds can be read; .*2\.pkl: is empty"):
        plan(request(tmp_path, raw, skip_bad=True))


def test_test_clouds_among_the_training_clouds_are_said(tmp_path):
    content = fold()
    content["test"][0] = content["train"][0]
    save(tmp_path / "5way10shot" / "0.pkl", content)
    result = prepare(request(tmp_path, tmp_path))
    assert "5way10shot_fold0: 1 test clouds are among its training clouds." in result.notes


def test_missing_says_where_folds_are_to_be_had(tmp_path):
    for variant in (None, "official", "derived"):
        with pytest.raises(DataError) as caught:
            plan(request(tmp_path, tmp_path, variant=variant))
        for words in ("Julie-tang00/Point-BERT", "5way_10shot", "pointsra prepare-data modelnet40", "--raw"):
            assert words in str(caught.value)


def pool(split, classes, each):
    return [
        Listed(f"{name}-{split}-{row}", CLASS_NAMES.index(name), name, None)
        for name in CLASS_NAMES[:classes]
        for row in range(each)
    ]


def test_drawn_folds_have_ways_shots_and_queries():
    folds, notes = draw_folds(pool("train", 40, 25), pool("test", 40, 21), 0)
    assert notes == [] and len(folds) == 40
    assert len({each.name for each in folds}) == 40 and folds[0].name == "5way10shot_fold0"
    for each in folds:
        assert len(set(each.class_names)) == each.way
        assert len(each.clouds["train"]) == each.way * each.shot and len(each.clouds["test"]) == each.way * 20
        for split, clouds in each.clouds.items():
            assert len({listed.id for listed in clouds}) == len(clouds)
            assert all(each.class_names[listed.label] == listed.class_name for listed in clouds)
            assert all(f"-{split}-" in listed.id for listed in clouds)
    assert len({each.class_names for each in folds}) == 40  # every fold draws anew
    assert draw_folds(pool("train", 40, 25), pool("test", 40, 21), 0)[0] == folds
    assert draw_folds(pool("train", 40, 25), pool("test", 40, 21), 1)[0] != folds


def test_settings_that_cannot_be_drawn_are_said():
    folds, notes = draw_folds(pool("train", 7, 15), pool("test", 7, 4), 0)
    assert {(each.way, each.shot) for each in folds} == {(5, 10)}
    assert len(notes) == 4 and "5way20shot is left out: 0 classes have 20 training clouds, not 5." in notes
    assert any("airplane and 6 more have under 20 test clouds" in note for note in notes)


CLASSES = CLASS_NAMES[:6]


def prepared(root, points=POINTS, **changes):
    """A prepared ModelNet40 with enough clouds for 5way10shot alone."""
    for split, each in (("train", 10), ("test", 3)):
        names = [f"{name}_{row:04d}" for name in CLASSES for row in range(each)]
        values = [cloud(f"{split}{name}", points) for name in names]
        content = SplitContent(
            dataset="modelnet40",
            split=split,
            class_names=CLASS_NAMES,
            points=np.stack([to_unit_frame(value[:, :3]) for value in values]),
            normals=np.stack([value[:, 3:] for value in values]),
            labels=np.repeat(np.arange(len(CLASSES)), each),
            ids=names,
        )
        write_split(root / "modelnet40" / f"{split}.h5", replace(content, **changes))
    (root / "modelnet40" / "manifest.json").write_text('{"schema": "pointsra-manifest"}')
    return root


def test_folds_from_the_prepared_set(tmp_path):
    root = prepared(tmp_path / "data")
    result = prepare(request(tmp_path, None, limit=5))
    assert result.manifest["variant"] == "derived"
    assert counts(result) == {f"5way10shot_fold{n}_{s}": 5 for n in range(10) for s in ("train", "test")}
    assert "drawn with seed 0; figures are not comparable" in result.notes[0]
    assert [each["file"] for each in result.manifest["sources"]] == ["modelnet40/train.h5", "modelnet40/test.h5"]
    with (
        open_split(root / "modelnet40" / "train.h5") as whole,
        open_split(result.folder / "5way10shot_fold3_train.h5") as one,
    ):
        rows = [whole.ids.index(name) for name in one.ids]
        assert [one.class_names[label] for label in one.labels] == [
            whole.class_names[whole.labels[row]] for row in rows
        ]
        np.testing.assert_allclose(one.points_at(np.arange(5)), whole.points_at(rows), atol=1e-6)
        np.testing.assert_array_equal(one.normals_at(np.arange(5)), whole.normals_at(rows))
    assert prepare(request(tmp_path, None, limit=5)).unchanged
    with pytest.raises(DataError, match="with seed 0 instead of 1"):
        prepare(request(tmp_path, None, limit=5, seed=1))
    with pytest.raises(
        DataError, match=r"train\.h5: its clouds have 32 points, not 64; ask for --points 32, or prepare"
    ):
        plan(request(tmp_path, None, points=64, force=True))


def test_a_stand_in_stays_one(tmp_path):
    prepared(tmp_path / "data", stand_in=True)
    result = prepare(request(tmp_path, None, limit=2))
    with open_split(result.folder / "5way10shot_fold0_test.h5") as split:
        assert split.stand_in
    assert result.manifest["stand_in"]
    again = prepare(request(tmp_path, None, limit=2))
    assert again.unchanged and "stand-in" in again.notes[1]


def test_folds_from_raw_files_and_official_ones_first(tmp_path):
    raw = resampled(
        tmp_path / "raw" / "ModelNet" / "modelnet40_normal_resampled", CLASSES, {"train": 10, "test": 2}, 40
    )
    result = prepare(request(tmp_path, tmp_path / "raw", limit=2))
    assert result.manifest["variant"] == "derived" and len(counts(result)) == 20
    with open_split(result.folder / "5way10shot_fold0_test.h5") as split:
        assert all(name.rpartition("_")[0] in split.class_names for name in split.ids)
    official(tmp_path / "raw" / "ModelNetFewshot", numbers=(0,))
    assert set(plan(request(tmp_path, tmp_path / "raw", root=tmp_path / "b"))["splits"]) == {
        "5way10shot_fold0_train",
        "5way10shot_fold0_test",
    }
    assert len(plan(request(tmp_path, tmp_path / "raw", root=tmp_path / "b", variant="derived"))["splits"]) == 20
    (raw / "airplane" / "airplane_0003.txt").unlink()
    with pytest.raises(DataError, match=r"airplane_0003\.txt: not there"):
        plan(request(tmp_path, tmp_path / "raw", root=tmp_path / "b", variant="derived"))
    few = resampled(tmp_path / "few")
    with pytest.raises(DataError, match="few: too few clouds for any fold; 5way10shot is left out: 0 classes"):
        plan(request(tmp_path, few))
