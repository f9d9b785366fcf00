"""S3DIS from rooms in the exact official layouts, raw and converted, whole and damaged."""

import numpy as np
import pytest

import pointsra_cli
from pointsra.data import s3dis
from pointsra.data.prepare import PrepareRequest, plan, prepare
from pointsra.data.scenes import open_scenes
from pointsra.data.store import open_split
from pointsra.errors import DataError

ROOT = "Stanford3dDataset_v1.2_Aligned_Version"
CLASSES = ["ceiling", "floor", "wall", "beam", "column", "window", "door"]
CLASSES += ["table", "chair", "sofa", "bookcase", "board", "clutter"]
ROOMS = ("Area_1/office_1", "Area_1/office_2", "Area_1/hallway_1", "Area_3/WC_1", "Area_5/conferenceRoom_1")
SHIFT = np.array([-12.5, 20.25, 0.5])


def some_object(low, high, count, seed):
    """Rows x y z r g b with the corners of the box exactly in it."""
    rng = np.random.default_rng(seed)
    points = np.round(rng.uniform(low, high, (count, 3)), 3)
    points[0], points[1] = low, high
    return np.concatenate([points, rng.integers(0, 256, (count, 3))], axis=1)


def some_room(seed=0):
    """Objects of a room of 2.2 m by 1.2 m by 2.5 m, standing somewhere in a building."""
    placed = {
        "chair_1": ((0.2, 0.2, 0.0), (0.6, 0.6, 0.9), 300),
        "chair_2": ((1.0, 0.2, 0.0), (1.5, 0.6, 0.9), 300),
        "floor_1": ((0.0, 0.0, 0.0), (2.2, 1.2, 0.0), 800),
        "table_1": ((1.2, 0.5, 0.0), (2.1, 1.1, 0.7), 200),
        "wall_1": ((0.0, 1.1, 0.0), (2.2, 1.2, 2.5), 400),
    }
    objects = {}
    for number, (name, (low, high, count)) in enumerate(placed.items()):
        rows = some_object(low, high, count, 10 * seed + number)
        rows[:, :3] += SHIFT
        objects[name] = rows
    return objects


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, rows, fmt="%.3f %.3f %.3f %d %d %d")


def official(folder, rooms=ROOMS):
    for seed, room in enumerate(rooms):
        for name, rows in some_room(seed).items():
            write_rows(folder / room / "Annotations" / f"{name}.txt", rows)
        (folder / room / f"{room.split('/')[1]}.txt").write_text("not read\n")
        (folder / room.split("/")[0] / "Area_alignmentAngle.txt").write_text("## 0\n")
    return folder


def joined(objects):
    rows = np.concatenate(list(objects.values()))
    names = [name.split("_")[0] for name, each in objects.items() for _ in each]
    labels = np.array([CLASSES.index(name) if name in CLASSES else 12 for name in names])
    return rows, labels


def converted(folder, rooms=ROOMS):
    folder.mkdir(parents=True)
    for seed, room in enumerate(rooms):
        rows, labels = joined(some_room(seed))
        # as the text files have it: rounded to millimeters, then shifted
        rows = np.array([[float(f"{value:.3f}") for value in row] for row in rows])
        rows[:, :3] -= rows[:, :3].min(axis=0)
        np.save(folder / f"{room.replace('/', '_')}.npy", np.concatenate([rows, labels[:, None]], axis=1))
    return folder


def request(tmp_path, raw, **changes):
    return PrepareRequest(**{"dataset": "s3dis", "root": tmp_path / "data", "raw": raw, **changes})


def scenes_of(result):
    found = {}
    for name in result.manifest["splits"]:
        if name.startswith("rooms"):
            with open_scenes(result.folder / f"{name}.h5") as scenes:
                found |= {scenes.ids[index]: scenes.scene_at(index) for index in range(len(scenes))}
    return found


