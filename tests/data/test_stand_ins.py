"""Stand-ins: each layout read by plain means, then through the recipes that read the real data."""

import hashlib
import json
import pickle
from collections import Counter

import h5py
import numpy as np
import pytest
from PIL import Image

from pointsra.data import modelnet40, scanobjectnn
from pointsra.data.prepare import DATASETS, PrepareRequest, prepare
from pointsra.data.s3dis_rooms import PART_NAMES
from pointsra.data.scannet_labels import NYU40_IDS
from pointsra.data.scenes import open_scenes
from pointsra.data.stand_ins import (
    STAND_IN_FILE,
    STAND_INS,
    bodies,
    s3dis,
    scannet,
    shapenet55,
    shapenetpart,
    write_stand_in,
)
from pointsra.data.stand_ins.modelnet40 import MADE_OF
from pointsra.data.stand_ins.rooms import make_room
from pointsra.data.stand_ins.sights import seen_from
from pointsra.data.stand_ins.themes import THEMES
from pointsra.data.store import open_split
from pointsra.errors import DataError, OutputError

TINY = {
    "scanobjectnn": 20,
    "modelnet40": 4,
    "modelnet40-fewshot": 1,
    "shapenet55": 11,
    "shapenetpart": 16,
    "s3dis": 2,
    "scannet": 3,
    "intra": 15,
    "kitti": 2,
}
_PART_RANGES = {
    "Airplane": (0, 3), "Bag": (4, 5), "Cap": (6, 7), "Car": (8, 11), "Chair": (12, 15), "Earphone": (16, 18),
    "Guitar": (19, 21), "Knife": (22, 23), "Lamp": (24, 27), "Laptop": (28, 29), "Motorbike": (30, 35),
    "Mug": (36, 37), "Pistol": (38, 40), "Rocket": (41, 43), "Skateboard": (44, 46), "Table": (47, 49),
}  # fmt: skip


@pytest.fixture(scope="module")
def raws(tmp_path_factory):
    """Data set -> its tiny stand-in, written when first asked for."""
    written = {}

    def raw(dataset):
        if dataset not in written:
            written[dataset] = tmp_path_factory.mktemp(dataset) / "raw"
            write_stand_in(dataset, written[dataset], 0, TINY[dataset])
        return written[dataset]

    return raw


@pytest.fixture(scope="module")
def prepared(raws, tmp_path_factory):
    """Data set and options -> what ``prepare`` makes of the stand-in."""
    done = {}

    def result(dataset, **options):
        key = (dataset, *sorted(options.items()))
        if key not in done:
            root = tmp_path_factory.mktemp("data")
            done[key] = prepare(PrepareRequest(dataset=dataset, root=root, raw=raws(dataset), **options))
        return done[key]

    return result


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def unit_rows(vectors):
    return np.abs(np.linalg.norm(vectors, axis=-1) - 1.0).max()


# --- what holds for all of them


def test_every_data_set_with_a_raw_layout_has_one():
    assert set(STAND_INS) == set(DATASETS) - {"shapes", "meshes"} == set(TINY)


@pytest.mark.parametrize("dataset", ["scanobjectnn", "modelnet40", "shapenet55", "s3dis", "scannet", "intra", "kitti"])
def test_the_same_seed_gives_the_same_files(raws, tmp_path, dataset):
    """Whatever their number; only files that hold many objects depend on how many there are."""
    joined = dataset in ("scanobjectnn", "modelnet40")
    write_stand_in(dataset, tmp_path / "again", 0, TINY[dataset] if joined else 1)
    first, again = digests(raws(dataset)), digests(tmp_path / "again")
    if joined:
        assert again == first
    single = (".h5", ".dat", ".bin", ".ad", ".ply", ".png", "_bbox.npy")
    shared = [name for name in again.keys() & first.keys() if name.endswith(single) or "/Annotations/" in name]
    assert shared
    assert all(again[name] == first[name] for name in shared)


@pytest.mark.parametrize("dataset", ["scanobjectnn", "shapenetpart", "s3dis"])
def test_another_seed_gives_other_files(raws, tmp_path, dataset):
    write_stand_in(dataset, tmp_path / "other", 1, 1)
    first, other = digests(raws(dataset)), digests(tmp_path / "other")
    single = (".h5", "floor_1.txt", "split/shuffled_train_file_list.json")
    shared = [name for name in other.keys() & first.keys() if name.endswith(single)]
    assert shared
    assert all(other[name] != first[name] for name in shared)


