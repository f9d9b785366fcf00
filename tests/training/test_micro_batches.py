"""A batch computed in parts: every row meets what it would have met in the whole, and the gradient is the whole's."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pointsra.data.loaders import Batch, training_batches
from pointsra.data.places import split_path
from pointsra.data.store import open_split
from pointsra.networks.batch_norm import BatchNorm, spread_momentum
from pointsra.ops.batch_parts import divisor_weights, integers, normal, part_stream, uniform
from pointsra.ops.randomness import stream
from pointsra.settings import load_preset, to_toml
from pointsra.training import loop
from pointsra.training.assembly import build_plan
from pointsra.training.checkpoint import _same_preset
from pointsra.training.loop import RunStopped
from pointsra.training.methods import assemble
from pointsra.training.optimizer import adamw, parameter_groups
from pointsra.training.pretrain import pretrain
from pointsra.training.step import take_step
from pointsra.training.weights import load_weights
from tests.conftest import TINY

CPU = torch.device("cpu")
HARDEST = (
    "flow.error_frame=whole",  # divides by the mean unit of the batch
    "masks.frame=aligned",
    "flow.draws=2",
    "flow.all_dropout=0.3",  # rows with more slots of state than others
    "flow.adaptive_power=0.5",
    "flow.error_limit=0.3",  # binding: below the error of most clouds
    "encoder.drop_path=0.3",
    "flow.order=hungarian",
)


@pytest.mark.parametrize("parts", [2, 3])
def test_a_part_draws_its_rows_of_the_whole(parts):
    def draws(generator, rows):
        values = [
            uniform((rows, 2), generator),
            torch.rand(2, generator=generator).expand(rows, 2),  # one draw for the batch
            normal((3, rows, 4), generator, axis=1).transpose(0, 1),
            integers(0, 1000, (rows,), generator),
            uniform((rows,), generator, dtype=torch.float64),
        ]
        return values

    whole = draws(stream(3, "step", 5), 8)
    for part in range(parts):
        generator = part_stream(3, "step", 5, part=part, parts=parts, total=8)
        for mine, all_rows in zip(draws(generator, generator.count), whole, strict=True):
            assert torch.equal(mine, all_rows[part::parts])


def test_a_draw_for_other_rows_than_the_parts_is_refused():
    with pytest.raises(ValueError, match="part of 4"):
        uniform((8, 2), part_stream(0, "step", 0, part=0, parts=2, total=8))


def test_weights_of_divisors_add_up_to_the_batch():
    counts = torch.tensor([[3.0, 0.0], [1.0, 0.0]])
    sums = torch.tensor([6.0, 5.0])  # numerators of a term divided by the first count
    weighed = 0.0
    for part, own in enumerate(counts):
        generator = part_stream(0, "step", 0, part=part, parts=2, total=5, add_up=lambda own: counts.sum(dim=0))
        weights = divisor_weights(own, generator)
        weighed += sums[part] / own[0] * weights[0] * generator.count / 5
        assert weights[1] == 0.0  # a count that is nowhere above 0
    assert torch.isclose(weighed, sums.sum() / counts[:, 0].sum())
    with pytest.raises(ValueError, match="measure"):
        divisor_weights(counts[0], part_stream(0, "step", 0, part=0, parts=2, total=5))


def test_batches_read_in_parts_are_the_whole(shapes_root):
    with open_split(split_path(shapes_root, "shapes", "train")) as split:
        read = {"seed": 1, "epoch": 2, "first": 1, "part_labels": True}
        whole = next(training_batches(split, 7, 256, **read))
        parts = [next(training_batches(split, 7, 256, **read, part=part, parts=3)) for part in range(3)]
    for part, batch in enumerate(parts):
        mine = whole.rows(slice(part, None, 3))
        assert _same(batch, mine)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_batches_of_alternatives_read_in_parts_are_the_whole(shapes_root, alternatives, share):
    with open_split(split_path(shapes_root, "shapes", "train")) as split:
        read = {"seed": 1, "epoch": 2, "alternatives": alternatives, "alternative_share": share}
        whole = next(training_batches(split, 7, 256, **read))
        parts = [next(training_batches(split, 7, 256, **read, part=part, parts=3)) for part in range(3)]
    assert (whole.alternatives is None) == (share == 0.0)
    assert all(_same(batch, whole.rows(slice(part, None, 3))) for part, batch in enumerate(parts))


def _same(first, second):
    known = {name: value for name, value in vars(first).items() if value is not None}
    others = {name for name, value in vars(second).items() if value is not None}
    return known.keys() == others and all(torch.equal(value, getattr(second, name)) for name, value in known.items())


def _batch(clouds):
    generator = stream(0, "test")
    points = torch.rand(clouds, 256, 3, generator=generator) - 0.5
    image = torch.randn(clouds, 12, generator=generator)
    image[::3] = float("nan")
    text = torch.randn(clouds, 10, generator=generator)
    text[1] = float("nan")
    return Batch(points, torch.zeros(clouds, dtype=torch.int64), image, text)


def _gradients(preset, parts, clouds=7, still=True):
    """Gradients and terms of one step, with batch norm standing still or not."""
    learner = assemble(preset, 12, 10).learner
    with torch.no_grad():  # off the zeros that hide gradients
        generator = torch.Generator().manual_seed(5)
        for parameter in learner.network.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    learner.train()
    for layer in learner.modules():
        if still and isinstance(layer, BatchNorm):
            layer.train(False)
    plan = build_plan(preset.optimizer, preset.runtime, 0, 10, clouds)
    plan = replace(plan, micro_batches=parts, clip=0.0)
    optimizer = adamw(parameter_groups(learner.network.named_parameters(), 0.0), 0.9)
    values = take_step(learner, optimizer, _batch(clouds), plan, 3)
    assert values is not None
    return {name: parameter.grad for name, parameter in learner.network.named_parameters()}, values


def _distance(first, second):
    assert [name for name in first if first[name] is None] == [name for name in second if second[name] is None]
    pairs = [(first[name], second[name]) for name in first if first[name] is not None]
    scale = torch.stack([one.norm() for one, _ in pairs]).norm()
    return float(torch.stack([(one - two).norm() for one, two in pairs]).norm() / scale)


SCANS = (
    *("masks.block_share=0", "masks.view_share=0", "masks.scan_share=1", "masks.scan_views=2", "masks.scan_density=2"),
    *("masks.sealed=true", "masks.hidden=cells", "masks.cell_density=2"),
)


ENERGY = (
    *("losses.energy=1", "losses.points=1", "losses.points_energy=1", "flow.points_temperature=0.7"),
    *("flow.samples=3", "flow.order=morton", "flow.noise=tree"),
)


READING = ("losses.reading=1", "losses.reading_energy=1", "flow.samples=3", "flow.order=morton")


DECODER = ("decoder.drop_path=0.3",)


@pytest.mark.parametrize(
    "others", [(), SCANS, ENERGY, READING, DECODER], ids=["drawn", "scans", "energy", "reading", "decoder"]
)
@pytest.mark.parametrize("parts", [2, 3])
def test_micro_batches_have_the_gradient_of_the_batch(parts, others):
    preset = load_preset("quickstart", (*TINY, *HARDEST, *others))
    (whole, terms), (cut, summed) = _gradients(preset, 1), _gradients(preset, parts)
    assert _distance(whole, cut) < 1e-5
    assert all(summed[name] == pytest.approx(terms[name], rel=1e-5) for name in terms if name != "flow_error")


def test_batch_norm_is_what_micro_batches_change():
    preset = load_preset("quickstart", TINY)
    assert _distance(_gradients(preset, 1, still=False)[0], _gradients(preset, 2, still=False)[0]) > 1e-3


def test_micro_batches_move_running_statistics_as_one_batch_does():
    whole, cut = BatchNorm(3), BatchNorm(3)
    spread_momentum(cut, 4)
    batch = torch.randn(8, 3, generator=stream(0, "test")).repeat(4, 1)  # every quarter has the statistics of all
    whole(batch)
    for part in range(4):
        cut(batch[8 * part : 8 * part + 8])
    torch.testing.assert_close(cut.running_mean, whole.running_mean)
    assert float(cut.running_var.sub(whole.running_var).abs().max()) < 0.02  # n / (n − 1) differs


def test_a_run_in_micro_batches_keeps_weights_and_resumes_to_the_bit(shapes_root, tmp_path, monkeypatch):
    fields = (*TINY, "runtime.micro_batches=3", "runtime.keep_every=1")
    preset = load_preset("quickstart", fields, task="pretrain")
    pretrain(preset, shapes_root, tmp_path / "whole", device=CPU)
    calls = 0

    def failing(*arguments):
        nonlocal calls
        calls += 1
        if calls == 6:
            raise RunStopped("stop here")
        return take_step(*arguments)

    monkeypatch.setattr(loop, "take_step", failing)
    with pytest.raises(RunStopped):
        pretrain(preset, shapes_root, tmp_path / "cut", device=CPU)
    monkeypatch.undo()
    assert not list((tmp_path / "cut").glob("epoch-*"))
    pretrain(preset, shapes_root, tmp_path / "cut", device=CPU, resume=True)
    for name in ("model", "epoch-0001", "epoch-0002"):
        whole, cut = (load_weights(tmp_path / folder, name) for folder in ("whole", "cut"))
        assert all(torch.equal(whole.tensors[each], cut.tensors[each]) for each in whole.tensors)
    assert load_weights(tmp_path / "cut", "epoch-0001").description.step == 8


def test_a_preset_without_newer_fields_is_the_same_preset():
    preset = to_toml(load_preset("quickstart"))
    former = "".join(line for line in preset.splitlines(keepends=True) if not line.startswith("keep_every"))
    assert former != preset and _same_preset(former, preset)
    assert not _same_preset(former.replace("seed = 0", "seed = 1"), preset)
    assert not _same_preset("not = a preset", preset)
