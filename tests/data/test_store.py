"""Splits on disk: what is written comes back, and nothing unsound is accepted."""

import json
import multiprocessing
import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsra.data import splits, store
from pointsra.data.store import Encoder, SplitContent, SplitWriter, open_split, split_path, write_split
from pointsra.errors import DataError, OutputError

COUNT, POINTS = 7, 16


def content(**changes):
    rng = np.random.default_rng(0)
    values = {
        "dataset": "toys",
        "split": "train",
        "class_names": ("cat", "dog", "fish"),
        "part_names": ("head", "tail"),
        "variant": "v1",
        "frame": "raw",
        "seed": 5,
        "image_encoder": Encoder("builtin", "1", "ab"),
        "text_encoder": Encoder("words", "2", "cd"),
        "points": rng.random((COUNT, POINTS, 3), dtype=np.float32),
        "labels": np.arange(COUNT) % 3,
        "ids": [f"ü-{i}" for i in range(COUNT)],
        "parts": rng.integers(0, 2, (COUNT, POINTS)).astype(np.uint8),
        "captions": [f"an animal №{i}" for i in range(COUNT)],
        "views": rng.integers(0, 255, (COUNT, 2, 6, 6)).astype(np.uint8),
        "image_features": rng.random((COUNT, 4), dtype=np.float32),
        "text_features": rng.random((COUNT, 5), dtype=np.float32),
    }
    return SplitContent(**{**values, **changes})


@pytest.fixture
def path(tmp_path):
    target = split_path(tmp_path, "toys", "train")
    write_split(target, content())
    return target


def test_everything_comes_back(path):
    wanted = content()
    with open_split(path) as split:
        assert len(split) == COUNT
        assert split.points_per_cloud == POINTS
        assert (split.dataset, split.variant, split.split, split.frame, split.seed) == ("toys", "v1", "train", "raw", 5)
        assert split.class_names == wanted.class_names
        assert split.part_names == wanted.part_names
        assert split.ids == tuple(wanted.ids)
        assert split.captions == tuple(wanted.captions)
        assert split.labels.dtype == np.int64
        np.testing.assert_array_equal(split.labels, wanted.labels)
        everything = np.arange(COUNT)
        np.testing.assert_array_equal(split.points_at(everything), wanted.points)
        np.testing.assert_array_equal(split.parts_at(everything), wanted.parts)
        np.testing.assert_array_equal(split.views_at(everything), wanted.views)
        np.testing.assert_array_equal(split.image_features_at(everything), wanted.image_features)
        np.testing.assert_array_equal(split.text_features_at(everything), wanted.text_features)
        assert (split.image_feature_size, split.text_feature_size) == (4, 5)
        assert split.image_encoder == wanted.image_encoder
        assert split.text_encoder == wanted.text_encoder


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.integers(0, COUNT - 1), max_size=20))
def test_any_order_and_repeats(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "toys" / "any.h5"
    if not path.exists():
        write_split(path, content())
    with open_split(path) as split:
        found = split.points_at(rows)
    assert found.dtype == np.float32
    assert found.shape == (len(rows), POINTS, 3)
    np.testing.assert_array_equal(found, content().points[np.array(rows, dtype=int)])


@pytest.mark.parametrize("rows", [[-1], [COUNT], [0, 99]])
def test_index_outside(path, rows):
    with open_split(path) as split, pytest.raises(IndexError):
        split.points_at(rows)


def test_optional_keys_may_be_absent(tmp_path):
    names = ("parts", "captions", "views", "image_features", "text_features")
    bare = content(part_names=(), image_encoder=None, text_encoder=None, **dict.fromkeys(names))
    write_split(tmp_path / "a.h5", bare)
    with open_split(tmp_path / "a.h5") as split:
        assert split.part_names == ()
        assert split.captions is None
        for read in (split.parts_at, split.views_at, split.image_features_at, split.text_features_at):
            assert read([0]) is None
        assert split.image_feature_size is None


def test_chunk_is_one_cloud_and_schema_is_said(path):
    with h5py.File(path) as file:
        assert file["points"].chunks == (1, POINTS, 3)
        assert file["points"].compression is None
        assert file["part"].dtype == np.uint8
        assert file.attrs["schema"] == "pointsra-clouds"
        assert file.attrs["schema_version"] == 1
        assert file.attrs["up"] == "y"
        assert json.loads(file.attrs["class_names"]) == ["cat", "dog", "fish"]
        assert file["image_feature"].attrs["encoder"] == "builtin"
        assert file["text_feature"].attrs["sha256"] == "cd"


def first_cloud(split):
    return split.points_at([1])


def test_goes_to_other_processes(path):
    with open_split(path) as split:
        expected = split.points_at([1])
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(split)).points_at([1]), expected)
        with multiprocessing.get_context("fork").Pool(1) as pool:
            np.testing.assert_array_equal(pool.apply(split.points_at, ([1],)), expected)
        np.testing.assert_array_equal(split.points_at([1]), expected)


