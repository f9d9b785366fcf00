"""The dual self-representation alignment of Point-SRA (Wei et al., 2026): across mask ratios and across flow times."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def mask_ratio_alignment(student: Tensor, teacher: Tensor) -> Tensor:
    """MAE-SRA: 1 − cos(student, sg teacher), the mean over clouds.

    Args:
        student: (B, C) pooled feature of the high-ratio student's visible patches.
        teacher: (B, C) pooled feature of the low-ratio teacher's; gets no gradient.
    """
    return (1.0 - F.cosine_similarity(student, teacher.detach(), dim=-1)).mean()


def flow_time_alignment(later: Tensor, earlier: Tensor, transported: Tensor, active: Tensor) -> Tensor:
    """MFT-SRA: flow features at t_a against features at t_b < t_a, transported along the path.

    The paper adds the displacement u(z_tb, t_a, t_b)·(t_a − t_b) of points to a feature. Our reading: when a point
    moves by Δz, its embedded token moves by E(z + Δz) − E(z), and that is added. Both sides are divided by their
    root mean square before the mean squared difference: tokens of the residual stream grow as the flow learns, and
    without this the term grows with them (and could be lowered by shrinking every token). u transports along the
    marginal flow while both times lie on one sample's path: the floor lies above 0.

    Args:
        later: (B, T, D) hidden tokens of the trained flow at t_a.
        earlier: (B, T, D) hidden tokens of the averaged flow at t_b; gets no gradient.
        transported: (B, T, D) the token's displacement. Gradients pass to a projection where one makes it; the
            caller detaches what should not learn.
        active: (B, T) bool, the slots that hold state.
    """
    target = _unit_rms((earlier.detach() + transported).float())
    weight = active.to(later.dtype).unsqueeze(-1)
    squared = (_unit_rms(later.float()) - target).square() * weight
    return squared.sum() / (weight.sum() * later.shape[-1])


def _unit_rms(tokens: Tensor) -> Tensor:
    return tokens * (tokens.square().mean(dim=-1, keepdim=True) + 1e-6).rsqrt()
