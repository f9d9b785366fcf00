"""Preparing the generated shapes, and what is the same for every data set: nothing half done, nothing done twice."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from pointsra.data import folder_swap, generated, stand_in_files
from pointsra.data import prepare as preparing
from pointsra.data.prepare import DATASETS, PrepareRequest, plan, prepare
from pointsra.data.shapes import CLASS_NAMES
from pointsra.data.stand_ins import STAND_IN_FILE
from pointsra.data.store import open_split, split_path
from pointsra.errors import DataError, OutputError, SettingsError

COUNT = 40


def request(root, **changes):
    return PrepareRequest(**{"dataset": "shapes", "root": root, "count": COUNT, "points": 256, **changes})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    return prepare(request(root))


def arrays(folder):
    found = {}
    for path in sorted(folder.glob("*.h5")):
        with h5py.File(path) as file:
            found.update({(path.name, key): file[key][:] for key in file})
    return found


def test_shapes_as_promised(made):
    assert sum(split["count"] for split in made.manifest["splits"].values()) == COUNT
    assert list(made.manifest["splits"]) == ["train", "val", "test"]
    assert not made.unchanged
    for name in ("train", "val", "test"):
        with open_split(made.folder / f"{name}.h5") as split:
            rows = np.arange(len(split))
            points = split.points_at(rows)
            assert points.shape == (len(split), 256, 3)
            np.testing.assert_allclose(points.mean(axis=1), 0, atol=1e-5)
            np.testing.assert_allclose(np.linalg.norm(points, axis=2).max(axis=1), 1, atol=1e-5)
            assert split.class_names == CLASS_NAMES
            assert (split.frame, split.dataset, split.split) == ("unit", "shapes", name)
            assert split.image_features_at(rows).shape == split.text_features_at(rows).shape == (len(rows), 256)
            assert split.views_at(rows).shape[1:] == (4, 48, 48)
            assert split.image_encoder.name == "builtin"
            for row, label in enumerate(split.labels):
                named = {split.part_names[part].split("/")[0] for part in np.unique(split.parts_at([row]))}
                assert named == {CLASS_NAMES[label]}  # each class has part labels of its own
                assert split.ids[row].startswith(CLASS_NAMES[label])
                assert split.captions[row]


def test_splits_share_nothing_and_balance():
    count = 80 * len(CLASS_NAMES)
    dealt = generated.deal(count, None)
    rows = [index for indices in dealt.values() for index in indices]
    assert sorted(rows) == list(range(count))
    assert [10 * len(dealt[split]) for split in ("train", "val", "test")] == [8 * count, count, count]
    for indices in dealt.values():
        counts = np.bincount(np.array(indices) % len(CLASS_NAMES), minlength=len(CLASS_NAMES))
        assert counts.min() == counts.max()
    # A shape keeps its split when more are asked for.
    assert set(generated.deal(500, None)["test"]) <= set(dealt["test"])


def test_furniture_is_a_set_of_its_own_with_more_of_what_furnishes_a_room(made, tmp_path):
    result = prepare(request(tmp_path, variant="furniture", count=100, points=32, image_encoder="none"))
    assert result.manifest["variant"] == "furniture"
    ids, counts = [], np.zeros(len(CLASS_NAMES), dtype=int)
    for name in ("train", "val", "test"):
        with open_split(result.folder / f"{name}.h5") as split:
            ids += list(split.ids)
            counts += np.bincount(split.labels, minlength=len(CLASS_NAMES))
            assert all(split.ids[row].startswith(CLASS_NAMES[label]) for row, label in enumerate(split.labels))
    assert len(set(ids)) == 100 == counts.sum() and counts.min() == 1
    assert [counts[CLASS_NAMES.index(name)] for name in ("chair", "table", "stool", "mug")] == [13, 10, 7, 1]
    assert result.manifest["splits"]["alternatives"]["count"] == 25
    for folder, name in ((made.folder, "train"), (result.folder, "alternatives")):
        with open_split(folder / f"{name}.h5") as split:
            assert not set(ids) & set(split.ids)
    dealt = generated.deal(8000, None, len(generated.cycle_of("furniture")))
    for indices in dealt.values():  # every place of the cycle has its shares
        assert len(set(np.bincount(np.array(indices) % 100))) == 1


def test_manifest_tells_the_truth(made):
    manifest = json.loads((made.folder / "manifest.json").read_text())
    assert manifest == made.manifest
    assert (manifest["schema"], manifest["schema_version"]) == ("pointsra-manifest", 1)
    assert manifest["class_names"] == list(CLASS_NAMES)
    assert (manifest["sources"], manifest["skipped"], manifest["variant"]) == ([], [], "")
    assert sorted(path.name for path in made.folder.iterdir()) == ["manifest.json", "test.h5", "train.h5", "val.h5"]
    for split in manifest["splits"].values():
        content = (made.folder / split["file"]).read_bytes()
        assert len(content) == split["bytes"]
        assert hashlib.sha256(content).hexdigest() == split["sha256"]
        with open_split(made.folder / split["file"]) as opened:
            assert len(opened) == split["count"]


def test_second_run_does_nothing(made):
    before = {path: path.stat().st_mtime_ns for path in made.folder.iterdir()}
    again = prepare(request(made.folder.parent, workers=2, force=True))
    assert again.unchanged
    assert "nothing has changed" in again.notes[0]
    assert again.manifest == made.manifest
    assert {path: path.stat().st_mtime_ns for path in made.folder.iterdir()} == before
    assert plan(request(made.folder.parent))["state"] == "unchanged"


def test_any_number_of_workers_gives_the_same(made, tmp_path):
    other = prepare(request(tmp_path, workers=2))
    mine, theirs = arrays(made.folder), arrays(other.folder)
    assert mine.keys() == theirs.keys()
    for key, values in mine.items():
        assert values.tobytes() == theirs[key].tobytes() if values.dtype != object else (values == theirs[key]).all()


def test_seed_and_limit(made, tmp_path):
    other = prepare(request(tmp_path, seed=1, limit=3))
    assert [split["count"] for split in other.manifest["splits"].values()] == [3, 3, 3]
    with open_split(split_path(tmp_path, "shapes", "train")) as split, open_split(made.folder / "train.h5") as first:
        assert (split.points_at([0]) != first.points_at([0])).any()


def test_a_different_set_needs_force(tmp_path):
    small = request(tmp_path, count=16, points=32)
    prepare(small)
    other = request(tmp_path, count=16, points=32, seed=3)
    assert plan(other)["state"] == "blocked"
    with pytest.raises(DataError, match=r"with seed 0 instead of 3; --force"):
        prepare(other)
    forced = prepare(request(tmp_path, count=16, points=32, seed=3, force=True))
    assert not forced.unchanged
    assert forced.manifest["seed"] == 3
    with (forced.folder / "val.h5").open("ab") as stream:
        stream.truncate(100)
    with pytest.raises(DataError, match=r"val\.h5 is missing or cut short; --force"):
        prepare(request(tmp_path, count=16, points=32, seed=3))


def test_a_changed_generator_is_noticed(tmp_path, monkeypatch):
    small = request(tmp_path, count=16, points=32)
    prepare(small)
    real = generated.generate

    def taller(index, seed, class_name=None):
        shape = real(index, seed, class_name)
        return replace(shape, vertices=shape.vertices * np.float32([1, 1.1, 1]))

    monkeypatch.setattr(generated, "generate", taller)
    with pytest.raises(DataError, match=r"with generator .* instead of .*; --force"):
        prepare(small)


def test_force_mends_damage_of_the_same_size(tmp_path):
    small = request(tmp_path, count=16, points=32)
    path = prepare(small).folder / "train.h5"
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes(255 - byte for byte in whole[middle : middle + 64]) + whole[middle + 64 :])
    assert prepare(small).unchanged  # only sizes are looked at, which is quick
    mended = prepare(request(tmp_path, count=16, points=32, force=True))
    assert not mended.unchanged
    assert path.read_bytes() == whole


def test_force_mends_a_manifest_cut_short(tmp_path):
    small = request(tmp_path, count=16, points=32)
    path = prepare(small).folder / "manifest.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    with pytest.raises(DataError, match=r"manifest\.json: not valid JSON; run `.* shapes .*--force`"):
        prepare(small)
    forced = replace(small, force=True)
    (path.parent / "thesis.txt").write_text("precious")
    with pytest.raises(DataError, match="not valid JSON"):
        prepare(forced)
    (path.parent / "thesis.txt").unlink()
    assert plan(forced)["state"] == "replace"
    assert not prepare(forced).unchanged
    assert path.read_bytes() == whole


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError(28, "No space left on device")])
def test_ended_in_the_middle(tmp_path, monkeypatch, error):
    prepare(request(tmp_path, count=16, points=32))
    before = arrays(tmp_path / "shapes")
    calls = []

    def breaks(task):
        calls.append(task)
        if len(calls) == 2:
            raise error
        return made_block(task)

    made_block = generated.make_block
    monkeypatch.setattr(generated, "make_block", breaks)
    expected = OutputError if isinstance(error, OSError) else error
    with pytest.raises(expected):
        prepare(request(tmp_path, count=100, points=32, force=True))
    assert len(calls) == 2
    # What was interrupted can be taken up again; what failed cannot.
    left = [".shapes.partial", "shapes"] if error is KeyboardInterrupt else ["shapes"]
    assert sorted(path.name for path in tmp_path.iterdir()) == left
    after = arrays(tmp_path / "shapes")
    assert all((after[key] == before[key]).all() for key in before)
    with pytest.raises(expected):
        calls.clear()
        prepare(request(tmp_path / "fresh", count=100, points=32))
    assert [path.name for path in (tmp_path / "fresh").iterdir()] == left[:-1]


def test_recovers_from_a_kill(tmp_path):
    """A process killed between its two renames left the old set under another name, and its lock."""
    dead = 2**22 + 17  # above the largest process number of Linux
    first = prepare(request(tmp_path, count=16, points=32))
    os.rename(first.folder, tmp_path / f".shapes.old-{dead}")
    (tmp_path / ".shapes.lock").write_text(str(dead))
    assert prepare(request(tmp_path, count=16, points=32)).unchanged
    assert not prepare(request(tmp_path, count=16, points=32, seed=1, force=True)).unchanged
    assert [path.name for path in tmp_path.iterdir()] == ["shapes"]


def test_failed_swap_brings_the_old_set_back(tmp_path, monkeypatch):
    prepare(request(tmp_path, count=16, points=32))
    real = os.replace

    def refuse(source, target):
        if str(source).endswith(".shapes.partial") and str(target).endswith("shapes"):
            raise PermissionError(13, "no")
        real(source, target)

    monkeypatch.setattr(folder_swap.os, "replace", refuse)
    with pytest.raises(OutputError, match="no permission"):
        prepare(request(tmp_path, count=16, points=32, seed=9, force=True))
    monkeypatch.undo()
    assert prepare(request(tmp_path, count=16, points=32)).unchanged


def official(folder):
    """ScanObjectNN with four clouds in each of two files."""
    for name in ("training", "test"):
        (folder / "main_split").mkdir(parents=True, exist_ok=True)
        with h5py.File(folder / f"main_split/{name}_objectdataset.h5", "w") as file:
            file["data"] = np.random.default_rng(0).random((4, 2048, 3), dtype=np.float32)
            file["label"] = np.arange(4)
    return folder


def test_an_archive_is_unpacked_once(tmp_path, monkeypatch):
    archive = shutil.make_archive(str(tmp_path / "h5_files"), "zip", official(tmp_path / "raw"))
    asked = PrepareRequest(dataset="scanobjectnn", root=tmp_path / "data", raw=Path(archive))
    planned = plan(asked)
    assert (planned["state"], planned["sources"]["files"], planned["raw"]) == ("new", 1, archive)
    first = prepare(asked)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["scanobjectnn"]
    assert first.manifest["sources"][0]["file"] == "main_split/training_objectdataset.h5"
    assert first.manifest["archive"]["file"] == "h5_files.zip"
    monkeypatch.setattr(preparing, "raw_folder", None)  # whoever unpacks now is noticed
    again = prepare(asked)
    assert again.unchanged
    assert "h5_files.zip has not changed" in again.notes[0]
    os.utime(archive)
    assert prepare(asked).unchanged  # touched, the same inside
    monkeypatch.undo()
    with (tmp_path / "raw/main_split/extra.txt").open("w") as stream:
        stream.write("more")
    shutil.make_archive(str(tmp_path / "h5_files"), "zip", tmp_path / "raw")
    assert prepare(asked).unchanged  # packed anew, the files that are read are the same
    with pytest.raises(DataError, match="--force"):
        prepare(replace(asked, limit=2))


def test_a_file_that_is_no_archive_is_told_beforehand(tmp_path):
    (tmp_path / "raw.zip").write_bytes(b"hello")
    asked = PrepareRequest(dataset="scanobjectnn", root=tmp_path / "data", raw=tmp_path / "raw.zip")
    for act in (plan, prepare):
        with pytest.raises(DataError, match=r"raw\.zip: not a zip or tar archive, or cut short; --raw names a folder"):
            act(asked)


def test_a_stand_in_is_always_named(tmp_path):
    asked = PrepareRequest(dataset="scanobjectnn", root=tmp_path, stand_in=True, count=15, variant="obj_bg")
    assert plan(asked)["stand_in"]
    assert list(tmp_path.iterdir()) == []
    result = prepare(asked)
    assert result.manifest["stand_in"]
    with open_split(split_path(tmp_path, "scanobjectnn", "obj_bg_test")) as split:
        assert split.stand_in
    raw = tmp_path / "stand-ins" / "scanobjectnn"
    assert stand_in_files.STAND_IN_FILE == STAND_IN_FILE
    stamp = (raw / STAND_IN_FILE).stat().st_mtime_ns
    again = prepare(asked)
    assert again.unchanged
    assert "stand-in" in again.notes[1]
    assert (raw / STAND_IN_FILE).stat().st_mtime_ns == stamp
    # Named as raw files, whole or by a folder in it, it is no less a stand-in.
    other = PrepareRequest(dataset="scanobjectnn", root=tmp_path / "b", raw=raw, variant="obj_bg")
    assert prepare(other).manifest["stand_in"]
    # And it does not pass for the set itself when that is asked for without naming raw files.
    unnamed = prepare(PrepareRequest(dataset="scanobjectnn", root=tmp_path / "b", variant="obj_bg"))
    assert "stand-in" in unnamed.notes[1]
    with pytest.raises(DataError, match="with count 15 instead of 16"):
        prepare(replace(asked, count=16))


def test_folders_of_others_are_left_alone(tmp_path):
    (tmp_path / "shapes").mkdir()
    (tmp_path / "shapes" / "thesis.txt").write_text("precious")
    for force in (False, True):
        with pytest.raises(DataError, match="not a prepared data set"):
            prepare(request(tmp_path, force=force))
    assert (tmp_path / "shapes" / "thesis.txt").read_text() == "precious"
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="a file stands"):
        prepare(request(tmp_path / "file" / "deeper"))


def test_no_permission(tmp_path, monkeypatch):
    def refuse(*rest, **more):
        raise PermissionError(13, "no")

    monkeypatch.setattr(folder_swap.Path if hasattr(folder_swap, "Path") else preparing.Path, "mkdir", refuse)
    with pytest.raises(OutputError, match="no permission"):
        prepare(request(tmp_path / "locked"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"dataset": "shapez"}, "there are shapes"),
        ({"count": 0}, "--count 0"),
        ({"limit": -1}, "--limit -1"),
        ({"workers": 0}, "--workers 0"),
        ({"points": 1}, "--points 1"),
        ({"seed": -1}, "--seed -1"),
        ({"variant": "obj_bg"}, "it has furniture"),
        ({"dataset": "meshes", "count": None, "variant": "x"}, "it has no variants"),
        ({"count": 2}, "leave val and test empty"),
        ({"dataset": "meshes"}, "--count is for generated"),
        ({"dataset": "scanobjectnn", "count": None}, "2048 points"),
        ({"dataset": "scanobjectnn", "count": None, "variant": "pb"}, "obj_bg, obj_only, pb_t"),
        ({"max_points": 3}, "--max-points 3"),
        ({"stand_in": True}, "shapes has no stand-in"),
        ({"dataset": "kitti", "stand_in": True, "raw": Path("x")}, "leave out --raw"),
        ({"image_encoder": "minilm"}, "--image-encoder minilm: .*choose builtin, none, clip:FOLDER"),
        ({"text_encoder": "clip:"}, "--text-encoder clip:: .*minilm"),
    ],
)
def test_wrong_requests(tmp_path, changes, sentence):
    for act in (plan, prepare):
        with pytest.raises(SettingsError, match=sentence):
            act(request(tmp_path, **changes))
    assert list(tmp_path.iterdir()) == []


def test_plan_does_nothing(tmp_path):
    planned = plan(request(tmp_path / "data"))
    assert planned["state"] == "new"
    assert sum(planned["splits"].values()) == COUNT
    json.dumps(planned)
    assert list(tmp_path.iterdir()) == []


def test_progress_is_reported(tmp_path):
    records = []
    prepare(request(tmp_path, count=16, points=32), records.append)
    assert records[0].stage == "read train"
    for stage in {record.stage for record in records}:
        done = [record.done for record in records if record.stage == stage]
        assert done == sorted(done)
    last = {record.stage: (record.done, record.total) for record in records}
    assert last["read train"] == last["views and features of train"] == (13, 13)


def test_recipes_have_summaries():
    known = ["shapes", "scanobjectnn", "modelnet40", "modelnet40-fewshot", "shapenet55", "shapenetpart"]
    assert list(DATASETS) == [*known, "s3dis", "scannet", "intra", "kitti", "meshes"]
    assert all(recipe.summary for recipe in DATASETS.values())
