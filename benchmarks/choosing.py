"""Weights for completion compared on validation shapes, to choose among them: a line for each file and temperature.

    python -m benchmarks.choosing models/pointsra/weights/small.safetensors runs/new/mixed.safetensors
    python -m benchmarks.choosing runs/new --temperatures 0.5 0.65 1 --clouds 60 --threads 2
    python -m benchmarks.choosing runs/new --tiny                     # says only that it runs

The cases are those of ``benchmarks.completion`` on shapes of another seed, so that what is chosen here is judged there
on shapes that had no say in it. All is measured as it is there, in one evaluation a sample.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from benchmarks.ablation_tables import line
from benchmarks.completion_aims import MASKS
from benchmarks.completion_cases import KINDS, kinds_of_parts
from benchmarks.completion_measures import F_SCORE_DISTANCE, Cases, by_network, figures
from benchmarks.completion_rows import VALIDATION_SEED, Budget, Drawing
from benchmarks.completion_tables import coverage, largest_deviations, over_seeds
from pointsra.errors import PointSRAError
from pointsra.reconstruction.request import TEMPERATURE
from pointsra.training.weights import load_point_sra


def compared(weights: Sequence[Path], temperatures: Sequence[float], budget: Budget) -> Iterator[str]:
    """Lines of the markdown table, each as soon as it is measured."""
    headers = ("weights", "T", *(f"{mask}: best, mean of {budget.samples}" for mask in MASKS))
    yield line(*headers, f"deviation: {', '.join(KINDS)}", f"F-score at {F_SCORE_DISTANCE}, mean")
    yield line(*["---"] * (len(headers) + 2))
    cases = Cases.of(budget)
    for path in weights:
        network, description = load_point_sra(path, torch.device("cpu"))
        for temperature in temperatures:
            drawing = Drawing(1, temperature)
            drawn = figures(by_network(network, description, budget.samples, drawing), cases, budget)
            run = {"lines": {drawing.label: drawn}}
            mean = partial(over_seeds, [run], drawing.label)
            away = [", ".join(mean(mask, name, 1e3, 1) for name in ("best", "mean")) for mask in MASKS]
            shares = coverage([run], drawing.label, kinds_of_parts(budget))
            worst = ", ".join(f"{each:.2f}" for each in largest_deviations(shares).values())
            sharp = ", ".join(mean(mask, "f_score", 1.0, 3) for mask in MASKS)
            yield line(path, f"{temperature:g}", *away, worst, sharp)


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
