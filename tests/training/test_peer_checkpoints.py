"""Peers' checkpoints: their published forward, written out here anew, is what our encoder computes after import."""

from __future__ import annotations

import collections
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

import pointsra
from pointsra.errors import CheckpointError
from pointsra.networks.point_sra import build_encoder
from pointsra.ops.patches import Patches
from pointsra.settings import load_preset
from pointsra.training.finetune import finetune, plan_finetune
from pointsra.training.peer_checkpoints import read_peer_checkpoint
from pointsra.training.weights import load_encoder, load_weights
from tests.conftest import TINY_FINETUNE

CPU = torch.device("cpu")
DIM, DEPTH, HEADS = 192, 2, 3
QUERIES = {"Point-MAE": (), "PointDif": (), "PCP-MAE": (), "ACT": ("cls",), "ReCon": ("cls", "img", "text")}
PREFIX = {"PointDif": "mask_encoder.", "ACT": "ACT_encoder."}
FAMILIES = tuple(QUERIES)


class Attend(nn.Module):
    """Softmax attention with the peers' names: ``qkv`` among themselves, ``q`` and ``kv`` to others."""

    def __init__(self, crossed):
        super().__init__()
        if crossed:
            self.q, self.kv = nn.Linear(DIM, DIM, bias=False), nn.Linear(DIM, 2 * DIM, bias=False)
        else:
            self.qkv = nn.Linear(DIM, 3 * DIM, bias=False)
        self.proj = nn.Linear(DIM, DIM)

    def forward(self, x, y=None):
        q, k, v = self.qkv(x).chunk(3, dim=-1) if y is None else (self.q(x), *self.kv(y).chunk(2, dim=-1))
        results = []
        for head in range(HEADS):
            part = slice(head * DIM // HEADS, (head + 1) * DIM // HEADS)
            weight = (q[..., part] @ k[..., part].mT / (DIM // HEADS) ** 0.5).softmax(dim=-1)
            results.append(weight @ v[..., part])
        return self.proj(torch.cat(results, dim=-1))


class Feed(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(DIM, 4 * DIM), nn.Linear(4 * DIM, DIM)

    def forward(self, x):
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class PublishedBlock(nn.Module):
    def __init__(self, recon):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(DIM), nn.LayerNorm(DIM)
        self.attn, self.mlp = Attend(crossed=False), Feed()
        self.recon = recon
        if recon:
            self.norm1_contrast, self.norm2_contrast = nn.LayerNorm(DIM), nn.LayerNorm(DIM)
            self.attn_contrast, self.mlp_contrast = Attend(crossed=True), Feed()

    def forward(self, x):
        if not self.recon:
            x = x + self.attn(self.norm1(x))
            return x + self.mlp(self.norm2(x))
        asked, seen = self.norm1_contrast(x[:, :3]), self.norm1(x[:, 3:])
        asked, seen = asked + self.attn_contrast(asked, seen), seen + self.attn(seen)
        asked, seen = self.norm2_contrast(asked), self.norm2(seen)
        return torch.cat([asked + self.mlp_contrast(asked), seen + self.mlp(seen)], dim=1)


class PublishedEncoder(nn.Module):
    """The encoder of a peer as it is published, under its own names."""

    def __init__(self, family):
        super().__init__()
        self.family = family
        self.encoder = nn.Module()
        self.encoder.first_conv = nn.Sequential(
            nn.Conv1d(3, 128, 1), nn.BatchNorm1d(128), nn.ReLU(), nn.Conv1d(128, 256, 1)
        )
        self.encoder.second_conv = nn.Sequential(
            nn.Conv1d(512, 512, 1), nn.BatchNorm1d(512), nn.ReLU(), nn.Conv1d(512, DIM, 1)
        )
        wide = DIM if family == "PCP-MAE" else 128
        self.pos_embed = nn.Sequential(
            nn.Linear(DIM if family == "PCP-MAE" else 3, wide), nn.GELU(), nn.Linear(wide, DIM)
        )
        self.blocks = nn.Module()
        self.blocks.blocks = nn.ModuleList(PublishedBlock(family == "ReCon") for _ in range(DEPTH))
        self.norm = nn.LayerNorm(DIM)
        for name in QUERIES[family]:
            setattr(self, f"{name}_token", nn.Parameter(torch.zeros(1, 1, DIM)))
            setattr(self, f"{name}_pos", nn.Parameter(torch.zeros(1, 1, DIM)))

    def code(self, centers):
        if self.family != "PCP-MAE":
            return centers
        omega = 1.0 / 10000 ** (torch.arange(DIM // 6) / (DIM / 6.0))
        waves = []
        for axis in range(3):
            angle = torch.einsum("bg,d->bgd", centers[:, :, axis], omega)
            waves += [torch.sin(angle), torch.cos(angle)]
        return torch.cat(waves, dim=-1)

    def forward(self, neighborhoods, centers):
        clouds, groups, size, _ = neighborhoods.shape
        points = neighborhoods.reshape(clouds * groups, size, 3).transpose(2, 1)
        local = self.encoder.first_conv(points)
        joined = torch.cat([local.max(dim=2, keepdim=True)[0].expand(-1, -1, size), local], dim=1)
        x = self.encoder.second_conv(joined).max(dim=2)[0].reshape(clouds, groups, DIM)
        pos = self.pos_embed(self.code(centers))
        for name in reversed(QUERIES[self.family]):
            x = torch.cat([getattr(self, f"{name}_token").expand(clouds, -1, -1), x], dim=1)
            pos = torch.cat([getattr(self, f"{name}_pos").expand(clouds, -1, -1), pos], dim=1)
        for block in self.blocks.blocks:
            x = block(x + pos)
        return self.norm(x)


def draw(clouds=2, groups=6, size=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(clouds, groups, 3, generator=generator)
    return centers, 0.3 * torch.randn(clouds, groups, size, 3, generator=generator)


def published(family):
    """An encoder with weights that are nowhere plain, and statistics that training has moved."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = PublishedEncoder(family)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape))
    network.train()
    for step in range(4):
        centers, neighborhoods = draw(seed=10 + step)
        network(2 * neighborhoods + 0.1, centers)
    return network.eval()


def state_of(network, prefix):
    extras = {
        "Point-MAE": {
            "mask_token": (1, 1, DIM),
            "MAE_decoder.norm.weight": (DIM,),
            "increase_dim.0.weight": (96, DIM, 1),
        },
        "PointDif": {"mask_token": (1, 1, DIM), "ca_net.conv1.weight": (512, DIM, 1)},
        "ACT": {f"{prefix}lm_head.weight": (8, DIM), f"{prefix}cls_head.0.weight": (8, DIM), "dvae_tokenizer.x": (1,)},
        "PCP-MAE": {f"{prefix}mask_pos_token": (1, 1, DIM), "pred_pos_proj.0.weight": (DIM, DIM)},
        "ReCon": {"img_proj.weight": (768, DIM), "text_proj.weight": (512, DIM)},
    }[network.family]
    state = {f"{prefix}{name}": value for name, value in network.state_dict().items()}
    return state | {name: torch.zeros(shape) for name, shape in extras.items()}


def checkpoint(family, path, change=None, parallel="module."):
    """The file as the peer's ``save_checkpoint`` writes it; ``change`` is applied to its state first."""
    network = published(family)
    state = state_of(network, PREFIX.get(family, "MAE_encoder."))
    if change:
        change(state)
    content = {
        "pointdif" if family == "PointDif" else "base_model": {parallel + name: value for name, value in state.items()},
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.001, "betas": (0.9, 0.999)}]},
        "epoch": 300,
    }
    if family != "PointDif":
        content |= {"metrics": {"acc": np.float64(91.2)}, "best_metrics": {"acc": 0.0}}
    torch.save(content, path)
    return network


@pytest.fixture(scope="module")
def point_mae(tmp_path_factory):
    path = tmp_path_factory.mktemp("peers") / "pretrain.pth"
    checkpoint("Point-MAE", path)
    return path


@pytest.mark.parametrize("parallel", ["module.", ""])
@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_features_are_the_published_ones(family, parallel, tmp_path):
    network = checkpoint(family, tmp_path / "ckpt.pth", parallel=parallel)
    weights = load_weights(tmp_path / "ckpt.pth")
    sizes = weights.description.sizes
    assert weights.description.kind == "point_sra"
    assert weights.description.details == {"family": family, "missing": [], "frame": "whole"}
    assert weights.description.patches == {"points": 1024, "groups": 64, "size": 32}
    assert (sizes.dim, sizes.depth, sizes.heads, sizes.patch_widths) == (DIM, DEPTH, HEADS, (128, 256, 512))
    assert (sizes.flow_depth, sizes.decoder_depth, sizes.queries) == (0, 0, len(QUERIES[family]))

    encoder = build_encoder(sizes).eval()
    fresh = load_encoder(encoder, weights)
    assert all(encoder.state_dict()[name].numel() == 0 for name in fresh)
    assert float(encoder.embedding.first[1].running_mean.abs().max()) > 0.01
    centers, neighborhoods = draw(seed=5)
    ours, theirs = encoder(Patches(centers, neighborhoods)), network(neighborhoods, centers)
    count = len(QUERIES[family])
    assert theirs.std() > 0.1
    torch.testing.assert_close(ours.queries, theirs[:, :count], atol=1e-5, rtol=0)
    torch.testing.assert_close(ours.patches, theirs[:, count:], atol=1e-5, rtol=0)


def test_an_encoder_without_prefix_and_container_is_taken(tmp_path):
    network = published("Point-MAE")
    torch.save(network.state_dict(), tmp_path / "plain.pth")
    assert read_peer_checkpoint(tmp_path / "plain.pth").family == "Point-MAE"


@pytest.mark.parametrize("written_by", ["numpy 1", "torch 1.5"])
def test_files_of_older_times_are_read(written_by, tmp_path):
    path = tmp_path / "ckpt.pth"
    checkpoint("Point-MAE", path)
    if written_by == "numpy 1":  # whose scalars had another home
        with zipfile.ZipFile(path) as file:
            entries = {name: file.read(name) for name in file.namelist()}
        table = next(name for name in entries if name.endswith("data.pkl"))
        assert b"numpy._core.multiarray" in entries[table]
        entries[table] = entries[table].replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
        with zipfile.ZipFile(path, "w") as file:
            for name, content in entries.items():
                file.writestr(name, content)
    else:
        torch.save(torch.load(path, weights_only=False), path, _use_new_zipfile_serialization=False)
    assert read_peer_checkpoint(path).missing == ()


def without(*parts):
    def change(state):
        for name in [name for name in state if any(part in name for part in parts)]:
            del state[name]

    return change


def with_tensor(name, *shape):
    return lambda state: state.update({name: torch.zeros(shape)})


def renamed(prefix):
    def change(state):
        for name in list(state):
            state[name.replace("MAE_encoder.", prefix)] = state.pop(name)

    return change


REFUSALS = {
    "too little": (
        without("blocks.1.mlp"),
        r"brings 7\d\.\d% of the Point-MAE .* transformer\.blocks\.1\.mlp\.fc1\.weight, ",
    ),
    "no patch embedding": (without("encoder.encoder."), "lacks encoder.first_conv.0.weight"),
    "no blocks": (without("blocks."), "lacks blocks.blocks.0"),
    "shape": (with_tensor("MAE_encoder.norm.weight", 7), r"norm.weight of the Point-MAE encoder is \(7,\) and ought"),
    "more than Point-MAE": (with_tensor("MAE_encoder.local_blocks.0.weight", 2), "local_blocks.0.weight, which none"),
    "biases": (with_tensor("MAE_encoder.blocks.blocks.0.attn.qkv.bias", 3 * DIM), "qkv.bias, which a Point-MAE"),
    "classifier": (
        lambda state: (renamed("")(state), with_tensor("cls_head_finetune.0.bias", 2)(state)),
        "fine-tuned cl",
    ),
    "segmentation": (lambda state: (renamed("")(state), with_tensor("label_conv.0.bias", 2)(state)), "segmentation"),
    "Point-BERT": (renamed("transformer_q."), "of Point-BERT or MaskPoint"),
    "PointGPT": (renamed("GPT_Transformer."), "of PointGPT"),
    "unknown": (renamed("backbone."), "of no layout known here .* begins with "),
    "not finite": (lambda state: state["MAE_encoder.norm.bias"].fill_(float("nan")), "not finite"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_does_not_fit_is_refused_in_a_sentence(case, tmp_path):
    change, message = REFUSALS[case]
    checkpoint("Point-MAE", tmp_path / "ckpt.pth", change)
    with pytest.raises(CheckpointError, match=message) as caught:
        pointsra.load(tmp_path / "ckpt.pth", device="cpu")
    assert str(tmp_path / "ckpt.pth") in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(DIM,), (2, 1, DIM)])
def test_query_tokens_of_another_shape_are_refused(shape, tmp_path):
    checkpoint("ReCon", tmp_path / "ckpt.pth", with_tensor("MAE_encoder.img_token", *shape))
    with pytest.raises(CheckpointError, match=r"img_token is \(.*\) and ought to be \(1, 1, width\)"):
        load_weights(tmp_path / "ckpt.pth")


def test_a_width_that_does_not_tell_the_heads_is_refused(tmp_path):
    def change(state):
        for name, value in state.items():
            part = (slice(0, 100),) if DIM in value.shape[:1] else ()
            state[name] = value[part].clone()

    checkpoint("Point-MAE", tmp_path / "ckpt.pth", change)
    with pytest.raises(CheckpointError, match="width 100, from which its number of attention heads"):
        load_weights(tmp_path / "ckpt.pth")


def test_a_little_may_be_missing_and_is_named(tmp_path, shapes_root):
    checkpoint("Point-MAE", tmp_path / "ckpt.pth", without("MAE_encoder.norm.bias", "num_batches_tracked"))
    weights = load_weights(tmp_path / "ckpt.pth")
    assert weights.description.details["missing"] == ["norm.bias"]
    plan = plan_finetune(load_preset("shapes-classification", TINY_FINETUNE), shapes_root, init=tmp_path / "ckpt.pth")
    assert 0.99 < plan["matched"] < 1.0


class Pickled(collections.OrderedDict):
    """Stands for EasyDict and the like: a class that the file only names."""


class Trap:
    """Writes a file where its pickle is run."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("kind", ["config", "trap"])
def test_pickled_objects_are_not_run_and_said(kind, tmp_path):
    network = published("Point-MAE")
    trap = tmp_path / "trapped"
    extra = Pickled(a=1) if kind == "config" else Trap(trap)
    state = state_of(network, "MAE_encoder.")
    torch.save({"base_model": state, "config": extra}, tmp_path / "ckpt.pth")
    with pytest.raises(CheckpointError, match=r"pickles objects of .*Pickled|pickles objects of .*open") as caught:
        load_weights(tmp_path / "ckpt.pth")
    assert "torch.save(" in str(caught.value)
    assert not trap.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"some text that is no checkpoint"])
def test_damaged_files_are_said(content, tmp_path):
    (tmp_path / "ckpt.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match="no checkpoint of torch, or a damaged one"):
        load_weights(tmp_path / "ckpt.pth")


def test_fine_tuning_runs_without_the_gate_and_says_so(point_mae, shapes_root, tmp_path):
    preset = load_preset("shapes-classification", (*TINY_FINETUNE, "optimizer.epochs=1"))
    assert preset.gate.enabled and preset.protocol == "full"
    summary = finetune(preset, shapes_root, tmp_path / "run", init=point_mae, device=CPU)
    assert summary["gate"] is False
    assert 0.999 < summary["matched"]["share"] < 1.0
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "Point-MAE's encoder matched in " in log and "; new: query_tokens, query_positions)" in log
    assert "holds no flow: fine-tuning runs without the gate" in log
    tuned = load_weights(tmp_path / "run")
    assert tuned.description.sizes.dim == DIM and tuned.description.sizes.queries == 1
    assert tuned.tensors["head.0.weight"].shape[1] == 2 * DIM


def test_linear_protocol_keeps_the_imported_encoder(point_mae, shapes_root, tmp_path):
    preset = load_preset("shapes-classification", (*TINY_FINETUNE, "optimizer.epochs=1", 'protocol="linear"'))
    finetune(preset, shapes_root, tmp_path / "run", init=point_mae, device=CPU)
    tuned, start = load_weights(tmp_path / "run").tensors, load_weights(point_mae).tensors
    assert all(torch.equal(tuned[name], value) for name, value in start.items())


def test_an_imported_encoder_embeds_and_does_not_complete(point_mae):
    model = pointsra.load(point_mae, device="cpu")
    points = np.random.default_rng(0).normal(size=(300, 3))
    assert model.embed(points).shape == (4 * DIM,)
    with pytest.raises(CheckpointError, match="without a flow"):
        model.reconstruct(points, samples=1)


def test_svm_measures_an_imported_encoder(point_mae, shapes_root):
    pytest.importorskip("sklearn")
    from pointsra.evaluation.protocols import evaluate

    preset = load_preset("shapes-classification", TINY_FINETUNE)
    report = evaluate(point_mae, shapes_root, preset=preset, protocol="svm", seeds=1, seed=0, device=CPU)
    assert report.clouds > 0 and 0 <= report.rows[0].mean <= 100
