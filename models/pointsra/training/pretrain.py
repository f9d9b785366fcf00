"""Pre-training: the joint objective of Point-SRA, or that of a peer, over a prepared split.

A learner is the one module whose forward computes the whole loss: :class:`PretrainLearner`, or one of ``peers``;
:func:`pretrain` carries out a run in a folder.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from pointsra.data.loaders import Batch, evaluation_batches, repetition_note, training_batches
from pointsra.data.places import split_path
from pointsra.data.split_writer import tool_version
from pointsra.data.store import Split, open_split
from pointsra.errors import SettingsError
from pointsra.ops.randomness import stream
from pointsra.progress import Progress, Report, silent
from pointsra.settings import AnyPretrainPreset, to_toml
from pointsra.training.assembly import checked_plan, encoder_table
from pointsra.training.checkpoint import Position, check_alike, check_checkpoint, load_checkpoint
from pointsra.training.compiling import check_compile
from pointsra.training.devices import precision_note
from pointsra.training.distributed import ALONE, Group
from pointsra.training.going_on import start_from
from pointsra.training.journal import Journal
from pointsra.training.loop import Run, carry_out
from pointsra.training.methods import Assembled, assemble, missing_note
from pointsra.training.optimizer import build_optimizer
from pointsra.training.pretrain_learner import PretrainLearner
from pointsra.training.pretrain_splits import alternative_share, check_others, hides_parts, open_alternatives
from pointsra.training.reading import READING_RATE
from pointsra.training.run_data import run_data
from pointsra.training.run_folder import alone_in, began_with, kept_epoch, kept_name, remember_source, start_run_folder
from pointsra.training.step import Learner
from pointsra.training.weights import ModelDescription, load_weights, save_weights

_SCALE_CLOUDS = 512  # clouds that σ is measured on: its standard error is far below 1 %
_VALIDATION_CLOUDS = 128


def plan_pretrain(
    preset: AnyPretrainPreset,
    root: Path,
    init: Path | None = None,
    *,
    device: torch.device | None = None,
    resumed: Path | None = None,
    group: Group = ALONE,
) -> dict[str, Any]:
    """What a run would do, without doing it.

    Args:
        preset: resolved settings.
        root: data root.
        init: finished pre-training to start from.
        device: where to compute; None: not asked.
        resumed: the run to go on with, which remembers its own ``init``.
        group: the processes that would train together.

    Raises:
        DataError, CheckpointError, SettingsError: as :func:`pretrain` does before the work.
    """
    if device is not None:
        check_compile(preset, device)
    check_others(preset, root)
    init = init if resumed is None else began_with(resumed, init)
    train = split_path(root, preset.data.dataset, preset.data.train_split)
    with open_split(train) as split, open_alternatives(preset, root) as alternatives:
        begun = resumed is not None and check_checkpoint(resumed, to_toml(preset), run_data(split, alternatives))
        plan = checked_plan(preset, split, group)
        assembled = assemble(preset, split.image_feature_size or 0, split.text_feature_size or 0)
        network = assembled.learner.network
        unsure = () if begun else _start(assembled, init, split)
        return {
            "data": str(split.path),
            "clouds": len(split),
            "init": None if init is None else str(init),
            **({"note": "; ".join(unsure)} if unsure else {}),
            "epochs": preset.optimizer.epochs,
            "steps": plan.total,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "image_features": split.image_feature_size or 0,
            "text_features": split.text_feature_size or 0,
        }


def pretrain(
    preset: AnyPretrainPreset,
    root: Path,
    run: Path,
    *,
    device: torch.device,
    init: Path | None = None,
    resume: bool = False,
    report: Report = silent,
    group: Group = ALONE,
) -> dict[str, Any]:
    """Pre-train in the folder ``run``.

    Args:
        preset: resolved settings.
        root: data root that holds ``<dataset>/<split>.h5``.
        run: folder for ``preset.toml``, ``metrics.jsonl``, ``validation.jsonl``, ``last.ckpt``,
            ``model.safetensors``, ``model.json``, ``epoch-*`` (weights kept on the way) and ``log.txt``.
        device: where to compute.
        init: finished pre-training to start from, in the place of random weights: a new run, with its own schedule.
        resume: go on from ``last.ckpt``; without one the run starts anew, from the same ``init``.
        report: told of every record.
        group: the processes that train together; rank 0 writes, and all read the same folders.

    Returns:
        A summary: run, steps, epochs, seconds, clouds_per_second, loss, weights; empty but on rank 0.

    Raises:
        DataError: data missing, or not what the checkpoint was made with. CheckpointError: a damaged checkpoint, or
        ``init`` does not fit. OutputError: the folder cannot be written. SettingsError: the loss cannot be compiled
        here, a peer's method was given ``init``, or a decoder that does not learn was not. WorkFailedError: the loss
        diverged, or a process was lost. RunStopped: asked to stop; state saved.
    """
    started = time.perf_counter()
    text = to_toml(preset)
    check_compile(preset, device)
    check_others(preset, root)
    init = began_with(run, init) if resume else init
    train = split_path(root, preset.data.dataset, preset.data.train_split)
    with ExitStack() as held, open_split(train) as split, open_alternatives(preset, root) as alternatives:
        data = run_data(split, alternatives)
        begun = resume and check_checkpoint(run, text, data)
        plan = checked_plan(preset, split, group)
        widths = (split.image_feature_size or 0, split.text_feature_size or 0)
        assembled = assemble(preset, *widths)
        unsure = () if begun else _start(assembled, init, split)
        learner = assembled.learner.to(device)
        if preset.runtime.compile:
            learner.compile(dynamic=False)
        optimizer = build_optimizer(
            preset.optimizer.name,
            learner,
            preset.optimizer.weight_decay,
            preset.optimizer.beta2,
            fast=("reading.",),
            factor=READING_RATE,
        )
        position = load_checkpoint(run, learner, optimizer, data, device) if begun else None
        if group.first:
            held.enter_context(alone_in(run))
            remember_source(run, init, root)  # before preset.toml: what can be resumed knows its source
        journal = start_run_folder(run, text, writes=group.first)
        if position is None:
            position = Position()
            # All start from rank 0's tensors; weights that are gone on with bring their scale along.
            if isinstance(learner, PretrainLearner) and group.first and init is None:
                learner.measure_center_scale(_first_clouds(split, preset, device))
        check_alike(position, run, group)
        journal.rewind(position.step)
        validation = Journal(run, "validation.jsonl", writes=group.first)
        validation.rewind(position.step)
        parameters = sum(parameter.numel() for parameter in learner.network.parameters())
        devices = group.described(device)
        sentence = (
            f"{'resumed at step ' + str(position.step) if position.step else 'started'}: {len(split)} clouds of "
            f"{preset.data.dataset}, {plan.total} steps, {parameters / 1e6:.2f} M parameters, on {devices}"
        )
        source = f"from the weights {init}" if init is not None and not position.step else ""
        notes = (
            repetition_note(split, preset.patches.points),
            missing_note(preset, *widths),
            precision_note(preset.runtime.precision, device),
        )
        for message in filter(None, (sentence, source, *unsure, *notes)):
            journal.say(message)
            report(Progress("pretrain", position.step, plan.total, message=message))

        def batches(epoch: int, first: int) -> Any:
            order = {"seed": preset.seed, "epoch": epoch, "first": first, "part_labels": hides_parts(preset)}
            return training_batches(
                split,
                plan.batch_size,
                preset.patches.points,
                **order,
                part=group.rank,
                parts=group.size,
                alternatives=alternatives,
                alternative_share=alternative_share(preset),
            )

        def description() -> ModelDescription:
            return ModelDescription(
                kind="point_sra",
                sizes=assembled.sizes,
                patches=preset.patches.model_dump(),
                flow=assembled.flow,
                preset=preset.model_dump(mode="json"),
                encoders=encoder_table(split),
                details=assembled.details,
                step=position.step,
                tool_version=tool_version(),
            )

        def after_epoch(epoch: int) -> None:
            terms = _validate(learner, preset, root, device, group)
            if terms:
                validation.record({"step": position.step, "epoch": epoch, **terms})
            if group.first and kept_epoch(preset.runtime.keep_every, epoch):
                save_weights(run, learner.exported(), description(), kept_name(epoch))

        state = Run(run, position, text, data, report, "pretrain", group)
        first_step = position.step
        carry_out(state, plan, learner, optimizer, batches, device, after_epoch)
        if not group.first:
            return {}
        weights = save_weights(run, learner.exported(), description())
    seconds = time.perf_counter() - started
    journal.say(f"finished at step {position.step}")
    taken = position.step - first_step
    records = journal.records()
    return {
        "run": str(run),
        "steps": position.step,
        "epochs": preset.optimizer.epochs,
        "seconds": round(seconds, 2),
        "clouds_per_second": round(taken * plan.batch_size / seconds, 2) if taken else None,
        "loss": records[-1]["loss"] if records else None,
        "weights": str(weights),
    }


def _start(assembled: Assembled, init: Path | None, split: Split) -> tuple[str, ...]:
    """Put the weights ``init`` into the learner, and give what is to be said of them; without them it starts at random,
    if it may."""
    learner = assembled.learner
    if init is None:
        if isinstance(learner, PretrainLearner) and not learner.preset.decoder.learns:
            raise SettingsError("decoder.learns = false keeps the decoder that --init gives, and no --init is given.")
        return ()
    if not isinstance(learner, PretrainLearner):
        raise SettingsError("--init is for method point-sra: a peer's pre-training starts from random weights.")
    return start_from(learner, load_weights(init), encoder_table(split))


def _first_clouds(split: Split, preset: AnyPretrainPreset, device: torch.device) -> list[Batch]:
    size = min(64, len(split))
    labels = hides_parts(preset)
    batches = training_batches(split, size, preset.patches.points, seed=preset.seed, epoch=0, part_labels=labels)
    return [batch.to(device) for batch, _ in zip(batches, range(-(-_SCALE_CLOUDS // size)), strict=False)]


@torch.no_grad()
def _validate(
    learner: Learner, preset: AnyPretrainPreset, root: Path, device: torch.device, group: Group
) -> dict[str, float]:
    """Mean terms on clouds that are not learned from, with the same masks and noise every time."""
    if not preset.data.validation_split:
        return {}
    learner.eval()
    sums: dict[str, float] = {}
    size = min(64, preset.optimizer.batch_size)
    with open_split(split_path(root, preset.data.dataset, preset.data.validation_split)) as split:
        count = min(_VALIDATION_CLOUDS, len(split))
        share = {"part": group.rank, "parts": group.size, "part_labels": hides_parts(preset)}
        mine = evaluation_batches(split, size, preset.patches.points, count, **share)
        for index, batch in enumerate(mine):
            number = group.rank + index * group.size
            terms = learner(batch.to(device), stream(preset.seed, "validation", number))
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(batch) / count
    every = group.gather(sums)
    return {name: sum(each.get(name, 0.0) for each in every) for name in every[0]}