@pytest.mark.parametrize("dataset", TINY)
def test_each_says_that_it_is_a_stand_in(raws, dataset):
    said = json.loads((raws(dataset) / STAND_IN_FILE).read_text())
    assert said["what"] == "generated stand-in, not the real data"
    assert (said["dataset"], said["seed"], said["count"]) == (dataset, 0, TINY[dataset])
    assert said["tool_version"]


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(DataError, match="no stand-in for 'imagenet'; there are scanobjectnn"):
        write_stand_in("imagenet", tmp_path, 0)
    for seed, count in ((-1, None), (0, 0)):
        with pytest.raises(DataError, match="seed of 0 or more"):
            write_stand_in("intra", tmp_path / "new", seed, count)
    assert not (tmp_path / "new").exists()
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="not empty"):
        write_stand_in("intra", tmp_path, 0, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(OutputError, match=r"mine\.txt: a file stands where a folder is needed"):
        write_stand_in("intra", tmp_path / "mine.txt", 0, 1)


@pytest.mark.parametrize("kind", [kind for kind in bodies.KINDS if kind not in bodies.CLASS_NAMES])
def test_bodies_stand_on_the_floor(kind):
    for index in range(4):
        body = bodies.make_body(kind, index, 3)
        assert abs(body.vertices[:, 1].min()) < 1e-9
        assert body.face_parts.max() < len(body.part_names)
        assert 0.002 < bodies.area(body.vertices, body.faces) < 500
        assert np.array_equal(bodies.make_body(kind, index, 3).vertices, body.vertices)
    assert not np.array_equal(bodies.make_body(kind, 0, 3).vertices, bodies.make_body(kind, 1, 3).vertices)


def test_what_stands_behind_is_not_seen():
    rng = np.random.default_rng(0)
    near = np.stack([rng.uniform(-1, 1, 8000), rng.uniform(-1, 1, 8000), np.full(8000, 2.0)], axis=1)
    far = np.stack([rng.uniform(-4, 4, 8000), rng.uniform(-4, 4, 8000), np.full(8000, 4.0)], axis=1)
    seen = seen_from(np.concatenate([near, far]), np.zeros(3), 0.05, 0.4)
    assert seen[:8000].all()
    reach = np.abs(far[:, :2]).max(axis=1)  # the near square hides the far one's middle, to 2 m from its center
    assert not seen[8000:][reach < 1.8].any()
    assert seen[8000:][reach > 2.5].mean() > 0.999


# --- objects


def test_scanobjectnn_layout(raws):
    folder = raws("scanobjectnn") / "h5_files"
    names = ["main_split", "main_split", "main_split", "main_split", "main_split", "main_split_nobg"]
    ends = ["", "_augmented25_norot", "_augmented25rot", "_augmentedrot", "_augmentedrot_scale75", ""]
    for place, end in zip(names, ends, strict=True):
        for part, count in (("training", 15), ("test", 5)):
            with h5py.File(folder / place / f"{part}_objectdataset{end}.h5") as file:
                data, label, mask = file["data"][:], file["label"][:], file["mask"][:]
            assert (data.shape, data.dtype, mask.shape) == ((count, 2048, 3), np.float32, (count, 2048))
            assert np.abs(np.linalg.norm(data, axis=2).max(axis=1) - 1).max() < 1e-5
            if part == "training":
                assert sorted(label.tolist()) == list(range(15))  # every class
            background = (mask == -1).mean(axis=1)
            if place == "main_split_nobg":
                assert background.max() == 0
            else:
                assert 0.05 < background.mean() < 0.6
                assert (background < 0.95).all()


def test_scanobjectnn_prepared(prepared, raws):
    assert set(scanobjectnn.VARIANTS) >= {"obj_bg", "obj_only", "pb_t25", "pb_t25_r", "pb_t50_r", "pb_t50_rs"}
    result = prepared("scanobjectnn", variant="pb_t50_rs")
    assert result.manifest["stand_in"] is True
    assert {name: found["count"] for name, found in result.manifest["splits"].items()} == {
        "pb_t50_rs_train": 15,
        "pb_t50_rs_test": 5,
    }
    with open_split(result.folder / "pb_t50_rs_train.h5") as split:
        assert split.stand_in
        assert Counter(split.labels.tolist()) == dict.fromkeys(range(len(scanobjectnn.CLASS_NAMES)), 1)
        with h5py.File(
            raws("scanobjectnn") / "h5_files/main_split/training_objectdataset_augmentedrot_scale75.h5"
        ) as raw:
            np.testing.assert_array_equal(split.parts_at(range(15)), raw["mask"][:] != -1)
            np.testing.assert_array_equal(split.points_at(range(15)), raw["data"][:])


def test_scans_are_partial_and_stand_on_a_floor(raws):
    """Of a seen object less than its whole surface is there, and background lies around its foot."""
    with h5py.File(raws("scanobjectnn") / "h5_files/main_split/training_objectdataset.h5") as file:
        below = 0
        for points, mask in zip(file["data"][:], file["mask"][:], strict=True):
            background = points[mask == -1]
            foot = np.quantile(points[mask != -1][:, 1], 0.02)
            below += (np.abs(background[:, 1] - foot) < 0.15).mean() > 0.1
    assert below >= 12


def test_modelnet40_layout(raws):
    text, hdf5 = raws("modelnet40") / "modelnet40_normal_resampled", raws("modelnet40") / "modelnet40_ply_hdf5_2048"
    classes = (text / "modelnet40_shape_names.txt").read_text().split()
    assert len(classes) == 40
    for split, count in (("train", 3), ("test", 1)):
        ids = (text / f"modelnet40_{split}.txt").read_text().split()
        assert len(ids) == count
        with (text / f"modelnet40_{split}_8192pts_fps.dat").open("rb") as stream:
            clouds, labels = pickle.load(stream)
        for name, cached, label in zip(ids, clouds, labels, strict=True):
            rows = np.loadtxt(text / name.rpartition("_")[0] / f"{name}.txt", delimiter=",")
            assert rows.shape == (10_000, 6)
            assert abs(np.linalg.norm(rows[:, :3], axis=1).max() - 1) < 1e-3
            assert unit_rows(rows[:, 3:]) < 1e-3
            assert classes[int(label[0])] == name.rpartition("_")[0]
            assert (cached.shape, cached.dtype) == ((8192, 6), np.float32)
            first = cached[:256, :3]
            apart = np.linalg.norm(first[:, None] - first, axis=2) + 9 * np.eye(256)
            near = np.linalg.norm(rows[:256, None, :3] - rows[:256, :3], axis=2) + 9 * np.eye(256)
            assert np.median(apart.min(axis=1)) > 1.3 * np.median(near.min(axis=1))  # farthest points, not any
        listed = (hdf5 / f"{split}_files.txt").read_text().split()
        assert all(each.startswith(f"data/modelnet40_ply_hdf5_2048/ply_data_{split}") for each in listed)
        found = []
        for each in listed:
            with h5py.File(hdf5 / each.rpartition("/")[2]) as file:
                assert set(file) == {"data", "label", "normal", "faceId"}
                assert file["data"].shape[1:] == (2048, 3)
                assert file["label"].shape == (len(file["data"]), 1)
                found += file["label"][:, 0].tolist()
        assert found == [int(label[0]) for label in labels]
    assert len(MADE_OF) >= 20


def test_modelnet40_forms_agree(prepared):
    splits = {}
    for form in ("resampled", "fps", "hdf5"):
        result = prepared("modelnet40", variant=form, points=512)
        assert result.manifest["stand_in"] is True
        with open_split(result.folder / "train.h5") as split:
            assert split.class_names == modelnet40.CLASS_NAMES
            assert unit_rows(split.normals_at([0, 1, 2])) < 1e-2
            splits[form] = split.labels.tolist()
    assert splits["resampled"] == splits["fps"] == splits["hdf5"]


def test_fewshot(raws, prepared):
    folder = raws("modelnet40-fewshot") / "ModelNetFewshot"
    assert {path.name for path in folder.iterdir()} == {"5way_10shot", "5way20shot", "10way10shot", "10way20shot"}
    with (folder / "10way20shot" / "0.pkl").open("rb") as stream:
        fold = pickle.load(stream)
    assert (len(fold["train"]), len(fold["test"])) == (10 * 20, 10 * 20)
    originals = {}
    for points, label, original in fold["train"] + fold["test"]:
        assert points.shape == (1024, 6)
        assert originals.setdefault(label, original) == original
    assert sorted(originals) == list(range(10))
    distinct = {points.tobytes() for points, _, _ in fold["train"] + fold["test"]}
    assert len(distinct) == 400  # no query is among the shots
    result = prepared("modelnet40-fewshot", points=128, limit=20)
    assert result.manifest["stand_in"] is True
    with open_split(result.folder / "5way10shot_fold0_train.h5") as split:
        assert set(split.labels.tolist()) == set(range(5))
        assert len(split.class_names) == 5


def test_shapenet55(raws, prepared):
    root = raws("shapenet55") / "ShapeNet55-34"
    listed = {split: (root / "ShapeNet-55" / f"{split}.txt").read_text().split() for split in ("train", "test")}
    clouds = {path.name for path in (root / "shapenet_pc").iterdir()}
    pictured = {path.stem for path in (root / "shapenet_img").iterdir()}
    assert len(clouds) == 11
    assert not set(listed["train"]) & set(listed["test"])
    names = set(listed["train"]) | set(listed["test"])
    assert {name.removesuffix(".npy") for name in names} == pictured
    assert len(clouds - names) == 1  # one without a picture, left out of the lists as ReCon leaves it out
    assert any(name.count("-") > 1 for name in names)
    for name in names:
        points = np.load(root / "shapenet_pc" / name)
        assert (points.shape, points.dtype) == ((8192, 3), np.float32)
        image = np.asarray(Image.open(root / "shapenet_img" / f"{name.removesuffix('.npy')}.png"))
        assert 0.02 < (image < 250).any(axis=2).mean() < 0.9
    texts = json.loads((root / "shapenet55.json").read_text())
    assert list(texts) == ["catalogue", "describe"]
    assert [f"{texts['catalogue'][str(row)]:08d}" for row in range(55)] == list(shapenet55.SYNSETS)
    result = prepared("shapenet55", points=256)
    assert result.manifest["stand_in"] is True
    counts = {split: found["count"] for split, found in result.manifest["splits"].items()}
    assert counts == {split: len(found) for split, found in listed.items()}
    with open_split(result.folder / "train.h5") as split:
        assert {f"{each}.npy" for each in split.ids} == set(listed["train"])
        assert all(view.any() for view in split.views_at(range(len(split))))


def test_shapenetpart(raws, prepared):
    root = raws("shapenetpart") / "shapenetcore_partanno_segmentation_benchmark_v0_normal"
    rows = [line.split("\t") for line in (root / "synsetoffset2category.txt").read_text().splitlines()]
    assert [name for name, _ in rows] == list(_PART_RANGES)
    by_synset = {synset: name for name, synset in rows}
    entries = []
    for split in ("train", "val", "test"):
        entries += json.loads((root / "train_test_split" / f"shuffled_{split}_file_list.json").read_text())
    assert len(entries) == len(set(entries)) == 16
    for entry in entries:
        start, synset, name = entry.split("/")
        assert start == "shape_data"
        values = np.loadtxt(root / synset / f"{name}.txt")
        low, high = _PART_RANGES[by_synset[synset]]
        parts = np.unique(values[:, 6])
        assert low <= parts.min() <= parts.max() <= high
        assert len(parts) > 1
        assert unit_rows(values[:, 3:6]) < 1e-2
    result = prepared("shapenetpart", points=512)
    assert result.manifest["stand_in"] is True
    with open_split(result.folder / "train.h5") as split:
        for index, label in enumerate(split.labels):
            low, high = _PART_RANGES[split.class_names[label]]
            parts = split.parts_at([index])
            assert low <= parts.min() <= parts.max() <= high


def test_every_generated_part_has_an_official_label():
    for _, kind, _, ranks in shapenetpart.CATEGORIES.values():
        assert set(bodies.make_body(kind, 0, 0).part_names) <= set(ranks)


# --- rooms


def test_rooms_of_the_default_size_have_every_class():
    found = Counter()
    for index, (_, theme, _) in enumerate(s3dis.room_names(STAND_INS["s3dis"].default_count)):
        found.update(s3dis.CLASSES.get(piece.kind, "clutter") for piece in make_room(theme, index, 0).pieces)
    assert set(found) == set(PART_NAMES)
    detected = set()
    for index in range(STAND_INS["scannet"].default_count):
        pieces = make_room(scannet.THEME_NAMES[index % len(scannet.THEME_NAMES)], index, 0).pieces
        detected |= {scannet.NYU40[piece.kind][1] for piece in pieces if piece.kind in scannet.NYU40}
    assert detected >= set(NYU40_IDS.values())


@pytest.mark.parametrize("theme", THEMES)
def test_furniture_stands_within_the_walls(theme):
    for index in range(3):
        room = make_room(theme, index, 5)
        for piece in room.pieces:
            assert piece.vertices.min() > -0.15 or piece.kind == "door"  # a door may open outward
            assert (piece.vertices.max(axis=0) < room.size + 0.15).all() or piece.kind == "door"


def test_s3dis(raws, prepared):
    root = raws("s3dis") / "Stanford3dDataset_v1.2_Aligned_Version"
    assert sorted(path.name for path in root.iterdir()) == ["Area_1", "Area_5"]
    ceiling = root / "Area_5" / "hallway_6" / "Annotations" / "ceiling_1.txt"
    content = ceiling.read_bytes()
    assert content.count(b"\x10") == 1
    wanted = Counter()
    for path in sorted(root.glob("Area_5/*/Annotations/*.txt")):
        rows = np.array([line.split() for line in path.read_text().replace("\x10", " ").splitlines()], dtype=np.float64)
        assert rows.shape[1] == 6
        assert 0 <= rows[:, 3:].min() <= rows[:, 3:].max() <= 255
        wanted[path.stem.rpartition("_")[0]] += len(rows)
        if path.stem == "floor_1":
            assert abs(rows[:, 2].mean()) < 0.05  # z is up
    assert {"ceiling", "floor", "wall", "door"} <= set(wanted)
    result = prepared("s3dis")
    assert result.manifest["stand_in"] is True
    assert "0x10" in result.manifest["skipped"][0]["reason"]
    with open_scenes(result.folder / "rooms_area_5.h5") as rooms:
        scene = rooms.scene_at(0)
        found = Counter(rooms.part_names[part] for part in scene.parts.tolist())
        assert found == wanted
        floor = scene.points[scene.parts == rooms.part_names.index("floor")]
        assert floor[:, 1].std() < 0.02  # y is up
        assert rooms.stand_in
    with open_split(result.folder / "blocks_area_1.h5") as blocks:
        assert np.ptp(blocks.points_at([0])[0][:, [0, 2]], axis=0).max() < 1.01
        assert blocks.colors_at([0]).std() > 1


def read_ply(path):
    header, _, body = path.read_bytes().partition(b"end_header\n")
    counts = [int(line.split()[-1]) for line in header.decode().splitlines() if line.startswith("element")]
    kind = np.dtype([("xyz", "<f4", 3), ("rgba", "u1", 4)])
    vertices = np.frombuffer(body, kind, counts[0])
    faces = np.frombuffer(body, np.dtype([("n", "u1"), ("at", "<i4", 3)]), counts[1], counts[0] * kind.itemsize)
    return vertices, faces


def test_scannet_raw_and_export_agree(raws):
    raw = raws("scannet")
    lists = {
        part: (raw / "meta_data" / f"scannetv2_{part}.txt").read_text().split() for part in ("train", "val", "test")
    }
    assert [len(names) for names in lists.values()] == [1, 1, 1]
    lines = [line.split("\t") for line in (raw / "meta_data/scannetv2-labels.combined.tsv").read_text().splitlines()]
    columns = lines[0]
    nyu40 = {line[columns.index("raw_category")]: int(line[columns.index("nyu40id")]) for line in lines[1:]}
    for name in lists["train"] + lists["val"]:
        place, export = raw / "scans" / name, raw / "scannet_train_detection_data"
        vertices, faces = read_ply(place / f"{name}_vh_clean_2.ply")
        assert (faces["n"] == 3).all()
        assert 0 <= faces["at"].min() <= faces["at"].max() < len(vertices)
        edges = np.linalg.norm(vertices["xyz"][faces["at"][:, 0]] - vertices["xyz"][faces["at"][:, 1]], axis=1)
        assert edges.max() < 0.3
        text = (place / f"{name}.txt").read_text()
        matrix = np.array(text.split("axisAlignment = ")[1].splitlines()[0].split(), dtype=float).reshape(4, 4)
        aligned = vertices["xyz"] @ matrix[:3, :3].T + matrix[:3, 3]
        np.testing.assert_allclose(np.load(export / f"{name}_vert.npy")[:, :3], aligned, atol=1e-4)
        segments = np.array(json.loads((place / f"{name}_vh_clean_2.0.010000.segs.json").read_text())["segIndices"])
        groups = json.loads((place / f"{name}.aggregation.json").read_text())["segGroups"]
        semantic, instances = (np.load(export / f"{name}_{kind}_label.npy") for kind in ("sem", "ins"))
        boxes = np.load(export / f"{name}_bbox.npy")
        expected = []
        for group in groups:
            mine = np.isin(segments, group["segments"])
            assert set(semantic[mine].tolist()) == {nyu40[group["label"]]}
            assert set(instances[mine].tolist()) == {group["objectId"] + 1}
            if nyu40[group["label"]] in NYU40_IDS.values():
                low, high = aligned[mine].min(axis=0), aligned[mine].max(axis=0)
                expected.append([*((low + high) / 2), *(high - low), nyu40[group["label"]]])
        np.testing.assert_allclose(boxes, expected, atol=1e-3)
        assert (instances == 0).any()  # ceilings are in no object
    assert not (raw / "scans_test" / lists["test"][0] / f"{lists['test'][0]}.aggregation.json").exists()
    assert {number for _, number, _ in scannet.NYU40.values()} >= set(NYU40_IDS.values())


def test_scannet_prepared_from_both_forms(prepared):
    both = [prepared("scannet", variant=variant) for variant in ("raw", "votenet")]
    assert all(result.manifest["stand_in"] for result in both)
    with open_scenes(both[0].folder / "train.h5") as raw, open_scenes(both[1].folder / "train.h5") as export:
        for index in range(len(raw)):
            one, other = raw.scene_at(index), export.scene_at(index)
            np.testing.assert_allclose(one.points, other.points, atol=1e-4)
            np.testing.assert_array_equal(one.parts, other.parts)
            np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)
            assert len(one.boxes) >= 4
            for box in one.boxes:  # furniture stands on the floor and no higher than the ceiling
                assert box[1] - box[4] / 2 > -0.1
                assert box[1] + box[4] / 2 < 3.3


