"""Stills: one camera and scale for all cells, colors with a meaning, files that decode and appear whole."""

import numpy as np
import pytest
from PIL import Image

from pointsra.errors import OutputError
from pointsra.ops.splatting import Camera
from pointsra.visualization import lettering
from pointsra.visualization.framing import frame_clouds
from pointsra.visualization.legend import wrapped
from pointsra.visualization.palette import (
    COMPLETIONS,
    TRUTH,
    VISIBLE,
    ColorScale,
    categorical,
    completion_color,
    from_oklab,
    hex_color,
    sequential,
    to_oklab,
)
from pointsra.visualization.stills import (
    Cell,
    best_columns,
    cloud_still,
    completions_sheet,
    contact_sheet,
    figures_line,
    write_png,
)


def ball(count=600, radius=1.0, seed=0):
    points = np.random.default_rng(seed).normal(size=(count, 3))
    return radius * points / np.linalg.norm(points, axis=1, keepdims=True)


def near(picture, color):
    """Pixels whose hue is that of ``color``, however lit."""
    pixels = picture.astype(float).reshape(-1, 3)
    pixels = pixels[(pixels < 250).any(axis=1)]
    direction = pixels / np.maximum(np.linalg.norm(pixels, axis=1, keepdims=True), 1)
    goal = np.array(color) / np.linalg.norm(color)
    return int((direction @ goal > 0.985).sum())


def test_all_cells_share_one_scale():
    sheet = contact_sheet([Cell(ball()), Cell(ball(radius=0.5))], columns=2, cell_size=200)
    half = sheet.shape[1] // 2
    tall = [np.ptp(np.nonzero((part != 255).any(axis=(1, 2)))[0]) + 1 for part in (sheet[:, :half], sheet[:, half:])]
    assert tall[1] / tall[0] == pytest.approx(0.5, abs=0.06)


def test_same_cloud_gives_the_same_picture_in_every_cell():
    sheet = contact_sheet([Cell(ball(), TRUTH)] * 2, columns=2, cell_size=160)
    busy = np.nonzero((sheet != 255).any(axis=(0, 2)))[0]
    gap = int(np.argmax(np.diff(busy)))
    left, right = busy[: gap + 1], busy[gap + 1 :]
    np.testing.assert_array_equal(sheet[:, left], sheet[:, right])


def test_the_thin_end_of_a_shape_is_framed_and_a_stray_point_is_not():
    level, foot, stray = Camera(0.0, 0.0), [[0.0, -1.15, 0.0]], [[0.0, -4.0, 0.0]]
    view = frame_clouds([np.concatenate([ball(2000), foot])], level)
    assert np.abs(view.framed(foot)).max() + view.radius == pytest.approx(1.0)  # its sphere is whole
    assert frame_clouds([np.concatenate([ball(2000), foot, stray])], level).reach == pytest.approx(view.reach, rel=0.01)


def test_a_leg_of_few_points_is_framed_to_its_end():
    level, stray = Camera(0.0, 0.0), [[0.0, -9.0, 0.0]]
    leg = np.stack([np.zeros(6), -1.0 - 0.25 * np.arange(1, 7), np.zeros(6)], axis=1)
    view = frame_clouds([np.concatenate([ball(5000), leg, stray])], level)
    assert np.abs(view.framed(leg)).max() + view.radius == pytest.approx(1.0)
    scattered = np.random.default_rng(3).uniform(-6, 6, (24, 3))
    assert frame_clouds([np.concatenate([ball(5000), scattered])], level).reach < 1.5


@pytest.mark.parametrize("stretch", [(1.0, 0.4, 1.0), (0.4, 1.0, 0.4), (1.0, 1.0, 1.0)])
def test_no_sphere_is_cut_at_the_edge_of_its_cell(stretch):
    sheet = contact_sheet([Cell(ball(60) * stretch)] * 2, columns=2, cell_size=200, dark=True)
    inked = (sheet != sheet[0, 0]).any(axis=2)
    rows, columns = np.nonzero(inked.any(axis=1))[0], np.nonzero(inked.any(axis=0))[0]
    border = 18  # of the sheet
    assert border < rows.min() and rows.max() < sheet.shape[0] - 1 - border
    assert border < columns.min() and columns.max() < sheet.shape[1] - 1 - border


