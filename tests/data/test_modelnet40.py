"""ModelNet40 from tiny files in the exact official layouts of its three raw forms, whole and damaged."""

import pickle
import shutil

import h5py
import numpy as np
import pytest

from pointsra.data.modelnet40 import CLASS_NAMES, expected_tree, missing_message
from pointsra.data.modelnet40_clouds import farthest_rows
from pointsra.data.prepare import PrepareRequest, plan, prepare
from pointsra.data.store import open_split
from pointsra.data.views import to_unit_frame
from pointsra.errors import DataError, SettingsError
from tests.data.modelnet40_layout import cache, class_of, cloud, hdf5, ids, lists, resampled

POINTS = 32
TEXT, HDF5 = "modelnet40_normal_resampled", "modelnet40_ply_hdf5_2048"


def request(tmp_path, raw, **changes):
    return PrepareRequest(
        **{"dataset": "modelnet40", "root": tmp_path / "data", "raw": raw, "points": POINTS, **changes}
    )


def counts(result):
    return {name: split["count"] for name, split in result.manifest["splits"].items()}


def arrays(folder):
    found = {}
    for path in sorted(folder.glob("*.h5")):
        with h5py.File(path) as file:
            found |= {f"{path.stem}/{key}": file[key][:] for key in file}
    return found


def alike(one, other):
    assert one.keys() == other.keys()
    for key, values in one.items():
        np.testing.assert_array_equal(values, other[key])


def thinned(name, rows):
    """The first, then the farthest from all before, found the slow way."""
    points = cloud(name)[:, :3].astype(np.float32)
    chosen = [0]
    while len(chosen) < rows:
        squared = ((points[:, None].astype(np.float64) - points[None, chosen]) ** 2).sum(axis=2)
        chosen.append(int(squared.min(axis=1).argmax()))
    return chosen


def test_text_is_thinned_by_farthest_points(tmp_path):
    result = prepare(request(tmp_path, resampled(tmp_path / TEXT)))
    assert counts(result) == {"train": 12, "test": 8}
    assert (result.manifest["variant"], result.manifest["class_names"]) == ("resampled", list(CLASS_NAMES))
    assert {"train has 12 clouds; the official list has 9,843."} <= set(result.notes)
    with open_split(result.folder / "train.h5") as split:
        assert split.ids == tuple(ids("train"))
        assert [split.class_names[label] for label in split.labels] == [class_of(name) for name in ids("train")]
        assert split.captions[3] == "a night stand" and split.captions[6] == "a flower pot"
        assert (split.frame, split.variant, split.points_per_cloud) == ("unit", "resampled", POINTS)
        for row, name in enumerate(split.ids):
            wanted = cloud(name)[thinned(name, POINTS)]
            np.testing.assert_allclose(split.points_at([row])[0], to_unit_frame(wanted[:, :3]), atol=1e-6)
            np.testing.assert_array_equal(split.normals_at([row])[0], wanted[:, 3:])
        assert split.image_features_at([0]).shape == (1, 256)


def test_a_cache_keeps_its_order_and_takes_its_ids_from_the_list(tmp_path):
    folder = cache(tmp_path / "numbers" / TEXT)
    plain = prepare(request(tmp_path, folder, root=tmp_path / "plain"))
    assert plain.manifest["variant"] == "fps" and counts(plain) == {"train": 12, "test": 8}
    listed = prepare(request(tmp_path, lists(folder)))
    for result, names in ((plain, [f"train-{row:05d}" for row in range(12)]), (listed, ids("train"))):
        with open_split(result.folder / "train.h5") as split:
            assert split.ids == tuple(names)
            wanted = np.stack([to_unit_frame(cloud(name)[:POINTS, :3]) for name in ids("train")])
            np.testing.assert_array_equal(split.points_at(np.arange(12)), wanted)
            np.testing.assert_array_equal(split.normals_at([5])[0], cloud(ids("train")[5])[:POINTS, 3:])
    assert {each["file"] for each in listed.manifest["sources"]} >= {"modelnet40_train.txt", "modelnet40_test.txt"}
    (folder / "modelnet40_train.txt").write_text("\n".join(reversed(ids("train"))))  # of another cache: not believed
    assert prepare(request(tmp_path, folder, root=tmp_path / "b")).manifest["splits"]["train"]["count"] == 12
    with open_split(tmp_path / "b" / "modelnet40" / "train.h5") as split:
        assert split.ids[0] == "train-00000"


