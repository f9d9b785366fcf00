"""From a request of ``visualize`` to what an encoder makes of clouds: read, encode, and hand arrays to be drawn.

Encoding and drawing are rooms that do not know each other; here they meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pointsra.errors import InputFileError, SettingsError
from pointsra.evaluation.cloud_tokens import Gaze, OpenedEncoder, encode_clouds, encode_split, gaze_of, open_encoder
from pointsra.progress import Report
from pointsra.visualization.components import plane_map
from pointsra.visualization.embedding import EmbeddingMap
from pointsra.visualization.encoded_scenes import attention_scene, features_scene
from pointsra.visualization.named_clouds import NamedCloud, check_up, located, named_clouds, named_split, split_of
from pointsra.visualization.scenes import Scene

KINDS = ("attention", "features", "embedding")
MAPS = ("pca", "tsne")
MOST_MAPPED = 3000  # clouds of a map; more would neither be told apart nor fit into a page of two megabytes
_FEWEST_MAPPED = 4


@dataclass(frozen=True)
class EncoderRequest:
    """What is asked for.

    Attributes:
        what: one of :data:`KINDS`.
        targets: files, splits and data sets.
        root: data root.
        weights: run folder or weights file.
        device: as the user named it.
        query, block: whose attention; None takes the usual ones.
        method: of the map, one of :data:`MAPS`.
        seed: of what is drawn at random.
        up: the axis of files that points up; None takes y.
    """

    what: str
    targets: Sequence[Path]
    root: Path
    weights: Path
    device: str
    query: str | None = None
    block: int | None = None
    method: str = "pca"
    seed: int = 0
    up: str | None = None


@dataclass(frozen=True)
class EncoderPlan:
    """A request whose words, weights and targets have been checked.

    Attributes:
        request: what was asked for.
        model: the encoder.
        gaze: whose attention, or None.
        clouds: what features and attention are shown of.
        title: their headline.
        split: the split of a map, or None.
        facts: what the plan says of itself.
    """

    request: EncoderRequest
    model: OpenedEncoder
    gaze: Gaze | None = None
    clouds: Sequence[NamedCloud] = ()
    title: str = ""
    split: Path | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def planned(request: EncoderRequest) -> EncoderPlan:
    """Check a request and read its clouds; nothing is encoded.

    Raises:
        SettingsError: options that do not fit the target or the weights.
        CheckpointError, InputFileError, DataError, DeviceError: see those who raise them.
    """
    from pointsra.training.devices import resolve_device

    device = resolve_device(request.device)
    if request.what != "embedding":
        title, clouds = named_clouds(request.targets, request.root, request.up)
        model = open_encoder(request.weights, device)
        gaze = gaze_of(model, request.query, request.block) if request.what == "attention" else None
        facts: dict[str, Any] = {"weights": str(request.weights), "clouds": len(clouds)}
        if gaze is not None:
            facts |= {"query": gaze.query, "block": gaze.block + 1}
        return EncoderPlan(request, model, gaze, clouds, title, facts=facts)
    split, count = _mapped_split(request)
    model = open_encoder(request.weights, device)
    shown = min(count, MOST_MAPPED)
    facts = {"weights": str(request.weights), "map": request.method, "clouds": shown, "clouds_in_split": count}
    return EncoderPlan(request, model, split=split, facts=facts)


def encoded_scene(plan: EncoderPlan, report: Report) -> Scene:
    """Encode what was planned, and make the scene of it."""
    if plan.split is not None:
        return _map(plan, plan.split, report)
    done = encode_clouds(
        plan.model,
        [cloud.points for cloud in plan.clouds],
        framed=[not cloud.raw for cloud in plan.clouds],
        gaze=plan.gaze,
        seed=plan.request.seed,
        report=report,
    )
    shown = [[getattr(each, name) for each in done] for name in ("points", "centers", "tokens", "attention")]
    points, centers, tokens, attention = shown
    if plan.gaze is None:
        return features_scene(plan.title, plan.clouds, points, centers, tokens)
    return attention_scene(plan.title, plan.clouds, points, centers, attention, plan.gaze.words, plan.gaze.patch)


def _mapped_split(request: EncoderRequest) -> tuple[Path, int]:
    from pointsra.data.store import open_split

    if len(request.targets) > 1:
        raise SettingsError("An embedding maps the clouds of one data set: name one data set or split.")
    path = split_of(located(request.targets[0], request.root))
    check_up(request.up, path is None)
    if path is None:
        raise InputFileError(
            f"{request.targets[0]} is one cloud, and an embedding maps many: name a data set or split."
        )
    with open_split(path) as split:
        if len(split) < _FEWEST_MAPPED:
            raise InputFileError(f"{path} holds {len(split)} clouds and a map needs {_FEWEST_MAPPED} at least.")
        return path, len(split)


def _map(plan: EncoderPlan, path: Path, report: Report) -> Scene:
    from pointsra.data.store import open_split

    request = plan.request
    with open_split(path) as split:
        done = encode_split(plan.model, split, most=MOST_MAPPED, seed=request.seed, report=report)
        places, words = plane_map(done.features, request.method, request.seed)
        rows = done.rows.tolist()
        thinned = f"{len(rows):,} of {len(split):,} clouds, chosen at random" if len(rows) < len(split) else ""
        title = f"{named_split(split)}: {thinned or f'{len(rows):,} clouds'}"
        shown = EmbeddingMap(
            title=title,
            note=f"{words} A mark is a cloud: the mean plus the maximum of its patch tokens.",
            places=places,
            labels=split.labels[done.rows],
            class_names=split.class_names,
            ids=[split.ids[row] for row in rows],
            captions=None if split.captions is None else [split.captions[row] for row in rows],
            outlines=done.outlines,
        )
    return Scene("embedding", title, embedding=shown)