def test_completions_sheet_shows_every_color():
    visible = ball(300)
    made = [ball(300, seed=k) * 0.9 + [0.3, 0, 0.3] for k in range(3)]
    sheet = completions_sheet(
        visible, made, ball(300) + np.array([0.3, 0, 0.3]), [{"fidelity": 0.1}] * 3, "x", cell_size=120
    )
    for color in (VISIBLE, TRUTH, *COMPLETIONS[:3]):
        assert near(sheet, color) > 200
    without = completions_sheet(visible, made, None, cell_size=120)
    assert near(without, TRUTH) < 20


def test_scores_must_fit():
    with pytest.raises(ValueError, match="2 scores"):
        completions_sheet(ball(9), [ball(9)], None, [{}, {}])
    with pytest.raises(ValueError, match="at least one cell"):
        contact_sheet([])


def test_still_fits_itself_to_raw_coordinates():
    far = ball() * 30 + [4.5e5, 5.2e6, 100.0]
    picture = cloud_still(far, None, 120)
    rows, columns = np.nonzero((picture != 255).any(axis=2))
    assert 100 < np.ptp(rows) < 120 and 100 < np.ptp(columns) < 120
    np.testing.assert_allclose([rows.mean(), columns.mean()], 59.5, atol=2.5)


def test_a_stray_point_does_not_shrink_the_rest():
    cloud = np.concatenate([ball(2000), [[60.0, 0, 0]]])
    assert frame_clouds([cloud], Camera()).reach < 1.3


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.zeros((1, 3)), np.full((2, 3), np.nan)])
def test_odd_clouds_do_not_crash(points):
    assert cloud_still(points, None, 40).shape == (40, 40, 3)
    assert contact_sheet([Cell(points, None, "odd"), Cell(ball(50))], cell_size=60).ndim == 3


def test_long_titles_do_not_widen_the_sheet():
    short = contact_sheet([Cell(ball(50), None, "a", "b")], cell_size=100, title="t", footer="f")
    long = contact_sheet([Cell(ball(50), None, "a" * 300, "b" * 300)], cell_size=100, title="t" * 300, footer="f" * 300)
    assert short.shape == long.shape


def test_a_legend_names_every_color_and_wraps():
    plain = contact_sheet([Cell(ball(50))], cell_size=200)
    names = {f"a name of some length, {k}": COMPLETIONS[k] for k in range(4)}
    named = contact_sheet([Cell(ball(50))], cell_size=200, legend=names)
    assert named.shape[1] == plain.shape[1]
    head = named[: named.shape[0] - plain.shape[0] + 8]
    assert len(head) > 4 * 14  # a row each
    for color in names.values():
        assert (head == color).all(axis=2).sum() > 10


def test_a_scale_runs_from_dark_to_bright_between_its_ends():
    scale = ColorScale("share", "0", "9%")
    still = contact_sheet([Cell(ball(50), (255, 255, 255))], cell_size=320, scale=scale)
    for color in scale.stops()[[0, -1]]:
        assert (still == color).all(axis=2).any()
    dark = (still == scale.stops()[0]).all(axis=2).nonzero()[1]
    bright = (still == scale.stops()[-1]).all(axis=2).nonzero()[1]
    assert dark.max() < bright.min()