def test_hdf5_and_its_old_entries(tmp_path):
    result = prepare(request(tmp_path, hdf5(tmp_path / "anywhere" / HDF5)))
    assert result.manifest["variant"] == "hdf5" and counts(result) == {"train": 12, "test": 8}
    with open_split(result.folder / "test.h5") as split:
        assert split.ids[3:5] == ("ply_data_test0-00003", "ply_data_test1-00000")
        assert [split.class_names[label] for label in split.labels] == [class_of(name) for name in ids("test")]
        wanted = [cloud(name)[:POINTS] for name in ids("test")]
        np.testing.assert_array_equal(split.points_at([4])[0], to_unit_frame(wanted[4][:, :3]))
        np.testing.assert_array_equal(split.normals_at([4])[0], wanted[4][:, 3:])
    plain = prepare(request(tmp_path, hdf5(tmp_path / "no normals", normals=False), root=tmp_path / "b"))
    assert any("no normals" in note for note in plain.notes)
    with open_split(plain.folder / "test.h5") as split:
        assert not split.has_normals


def test_forms_are_chosen_in_order_or_by_name(tmp_path):
    raw = tmp_path / "raw"
    hdf5(cache(resampled(raw / "ModelNet" / TEXT)).parent / HDF5)
    first = plan(request(tmp_path, raw))
    assert first["raw"].endswith(TEXT) and first["splits"] == {"train": 12, "test": 8}
    assert first["notes"][0] == "read the form resampled; fps and hdf5 can be chosen with --variant."
    for variant in ("fps", "hdf5"):
        result = prepare(request(tmp_path, raw, variant=variant, root=tmp_path / variant))
        assert result.manifest["variant"] == variant and not any("can be chosen" in note for note in result.notes)
    with pytest.raises(SettingsError, match="has no variant 'off'"):
        plan(request(tmp_path, raw, variant="off"))


def test_more_points_than_a_form_has(tmp_path):
    hdf5(tmp_path / HDF5)
    cache(tmp_path / TEXT)
    with pytest.raises(
        DataError, match=r"modelnet40_ply_hdf5_2048: its clouds have 2048 points, not 4096; ask for 2048"
    ):
        plan(request(tmp_path, tmp_path / HDF5, points=4096))
    with pytest.raises(DataError, match="have 8192 points, not 9000; ask for 8192 or fewer"):
        plan(request(tmp_path, tmp_path, points=9000))
    assert plan(request(tmp_path, tmp_path, points=8192))["splits"]["train"] == 12


def test_a_cloud_with_too_few_points_repeats_some(tmp_path):
    result = prepare(request(tmp_path, resampled(tmp_path / TEXT), points=100))
    assert "20 clouds have fewer than 100 points; some of theirs are repeated." in result.notes
    with open_split(result.folder / "test.h5") as split:
        points = split.points_at([0])[0]
        assert len(np.unique(points, axis=0)) == 80
        np.testing.assert_array_equal(points[80:], points[:80][[_row(points, each) for each in points[80:]]])


def _row(points, point):
    return int(np.flatnonzero((points[:80] == point).all(axis=1))[0])


@pytest.mark.parametrize(("form", "workers"), [(resampled, 2), (cache, 2), (hdf5, 1)])
def test_workers_limit_and_second_run(tmp_path, form, workers):
    raw = form(tmp_path / "raw")
    one = prepare(request(tmp_path, raw))
    again = prepare(request(tmp_path, raw, workers=2))
    assert again.unchanged and "nothing has changed" in again.notes[0]
    two = prepare(request(tmp_path, raw, workers=workers, root=tmp_path / "two"))
    alike(arrays(one.folder), arrays(two.folder))
    few = prepare(request(tmp_path, raw, limit=4, root=tmp_path / "few"))
    assert counts(few) == {"train": 4, "test": 4}
    with open_split(few.folder / "train.h5") as split:
        assert [split.class_names[label] for label in split.labels] == ["airplane", "night_stand", "flower_pot", "xbox"]
        assert not any("official list" in note for note in few.notes)


