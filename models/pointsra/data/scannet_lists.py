"""Which scans of ScanNet V2 are there, in which form, and in which split the official lists put them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pointsra.data.request import PrepareRequest, Skipped
from pointsra.data.scannet_export import CAP, ExportedScan
from pointsra.data.scannet_labels import TABLE_NAME
from pointsra.data.scannet_raw import RawScan
from pointsra.data.skipping import evenly
from pointsra.errors import DataError

OFFICIAL_COUNTS = {"train": 1201, "val": 312, "test": 100}
VARIANTS = ("raw", "votenet")
EXPORT_FOLDER = "scannet_train_detection_data"
_ROOTS = ("", "scannet", "ScanNet", "scannet/v2", "ScanNet/v2")
_LIST_FOLDERS = ("", "meta_data", "splits", "Tasks/Benchmark")
_ID = re.compile(r"scene\d{4}_\d{2}")

Scan = RawScan | ExportedScan


@dataclass(frozen=True)
class Selection:
    """What is there and will be read.

    Attributes:
        variant: "raw" or "votenet".
        folder: what names of files are relative to.
        scans: by split.
        listings: the lists of the splits and, for raw scans, the table of labels.
        skipped: scans that a list names and that are not there.
        notes: sentences for the user.
    """

    variant: str
    folder: Path
    scans: dict[str, list[Scan]]
    listings: tuple[Path, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


def expected_tree() -> str:
    """The files looked for, in both forms."""
    return (
        "scans/scene0000_00/                                raw (scans_test/ for the test split)\n"
        "  scene0000_00_vh_clean_2.ply\n"
        "  scene0000_00_vh_clean_2.0.010000.segs.json\n"
        "  scene0000_00.aggregation.json\n"
        "  scene0000_00.txt\n"
        f"or {EXPORT_FOLDER}/                 as VoteNet exports it\n"
        "  scene0000_00_vert.npy, _sem_label.npy, _ins_label.npy, _bbox.npy\n"
        "and meta_data/\n"
        "  scannetv2_train.txt, scannetv2_val.txt, scannetv2_test.txt\n"
        f"  {TABLE_NAME}                    for raw scans"
    )


def missing_message(looked: Path) -> str:
    """Where the data set is to be had, under which terms, and what the folder should hold."""
    return (
        f"{looked}: no ScanNet scans there; sign the Terms of Use (research and education, not commercial; not to be "
        "passed on) and send them to scannet@googlegroups.com, http://www.scan-net.org, which sends the download "
        "script; the lists come with VoteNet (scannet/meta_data) and with ScanNet's own repository. Name the folder "
        "with --raw DIR. Looked for:\n" + expected_tree()
    )


def select(request: PrepareRequest) -> Selection:
    """Choose form, folder and scans.

    Args:
        request: raw, root, variant, limit and skip_bad are used.

    Raises:
        DataError: there are none, or no lists; or a list names scans that are not there and ``skip_bad`` is off.
    """
    base = (Path(request.raw) if request.raw is not None else Path(request.root)).absolute()
    found = {variant: folder for variant in VARIANTS if (folder := _holding(base, variant)) is not None}
    wanted = {name: folder for name, folder in found.items() if request.variant in (None, name)}
    if not wanted:
        raise DataError(missing_message(base))
    variant, folder = next(iter(wanted.items()))
    notes = []
    if len(wanted) > 1:
        notes.append(f"the raw scans in {folder} were taken; --variant votenet takes the export in {found['votenet']}.")
    lists = {split: path for split in OFFICIAL_COUNTS if (path := _listing(folder, f"scannetv2_{split}.txt"))}
    if not {"train", "val"} <= lists.keys():
        lost = next(split for split in OFFICIAL_COUNTS if split not in lists)
        raise DataError(
            f"{folder}: scannetv2_{lost}.txt is not in it, nor in its folder meta_data; the official lists come with "
            "VoteNet (scannet/meta_data) and with ScanNet's own repository."
        )
    names = {split: read_list(path) for split, path in lists.items()}
    for split, official in OFFICIAL_COUNTS.items():
        if split in names and len(names[split]) != official:
            notes.append(
                f"scans that {lists[split].name} names: {len(names[split])}; the official list names {official}."
            )
    twice = sorted(set(names["train"]) & {each for split in names if split != "train" for each in names[split]})
    if twice:
        raise DataError(f"{lists['train']}: {twice[0]} is in another list too ({len(twice)} such); mend the lists.")
    scans, skipped = _present(request, folder, variant, lists, names, notes)
    if not scans:
        raise DataError(missing_message(base))
    listings = [lists[split] for split in scans]
    if variant == "raw" and scans.keys() != {"test"}:
        table = _listing(folder, TABLE_NAME)
        if table is None:
            raise DataError(
                f"{folder}: {TABLE_NAME} is not in it, nor in its folder meta_data; it comes with the scans."
            )
        listings.append(table)
    elif variant == "votenet":
        capped = sum(scan.is_capped() for each in scans.values() for scan in each if isinstance(scan, ExportedScan))
        if capped:
            what = f"scans with exactly {CAP:,} points, where the exporter cuts: {capped}"
            notes.append(f"{what}; raw scans have them all.")
    above = folder if all(path.is_relative_to(folder) for path in listings) else folder.parent
    return Selection(variant, above, scans, tuple(listings), tuple(skipped), tuple(notes))


def read_list(path: Path) -> list[str]:
    """The names in a list of scans, one a line.

    Raises:
        DataError: a line that is no name of a scan, or no line at all.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as cause:
        raise DataError(f"{path}: is no text; copy the list again.") from cause
    names = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    for number, line in enumerate(lines, start=1):
        if line.strip() and not _ID.fullmatch(line.strip()):
            raise DataError(f"{path}: line {number} is {line.strip()[:40]!r}, expected a name like scene0000_00.")
    if not names:
        raise DataError(f"{path}: names no scans; copy the list again.")
    return names