@pytest.mark.parametrize("title", ["", "a title"])
def test_captions_and_notes_do_not_overlap(title):
    cell = Cell(np.zeros((0, 3)), None, title, "a line that says more")
    still = contact_sheet([cell], cell_size=400, footer="one or two sentences about the whole sheet " * 4)
    inked = (still.min(axis=2) < 150).any(axis=1)
    lines = np.flatnonzero(inked[1:] & ~inked[:-1])
    assert len(lines) == bool(title) + 1 + 4
    apart = np.diff(lines)
    assert apart[-4] > 1.3 * apart[-1], "the note begins well below the caption"
    assert not inked[-8:].any()


def test_png_decodes_and_leaves_nothing_beside_it(tmp_path):
    picture = cloud_still(ball(), TRUTH, 64)
    path = write_png(tmp_path / "new" / "still.png", picture)
    with Image.open(path) as image:
        assert image.format == "PNG" and image.size == (64, 64)
        np.testing.assert_array_equal(np.asarray(image), picture)
    assert [file.name for file in path.parent.iterdir()] == ["still.png"]
    with pytest.raises(OutputError):
        write_png(tmp_path / "new", picture)


def test_figures_are_short():
    assert figures_line({"fidelity_raw": 0.0043123, "samples": 8, "hide": "block"}) == (
        "fidelity raw 0.00431  ·  samples 8  ·  hide block"
    )
    assert figures_line({"chamfer": 0.0043123, "f_score": 0.25, "diversity": 0.00296}) == (
        "CD-L2 ×1000 4.31  ·  F-score 0.250  ·  diversity ×1000 2.96"
    )
    assert "–" in figures_line({"x": float("nan")})
    assert [lettering.figure(value) for value in (0.16, 0.0055, 999.7, 12.34, 3.0, 4.2e-6)] == [
        *("0.160", "0.00550", "1,000", "12.3", "3", "4.2e-06")
    ]


def test_columns_fill_rows():
    assert [best_columns(count) for count in (1, 4, 9, 10, 12)] == [1, 4, 3, 5, 4]


def test_palette():
    assert len(set(COMPLETIONS) | {TRUTH, VISIBLE}) == len(COMPLETIONS) + 2
    many = np.array([completion_color(number) for number in range(32)], dtype=float)
    apart = np.linalg.norm(many[:, None] - many, axis=-1) + 1e3 * np.eye(32)
    assert apart.min() >= 20
    assert completion_color(32) == completion_color(0) == COMPLETIONS[0]
    assert hex_color((0, 15, 255)) == "#000fff"
    grays = np.array([[0, 0, 0], [255, 255, 255], [20, 130, 240]], dtype=np.uint8)
    np.testing.assert_allclose(to_oklab(grays)[:2], [[0, 0, 0], [1, 0, 0]], atol=1e-6)
    np.testing.assert_array_equal(from_oklab(*to_oklab(grays).T), grays)
    many = categorical(96)
    assert len(np.unique(many, axis=0)) == 96
    assert np.linalg.norm(np.diff(many.astype(int), axis=0), axis=1).min() > 40
    assert categorical(0).shape == (0, 3)


def test_sequential_rises_in_lightness_and_marks_nan():
    colors = sequential(np.array([0.0, 0.5, 1.0, np.nan])).astype(int)
    light = colors @ [0.21, 0.72, 0.07]
    assert light[0] < light[1] < light[2]
    assert (colors[3] == 160).all()
    assert len(np.unique(sequential(np.ones(5)), axis=0)) == 1
    np.testing.assert_array_equal(sequential([0.5], 0.0, 1.0), sequential([0.0, 0.5, 1.0])[1:2])


def test_letters_that_the_font_lacks_are_written_with_those_it_has():
    letters = lettering.font(20)
    assert lettering.fit("naïve größe, Łódź – 2 × 3", letters, 900) == "naive grosse, Lodz - 2 x 3"
    assert lettering.fit("e\u0301 椅", letters, 900) == "e 椅"
    assert wrapped("größe – größe", letters, 900) == ["grosse - grosse"]
    assert wrapped("größe größe", letters, 1.5 * letters.getlength("grosse")) == ["grosse"] * 2
