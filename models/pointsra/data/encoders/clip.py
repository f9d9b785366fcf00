"""CLIP (Radford et al., ICML 2021) through the package ``transformers``: pictures and captions in one space.

The weights are a folder, or are named by their id on the Hugging Face hub and then looked for in its local cache
first. Features are the projected embeddings as the model gives them, neither normalized nor scaled; those of a
cloud's pictures are averaged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsra.data.encoders.interface import as_network_input, checksum_of_files
from pointsra.data.split_writer import Encoder
from pointsra.errors import DataError, MissingExtraError

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_BATCH = 32
# Of the pictures CLIP was trained on; for folders without a preprocessor_config.json.
_MEAN, _DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class _ClipSource:
    """Where the weights of a CLIP lie, and their checksum; reads nothing else before it is asked to.

    Args:
        place: a folder, or an id on the hub.
        fetch: get what is not in the hub's local cache.

    Raises:
        DataError: no such folder, not a CLIP, or weights that are not here and cannot be fetched.
        MissingExtraError: transformers is not installed.
    """

    def __init__(self, place: str, *, fetch: bool) -> None:
        _transformers()
        self.folder: Path | None
        local = Path(place).expanduser()
        if local.is_dir():
            self.folder, name, version = local, f"clip:{local.resolve().name}", "local"
        elif _HUB_ID.fullmatch(place):
            self.folder = _cached(place, fetch=fetch)
            name, version = f"clip:{place}", self.folder.name if self.folder else ""
        else:
            raise DataError(
                f"{place}: no such folder, and not an id on the hub, as in clip:openai/clip-vit-base-patch32."
            )
        self.config = {} if self.folder is None else _config(self.folder)
        self.identity = Encoder(name, version, "" if self.folder is None else _checksum(self.folder))

    def model(self) -> Any:
        """The model, ready to be asked."""
        if self.folder is None:
            raise DataError(f"{self.identity.name}: its weights are not on this machine.")
        return _load(self.folder)


class ClipImages(_ClipSource):
    """Pictures into the space of a CLIP; see :class:`_ClipSource` for the arguments."""

    def __init__(self, place: str, *, fetch: bool = True) -> None:
        super().__init__(place, fetch=fetch)
        self.picture_size = int(self.config.get("vision_config", {}).get("image_size", 224))
        self._mean, self._deviation = _light(self.folder)

    def encode(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (n, D) of pictures (n, W, H, H), averaged over W."""
        import torch

        model = self.model()
        flat = pictures.reshape(-1, *pictures.shape[2:])
        found = []
        with torch.inference_mode():
            for start in range(0, len(flat), _BATCH):
                pixels = as_network_input(flat[start : start + _BATCH], self._mean, self._deviation)
                seen = model.vision_model(pixel_values=torch.from_numpy(pixels)).pooler_output
                found.append(model.visual_projection(seen).numpy())
        return np.concatenate(found).reshape(*pictures.shape[:2], -1).mean(axis=1)


class ClipTexts(_ClipSource):
    """Captions into the space of a CLIP; see :class:`_ClipSource` for the arguments."""

    def __init__(self, place: str, *, fetch: bool = True) -> None:
        super().__init__(place, fetch=fetch)
        if self.folder is not None:
            whole = self.folder / "tokenizer.json"
            pair = [self.folder / "vocab.json", self.folder / "merges.txt"]
            if not whole.is_file() and not all(path.is_file() for path in pair):
                raise DataError(
                    f"{self.folder}: no tokenizer.json in it, nor vocab.json with merges.txt, to read captions."
                )

    def encode(self, captions: Sequence[str]) -> NDArray[np.float32]:
        """Features (n, D) of n captions; what is longer than the model reads is cut off."""
        import torch

        model, tokenizer = self.model(), self._tokenizer()
        longest = int(self.config.get("text_config", {}).get("max_position_embeddings", 77))
        found = [np.zeros((0, int(self.config.get("projection_dim", 512))), dtype=np.float32)]
        with torch.inference_mode():
            for start in range(0, len(captions), _BATCH):
                some = list(captions[start : start + _BATCH])
                tokens = tokenizer(some, padding=True, truncation=True, max_length=longest, return_tensors="pt")
                read = model.text_model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"])
                found.append(model.text_projection(read.pooler_output).numpy())
        return np.concatenate(found)

    def _tokenizer(self) -> Any:
        with _quiet() as transformers:
            try:
                return transformers.CLIPTokenizer.from_pretrained(str(self.folder), local_files_only=True)
            except Exception as cause:
                raise DataError(f"{self.folder}: its tokenizer cannot be read ({_first_line(cause)}).") from cause


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as cause:
        raise MissingExtraError(
            "CLIP needs the package transformers: pip install 'pointsra[clip]', or choose --image-encoder builtin."
        ) from cause
    return transformers


