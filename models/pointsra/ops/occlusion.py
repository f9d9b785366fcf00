"""Which points of a cloud a camera sees, for whole batches: a coarse depth buffer over the points themselves.

It is what training needs of a single-view scan: fast, on any device, and as fine as the spacing of the points allows.
A point covers the pixels around it, so that a sheet of points is closed; it hides what lies behind it by more than a
tolerance of a few spacings. Whatever is thinner than that, is seen from both sides. ``reconstruction/visibility`` is
the finer one for a single cloud, over small discs in the surface.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pointsra.ops.batch_parts import normal
from pointsra.ops.randomness import stream

# Ours, tried against closed spheres and boxes and against the finer one on the generated shapes.
_CAMERA = 3.0  # radii from the middle to the camera, as in the view-point crop
_SPACINGS_A_PIXEL = 0.7
_TOLERANCE = 1.75  # spacings: as many points are seen as by the finer one
_HIDDEN = 10.0  # the depth from which on points are not seen
_NEAR = 0.1  # a share of the points that may be more or fewer than was told: users guess it
_SIDES = 64  # cameras, one of which may have seen all of a cloud
_ASKED = 64  # points of a cloud, the first, whose distances to a neighbor say how far apart its points lie


def scan_order(points: Tensor, generator: torch.Generator) -> Tensor:
    """Order in which a camera in a random direction comes to know the points of each cloud.

    First what it sees, from near to far; then what is hidden, from what lies closest behind the visible surface to
    what lies farthest behind it. Any number of leading points is therefore a scan: of what is seen, of part of that,
    or of what is seen and a little more.

    Args:
        points: (B, N, 3) in random order.
        generator: of the directions, uniform on the sphere.

    Returns:
        (B, N) indices.
    """
    direction = normal((len(points), 1, 3), generator).to(points)
    return depth_behind(points, direction).argsort(dim=1)


def whole_scan(points: Tensor, share: float, views: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Scans of all that a camera sees: from the one of some random directions that sees nearest to a share.

    Args:
        points: (B, N, 3) in random order.
        share: of the points that are to be seen.
        views: directions that are tried for each cloud.
        generator: of the directions, uniform on the sphere.

    Returns:
        (B, N) indices in the order of :func:`scan_order`; (B, N) bool, what the camera sees; and (B, 1) bool, whether
        that is the share up to :data:`_NEAR`.
    """
    clouds = len(points)
    tried = torch.stack([depth_behind(points, normal((clouds, 1, 3), generator).to(points)) for _ in range(views)])
    away, best = ((tried < _HIDDEN).float().mean(dim=2) - share).abs().min(dim=0)
    depth = tried[best, torch.arange(clouds, device=points.device)]
    return depth.argsort(dim=1), depth < _HIDDEN, (away <= _NEAR).unsqueeze(1)


def seen_from_one_side(points: Tensor) -> float:
    """The largest share of a cloud that one camera sees: near 1 for a single-view scan, half for a whole surface.

    Args:
        points: (N, 3), about a thousand; those at one place count once.

    Returns:
        The share of the direction that sees most, of :data:`_SIDES` that are spread evenly over the sphere.
    """
    places = torch.unique(points, dim=0)
    clouds = places[torch.randperm(len(places), generator=stream(0, "places"))].expand(_SIDES, -1, -1)
    height = 1.0 - (2.0 * torch.arange(_SIDES) + 1.0) / _SIDES
    turn = torch.pi * (1.0 + 5.0**0.5) * torch.arange(_SIDES)  # the golden angle from each to the next
    around = (1.0 - height.square()).sqrt()
    directions = torch.stack([around * turn.cos(), height, around * turn.sin()], dim=1).unsqueeze(1)
    return float((depth_behind(clouds, directions.to(clouds)) < _HIDDEN).float().mean(dim=1).max())


def depth_behind(points: Tensor, direction: Tensor) -> Tensor:
    """How late a camera comes to know each point: its depth where it is seen, else far more and growing with how far
    behind the visible surface it lies.

    Args:
        points: (B, N, 3).
        direction: (B, 1, 3) from the middle of each cloud to its camera, of any length.

    Returns:
        (B, N) in units of the cloud's radius: 2 … 4 where a point is seen, 10 and more where it is not. Autocast is
        switched off inside: products in bfloat16 are wrong by more than the tolerance, and by far more than the
        squared distance between neighbors.
    """
    with torch.autocast(points.device.type, enabled=False):
        return _depth_behind(points.float(), direction.float())


def _depth_behind(points: Tensor, direction: Tensor) -> Tensor:
    """:func:`depth_behind` in single precision."""
    clouds = len(points)
    middle = points.mean(dim=1, keepdim=True)
    offsets = points - middle
    offsets = offsets / offsets.norm(dim=-1).amax(dim=1)[:, None, None].clamp_min(1e-9)
    seen = offsets @ _axes(direction).transpose(1, 2)
    depth = _CAMERA - seen[..., 2]
    spacing = _spacing(offsets)
    pixel = _SPACINGS_A_PIXEL * spacing / _CAMERA
    half = int(0.36 / float(pixel.min())) + 1  # a sphere of radius one, three away, reaches 0.354
    side = 2 * half + 1
    place = (seen[..., :2] / (depth * pixel).unsqueeze(-1)).round().long() + half
    row, column = place.clamp(0, side - 1).unbind(-1)
    image = depth.new_full((clouds, side * side), torch.inf)
    image.scatter_reduce_(1, row * side + column, depth, "amin")
    covered = -torch.nn.functional.max_pool2d(-image.view(clouds, 1, side, side), 3, stride=1, padding=1)
    nearest = covered.view(clouds, -1).gather(1, row * side + column)
    behind = depth - nearest - _TOLERANCE * spacing
    return torch.where(behind > 0, _HIDDEN + behind, depth)


def _spacing(points: Tensor) -> Tensor:
    """(B, 1) side of the square of surface that one of the points (B, N, 3) has on average.

    Of points that are strewn over a plane, half have a neighbor within 0.47 of it.
    """
    total = points.shape[1]
    asked = points[:, : min(_ASKED, total)]
    lengths = points.square().sum(dim=-1)
    squared = lengths[:, : len(asked[0]), None] + lengths.unsqueeze(1) - 2.0 * asked @ points.transpose(1, 2)
    own = torch.arange(asked.shape[1], device=points.device)
    squared[:, own, own] = torch.inf
    nearest = squared.amin(dim=2).clamp(0.0, 1.0).sqrt().median(dim=1, keepdim=True).values / 0.47
    return nearest.nan_to_num(1.0).clamp(0.5 / total**0.5, 8.0 / total**0.5)


def _axes(direction: Tensor) -> Tensor:
    """(B, 3, 3) rows: right, up, towards the camera; orthonormal."""
    towards = torch.nn.functional.normalize(direction.squeeze(1), dim=-1, eps=1e-9)
    least = torch.nn.functional.one_hot(towards.abs().argmin(dim=-1), 3).to(towards)
    right = torch.nn.functional.normalize(torch.linalg.cross(towards, least), dim=-1, eps=1e-9)
    return torch.stack([right, torch.linalg.cross(towards, right), towards], dim=1)