def test_missing_says_where_it_is_to_be_had(tmp_path):
    for act in (plan, prepare):
        with pytest.raises(DataError) as caught:
            act(request(tmp_path, tmp_path))
        for part in ("Msun/modelnet40", "academic research", "--raw", expected_tree()):
            assert part in str(caught.value)
    assert "of the variant fps" in missing_message(tmp_path, "fps")
    with pytest.raises(DataError, match="no ModelNet40 files of the variant fps"):
        plan(request(tmp_path, resampled(tmp_path / "raw"), variant="fps"))
    assert not (tmp_path / "data").exists()


def gone(name):
    return lambda folder: (folder / name).unlink()


def text(name, change):
    return lambda folder: (folder / name).write_text(change((folder / name).read_text()))


PLANE = "airplane/airplane_0002.txt"
DAMAGE = {
    "no list": (gone("modelnet40_train.txt"), r"modelnet40_train\.txt: missing"),
    "no names": (gone("modelnet40_shape_names.txt"), r"modelnet40_shape_names\.txt: missing"),
    "empty list": (text("modelnet40_test.txt", lambda _: "\n"), r"modelnet40_test\.txt: is empty"),
    "39 names": (
        text("modelnet40_shape_names.txt", lambda names: names.replace("xbox\n", "")),
        r"modelnet40_shape_names\.txt: names 39 classes, expected 40",
    ),
    "names in another order": (
        text("modelnet40_shape_names.txt", lambda _: "\n".join(sorted(CLASS_NAMES, reverse=True))),
        r"modelnet40_shape_names\.txt: line 1 is 'xbox', expected 'airplane'",
    ),
    "another class": (
        text("modelnet40_train.txt", lambda names: names + "spaceship_0001\n"),
        r"modelnet40_train\.txt: names 'spaceship_0001'",
    ),
    "out of the folder": (
        text("modelnet40_train.txt", lambda names: names + "airplane_../../x\n"),
        r"modelnet40_train\.txt: names 'airplane_\.\./\.\./x'",
    ),
    "not there": (gone(PLANE), r"airplane_0002\.txt: not there, though modelnet40_train\.txt names it"),
    "empty": (text(PLANE, lambda _: ""), r"airplane_0002\.txt: is empty"),
    "nan": (
        text(PLANE, lambda rows: "\n".join(["nan,1,2,0,0,1", *rows.splitlines()])),
        r"airplane_0002\.txt: line 1 has a number that is not finite",
    ),
    "few columns": (
        text(PLANE, lambda rows: rows[: rows.index(",")] + ",1,2,3,4\n" + rows),
        r"airplane_0002\.txt: line 1 has 5 columns, not 6 with a comma between them",
    ),
    "cut short": (
        text(PLANE, lambda rows: rows[: rows.rindex(",")]),
        r"airplane_0002\.txt: line 80 has 5 columns",
    ),
    "separator": (
        text(PLANE, lambda rows: rows.replace(",", " ")),
        r"line 1 has 1 column, not 6 with a comma between them \(it seems to have a space there instead\)",
    ),
    "words": (text(PLANE, lambda rows: "x,y,z,nx,ny,nz\n" + rows), r"airplane_0002\.txt: line 1 is not 6 numbers"),
    "one place": (
        text(PLANE, lambda _: "1,2,3,0,0,1\n" * 50),
        r"airplane_0002\.txt has all its points in one place",
    ),
    "too large": (lambda folder: _swell(folder / PLANE), r"airplane_0002\.txt: has \d+ bytes, far more than one cloud"),
    "binary": (lambda folder: (folder / PLANE).write_bytes(b"\xff\0\x80" * 50), r"line 1 has 1 column, not 6"),
}


def _swell(path):
    with path.open("r+b") as stream:
        stream.truncate(300 << 20)  # a hole in the file: takes no space


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_text_is_named(tmp_path, name):
    raw = resampled(tmp_path / TEXT)
    change, sentence = DAMAGE[name]
    change(raw)
    with pytest.raises(DataError, match=sentence) as caught:
        prepare(request(tmp_path, raw))
    assert str(raw) in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "data" / "modelnet40").exists()


