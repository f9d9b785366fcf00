"""Cut a cloud into patches: farthest-point centers, nearest neighbors around each (Point-BERT, Point-MAE)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pointsra.ops.neighbors import nearest_indices
from pointsra.ops.sampling import farthest_point_indices, gather_points
from pointsra.ops.transforms import Frame, turned_about_vertical


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
        members = frame.turned((self.neighborhoods / frame.scale.unsqueeze(-1)).flatten(1, 2))
        return Patches(frame.to_unit(self.centers), members.view_as(self.neighborhoods))

    def turned(self, radians: Tensor) -> Patches:
        """The same patches after each cloud's own turn (B,) about y."""
        members = turned_about_vertical(self.neighborhoods.flatten(1, 2), radians)
        return Patches(turned_about_vertical(self.centers, radians), members.view_as(self.neighborhoods))

    @property
    def points(self) -> Tensor:
        """(B, G·K, 3) the points of all patches, in the frame of the centers."""
        return (self.centers.unsqueeze(2) + self.neighborhoods).flatten(1, 2)


def cut_patches(points: Tensor, groups: int, size: int) -> Patches:
    """Cut clouds (B, N, 3) into ``groups`` patches of ``size`` points each.

    Raises:
        ValueError: the cloud has fewer than ``groups`` or ``size`` points.
    """
    centers = gather_points(points, farthest_point_indices(points, groups))
    members = gather_points(points, nearest_indices(centers, points, size))
    return Patches(centers, members - centers.unsqueeze(2))
