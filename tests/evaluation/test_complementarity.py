"""Complementarity: the target and the maps where the answer is known, masks that hide, and the whole on a tiny run."""

from __future__ import annotations

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

import pointsra_cli
from pointsra.data.shapes import CLASS_NAMES
from pointsra.errors import CheckpointError, DataError, SettingsError
from pointsra.evaluation.complementarity import RATIOS, linear_figures
from pointsra.evaluation.masked_features import NODES, CutClouds, masked_features, soft_occupancy
from pointsra.evaluation.protocols import evaluate
from pointsra.evaluation.report import write_report
from pointsra.networks.initialization import build
from pointsra.networks.masked_autoencoder import Encoding
from pointsra.networks.point_m2ae import HierarchicalEncoder, Hierarchy
from pointsra.ops.patches import Patches, cut_patches
from pointsra.ops.randomness import stream
from pointsra.progress import silent
from pointsra.settings import load_preset
from pointsra.training.finetune import finetune
from pointsra.training.weights import load_weights, save_weights
from tests.conftest import TINY_FINETUNE

CPU = torch.device("cpu")


def measure(source, root, **changes):
    options = {"preset": None, "seeds": 1, "seed": 0, "device": CPU, **changes}
    return evaluate(source, root, protocol="complementarity", **options)


@pytest.fixture(scope="module")
def report(tiny_run, full_shapes_root):
    return measure(tiny_run, full_shapes_root, seeds=2)


@pytest.fixture
def copied(shapes_root, tmp_path):
    """A data root that may be changed."""
    shutil.copytree(shapes_root, tmp_path / "data")
    return tmp_path / "data"


def test_occupancy_keeps_mass_and_mean():
    points = 2 * torch.rand(3, 500, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    found = soft_occupancy(points)
    assert found.shape == (3, NODES**3)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(3, dtype=torch.float64))
    line = torch.linspace(-1, 1, NODES, dtype=torch.float64)
    grid = torch.cartesian_prod(line, line, line)
    torch.testing.assert_close(found @ grid, points.mean(dim=1))  # trilinear weights keep the first moment
    torch.testing.assert_close(soft_occupancy(torch.cat([points, points.flip(0)], dim=1)), (found + found.flip(0)) / 2)


def test_occupancy_of_single_points():
    step = 2 / (NODES - 1)
    corner = soft_occupancy(torch.tensor([[[-1.0, -1.0, 1.0]]]))[0]
    assert corner[NODES - 1] == 1.0
    beyond = soft_occupancy(torch.tensor([[[-3.0, -1.2, 1.7]]]))[0]
    torch.testing.assert_close(beyond, corner)
    between = soft_occupancy(torch.tensor([[[-1 + step / 2] * 3]]))[0]
    torch.testing.assert_close(between[between > 1e-6], torch.full((8,), 1 / 8))


def planted(count, labels, latent, rng, mixing):
    """Clouds whose occupancy is a class's pattern and a linear image of ``latent``."""
    occupancy = (np.eye(4)[labels] @ mixing[:4] + latent @ mixing[4:]).astype(np.float32)
    return CutClouds([], occupancy, labels)