def test_skip_bad_names_what_it_leaves_out(tmp_path):
    raw = resampled(tmp_path / TEXT)
    for name in ("not there", "another class"):
        DAMAGE[name][0](raw)
    text("xbox/xbox_0005.txt", lambda rows: "inf" + rows[rows.index(",") :])(raw)
    with pytest.raises(DataError, match="--skip-bad leaves it out"):
        prepare(request(tmp_path, raw))
    result = prepare(request(tmp_path, raw, skip_bad=True))
    assert counts(result) == {"train": 11, "test": 7}
    files = [each["file"] for each in result.manifest["skipped"]]
    assert files == [
        "modelnet40_train.txt, airplane_0002",
        "modelnet40_train.txt, spaceship_0001",
        "xbox/xbox_0005.txt",
    ]
    assert "line 1 has a number that is not finite" in result.manifest["skipped"][2]["reason"]
    for each in ids("test"):
        (raw / class_of(each) / f"{each}.txt").write_text("")
    with pytest.raises(DataError, match=r"nothing of the split test can be read; .*xbox_0005\.txt: is empty"):
        prepare(request(tmp_path, raw, skip_bad=True, root=tmp_path / "b"))


def test_duplicates_and_clouds_in_both_splits_are_said(tmp_path):
    raw = resampled(tmp_path / TEXT)
    text("modelnet40_test.txt", lambda names: names + "airplane_0001\nxbox_0005\n")(raw)
    result = prepare(request(tmp_path, raw))
    assert counts(result) == {"train": 12, "test": 9}
    assert any("1 clouds are in train and in test, airplane_0001 for one" in note for note in result.notes)
    assert [each["file"] for each in result.manifest["skipped"]] == ["modelnet40_test.txt"]
    assert "names xbox_0005 more than once" in result.manifest["skipped"][0]["reason"]
    folder = cache(tmp_path / "cache")
    shutil.copy(folder / "modelnet40_train_8192pts_fps.dat", folder / "modelnet40_test_8192pts_fps.dat")
    mixed = prepare(request(tmp_path, folder, root=tmp_path / "b"))
    assert any("12 clouds are in train and in test" in note for note in mixed.notes)
    listed = hdf5(tmp_path / "hdf5")
    text("test_files.txt", lambda names: names + "data/modelnet40_ply_hdf5_2048/ply_data_train1.h5\n")(listed)
    both = prepare(request(tmp_path, listed, root=tmp_path / "c"))
    assert any("6 clouds are in train and in test, ply_data_train1-00000" in note for note in both.notes)


class Code:
    def __reduce__(self):
        return (print, ("never",))


def repickled(split, change):
    def damage(folder):
        path = folder / f"modelnet40_{split}_8192pts_fps.dat"
        content = pickle.loads(path.read_bytes())
        path.write_bytes(pickle.dumps(change(content), 4))

    return damage


def put(place, row, value):
    def change(content):
        content[place][row] = value
        return content

    return change


CACHES = {
    "pair": (gone("modelnet40_test_8192pts_fps.dat"), "test_8192pts_fps.dat: missing, while the other split's"),
    "code": (repickled("train", put(1, 3, Code())), "carries code (it names builtins.print); it was not opened."),
    "cut": (lambda f: _cut(f / "modelnet40_train_8192pts_fps.dat"), "cut short or damaged at byte"),
    "other": (
        repickled("train", lambda content: {"a": content}),
        "is not a list of clouds and a list of as many labels",
    ),
    "labels": (repickled("train", lambda content: [content[0], content[1][:-1]]), "list of as many labels"),
    "range": (repickled("test", put(1, 3, np.array([40]))), "the label of entry 3 is 40, expected 0 to 39"),
    "float": (repickled("test", put(1, 3, 1.5)), "the label of entry 3 is float, not an integer"),
    "nan": (
        repickled("test", put(0, 3, np.full((80, 6), np.nan, np.float32))),
        "test-00003 has points that are not finite",
    ),
    "no points": (repickled("test", put(0, 3, "x")), "test-00003 is str, not points in rows of 6 numbers"),
    "columns": (repickled("test", put(0, 3, np.ones((80, 3), np.float32))), "has rows of 3 numbers, not of 6"),
}


def _cut(path):
    path.write_bytes(path.read_bytes()[:-5000])


