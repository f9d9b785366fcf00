"""A folder of the user's own files: classes, splits, and files that cannot be read."""

import numpy as np
import pytest
import trimesh

from pointsra.data import meshes
from pointsra.data.files import write_cloud
from pointsra.data.prepare import PrepareRequest, plan, prepare
from pointsra.data.store import open_split
from pointsra.errors import DataError


def fill(folder, count, suffix="off"):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        trimesh.creation.box(extents=(1 + number, 2, 3)).export(folder / f"{number:02d}.{suffix}")


def request(tmp_path, **changes):
    given = {"dataset": "meshes", "root": tmp_path / "data", "raw": tmp_path / "mine", "points": 64}
    return PrepareRequest(**{**given, **changes})


def ids(result):
    found = {}
    for name in result.manifest["splits"]:
        with open_split(result.folder / f"{name}.h5") as split:
            found[name] = set(split.ids)
    return found


def test_sub_folders_are_classes(tmp_path):
    fill(tmp_path / "mine" / "office_chair", 10)
    fill(tmp_path / "mine" / "airplane", 5, "ply")
    write_cloud(tmp_path / "mine" / "scan.xyz", np.random.default_rng(0).normal(size=(500, 3)) * 40 + 7)
    (tmp_path / "mine" / "README.txt").write_text("my things")
    (tmp_path / "mine" / "office_chair" / "picture.png").write_bytes(b"\x89PNG")
    result = prepare(request(tmp_path))
    assert result.manifest["class_names"] == ["airplane", "office_chair", "unlabelled"]
    assert {name: split["count"] for name, split in result.manifest["splits"].items()} == {"train": 13, "test": 3}
    assert len(result.manifest["sources"]) == 16
    with open_split(result.folder / "train.h5") as split:
        rows = np.arange(len(split))
        points = split.points_at(rows)
        np.testing.assert_allclose(points.mean(axis=1), 0, atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(points, axis=2).max(axis=1), 1, atol=1e-5)
        captions = dict(zip(split.ids, split.captions, strict=True))
        assert captions["scan.xyz"] == "an object"
        assert "an office chair" in captions.values()
        assert "an airplane" in captions.values()
        assert split.views_at([0]).shape == (1, 4, 48, 48)
    assert prepare(request(tmp_path, workers=2)).unchanged
    fill(tmp_path / "mine" / "airplane", 6, "ply")
    with pytest.raises(DataError, match="--force"):
        prepare(request(tmp_path))


def test_workers_change_nothing(tmp_path):
    fill(tmp_path / "mine" / "box", 40)
    one = prepare(request(tmp_path))
    two = prepare(request(tmp_path, root=tmp_path / "other", workers=2))
    for name in one.manifest["splits"]:
        with open_split(one.folder / f"{name}.h5") as first, open_split(two.folder / f"{name}.h5") as second:
            rows = np.arange(len(first))
            assert first.ids == second.ids
            np.testing.assert_array_equal(first.points_at(rows), second.points_at(rows))
            np.testing.assert_array_equal(first.image_features_at(rows), second.image_features_at(rows))


@pytest.mark.parametrize("order", ["{split}/{name}", "{name}/{split}"])
def test_splits_of_the_owner_are_kept(tmp_path, order):
    for name in ("chair", "desk"):
        for split, count in (("train", 3), ("test", 2)):
            fill(tmp_path / "mine" / order.format(split=split, name=name), count)
    result = prepare(request(tmp_path))
    assert result.manifest["class_names"] == ["chair", "desk"]
    found = ids(result)
    assert {name: len(rows) for name, rows in found.items()} == {"train": 6, "test": 4}
    assert all("test" in name for name in found["test"])
    assert all("train" in name for name in found["train"])


def test_deal_is_seeded_and_limited(tmp_path):
    fill(tmp_path / "mine" / "a", 20)
    fill(tmp_path / "mine" / "b", 10)
    fill(tmp_path / "mine" / "single", 1)
    entries = meshes.list_entries(tmp_path / "mine")
    first = meshes.deal(entries, 0, None)
    assert {split: len(members) for split, members in first.items()} == {"train": 25, "test": 6}
    assert meshes.deal(entries, 0, None) == first
    assert meshes.deal(entries, 1, None) != first
    assert not {e.name for e in first["train"]} & {e.name for e in first["test"]}
    few = meshes.deal(entries, 0, 3)
    assert {entry.class_name for entry in few["train"]} == {"a", "b", "single"}
    assert plan(request(tmp_path, limit=3))["splits"] == {"train": 3, "test": 3}


def test_small_clouds_are_repeated(tmp_path):
    (tmp_path / "mine").mkdir()
    write_cloud(tmp_path / "mine" / "a.ply", np.random.default_rng(0).normal(size=(10, 3)))
    result = prepare(request(tmp_path))
    assert "fewer than 64 points" in result.notes[-1]
    with open_split(result.folder / "train.h5") as split:
        assert len(np.unique(split.points_at([0])[0], axis=0)) == 10


@pytest.mark.parametrize("workers", [1, 2])
def test_bad_files(tmp_path, workers):
    fill(tmp_path / "mine" / "box", 10)
    (tmp_path / "mine" / "box" / "bad.ply").write_text("nothing")
    (tmp_path / "mine" / "box" / "dot.xyz").write_text("1 1 1\n1 1 1\n")
    with pytest.raises(DataError, match=r"(bad\.ply|dot\.xyz): .*--skip-bad"):
        prepare(request(tmp_path, workers=workers))
    assert list((tmp_path / "data").iterdir()) == []
    result = prepare(request(tmp_path, skip_bad=True, workers=workers))
    assert sorted(each["file"] for each in result.manifest["skipped"]) == ["box/bad.ply", "box/dot.xyz"]
    assert sum(split["count"] for split in result.manifest["splits"].values()) == 10
    assert sum("left out" in note for note in result.notes) == 2


def test_nothing_to_read(tmp_path):
    with pytest.raises(DataError, match="--raw DIR"):
        prepare(request(tmp_path, raw=None))
    with pytest.raises(DataError, match="no such folder"):
        prepare(request(tmp_path))
    (tmp_path / "mine").mkdir()
    with pytest.raises(DataError, match="no mesh or cloud"):
        plan(request(tmp_path))
    (tmp_path / "mine" / "a.ply").write_text("nothing")
    with pytest.raises(DataError, match=r"a\.ply"):
        prepare(request(tmp_path, skip_bad=True))
