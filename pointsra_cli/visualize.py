"""``pointsra visualize``: a picture, a page or a window of a file, a data set, a run or completions."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pointsra_cli import options
from pointsra_cli.console import Screen
from pointsra_cli.runs import RUNS, result_file


def visualize(
    targets: Annotated[
        list[Path],
        typer.Argument(
            metavar="TARGET",
            help="A mesh or cloud file, a prepared data set (its name or folder) or split, a run folder, or a "
            "reconstruct folder. Several runs give curves in one picture.",
            show_default=False,
        ),
    ],
    what: Annotated[
        str | None,
        typer.Option(
            "--what",
            metavar="NAME",
            help="cloud, patches, masks, completions or curves; guessed from TARGET where it is left out.",
            callback=options.one_of("cloud", "patches", "masks", "completions", "curves"),
        ),
    ] = None,
    view: Annotated[bool, typer.Option("--view", metavar=options.FLAG, help="Open a window (needs open3d).")] = False,
    force: Annotated[
        bool, typer.Option("--force", metavar=options.FLAG, help="Replace an existing --out file.")
    ] = False,
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
            rich_help_panel=options.SHARED,
        ),
    ] = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Draw clouds, patches, masks, completions or training curves.

    Patches and masks are cut as --preset says (paper where none is named). Drawing is done by the CPU; --device is
    checked as everywhere and has no other effect.
    """
    from pointsra.data.places import data_root
    from pointsra.errors import SettingsError

    screen = Screen(as_json, quiet, verbose)
    if view and what == "curves":
        raise SettingsError("--view shows clouds: curves are written as a picture or a page, without it.")
    target_file = _target_file(out, targets, view=view, force=force)
    settings = _patch_settings(preset, overrides, what)
    if device not in ("auto", "cpu"):
        from pointsra.training.devices import resolve_device

        resolve_device(device)

    from pointsra.visualization.scenes import draw, open_window
    from pointsra.visualization.targets import Cutting, look_at

    cutting = Cutting(
        points=settings.patches.points,
        groups=settings.patches.groups,
        size=settings.patches.size,
        ratio=settings.masks.student if settings.task == "pretrain" else 0.0,
        seed=seed if seed is not None else settings.seed,
    )
    scene = look_at(targets, what, cutting, data_root(data))
    plan = {
        "targets": [str(target) for target in targets],
        "what": scene.what,
        "cells": len(scene.cells) or None,
        "out": str(target_file) if target_file is not None else None,
        "window": view,
    }
    if dry_run:
        screen.dry_run(plan, settings if scene.what in ("patches", "masks") else None)
        return
    if target_file is not None:
        draw(scene, target_file)
    if view:
        open_window(scene)
    payload = {"what": scene.what, "targets": plan["targets"], "out": target_file}
    screen.result(payload, target_file or "", lambda: _show(target_file, scene.what))


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
