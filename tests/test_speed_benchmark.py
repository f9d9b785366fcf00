"""The speed benchmark: the other side computes what it says, and a toy run fills every part."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks import point_mae_form, speed
from pointsra.ops.chamfer import chamfer_l2
from pointsra.ops.neighbors import nearest_indices
from pointsra.ops.patches import cut_patches
from pointsra.ops.sampling import farthest_point_indices


def cloud(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_both_sides_compute_the_same():
    points, other = cloud(0, 3, 60, 3), cloud(1, 3, 40, 3)
    assert torch.equal(point_mae_form.farthest_points(points, 20), farthest_point_indices(points, 20))
    assert torch.equal(point_mae_form.neighbors(other, points, 5), nearest_indices(other, points, 5))
    torch.testing.assert_close(point_mae_form.chamfer(points, other), chamfer_l2(points, other).mean())
    neighborhoods, centers = point_mae_form.cut(points, 8, 5)
    ours = cut_patches(points, 8, 5)
    assert torch.equal(centers, ours.centers) and torch.equal(neighborhoods, ours.neighborhoods)


def test_the_other_side_has_the_parameters_of_point_mae():
    model = point_mae_form.PointMae(point_mae_form.Sizes())
    assert sum(parameter.numel() for parameter in model.parameters()) / 1e6 == pytest.approx(29.0, abs=0.05)


def test_a_toy_run_fills_every_part(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    asked = []

    def measured(command, **options):  # a process of its own takes seconds to start; here one that has started measures
        asked.append(side := command[4])
        found = json.dumps(speed.large(500)) if side == "large" else str(speed.own_growth(side, 4, toy=True) + 1.0)
        return type("Done", (), {"stdout": found})

    monkeypatch.setattr(speed.subprocess, "run", measured)
    speed.main(["--toy", "--repeats", "1", "--out", str(tmp_path / "speed.json")])
    found = json.loads((tmp_path / "speed.json").read_text("utf-8"))
    assert list(found) == ["operations", "memory", "step", "large", "cuda"]
    assert asked == [
        "ours",
        "theirs",
        "large",
    ]  # whose memory grows: another peak in the same process would hide theirs
    assert found["large"]["points"] == 500
    assert found["cuda"] == "not measured" and found["step"]["ratio"] > 0 and found["memory"]["ratio"] > 0
    assert len(found["operations"]) == 5
    assert all(row["ours"] > 0 and row["theirs"] > 0 for row in found["operations"].values())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_the_gpu_part_says_that_it_is_not_measured():
    with pytest.raises(SystemExit, match="not measured"):
        speed.main(["--device", "cuda"])
