"""A classifier of clouds: encoder, frozen flow through the gate, head."""

from __future__ import annotations

from torch import Tensor, nn

from pointsra.networks.flow_gate import FlowGate, FrozenFlow
from pointsra.networks.heads import cloud_feature
from pointsra.networks.masked_autoencoder import CloudEncoder
from pointsra.ops.patches import Patches


class PointClassifier(nn.Module):
    """Patches of a whole cloud → logits.

    Args:
        encoder: the patch encoder.
        head: (B, 4·C) → (B, L).
        frozen_flow: the flow that is asked about the centers; None classifies without it.
        frozen_encoder: keep encoder in eval mode and without gradients (linear and mlp3 protocols).
    """

    def __init__(
        self,
        encoder: CloudEncoder,
        head: nn.Module,
        frozen_flow: FrozenFlow | None = None,
        frozen_encoder: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(not frozen_encoder)
        self.frozen_encoder = frozen_encoder
        self.frozen_flow = frozen_flow
        self.gate = None if frozen_flow is None else FlowGate(encoder.dim, frozen_flow.feature_dim)
        self.head = head

    def train(self, mode: bool = True) -> PointClassifier:
        """Train what is trained; a frozen encoder keeps its running statistics."""
        super().train(mode)
        if self.frozen_encoder:
            self.encoder.eval()
        return self

    def features(self, patches: Patches, r: Tensor, t: Tensor, noise: Tensor | None = None) -> Tensor:
        """The feature (B, 4·C) that the head is given.

        Args:
            patches: centers (B, G, 3) and neighborhoods (B, G, K, 3).
            r: (B,), t: (B,) flow times.
            noise: (B, G, 3) for the noised state, or None for the clean one.
        """
        if self.frozen_flow is None or self.gate is None:
            return cloud_feature(self.encoder(patches))
        knowledge = self.frozen_flow(patches.centers, r, t, noise)
        gate = self.gate
        return cloud_feature(self.encoder(patches, lambda embedded: gate(embedded, knowledge)))

    def forward(self, patches: Patches, r: Tensor, t: Tensor, noise: Tensor | None = None) -> Tensor:
        """Logits (B, L); arguments as in :meth:`features`."""
        return self.head(self.features(patches, r, t, noise))