def test_raw_rooms_of_mixed_areas(tmp_path):
    result = prepare(request(tmp_path, official(tmp_path / ROOT)))
    counts = {name: split["count"] for name, split in result.manifest["splits"].items()}
    rooms = {name: count for name, count in counts.items() if name.startswith("rooms")}
    assert rooms == {"rooms_area_1": 3, "rooms_area_3": 1, "rooms_area_5": 1}
    assert {name for name in counts if name.startswith("blocks")} == {f"blocks_area_{k}" for k in (1, 3, 5)}
    assert counts["blocks_area_1"] == 3 * counts["blocks_area_3"] > 0
    assert result.manifest["class_names"] == list(s3dis.ROOM_TYPES)
    assert result.manifest["skipped"] == []
    official_counts = "the official data has 44, 40, 23, 49, 68, 48."
    assert f"rooms found in Area_1 to Area_6: 3, 0, 1, 0, 1, 0; {official_counts}" in result.notes
    assert any(source["file"] == "Area_1/office_1/Annotations/chair_1.txt" for source in result.manifest["sources"])
    assert prepare(request(tmp_path, tmp_path / ROOT, workers=2)).unchanged
    scenes = scenes_of(result)
    assert set(scenes) == {room.replace("/", "_") for room in ROOMS}
    rows, labels = joined(some_room(1))
    scene = scenes["Area_1_office_2"]
    np.testing.assert_array_equal(scene.colors, rows[:, 3:])
    np.testing.assert_array_equal(scene.parts, labels)
    shifted = rows[:, :3] - rows[:, :3].min(axis=0)
    np.testing.assert_allclose(scene.points, shifted[:, [0, 2, 1]] * [1, 1, -1], atol=1e-5)  # (x, z, -y)
    back = scene.points @ scene.extra["to_raw"][:3, :3].T + scene.extra["to_raw"][:3, 3]
    np.testing.assert_allclose(back, rows[:, :3], atol=1e-5)
    np.testing.assert_array_equal(np.unique(scene.instances, return_counts=True)[1], [300, 300, 800, 200, 400])


def test_boxes_around_furniture(tmp_path):
    result = prepare(request(tmp_path, official(tmp_path / ROOT, ["Area_2/office_1"]), variant="rooms"))
    with open_scenes(result.folder / "rooms_area_2.h5") as scenes:
        scene = scenes.scene_at(0)
        assert scenes.class_names == ("table", "chair", "sofa", "bookcase", "board")
        assert result.manifest["class_names"] == list(scenes.class_names)
        assert scenes.part_names == tuple(CLASSES)
        assert (scenes.variant, scenes.frame, scenes.stand_in) == ("rooms", "raw", False)
    np.testing.assert_array_equal(scene.box_labels, [1, 1, 0])
    wanted = [
        [0.4, 0.45, -0.4, 0.4, 0.9, 0.4, 0],
        [1.25, 0.45, -0.4, 0.5, 0.9, 0.4, 0],
        [1.65, 0.35, -0.8, 0.9, 0.7, 0.6, 0],
    ]
    np.testing.assert_allclose(scene.boxes, wanted, atol=1e-5)


def test_converted_rooms_are_the_same(tmp_path):
    raw = prepare(request(tmp_path, official(tmp_path / ROOT)))
    npy = prepare(request(tmp_path / "b", converted(tmp_path / "s" / "stanford_indoor3d").parent))
    assert any("do not tell objects apart" in note for note in npy.notes)
    ours, theirs = scenes_of(raw), scenes_of(npy)
    assert list(ours) == list(theirs)
    for name, scene in ours.items():
        np.testing.assert_array_equal(scene.points, theirs[name].points)
        np.testing.assert_array_equal(scene.parts, theirs[name].parts)
        np.testing.assert_array_equal(scene.colors, theirs[name].colors)
        assert theirs[name].boxes is None
        assert theirs[name].instances is None
    for area in (1, 3, 5):
        with (
            open_split(raw.folder / f"blocks_area_{area}.h5") as first,
            open_split(npy.folder / f"blocks_area_{area}.h5") as second,
        ):
            assert first.ids == second.ids
            rows = np.arange(len(first))
            np.testing.assert_array_equal(first.points_at(rows), second.points_at(rows))


