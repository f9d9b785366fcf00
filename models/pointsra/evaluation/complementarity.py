"""Protocol ``complementarity``: what an encoder's features hold at mask ratios 0, 0.1, …, 0.9.

The paper's claim (Point-SRA, arXiv 2601.01746): low mask ratios keep geometry, high ones compress semantics. Here one
trained encoder is shown the visible patches of random masks, nested as in pre-training (what is visible at a high
ratio is visible at every lower one), and its pooled feature, the mean over the visible patches that MAE-SRA aligns,
is asked for four things:

- geometry: R² of a ridge regression to the whole cloud's soft occupancy, over all clouds and within classes;
- semantics: accuracy of a ridge classifier (one-hot targets, greatest wins);
- effective rank, and linear CKA between every two ratios, on the test split.

The target of geometry is where the matter lies: the share of the cloud's points at each node of an 8 × 8 × 8 grid
over the unit cube [−1, 1]³, each point dealt to the eight nodes around it by trilinear weights (cloud-in-cell,
Hockney and Eastwood 1981). It is sound for three reasons: it is a linear statistic of the whole cloud, so that a
linear map can be asked for it; it is continuous in the points, where hard cells flip; and it keeps position, which a
distance histogram forgets. Its nodes are 0.29 apart, about a patch's width. Most of its variance lies between
classes, and a feature that knew no more than the class would score; so what is left after the class mean is
taken off is measured as well.

Penalties are chosen on a fifth of the training clouds and the maps refitted on all; the test split chooses nothing.
Clouds and patches are in the cloud's own frame at every ratio, as for ``svm`` and fine-tuning, so that the ratio
alone changes. Patches overlap: visible ones hold some points of hidden ones. What this cannot show: it is one
encoder at many ratios, not one trained at each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pointsra.data.places import split_path
from pointsra.data.store import Split, open_split
from pointsra.errors import CheckpointError, DataError, SettingsError
from pointsra.evaluation.complementarity_report import FIGURES, ComplementarityReport, accuracy_rows, findings
from pointsra.evaluation.job import Job
from pointsra.evaluation.masked_features import (
    CutClouds,
    Encode,
    cut_clouds,
    load_encoder,
    masked_features,
    masked_groups,
)
from pointsra.metrics.recognition import confusion_matrix
from pointsra.metrics.representation import Ridge, best_penalty, centered_rank, explained_variance, linear_cka
from pointsra.ops.masks import visible_count
from pointsra.ops.randomness import stream
from pointsra.progress import Progress
from pointsra.settings.schema import Data
from pointsra.training.labeled_splits import check_pair
from pointsra.training.weights import ModelDescription

RATIOS = tuple(tenth / 10 for tenth in range(10))
_MOST_FITTED = 2048  # training clouds; ours: five for each dimension of the widest encoder, and minutes on a CPU
_FEWEST_FITTED = 5  # one of them is held out
_PENALTIES = tuple(10.0**power for power in range(-6, 5))  # in units of a feature's variance

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Opened:
    """An encoder with what describes it, the data, how clouds are cut for it (points, groups, size), and the splits."""

    encode: Encode
    description: ModelDescription
    data: Data
    cut: dict[str, int]
    train: Split
    test: Split


@contextmanager
def opened(job: Job) -> Iterator[Opened]:
    """Open what is measured: weights, pre-trained or fine-tuned, and the data of the preset or else their own.

    Raises:
        CheckpointError: the weights cannot be read.
        DataError: the data is missing, too small, or of two sets of classes.
        SettingsError: the preset asks for fewer points than the weights' patches need, or for the same clouds twice.
    """
    source, preset = job.source, job.preset
    encode, description = load_encoder(source, job.device)
    data = preset.data if preset is not None else _own_data(source, description)
    cut = dict(description.patches)
    if preset is not None:
        cut["points"] = preset.patches.points
        if cut["points"] < max(cut["groups"], cut["size"]):
            raise SettingsError(
                f"patches.points = {cut['points']} is too few for the {cut['groups']} patches of {cut['size']} points "
                f"that {source} was trained with: give the preset more."
            )
    with (
        open_split(split_path(job.root, data.dataset, data.train_split)) as train,
        open_split(split_path(job.root, data.dataset, data.test_split)) as test,
    ):
        _check(train, test)
        yield Opened(encode, description, data, cut, train, test)


def measure(job: Job, read: Opened) -> ComplementarityReport:
    """Measure an encoder at every mask ratio.

    Means and deviations are over draws of the masks; points and patches are the same for all, and the first seed
    chooses the training clouds.

    Raises:
        CheckpointError: the features are not finite.
    """
    test = read.test
    known = cut_clouds(read.train, _chosen(len(read.train), job.seed), **read.cut, report=job.report)
    asked = cut_clouds(test, np.arange(len(test)), **read.cut, report=job.report)
    figures = np.full((job.seeds, len(RATIOS), len(FIGURES)), np.nan)
    likeness = np.empty((job.seeds, len(RATIOS), len(RATIOS)))
    guesses = []
    for draw in range(job.seeds):
        streams = [stream(job.seed + draw, "complementarity", side) for side in ("known", "asked")]
        learned = masked_features(read.encode, known, RATIOS, streams[0], job.device, job.report)
        tested = masked_features(read.encode, asked, RATIOS, streams[1], job.device, job.report)
        for place, (fitted, held) in enumerate(zip(learned, tested, strict=True)):
            *values, guess = linear_figures(fitted, known, held, asked, len(test.class_names), job.seed)
            figures[draw, place] = values
            guesses.append(guess)
            likeness[draw, place] = [linear_cka(held, other) for other in tested]
            job.report(Progress("linear maps", draw * len(RATIOS) + place + 1, job.seeds * len(RATIOS), "ratios"))
    masked = masked_groups(read.encode, read.cut["groups"])
    chance = 100 * float((asked.labels == np.bincount(known.labels).argmax()).mean())
    return ComplementarityReport(
        title=f"{read.data.dataset}: geometry and semantics over the mask ratio",
        protocol="complementarity",
        weights=str(job.source),
        dataset=test.dataset,
        split=test.split,
        clouds=len(test),
        seeds=job.seeds,
        rows=accuracy_rows(RATIOS, figures),
        class_names=test.class_names,
        confusion=confusion_matrix(asked.labels, guesses[0], len(test.class_names)),
        notes=findings(
            RATIOS,
            figures,
            chance=chance,
            tested=len(asked),
            width=read.description.sizes.dim,
            fitted=len(known),
            available=len(read.train),
            classifier=read.description.kind == "classifier",
        ),
        stand_in=read.train.stand_in or test.stand_in,
        ratios=RATIOS,
        visible=tuple(visible_count(masked, ratio) for ratio in RATIOS),
        width=read.description.sizes.dim,
        fitted=len(known),
        figures=figures,
        likeness=likeness,
    )


def _own_data(source: Path, description: ModelDescription) -> Data:
    try:
        return Data.model_validate(description.preset["data"])
    except (KeyError, ValueError) as cause:
        raise CheckpointError(f"{source} does not say what it was trained on: name the data with --preset.") from cause


def _check(train: Split, test: Split) -> None:
    check_pair(train, test)
    for split, fewest in ((train, _FEWEST_FITTED), (test, 2)):
        if len(split) < fewest:
            raise DataError(f"{split.path} holds {len(split)} clouds and complementarity needs {fewest} at least.")


def _chosen(count: int, seed: int) -> NDArray[np.int64]:
    """Which training clouds are fitted to, at random where there are too many; ascending."""
    order = torch.randperm(count, generator=stream(seed, "complementarity", "fitted")).numpy()
    return np.sort(order[:_MOST_FITTED]).astype(np.int64)


def linear_figures(
    fitted: Features, known: CutClouds, held: Features, asked: CutClouds, classes: int, seed: int
) -> tuple[float, float, float, float, NDArray[np.int64]]:
    """The figures of one ratio and draw, as :data:`FIGURES` orders them, and the classes guessed (m,)."""
    order = torch.randperm(len(fitted), generator=stream(seed, "complementarity", "held out")).numpy()
    out, kept = np.split(order, [max(1, len(order) // 5)])
    means = _class_means(known, classes)
    one_hot = np.eye(classes)
    targets = (known.occupancy, known.occupancy - means[known.labels], one_hot[known.labels])
    truths = (asked.occupancy, asked.occupancy - means[asked.labels], one_hot[asked.labels])
    scores = (explained_variance, explained_variance, _agreement)
    chooser, final = Ridge(fitted[kept]), Ridge(fitted)
    values, predicted = [], np.zeros((len(asked), classes))
    for target, truth, score in zip(targets, truths, scores, strict=True):
        tried = chooser.predictions(fitted[out], target[kept], _PENALTIES)
        penalty = best_penalty(target[out], tried, _PENALTIES, score)
        predicted = final.predictions(held, target, [penalty])[0]
        values.append(score(np.asarray(truth, dtype=np.float64), predicted))
    accuracy = 100 * values[2] if len(np.unique(known.labels)) > 1 else float("nan")
    return values[0], values[1], accuracy, centered_rank(held), predicted.argmax(axis=1).astype(np.int64)


def _class_means(known: CutClouds, classes: int) -> NDArray[np.float64]:
    """(L, 512) mean occupancy of each class among the training clouds; that of all for a class without any."""
    means = np.tile(known.occupancy.mean(axis=0, dtype=np.float64), (classes, 1))
    for label in np.unique(known.labels):
        means[label] = known.occupancy[known.labels == label].mean(axis=0, dtype=np.float64)
    return means


def _agreement(truth: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """Share of rows (m, L) whose greatest entries agree."""
    return float((truth.argmax(axis=1) == scores.argmax(axis=1)).mean())
