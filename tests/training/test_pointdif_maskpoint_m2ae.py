"""PointDif, MaskPoint, Point-M2AE as learners: what is hidden, what is asked, who learns, and where weights may go."""

from __future__ import annotations

import json

import pytest
import torch

from pointsra.errors import SettingsError
from pointsra.networks.stochastic import use_generator
from pointsra.objectives.discrimination import decided_accuracy, focal_discrimination
from pointsra.objectives.noise_prediction import NoisePrediction
from pointsra.objectives.reconstruction import patch_chamfer
from pointsra.ops.masks import random_order
from pointsra.ops.patches import cut_patches
from pointsra.ops.point_queries import real_and_fake
from pointsra.ops.randomness import stream
from pointsra.ops.scales import visible_scales
from pointsra.settings import load_preset
from pointsra.training.assembly import augmented
from pointsra.training.classifiers import build_classifier, fine_tuning_sizes, initialize_from
from pointsra.training.methods import assemble
from pointsra.training.weights import ModelDescription, Weights, load_weights, save_weights
from tests.cli.conftest import run_command
from tests.networks.written_out import unsettle
from tests.training.test_peer_methods import clouds, tiny

METHODS = ("pointdif", "maskpoint", "point-m2ae")


def learner(method, *overrides):
    return assemble(load_preset(method, (*tiny(method), *overrides)), 0, 0).learner


def settled(method, *overrides):
    """In eval mode, with weights nowhere at their start: at it MaskPoint's loss is the same whatever is asked."""
    made = learner(method, *overrides).eval()
    unsettle(made.network)
    return made


def drawn_by_hand(method, made, batch, generator):
    """What a step draws, in its order: augmentation, masks."""
    preset = made.preset
    use_generator(made.network, generator)
    points = augmented(batch.points, preset.augment, generator)
    return points, cut_patches(points, preset.patches.groups, preset.patches.size)


@pytest.mark.parametrize(("method", "visible"), [("pointdif", 13), ("maskpoint", 7)])
def test_as_many_patches_are_shown_as_published(method, visible):
    made = learner(method, "patches.points=1024", "patches.groups=64", "patches.size=32")
    assert made.preset.masks == load_preset(method).masks
    hidden = made.hide(clouds(2, 1024), stream(0, "test"))
    assert hidden.visible.centers.shape == (2, visible, 3) and hidden.masked.centers.shape == (2, 64 - visible, 3)


def test_pointdif_is_asked_about_the_whole_cloud():
    made, batch = settled("pointdif"), clouds(4)
    loss = made(batch, stream(0, "step"))["loss"]
    generator = stream(0, "step")
    points, patches = drawn_by_hand("pointdif", made, batch, generator)
    order = random_order(4, 16, generator)
    condition = made.network.condition(patches.select(order[:, :4]), hidden=12)
    diffusion = made.preset.diffusion
    objective = NoisePrediction(diffusion.levels, diffusion.beta_first, diffusion.beta_last, diffusion.intervals)
    levels = objective.draw_levels(4, generator)
    wanted = objective.loss(lambda x, beta: made.network.denoiser(x, beta, condition), points, levels, generator)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-6)


def test_maskpoint_asks_about_the_whole_cloud():
    made, batch = settled("maskpoint"), clouds(4)
    terms = made(batch, stream(0, "step"))
    generator = stream(0, "step")
    points, patches = drawn_by_hand("maskpoint", made, batch, generator)
    order = random_order(4, 16, generator)
    asked = made.preset.questions
    queries = real_and_fake(points, asked.real, asked.fake, generator)
    logits = made.network(patches.select(order[:, :2]), queries.points)
    wanted = focal_discrimination(logits, queries.labels, alpha=0.25, gamma=2.0)
    assert terms["loss"].item() == pytest.approx(wanted.item(), rel=1e-6)
    assert terms["accuracy"].item() == pytest.approx(decided_accuracy(logits, queries.labels).item())


