"""``pointsra pretrain``: self-supervised training by a preset, into a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from pointsra_cli import options
from pointsra_cli.console import Screen, duration, figure, lines
from pointsra_cli.resuming import resumable, resumed_preset
from pointsra_cli.runs import result_folder


def pretrain(
    preset: options.Preset = None,
    overrides: options.Overrides = None,
    data: options.DataRoot = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="RUN", help="Go on with this run exactly where it stopped.")
    ] = None,
    seed: options.Seed = None,
    device: options.Device = "auto",
    out: options.OutFolder = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Learn from unlabeled clouds: masked autoencoder, MeanFlow transformer, alignments.

    The run folder holds preset.toml, metrics.jsonl, last.ckpt, model.safetensors, model.json and log.txt.
    """
    from pointsra.data.places import data_root, find_dataset
    from pointsra.errors import SettingsError
    from pointsra.settings import load_preset

    screen = Screen(as_json, quiet, verbose)
    if resume is not None:
        refused = {"--preset": preset, "--set": overrides, "--seed": seed, "--out": out}
        settings, run = resumed_preset(resume, "pretrain", refused), resume
    elif preset is None:
        raise SettingsError("Name a preset: --preset quickstart takes minutes on a CPU (`pointsra presets` lists all).")
    else:
        settings = cast(Any, load_preset(preset, overrides or (), seed=seed, task="pretrain"))
        run = result_folder(out, "pretrain", Path(preset).stem)

    # torch is loaded here, after whatever can be wrong without it has been said.
    from pointsra.training.devices import resolve_device
    from pointsra.training.pretrain import plan_pretrain
    from pointsra.training.pretrain import pretrain as train

    chosen, root = resolve_device(device), data_root(data)
    if dry_run:
        plan = plan_pretrain(settings, root)
        screen.dry_run({**plan, "device": str(chosen), "run": str(run)}, settings)
        return
    find_dataset(root, settings.data.dataset)
    screen.note(f"Pre-training on {chosen}, into {run}")
    screen.detail(f"Data from {root}, seed {settings.seed}, precision {settings.runtime.precision}")
    with resumable(screen, "pretrain", run), screen.progress() as report:
        summary = train(settings, root, run, device=chosen, resume=resume is not None, report=report)
    screen.result(summary, run, lambda: _show(summary, run))


def _show(summary: dict[str, Any], run: Path) -> None:
    lines(
        ("run", run),
        ("steps", f"{summary['steps']} in {duration(summary['seconds'])}"),
        ("epochs", summary.get("epochs")),
        ("clouds/s", figure(summary.get("clouds_per_second"), 1)),
        ("loss", figure(summary.get("loss"), 4)),
        ("weights", summary.get("weights")),
    )
    typer.echo(f"Next: pointsra visualize {run}")
    typer.echo(f"      pointsra reconstruct FILE --weights {run}")
