"""Training curves: reading what a run wrote, ticks and smoothing, and pictures that survive NaN and one record."""

import json
import re

import numpy as np
import pytest

from pointsra.errors import DataError
from pointsra.visualization.curves import curves_still, panels_of, run_color
from pointsra.visualization.curves_page import curves_page
from pointsra.visualization.metrics_file import read_metrics
from pointsra.visualization.plotting import axis_for, smoothed, tick_label

STEPS = np.arange(200.0)


def write_run(folder, records, tail=""):
    folder.mkdir()
    (folder / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records) + tail)
    return folder


def record(step):
    return {
        "step": step,
        "epoch": 0,
        "loss": 3.0 - step,
        "mean_flow": float("nan"),
        "lr": 1e-3,
        "note": "x",
        "best": True,
    }


def test_metrics_are_read_and_a_torn_last_line_is_left_out(tmp_path):
    run = read_metrics(write_run(tmp_path / "run", [record(0), record(1)], '{"step": 2, "lo'))
    assert run.name == "run" and run.records == 2
    assert list(run.series) == ["loss", "mean_flow", "lr"]
    np.testing.assert_array_equal(run.series["loss"][0], [0, 1])
    np.testing.assert_array_equal(run.series["loss"][1], [3, 2])
    assert np.isnan(run.series["mean_flow"][1]).all()


def test_a_term_may_start_late(tmp_path):
    run = read_metrics(write_run(tmp_path / "run", [{"step": 0, "loss": 1}, {"step": 5, "loss": 1, "late": 2}]))
    np.testing.assert_array_equal(run.series["late"][0], [5])


def test_damage_is_named(tmp_path):
    with pytest.raises(DataError, match=r"metrics\.jsonl: cannot be read"):
        read_metrics(tmp_path)
    with pytest.raises(DataError, match="line 1"):
        read_metrics(write_run(tmp_path / "a", [], 'garbage\n{"step": 1, "loss": 2}\n'))
    with pytest.raises(DataError, match="no whole record"):
        read_metrics(write_run(tmp_path / "b", [], '{"step": 1, "lo'))


def test_ticks_are_round_and_inside():
    axis = axis_for([np.array([0.13, 9.7])])
    assert axis.ticks == (2.5, 5.0, 7.5) and axis.labels == ("2.5", "5", "7.5") and not axis.log
    log = axis_for([np.array([2e-5, 0.5])])
    assert log.log and log.ticks == pytest.approx((1e-4, 1e-3, 1e-2, 1e-1))
    np.testing.assert_allclose(log.place([2e-5, 0.5]), [0, 1])
    assert np.isnan(log.place([0.0, -1.0])).all()
    assert not axis_for([np.array([0.0, 500.0])]).log
    assert not axis_for([np.array([1e-5, 1.0])], may_be_log=False).log
    for odd in ([], [np.full(3, np.nan)], [np.array([4.0])], [np.array([0.0])]):
        axis = axis_for(odd)
        assert axis.high > axis.low and len(axis.ticks) >= 2


def test_tick_labels_are_short():
    assert [tick_label(v) for v in (0, 0.25, 12000, 2.5e6, 1e-5)] == ["0", "0.25", "12k", "2.5M", "1e-5"]
    assert tick_label(5000, 20000) == "5k"


def test_smoothing_keeps_lines_straight_and_skips_nan():
    line = np.linspace(0, 10, 101)
    np.testing.assert_allclose(smoothed(line, 9)[4:-4], line[4:-4])
    noisy = np.random.default_rng(0).normal(size=1000)
    assert smoothed(noisy, 25).std() < 0.4 * noisy.std()
    holed = np.ones(50)
    holed[10:13] = np.nan
    np.testing.assert_allclose(smoothed(holed, 9), 1.0)
    assert np.isnan(smoothed([np.nan], 1)).all() and smoothed([2.0], 1)[0] == 2.0 and len(smoothed([], 1)) == 0


def test_curves_beside_one_another_are_smoothed_over_as_many_steps():
    noise = np.random.default_rng(0).normal(size=400)
    long, half, rare = np.arange(400), np.arange(200), np.arange(0, 400, 4)
    series = {
        "long": {"loss": (long, noise)},
        "half": {"loss": (half, noise[:200])},
        "rare": {"loss": (rare, noise[::4])},
        "one": {"loss": ([3], [0.5])},
        "short": {"loss": (np.arange(10), noise[:10])},
    }
    means = [curve.mean for curve in panels_of(series)[0].curves]
    np.testing.assert_allclose(means[0], smoothed(noise, 10))
    np.testing.assert_allclose(means[1], smoothed(noise[:200], 10))
    np.testing.assert_allclose(means[2], smoothed(noise[::4], 2))
    assert means[3] == [0.5]
    np.testing.assert_allclose(means[4], smoothed(noise[:10], 2))
    assert not np.array_equal(means[2], noise[::4]) and not np.array_equal(means[1], noise[:200])


