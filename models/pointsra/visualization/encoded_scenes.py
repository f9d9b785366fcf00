"""What an encoder makes of clouds as scenes: features as colors that several shapes share, attention as magnitudes.

It is handed arrays; ``evaluation`` runs the network. A patch's value is known at its center, and a point takes the
mean of the three nearest centers, weighted by the inverse of the squared distance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from pointsra.ops.propagation import propagate
from pointsra.visualization.components import ColorSpace, principal_components
from pointsra.visualization.named_clouds import NamedCloud
from pointsra.visualization.palette import COMPLETIONS, Color, ColorScale, sequential
from pointsra.visualization.scenes import Scene
from pointsra.visualization.stills import Cell

READER: Color = COMPLETIONS[2]  # magenta, which viridis does not hold
_LEVELS = 250  # of a magnitude's color: with the reader's, few enough for one byte a point on the page
_TOP = 0.98  # share of all patches below the bright end, so that one patch does not darken the rest (ours)
_MARK = 0.01  # share of a cloud's points that marks the patch that reads


def features_scene(
    title: str,
    clouds: Sequence[NamedCloud],
    points: Sequence[ArrayLike],
    centers: Sequence[ArrayLike],
    tokens: Sequence[ArrayLike],
) -> Scene:
    """Clouds in the colors of their features; one set of components for all, so that equal features are of equal color.

    Args:
        title: the headline.
        clouds: their names.
        points: of each cloud (N, 3).
        centers: of each cloud (G, 3), in the frame of its points.
        tokens: of each cloud (G, C).
    """
    found = principal_components(np.concatenate([np.asarray(part) for part in tokens]), 3)
    space = ColorSpace.of(found.scores)
    ends = np.cumsum([len(np.asarray(part)) for part in tokens])
    cells = [
        Cell(shown, space.colors(spread_values(known, middle, shown)), cloud.title, cloud.subtitle)
        for cloud, shown, middle, known in zip(clouds, points, centers, np.split(found.scores, ends[:-1]), strict=True)
    ]
    first, second, third = (f"{share:.0%}" for share in found.shares)
    note = (
        f"Like colors are like features: three principal components of {ends[-1]:,} patch tokens with {first}, "
        f"{second} and {third} of their variance, from blue to orange, green to magenta, dark to light."
    )
    return Scene("features", title, tuple(cells), note=note)


def attention_scene(
    title: str,
    clouds: Sequence[NamedCloud],
    points: Sequence[ArrayLike],
    centers: Sequence[ArrayLike],
    attention: Sequence[ArrayLike],
    words: str,
    reader: int | None = None,
) -> Scene:
    """Clouds in the colors of how much one token reads of each patch; one scale for all.

    Args:
        title: the headline.
        clouds: their names.
        points: of each cloud (N, 3).
        centers: of each cloud (G, 3), in the frame of its points.
        attention: of each cloud (G,); what is missing to 1 is read of the query tokens.
        words: whose attention it is.
        reader: the patch that reads, to be marked; None where it is no patch.
    """
    shares = [np.asarray(part, dtype=np.float64) for part in attention]
    joined = np.concatenate(shares)
    top = max(float(np.quantile(joined, _TOP)), 1e-9)
    cells = []
    for cloud, shown, middle, share in zip(clouds, points, centers, shares, strict=True):
        values = spread_values(share[:, None], middle, shown)[:, 0] / top
        colors = sequential(np.round(values * _LEVELS) / _LEVELS, 0.0, 1.0)
        if reader is not None:
            away = ((np.asarray(shown) - np.asarray(middle)[reader]) ** 2).sum(axis=1)
            colors[np.argsort(away, kind="stable")[: max(4, round(_MARK * len(away)))]] = READER
        cells.append(Cell(shown, colors, cloud.title, cloud.subtitle))
    kept = 1.0 - float(np.mean([share.sum() for share in shares]))
    more = f"; {kept:.0%} goes to the query tokens" if kept >= 0.005 else ""
    more_than = " and more" if float(joined.max()) > 1.005 * top else ""
    scale = ColorScale("attention to a patch", "0", f"{100 * top:.2g}%{more_than}")
    legend = None if reader is None else {f"patch {reader}, which reads": READER}
    note = f"{words[:1].upper()}{words[1:]}{more}. An even share is {100 / len(shares[0]):.2g}%."
    return Scene("attention", title, tuple(cells), legend=legend, scale=scale, note=note)


def spread_values(values: ArrayLike, centers: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    """Values (G, k) known at centers (G, 3), at points (N, 3): (N, k)."""
    known, places, wanted = (
        torch.from_numpy(np.ascontiguousarray(part, dtype=np.float64))[None] for part in (values, centers, points)
    )
    return propagate(known, places, wanted)[0].numpy()
