"""What ``benchmarks.ablation`` writes: two tables as markdown, and every figure as JSON, the paper's beside ours."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.ablation_rows import COLUMNS, HIDDEN_SHARE, ROWS, SAMPLES, STEPS_DRAWN, Budget
from pointsra.data.replacing import replacing
from pointsra.data.split_writer import tool_version

Results = Mapping[str, Sequence[dict[str, Any]]]
"""Row -> what each of its seeds came to."""


def spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation, None for a single value."""
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def written(values: Sequence[float], digits: int) -> str:
    """Mean ± deviation with so many decimals; figures off every scale, as of a diffusion that diverged, as powers."""
    mean, deviation = spread(values)
    kind = f".{digits}f" if abs(mean) < 1e5 else ".1e"
    return f"{mean:{kind}}" + ("" if deviation is None else f" ± {deviation:{kind}}")


def line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def ablation_table(results: Results) -> list[str]:
    """The ablation, a line a row; rows that were not run say so."""
    headers = ("row", "terms", "ours: shapes, SVM, %", *(f"paper: {name}, %" for name in COLUMNS), "seeds", "s a run")
    lines = [line(*headers), line(*["---"] * len(headers))]
    for row in (row for row in ROWS if row.table == "ablation"):
        paper = ["–" if value is None else f"{value:.2f}" for value in row.published]
        found = results.get(row.name)
        if not found:
            lines.append(line(row.name, "", "not run", *paper, "", ""))
            continue
        terms = ", ".join(found[0]["terms"]).replace("_", " ")
        seconds = statistics.fmean(each["seconds"] for each in found)
        accuracy = written([each["accuracy"] for each in found], 1)
        lines.append(line(row.name, terms, accuracy, *paper, len(found), f"{seconds:.0f}"))
    return lines


def generator_table(results: Results) -> list[str]:
    """The generators, a line for each number of evaluations."""
    headers = ("generator", f"paper: {COLUMNS[-1]}, %", "ours: shapes, SVM, %", "evaluations")
    headers += (f"CD-L2 ×10³, best of {SAMPLES}", f"mean of {SAMPLES}", "diversity ×10³", "seeds", "s a run")
    lines = [line(*headers), line(*["---"] * len(headers))]
    for row in (row for row in ROWS if row.table == "generators"):
        found = results.get(row.name)
        if not found:
            lines.append(line(row.name, f"{row.published[-1]:.2f}", "not run", *[""] * 6))
            continue
        accuracy = written([each["accuracy"] for each in found], 1)
        seconds = statistics.fmean(each["seconds"] for each in found)
        for steps in STEPS_DRAWN:
            drawn = [each["completion"][str(steps)] for each in found]
            cells = [written([1e3 * each[name] for each in drawn], 1) for name in ("best", "mean", "diversity")]
            cells += [str(len(found)), f"{seconds:.0f}"]
            lines.append(line(row.name, f"{row.published[-1]:.2f}", accuracy, steps, *cells))
    return lines


def machine() -> dict[str, Any]:
    """What the work runs on."""
    model = platform.processor() or platform.machine()
    described = Path("/proc/cpuinfo")
    if described.exists():
        names = [row.partition(":")[2].strip() for row in described.read_text().splitlines() if "model name" in row]
        model = names[0] if names else model
    versions = {"python": platform.python_version(), "torch": torch.__version__, "pointsra": tool_version()}
    return {"cpu": model, "cores": os.cpu_count(), "threads": torch.get_num_threads(), **versions}


def write_results(out: Path, budget: Budget, clouds: Mapping[str, int], results: Results) -> str:
    """Write ``ablation.json`` and ``ablation.md`` of what is finished so far.

    Args:
        out: the folder.
        budget: what every row was given.
        clouds: how many clouds the training and test splits hold.
        results: what was found.

    Returns:
        The markdown.
    """
    here = machine()
    settings = asdict(budget) | {"protocol": "svm", "samples": SAMPLES, "hidden_share": HIDDEN_SHARE}
    content = {
        "settings": settings,
        "clouds": dict(clouds),
        "overrides": {table: budget.overrides(table) for table in ("ablation", "generators")},
        "machine": here,
        "rows": {
            row.name: {
                "preset": row.preset,
                "changes": row.changes,
                "paper": dict(zip(COLUMNS, row.published, strict=True)),
                "accuracy": dict(zip(("mean", "deviation"), spread([each["accuracy"] for each in found]), strict=True)),
                "runs": found,
            }
            for row in ROWS
            if (found := results.get(row.name))
        },
    }
    steps = sorted({each["optimizer_steps"] for found in results.values() for each in found})
    page = [
        "# The paper's ablation and its generators, small",
        "",
        f"{' or '.join(map(str, steps))} optimizer steps a run on {clouds['train']} generated shapes; {clouds['test']} "
        "others are tested on.",
        f"{here['threads']} thread(s) of {here['cpu']}, torch {here['torch']}.",
        "Mean ± sample standard deviation over the seeds: differences within it mean nothing.",
        "The paper's figures are as published, of fine-tuning on ScanObjectNN: their order can be compared with ours,",
        "their size cannot. The row `cross-modal` is ours: the paper does not say in which row that term comes in.",
        "",
        *ablation_table(results),
        "",
        f"{SAMPLES} completions of each of {min(budget.completions, clouds['test'])} test shapes, of which a block of "
        f"{HIDDEN_SHARE:.0%} of the patches was hidden:",
        "Chamfer L2 (CD-L2) to what was hidden; diversity: the completions' mean pairwise one; both in the unit frame.",
        "The first step of DDPM's sampler divides an error of the predicted noise by √ᾱ = 4·10⁻⁵, and what comes out",
        "is cut off at four deviations: in one evaluation the size of its figures is mostly that of the cut.",
        "",
        *generator_table(results),
        "",
    ]
    for name, text in (("ablation.json", json.dumps(content, indent=2) + "\n"), ("ablation.md", "\n".join(page))):
        with replacing(out / name) as partial:
            partial.write_text(text, encoding="utf-8")
    return "\n".join(page)
