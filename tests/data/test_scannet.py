"""ScanNet V2 from scans in the exact official layout and from VoteNet's export of them, whole and damaged."""

import json

import numpy as np
import pytest

from pointsra.data import scannet_lists
from pointsra.data.prepare import PrepareRequest, plan, prepare
from pointsra.data.scenes import open_scenes
from pointsra.errors import DataError

CLASSES = ("cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf", "picture", "counter", "desk")
CLASSES += ("curtain", "refrigerator", "showercurtain", "toilet", "sink", "bathtub", "garbagebin")
NYU40 = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 24, 28, 33, 34, 36, 39)
TABLE = {"office chair": 5, "couch": 6, "floor": 2, "wall": 1, "ottoman": 39, "trash can": 39, "desk": 14}
LISTS = {"train": ["scene0000_00", "scene0000_01", "scene0002_00"], "val": ["scene0011_00"], "test": ["scene0707_00"]}
ANGLE = 0.6
ALIGNMENT = np.array(
    [
        [np.cos(ANGLE), -np.sin(ANGLE), 0, 1.5],
        [np.sin(ANGLE), np.cos(ANGLE), 0, -2.25],
        [0, 0, 1, -0.125],
        [0, 0, 0, 1],
    ]
)
# segment -> object, or None: segments 7 and 8 belong to nothing
OBJECTS = {0: ("floor", [1, 2]), 1: ("office chair", [3]), 2: ("couch", [4, 5]), 3: ("office chair", [6])}