def _holding(base: Path, variant: str) -> Path | None:
    """The folder whose scans/ or export holds scans, or the folder above where the user named that one itself."""
    for folder in (base / root for root in _ROOTS):
        if variant == "raw":
            for place in (folder / "scans", folder / "scans_test"):
                if any(_ID.fullmatch(each.name) and each.is_dir() for each in place.glob("scene*_*")):
                    return folder
            if any(_ID.fullmatch(each.name) and each.is_dir() for each in folder.glob("scene*_*")):
                return folder
        elif any(any(place.glob("scene*_vert.npy")) for place in (folder / EXPORT_FOLDER, folder)):
            return folder
    return None


def _listing(folder: Path, name: str) -> Path | None:
    paths = [above / place / name for above in (folder, folder.parent) for place in _LIST_FOLDERS]
    return next((path for path in paths if path.is_file()), None)


def _present(
    request: PrepareRequest,
    folder: Path,
    variant: str,
    lists: dict[str, Path],
    names: dict[str, list[str]],
    notes: list[str],
) -> tuple[dict[str, list[Scan]], list[Skipped]]:
    """The scans of each list that are there, those that are not, and a note on lists of which none is."""
    form = RawScan if variant == "raw" else ExportedScan
    scans: dict[str, list[Scan]] = {}
    skipped: list[Skipped] = []
    for split, listed in names.items():
        places = {name: _place(folder, variant, name) for name in listed}
        present = [form(name, place, split != "test") for name, place in places.items() if place is not None]
        lost = [name for name, place in places.items() if place is None]
        if not present:
            notes.append(f"{split} is left out: none of the {len(listed)} scans of {lists[split].name} is in {folder}.")
            continue
        if lost and not request.skip_bad:
            raise DataError(
                f"{lists[split]}: names {lost[0]}, which is not in {folder} ({len(lost)} of {len(listed)} scans are "
                "not there); download or export them, or --skip-bad leaves them out."
            )
        skipped += [Skipped(name, f"left out: {lists[split].name} names it, and it is not there.") for name in lost]
        scans[split] = [present[index] for index in evenly(len(present), request.limit)]
    return scans, skipped


def _place(folder: Path, variant: str, name: str) -> Path | None:
    """The folder of a raw scan, or the folder that holds the exported one; None where it is not there."""
    if variant == "raw":
        places = (folder / above / name for above in ("scans", "scans_test", ""))
        return next((place for place in places if place.is_dir()), None)
    places = (folder / EXPORT_FOLDER, folder)
    return next((place for place in places if (place / f"{name}_vert.npy").is_file()), None)