def test_closed_split_opens_again(path):
    split = open_split(path)
    split.close()
    assert split.points_at([3]).shape == (1, POINTS, 3)
    split.close()


def test_missing_says_which_command(tmp_path, monkeypatch):
    monkeypatch.delenv("POINTSRA_DATA", raising=False)
    with pytest.raises(DataError, match=r"pointsra prepare-data shapes --out"):
        open_split(split_path(tmp_path, "shapes", "train"))
    monkeypatch.setenv("POINTSRA_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"`pointsra prepare-data shapes`"):
        open_split(split_path(tmp_path, "shapes", "train"))


def test_unknown_split_lists_the_others(path):
    manifest = {"schema": "pointsra-manifest", "splits": {"train": {}, "test": {}}}
    (path.parent / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="toys has test, train"):
        open_split(path.with_name("val.h5"))


def edited(change):
    def damage(path):
        with h5py.File(path, "r+") as file:
            change(file)

    return damage


def shortened(file):
    file["label"].resize(3, axis=0)


def relabeled(file):
    file["label"][2] = 3


def reshaped(file):
    del file["points"]
    file["points"] = np.zeros((COUNT, POINTS, 2), np.float32)


DAMAGE = {
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-5000]), "truncated"),
    "not hdf5": (lambda path: path.write_text("hello"), "not an HDF5"),
    "schema": (edited(lambda file: file.attrs.modify("schema", "other")), "attribute schema"),
    "version": (edited(lambda file: file.attrs.modify("schema_version", 2)), "schema_version 2"),
    "attribute": (edited(lambda file: file.attrs.pop("frame")), "attribute frame is missing"),
    "names": (edited(lambda file: file.attrs.modify("class_names", "[1")), "class_names is not"),
    "no points": (edited(lambda file: file.pop("points")), "points is missing"),
    "no id": (edited(lambda file: file.pop("id")), "id is missing"),
    "lengths": (edited(shortened), "label has 3 rows for 7 clouds"),
    "labels": (edited(relabeled), "label 0 … 3"),
    "shape": (edited(reshaped), "points is float32"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(path, name):
    damage, sentence = DAMAGE[name]
    damage(path)
    with pytest.raises(DataError) as caught:
        open_split(path)
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_failed_write_leaves_the_old_file(path):
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), SplitWriter(path, content()) as writer:
        writer.append(content())
        raise KeyboardInterrupt
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["train.h5"]


def test_blocks_must_fit_together(tmp_path):
    with pytest.raises(ValueError, match="without caption"), SplitWriter(tmp_path / "a.h5", content()) as writer:
        writer.append(content())
        writer.append(content(captions=None))
    with pytest.raises(ValueError, match="label has 2 rows"):
        write_split(tmp_path / "a.h5", content(labels=np.zeros(2)))
    assert list(tmp_path.iterdir()) == []


def test_no_permission_is_an_output_error(tmp_path):
    (tmp_path / "toys").write_text("a file in the way")
    with pytest.raises(OutputError, match="toys"):
        write_split(tmp_path / "toys" / "train.h5", content())
    (tmp_path / "there.h5").mkdir()
    with pytest.raises(OutputError, match="folder"):
        write_split(tmp_path / "there.h5", content())


