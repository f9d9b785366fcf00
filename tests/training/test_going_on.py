"""Going on from finished weights: which encoders' features may take the place of those that the weights know."""

from __future__ import annotations

import re
import shutil

import h5py
import pytest
import torch

from pointsra.data.places import split_path
from pointsra.errors import CheckpointError
from pointsra.settings import load_preset
from pointsra.training.assembly import build_point_sra
from pointsra.training.going_on import start_from
from pointsra.training.pretrain import plan_pretrain, pretrain
from pointsra.training.pretrain_learner import PretrainLearner
from pointsra.training.weights import load_weights

CPU = torch.device("cpu")
ONE, TWO = 64 * "1", 64 * "2"


def _encoder(name, version, sha256):
    return {"name": name, "version": version, "sha256": sha256}


def _started(tiny_run, tiny_preset, theirs, mine):
    """What is said of weights that know the image features of ``theirs``, on a data set with those of ``mine``."""
    weights = load_weights(tiny_run)
    learner = PretrainLearner(build_point_sra(tiny_preset, weights.description.sizes), tiny_preset)
    weights.description.encoders["image"] = theirs
    return start_from(learner, weights, {"image": mine, "text": None})


@pytest.mark.parametrize(
    ("theirs", "mine", "told"),
    [
        (
            _encoder("clip:base", "local", ONE),
            _encoder("clip:base", "local", TWO),
            "are of clip:base (sha256 111111111111), the data set's of clip:base (sha256 222222222222).",
        ),
        (_encoder("builtin", "1", ONE), _encoder("builtin", "1", TWO), "builtin (sha256 222222222222)"),
        (_encoder("clip:base", "local", ONE), _encoder("clip:large", "local", TWO), "are of clip:base, the data set's"),
        (_encoder("file", "mine", ONE), _encoder("builtin", "1", ONE), "are of file, the data set's of builtin."),
    ],
)
def test_features_of_another_encoder_are_refused_by_name_or_checksum(tiny_run, tiny_preset, theirs, mine, told):
    with pytest.raises(CheckpointError, match=re.escape(told)):
        _started(tiny_run, tiny_preset, theirs, mine)


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [
        (_encoder("clip:base", "local", ONE), _encoder("clip:base", "local", ONE)),
        (_encoder("clip:base", "local", ""), _encoder("clip:base", "local", ONE)),
        ({"name": "clip:base", "version": "local"}, _encoder("clip:base", "local", ONE)),
        (_encoder("clip:openai/base", "rev1", ONE), _encoder("clip:openai/base", "rev2", TWO)),
        (_encoder("file", "mine", ONE), _encoder("file", "moved", ONE)),
        (_encoder("file", "mine", ONE), None),
        (None, _encoder("file", "mine", ONE)),
    ],
)
def test_features_of_the_same_encoder_are_taken_without_a_word(tiny_run, tiny_preset, theirs, mine):
    """Revisions of a hub may hold the same weights in other files; former versions kept no checksum."""
    assert _started(tiny_run, tiny_preset, theirs, mine) == ()


@pytest.mark.parametrize("checksum", [ONE, ""])
def test_of_ones_own_arrays_is_said_that_nothing_tells_their_encoder(tiny_run, tiny_preset, checksum):
    (note,) = _started(tiny_run, tiny_preset, _encoder("file", "mine", checksum), _encoder("file", "larger", TWO))
    shown = checksum[:12] or "unknown"
    assert f"image features of your own, file:mine (sha256 {shown}), and the data set has others, file:larger" in note


def test_plan_and_run_pass_on_what_cannot_be_told(tiny_run, tiny_preset, shapes_root, tmp_path):
    for name, checksum in (("first", ONE), ("second", TWO)):
        root = shutil.copytree(shapes_root, tmp_path / name)
        for split in ("train", "val"):
            with h5py.File(split_path(root, "shapes", split), "r+") as file:
                file["text_feature"].attrs.update({"encoder": "file", "version": name, "sha256": checksum})
    preset = load_preset(tiny_run / "preset.toml", ["optimizer.epochs=1"])
    pretrain(preset, tmp_path / "first", tmp_path / "weights", device=CPU)
    assert "note" not in plan_pretrain(preset, tmp_path / "first", tmp_path / "weights")
    told = "knows text features of your own, file:first (sha256 111111111111), and the data set has others, file:second"
    assert told in plan_pretrain(preset, tmp_path / "second", tmp_path / "weights")["note"]
    said = []
    pretrain(
        preset, tmp_path / "second", run := tmp_path / "run", device=CPU, init=tmp_path / "weights", report=said.append
    )
    assert told in (run / "log.txt").read_text()
    assert sum(told in (progress.message or "") for progress in said) == 1
    pretrain(preset, tmp_path / "second", run, device=CPU, resume=True)
    assert (run / "log.txt").read_text().count(told) == 1  # a checkpoint goes on with what it holds
