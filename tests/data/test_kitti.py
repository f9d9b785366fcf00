"""KITTI from frames in the exact official layout, with calibrations made by hand, whole and damaged."""

import numpy as np
import pytest

from pointsra.data import kitti_lists
from pointsra.data.kitti_boxes import boxes_in_prepared_frame, camera_projection, difficulties, points_inside
from pointsra.data.kitti_files import read_calibration, read_labels
from pointsra.data.prepare import PrepareRequest, plan, prepare
from pointsra.data.scenes import open_scenes
from pointsra.data.store import open_split
from pointsra.errors import DataError

CLASSES = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc")
TRAIN, VAL = ("000000", "000003", "000007"), ("000001", "000004")
# From the lidar (x forward, y left, z up) to the camera (x right, y down, z forward) with nothing else between them.
AXES = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
P2 = np.array([[721.5, 0, 609.6, 44.9], [0, 721.5, 172.9, 0.2], [0, 0, 1, 0.003]])
# kind; center, size (length, width, height) and yaw in the lidar's frame; picture, occluded, truncated; points inside
THINGS = (
    ("Car", (12.0, 3.0, -0.9), (4.2, 1.7, 1.5), 0.3, (100, 100, 180, 160), 0, 0.0, 90),
    ("Pedestrian", (8.0, -4.0, -0.8), (0.8, 0.6, 1.8), -2.0, (300, 100, 330, 130), 1, 0.2, 40),
    ("Cyclist", (30.0, 1.0, -0.8), (1.8, 0.6, 1.7), 3.0, (400, 100, 420, 126), 2, 0.4, 9),
    ("Van", (25.0, -9.0, -0.5), (5.0, 1.9, 2.1), 1.5, (0, 100, 60, 180), 3, 0.1, 0),
)


def turned(yaw):
    return np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])


def camera_from_lidar(yaw=0.0, rectify=0.0):
    """Mount (3, 4) and rectification (3, 3): the camera looks ``yaw`` to the left, rectified by a turn about its y."""
    mount = np.concatenate([AXES @ turned(-yaw), [[0.27], [-0.08], [-0.27]]], axis=1)
    c, s = np.cos(rectify), np.sin(rectify)
    return mount, np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def calibration_text(mount, rectify):
    keys = {
        "P0": P2,
        "P1": P2,
        "P2": P2,
        "P3": P2,
        "R0_rect": rectify,
        "Tr_velo_to_cam": mount,
        "Tr_imu_to_velo": mount,
    }
    rows = [f"{key}: {' '.join(f'{value:.12e}' for value in np.ravel(values))}" for key, values in keys.items()]
    return "\n".join(rows) + "\n\n"


def label_line(thing, mount, rectify):
    kind, center, (length, width, height), yaw, picture, occluded, truncated, _ = thing
    bottom = rectify @ (mount[:, :3] @ (np.array(center) - [0, 0, height / 2]) + mount[:, 3])
    ahead = rectify @ mount[:, :3] @ [np.cos(yaw), np.sin(yaw), 0]
    turn = np.arctan2(-ahead[2], ahead[0])
    numbers = [*picture, height, width, length, *bottom, turn]
    return f"{kind} {truncated:.2f} {occluded} -1.57 " + " ".join(f"{value:.6f}" for value in numbers)


DONT_CARE = "DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10"


def sweep(seed, things=THINGS):
    """Points (N, 4): a flat road below, and those inside of the boxes in order."""
    rng = np.random.default_rng(seed)
    road = np.concatenate([rng.uniform((-40, -40), (40, 40), (500, 2)), np.full((500, 1), -1.8)], axis=1)
    inside = [
        (rng.uniform(-0.49, 0.49, (count, 3)) * size) @ turned(yaw).T + center
        for _, center, size, yaw, _, _, _, count in things
    ]
    points = np.concatenate([road, *inside])
    return np.concatenate([points, rng.uniform(0, 1, (len(points), 1))], axis=1).astype(np.float32)


def write_frame(training, name, things=THINGS):
    for place in ("velodyne", "label_2", "calib"):
        (training / place).mkdir(parents=True, exist_ok=True)
    mount, rectify = camera_from_lidar(0.02 * int(name), 0.01)
    sweep(int(name), things).tofile(training / "velodyne" / f"{name}.bin")
    lines = [label_line(thing, mount, rectify) for thing in things]
    (training / "label_2" / f"{name}.txt").write_text("\n".join([*lines, DONT_CARE]) + "\n")
    (training / "calib" / f"{name}.txt").write_text(calibration_text(mount, rectify))


