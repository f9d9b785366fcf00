"""The built-in image and text encoders: no weights, no downloads, the same numbers on every machine.

Pictures become gradient-orientation histograms (Dalal and Triggs, CVPR 2005) at two scales and the low frequencies
of a cosine transform; captions become hashed words and character n-grams (Weinberger et al., ICML 2009). A fixed
projection with entries of plus and minus one brings both to 256 numbers of about unit scale (Achlioptas, 2003).
They stand in for CLIP where nothing can be downloaded; features by a trained encoder go into the same keys.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pointsra.data.split_writer import Encoder

BUILTIN_NAME = "builtin"
BUILTIN_VERSION = "1"
FEATURE_SIZE = 256

_BUCKETS = 4096  # hashed text features; a few hundred differ between any two captions, so few collide
_NGRAMS = (3, 4, 5)
_WORD_WEIGHT = 0.7  # of a whole word, beside all its n-grams together at 1; ours: a plural stays close
_PLAIN_WEIGHT = 0.15  # for words that say nothing of the shape; ours
_PLAIN_WORDS = frozenset(
    re.findall(r"\w+", "a an and at by for from in is it its of on or that the this to two with without")
)
_ORIENTATIONS = 8
_CELL_GRIDS = (6, 3)  # cells along each side of a view, fine and coarse
_FREQUENCIES = 8
_IMAGE_SEED, _TEXT_SEED = 20240511, 20240512


def builtin_checksum() -> str:
    """The sha256 over every constant of the built-in encoders, projections included."""
    digest = hashlib.sha256()
    constants = (BUILTIN_VERSION, FEATURE_SIZE, _BUCKETS, _NGRAMS, _WORD_WEIGHT, _PLAIN_WEIGHT)
    constants += (sorted(_PLAIN_WORDS), _ORIENTATIONS, _CELL_GRIDS, _FREQUENCIES)
    digest.update(repr(constants).encode())
    for seed, rows in ((_TEXT_SEED, _BUCKETS), (_IMAGE_SEED, _image_width())):
        digest.update(_projection(seed, rows).astype(np.int8).tobytes())
    return digest.hexdigest()


def builtin_encoder() -> Encoder:
    """Name, version and checksum as they are stored beside the features."""
    return Encoder(BUILTIN_NAME, BUILTIN_VERSION, builtin_checksum())


def encode_captions(captions: Sequence[str]) -> NDArray[np.float32]:
    """Encode captions; those that share words come out close to one another.

    Args:
        captions: n strings in any case; an empty one gives zeros.

    Returns:
        (n, 256) float32, each row of length about 16 (unit scale in each dimension).
    """
    known = {caption: _caption_feature(caption) for caption in dict.fromkeys(captions)}
    rows = [known[caption] for caption in captions]
    return np.stack(rows) if rows else np.zeros((0, FEATURE_SIZE), dtype=np.float32)


def encode_views(views: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Encode the views of each cloud into one feature: the mean over its views beside the largest.

    Args:
        views: (n, W, H, H) uint8, H a multiple of 6, 0 where there is nothing.

    Returns:
        (n, 256) float32, each row of length about 16 (unit scale in each dimension).

    Raises:
        ValueError: not four dimensions, or H not a multiple of 6.
    """
    views = np.asarray(views)
    if views.ndim != 4 or views.shape[2] != views.shape[3] or views.shape[2] % max(_CELL_GRIDS):
        raise ValueError(f"views must be (n, W, H, H) with H a multiple of 6, not {views.shape}")
    if not len(views):
        return np.zeros((0, FEATURE_SIZE), dtype=np.float32)
    return np.concatenate([_encode_some(views[start : start + 64]) for start in range(0, len(views), 64)])


def _encode_some(views: NDArray[np.uint8]) -> NDArray[np.float32]:
    count, per_cloud, size, _ = views.shape
    pictures = views.reshape(count * per_cloud, size, size).astype(np.float64) / 255.0
    blocks = [_orientation_histograms(pictures, grid) for grid in _CELL_GRIDS] + [_low_frequencies(pictures)]
    described = np.concatenate([_standardized(block) for block in blocks], axis=1)
    described = described.reshape(count, per_cloud, -1)
    joined = _standardized(np.concatenate([described.mean(axis=1), described.max(axis=1)], axis=1))
    return _projected(joined, _IMAGE_SEED)


