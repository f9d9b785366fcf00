"""Weights for completion compared on validation shapes, to choose among them: a line for each file and temperature.

    python -m benchmarks.choosing models/pointsra/weights/small.safetensors runs/new/mixed.safetensors
    python -m benchmarks.choosing runs/new --temperatures 0.5 0.65 1 --clouds 60 --threads 2
    python -m benchmarks.choosing runs/new --tiny                     # says only that it runs

The cases are those of ``benchmarks.completion`` on shapes of another seed, so that what is chosen here is judged there
on shapes that had no say in it. All is measured as it is there, in one evaluation a sample.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from benchmarks.ablation_tables import line
from benchmarks.completion_aims import MASKS
from benchmarks.completion_cases import CHOSEN, block_cases, part_cases, scan_cases
from benchmarks.completion_measures import F_SCORE_DISTANCE, Cases, by_network, figures
from benchmarks.completion_rows import VALIDATION_SEED, Budget, Drawing
from benchmarks.completion_tables import coverage, largest_deviations
from pointsra.errors import PointSRAError
from pointsra.reconstruction.request import TEMPERATURE
from pointsra.training.weights import load_point_sra

KINDS = tuple(" ".join(each) for each in CHOSEN)


def compared(weights: Sequence[Path], temperatures: Sequence[float], budget: Budget) -> Iterator[str]:
    """Lines of the markdown table, each as soon as it is measured."""
    headers = ("weights", "T", *(f"{mask}: best, mean of {budget.samples}" for mask in MASKS))
    yield line(*headers, f"deviation: {', '.join(KINDS)}", f"F-score at {F_SCORE_DISTANCE}, mean")
    yield line(*["---"] * (len(headers) + 2))
    cases = Cases(*(list(of(budget)) for of in (block_cases, scan_cases, part_cases)))
    for path in weights:
        network, description = load_point_sra(path, torch.device("cpu"))
        for temperature in temperatures:
            found = figures(by_network(network, description, budget.samples, Drawing(1, temperature)), cases, budget)
            away = [", ".join(f"{1e3 * _mean(found[mask], name):.1f}" for name in ("best", "mean")) for mask in MASKS]
            turns = [KINDS[number % len(KINDS)] for number in range(budget.parts)]
            shares = coverage([{"lines": {"": found}}], "", turns)
            worst = ", ".join(f"{each:.2f}" for each in largest_deviations(shares).values())
            sharp = ", ".join(f"{_mean(found[mask], 'f_score'):.3f}" for mask in MASKS)
            yield line(path, f"{temperature:g}", *away, worst, sharp)


def _mean(cases: Sequence[dict[str, float]], name: str) -> float:
    return statistics.fmean(each[name] for each in cases)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, nargs="+", help="safetensors files or run folders")
    parser.add_argument("--temperatures", type=float, nargs="+", default=[TEMPERATURE], help="of the noise")
    parser.add_argument("--clouds", type=int, default=30, help="blocks and scans; of parts twice as many")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--tiny", action="store_true", help="a toy budget: says only that everything runs")
    options = parser.parse_args(arguments)
    if min(options.clouds, options.threads) < 1 or min(options.temperatures) < 0:
        parser.error("--clouds and --threads must be at least 1, --temperatures at least 0")
    torch.set_num_threads(options.threads)
    budget = Budget(clouds=1 if options.tiny else options.clouds, tiny=options.tiny, shapes_seed=VALIDATION_SEED)
    try:
        for row in compared(options.weights, options.temperatures, budget):
            print(row, flush=True)
    except PointSRAError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