def official(folder, with_lists=True, train=TRAIN, val=VAL):
    for name in (*train, *val):
        write_frame(folder / "training", name)
    if with_lists:
        (folder / "ImageSets").mkdir()
        (folder / "ImageSets/train.txt").write_text("\n".join(train) + "\n")
        (folder / "ImageSets/val.txt").write_text("\n".join(val) + "\n")
    return folder


def request(tmp_path, raw, **changes):
    return PrepareRequest(**{"dataset": "kitti", "root": tmp_path / "data", "raw": raw, "points": 64, **changes})


def scenes_of(result):
    found = {}
    for name in ("train", "val"):
        if name in result.manifest["splits"]:
            with open_scenes(result.folder / f"{name}.h5") as scenes:
                found |= {scenes.ids[index]: scenes.scene_at(index) for index in range(len(scenes))}
    return found


def counts_of(result):
    return {name: split["count"] for name, split in result.manifest["splits"].items()}


def corners(box):
    """The eight corners (8, 3) of a prepared box, by turning its own axes about +y."""
    x, y, z = np.meshgrid(*([-0.5, 0.5],) * 3, indexing="ij")
    local = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1) * box[3:6]
    c, s = np.cos(box[6]), np.sin(box[6])
    return local @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T + box[:3]


@pytest.mark.parametrize(("yaw", "rectify"), [(0, 0), (0.7, 0), (-1.2, 0.4), (3.0, -0.2)])
def test_boxes_by_hand(tmp_path, yaw, rectify):
    mount, rectified = camera_from_lidar(yaw, rectify)
    (tmp_path / "c.txt").write_text(calibration_text(mount, rectified))
    (tmp_path / "l.txt").write_text("\n".join(label_line(thing, mount, rectified) for thing in THINGS))
    labels, calibration = read_labels(tmp_path / "l.txt"), read_calibration(tmp_path / "c.txt")
    boxes = boxes_in_prepared_frame(labels, calibration)
    for box, (_, center, (length, width, height), heading, *_) in zip(boxes, THINGS, strict=True):
        x, y, z = center
        wanted = [x, z, -y, length, height, width, heading]  # a yaw about the lidar's z is a heading about +y
        np.testing.assert_allclose(box, wanted, atol=1e-5)
    # The official way to a box's corners in the camera frame, then through the inverse of the calibration.
    for row, box in enumerate(boxes):
        height, width, length = labels.sizes[row]
        c, s = np.cos(labels.turns[row]), np.sin(labels.turns[row])
        x, y, z = np.meshgrid([-length / 2, length / 2], [0, -height], [-width / 2, width / 2], indexing="ij")
        about_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        in_camera = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1) @ about_y.T + labels.bottoms[row]
        in_mount = np.linalg.solve(rectified, in_camera.T).T
        in_lidar = np.linalg.solve(mount[:, :3], (in_mount - mount[:, 3]).T).T
        official_corners = in_lidar[:, [0, 2, 1]] * [1, 1, -1]
        ours = corners(box)
        apart = np.linalg.norm(ours[:, None] - official_corners[None], axis=2)
        assert apart.min(axis=1).max() < 1e-5


def test_headings_that_everyone_knows(tmp_path):
    mount, rectified = camera_from_lidar()
    (tmp_path / "c.txt").write_text(calibration_text(mount, rectified))
    line = "Car 0 0 0 0 0 99 99 1.5 1.7 4.0 0 1.7 20 {}\n"
    # facing away from us, to the right, towards us, to the left: the camera's x is right, its y is down
    turns, headings = (-np.pi / 2, 0, np.pi / 2, np.pi), (0, -np.pi / 2, np.pi, np.pi / 2)
    (tmp_path / "l.txt").write_text("".join(line.format(turn) for turn in turns))
    boxes = boxes_in_prepared_frame(read_labels(tmp_path / "l.txt"), read_calibration(tmp_path / "c.txt"))
    np.testing.assert_allclose(np.cos(boxes[:, 6] - headings), 1, atol=1e-9)
    assert np.abs(boxes[:, 6]).max() <= np.pi
    np.testing.assert_allclose(boxes[:, 1], -1.7 + 0.75 - 0.08, atol=1e-9)  # the bottom is 1.7 m below the camera


def test_projection_reaches_the_picture(tmp_path):
    mount, rectified = camera_from_lidar(0.3, 0.1)
    (tmp_path / "c.txt").write_text(calibration_text(mount, rectified))
    projection = camera_projection(read_calibration(tmp_path / "c.txt"))
    point = np.array([15.0, 2.0, -1.0])
    in_camera = rectified @ (mount[:, :3] @ point + mount[:, 3])
    wanted = P2 @ [*in_camera, 1]
    ours = projection @ [point[0], point[2], -point[1], 1]
    np.testing.assert_allclose(ours[:2] / ours[2], wanted[:2] / wanted[2], rtol=1e-9)


