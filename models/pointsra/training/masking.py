"""What of a batch is shown to whom: the nested masks of one step, and the frame they are seen in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pointsra.ops.batch_parts import uniform
from pointsra.ops.cells import cut_cells
from pointsra.ops.masks import block_order, level_order, random_order, view_order, visible_count
from pointsra.ops.neighbors import nearest_indices
from pointsra.ops.occlusion import scan_order, whole_scan
from pointsra.ops.part_cuts import hide_parts
from pointsra.ops.patches import Patches, cut_patches
from pointsra.ops.sampling import gather_points
from pointsra.ops.transforms import Frame, rectangle_turn
from pointsra.training.assembly import augmented

if TYPE_CHECKING:
    from pointsra.data.loaders import Batch
    from pointsra.settings.pretraining import Masks, PretrainPreset

FRAMES = ("whole", "visible", "aligned")
"""What ``masks.frame`` may be."""


@dataclass(frozen=True)
class MaskedClouds:
    """A batch cut in two.

    Attributes:
        visible: V patches that student and flow are shown.
        masked: the other M patches, or cells of the points that they own (``masks.hidden``), ``cell_density`` times as
            many.
        teacher_visible: the patches that the teacher is shown; they contain the student's.
        whole_centers: (B, G, 3) all centers in the frame of the whole clouds.
        scale: (B,) length of the patches' unit in the frame of the whole clouds; 1 where that is their frame.
        alternatives: what else the hidden part could be, each cut like it; none where that is not known.
    """

    visible: Patches
    masked: Patches
    teacher_visible: Patches
    whole_centers: Tensor
    scale: Tensor
    alternatives: tuple[Patches, ...] = ()


def mask_batch(batch: Batch, preset: PretrainPreset, generator: torch.Generator) -> MaskedClouds:
    """Augment a batch, what else its hidden parts could be along with it, cut it in patches and mask those."""
    points, others = batch.points, batch.alternatives
    stored = points.shape[1]
    if others is not None:
        points = torch.cat([points, others.flatten(1, 2)], dim=1)
    points = augmented(points, preset.augment, generator)
    if others is not None:
        points, others = points[:, :stored].contiguous(), points[:, stored:].reshape(others.shape)
    patches = cut_patches(points, preset.patches.groups, preset.patches.size)
    return mask_clouds(points, patches, preset.masks, generator, batch.parts, batch.hidden, others)


def mask_clouds(
    points: Tensor,
    patches: Patches,
    masks: Masks,
    generator: torch.Generator,
    parts: Tensor | None = None,
    hidden: Tensor | None = None,
    alternatives: Tensor | None = None,
) -> MaskedClouds:
    """Draw one kind of mask and one ratio for the batch, and an order for each cloud.

    Random masks hide ``masks.student`` of the patches; blocks, view-point crops and level cuts hide a share between
    ``crop_low`` and ``crop_high``; single-view scans hide a share of the points between ``scan_low`` and
    ``scan_high``: the last that a camera comes to know, or with several ``scan_views`` all that one does not see; they
    are cut in ``scan_density`` times as many patches as their share gives, if ``sealed``. Part masks hide as many whole
    parts as come nearest to the share of a crop; a cloud without labels or of one part gets a level cut. The teacher
    hides ``masks.teacher``, and never more than the student. Where ``hidden`` is given, that
    is hidden, whatever kind was drawn, and the number of hidden patches follows from the share of a crop.

    Args:
        points: (B, N, 3) the whole clouds.
        patches: cut from them, G each.
        masks: settings.
        generator: of everything drawn.
        parts: (B, N) part labels, where there are any.
        hidden: (B, N) bool, the points of a part that could be another.
        alternatives: (B, K, P, 3) what else it could be.
    """
    centers = patches.centers
    clouds, groups, _ = centers.shape
    coins = torch.rand(2, generator=generator)
    kind, place = float(coins[0]), float(coins[1])
    crop = masks.crop_low + (masks.crop_high - masks.crop_low) * place
    drawn = masks.view_share + masks.block_share
    scan = view = None
    if hidden is not None:
        ratio, order = crop, _as_scanned(points, centers, hidden)
    elif kind < masks.view_share:
        ratio, order = crop, view_order(centers, generator)
    elif kind < drawn:
        ratio, order = crop, block_order(centers, generator)
    elif kind < drawn + masks.scan_share:
        ratio = masks.scan_low + (masks.scan_high - masks.scan_low) * place
        if masks.scan_views > 1:
            known, *view = whole_scan(points, 1.0 - ratio, masks.scan_views, generator)
        else:
            known = scan_order(points, generator)
        scan = known.argsort(dim=1)  # rank of each point
        order = _as_scanned(points, centers, scan)
    elif kind < drawn + masks.scan_share + masks.level_share:
        ratio, order = crop, level_order(centers, generator)
    elif kind < drawn + masks.scan_share + masks.level_share + masks.part_share:
        ratio, order = crop, level_order(centers, generator)
        if parts is not None:
            hidden = hide_parts(points, parts, centers, ratio, generator)
            by_parts = _as_scanned(points, centers, hidden)
            order = torch.where(hidden.any(dim=1, keepdim=True), by_parts, order)
    else:
        ratio, order = masks.student, random_order(clouds, groups, generator).to(centers.device)
    shown = min(visible_count(groups, ratio), groups - 1)
    taught = max(visible_count(groups, masks.teacher), shown)
    visible, masked = patches.select(order[:, :shown]), patches.select(order[:, shown:])
    size = patches.neighborhoods.shape[2]
    cells = masks.cell_density * (groups - shown)
    seen = None
    if masks.sealed or masks.hidden == "cells":
        if scan is None:
            seen = _seen(points, centers, order[:, :shown])
        else:
            seen = _leading(scan, shown / groups)
        if view is not None:
            whole, near = view
            seen = torch.where(near, whole, seen)
        if hidden is not None:
            seen = torch.where(hidden.any(dim=1, keepdim=True), ~hidden, seen)
    if seen is not None and masks.sealed:
        dense = shown if scan is None else scan_patches(shown, masks.scan_density)
        count = max(scan_size(points.shape[1], groups, shown, size), dense)
        visible = cut_patches(scanned(points, seen, count, generator), dense, size)
    frame = frame_of(visible, masks.frame)
    if frame is not None:
        points, patches = frame.to_unit(points), patches.moved(frame)
        visible, masked = visible.moved(frame), masked.moved(frame)
    if seen is not None and masks.hidden == "cells":
        masked = cut_cells(points, ~seen, cells, size)
    if frame is not None and alternatives is not None:
        alternatives = frame.to_unit(alternatives.flatten(1, 2)).view_as(alternatives)
    return MaskedClouds(
        visible=visible,
        masked=masked,
        teacher_visible=patches.select(order[:, :taught]),
        whole_centers=centers,
        scale=centers.new_ones(len(centers)) if frame is None else frame.scale.flatten(),
        alternatives=() if alternatives is None else _each_cut(alternatives, cells, size),
    )


def scan_size(points: int, groups: int, shown: int, size: int) -> int:
    """How many points of a partial scan the networks are given: as dense as ``points`` on the whole, if it is cut in
    ``groups`` and ``shown`` of them are visible; enough for a patch of ``size``."""
    return max(round(points * shown / groups), shown, size)


def scan_patches(shown: int, density: float) -> int:
    """How many patches a single-view scan is cut in whose share of the points would give it ``shown``."""
    return max(round(density * shown), shown)


def scanned(points: Tensor, seen: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Random visible points, as a scan of the visible part alone would give them.

    Args:
        points: (B, N, 3) the whole clouds.
        seen: (B, N) bool; where none is (all points of a cloud are one), any is taken.
        count: points wanted; where fewer are seen they are repeated.

    Returns:
        (B, count, 3) in random order.
    """
    keys = uniform(seen.shape, generator).to(points.device)
    first = (keys + seen).topk(min(count, points.shape[1]), dim=1).indices  # those seen come first
    places = torch.arange(count, device=points.device) % seen.sum(dim=1, keepdim=True).clamp_min(1)
    return gather_points(points, first.gather(1, places))


