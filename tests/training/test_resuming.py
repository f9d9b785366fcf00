"""Going on with a run: on the data that it was trained on, wherever they lie now, and on no others."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import ExitStack

import h5py
import pytest
import torch

from pointsra.data.places import split_path
from pointsra.data.store import open_split
from pointsra.errors import CheckpointError, DataError
from pointsra.settings import load_preset
from pointsra.training.finetune import finetune, plan_finetune
from pointsra.training.pretrain import plan_pretrain, pretrain
from pointsra.training.run_data import RunData, run_data
from tests.conftest import TINY_FINETUNE

CPU = torch.device("cpu")


def _fewer(file):
    for key in file:
        file[key].resize(40, axis=0)


def _without_features(file):
    del file["image_feature"], file["text_feature"]


def _of_another_seed(file):
    file.attrs["seed"] = 1


def _copied(root, place, change=None, split="train"):
    """A copy of the data root at ``place``, with one split changed."""
    shutil.copytree(root, place)
    if change is not None:
        with h5py.File(split_path(place, "shapes", split), "r+") as file:
            change(file)
    return place


def _listed_anew(root, split="train"):
    """Another checksum of a split in the manifest, as of one with other points and all else alike."""
    path = root / "shapes" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["splits"][split]["sha256"] = 64 * "f"
    path.write_text(json.dumps(manifest))


def _known(root, *names):
    with ExitStack() as stack:
        return run_data(*(stack.enter_context(open_split(split_path(root, "shapes", name))) for name in names))


def _files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def run(tiny_run, tmp_path):
    """A copy of the tiny run's folder."""
    return shutil.copytree(tiny_run, tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_fewer, "clouds 40 (then {clouds})"),
        (_of_another_seed, "seed 1 (then 0)"),
        (_without_features, "image features 0 (then 256), text features 0 (then 256)"),
        (None, "sha256 ffffffffffff (then {sha256:.12})"),
    ],
)
def test_other_data_are_refused_with_what_differs_and_nothing_is_written(
    run, tiny_preset, shapes_root, tmp_path, change, told
):
    other = _copied(shapes_root, tmp_path / "other", change)
    if change is None:
        _listed_anew(other)
    known = _known(shapes_root, "train").splits["train"]
    before = _files(run)
    path = split_path(other, "shapes", "train")
    sentence = f"{path} is not what {run} was trained on: {told.format(**known)}; name with --data"
    with pytest.raises(DataError, match=re.escape(sentence)):
        pretrain(tiny_preset, other, run, device=CPU, resume=True)
    assert _files(run) == before
    pretrain(tiny_preset, shapes_root, run, device=CPU, resume=True)


@pytest.mark.parametrize("listed", [True, False])
def test_data_may_move_and_need_no_manifest(run, tiny_preset, shapes_root, tmp_path, listed):
    moved = _copied(shapes_root, tmp_path / "moved")
    if not listed:
        (moved / "shapes" / "manifest.json").unlink()
    before = (run / "model.safetensors").read_bytes()
    pretrain(tiny_preset, moved, run, device=CPU, resume=True)
    assert (run / "model.safetensors").read_bytes() == before
    assert json.loads((run / "source.json").read_text())["data"] == str(moved)


def test_checkpoints_of_former_versions_say_nothing_of_data_and_resume(run, tiny_preset, shapes_root, tmp_path):
    content = torch.load(run / "last.ckpt", weights_only=True)
    assert set(content.pop("data")) == {"train"}
    torch.save(content, run / "last.ckpt")
    before = _files(run)
    plain = _copied(shapes_root, tmp_path / "plain", _without_features)
    with pytest.raises(CheckpointError, match=rf"of another network .* data in {plain / 'shapes'} \(RuntimeError"):
        pretrain(tiny_preset, plain, run, device=CPU, resume=True)
    assert _files(run) == before
    pretrain(tiny_preset, shapes_root, run, device=CPU, resume=True)
    assert _files(run)["model.safetensors"] == before["model.safetensors"]


def test_a_checkpoint_that_lacks_a_table_is_damaged(run, tiny_preset, shapes_root):
    content = torch.load(run / "last.ckpt", weights_only=True)
    for name in ("learner", "optimizer", "position", "preset"):
        torch.save({key: value for key, value in content.items() if key != name}, run / "last.ckpt")
        with pytest.raises(CheckpointError, match=rf"last\.ckpt is damaged.*KeyError: '{name}'"):
            pretrain(tiny_preset, shapes_root, run, device=CPU, resume=True)


