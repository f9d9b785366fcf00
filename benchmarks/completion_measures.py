"""The figures of one row of ``benchmarks.completion``: distances, diversity, options shown, and what steers them."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.completion_cases import (
    CHOSEN,
    Case,
    block_cases,
    drawn_alternatives,
    part_cases,
    scan_cases,
    shown_option,
)
from benchmarks.completion_rows import Budget, Drawing
from pointsra.data.conditions import BUILTIN_NAME, encode_captions, encode_views
from pointsra.data.shapes import generate, sample_surface
from pointsra.data.views import render_views
from pointsra.metrics.geometry import chamfer_l2, f_score, mean_pairwise_chamfer, one_sided_hausdorff
from pointsra.networks.mean_flow_transformer import FlowCondition
from pointsra.networks.point_sra import PointSRA
from pointsra.reconstruction.completion import draw_completions
from pointsra.reconstruction.reconstruct import complete_points
from pointsra.reconstruction.request import TEMPERATURE, ReconstructRequest
from pointsra.training.weights import ModelDescription

_STEERED_VARIANT = 30_000  # of the object that caption and picture show
_WHOLE_POINTS = 2048  # of a whole completion, for TMD
F_SCORE_DISTANCE = 0.03
"""In the unit frame; about as far as points of a completion of this size lie from one another."""

_BLUR = 0.03  # unit frame; completions are not as sharp as true parts


@dataclass(frozen=True)
class Completed:
    """Completions of one case, in its frame.

    Attributes:
        generated: S clouds (P, 3).
        visible: (Nv, 3) what came back of the visible points.
        evaluations: of the network, for each sample.
        seconds: for each sample.
    """

    generated: Sequence[NDArray[np.floating]]
    visible: NDArray[np.floating]
    evaluations: int = 0
    seconds: float = 0.0


Completer = Callable[[Case], Completed]


def by_network(network: PointSRA, description: ModelDescription, samples: int, drawing: Drawing) -> Completer:
    """Completes by ``pointsra reconstruct --hide none --missing``, which is given the visible points, and whether one
    camera has seen them."""

    def complete(case: Case) -> Completed:
        request = ReconstructRequest(
            input=Path(f"case {case.number}"),
            samples=samples,
            steps=drawing.evaluations,
            temperature=drawing.temperature,
            hide="none",
            missing=case.told,
            one_sided=case.one_sided,
            seed=case.number,
        )
        done = complete_points(request, case.visible.astype(np.float64), network, description)
        seconds = done.seconds["sample"] / samples
        return Completed(list(done.generated_raw), done.visible_raw, done.network_evaluations, seconds)

    return complete


def distances(case: Case, done: Completed) -> dict[str, float]:
    """The figures of one case: CD-L2 to what was hidden, best and mean; mean F-score; TMD, UHD, visible points kept."""
    away = [chamfer_l2(each, case.hidden) for each in done.generated]
    wholes = [np.concatenate([done.visible, each]) for each in done.generated]
    back = {row.tobytes() for row in done.visible.astype(np.float32)}
    return {
        "best": min(away),
        "mean": statistics.fmean(away),
        "f_score": statistics.fmean(f_score(each, case.hidden, F_SCORE_DISTANCE) for each in done.generated),
        "tmd": mean_pairwise_chamfer([_evenly(whole, _WHOLE_POINTS) for whole in wholes]),
        "uhd": statistics.fmean(one_sided_hausdorff(case.visible, whole) for whole in wholes),
        "kept": statistics.fmean(row.tobytes() in back for row in case.visible),
        "evaluations": done.evaluations,
        "seconds": done.seconds,
    }


def _evenly(points: NDArray[np.floating], count: int) -> NDArray[np.floating]:
    """Rows of (N, 3) at even steps, the same ones for clouds of the same size."""
    return points[np.linspace(0, len(points) - 1, min(count, len(points))).round().astype(int)]


@dataclass(frozen=True)
class Cases:
    """What every line is measured on."""

    blocks: Sequence[Case] = ()
    scans: Sequence[Case] = ()
    parts: Sequence[Case] = ()

    @classmethod
    def of(cls, budget: Budget) -> Cases:
        """All of a budget."""
        return cls(*(list(made(budget)) for made in (block_cases, scan_cases, part_cases)))


def figures(complete: Completer, cases: Cases, budget: Budget) -> dict[str, Any]:
    """All of one line: figures of each case, and the options that completions of parts show.

    Returns:
        "blocks", "scans" and "parts", a list of :func:`distances` each; "shown", for each of the parts the options of
        its samples; "apart", for each the CD-L2 of its samples to the instances that decided.
    """
    found: dict[str, Any] = {
        "blocks": [distances(case, complete(case)) for case in cases.blocks],
        "scans": [distances(case, complete(case)) for case in cases.scans],
    }
    found |= {"parts": [], "shown": [], "apart": []}
    for case in cases.parts:
        done = complete(case)
        found["parts"].append(distances(case, done))
        read = [shown_option(np.asarray(each, np.float32), case, budget.instances) for each in done.generated]
        found["shown"].append([option for option, _ in read])
        found["apart"].append([away for _, away in read])
    return found


def control(parts: Sequence[Case], budget: Budget) -> dict[str, Any]:
    """The generator's own draws as completions, and how well true instances are told apart.

    Returns:
        :func:`figures` of parts alone, and "confusion": class and choice -> true option -> option read -> share, for
        instances as they are; and "confusion_blurred" with noise on their points.
    """
    draws: Completer = lambda case: Completed(drawn_alternatives(case, budget.samples), case.visible)  # noqa: E731
    found = figures(draws, Cases(parts=parts), budget)
    for name, blur in (("confusion", 0.0), ("confusion_blurred", _BLUR)):
        counts: dict[str, dict[str, Counter[str]]] = {}
        for case in parts:
            rng = np.random.default_rng([case.number, 8_002])
            table = counts.setdefault(f"{case.shape.class_name} {case.choice}", {})
            for option in case.options:
                part = case.alternative(option, 15_000)
                part += np.float32(blur) * rng.standard_normal(part.shape, dtype=np.float32)
                table.setdefault(option, Counter())[shown_option(part, case, budget.instances)[0]] += 1
        found[name] = {
            key: {true: {read: n / sum(row.values()) for read, n in row.items()} for true, row in table.items()}
            for key, table in counts.items()
        }
    return found


def caption_without(case: Case) -> str:
    """The caption of a case without the phrases that tell the option of its hidden choice."""
    every = [_phrases(_shown_object(case, option).caption) for option in case.options]
    every.append(_phrases(case.shape.caption))
    kept = [phrase for phrase in every[-1][1:] if all(phrase in phrases for phrases in every)]
    head = every[-1][0]
    if not kept:
        return head
    return f"{head} with {kept[0] if len(kept) == 1 else ', '.join(kept[:-1]) + ' and ' + kept[-1]}"


def _phrases(caption: str) -> list[str]:
    head, _, rest = caption.partition(" with ")
    return [head, *re.split(r", | and ", rest)]


def _shown_object(case: Case, option: str) -> Any:
    return generate(*case.origin, case.shape.class_name, {case.choice: option}, _STEERED_VARIANT)


def knows(description: ModelDescription, kind: str) -> bool:
    """Whether weights know "text" or "image" features of the built-in encoder."""
    known = description.encoders.get(kind)
    width = {"text": description.sizes.text_dim, "image": description.sizes.image_dim}[kind]
    return bool(width) and known is not None and known["name"] == BUILTIN_NAME


def steered(
    network: PointSRA, description: ModelDescription, parts: Sequence[Case], budget: Budget
) -> dict[str, dict[str, float]]:
    """How many of the completions show an option that caption or picture ask for, in one evaluation a sample.

    Every case asks for another option, in turns. Nothing but the condition changes: visible part, noise and the share
    told are the same throughout.

    Returns:
        Class and choice -> condition ("none", "caption without it", "caption, w = 1", …) -> share of the samples.
    """
    shares: dict[str, dict[str, list[float]]] = {}
    turns = dict.fromkeys(CHOSEN, 0)
    for case in parts[: budget.steered]:
        options, key = list(case.options), (case.shape.class_name, case.choice)
        wanted = options[turns[key] % len(options)]
        turns[key] += 1
        for name, (condition, guidance) in _conditions(case, wanted, description, budget.guidance).items():
            drawn = draw_completions(
                network,
                description,
                case.visible,
                missing=case.told,
                one_sided=False,
                samples=budget.samples,
                steps=1,
                seed=case.number,
                condition=condition,
                guidance=guidance,
                temperature=TEMPERATURE,
            )
            read = [shown_option(each, case, budget.instances)[0] for each in drawn.points]
            kept = shares.setdefault(" ".join(key), {}).setdefault(name, [])
            kept.append(read.count(wanted) / len(read))
    return {key: {name: statistics.fmean(each) for name, each in table.items()} for key, table in shares.items()}


def _conditions(
    case: Case, wanted: str, description: ModelDescription, weights: Sequence[float]
) -> dict[str, tuple[FlowCondition | None, float]]:
    shown = _shown_object(case, wanted)
    table: dict[str, tuple[FlowCondition | None, float]] = {"none": (None, 1.0)}
    if knows(description, "text"):
        without, told = (torch.from_numpy(encode_captions([each])) for each in (caption_without(case), shown.caption))
        table["caption without it"] = (FlowCondition(None, without), 1.0)
        table |= {f"caption, w = {w:g}": (FlowCondition(None, told), w) for w in weights}
    if knows(description, "image"):
        cloud, _ = sample_surface(shown, 2048, np.random.default_rng([case.number, 8_003]))
        seen = torch.from_numpy(encode_views(render_views(cloud)[None]))
        table |= {f"picture, w = {w:g}": (FlowCondition(seen, None), w) for w in weights}
    return table