# --- vessels


def test_intra(raws, prepared):
    root = raws("intra")
    listed = {"seg": [], "cls": []}
    for kind, names in (("seg", ["annSplit"]), ("cls", ["ann_clsSplit", "negSplit"])):
        for name in names:
            for fold in range(5):
                listed[kind] += (root / "fileSplit" / kind / f"{name}_{fold}.txt").read_text().split()
    assert all((root / name).is_file() for name in listed["cls"])
    assert len(listed["cls"]) == len(set(listed["cls"])) == 15
    assert set(listed["seg"]) < set(listed["cls"])
    assert "annotated/ad/AN1-1-_norm.ad" in listed["seg"]
    for name in listed["cls"]:
        values = np.loadtxt(root / name)
        labels = set(values[:, 6].astype(int).tolist())
        assert labels == ({0, 1, 2} if name.startswith("annotated") else {1} if "aneurysm" in name else {0})
        assert unit_rows(values[:, 3:6]) < 1e-3
        assert 516 <= len(values) <= 8286
    result = prepared("intra", points=256)
    assert result.manifest["stand_in"] is True
    wanted = Counter("vessel" if "generated/vessel" in name else "aneurysm" for name in listed["cls"])
    found = Counter()
    for fold in range(1, 6):
        with open_split(result.folder / f"classification_fold{fold}.h5") as split:
            found.update(split.class_names[label] for label in split.labels)
        with open_split(result.folder / f"segmentation_fold{fold}.h5") as split:
            assert set(np.unique(split.parts_at(range(len(split)))).tolist()) == {0, 1}
    assert found == wanted


