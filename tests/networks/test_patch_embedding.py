"""The patch embedding against Point-MAE's mini-PointNet, written anew with 1×1 convolutions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pointsra.networks.patch_embedding import PatchEmbedding


class PointMaeEncoder(nn.Module):
    """Point-MAE's network as its paper draws it: channels first, the global feature in front of the local one."""

    def __init__(self, dim, widths):
        super().__init__()
        first, second, third = widths
        self.first_conv = nn.Sequential(
            nn.Conv1d(3, first, 1), nn.BatchNorm1d(first), nn.ReLU(), nn.Conv1d(first, second, 1)
        )
        self.second_conv = nn.Sequential(
            nn.Conv1d(2 * second, third, 1), nn.BatchNorm1d(third), nn.ReLU(), nn.Conv1d(third, dim, 1)
        )

    def forward(self, neighborhoods):
        clouds, groups, size, _ = neighborhoods.shape
        local = self.first_conv(neighborhoods.reshape(clouds * groups, size, 3).transpose(2, 1))
        largest = local.max(dim=2, keepdim=True).values
        joined = torch.cat([largest.expand(-1, -1, size), local], dim=1)
        return self.second_conv(joined).max(dim=2).values.reshape(clouds, groups, -1)


def copied(ours, widths, dim):
    theirs = PointMaeEncoder(dim, widths).to(ours.joined.weight.dtype)
    pairs = {
        theirs.first_conv[0]: ours.first[0],
        theirs.first_conv[1]: ours.first[1],
        theirs.first_conv[3]: ours.first[3],
        theirs.second_conv[0]: ours.joined,
        theirs.second_conv[1]: ours.second[0],
        theirs.second_conv[3]: ours.second[2],
    }
    for target, source in pairs.items():
        state = source.state_dict()
        if isinstance(target, nn.Conv1d):
            state["weight"] = state["weight"].unsqueeze(-1)
        target.load_state_dict(state)
    return theirs


def prepared(perturbed, widths=(8, 12, 20), dim=16):
    ours = perturbed(PatchEmbedding(dim, widths).double(), 0.3)
    generator = torch.Generator().manual_seed(3)
    for layer in (ours.first[1], ours.second[0]):
        layer.running_mean.copy_(0.2 * torch.randn(layer.num_features, generator=generator))
        layer.running_var.copy_(0.5 + torch.rand(layer.num_features, generator=generator))
    return ours, copied(ours, widths, dim)


def neighborhoods(seed=0):
    return torch.randn(3, 4, 7, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("training", [False, True])
def test_equals_point_mae(perturbed, training):
    ours, theirs = prepared(perturbed)
    ours.train(training)
    theirs.train(training)
    torch.testing.assert_close(ours(neighborhoods()), theirs(neighborhoods()))
    torch.testing.assert_close(ours.first[1].running_mean, theirs.first_conv[1].running_mean)
    torch.testing.assert_close(ours.second[0].running_var, theirs.second_conv[1].running_var)


def test_gradients_equal_point_mae(perturbed):
    ours, theirs = prepared(perturbed)
    for network in (ours, theirs):
        network.train()(neighborhoods()).square().sum().backward()
    torch.testing.assert_close(ours.joined.weight.grad, theirs.second_conv[0].weight.grad.squeeze(-1))
    torch.testing.assert_close(ours.first[0].weight.grad, theirs.first_conv[0].weight.grad.squeeze(-1))


def test_order_of_points_and_patches(perturbed):
    ours, _ = prepared(perturbed)
    ours.eval()
    points, order = neighborhoods(), torch.randperm(7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(points[:, :, order]), ours(points))
    torch.testing.assert_close(ours(points.flip(1)), ours(points).flip(1))
    torch.testing.assert_close(ours(points[:1]), ours(points)[:1])


def test_a_repeated_point_changes_nothing(perturbed):
    ours, _ = prepared(perturbed)
    ours.eval()
    points = neighborhoods()
    torch.testing.assert_close(ours(torch.cat([points, points[:, :, :2]], dim=2)), ours(points))
