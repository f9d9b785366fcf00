"""How near completions are to the truth, to the input and to one another. All in the unit frame, unscaled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pointsra.ops.near_points import nearest, nearest_both_ways

Points = NDArray[np.floating]

F_SCORE_DISTANCE = 0.02
"""τ of the F-score. Ours: with about a thousand hidden points the published 0.01 is below their mutual distance."""

_OTHERS = 16  # that a cloud is compared with; ours: all pairs of a thousand completions would take an hour


def one_sided_distance(source: Points, target: Points) -> float:
    """Mean (unsquared) distance of each source point (N, 3) to its nearest target point (M, 3)."""
    return float(nearest(source, target)[0].mean(dtype=np.float64))


def one_sided_hausdorff(source: Points, target: Points) -> float:
    """Largest (unsquared) distance of any source point (N, 3) to its nearest target point (M, 3)."""
    return float(nearest(source, target)[0].max())


def chamfer_l2(first: Points, second: Points) -> float:
    """CD-L2 of (N, 3) and (M, 3): mean squared nearest distance, both ways, summed."""
    return _chamfer(*nearest_both_ways(first, second))


def f_score(predicted: Points, true: Points, distance: float = F_SCORE_DISTANCE) -> float:
    """Harmonic mean of the shares of predicted and of true points that lie within ``distance`` of the other cloud."""
    return _f_score(*nearest_both_ways(predicted, true), distance)


def chamfer_and_f_score(predicted: Points, true: Points) -> tuple[float, float]:
    """:func:`chamfer_l2` and :func:`f_score` from one search."""
    there, back = nearest_both_ways(predicted, true)
    return _chamfer(there, back), _f_score(there, back, F_SCORE_DISTANCE)


def mean_pairwise_chamfer(clouds: Sequence[Points]) -> float:
    """Mean CD-L2 over all pairs of S clouds (P, 3), a diversity that does not grow with S; 0 for fewer than two.

    One tree a cloud serves all of its pairs; :func:`mean_apart` needs no scipy, whose import takes longer than
    the search among a few small clouds.
    """
    from scipy.spatial import KDTree

    trees = [KDTree(cloud) for cloud in clouds]
    ways = [np.square(tree.query(cloud)[0]).mean() for tree in trees for cloud in clouds]  # 0 to themselves
    return 2.0 * float(np.sum(ways)) / max(len(clouds) * (len(clouds) - 1), 1)


def mean_apart(parts: Sequence[Points], shared: Points | None = None) -> NDArray[np.float64]:
    """Mean CD-L2 of each of S clouds to the others, of many to 16 others in turn: (S,); 0 for a single one.

    Args:
        parts: the clouds, (P, 3) each, or what each adds to ``shared``.
        shared: (V, 3) points that stand in every cloud: they lie at distance 0 in each other cloud, so that only the
            way from the parts is searched.
    """
    count, held = len(parts), 0 if shared is None else len(shared)
    sums, pairs = np.zeros(count), np.zeros(count)
    to_shared = [nearest(part, shared)[0][:, 0] if shared is not None and held else None for part in parts]
    for step in range(1, min(count // 2, _OTHERS // 2) + 1):
        for i in range(step if 2 * step == count else count):  # half a turn on stands the same pair again
            j = (i + step) % count
            ways = zip(nearest_both_ways(parts[i], parts[j]), (to_shared[i], to_shared[j]), strict=True)
            nearer = [way if other is None else np.minimum(way, other) for way, other in ways]
            sums[[i, j]] += sum(float(np.square(way, dtype=np.float64).sum()) / (held + len(way)) for way in nearer)
            pairs[[i, j]] += 1
    return sums / np.maximum(pairs, 1)


def _chamfer(there: Points, back: Points) -> float:
    return float(np.square(there, dtype=np.float64).mean() + np.square(back, dtype=np.float64).mean())


def _f_score(there: Points, back: Points, distance: float) -> float:
    precision, recall = float((there <= distance).mean()), float((back <= distance).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
