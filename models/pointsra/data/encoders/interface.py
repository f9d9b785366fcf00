"""What every encoder of pictures or captions offers, and how pictures are brought to the form that networks take."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pointsra.data.split_writer import Encoder


class ImageEncoder(Protocol):
    """Turns the pictures of a cloud into one feature.

    Attributes:
        identity: name, version and checksum; the checksum is "" where the weights are not on this machine yet.
        picture_size: H, the pixels along each side of the pictures it looks at.
    """

    identity: Encoder
    picture_size: int

    def encode(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode the pictures of n clouds.

        Args:
            pictures: (n, W, H, H) gray, 0 where there is nothing.

        Returns:
            (n, D) float32.
        """
        ...


class TextEncoder(Protocol):
    """Turns captions into features.

    Attributes:
        identity: name, version and checksum; the checksum is "" where the weights are not on this machine yet.
    """

    identity: Encoder

    def encode(self, captions: Sequence[str]) -> NDArray[np.float32]:
        """Encode n captions.

        Returns:
            (n, D) float32.
        """
        ...


def as_network_input(
    pictures: NDArray[np.uint8], mean: Sequence[float], deviation: Sequence[float]
) -> NDArray[np.float32]:
    """Gray pictures as a network trained on photographs takes them.

    Args:
        pictures: (n, H, H) gray, black where there is nothing.
        mean: of red, green and blue over the photographs, in 0 … 1.
        deviation: their standard deviations.

    Returns:
        (n, 3, H, H) float32.
    """
    gray = pictures.astype(np.float32)[:, None] / 255.0
    shape = (1, 3, 1, 1)
    return (gray - np.asarray(mean, np.float32).reshape(shape)) / np.asarray(deviation, np.float32).reshape(shape)


def checksum_of_files(paths: Sequence[Path]) -> str:
    """The sha256 of a file, or over the checksums of several in order."""
    found = []
    for path in paths:
        with path.open("rb") as stream:
            found.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return found[0] if len(found) == 1 else hashlib.sha256("\n".join(found).encode()).hexdigest()
