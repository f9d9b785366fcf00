"""What protocol ``complementarity`` found: figures over the mask ratio, CKA between ratios, and what they come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsra.evaluation.report import EvaluationReport, ReportRow

FIGURES = ("geometry_r2", "within_class_r2", "accuracy_percent", "effective_rank")
"""What is measured at each ratio, in this order; R² of 1 is perfect, 0 is the mean."""

_DIGITS = (3, 3, 2, 1)
_LOW, _HIGH = 0.3, 0.8  # of the measured ratios: the paper's "≤ 30 %", and the first of its "≥ 75 %"
_WARNING = (
    "Hiding patches only takes information away, so that a fall alone shows nothing: the claim is about which figure "
    "falls faster. It is one encoder at many ratios, not one trained at each."
)


@dataclass(frozen=True, kw_only=True)
class ComplementarityReport(EvaluationReport):
    """A finished measurement. The rows of the base are the accuracies, its confusion that of ratio 0, first draw.

    Attributes:
        ratios: R mask ratios.
        visible: R numbers of visible patches.
        width: C of the features.
        fitted: training clouds that the linear maps were fitted to.
        figures: (S, R, 4) by draw, ratio and :data:`FIGURES`; NaN where there is nothing to measure.
        likeness: (S, R, R) linear CKA of the test features.
    """

    ratios: tuple[float, ...]
    visible: tuple[int, ...]
    width: int
    fitted: int
    figures: NDArray[np.float64]
    likeness: NDArray[np.float64]

    ratio_headers = ("mask ratio", "geometry R²", "R² in class", "accuracy %", "eff. rank")

    def ratio_table(self) -> list[list[str]]:
        """A line a ratio, under :attr:`ratio_headers`: means, and deviations where there are several draws."""
        means, spreads = _mean(self.figures), _deviation(self.figures)
        return [
            [
                f"{ratio:g}",
                *(
                    _text(means[row, column], None if spreads is None else spreads[row, column], digits)
                    for column, digits in enumerate(_DIGITS)
                ),
            ]
            for row, ratio in enumerate(self.ratios)
        ]

    def likeness_table(self) -> list[list[str]]:
        """A line a ratio: the ratio, and the mean CKA with each."""
        means = _mean(self.likeness)
        return [[f"{ratio:g}", *(_text(value, None, 2) for value in means[k])] for k, ratio in enumerate(self.ratios)]

    def panels(self) -> dict[str, dict[str, tuple[NDArray[np.float64], NDArray[np.float64] | None]]]:
        """Means and deviations over the ratios, (R,) each, by panel and curve: what a picture is drawn from."""
        means, spreads = _mean(self.figures), _deviation(self.figures)
        curves = [(means[:, k], None if spreads is None else spreads[:, k]) for k in range(len(FIGURES))]
        return {
            "geometry: share of variance explained": {"all clouds": curves[0], "within class": curves[1]},
            "semantics: linear classification, accuracy %": {"accuracy": curves[2]},
            f"effective rank ({self.width} dimensions)": {"effective rank": curves[3]},
        }

    def mean_likeness(self) -> NDArray[np.float64]:
        """(R, R) mean CKA over the draws."""
        return _mean(self.likeness)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values; null where there was nothing to measure."""
        means, spreads = _mean(self.figures), _deviation(self.figures)
        levels = [
            {
                "ratio": ratio,
                "visible": self.visible[row],
                **{
                    name: {
                        "mean": _number(means[row, column]),
                        "std": None if spreads is None else _number(spreads[row, column]),
                    }
                    for column, name in enumerate(FIGURES)
                },
            }
            for row, ratio in enumerate(self.ratios)
        ]
        spread = _deviation(self.likeness)
        return {
            **super().to_json(),
            "feature_width": self.width,
            "fitted_clouds": self.fitted,
            "ratios": levels,
            "cka": {
                "mean": [[_number(value) for value in row] for row in _mean(self.likeness)],
                "std": None if spread is None else [[_number(value) for value in row] for row in spread],
            },
        }

    def to_markdown(self) -> str:
        """The report as a page of Markdown."""
        lines = [f"# {self.title}", ""]
        source = f"a stand-in for {self.dataset}" if self.stand_in else self.dataset
        lines += [f"Weights `{self.weights}`, {self.clouds} clouds of {source} {self.split}, seeds {self.seeds}.", ""]
        lines += _markdown(list(self.ratio_headers), self.ratio_table())
        lines += ["", "## Linear CKA between the features at two mask ratios", ""]
        lines += _markdown(["mask ratio", *(f"{ratio:g}" for ratio in self.ratios)], self.likeness_table())
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes)]) + "\n"


