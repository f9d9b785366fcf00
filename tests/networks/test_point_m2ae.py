"""Point-M2AE's network and loss equal what its authors' code computes, written out a cloud at a time, and its size."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from pointsra.networks.heads import ClassificationHead, cloud_feature
from pointsra.networks.point_m2ae import HierarchicalEncoder, Hierarchy, Shown
from pointsra.networks.point_m2ae_decoder import HierarchicalDecoder, PointM2AE
from pointsra.objectives.reconstruction import patch_chamfer
from pointsra.ops.patches import cut_patches
from pointsra.ops.scales import visible_scales
from tests.networks.written_out import below, block, gelu, layer_norm, linear, mini_point_net, positions, unsettle

HIERARCHY = Hierarchy(dims=(8, 12, 16), depths=(1, 2, 1), groups=(12, 6), sizes=(4, 3), radii=(0.5, 0.8, 1.5))


def batch_norm_and_linear(tensors, name, values):
    found = linear(tensors, f"{name}.0", values)
    scaled = (found - tensors[f"{name}.1.running_mean"]) / (tensors[f"{name}.1.running_var"] + 1e-5).sqrt()
    return scaled * tensors[f"{name}.1.weight"] + tensors[f"{name}.1.bias"]


def tiny(local=False):
    encoder = HierarchicalEncoder(HIERARCHY, 2, (8, 12, 16), drop_path=0.0, local=local)
    return unsettle(PointM2AE(encoder, HierarchicalDecoder((16, 12), (1, 2), heads=2, points=5, drop_path=0.0)))


def clouds(count=3):
    points = torch.randn(count, 60, 3, generator=torch.Generator().manual_seed(4))
    return points / points.norm(dim=-1, keepdim=True)


def masks(count=3, groups=6, shown=2):
    rows = torch.zeros(count, groups, dtype=torch.bool)
    for row in range(count):
        rows[row, torch.randperm(groups, generator=torch.Generator().manual_seed(row))[:shown]] = True
    return rows


def fill(network, patches, coarsest):
    scales = network.encoder.scales(patches.centers)
    return network(patches, scales, visible_scales(scales, coarsest, finest=24))


def farthest(points, count):
    chosen = [0]
    while len(chosen) < count:
        away = torch.stack([(points - points[index]).norm(dim=-1) for index in chosen]).min(0).values
        chosen.append(int(away.argmax()))
    return points[chosen]


def nearest(points, centers, count):
    return (centers[:, None] - points[None]).norm(dim=-1).argsort(dim=1)[:, :count]


def grouped(points):
    """Centers, neighborhoods and members of the three scales of one cloud."""
    centers, neighborhoods, members = [], [], []
    for groups, size in ((24, 6), (12, 4), (6, 3)):
        found = farthest(points, groups)
        index = nearest(points, found, size)
        centers.append(found)
        members.append(index)
        neighborhoods.append(points[index] - found[:, None])
        points = found
    return centers, neighborhoods, members


def encoded(tensors, centers, neighborhoods, members, visible, radii=None):
    """Tokens of all scales for one cloud; the blocks see the visible ones alone."""
    found = []
    for scale in range(3):
        embed = below(tensors, f"embeddings.{scale}.")
        given = neighborhoods[0] if scale == 0 else found[-1][members[scale]]
        tokens = mini_point_net(embed, given)
        shown = visible[scale]
        mixed, where = tokens[shown], positions(below(tensors, f"positions.{scale}."), centers[scale][shown])
        apart = (centers[scale][shown][:, None] - centers[scale][shown][None]).norm(dim=-1)
        forbidden = None if radii is None else apart >= radii[scale]
        for number in range(HIERARCHY.depths[scale]):
            mixed = block(below(tensors, f"stages.{scale}.{number}."), mixed + where, 2, forbidden)
        tokens[shown] = mixed
        found.append(tokens)
    return found


def back_projected(members, coarsest):
    masks_found = [coarsest]
    for scale, count in ((2, 12), (1, 24)):
        mask = torch.zeros(count, dtype=torch.bool)
        mask[members[scale][masks_found[0]].flatten()] = True
        masks_found.insert(0, mask)
    return masks_found


def filled(tensors, centers, neighborhoods, members, coarsest):
    """Predicted and true points of the hidden patches of the middle scale."""
    visible = back_projected(members, coarsest)
    tokens = encoded(below(tensors, "encoder."), centers, neighborhoods, members, visible)
    decoder = below(tensors, "decoder.")
    # Coarsest: visible tokens first, then mask tokens, as in the peer.
    order = torch.cat([coarsest.nonzero()[:, 0], (~coarsest).nonzero()[:, 0]])
    top = layer_norm(below(tensors, "encoder."), "norm", tokens[2][coarsest])
    mixed = torch.cat([top, decoder["mask_token"][0].expand(int((~coarsest).sum()), -1)])
    where = positions(below(decoder, "positions.0."), centers[2][order])
    mixed = block(below(decoder, "stages.0.0."), mixed + where, 2)
    known = centers[2][order]
    squared = (centers[1][:, None] - known[None]).square().sum(-1)
    values, index = squared.sort(dim=1)
    weights = 1.0 / (values[:, :3] + 1e-8)
    carried = (mixed[index[:, :3]] * (weights / weights.sum(1, keepdim=True))[..., None]).sum(1)
    skipped = torch.zeros(12, 12)
    skipped[visible[1]] = layer_norm(decoder, "skip_norms.0", tokens[1][visible[1]])
    up = below(decoder, "propagations.0.")
    mixed = gelu(batch_norm_and_linear(up, "joined", torch.cat([skipped, carried], 1)))
    mixed = gelu(batch_norm_and_linear(up, "second", gelu(batch_norm_and_linear(up, "first", mixed))) + mixed)
    where = positions(below(decoder, "positions.1."), centers[1])
    for number in range(2):
        mixed = block(below(decoder, f"stages.1.{number}."), mixed + where, 2)
    hidden = layer_norm(decoder, "norm", mixed)[~visible[1]]
    return linear(decoder, "head", hidden).view(-1, 5, 3), neighborhoods[1][~visible[1]]


def test_reconstruction_and_loss_are_the_peers():
    network, points, coarsest = tiny(), clouds(), masks()
    patches = cut_patches(points, 24, 6)
    result = fill(network, patches, coarsest)
    tensors = network.state_dict()
    parts = [filled(tensors, *grouped(cloud), mask) for cloud, mask in zip(points, coarsest, strict=True)]
    assert len({len(predicted) for predicted, _ in parts}) > 1, "clouds should hide different numbers of patches"
    predicted, true = (torch.cat(part) for part in zip(*parts, strict=True))
    assert torch.allclose(result.predicted, predicted, atol=1e-5)
    assert torch.allclose(result.true, true, atol=1e-6)
    squared = (predicted[:, :, None] - true[:, None]).square().sum(-1)
    wanted = squared.min(2).values.mean() + squared.min(1).values.mean()
    loss = patch_chamfer(result.predicted.unsqueeze(0), result.true.unsqueeze(0))
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)


@pytest.mark.parametrize("local", [False, True])
def test_whole_clouds_are_encoded_as_by_the_peer(local):
    network, points = tiny(local).encoder, clouds()
    encoding = network(cut_patches(points, 24, 6))
    shown = [torch.ones(count, dtype=torch.bool) for count in (24, 12, 6)]
    for row, cloud in enumerate(points):
        radii = HIERARCHY.radii if local else None
        tokens = encoded(network.state_dict(), *grouped(cloud), shown, radii)[-1]
        tokens = layer_norm(network.state_dict(), "norm", tokens)
        assert torch.allclose(encoding.patches[row], tokens, atol=1e-5)
        wanted = torch.cat([tokens.mean(0), tokens.max(0).values])
        assert torch.allclose(cloud_feature(encoding)[row], wanted, atol=1e-5)


def test_radii_change_what_is_said():
    network, patches = tiny().encoder, cut_patches(clouds(), 24, 6)
    everywhere = network(patches).patches
    network.local = True
    assert not torch.allclose(network(patches).patches, everywhere, atol=1e-3)


def test_nothing_hidden_reaches_the_encoder():
    network, points, coarsest = tiny(), clouds(1), masks(1)
    patches = cut_patches(points, 24, 6)
    scales = network.encoder.scales(patches.centers)
    visible = back_projected(grouped(points[0])[2], coarsest[0])
    before = network.encoder.encode(patches, scales, [mask[None] for mask in visible])
    moved = patches.neighborhoods.clone()
    moved[0, ~visible[0]] += 1.0
    other = type(patches)(patches.centers, moved)
    after = network.encoder.encode(other, scales, [mask[None] for mask in visible])
    for first, second in zip(before, after, strict=True):
        assert torch.equal(first, second)


def test_batch_norm_sees_the_visible_alone():
    """The statistics of a batch of unequal clouds are those of its visible patches, without what fills up."""
    network, points, coarsest = tiny(), clouds(), masks()
    patches = cut_patches(points, 24, 6)
    visible = [back_projected(grouped(cloud)[2], mask) for cloud, mask in zip(points, coarsest, strict=True)]
    norm = network.encoder.embeddings[0].first[1].train()
    norm.momentum = 1.0
    shown = [torch.stack(scale) for scale in zip(*visible, strict=True)]
    network.encoder.encode(patches, network.encoder.scales(patches.centers), shown)
    seen = torch.cat([patches.neighborhoods[row][visible[row][0]] for row in range(3)]).flatten(0, 1)
    inner = network.encoder.embeddings[0].first[0](seen)
    assert torch.allclose(norm.running_mean, inner.mean(0), atol=1e-5)


def test_every_parameter_learns(gradients_arrive):
    network, patches = tiny(), cut_patches(clouds(), 24, 6)
    result = fill(network, patches, masks())
    gradients_arrive(network, [10.0 * result.predicted])


def test_packed_groups_return_to_their_places():
    visible = torch.tensor([[False, True, True, False], [True, False, False, False]])
    shown = Shown.of(visible)
    values = torch.arange(8.0).view(2, 4, 1)
    assert torch.equal(shown.gather(values)[shown.valid].flatten(), torch.tensor([1.0, 2.0, 4.0]))
    assert torch.equal(shown.spread(shown.gather(values)), values * visible.unsqueeze(-1))


def test_size_is_the_published_one():
    """12.9 M is the classifier of ScanObjectNN, whose head reads mean and maximum; without its head, 12.65 M."""
    with torch.device("meta"):
        encoder = HierarchicalEncoder(Hierarchy())
        head = ClassificationHead(2 * 384, 15)
    count = sum(parameter.numel() for parameter in [*encoder.parameters(), *head.parameters()])
    assert count / 1e6 == pytest.approx(12.9, abs=0.05)
    assert count == 12_921_935  # the peer's classifier, from its layers' widths


def test_gelu_of_the_twin_is_torchs():
    values = torch.linspace(-3, 3, 13)
    assert torch.allclose(gelu(values), F.gelu(values), atol=1e-6)