@pytest.mark.parametrize(
    ("height", "occluded", "truncated", "level"),
    [
        (41, 0, 0.15, 0),
        (40, 0, 0.0, 1),  # must be higher than 40
        (41, 1, 0.0, 1),
        (41, 0, 0.16, 1),
        (41, 0, 0.31, 2),
        (26, 2, 0.5, 2),
        (25, 0, 0.0, -1),
        (90, 3, 0.0, -1),
        (90, 0, 0.51, -1),
    ],
)
def test_difficulty(tmp_path, height, occluded, truncated, level):
    path = tmp_path / "l.txt"
    path.write_text(f"Car {truncated} {occluded} 0 0 100 50 {100 + height} 1.5 1.7 4 0 0 20 0\n")
    assert difficulties(read_labels(path)).tolist() == [level]


def test_points_inside_a_turned_box():
    box = np.array([1.0, 2.0, 3.0, 4.0, 1.0, 2.0, np.pi / 2])  # lengthwise along -z
    points = np.array([[1, 2, 4.9], [1, 2, 1.1], [2.9, 2, 3], [1.9, 2, 3], [1, 2.51, 3], [1, 2.5, 3]])
    assert points_inside(points, box).tolist() == [True, True, False, True, False, True]


def test_sweeps_and_objects(tmp_path):
    result = prepare(request(tmp_path, official(tmp_path / "raw")))
    assert counts_of(result) == {"train": 3, "val": 2, "objects_train": 6, "objects_val": 4}
    assert result.manifest["class_names"] == list(CLASSES)
    assert result.manifest["variant"] == "sweeps,objects"
    assert "frames that train.txt names: 3; the usual list names 3,712." in result.notes
    assert prepare(request(tmp_path, tmp_path / "raw", workers=2)).unchanged
    with open_scenes(result.folder / "train.h5") as scenes:
        assert scenes.ids == TRAIN
        assert (scenes.class_names, scenes.part_names, scenes.frame) == (CLASSES, (), "raw")
    scene, raw = scenes_of(result)["000003"], sweep(3)
    np.testing.assert_array_equal(scene.points, raw[:, [0, 2, 1]] * np.float32([1, 1, -1]))
    np.testing.assert_array_equal(scene.intensity, raw[:, 3])
    assert [CLASSES[label] for label in scene.box_labels] == [thing[0] for thing in THINGS]
    for box, (_, (x, y, z), (length, width, height), yaw, *_) in zip(scene.boxes, THINGS, strict=True):
        np.testing.assert_allclose(box, [x, z, -y, length, height, width, yaw], atol=1e-4)
    assert scene.extra["box_difficulty"].tolist() == [0, 1, 2, -1]
    assert scene.extra["box_points"].tolist() == [90, 40, 9, 0]
    assert scene.extra["box_line"].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(scene.extra["box_region"][1], [300, 100, 330, 130])
    np.testing.assert_allclose(scene.extra["ignored_region"], [[503.89, 169.71, 590.61, 190.13]])
    back = scene.points @ scene.extra["to_raw"][:3, :3].T + scene.extra["to_raw"][:3, 3]
    np.testing.assert_allclose(back, raw[:, :3], atol=1e-5)