def write_ply(path, points, colors, faces):
    head = (
        "ply\nformat binary_little_endian 1.0\ncomment VCGLIB generated\n"
        f"element vertex {len(points)}\nproperty float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\nproperty uchar alpha\n"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    vertices = np.zeros(len(points), dtype=[("xyz", "<f4", 3), ("rgba", "u1", 4)])
    vertices["xyz"], vertices["rgba"][:, :3], vertices["rgba"][:, 3] = points, colors, 255
    rows = np.zeros(len(faces), dtype=[("count", "u1"), ("corner", "<i4", 3)])
    rows["count"], rows["corner"] = 3, faces
    path.write_bytes(head.encode() + vertices.tobytes() + rows.tobytes())


def some_scan(seed, count=240):
    """Vertices, colors, faces and segments; some vertices are in no face, and two are the same point."""
    rng = np.random.default_rng(seed)
    points = rng.uniform((-3, -2, 0), (3, 2, 2.5), (count, 3)).astype(np.float32)
    points[5] = points[4]
    segments = rng.integers(1, 9, count)
    points += segments[:, None]
    faces = np.arange(count - count % 3 - 30).reshape(-1, 3)
    return points, rng.integers(0, 256, (count, 3)), faces, segments


def write_scan(folder, name, annotated, scan=None):
    points, colors, faces, segments = some_scan(int(name[5:9] + name[-2:])) if scan is None else scan
    place = folder / name
    place.mkdir(parents=True)
    write_ply(place / f"{name}_vh_clean_2.ply", points, colors, faces)
    lines = ["colorHeight = 968", "numDepthFrames = 5578", "sceneType = Office"]
    if annotated:
        lines.insert(0, "axisAlignment = " + " ".join(f"{value:.6f}" for value in ALIGNMENT.ravel()) + " ")
        groups = [
            {"id": number, "objectId": number, "segments": members, "label": label}
            for number, (label, members) in OBJECTS.items()
        ]
        owner = {"sceneId": f"scannet.{name}"}
        (place / f"{name}.aggregation.json").write_text(json.dumps({**owner, "segGroups": groups}))
        found = {**owner, "params": {"kThresh": "0.0001"}, "segIndices": segments.tolist()}
        (place / f"{name}_vh_clean_2.0.010000.segs.json").write_text(json.dumps(found))
    (place / f"{name}.txt").write_text("\n".join(lines) + "\n")


def write_lists(folder, lists):
    (folder / "meta_data").mkdir(parents=True)
    for split, names in lists.items():
        (folder / "meta_data" / f"scannetv2_{split}.txt").write_text("\n".join(names) + "\n")
    rows = [f"{n}\t{raw}\t{raw}\t{9}\t{nyu}\tx" for n, (raw, nyu) in enumerate(TABLE.items())]
    head = "id\traw_category\tcategory\tcount\tnyu40id\teigen13id"
    (folder / "meta_data" / "scannetv2-labels.combined.tsv").write_text("\n".join([head, *rows]) + "\n")


def official(folder, lists=LISTS):
    write_lists(folder, lists)
    for split, names in lists.items():
        for name in names:
            write_scan(folder / ("scans_test" if split == "test" else "scans"), name, split != "test")
    return folder


def by_hand(scan):
    """What VoteNet's exporter makes of a scan, point by point: aligned points, labels, instances and boxes."""
    points, colors, _, segments = scan
    matrix = np.round(ALIGNMENT, 6)
    aligned = np.array([matrix[:3, :3] @ point + matrix[:3, 3] for point in points.astype(np.float64)])
    labels, instances = np.zeros(len(points), np.uint32), np.zeros(len(points), np.uint32)
    boxes = []
    for number, (label, members) in OBJECTS.items():
        inside = np.array([segment in members for segment in segments])
        labels[inside], instances[inside] = TABLE[label], number + 1
        low, high = aligned[inside].min(axis=0), aligned[inside].max(axis=0)
        boxes.append([*((low + high) / 2), *(high - low), TABLE[label]])
    boxes = np.array([box for box in boxes if box[6] in NYU40])
    return np.concatenate([aligned, colors], axis=1).astype(np.float32), labels, instances, boxes


def exported(folder, lists=LISTS):
    write_lists(folder, lists)
    place = folder / "scannet_train_detection_data"
    place.mkdir()
    for names in lists.values():
        for name in names:
            arrays = by_hand(some_scan(int(name[5:9] + name[-2:])))
            for kind, values in zip(("vert", "sem_label", "ins_label", "bbox"), arrays, strict=True):
                np.save(place / f"{name}_{kind}.npy", values)
    return folder


def request(tmp_path, raw, **changes):
    return PrepareRequest(**{"dataset": "scannet", "root": tmp_path / "data", "raw": raw, **changes})


def scenes_of(result):
    found = {}
    for name in result.manifest["splits"]:
        with open_scenes(result.folder / f"{name}.h5") as scenes:
            found |= {scenes.ids[index]: scenes.scene_at(index) for index in range(len(scenes))}
    return found


def counts_of(result):
    return {name: split["count"] for name, split in result.manifest["splits"].items()}


def test_raw_scans_as_the_exporter_has_them(tmp_path):
    result = prepare(request(tmp_path, official(tmp_path / "raw")))
    assert counts_of(result) == {"train": 3, "val": 1, "test": 1}
    assert result.manifest["class_names"] == list(CLASSES)
    assert result.manifest["variant"] == "raw"
    assert "scans that scannetv2_train.txt names: 3; the official list names 1201." in result.notes
    assert prepare(request(tmp_path, tmp_path / "raw", workers=2)).unchanged
    with open_scenes(result.folder / "train.h5") as scenes:
        assert scenes.ids == tuple(LISTS["train"])
        assert scenes.class_names == scenes.part_names == CLASSES
    found = scenes_of(result)
    for name in (*LISTS["train"], *LISTS["val"]):
        scan = some_scan(int(name[5:9] + name[-2:]))
        vertices, labels, instances, boxes = by_hand(scan)
        scene = found[name]
        np.testing.assert_allclose(scene.points, vertices[:, [0, 2, 1]] * [1, 1, -1], atol=1e-5)
        np.testing.assert_array_equal(scene.colors, scan[1])
        np.testing.assert_array_equal(scene.instances, instances.astype(int) - 1)
        wanted = [NYU40.index(label) if label in NYU40 else 255 for label in labels]
        np.testing.assert_array_equal(scene.parts, wanted)
        assert [CLASSES[label] for label in scene.box_labels] == ["chair", "sofa", "chair"]
        np.testing.assert_allclose(scene.boxes[:, :3], boxes[:, [0, 2, 1]] * [1, 1, -1], atol=1e-5)
        np.testing.assert_allclose(scene.boxes[:, 3:6], boxes[:, [3, 5, 4]], atol=1e-5)
        assert (scene.boxes[:, 6] == 0).all()
        for box, number in zip(scene.boxes, (1, 2, 3), strict=True):
            inside = scene.points[scene.instances == number]
            np.testing.assert_allclose(np.abs(inside - box[:3]).max(axis=0), box[3:6] / 2, atol=1e-5)
        back = scene.points @ scene.extra["to_raw"][:3, :3].T + scene.extra["to_raw"][:3, 3]
        np.testing.assert_allclose(back, scan[0], atol=1e-4)


def test_the_test_split_has_no_annotations(tmp_path):
    raw = official(tmp_path / "raw")
    result = prepare(request(tmp_path, raw))
    scene = scenes_of(result)["scene0707_00"]
    assert scene.parts is scene.instances is scene.boxes is scene.box_labels is None
    np.testing.assert_array_equal(scene.points, some_scan(70700)[0][:, [0, 2, 1]] * np.float32([1, 1, -1]))
    reason = "axisAlignment is missing: the scan was taken as it lies."
    assert result.manifest["skipped"] == [{"file": "scene0707_00.txt", "reason": reason}]
    assert f"scene0707_00.txt: {reason}" in result.notes


def test_export_and_raw_agree(tmp_path):
    raw = scenes_of(prepare(request(tmp_path, official(tmp_path / "raw"))))
    result = prepare(request(tmp_path / "b", exported(tmp_path / "export")))
    assert result.manifest["variant"] == "votenet"
    for name, scene in scenes_of(result).items():
        if name == "scene0707_00":
            assert scene.boxes is None
            continue
        np.testing.assert_allclose(scene.points, raw[name].points, atol=1e-5)
        np.testing.assert_array_equal(scene.colors, raw[name].colors)
        np.testing.assert_array_equal(scene.parts, raw[name].parts)
        np.testing.assert_array_equal(scene.instances, raw[name].instances)
        np.testing.assert_array_equal(scene.box_labels, raw[name].box_labels)
        np.testing.assert_allclose(scene.boxes, raw[name].boxes, atol=1e-5)


def test_which_form_is_taken(tmp_path):
    both = official(tmp_path / "both")
    for path in exported(tmp_path / "export").glob("scannet_train_detection_data/*.npy"):
        (both / "scannet_train_detection_data").mkdir(exist_ok=True)
        path.rename(both / "scannet_train_detection_data" / path.name)
    planned = plan(request(tmp_path, both))
    assert any("--variant votenet" in note for note in planned["notes"])
    assert prepare(request(tmp_path, both)).manifest["variant"] == "raw"
    assert prepare(request(tmp_path / "b", both, variant="votenet")).manifest["variant"] == "votenet"
    with pytest.raises(DataError, match="no ScanNet scans there"):
        plan(request(tmp_path, tmp_path / "export", variant="raw"))


@pytest.mark.parametrize("inside", ["", "scannet", "ScanNet/v2"])
def test_every_known_root(tmp_path, inside):
    official(tmp_path / "x" / inside)
    assert plan(request(tmp_path, tmp_path / "x"))["splits"] == {"train": 3, "val": 1, "test": 1}


def test_the_scans_folder_itself_may_be_named(tmp_path):
    raw = official(tmp_path / "raw", {**LISTS, "test": []} | {"test": ["scene0707_00"]})
    planned = plan(request(tmp_path, raw / "scans"))
    assert planned["splits"] == {"train": 3, "val": 1}
    assert any("test is left out: none of the 1 scans" in note for note in planned["notes"])
    assert counts_of(prepare(request(tmp_path, raw / "scans"))) == {"train": 3, "val": 1}


def test_no_cap_unless_asked(tmp_path):
    raw = tmp_path / "raw"
    lists = {"train": ["scene0000_00"], "val": ["scene0011_00"]}
    write_lists(raw, lists)
    large = some_scan(1, count=50_007)
    write_scan(raw / "scans", "scene0000_00", True, large)
    write_scan(raw / "scans", "scene0011_00", True)
    whole = scenes_of(prepare(request(tmp_path, raw)))["scene0000_00"]
    assert len(whole.points) == 50_007
    capped = scenes_of(prepare(request(tmp_path / "b", raw, max_points=1000)))
    scene = capped["scene0000_00"]
    assert len(scene.points) == len(scene.colors) == len(scene.parts) == len(scene.instances) == 1000
    np.testing.assert_array_equal(scene.boxes, whole.boxes)  # from all points all the same
    assert len(capped["scene0011_00"].points) == 240
    assert set(map(tuple, scene.points)) <= set(map(tuple, whole.points))


def test_the_exporters_cap_is_noted(tmp_path):
    raw = exported(tmp_path / "export")
    arrays = by_hand(some_scan(3, count=50_000))
    for kind, values in zip(("vert", "sem_label", "ins_label", "bbox"), arrays, strict=True):
        np.save(raw / "scannet_train_detection_data" / f"scene0000_01_{kind}.npy", values)
    notes = plan(request(tmp_path, raw))["notes"]
    assert any(note.startswith("scans with exactly 50,000 points, where the exporter cuts: 1;") for note in notes)


def test_objects_without_points_are_noted(tmp_path):
    raw = official(tmp_path / "raw")
    path = raw / "scans/scene0002_00/scene0002_00.aggregation.json"
    found = json.loads(path.read_text())
    found["segGroups"].append({"objectId": 9, "label": "desk", "segments": [901, 902]})
    found["segGroups"].append({"objectId": 10, "label": "trash can", "segments": [7, 903]})
    path.write_text(json.dumps(found))
    result = prepare(request(tmp_path, raw))
    noted = {each["reason"] for each in result.manifest["skipped"] if each["file"] == path.name}
    assert noted == {
        "object 9 (desk) has no points: it has no box.",
        "object 10 (trash can): 1 of its segments have no vertices.",
    }
    scene = scenes_of(result)["scene0002_00"]
    assert [CLASSES[label] for label in scene.box_labels] == ["chair", "sofa", "chair", "garbagebin"]


def test_scans_that_a_list_names_are_never_lost(tmp_path):
    raw = official(tmp_path / "raw")
    for path in (raw / "scans/scene0000_01").iterdir():
        path.unlink()
    (raw / "scans/scene0000_01").rmdir()
    for act in (plan, prepare):
        with pytest.raises(DataError, match=r"scannetv2_train\.txt: names scene0000_01, which is not in .*1 of 3"):
            act(request(tmp_path, raw))
    result = prepare(request(tmp_path, raw, skip_bad=True))
    assert counts_of(result)["train"] == 2
    assert result.manifest["skipped"][0]["file"] == "scene0000_01"


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-40])


