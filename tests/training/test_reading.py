"""What centers show: the reader learns features off true centers, and its energy score tells modes that are missing."""

from __future__ import annotations

import pytest
import torch

from pointsra.data.loaders import Batch
from pointsra.errors import DataError
from pointsra.objectives.energy import energy_score
from pointsra.ops.center_state import CenterState, center_state
from pointsra.ops.randomness import stream
from pointsra.settings import load_preset
from pointsra.training.assembly import build_point_sra, point_sra_sizes
from pointsra.training.pretrain_learner import PretrainLearner
from pointsra.training.reading import Reading
from tests.conftest import TINY

V, M = 3, 8
ONE = torch.ones(())


def _options(clouds, generator):
    """Hidden centers (B, M, 3) of two kinds that lie hardly farther apart than two of one kind, and which it is (B,).

    Every center of either kind is drawn from the same square; but in the first kind the last one is the first once
    more, moved by one along z, and in the second it is itself moved so.
    """
    kind = (torch.rand(clouds, generator=generator) < 0.5).long()
    hidden = torch.randn(clouds, M, 3, generator=generator)
    hidden[..., 2] = 0.0
    hidden[:, -1, 2] = torch.where(kind == 0, 1.0, -1.0)
    return hidden, kind


def _state(hidden, generator):
    visible = 0.1 * torch.randn(len(hidden), V, 3, generator=generator)
    free = torch.zeros(len(hidden), dtype=torch.bool)
    whole = torch.cat([visible, hidden], dim=1)
    return center_state(visible, hidden, whole, free, torch.ones(()), order="none")


def _batch(kind):
    text = torch.tensor([[1.0, -1.0, 0.5], [-1.0, 1.0, 0.5]])[kind]
    return Batch(points=torch.zeros(len(kind), 1, 3), labels=kind, image=None, text=text)


def test_reading_tells_missing_modes_from_the_truth_where_centers_hardly_do():
    generator = stream(0, "test")
    reading = Reading(0, 3, 4, seed=0)
    optimizer = torch.optim.AdamW(reading.parameters(), lr=2e-3)
    for _ in range(80):
        hidden, kind = _options(64, generator)
        optimizer.zero_grad()
        loss = reading.error(_state(hidden, generator), _batch(kind), ONE, ONE, generator)
        loss.backward()
        optimizer.step()
    assert loss < 0.02

    hidden, _ = _options(512, generator)
    state = _state(hidden, generator)
    both = torch.stack([state.data, *(_state(_options(512, generator)[0], generator).data for _ in range(7))])[1:]
    one = both.clone()
    one[:, :, -1, 2] = one[:, :, -1, 2].abs()  # the flow knows the first kind alone
    with torch.no_grad():
        read = [float(reading.energy(each, state, state.data[None]).mean()) for each in (both, one)]
    seen = [float(energy_score(each, state.data[None], state.active).mean()) for each in (both, one)]
    assert read[1] > 1.5 * read[0]
    assert seen[1] < 1.1 * seen[0]


def test_the_energy_teaches_the_samples_and_the_error_teaches_the_reader():
    generator = stream(1, "test")
    hidden, kind = _options(4, generator)
    state, reading = _state(hidden, generator), Reading(0, 3, 4, seed=0)
    samples = torch.randn(3, 4, V + M, 3, generator=generator, requires_grad=True)
    reading.energy(samples, state, state.data[None]).sum().backward()
    assert all(parameter.grad is None for parameter in reading.parameters())
    assert samples.grad[:, :, V:].abs().sum() > 0 and not samples.grad[:, :, :V].any()
    reading.error(state, _batch(kind), ONE, ONE, generator).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in reading.parameters())


def test_slots_that_hold_nothing_are_not_read():
    """Rows without condition have as many centers as the whole cloud, and no visible ones beside them."""
    generator = stream(2, "test")
    data = torch.randn(2, 6, 3, generator=generator)
    active = torch.tensor([[True] * 4 + [False] * 2, [False] * 2 + [True] * 4])
    there = torch.tensor([[True] * 4 + [False] * 2, [True] * 6])
    reading = Reading(2, 3, 4, seed=0)
    samples = torch.randn(2, 2, 6, 3, generator=generator)

    def energies(moved):
        state = CenterState(data + moved, active, there, None, data[:, :2])
        return reading.energy(samples, state, state.data[None]).detach()

    moved = torch.zeros(2, 6, 3)
    moved[0, 4:] = 5.0
    assert torch.equal(energies(moved), energies(torch.zeros(2, 6, 3)))
    moved[1, :2] = 5.0
    assert not torch.equal(energies(moved)[1], energies(torch.zeros(2, 6, 3))[1])


def _learner(*overrides, image=12, text=10):
    preset = load_preset("quickstart", (*TINY, "losses.reading=0.7", "losses.reading_energy=0.3", *overrides))
    return PretrainLearner(build_point_sra(preset, point_sra_sizes(preset, image, text)), preset)


@pytest.mark.parametrize("known", [("image", "text"), ("image",), ("text",), ()])
def test_both_terms_are_in_the_loss_and_the_reader_is_not_kept(known):
    learner = _learner("losses.energy=0", "flow.samples=3", "losses.mft_sra=0", "losses.mae_sra=0")
    generator = stream(3, "test")
    batch = Batch(
        points=torch.rand(6, 256, 3, generator=generator) - 0.5,
        labels=torch.zeros(6, dtype=torch.int64),
        image=torch.randn(6, 12, generator=generator) if "image" in known else None,
        text=torch.randn(6, 10, generator=generator) if "text" in known else None,
    )
    terms = learner(batch, stream(0, "step", 0))
    weights = {"reconstruction": 1, "mean_flow": 0.5, "cross_modal": 1, "reading": 0.7, "reading_energy": 0.3}
    assert "energy" not in terms and set(weights) <= set(terms)
    torch.testing.assert_close(terms["loss"], sum(weight * terms[name] for name, weight in weights.items()))
    assert (terms["reading"] > 0) == bool(known) and terms["reading_energy"] > 0
    assert not any("read" in name for name in learner.exported())


def test_without_features_there_is_nothing_to_read():
    with pytest.raises(DataError, match=r"losses\.reading"):
        _learner(image=0, text=0)
