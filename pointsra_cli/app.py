"""The Typer app: which commands there are, and what ``pointsra --help`` says. It does no work.

Help must be quick, so neither this file nor a command's file imports torch, numpy, open3d or trimesh; the
commands do so in their bodies.
"""

from __future__ import annotations

from typing import Annotated

import typer

from pointsra_cli import (
    doctor,
    evaluate,
    finetune,
    prepare_data,
    presets,
    pretrain,
    reconstruct,
    visualize,
)
from pointsra_cli.options import FLAG

WORK = "Work"
HELP = "Help"

app = typer.Typer(
    name="pointsra",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    help="Self-supervised learning, completion and recognition of 3D point clouds.",
    epilog="First steps:  pointsra reconstruct chair.ply  ·  pointsra prepare-data shapes  ·  "
    "pointsra pretrain --preset quickstart",
)

app.command("prepare-data", rich_help_panel=WORK)(prepare_data.prepare_data)
app.command("pretrain", rich_help_panel=WORK)(pretrain.pretrain)
app.command("finetune", rich_help_panel=WORK)(finetune.finetune)
app.command("evaluate", rich_help_panel=WORK)(evaluate.evaluate)
app.command("reconstruct", rich_help_panel=WORK)(reconstruct.reconstruct)
app.command("visualize", rich_help_panel=WORK)(visualize.visualize)
app.add_typer(presets.app, name="presets", rich_help_panel=HELP)
app.command("doctor", rich_help_panel=HELP)(doctor.doctor)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"pointsra {version('pointsra')}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", metavar=FLAG, help="Show the version and leave.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    pass
