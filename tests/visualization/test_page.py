"""The viewer page: the points can be read back, nothing is fetched, no title can break out, and it stays small."""

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from pointsra.errors import OutputError
from pointsra.visualization.page import Layer, PageCell, completion_cells, viewer_page, write_page
from pointsra.visualization.palette import TRUTH, ColorScale

RNG = np.random.default_rng(1)


class Scripts(HTMLParser):
    """Collects what a browser would take as script elements and as the title."""

    def __init__(self):
        super().__init__()
        self.open, self.found = None, {}

    def handle_starttag(self, tag, attributes):
        if tag in ("script", "title", "h1"):
            self.open = dict(attributes).get("id") or tag
            self.found.setdefault(self.open, "")

    def handle_endtag(self, tag):
        if tag in ("script", "title", "h1"):
            self.open = None

    def handle_data(self, text):
        if self.open:
            self.found[self.open] += text


def parsed(page):
    reader = Scripts()
    reader.feed(page)
    return reader.found, json.loads(reader.found["data"])


def buffer(data, number, kind):
    return np.frombuffer(base64.b64decode(data["buffers"][number]), dtype=kind)


def points_of(data, layer):
    steps = buffer(data, layer["points"], "<i2").reshape(-1, 3).astype(float)
    return steps / 32767 * data["range"] * data["reach"] + data["middle"]


def test_points_are_read_back_to_quantization():
    clouds = [RNG.normal(size=(200, 3)) * 7 + 100, RNG.normal(size=(50, 3)) + 95]
    page = viewer_page("t", [PageCell("a", "", [Layer("x", cloud) for cloud in clouds])])
    _, data = parsed(page)
    for cloud, layer in zip(clouds, data["cells"][0]["layers"], strict=True):
        step = data["range"] * data["reach"] / 32767
        np.testing.assert_allclose(points_of(data, layer), cloud, atol=0.51 * step + 1e-5)


def test_a_point_far_outside_costs_the_others_nothing():
    cloud = RNG.normal(size=(2000, 3))
    far = np.concatenate([cloud, [[1e6, 0.0, 0.0]]])
    colors = np.arange(3 * len(far), dtype=np.uint32).reshape(-1, 3).astype(np.uint8)
    page = viewer_page("t", [PageCell("a", "", [Layer("x", far, colors=colors)])], "2,001 points")
    _, data = parsed(page)
    layer = data["cells"][0]["layers"][0]
    np.testing.assert_allclose(points_of(data, layer), cloud, atol=1e-3)
    assert "2,001 points; one point far outside is left out" in page
    assert "left out" not in viewer_page("t", [PageCell("a", "", [Layer("x", cloud)])], "2,000 points")


def test_colors_are_read_back_from_a_table_or_in_full():
    cloud = RNG.normal(size=(2000, 3))
    few = RNG.integers(0, 256, (5, 3), dtype=np.uint8)[RNG.integers(0, 5, 2000)]
    many = RNG.integers(0, 256, (2000, 3), dtype=np.uint8)
    _, data = parsed(
        viewer_page("t", [PageCell("a", "", [Layer("f", cloud, colors=few), Layer("m", cloud, colors=many)])])
    )
    first, second = data["cells"][0]["layers"]
    table = buffer(data, first["table"], np.uint8).reshape(-1, 3)
    np.testing.assert_array_equal(table[buffer(data, first["index"], np.uint8)], few)
    np.testing.assert_array_equal(buffer(data, second["colors"], np.uint8).reshape(-1, 3), many)


def test_a_shared_layer_is_stored_once_and_nan_is_left_out():
    visible, made = RNG.normal(size=(100, 3)), [RNG.normal(size=(80, 3)) for _ in range(4)]
    made[0][3] = np.nan
    scores = [{"fidelity": 0.1 * k, "diversity": float("nan")} for k in range(4)]
    _, data = parsed(viewer_page("t", completion_cells(visible, made, made[1] + 0.1, scores)))
    assert len(data["buffers"]) == 6
    assert [len(cell["layers"]) for cell in data["cells"]] == [1, 2, 2, 2, 2, 2]
    assert [layer["role"] for layer in data["cells"][1]["layers"]] == ["visible", "truth"]
    assert len(points_of(data, data["cells"][2]["layers"][1])) == 79
    assert data["cells"][3]["figures"] == {"fidelity": 0.1}