def in_json(change):
    def act(path):
        found = json.loads(path.read_text())
        change(found)
        path.write_text(json.dumps(found))

    return act


def in_ply(**changes):
    def act(path):
        points, colors, faces, _ = some_scan(1)
        points[3, 1] = np.nan
        write_ply(path, points, colors, faces)

    return act


def empty_ply(path):
    write_ply(path, np.empty((0, 3)), np.empty((0, 3)), np.empty((0, 3), int))


def one_fewer(found):
    found["segIndices"].pop()


def strange_label(found):
    found["segGroups"][1]["label"] = "flying carpet"


def no_segments(found):
    del found["segGroups"][2]["segments"]


def twice(found):
    found["segGroups"][2]["objectId"] = 1


MESH, OBJECTS_FILE, SEGMENTS = "_vh_clean_2.ply", ".aggregation.json", "_vh_clean_2.0.010000.segs.json"
RAW_DAMAGE = {
    "mesh cut short": (MESH, cut_short, "cut short"),
    "mesh empty": (MESH, empty_ply, "holds no points"),
    "mesh missing": (MESH, lambda path: path.unlink(), "not there"),
    "mesh not finite": (MESH, in_ply(), "vertex 3 (and 0 more) is not finite"),
    "objects missing": (OBJECTS_FILE, lambda path: path.unlink(), "not there; download this file"),
    "objects cut short": (OBJECTS_FILE, cut_short, "not whole JSON"),
    "objects of another": (OBJECTS_FILE, in_json(lambda f: f.update(sceneId="scannet.scene0000_00")), "mixed up"),
    "unknown label": (OBJECTS_FILE, in_json(strange_label), "object 1 has the label 'flying carpet'"),
    "no segments": (OBJECTS_FILE, in_json(no_segments), "entry 2 of segGroups lacks"),
    "twice": (OBJECTS_FILE, in_json(twice), "the objectId 1 is there twice"),
    "no groups": (OBJECTS_FILE, in_json(lambda f: f.pop("segGroups")), "has no list segGroups"),
    "segments cut short": (SEGMENTS, cut_short, "not whole JSON"),
    "segments do not fit": (SEGMENTS, in_json(one_fewer), "239 segIndices for the 240 vertices of scene0000_01_vh"),
    "segments of words": (SEGMENTS, in_json(lambda f: f.update(segIndices=["a"] * 240)), "list of whole numbers"),
    "alignment missing": (".txt", lambda path: path.unlink(), "not there"),
    "alignment short": (".txt", lambda path: path.write_text("axisAlignment = 1 0 0"), "is not 16 numbers"),
    "alignment flat": (".txt", lambda path: path.write_text("axisAlignment =" + " 0" * 16), "determinant is 0"),
}