def test_blocks_are_columns_of_the_room(tmp_path):
    result = prepare(request(tmp_path, official(tmp_path / ROOT, ["Area_6/office_9"])))
    (scene,) = scenes_of(result).values()
    # 2.2 m by 1.2 m: columns begin at 0, 0.5, 1, 1.2 and at 0, 0.2
    corners = [(x, y) for x in (0, 0.5, 1.0, 1.2) for y in (0, 0.2)]
    with open_split(result.folder / "blocks_area_6.h5") as split:
        assert len(split) == len(corners)
        assert split.points_per_cloud == 4096
        assert split.class_names[split.labels[0]] == "office"
        assert split.part_names == tuple(CLASSES)
        assert set(split.rooms) == {"Area_6_office_9"}
        assert split.views_at([0]) is None
        assert split.image_feature_size is None
        rows = np.arange(len(split))
        points, colors, parts = split.points_at(rows), split.colors_at(rows), split.parts_at(rows)
        origins = np.asarray(split.origins)
    np.testing.assert_allclose(origins, [(x + 0.5, 0, -(y + 0.5)) for x, y in corners], atol=1e-9)
    assert np.abs(points[:, :, [0, 2]]).max() <= 0.5 + 1e-6
    assert points[:, :, 1].min() == 0
    known = {tuple(np.round(point, 4)): row for row, point in enumerate(scene.points)}
    for block in range(len(corners)):
        found = [known[tuple(np.round(point, 4))] for point in (points[block] + origins[block]).astype(np.float32)]
        np.testing.assert_array_equal(colors[block], scene.colors[found])
        np.testing.assert_array_equal(parts[block], scene.parts[found])
        x, y = corners[block]
        inside = (np.abs(scene.points[:, 0] - x - 0.5) <= 0.5 + 1e-6) & (
            np.abs(-scene.points[:, 2] - y - 0.5) <= 0.5 + 1e-6
        )
        assert set(found) == set(np.flatnonzero(inside))  # fewer than 4096, so that every one is taken
    assert any("8 blocks have fewer than 4096 points" in note for note in result.notes)


def test_sparse_columns_are_counted(tmp_path):
    raw = tmp_path / ROOT
    write_rows(raw / "Area_1/lobby_1/Annotations/floor_1.txt", some_object((0, 0, 0), (1, 1, 0.1), 200, 0))
    write_rows(raw / "Area_1/lobby_1/Annotations/door_1.txt", some_object((3.6, 0, 0), (4, 1, 2), 40, 0))
    result = prepare(request(tmp_path, raw))
    with open_split(result.folder / "blocks_area_1.h5") as split:
        assert split.ids[0] == "Area_1_lobby_1-0000"
        count = len(split)
    reason = result.manifest["skipped"][0]["reason"]
    assert reason == "columns with fewer than 100 points left out of the blocks: 2."
    assert f"{reason.rpartition(':')[0]}: 1 such, all named in manifest.json under 'skipped'." in result.notes
    assert count == 2  # those that begin at 0 and at 0.5; the rest up to the door are empty
    assert result.manifest["skipped"][0]["file"] == "Area_1/lobby_1"


@pytest.mark.parametrize(
    ("line", "mended", "how"),
    [
        (b"-12.000 21.000 2.000 1\x1085 187 180", [-12, 21, 2, 185, 187, 180], "was taken out"),
        (b"-12.000 21.000 2.000 185\x10187 180", [-12, 21, 2, 185, 187, 180], "was read as a space"),
    ],
)
def test_stray_control_byte(tmp_path, line, mended, how):
    raw = official(tmp_path / ROOT, ["Area_5/hallway_6"])
    path = raw / "Area_5/hallway_6/Annotations/ceiling_1.txt"
    write_rows(path, some_object(np.add(SHIFT, (0, 0, 2.5)), np.add(SHIFT, (1, 1, 2.5)), 50, 0))
    lines = path.read_bytes().splitlines()
    lines[17] = line
    path.write_bytes(b"\n".join(lines) + b"\n")
    result = prepare(request(tmp_path, raw))
    assert result.manifest["skipped"] == [
        {"file": "Area_5/hallway_6/Annotations/ceiling_1.txt", "reason": f"line 18: the stray byte 0x10 {how}."}
    ]
    assert any("line 18" in note for note in result.notes)
    (scene,) = scenes_of(result).values()
    back = scene.points[17] @ scene.extra["to_raw"][:3, :3].T + scene.extra["to_raw"][:3, 3]
    np.testing.assert_allclose([*back, *scene.colors[17]], mended, atol=1e-5)


def test_what_was_mended_is_not_said_to_be_left_out(tmp_path, capsys):
    raw = official(tmp_path / ROOT, ["Area_5/hallway_6"])
    path = raw / "Area_5/hallway_6/Annotations/floor_1.txt"
    path.write_bytes(path.read_bytes().replace(b" ", b" \x10", 1))
    words = ["prepare-data", "s3dis", "--raw", str(raw), "--out", str(tmp_path / "data"), "--workers", "1"]
    assert pointsra_cli.run(words) == 0
    shown = capsys.readouterr().out
    assert shown.count("the stray byte 0x10 was taken out") == 1
    assert "left out Area_5" not in shown
    assert "1 left out or mended" in shown


