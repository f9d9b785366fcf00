"""``pointsra visualize``: a picture, a page or a window of a file, a data set, a run or completions."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pointsra_cli import options
from pointsra_cli.console import Screen
from pointsra_cli.runs import RUNS, result_file

_KINDS = ("cloud", "patches", "masks", "completions", "curves", "attention", "features", "embedding")
_OF_ENCODERS = ("attention", "features", "embedding")


def visualize(
    targets: Annotated[
        list[Path],
        typer.Argument(
            metavar="TARGET",
            help="A mesh or cloud file, a prepared data set (its name or folder) or split, a run folder, or a "
            "reconstruct folder. Several runs give curves in one picture; features and attention take several clouds.",
            show_default=False,
        ),
    ],
    what: Annotated[
        str | None,
        typer.Option(
            "--what",
            metavar="NAME",
            help="cloud, patches, masks, completions, curves, attention, features or embedding; guessed from TARGET "
            "where it is left out.",
            callback=options.one_of(*_KINDS),
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights",
            metavar="RUN|WEIGHTS",
            help="Whose attention, features or embedding.",
            show_default="the small weights in the package",
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            "--query",
            metavar="NAME|PATCH",
            help="Whose attention: cls, image, text, mean (of all patches) or a patch by its number.",
            show_default="cls",
        ),
    ] = None,
    block: Annotated[
        int | None,
        typer.Option(
            "--block",
            min=1,
            metavar="N",
            help="Attention of which block, from 1.",
            show_default="the last",
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--map",
            metavar="pca|tsne",
            help="How an embedding is laid out.",
            show_default="pca",
            callback=options.one_of("pca", "tsne"),
        ),
    ] = None,
    up: options.UpAxis = None,
    view: Annotated[bool, typer.Option("--view", help="Open a window (needs open3d).")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing --out file.")] = False,
    preset: options.Preset = None,
    overrides: options.Overrides = None,
    data: options.DataRoot = None,
    seed: options.Seed = None,
    device: options.Device = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.png|.html",
            help="A still, or a page on which clouds turn.",
            show_default="a fresh PNG under runs/",
        ),
    ] = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Draw clouds, patches, masks, completions, curves, or what an encoder makes of clouds.

    Patches and masks are cut as --preset says (paper where none is named); attention, features and the embedding
    as the weights say. Encoders run on --device; drawing is done by the CPU.
    """
    from pointsra.data.places import data_root
    from pointsra.errors import SettingsError

    screen = Screen(as_json, quiet, verbose)
    if view and what in ("curves", "embedding"):
        raise SettingsError(f"--view shows clouds: {what} is written as a picture or a page, without it.")
    if view:
        from pointsra.visualization.window import require_window

        require_window()  # before the work, not after it
    _check_fit(what, preset or overrides, {"--weights": weights, "--query": query, "--block": block, "--map": method})
    target_file = _target_file(out, targets, view=view, force=force)
    plan: dict[str, Any] = {"targets": [str(target) for target in targets], "what": what}
    ends = {"out": str(target_file) if target_file is not None else None, "window": view}
    facts: dict[str, Any] = {}
    if what in _OF_ENCODERS:
        from pointsra.training.weights import packaged_weights
        from pointsra_cli.encoder_scenes import EncoderRequest, encoded_scene, planned

        source = packaged_weights() if weights is None else weights
        request = EncoderRequest(
            what, targets, data_root(data), source, device, query, block, method or "pca", seed or 0, up
        )
        prepared = planned(request)
        facts = dict(prepared.facts)
        if dry_run:
            screen.dry_run({**plan, **facts, **ends})
            return
        if facts.get("clouds_in_split", 0) > facts["clouds"]:
            screen.note(f"The map takes {facts['clouds']:,} of {facts['clouds_in_split']:,} clouds, chosen at random.")
        with screen.progress() as report:
            scene = encoded_scene(prepared, report)
    else:
        settings = _patch_settings(preset, overrides, what)
        scene = _plain_scene(targets, what, settings, seed, data_root(data), device, up)
        if dry_run:
            shown = {**plan, "what": scene.what, "cells": len(scene.cells) or None, **ends}
            screen.dry_run(shown, settings if scene.what in ("patches", "masks") else None)
            return

    from pointsra.visualization.scenes import draw, open_window

    if target_file is not None:
        draw(scene, target_file)
    if view:
        open_window(scene)
    payload = {"what": scene.what, "targets": plan["targets"], "out": target_file, **facts}
    screen.result(payload, target_file or "", lambda: _show(target_file, scene.what))


def _check_fit(what: str | None, cut: Any, encoder_options: dict[str, Any]) -> None:
    """Refuse options that have no effect on what is drawn.

    Args:
        what: the kind asked for.
        cut: whether the user named a preset or a field of one.
        encoder_options: what the user gave of those that only some kinds have.

    Raises:
        SettingsError: an option of another kind.
    """
    from pointsra.errors import SettingsError

    if cut and what in _OF_ENCODERS:
        raise SettingsError(f"--what {what} takes no preset: patches are cut as the weights say.")
    if cut and what not in ("patches", "masks"):
        raise SettingsError("--preset and --set say how clouds are cut: add --what patches or --what masks.")
    fits = {"--weights": _OF_ENCODERS, "--query": ("attention",), "--block": ("attention",), "--map": ("embedding",)}
    for flag, value in encoder_options.items():
        if value is not None and what not in fits[flag]:
            raise SettingsError(f"{flag} goes with --what {' or '.join(fits[flag])}.")


def _plain_scene(
    targets: list[Path], what: str | None, settings: Any, seed: int | None, root: Path, device: str, up: str | None
) -> Any:
    """The scene of what no network is asked for; ``settings`` say how patches and masks are cut."""
    if device not in ("auto", "cpu"):
        from pointsra.training.devices import resolve_device

        resolve_device(device)

    from pointsra.visualization.targets import Cutting, look_at

    masked = settings.task == "pretrain"
    cutting = Cutting(
        points=settings.patches.points,
        groups=settings.patches.groups,
        size=settings.patches.size,
        ratio=settings.masks.student if masked else 0.0,
        teacher=getattr(settings.masks, "teacher", None) if masked else None,  # peers' methods have none
        seed=seed if seed is not None else settings.seed,
    )
    return look_at(targets, what, cutting, root, up)


def _target_file(out: Path | None, targets: list[Path], *, view: bool, force: bool) -> Path | None:
    """The file to write; None where only a window is asked for."""
    if out is None and view:
        return None
    if out is not None:
        return result_file(out, (".png", ".html"), force=force)
    name = f"visualize-{targets[0].resolve().stem}-{datetime.now():%Y%m%d-%H%M%S}"
    candidate, number = RUNS / f"{name}.png", 2
    while candidate.exists():
        candidate, number = RUNS / f"{name}-{number}.png", number + 1
    return result_file(candidate, (".png",), force=False)


def _patch_settings(preset: str | None, overrides: list[str] | None, what: str | None) -> Any:
    from pointsra.settings import load_preset

    return load_preset(preset or "paper", overrides or (), task="pretrain" if what == "masks" else None)


def _show(file: Path | None, what: str) -> None:
    if file is not None:
        typer.echo(f"{what}: {file}")
