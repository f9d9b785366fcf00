"""The flow transformer: what it must be blind to, what it must see, and its forward-mode derivative."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from pointsra.networks.initialization import build
from pointsra.networks.mean_flow_transformer import FlowCondition, FlowContext, MeanFlowTransformer, rms_norm

B, V, M, WIDTH = 3, 4, 5, 10
T = V + M


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def flow(perturbed):
    # The noise is large enough that every input leaves a mark on the velocity far above rounding.
    return perturbed(MeanFlowTransformer(12, 2, 2, context_dim=WIDTH, image_dim=5, text_dim=7).double(), 0.3)


STATE = some(B, T, 3)
RANK = torch.rand(B, T, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
R = torch.tensor([0.1, 0.3, 0.9], dtype=torch.float64)
TIME = torch.tensor([0.8, 0.3, 0.2], dtype=torch.float64)
CONTEXT = FlowContext(some(B, V, WIDTH, seed=2), some(B, V, 3, seed=3))
CONDITION = FlowCondition(some(B, 5, seed=4), some(B, 7, seed=5))


def difference(first, second):
    return (first - second).abs().max().item()


def test_visible_tokens_may_come_in_any_order(flow):
    order = torch.tensor([2, 0, 3, 1])
    shuffled = FlowContext(CONTEXT.tokens[:, order], CONTEXT.centers[:, order])
    straight = flow(STATE, R, TIME, RANK, CONTEXT, CONDITION)
    mixed = flow(STATE, R, TIME, RANK, shuffled, CONDITION)
    torch.testing.assert_close(mixed.velocity[:, V:], straight.velocity[:, V:])
    torch.testing.assert_close(mixed.hidden[:, V:], straight.hidden[:, V:])
    torch.testing.assert_close(mixed.velocity[:, :V], straight.velocity[:, order])


def test_tokens_and_their_centers_belong_together(flow):
    straight = flow(STATE, R, TIME, RANK, CONTEXT).velocity[:, V:]
    torn = FlowContext(CONTEXT.tokens[:, [1, 0, 2, 3]], CONTEXT.centers)
    assert difference(flow(STATE, R, TIME, RANK, torn).velocity[:, V:], straight) > 1e-4


def test_state_slots_move_with_their_ranks(flow):
    order = torch.cat([torch.arange(V), V + torch.tensor([4, 2, 0, 1, 3])])
    straight = flow(STATE, R, TIME, RANK, CONTEXT, CONDITION).velocity
    moved = flow(STATE[:, order], R, TIME, RANK[:, order], CONTEXT, CONDITION).velocity
    torch.testing.assert_close(moved, straight[:, order])
    left_behind = flow(STATE[:, order], R, TIME, RANK, CONTEXT, CONDITION).velocity
    assert difference(left_behind, straight[:, order]) > 1e-3


def test_without_ranks_slots_are_interchangeable(flow):
    order = torch.randperm(T, generator=torch.Generator().manual_seed(0))
    straight = flow(STATE, R, TIME).velocity
    torch.testing.assert_close(flow(STATE[:, order], R, TIME).velocity, straight[:, order])
    assert difference(flow(STATE, R, TIME, RANK).velocity, straight) > 1e-3


def test_what_stands_in_the_slots_of_the_condition_is_not_read(flow):
    other = STATE.clone()
    other[:, :V] = 99.0
    ranks = RANK.clone()
    ranks[:, :V] = -5.0
    straight = flow(STATE, R, TIME, RANK, CONTEXT, CONDITION).velocity
    assert torch.equal(flow(other, R, TIME, ranks, CONTEXT, CONDITION).velocity, straight)


def test_a_dropped_context_is_no_context(flow):
    keep = torch.tensor([True, False, True])
    mixed = flow(STATE, R, TIME, RANK, FlowContext(CONTEXT.tokens, CONTEXT.centers, keep), CONDITION)
    without = flow(STATE, R, TIME, RANK, None, CONDITION)
    given = flow(STATE, R, TIME, RANK, CONTEXT, CONDITION)
    for row in range(B):
        expected = given if keep[row] else without
        torch.testing.assert_close(mixed.velocity[row], expected.velocity[row])
        torch.testing.assert_close(mixed.hidden[row], expected.hidden[row])
    assert difference(given.velocity[1, V:], without.velocity[1, V:]) > 1e-4


def test_slots_that_hold_nothing_are_not_read(flow):
    keep = torch.tensor([True, False, True])
    there = keep[:, None] | (torch.arange(T) < T - 2)
    context = FlowContext(CONTEXT.tokens, CONTEXT.centers, keep, there)
    changed = STATE.clone()
    changed[:, T - 2 :] += 5.0
    before, after = (flow(state, R, TIME, RANK, context).velocity[:, : T - 2] for state in (STATE, changed))
    assert torch.equal(before[1], after[1]) and difference(before[0], after[0]) > 1e-3
    short = flow(STATE[1:2, : T - 2], R[1:2], TIME[1:2], RANK[1:2, : T - 2]).velocity
    torch.testing.assert_close(before[1:2], short)
    assert torch.equal(context.rows(torch.tensor([1])).there, there[1:2])
    assert context.detached().there is there


def test_the_context_may_come_out_of_autocast(perturbed):
    flow = perturbed(MeanFlowTransformer(12, 1, 2, context_dim=WIDTH), 0.3)
    tokens = CONTEXT.tokens.bfloat16()
    state, centers = STATE.float(), CONTEXT.centers.float()
    rounded, single = (
        flow(state, R.float(), TIME.float(), None, FlowContext(each, centers)).velocity
        for each in (tokens, tokens.float())
    )
    assert torch.equal(rounded, single)


def test_null_conditions(flow):
    nothing = flow(STATE, R, TIME).velocity
    torch.testing.assert_close(flow(STATE, R, TIME, condition=FlowCondition()).velocity, nothing)
    dropped = torch.zeros(B, dtype=torch.bool)
    all_dropped = FlowCondition(CONDITION.image, CONDITION.text, dropped, dropped)
    torch.testing.assert_close(flow(STATE, R, TIME, condition=all_dropped).velocity, nothing)
    one = FlowCondition(CONDITION.image, None, torch.tensor([True, False, True]))
    image_only = flow(STATE, R, TIME, condition=FlowCondition(image=CONDITION.image)).velocity
    mixed = flow(STATE, R, TIME, condition=one).velocity
    torch.testing.assert_close(mixed[1], nothing[1])
    torch.testing.assert_close(mixed[[0, 2]], image_only[[0, 2]])
    text_only = flow(STATE, R, TIME, condition=FlowCondition(text=CONDITION.text)).velocity
    assert difference(image_only, nothing) > 1e-4
    assert difference(text_only, nothing) > 1e-4
    assert difference(image_only, text_only) > 1e-4


def test_a_flow_built_without_modalities_ignores_them(perturbed):
    bare = perturbed(MeanFlowTransformer(12, 1, 2, context_dim=None).double(), 0.3)
    torch.testing.assert_close(bare(STATE, R, TIME, condition=CONDITION).velocity, bare(STATE, R, TIME).velocity)
    with pytest.raises(ValueError, match="context_dim"):
        bare(STATE, R, TIME, context=CONTEXT)


def test_both_times_matter_and_rows_do_not_meet(flow):
    straight = flow(STATE, R, TIME, RANK, CONTEXT, CONDITION).velocity
    assert difference(flow(STATE, R + 0.05, TIME, RANK, CONTEXT, CONDITION).velocity, straight) > 1e-4
    later = flow(STATE, R + 0.05, TIME + 0.05, RANK, CONTEXT, CONDITION).velocity  # the same t − r
    assert difference(later, straight) > 1e-4
    index = torch.tensor([2, 0])
    some_rows = flow(STATE[index], R[index], TIME[index], RANK[index], CONTEXT.rows(index), CONDITION.rows(index))
    torch.testing.assert_close(some_rows.velocity, straight[index])


def test_rows_select_keeps_too():
    keep = torch.tensor([True, False, True])
    index = torch.tensor([1, 2])
    assert FlowContext(CONTEXT.tokens, CONTEXT.centers, keep).rows(index).keep.tolist() == [False, True]
    rows = FlowCondition(CONDITION.image, None, keep).rows(index)
    assert torch.equal(rows.image, CONDITION.image[index]) and rows.text is None and rows.text_keep is None
    assert rows.image_keep.tolist() == [False, True]


def test_one_block_equals_the_write_up(flow):
    """adaLN with six parts, RMS norms, QK-norm and tanh GELU, head by head."""
    block = flow.blocks[0]
    tokens, condition = some(2, 6, 12), some(2, 12, seed=1)
    parts = F.linear(F.silu(condition), block.modulation.weight, block.modulation.bias).view(2, 6, 1, 12)
    shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = parts.unbind(1)

    def rms(values):
        return values / (values.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()

    inner = rms(tokens) * (1 + scale_a) + shift_a
    queries, keys, values = (inner @ block.qkv.weight[i * 12 : (i + 1) * 12].T for i in range(3))
    heads = []
    for channels in (slice(0, 6), slice(6, 12)):
        scores = rms(queries[..., channels]) @ rms(keys[..., channels]).transpose(1, 2) / math.sqrt(6)
        heads.append(scores.softmax(-1) @ values[..., channels])
    expected = tokens + gate_a * block.proj(torch.cat(heads, dim=-1))
    inner = rms(expected) * (1 + scale_m) + shift_m
    expected = expected + gate_m * block.fc2(F.gelu(block.fc1(inner), approximate="tanh"))
    torch.testing.assert_close(block(tokens, condition), expected)


def test_rms_norm():
    values = some(4, 9)
    torch.testing.assert_close(rms_norm(7.0 * values), rms_norm(values), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        rms_norm(values).square().mean(-1), torch.ones(4, dtype=torch.float64), atol=1e-4, rtol=0
    )


def test_starts_at_zero_velocity_with_blocks_that_do_nothing():
    flow = build(lambda: MeanFlowTransformer(12, 2, 2, context_dim=None), torch.Generator().manual_seed(0))
    output = flow(STATE.float(), R.float(), TIME.float())
    assert output.velocity.abs().max() == 0
    torch.testing.assert_close(output.hidden, flow.state(STATE.float()))


def test_displacement_moves_the_embedded_token(flow):
    step = some(B, T, 3, seed=8)
    moved = flow.state(STATE + step) - flow.state(STATE)
    torch.testing.assert_close(flow.embed_displacement(STATE, step), moved)
    assert flow.embed_displacement(STATE, 0 * step).abs().max() == 0


@pytest.mark.parametrize("factors", [(0.25, 0.5, 1.0, 2.0), (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)])
def test_points_enter_with_their_sinusoids(factors):
    """Axis by axis: the coordinates, then cosines, then sines at π/4, π/2, π, 2π …"""
    flow = MeanFlowTransformer(12, 1, 2, context_dim=5, octaves=len(factors)).double()
    point = [0.3, -0.7, 1.1]
    angles = [value * math.pi * factor for value in point for factor in factors]
    values = torch.tensor([*point, *map(math.cos, angles), *map(math.sin, angles)], dtype=torch.float64)
    for tokens in (flow.state, flow.context_positions):
        expected = tokens.layer.weight @ values + tokens.layer.bias
        # The frequencies are kept in single precision.
        torch.testing.assert_close(tokens(torch.tensor(point, dtype=torch.float64)), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("conditioned", [False, True])
def test_forward_mode_equals_central_differences(flow, conditioned):
    """Tangents (v, 0, 1), as MeanFlow needs them, and each of them alone."""
    context = FlowContext(CONTEXT.tokens, CONTEXT.centers, torch.tensor([True, False, True])) if conditioned else None
    condition = CONDITION if conditioned else None
    velocity = some(B, T, 3, seed=6)
    zero, one = torch.zeros(B, dtype=torch.float64), torch.ones(B, dtype=torch.float64)

    def evaluate(state, r, t):
        return flow(state, r, t, RANK, context, condition).velocity

    for tangents in (
        (velocity, zero, one),
        (velocity, zero, zero),
        (0 * velocity, one, zero),
        (0 * velocity, zero, one),
    ):
        with sdpa_kernel(SDPBackend.MATH):
            value, derivative = torch.func.jvp(evaluate, (STATE, R, TIME), tangents)
        step = 1e-5
        ahead = evaluate(*(x + step * d for x, d in zip((STATE, R, TIME), tangents, strict=True)))
        behind = evaluate(*(x - step * d for x, d in zip((STATE, R, TIME), tangents, strict=True)))
        torch.testing.assert_close(value, evaluate(STATE, R, TIME))
        torch.testing.assert_close(derivative, (ahead - behind) / (2 * step), atol=1e-6, rtol=1e-5)
        assert derivative.abs().max() > 1e-3


def test_gradients_flow_through_the_forward_mode_derivative(flow):
    velocity = some(B, T, 3, seed=6)
    tangents = (velocity, torch.zeros_like(R), torch.ones_like(TIME))
    with sdpa_kernel(SDPBackend.MATH):
        _, derivative = torch.func.jvp(
            lambda z, r, t: flow(z, r, t, RANK, CONTEXT).velocity, (STATE, R, TIME), tangents
        )
    derivative.square().mean().backward()
    assert flow.blocks[0].qkv.weight.grad.abs().max() > 0
    assert bool(flow.state.layer.weight.grad.isfinite().all())