def test_still_draws_every_run_in_its_color():
    runs = {f"r{k}": {"loss": (STEPS, np.full(200, k + 1.0)), "lr": (STEPS, STEPS * (k + 1))} for k in range(3)}
    picture = curves_still(runs, "title", panel_width=200)
    for number in range(3):
        assert (picture == run_color(number)).all(axis=2).sum() > 30
    one = curves_still({"only": {"loss": ([3], [0.5])}}, panel_width=200)
    assert (one == run_color(0)).all(axis=2).any()


def test_runs_that_coincide_are_both_seen():
    falling = np.exp(-STEPS / 60)
    fork = np.where(STEPS < 120, falling, 1.0)
    runs = {"a": {"loss": (STEPS, falling)}, "b": {"loss": (STEPS, fork)}, "c": {"loss": (STEPS, falling)}}
    first, second, third = panels_of(runs, 1)[0].curves
    assert not first.beneath.any()
    assert second.beneath[:118].all() and not second.beneath[122:].any()
    assert (third.beneath[:118] == 2).all() and (third.beneath[125:] == 1).all()
    picture = curves_still(runs, window=1)[80:]  # below the legend
    for number in range(3):
        assert (np.abs(picture.astype(int) - run_color(number)).max(axis=2) < 12).sum() > 60
    page = curves_page(runs, window=1)
    assert page.count("stroke-dasharray=") == 3 and page.count(">step</text>") == 1
    crossing = {"a": {"loss": (STEPS, STEPS)}, "b": {"loss": (STEPS, STEPS[::-1])}}
    assert not panels_of(crossing)[0].curves[1].beneath.any()
    holed = {"a": {"loss": (STEPS, np.full(200, np.nan))}, "b": {"loss": ([], [])}, "c": {"loss": ([3], [1.0])}}
    assert not any(curve.beneath.any() for curve in panels_of(holed)[0].curves)


def test_nan_and_empty_curves_are_drawn_without_crash():
    values = np.exp(-STEPS / 20)
    values[50:60] = np.nan
    odd = {"a": {"loss": (STEPS, values), "none": (STEPS, np.full(200, np.nan)), "empty": ([], [])}}
    assert curves_still(odd, panel_width=160).ndim == 3
    page = curves_page(odd)
    assert "NaN" not in page.split("<script>")[0]
    assert "nan" not in "".join(re.findall(r' d="[^"]*"', page))


def test_panels_follow_terms_and_share_the_step_axis():
    panels = panels_of({"a": {"loss": (STEPS, STEPS)}, "b": {"loss": (STEPS[:9], STEPS[:9]), "lr": ([0], [1])}})
    assert [panel.term for panel in panels] == ["loss", "lr"]
    assert panels[0].steps == panels[1].steps
    with pytest.raises(ValueError, match="no term"):
        panels_of({"a": {}})
    with pytest.raises(ValueError, match="steps and"):
        panels_of({"a": {"loss": ([1, 2], [1])}})


def test_page_is_self_contained_and_escaped():
    evil = "</script><b>{{data}}"
    page = curves_page({evil: {evil: (STEPS, STEPS)}, "b": {"loss": (STEPS, STEPS + 1)}}, evil)
    assert evil not in page
    assert page.count("<script") == 2 and page.count("<svg") == 2
    links = set(re.findall(r"https?://[^\"'\s]+", page)) - {"http://www.w3.org/2000/svg"}
    assert not links
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S).group(1))
    assert data[0]["curves"][0]["run"] == evil and data[0]["curves"][0]["values"][-1] == 199


def test_the_longest_label_has_room_beside_a_panel():
    page = curves_page({"a": {"lr": (STEPS, 0.00075 * STEPS / 200), "negative": (STEPS, -0.0025 + STEPS * 1e-5)}})
    labels = re.findall(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="end">(-?[\d.e-]+)</text>', page)
    assert "-0.0025" in [text for _, text in labels]
    assert all(float(x) >= 7 * len(text) for x, text in labels)
    assert json.loads(re.search(r"wide, tall\] = (\[.*?\])", page).group(1))[0] == float(labels[0][0]) + 8


def test_every_run_is_named_in_the_still_and_no_name_leaves_its_place():
    many = {f"a run of some length, number {k}": {"loss": (STEPS, np.full(200, np.nan))} for k in range(9)}
    picture = curves_still(many, panel_width=200)
    assert len({run_color(number) for number in range(9)}) == 9
    for number in range(9):  # the curves are empty: what is seen is the legend
        assert (np.abs(picture.astype(int) - run_color(number)).sum(axis=2) < 30).sum() >= 5
    long = curves_still({"a": {"x" * 300: (STEPS, STEPS), "y": (STEPS, STEPS)}, "b" * 900: {}}, panel_width=200)
    margin = 13  # 26 of 380 to the width of a panel
    assert (long[:, -margin + 1 :] == 255).all()
    gap = long[: long.shape[0] // 2, margin + 201 : margin + 201 + 8]
    assert (gap[gap.shape[0] // 2 :] == 255).all()