def test_data_root_and_find(tmp_path, monkeypatch):
    monkeypatch.delenv("POINTSRA_DATA", raising=False)
    assert store.data_root(None) == Path("data")
    monkeypatch.setenv("POINTSRA_DATA", str(tmp_path))
    assert store.data_root(None) == tmp_path
    assert store.data_root(Path("x")) == Path("x")
    with pytest.raises(DataError, match="does not make toys"):
        store.find_dataset(tmp_path, "toys")
    with pytest.raises(DataError, match="run `pointsra prepare-data shapes`"):
        store.find_dataset(tmp_path, "shapes")
    (tmp_path / "toys").mkdir()
    (tmp_path / "toys" / "manifest.json").write_text("{broken")
    assert store.find_dataset(tmp_path, "toys") == tmp_path / "toys"
    with pytest.raises(DataError, match="JSON"):
        store.read_manifest(tmp_path / "toys")


def test_optional_arrays_come_back(tmp_path):
    rng = np.random.default_rng(1)
    extra = {
        "normals": rng.random((COUNT, POINTS, 3), dtype=np.float32),
        "colors": rng.integers(0, 256, (COUNT, POINTS, 3)).astype(np.uint8),
        "origins": rng.random((COUNT, 3)) + 1e6,
        "rooms": [f"room {i // 2}" for i in range(COUNT)],
    }
    write_split(tmp_path / "a.h5", content(**extra, stand_in=True))
    with open_split(tmp_path / "a.h5") as split:
        np.testing.assert_array_equal(split.normals_at([4, 0]), extra["normals"][[4, 0]])
        np.testing.assert_array_equal(split.colors_at([4, 0]), extra["colors"][[4, 0]])
        np.testing.assert_array_equal(split.origins, extra["origins"])
        assert split.rooms == tuple(extra["rooms"])
        assert split.has_normals
        assert split.has_colors
        assert split.stand_in
    write_split(tmp_path / "b.h5", content())
    with open_split(tmp_path / "b.h5") as split:
        assert split.normals_at([0]) is split.colors_at([0]) is split.origins is split.rooms is None
        assert not split.stand_in


@pytest.mark.parametrize(
    ("key", "values"), [("normal", np.zeros((COUNT, 2, 3))), ("color", np.zeros((COUNT, POINTS, 4))),
                        ("origin", np.zeros((COUNT, 2)))]
)  # fmt: skip
def test_optional_arrays_must_fit(path, key, values):
    with h5py.File(path, "r+") as file:
        file[key] = values
    with pytest.raises(DataError, match=f"{key} has shape"):
        open_split(path)


@pytest.fixture
def pair(tmp_path):
    root = tmp_path / "toys"
    extra = {"rooms": ["a"] * COUNT, "origins": np.zeros((COUNT, 3))}
    write_split(root / "train.h5", content(**extra))
    rng = np.random.default_rng(5)
    changed = {"split": "val", "variant": "v2", "stand_in": True, "rooms": ["b"] * COUNT}
    changed |= {"points": rng.random((COUNT, POINTS, 3), dtype=np.float32), "ids": [f"v{i}" for i in range(COUNT)]}
    other = content(**changed, origins=np.ones((COUNT, 3)))
    write_split(root / "val.h5", other)
    return root


