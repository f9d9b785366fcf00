"""What every protocol is given, and the rows that those which count classes give back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pointsra.evaluation.report import ReportRow
from pointsra.metrics.recognition import mean_class_accuracy, overall_accuracy
from pointsra.progress import Report
from pointsra.settings import FinetunePreset


@dataclass(frozen=True)
class Job:
    """One evaluation, as it was asked for.

    Attributes:
        source: a run folder or a weights file.
        root: data root.
        preset: names the data; None: the weights do.
        seeds: measurements.
        seed: the first seed.
        device: where to compute.
        report: is told how far it is.
    """

    source: Path
    root: Path
    preset: FinetunePreset | None
    seeds: int
    seed: int
    device: torch.device
    report: Report

    @property
    def draws(self) -> list[int | None]:
        """Seeds of the points that clouds are cut down to; None takes the farthest, and there is nothing to repeat."""
        return [None] if self.seeds == 1 else [self.seed + offset for offset in range(self.seeds)]


def accuracy_rows(label: str, matrices: list[NDArray[np.int64]], published: float | None) -> list[ReportRow]:
    """Accuracies of some weights over the draws.

    Args:
        label: of the weights.
        matrices: (L, L) counts of each draw.
        published: the paper's overall accuracy, or None.
    """
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
