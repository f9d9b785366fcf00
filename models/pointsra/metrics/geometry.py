"""How near completions are to the truth, to the input and to one another. All in the unit frame, unscaled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

Points = NDArray[np.floating]

F_SCORE_DISTANCE = 0.02
"""τ of the F-score. Ours: with about a thousand hidden points the published 0.01 is below their mutual distance."""


def one_sided_distance(source: Points, target: Points) -> float:
    """Mean (unsquared) distance of each source point (N, 3) to its nearest target point (M, 3)."""
    return float(KDTree(target).query(source)[0].mean())


def one_sided_hausdorff(source: Points, target: Points) -> float:
    """Largest (unsquared) distance of any source point (N, 3) to its nearest target point (M, 3)."""
    return float(KDTree(target).query(source)[0].max())


def chamfer_l2(first: Points, second: Points) -> float:
    """CD-L2 of (N, 3) and (M, 3): mean squared nearest distance, both ways, summed."""
    forward = KDTree(second).query(first)[0]
    backward = KDTree(first).query(second)[0]
    return float(np.square(forward).mean() + np.square(backward).mean())


def f_score(predicted: Points, true: Points, distance: float = F_SCORE_DISTANCE) -> float:
    """Harmonic mean of the shares of predicted and of true points that lie within ``distance`` of the other cloud."""
    precision = float((KDTree(true).query(predicted)[0] <= distance).mean())
    recall = float((KDTree(predicted).query(true)[0] <= distance).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def mean_pairwise_chamfer(clouds: list[Points]) -> float:
    """Mean CD-L2 over all pairs of S clouds, a diversity that does not grow with S; 0 for fewer than two."""
    pairs = [chamfer_l2(clouds[i], clouds[j]) for i in range(len(clouds)) for j in range(i)]
    return float(np.mean(pairs)) if pairs else 0.0
