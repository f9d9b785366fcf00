"""Figures that the paper reports, as published, to stand beside ours.

Source: Point-SRA (Wei et al., AAAI 2026, arXiv 2601.01746), table on ScanObjectNN; overall accuracy in percent.
The paper's family reports the best epoch on the test split, so these figures are test-selected.
"""

from __future__ import annotations

OVERALL_ACCURACY: dict[tuple[str, str], float] = {
    ("scanobjectnn", "obj_bg_test"): 95.53,
    ("scanobjectnn", "obj_only_test"): 93.31,
    ("scanobjectnn", "pb_t50_rs_test"): 90.77,
}


def published_accuracy(dataset: str, split: str) -> float | None:
    """The paper's overall accuracy in percent, or None where it reports none."""
    return OVERALL_ACCURACY.get((dataset, split))
