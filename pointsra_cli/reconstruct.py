"""``pointsra reconstruct``: several completions of a mesh or cloud, written in its own frame and units."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from pointsra_cli import options
from pointsra_cli.console import WIDTH, Screen, duration, figure, table, to_json
from pointsra_cli.runs import result_folder, whole_folder

_MOST_DRAWN = 50_000  # points of a cloud in a picture or page; ours


def reconstruct(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="Any mesh or cloud: ply obj stl off glb gltf pcd xyz pts npy npz las laz bin.",
            show_default=False,
        ),
    ],
    samples: Annotated[int, typer.Option("--samples", min=1, metavar="S", help="How many completions.")] = 8,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights",
            metavar="WEIGHTS",
            help="A pre-training run or its model.safetensors.",
            show_default="the small ones of the package",
        ),
    ] = None,
    steps: Annotated[
        int, typer.Option("--steps", min=1, metavar="N", help="Steps of the flow; one is what it is made for.")
    ] = 1,
    hide: Annotated[
        str,
        options.choice(
            "block",
            "random",
            "view",
            "none",
            flag="--hide",
            help="What to hide and complete: patches of a block or at random, or what a camera does not see; none: the "
            "input is itself a partial scan.",
        ),
    ] = "block",
    ratio: Annotated[
        float | None,
        typer.Option(
            "--ratio",
            min=0.0,
            max=1.0,
            metavar="F",
            help="Share that is hidden: of the patches; with view, of the points.",
            show_default="0.75; with view what is not seen",
        ),
    ] = None,
    missing: Annotated[
        float | None,
        typer.Option(
            "--missing", min=0.0, max=1.0, metavar="F", help="With --hide none: share of the whole that is absent."
        ),
    ] = None,
    one_sided: Annotated[
        bool | None,
        typer.Option(
            "--one-sided/--not-one-sided",
            help="With --hide none: the input is what one camera sees, or a whole of which a part is cut away.",
            show_default="judged by the points",
        ),
    ] = None,
    text: Annotated[str | None, typer.Option("--text", metavar='"…"', help="Say what it is.")] = None,
    image: Annotated[Path | None, typer.Option("--image", metavar="FILE", help="Show what it is.")] = None,
    guidance: Annotated[
        float | None,
        typer.Option("--guidance", min=0.0, metavar="W", help="How strictly to follow text and image; 1 is plain."),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature",
            metavar="T",
            help="How far the samples may vary: 1 is all that was learned, less is surer.",
            show_default="0.65",
        ),
    ] = None,
    file_format: Annotated[
        str, options.choice("ply", "npz", "glb", flag="--format", help="What the clouds are written as.")
    ] = "ply",
    mesh: Annotated[
        bool,
        typer.Option("--mesh", help="Also lay a surface through each completion (needs open3d)."),
    ] = False,
    points: Annotated[
        int | None,
        typer.Option(
            "--points",
            min=1,
            metavar="N",
            help="Points of each completion.",
            show_default="about as dense as what is visible",
        ),
    ] = None,
    mesh_points: Annotated[
        int | None,
        typer.Option("--mesh-points", min=1, metavar="N", help="Points sampled from a mesh.", show_default=False),
    ] = None,
    up: options.UpAxis = None,
    view: Annotated[bool, typer.Option("--view", help="Open the result in a window (needs open3d).")] = False,
    preset: Annotated[str | None, typer.Option("--preset", hidden=True)] = None,
    overrides: Annotated[list[str] | None, typer.Option("--set", hidden=True)] = None,
    seed: options.Seed = None,
    device: options.Device = "auto",
    out: options.OutFolder = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Complete a shape several times over: hide a part of it, or take a partial scan as it is.

    Writes the completions, a contact sheet (samples.png), a page on which they turn (samples.html) and
    summary.json. Settings come with the weights, so there is no --preset here.
    """
    from pointsra.errors import InputFileError, SettingsError

    screen = Screen(as_json, quiet, verbose)
    if preset is not None or overrides:
        raise SettingsError("reconstruct takes no preset: the settings come with the weights (--weights RUN).")
    if missing is not None and hide != "none":
        raise SettingsError(f"--missing says how much a partial scan lacks: it goes with --hide none, not {hide}.")
    if str(source) == "-":
        raise InputFileError("INPUT -: standard input is not read: write the points to a file and name it.")
    for name, path in (("INPUT", source), ("--image", image)):
        if path is not None and not path.is_file():
            what = "is a folder, not a file" if path.is_dir() else "is a pipe or a device, not a file"
            raise InputFileError(f"{name} {path}: {what if path.exists() else 'no such file'}.")
    folder = result_folder(out, "reconstruct", source.stem)

    # torch is loaded here, after whatever can be wrong without it has been said.
    from pointsra.reconstruction import ReconstructRequest, plan_reconstruct, write_completions, write_surfaces
    from pointsra.reconstruction import reconstruct as complete
    from pointsra.reconstruction.request import check_request
    from pointsra.training.devices import resolve_device
    from pointsra.visualization.scenes import draw, open_window

    wanted: dict[str, Any] = {
        "input": source,
        "samples": samples,
        "weights": weights,
        "steps": steps,
        "hide": hide,
        "ratio": ratio,
        "missing": missing,
        "one_sided": one_sided,
        "text": text,
        "image": image,
        "guidance": guidance,
        "points_generated": points,
        "up": up,
        "seed": seed or 0,
        "device": resolve_device(device),
    }
    if temperature is not None:
        wanted["temperature"] = temperature
    if mesh_points is not None:
        wanted["count"] = mesh_points
    request = ReconstructRequest(**wanted)
    check_request(request)
    if mesh:
        from pointsra.reconstruction.surface import require_surfaces

        require_surfaces()
    if view:
        from pointsra.visualization.window import require_window

        require_window()  # before the work, not after it
    if dry_run:
        screen.dry_run({**wanted, **plan_reconstruct(request), "format": file_format, "mesh": mesh, "out": str(folder)})
        return
    screen.note(f"Completing {source} on {wanted['device']}, into {folder}")
    screen.detail(f"Weights: {weights or 'those of the package'}, seed {wanted['seed']}")
    with screen.progress() as report:
        completions = complete(request, report)
    began = time.perf_counter()
    scene = _scene(completions, source.name)
    with whole_folder(folder) as partial:
        names = [path.name for path in write_completions(completions, partial, file_format)]
        if mesh:
            surfaces, missing_surfaces = write_surfaces(completions, partial, file_format)
            names += [path.name for path in surfaces]
            completions = replace(completions, notes=(*completions.notes, *missing_surfaces))
        names += [draw(scene, partial / f"samples.{ending}").name for ending in ("png", "html")]
        summary = completions.summary()
        summary["seconds"] = {**summary["seconds"], "write": round(time.perf_counter() - began, 4)}
        (partial / "summary.json").write_text(to_json(summary) + "\n", encoding="utf-8")
    payload = {**summary, "out": folder, "files": [*names, "summary.json"]}
    screen.result(payload, folder, lambda: _show(scene, completions, summary, folder))
    if view:
        open_window(scene)


