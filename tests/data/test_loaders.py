"""Batches: every cloud once an epoch, the same order from the same seed, and a resumed epoch goes on where it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pointsra.data.loaders import evaluation_batches, steps_per_epoch, training_batches
from pointsra.data.store import SplitContent, open_split, write_split


def _write(path, frame="unit", clouds=10, points=40, labeled=False):
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(clouds, points, 3)).astype(np.float32) * 3 + 5
    content = SplitContent(
        points=drawn,
        parts=(drawn[..., 0] > 5).astype(np.uint8) if labeled else None,
        part_names=["low", "high"] if labeled else None,
        labels=np.arange(clouds),
        ids=[f"cloud{i}" for i in range(clouds)],
        dataset="made",
        split="train",
        class_names=[f"class{i}" for i in range(clouds)],
        frame=frame,
    )
    write_split(path, content)
    return open_split(path)


@pytest.fixture
def split(tmp_path):
    with _write(tmp_path / "train.h5") as opened:
        yield opened


def _epoch(split, epoch=0, first=0, seed=0, points=16):
    return list(training_batches(split, 3, points, seed=seed, epoch=epoch, first=first))


def test_an_epoch_visits_clouds_once_and_orders_differ(split):
    labels = torch.cat([batch.labels for batch in _epoch(split)])
    assert len(labels) == 9 == len(set(labels.tolist()))
    assert steps_per_epoch(10, 3) == 3 and steps_per_epoch(2, 3) == 1
    other = torch.cat([batch.labels for batch in _epoch(split, epoch=1)])
    assert not torch.equal(labels, other)


def test_same_seed_same_batches_and_resuming_goes_on(split):
    whole, again, rest = _epoch(split), _epoch(split), _epoch(split, first=2)
    assert all(torch.equal(a.points, b.points) for a, b in zip(whole, again, strict=True))
    assert torch.equal(whole[2].points, rest[0].points) and len(rest) == 1
    assert not torch.equal(whole[0].points, _epoch(split, seed=1)[0].points)


def test_unit_clouds_are_normalized_after_the_choice(split):
    points = _epoch(split)[0].points
    assert points.mean(dim=1).abs().max() < 1e-5
    assert torch.allclose(points.norm(dim=-1).amax(dim=1), torch.ones(3))


@pytest.mark.parametrize("points", [16, 40, 60])
def test_part_labels_are_those_of_the_points_that_were_chosen(tmp_path, split, points):
    assert next(training_batches(split, 3, points, seed=0, epoch=0, part_labels=True)).parts is None  # it has none
    with _write(tmp_path / "labeled.h5", frame="raw", labeled=True) as labeled:
        for read in (
            training_batches(labeled, 3, points, seed=0, epoch=0, part_labels=True),
            evaluation_batches(labeled, 3, points, part_labels=True),
        ):
            for batch in read:
                assert torch.equal(batch.parts, (batch.points[..., 0] > 5).to(torch.uint8))
        assert next(training_batches(labeled, 3, points, seed=0, epoch=0)).parts is None  # nobody asked


def test_raw_clouds_are_left_as_they_are(tmp_path):
    with _write(tmp_path / "raw.h5", frame="raw") as split:
        stored = torch.from_numpy(split.points_at(np.arange(10)))
        batch = next(evaluation_batches(split, 4, 40))
        assert torch.equal(batch.points, stored[:4])


def test_test_batches_are_complete_and_deterministic(split):
    batches = list(evaluation_batches(split, 4, 16))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert torch.equal(torch.cat([batch.labels for batch in batches]), torch.arange(10))
    assert torch.equal(batches[0].points, next(evaluation_batches(split, 4, 16)).points)
    assert len(list(evaluation_batches(split, 4, 16, limit=5))) == 2


def test_small_clouds_repeat_points(split):
    assert _epoch(split, points=100)[0].points.shape == (3, 100, 3)
    assert next(evaluation_batches(split, 4, 100)).points.shape == (4, 100, 3)


def test_a_share_of_the_batches_comes_from_the_alternatives(split, alternatives):
    def read(share, first=0):
        given = {"alternatives": alternatives, "alternative_share": share}
        return [
            batch
            for epoch in range(8)
            for batch in training_batches(split, 3, 64, seed=0, epoch=epoch, first=first, **given)
        ]

    batches = read(0.5)
    theirs = [batch for batch in batches if batch.alternatives is not None]
    assert 4 < len(theirs) < 20 and len(batches) == 24
    assert all(torch.equal(a.points, b.points) for a, b in zip(read(0.5, first=2), batches[2::3], strict=True))
    # The batches that stay are those that there would have been.
    plain = read(0.0)
    for mixed, other in zip(batches, plain, strict=True):
        assert mixed.alternatives is not None or torch.equal(mixed.points, other.points)
    one = theirs[0]
    assert one.alternatives.shape == (3, 5, 512, 3) and one.hidden.shape == (3, 64)
    # Points and alternatives are brought to the same frame: the part lies among what it could be.
    for points, hidden, others in zip(one.points, one.hidden, one.alternatives, strict=True):
        own, theirs_too = points[hidden].mean(dim=0), others.flatten(0, 1).mean(dim=0)
        assert (own - theirs_too).norm() < 0.35


@pytest.mark.parametrize("frame", ["unit", "raw"])
def test_clouds_are_evaluated_at_random_points_in_their_frame(tmp_path, frame):
    with _write(tmp_path / "train.h5", frame) as split:
        batches = [
            torch.cat([each.points for each in evaluation_batches(split, 3, 16, seed=seed)]) for seed in (1, 1, 2)
        ]
        stored = torch.from_numpy(split.points_at(np.arange(len(split))))
    drawn, again, others = batches
    assert drawn.shape == (10, 16, 3) and torch.equal(drawn, again) and not torch.equal(drawn, others)
    if frame == "unit":
        torch.testing.assert_close(drawn.mean(dim=1), torch.zeros(10, 3), atol=1e-6, rtol=0)
        torch.testing.assert_close(drawn.norm(dim=-1).amax(dim=1), torch.ones(10))
    else:
        assert all(bool((row[:, None] == whole).all(-1).any(1).all()) for row, whole in zip(drawn, stored, strict=True))