@pytest.mark.parametrize("name", CACHES)
def test_damaged_caches_are_named(tmp_path, name):
    raw = cache(tmp_path / TEXT)
    change, sentence = CACHES[name]
    change(raw)
    with pytest.raises(DataError) as caught:
        prepare(request(tmp_path, raw))
    assert sentence in str(caught.value) and str(raw) in str(caught.value) and "\n" not in str(caught.value)
    if name in ("range", "float", "nan", "no points", "columns"):
        result = prepare(request(tmp_path, raw, skip_bad=True, root=tmp_path / "b"))
        assert counts(result) == {"train": 12, "test": 7}
        assert "modelnet40_test_8192pts_fps.dat" in result.manifest["skipped"][0]["file"]


def edited(name, change):
    def damage(folder):
        with h5py.File(folder / name, "r+") as file:
            change(file)

    return damage


def replaced(key, values):
    def change(file):
        del file[key]
        if values is not None:
            file[key] = values

    return change


def broken_tree(name):
    def change(folder):
        path = folder / name
        path.write_bytes(path.read_bytes().replace(b"TREE", b"TREF"))

    return change


ROWS = {
    "no list": (gone("train_files.txt"), "train_files.txt: missing"),
    "not there": (gone("ply_data_train1.h5"), "ply_data_train1.h5: not there, though train_files.txt names it"),
    "39 names": (text("shape_names.txt", lambda names: names[9:]), "shape_names.txt: names 39 classes"),
    "cut": (lambda f: _cut(f / "ply_data_train1.h5"), "ply_data_train1.h5: cut short"),
    "no HDF5": (lambda f: (f / "ply_data_train1.h5").write_text("x"), "ply_data_train1.h5: not an HDF5 file"),
    "no label": (
        edited("ply_data_train1.h5", replaced("label", None)),
        "key label is missing (it holds data, faceId, nor",
    ),
    "turned": (edited("ply_data_train1.h5", replaced("data", np.zeros((6, 3, 80)))), "data is float64 (6, 3, 80)"),
    "labels": (edited("ply_data_train1.h5", replaced("label", np.zeros(5, int))), "label is int64 (5,), expected 6"),
    "bytes": (broken_tree("ply_data_train1.h5"), "ply_data_train1.h5: damaged, it cannot be read whole"),
    "normals": (edited("ply_data_train1.h5", replaced("normal", np.zeros((6, 9, 3)))), "normal has shape (6, 9, 3)"),
}
CLOUDS = {
    "range": (lambda file: file["label"].write_direct(np.full((6, 1), 40, np.uint8)), "row 0 of label is 40", 6),
    "nan": (lambda file: file["data"].__setitem__((2, 5), np.nan), "ply_data_train1-00002 has points that are not", 11),
    "one place": (lambda file: file["data"].__setitem__(2, 1.0), "ply_data_train1-00002 has all its points in one", 11),
}


@pytest.mark.parametrize("name", ROWS)
def test_damaged_hdf5_files_are_named(tmp_path, name):
    raw = hdf5(tmp_path / HDF5)
    change, sentence = ROWS[name]
    change(raw)
    with pytest.raises(DataError) as caught:
        prepare(request(tmp_path, raw))
    assert sentence in str(caught.value) and str(raw) in str(caught.value) and "\n" not in str(caught.value)
    if name not in ("no list", "39 names"):
        result = prepare(request(tmp_path, raw, skip_bad=True, root=tmp_path / "b"))
        assert counts(result) == {"train": 6, "test": 8}
        assert result.manifest["skipped"][0]["file"] == "ply_data_train1.h5"


@pytest.mark.parametrize("name", CLOUDS)
def test_damaged_rows_of_hdf5_are_named(tmp_path, name):
    raw = hdf5(tmp_path / HDF5)
    change, sentence, left = CLOUDS[name]
    edited("ply_data_train1.h5", change)(raw)
    with pytest.raises(DataError) as caught:
        prepare(request(tmp_path, raw))
    assert sentence in str(caught.value) and "ply_data_train1.h5" in str(caught.value)
    assert counts(prepare(request(tmp_path, raw, skip_bad=True, root=tmp_path / "b"))) == {"train": left, "test": 8}


def test_farthest_rows_are_never_the_same_twice():
    points = np.repeat(np.eye(3), 4, axis=0)
    chosen = farthest_rows(points, 12)
    assert sorted(chosen) == list(range(12)) and {row // 4 for row in chosen[:3]} == {0, 1, 2}
