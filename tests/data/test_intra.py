"""IntrA in its official layout: the folds of both tasks, the labels, the stray hyphen, and damaged files."""

import zlib

import numpy as np
import pytest

from pointsra.data.prepare import PrepareRequest, plan, prepare
from pointsra.data.store import open_split, split_path
from pointsra.errors import DataError

VESSELS = [f"generated/vessel/ad/ArteryObjAN{fold}-{n}.ad" for fold in range(5) for n in (1, 16)]
ANEURYSMS = [f"generated/aneurysm/ad/ArteryObjAN{fold}-3_addon.ad" for fold in range(5)]
ANNOTATED = [
    f"annotated/ad/AN{fold}-1-_norm.ad" if fold % 2 else f"annotated/ad/AN{fold}-_norm.ad" for fold in range(5)
]


def rows_of(name, count=90):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    normals = rng.normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    labels = np.arange(count) % 3 if name.startswith("annotated") else np.full(count, "aneurysm" in name)
    return np.concatenate([rng.normal(20.0, 4.0, (count, 3)), normals, labels[:, None]], axis=1)


def text_of(rows):
    return "".join(" ".join(f"{value:.6f}" for value in row[:-1]) + f" {int(row[-1])}\n" for row in rows)


def official(folder, lists=None):
    for name in (*VESSELS, *ANEURYSMS, *ANNOTATED):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(rows_of(name)))
    (folder / "annotated" / "geo").mkdir()
    (folder / "annotated" / "geo" / "AN0_full.gd").write_text("0 1\n1 0\n")
    lists = lists or folder
    for fold in range(5):
        named = {
            "cls/negSplit": VESSELS[2 * fold : 2 * fold + 2],
            "cls/ann_clsSplit": [ANEURYSMS[fold], ANNOTATED[fold]],
            "seg/annSplit": [ANNOTATED[fold]],
            "seg/geoSplit": [f"annotated/geo/AN{fold}_full.gd"],
        }
        for name, names in named.items():
            path = lists / "fileSplit" / f"{name}_{fold}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{each}\n" for each in names))
    return folder


def request(tmp_path, **changes):
    given = {"dataset": "intra", "root": tmp_path / "data", "raw": tmp_path / "raw", "points": 64}
    return PrepareRequest(**{**given, **changes})


def counts(result):
    return {name: split["count"] for name, split in result.manifest["splits"].items()}


def test_both_tasks_in_five_folds(tmp_path):
    official(tmp_path / "raw")
    result = prepare(request(tmp_path))
    expected = {f"classification_fold{fold}": 4 for fold in range(1, 6)}
    assert counts(result) == expected | {f"segmentation_fold{fold}": 1 for fold in range(1, 6)}
    assert result.manifest["class_names"] == ["vessel", "aneurysm"]
    assert result.manifest["variant"] == "classification,segmentation"
    assert any("classification folds list 4, 4, 4, 4, 4 segments; the official ones 404" in n for n in result.notes)
    files = {source["file"] for source in result.manifest["sources"]}
    assert len(files) == 15 + 20
    assert not any("geo" in file for file in files)
    with open_split(result.folder / "classification_fold2.h5") as split:
        assert split.labels.tolist() == [0, 0, 1, 1]
        assert split.ids == ("ArteryObjAN1-1", "ArteryObjAN1-16", "ArteryObjAN1-3_addon", "AN1-1-_norm")
        assert split.captions == ("a vessel", "a vessel", "an aneurysm", "an aneurysm")
        assert (split.variant, split.frame, split.part_names) == ("classification", "unit", ())
        assert split.image_features_at([0]).shape == (1, 256)
    assert prepare(request(tmp_path, workers=2)).unchanged


def test_points_normals_and_parts_go_together(tmp_path):
    official(tmp_path / "raw")
    result = prepare(request(tmp_path, variant="segmentation"))
    raw = rows_of(ANNOTATED[2])
    with open_split(result.folder / "segmentation_fold3.h5") as split:
        assert split.part_names == ("vessel", "aneurysm")
        assert split.labels.tolist() == [1]
        points, normals, parts = split.points_at([0])[0], split.normals_at([0])[0], split.parts_at([0])[0]
    places = [int(np.abs(raw[:, 3:6] - normal).sum(axis=1).argmin()) for normal in normals]
    assert len(set(places)) == 64
    np.testing.assert_allclose(normals, raw[places, 3:6], atol=1e-5)
    np.testing.assert_array_equal(parts, raw[places, 6] > 0)  # the boundary, 2, is aneurysm
    chosen = raw[places, :3] - raw[places, :3].mean(axis=0)
    np.testing.assert_allclose(points, chosen / np.linalg.norm(chosen, axis=1).max(), atol=1e-4)


