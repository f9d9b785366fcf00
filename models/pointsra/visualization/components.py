"""Features in few numbers, for the eye: principal components, colors made of three of them, and maps in the plane.

Colors of features are spread in OKLab (B. Ottosson, 2020), where equal steps look equally far: the component of the
largest variance runs from blue to orange, which color-blind readers tell apart too, the second from green to magenta,
the third from dark to light. It draws nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsra.errors import MissingExtraError
from pointsra.visualization.palette import from_oklab

_TAIL = 0.04  # share of the features, at each end of a component, that take its outermost color (ours)
_CHROMA = 0.15  # of the outermost colors; the few that sRGB lacks are clipped (ours)
_DARKEST, _LIGHTEST = 0.50, 0.80
_PERPLEXITY = 30.0  # scikit-learn's
_ENTRY = 50  # components that t-SNE is given at most, as its author advises (van der Maaten and Hinton, 2008)


@dataclass(frozen=True)
class Components:
    """Features along the axes of their largest variance.

    Attributes:
        scores: (n, k) coordinates along k axes, largest variance first; 0 where there are fewer axes.
        shares: (k,) of the whole variance.
    """

    scores: NDArray[np.float64]
    shares: NDArray[np.float64]


def principal_components(features: ArrayLike, count: int) -> Components:
    """The first ``count`` principal components of features (n, C).

    Each axis points to where its largest loading is positive, so that the result depends neither on the order of the
    features nor on the linear-algebra library.
    """
    values = np.asarray(features, dtype=np.float64)
    centered = values - values.mean(axis=0, keepdims=True)
    _, sizes, axes = np.linalg.svd(centered, full_matrices=False)
    known = int((sizes > 1e-9 * max(float(sizes.max(initial=0.0)), 1e-30)).sum())
    taken = min(count, known)
    axes = axes[:taken]
    signs = np.sign(axes[np.arange(taken), np.abs(axes).argmax(axis=1)])
    scores, shares = np.zeros((len(values), count)), np.zeros(count)
    scores[:, :taken] = centered @ (axes * signs[:, None]).T
    total = float((sizes**2).sum())
    shares[:taken] = sizes[:taken] ** 2 / total if total > 0 else 0.0
    return Components(scores, shares)


@dataclass(frozen=True)
class ColorSpace:
    """What three components become as a color; one for all clouds of a picture.

    Attributes:
        low: (3,) scores of the outermost color at one end.
        high: (3,) at the other.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of(cls, scores: ArrayLike) -> ColorSpace:
        """The space that spreads scores (n, 3) over all colors."""
        values = np.asarray(scores, dtype=np.float64)
        low, high = np.quantile(values, [_TAIL, 1.0 - _TAIL], axis=0)
        return cls(low, high)

    def colors(self, scores: ArrayLike) -> NDArray[np.uint8]:
        """Scores (N, 3) as colors (N, 3)."""
        values = np.asarray(scores, dtype=np.float64)
        width = self.high - self.low
        share = np.where(width > 1e-12, (values - self.low) / np.where(width > 1e-12, width, 1.0), 0.5)
        first, second, third = np.clip(share, 0.0, 1.0).T
        lightness = _DARKEST + (_LIGHTEST - _DARKEST) * third
        # Orange lies between red and yellow, so the first axis leans a little to red as it grows.
        across, along = 2.0 * first - 1.0, 2.0 * second - 1.0
        red_green = _CHROMA * (0.8 * along + 0.4 * across)
        blue_yellow = _CHROMA * (across - 0.25 * along)
        return from_oklab(lightness, red_green, blue_yellow)


def plane_map(features: ArrayLike, method: str, seed: int) -> tuple[NDArray[np.float64], str]:
    """Features (n, C) as places (n, 2), and a sentence on how.

    Args:
        features: (n, C), n ≥ 3.
        method: "pca" or "tsne".
        seed: of t-SNE.

    Raises:
        MissingExtraError: t-SNE without scikit-learn.
        KeyError: another method.
    """
    return {"pca": _pca_map, "tsne": _tsne_map}[method](np.asarray(features, dtype=np.float64), seed)


def _pca_map(features: NDArray[np.float64], seed: int) -> tuple[NDArray[np.float64], str]:
    found = principal_components(features, 2)
    return found.scores, f"First two principal components, {found.shares.sum():.0%} of the variance."


def _tsne_map(features: NDArray[np.float64], seed: int) -> tuple[NDArray[np.float64], str]:
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise MissingExtraError("--map tsne needs scikit-learn: pip install 'pointsra[svm]', or take pca.") from None
    entry = principal_components(features, min(_ENTRY, features.shape[1], len(features))).scores
    perplexity = min(_PERPLEXITY, (len(features) - 1) / 3)
    machine = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, n_jobs=1)
    places = np.asarray(machine.fit_transform(entry.astype(np.float32)), dtype=np.float64)
    return places, f"t-SNE, perplexity {perplexity:.3g}: near is alike, far says little."