def test_normals_of_vessels_point_outward(raws):
    """Steps along the normals lead away from the points' own neighborhood, steps against them into the tube."""
    values = np.loadtxt(next((raws("intra") / "generated/vessel/ad").iterdir()))
    points, normals = values[:, :3], values[:, 3:6]

    def depth(step):  # how many points lie within a tube's width
        moved = points[::20] + step * normals[::20]
        return (np.linalg.norm(moved[:, None] - points, axis=2) < 0.9).sum(axis=1)

    assert (depth(-0.5) > depth(0.5)).mean() > 0.9


# --- streets


def read_calibration(path):
    rows = dict(line.split(": ") for line in path.read_text().splitlines() if line)
    found = {name: np.array(text.split(), dtype=float) for name, text in rows.items()}
    rectify, move = np.eye(4), np.eye(4)
    rectify[:3, :3], move[:3] = found["R0_rect"].reshape(3, 3), found["Tr_velo_to_cam"].reshape(3, 4)
    return rectify @ move, found["P2"].reshape(3, 4)


def inside_label(line, cloud, transform):
    """Points of the scanner's frame that lie in a label's box, by the official definition."""
    height, width, length, x, y, z, turn = (float(each) for each in line.split()[8:15])
    camera = cloud @ transform[:3, :3].T + transform[:3, 3] - np.array([x, y, z])
    along = camera[:, 0] * np.cos(turn) - camera[:, 2] * np.sin(turn)
    across = camera[:, 0] * np.sin(turn) + camera[:, 2] * np.cos(turn)
    slack = 0.05
    return (
        (np.abs(along) <= length / 2 + slack)
        & (np.abs(across) <= width / 2 + slack)
        & (camera[:, 1] <= slack)
        & (camera[:, 1] >= -height - slack)
    )