@contextmanager
def _quiet() -> Iterator[Any]:
    """The package with its log and progress bars off, as they were afterwards."""
    transformers = _transformers()
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield transformers
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@lru_cache(maxsize=1)
def _load(folder: Path) -> Any:
    with _quiet() as transformers:
        try:
            model, told = transformers.CLIPModel.from_pretrained(
                str(folder), local_files_only=True, output_loading_info=True
            )
        except Exception as cause:  # whatever the package raises, it is about this folder
            raise DataError(f"{folder}: its weights cannot be read ({_first_line(cause)}).") from cause
    lost = sorted(told["missing_keys"]) + sorted(str(each) for each in told.get("mismatched_keys", ()))
    if lost:  # transformers would go on with random numbers in their place
        raise DataError(f"{folder}: its weights lack {lost[0]} and {len(lost) - 1} more; it is not a whole CLIP.")
    return model.float().eval()


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise DataError(
            f"{path}: missing or not JSON; the folder of a CLIP as transformers saves it has one."
        ) from cause
    if not isinstance(config, dict) or config.get("model_type") != "clip":
        kind = config.get("model_type") if isinstance(config, dict) else None
        raise DataError(f"{path}: model_type is {kind!r}, not 'clip'; other models are not read.")
    return config


def _light(folder: Path | None) -> tuple[Sequence[float], Sequence[float]]:
    path = None if folder is None else folder / "preprocessor_config.json"
    if path is None or not path.is_file():
        return _MEAN, _DEVIATION
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        mean, deviation = found.get("image_mean", _MEAN), found.get("image_std", _DEVIATION)
        return [float(each) for each in mean], [float(each) for each in deviation]
    except (OSError, ValueError, TypeError, AttributeError) as cause:
        raise DataError(f"{path}: not the JSON that transformers writes.") from cause


def _weight_files(folder: Path) -> list[Path]:
    for pattern in ("model.safetensors", "model-*-of-*.safetensors", "pytorch_model.bin", "pytorch_model-*-of-*.bin"):
        if files := sorted(folder.glob(pattern)):
            return files
    return []


def _checksum(folder: Path) -> str:
    files = _weight_files(folder)
    if not files:
        raise DataError(f"{folder}: no model.safetensors or pytorch_model.bin in it.")
    return _checksum_once(tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=4)
def _checksum_once(files: tuple[tuple[Path, int, int], ...]) -> str:
    return checksum_of_files([path for path, _, _ in files])


def _cached(name: str, *, fetch: bool) -> Path | None:
    """The folder of a model of the hub: from its local cache, else fetched; None where neither is."""
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "merges.txt", "model*.safetensors"]
    try:
        folder = Path(snapshot_download(name, allow_patterns=[*patterns, "pytorch_model*.bin"], local_files_only=True))
        if _weight_files(folder) and (folder / "config.json").is_file():
            return folder
    except Exception:  # not there in any form: that is what is asked here
        pass
    if not fetch:
        return None
    try:
        folder = Path(snapshot_download(name, allow_patterns=patterns))
        if not _weight_files(folder):
            folder = Path(snapshot_download(name, allow_patterns=["pytorch_model*.bin"]))
        return folder
    except Exception as cause:
        raise DataError(
            f"clip:{name}: not in the local cache of the hub, and it could not be fetched ({_first_line(cause)}); "
            "fetch it where there is a network, and name its folder as clip:FOLDER."
        ) from cause


def _first_line(cause: BaseException) -> str:
    text = str(cause).strip().splitlines()
    return (text[0].rstrip(".")[:160] if text else "") or type(cause).__name__
