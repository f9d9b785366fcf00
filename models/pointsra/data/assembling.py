"""The engine that builds the splits of a data set: workers read, parts are kept, finished splits are joined from them.

A recipe cuts its work into tasks of at most 32 clouds and says for each split what is to be done; everything else is
here. A part is the result of a few tasks in a row, written beside and renamed under ``<folder>/.parts/<split>/``, so
that a run that was killed loses the tasks of one part and no more. Parts are cut by the tasks alone, never by the
number of workers or by where a run was interrupted, so that the arrays are the same bytes in every case. Scenes
(``scenes``) go through the same engine.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import h5py

from pointsra.data.blocks import cut, run_blocks
from pointsra.data.replacing import replacing
from pointsra.data.request import PrepareRequest, Skipped
from pointsra.data.split_writer import ARRAYS, STRINGS, CloudBlock, SplitHeader, SplitWriter
from pointsra.errors import DataError
from pointsra.progress import Progress, Report

Task = TypeVar("Task")
Result = TypeVar("Result")

PARTS_FOLDER = ".parts"
PART_TASKS = 8  # tasks a part: some 256 clouds, a few seconds of work (ours)


@dataclass(frozen=True)
class ReadBlock:
    """What came of one task.

    Attributes:
        block: the clouds, (B, N, 3) and what goes with them; None where nothing was sound.
        skipped: what was left out.
        repeated: clouds that have fewer points than were asked for, so that some are there twice.
    """

    block: CloudBlock | None
    skipped: tuple[Skipped, ...] = ()
    repeated: int = 0


@dataclass(frozen=True)
class SplitPlan:
    """What is to be done for one split.

    Attributes:
        header: what holds for all of it.
        tasks: small descriptions that can be pickled, each of at most 32 clouds or of one scene, in order.
        total: clouds or scenes expected, for progress.
    """

    header: SplitHeader
    tasks: Sequence[Any]
    total: int


@dataclass(frozen=True)
class Assembled:
    """What came of it all.

    Attributes:
        counts: clouds or scenes written, by split.
        skipped: what was left out, in the order of the tasks.
        repeated: clouds some of whose points are there twice.
    """

    counts: dict[str, int]
    skipped: list[Skipped] = field(default_factory=list)
    repeated: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of one part, and what is kept of it beside its file.

    Attributes:
        count: clouds or scenes in the part's file; there is no file where it is 0.
        skipped: what was left out.
        repeated: clouds some of whose points are there twice.
    """

    count: int
    skipped: tuple[Skipped, ...] = ()
    repeated: int = 0


@dataclass(frozen=True)
class Kind(Generic[Result]):
    """How the results of one kind, clouds or scenes, are written.

    Attributes:
        unit: "clouds" or "scenes".
        part_tasks: tasks a part.
        write: writes the results of a part into a file (none where nothing was sound) and says what came of them.
        join: writes a split's file from those of its parts.
    """

    unit: str
    part_tasks: int
    write: Callable[[Path, SplitHeader, list[Result]], Outcome]
    join: Callable[[Path, SplitHeader, list[Path]], None]


def build_splits(
    plans: Sequence[SplitPlan],
    work: Callable[[Any], ReadBlock],
    request: PrepareRequest,
    folder: Path,
    report: Report,
) -> Assembled:
    """Do all tasks of some splits of clouds and write each as ``<folder>/<split>.h5``.

    Args:
        plans: one for each split, in order.
        work: what is done for a task; a function that other processes can import, or a ``partial`` of one.
        request: the number of workers is used, and --raw for messages.
        folder: where the splits go; what an interrupted run has left there is taken up.
        report: told after each part.

    Returns:
        How many clouds each split has, and what was left out.

    Raises:
        DataError: ``work`` raised it, or a split would be empty.
        OutputError: the disk is full.
    """
    return assemble(plans, work, request, folder, report, CLOUDS)


