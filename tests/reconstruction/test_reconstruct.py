"""Completion: the visible part stays exactly, one evaluation a sample, samples differ, wrong requests are named."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from pointsra.data.cloud_writers import write_cloud
from pointsra.data.files import read_cloud
from pointsra.data.shapes import generate, sample_surface
from pointsra.errors import CheckpointError, InputFileError, SettingsError
from pointsra.metrics.geometry import chamfer_l2, f_score
from pointsra.ops.transforms import turned_about_vertical
from pointsra.ops.up_axis import from_y_up
from pointsra.reconstruction import ReconstructRequest, completion, plan_reconstruct, reconstruct, write_completions
from pointsra.reconstruction.completion import draw_completions
from pointsra.reconstruction.hiding import visible_points
from pointsra.reconstruction.model import load
from pointsra.reconstruction.request import TEMPERATURE
from pointsra.visualization.targets import Cutting, look_at


@pytest.fixture(scope="module")
def chair():
    return sample_surface(generate(0, 5, "chair"), 700, np.random.default_rng(0))[0].astype(np.float64)


@pytest.fixture(scope="module")
def chair_file(chair, tmp_path_factory):
    path = tmp_path_factory.mktemp("input") / "chair.ply"
    write_cloud(path, chair * 250.0 + np.array([5e5, 40.0, 4e6]))  # millimeters, far from the origin
    return path


def _request(path, run, **changes):
    return ReconstructRequest(input=path, weights=run, **{"samples": 4, "seed": 1, **changes})


@pytest.fixture(scope="module")
def completions(chair_file, tiny_run):
    return reconstruct(_request(chair_file, tiny_run))


def test_visible_and_hidden_are_the_files_points(completions, chair_file):
    points = read_cloud(chair_file).points
    assert np.array_equal(points[completions.visible], completions.visible_raw)
    assert np.array_equal(points[~completions.visible], completions.hidden_raw)
    assert 0 < len(completions.hidden_raw) < len(points)


@pytest.mark.parametrize("kind", ["ply", "npz"])
def test_points_that_single_precision_does_not_hold_are_written_as_they_stood(chair, tiny_run, tmp_path, kind):
    table = np.hstack([chair + 10.0, np.arange(3 * len(chair)).reshape(-1, 3) % 256])
    np.savetxt(tmp_path / "chair.xyz", table, fmt=["%.3f"] * 3 + ["%d"] * 3)
    table = np.loadtxt(tmp_path / "chair.xyz")
    done = reconstruct(_request(tmp_path / "chair.xyz", tiny_run, samples=1))
    write_completions(done, tmp_path / "out", kind)
    written = read_cloud(tmp_path / "out" / f"completion_00.{kind}").points
    assert np.array_equal(written[: len(done.visible_raw)], table[done.visible, :3])
    for name, kept in (("visible", done.visible), ("hidden", ~done.visible)):
        cloud = read_cloud(tmp_path / "out" / f"{name}.{kind}")
        assert np.array_equal(cloud.points, table[kept, :3])
        assert np.array_equal(cloud.colors, table[kept, 3:])


def test_a_written_folder_is_shown_as_what_was_drawn(chair, tiny_run, tmp_path):
    far = np.array([[0.0, 0.0, 0.0]] * 3)
    scan = from_y_up(np.concatenate([far, chair * 15.0 + np.array([5e5, 40.0, 4e6])]), "z")
    write_cloud(tmp_path / "scan.ply", scan)
    done = reconstruct(_request(tmp_path / "scan.ply", tiny_run, samples=102, up="z"))
    write_completions(done, tmp_path / "out")
    (tmp_path / "out" / "summary.json").write_text(json.dumps(done.summary()))
    shown = look_at([tmp_path / "out"], None, Cutting(512, 16, 16, 0.6), tmp_path).completed
    drawn = (done.visible_unit[~done.stray[done.visible]], *done.generated_unit, done.hidden_unit)
    pairs = zip(drawn, (shown.visible, *shown.generated, shown.hidden), strict=True)
    middles = [part.mean(axis=0) for part in (drawn[0], shown.visible)]
    scale = (shown.visible - middles[1]).std() / (drawn[0] - middles[0]).std()
    for mine, theirs in pairs:  # the same but for the frame
        np.testing.assert_allclose((theirs - middles[1]) / scale, mine - middles[0], atol=2e-3)
    assert [each["chamfer"] for each in shown.scores] == done.chamfer_l2


def test_written_completions_hold_the_visible_points_to_the_bit(completions, chair_file, tmp_path):
    paths = write_completions(completions, tmp_path)
    names = {path.name for path in paths}
    assert names == {*(f"completion_{i:02d}.ply" for i in range(4)), "visible.ply", "hidden.ply"}
    for number in range(4):
        cloud = read_cloud(tmp_path / f"completion_{number:02d}.ply").points
        assert np.array_equal(cloud[: len(completions.visible_raw)], completions.visible_raw)
        assert len(cloud) == len(completions.visible_raw) + completions.generated_raw.shape[1]


def test_one_network_evaluation_a_sample_and_more_by_steps_and_guidance(chair_file, tiny_run, monkeypatch):
    from pointsra.networks.mean_flow_transformer import MeanFlowTransformer

    calls = []
    forward = MeanFlowTransformer.forward
    monkeypatch.setattr(
        MeanFlowTransformer,
        "forward",
        lambda self, state, *rest: calls.append(len(state)) or forward(self, state, *rest),
    )
    for changes, expected in (({}, 1), ({"steps": 3}, 3), ({"text": "a chair", "guidance": 2.0}, 2)):
        calls.clear()
        done = reconstruct(_request(chair_file, tiny_run, **changes))
        assert done.network_evaluations == expected == len(calls)
        assert calls[0] == 4  # all samples in one batch


def test_samples_differ_and_follow_the_seed_alone(completions, chair_file, tiny_run):
    clouds = completions.generated_unit
    assert all(chamfer_l2(clouds[i], clouds[j]) > 1e-6 for i in range(4) for j in range(i))
    again = reconstruct(_request(chair_file, tiny_run, samples=2))
    assert np.allclose(again.generated_unit, clouds[:2], atol=1e-5)  # sample i does not depend on S
    same = reconstruct(_request(chair_file, tiny_run))
    assert np.array_equal(same.generated_unit, clouds)
    other = reconstruct(_request(chair_file, tiny_run, seed=2))
    assert not np.array_equal(other.visible, completions.visible) or not np.allclose(other.generated_unit, clouds)


def test_a_lower_temperature_draws_completions_nearer_to_one_another(chair_file, tiny_run):
    each = (_request(chair_file, tiny_run, temperature=value) for value in (1e-4, TEMPERATURE, 1.0))
    cool, usual, hot = map(reconstruct, each)
    assert cool.diversity < usual.diversity < hot.diversity
    assert np.array_equal(usual.generated_unit, reconstruct(_request(chair_file, tiny_run)).generated_unit)
    assert hot.summary()["temperature"] == 1.0


def test_samples_start_from_the_noise_that_the_flow_was_trained_with(chair, tiny_run, monkeypatch):
    model, started = load(tiny_run, "cpu"), []
    named = completion.flow_objective_named

    def watched(name):
        objective = named(name)
        draw = objective.draw

        def drawing(network, noise, steps):
            started.append(noise)
            return draw(network, noise, steps)

        objective.draw = drawing
        return objective

    monkeypatch.setattr(completion, "flow_objective_named", watched)
    for kind in ("white", "tree"):
        described = replace(model.description, flow=model.description.flow | {"noise": kind})
        cloud = chair.astype(np.float32)
        draw_completions(model.network, described, cloud, missing=0.5, samples=300, steps=1, seed=0)
    white, tree = started
    assert all(abs(float(noise.var()) - 1.0) < 0.1 for noise in (white, tree))
    assert abs(float((white[:, 0] * white[:, -1]).mean())) < 0.1
    assert abs(float((tree[:, 0] * tree[:, -1]).mean()) - 0.5) < 0.1  # of the variance, all slots share a half


def test_hidden_points_never_enter_the_network(chair, tiny_run):
    # Whatever is hidden may be moved without changing what is drawn.
    model = load(tiny_run, "cpu")
    visible = visible_points(chair.astype(np.float32), "block", 16, 0.5, 0)
    drawn = [
        draw_completions(
            model.network, model.description, cloud[visible].astype(np.float32), missing=0.5, samples=2, steps=1, seed=0
        ).points
        for cloud in (chair, np.where(visible[:, None], chair, chair + 3.0))
    ]
    assert np.array_equal(*drawn)


def test_completions_of_aligned_weights_turn_with_the_input(chair, tiny_run):
    model = load(tiny_run, "cpu")
    cloud = torch.from_numpy(chair)[None]
    drawn = {}
    for frame in ("visible", "aligned"):
        preset = model.description.preset | {"masks": model.description.preset["masks"] | {"frame": frame}}
        described = replace(model.description, preset=preset)
        for degrees in (0.0, 46.0, 226.0):
            angle = torch.tensor([np.radians(degrees)])
            turned = turned_about_vertical(cloud, angle)[0].float().numpy()
            points = draw_completions(model.network, described, turned, missing=0.5, samples=2, steps=1, seed=0).points
            back = turned_about_vertical(torch.from_numpy(points).double(), -angle)
            drawn[frame, degrees] = back.numpy()
    gaps = {key: np.abs(points - drawn[key[0], 0.0]).max() for key, points in drawn.items()}
    # What was turned comes to lie the same way, or half a turn apart.
    assert min(gaps["aligned", 46.0], gaps["aligned", 226.0]) < 1e-4
    assert min(gaps["visible", 46.0], gaps["visible", 226.0]) > 1e-2


def _of_dense_scans(model):
    masks = model.description.preset["masks"] | {"scan_density": 2.0}
    return replace(model.description, preset=model.description.preset | {"masks": masks})


def test_a_scan_is_cut_in_more_patches_where_the_weights_know_that(chair, tiny_run, monkeypatch):
    model, cuts = load(tiny_run, "cpu"), []
    cut = completion.cut_patches
    monkeypatch.setattr(
        completion, "cut_patches", lambda cloud, groups, size: cuts.append(groups) or cut(cloud, groups, size)
    )
    for described in (model.description, _of_dense_scans(model)):
        for one_sided in (False, True):
            drawn = draw_completions(
                *(model.network, described, chair.astype(np.float32)),
                **{"missing": 0.75, "samples": 2, "steps": 1, "seed": 0, "one_sided": one_sided},
            )
            assert drawn.centers.shape == (2, 12, 3) and drawn.one_sided == one_sided
    assert cuts == [4, 4, 4, 8]


def test_more_cells_are_drawn_where_the_weights_know_that(chair, tiny_run):
    model = load(tiny_run, "cpu")
    masks = model.description.preset["masks"] | {"cell_density": 3}
    dense = replace(model.description, preset=model.description.preset | {"masks": masks})
    for described, cells in ((model.description, 12), (dense, 36)):
        drawn = draw_completions(
            *(model.network, described, chair.astype(np.float32)[:64]),
            **{"missing": 0.75, "samples": 2, "steps": 1, "seed": 0},
        )
        assert drawn.centers.shape == (2, cells, 3)
        assert drawn.points.shape == (2, 12 * 16, 3)  # as many points as ever


def test_an_input_is_taken_for_a_scan_if_one_camera_could_have_seen_it(chair, tiny_run):
    model = load(tiny_run, "cpu")
    seen = visible_points(chair.astype(np.float32), "view", 16, None, 0)

    def ask(points, **options):
        return replace(model, description=_of_dense_scans(model)).reconstruct(points, samples=1, **options)

    scan, whole = ask(chair[seen], hide="none"), ask(chair, hide="none")
    assert scan.one_sided and scan.summary()["one_sided"] and any("--not-one-sided" in note for note in scan.notes)
    assert not whole.one_sided and not any("one-sided" in note for note in whole.notes)
    told = ask(chair[seen], hide="none", one_sided=False)
    assert not told.one_sided and not any("one-sided" in note for note in told.notes)
    assert not np.array_equal(told.generated_unit, scan.generated_unit)
    assert ask(chair, hide="view").one_sided and not ask(chair, hide="block").one_sided
    usual = model.reconstruct(chair[seen], samples=1, hide="none")
    assert not usual.one_sided and not any("one-sided" in note for note in usual.notes)


def test_frame_and_unit_of_the_input_do_not_matter(chair, tiny_run):
    model = load(tiny_run, "cpu")
    near = model.reconstruct(chair, samples=2, seed=3)
    far = model.reconstruct(chair * 1000.0 + 4e5, samples=2, seed=3)
    assert np.array_equal(near.visible, far.visible)
    back = (far.generated_raw - 4e5) / 1000.0
    assert np.abs(back - near.generated_raw).max() < 1e-2


def test_order_of_the_points_does_not_decide_what_is_hidden_kinds_do(chair):
    unit = chair.astype(np.float32)
    for kind in ("block", "random", "view"):
        visible = visible_points(unit, kind, 16, 0.5, 0)
        assert 0.2 < visible.mean() < 0.8
        assert np.array_equal(visible, visible_points(unit, kind, 16, 0.5, 0))
    assert visible_points(unit, "none", 16, 0.5, 0).all()
    block, scattered = (visible_points(unit, kind, 16, 0.5, 0) for kind in ("block", "random"))
    spread = [unit[~v].std(axis=0).mean() for v in (block, scattered)]
    assert spread[0] < spread[1]  # a block is in one place


def test_figures_are_those_of_the_points(completions):
    summary = completions.summary()
    assert json.loads(json.dumps(summary)) == summary
    for number, generated in enumerate(completions.generated_unit):
        assert summary["chamfer_l2"]["per_sample"][number] == pytest.approx(
            chamfer_l2(generated, completions.hidden_unit)
        )
        assert summary["f_score"]["per_sample"][number] == pytest.approx(f_score(generated, completions.hidden_unit))
        # The visible points are part of each completion.
        assert summary["fidelity"]["per_sample"][number] == 0.0
    assert summary["chamfer_l2"]["best"] == min(summary["chamfer_l2"]["per_sample"])
    assert summary["f_score"]["best"] == max(summary["f_score"]["per_sample"])
    assert summary["samples"] == 4 and summary["steps"] == 1 and summary["network_evaluations"] == 1
    assert summary["diversity"] > 0


def test_partial_scan_has_no_truth(chair_file, tiny_run):
    done = reconstruct(_request(chair_file, tiny_run, hide="none", missing=0.25, points_generated=70))
    assert done.hidden_raw is None and done.chamfer_l2 is None
    assert done.visible.all()
    assert done.generated_raw.shape == (4, 70, 3)
    assert "chamfer_l2" not in done.summary()


def test_completions_are_as_dense_as_what_is_visible_within_bounds(chair, tiny_run):
    model = load(tiny_run, "cpu")
    given = 4 * 16  # 16 patches of 16 points, a quarter of them thought to be absent
    for visible, expected in ((30, given), (300, 100), (len(chair), min(4 * given, round(len(chair) / 3)))):
        done = model.reconstruct(chair[:visible], samples=1, hide="none", missing=0.25)
        assert done.generated_raw.shape == (1, expected, 3)


@pytest.mark.parametrize("points", [1, 2, 15, 40])
def test_few_points_are_completed_all_the_same(points, chair, tiny_run):
    done = load(tiny_run, "cpu").reconstruct(chair[:points], samples=2, hide="none")
    assert np.isfinite(done.generated_raw).all()


def test_coinciding_points(tiny_run):
    model, points = load(tiny_run, "cpu"), np.full((50, 3), 7.0)
    with pytest.raises(InputFileError, match="nothing of its 50 point"):
        model.reconstruct(points, samples=2)
    assert np.isfinite(model.reconstruct(points, samples=2, hide="none").generated_raw).all()


@pytest.mark.parametrize("unit", [1e-200, 1e40, 1e300])
def test_coordinates_out_of_range_are_refused(unit, chair, tiny_run):
    with pytest.raises(InputFileError, match="not a shape"):
        load(tiny_run, "cpu").reconstruct(np.asarray(chair, dtype=np.float64) * unit, samples=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hide": "sideways"}, "--hide"),
        ({"samples": 0}, "--samples"),
        ({"steps": 0}, "--samples and --steps"),
        ({"ratio": 1.0}, "--ratio"),
        ({"missing": 0.5}, "--hide none"),
        ({"hide": "none", "missing": 1.5}, "--missing"),
        ({"one_sided": True}, "--one-sided goes with --hide none"),
        ({"guidance": 2.0}, "--text or --image"),
        ({"text": "a chair", "guidance": 21.0}, "between 0 and 20"),
        ({"count": 100}, "holds points already"),
        ({"temperature": 0.0}, "--temperature"),
        ({"temperature": float("nan")}, "--temperature"),
        ({"samples": 1_000_000}, "1000000 completions of about 2048 points"),
        ({"samples": 3, "points_generated": 10_000_000}, "are 30000000 points; 20000000 are the most"),
        ({"count": 10**9}, "--mesh-points 1000000000"),
        ({"text": " "}, "--text is empty"),
    ],
)
def test_wrong_requests_are_named(chair_file, tiny_run, changes, message):
    with pytest.raises(SettingsError, match=message):
        reconstruct(_request(chair_file, tiny_run, **changes))
    with pytest.raises(SettingsError, match=message):
        plan_reconstruct(_request(chair_file, tiny_run, **changes))


def test_text_and_image_need_the_encoder_of_the_weights(chair_file, tiny_run, tmp_path):
    plain = reconstruct(_request(chair_file, tiny_run))
    text = reconstruct(_request(chair_file, tiny_run, text="a chair with armrests"))
    assert not np.array_equal(plain.generated_unit, text.generated_unit)
    from PIL import Image

    Image.fromarray(np.full((60, 40, 3), 255, np.uint8)).save(tmp_path / "blank.png")
    reconstruct(_request(chair_file, tiny_run, image=tmp_path / "blank.png"))
    (tmp_path / "no.png").write_text("not a picture")
    with pytest.raises(InputFileError, match=r"no\.png"):
        reconstruct(_request(chair_file, tiny_run, image=tmp_path / "no.png"))


def test_weights_without_a_flow_are_refused(tiny_run, chair_file, tmp_path, shapes_root):
    from pointsra.settings import load_preset
    from pointsra.training.pretrain import pretrain
    from tests.conftest import TINY

    off = ("flow.objective=off", "losses.mean_flow=0", "losses.mft_sra=0", "optimizer.epochs=1")
    pretrain(load_preset("quickstart", (*TINY, *off)), shapes_root, tmp_path / "run", device=torch.device("cpu"))
    with pytest.raises(CheckpointError, match="without a flow"):
        reconstruct(_request(chair_file, tmp_path / "run"))
    with pytest.raises(CheckpointError, match="without a flow"):
        plan_reconstruct(_request(chair_file, tmp_path / "run"))


def test_embedding_of_arrays_and_tensors(tiny_run, chair):
    model = load(tiny_run, "cpu")
    one = model.embed(chair)
    assert isinstance(one, np.ndarray) and one.shape == (model.dim,)
    assert model.embed(np.stack([chair, chair])).shape == (2, model.dim)
    tensor = model.embed(torch.from_numpy(chair))
    assert isinstance(tensor, torch.Tensor) and np.allclose(tensor.numpy(), one, atol=1e-6)
    assert np.allclose(model.embed(chair * 100 + 50), one, atol=1e-3)  # frame and unit do not matter
    far = model.embed(np.concatenate([[[1e5, 0.0, 0.0]], chair]))
    assert far @ one > 0.999 * np.linalg.norm(far) * np.linalg.norm(one)  # a stray point does not either
    assert np.isfinite(model.embed(chair[:1])).all()
    assert model.embed(np.tile(chair, (20, 1))).shape == (model.dim,)
    for wrong in (np.zeros((5, 2)), np.zeros((0, 3)), np.full((5, 3), np.nan), np.zeros(3)):
        with pytest.raises(ValueError, match="points must be"):
            model.embed(wrong)


def test_arrays_that_are_no_cloud_are_named_by_what_is_wrong(tiny_run, chair):
    model = load(tiny_run, "cpu")
    with pytest.raises(InputFileError, match=r"must be an \(N, 3\) array, not \(2, 700, 3\)"):
        model.reconstruct(np.stack([chair, chair]))
    chair = chair.copy()
    chair[3, 1], chair[7] = np.nan, np.inf
    with pytest.raises(InputFileError, match="2 of its points are not finite"):
        model.reconstruct(chair)
