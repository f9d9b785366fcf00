"""How trained weights are measured: one named protocol each, none of which chooses anything on the test split.

- ``test``: a fine-tuned run on its test split, last epoch; the best test epoch beside it, marked test-selected.
- ``test-best``: that best test epoch alone, as the field reports it, marked test-selected.
- ``vote``: mean logits over ten scaled copies of each cloud, once for each seed (not the best of many).
- ``svm``: a linear SVM on frozen features of pre-trained weights, fitted on the training split.
- ``complementarity``: geometry and semantics in an encoder's features at mask ratios 0 … 0.9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pointsra.data.loaders import Batch, evaluation_batches
from pointsra.data.places import split_path
from pointsra.data.store import Split, open_split
from pointsra.errors import CheckpointError, DataError, MissingExtraError, SettingsError
from pointsra.evaluation.complementarity import measure_complementarity
from pointsra.evaluation.published import published_accuracy
from pointsra.evaluation.report import EvaluationReport, ReportRow
from pointsra.metrics.recognition import confusion_matrix, mean_class_accuracy, overall_accuracy
from pointsra.networks.heads import cloud_feature
from pointsra.ops.patches import cut_patches
from pointsra.ops.randomness import stream
from pointsra.ops.sampling import gather_points, random_indices
from pointsra.ops.transforms import scale_and_translate
from pointsra.progress import Progress, Report, silent
from pointsra.settings import FinetunePreset
from pointsra.training.classifiers import LoadedClassifier, load_classifier
from pointsra.training.finetune import BEST_NAME, predict
from pointsra.training.weights import find_weights, load_point_sra, load_weights

_VOTES = 10
_VOTE_SCALES = (2 / 3, 3 / 2)  # Point-MAE's vote: ScaleAndTranslate
_VOTE_SHIFT = 0.2
_SVM_C = 0.01  # fixed beforehand; peers use 0.0093 … 0.075 and report no common value
_LAST, _BEST = "last epoch", "best epoch (test-selected)"


@dataclass(frozen=True)
class _Job:
    """What every protocol is given."""

    source: Path
    root: Path
    preset: FinetunePreset | None
    seeds: int
    seed: int
    device: torch.device
    report: Report


def evaluate(
    weights: Path,
    root: Path,
    *,
    preset: FinetunePreset | None,
    protocol: str,
    seeds: int,
    seed: int,
    device: torch.device,
    report: Report = silent,
) -> EvaluationReport:
    """Measure weights by a named protocol.

    Args:
        weights: a run folder or a weights file.
        root: data root.
        preset: names the data; None takes what the weights were fine-tuned with.
        protocol: a key of :data:`PROTOCOLS`.
        seeds: measurements. For ``test`` more than one draws random points instead of farthest ones.
        seed: the first seed.
        device: where to compute.

    Raises:
        SettingsError: unknown protocol, or a preset is needed. CheckpointError, DataError: weights or data do not fit.
    """
    if protocol not in PROTOCOLS:
        raise SettingsError(f"--protocol {protocol} is not known: write one of {', '.join(PROTOCOLS)}.")
    if seeds < 1:
        raise SettingsError("--seeds must be at least 1.")
    return PROTOCOLS[protocol](_Job(weights, root, preset, seeds, seed, device, report))


def _test(job: _Job) -> EvaluationReport:
    names = {_LAST: "model"}
    if job.source.is_dir() and (job.source / f"{BEST_NAME}.safetensors").is_file():
        names[_BEST] = BEST_NAME
    return _classify(job, "test", names, _plain_logits)


def _test_best(job: _Job) -> EvaluationReport:
    if not job.source.is_dir():
        raise CheckpointError(f"{job.source} is a file: test-best needs the run folder, which keeps the best epoch.")
    return _classify(job, "test-best", {_BEST: BEST_NAME}, _plain_logits)


def _vote(job: _Job) -> EvaluationReport:
    return _classify(job, "vote", {_LAST: "model"}, _voted_logits)


Logits = Callable[[LoadedClassifier, FinetunePreset, Batch, torch.device, torch.Generator], Tensor]


def _classify(job: _Job, protocol: str, names: dict[str, str], logits: Logits) -> EvaluationReport:
    loaded = {label: load_classifier(job.source, job.device, name) for label, name in names.items()}
    first = next(iter(loaded.values()))
    preset = job.preset or first.preset
    with open_split(split_path(job.root, preset.data.dataset, preset.data.test_split)) as split:
        _same_classes(first.description.class_names, split)
        # The paper's figure belongs to full fine-tuning of pre-trained weights with their flow, and to nothing else.
        described = first.description
        comparable = (
            first.preset.protocol == "full"
            and described.details.get("init") is not None
            and described.sizes.flow_depth > 0
        )
        published = published_accuracy(split.dataset, split.split) if comparable and not split.stand_in else None
        matrices = {
            label: [_confusion(classifier, preset, split, job, seed, logits) for seed in _seeds(job)]
            for label, classifier in loaded.items()
        }
        notes = []
        if _BEST in names:
            notes.append("The best epoch was selected on the test split; the last epoch is the honest figure.")
        if published is not None:
            notes.append("The paper's figure is as published; its family reports the best test epoch.")
        return EvaluationReport(
            title=f"{preset.data.dataset}: classification, protocol {protocol}",
            protocol=protocol,
            weights=str(job.source),
            dataset=split.dataset,
            split=split.split,
            clouds=len(split),
            seeds=job.seeds,
            rows=tuple(row for label, found in matrices.items() for row in _rows(label, found, published)),
            class_names=split.class_names,
            confusion=next(iter(matrices.values()))[0],
            notes=tuple(notes),
            stand_in=split.stand_in,
        )


def _svm(job: _Job) -> EvaluationReport:
    if load_weights(job.source).description.kind != "point_sra":
        raise CheckpointError(f"{find_weights(job.source)} is a classifier: svm measures pre-trained weights.")
    if job.preset is None:
        raise SettingsError("--protocol svm needs --preset, which names the labeled data to fit and to test on.")
    data, preset = job.preset.data, job.preset
    with (
        open_split(split_path(job.root, data.dataset, data.train_split)) as train,
        open_split(split_path(job.root, data.dataset, data.test_split)) as test,
    ):
        matrices = []
        for seed in _seeds(job):
            known = _frozen_features(job, preset, train, seed)
            asked = _frozen_features(job, preset, test, seed)
            predicted = _fit_svm(known, train.labels, asked, job.seed if seed is None else seed)
            matrices.append(confusion_matrix(test.labels, predicted, len(test.class_names)))
        return EvaluationReport(
            title=f"{data.dataset}: linear SVM on frozen features",
            protocol="svm",
            weights=str(job.source),
            dataset=test.dataset,
            split=test.split,
            clouds=len(test),
            seeds=job.seeds,
            rows=tuple(_rows(_LAST, matrices, None)),
            class_names=test.class_names,
            confusion=matrices[0],
            notes=(f"LinearSVC, C = {_SVM_C}, fitted on standardized [queries, maximum of patches] features.",),
            stand_in=train.stand_in or test.stand_in,
        )


def _complementarity(job: _Job) -> EvaluationReport:
    return measure_complementarity(
        job.source,
        job.root,
        preset=job.preset,
        seeds=job.seeds,
        seed=job.seed,
        device=job.device,
        report=job.report,
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
    loaded: LoadedClassifier, preset: FinetunePreset, split: Split, job: _Job, seed: int | None, logits: Logits
) -> NDArray[np.int64]:
    generator = stream(job.seed if seed is None else seed, "vote")
    predicted = []
    for batch in _batches(split, preset, seed):
        predicted.append(logits(loaded, preset, batch, job.device, generator).argmax(dim=-1))
        done = sum(len(part) for part in predicted)
        job.report(Progress("evaluate", done, len(split), "clouds"))
    return confusion_matrix(split.labels, torch.cat(predicted).numpy().astype(np.int64), len(split.class_names))


def _batches(split: Split, preset: FinetunePreset, seed: int | None) -> Iterator[Batch]:
    """Deterministic farthest points without a seed, random ones with."""
    size, points = preset.optimizer.batch_size, preset.patches.points
    if seed is None:
        yield from evaluation_batches(split, size, points)
        return
    for number, batch in enumerate(evaluation_batches(split, size, split.points_per_cloud)):
        chosen = random_indices(len(batch), batch.points.shape[1], points, stream(seed, "evaluate", number))
        yield Batch(gather_points(batch.points, chosen), batch.labels)


def _seeds(job: _Job) -> list[int | None]:
    return [None] if job.seeds == 1 else [job.seed + offset for offset in range(job.seeds)]


def _rows(label: str, matrices: list[NDArray[np.int64]], published: float | None) -> list[ReportRow]:
    figures = {
        "overall accuracy": (overall_accuracy, published),
        "mean class accuracy": (mean_class_accuracy, None),
    }
    rows = []
    for metric, (measure, paper) in figures.items():
        values = 100 * np.array([measure(matrix) for matrix in matrices])
        deviation = float(values.std(ddof=1)) if len(values) > 1 else None
        rows.append(ReportRow(label, metric, float(values.mean()), deviation, paper))
    return rows


@torch.no_grad()
def _frozen_features(job: _Job, preset: FinetunePreset, split: Split, seed: int | None) -> NDArray[np.float32]:
    network, description = load_point_sra(job.source, job.device)
    groups, size = description.patches["groups"], description.patches["size"]
    parts = []
    for batch in _batches(split, preset, seed):
        patches = cut_patches(batch.points.to(job.device), groups, size)
        parts.append(cloud_feature(network.encoder(patches)).float().cpu())
        job.report(Progress("features", sum(len(part) for part in parts), len(split), "clouds"))
    return torch.cat(parts).numpy()


def _fit_svm(
    known: NDArray[np.float32], labels: NDArray[np.int64], asked: NDArray[np.float32], seed: int
) -> NDArray[np.int64]:
    try:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import LinearSVC
    except ImportError:
        raise MissingExtraError("The SVM protocol needs scikit-learn: pip install 'pointsra[svm]'.") from None
    if len(np.unique(labels)) < 2:
        raise DataError("An SVM needs at least two classes in the training split.")
    machine = make_pipeline(StandardScaler(), LinearSVC(C=_SVM_C, random_state=seed, max_iter=5000))
    return np.asarray(machine.fit(known, labels).predict(asked), dtype=np.int64)


def _same_classes(known: tuple[str, ...], split: Split) -> None:
    if known != split.class_names:
        raise DataError(
            f"The classifier knows {len(known)} classes ({', '.join(known[:4])}, …) and {split.path} has "
            f"{len(split.class_names)} ({', '.join(split.class_names[:4])}, …): these are different data sets."
        )


PROTOCOLS: dict[str, Callable[[_Job], EvaluationReport]] = {
    "test": _test,
    "test-best": _test_best,
    "vote": _vote,
    "svm": _svm,
    "complementarity": _complementarity,
}
