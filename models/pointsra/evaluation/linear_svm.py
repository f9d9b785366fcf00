"""Protocol ``svm``: a linear SVM on frozen features of pre-trained weights, fitted on the training split."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
from numpy.typing import NDArray

from pointsra.data.loaders import evaluation_batches
from pointsra.data.places import split_path
from pointsra.data.store import Split, open_split
from pointsra.errors import CheckpointError, DataError, MissingExtraError, SettingsError
from pointsra.evaluation.job import Job, accuracy_rows
from pointsra.evaluation.report import EvaluationReport
from pointsra.metrics.recognition import confusion_matrix
from pointsra.networks.heads import cloud_feature
from pointsra.networks.point_sra import PointSRA
from pointsra.ops.patches import cut_patches
from pointsra.progress import Progress
from pointsra.settings import FinetunePreset
from pointsra.training.labeled_splits import check_pair
from pointsra.training.weights import ModelDescription, find_weights, load_point_sra, load_weights

_SVM_C = 0.01  # fixed beforehand; peers use 0.0093 … 0.075 and report no common value


@dataclass(frozen=True)
class Opened:
    """An encoder, and the labeled splits that the SVM is fitted to and asked about."""

    network: PointSRA
    description: ModelDescription
    preset: FinetunePreset
    train: Split
    test: Split


@contextmanager
def opened(job: Job) -> Iterator[Opened]:
    """Open what the protocol reads.

    Raises:
        CheckpointError: the weights are a classifier's, or cannot be read. SettingsError: no preset names the data, or
        it names clouds to fit and to test on. DataError: a split is missing, of other classes, or has a single class.
        MissingExtraError: scikit-learn is not there.
    """
    if load_weights(job.source).description.kind != "point_sra":
        raise CheckpointError(f"{find_weights(job.source)} is a classifier: svm measures pre-trained weights.")
    if job.preset is None:
        raise SettingsError("--protocol svm needs --preset, which names the labeled data to fit and to test on.")
    if find_spec("sklearn") is None:
        raise MissingExtraError("The SVM protocol needs scikit-learn: pip install 'pointsra[svm]'.")
    data = job.preset.data
    with (
        open_split(split_path(job.root, data.dataset, data.train_split)) as train,
        open_split(split_path(job.root, data.dataset, data.test_split)) as test,
    ):
        check_pair(train, test)
        if len(np.unique(train.labels)) < 2:
            raise DataError("An SVM needs at least two classes in the training split.")
        network, description = load_point_sra(job.source, job.device)
        yield Opened(network, description, job.preset, train, test)


def measure(job: Job, read: Opened) -> EvaluationReport:
    """Fit and test, once for each draw of points."""
    test, matrices = read.test, []
    for seed in job.draws:
        known, asked = (_frozen_features(job, read, split, seed) for split in (read.train, test))
        predicted = _fit_svm(known, read.train.labels, asked, job.seed if seed is None else seed)
        matrices.append(confusion_matrix(test.labels, predicted, len(test.class_names)))
    return EvaluationReport(
        title=f"{read.preset.data.dataset}: linear SVM on frozen features",
        protocol="svm",
        weights=str(job.source),
        dataset=test.dataset,
        split=test.split,
        clouds=len(test),
        seeds=job.seeds,
        rows=tuple(accuracy_rows("last epoch", matrices, None)),
        class_names=test.class_names,
        confusion=matrices[0],
        notes=(f"LinearSVC, C = {_SVM_C}, fitted on standardized [queries, maximum of patches] features.",),
        stand_in=read.train.stand_in or test.stand_in,
    )


@torch.no_grad()
def _frozen_features(job: Job, read: Opened, split: Split, seed: int | None) -> NDArray[np.float32]:
    groups, size = read.description.patches["groups"], read.description.patches["size"]
    parts = []
    for batch in evaluation_batches(split, read.preset.optimizer.batch_size, read.preset.patches.points, seed=seed):
        patches = cut_patches(batch.points.to(job.device), groups, size)
        parts.append(cloud_feature(read.network.encoder(patches)).float().cpu())
        job.report(Progress("features", sum(len(part) for part in parts), len(split), "clouds"))
    return torch.cat(parts).numpy()


def _fit_svm(
    known: NDArray[np.float32], labels: NDArray[np.int64], asked: NDArray[np.float32], seed: int
) -> NDArray[np.int64]:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    machine = make_pipeline(StandardScaler(), LinearSVC(C=_SVM_C, random_state=seed, max_iter=5000))
    return np.asarray(machine.fit(known, labels).predict(asked), dtype=np.int64)
