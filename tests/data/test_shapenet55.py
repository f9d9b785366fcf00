"""ShapeNet-55 in Point-BERT's and in ReCon's form, in the official layout and with everything that goes wrong in it."""

import json
import os
import zlib

import numpy as np
import pytest
from PIL import Image

from pointsra.data.pictures import read_gray_view
from pointsra.data.prepare import PrepareRequest, plan, prepare
from pointsra.data.shapenet_texts import read_texts
from pointsra.data.store import open_split
from pointsra.data.synsets import SYNSETS
from pointsra.errors import DataError, InputFileError

NAMES = {
    "train": [
        "02691156-1a04e3eab45ca15dd86060f189eb133",
        "03001627-u7e9d6a3b-2d2c-4b1c",
        "04379243-ff01",
        "03001627-b",
    ],
    "test": ["04554684-abc", "02691156-u1-"],
}
TEXTS = {"02691156": "airplane", "03001627": "chair", "04379243": "table", "04554684": "washer"}


def cloud(stem, count=300, columns=3):
    rng = np.random.default_rng(zlib.crc32(stem.encode()))
    return rng.normal(3.0, 0.5, (count, columns)).astype(np.float32)


def official(folder, columns=3, recon=False, clouds="shapenet_pc"):
    for name in (clouds, "ShapeNet-55", *(["shapenet_img"] if recon else [])):
        (folder / name).mkdir(parents=True)
    for split, stems in NAMES.items():
        (folder / "ShapeNet-55" / f"{split}.txt").write_text("".join(f"{stem}.npy\n" for stem in stems))
        for number, stem in enumerate(stems):
            np.save(folder / clouds / f"{stem}.npy", cloud(stem, columns=columns))
            if recon:
                image = np.full((60, 100, 3), 255, np.uint8)
                image[10:50, 20:80] = 40 + 20 * number
                Image.fromarray(image).save(folder / "shapenet_img" / f"{stem}.png")
    if recon:
        rows = enumerate(TEXTS.items())
        columns_of = {"catalogue": {}, "describe": {}}
        for row, (synset, text) in rows:
            columns_of["catalogue"][str(row)] = int(synset)  # the leading 0 is lost
            columns_of["describe"][str(row)] = f"{text}, seen whole"
        (folder / "shapenet55.json").write_text(json.dumps(columns_of))
    return folder


def request(tmp_path, **changes):
    given = {"dataset": "shapenet55", "root": tmp_path / "data", "raw": tmp_path / "raw", "points": 64}
    return PrepareRequest(**{**given, **changes})


def damaged(tmp_path, name, content):
    """The official layout with one cloud replaced by bytes or by an array."""
    path = official(tmp_path / "raw") / "shapenet_pc" / f"{name}.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    return path


def test_the_form_of_point_bert(tmp_path):
    official(tmp_path / "raw" / "ShapeNet55-34")
    result = prepare(request(tmp_path))
    assert result.manifest["variant"] == "pointbert"
    assert result.manifest["class_names"] == list(SYNSETS.values())
    assert len(result.manifest["class_names"]) == 55
    assert len(result.manifest["sources"]) == 8
    assert any("the list of train has 4 shapes; the official one has 41,952" in note for note in result.notes)
    for name, stems in NAMES.items():
        with open_split(result.folder / f"{name}.h5") as split:
            assert split.ids == tuple(stems)
            synsets = [stem[:8] for stem in stems]
            assert [split.class_names[label] for label in split.labels] == [SYNSETS[synset] for synset in synsets]
            assert split.frame == "unit"
            points = split.points_at(np.arange(len(stems)))
            np.testing.assert_allclose(points.mean(axis=1), 0, atol=1e-5)
            np.testing.assert_allclose(np.linalg.norm(points, axis=2).max(axis=1), 1, atol=1e-5)
            assert split.views_at([0]).shape == (1, 4, 48, 48)
            assert split.image_features_at([0]).shape == (1, 256)
            assert not split.has_normals
    with open_split(result.folder / "train.h5") as split:
        assert split.captions == ("an airplane", "a chair", "a table", "a chair")
    assert prepare(request(tmp_path, workers=2)).unchanged


