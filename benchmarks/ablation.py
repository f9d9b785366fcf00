"""The paper's ablation table and its comparison of generators, at a small and equal budget on the generated shapes.

    python -m benchmarks.ablation --out runs/ablation                        # hours on a CPU; the same command goes on
    python -m benchmarks.ablation --steps 100 --shapes 1000 --out runs/quick
    python -m benchmarks.ablation --rows baseline full --out runs/two        # some rows; others can follow
    python -m benchmarks.ablation --smoke --out runs/smoke                   # says only that it runs

Each row is one shipped preset, pre-trained once for each seed with the same overrides, so that rows differ by their
terms, or by their generator, alone. Nothing is chosen: the last step is measured, on the test split, with settings
fixed beforehand. The measure is a linear SVM on frozen features, because it costs least: one pass over the clouds and
a fit of seconds, where a linear probe takes epochs and full fine-tuning many more; and it needs no learning rate that
would suit one row better than another. It sees the encoder alone: the frozen flow is gated in by full fine-tuning only.

``ablation.md`` holds the tables, ``ablation.json`` every figure with settings, machine and seconds, both with the
paper's figures beside ours. The paper fine-tuned on ScanObjectNN, so only the order of the rows can be compared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.ablation_rows import HIDDEN_SHARE, ROWS, SAMPLES, STEPS_DRAWN, Budget, Row, resolved
from benchmarks.ablation_tables import write_results
from benchmarks.kept_rows import check_made_of, finished, print_result
from pointsra.data.manifest import sha256_of
from pointsra.data.places import split_path
from pointsra.data.prepare import PrepareRequest, prepare
from pointsra.data.replacing import replacing
from pointsra.data.store import open_split
from pointsra.errors import SettingsError
from pointsra.evaluation.protocols import evaluate
from pointsra.reconstruction.reconstruct import complete_points
from pointsra.reconstruction.request import ReconstructRequest
from pointsra.settings import PretrainPreset, load_preset
from pointsra.training.pretrain import pretrain
from pointsra.training.weights import load_point_sra

CPU = torch.device("cpu")


def measured(row: Row, preset: PretrainPreset, budget: Budget, root: Path, run: Path) -> dict[str, Any]:
    """Pre-train and measure: accuracy in percent, for generators completions by number of evaluations, and seconds."""
    started = time.perf_counter()
    trained = pretrain(preset, root, run, device=CPU, resume=True)
    (run / "last.ckpt").unlink(missing_ok=True)
    labeled = load_preset("shapes-classification", [f"patches.points={preset.patches.points}"], task="finetune")
    report = evaluate(run, root, preset=labeled, protocol="svm", seeds=1, seed=preset.seed, device=CPU)
    found: dict[str, Any] = {
        "accuracy": next(line.mean for line in report.rows if line.metric == "overall accuracy"),
        "optimizer_steps": trained["steps"],
        "terms": [name for name, weight in preset.losses.model_dump().items() if weight],
    }
    if row.table == "generators":
        found["completion"] = completion_figures(run, root, budget.completions)
    return found | {"seconds": round(time.perf_counter() - started, 1)}


def completion_figures(weights: Path, root: Path, wanted: int) -> dict[str, dict[str, float]]:
    """Chamfer L2 to the hidden block and diversity, means over test shapes, by number of flow evaluations."""
    network, description = load_point_sra(weights, CPU)
    with open_split(split_path(root, "shapes", "test")) as split:
        numbers = np.unique(np.linspace(0, len(split) - 1, min(wanted, len(split))).round().astype(int))
        clouds = split.points_at(numbers).astype(np.float64)
    figures = {}
    for steps in STEPS_DRAWN:
        kept: dict[str, list[float]] = {"best": [], "mean": [], "diversity": []}
        for number, cloud in zip(numbers.tolist(), clouds, strict=True):
            # The seed is the shape's number: every generator gets the same blocks and the same noise.
            name = Path(f"test shape {number}")
            request = ReconstructRequest(
                input=name,
                samples=SAMPLES,
                steps=steps,
                temperature=1.0,  # what all of them were trained to draw at; the product's default suits one of them
                hide="block",
                ratio=HIDDEN_SHARE,
                seed=number,
            )
            done = complete_points(request, cloud, network, description)
            assert done.chamfer_l2 is not None and done.network_evaluations == steps
            kept["best"].append(min(done.chamfer_l2))
            kept["mean"].append(statistics.fmean(done.chamfer_l2))
            kept["diversity"].append(done.diversity)
        figures[str(steps)] = {name: statistics.fmean(values) for name, values in kept.items()}
    return figures


def carry_out(out: Path, budget: Budget, seeds: int, rows: Sequence[Row], root: Path | None = None) -> str:
    """Train and measure what is not finished yet, row by row; returns the markdown.

    Args:
        out: ``results/<row>-<seed>.json`` are kept there, and what is found there is not done again.
        budget: what every row is given.
        seeds: runs of each row, seeds 0 … seeds - 1.
        rows: which to run; others that an earlier command finished stay in the tables.
        root: a data root with ``shapes`` prepared; None prepares ``budget.shapes`` of them in ``out``.

    Raises:
        SettingsError: the folder holds results of another budget, or of shapes that have changed since.
    """
    kept, mine = out / "budget.json", json.dumps(asdict(budget) | {"data": None if root is None else str(root)})
    if kept.is_file() and kept.read_text("utf-8") != mine:
        raise SettingsError(f"{out} holds results of another budget, {kept.read_text('utf-8')}: choose another --out.")
    with replacing(kept) as partial:
        partial.write_text(mine, encoding="utf-8")
    if root is None:
        root = out / "data"
        prepare(PrepareRequest(dataset="shapes", root=root, count=budget.shapes, points=1024))
    clouds, files = {}, {}
    for name in ("train", "test"):
        with open_split(split_path(root, "shapes", name)) as split:
            clouds[name] = len(split)
        files[f"{name} shapes"] = sha256_of(split_path(root, "shapes", name))
    for row in ROWS:
        check_made_of(out, row.name, lambda: files)
    for row in rows:
        for seed in range(seeds):
            place = out / "results" / f"{row.name}-{seed}.json"
            if place.is_file():
                continue
            print(f"{row.name}, seed {seed}", file=sys.stderr, flush=True)
            preset = resolved(row, budget, clouds["train"], seed)
            figures = {"seed": seed, **measured(row, preset, budget, root, out / "runs" / place.stem)}
            figures["made_of"] = files
            with replacing(place) as partial:
                partial.write_text(json.dumps(figures) + "\n", encoding="utf-8")
            tabulate(out, budget, clouds)  # stopped later, there are tables of what is finished
    return tabulate(out, budget, clouds)


def tabulate(out: Path, budget: Budget, clouds: Mapping[str, int]) -> str:
    """Write the tables of every run that is finished; returns the markdown."""
    return write_results(out, budget, clouds, finished(out, (row.name for row in ROWS)))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=Budget.steps, help="optimizer steps a run, in whole epochs")
    parser.add_argument("--shapes", type=int, default=Budget.shapes, help="generated shapes, eight tenths trained on")
    parser.add_argument("--completions", type=int, default=Budget.completions, help="test shapes that are completed")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", nargs="+", choices=[row.name for row in ROWS], help="all of them where left out")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--data", type=Path, help="a data root with shapes prepared, in place of --shapes new ones")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--smoke", action="store_true", help="a toy budget: says only that everything runs")
    options = parser.parse_args(arguments)
    if min(options.steps, options.shapes, options.completions, options.seeds, options.threads) < 1:
        parser.error("--steps, --shapes, --completions, --seeds and --threads must be at least 1")
    torch.set_num_threads(options.threads)
    budget = Budget(options.steps, options.shapes, options.completions)
    if options.smoke:
        budget = Budget(steps=2, shapes=80, completions=1, smoke=True)
    chosen = [row for row in ROWS if options.rows is None or row.name in options.rows]
    print_result(lambda: carry_out(options.out, budget, options.seeds, chosen, options.data))


if __name__ == "__main__":
    main()
