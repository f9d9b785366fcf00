"""What a target on disk becomes as a scene: a file, a prepared data set, run folders, a reconstruct folder.

Clouds are read and cut into patches here, and masks are drawn; no network is run. Showing the scene is for ``scenes``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsra.data.files import KNOWN_SUFFIXES, read_cloud
from pointsra.data.store import open_split
from pointsra.errors import InputFileError, SettingsError
from pointsra.ops.cleaning import stray_points
from pointsra.ops.up_axis import UP_AXES, to_y_up
from pointsra.visualization.metrics_file import read_metrics
from pointsra.visualization.named_clouds import check_up, file_cloud, located, named_split, split_of, spread
from pointsra.visualization.palette import SEEN_BY_BOTH, SEEN_BY_TEACHER, UNSEEN
from pointsra.visualization.patches import mask_colors, patch_colors
from pointsra.visualization.scenes import Completed, Scene
from pointsra.visualization.stills import Cell

KINDS = ("cloud", "patches", "masks", "completions", "curves")


@dataclass(frozen=True)
class Cutting:
    """How clouds are cut for ``patches`` and ``masks``.

    Attributes:
        points: N, points drawn from the cloud first.
        groups: G, patches.
        size: K, points a patch.
        ratio: share of the patches that masks hide from the student.
        teacher: the same of the teacher, smaller; None where the method has none.
        seed: of the draw and the masks.
    """

    points: int
    groups: int
    size: int
    ratio: float
    teacher: float | None = None
    seed: int = 0


def look_at(targets: Sequence[Path], what: str | None, cutting: Cutting, root: Path, up: str | None = None) -> Scene:
    """The scene of one target, or of several runs' curves.

    Args:
        targets: a file, a prepared data set (name or folder), a split, a run folder or a reconstruct folder.
        what: one of :data:`KINDS`; None guesses from the first target.
        cutting: how patches and masks are made.
        root: data root, where a target is the bare name of a data set.
        up: the axis of a file that points up; y where None.

    Raises:
        SettingsError: several targets that are no runs, a target that ``what`` does not fit, or an axis without a file.
        InputFileError, DataError: a target is missing or cannot be read.
    """
    found = [located(target, root) for target in targets]
    kind = what or guess(found[0])
    if len(found) > 1 and kind != "curves":
        raise SettingsError(
            f"--what {kind} takes one target: name one file or folder. Curves, features and attention take several."
        )
    check_up(up, kind not in ("curves", "completions") and split_of(found[0]) is None)
    if kind == "curves":
        return _curves(found)
    if kind == "completions":
        return _completions(found[0])
    if kind == "cloud":
        return _clouds(found[0], up)
    return _cut(found[0], kind, cutting, up)


def guess(target: Path) -> str:
    """What a target shows where the user did not say.

    Raises:
        SettingsError: a folder of no known kind.
    """
    if not target.is_dir():
        return "curves" if target.suffix == ".jsonl" else "cloud"
    for name, kind in (("metrics.jsonl", "curves"), ("summary.json", "completions"), ("manifest.json", "cloud")):
        if (target / name).is_file():
            return kind
    raise SettingsError(
        f"{target} is no run (metrics.jsonl), reconstruct folder (summary.json) or data set (manifest.json): "
        "name another folder, or a file."
    )


def _curves(targets: Sequence[Path]) -> Scene:
    targets = list({target.resolve(): target for target in targets}.values())  # named twice, a run is one curve
    runs = [read_metrics(target) for target in targets]
    names = _distinct([run.name for run in runs], targets)
    series = {name: run.series for name, run in zip(names, runs, strict=True)}
    return Scene("curves", names[0] if len(names) == 1 else f"{len(names)} runs", series=series)


def _distinct(names: Sequence[str], targets: Sequence[Path]) -> list[str]:
    """Names of runs that can be told apart; runs of one name are shown by their path."""
    pairs = zip(names, targets, strict=True)
    return [str(target) if names.count(name) > 1 or not name else name for name, target in pairs]


def _completions(folder: Path) -> Scene:
    try:
        summary: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputFileError(f"{folder}: no readable summary.json: name a folder that reconstruct wrote.") from error
    files = [path for path in folder.glob("completion_*") if path.suffix.lstrip(".") in KNOWN_SUFFIXES]
    files.sort(key=lambda path: (len(path.stem), path.stem))  # completion_99 before completion_100
    visible = next(iter(folder.glob("visible.*")), None)
    if visible is None or not files:
        raise InputFileError(f"{folder}: clouds are missing: name a folder that reconstruct wrote.")
    hidden = next(iter(folder.glob("hidden.*")), None)
    up = str(summary.get("up", "y"))
    given = _turned(visible, up)
    truth = None if hidden is None else _turned(hidden, up)
    kept = slice(None)
    if summary.get("points_stray"):  # pictures leave them out; they are told by all points of the input
        whole = given if truth is None else np.concatenate([given, truth])
        kept = ~stray_points(whole)[: len(given)]
    generated = [_turned(path, up)[len(given) :] for path in files]  # the visible points stand first
    if not all(map(len, generated)):
        raise InputFileError(
            f"{folder}: a completion holds no point but the visible ones: name a folder as reconstruct wrote it."
        )
    completed = Completed(
        visible=given[kept],
        generated=generated,
        hidden=truth,
        scores=_scores(summary, len(files)),
        figures={"diversity": float(summary["diversity"])} if "diversity" in summary and len(generated) > 1 else None,
    )
    return Scene("completions", Path(str(summary.get("input", folder))).name, completed=completed)


def _turned(path: Path, up: str) -> NDArray[np.float64]:
    """The points (N, 3) of a file that reconstruct wrote, turned so that y is up."""
    if up not in UP_AXES:
        raise InputFileError(f"{path.parent}: summary.json gives no axis as up: name a folder that reconstruct wrote.")
    return to_y_up(read_cloud(path).points, up)


def _scores(summary: Mapping[str, Any], count: int) -> list[dict[str, float]] | None:
    """For each completion the figures of the summary, under the short names that pictures use."""
    columns = {
        short: summary[name]["per_sample"]
        for short, name in (
            ("fidelity", "fidelity"),
            ("chamfer", "chamfer_l2"),
            ("f_score", "f_score"),
            ("apart", "apart"),
        )
        if isinstance(summary.get(name), dict) and len(summary[name].get("per_sample", ())) == count
    }
    if not any(columns.get("fidelity", ())):  # 0 by construction where completions keep the visible points
        columns.pop("fidelity", None)
    if not columns:
        return None
    return [{name: float(values[number]) for name, values in columns.items()} for number in range(count)]


def _clouds(target: Path, up: str | None) -> Scene:
    split = split_of(target)
    if split is None:
        cloud = file_cloud(target, up)
        words = f"{len(cloud.points):,} points" + (" drawn from the mesh" if cloud.was_mesh else "")
        return Scene("cloud", target.name, (Cell(cloud.points, cloud.colors, "", words),))
    with open_split(split) as clouds:
        chosen = spread(clouds)
        cells = tuple(
            Cell(points, None, clouds.class_names[clouds.labels[index]], clouds.ids[index])
            for index, points in zip(chosen, clouds.points_at(chosen), strict=True)
        )
        title = f"{named_split(clouds)}: {len(cells)} of {len(clouds):,} clouds"
    return Scene("cloud", title, cells)


def _cut(target: Path, kind: str, cutting: Cutting, up: str | None) -> Scene:
    import torch

    from pointsra.ops.masks import block_order, random_order, view_order, visible_count
    from pointsra.ops.patches import cut_patches
    from pointsra.ops.randomness import stream
    from pointsra.ops.transforms import unit_frame

    name, points = _one_cloud(target, up)
    rng = np.random.default_rng(cutting.seed)
    drawn = points[rng.permutation(len(points))[: cutting.points]]
    if len(drawn) < max(cutting.groups, cutting.size):
        raise InputFileError(
            f"{target}: {len(drawn)} points are too few for {cutting.groups} patches of {cutting.size}: "
            "set patches.groups and patches.size smaller with --set."
        )
    batch = torch.from_numpy(drawn.astype(np.float64))[None]
    unit = unit_frame(batch).to_unit(batch).float()
    centers = cut_patches(unit, cutting.groups, cutting.size).centers
    shown, middles = unit[0].numpy(), centers[0].numpy()
    if kind == "patches":
        words = f"{cutting.groups} patches of {cutting.size} of {len(drawn):,} points"
        return Scene("patches", name, (Cell(shown, patch_colors(shown, middles), "", words),))
    generator = stream(cutting.seed, "masks")
    orders = {
        "random": random_order(1, cutting.groups, generator),
        "block": block_order(centers, generator),
        "view": view_order(centers, generator),
    }
    ratios = [cutting.ratio] if cutting.teacher is None else [cutting.ratio, cutting.teacher]
    counts = [visible_count(cutting.groups, ratio) for ratio in ratios]
    words = f"cloud shows {counts[0]} of {cutting.groups} patches"
    legend = {"visible": SEEN_BY_BOTH, "hidden": UNSEEN}
    if len(counts) == 2:
        words = f"student sees {counts[0]} and the teacher {counts[1]} of {cutting.groups} patches"
        legend = {"student and teacher see it": SEEN_BY_BOTH, "only the teacher sees it": SEEN_BY_TEACHER}
        legend |= {"hidden from both": UNSEEN}
    cells = []
    for mask, order in orders.items():
        seen = np.zeros((len(counts), cutting.groups), dtype=bool)
        for row, count in enumerate(counts):
            seen[row, order[0, :count].numpy()] = True
        cells.append(Cell(shown, mask_colors(shown, middles, *seen), mask))
    return Scene("masks", name, tuple(cells), legend=legend, note=f"In each, the {words}.")


def _one_cloud(target: Path, up: str | None) -> tuple[str, NDArray[np.float64]]:
    """A name and points (N, 3): of a file, or of the first cloud of a data set."""
    split = split_of(target)
    if split is None:
        return target.name, file_cloud(target, up).points
    with open_split(split) as clouds:
        return f"{clouds.ids[0]} ({clouds.dataset})", clouds.points_at([0])[0].astype(np.float64)
