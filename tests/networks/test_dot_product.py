"""Attention where its precision is chosen: against torch's own, with masks, gradients and forward-mode derivatives."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from pointsra.networks import dot_product
from pointsra.networks.dot_product import attend


def drawn(asking=5, asked=7, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 3, count, 8) for count in (asking, asked, asked)]
    return [torch.randn(shape, generator=generator).to(torch.bfloat16).to(dtype).requires_grad_() for shape in shapes]


def masks():
    some = torch.rand(2, 1, 5, 7, generator=torch.Generator().manual_seed(1)) < 0.5
    some[0, 0, 2] = False  # a query that reads nothing
    some[1, 0, 2] = True
    return {"none": None, "some": some, "shared": some[:, :, 3:4]}


def with_gradients(way, inputs, mask):
    mixed = way(*inputs, mask)
    weights = torch.randn(mixed.shape, generator=torch.Generator().manual_seed(2)).to(mixed)
    return mixed, torch.autograd.grad((mixed * weights).sum(), inputs)


@pytest.mark.parametrize("mask", ["none", "some", "shared"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_is_torchs_own_in_single_and_double_precision(dtype, mask):
    inputs = drawn(dtype=dtype)
    found, expected = (with_gradients(way, inputs, masks()[mask]) for way in (attend, F.scaled_dot_product_attention))
    assert torch.equal(found[0], expected[0])
    assert all(torch.equal(*pair) for pair in zip(found[1], expected[1], strict=True))


@pytest.mark.parametrize("mask", ["none", "some", "shared"])
@pytest.mark.parametrize("autocast", [False, True])
def test_in_half_precision_only_the_results_are_rounded(autocast, mask):
    inputs = drawn(dtype=torch.float32 if autocast else torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        found, gradients = with_gradients(attend, inputs, masks()[mask])
    exact = drawn()  # the same values: what is drawn is rounded first
    expected, exact_gradients = with_gradients(F.scaled_dot_product_attention, exact, masks()[mask])
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, expected.to(torch.bfloat16))
    for gradient, true in zip(gradients, exact_gradients, strict=True):  # what goes back is rounded
        torch.testing.assert_close(gradient.float(), true, atol=0.02, rtol=0.02)
    if mask == "some":
        assert not found[0, :, 2].any() and not gradients[0][0, :, 2].any()


def test_without_gradients_or_with_many_keys_torch_does_it_as_it_is(monkeypatch):
    asked = []
    direct = F.scaled_dot_product_attention

    def watched(*inputs):
        asked.append(inputs[0].dtype)
        return direct(*inputs)

    monkeypatch.setattr(F, "scaled_dot_product_attention", watched)
    inputs = drawn(dtype=torch.bfloat16)
    attend(*inputs)
    with torch.no_grad():
        attend(*inputs)
    attend(*(part.detach() for part in inputs))
    monkeypatch.setattr(dot_product, "_FEW_KEYS", 6)
    attend(*inputs)
    assert asked == [torch.float32] + 3 * [torch.bfloat16]


@pytest.mark.parametrize("graph", [False, True])
def test_forward_mode_in_half_precision(graph):
    inputs, tangents = drawn(), [torch.ones_like(part) * 0.5 for part in drawn()]
    tangents[2] = tangents[2] * drawn()[2].detach()

    def derivative(way, dtype):
        given, along = ([part.detach().to(dtype) for part in parts] for parts in (inputs, tangents))
        frozen = inputs[1].to(dtype) * 0  # what needs a gradient and is no input of the JVP, as weights are
        with sdpa_kernel(SDPBackend.MATH), torch.set_grad_enabled(graph):
            return torch.func.jvp(lambda q, k, v: way(q, k + frozen, v), tuple(given), tuple(along))

    value, change = derivative(attend, torch.bfloat16)
    true_value, true_change = derivative(F.scaled_dot_product_attention, torch.float64)
    torch.testing.assert_close(value.double(), true_value, atol=0.02, rtol=0.02)
    torch.testing.assert_close(change.double(), true_change, atol=0.02, rtol=0.02)
    assert change.requires_grad == graph
