"""``pointsra prepare-data``: raw files into the prepared clouds that training and evaluation read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from pointsra_cli import options
from pointsra_cli.console import Screen, lines

_SPLITS_SHOWN = 16  # the folds of the few-shot protocol are eighty
_MANY = 8  # workers by default, at most (ours: beyond it the disk decides)


def prepare_data(
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="DATASET",
            help="shapes (generated, nothing to download), scanobjectnn, modelnet40, modelnet40-fewshot, shapenet55, "
            "shapenetpart, s3dis, scannet, intra, kitti, or meshes (a folder of your own files, class = sub-folder).",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Argument(metavar="RAW", help="The folder of raw files, as --raw.", show_default=False)
    ] = None,
    raw: Annotated[
        Path | None,
        typer.Option("--raw", metavar="DIR", help="Folder of the raw files, or the zip or tar that they came in."),
    ] = None,
    stand_in: Annotated[
        bool,
        typer.Option(
            "--stand-in",
            help="Make up a small stand-in in the official raw layout and prepare that: to try things out.",
        ),
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="At most N clouds in each split.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", min=1, metavar="N", help="How much to generate (shapes and stand-ins).")
    ] = None,
    points: Annotated[
        int | None, typer.Option("--points", min=16, metavar="N", help="Points a cloud (2048; shapenet55 8192).")
    ] = None,
    variant: Annotated[
        str | None,
        typer.Option("--variant", metavar="NAME", help="One variant alone (obj_bg, furniture, rooms …)."),
    ] = None,
    max_points: Annotated[
        int | None,
        typer.Option("--max-points", min=16, metavar="N", help="At most N points a room, scan or sweep (all)."),
    ] = None,
    image_encoder: Annotated[
        str,
        typer.Option(
            "--image-encoder",
            metavar="NAME",
            help="Image features by builtin, none, clip:FOLDER, clip:HUB/ID, efficientnet-lite0, or file:FOLDER "
            "with your own SPLIT.npy.",
        ),
    ] = "builtin",
    text_encoder: Annotated[
        str,
        typer.Option(
            "--text-encoder",
            metavar="NAME",
            help="Text features by builtin, none, clip:FOLDER, clip:HUB/ID, minilm, or file:FOLDER.",
        ),
    ] = "builtin",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            metavar="N",
            help="Processes; the result is the same for any number.",
            show_default="the cores, at most 8",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a set that was prepared differently.")] = False,
    skip_bad: Annotated[
        bool,
        typer.Option("--skip-bad", help="Leave out damaged raw files and record them in the manifest."),
    ] = False,
    preset: options.Preset = None,
    overrides: options.Overrides = None,
    seed: options.Seed = None,
    device: options.Device = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Data root.",
            show_default="$POINTSRA_DATA, else ./data",
        ),
    ] = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Turn raw files into prepared clouds: DATA/DATASET/SPLIT.h5 and a manifest.

    With --preset in place of DATASET, the set that the preset reads is prepared. Running it again with nothing
    changed does nothing; a run that was interrupted or killed is taken up where it was. The work is done by the
    CPU; --device is checked like everywhere and has no other effect.
    """
    from pointsra.data.places import data_root
    from pointsra.data.prepare import DATASETS, PrepareRequest, plan, prepare
    from pointsra.errors import SettingsError

    screen = Screen(as_json, quiet, verbose)
    settings = _preset(preset, overrides, seed)
    dataset, seed = _subject(dataset, settings, seed)
    if dataset not in DATASETS:
        from pointsra_cli.failures import nearest

        hint = nearest(dataset, list(DATASETS))
        raise SettingsError(f"There is no data set {dataset!r} (there are {', '.join(DATASETS)}){hint}")
    if folder is not None and raw is not None and folder != raw:
        raise SettingsError(f"Raw files are named twice, {folder} and --raw {raw}: give one of them.")
    if device not in ("auto", "cpu"):
        from pointsra.training.devices import resolve_device

        resolve_device(device)
    request = PrepareRequest(
        dataset=dataset,
        root=data_root(out),
        raw=raw or folder,
        limit=limit,
        count=count,
        workers=workers or min(os.cpu_count() or 1, _MANY),
        force=force,
        skip_bad=skip_bad,
        seed=seed,
        points=points or DATASETS[dataset].points,
        variant=variant,
        max_points=max_points,
        image_encoder=image_encoder,
        text_encoder=text_encoder,
        stand_in=stand_in,
    )
    if dry_run:
        screen.dry_run(plan(request), settings)
        return
    with screen.progress() as report:
        result = prepare(request, report)
    manifest = result.manifest
    payload = {
        "dataset": dataset,
        "folder": result.folder,
        "unchanged": result.unchanged,
        "stand_in": manifest.get("stand_in", False),
        "splits": {name: split["count"] for name, split in manifest["splits"].items()},
        "classes": len(manifest["class_names"]),
        "skipped": manifest["skipped"],
        "notes": result.notes,
    }
    screen.result(payload, result.folder, lambda: _show(result.folder, manifest, result.notes, verbose=verbose))


def _preset(preset: str | None, overrides: list[str] | None, seed: int | None) -> Any:
    from pointsra.errors import SettingsError
    from pointsra.settings import load_preset

    if preset is None:
        if overrides:
            raise SettingsError("--set changes a field of a preset: name one with --preset.")
        return None
    return load_preset(preset, overrides or (), seed=seed)


def _subject(dataset: str | None, preset: Any, seed: int | None) -> tuple[str, int]:
    """Which data set, and the seed: the preset's where there is one, else 0, as everywhere."""
    from pointsra.errors import SettingsError

    if preset is None:
        if dataset is None:
            raise SettingsError("Say which data set: `pointsra prepare-data shapes` needs no download.")
        return dataset, seed or 0
    wanted = preset.data.dataset
    if dataset is not None and dataset != wanted:
        raise SettingsError(f"The preset reads {wanted}, not {dataset}: leave out DATASET, or set data.dataset.")
    return wanted, preset.seed


def _show(folder: Path, manifest: dict[str, Any], notes: tuple[str, ...], *, verbose: bool) -> None:
    for note in notes:
        typer.echo(note)
    counts = {name: split["count"] for name, split in manifest["splits"].items()}
    splits = ", ".join(f"{name} {count}" for name, count in counts.items())
    if len(counts) > _SPLITS_SHOWN:
        splits = f"{len(counts)}, from {next(iter(counts))} to {list(counts)[-1]}, with {sum(counts.values())} in all"
    skipped, stand_in = manifest["skipped"], manifest.get("stand_in", False)
    lines(
        ("prepared", f"{folder} (a stand-in, not {manifest['dataset']} itself)" if stand_in else folder),
        ("splits", splits),
        ("classes", len(manifest["class_names"])),
        ("skipped", f"{len(skipped)} left out or mended (named in the manifest)" if skipped else None),
        ("manifest", folder / "manifest.json"),
    )
    for each in skipped if verbose else ():  # the notes tell the first of them
        typer.echo(f"  {each['file']}: {each['reason']}")
    if manifest["dataset"] == "shapes":
        typer.echo("Next: pointsra pretrain --preset quickstart")
