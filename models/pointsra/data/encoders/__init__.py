"""Encoders of pictures and captions: which there are, and how a name on the command line becomes one.

Each encoder knows its name, version and checksum before it has loaded anything, so that asking whether a data set
was prepared with it costs no more than reading its weights once. Torch and transformers are imported by the encoders
that need them, when they load.
"""

from __future__ import annotations

from collections.abc import Callable

from pointsra.data.encoders.arrays import FeatureArrays
from pointsra.data.encoders.builtin import BuiltinImages, BuiltinTexts
from pointsra.data.encoders.clip import ClipImages, ClipTexts
from pointsra.data.encoders.efficientnet import EfficientNetImages
from pointsra.data.encoders.interface import ImageEncoder, TextEncoder
from pointsra.data.encoders.minilm import MiniLmTexts
from pointsra.errors import SettingsError

__all__ = ["FeatureArrays", "ImageEncoder", "TextEncoder", "find_image_encoder", "find_text_encoder"]

IMAGE_CHOICES = "builtin, none, clip:FOLDER, clip:HUB/ID, efficientnet-lite0 or file:FOLDER"
TEXT_CHOICES = "builtin, none, clip:FOLDER, clip:HUB/ID, minilm or file:FOLDER"

_IMAGES: dict[str, Callable[[], ImageEncoder]] = {"builtin": BuiltinImages, "efficientnet-lite0": EfficientNetImages}
_TEXTS: dict[str, Callable[[], TextEncoder]] = {"builtin": BuiltinTexts, "minilm": MiniLmTexts}


def find_image_encoder(name: str, *, fetch: bool) -> ImageEncoder | FeatureArrays | None:
    """The encoder of pictures that a name stands for.

    Args:
        name: one of :data:`IMAGE_CHOICES`.
        fetch: get weights from a hub where they are not on this machine yet.

    Returns:
        The encoder, the user's own arrays, or None for "none".

    Raises:
        SettingsError: an unknown name.
        DataError: weights or arrays are missing or cannot be read.
        MissingExtraError: a package is not installed.
    """
    kind, _, rest = name.partition(":")
    if name == "none":
        return None
    if kind == "file" and rest:
        return FeatureArrays(rest)
    if kind == "clip" and rest:
        return ClipImages(rest, fetch=fetch)
    if name in _IMAGES:
        return _IMAGES[name]()
    raise SettingsError(f"--image-encoder {name}: there is no such encoder; choose {IMAGE_CHOICES}.")


def find_text_encoder(name: str, *, fetch: bool) -> TextEncoder | FeatureArrays | None:
    """The encoder of captions that a name stands for; see :func:`find_image_encoder`."""
    kind, _, rest = name.partition(":")
    if name == "none":
        return None
    if kind == "file" and rest:
        return FeatureArrays(rest)
    if kind == "clip" and rest:
        return ClipTexts(rest, fetch=fetch)
    if name in _TEXTS:
        return _TEXTS[name]()
    raise SettingsError(f"--text-encoder {name}: there is no such encoder; choose {TEXT_CHOICES}.")
