"""``pointsra finetune``: a classifier on pre-trained weights, or from scratch, into a run folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from pointsra_cli import options
from pointsra_cli.console import Screen, duration, figure, lines, table
from pointsra_cli.resuming import resumable, resumed_preset
from pointsra_cli.runs import result_folder
from pointsra_cli.together import company


def finetune(
    preset: options.Preset = None,
    init: Annotated[
        Path | None,
        typer.Option(
            "--init",
            metavar="WEIGHTS",
            help="Pre-trained weights: a run folder, a model.safetensors, or a peer's pre-training checkpoint (.pth); "
            "with --resume, where the run's own have moved to.",
        ),
    ] = None,
    from_scratch: Annotated[
        bool,
        typer.Option("--from-scratch", help="Random weights in place of --init, for comparison."),
    ] = False,
    protocol: Annotated[
        str | None,
        options.choice(
            "full",
            "linear",
            "mlp3",
            flag="--protocol",
            help="full trains all; linear and mlp3 train one or three layers on a frozen backbone.",
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
    """Train a classifier: encoder and frozen flow, joined by the gate, under a head.

    The encoder's dimensions follow the weights, not the preset. The last epoch's figure is the result; the best
    epoch's is shown beside it and marked, since the test split chose it.
    """
    from pointsra.data.places import data_root, find_dataset
    from pointsra.errors import SettingsError
    from pointsra.settings import load_preset

    with company(devices, nodes, device, debug=debug) as together:
        screen = Screen(as_json, quiet, verbose) if together.first else Screen(quiet=True)
        if init is not None and from_scratch:
            raise SettingsError("--init and --from-scratch exclude each other: give one of them.")
        if resume is not None:
            refused = {
                "--preset": preset,
                "--set": overrides,
                "--seed": seed,
                "--out": out,
                "--from-scratch": from_scratch,
                "--protocol": protocol,
            }
            settings, run = resumed_preset(resume, "finetune", refused), resume
        elif preset is None:
            raise SettingsError("Name a preset: --preset shapes-classification (`pointsra presets` lists all).")
        elif init is None and not from_scratch:
            raise SettingsError("Say what to start from: --init WEIGHTS, or --from-scratch for random weights.")
        else:
            changes = [*(overrides or ()), *([f'protocol="{protocol}"'] if protocol else ())]
            settings = cast(Any, load_preset(preset, changes, seed=seed, task="finetune"))
            run = together.folder(lambda: result_folder(out, "finetune", Path(preset).stem))

        # torch is loaded here, after whatever can be wrong without it has been said.
        from pointsra.training.run_folder import remembered_data

        chosen, root = together.device(), data_root(data or remembered_data(resume))
        if dry_run:
            from pointsra.training.finetune import plan_finetune

            plan = plan_finetune(settings, root, init=init, resumed=resume, group=together.group)
            company_plan = {"device": str(chosen), "devices": devices, "nodes": nodes}
            if together.first:
                screen.dry_run({**plan, **company_plan, "run": str(run)}, settings)
            return
        find_dataset(root, settings.data.dataset)
        if together.starts:
            given = {"--preset": preset, "--set": overrides, "--data": data, "--resume": resume, "--seed": seed}
            start = {"--init": init, "--from-scratch": from_scratch, "--protocol": protocol}
            shown = {"--json": as_json, "--quiet": quiet, "--verbose": verbose, "--debug": debug}
            together.start("finetune", {**given, **start, "--out": None if resume else run, **shown}, run)
            return
        from pointsra.training.finetune import finetune as train

        screen.note(f"Fine-tuning ({settings.protocol}) on {together.group.described(chosen)}, into {run}")
        screen.detail(f"Data from {root}, seed {settings.seed}, precision {settings.runtime.precision}")
        with resumable(screen, "finetune", run), screen.progress() as report:
            summary = train(
                settings,
                root,
                run,
                init=init,
                device=chosen,
                resume=resume is not None,
                report=report,
                group=together.group,
            )
        if together.first:
            screen.result(summary, run, lambda: _show(summary, run))


def _show(summary: dict[str, Any], run: Path) -> None:
    matched = summary.get("matched") or {}
    lines(
        ("run", run),
        ("steps", f"{summary['steps']} in {duration(summary['seconds'])}"),
        ("weights used", f"{100 * matched['share']:.1f} % of the encoder" if "share" in matched else None),
    )
    last, best = summary["test_last"], summary.get("test_best")
    rows = [["last epoch", *_accuracies(last)]]
    if best:
        rows.append([f"best epoch ({best['epoch']}), {best['note']}", *_accuracies(best)])
    table(["test split", "accuracy %", "class mean %"], rows)
    typer.echo(f"Next: pointsra evaluate {shlex.quote(str(run))}")


def _accuracies(figures: dict[str, Any]) -> list[str]:
    return [figure(figures.get(name), factor=100) for name in ("overall_accuracy", "mean_class_accuracy")]