def assemble(
    plans: Sequence[SplitPlan],
    work: Callable[[Any], Result],
    request: PrepareRequest,
    folder: Path,
    report: Report,
    kind: Kind[Result],
) -> Assembled:
    """Do all tasks of some splits of any kind; see :func:`build_splits`."""
    names = [plan.header.split for plan in plans]
    if len(set(names)) != len(names):
        raise ValueError(f"splits named twice: {names}")
    parts = [
        _Part(part_path(folder, plan.header.split, number), plan.header, tuple(tasks))
        for plan in plans
        for number, tasks in enumerate(cut(list(plan.tasks), kind.part_tasks))
    ]
    kept = {part.path: _kept(part.path) for part in parts}
    missing = [task for part in parts if kept[part.path] is None for task in part.tasks]
    counts: dict[str, int] = {}
    skipped: list[Skipped] = []
    repeated = 0
    with closing(run_blocks(work, missing, request.workers)) as results:
        for plan in plans:
            split = plan.header.split
            _note_plan(folder, plan, kind)
            outcomes: dict[Path, Outcome] = {}
            for part in (part for part in parts if part.header.split == split):
                outcome = kept[part.path]
                if outcome is None:
                    outcome = kind.write(part.path, part.header, [next(results) for _ in part.tasks])
                    _keep(part.path, outcome)
                outcomes[part.path] = outcome
                done = sum(each.count + len(each.skipped) for each in outcomes.values())
                report(Progress(f"read {split}", min(done, plan.total), plan.total, kind.unit))
            counts[split] = sum(outcome.count for outcome in outcomes.values())
            left_out = [each for outcome in outcomes.values() for each in outcome.skipped]
            if not counts[split]:
                why = left_out[-1].reason if left_out else f"no {kind.unit} were found for it."
                place = request.raw or folder
                raise DataError(f"{place}: nothing of the split {split} can be read; {why}")
            target, broken = folder / f"{split}.h5", broken_mark(folder, split)
            if broken.exists():
                target.unlink(missing_ok=True)
                broken.unlink()
            if not target.exists():
                kind.join(target, plan.header, [path for path, outcome in outcomes.items() if outcome.count])
            skipped += left_out
            repeated += sum(outcome.repeated for outcome in outcomes.values())
    return Assembled(counts, skipped, repeated)


def discard_splits(folder: Path, splits: Sequence[str]) -> None:
    """Take back splits that were written or begun, when one of a pair turned out to be unsound.

    Args:
        folder: where they are.
        splits: their names.
    """
    for split in splits:
        (folder / f"{split}.h5").unlink(missing_ok=True)
        shutil.rmtree(folder / PARTS_FOLDER / split, ignore_errors=True)


def part_path(folder: Path, split: str, number: int) -> Path:
    """The file of one part of a split."""
    return folder / PARTS_FOLDER / split / f"{number:06d}.h5"


def broken_mark(folder: Path, split: str) -> Path:
    """A file that is there while a finished split is written into; found later, the split is joined anew."""
    return folder / PARTS_FOLDER / split / "broken"


def read_plan(folder: Path, split: str) -> dict[str, Any]:
    """What the engine noted of a split, ``kind`` ("clouds" or "scenes") and ``conditions``; {} of one not its own."""
    path = folder / PARTS_FOLDER / split / "plan.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


@dataclass(frozen=True)
class _Part:
    path: Path
    header: SplitHeader
    tasks: tuple[Any, ...]


def _note_plan(folder: Path, plan: SplitPlan, kind: Kind[Any]) -> None:
    with replacing(folder / PARTS_FOLDER / plan.header.split / "plan.json") as partial:
        partial.write_text(json.dumps({"kind": kind.unit, "conditions": plan.header.conditions}), encoding="utf-8")


def _kept(path: Path) -> Outcome | None:
    """What an earlier run has left of a part, None where it is not whole."""
    try:
        noted = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if noted["count"]:
            with h5py.File(path) as file:
                if len(file["id"]) != noted["count"]:
                    return None
        return Outcome(noted["count"], tuple(Skipped(*each) for each in noted["skipped"]), noted["repeated"])
    except (OSError, ValueError, KeyError):
        return None


def _keep(path: Path, outcome: Outcome) -> None:
    noted = {
        "count": outcome.count,
        "skipped": [[each.file, each.reason] for each in outcome.skipped],
        "repeated": outcome.repeated,
    }
    with replacing(path.with_suffix(".json")) as partial:
        partial.write_text(json.dumps(noted), encoding="utf-8")


def _write_clouds(path: Path, header: SplitHeader, results: list[ReadBlock]) -> Outcome:
    blocks = [result.block for result in results if result.block is not None]
    if blocks:
        with SplitWriter(path, header) as writer:
            for block in blocks:
                writer.append(block)
    skipped = tuple(each for result in results for each in result.skipped)
    return Outcome(sum(len(block.points) for block in blocks), skipped, sum(result.repeated for result in results))


def _join_clouds(path: Path, header: SplitHeader, parts: list[Path]) -> None:
    with SplitWriter(path, header) as writer:
        for part in parts:
            with h5py.File(part) as file:
                found: dict[str, Any] = {name: file[key][:] for key, name, _ in ARRAYS if key in file}
                found |= {name: list(file[key].asstr()[:]) for key, name in STRINGS if key in file}
            writer.append(CloudBlock(**found))


CLOUDS: Kind[ReadBlock] = Kind("clouds", PART_TASKS, _write_clouds, _join_clouds)
