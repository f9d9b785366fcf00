"""``pointsra pretrain``: self-supervised training by a preset, into a run folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from pointsra_cli import options
from pointsra_cli.console import Screen, duration, figure, lines
from pointsra_cli.resuming import resumable, resumed_preset
from pointsra_cli.runs import result_folder
from pointsra_cli.together import company


def pretrain(
    preset: options.Preset = None,
    init: Annotated[
        Path | None,
        typer.Option(
            "--init",
            metavar="WEIGHTS",
            help="Go on with finished pre-training of the same sizes: a run folder or a .safetensors file.",
            show_default="random weights",
        ),
    ] = None,
    overrides: options.Overrides = None,
    data: options.RunDataRoot = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="RUN", help="Go on with this run exactly where it stopped.")
    ] = None,
    devices: options.Devices = None,
    nodes: options.Nodes = None,
    seed: options.Seed = None,
    device: options.Device = "auto",
    out: options.OutFolder = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Learn from unlabeled clouds: masked autoencoder, MeanFlow transformer, alignments; or as a peer does.

    The run folder holds preset.toml, metrics.jsonl, last.ckpt, model.safetensors, model.json and log.txt.
    """
    from pointsra.data.places import data_root, find_dataset
    from pointsra.errors import SettingsError
    from pointsra.settings import load_preset

    with company(devices, nodes, device, debug=debug) as together:
        screen = Screen(as_json, quiet, verbose) if together.first else Screen(quiet=True)
        if resume is not None:
            refused = {"--preset": preset, "--init": init, "--set": overrides, "--seed": seed, "--out": out}
            settings, run = resumed_preset(resume, "pretrain", refused), resume
        elif preset is None:
            raise SettingsError(
                "Name a preset: --preset quickstart takes minutes on a CPU (`pointsra presets` lists all)."
            )
        else:
            settings = cast(Any, load_preset(preset, overrides or (), seed=seed, task="pretrain"))
            run = together.folder(lambda: result_folder(out, "pretrain", Path(preset).stem))

        # torch is loaded here, after whatever can be wrong without it has been said.
        from pointsra.training.run_folder import remembered_data

        chosen, root = together.device(), data_root(data or remembered_data(resume))
        if dry_run:
            from pointsra.training.pretrain import plan_pretrain

            plan = plan_pretrain(settings, root, init, device=chosen, resumed=resume, group=together.group)
            company_plan = {"device": str(chosen), "devices": devices, "nodes": nodes}
            if together.first:
                screen.dry_run({**plan, **company_plan, "run": str(run)}, settings)
            return
        find_dataset(root, settings.data.dataset)
        if together.starts:
            given = {"--preset": preset, "--set": overrides, "--data": data, "--resume": resume, "--seed": seed}
            shown = {"--json": as_json, "--quiet": quiet, "--verbose": verbose, "--debug": debug}
            together.start("pretrain", {**given, "--init": init, "--out": None if resume else run, **shown}, run)
            return
        from pointsra.training.pretrain import pretrain as train

        screen.note(f"Pre-training on {together.group.described(chosen)}, into {run}")
        screen.detail(f"Data from {root}, seed {settings.seed}, precision {settings.runtime.precision}")
        with resumable(screen, "pretrain", run), screen.progress() as report:
            summary = train(
                settings,
                root,
                run,
                device=chosen,
                init=init,
                resume=resume is not None,
                report=report,
                group=together.group,
            )
        if together.first:
            screen.result(summary, run, lambda: _show(summary, run, draws=settings.method == "point-sra"))


def _show(summary: dict[str, Any], run: Path, draws: bool) -> None:
    lines(
        ("run", run),
        ("steps", f"{summary['steps']} in {duration(summary['seconds'])}"),
        ("epochs", summary.get("epochs")),
        ("clouds/s", figure(summary.get("clouds_per_second"), 1)),
        ("loss", figure(summary.get("loss"), 4)),
        ("weights", summary.get("weights")),
    )
    named = shlex.quote(str(run))
    typer.echo(f"Next: pointsra visualize {named}")
    if draws:
        typer.echo(f"      pointsra reconstruct FILE --weights {named}")
    else:
        typer.echo(f"      pointsra finetune --preset NAME --init {named}")
