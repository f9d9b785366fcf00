"""``pointsra presets``: list the shipped presets, print one, or check a file. It changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointsra_cli import options
from pointsra_cli.console import Screen, show, to_json

app = typer.Typer(
    help="List the shipped presets, print one, or check a file.",
    invoke_without_command=True,
    epilog="Examples:  pointsra presets  ·  pointsra presets show paper > my.toml  ·  pointsra presets check my.toml",
)


@app.callback()
def presets(
    context: typer.Context,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """List the shipped presets, print one, or check a file."""
    if context.invoked_subcommand is None:
        _list(Screen(as_json, quiet, verbose))


@app.command("list")
def list_all(
    context: typer.Context,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """List the shipped presets."""
    _list(_screen(context, as_json, quiet, verbose))


@app.command("show")
def show_one(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME|FILE.toml", help="A preset or a file.", show_default=False)],
    overrides: options.Overrides = None,
    seed: options.Seed = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Print a preset as complete TOML, overrides applied: a start for one of your own."""
    from pointsra.settings import load_preset, to_toml

    preset = load_preset(name, overrides or (), seed=seed)
    if _screen(context, as_json, quiet, verbose).as_json:
        typer.echo(to_json(preset.model_dump(mode="json")))
    else:
        typer.echo(to_toml(preset), nl=False)


@app.command("check")
def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The file to check.", show_default=False)],
    overrides: options.Overrides = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Check a preset file; exit code 2 and the wrong field's name where it does not fit the schema."""
    from pointsra.settings import load_preset

    # A bare name without the ending is still a file here, not a shipped preset.
    preset = load_preset(str(file) if file.suffix == ".toml" else f"{file.parent}/{file.name}", overrides or ())
    screen = _screen(context, as_json, quiet, verbose)
    payload = {"file": str(file), "valid": True, "task": preset.task, "description": preset.description}
    if screen.as_json:
        typer.echo(to_json(payload))
    elif not screen.quiet:
        typer.echo(f"{file}: a valid preset for {preset.task} ({preset.description})")


def _screen(context: typer.Context, as_json: bool, quiet: bool, verbose: bool) -> Screen:
    """The screen of a subcommand: its own options, or those given before its name (``presets --json list``)."""
    above = context.parent.params if context.parent is not None else {}
    return Screen(
        as_json or bool(above.get("as_json")), quiet or bool(above.get("quiet")), verbose or bool(above.get("verbose"))
    )


def _list(screen: Screen) -> None:
    from pointsra.settings import list_presets

    found = list_presets()
    if screen.as_json:
        typer.echo(to_json({"presets": [vars(info) for info in found]}))
    elif screen.quiet:
        for info in found:
            typer.echo(info.name)
    else:
        from rich import box
        from rich.table import Table

        made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
        made.add_column("preset", no_wrap=True)
        made.add_column("for", no_wrap=True)
        made.add_column("what it is")
        for info in found:
            made.add_row(info.name, info.task, info.description)
        show(made)
        typer.echo("`pointsra presets show NAME` prints one; --set a.b=value changes a field.")
