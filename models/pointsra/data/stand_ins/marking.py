"""The mark of a stand-in: a small file in its folder that says it is generated and not the real data."""

from __future__ import annotations

import json
from pathlib import Path

from pointsra.data.split_writer import tool_version
from pointsra.data.stand_in_files import STAND_IN_FILE


def mark(folder: Path, dataset: str, seed: int, count: int) -> None:
    """Write ``STAND-IN.json``.

    Args:
        folder: the root of the raw files.
        dataset: whose layout they have.
        seed: what they follow from.
        count: how many clouds, rooms or sweeps they are.
    """
    content = {
        "what": "generated stand-in, not the real data",
        "dataset": dataset,
        "seed": seed,
        "count": count,
        "tool": "pointsra",
        "tool_version": tool_version(),
    }
    (folder / STAND_IN_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
