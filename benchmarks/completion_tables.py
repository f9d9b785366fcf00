"""What ``benchmarks.completion`` writes: its tables as markdown, and every figure as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.ablation_tables import line, machine, spread, written
from benchmarks.completion_aims import MASKS, Results, aims_table, mean_over, ratios
from benchmarks.completion_cases import CHOSEN, KINDS
from benchmarks.completion_rows import EQUAL, HIDDEN_SHARE, PRESET, ROWS, TINY, Budget
from pointsra.data.replacing import replacing
from pointsra.data.shapes import CHOICES

COVERAGE_AIM = 0.1
"""How far the share of an option among the samples may be from its probability."""

RECOGNIZED = 0.03
"""CD-L2 to the nearest instance, up to which a sample is like it (ours); of true instances it is 0.006 in the mean."""

_TRUE_SHARES = {kind: CHOICES[name][choice] for kind, (name, choice) in zip(KINDS, CHOSEN, strict=True)}


def main_table(results: Results, samples: int) -> list[str]:
    """A line for each way to complete and each way to draw."""
    headers = ("completes", "evaluations", f"blocks: CD-L2 ×10³, best of {samples}", f"mean of {samples}")
    headers += (f"scans: best of {samples}", f"mean of {samples}", f"parts: best of {samples}", f"mean of {samples}")
    headers += ("TMD of parts ×10³", "UHD ×10³", "visible kept, %", "s a sample", "seeds")
    lines = [line(*headers), line(*["---"] * len(headers))]
    for row in ROWS:
        found = results.get(row.name, ())
        if not found:
            lines.append(line(row.title, "", "not run", *[""] * 10))
            continue
        for label in row.labels(found):
            cells = []
            for mask in MASKS:
                for name in ("best", "mean"):
                    cells.append(over_seeds(found, label, mask, name, 1e3, 1))
            for name, factor, digits in (("tmd", 1e3, 1), ("uhd", 1e3, 1), ("kept", 100, 1), ("seconds", 1, 3)):
                mask = "parts" if name == "tmd" or row.name == "generator" else "all"
                cells.append(over_seeds(found, label, mask, name, factor, digits))
            lines.append(line(row.title, label, *cells, len(found)))
    return lines


def over_seeds(found: Sequence[dict[str, Any]], label: str, mask: str, name: str, factor: float, digits: int) -> str:
    """A figure of a row for a table: the mean over the cases of a mask, or of "all", over seeds; a dash without any."""
    values = []
    for each in found:
        asked = MASKS if mask == "all" else (mask,)
        parts = [mean for one in asked if (mean := mean_over(each, label, one, name)) is not None]
        if len(parts) < len(asked):
            return "–"
        values.append(factor * statistics.fmean(parts))
    return written(values, digits)


def coverage(found: Sequence[dict[str, Any]], label: str, kinds: Sequence[str]) -> dict[str, dict[str, float]]:
    """Class and choice -> option -> share among all samples of all seeds.

    Args:
        found: results of a row.
        label: of the way to draw.
        kinds: of each part case, its class and choice.
    """
    read: dict[str, list[str]] = {}
    for each in found:
        for kind, options in zip(kinds, each["lines"][label]["shown"], strict=True):
            read.setdefault(kind, []).extend(options)
    return {
        kind: {option: options.count(option) / len(options) for option in _TRUE_SHARES[kind]}
        for kind, options in read.items()
    }


def largest_deviations(shares: dict[str, dict[str, float]]) -> dict[str, float]:
    """Class and choice -> how far the share of an option is from its probability, of the option where it is most."""
    return {
        kind: max(abs(shares[kind][option] - share) for option, share in table.items())
        for kind, table in _TRUE_SHARES.items()
    }


def coverage_tables(results: Results, kinds: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """The largest deviation from the truth by choice, then every share; and all of it for the JSON."""
    columns = [(row, label) for row in ROWS if results.get(row.name) for label in row.labels(results[row.name])]
    shares = {(row.name, label): coverage(results[row.name], label, kinds) for row, label in columns}
    headers = ("completes", "evaluations", *KINDS, f"all within {COVERAGE_AIM}", "options a shape", "like one, %")
    lines = [line(*headers), line(*["---"] * len(headers))]
    described: dict[str, Any] = {}
    for row, label in columns:
        found = results[row.name]
        worst = largest_deviations(shares[row.name, label])
        met = max(worst.values()) <= COVERAGE_AIM
        several = statistics.fmean(len(set(each)) for run in found for each in run["lines"][label]["shown"])
        apart = [away for run in found for each in run["lines"][label]["apart"] for away in each]
        alike = statistics.fmean(away <= RECOGNIZED for away in apart)
        cells = (*(f"{each:.2f}" for each in worst.values()), "met" if met else "not met")
        lines.append(line(row.title, label, *cells, f"{several:.1f}", f"{100 * alike:.0f}"))
        described[f"{row.name}, {label}"] = {
            "shares": shares[row.name, label], "largest_deviation": worst, "met": met,
            "options_a_shape": several, "like_one": alike, "median_apart": statistics.median(apart),
        }  # fmt: skip
    lines += [
        "",
        line("", "truth", *(row.title if label == "–" else f"{row.title}, {label}" for row, label in columns)),
    ]
    lines.append(line(*["---"] * (2 + len(columns))))
    for kind, table in _TRUE_SHARES.items():
        for option, share in table.items():
            cells = [f"{shares[row.name, label][kind][option]:.2f}" for row, label in columns]
            lines.append(line(f"{kind}: {option}", f"{share:.2f}", *cells))
    return lines, described


def confusion_table(results: Results) -> list[str]:
    """How often the option of a true instance is read right, as it is and blurred."""
    headers = ("", "read right, %", "worst option", "read right where blurred, %", "worst option")
    lines = [line(*headers), line(*["---"] * len(headers))]
    for found in results.get("generator", ()):
        for kind in found["confusion"]:
            cells = []
            for name in ("confusion", "confusion_blurred"):
                right = {true: row.get(true, 0.0) for true, row in found[name][kind].items()}
                worst = min(right, key=lambda option: right[option])
                cells += [f"{100 * statistics.fmean(right.values()):.0f}", f"{worst}, {100 * right[worst]:.0f}"]
            lines.append(line(kind, *cells))
    return lines


def steering_table(results: Results) -> list[str]:
    """The share of samples that show what was asked for, and how much more that is than without a condition."""
    rows = [row for row in ROWS if row.steered and results.get(row.name)]
    headers = ("hidden", "condition", *(cell for row in rows for cell in (f"{row.title}, %", "more than without")))
    lines = [line(*headers), line(*["---"] * len(headers))]
    table: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for kind in results[row.name][0]["steered"]:
            runs = [each["steered"][kind] for each in results[row.name]]
            for name in runs[0]:
                values = [100 * each[name] for each in runs]
                more = statistics.fmean(values) - statistics.fmean(100 * each["none"] for each in runs)
                cells = table.setdefault((kind, name), [])
                cells += ["–"] * (2 * rows.index(row) - len(cells)) + [written(values, 0), f"{more:+.0f}"]
    return lines + [line(*key, *cells, *["–"] * (2 * len(rows) - len(cells))) for key, cells in table.items()]


def write_results(out: Path, budget: Budget, clouds: int, weights: str, results: Results, kinds: Sequence[str]) -> str:
    """Write ``completion.json`` and ``completion.md`` of what is finished so far.

    Args:
        out: the folder.
        budget: what every row is given.
        clouds: how many are trained on.
        weights: name of the given weights.
        results: what was found.
        kinds: class and choice of each part case.

    Returns:
        The markdown.
    """
    here = machine()
    covered, described = coverage_tables(results, kinds)
    content = {
        "settings": asdict(budget)
        | {"preset": PRESET, "overrides": [*EQUAL, *(TINY if budget.tiny else ())], "training_clouds": clouds}
        | {"hidden_share": HIDDEN_SHARE, "samples": budget.samples, "weights": weights},
        "machine": here,
        "aims": list(ratios(results)),
        "coverage": described,
        "kinds": list(kinds),
        "rows": {row.name: {"runs": results[row.name]} for row in ROWS if results.get(row.name)},
        "seconds_trained": {
            name: spread([each["seconds"] for each in found])[0] for name, found in results.items() if found
        },
    }
    steps = sorted(
        {each["optimizer_steps"] for found in results.values() for each in found if "optimizer_steps" in each}
    )
    page = [
        "# Completion on held-out shapes",
        "",
        f"{' or '.join(map(str, steps)) or 'No'} optimizer steps a run on {clouds} generated shapes, preset `{PRESET}` "
        f"but for the objective{', from the given weights without their flow' if budget.given_encoder else ''}.",
        f"{budget.clouds} other shapes with a block of {HIDDEN_SHARE:.0%} hidden, {budget.clouds} seen by one camera, "
        f"{budget.parts} with a part hidden; "
        f"{budget.samples} samples each.",
        f"Given weights: {weights}. {here['threads']} thread(s) of {here['cpu']}, torch {here['torch']}.",
        "Mean ± sample standard deviation over the seeds, where there are several.",
        "",
        *main_table(results, budget.samples),
        "",
        "## Aims",
        "",
        *aims_table(results),
        "",
        "## Alternatives",
        "",
        "Largest deviation of an option's share among the samples from its probability in the generator.",
        "",
        *covered,
        "",
        "How well the options of true instances are read:",
        "",
        *confusion_table(results),
        "",
        "## Steering",
        "",
        "Share of the samples that show the option asked for, one evaluation a sample (two where w ≠ 1).",
        "",
        *steering_table(results),
        "",
    ]  # fmt: skip
    for name, text in (("completion.json", json.dumps(content, indent=1) + "\n"), ("completion.md", "\n".join(page))):
        with replacing(out / name) as partial:
            partial.write_text(text, encoding="utf-8")
    return "\n".join(page)