def _seen(points: Tensor, centers: Tensor, shown: Tensor) -> Tensor:
    """(B, N) bool, the points whose nearest center is one of those shown (B, V)."""
    clouds, groups, _ = centers.shape
    seen = torch.zeros(clouds, groups, dtype=torch.bool, device=points.device).scatter_(1, shown, True)
    return seen.gather(1, nearest_indices(points, centers, 1).squeeze(2))


def _leading(ranks: Tensor, share: float) -> Tensor:
    """(B, N) bool, True for the ``share`` of each cloud's points whose ranks (B, N) are the lowest."""
    return ranks < max(1, round(share * ranks.shape[1]))


def _each_cut(clouds: Tensor, count: int, size: int) -> tuple[Patches, ...]:
    """The cells of the first, the second … of several clouds (B, K, P, 3) for each."""
    flat = clouds.flatten(0, 1)
    everything = torch.ones(flat.shape[:2], dtype=torch.bool, device=flat.device)
    cells = cut_cells(flat, everything, count, size)
    parts = (part.unflatten(0, clouds.shape[:2]).unbind(1) for part in (cells.centers, cells.neighborhoods))
    return tuple(Patches(centers, members) for centers, members in zip(*parts, strict=True))


def _as_scanned(points: Tensor, centers: Tensor, ranks: Tensor) -> Tensor:
    """(B, G) patches in the order in which a scan comes to know their points (B, N, 3), by the mean rank (B, N) of
    what each center owns."""
    owner = nearest_indices(points, centers, 1).squeeze(2)
    means = torch.zeros(centers.shape[:2], dtype=points.dtype, device=points.device)
    return means.scatter_reduce(1, owner, ranks.to(points), "mean", include_self=False).argsort(dim=1)


def frame_of(visible: Patches, name: str) -> Frame | None:
    """The frame of ``masks.frame`` by its name, for visible patches; None for "whole", which moves nothing.

    Raises:
        ValueError: no such frame.
    """
    if name not in FRAMES:
        raise ValueError(f"masks.frame = {name} is not known")
    return None if name == "whole" else visible_frame(visible, aligned=name == "aligned")


def visible_frame(visible: Patches, aligned: bool = False) -> Frame:
    """The unit frame of the centers of visible patches, which needs nothing that is hidden.

    Args:
        visible: V patches of each cloud.
        aligned: turn it so that the smallest rectangle around the visible points, seen from above, lies along the axes.
    """
    offset = visible.centers.mean(dim=1, keepdim=True)
    radius = (visible.centers - offset).norm(dim=-1).amax(dim=1)[:, None, None]
    return Frame(offset, radius.clamp_min(1e-3), rectangle_turn(visible.points) if aligned else None)