def test_point_m2ae_fills_what_its_coarsest_mask_hides():
    scales = ("encoder.dims=[8, 12, 16]", "encoder.depths=[1, 1, 1]", "encoder.groups=[10, 6]", "encoder.sizes=[4, 3]")
    made = settled("point-m2ae", *scales, "encoder.radii=[0, 0, 0]", "decoder.depths=[1, 1]")
    batch = clouds(4, made.preset.patches.points)
    loss = made(batch, stream(0, "step"))["loss"]
    generator = stream(0, "step")
    _, patches = drawn_by_hand("point-m2ae", made, batch, generator)
    found = made.network.encoder.scales(patches.centers)
    order = random_order(4, 6, generator)
    coarsest = torch.zeros(4, 6, dtype=torch.bool)
    coarsest.scatter_(1, order[:, :2], True)  # int(0.8 · 6) = 4 are hidden
    visible = visible_scales(found, coarsest, finest=16)
    filled = made.network(patches, found, visible)
    assert len(filled.true) == int((~visible[1]).sum()) == int(made.measure(batch, stream(0, "step")))
    wanted = patch_chamfer(filled.predicted.unsqueeze(0), filled.true.unsqueeze(0))
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_every_parameter_learns_from_a_step(method):
    made = learner(method).train()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    made(clouds(8), stream(0, "step"))["loss"].backward()
    without = {name for name, value in made.network.named_parameters() if value.grad is None or not value.grad.any()}
    empty = {name for name, value in made.network.named_parameters() if not value.numel()}
    # MaskPoint's queries start as zeros, which no scale changes.
    assert without - empty == ({"decoder.0.norm1.weight"} if method == "maskpoint" else set())


def weights_of(method, tmp_path):
    made = learner(method)
    description = ModelDescription("point_sra", made.sizes, made.preset.patches.model_dump(), {}, {})
    save_weights(tmp_path, made.exported(), description)
    return made, load_weights(tmp_path)


@pytest.mark.parametrize("method", ["maskpoint", "point-m2ae"])
def test_the_form_of_the_encoder_is_kept_with_the_weights(method, tmp_path):
    made, weights = weights_of(method, tmp_path)
    assert weights.description.sizes == made.sizes
    if method == "maskpoint":
        assert (made.network.encoder.reduce.in_features, made.network.encoder.reduce.out_features) == (16, 24)
    preset = load_preset("shapes-classification", ["patches.groups=16", "patches.size=8", "patches.points=128"])
    classifier = build_classifier(fine_tuning_sizes(weights), 5, preset, {})
    assert initialize_from(classifier, weights).share == 1.0
    patches = cut_patches(clouds(3).points, 16, 8)
    classifier.eval(), made.eval()
    if method == "point-m2ae":
        classifier.encoder.local = False
    assert torch.equal(classifier.encoder(patches).patches, made.network.encoder(patches).patches)


def test_radii_hold_where_the_encoder_is_fine_tuned(tmp_path):
    weights: Weights = weights_of("point-m2ae", tmp_path)[1]
    for protocol, local in (("full", True), ("linear", False), ("mlp3", False)):
        changes = ["patches.groups=16", "patches.size=8", "patches.points=128", f'protocol="{protocol}"']
        classifier = build_classifier(weights.description.sizes, 5, load_preset("shapes-classification", changes), {})
        assert classifier.encoder.local is local


def test_too_few_patches_for_several_scales_are_refused(tmp_path):
    weights = weights_of("point-m2ae", tmp_path)[1]
    preset = load_preset("shapes-classification", ["patches.groups=6"])
    with pytest.raises(SettingsError, match=r"patches\.groups = 6 leaves too few patches .* into 8: take as many"):
        build_classifier(weights.description.sizes, 5, preset, {})


def test_complementarity_hides_the_coarsest_of_several_scales(shapes_root, tmp_path):
    weights_of("point-m2ae", tmp_path)
    command = ("evaluate", tmp_path, "--protocol", "complementarity", "--preset", "shapes-classification")
    outcome = run_command(*command, "--data", shapes_root, "--device", "cpu", "--out", tmp_path / "report")
    assert outcome.code == 0, outcome.stderr
    measured = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    assert [row["visible"] for row in measured["ratios"]][:3] == [8, 8, 7]  # of the coarsest scale's eight


@pytest.mark.parametrize(
    ("method", "change", "sentence"),
    [
        ("pointdif", "diffusion.intervals=9000", "intervals 9000 exceed levels"),
        ("maskpoint", "questions.real=500", r"questions.real must not exceed patches.points (128)"),
        ("maskpoint", "diffusion.levels=10", "diffusion is not a field of maskpoint"),
        ("point-m2ae", "encoder.groups=[20]", "a scale of 20 patches of 4 cannot be made of 16"),
        ("point-m2ae", "encoder.depths=[1]", "2 dims need as many depths and radii"),
        ("point-m2ae", "masks.student=0.05", "masks.student leaves no visible or no masked patch"),
        ("point-m2ae", "decoder.depths=[1, 1, 1]", "decoder.depths has 3 scales, and there are 2"),
    ],
)
def test_contradictory_settings_are_refused(method, change, sentence):
    with pytest.raises(SettingsError) as caught:
        load_preset(method, (*tiny(method), change))
    assert sentence in str(caught.value)