def _standardized(block: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows (n, D) less their own mean, at length one: no statistics of a data set are used."""
    centered = block - block.mean(axis=1, keepdims=True)
    return centered / np.maximum(np.linalg.norm(centered, axis=1, keepdims=True), 1e-9)


def _orientation_histograms(pictures: NDArray[np.float64], grid: int) -> NDArray[np.float64]:
    """Gradient strength by direction in grid x grid cells, (n, grid * grid * 8) from pictures (n, H, H)."""
    count, size, _ = pictures.shape
    factor = max(_CELL_GRIDS) // grid
    if factor > 1:  # the coarse scale looks at a smaller picture
        pictures = pictures.reshape(count, size // factor, factor, size // factor, factor).mean(axis=(2, 4))
        size //= factor
    slope_y, slope_x = np.gradient(pictures, axis=(1, 2))
    strength = np.hypot(slope_x, slope_y)
    turn = (np.arctan2(slope_y, slope_x) / (2.0 * np.pi) % 1.0) * _ORIENTATIONS
    lower = np.floor(turn)
    share = turn - lower  # split between two neighboring directions: no jump where rounding differs
    low_bin = lower.astype(np.int64) % _ORIENTATIONS
    cell = size // grid
    steps = np.minimum(np.arange(size) // cell, grid - 1)
    place = (steps[:, None] * grid + steps[None, :])[None] + np.arange(count)[:, None, None] * grid * grid
    total = count * grid * grid * _ORIENTATIONS
    histogram = np.bincount((place * _ORIENTATIONS + low_bin).ravel(), (strength * (1 - share)).ravel(), total)
    high_bin = (low_bin + 1) % _ORIENTATIONS
    histogram += np.bincount((place * _ORIENTATIONS + high_bin).ravel(), (strength * share).ravel(), total)
    return np.sqrt(histogram.reshape(count, -1))


@cache
def _cosines(size: int) -> NDArray[np.float64]:
    angle = np.pi / size * (np.arange(size)[None, :] + 0.5) * np.arange(_FREQUENCIES)[:, None]
    return np.cos(angle) * np.sqrt(2.0 / size)


def _low_frequencies(pictures: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 8 x 8 lowest frequencies of a cosine transform, (n, 64) from pictures (n, H, H)."""
    cosines = _cosines(pictures.shape[1])
    return (cosines @ pictures @ cosines.T).reshape(len(pictures), -1)


def _image_width() -> int:
    return 2 * (sum(grid * grid * _ORIENTATIONS for grid in _CELL_GRIDS) + _FREQUENCIES**2)


def _caption_feature(caption: str) -> NDArray[np.float32]:
    counts = np.zeros(_BUCKETS)
    for word in re.findall(r"[a-z0-9]+", caption.lower()):
        weight = _PLAIN_WEIGHT if word in _PLAIN_WORDS else 1.0
        pieces = [f"{word}"] if word in _PLAIN_WORDS else _pieces(word)
        for rank, piece in enumerate(pieces):
            code = zlib.crc32(piece.encode())
            sign = 1.0 if code & 1 else -1.0
            counts[(code >> 1) % _BUCKETS] += sign * weight * (_WORD_WEIGHT if rank == 0 else len(pieces) ** -0.5)
    length = np.linalg.norm(counts)
    return _projected((counts / max(length, 1e-9))[None], _TEXT_SEED)[0]


def _pieces(word: str) -> list[str]:
    """The word itself, then its character n-grams with the ends marked."""
    marked = f"^{word}$"
    grams = [marked[at : at + n] for n in _NGRAMS for at in range(len(marked) - n + 1)]
    return [word, *(f"#{gram}" for gram in grams)]


@cache
def _projection(seed: int, rows: int) -> NDArray[np.float64]:
    """Plus and minus one, (rows, 256): exact on every machine, and it keeps a unit vector at unit scale."""
    return np.random.default_rng(seed).integers(0, 2, size=(rows, FEATURE_SIZE)).astype(np.float64) * 2.0 - 1.0


def _projected(unit_rows: NDArray[np.float64], seed: int) -> NDArray[np.float32]:
    # Rounded: the last bits of a sum depend on the machine, four decimals do not.
    return np.round(unit_rows @ _projection(seed, unit_rows.shape[1]), 4).astype(np.float32)