@pytest.mark.parametrize("name", RAW_DAMAGE)
def test_damaged_raw_scans_are_named(tmp_path, name):
    raw = official(tmp_path / "raw", {"train": ["scene0000_01", "scene0002_00"], "val": ["scene0011_00"]})
    suffix, change, sentence = RAW_DAMAGE[name]
    path = raw / "scans/scene0000_01" / f"scene0000_01{suffix}"
    change(path)
    with pytest.raises(DataError) as caught:
        prepare(request(tmp_path, raw))
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)
    result = prepare(request(tmp_path, raw, skip_bad=True))
    assert counts_of(result) == {"train": 1, "val": 1}
    (left_out,) = [each for each in result.manifest["skipped"] if each["file"] == "scene0000_01"]
    assert sentence in left_out["reason"]


def test_without_alignment_a_scan_stays_as_it_lies(tmp_path):
    raw = official(tmp_path / "raw")
    (raw / "scans/scene0011_00/scene0011_00.txt").write_text("sceneType = Office\n")
    result = prepare(request(tmp_path, raw))
    assert {"file": "scene0011_00.txt", "reason": "axisAlignment is missing: the scan was taken as it lies."} in (
        result.manifest["skipped"]
    )
    scene = scenes_of(result)["scene0011_00"]
    np.testing.assert_array_equal(scene.points[:, 1], some_scan(1100)[0][:, 2])
    assert len(scene.boxes) == 3


