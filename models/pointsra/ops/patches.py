"""Cut a cloud into patches: farthest-point centers, nearest neighbors around each (Point-BERT, Point-MAE)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pointsra.ops.neighbors import nearest_indices
from pointsra.ops.sampling import farthest_point_indices, gather_points
from pointsra.ops.transforms import Frame


@dataclass(frozen=True)
class Patches:
    """A cloud in pieces.

    Attributes:
        centers: (B, G, 3) patch centers, in the cloud's frame.
        neighborhoods: (B, G, K, 3) points of each patch relative to its center. The scale is not normalized.
    """

    centers: Tensor
    neighborhoods: Tensor

    def select(self, indices: Tensor) -> Patches:
        """The patches at ``indices`` (B, V), in that order."""
        clouds, _, size, _ = self.neighborhoods.shape
        flat = gather_points(self.neighborhoods.flatten(2), indices)
        return Patches(gather_points(self.centers, indices), flat.reshape(clouds, -1, size, 3))

    def moved(self, frame: Frame) -> Patches:
        """The same patches in the unit frame ``frame``."""
        return Patches(frame.to_unit(self.centers), self.neighborhoods / frame.scale.unsqueeze(-1))


def cut_patches(points: Tensor, groups: int, size: int) -> Patches:
    """Cut clouds (B, N, 3) into ``groups`` patches of ``size`` points each.

    Raises:
        ValueError: the cloud has fewer than ``groups`` or ``size`` points.
    """
    return cut_around(points, gather_points(points, farthest_point_indices(points, groups)), size)


def cut_around(points: Tensor, centers: Tensor, size: int, allowed: Tensor | None = None) -> Patches:
    """Cut the patches of given centers.

    Args:
        points: (B, N, 3).
        centers: (B, G, 3).
        size: points K a patch.
        allowed: (B, N) bool, the points that patches may hold; None allows all.
    """
    members = gather_points(points, nearest_indices(centers, points, size, allowed))
    return Patches(centers, members - centers.unsqueeze(2))
