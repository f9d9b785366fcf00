"""What an evaluation found: rows beside the paper's figures, a confusion table, and the files that keep them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsra.data.replacing import replacing
from pointsra.metrics.recognition import class_accuracies

STAND_IN_NOTE = (
    "The data is a small stand-in made up by this tool, not the data set it is named after: "
    "these figures say that the program runs, and cannot be compared with any published one."
)

_WIDEST = 20  # classes whose confusion table can still be read on a page (ours)


@dataclass(frozen=True)
class ReportRow:
    """One figure in percent.

    Attributes:
        weights: "last epoch", "best epoch (test-selected)", "epoch 10", or the file's name where nothing says it.
        metric: its name.
        mean: over the seeds.
        deviation: over the seeds; None for a single, deterministic measurement.
        published: the paper's figure, or None.
    """

    weights: str
    metric: str
    mean: float
    deviation: float | None = None
    published: float | None = None

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's, in points."""
        return None if self.published is None else self.mean - self.published


@dataclass(frozen=True)
class EvaluationReport:
    """A finished evaluation.

    Attributes:
        title: data set and protocol.
        protocol: its name.
        weights: where they came from.
        dataset, split: what was measured.
        clouds: how many.
        seeds: measurements that the means are over.
        rows: the figures.
        class_names: in label order.
        confusion: (L, L) counts of the first row's weights and first seed, row the truth.
        notes: what a reader must know.
        stand_in: the data is a small stand-in made up by this tool; title, text and notes say so.
    """

    title: str
    protocol: str
    weights: str
    dataset: str
    split: str
    clouds: int
    seeds: int
    rows: tuple[ReportRow, ...]
    class_names: tuple[str, ...]
    confusion: NDArray[np.int64]
    notes: tuple[str, ...] = field(default=())
    stand_in: bool = False

    headers = ("weights", "metric", "ours %", "paper %", "difference")
    mistakes_headers = ("class", "taken for", "clouds", "accuracy %")

    def __post_init__(self) -> None:
        if self.stand_in and STAND_IN_NOTE not in self.notes:
            object.__setattr__(self, "title", f"{self.title} (stand-in)")
            object.__setattr__(self, "notes", (STAND_IN_NOTE, *self.notes))

    def table(self) -> list[list[str]]:
        """The rows as text, under :attr:`headers`."""
        return [
            [
                row.weights,
                row.metric,
                f"{row.mean:.2f}" + ("" if row.deviation is None else f" ± {row.deviation:.2f}"),
                "–" if row.published is None else f"{row.published:.2f}",
                "–" if row.difference is None else f"{row.difference:+.2f}",
            ]
            for row in self.rows
        ]

    def confusion_table(self) -> list[list[str]]:
        """One line a true class: name, counts by predicted class, accuracy in percent."""
        accuracies = class_accuracies(self.confusion)
        return [
            [name, *(str(count) for count in counts), "–" if np.isnan(accuracy) else f"{100 * accuracy:.1f}"]
            for name, counts, accuracy in zip(self.class_names, self.confusion, accuracies, strict=True)
        ]

    def mistakes_table(self, most: int | None = None) -> list[list[str]]:
        """One line a true class that has clouds, under :attr:`mistakes_headers`, the least accurate first.

        Args:
            most: of the classes that one was taken for, only so many are named, the commonest.
        """
        lines = []
        accuracies = class_accuracies(self.confusion)
        for label in np.argsort(accuracies, kind="stable"):
            counts = self.confusion[label]
            wrong = [other for other in np.argsort(-counts, kind="stable") if counts[other] and other != label]
            taken = [f"{self.class_names[other]} {counts[other]}" for other in wrong[:most]]
            if len(wrong) > len(taken):
                taken.append("…")
            if counts.any():
                figures = [str(counts.sum()), f"{100 * accuracies[label]:.1f}"]
                lines.append([self.class_names[label], ", ".join(taken) or "–", *figures])
        return lines

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        accuracies = class_accuracies(self.confusion)
        return {
            "title": self.title,
            "protocol": self.protocol,
            "weights": self.weights,
            "dataset": self.dataset,
            "split": self.split,
            "stand_in": self.stand_in,
            "clouds": self.clouds,
            "seeds": self.seeds,
            "rows": [
                {
                    "weights": row.weights,
                    "metric": row.metric,
                    "mean": row.mean,
                    "std": row.deviation,
                    "paper": row.published,
                    "difference": row.difference,
                    "test_selected": "test-selected" in row.weights,
                }
                for row in self.rows
            ],
            "class_names": list(self.class_names),
            "class_accuracy": [None if np.isnan(value) else 100 * float(value) for value in accuracies],
            "confusion": self.confusion.tolist(),
            "notes": list(self.notes),
        }

    def to_markdown(self) -> str:
        """The report as a page of Markdown."""
        lines = [f"# {self.title}", ""]
        source = f"a stand-in for {self.dataset}" if self.stand_in else self.dataset
        lines += [f"Weights `{self.weights}`, {self.clouds} clouds of {source} {self.split}, seeds {self.seeds}.", ""]
        lines += _markdown(list(self.headers), self.table())
        if len(self.class_names) <= _WIDEST:
            lines += ["", "## Confusion (rows: truth, columns: prediction)", ""]
            lines += _markdown(["class", *self.class_names, "accuracy %"], self.confusion_table())
        lines += ["", "## Mistakes, the least accurate class first (counts of all pairs are in `report.json`)", ""]
        lines += _markdown(list(self.mistakes_headers), self.mistakes_table())
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines) + "\n"


def write_report(report: EvaluationReport, folder: Path) -> list[Path]:
    """Write ``report.json`` and ``report.md`` into ``folder``.

    Raises:
        OutputError: the folder cannot be written.
    """
    texts = {
        "report.json": json.dumps(report.to_json(), indent=2) + "\n",
        "report.md": report.to_markdown(),
    }
    for name, text in texts.items():
        with replacing(folder / name) as partial:
            partial.write_text(text, encoding="utf-8", errors="replace")  # names of files can hold any byte
    return [folder / name for name in texts]


def _markdown(headers: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]