def test_kitti_layout(raws):
    root = raws("kitti")
    lists = {name: (root / "ImageSets" / f"{name}.txt").read_text().split() for name in ("train", "val", "trainval")}
    assert lists == {"train": ["000000"], "val": ["000001"], "trainval": ["000000", "000001"]}
    labeled = 0
    for name in lists["trainval"]:
        sweep = np.fromfile(root / "training" / "velodyne" / f"{name}.bin", "<f4").reshape(-1, 4)
        points = sweep[:, :3].astype(np.float64)
        assert 0 <= sweep[:, 3].min() <= sweep[:, 3].max() < 1
        distance = np.linalg.norm(points, axis=1)
        rays = np.round(
            np.degrees(np.stack([np.arctan2(points[:, 1], points[:, 0]), np.arcsin(points[:, 2] / distance)], 1)), 2
        )
        assert len(np.unique(rays, axis=0)) == len(rays)  # one return a ray: what is hidden is not there
        assert len(np.unique(np.round(rays[:, 1], 1))) <= 70  # in 64 lines
        assert abs(np.median(points[points[:, 2] < -1.6][:, 2]) + 1.73) < 0.02
        transform, projection = read_calibration(root / "training" / "calib" / f"{name}.txt")
        lines = (root / "training" / "label_2" / f"{name}.txt").read_text().splitlines()
        assert all(len(line.split()) == 15 for line in lines)
        assert lines[-1].startswith("DontCare -1 -1 -10 ")
        for line in lines[:-1]:
            fields = line.split()
            mine = inside_label(line, points, transform)
            assert mine.sum() >= 4
            labeled += 1
            region = np.array(fields[4:8], dtype=float)
            camera = points[mine] @ transform[:3, :3].T + transform[:3, 3]
            drawn = camera @ projection[:, :3].T + projection[:, 3]
            pixels = drawn[:, :2] / drawn[:, 2:]
            shown = ((pixels >= 0) & (pixels < (1242, 375))).all(axis=1)
            assert (pixels[shown] >= region[:2] - 3).all()
            assert (pixels[shown] <= region[2:] + 3).all()
    assert labeled >= 4


