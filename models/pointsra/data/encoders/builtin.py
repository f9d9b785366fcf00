"""The built-in encoders of ``conditions`` as encoders among others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pointsra.data.conditions import builtin_encoder, encode_captions, encode_views
from pointsra.data.split_writer import Encoder
from pointsra.data.views import VIEW_SIZE


class BuiltinImages:
    """Gradient histograms and low frequencies of shaded views; no weights."""

    def __init__(self) -> None:
        self.identity: Encoder = builtin_encoder()
        self.picture_size = VIEW_SIZE

    def encode(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (n, 256) of pictures (n, W, 48, 48)."""
        return encode_views(pictures)


class BuiltinTexts:
    """Hashed words and character n-grams; no weights."""

    def __init__(self) -> None:
        self.identity: Encoder = builtin_encoder()

    def encode(self, captions: Sequence[str]) -> NDArray[np.float32]:
        """Features (n, 256) of n captions."""
        return encode_captions(captions)