def test_objects_are_what_lies_in_their_boxes(tmp_path):
    result = prepare(request(tmp_path, official(tmp_path / "raw"), variant="objects"))
    with open_split(result.folder / "objects_train.h5") as split:
        assert split.ids == tuple(f"{name}-{row}" for name in TRAIN for row in (0, 1))
        assert [split.class_names[label] for label in split.labels] == ["Car", "Pedestrian"] * 3
        assert split.captions[:2] == ("a car", "a pedestrian")
        assert (split.frame, split.points_per_cloud) == ("unit", 64)
        assert split.image_features_at([0]).shape == (1, 256)
        points = split.points_at(np.arange(6))
    np.testing.assert_allclose(np.linalg.norm(points, axis=2).max(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(points.mean(axis=1), 0, atol=1e-5)
    # The pedestrian has 40 points: they come first, in order, shifted and scaled; the other 24 are some of them again.
    person = sweep(0)[590:630, [0, 2, 1]] * [1, 1, -1]
    scale = np.linalg.norm(person[1] - person[0]) / np.linalg.norm(points[1][1] - points[1][0])
    np.testing.assert_allclose((points[1][:40] - points[1][0]) * scale, person - person[0], atol=1e-4)
    assert set(map(tuple, points[1][40:])) <= set(map(tuple, points[1][:40]))
    assert len(np.unique(points[0], axis=0)) == 64  # the car has 90
    reasons = {each["file"]: each["reason"] for each in result.manifest["skipped"]}
    assert reasons["training/label_2/000000.txt"] == (
        "objects with fewer than 32 points left out of the clouds: Cyclist in line 3 with 9, Van in line 4 with 0."
    )
    assert any("objects with fewer than 64 points, some of them repeated: 5." in note for note in result.notes)


def test_objects_without_points_keep_their_boxes(tmp_path):
    result = prepare(request(tmp_path, official(tmp_path / "raw"), variant="sweeps"))
    assert counts_of(result) == {"train": 3, "val": 2}
    assert result.manifest["skipped"][0] == {
        "file": "training/label_2/000000.txt",
        "reason": "an object without points in the sweep, its box is kept: line 4.",
    }
    assert len(result.manifest["skipped"]) == 5
    assert any("its box is kept: 5 such" in note for note in result.notes)


def test_a_frame_without_objects(tmp_path):
    raw = official(tmp_path / "raw")
    (raw / "training/label_2/000000.txt").write_text(DONT_CARE + "\n")
    (raw / "training/label_2/000003.txt").write_text("")
    result = prepare(request(tmp_path, raw))
    for name in ("000000", "000003"):
        scene = scenes_of(result)[name]
        assert scene.boxes.shape == (0, 7)
        assert scene.box_labels.shape == (0,)
    assert counts_of(result)["objects_train"] == 2


def test_without_lists_the_seed_decides(tmp_path):
    raw = official(tmp_path / "raw", with_lists=False)
    (raw / "training/velodyne/._000000.bin").write_bytes(b"what macOS leaves")
    result = prepare(request(tmp_path, raw))
    assert counts_of(result)["train"] == 3
    assert counts_of(result)["val"] == 2
    assert sum("the seed dealt the frames out" in note for note in result.notes) == 1
    assert result.manifest["skipped"][0] == {"file": "ImageSets/train.txt", "reason": kitti_lists.DEALT}
    dealt = {kitti_lists.select(request(tmp_path, raw, seed=seed)).frames["val"][0].id for seed in range(12)}
    assert len(dealt) > 1
    chosen = kitti_lists.select(request(tmp_path, raw)).frames
    assert [frame.id for split in ("train", "val") for frame in chosen[split]] == list(scenes_of(result))
    assert set(scenes_of(result)) == {*TRAIN, *VAL}
    (raw / "ImageSets").mkdir()
    (raw / "ImageSets/val.txt").write_text("000001\n")
    with pytest.raises(DataError, match=r"train\.txt: missing, while val\.txt is there"):
        plan(request(tmp_path, raw))


@pytest.mark.parametrize("inside", ["", "kitti", "object", "KITTI/object"])
def test_every_known_root(tmp_path, inside):
    official(tmp_path / "x" / inside)
    assert plan(request(tmp_path, tmp_path / "x"))["splits"] == {"train": 3, "val": 2}


def test_the_training_folder_itself_may_be_named(tmp_path):
    raw = official(tmp_path / "raw")
    (raw / "testing/velodyne").mkdir(parents=True)
    (raw / "testing/velodyne/000000.bin").write_bytes(b"\0" * 16)
    planned = plan(request(tmp_path, raw / "training"))
    assert planned["splits"] == {"train": 3, "val": 2}
    assert any("testing/ has no labels" in note for note in planned["notes"])


def test_frames_that_a_list_names_are_never_lost(tmp_path):
    raw = official(tmp_path / "raw")
    (raw / "training/velodyne/000003.bin").unlink()
    with pytest.raises(DataError, match=r"train\.txt: names 000003, but .*000003\.bin is not there \(1 of 3"):
        plan(request(tmp_path, raw))
    result = prepare(request(tmp_path, raw, skip_bad=True))
    assert counts_of(result)["train"] == 2
    assert result.manifest["skipped"][0]["file"] == "training/velodyne/000003.bin"


def floats(change):
    def act(path):
        values = np.fromfile(path, np.float32)
        change(values)
        values.tofile(path)

    return act


def not_finite(values):
    values[4 * 7 + 1] = np.nan


def text(old, new, count=1):
    def act(path):
        found = path.read_text()
        assert old in found
        path.write_text(found.replace(old, new, count))

    return act


DAMAGE = {
    "cut short": ("velodyne", lambda path: path.write_bytes(path.read_bytes()[:-6]), "are not rows of four float32"),
    "empty": ("velodyne", lambda path: path.write_bytes(b""), "holds no points"),
    "not finite": ("velodyne", floats(not_finite), "point 7 (and 0 more) is not finite"),
    "no labels": ("label_2", lambda path: path.unlink(), "not there; is the archive of label_2"),
    "few columns": ("label_2", text("Pedestrian 0.20 1", "Pedestrian"), "line 2 has 13 columns, expected 15"),
    "words": ("label_2", text("Pedestrian 0.20", "Pedestrian x"), "line 2 has columns that are not finite numbers"),
    "type": ("label_2", text("Cyclist", "Tricycle"), "line 3 is of the type 'Tricycle'"),
    "flat": ("label_2", text("1.500000 1.700000 4.200000", "0 1.7 4.2"), "line 1 has a box without extent"),
    "bytes": ("label_2", lambda path: path.write_bytes(b"\xff\xfe\0"), "cannot be read as text"),
    "no calibration": ("calib", lambda path: path.unlink(), "not there; is the archive of calib"),
    "no key": ("calib", text("Tr_velo_to_cam", "Tr_velo_cam"), "Tr_velo_to_cam is missing"),
    "short key": ("calib", lambda path: path.write_text("P2: 1 2 3\n"), "P2 is not 12 numbers"),
    "flat matrix": (
        "calib",
        lambda path: path.write_text(calibration_text(np.zeros((3, 4)), np.eye(3))),
        "are no rotations",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(tmp_path, name):
    raw = official(tmp_path / "raw", train=["000000"], val=["000001", "000004"])
    place, change, sentence = DAMAGE[name]
    (path,) = (raw / "training" / place).glob("000004.*")
    change(path)
    for variant in ("sweeps", "objects"):
        with pytest.raises(DataError) as caught:
            prepare(request(tmp_path, raw, variant=variant))
        assert sentence in str(caught.value)
        assert str(path) in str(caught.value)
        assert "--skip-bad" in str(caught.value)
    result = prepare(request(tmp_path, raw, skip_bad=True, variant="sweeps"))
    assert counts_of(result) == {"train": 1, "val": 1}
    (left_out,) = [each for each in result.manifest["skipped"] if each["file"] == "training/000004"]
    assert sentence in left_out["reason"]


def test_damaged_lists_are_named(tmp_path):
    raw = official(tmp_path / "raw")
    path = raw / "ImageSets/val.txt"
    for content, sentence in (
        ("000001\nabc\n", r"val\.txt: line 2 is 'abc'"),
        ("\n", r"val\.txt: names no frames"),
        ("000000\n", r"train\.txt: 000000 is in val\.txt too"),
    ):
        path.write_text(content)
        with pytest.raises(DataError, match=sentence):
            plan(request(tmp_path, raw))


def test_missing_says_where_it_is_to_be_had(tmp_path):
    with pytest.raises(DataError) as caught:
        plan(request(tmp_path, tmp_path))
    for part in ("cvlibs.net/datasets/kitti", "CC BY-NC-SA", "--raw", kitti_lists.expected_tree()):
        assert part in str(caught.value)


def test_workers_change_nothing(tmp_path):
    raw = official(tmp_path / "raw")
    one, two = prepare(request(tmp_path, raw)), prepare(request(tmp_path / "b", raw, workers=2))
    first, second = scenes_of(one), scenes_of(two)
    assert list(first) == list(second)
    for name in first:
        np.testing.assert_array_equal(first[name].points, second[name].points)
        np.testing.assert_array_equal(first[name].boxes, second[name].boxes)
    with open_split(one.folder / "objects_val.h5") as a, open_split(two.folder / "objects_val.h5") as b:
        assert a.ids == b.ids
        np.testing.assert_array_equal(a.points_at(np.arange(4)), b.points_at(np.arange(4)))


def test_caps_and_limits(tmp_path):
    raw = official(tmp_path / "raw")
    result = prepare(request(tmp_path, raw, limit=2, max_points=100))
    assert counts_of(result) == {"train": 2, "val": 2, "objects_train": 2, "objects_val": 2}
    scene, whole = scenes_of(result)["000000"], sweep(0)
    assert len(scene.points) == len(scene.intensity) == 100
    known = {tuple(row[[0, 2, 1]] * np.float32([1, 1, -1])): row[3] for row in whole}
    assert [known[tuple(point)] for point in scene.points] == scene.intensity.tolist()
    assert scene.extra["box_points"].tolist() == [90, 40, 9, 0]  # counted before the cap
    with open_split(result.folder / "objects_train.h5") as split:
        assert split.ids == ("000000-0", "000003-0")
