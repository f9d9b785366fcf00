"""Protocols of fine-tuned weights: ``test``, ``test-best`` and ``vote``.

Rows are named by what the weights say of how they were chosen: what the test split chose is marked wherever it appears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pointsra.data.loaders import Batch, evaluation_batches
from pointsra.data.places import split_path
from pointsra.data.store import Split, open_split
from pointsra.errors import CheckpointError, DataError
from pointsra.evaluation.job import Job, accuracy_rows
from pointsra.evaluation.published import published_accuracy
from pointsra.evaluation.report import EvaluationReport
from pointsra.metrics.recognition import confusion_matrix
from pointsra.ops.randomness import stream
from pointsra.ops.transforms import scale_and_translate
from pointsra.progress import Progress
from pointsra.settings import FinetunePreset
from pointsra.training.classifiers import LoadedClassifier, load_classifier
from pointsra.training.finetune import BEST_NAME, BEST_NOTE, LAST_NOTE, predict
from pointsra.training.weights import MODEL_NAME, find_weights

_VOTES = 10
_VOTE_SCALES = (2 / 3, 3 / 2)  # Point-MAE's vote: ScaleAndTranslate
_VOTE_SHIFT = 0.2
_BEST = "best epoch (test-selected)"
_UNSAID = {MODEL_NAME: LAST_NOTE, BEST_NAME: BEST_NOTE}  # by file name, of weights that do not say how they were chosen

Logits = Callable[[LoadedClassifier, FinetunePreset, Batch, torch.device, torch.Generator], Tensor]


@dataclass(frozen=True)
class Opened:
    """Classifiers by the labels of their rows, the preset that names the data, and the split to test on."""

    loaded: dict[str, LoadedClassifier]
    preset: FinetunePreset
    split: Split


@contextmanager
def opened(job: Job) -> Iterator[Opened]:
    """Open the weights that a run ended with, and its best ones beside them, or those of a file; and the test split.

    Raises:
        CheckpointError: no such weights, or not a classifier's. DataError: no such split, or one of other classes.
    """
    beside = job.source.is_dir() and (job.source / f"{BEST_NAME}.safetensors").is_file()
    yield from _opened(job, (MODEL_NAME, BEST_NAME) if beside else (MODEL_NAME,))


@contextmanager
def opened_last(job: Job) -> Iterator[Opened]:
    """As :func:`opened`, but a run's best weights are left out."""
    yield from _opened(job, (MODEL_NAME,))


@contextmanager
def opened_best(job: Job) -> Iterator[Opened]:
    """As :func:`opened`, but of a run its best weights alone, which are there before it is finished.

    Raises:
        CheckpointError: a file was named in place of a run.
    """
    if not job.source.is_dir():
        raise CheckpointError(f"{job.source} is a file: test-best needs the run folder, which keeps the best epoch.")
    yield from _opened(job, (BEST_NAME,))


def measure_test(job: Job, read: Opened) -> EvaluationReport:
    """Accuracy on clouds as they are."""
    return _classify(job, read, "test", _plain_logits)


def measure_best(job: Job, read: Opened) -> EvaluationReport:
    """The same of the best epoch alone."""
    return _classify(job, read, "test-best", _plain_logits)


def measure_vote(job: Job, read: Opened) -> EvaluationReport:
    """Accuracy of mean logits over scaled copies."""
    return _classify(job, read, "vote", _voted_logits)


def _opened(job: Job, names: tuple[str, ...]) -> Iterator[Opened]:
    loaded = [load_classifier(job.source, job.device, name) for name in names]
    labels = [_label(job, each, name) for each, name in zip(loaded, names, strict=True)]
    preset = job.preset or loaded[0].preset
    with open_split(split_path(job.root, preset.data.dataset, preset.data.test_split)) as split:
        _same_classes(loaded[0].description.class_names, split)
        yield Opened(dict(zip(labels, loaded, strict=True)), preset, split)


def _label(job: Job, loaded: LoadedClassifier, name: str) -> str:
    file = find_weights(job.source, name).stem
    chosen = loaded.description.details.get("chosen") or _UNSAID.get(file, file)
    return _BEST if chosen == BEST_NOTE else chosen


def _classify(job: Job, read: Opened, protocol: str, logits: Logits) -> EvaluationReport:
    split, first = read.split, next(iter(read.loaded.values()))
    # The paper's figure belongs to full fine-tuning of pre-trained weights with their flow, without votes.
    gated = first.network.gate is not None and first.description.details.get("init") is not None
    comparable = gated and protocol != "vote" and not split.stand_in
    published = published_accuracy(split.dataset, split.split) if comparable else None
    matrices = {
        label: [_confusion(classifier, read.preset, split, job, seed, logits) for seed in job.draws]
        for label, classifier in read.loaded.items()
    }
    notes = []
    if _BEST in matrices:
        notes.append("The best epoch was selected on the test split; the last epoch is the honest figure.")
    if published is not None:
        notes.append("The paper's figure is as published; its family reports the best test epoch.")
    return EvaluationReport(
        title=f"{read.preset.data.dataset}: classification, protocol {protocol}",
        protocol=protocol,
        weights=str(job.source),
        dataset=split.dataset,
        split=split.split,
        clouds=len(split),
        seeds=job.seeds,
        rows=tuple(row for label, found in matrices.items() for row in accuracy_rows(label, found, published)),
        class_names=split.class_names,
        confusion=next(iter(matrices.values()))[0],
        notes=tuple(notes),
        stand_in=split.stand_in,
    )


def _plain_logits(
    loaded: LoadedClassifier, preset: FinetunePreset, batch: Batch, device: torch.device, generator: torch.Generator
) -> Tensor:
    return predict(loaded.network, preset, batch, device)


def _voted_logits(
    loaded: LoadedClassifier, preset: FinetunePreset, batch: Batch, device: torch.device, generator: torch.Generator
) -> Tensor:
    copies = [scale_and_translate(batch.points, *_VOTE_SCALES, _VOTE_SHIFT, generator) for _ in range(_VOTES)]
    votes = [predict(loaded.network, preset, Batch(copy, batch.labels), device) for copy in copies]
    return torch.stack(votes).mean(dim=0)


def _confusion(
    loaded: LoadedClassifier, preset: FinetunePreset, split: Split, job: Job, seed: int | None, logits: Logits
) -> NDArray[np.int64]:
    generator = stream(job.seed if seed is None else seed, "vote")
    predicted = []
    for batch in evaluation_batches(split, preset.optimizer.batch_size, preset.patches.points, seed=seed):
        predicted.append(logits(loaded, preset, batch, job.device, generator).argmax(dim=-1))
        done = sum(len(part) for part in predicted)
        job.report(Progress("evaluate", done, len(split), "clouds"))
    return confusion_matrix(split.labels, torch.cat(predicted).numpy().astype(np.int64), len(split.class_names))


def _same_classes(known: tuple[str, ...], split: Split) -> None:
    if known != split.class_names:
        raise DataError(
            f"The classifier knows {len(known)} classes ({', '.join(known[:4])}, …) and {split.path} has "
            f"{len(split.class_names)} ({', '.join(split.class_names[:4])}, …): these are different data sets."
        )
