"""Preparing the generated shapes, and what is the same for every data set: nothing half done, nothing done twice."""

import hashlib
import json
import os
from dataclasses import replace

import h5py
import numpy as np
import pytest

from pointsra.data import folder_swap, generated
from pointsra.data import prepare as preparing
from pointsra.data.prepare import DATASETS, PrepareRequest, plan, prepare
from pointsra.data.shapes import CLASS_NAMES
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
    dealt = generated.deal(3200, None)
    rows = [index for indices in dealt.values() for index in indices]
    assert sorted(rows) == list(range(3200))
    assert [len(dealt[split]) for split in ("train", "val", "test")] == [2560, 320, 320]
    for indices in dealt.values():
        counts = np.bincount(np.array(indices) % len(CLASS_NAMES), minlength=len(CLASS_NAMES))
        assert counts.min() == counts.max()
    # A shape keeps its split when more are asked for.
    assert set(generated.deal(500, None)["test"]) <= set(dealt["test"])


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
    assert [path.name for path in tmp_path.iterdir()] == ["shapes"]
    after = arrays(tmp_path / "shapes")
    assert all((after[key] == before[key]).all() for key in before)
    with pytest.raises(expected):
        calls.clear()
        prepare(request(tmp_path / "fresh", count=100, points=32))
    assert list((tmp_path / "fresh").iterdir()) == []


def test_recovers_from_a_kill(tmp_path):
    """A process killed between its two renames, and one killed while it built, both left folders of their own."""
    dead = 2**22 + 17  # above the largest process number of Linux
    first = prepare(request(tmp_path, count=16, points=32))
    os.rename(first.folder, tmp_path / f".shapes.old-{dead}")
    half = tmp_path / f".shapes.partial-{dead}"
    half.mkdir()
    (half / "train.h5").write_text("half")
    assert prepare(request(tmp_path, count=16, points=32)).unchanged
    assert [path.name for path in tmp_path.iterdir()] == ["shapes"]


def test_failed_swap_brings_the_old_set_back(tmp_path, monkeypatch):
    prepare(request(tmp_path, count=16, points=32))
    real = os.replace

    def refuse(source, target):
        if ".partial-" in str(source) and str(target).endswith("shapes"):
            raise PermissionError(13, "no")
        real(source, target)

    monkeypatch.setattr(folder_swap.os, "replace", refuse)
    with pytest.raises(OutputError, match="no permission"):
        prepare(request(tmp_path, count=16, points=32, seed=9, force=True))
    monkeypatch.undo()
    assert prepare(request(tmp_path, count=16, points=32)).unchanged


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
        ({"variant": "obj_bg"}, "no variants"),
        ({"count": 2}, "leave val and test empty"),
        ({"dataset": "meshes"}, "--count is for generated"),
        ({"dataset": "scanobjectnn", "count": None}, "2048 points"),
        ({"dataset": "scanobjectnn", "count": None, "variant": "pb"}, "obj_bg, obj_only, pb_t50_rs"),
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
    assert [record.done for record in records] == sorted(record.done for record in records)
    assert records[-1].done == records[-1].total == 16


def test_recipes_have_summaries():
    assert {"shapes", "scanobjectnn", "meshes"} <= DATASETS.keys()
    assert all(recipe.summary for recipe in DATASETS.values())