def test_splits_are_joined(pair):
    with open_split(pair / "val.h5") as second, open_split(split_path(pair.parent, "toys", "train+val")) as both:
        assert len(both) == 2 * COUNT
        assert (both.split, both.variant, both.dataset, both.stand_in) == ("train+val", "v1,v2", "toys", True)
        assert both.ids[COUNT - 1 : COUNT + 1] == ("ü-6", "v0")
        assert both.rooms == ("a",) * COUNT + ("b",) * COUNT
        assert both.origins[:, 0].tolist() == [0.0] * COUNT + [1.0] * COUNT
        rows = [COUNT + 2, 1, COUNT, 1]
        points = both.points_at(rows)
        np.testing.assert_array_equal(points[0], second.points_at([2])[0])
        np.testing.assert_array_equal(points[2], second.points_at([0])[0])
        np.testing.assert_array_equal(points[1], content().points[1])
        np.testing.assert_array_equal(points[1], points[3])
        np.testing.assert_array_equal(both.image_features_at([1, COUNT + 1])[0], content().image_features[1])
        assert both.parts_at([]).shape == (0, POINTS)
        assert both.normals_at([0]) is None
        for wrong in ([2 * COUNT], [-1]):
            with pytest.raises(IndexError):
                both.points_at(wrong)
        both.close()
        assert both.points_at([3]).shape == (1, POINTS, 3)
        again = pickle.loads(pickle.dumps(both))
        np.testing.assert_array_equal(again.points_at(rows), points)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"class_names": ("cat", "dog", "bird")}, "different class names"),
        ({"frame": "unit"}, "different frames"),
        ({"image_encoder": Encoder("clip", "1", "ab")}, "different image encoders"),
        ({"text_features": None}, "different text encoders"),
        ({"captions": None}, "only one of train and val has captions"),
        ({"normals": np.zeros((COUNT, POINTS, 3))}, "only one of train and val has normals"),
        ({"points": np.zeros((COUNT, 4, 3)), "parts": None}, "different points a cloud"),
    ],
)
def test_splits_that_differ_are_not_joined(path, changes, sentence):
    write_split(path.with_name("val.h5"), content(split="val", **changes))
    with pytest.raises(DataError, match=sentence):
        open_split(path.with_name("train+val.h5"))


def test_joining_needs_each_split_once(path):
    (path.parent / "manifest.json").write_text('{"schema": "pointsra-manifest", "splits": {"train": {}}}')
    with pytest.raises(DataError, match="no such split; toys has train"):
        open_split(path.with_name("train+nothing.h5"))
    for name in ("train+train", "train+"):
        with pytest.raises(DataError, match="name each once"):
            open_split(path.with_name(f"{name}.h5"))


def test_the_quick_way_of_reading_gives_the_same(path, monkeypatch):
    """Chunks are read past HDF5 where they can be; a compressed file, or another system, is read through it."""
    rows = [5, 0, 0, 3]
    with open_split(path) as split:
        quick = split.points_at(rows), split.parts_at(rows), split.views_at(rows)
        assert split._places["points"] is not None
    with h5py.File(path) as file, h5py.File(path.with_name("slow.h5"), "w") as other:
        other.attrs.update(file.attrs)
        for key in file:
            if file[key].ndim > 1:
                like = {"chunks": file[key].chunks, "maxshape": file[key].maxshape}
                other.create_dataset(key, data=file[key][:], compression="gzip", **like)
            else:
                file.copy(key, other)
    with open_split(path.with_name("slow.h5")) as split:
        slow = split.points_at(rows), split.parts_at(rows), split.views_at(rows)
        assert split._places["points"] is None
    for one, other in zip(quick, slow, strict=True):
        np.testing.assert_array_equal(one, other)
    monkeypatch.delattr(splits.os, "preadv", raising=False)
    with open_split(path) as split:
        np.testing.assert_array_equal(split.points_at(rows), quick[0])


def test_a_set_replaced_while_it_is_read(path):
    """Whoever has a split open goes on reading the clouds that were there when it was opened."""
    with open_split(path) as split:
        before = split.points_at([4, 1])
        write_split(path, content(points=np.ones((COUNT, POINTS, 3), np.float32)))
        np.testing.assert_array_equal(split.points_at([4, 1]), before)
        again = pickle.loads(pickle.dumps(split))
        assert (again.points_at([4, 1]) == 1).all()


def test_a_file_that_shrinks_while_it_is_read(path):
    with open_split(path) as split:
        os.truncate(path, 3000)
        with pytest.raises(DataError, match=r"train\.h5: points cannot be read"):
            split.points_at([6, 2])
