"""``pointsra evaluate``: figures of a run or of weights by a named protocol, as a table and two report files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pointsra_cli import options
from pointsra_cli.console import WIDTH, Screen, show, table
from pointsra_cli.failures import nearest
from pointsra_cli.runs import result_folder, whole_folder

_PICTURE = "complementarity.png"
_LETTERS = 3  # of a class's name above a column of the confusion table: 16 classes in 80 columns
_ACCURACY = 6  # characters of the last column
_WORST = 10  # classes that are shown where all would not fit
_NAMED = 3  # what each of them was taken for most
_SHORTEST_NAME = 5  # letters of a class's name beside its row; with less the table would be a riddle


def evaluate(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|WEIGHTS",
            help="A run folder or a model.safetensors.",
            show_default=False,
        ),
    ],
    protocol: Annotated[
        str,
        typer.Option("--protocol", metavar="NAME", help="How to measure: test, svm, … (a wrong name lists them)."),
    ] = "test",
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, metavar="N", help="Repeat with N seeds; mean and spread are shown.")
    ] = 1,
    preset: options.Preset = None,
    overrides: options.Overrides = None,
    data: options.RunDataRoot = None,
    seed: options.Seed = None,
    device: options.Device = "auto",
    out: options.OutFolder = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Measure a run or weights, with the paper's figure and the difference beside ours.

    Writes report.json and report.md, and complementarity a picture too. Without --preset the run's own preset says
    what is read, and its own --data where.
    """
    from pointsra.data.places import data_root
    from pointsra.errors import CheckpointError, SettingsError
    from pointsra.settings import load_preset

    screen = Screen(as_json, quiet, verbose)
    if not target.exists():
        raise CheckpointError(f"{target}: no such run folder or weights file.")
    if overrides and preset is None:
        raise SettingsError("--set changes a field of a preset: name one with --preset.")
    settings: Any = None
    if preset is not None:
        settings = load_preset(preset, overrides or (), seed=seed, task="finetune")
    folder = result_folder(out, "evaluate", target.stem)

    # torch is loaded here, after whatever can be wrong without it has been said.
    from pointsra.evaluation.complementarity_report import ComplementarityReport
    from pointsra.evaluation.protocols import PROTOCOLS, check_evaluation
    from pointsra.evaluation.protocols import evaluate as measure
    from pointsra.evaluation.report import write_report
    from pointsra.training.devices import resolve_device
    from pointsra.training.run_folder import remembered_data

    if protocol not in PROTOCOLS:
        hint = nearest(protocol, list(PROTOCOLS))
        raise SettingsError(f"There is no protocol {protocol!r} (there are {', '.join(PROTOCOLS)}){hint}")
    if data is None and preset is None:
        data = remembered_data(target if target.is_dir() else target.parent)
    chosen, root = resolve_device(device), data_root(data)
    first_seed = seed if seed is not None else settings.seed if settings is not None else 0
    if dry_run:
        check_evaluation(target, root, preset=settings, protocol=protocol, seeds=seeds, seed=first_seed)
        plan, resolved = _plan(target, settings, root, best=protocol == "test-best")
        plan |= {"protocol": protocol, "seeds": seeds, "seed": first_seed, "device": str(chosen), "out": str(folder)}
        screen.dry_run(plan, resolved)
        return
    screen.note(f"Evaluating {target} ({protocol}) on {chosen}")
    screen.detail(f"Data from {root}, seeds {seeds} from {first_seed}")
    with screen.progress() as report:
        result = measure(
            target,
            root,
            preset=settings,
            protocol=protocol,
            seeds=seeds,
            seed=first_seed,
            device=chosen,
            report=report,
        )
    with whole_folder(folder) as partial:
        names = [path.name for path in write_report(result, partial)]
        if isinstance(result, ComplementarityReport):
            names.append(_draw(result, partial).name)
    payload = {**result.to_json(), "out": folder, "files": [folder / name for name in names]}
    shown = _show_ratios if isinstance(result, ComplementarityReport) else _show
    screen.result(payload, folder, lambda: shown(result, folder))


def _plan(target: Path, settings: Any, root: Path, *, best: bool) -> tuple[dict[str, Any], Any]:
    """What would be measured, and the preset that says so: the one given, else the one inside the weights.

    Args:
        target: run folder or weights, checked.
        settings: the preset given, or None.
        root: data root.
        best: of a run its best weights.
    """
    from pointsra.data.places import find_dataset
    from pointsra.settings import validate
    from pointsra.training.finetune import BEST_NAME
    from pointsra.training.weights import MODEL_NAME, load_weights

    weights = load_weights(target, BEST_NAME if best else MODEL_NAME)
    if settings is None:
        settings = validate(weights.description.preset, str(weights.path))
    folder = find_dataset(root, settings.data.dataset)
    return {"weights": str(weights.path), "kind": weights.description.kind, "data": str(folder)}, settings


def _show(result: Any, folder: Path) -> None:
    typer.echo(f"{result.title}; {result.clouds:,} clouds of {result.split}, seeds {result.seeds}")
    table(list(result.headers), result.table(), texts=2)
    _show_confusion(result)
    for note in result.notes:
        typer.echo(note)
    typer.echo(f"Report: {folder / 'report.md'}")


def _show_ratios(result: Any, folder: Path) -> None:
    typer.echo(f"{result.title}; {result.clouds:,} clouds of {result.split}, seeds {result.seeds}")
    table(list(result.ratio_headers), result.ratio_table())
    typer.echo("Linear CKA of the features at two mask ratios:")
    table(["", *(f"{ratio:g}" for ratio in result.ratios)], result.likeness_table())
    for note in result.notes:
        show(note)
    typer.echo(f"Report: {folder / 'report.md'}\nPicture: {folder / _PICTURE}")


def _draw(result: Any, folder: Path) -> Path:
    from pointsra.visualization.complementarity import complementarity_still
    from pointsra.visualization.stills import write_png

    still = complementarity_still(result.ratios, result.panels(), result.mean_likeness(), result.title)
    return write_png(folder / _PICTURE, still)


def _show_confusion(result: Any) -> None:
    """The confusion table, small: column heads cut to three letters, zeros as dots, the accuracy last.

    Of so many classes that it is wider than the screen, the least accurate ones and what they were taken for.
    """
    rows = result.confusion_table()
    classes = len(rows)
    width = max([_LETTERS] + [len(cell) for row in rows for cell in row[1:-1]])
    first = min(max(len(row[0]) for row in rows), WIDTH - classes * (width + 1) - _ACCURACY)
    if first < _SHORTEST_NAME:
        mistakes = result.mistakes_table(_NAMED)
        table(list(result.mistakes_headers), mistakes[:_WORST], texts=2)
        if len(mistakes) > _WORST:
            typer.echo(f"The {_WORST} least accurate classes; all {len(mistakes)} are in the report.")
        return
    heads = "".join(f" {row[0][:_LETTERS]:>{width}}" for row in rows)
    typer.echo(f"{'':<{first}}{heads}{'%':>{_ACCURACY}}")
    for name, *counts, accuracy in rows:
        cells = "".join(f" {'·' if count == '0' else count:>{width}}" for count in counts)
        typer.echo(f"{name[:first]:<{first}}{cells}{accuracy:>{_ACCURACY}}")
    typer.echo("Rows are the true classes, columns the predicted ones.")
