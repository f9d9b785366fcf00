"""From settings to objects: the only place where presets are translated into plain arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pointsra.data.loaders import steps_per_epoch
from pointsra.errors import DataError, SettingsError
from pointsra.networks.initialization import build
from pointsra.networks.point_sra import PointSRA, PointSRASizes
from pointsra.objectives.ddpm import Ddpm
from pointsra.objectives.mean_flow import MeanFlow
from pointsra.objectives.path import TimeSampler
from pointsra.objectives.rectified_flow import RectifiedFlow
from pointsra.objectives.regression import Regression
from pointsra.ops.randomness import stream
from pointsra.ops.transforms import rotate_about_vertical, scale_and_translate
from pointsra.training.step import Plan, check_parts

if TYPE_CHECKING:  # neither HDF5 nor the schema is loaded to draw completions
    from pointsra.data.store import Split
    from pointsra.settings import AnyPretrainPreset, FinetunePreset
    from pointsra.settings.pretraining import Flow, PretrainPreset
    from pointsra.settings.schema import Augment, Optimizer, Runtime
    from pointsra.training.distributed import Group

FlowObjective = MeanFlow | RectifiedFlow | Ddpm | Regression


def point_sra_sizes(preset: PretrainPreset, image_dim: int, text_dim: int) -> PointSRASizes:
    """All dimensions of the network that ``preset`` describes; features of width 0 are not there."""
    flow = preset.flow
    crossed = preset.losses.cross_modal > 0
    used = preset.losses.mean_flow + preset.losses.points_energy > 0  # a flow without a use is not kept
    flowing = flow.objective != "off" and used
    return PointSRASizes(
        dim=preset.encoder.dim,
        depth=preset.encoder.depth,
        heads=preset.encoder.heads,
        patch_widths=preset.encoder.patch_widths,
        decoder_depth=preset.decoder.depth,
        decoder_heads=preset.decoder.heads,
        patch_size=preset.patches.size,
        flow_dim=flow.dim,
        flow_depth=flow.depth if flowing else 0,
        flow_heads=flow.heads,
        image_dim=image_dim if crossed or flowing else 0,
        text_dim=text_dim if crossed or flowing else 0,
        predictor=preset.alignment.predictor,
        transport_projection=preset.alignment.transport == "projection" and preset.losses.mft_sra > 0,
        flow_octaves=flow.octaves,
    )


def build_point_sra(preset: PretrainPreset, sizes: PointSRASizes) -> PointSRA:
    """A network with the initial weights of the preset's seed."""
    dropped = preset.decoder.drop_path if preset.decoder.learns else 0.0  # what does not learn is not made noisy
    return build(lambda: PointSRA(sizes, preset.encoder.drop_path, dropped), stream(preset.seed, "weights"))


def time_sampler(times: Mapping[str, float], aligned: bool) -> TimeSampler:
    """``flow.times`` as pre-training draws them.

    Args:
        times: settings.
        aligned: whether MFT-SRA is on; its transport alone asks for r > t, so without it no times are swapped.
    """
    sampler = TimeSampler(**times)
    return sampler if aligned else replace(sampler, swapped_share=0.0)


def build_flow_objective(flow: Flow, aligned: bool) -> FlowObjective:
    """Path, loss and sampler of ``flow.objective``.

    Args:
        flow: settings.
        aligned: whether MFT-SRA is on.

    Raises:
        KeyError: the objective is "off".
    """
    times = time_sampler(flow.times.model_dump(), aligned)
    return {
        "meanflow": lambda: MeanFlow(times, flow.tangent, flow.adaptive_power, flow.error_limit, flow.alpha),
        "rectified_flow": lambda: RectifiedFlow(times),
        "ddpm": Ddpm,
        "regression": Regression,
    }[flow.objective]()


def flow_objective_named(name: str) -> FlowObjective:
    """The sampler of trained weights, whose description names their objective."""
    return {
        "meanflow": lambda: MeanFlow(TimeSampler()),
        "rectified_flow": lambda: RectifiedFlow(TimeSampler()),
        "ddpm": Ddpm,
        "regression": Regression,
    }[name]()


def build_plan(
    optimizer: Optimizer, runtime: Runtime, seed: int, steps_per_epoch: int, batch_size: int | None = None
) -> Plan:
    """The numbers of a run; ``batch_size`` where the data set has fewer clouds than the optimizer's."""
    return Plan(
        epochs=optimizer.epochs,
        steps_per_epoch=steps_per_epoch,
        warmup=round(optimizer.warmup_epochs * steps_per_epoch),
        peak=optimizer.lr,
        floor=optimizer.min_lr,
        clip=optimizer.clip,
        seed=seed,
        log_every=runtime.log_every,
        save_every=runtime.save_every,
        skip_limit=runtime.skip_limit,
        precision=runtime.precision,
        batch_size=batch_size or optimizer.batch_size,
        micro_batches=runtime.micro_batches,
    )


def checked_plan(preset: AnyPretrainPreset | FinetunePreset, split: Split, group: Group) -> Plan:
    """The numbers of a run that learns from ``split``, found out before the work to be possible.

    Raises:
        DataError: the split has a single cloud. SettingsError: a batch has too few for batch norm or for its parts.
    """
    work = {"pretrain": "pre-training", "finetune": "fine-tuning"}[preset.task]
    if len(split) < 2:
        raise DataError(f"{split.path} holds {len(split)} cloud(s): {work} needs at least 2.")
    batch_size = min(preset.optimizer.batch_size, len(split))
    if preset.task == "finetune" and batch_size < 2:
        raise SettingsError(
            "A batch of 1 cloud leaves the batch norm of the head a single value: raise optimizer.batch_size."
        )
    per_epoch = steps_per_epoch(len(split), batch_size)
    plan = build_plan(preset.optimizer, preset.runtime, preset.seed, per_epoch, batch_size)
    check_parts(plan, group)
    return plan


def augmented(points: Tensor, augment: Augment, generator: torch.Generator) -> Tensor:
    """Random scales and shifts, then a turn about the vertical, for clouds (B, N, 3)."""
    points = scale_and_translate(points, augment.scale_low, augment.scale_high, augment.translate, generator)
    return rotate_about_vertical(points, augment.rotate, generator) if augment.rotate else points


def encoder_table(split: Split) -> dict[str, dict[str, str] | None]:
    """Which encoders made a split's features, for the description of weights."""
    pairs = {"image": split.image_encoder, "text": split.text_encoder}
    return {
        name: None if encoder is None else {"name": encoder.name, "version": encoder.version, "sha256": encoder.sha256}
        for name, encoder in pairs.items()
    }
