"""How long one waits for completions, against the time that importing torch alone takes, in one run.

    python -m benchmarks.reconstruct                   # docs/chair.ply, 8 samples, all files written; 7 turns
    python -m benchmarks.reconstruct --repeats 3 --json found.json

Each turn starts three processes one after another: ``python -c "import torch"``, the whole command with everything
that it writes, and ``pointsra --help``. Stated are the medians of wall-clock and processor seconds and their ratios:
the wall clock is what one waits, the processor's time also holds on a machine that is shared with others. The network's
part (eight completions of what is visible, the first call of a process) is measured by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CHAIR = Path(__file__).resolve().parent.parent / "docs" / "chair.ply"
SAMPLES = 8
TORCH, COMMAND, HELP = "import torch", "reconstruct", "help"


def run_once(arguments: Sequence[str]) -> tuple[float, float]:
    """Wall-clock and processor seconds of one process.

    Raises:
        CalledProcessError: it failed.
    """
    before, began = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    wall, after = time.perf_counter() - began, os.times()
    return wall, sum(after[2:4]) - sum(before[2:4])


def compare(source: Path, repeats: int) -> dict[str, Any]:
    """Median seconds of each side and of the command's parts, and the ratios to importing torch."""
    found: dict[str, list[tuple[float, float]]] = {TORCH: [], COMMAND: [], HELP: []}
    parts: dict[str, list[float]] = {"load": [], "sample": [], "write": []}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(repeats + 1):
            out = Path(folder) / str(turn)
            lines = {
                TORCH: ["-c", "import torch"],
                COMMAND: [
                    *("-m", "pointsra_cli", "reconstruct", str(source), "-q"),
                    *("--samples", str(SAMPLES), "--ratio", "0.5", "--out", str(out)),
                ],
                HELP: ["-m", "pointsra_cli", "--help"],
            }
            for name, line in lines.items():
                seconds = run_once(line)
                if turn:  # the first fills the disk's cache
                    found[name].append(seconds)
            if turn:
                told = json.loads((out / "summary.json").read_text(encoding="utf-8"))["seconds"]
                for name, values in parts.items():
                    values.append(told[name])
    wall, processor = (
        {name: statistics.median(each[way] for each in values) for name, values in found.items()} for way in (0, 1)
    )
    return {
        "wall": wall,
        "processor": processor,
        "ratio": wall[COMMAND] / wall[TORCH],
        "ratio_processor": processor[COMMAND] / processor[TORCH],
        "parts": {name: statistics.median(values) for name, values in parts.items()},
        "network": network_seconds(source),
    }


def network_seconds(source: Path) -> float:
    """Seconds of encoding what is visible and drawing eight completions of it, in one thread."""
    import torch

    from pointsra.data.files import read_cloud
    from pointsra.ops.threads import one_thread
    from pointsra.reconstruction.completion import draw_completions
    from pointsra.reconstruction.framing import unit_frame_of
    from pointsra.reconstruction.hiding import visible_points
    from pointsra.training.weights import load_point_sra, packaged_weights

    network, description = load_point_sra(packaged_weights(), torch.device("cpu"))
    unit, _, _ = unit_frame_of(read_cloud(source).points, slice(None))
    visible = unit[visible_points(unit, "block", description.patches["groups"], 0.5, 0)]
    with one_thread():
        began = time.perf_counter()
        draw_completions(network, description, visible, missing=0.5, samples=SAMPLES, steps=1, seed=0)
        return time.perf_counter() - began


def told(found: dict[str, Any]) -> str:
    """The figures as a table."""
    rows = [f"{'':<14}{'wall s':>10}{'processor s':>14}"]
    rows += [f"{name:<14}{found['wall'][name]:>10.2f}{found['processor'][name]:>14.2f}" for name in found["wall"]]
    rows.append(f"{'ratio':<14}{found['ratio']:>10.2f}{found['ratio_processor']:>14.2f}   (aim: at most 2)")
    parts = ", ".join(f"{name} {value:.2f}" for name, value in found["parts"].items())
    rows.append(f"of the command: {parts}; of sample, the network {found['network']:.2f}")
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, default=CHAIR)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    if options.repeats < 1:
        parser.error("--repeats must be at least 1")
    found = compare(options.input, options.repeats)
    print(told(found))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