def saved(change):
    def act(path):
        np.save(path, change(np.load(path)))

    return act


def with_value(index, value):
    def change(values):
        values[index] = value
        return values

    return saved(change)


NPY_DAMAGE = {
    "vert cut short": ("vert", cut_short, "not a whole npy file"),
    "vert of objects": ("vert", saved(lambda v: np.array([None, {}])), "holds pickled Python objects"),
    "vert empty": ("vert", saved(lambda v: v[:0]), "holds no points"),
    "vert turned": ("vert", saved(lambda v: v.T), "float32 (6, 240), expected numbers (N, 6)"),
    "vert not finite": ("vert", with_value((9, 2), np.nan), "row 9 (and 0 more) is not finite"),
    "colors": ("vert", with_value((9, 4), 512), "expected 0 to 255"),
    "labels missing": ("sem_label", lambda path: path.unlink(), "not there"),
    "labels do not fit": ("sem_label", saved(lambda v: v[:-1]), "239 labels for 240 points"),
    "labels out of range": ("sem_label", with_value(4, 41), "row 4 is 41, expected an nyu40 number"),
    "instances do not fit": ("ins_label", saved(lambda v: v[:-1]), "239 labels for 240 points"),
    "instances below": ("ins_label", saved(lambda v: v.astype(int) - 9), "numbers below 0"),
    "boxes": ("bbox", saved(lambda v: v[:, :6]), "expected numbers (N, 7)"),
    "boxes not finite": ("bbox", with_value((0, 0), np.inf), "not finite"),
}


