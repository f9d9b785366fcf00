"""ScanObjectNN from files in the exact official layout, whole and damaged."""

import h5py
import numpy as np
import pytest

from pointsra.data import scanobjectnn
from pointsra.data.prepare import PrepareRequest, plan, prepare
from pointsra.data.store import open_split
from pointsra.errors import DataError

FILES = {
    "obj_bg": "main_split/{}_objectdataset.h5",
    "obj_only": "main_split_nobg/{}_objectdataset.h5",
    "pb_t50_rs": "main_split/{}_objectdataset_augmentedrot_scale75.h5",
}
TRAIN, TEST = 18, 6


def raw_arrays(count, seed):
    rng = np.random.default_rng(seed)
    return {
        "data": rng.normal(2.0, 1.0, (count, 2048, 3)).astype(np.float32),
        "label": (np.arange(count) % 15).astype(np.int32),
        "mask": rng.integers(-1, 3, (count, 2048)).astype(np.int32),
    }


def official(folder, variants=tuple(FILES), with_mask=True):
    return fill(folder, {variant: FILES[variant] for variant in variants}, with_mask)


def fill(folder, files, with_mask=True):
    for number, pattern in enumerate(files.values()):
        for name, count in (("training", TRAIN), ("test", TEST)):
            path = folder / pattern.format(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with h5py.File(path, "w") as file:
                for key, values in raw_arrays(count, number).items():
                    if key != "mask" or with_mask:
                        file[key] = values
    return folder


def request(tmp_path, raw, **changes):
    return PrepareRequest(**{"dataset": "scanobjectnn", "root": tmp_path / "data", "raw": raw, **changes})


def edit(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


def replaced(key, values):
    def change(file):
        del file[key]
        if values is not None:
            file[key] = values

    return change


def test_all_variants_as_they_are(tmp_path):
    result = prepare(request(tmp_path, official(tmp_path / "h5_files")))
    assert result.manifest["variant"] == "obj_bg,obj_only,pb_t50_rs"
    counts = {name: split["count"] for name, split in result.manifest["splits"].items()}
    assert counts == {f"{v}_{s}": n for v in FILES for s, n in (("train", TRAIN), ("test", TEST))}
    assert len(result.manifest["sources"]) == 6
    assert result.manifest["class_names"][:6] == ["bag", "bin", "box", "cabinet", "chair", "desk"]
    assert len(result.manifest["class_names"]) == 15
    for number, variant in enumerate(FILES):
        wanted = raw_arrays(TRAIN, number)
        with open_split(result.folder / f"{variant}_train.h5") as split:
            rows = np.arange(len(split))
            np.testing.assert_array_equal(split.points_at(rows), wanted["data"])  # no centering, no scaling
            np.testing.assert_array_equal(split.labels, wanted["label"])
            np.testing.assert_array_equal(split.parts_at(rows), wanted["mask"] != -1)
            assert split.part_names == ("background", "object")
            assert (split.frame, split.variant, split.split) == ("raw", variant, f"{variant}_train")
            assert split.captions[:2] == ("a bag", "a bin")
            assert split.image_features_at(rows).shape == (TRAIN, 256)
    again = prepare(request(tmp_path, tmp_path / "h5_files"))
    assert again.unchanged


@pytest.mark.parametrize("inside", ["", "h5_files", "ScanObjectNN", "ScanObjectNN/h5_files"])
def test_every_known_root(tmp_path, inside):
    raw = tmp_path / "somewhere"
    official(raw / inside, ["obj_bg"])
    planned = plan(request(tmp_path, raw))
    assert planned["sources"]["files"] == 2
    assert len(planned["notes"]) == 1
    assert planned["notes"][0].endswith("obj_only, pb_t25, pb_t25_r, pb_t50_r, pb_t50_rs.")  # they are not there


OTHERS = {
    "pb_t25": "main_split/{}_objectdataset_augmented25_norot.h5",
    "pb_t25_r": "main_split/{}_objectdataset_augmented25rot.h5",
    "pb_t50_r": "main_split/{}_objectdataset_augmentedrot.h5",
}
DIVISIONS = {
    "split1_obj_bg": "split1/{}_objectdataset.h5",
    "split2_obj_only": "split2_nobg/{}_objectdataset.h5",
    "split4_pb_t50_rs": "split4/{}_objectdataset_augmentedrot_scale75.h5",
}


def test_the_other_perturbed_variants(tmp_path):
    raw = tmp_path / "ScanObjectNN"
    fill(raw, {**OTHERS, "obj_bg": FILES["obj_bg"]})
    result = prepare(request(tmp_path, tmp_path))
    assert result.manifest["variant"] == "obj_bg,pb_t25,pb_t25_r,pb_t50_r"
    assert set(result.manifest["splits"]) == {f"{v}_{s}" for v in ("obj_bg", *OTHERS) for s in ("train", "test")}
    assert any("pb_t25 has 18 and 6 clouds" in note and "have 11416 and 2882" in note for note in result.notes)
    with open_split(result.folder / "pb_t25_r_test.h5") as split:
        assert (split.variant, len(split)) == ("pb_t25_r", TEST)
        np.testing.assert_array_equal(split.points_at([2])[0], raw_arrays(TEST, 1)["data"][2])


def test_the_archive_s_other_divisions_are_read_when_asked_for(tmp_path):
    fill(tmp_path / "h5_files", {**DIVISIONS, "obj_bg": FILES["obj_bg"]})
    assert prepare(request(tmp_path, tmp_path)).manifest["variant"] == "obj_bg"
    for variant in DIVISIONS:
        result = prepare(request(tmp_path / variant, tmp_path, variant=variant))
        assert list(result.manifest["splits"]) == [f"{variant}_train", f"{variant}_test"]
    with pytest.raises(DataError, match=r"split3/training_objectdataset\.h5 +split3_obj_bg train"):
        plan(request(tmp_path, tmp_path, variant="split3_obj_bg"))


def test_data_root_is_looked_at_without_raw(tmp_path):
    official(tmp_path / "data" / "ScanObjectNN", ["obj_only"])
    result = prepare(request(tmp_path, None, workers=2))
    assert result.manifest["variant"] == "obj_only"
    for path in (tmp_path / "data" / "ScanObjectNN").rglob("*.h5"):
        path.unlink()
    kept = prepare(request(tmp_path, None))
    assert kept.unchanged
    assert "not looked at" in kept.notes[0]


def test_one_variant_and_no_mask(tmp_path):
    raw = official(tmp_path / "raw", with_mask=False)
    result = prepare(request(tmp_path, raw, variant="pb_t50_rs", limit=4))
    assert {name: split["count"] for name, split in result.manifest["splits"].items()} == {
        "pb_t50_rs_train": 4,
        "pb_t50_rs_test": 4,
    }
    with open_split(result.folder / "pb_t50_rs_train.h5") as split:
        assert split.parts_at([0]) is None
        assert split.ids == tuple(f"pb_t50_rs_train-{row:05d}" for row in (0, 4, 9, 13))


def test_missing_says_where_it_is_to_be_had(tmp_path):
    for act in (plan, prepare):
        with pytest.raises(DataError) as caught:
            act(request(tmp_path, tmp_path))
        for part in ("hkust-vgd.github.io/scanobjectnn", "terms", "--raw", scanobjectnn.expected_tree()):
            assert part in str(caught.value)
    for pattern in FILES.values():
        assert pattern.format("training") in scanobjectnn.expected_tree()
        assert pattern.format("test") in scanobjectnn.expected_tree()
    assert not (tmp_path / "data").exists()


def test_one_of_a_pair_is_named(tmp_path):
    raw = official(tmp_path / "raw", ["obj_bg"])
    (raw / "main_split/test_objectdataset.h5").unlink()
    with pytest.raises(DataError, match=r"test_objectdataset\.h5: missing, while main_split/training_obj"):
        prepare(request(tmp_path, raw))


def not_finite(file):
    file["data"][3, 5:7, 1] = np.nan


def wrong_label(file):
    file["label"][2] = 15


def one_place(file):
    file["data"][4] = 1.0


DAMAGE = {
    "no data": (replaced("data", None), "key data is missing"),
    "no label": (replaced("label", None), "it holds data, mask"),
    "turned": (replaced("data", np.zeros((TRAIN, 3, 2048), np.float32)), r"data is float32 (18, 3, 2048)"),
    "too few": (replaced("data", np.zeros((TRAIN, 1024, 3), np.float32)), "expected floats (n, 2048, 3)"),
    "labels": (replaced("label", np.zeros(5, np.int64)), "expected 18 integers"),
    "floats": (replaced("label", np.zeros(TRAIN)), "label is float64"),
    "mask": (replaced("mask", np.zeros((TRAIN, 7), np.int32)), "mask has shape (18, 7)"),
    "not finite": (not_finite, "row 3 of data has 2 points that are not finite"),
    "range": (wrong_label, "row 2 of label is 15, expected 0 to 14"),
    "one place": (one_place, "row 4 of data is one point"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(tmp_path, name):
    raw = official(tmp_path / "raw", ["obj_bg"])
    path = raw / "main_split/training_objectdataset.h5"
    change, sentence = DAMAGE[name]
    edit(path, change)
    with pytest.raises(DataError) as caught:
        prepare(request(tmp_path, raw))
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (lambda data: data[:-9000], "cut short"),
        (lambda data: b"no", "not an"),
        (lambda data: data.replace(b"TREE", b"TREF"), "damaged, it cannot be read whole"),
    ],
)
def test_truncated_file(tmp_path, content, sentence):
    raw = official(tmp_path / "raw", ["obj_bg", "obj_only"])
    path = raw / "main_split/test_objectdataset.h5"
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(DataError, match=rf"test_objectdataset\.h5: {sentence}"):
        prepare(request(tmp_path, raw))
    result = prepare(request(tmp_path, raw, skip_bad=True))
    assert result.manifest["variant"] == "obj_only"
    assert result.manifest["skipped"][0]["file"] == "main_split/test_objectdataset.h5"
    assert sorted(each.name for each in result.folder.glob("*.h5")) == ["obj_only_test.h5", "obj_only_train.h5"]
    with pytest.raises(DataError, match="no variant could be read"):
        prepare(request(tmp_path / "b", raw, skip_bad=True, variant="obj_bg"))


def test_skip_bad_leaves_out_rows(tmp_path):
    raw = official(tmp_path / "raw", ["obj_bg"])
    edit(raw / "main_split/training_objectdataset.h5", not_finite)
    result = prepare(request(tmp_path, raw, skip_bad=True))
    assert result.manifest["splits"]["obj_bg_train"]["count"] == TRAIN - 1
    skipped = {"file": "main_split/training_objectdataset.h5"}
    assert result.manifest["skipped"] == [{**skipped, "reason": "row 3 of data has 2 points that are not finite"}]
    assert any("row 3" in note for note in result.notes)
    with open_split(result.folder / "obj_bg_train.h5") as split:
        assert "obj_bg_train-00003" not in split.ids


def test_a_changed_source_is_noticed(tmp_path):
    raw = official(tmp_path / "raw", ["obj_bg"])
    prepare(request(tmp_path, raw))
    path = raw / "main_split/test_objectdataset.h5"
    path.touch()
    assert prepare(request(tmp_path, raw)).unchanged  # touched, the same inside
    edit(path, replaced("label", np.full(TEST, 3, np.int32)))
    with pytest.raises(DataError, match=r"test_objectdataset\.h5 has changed; --force"):
        prepare(request(tmp_path, raw))
    assert not prepare(request(tmp_path, raw, force=True)).unchanged


def test_raw_files_in_the_way(tmp_path):
    raw = official(tmp_path / "data" / "scanobjectnn")
    with pytest.raises(DataError, match="raw files lie where the result goes"):
        prepare(request(tmp_path, raw, force=True))
    assert len(list(raw.rglob("*.h5"))) == 6
