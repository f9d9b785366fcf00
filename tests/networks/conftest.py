"""What the tests of networks share: tiny patches, and weights that are nowhere zero."""

from __future__ import annotations

import pytest
import torch

from pointsra.ops.patches import Patches


@pytest.fixture
def perturbed():
    """Move every parameter by small noise, so that layers that start at zero let gradients through."""

    def change(module, deviation=0.1, seed=0):
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in module.parameters():
                noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.add_(deviation * noise.to(parameter))
        return module

    return change


@pytest.fixture
def tiny_patches():
    """Patches of random points: (B, G, 3) and (B, G, K, 3)."""

    def draw(clouds=2, groups=5, size=6, seed=0, dtype=torch.float32):
        generator = torch.Generator().manual_seed(seed)
        centers = torch.randn(clouds, groups, 3, generator=generator).to(dtype)
        return Patches(centers, 0.3 * torch.randn(clouds, groups, size, 3, generator=generator).to(dtype))

    return draw


@pytest.fixture
def gradients_arrive():
    """Every trainable parameter gets a finite gradient that is not zero, and no frozen one gets any."""

    def check(module, outputs):
        generator = torch.Generator().manual_seed(1)
        loss = sum((output * torch.randn(output.shape, generator=generator).to(output)).sum() for output in outputs)
        loss.backward()
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                assert parameter.grad is None, name
                continue
            assert parameter.grad is not None, f"{name} gets no gradient"
            assert bool(parameter.grad.isfinite().all()), f"{name}: gradient is not finite"
            assert parameter.grad.abs().max() > 1e-7, f"{name}: gradient is zero"

    return check
