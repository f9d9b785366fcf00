"""How trained weights are measured: one named protocol each, none of which chooses anything on the test split.

- ``test``: a fine-tuned run on its test split, last epoch; the best test epoch beside it, marked test-selected.
- ``test-best``: that best test epoch alone, as the field reports it, marked test-selected.
- ``vote``: mean logits over ten scaled copies of each cloud, once for each seed (not the best of many).
- ``svm``: a linear SVM on frozen features of pre-trained weights, fitted on the training split.
- ``complementarity``: geometry and semantics in an encoder's features at mask ratios 0 … 0.9.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pointsra.errors import SettingsError
from pointsra.evaluation import classification, complementarity, linear_svm
from pointsra.evaluation.job import Job
from pointsra.evaluation.report import EvaluationReport
from pointsra.progress import Report, silent
from pointsra.settings import FinetunePreset


@dataclass(frozen=True)
class Protocol:
    """How a protocol works.

    Attributes:
        opened: opens weights and splits, and refuses what cannot be measured.
        measure: measures what was opened.
    """

    opened: Callable[[Job], AbstractContextManager[Any]]
    measure: Callable[[Job, Any], EvaluationReport]


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
    asked = _asked_for(protocol, seeds)
    job = Job(weights, root, preset, seeds, seed, device, report)
    with asked.opened(job) as read:
        return asked.measure(job, read)


def check_evaluation(
    weights: Path, root: Path, *, preset: FinetunePreset | None, protocol: str, seeds: int, seed: int
) -> None:
    """Find out, as :func:`evaluate` does before the work, that the protocol cannot measure these weights.

    Raises:
        SettingsError, CheckpointError, DataError, MissingExtraError: as :func:`evaluate`.
    """
    with _asked_for(protocol, seeds).opened(Job(weights, root, preset, seeds, seed, torch.device("cpu"), silent)):
        pass


def _asked_for(protocol: str, seeds: int) -> Protocol:
    if protocol not in PROTOCOLS:
        raise SettingsError(f"--protocol {protocol} is not known: write one of {', '.join(PROTOCOLS)}.")
    if seeds < 1:
        raise SettingsError("--seeds must be at least 1.")
    return PROTOCOLS[protocol]


PROTOCOLS: dict[str, Protocol] = {
    "test": Protocol(classification.opened, classification.measure_test),
    "test-best": Protocol(classification.opened_best, classification.measure_best),
    "vote": Protocol(classification.opened_last, classification.measure_vote),
    "svm": Protocol(linear_svm.opened, linear_svm.measure),
    "complementarity": Protocol(complementarity.opened, complementarity.measure),
}