def accuracy_rows(ratios: tuple[float, ...], figures: NDArray[np.float64]) -> tuple[ReportRow, ...]:
    """The accuracies of ``figures`` (S, R, 4) as rows of an ordinary report; none where there is one class only."""
    column = FIGURES.index("accuracy_percent")
    means, spreads = _mean(figures)[:, column], _deviation(figures)
    return tuple(
        ReportRow(
            f"mask ratio {ratio:g}",
            "linear accuracy",
            float(means[k]),
            None if spreads is None else float(spreads[k, column]),
        )
        for k, ratio in enumerate(ratios)
        if np.isfinite(means[k])
    )


def findings(
    ratios: tuple[float, ...],
    figures: NDArray[np.float64],
    *,
    chance: float,
    tested: int,
    width: int,
    fitted: int,
    available: int,
    classifier: bool,
) -> tuple[str, ...]:
    """What a reader must know, and what the figures (S, R, 4) come to.

    Args:
        ratios: R of them, the first 0.
        figures: by draw, ratio and :data:`FIGURES`.
        chance: accuracy in percent of guessing the commonest class of the training clouds.
        tested: test clouds.
        width: C of the features.
        fitted: training clouds fitted to.
        available: training clouds there are.
        classifier: whether the encoder was trained on labels.
    """
    means = _mean(figures)
    part = "" if fitted == available else f" of {available:,}, drawn at random"
    notes = [
        f"Ridge maps from the mean of the visible patches' tokens ({width} numbers), fitted to {fitted:,} training "
        f"clouds{part}; penalties chosen on a fifth of them. Geometry is the whole cloud's occupancy of an "
        "8 × 8 × 8 grid; in class: what is left of it after the class's mean.",
    ]
    kept = [_kept(means, ratios.index(ratio), chance) for ratio in (_LOW, _HIGH)]
    if all(kept):
        notes.append(f"Kept of what is there at ratio 0: at {_LOW} {kept[0]}; at {_HIGH} {kept[1]}.")
    notes.append(_WARNING)
    if not np.isfinite(means[:, 2]).any():
        notes.append("The training clouds are of one class: there is nothing to classify.")
    if min(fitted, tested) <= 2 * width:
        notes.append(
            f"{fitted:,} training and {tested:,} test clouds are few for {width} dimensions: effective rank cannot "
            "exceed the number of clouds, CKA comes out too high and the linear maps too weak."
        )
    if classifier:
        notes.append("The weights are a classifier's: its encoder was trained on labels, which favors accuracy.")
    return tuple(notes)


def _kept(means: NDArray[np.float64], place: int, chance: float) -> str:
    """Shares of ratio 0's figures that are left at a place; "" where ratio 0 has nothing to lose."""
    named = {"geometry R²": means[:, 0], "R² in class": means[:, 1], "accuracy above guessing": means[:, 2] - chance}
    shares = {name: 100 * values[place] / values[0] for name, values in named.items() if values[0] > 0}
    return ", ".join(f"{share:.0f} % of {name}" for name, share in shares.items())


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.mean(axis=0)


def _deviation(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    return values.std(axis=0, ddof=1) if len(values) > 1 else None


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _text(mean: float, deviation: float | None, digits: int) -> str:
    if not np.isfinite(mean):
        return "–"
    return f"{mean:.{digits}f}" + ("" if deviation is None else f" ± {deviation:.{digits}f}")


def _markdown(headers: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]
