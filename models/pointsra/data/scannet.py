"""ScanNet V2 (Dai et al., CVPR 2017): scanned rooms with objects in 18 classes, for detection.

Read from the raw scans, or from what VoteNet's exporter made of them; the splits are the official lists. Every scan
that a list names is either written or named with what is wrong. All points are kept unless ``max_points`` asks for
fewer; boxes are made from all points in either case.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from pointsra.data.assembling import SplitPlan
from pointsra.data.request import Built, PrepareRequest, RawFiles, Recipe, Skipped
from pointsra.data.scannet_export import read_exported_scan
from pointsra.data.scannet_labels import CLASS_NAMES, TABLE_NAME, read_label_table
from pointsra.data.scannet_lists import VARIANTS, Scan, select
from pointsra.data.scannet_raw import RawScan, read_raw_scan
from pointsra.data.scenes import ReadScenes, Scene, build_scenes
from pointsra.data.skipping import notes_on, read_sound
from pointsra.data.split_writer import SplitHeader
from pointsra.data.thinning import thinned
from pointsra.progress import Report


def find(request: PrepareRequest) -> RawFiles:
    """Find the scans that will be read.

    Raises:
        DataError: there are none, or no lists; or a list names scans that are not there and ``skip_bad`` is off.
    """
    chosen = select(request)
    files = [path for scans in chosen.scans.values() for scan in scans for path in scan.files()]
    expected = {split: len(scans) for split, scans in chosen.scans.items()}
    return RawFiles(chosen.folder, (*chosen.listings, *files), expected, chosen.notes)


def build(request: PrepareRequest, raw: RawFiles, folder: Path, report: Report) -> Built:
    """Read the scans of each list and write them as scenes.

    Args:
        request: limit, variant, max_points, workers, seed and skip_bad are used.
        raw: what :func:`find` found.
        folder: where the splits go.
        report: told after each scan.

    Raises:
        DataError: a scan is damaged and ``skip_bad`` is off, or nothing sound is left of a split.
        OutputError: the disk is full.
    """
    chosen = select(request)
    table = next((path for path in chosen.listings if path.name == TABLE_NAME), None)
    work = partial(
        read_scan,
        nyu40=read_label_table(table) if table else {},
        max_points=request.max_points,
        seed=request.seed,
        skip_bad=request.skip_bad,
    )
    plans = [
        SplitPlan(_header(request, raw, chosen.variant, split), scans, len(scans))
        for split, scans in chosen.scans.items()
    ]
    done = build_scenes(plans, work, request, folder, report)
    skipped = [*chosen.skipped, *done.skipped]
    return Built(done.counts, CLASS_NAMES, chosen.variant, skipped, notes_on(skipped))


def read_scan(scan: Scan, *, nyu40: dict[str, int], max_points: int | None, seed: int, skip_bad: bool) -> ReadScenes:
    """Read one scan, in either form.

    Args:
        scan: where it lies.
        nyu40: the number of NYU of each raw name, for raw scans.
        max_points: keep at most this many points; None keeps all.
        seed: decides which.
        skip_bad: leave a damaged scan out.

    Raises:
        DataError: the scan is damaged, and ``skip_bad`` is off.
    """
    read: Callable[[Scan], tuple[Scene, list[Skipped]]] = partial(_read, nyu40=nyu40)
    found, skipped = read_sound([scan], read, lambda each: each.id, skip_bad)
    scenes = []
    for scene, noted in found:
        skipped += noted
        scenes.append(thinned(scene, max_points, seed))
    return ReadScenes(tuple(scenes), tuple(skipped))


def _read(scan: Scan, nyu40: dict[str, int]) -> tuple[Scene, list[Skipped]]:
    return read_raw_scan(scan, nyu40) if isinstance(scan, RawScan) else read_exported_scan(scan)


def _header(request: PrepareRequest, raw: RawFiles, variant: str, split: str) -> SplitHeader:
    return SplitHeader(
        dataset="scannet",
        variant=variant,
        split=split,
        class_names=CLASS_NAMES,
        part_names=CLASS_NAMES,
        frame="raw",
        seed=request.seed,
        stand_in=raw.stand_in,
        conditions=False,
    )


RECIPE = Recipe(
    "scanned rooms with boxes around objects of 18 classes (sign the terms; --raw DIR)",
    find,
    build,
    variants=VARIANTS,
)