def test_training_on_four_folds(tmp_path):
    official(tmp_path / "raw")
    prepare(request(tmp_path))
    names = "+".join(f"segmentation_fold{fold}" for fold in (2, 3, 4, 5))
    with open_split(split_path(tmp_path / "data", "intra", names)) as split:
        assert len(split) == 4
        assert split.parts_at([3]).shape == (1, 64)


def test_small_segments_are_repeated(tmp_path):
    official(tmp_path / "raw")
    result = prepare(request(tmp_path, points=128, variant="segmentation"))
    assert any("5 clouds have fewer than 128 points" in note for note in result.notes)


@pytest.mark.parametrize("inside", ["", "IntrA", "data/IntrA"])
def test_every_known_root_and_lists_from_the_repository(tmp_path, inside):
    official(tmp_path / "raw" / inside, lists=tmp_path / "raw")
    planned = plan(request(tmp_path))
    assert planned["sources"]["files"] == 35
    assert planned["splits"]["segmentation_fold5"] == 1


@pytest.mark.parametrize(("before", "after"), [("-_norm", "_norm"), ("_norm", "-_norm")])
def test_the_stray_hyphen(tmp_path, before, after):
    raw = official(tmp_path / "raw")
    if after == "-_norm":  # now the lists lack what the files have
        for path in (raw / "fileSplit").rglob("*.txt"):
            path.write_text(path.read_text().replace("-_norm", "_norm"))
    else:
        for path in list((raw / "annotated" / "ad").iterdir()):
            path.rename(path.with_name(path.name.replace(before, after)))
    assert counts(prepare(request(tmp_path)))["classification_fold1"] == 4


def test_missing_says_where_it_is_to_be_had(tmp_path):
    (tmp_path / "raw").mkdir()
    with pytest.raises(DataError) as caught:
        plan(request(tmp_path))
    for part in ("github.com/intra3d2019/IntrA", "--raw DIR", "fileSplit", "annotated/ad", "form"):
        assert part in str(caught.value)
    raw = official(tmp_path / "raw")
    (raw / "fileSplit").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"raw/fileSplit: missing; the lists are not in the archive of the clouds"):
        plan(request(tmp_path))


def test_a_missing_list_leaves_out_its_task(tmp_path):
    raw = official(tmp_path / "raw")
    (raw / "fileSplit" / "cls" / "negSplit_3.txt").unlink()
    result = prepare(request(tmp_path))
    assert result.manifest["variant"] == "segmentation"
    assert any("classification is left out" in note and "negSplit_3.txt is missing" in note for note in result.notes)
    with pytest.raises(DataError, match=r"cls/negSplit_3\.txt: missing; classification needs it"):
        plan(request(tmp_path, variant="classification"))


def test_a_missing_cloud_is_named(tmp_path):
    raw = official(tmp_path / "raw")
    (raw / VESSELS[3]).unlink()
    with pytest.raises(DataError, match=rf"negSplit_1\.txt: line 2 names {VESSELS[3]}, and there is no such file"):
        plan(request(tmp_path))
    result = prepare(request(tmp_path, skip_bad=True))
    assert counts(result)["classification_fold2"] == 3
    assert [each["file"] for each in result.manifest["skipped"]] == ["fileSplit/cls/negSplit_1.txt"]


@pytest.mark.parametrize(
    "line", ["../../etc/passwd.ad", "/etc/x.ad", "annotated/geo/AN0_full.gd", "AN193", "x" * 300 + ".ad"]
)
def test_lines_that_are_no_clouds(tmp_path, line):
    raw = official(tmp_path / "raw")
    path = raw / "fileSplit" / "seg" / "annSplit_0.txt"
    path.write_text(f"{ANNOTATED[0]}\r\n{line}\n")
    with pytest.raises(DataError) as caught:
        plan(request(tmp_path))
    assert str(caught.value).startswith(f"{path}: line 2 is {line[:80]!r}, expected a path as annotated/ad/")
    path.write_text("\n")
    with pytest.raises(DataError, match=r"annSplit_0\.txt: names no segment"):
        plan(request(tmp_path))


