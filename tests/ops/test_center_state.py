"""The flow's state: which slots are state, in what frame, in what order, with what ranks."""

from __future__ import annotations

import pytest
import torch

from pointsra.ops.center_state import center_state, ranks
from pointsra.ops.ordering import morton_order
from pointsra.ops.sampling import gather_points

V, M, G = 4, 6, 10


def batch(seed=0, clouds=3):
    generator = torch.Generator().manual_seed(seed)
    whole = torch.randn(clouds, G, 3, generator=generator)
    return whole[:, :V] + 0.5, whole[:, V:] + 0.5, whole, torch.tensor([False, True, False])[:clouds]


SCALE = torch.tensor(0.4)


def test_slots_of_conditioned_rows():
    visible, masked, whole, free = batch()
    state = center_state(visible, masked, whole, free, SCALE, order="none")
    assert state.rank is None
    assert state.active.tolist() == [[False] * V + [True] * M, [True] * G, [False] * V + [True] * M]
    assert state.there is None
    for row in (0, 2):
        middle = visible[row].mean(dim=0)
        torch.testing.assert_close(state.data[row, V:], (masked[row] - middle) / 0.4)
        torch.testing.assert_close(state.visible_centers[row], (visible[row] - middle) / 0.4)


def test_unconditioned_rows_hold_the_whole_cloud_in_its_own_frame():
    visible, masked, whole, free = batch()
    state = center_state(visible, masked, whole, free, SCALE, order="none")
    torch.testing.assert_close(state.data[1], whole[1] / 0.4)


def test_with_more_cells_a_whole_cloud_leaves_the_last_slots_empty():
    visible, masked, whole, free = batch()
    state = center_state(visible, torch.cat([masked, masked], dim=1), whole, free, SCALE, order="cells")
    slots = V + 2 * M
    assert state.there.tolist() == [[True] * slots, [True] * G + [False] * M, [True] * slots]
    hidden = [False] * V + [True] * 2 * M
    assert state.active.tolist() == [hidden, [True] * G + [False] * M, hidden]
    assert state.data.shape == (3, slots, 3) and not state.data[1, G:].any()


def test_state_can_be_undone_with_what_is_visible():
    visible, masked, whole, free = batch()
    state = center_state(visible, masked, whole, free, SCALE, order="none")
    recovered = state.data[0, V:] * SCALE + visible[0].mean(dim=0)
    torch.testing.assert_close(recovered, masked[0])


def test_ordered_state_is_sorted_and_ranked_within_what_is_state():
    visible, masked, whole, free = batch()
    state = center_state(visible, masked, whole, free, SCALE, order="morton")
    torch.testing.assert_close(
        state.data[0, V:], (gather_points(masked, morton_order(masked))[0] - visible[0].mean(0)) / 0.4
    )
    torch.testing.assert_close(state.data[1], gather_points(whole, morton_order(whole))[1] / 0.4)
    torch.testing.assert_close(state.rank[0, V:], (torch.arange(M) + 0.5) / M)
    torch.testing.assert_close(state.rank[1], (torch.arange(G) + 0.5) / G)
    used = state.rank[state.active]
    assert bool(((used > 0) & (used < 1)).all())


def test_order_of_the_hidden_patches_changes_nothing_when_ordered():
    visible, masked, whole, free = batch(1)
    shuffle = torch.randperm(M, generator=torch.Generator().manual_seed(0))
    first = center_state(visible, masked, whole, free, SCALE, order="morton")
    second = center_state(visible, masked[:, shuffle], whole, free, SCALE, order="morton")
    assert torch.equal(first.data, second.data)
    plain = center_state(visible, masked[:, shuffle], whole, free, SCALE, order="none")
    assert not torch.equal(plain.data, center_state(visible, masked, whole, free, SCALE, order="none").data)


@pytest.mark.parametrize("order", ["morton", "none"])
def test_the_frame_needs_only_what_is_visible(order):
    """Changing what is hidden moves neither the condition's centers nor the origin; completion depends on it."""
    visible, masked, whole, free = batch(2)
    first = center_state(visible, masked, whole, free, SCALE, order)
    second = center_state(visible, masked.flip(1) * 3.0 - 7.0, whole, free, SCALE, order)
    assert torch.equal(first.visible_centers, second.visible_centers)
    shift = torch.tensor([1.0, 2.0, -3.0])
    moved = center_state(visible + shift, masked + shift, whole, free, SCALE, order="none")
    still = center_state(visible, masked, whole, free, SCALE, order="none")
    torch.testing.assert_close(moved.data[0, V:], still.data[0, V:])


def test_ranks_lie_inside_the_interval_for_any_count():
    assert ranks(1, torch.arange(1)).tolist() == [0.5]
    for count in (2, 5, 512):
        values = ranks(count, torch.arange(count))
        assert values.min() > 0 and values.max() < 1
        torch.testing.assert_close(values + values.flip(0), torch.ones(count))


def test_cells_keep_their_order_and_get_ranks_while_whole_clouds_are_sorted():
    visible, masked, whole, free = batch(4)
    cells = center_state(visible, masked, whole, free, SCALE, order="cells")
    plain = center_state(visible, masked, whole, free, SCALE, order="none")
    morton = center_state(visible, masked, whole, free, SCALE, order="morton")
    assert torch.equal(cells.data[~free], plain.data[~free])
    assert torch.equal(cells.data[free], morton.data[free])
    assert torch.equal(cells.rank, morton.rank)


def test_a_scan_of_more_patches_leaves_rows_without_condition_their_slots():
    _, masked, whole, free = batch()
    visible = whole[:, :9] + 0.5
    state = center_state(visible, masked, whole, free, SCALE, order="morton")
    assert state.active.tolist() == [[False] * 9 + [True] * M, [True] * G + [False] * 5, [False] * 9 + [True] * M]
    torch.testing.assert_close(state.data[1, :G], gather_points(whole, morton_order(whole))[1] / 0.4)
    torch.testing.assert_close(state.rank[1, :G], (torch.arange(G) + 0.5) / G)
    torch.testing.assert_close(state.rank[0, 9:], (torch.arange(M) + 0.5) / M)
    assert bool(torch.isfinite(state.data).all())
