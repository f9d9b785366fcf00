"""Flow-conditioned fine-tuning: the frozen flow's knowledge, gated into the patch features (Point-SRA §6).

F = MFT(centers, t, r) without image, text or visible patches; F_cond = projection(F); g = σ(MLP(F_cond));
H_e = H_g ⊙ (1 + α g) + β F_cond. α and β are learned and start at 0, so that training starts as the plain encoder.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pointsra.networks.mean_flow_transformer import MeanFlowTransformer, rms_norm
from pointsra.ops.center_state import ranks
from pointsra.ops.ordering import morton_order
from pointsra.ops.sampling import gather_points
from pointsra.ops.transforms import unit_frame


class FrozenFlow(nn.Module):
    """A trained flow that is asked about whole clouds and never changes.

    Args:
        flow: built without context, image and text.
        ordered: whether it was trained with ranks in Morton order.
        averages: whether it knows average velocities (r ≠ t); others are asked with r = t.
        noise: what noise it was trained with, as in :func:`slot_noise`.
        path: its state for clean centers and noise (B, G, 3) at a time (B,); None: (1 − t)·z₀ + t·noise.
    """

    center_scale: Tensor

    def __init__(
        self,
        flow: MeanFlowTransformer,
        ordered: bool = True,
        averages: bool = True,
        noise: str = "white",
        path: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.flow = flow.requires_grad_(False)
        self.ordered = ordered
        self.averages = averages
        self.noise = noise
        self.path = path
        self.register_buffer("center_scale", torch.ones(()))

    @property
    def feature_dim(self) -> int:
        """Width of :meth:`forward`'s result: velocity and hidden token."""
        return 3 + self.flow.dim

    def train(self, mode: bool = True) -> FrozenFlow:
        """Stay in eval mode whatever the surrounding model is told."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, centers: Tensor, r: Tensor, t: Tensor, noise: Tensor | None = None) -> Tensor:
        """Ask the flow about every patch.

        Args:
            centers: (B, G, 3) in any frame; the flow is asked in their own unit frame, as it was trained.
            r: (B,), t: (B,) times.
            noise: (B, G, 3) of the slots, in their order; given, the state is where its path has come at t,
                otherwise the clean centers.

        Returns:
            (B, G, 3 + D) velocity and normalized hidden token of each patch, in the order of ``centers``.
        """
        clouds, groups, _ = centers.shape
        centers = unit_frame(centers).to_unit(centers)
        slots = torch.arange(groups, device=centers.device)
        order = morton_order(centers) if self.ordered else slots.expand(clouds, -1)
        places = ranks(groups, slots).expand(clouds, -1) if self.ordered else None
        state = gather_points(centers, order) / self.center_scale
        if noise is not None:
            time = t[:, None, None]
            state = (1 - time) * state + time * noise if self.path is None else self.path(state, noise, t)
        output = self.flow(state, r, t, rank=places)
        features = torch.cat([output.velocity, rms_norm(output.hidden)], dim=-1)
        return gather_points(features, order.argsort(dim=1))


class FlowGate(nn.Module):
    """Gate flow features into patch features.

    Args:
        dim: width C of the patch features.
        flow_dim: width of the flow's features.
    """

    def __init__(self, dim: int, flow_dim: int) -> None:
        super().__init__()
        self.projection = nn.Linear(flow_dim, dim)
        self.gate = nn.Sequential(nn.Linear(dim, dim // 4), nn.GELU(), nn.Linear(dim // 4, dim))
        self.alpha = nn.Parameter(torch.zeros(()))
        self.beta = nn.Parameter(torch.zeros(()))

    def forward(self, patches: Tensor, flow_features: Tensor) -> Tensor:
        """Patch features (B, G, C) and flow features (B, G, F): enhanced patch features (B, G, C)."""
        condition = self.projection(flow_features)
        gate = torch.sigmoid(self.gate(condition))
        return patches * (1 + self.alpha * gate) + self.beta * condition