def test_lists_that_are_mixed_up(tmp_path):
    raw = official(tmp_path / "raw")
    lists = raw / "fileSplit" / "cls"
    (lists / "ann_clsSplit_2.txt").write_bytes((lists / "negSplit_2.txt").read_bytes())
    with pytest.raises(DataError, match=rf"ann_clsSplit_2\.txt: line 1 names {VESSELS[4]}, which is no aneurysm"):
        plan(request(tmp_path))
    (lists / "negSplit_2.txt").write_text(f"{ANNOTATED[2]}\n")
    with pytest.raises(DataError, match=rf"negSplit_2\.txt: line 1 names {ANNOTATED[2]}, which is no vessel"):
        plan(request(tmp_path))


def test_a_segment_of_two_folds_is_noted(tmp_path):
    raw = official(tmp_path / "raw")
    with (raw / "fileSplit" / "seg" / "annSplit_1.txt").open("a") as stream:
        stream.write(f"{ANNOTATED[0]}\n{ANNOTATED[1]}\n")
    result = prepare(request(tmp_path))
    assert counts(result)["segmentation_fold2"] == 2
    noted = next(note for note in result.notes if "listed more than once for segmentation" in note)
    assert ANNOTATED[0] in noted
    assert "(fold 1, 2)" in noted
    assert "and 1 more" in noted


def with_row(place, row):
    lines = text_of(rows_of(ANNOTATED[1])).splitlines()
    lines[place] = row
    return "\n".join(lines)


DAMAGE = {
    "empty": ("", "is empty"),
    "columns": (with_row(11, "1 2 3 0 0 1"), "line 12 has 6 columns, not 7"),
    "words": (with_row(4, "1 2 3 0 0 one 1"), "line 5 is not 7 numbers"),
    "not finite": (with_row(7, "1 nan 3 0 0 1 1"), "line 8 has a number that is not finite"),
    "label": (with_row(5, "1 2 3 0 0 1 3"), "the label of point 6 is 3; expected 0 (vessel), 1 (aneurysm) or 2"),
    "half a label": (with_row(5, "1 2 3 0 0 1 0.5"), "the label of point 6 is 0.5"),
    "cut short": (text_of(rows_of(ANNOTATED[1]))[:-12], "line 90 has 5 columns"),
    "one place": ("1 2 3 0 0 1 1\n" * 9, "all its points are in one place"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_clouds_are_named(tmp_path, name):
    raw = official(tmp_path / "raw")
    content, sentence = DAMAGE[name]
    (raw / ANNOTATED[1]).write_text(content)
    asked = {"variant": "segmentation"}
    with pytest.raises(DataError) as caught:
        prepare(request(tmp_path, **asked))
    assert str(caught.value).startswith(f"{raw / ANNOTATED[1]}: {sentence}")
    assert "--skip-bad" in str(caught.value)
    seg = raw / "fileSplit" / "seg"
    (seg / "annSplit_1.txt").write_text(f"{ANNOTATED[1]}\n{ANNOTATED[2]}\n")
    result = prepare(request(tmp_path, skip_bad=True, **asked))
    assert counts(result)["segmentation_fold2"] == 1
    assert [each["file"] for each in result.manifest["skipped"]] == [ANNOTATED[1]]
    assert any(sentence in note for note in result.notes)


def test_classification_reads_clouds_without_labels(tmp_path):
    raw = official(tmp_path / "raw")
    path = raw / VESSELS[0]
    path.write_text("".join(f"{line.rsplit(' ', 1)[0]}\n" for line in path.read_text().splitlines()))
    assert counts(prepare(request(tmp_path, variant="classification")))["classification_fold1"] == 4


def test_workers_limit_and_seed(tmp_path):
    official(tmp_path / "raw")
    one = prepare(request(tmp_path, variant="classification"))
    two = prepare(request(tmp_path, variant="classification", root=tmp_path / "two", workers=2))
    few = prepare(request(tmp_path, variant="classification", root=tmp_path / "few", limit=2, seed=3))
    with open_split(one.folder / "classification_fold1.h5") as first:
        with open_split(two.folder / "classification_fold1.h5") as second:
            assert first.ids == second.ids
            for read in ("points_at", "normals_at", "image_features_at"):
                np.testing.assert_array_equal(getattr(first, read)(np.arange(4)), getattr(second, read)(np.arange(4)))
        with open_split(few.folder / "classification_fold1.h5") as limited:
            assert limited.labels.tolist() == [0, 1]
            assert (limited.points_at([0]) != first.points_at([0])).any()