def test_points_are_rows_of_the_raw_cloud(tmp_path):
    official(tmp_path / "raw", columns=6, clouds="shapenet_pc_masksurf_with_normal")
    result = prepare(request(tmp_path))
    stem = NAMES["train"][1]
    raw = cloud(stem, columns=6)
    with open_split(result.folder / "train.h5") as split:
        normals, points = split.normals_at([1])[0], split.points_at([1])[0]
    rows = [int(np.flatnonzero((raw[:, 3:] == normal).all(axis=1))[0]) for normal in normals]
    assert len(set(rows)) == 64
    chosen = raw[rows, :3] - raw[rows, :3].mean(axis=0)
    np.testing.assert_allclose(points, chosen / np.linalg.norm(chosen, axis=1).max(), atol=1e-5)


def test_the_form_of_recon(tmp_path):
    official(tmp_path / "raw", recon=True)
    result = prepare(request(tmp_path))
    assert result.manifest["variant"] == "recon"
    assert len(result.manifest["sources"]) == 2 + 1 + 12
    with open_split(result.folder / "train.h5") as split:
        assert split.captions[0] == "airplane, seen whole"
        views = split.views_at(np.arange(4))
        assert views.shape == (4, 1, 224, 224)  # one real image a shape
        assert views[0, 0, 0, 0] == 0  # the white background
        assert abs(int(views[0, 0, 112, 112]) - 40) < 3
        assert split.image_features_at([0]).shape == (1, 256)
    rendered = prepare(request(tmp_path, variant="pointbert", root=tmp_path / "other"))
    with open_split(rendered.folder / "train.h5") as split:
        assert split.captions[0] == "an airplane"
        assert split.views_at([0]).shape == (1, 4, 48, 48)


def test_half_of_the_form_of_recon_is_said(tmp_path):
    raw = official(tmp_path / "raw", recon=True)
    (raw / "shapenet55.json").unlink()
    planned = plan(request(tmp_path))
    assert any("shapenet_img is left alone, because shapenet55.json is not there" in each for each in planned["notes"])
    with pytest.raises(DataError, match=r"raw/shapenet55\.json: missing, and --variant recon needs it"):
        plan(request(tmp_path, variant="recon"))


def test_lists_that_do_not_go_with_the_images(tmp_path):
    raw = official(tmp_path / "raw", recon=True)
    lost = NAMES["train"][1]
    (raw / "shapenet_img" / f"{lost}.png").unlink()
    with pytest.raises(DataError) as caught:
        prepare(request(tmp_path))
    for part in (str(raw / "shapenet_img"), "1 of the 6 shapes", f"{lost}.png", "its own lists", "--variant pointbert"):
        assert part in str(caught.value)
    result = prepare(request(tmp_path, skip_bad=True))
    assert result.manifest["splits"]["train"]["count"] == 3
    reason = "listed for train, and there is no such image."
    assert result.manifest["skipped"] == [{"file": f"shapenet_img/{lost}.png", "reason": reason}]
    assert (
        prepare(request(tmp_path, variant="pointbert", root=tmp_path / "b")).manifest["splits"]["train"]["count"] == 4
    )


def test_clouds_that_are_not_there_are_named(tmp_path):
    raw = official(tmp_path / "raw")
    for stem in NAMES["train"]:
        (raw / "shapenet_pc" / f"{stem}.npy").unlink()
    with pytest.raises(DataError, match=r"shapenet_pc: 4 of the 6 shapes .* no cloud there \(02691156-.*and 1 more\)"):
        plan(request(tmp_path))
    with pytest.raises(DataError, match="nothing of the split train"):
        prepare(request(tmp_path, skip_bad=True))


def test_missing_says_where_it_is_to_be_had(tmp_path):
    (tmp_path / "raw").mkdir()
    with pytest.raises(DataError) as caught:
        plan(request(tmp_path))
    for part in ("Point-BERT", "ReCon", "--raw DIR", "ShapeNet-55/train.txt", "research use"):
        assert part in str(caught.value)
    raw = official(tmp_path / "raw" / "ShapeNet55-34")
    (raw / "ShapeNet-55" / "test.txt").unlink()
    with pytest.raises(DataError, match=r"ShapeNet-55/test\.txt: missing; the lists are in"):
        plan(request(tmp_path))
    (raw / "ShapeNet-55" / "train.txt").unlink()
    (raw / "ShapeNet-55").rmdir()
    with pytest.raises(DataError, match=r"shapenet_pc: the clouds are there and the lists are not"):
        plan(request(tmp_path))


LINES = ["02691156.npy", "99999999-abc.npy", "02691156-../../x.npy", "/etc/02691156-x.npy", "chair/a.npy", "-x.npy"]