def test_a_plan_of_a_resumed_run_starts_from_what_it_remembers(tiny_run, shapes_root, tmp_path):
    """A decoder that does not learn needs those weights; once a checkpoint holds it, they need not be there."""
    preset = load_preset(tiny_run / "preset.toml", ["decoder.learns=false", "optimizer.epochs=1"])
    weights, run = shutil.copytree(tiny_run, tmp_path / "weights"), tmp_path / "run"
    pretrain(preset, shapes_root, run, device=CPU, init=weights)
    plan = plan_pretrain(preset, shapes_root, resumed=run)
    assert plan["init"] == str(weights) and plan == plan_pretrain(preset, shapes_root, weights)
    (weights / "model.safetensors").unlink()
    assert plan_pretrain(preset, shapes_root, resumed=run) == plan
    (run / "last.ckpt").unlink()
    with pytest.raises(CheckpointError, match=r"weights holds no model\.safetensors"):
        plan_pretrain(preset, shapes_root, resumed=run)


@pytest.mark.parametrize("change", [_fewer, _without_features])
def test_a_plan_of_a_resumed_run_says_that_data_are_others(run, tiny_preset, shapes_root, tmp_path, change):
    other = _copied(shapes_root, tmp_path / "other", change)
    with pytest.raises(DataError, match=r"is not what .*run was trained on"):
        plan_pretrain(tiny_preset, other, resumed=run)


@pytest.mark.parametrize("split", ["train", "test"])
def test_fine_tuning_goes_on_with_neither_other_training_nor_other_test_clouds(shapes_root, tmp_path, split):
    encoder = ("encoder.dim=24", "encoder.depth=1", "encoder.heads=2", "encoder.patch_widths=[8, 16, 24]")
    preset = load_preset("shapes-classification", (*TINY_FINETUNE, *encoder, "optimizer.epochs=1"))
    run = tmp_path / "run"
    finetune(preset, shapes_root, run, init=None, device=CPU)
    before = _files(run)
    other = _copied(shapes_root, tmp_path / "other", _of_another_seed, split)
    told = re.escape(f"{split_path(other, 'shapes', split)} is not what {run} was trained on: seed 1 (then 0)")
    with pytest.raises(DataError, match=told):
        finetune(preset, other, run, init=None, device=CPU, resume=True)
    with pytest.raises(DataError, match=told):
        plan_finetune(preset, other, init=None, resumed=run)
    assert _files(run) == before
    moved = _copied(shapes_root, tmp_path / "moved")
    assert plan_finetune(preset, moved, init=None, resumed=run)["clouds"] > 2
    finetune(preset, moved, run, init=None, device=CPU, resume=True)
    assert _files(run)["model.safetensors"] == before["model.safetensors"]


def test_joined_splits_and_alternatives_are_told_apart_too(furniture_root, tmp_path):
    known = _known(furniture_root, "train+val", "train", "val", "alternatives")
    joined, train, val, _ = known.splits.values()
    assert joined["sha256"] == f"{train['sha256']}+{val['sha256']}" and len(train["sha256"]) == 64
    other = _copied(furniture_root, tmp_path / "other", _of_another_seed, "alternatives")
    _known(other, "train").check(known.splits, tmp_path)
    with pytest.raises(DataError, match=r"alternatives\.h5 is not what"):
        _known(other, "train", "alternatives").check(known.splits, tmp_path)


def test_a_manifest_that_lists_another_file_tells_no_checksum(shapes_root, tmp_path):
    """One of the two is not known by its checksum, so that this alone makes no difference."""
    longer = _copied(shapes_root, tmp_path / "longer", lambda file: file.create_dataset("note", data=[0] * 1000))
    known, found = _known(shapes_root, "train"), _known(longer, "train")
    assert known.splits["train"]["sha256"] and found.splits["train"]["sha256"] == ""
    found.check(known.splits, tmp_path)
    known.check(found.splits, tmp_path)


def test_long_names_are_told_whole_and_joined_checksums_each_by_its_first_digits(tmp_path):
    before = {"variant": "split1_objectbg"}
    with pytest.raises(DataError, match=r"variant split1_objectonly \(then split1_objectbg\)"):
        RunData(tmp_path, {"train": {"variant": "split1_objectonly"}}).check({"train": before}, tmp_path)
    now, then = ("+".join(64 * digit for digit in digits) for digits in ("ab", "ac"))
    with pytest.raises(DataError, match=r"sha256 a{12}\+b{12} \(then a{12}\+c{12}\)"):
        RunData(tmp_path, {"train": {"sha256": now}}).check({"train": {"sha256": then}}, tmp_path)