def test_maps_find_what_was_planted():
    """Features that know the latent and the class, the class alone, or nothing."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(4 + 6, NODES**3))
    labels, tested = rng.integers(4, size=400), rng.integers(4, size=200)
    latent, hidden = rng.normal(size=(400, 6)), rng.normal(size=(200, 6))
    known, asked = (planted(len(x), x, z, rng, mixing) for x, z in ((labels, latent), (tested, hidden)))
    knows = {
        "all": (np.hstack([latent, np.eye(4)[labels]]), np.hstack([hidden, np.eye(4)[tested]])),
        "class": (np.eye(4)[labels], np.eye(4)[tested]),
        "nothing": (rng.normal(size=(400, 5)), rng.normal(size=(200, 5))),
    }
    found = {
        name: linear_figures(fit.astype(np.float32), known, ask.astype(np.float32), asked, 4, 0)
        for name, (fit, ask) in knows.items()
    }
    assert found["all"][0] > 0.999 and found["all"][1] > 0.999 and found["all"][2] == 100
    assert 0.05 < found["class"][0] < 0.5 and abs(found["class"][1]) < 0.03 and found["class"][2] == 100
    assert abs(found["nothing"][0]) < 0.03 and abs(found["nothing"][1]) < 0.03 and found["nothing"][2] < 45
    assert (found["class"][4] == tested).all()
    assert found["class"][3] == pytest.approx(3, abs=0.05)  # four one-hot classes about their mean


def test_the_encoder_is_shown_the_visible_patches_only():
    """Nested masks: patches shown at a high ratio are shown at every lower one; the order follows from the seed."""
    centers = torch.rand(5, 20, 3, generator=torch.Generator().manual_seed(1))
    clouds = CutClouds(
        [Patches(centers[:3], centers[:3, :, None]), Patches(centers[3:], centers[3:, :, None])], *[[0] * 5] * 2
    )
    seen = []

    def encode(patches):
        assert patches.neighborhoods.shape == (*patches.centers.shape[:2], 1, 3)
        torch.testing.assert_close(patches.neighborhoods[:, :, 0], patches.centers)
        seen.append({tuple(center) for center in patches.centers[0].tolist()})
        return Encoding(patches.centers[:, :3], patches.centers, patches.centers)

    features = masked_features(encode, clouds, (0.0, 0.5, 0.9), torch.Generator().manual_seed(2), CPU, silent)
    assert [len(shown) for shown in seen] == [20, 10, 2] * 2
    assert seen[2] < seen[1] < seen[0]
    np.testing.assert_allclose(features[0], centers.mean(dim=1).numpy(), atol=1e-6)
    assert [found.shape for found in features] == [(5, 3)] * 3
    again = masked_features(encode, clouds, (0.0, 0.5, 0.9), torch.Generator().manual_seed(2), CPU, silent)
    np.testing.assert_array_equal(features[2], again[2])
    other = masked_features(encode, clouds, (0.0, 0.5, 0.9), torch.Generator().manual_seed(3), CPU, silent)
    assert not np.array_equal(features[2], other[2])


@pytest.mark.parametrize("local", [False, True])
def test_an_encoder_of_several_scales_is_masked_at_the_coarsest(local):
    """Shown everything it sees as ever; what no shown patch is made of changes nothing."""
    hierarchy = Hierarchy((12, 16), (1, 1), (10,), (8,), (0.4, 0.8))
    made = build(lambda: HierarchicalEncoder(hierarchy, 2, (4, 8, 12), local=local), stream(0, "weights")).eval()
    patches = cut_patches(torch.rand(4, 200, 3, generator=torch.Generator().manual_seed(1)), 20, 8)
    clouds = CutClouds([patches], *[[0] * 4] * 2)
    whole, half = masked_features(made, clouds, (0.0, 0.7), torch.Generator().manual_seed(2), CPU, silent)
    with torch.no_grad():
        np.testing.assert_allclose(whole, made(patches).pooled.numpy(), atol=1e-5)
        shown = torch.tensor([[4]] * 4)
        members = made.scales(patches.centers)[0].members
        assert all(len(cloud.unique()) == 20 for cloud in members)  # each fine patch is in a coarse one
        held = members[:, 4]
        hidden = torch.ones(4, 20, dtype=torch.bool).scatter(1, held, False)
        assert hidden.any(dim=1).all()
        other = Patches(patches.centers, torch.where(hidden[..., None, None], 9.0, patches.neighborhoods))
        seen, same = made.show(patches, shown), made.show(other, shown)
        assert seen.patches.shape == (4, 1, 16) and torch.isfinite(seen.patches).all()
        torch.testing.assert_close(seen.patches, same.patches)
        assert not torch.allclose(made(patches).patches, made(other).patches)
    assert half.shape == (4, 16) and not np.allclose(half, whole, atol=1e-3)


def test_a_tiny_run_is_measured_at_every_ratio(report, tiny_run, full_shapes_root):
    assert report.figures.shape == (2, 10, 4) and np.isfinite(report.figures).all()
    assert report.visible == (16, 15, 13, 12, 10, 8, 7, 5, 4, 2)
    geometry, within, accuracy, rank = report.figures.mean(axis=0).T
    assert geometry[0] > geometry[-1] and (geometry < 1).all() and (within < 1).all()
    assert accuracy[0] > 2 * 100 / len(CLASS_NAMES)  # chance
    assert ((rank > 1) & (rank < 16)).all()
    np.testing.assert_array_equal(report.figures[0, 0], report.figures[1, 0])  # nothing hidden: the draw is nothing
    assert (report.figures[0, -1] != report.figures[1, -1]).any()
    likeness = report.likeness
    np.testing.assert_allclose(likeness, likeness.transpose(0, 2, 1))
    np.testing.assert_allclose(np.diagonal(likeness, axis1=1, axis2=2), 1.0)
    assert (likeness[:, 0, 1] > likeness[:, 0, 9]).all()
    assert report.confusion.sum() == report.clouds
    assert 100 * np.trace(report.confusion) / report.clouds == pytest.approx(report.figures[0, 0, 2])
    single = measure(tiny_run, full_shapes_root, preset=load_preset("shapes-classification", TINY_FINETUNE))
    np.testing.assert_array_equal(single.figures[0], report.figures[0])  # the preset names the same data
    assert all("±" not in cell for row in single.ratio_table() for cell in row)


def test_the_report_is_written(report, tmp_path):
    write_report(report, tmp_path)
    found = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    assert [level["ratio"] for level in found["ratios"]] == list(RATIOS)
    assert found["ratios"][3]["accuracy_percent"]["mean"] == pytest.approx(report.figures[:, 3, 2].mean())
    assert found["ratios"][9]["geometry_r2"]["std"] == pytest.approx(report.figures[:, 9, 0].std(ddof=1))
    assert np.asarray(found["cka"]["mean"]).shape == np.asarray(found["cka"]["std"]).shape == (10, 10)
    assert [row["mean"] for row in found["rows"]] == [level["accuracy_percent"]["mean"] for level in found["ratios"]]
    assert found["protocol"] == "complementarity" and found["fitted_clouds"] == report.fitted > 60
    page = (tmp_path / "report.md").read_text()
    assert "| mask ratio | geometry R² |" in page and "## Linear CKA" in page and "±" in page
    assert any("few for 24 dimensions" in note for note in report.notes)
    assert any("Kept of what is there at ratio 0" in note for note in report.notes)


def test_a_classifier_has_an_encoder_too(tiny_run, shapes_root, tmp_path):
    preset = load_preset("shapes-classification", (*TINY_FINETUNE, "optimizer.epochs=1"))
    finetune(preset, shapes_root, tmp_path / "run", init=tiny_run, device=CPU)
    found = measure(tmp_path / "run", shapes_root)
    assert np.isfinite(found.figures).all()
    assert any("trained on labels" in note for note in found.notes)


def test_one_class_leaves_geometry(tiny_run, copied):
    for split in ("train", "test"):
        with h5py.File(copied / "shapes" / f"{split}.h5", "r+") as file:
            file["label"][:] = 0
    found = measure(tiny_run, copied)
    assert np.isnan(found.figures[..., 2]).all() and np.isfinite(found.figures[..., :2]).all()
    np.testing.assert_allclose(found.figures[..., 0], found.figures[..., 1], atol=1e-6)  # one class: nothing between
    assert found.rows == () and found.ratio_table()[0][3] == "–"
    assert any("nothing to classify" in note for note in found.notes)
    assert not any("accuracy above guessing" in note for note in found.notes)
    json.dumps(found.to_json(), allow_nan=False)


def test_features_that_are_not_finite_are_named(tiny_run, shapes_root, tmp_path):
    weights = load_weights(tiny_run)
    tensors = {**weights.tensors, "encoder.norm.weight": weights.tensors["encoder.norm.weight"] * 3e38}
    save_weights(tmp_path, tensors, weights.description)
    with pytest.raises(CheckpointError, match="not finite at mask ratio 0"):
        measure(tmp_path, shapes_root)


def test_data_that_does_not_fit_is_named(tiny_run, copied):
    few = load_preset(
        "shapes-classification", (*TINY_FINETUNE, "patches.points=12", "patches.groups=8", "patches.size=8")
    )
    with pytest.raises(SettingsError, match=r"patches\.points = 12"):
        measure(tiny_run, copied, preset=few)
    with h5py.File(copied / "shapes" / "test.h5", "r+") as file:
        names = json.loads(file.attrs["class_names"])
        file.attrs["class_names"] = json.dumps(names[::-1])
    with pytest.raises(DataError, match="name different classes"):
        measure(tiny_run, copied)
    with h5py.File(copied / "shapes" / "test.h5", "r+") as file:
        file.attrs["class_names"] = json.dumps(names)
    with h5py.File(copied / "shapes" / "train.h5", "r+") as file:
        for key in list(file):
            kept, kind = file[key][:4], file[key].dtype
            del file[key]
            file.create_dataset(key, data=kept, dtype=kind)
    with pytest.raises(DataError, match="holds 4 clouds"):
        measure(tiny_run, copied)


def run_command(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = pointsra_cli.run(["evaluate", *map(str, arguments), "--protocol", "complementarity"])
    return code, out.getvalue(), err.getvalue()


def test_the_command_writes_a_picture(tiny_run, shapes_root, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = tmp_path / "found"
    code, shown, problem = run_command(tiny_run, "--data", shapes_root, "--seeds", 2, "--out", out)
    assert code == 0, problem
    lines = shown.splitlines()
    assert len([line for line in lines if "±" in line]) == 10 and max(map(len, lines[1:-2])) <= 80
    assert f"Picture: {out / 'complementarity.png'}" in shown
    assert {path.name for path in out.iterdir()} == {"report.json", "report.md", "complementarity.png"}
    assert Image.open(out / "complementarity.png").size[0] > 800
    code, shown, problem = run_command(tiny_run, "--data", shapes_root, "--dry-run", "--json")
    assert code == 0, problem
    assert json.loads(shown)["plan"]["protocol"] == "complementarity"