@pytest.mark.parametrize("line", LINES)
def test_lines_that_are_no_names(tmp_path, line):
    raw = official(tmp_path / "raw")
    path = raw / "ShapeNet-55" / "test.txt"
    path.write_text(f"\n{NAMES['test'][0]}.npy\r\n{line}\n")
    with pytest.raises(DataError) as caught:
        prepare(request(tmp_path))
    assert str(caught.value).startswith(f"{path}: line 3 is {line!r}, expected <synset>-<model>.npy")
    result = prepare(request(tmp_path, skip_bad=True))
    assert result.manifest["splits"]["test"]["count"] == 1
    assert "line 3" in result.manifest["skipped"][0]["reason"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00"])
def test_lists_without_names(tmp_path, content):
    path = official(tmp_path / "raw") / "ShapeNet-55" / "train.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"train\.txt: (names no shape|not a list of names)"):
        plan(request(tmp_path))


def test_shapes_listed_twice_are_noted(tmp_path):
    raw = official(tmp_path / "raw")
    first, second = NAMES["train"][:2]
    with (raw / "ShapeNet-55" / "train.txt").open("a") as stream:
        stream.write(f"{first}.npy\n")
    with (raw / "ShapeNet-55" / "test.txt").open("a") as stream:
        stream.write(f"{second}\n")  # without suffix
    result = prepare(request(tmp_path))
    assert {name: each["count"] for name, each in result.manifest["splits"].items()} == {"train": 4, "test": 3}
    assert any(f"train.txt names {first} more than once" in note for note in result.notes)
    assert any(f"{second} are in both lists" in note for note in result.notes)


whole = cloud("whole")
not_finite = whole.copy()
not_finite[7, 1] = np.nan
DAMAGE = {
    "empty": (b"", "not a whole npy file"),
    "no npy": (b"no array at all", "not a whole npy file"),
    "objects": (np.array([{"a": 1}], dtype=object), "holds pickled Python objects, not plain numbers"),
    "turned": (whole.T.copy(), "holds float32 (3, 300), expected numbers (N, 3)"),
    "normals among clouds without": (cloud("n", columns=6), "holds float32 (300, 6), expected numbers (N, 3)"),
    "integers": (np.ones((300, 3), np.int32), "holds int32, expected floats"),
    "no point": (whole[:0], "holds no point"),
    "not finite": (not_finite, "1 points are not finite, the first in row 7"),
    "one place": (np.ones((300, 3), np.float32), "all its points are in one place"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_clouds_are_named(tmp_path, name):
    content, sentence = DAMAGE[name]
    path = damaged(tmp_path, NAMES["train"][2], content)
    with pytest.raises(DataError) as caught:
        prepare(request(tmp_path))
    assert str(caught.value).startswith(f"{path}: {sentence}")
    assert "--skip-bad" in str(caught.value)
    assert not (tmp_path / "data" / "shapenet55").exists()
    result = prepare(request(tmp_path, skip_bad=True))
    assert result.manifest["splits"]["train"]["count"] == 3
    assert [each["file"] for each in result.manifest["skipped"]] == [f"shapenet_pc/{NAMES['train'][2]}.npy"]
    assert any(sentence in note for note in result.notes)


def test_the_first_cloud_is_no_measure_of_the_others(tmp_path):
    path = damaged(tmp_path, NAMES["train"][0], cloud("n", columns=6))
    with pytest.raises(DataError) as caught:
        prepare(request(tmp_path))
    assert str(caught.value).startswith(f"{path}: holds float32 (300, 6), expected numbers (N, 3)")
    result = prepare(request(tmp_path, skip_bad=True))
    assert {name: each["count"] for name, each in result.manifest["splits"].items()} == {"train": 3, "test": 2}


def test_a_cloud_cut_short(tmp_path):
    path = official(tmp_path / "raw") / "shapenet_pc" / f"{NAMES['test'][0]}.npy"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"04554684-abc\.npy: not a whole npy file; it is cut short"):
        prepare(request(tmp_path))


def test_an_image_that_is_none(tmp_path):
    raw = official(tmp_path / "raw", recon=True)
    path = raw / "shapenet_img" / f"{NAMES['train'][0]}.png"
    whole_image = path.read_bytes()
    for content, sentence in ((b"GIF?", "not a picture, or damaged"), (whole_image[:100], "cut short or damaged")):
        path.write_bytes(content)
        with pytest.raises(DataError, match=rf"{path.name}: .*{sentence}"):
            prepare(request(tmp_path))
    result = prepare(request(tmp_path, skip_bad=True))
    assert result.manifest["splits"]["train"]["count"] == 3


def test_pictures_are_filled_up_to_squares(tmp_path):
    image = np.full((30, 90, 4), 255, np.uint8)
    image[..., 3] = 0  # transparent counts as white
    image[5:25, 20:70] = (10, 10, 10, 255)
    Image.fromarray(image).save(tmp_path / "a.png")
    view = read_gray_view(tmp_path / "a.png", 90)
    assert view.shape == (90, 90)
    assert (view[45, 30:60] == 10).all()
    assert not view[:30].any()
    assert not view[62:].any()
    with pytest.raises(InputFileError, match=r"b\.png: there is no such picture"):
        read_gray_view(tmp_path / "b.png", 90)
    Image.new("1", (9000, 9000)).save(tmp_path / "huge.png")
    with pytest.raises(InputFileError, match=r"huge\.png: a picture of 9000 by 9000 pixels"):
        read_gray_view(tmp_path / "huge.png", 90)
    os.mkfifo(tmp_path / "waiting.png")
    with pytest.raises(InputFileError, match=r"waiting\.png: this is a folder, a pipe or a device"):
        read_gray_view(tmp_path / "waiting.png", 90)


LAYOUTS = {
    "columns": {"catalogue": {"0": 2691156, "1": 3001627}, "describe": {"1": "a seat", "0": "a plane"}},
    "records": [{"catalogue": 2691156.0, "describe": "a plane"}, {"catalogue": "03001627", "describe": "a  seat "}],
    "lists": {"catalogue": [2691156, 3001627], "describe": ["a plane", "a seat"]},
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_texts_in_every_layout_of_pandas(tmp_path, name):
    path = tmp_path / "shapenet55.json"
    path.write_text(json.dumps(LAYOUTS[name]))
    assert read_texts(path) == {"02691156": "a plane", "03001627": "a seat"}


BAD_TEXTS = {
    "not json": ("{", "not valid JSON"),
    "nested": ("[" * 100_000, "not valid JSON"),
    "other columns": ('{"synset": {}}', "expected the columns catalogue and describe"),
    "a number": ("5", "expected the columns"),
    "no text": ('[{"catalogue": 5, "describe": null}]', "row 0 is catalogue 5, describe None"),
    "one text too few": ('{"catalogue": {"0": 5, "1": 6}, "describe": {"0": "x"}}', "row 1 is catalogue 6, describe"),
    "no number": ('[{"catalogue": "chair", "describe": "x"}]', "row 0 is catalogue 'chair'"),
    "no text of ours": ('[{"catalogue": 5, "describe": "\\ud800"}]', "row 0 is catalogue 5, describe"),
    "no row": ("[]", "no row in it"),
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_texts_that_are_none(tmp_path, name):
    content, sentence = BAD_TEXTS[name]
    path = tmp_path / "shapenet55.json"
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        read_texts(path)
    assert str(caught.value).startswith(f"{path}: {sentence}")


def test_a_category_without_text_is_said(tmp_path):
    raw = official(tmp_path / "raw", recon=True)
    (raw / "shapenet55.json").write_text('[{"catalogue": 2691156, "describe": "a plane"}]')
    result = prepare(request(tmp_path))
    assert any("has no text for" in note and "03001627" in note for note in result.notes)
    with open_split(result.folder / "train.h5") as split:
        assert split.captions[:2] == ("a plane", "a chair")


def test_workers_limit_and_seed(tmp_path):
    official(tmp_path / "raw", recon=True)
    one = prepare(request(tmp_path))
    two = prepare(request(tmp_path, root=tmp_path / "two", workers=2))
    other = prepare(request(tmp_path, root=tmp_path / "other", seed=1, limit=2))
    rows = np.arange(4)
    with open_split(one.folder / "train.h5") as first, open_split(two.folder / "train.h5") as second:
        assert first.ids == second.ids
        np.testing.assert_array_equal(first.points_at(rows), second.points_at(rows))
        np.testing.assert_array_equal(first.views_at(rows), second.views_at(rows))
        np.testing.assert_array_equal(first.image_features_at(rows), second.image_features_at(rows))
        with open_split(other.folder / "train.h5") as limited:
            assert limited.ids == (first.ids[0], first.ids[2])  # evenly over the list
            assert (limited.points_at([0]) != first.points_at([0])).any()
    assert len(other.manifest["sources"]) == 3 + 2 * 4


def test_few_points_are_repeated(tmp_path):
    official(tmp_path / "raw")
    result = prepare(request(tmp_path, points=512))
    assert any("6 clouds have fewer than 512 points" in note for note in result.notes)