def test_kitti_boxes_contain_their_points_after_the_round_trip(raws, prepared):
    result = prepared("kitti", points=256)
    assert result.manifest["stand_in"] is True
    compared = 0
    for split in ("train", "val"):
        with open_scenes(result.folder / f"{split}.h5") as scenes:
            scene = scenes.scene_at(0)
        root = raws("kitti") / "training"
        transform, _ = read_calibration(root / "calib" / f"{scene.id}.txt")
        lines = (root / "label_2" / f"{scene.id}.txt").read_text().splitlines()[:-1]
        raw = np.fromfile(root / "velodyne" / f"{scene.id}.bin", "<f4").reshape(-1, 4)[:, :3].astype(np.float64)
        assert len(scene.boxes) == len(lines)
        for box, line in zip(scene.boxes.astype(np.float64), lines, strict=True):
            offset = scene.points.astype(np.float64) - box[:3]
            cos, sin = np.cos(box[6]), np.sin(box[6])
            local = np.stack([offset[:, 0] * cos - offset[:, 2] * sin, offset[:, 1],
                              offset[:, 0] * sin + offset[:, 2] * cos], axis=1)  # fmt: skip
            mine = (np.abs(local) <= box[3:6] / 2 + 0.1).all(axis=1)
            wanted = inside_label(line, raw, transform)
            assert mine[wanted].mean() > 0.9
            compared += 1
    assert compared >= 4
    with open_split(result.folder / "objects_train.h5") as split:
        assert split.stand_in
        assert len(split) > 1
