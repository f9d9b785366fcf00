"""The step on one GPU: bf16, compiled, batch 256, against the Point-MAE family's form, eager and compiled.

It has not been run on a device yet; ``python -m benchmarks.speed --device cuda`` runs it. Time is the wall clock
between synchronized ends of whole steps, after warm-up. The shares of farthest points, neighbors and Chamfer are
their own times on the step's shapes over the step's time. The matrix rate is what ``torch.utils.flop_counter`` counts
in one eager step, over the time of a step, and as a share of what a large bf16 product reaches on the same card.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import point_mae_form
from benchmarks.speed_steps import clouds, our_step, their_step
from pointsra.ops.backends import VARIABLE
from pointsra.ops.chamfer import chamfer_l2
from pointsra.ops.neighbors import nearest_indices
from pointsra.ops.sampling import farthest_point_indices


def milliseconds(ways: dict[str, Callable[[], object]], repeats: int, warm_up: int = 3) -> dict[str, float]:
    """Median milliseconds of each way, which take turns after ``warm_up`` turns that are not counted."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + warm_up):
        for name, way in ways.items():
            torch.cuda.synchronize()
            started = time.perf_counter()
            way()
            torch.cuda.synchronize()
            if turn >= warm_up:
                found[name].append(1e3 * (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in found.items()}


@contextlib.contextmanager
def kernels(choice: str) -> Iterator[None]:
    """Choose the way of ``ops/backends`` for a while."""
    former = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = choice
    try:
        yield
    finally:
        if former is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = former


def in_kernels(choice: str, way: Callable[[], object]) -> Callable[[], object]:
    def chosen() -> object:
        with kernels(choice):
            return way()

    return chosen


def measured_on_cuda(batch: int, repeats: int) -> dict[str, Any]:
    """Clouds a second of each form, shares of the step, and the matrix rate."""
    device, sizes = torch.device("cuda"), point_mae_form.Sizes()
    compiled = our_step(["runtime.compile=true"], batch, device, bf16=True)
    ways: dict[str, Callable[[], object]] = {
        "ours, eager": in_kernels("auto", our_step([], batch, device, bf16=True)),
        "ours, compiled": in_kernels("auto", compiled),
        "ours, compiled, Triton": in_kernels("triton", compiled),
        "theirs, eager": their_step(sizes, 1024, batch, device, bf16=True),
        "theirs, compiled": their_step(sizes, 1024, batch, device, bf16=True, compiled=True),
    }
    steps = milliseconds(ways, repeats)
    with FlopCounterMode(display=False) as counter, kernels("auto"):
        our_step([], batch, device, bf16=True)()
    flops = counter.get_total_flops()
    fastest = min(value for name, value in steps.items() if name.startswith("ours"))
    matrix = torch.randn(8192, 8192, device=device, dtype=torch.bfloat16)
    product = milliseconds({"product": lambda: matrix @ matrix}, repeats)["product"]
    reached, possible = flops / fastest * 1e3, 2 * 8192**3 / product * 1e3
    return {
        "card": torch.cuda.get_device_name(),
        "milliseconds": steps,
        "clouds a second": {name: 1e3 * batch / value for name, value in steps.items()},
        "times as fast as theirs, eager": {name: steps["theirs, eager"] / value for name, value in steps.items()},
        "share of the step": {
            choice: {name: value / fastest for name, value in operations(batch, repeats, choice).items()}
            for choice in ("auto", "triton")
        },
        "matrix rate, TFLOP/s": {"reached": reached / 1e12, "of a large product": possible / 1e12},
        "share of the matrix rate": reached / possible,
    }


def operations(batch: int, repeats: int, choice: str) -> dict[str, float]:
    """Milliseconds of the step's geometry: farthest points, neighbors, and Chamfer with both passes."""
    cloud = clouds(batch, 1024, torch.device("cuda"))
    hidden = batch * 48
    true = torch.randn(hidden, 32, 3, device="cuda")
    predicted = torch.randn(hidden, 32, 3, device="cuda", requires_grad=True)
    ways: dict[str, Callable[[], object]] = {
        "farthest points": lambda: farthest_point_indices(cloud, 64),
        "neighbors": lambda: nearest_indices(cloud[:, :64], cloud, 32),
        "Chamfer": lambda: chamfer_l2(predicted, true).mean().backward(),
    }
    return milliseconds({name: in_kernels(choice, way) for name, way in ways.items()}, repeats)
