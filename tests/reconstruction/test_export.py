"""The encoder written for others: what is read back, here or by them, computes the same."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import pointsra
from pointsra.errors import CheckpointError, MissingExtraError, OutputError, SettingsError, WorkFailedError
from pointsra.networks.initialization import build
from pointsra.networks.point_sra import PointSRA, PointSRASizes
from pointsra.ops.patches import Patches
from pointsra.reconstruction.model import Model
from pointsra.training.weights import ModelDescription, load_weights

CPU = torch.device("cpu")
PATCHES = {"points": 96, "groups": 7, "size": 9}
# What Point-MAE's own classifier asks for, from its published network at depth 1 and width 24.
PUBLISHED = {
    "encoder.first_conv.0.weight": (128, 3, 1),
    "encoder.first_conv.0.bias": (128,),
    **{f"encoder.first_conv.1.{name}": (128,) for name in ("weight", "bias", "running_mean", "running_var")},
    "encoder.first_conv.1.num_batches_tracked": (),
    "encoder.first_conv.3.weight": (256, 128, 1),
    "encoder.first_conv.3.bias": (256,),
    "encoder.second_conv.0.weight": (512, 512, 1),
    "encoder.second_conv.0.bias": (512,),
    **{f"encoder.second_conv.1.{name}": (512,) for name in ("weight", "bias", "running_mean", "running_var")},
    "encoder.second_conv.1.num_batches_tracked": (),
    "encoder.second_conv.3.weight": (24, 512, 1),
    "encoder.second_conv.3.bias": (24,),
    "pos_embed.0.weight": (128, 3),
    "pos_embed.0.bias": (128,),
    "pos_embed.2.weight": (24, 128),
    "pos_embed.2.bias": (24,),
    **{f"blocks.blocks.0.{norm}.{name}": (24,) for norm in ("norm1", "norm2") for name in ("weight", "bias")},
    "blocks.blocks.0.attn.qkv.weight": (72, 24),
    "blocks.blocks.0.attn.proj.weight": (24, 24),
    "blocks.blocks.0.attn.proj.bias": (24,),
    "blocks.blocks.0.mlp.fc1.weight": (96, 24),
    "blocks.blocks.0.mlp.fc1.bias": (96,),
    "blocks.blocks.0.mlp.fc2.weight": (24, 96),
    "blocks.blocks.0.mlp.fc2.bias": (24,),
    "norm.weight": (24,),
    "norm.bias": (24,),
    "cls_token": (1, 1, 24),
    "cls_pos": (1, 1, 24),
}


def draw(clouds, seed=0):
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(clouds, PATCHES["groups"], 3, generator=generator)
    return centers, 0.3 * torch.randn(clouds, PATCHES["groups"], PATCHES["size"], 3, generator=generator)


def model_of(widths=(128, 256, 512), frame=None, **form):
    """A model whose weights are nowhere plain and whose statistics have moved."""
    sizes = PointSRASizes(24, 1, 3, widths, 1, 2, PATCHES["size"], 12, 1, 2, 0, 0, **form)
    generator = torch.Generator().manual_seed(0)
    network = build(lambda: PointSRA(sizes), generator)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    network.train()
    for step in range(3):
        network.encoder(Patches(*draw(2, seed=20 + step)))
    flow = {"objective": "meanflow", "order": "morton"}
    preset = {} if frame is None else {"masks": {"frame": frame}}
    description = ModelDescription("point_sra", sizes, dict(PATCHES), flow, preset, tool_version="test")
    return Model(network.eval(), description, CPU, Path("here"))


@pytest.fixture(scope="module")
def model():
    return model_of()


@pytest.mark.parametrize("frame", [None, "whole", "visible", "aligned"])
@pytest.mark.parametrize(("layout", "name"), [("safetensors", "encoder.safetensors"), ("point-mae", "encoder.pth")])
@torch.no_grad()
def test_what_comes_back_computes_the_same_to_the_bit(layout, name, frame, tmp_path):
    model = model_of(frame=frame)
    path = model.export(tmp_path / "new" / name, layout)
    assert path == tmp_path / "new" / name
    back = pointsra.load(path, device="cpu")
    assert back.description.patches == PATCHES and back.description.sizes.heads == 3
    assert back.description.frame == (frame or "whole")
    assert back.description.sizes.flow_depth == 0 and back.description.sizes.queries == 3
    patches = Patches(*draw(2))
    ours, again = model.network.encoder(patches), back.network.encoder(patches)
    assert torch.equal(ours.patches, again.patches) and torch.equal(ours.queries, again.queries)
    cloud = np.random.default_rng(1).normal(size=(2, 200, 3))
    assert np.array_equal(model.embed(cloud), back.embed(cloud))
    again = pointsra.load(back.export(tmp_path / "twice.pth", "point-mae"), device="cpu")
    assert np.array_equal(model.embed(cloud), again.embed(cloud))


def test_frames_embed_differently_and_a_note_of_another_is_refused(tmp_path):
    cloud = np.random.default_rng(1).normal(size=(200, 3))
    features = [model_of(frame=frame).embed(cloud) for frame in ("whole", "visible", "aligned")]
    assert all(np.abs(features[one] - features[other]).max() > 0.01 for one, other in ((0, 1), (0, 2), (1, 2)))
    path = model_of(frame="visible").export(tmp_path / "encoder.pth", "point-mae")
    content = torch.load(path, weights_only=True)
    del content["pointsra"]["frame"]  # as former versions wrote it
    torch.save(content, path)
    assert load_weights(path).description.frame == "whole"
    content["pointsra"]["frame"] = "tilted"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="noted under `pointsra` is damaged; export it again"):
        load_weights(path)


@pytest.mark.parametrize("form", [{"queries": 0}, {"queries": 0, "sine_positions": True}, {"query_blocks": True}])
@torch.no_grad()
def test_imported_forms_of_the_encoder_come_back(form, tmp_path):
    model = model_of(**form)
    back = pointsra.load(model.export(tmp_path / "encoder.safetensors"), device="cpu")
    patches = Patches(*draw(2))
    ours, again = model.network.encoder(patches), back.network.encoder(patches)
    assert torch.equal(ours.patches, again.patches) and torch.equal(ours.queries, again.queries)
    if form == {"queries": 0}:
        again = pointsra.load(model.export(tmp_path / "encoder.pth", "point-mae"), device="cpu").network.encoder(
            patches
        )
        assert torch.equal(ours.patches, again.patches) and again.queries.shape == (2, 0, 24)
    else:
        with pytest.raises(SettingsError, match="another form of blocks or positions"):
            model.export(tmp_path / "encoder.pth", "point-mae")


def test_point_mae_finds_every_tensor_that_it_asks_for(model, tmp_path):
    content = torch.load(model.export(tmp_path / "encoder.pth", "point-mae"), weights_only=True)
    names = {}
    for name, value in content["base_model"].items():  # as Point-MAE's load_model_from_ckpt strips them
        assert name.startswith("MAE_encoder.")
        names[name.removeprefix("MAE_encoder.")] = tuple(value.shape)
    assert {name: shape for name, shape in names.items() if name in PUBLISHED} == PUBLISHED
    assert set(names) - set(PUBLISHED) == {"img_token", "img_pos", "text_token", "text_pos"}


def test_safetensors_stand_beside_their_description(model, tmp_path):
    path = model.export(tmp_path / "encoder.safetensors")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["encoder.json", "encoder.safetensors"]
    assert all(name.startswith("encoder.") for name in load_weights(path).tensors)


def test_onnx_computes_what_torch_does_for_any_number_of_clouds(model, tmp_path, capfd):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    path = model.export(tmp_path / "encoder.onnx", "onnx")
    assert [entry.name for entry in tmp_path.iterdir()] == ["encoder.onnx"]
    assert capfd.readouterr() == ("", "")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for clouds in (1, 5):
        centers, neighborhoods = draw(clouds, seed=clouds)
        given = {"centers": centers.numpy(), "neighborhoods": neighborhoods.numpy()}
        patches, feature = session.run(["patches", "feature"], given)
        with torch.no_grad():
            tokens = model.network.encoder(Patches(centers, neighborhoods)).patches
        np.testing.assert_allclose(patches, tokens.numpy(), atol=1e-5, rtol=0)
        np.testing.assert_allclose(feature, (tokens.mean(1) + tokens.amax(1)).numpy(), atol=1e-5, rtol=0)
        assert float(tokens.std()) > 0.1


def test_what_cannot_be_written_is_said(model, tmp_path, monkeypatch, little_space):
    with pytest.raises(SettingsError, match='layout "torch" is not known: write one of safetensors, point-mae, onnx'):
        model.export(tmp_path / "encoder.pt", "torch")
    with pytest.raises(SettingsError, match=r"a file of layout point-mae ends in \.pth"):
        model.export(tmp_path / "encoder.onnx", "point-mae")
    with pytest.raises(SettingsError, match=r"knows patch widths \(128, 256, 512\).* this encoder has \(8, 16, 24\)"):
        model_of((8, 16, 24)).export(tmp_path / "encoder.pth", "point-mae")
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(OutputError):
        model.export(tmp_path / "folder.pth", "point-mae")
    with little_space(), pytest.raises(OutputError):
        model.export(tmp_path / "encoder.pth", "point-mae")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"pointsra\[export\]"):
        model.export(tmp_path / "encoder.onnx", "onnx")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.pth"]


def test_a_torch_that_cannot_write_onnx_is_named(model, monkeypatch, tmp_path):
    pytest.importorskip("onnxscript")

    def fails(*arguments, **keywords):
        raise torch.onnx.OnnxExporterError("a guard was violated")

    monkeypatch.setattr(torch.onnx, "export", fails)
    with pytest.raises(WorkFailedError, match="update torch"):
        model.export(tmp_path / "encoder.onnx", "onnx")
    assert not list(tmp_path.iterdir())
