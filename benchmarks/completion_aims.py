"""What ``benchmarks.completion`` aims at: ratios of MeanFlow's distances to those of other rows, met or not.

Beside them stands the same ratio of the generator's own draws. Where a perfect model would miss an aim, missing it is
no fault: one answer in the middle of several can be nearer to each in the mean than they are to one another.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.ablation_tables import line
from benchmarks.completion_rows import ROWS, Row

Results = Mapping[str, Sequence[dict[str, Any]]]
"""Row -> what each of its seeds came to: "lines", by number of evaluations, and what else was measured."""

BEST_AIM, MEAN_AIM = 0.70, 1.15
"""Of MeanFlow against regression, for the best of its samples and for their mean."""

MASKS = ("blocks", "scans", "parts")
LABELS = tuple(each.label for each in next(row for row in ROWS if row.name == "meanflow").drawings)


def mean_over(found: dict[str, Any], label: str, mask: str, name: str) -> float | None:
    """The mean of a figure over the cases of a mask; None where there are none."""
    values = [case[name] for case in found["lines"][label][mask]]
    return statistics.fmean(values) if values else None


Aim = tuple[str, str, Callable[[float], bool], str, str]
"""Title, figure of MeanFlow, whether a ratio meets the aim, the aim in words, and the row it is divided by."""

AIMS: tuple[Aim, ...] = (
    ("best / regression", "best", lambda ratio: ratio <= BEST_AIM, f"≤ {BEST_AIM:.2f}", "regression"),
    ("mean / regression", "mean", lambda ratio: ratio <= MEAN_AIM, f"≤ {MEAN_AIM:.2f}", "regression"),
    *(
        (f"{name} / {title}", name, lambda ratio: ratio < 1.0, "< 1", other)
        for other, title in (
            ("mirror", "mirror and copy"),
            ("nearest", "nearest training shape"),
            ("recalled", "nearest visible part"),
            ("rectified", "rectified flow"),
        )
        for name in ("best", "mean")
    ),
)


def ratios(results: Results) -> Iterator[dict[str, Any]]:
    """Each aim for each mask and way to draw: the ratio of means over seeds, and whether it is met.

    A row that is drawn the same way, in as many evaluations and at the same temperature, is taken so; others as they
    are drawn first.
    """
    for title, name, meets, words, other in AIMS:
        if not results.get("meanflow") or not results.get(other):
            continue
        labels = _row(other).labels(results[other])
        for mask in MASKS:
            perfect = None
            if mask == "parts" and results.get("generator"):
                usual = _mean(results[other], labels[0], mask, name)
                perfect = _mean(results["generator"], _row("generator").first, mask, name) / usual
            for label in LABELS:
                below = _mean(results[other], label if label in labels else labels[0], mask, name)
                ratio = _mean(results["meanflow"], label, mask, name) / below
                found = {"ratio": title, "aim": words, "mask": mask, "drawing": label, "value": ratio}
                yield found | {"met": bool(meets(ratio)), "of_the_generator_itself": perfect}


def _row(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


def _mean(found: Sequence[dict[str, Any]], label: str, mask: str, name: str) -> float:
    return statistics.fmean(value for each in found if (value := mean_over(each, label, mask, name)) is not None)


def aims_table(results: Results) -> list[str]:
    """The ratios with their aims; a column for each way to draw from MeanFlow, and one for the generator."""
    headers = ("MeanFlow's", "aim", "mask", *(f"in {label}" for label in LABELS), "the generator itself")
    lines = [line(*headers), line(*["---"] * len(headers))]
    cells: dict[tuple[str, str, str], list[str]] = {}
    perfect: dict[tuple[str, str, str], str] = {}
    for each in ratios(results):
        key = (each["ratio"], each["aim"], each["mask"])
        cells.setdefault(key, []).append(f"{each['value']:.2f}, {'met' if each['met'] else 'not met'}")
        of_it = each["of_the_generator_itself"]
        perfect[key] = "–" if of_it is None else f"{of_it:.2f}"
    lines += [line(*key, *found, perfect[key]) for key, found in cells.items()]
    return lines if cells else [*lines, line("not run yet", *[""] * (len(headers) - 1))]
