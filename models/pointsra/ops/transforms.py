"""Frames and random augmentations of batched clouds. y is up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pointsra.ops.batch_parts import uniform

_RECTANGLES = 45  # turns that are tried within a quarter: every 2 degrees (ours)


@dataclass(frozen=True)
class Frame:
    """The unit frame of a cloud: p_unit = (p − offset) / scale, then turned about the vertical.

    Attributes:
        offset: (B, 1, 3) origin.
        scale: (B, 1, 1) unit.
        turn: (B,) angle in radians; None turns nothing.
    """

    offset: Tensor
    scale: Tensor
    turn: Tensor | None = None

    def to_unit(self, points: Tensor) -> Tensor:
        """(B, N, 3) points of the cloud's own frame in the unit frame."""
        return self.turned((points - self.offset) / self.scale)

    def from_unit(self, points: Tensor) -> Tensor:
        """(S, N, 3) points of the unit frame in the cloud's own frame; S = B, or any number where B = 1."""
        back = points if self.turn is None else turned_about_vertical(points, -self.turn)
        return back * self.scale + self.offset

    def turned(self, points: Tensor) -> Tensor:
        """(B, N, 3) points that lie in another frame, turned as this one is."""
        return points if self.turn is None else turned_about_vertical(points, self.turn)


def unit_frame(points: Tensor) -> Frame:
    """The frame whose origin is the mean of (B, N, 3) and whose unit is the largest radius.

    A cloud whose points all coincide gets the unit 1.
    """
    offset = points.mean(dim=1, keepdim=True)
    scale = (points - offset).norm(dim=-1).amax(dim=1)[:, None, None]
    # Asked of the points, not of the radius: the rounded mean of equal points is not always one of them.
    coincide = (points == points[:, :1]).flatten(1).all(dim=1)[:, None, None]
    return Frame(offset, torch.where(coincide, torch.ones_like(scale), scale))


def scale_and_translate(
    points: Tensor, low: float, high: float, translate: float, generator: torch.Generator
) -> Tensor:
    """Scale each axis of each cloud (B, N, 3) by U[low, high] and shift it by U[−translate, translate]."""
    clouds = points.shape[0]
    scale = low + (high - low) * uniform((clouds, 1, 3), generator)
    shift = translate * (2.0 * uniform((clouds, 1, 3), generator) - 1.0)
    return points * scale.to(points) + shift.to(points)


def rotate_about_vertical(points: Tensor, largest_degrees: float, generator: torch.Generator) -> Tensor:
    """Turn each cloud (B, N, 3) about y by U[−largest, largest]."""
    clouds = points.shape[0]
    angle = math.radians(largest_degrees) * (2.0 * uniform((clouds,), generator) - 1.0)
    return turned_about_vertical(points, angle.to(points))


def rectangle_turn(points: Tensor) -> Tensor:
    """The turn of each cloud (B, N, 3) that lays the smallest rectangle around it, seen from above, along the axes.

    Whatever way an object with straight sides was turned, it comes to lie the same way but for half a turn; where the
    rectangle is a square, but for a quarter. What is round may come to lie in any way.

    Returns:
        (B,) radians for :func:`turned_about_vertical`, a multiple of 2 degrees; the longer side then lies along x.
    """
    angles = torch.arange(_RECTANGLES, device=points.device) * (0.5 * math.pi / _RECTANGLES)
    cosine, sine = angles.cos().to(points), angles.sin().to(points)
    rows = torch.stack([torch.cat([cosine, -sine]), torch.cat([sine, cosine])])  # as turned_about_vertical turns x, z
    with torch.autocast(points.device.type, enabled=False):  # products of 8 bits cannot tell rectangles apart
        placed = points[..., ::2] @ rows
    width, depth = (placed.amax(dim=1) - placed.amin(dim=1)).chunk(2, dim=1)
    best = (width * depth).argmin(dim=1, keepdim=True)
    along = (width < depth).gather(1, best).squeeze(1)
    return angles.to(points)[best.squeeze(1)] + 0.5 * math.pi * along


def turned_about_vertical(points: Tensor, radians: Tensor) -> Tensor:
    """Turn each cloud (B, N, 3) about y by its own angle (B,)."""
    cosine, sine = radians.cos()[:, None], radians.sin()[:, None]
    x, y, z = points.unbind(-1)
    return torch.stack([cosine * x + sine * z, y, cosine * z - sine * x], dim=-1)
