"""The map of clouds: places, marks and legend, and a page that holds what the pointer shows and stays small."""

import base64
import json
import re

import numpy as np
import pytest

from pointsra.visualization.embedding import MARKERS, EmbeddingMap, embedding_still
from pointsra.visualization.embedding_page import embedding_page
from pointsra.visualization.palette import to_oklab

RNG = np.random.default_rng(2)


def embedding(count=40, classes=3, **changes):
    fields = {
        "title": "set, test: 40 clouds",
        "note": "a note",
        "places": RNG.normal(size=(count, 2)) * [30.0, 4.0],
        "labels": np.arange(count) % classes,
        "class_names": [f"class {k}" for k in range(classes)],
        "ids": [f"id-{k}" for k in range(count)],
        "captions": [f"caption {k}" for k in range(count)],
        "outlines": RNG.uniform(-1, 1, (count, 256, 3)).astype(np.float32),
    }
    return EmbeddingMap(**fields | changes)


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def unpacked(text, kind):
    return np.frombuffer(base64.b64decode(text), dtype=kind)


def test_both_axes_have_one_scale():
    shown = embedding()
    framed = shown.framed()
    assert framed.min() >= 0 and framed.max() <= 1
    ratio = np.ptp(framed, axis=0) / np.ptp(shown.places, axis=0)
    assert ratio[0] == pytest.approx(ratio[1])
    top = shown.places[:, 1].argmax()
    assert framed[top, 1] == framed[:, 1].min()  # up is up
    same = embedding(places=np.ones((40, 2)))
    np.testing.assert_allclose(same.framed(), 0.5)


def test_classes_differ_in_color_and_neighbors_in_shape():
    shown = embedding(80, 40)
    colors, markers = shown.colors(), shown.markers()
    assert len(set(colors.values())) == 40
    assert all(markers[k] != markers[k + 1] for k in range(39))
    few = embedding(9, 3, labels=np.array([2] * 9), class_names=["a", "b", "c"])
    assert few.classes() == [(2, "c", 9)]


@pytest.mark.parametrize(("classes", "least"), [(7, 0.1), (9, 0.25), (59, 0.14), (300, 0.06)])
def test_classes_with_one_mark_differ_in_color(classes, least):
    shown = embedding(classes, classes)
    marks = np.array(list(shown.markers().values()))
    places = to_oklab(np.array(list(shown.colors().values()), dtype=np.uint8))
    apart = np.linalg.norm(places[:, None] - places, axis=-1)
    np.fill_diagonal(apart, 1.0)
    assert apart[marks[:, None] == marks].min() > least
    assert apart.min() > 0.02 and apart[np.arange(classes - 1), np.arange(1, classes)].min() > 0.06


def test_still_shows_every_class_and_never_grows_with_names():
    shown = embedding(60, 3)
    still = embedding_still(shown)
    for color in shown.colors().values():
        assert (still == color).all(axis=2).sum() > 300
    long = embedding_still(embedding(60, 3, class_names=["long " * 60] * 3, title="t" * 400))
    assert long.shape == still.shape
    many = embedding_still(embedding(600, 300))
    assert many.shape[1] < 1800 and many.shape[0] < 1200
    assert embedding_still(shown, dark=True)[0, 0].max() < 30


def test_page_holds_what_the_pointer_shows():
    shown = embedding()
    page = embedding_page(shown)
    data = data_of(page)
    places = unpacked(data["places"], "<u2").reshape(-1, 2) / 65535
    np.testing.assert_allclose(places, shown.framed(), atol=1e-5)
    np.testing.assert_array_equal(unpacked(data["labels"], "<u2"), shown.labels)
    assert data["ids"][7] == "id-7" and data["captions"][7] == "caption 7"
    outlines = unpacked(data["outlines"], np.int8).reshape(40, data["points"], 3) / 127
    np.testing.assert_allclose(outlines, shown.outlines[:, : data["points"]], atol=0.5 / 127 + 1e-6)
    assert [(each["name"], each["count"]) for each in data["classes"]] == [
        (f"class {k}", 14 - (k > 0)) for k in range(3)
    ]
    assert len(data["markers"]) == len(MARKERS)
    assert "a note" in page
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|\bfetch\(|XMLHttpRequest|\bsrc=|<link", page)


def test_labels_count_only_classes_with_clouds():
    shown = embedding(6, 9, labels=np.array([8, 3, 8, 3, 3, 8]), class_names=[f"k{k}" for k in range(9)])
    data = data_of(embedding_page(shown))
    assert [each["name"] for each in data["classes"]] == ["k3", "k8"]
    assert unpacked(data["labels"], "<u2").tolist() == [1, 0, 1, 0, 0, 1]


def test_page_stays_below_two_megabytes():
    count = 3000
    outlines = RNG.uniform(-1, 1, (count, 256, 3)).astype(np.float32)
    plain = embedding_page(embedding(count, 60, outlines=outlines))
    assert len(plain.encode()) < 2_000_000 and data_of(plain)["points"] >= 100
    wordy = embedding_page(
        embedding(count, 60, outlines=outlines, ids=["名" * 90] * count, captions=["é<" * 300] * count)
    )
    data = data_of(wordy)
    assert len(wordy.encode()) < 2_000_000 and data["points"] >= 32 and data["captions"] is None
    bare = data_of(embedding_page(embedding(outlines=None, captions=None)))
    assert bare["points"] == 0 and bare["captions"] is None


def test_no_name_breaks_out():
    evil = '</script><script>alert(1)</script> {{data}} "&'
    page = embedding_page(
        embedding(title=evil, note=evil, ids=[evil] * 40, class_names=[evil] * 3, captions=[evil] * 40)
    )
    assert page.count("<script") == embedding_page(embedding()).count("<script")
    assert data_of(page)["ids"][0] == evil