def test_odd_objects_are_noted(tmp_path):
    raw = official(tmp_path / ROOT, ["Area_2/hallway_1"])
    folder = raw / "Area_2/hallway_1/Annotations"
    write_rows(folder / "stairs_1.txt", some_object(SHIFT, SHIFT + 0.5, 30, 0))
    write_rows(folder / "wall_3 (1).txt", some_object(SHIFT, SHIFT + 0.5, 30, 0))
    (folder / "column_2.txt").write_text("")
    (folder / ".DS_Store").write_bytes(b"\0\1")
    result = prepare(request(tmp_path, raw, variant="rooms"))
    reasons = {each["file"].rpartition("/")[2]: each["reason"] for each in result.manifest["skipped"]}
    assert set(reasons) == {"stairs_1.txt", "wall_3 (1).txt", "column_2.txt"}
    assert "'stairs' is unknown: taken as clutter" in reasons["stairs_1.txt"]
    assert "not named <class>_<n>.txt" in reasons["wall_3 (1).txt"]
    assert "without points" in reasons["column_2.txt"]
    (scene,) = scenes_of(result).values()
    assert (scene.parts == CLASSES.index("clutter")).sum() == 30
    assert len(scene.points) == 2000 + 30


def change_line(number, content):
    def change(folder):
        path = folder / "Annotations" / "floor_1.txt"
        lines = path.read_bytes().splitlines()
        lines[number] = content
        path.write_bytes(b"\n".join(lines))

    return change


def remove_annotations(folder):
    for path in (folder / "Annotations").iterdir():
        path.unlink()
    (folder / "Annotations").rmdir()


def empty_annotations(folder):
    for path in (folder / "Annotations").iterdir():
        path.write_text("")


def folder_in_place_of_a_file(room):
    (room / "Annotations/floor_1.txt").unlink()
    (room / "Annotations/floor_1.txt").mkdir()


RAW_DAMAGE = {
    "a folder": (folder_in_place_of_a_file, "floor_1.txt: cannot be read (Is a directory)"),
    "cut short": (change_line(799, b"1.0 2.0 3.0 4"), "floor_1.txt: line 800 has 4 columns, expected 6"),
    "wide": (change_line(4, b"1 2 3 4 5 6 7"), "line 5 has 7 columns"),
    "words": (change_line(4, b"1 2 3 4 5 six"), "line 5 is not 6 numbers"),
    "not finite": (change_line(9, b"nan 2 3 4 5 6"), "line 10 (and 0 more) is not finite"),
    "color": (change_line(2, b"1 2 3 4 5 300"), "line 3 has the color 4 5 300"),
    "bytes": (change_line(2, b"1 2 3 \x10 5"), "line 3 has a stray byte 0x10 and is not six numbers"),
    "no annotations": (remove_annotations, "Annotations: no such folder"),
    "empty room": (empty_annotations, "no object with points in it"),
}


@pytest.mark.parametrize("name", RAW_DAMAGE)
def test_damaged_raw_rooms_are_named(tmp_path, name):
    raw = official(tmp_path / ROOT, ["Area_1/office_1", "Area_1/office_2"])
    change, sentence = RAW_DAMAGE[name]
    change(raw / "Area_1/office_2")
    with pytest.raises(DataError) as caught:
        prepare(request(tmp_path, raw))
    assert sentence in str(caught.value)
    assert str(raw / "Area_1/office_2") in str(caught.value)
    assert "--skip-bad" in str(caught.value)
    result = prepare(request(tmp_path, raw, skip_bad=True))
    assert list(scenes_of(result)) == ["Area_1_office_1"]
    found = {each["file"]: each["reason"] for each in result.manifest["skipped"]}
    assert sentence in found["Area_1/office_2"]


def changed(change):
    def save(path):
        values = np.load(path)
        np.save(path, change(values))

    return save


def with_value(row, column, value):
    def change(values):
        values[row, column] = value
        return values

    return changed(change)


