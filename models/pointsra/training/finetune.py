"""Fine-tuning for classification: the encoder under a head, with the frozen flow's knowledge gated in.

After every epoch the test split is measured. The last epoch's figure is the result; the best epoch's is kept as
well, and marked as selected on the test split wherever it appears.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pointsra.data.loaders import Batch, evaluation_batches, repetition_note, training_batches
from pointsra.data.manifest import sha256_of
from pointsra.data.split_writer import tool_version
from pointsra.data.store import Split
from pointsra.metrics.recognition import confusion_matrix, mean_class_accuracy, overall_accuracy
from pointsra.networks.classifier import PointClassifier
from pointsra.networks.point_sra import PointSRASizes
from pointsra.ops.patches import cut_patches
from pointsra.progress import Progress, Report, silent
from pointsra.settings import FinetunePreset, to_toml
from pointsra.training.assembly import checked_plan
from pointsra.training.checkpoint import Position, check_alike, check_checkpoint, load_checkpoint
from pointsra.training.classification_learner import ClassificationLearner
from pointsra.training.classifiers import (
    Matched,
    build_classifier,
    evaluation_times,
    fine_tuning_sizes,
    initialize_from,
    sizes_from_scratch,
    trained_parameters,
    training_times,
)
from pointsra.training.devices import precision_note
from pointsra.training.distributed import ALONE, Group
from pointsra.training.journal import Journal
from pointsra.training.labeled_splits import open_labeled_splits
from pointsra.training.loop import Run, carry_out
from pointsra.training.optimizer import adamw, parameter_groups
from pointsra.training.run_data import run_data
from pointsra.training.run_folder import (
    alone_in,
    kept_epoch,
    kept_name,
    remember_source,
    resumed_init,
    start_run_folder,
)
from pointsra.training.weights import ModelDescription, Weights, load_weights, save_weights

BEST_NAME = "test_best"
"""File name of the weights of the epoch that did best on the test split."""
BEST_NOTE, LAST_NOTE = "best epoch on the test split", "last epoch"
"""``details["chosen"]`` of those weights, and of those that a run ends with."""


def plan_finetune(
    preset: FinetunePreset, root: Path, *, init: Path | None, resumed: Path | None = None, group: Group = ALONE
) -> dict[str, Any]:
    """What a run would do, without doing it.

    Args:
        preset: resolved settings.
        root: data root.
        init: pre-trained weights; None plans from scratch.
        resumed: the run to go on with, which remembers its own weights; ``init`` says where they are if they moved.
        group: the processes that would train together.

    Raises:
        DataError, CheckpointError, SettingsError: as :func:`finetune` does before the work.
    """
    if resumed is not None:
        init, _ = resumed_init(resumed, init)
    weights = None if init is None else load_weights(init)
    with open_labeled_splits(preset, root) as splits:
        split, test = splits.train, splits.test
        if resumed is not None:
            check_checkpoint(resumed, to_toml(preset), run_data(split, test))
        classifier, _, matched = _assemble(preset, split, weights)
        plan = checked_plan(preset, split, group)
        return {
            "data": str(split.path),
            "clouds": len(split),
            "test_clouds": len(test),
            "classes": len(split.class_names),
            "epochs": preset.optimizer.epochs,
            "steps": plan.total,
            **trained_parameters(classifier),
            "protocol": preset.protocol,
            "init": None if init is None else str(init),
            "matched": None if matched is None else matched.share,
            "matched_tensors": None if matched is None else matched.tensors,
            "gate": classifier.gate is not None,
        }


def finetune(
    preset: FinetunePreset,
    root: Path,
    run: Path,
    *,
    init: Path | None,
    device: torch.device,
    resume: bool = False,
    report: Report = silent,
    group: Group = ALONE,
) -> dict[str, Any]:
    """Fine-tune in the folder ``run``.

    Args:
        preset: resolved settings.
        root: data root.
        run: folder for ``preset.toml``, ``metrics.jsonl``, ``test.jsonl`` and ``validation.jsonl`` (after each epoch),
            ``last.ckpt``, ``model.*`` (last epoch), ``test_best.*`` (best test epoch), ``epoch-*`` (weights kept on the
            way) and ``log.txt``.
        init: pre-trained weights; None trains from scratch, or, when resuming, from what the run remembers. Where that
            has moved, it is named here.
        device: where to compute.
        resume: go on from ``last.ckpt``.
        report: told of every record.
        group: the processes that train together; rank 0 writes, and all read the same folders.

    Returns:
        A summary: run, steps, epochs, seconds, test_last, test_best, matched, gate, weights, parameters; empty but on
        rank 0.

    Raises:
        DataError, CheckpointError, OutputError, WorkFailedError, RunStopped: as in pre-training. SettingsError: clouds
        are learned from and tested, or a batch is too small.
    """
    started = time.perf_counter()
    text = to_toml(preset)
    checksum = ""
    if resume:
        init, checksum = resumed_init(run, init)
    weights = None if init is None else load_weights(init)
    with ExitStack() as held, open_labeled_splits(preset, root) as splits:
        split, test, validation = splits.train, splits.test, splits.validation
        data = run_data(split, test)
        begun = resume and check_checkpoint(run, text, data)
        classifier, sizes, matched = _assemble(preset, split, weights)
        plan = checked_plan(preset, split, group)
        learner = ClassificationLearner(classifier, preset, training_times(weights)).to(device)
        groups = parameter_groups(
            classifier.named_parameters(),
            preset.optimizer.weight_decay,
            ("head.", "gate."),
            preset.optimizer.head_lr_multiplier,
        )
        optimizer = adamw(groups, preset.optimizer.beta2)
        position = load_checkpoint(run, learner, optimizer, data, device) if begun else Position()
        if group.first:
            held.enter_context(alone_in(run))
            if weights is not None and not begun:  # one that is gone on with keeps what it knows, of whichever weights
                checksum = sha256_of(weights.path)
            remember_source(run, init, root, checksum)  # before preset.toml: what can be resumed knows its source
        journal = start_run_folder(run, text, writes=group.first)
        check_alike(position, run, group)
        journal.rewind(position.step)
        tests, validations = (Journal(run, f"{name}.jsonl", writes=group.first) for name in ("test", "validation"))
        tests.rewind(position.step)
        validations.rewind(position.step)
        state = Run(run, position, text, data, report, "finetune", group)
        sentence = _opening(preset, len(split), plan.total, matched, position.step, group.described(device))
        ungated = _ungated(preset, weights)
        notes = (repetition_note(split, preset.patches.points), precision_note(preset.runtime.precision, device))
        for message in filter(None, (sentence, ungated, *notes)):
            journal.say(message)
            report(Progress("finetune", position.step, plan.total, message=message))

        def description(note: str) -> ModelDescription:
            return ModelDescription(
                kind="classifier",
                sizes=sizes,
                patches=preset.patches.model_dump(),
                flow={} if weights is None else weights.description.flow,
                preset=preset.model_dump(mode="json"),
                class_names=split.class_names,
                details={"init": None if init is None else str(init.resolve()), "chosen": note},
                step=state.position.step,
                tool_version=tool_version(),
            )

        def batches(epoch: int, first: int) -> Iterator[Batch]:
            order = {"seed": preset.seed, "epoch": epoch, "first": first}
            return training_batches(
                split, plan.batch_size, preset.patches.points, **order, part=group.rank, parts=group.size
            )

        def after_epoch(epoch: int) -> None:
            if validation is not None:
                watched = measure(classifier, preset, validation, device, group)
                validations.record({"step": state.position.step, "epoch": epoch, **watched})
            figures = measure(classifier, preset, test, device, group)
            tests.record({"step": state.position.step, "epoch": epoch, **figures})
            report(Progress("test split", epoch + 1, preset.optimizer.epochs, "epochs", figures))
            best = figures["overall_accuracy"] > state.position.best.get("overall_accuracy", -1.0)
            if best:
                state.position.best = {**figures, "epoch": float(epoch)}
                if group.first:
                    save_weights(run, classifier.state_dict(), description(BEST_NOTE), BEST_NAME)
            if group.first and kept_epoch(preset.runtime.keep_every, epoch):
                save_weights(run, classifier.state_dict(), description(f"epoch {epoch + 1}"), kept_name(epoch))
            if best:  # killed later, the run goes on from where its best weights are of
                state.save(learner, optimizer)

        carry_out(state, plan, learner, optimizer, batches, device, after_epoch)
        if not group.first:
            return {}
        saved = save_weights(run, classifier.state_dict(), description(LAST_NOTE))
    journal.say(f"finished at step {position.step}")
    last = tests.records()[-1]
    best = position.best
    return {
        "run": str(run),
        "steps": position.step,
        "epochs": preset.optimizer.epochs,
        "seconds": round(time.perf_counter() - started, 2),
        "test_last": {key: last[key] for key in ("overall_accuracy", "mean_class_accuracy")},
        "test_best": {
            "overall_accuracy": best["overall_accuracy"],
            "mean_class_accuracy": best["mean_class_accuracy"],
            "epoch": int(best["epoch"]) + 1,
            "note": "test-selected",
        },
        "matched": None if matched is None else {"share": matched.share, "tensors": matched.tensors},
        "gate": classifier.gate is not None,
        "weights": str(saved),
        **trained_parameters(classifier),
    }


@torch.no_grad()
def predict(classifier: PointClassifier, preset: FinetunePreset, batch: Batch, device: torch.device) -> Tensor:
    """Logits (B, L) of clouds as they are, at the fixed flow times of evaluation."""
    classifier.eval()
    patches = cut_patches(batch.points.to(device), preset.patches.groups, preset.patches.size)
    times = evaluation_times(preset, classifier.frozen_flow, len(batch), device)
    return classifier(patches, *times).float().cpu()


def measure(
    classifier: PointClassifier, preset: FinetunePreset, split: Split, device: torch.device, group: Group = ALONE
) -> dict[str, float]:
    """Overall and mean class accuracy on a whole split, which the processes of ``group`` share among them."""
    size, points = preset.optimizer.batch_size, preset.patches.points
    predicted = [
        predict(classifier, preset, batch, device).argmax(dim=-1).tolist()
        for batch in evaluation_batches(split, size, points, part=group.rank, parts=group.size)
    ]
    every = group.gather(predicted)  # batch number n is the (n // size)th of rank n % size
    ordered = [each for column in zip_longest(*every, fillvalue=[]) for batch in column for each in batch]
    confusion = confusion_matrix(split.labels, np.array(ordered, dtype=np.int64), len(split.class_names))
    return {
        "overall_accuracy": overall_accuracy(confusion),
        "mean_class_accuracy": mean_class_accuracy(confusion),
    }


def _assemble(
    preset: FinetunePreset, split: Split, weights: Weights | None
) -> tuple[PointClassifier, PointSRASizes, Matched | None]:
    if weights is None:
        sizes = sizes_from_scratch(preset.encoder, preset.patches.size)
        return build_classifier(sizes, len(split.class_names), preset, {}), sizes, None
    sizes = fine_tuning_sizes(weights)
    classifier = build_classifier(sizes, len(split.class_names), preset, weights.description.flow)
    return classifier, sizes, initialize_from(classifier, weights)


def _opening(preset: FinetunePreset, clouds: int, total: int, matched: Matched | None, step: int, device: str) -> str:
    origin = "from scratch" if matched is None else str(matched)
    verb = f"resumed at step {step}" if step else "started"
    return f"{verb}: {clouds} clouds of {preset.data.dataset}, {total} steps, {origin}, on {device}"


def _ungated(preset: FinetunePreset, weights: Weights | None) -> str | None:
    """A sentence where the preset asks for the gate and the weights have no flow to ask."""
    if weights is None or not preset.gate.enabled or preset.protocol != "full":
        return None
    if weights.description.flow.get("objective") == "regression":
        return f"{weights.path} holds a regression, which was never shown a state: fine-tuning runs without the gate"
    if weights.description.sizes.flow_depth:
        return None
    return f"{weights.path} holds no flow: fine-tuning runs without the gate"
