"""Cases of the completion benchmark: what is hidden, what would be right, and how completions of it are judged."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest

from benchmarks.completion_baselines import away_from, mirrored
from benchmarks.completion_cases import CHOSEN, Case, block_cases, part_cases, realizing, scan_cases, shown_option
from benchmarks.completion_measures import Cases, Completed, caption_without, distances, figures
from benchmarks.completion_recall import recalled
from benchmarks.completion_rows import Budget
from benchmarks.completion_tables import coverage
from pointsra.data.places import split_path
from pointsra.data.shapes import ALTERNATIVES, CHOICES, generate
from pointsra.data.store import open_split
from pointsra.reconstruction.hiding import visible_points

TINY = Budget(clouds=4, tiny=True)


@cache
def parts():
    return list(part_cases(TINY))


def test_exactly_the_part_that_realizes_the_choice_is_hidden():
    assert [(case.shape.class_name, case.choice) for case in parts()] == [*CHOSEN, *CHOSEN]
    for case in parts():
        assert len(case.visible) + len(case.hidden) == TINY.points and 0 < case.told < 1
        assert np.linalg.norm(np.concatenate([case.visible, case.hidden]), axis=1).max() == pytest.approx(1, abs=1e-5)
        alternative = next(each for each in ALTERNATIVES[case.shape.class_name] if case.choice in each.choices)
        seat = {"chair": "seat", "stool": "seat", "table": "top"}[case.shape.class_name]
        assert seat not in alternative.parts
        height = np.median(case.visible[:, 1])
        assert np.median(case.hidden[:, 1]) < height if case.choice == "base" else np.median(case.hidden[:, 1]) > height


def test_held_out_shapes_are_of_another_seed_and_repeatable():
    case, again = parts()[0], next(part_cases(TINY))
    assert np.array_equal(case.visible, again.visible) and case.told == again.told
    assert case.shape.caption == generate(*case.origin, "chair").caption
    assert case.shape.caption != generate(case.origin[0], 0, "chair").caption
    scans = list(scan_cases(TINY))
    assert all(case.told == pytest.approx(len(case.hidden) / TINY.points) and 0.3 < case.told < 0.95 for case in scans)
    blocks = list(block_cases(TINY))
    assert [case.shape.label for case in blocks] == [0, 1, 2, 3]
    assert all(0.2 < len(case.hidden) / TINY.points < 0.8 for case in blocks)


def test_an_alternative_stands_in_the_frame_of_its_case():
    # The true option's instances fit under the same seat: their tops meet the visible part where the truth's do.
    for case in (each for each in parts() if each.choice == "base"):
        for option in case.options:
            part = case.alternative(option, 0, 2000)
            assert part[:, 1].max() == pytest.approx(case.hidden[:, 1].max(), abs=0.06)
            assert part[:, 1].min() == pytest.approx(case.hidden[:, 1].min(), abs=0.06)


def test_the_truth_as_completion_has_no_distance_and_reads_as_the_truth():
    def perfect(case):
        return Completed([case.hidden, case.hidden], case.visible)

    cases = parts()[:4]
    found = figures(perfect, Cases(parts=cases), Budget())
    assert all(each["best"] == each["mean"] == each["tmd"] == each["uhd"] == 0 for each in found["parts"])
    assert all(each["kept"] == 1 for each in found["parts"])
    right = [options == [case.option] * 2 for case, options in zip(cases, found["shown"], strict=True)]
    assert sum(right) >= len(right) - 1
    kinds = [f"{case.shape.class_name} {case.choice}" for case in cases]
    read = coverage([{"lines": {"1": found}}], "1", kinds)
    assert set(read) == {" ".join(each) for each in CHOSEN}
    assert all(sum(table.values()) == pytest.approx(1) for table in read.values())


def test_instances_of_every_option_are_read_as_that_option():
    case = parts()[0]
    read = {option: shown_option(case.alternative(option, 15_000), case, 6)[0] for option in case.options}
    assert sum(option == found for option, found in read.items()) >= len(read) - 1


def test_worse_completions_have_worse_figures():
    case = parts()[1]
    near, far = (case.hidden + shift for shift in (0.01, 0.5))
    found = distances(case, Completed([near, far], case.visible[1:]))
    assert 0 < found["best"] < found["mean"] and found["tmd"] > 0 and found["uhd"] > 0
    assert found["kept"] == pytest.approx(1 - 1 / len(case.visible))


def test_a_mirror_completes_the_other_half_and_adds_nothing_to_a_whole():
    case = next(case for case in parts() if case.shape.attributes["base"] == "four legs")  # symmetric
    whole = np.concatenate([case.visible, case.hidden])
    left = whole[:, 0] < case.plane
    half = type(case)(0, case.shape, case.origin, whole[left], whole[~left], 0.5, case.offset, case.scale)
    copied = mirrored(half)
    assert len(copied) > 0.7 * left.sum() and (copied[:, 0] > case.plane).all()
    assert distances(half, Completed([copied], half.visible))["best"] < 0.01
    assert len(away_from(whole + 1e-3, whole)) == len(whole)  # nothing is away, so all is given


@pytest.mark.parametrize("kind", ["block", "view", "part"])
def test_what_was_seen_in_training_is_recalled_wherever_it_lies(kind, furniture_root):
    with open_split(split_path(furniture_root, "shapes", "train")) as split:
        named = [split.class_names[label] for label in split.labels]
        row, name = next((row, name) for row, name in enumerate(named) if (name, "base") in CHOSEN)
        cloud, labels = split.points_at([row])[0], split.parts_at([row])[0]
        under = [split.part_names.index(f"{name}/{part}") for part in realizing(name, "base").parts]
    if kind == "part":
        visible = ~np.isin(labels, under)
    else:
        visible = visible_points(cloud, kind, 32, 0.5 if kind == "block" else None, row)
    moved = (0.4 * cloud + np.array([1, 2, 3])).astype(np.float32)
    shape, there = parts()[0].shape, (moved[visible], moved[~visible])
    choice = "base" if kind == "part" else ""
    case = Case(0, shape, 0, *there, 0.5, np.zeros(3), 1.0, choice, one_sided=kind == "view")
    np.testing.assert_allclose(recalled(furniture_root)(case), moved[~visible], atol=1e-5)


def test_captions_lose_the_phrases_of_the_hidden_choice_alone():
    for case in parts():
        without = caption_without(case)
        assert re.sub(r"^an? ", "", without).startswith(re.sub(r"^an? ", "", case.shape.caption.split(" with ")[0]))
        assert len(without) < len(case.shape.caption)
        words = {option for option in CHOICES[case.shape.class_name][case.choice] if option != "none"}
        assert not any(option in without for option in words)
        if case.choice == "base":
            kept = [key for key in ("seat", "cushion", "top") if key in case.shape.attributes]
            assert any(f"{case.shape.attributes[key]} {key}".replace("none ", "no ") in without for key in kept)
