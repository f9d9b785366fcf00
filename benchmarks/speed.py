"""Speed and memory of pre-training against the Point-MAE family's form of it, as ratios in one run.

    python -m benchmarks.speed                        # CPU, one thread: the step, its memory, and each operation
    python -m benchmarks.speed --only operations      # or step, or memory, or large
    python -m benchmarks.speed --device cuda          # one GPU: clouds a second, shares of the step, matrix rate

The other side stands in ``point_mae_form``. Both take turns, and the ratio is that of the medians. On a CPU the time is
that of the process, system time included: on a shared machine the wall clock says how busy the others are. Memory is
the growth of a process of its own from the end of its imports to its peak (VmHWM), over three steps, so that it holds
weights, gradients, the optimizer's state, averages, activations and what the operations need on the way.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import point_mae_form
from benchmarks.reading import own_peak
from benchmarks.speed_steps import clouds, our_step, their_step
from pointsra.ops.chamfer import chamfer_l2
from pointsra.ops.neighbors import nearest_indices
from pointsra.ops.patches import cut_patches
from pointsra.ops.sampling import farthest_point_indices

CPU = torch.device("cpu")
TOY = (
    "patches.points=128",
    "patches.groups=8",
    "patches.size=8",
    "encoder.dim=24",
    "encoder.depth=2",
    "encoder.heads=2",
    "encoder.patch_widths=[8, 16, 24]",
    "decoder.depth=1",
    "decoder.heads=2",
    "flow.dim=24",
    "flow.depth=2",
    "flow.heads=2",
)
TOY_SIZES = point_mae_form.Sizes(groups=8, size=8, dim=24, depth=2, decoder_depth=1, heads=2)


def in_turns(ways: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of the process for each way, which take turns; the first turn is not counted."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            started = time.process_time()
            way()
            if turn:
                found[name].append(time.process_time() - started)
    return {name: statistics.median(values) for name, values in found.items()}


def compare_steps(batch: int, repeats: int, toy: bool) -> dict[str, Any]:
    """Seconds of one whole step of each side, and the ratio."""
    sizes, overrides = (TOY_SIZES, TOY) if toy else (point_mae_form.Sizes(), ())
    points = 128 if toy else 1024
    ways = {"ours": our_step(overrides, batch, CPU), "theirs": their_step(sizes, points, batch, CPU)}
    found = in_turns(ways, repeats)
    return found | {"ratio": found["ours"] / found["theirs"]}


def compare_memory(batch: int, toy: bool) -> dict[str, Any]:
    """MB that a process of each side grows by, and the ratio."""
    found = {}
    for side in ("ours", "theirs"):
        command = [sys.executable, "-m", "benchmarks.speed", "--measure", side, "--batch", str(batch)]
        command += ["--threads", str(torch.get_num_threads())]
        done = subprocess.run(command + ["--toy"] * toy, capture_output=True, text=True, check=True)
        found[side] = float(done.stdout)
    return found | {"ratio": found["ours"] / found["theirs"]}


def large_by_itself(points: int) -> dict[str, float]:
    """:func:`large` in a process of its own: in one that has had a higher peak, nothing would seem to grow."""
    command = [sys.executable, "-m", "benchmarks.speed", "--measure", "large", "--points", str(points)]
    command += ["--threads", str(torch.get_num_threads())]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def own_growth(side: str, batch: int, toy: bool) -> float:
    """MB that this process grows by, from its imports to the peak of three steps."""
    warm = torch.ones(2, 2, requires_grad=True)
    (warm @ warm).sum().backward()
    before = own_peak()
    sizes, overrides = (TOY_SIZES, TOY) if toy else (point_mae_form.Sizes(), ())
    step = our_step(overrides, batch, CPU) if side == "ours" else their_step(sizes, 128 if toy else 1024, batch, CPU)
    for _ in range(3):
        step()
    return own_peak() - before


def compare_operations(batch: int, points: int, groups: int, size: int, repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each operation on (batch, points) clouds, both sides, and how many times as fast ours is."""
    cloud = clouds(batch, points, CPU)
    other = cloud.roll(1, dims=0).contiguous().requires_grad_()
    centers = cloud[:, :groups]
    patches = torch.randn(batch * groups, size, 3), torch.randn(batch * groups, size, 3, requires_grad=True)
    pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "farthest points": (
            lambda: farthest_point_indices(cloud, groups),
            lambda: point_mae_form.farthest_points(cloud, groups),
        ),
        "neighbors": (
            lambda: nearest_indices(centers, cloud, size),
            lambda: point_mae_form.neighbors(centers, cloud, size),
        ),
        "patches": (lambda: cut_patches(cloud, groups, size), lambda: point_mae_form.cut(cloud, groups, size)),
        "Chamfer of clouds, both passes": (
            lambda: chamfer_l2(other, cloud).mean().backward(),
            lambda: point_mae_form.chamfer(other, cloud).backward(),
        ),
        "Chamfer of patches, both passes": (
            lambda: chamfer_l2(patches[1], patches[0]).mean().backward(),
            lambda: point_mae_form.chamfer(patches[1], patches[0]).backward(),
        ),
    }
    found = {}
    for name, (ours, theirs) in pairs.items():
        seconds = in_turns({"ours": ours, "theirs": theirs}, repeats)
        found[name] = {side: 1e3 * value for side, value in seconds.items()}
        found[name]["times as fast"] = seconds["theirs"] / seconds["ours"]
    return found