@pytest.mark.parametrize("name", NPY_DAMAGE)
def test_damaged_exports_are_named(tmp_path, name):
    raw = exported(tmp_path / "raw", {"train": ["scene0000_01"], "val": ["scene0011_00"]})
    kind, change, sentence = NPY_DAMAGE[name]
    path = raw / "scannet_train_detection_data" / f"scene0011_00_{kind}.npy"
    change(path)
    with pytest.raises(DataError) as caught:
        prepare(request(tmp_path, raw))
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)


def test_foreign_boxes_of_an_export_are_noted(tmp_path):
    raw = exported(tmp_path / "raw")
    with_value((0, 6), 2)(raw / "scannet_train_detection_data/scene0000_00_bbox.npy")
    np.save(raw / "scannet_train_detection_data/scene0002_00_bbox.npy", np.zeros((0, 7)))
    result = prepare(request(tmp_path, raw))
    assert result.manifest["skipped"][0]["file"] == "scene0000_00_bbox.npy"
    found = scenes_of(result)
    assert len(found["scene0000_00"].boxes) == 2
    assert found["scene0002_00"].boxes.shape == (0, 7)


def test_lists_and_table_are_checked(tmp_path):
    raw = official(tmp_path / "raw")
    table = raw / "meta_data/scannetv2-labels.combined.tsv"
    whole = table.read_text()
    for text, sentence in (
        ("id\tcategory\n", "does not name raw_category and nyu40id"),
        (whole + "9\tbroken", f"line {len(TABLE) + 2} has no nyu40id"),
    ):
        table.write_text(text)
        with pytest.raises(DataError, match=sentence):
            prepare(request(tmp_path, raw))
    table.unlink()
    with pytest.raises(DataError, match=r"scannetv2-labels\.combined\.tsv is not in it"):
        plan(request(tmp_path, raw))
    val = raw / "meta_data/scannetv2_val.txt"
    for text, sentence in (
        ("scene0011_00\nkitchen\n", r"scannetv2_val\.txt: line 2 is 'kitchen'"),
        ("\n", "names no scans"),
        ("scene0000_00\n", r"scannetv2_train\.txt: scene0000_00 is in another list too"),
    ):
        val.write_text(text)
        with pytest.raises(DataError, match=sentence):
            plan(request(tmp_path, raw))
    val.unlink()
    with pytest.raises(DataError, match=r"scannetv2_val\.txt is not in it"):
        plan(request(tmp_path, raw))


def test_missing_says_where_it_is_to_be_had(tmp_path):
    with pytest.raises(DataError) as caught:
        plan(request(tmp_path, tmp_path))
    for part in ("scannet@googlegroups.com", "Terms of Use", "--raw", scannet_lists.expected_tree()):
        assert part in str(caught.value)


def test_workers_and_limit(tmp_path):
    raw = official(tmp_path / "raw")
    one, two = prepare(request(tmp_path, raw)), prepare(request(tmp_path / "b", raw, workers=2))
    first, second = scenes_of(one), scenes_of(two)
    assert list(first) == list(second)
    for name in first:
        np.testing.assert_array_equal(first[name].points, second[name].points)
        if first[name].boxes is not None:
            np.testing.assert_array_equal(first[name].boxes, second[name].boxes)
    few = prepare(request(tmp_path / "c", raw, limit=1))
    assert counts_of(few) == {"train": 1, "val": 1, "test": 1}
    assert len(few.manifest["sources"]) == 3 + 1 + 4 + 4 + 2
