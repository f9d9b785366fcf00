"""Scenes on disk: what is written comes back, parts are joined unchanged, nothing unsound is accepted."""

import multiprocessing
import pickle

import h5py
import numpy as np
import pytest

from pointsra.data.assembling import SplitPlan, read_plan
from pointsra.data.prepare import PrepareRequest
from pointsra.data.request import Skipped
from pointsra.data.scenes import ReadScenes, Scene, SceneWriter, build_scenes, open_scenes
from pointsra.data.split_writer import SplitHeader
from pointsra.data.store import open_split
from pointsra.errors import DataError
from pointsra.progress import silent

HEADER = SplitHeader(
    dataset="street", split="train", class_names=("car", "tram"), part_names=("road", "thing"), frame="raw", seed=3
)


def full(number, count=50):
    rng = np.random.default_rng(number)
    return Scene(
        id=f"sweep-ü{number}",
        points=rng.random((count, 3), dtype=np.float32),
        colors=rng.integers(0, 256, (count, 3)).astype(np.uint8),
        intensity=rng.random(count, dtype=np.float32),
        parts=rng.integers(0, 2, count).astype(np.uint8),
        instances=rng.integers(-1, 9, count).astype(np.int32),
        boxes=rng.random((number, 7), dtype=np.float32),
        box_labels=rng.integers(0, 2, number),
        extra={"to_raw": rng.random((4, 4)), "box_difficulty": np.arange(number), "height": np.float64(1.7)},
    )


def bare(number=9):
    return Scene(id="bare", points=np.full((4, 3), number, np.float32))


def same(one, other):
    assert one.id == other.id
    for name in ("points", "colors", "intensity", "parts", "instances", "boxes", "box_labels"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert (mine is None) == (theirs is None), name
        if mine is not None:
            np.testing.assert_array_equal(mine, theirs)
            assert mine.dtype == theirs.dtype, name
    assert one.extra.keys() == other.extra.keys()
    for key in one.extra:
        np.testing.assert_array_equal(one.extra[key], other.extra[key])


@pytest.fixture
def path(tmp_path):
    target = tmp_path / "street" / "train.h5"
    with SceneWriter(target, HEADER) as writer:
        for scene in (full(0, 7), full(2), bare()):
            writer.append(scene)
    return target


def test_everything_comes_back(path):
    with open_scenes(path) as scenes:
        assert len(scenes) == 3
        assert scenes.ids == ("sweep-ü0", "sweep-ü2", "bare")
        assert (scenes.class_names, scenes.part_names) == (HEADER.class_names, HEADER.part_names)
        assert (scenes.dataset, scenes.split, scenes.frame, scenes.seed, scenes.stand_in) == (
            "street", "train", "raw", 3, False)  # fmt: skip
        for index, wanted in enumerate((full(0, 7), full(2), bare())):
            same(scenes.scene_at(index), wanted)
        with pytest.raises(IndexError):
            scenes.scene_at(3)
        scenes.close()
        same(scenes.scene_at(1), full(2))  # opened again


def test_three_lines_of_h5py_read_it(path):
    with h5py.File(path) as file:
        scene = file["scenes/000001"]
        assert scene["points"].shape == scene["points"].chunks == (50, 3)
        assert (scene["box"].shape, file["id"].asstr()[1]) == ((2, 7), "sweep-ü2")


def read_points(scenes):
    return scenes.scene_at(1).points


def test_worker_processes_open_it_themselves(path):
    scenes = open_scenes(path)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(read_points, (scenes,)), full(2).points)
    same(pickle.loads(pickle.dumps(scenes)).scene_at(0), full(0, 7))


def work(task):
    if task == 3:
        return ReadScenes((), (Skipped("3.bin", "cut short"),))
    return ReadScenes((full(task), bare(task))) if task == 1 else ReadScenes((full(task),))


def test_scenes_go_through_the_engine(tmp_path):
    plan = SplitPlan(HEADER, list(range(6)), 7)
    request = PrepareRequest(dataset="street", root=tmp_path)
    first, second = tmp_path / "one", tmp_path / "two"
    made = build_scenes([plan], work, request, first, silent)
    assert made.counts == {"train": 6}
    assert made.skipped == [Skipped("3.bin", "cut short")]
    assert read_plan(first, "train")["kind"] == "scenes"
    with open_scenes(first / "train.h5") as scenes:
        assert scenes.ids == ("sweep-ü0", "sweep-ü1", "bare", "sweep-ü2", "sweep-ü4", "sweep-ü5")
        same(scenes.scene_at(2), bare(1))
        same(scenes.scene_at(5), full(5))

    seen = []

    def interrupted(task):
        seen.append(task)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return work(task)

    with pytest.raises(KeyboardInterrupt):
        build_scenes([plan], interrupted, request, second, silent)
    assert build_scenes([plan], lambda task: seen.append(task) or work(task), request, second, silent) == made
    assert seen == [0, 1, 2, 3, 3, 4, 5]
    assert (first / "train.h5").read_bytes() == (second / "train.h5").read_bytes()


def edit(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


def drop(key):
    return lambda file: file.__delitem__(key)


def short_part(file):
    del file["scenes/000001/part"]
    file["scenes/000001/part"] = np.zeros(3, np.uint8)


def flat_box(file):
    del file["scenes/000001/box"]
    file["scenes/000001/box"] = np.zeros((2, 6), np.float32)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda file: file.attrs.__setitem__("schema", "else"), "schema is not 'pointsra-scenes'"),
        (lambda file: file.attrs.__setitem__("schema_version", 9), "schema_version 9"),
        (drop("id"), "id is missing"),
        (drop("scenes/000001"), "3 names for 2 scenes"),
        (drop("scenes/000001/points"), "damaged"),
        (short_part, r"scenes/000001/part has shape \(3,\)"),
        (flat_box, r"scenes/000001/box has shape \(2, 6\)"),
    ],
)
def test_unsound_files_are_refused(path, change, sentence):
    edit(path, change)
    with pytest.raises(DataError, match=sentence):
        open_scenes(path)


def test_clouds_and_scenes_are_told_apart(path, tmp_path):
    with pytest.raises(DataError, match="holds scenes, not clouds"):
        open_split(path)
    with pytest.raises(DataError, match="not there"):
        open_scenes(tmp_path / "kitti" / "val.h5")
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(DataError, match="truncated"):
        open_scenes(path)


def test_arrays_that_do_not_fit_are_a_mistake(tmp_path):
    wrong = Scene(id="x", points=np.zeros((3, 3), np.float32), parts=np.zeros(2, np.uint8))
    hidden = Scene(id="x", points=np.zeros((3, 3), np.float32), extra={"box": np.zeros(2)})
    lost = Scene(id="x", points=np.zeros((3, 3), np.float32), box_labels=np.zeros(2))
    for scene, sentence in ((wrong, "part of x"), (hidden, "name of another"), (lost, "box_label of x")):
        with pytest.raises(ValueError, match=sentence), SceneWriter(tmp_path / "a.h5", HEADER) as writer:
            writer.append(scene)
        assert list(tmp_path.iterdir()) == []