def _scene(completions: Any, name: str) -> Any:
    """The completions as a scene, in the unit frame, where single precision is enough; without stray points, which
    would make the shape a speck, and thinned where a picture shows no more."""
    from pointsra.visualization.scenes import Completed, Scene

    shown, hidden = completions.visible_unit, completions.hidden_unit
    if completions.stray.any():
        shown = shown[~completions.stray[completions.visible]]
    completed = Completed(
        shown[:: 1 + len(shown) // _MOST_DRAWN],
        [points[:: 1 + len(points) // _MOST_DRAWN] for points in completions.generated_unit],
        None if hidden is None else hidden[:: 1 + len(hidden) // _MOST_DRAWN],
        _scores(completions),
        {"diversity": completions.diversity} if len(completions.generated_unit) > 1 else {},
    )
    return Scene("completions", name, completed=completed)


def _scores(completions: Any) -> list[dict[str, float]]:
    """The figures of each completion, by name: against what was hidden, where that is known, and against the others."""
    apart = completions.apart if len(completions.apart) > 1 else None
    columns = {"chamfer": completions.chamfer_l2, "f_score": completions.f_score, "apart": apart}
    known = {name: values for name, values in columns.items() if values is not None}
    return [
        {name: float(values[number]) for name, values in known.items()} for number in range(len(completions.fidelity))
    ]


def _show(scene: Any, completions: Any, summary: Mapping[str, Any], folder: Path) -> None:
    if sys.stdout.isatty():
        from pointsra.visualization.scenes import preview

        columns = min(shutil.get_terminal_size().columns, WIDTH)
        typer.echo(preview(scene, columns=columns, color=not os.environ.get("NO_COLOR")))
    typer.echo(
        f"{summary['samples']} completion{'s' if summary['samples'] > 1 else ''} of {summary['points_generated']:,} "
        f"point{'s' if summary['points_generated'] > 1 else ''}; the visible part is kept."
    )
    if completions.chamfer_l2 is not None:
        rows = [
            [f"{number + 1}", figure(scores["chamfer"], factor=1000), figure(scores["f_score"], 3)]
            for number, scores in enumerate(_scores(completions))
        ]
        table(["completion", "Chamfer L2 ×1000", "F-score"], rows)
    for note in completions.notes:
        typer.echo(note)
    seconds = sum(value for value in summary["seconds"].values() if isinstance(value, int | float))
    diversity = f"Diversity ×1000: {figure(completions.diversity, factor=1000)}   " if summary["samples"] > 1 else ""
    typer.echo(f"{diversity}Work: {duration(seconds)}")
    typer.echo(f"Look at:  {folder / 'samples.html'}")
    typer.echo(f"          {folder / 'samples.png'}")