NPY_DAMAGE = {
    "cut short": (lambda path: path.write_bytes(path.read_bytes()[:-999]), "not a whole npy file"),
    "foreign": (lambda path: path.write_bytes(b"hello"), "not a whole npy file"),
    "objects": (changed(lambda values: np.array([{"a": values}, None])), "holds pickled Python objects"),
    "six columns": (changed(lambda values: values[:, :6]), "float64 (2000, 6), expected numbers (N, 7)"),
    "empty": (changed(lambda values: values[:0]), "holds no points"),
    "label": (with_value(7, 6, 13), "row 7 has the label 13, expected 0 to 12"),
    "half a label": (with_value(7, 6, 2.5), "row 7 has the label 2.5"),
    "not finite": (with_value(3, 0, np.inf), "row 3 (and 0 more) is not finite"),
    "color": (with_value(5, 3, -1), "row 5 has the color -1"),
}


@pytest.mark.parametrize("name", NPY_DAMAGE)
def test_damaged_converted_rooms_are_named(tmp_path, name):
    raw = converted(tmp_path / "npy", ["Area_4/lobby_1", "Area_4/lobby_2"])
    change, sentence = NPY_DAMAGE[name]
    change(raw / "Area_4_lobby_2.npy")
    with pytest.raises(DataError) as caught:
        prepare(request(tmp_path, raw))
    assert sentence in str(caught.value)
    assert str(raw / "Area_4_lobby_2.npy") in str(caught.value)
    result = prepare(request(tmp_path, raw, skip_bad=True))
    assert list(scenes_of(result)) == ["Area_4_lobby_1"]
    assert result.manifest["skipped"][0]["file"] == "Area_4_lobby_2.npy"


def test_caps_and_limits(tmp_path):
    raw = official(tmp_path / ROOT)
    capped = scenes_of(prepare(request(tmp_path, raw, max_points=500, variant="rooms")))
    whole = scenes_of(prepare(request(tmp_path / "b", raw, variant="rooms")))
    for name, scene in capped.items():
        assert len(scene.points) == len(scene.colors) == len(scene.parts) == len(scene.instances) == 500
        known = {tuple(point): row for row, point in enumerate(whole[name].points)}
        rows = [known[tuple(point)] for point in scene.points]
        np.testing.assert_array_equal(scene.parts, whole[name].parts[rows])
        np.testing.assert_array_equal(scene.boxes, whole[name].boxes)
    few = prepare(request(tmp_path / "c", raw, limit=2))
    counts = {name: split["count"] for name, split in few.manifest["splits"].items()}
    assert counts["rooms_area_1"] == 2
    assert counts["blocks_area_1"] == counts["blocks_area_5"] == 2
    with open_split(few.folder / "blocks_area_1.h5") as split:
        assert set(split.rooms) == {"Area_1_hallway_1", "Area_1_office_1"}


def test_workers_change_nothing(tmp_path):
    raw = official(tmp_path / ROOT, ["Area_1/office_1", "Area_1/office_2", "Area_1/copyRoom_1"])
    one = prepare(request(tmp_path, raw, workers=1))
    two = prepare(request(tmp_path / "b", raw, workers=2))
    first, second = scenes_of(one), scenes_of(two)
    assert list(first) == list(second)
    for name in first:
        np.testing.assert_array_equal(first[name].points, second[name].points)
        np.testing.assert_array_equal(first[name].boxes, second[name].boxes)
    with open_split(one.folder / "blocks_area_1.h5") as a, open_split(two.folder / "blocks_area_1.h5") as b:
        assert a.ids == b.ids
        rows = np.arange(len(a))
        np.testing.assert_array_equal(a.points_at(rows), b.points_at(rows))
        np.testing.assert_array_equal(a.colors_at(rows), b.colors_at(rows))


def test_missing_says_where_it_is_to_be_had(tmp_path):
    for act in (plan, prepare):
        with pytest.raises(DataError) as caught:
            act(request(tmp_path, tmp_path))
        for part in (str(tmp_path), "form", "not to be passed on", "--raw", s3dis.expected_tree()):
            assert part in str(caught.value)
    assert ROOT in s3dis.expected_tree()
    (tmp_path / "x" / "Area_1").mkdir(parents=True)
    with pytest.raises(DataError, match="no S3DIS rooms there"):
        plan(request(tmp_path, tmp_path / "x"))


def test_unknown_room_types_follow(tmp_path):
    result = prepare(request(tmp_path, official(tmp_path / ROOT, ["Area_1/atrium_1", "Area_1/office_1"])))
    assert result.manifest["class_names"] == [*s3dis.ROOM_TYPES, "atrium"]
    assert any("atrium" in note for note in result.notes)
    with open_split(result.folder / "blocks_area_1.h5") as split:
        assert {split.class_names[label] for label in split.labels} == {"atrium", "office"}
