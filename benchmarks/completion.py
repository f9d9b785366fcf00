"""Completion judged on generated shapes held out from training: distances, diversity, coverage of the alternatives.

    python -m benchmarks.completion --threads 2 --out runs/completion     # about an hour on 2 free cores; goes on
    python -m benchmarks.completion --steps 5000 --shapes 14000 --seeds 3 --threads 2 --out runs/long
    python -m benchmarks.completion --rows meanflow regression --out runs/two   # some rows; others can follow
    python -m benchmarks.completion --given-encoder --out runs/given # trained rows are given all but a flow
    python -m benchmarks.completion --tiny --out runs/tiny           # says only that it runs

Trained rows are the preset ``small`` with MeanFlow, rectified flow or regression as its objective, at the same data,
network and number of steps; they start from nothing, or all from the same weights without their flow. Beside them
stand a mirror, the nearest training shape, the nearest visible part of one, given weights (another budget), and the
generator itself as a control.
Nothing is chosen: the last step is measured, on shapes of another seed, with settings fixed beforehand.
docs/completion.md says what each figure is.

``completion.md`` holds the tables and whether each aim is met, ``completion.json`` every figure of every cloud.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.completion_baselines import mirrored, nearest_shape
from benchmarks.completion_cases import Case, kinds_of_parts
from benchmarks.completion_measures import Cases, Completed, by_network, control, figures, steered
from benchmarks.completion_recall import recalled
from benchmarks.completion_rows import ROWS, Budget, Row, resolved
from benchmarks.completion_tables import write_results
from benchmarks.kept_rows import Checksums, begun_with, check_made_of, finished, print_result
from pointsra.data.places import split_path
from pointsra.data.prepare import PrepareRequest, prepare
from pointsra.data.replacing import replacing
from pointsra.data.store import open_split
from pointsra.errors import CheckpointError, SettingsError
from pointsra.reconstruction.request import TEMPERATURE
from pointsra.settings import PretrainPreset
from pointsra.training.methods import assemble
from pointsra.training.pretrain import pretrain
from pointsra.training.weights import find_weights, load_point_sra, load_weights, packaged_weights, save_weights

CPU = torch.device("cpu")


def measured(
    row: Row, seed: int, budget: Budget, root: Path, run: Path, weights: Path, made: Callable[[], Cases]
) -> dict[str, Any]:
    """Train where the row is trained, and measure: "lines" by number of evaluations, and what else belongs to it."""
    started = time.perf_counter()
    found: dict[str, Any] = {}
    if row.objective:
        with open_split(split_path(root, "shapes", "train")) as split:
            preset = resolved(row, budget, len(split), seed)
        init = with_new_flow(weights, preset, run.with_name(f"{run.name}-start")) if budget.given_encoder else None
        found["optimizer_steps"] = pretrain(preset, root, run, device=CPU, init=init, resume=True)["steps"]
        (run / "last.ckpt").unlink(missing_ok=True)
    found["seconds"] = round(time.perf_counter() - started, 1)
    cases = made()
    if row.objective or row.name == "weights":
        network, description = load_point_sra(run if row.objective else weights, CPU)
        found["lines"] = {
            drawing.label: figures(by_network(network, description, budget.samples, drawing), cases, budget)
            for drawing in row.drawings
        }
        if row.steered:
            found["steered"] = steered(network, description, cases.parts, budget)
    elif row.name == "generator":
        found["lines"] = {row.first: control(cases.parts, budget)}
        found |= {name: found["lines"][row.first].pop(name) for name in ("confusion", "confusion_blurred")}
    else:
        complete = {"mirror": lambda _: mirrored, "nearest": nearest_shape, "recalled": recalled}[row.name](root)
        found["lines"] = {row.first: figures(lambda case: _timed(complete, case), cases, budget)}
    return found


def made_of(row: Row, budget: Budget, root: Path, weights: Path, checksum: Callable[[Path], str]) -> dict[str, str]:
    """Name -> checksum of the files that the figures of a row depend on, of those that are there."""
    files = {}
    if row.objective or row.name in ("nearest", "recalled"):
        files["training shapes"] = split_path(root, "shapes", "train")
    if row.name == "weights" or (row.objective and budget.given_encoder):
        with suppress(CheckpointError):  # there are none, of which the row itself speaks
            files["weights"] = find_weights(weights)
    return {name: checksum(path) for name, path in files.items()}


def with_new_flow(weights: Path, preset: PretrainPreset, folder: Path) -> Path:
    """Write the given weights with the flow that a run of the preset from nothing begins with; returns the file."""
    given = load_weights(weights)
    begun = assemble(preset, given.description.sizes.image_dim, given.description.sizes.text_dim)
    new = {name: value for name, value in begun.learner.network.state_dict().items() if name.startswith("flow.")}
    folder.mkdir(parents=True, exist_ok=True)
    return save_weights(folder, given.tensors | new, replace(given.description, flow=begun.flow))


def _timed(complete: Callable[[Case], Any], case: Case) -> Completed:
    started = time.perf_counter()
    generated = complete(case)
    return Completed([generated], case.visible, 0, time.perf_counter() - started)


def carry_out(
    out: Path, budget: Budget, seeds: int, rows: Sequence[Row], root: Path | None = None, weights: Path | None = None
) -> str:
    """Train and measure what is not finished yet, row by row; returns the markdown.

    Args:
        out: ``results/<row>-<seed>.json`` are kept there, and what is found there is not done again.
        budget: what every row is given.
        seeds: runs of each trained row, seeds 0 … seeds - 1; the others have one.
        rows: which to run; others that an earlier command finished stay in the tables.
        root: a data root with ``shapes`` prepared; None prepares ``budget.shapes`` of them in ``out``.
        weights: the given ones; None takes those in the package.

    Raises:
        SettingsError: the folder holds results of another budget, or of files that have changed since, or a run that
            was begun with others.
    """
    given = packaged_weights() if weights is None else weights
    named = "those in the package" if weights is None else str(weights)
    kept = out / "budget.json"
    usual = {"data": None if root is None else str(root), "weights": named, "temperature": TEMPERATURE}
    mine = json.dumps(asdict(budget) | usual)
    if kept.is_file() and kept.read_text("utf-8") != mine:
        raise SettingsError(f"{out} holds results of another budget, {kept.read_text('utf-8')}: choose another --out.")
    with replacing(kept) as whole:
        whole.write_text(mine, encoding="utf-8")
    if root is None:
        root = out / "data"
        prepare(PrepareRequest(dataset="shapes", root=root, count=budget.shapes))
    with open_split(split_path(root, "shapes", "train")) as split:
        clouds = len(split)
    checksum = Checksums()
    for row in ROWS:
        check_made_of(out, row.name, partial(made_of, row, budget, root, given, checksum))
    cases = cache(lambda: Cases.of(budget))
    for seed in range(seeds):
        for row in rows:
            place = out / "results" / f"{row.name}-{seed}.json"
            if place.is_file() or (seed and not row.objective):
                continue
            print(f"{row.title}, seed {seed}", file=sys.stderr, flush=True)
            run, files = out / "runs" / place.stem, made_of(row, budget, root, given, checksum)
            if row.objective:
                files = begun_with(run, files)
            found = measured(row, seed, budget, root, run, given, cases) | {"made_of": files}
            with replacing(place) as whole:
                whole.write_text(json.dumps({"seed": seed, **found}) + "\n", encoding="utf-8")
            tabulate(out, budget, clouds, named)  # stopped later, there are tables of what is finished
    return tabulate(out, budget, clouds, named)


def tabulate(out: Path, budget: Budget, clouds: int, weights: str) -> str:
    """Write the tables of every run that is finished; returns the markdown."""
    results = finished(out, (row.name for row in ROWS))
    return write_results(out, budget, clouds, weights, results, kinds_of_parts(budget))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=Budget.steps, help="optimizer steps a run, in whole epochs")
    parser.add_argument("--shapes", type=int, default=Budget.shapes, help="generated shapes, eight tenths trained on")
    parser.add_argument("--clouds", type=int, default=Budget.clouds, help="held-out blocks; of parts twice as many")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each trained row")
    parser.add_argument("--rows", nargs="+", choices=[row.name for row in ROWS], help="all of them where left out")
    parser.add_argument("--weights", type=Path, help="the given ones; those in the package where left out")
    parser.add_argument("--given-encoder", action="store_true", help="trained rows start from these without their flow")
    parser.add_argument("--out", type=Path, default=Path("runs/completion"))
    parser.add_argument("--data", type=Path, help="a data root with shapes prepared, in place of --shapes new ones")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--tiny", action="store_true", help="a toy budget: says only that everything runs")
    options = parser.parse_args(arguments)
    if min(options.steps, options.shapes, options.clouds, options.seeds, options.threads) < 1:
        parser.error("--steps, --shapes, --clouds, --seeds and --threads must be at least 1")
    torch.set_num_threads(options.threads)
    budget = Budget(options.steps, options.shapes, options.clouds, given_encoder=options.given_encoder)
    if options.tiny:
        budget = Budget(steps=2, shapes=80, clouds=1, tiny=True, given_encoder=options.given_encoder)
    chosen = [row for row in ROWS if options.rows is None or row.name in options.rows]
    print_result(lambda: carry_out(options.out, budget, options.seeds, chosen, options.data, options.weights))


if __name__ == "__main__":
    main()
