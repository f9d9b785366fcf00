"""What preparing a data set is asked, and what a recipe for one gives back.

A recipe is two functions: ``find`` looks at the raw files and changes nothing, ``build`` writes the splits into a
folder, mostly by ``assembling.build_splits``. Everything else (temporary folders, taking up an interrupted run, views
and condition features, checksums, the manifest, whether there is anything to do) is the same for every data set and
lives in ``prepare``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pointsra.progress import Report


@dataclass(frozen=True, kw_only=True)
class PrepareRequest:
    """What the user wants prepared.

    Attributes:
        dataset: its name, a key of ``prepare.DATASETS``.
        root: the data root; the result lies in ``root / dataset``.
        raw: the folder of raw files; None looks in the data root.
        limit: at most this many clouds in each split; None takes all.
        count: how many clouds in all, for data sets that are generated; None takes the default.
        workers: processes that read and render; 1 stays in this one. The result is the same for any number.
        force: replace a set that was prepared differently.
        skip_bad: leave out damaged raw files, name them in the manifest and go on.
        seed: what everything random follows from.
        points: N, points a cloud; the command takes ``Recipe.points`` where it is told nothing.
        variant: one variant alone, where a data set has several; None takes all that are there, or the usual one of
            generated data.
        image_encoder: what makes image features: "builtin", "none", "clip:FOLDER", "clip:HUB/ID",
            "efficientnet-lite0" or "file:FOLDER".
        text_encoder: what makes text features: as above, with "minilm" for captions.
        stand_in: write a small stand-in of the data set in its official raw layout first, and prepare that.
        max_points: cap on the points of a scene; None keeps all.
    """

    dataset: str
    root: Path
    raw: Path | None = None
    limit: int | None = None
    count: int | None = None
    workers: int = 1
    force: bool = False
    skip_bad: bool = False
    seed: int = 0
    points: int = 2048
    variant: str | None = None
    image_encoder: str = "builtin"
    text_encoder: str = "builtin"
    stand_in: bool = False
    max_points: int | None = None


@dataclass(frozen=True)
class RawFiles:
    """The raw files a request will read.

    Attributes:
        folder: what the files' names are relative to; None where nothing is read.
        files: absolute paths, in a fixed order.
        expected: clouds in each split, as far as they are known beforehand.
        notes: sentences for the user (which of several folders was taken, what was ignored).
        stand_in: these are no real data but a stand-in written by this tool; ``prepare`` sees that by the folder, a
            recipe that reads another prepared set says so itself.
    """

    folder: Path | None = None
    files: tuple[Path, ...] = ()
    expected: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    stand_in: bool = False


@dataclass(frozen=True)
class Skipped:
    """A raw file, or one row of it, that was left out, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Built:
    """What a recipe has written.

    Attributes:
        splits: clouds written, by split; each is ``<split>.h5`` in the folder given.
        class_names: in official order.
        variant: "" where the data set has only one, else those written, comma-separated.
        skipped: what was left out.
        notes: sentences for the user.
    """

    splits: Mapping[str, int]
    class_names: Sequence[str]
    variant: str = ""
    skipped: Sequence[Skipped] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Recipe:
    """How one data set is prepared.

    Attributes:
        summary: one line for the help text.
        find: names the raw files or raises DataError saying where they are to be had; changes nothing.
        build: writes the splits into a folder, which may hold some of them from a run that was interrupted.
        variants: names that ``PrepareRequest.variant`` may take.
        counted: whether ``PrepareRequest.count`` means something.
        points: N that the command prepares where it is told nothing.
        fixed_points: N where the data set fixes it, else None.
        fingerprint: for generated data, a text for a request that changes when the same seed would give other clouds;
            it does for them what checksums of raw files do for the rest.
    """

    summary: str
    find: Callable[[PrepareRequest], RawFiles]
    build: Callable[[PrepareRequest, RawFiles, Path, Report], Built]
    variants: tuple[str, ...] = ()
    counted: bool = False
    points: int = 2048
    fixed_points: int | None = None
    fingerprint: Callable[[PrepareRequest], str] | None = None


@dataclass(frozen=True)
class PrepareResult:
    """What came of it.

    Attributes:
        folder: the prepared data set.
        manifest: what its ``manifest.json`` says.
        unchanged: True where it was there already and nothing was done.
        notes: sentences for the user.
    """

    folder: Path
    manifest: dict[str, Any]
    unchanged: bool
    notes: tuple[str, ...] = ()
