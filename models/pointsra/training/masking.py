"""What of a batch is shown to whom: the nested masks of one step, and the frame they are seen in."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pointsra.ops.masks import block_order, random_order, view_order, visible_count
from pointsra.ops.patches import Patches
from pointsra.ops.sampling import gather_points
from pointsra.ops.transforms import Frame
from pointsra.settings.schema import Masks


@dataclass(frozen=True)
class MaskedClouds:
    """A batch cut in two.

    Attributes:
        visible: V patches that student and flow are shown.
        masked: the other M patches.
        teacher_visible: the patches that the teacher is shown; they contain the student's.
        whole_centers: (B, G, 3) all centers in the frame of the whole clouds.
    """

    visible: Patches
    masked: Patches
    teacher_visible: Patches
    whole_centers: Tensor


def mask_clouds(patches: Patches, masks: Masks, generator: torch.Generator) -> MaskedClouds:
    """Draw one kind of mask and one ratio for the batch, and an order for each cloud.

    Random masks hide ``masks.student`` of the patches; blocks and view-point crops hide a share between
    ``crop_low`` and ``crop_high``. The teacher hides ``masks.teacher``, and never more than the student.

    Args:
        patches: of whole clouds, G each.
    """
    centers = patches.centers
    clouds, groups, _ = centers.shape
    coins = torch.rand(2, generator=generator)
    kind, place = float(coins[0]), float(coins[1])
    crop = masks.crop_low + (masks.crop_high - masks.crop_low) * place
    if kind < masks.view_share:
        ratio, order = crop, view_order(centers, generator)
    elif kind < masks.view_share + masks.block_share:
        ratio, order = crop, block_order(centers, generator)
    else:
        ratio, order = masks.student, random_order(clouds, groups, generator).to(centers.device)
    shown = min(visible_count(groups, ratio), groups - 1)
    taught = max(visible_count(groups, masks.teacher), shown)
    if masks.frame == "visible":
        patches = patches.moved(visible_frame(gather_points(centers, order[:, :shown])))
    return MaskedClouds(
        visible=patches.select(order[:, :shown]),
        masked=patches.select(order[:, shown:]),
        teacher_visible=patches.select(order[:, :taught]),
        whole_centers=centers,
    )


def visible_frame(centers: Tensor) -> Frame:
    """The unit frame of visible centers (B, V, 3), which needs nothing that is hidden."""
    offset = centers.mean(dim=1, keepdim=True)
    radius = (centers - offset).norm(dim=-1).amax(dim=1)[:, None, None]
    return Frame(offset, radius.clamp_min(1e-3))
