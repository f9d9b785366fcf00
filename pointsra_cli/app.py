"""The Typer app: which commands there are, and what ``pointsra --help`` says. It does no work.

Help must be quick, so neither this file nor a command's file imports torch, numpy, open3d or trimesh; the
commands do so in their bodies. Of the commands' files only that of the command asked for is loaded: the others are
known by name and sentence. And pages are plain text: rich takes as long to load as all the rest.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

COMMANDS = {
    "prepare-data": "Turn raw files into prepared clouds: DATA/DATASET/SPLIT.h5 and a manifest.",
    "pretrain": "Learn from unlabeled clouds: masked autoencoder, MeanFlow transformer, alignments; or as a peer does.",
    "finetune": "Train a classifier: encoder and frozen flow, joined by the gate, under a head.",
    "evaluate": "Measure a run or weights, with the paper's figure and the difference beside ours.",
    "reconstruct": "Complete a shape several times over: hide a part of it, or take a partial scan as it is.",
    "visualize": "Draw clouds, patches, masks, completions, curves, or what an encoder makes of clouds.",
    "presets": "List the shipped presets, print one, or check a file.",
    "doctor": "Report versions, devices, data and weights, and how to mend what is missing.",
}
"""Name → the first sentence of its own help."""


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """The program, with the command that ``arguments`` ask for loaded, or all where a shell completes words."""
    app = typer.Typer(
        name="pointsra",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
        help="Self-supervised learning, completion and recognition of 3D point clouds.",
        epilog="First steps:  pointsra reconstruct chair.ply  ·  pointsra prepare-data shapes  ·  "
        "pointsra pretrain --preset quickstart",
    )
    app.callback()(_root)
    asked = next((word for word in arguments if not word.startswith("-")), "")
    everything = "_POINTSRA_COMPLETE" in os.environ
    for name, sentence in COMMANDS.items():
        if not everything and name != asked:
            app.command(name, short_help=sentence)(_not_loaded)
            continue
        module = import_module(f"pointsra_cli.{name.replace('-', '_')}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(getattr(module, name.replace("-", "_")))
    return app


def _not_loaded() -> None:
    """Stands for a command that was not asked for."""


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"pointsra {version('pointsra')}")
        raise typer.Exit()


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and leave.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    pass