def large(points: int) -> dict[str, float]:
    """Seconds and MB that the peak grows by: neighbors and Chamfer of two whole clouds of ``points`` points."""
    first, second = clouds(2, points, CPU).split(1)
    first = first.requires_grad_()
    before, started = own_peak(), time.process_time()
    nearest_indices(first, second, 16)
    middle = time.process_time()
    chamfer_l2(first, second).sum().backward()
    return {
        "points": points,
        "neighbors, 16, seconds": middle - started,
        "Chamfer, both passes, seconds": time.process_time() - middle,
        "peak grows by, MB": own_peak() - before,
        "a full table, MB": points**2 * 4 / 1e6,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("step", "memory", "operations", "large"))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--batch", type=int, default=0, help="0: 32 on a CPU, 256 on CUDA")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--toy", action="store_true", help="toy sizes: says only that everything runs")
    parser.add_argument("--out", type=Path, help="a JSON file for what was found")
    parser.add_argument("--measure", choices=("ours", "theirs", "large"), help=argparse.SUPPRESS)
    parser.add_argument("--points", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if min(options.repeats, options.threads) < 1 or options.batch < 0:
        parser.error("--repeats and --threads must be at least 1, --batch at least 0")
    torch.set_num_threads(options.threads)
    batch = options.batch or (4 if options.toy else 32)
    if options.measure == "large":
        print(json.dumps(large(options.points)))
        return
    if options.measure:
        print(own_growth(options.measure, batch, options.toy))
        return
    found: dict[str, Any] = {}
    if options.device == "cuda":
        from benchmarks.speed_cuda import measured_on_cuda

        if not torch.cuda.is_available():
            sys.exit("There is no CUDA device: not measured.")
        found["cuda"] = measured_on_cuda(options.batch or 256, options.repeats)
    else:
        parts: dict[str, Callable[[], object]] = {
            "operations": lambda: compare_operations(
                *((4, 64, 8, 4) if options.toy else (batch, 2048, 128, 32)), options.repeats
            ),
            "memory": lambda: compare_memory(batch, options.toy),
            "step": lambda: compare_steps(batch, options.repeats, options.toy),
            "large": lambda: large_by_itself(500 if options.toy else 100_000),
        }
        for name in [options.only] if options.only else list(parts):
            found[name] = parts[name]()
            print(name, json.dumps(found[name], indent=2), flush=True)
        found["cuda"] = "not measured"
    if options.out:
        options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if options.device == "cuda":
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