def test_figures_have_the_terms_and_the_scale_of_the_still():
    scores = [{"chamfer": 0.004 + k, "f_score": 0.25, "apart": 0.003} for k in range(2)]
    _, data = parsed(viewer_page("t", completion_cells(np.zeros((3, 3)), [np.ones((3, 3))] * 2, None, scores)))
    assert data["cells"][1]["figures"] == {"CD-L2 ×1000": 4.0, "F-score": 0.25, "apart ×1000": 3.0}
    assert data["largestFirst"] == ["F-score"]


def test_nothing_is_fetched():
    page = viewer_page("t", [PageCell("a", "", [Layer("x", RNG.normal(size=(9, 3)))])])
    assert not re.search(r"https?://|//[a-z0-9-]+\.[a-z]|@import|\bfetch\(|XMLHttpRequest|\bsrc=|<link", page)


def test_no_title_breaks_out():
    evil = '</script><script>alert(1)</script><!-- {{data}} "&\u2028'
    page = viewer_page(evil, [PageCell(evil, evil, [Layer(evil, np.zeros((2, 3)))], {evil: 1.0})], subtitle=evil)
    found, data = parsed(page)
    harmless = viewer_page("t", [PageCell("t", "t", [Layer("t", np.zeros((2, 3)))])])
    assert page.count("<script") == harmless.count("<script")
    assert found["title"] == evil and found["h1"] == evil
    assert data["cells"][0]["title"] == evil and list(data["cells"][0]["figures"]) == [evil]


def test_a_scale_and_a_legend_are_on_the_page():
    cell = PageCell("a", "", [Layer("x", np.zeros((3, 3)), colors=np.zeros((3, 3), dtype=np.uint8))])
    scale, legend = ColorScale("share", "0", "9% and more"), {"seen": TRUTH}
    _, data = parsed(viewer_page("t", [cell], legend=legend, scale=scale))
    assert data["legend"] == {"seen": "#009988"}
    assert (data["scale"]["label"], data["scale"]["low"], data["scale"]["high"]) == ("share", "0", "9% and more")
    assert data["scale"]["stops"][0] == "#440154" and data["scale"]["stops"][-1] == "#fde725"
    assert parsed(viewer_page("t", [cell]))[1]["scale"] is None


def test_nine_clouds_stay_below_200_kilobytes():
    cells = [PageCell(f"c{k}", "", [Layer("x", RNG.normal(size=(2048, 3)))]) for k in range(9)]
    assert len(viewer_page("t", cells).encode()) < 200_000


def test_empty_clouds_and_wrong_requests():
    _, data = parsed(viewer_page("t", [PageCell("a", "", [Layer("x", np.zeros((0, 3)))]), PageCell("b")]))
    assert data["cells"][1]["layers"] == []
    with pytest.raises(ValueError, match="at least one cell"):
        viewer_page("t", [])
    with pytest.raises(ValueError, match="role"):
        viewer_page("t", [PageCell("a", "", [Layer("x", np.zeros((1, 3)), role="nonsense")])])
    with pytest.raises(ValueError, match=r"\(N, 3\)"):
        viewer_page("t", [PageCell("a", "", [Layer("x", np.zeros((3, 2)))])])
    with pytest.raises(ValueError, match="colors"):
        viewer_page("t", [PageCell("a", "", [Layer("x", np.zeros((3, 3)), colors=np.zeros((2, 3)))])])


def test_page_is_written_whole(tmp_path):
    path = write_page(tmp_path / "deep" / "page.html", "<p>ä</p>")
    assert path.read_bytes() == "<p>ä</p>".encode()
    assert len(list(path.parent.iterdir())) == 1
    with pytest.raises(OutputError):
        write_page(tmp_path / "deep", "x")
