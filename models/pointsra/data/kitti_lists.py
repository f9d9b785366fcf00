"""Which frames of KITTI are there, and which split each is in: by the official lists, else by the seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pointsra.data.kitti_files import Frame
from pointsra.data.request import PrepareRequest, Skipped
from pointsra.data.skipping import evenly
from pointsra.errors import DataError

OFFICIAL_COUNTS = {"train": 3712, "val": 3769}
DEALT = (
    "not there: the seed dealt the frames out, half and half; frames of one drive may be on both sides, and figures do "
    "not compare with those on the usual division."
)
_ROOTS = ("", "kitti", "KITTI", "object", "kitti/object", "KITTI/object")
_LIST_FOLDERS = ("ImageSets", "", "training/ImageSets")


@dataclass(frozen=True)
class Selection:
    """What is there and will be read.

    Attributes:
        folder: the folder that holds ``training``.
        frames: by split.
        listings: the lists that were followed; none where the seed decided.
        skipped: frames that a list names and that are not there, or that there are no lists.
        notes: sentences for the user.
    """

    folder: Path
    frames: dict[str, list[Frame]]
    listings: tuple[Path, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


def expected_tree() -> str:
    """The files looked for, as the archives unpack them."""
    return (
        "training/\n"
        "  velodyne/000000.bin …                            data_object_velodyne.zip\n"
        "  label_2/000000.txt …                             data_object_label_2.zip\n"
        "  calib/000000.txt …                               data_object_calib.zip\n"
        "ImageSets/train.txt, val.txt                       the usual division, where you have it"
    )


def missing_message(looked: Path) -> str:
    """Where the data set is to be had, under which terms, and what the folder should hold."""
    return (
        f"{looked}: no KITTI sweeps there; sign in at https://www.cvlibs.net/datasets/kitti/ (3D object benchmark; "
        "CC BY-NC-SA 3.0: not commercial; cite the paper), download velodyne, labels and calibration, unpack them "
        "into one folder, and name it with --raw DIR. Looked for, in DIR, DIR/kitti and DIR/object:\n" + expected_tree()
    )


def select(request: PrepareRequest) -> Selection:
    """Choose the frames of each split.

    Args:
        request: raw, root, limit, seed and skip_bad are used.

    Raises:
        DataError: there are no sweeps; or a list is damaged, or names frames that are not there and ``skip_bad`` is
            off.
    """
    base = (Path(request.raw) if request.raw is not None else Path(request.root)).absolute()
    folders = [base / root for root in _ROOTS]
    if base.name == "training":
        folders.append(base.parent)
    folder = next((each for each in folders if any((each / "training" / "velodyne").glob("*.bin"))), None)
    if folder is None:
        raise DataError(missing_message(base))
    training = folder / "training"
    notes = []
    if any((folder / "testing" / "velodyne").glob("*.bin")):
        notes.append("testing/ has no labels and is left alone.")
    lists = {split: path for split in OFFICIAL_COUNTS if (path := _listing(folder, f"{split}.txt"))}
    if len(lists) == 1:
        there, lost = next(iter(lists.values())), next(split for split in OFFICIAL_COUNTS if split not in lists)
        raise DataError(f"{there.with_name(lost + '.txt')}: missing, while {there.name} is there; the two go together.")
    if not lists:
        names = _deal(training, request.seed)
        dealt = Skipped("ImageSets/train.txt", DEALT)
        notes.append(f"{dealt.file}: {dealt.reason}")
        frames = {split: [Frame(name, training) for name in names[split]] for split in names}
        return Selection(folder, _limited(frames, request.limit), (), (dealt,), tuple(notes))
    frames, skipped = _listed(request, training, lists, notes)
    return Selection(folder, _limited(frames, request.limit), tuple(lists.values()), tuple(skipped), tuple(notes))


def _listing(folder: Path, name: str) -> Path | None:
    return next((path for place in _LIST_FOLDERS if (path := folder / place / name).is_file()), None)


def _deal(training: Path, seed: int) -> dict[str, list[str]]:
    """Half of the frames for each split; a frame of which any file is there counts, so that nothing is lost unseen."""
    places = (("velodyne", "*.bin"), ("label_2", "*.txt"))
    found = (path.stem for place, pattern in places for path in (training / place).glob(pattern))
    names = sorted({name for name in found if not name.startswith(".")})  # "._000000.bin" is what macOS leaves
    order = np.random.default_rng(seed).permutation(len(names))
    held = {names[index] for index in order[: len(names) // 2]}
    return {
        "train": [name for name in names if name not in held],
        "val": [name for name in names if name in held],
    }


def _limited(frames: dict[str, list[Frame]], limit: int | None) -> dict[str, list[Frame]]:
    chosen = {split: [members[index] for index in evenly(len(members), limit)] for split, members in frames.items()}
    return {split: members for split, members in chosen.items() if members}


def _listed(
    request: PrepareRequest, training: Path, lists: dict[str, Path], notes: list[str]
) -> tuple[dict[str, list[Frame]], list[Skipped]]:
    names = {split: _read_list(path) for split, path in lists.items()}
    twice = sorted(set(names["train"]) & set(names["val"]))
    if twice:
        raise DataError(f"{lists['train']}: {twice[0]} is in val.txt too ({len(twice)} such); mend the lists.")
    frames: dict[str, list[Frame]] = {}
    skipped: list[Skipped] = []
    for split, listed in names.items():
        if len(listed) != OFFICIAL_COUNTS[split]:
            official = OFFICIAL_COUNTS[split]
            notes.append(f"frames that {lists[split].name} names: {len(listed):,}; the usual list names {official:,}.")
        found = [Frame(name, training) for name in listed]
        lost = [frame for frame in found if not frame.sweep.is_file()]
        if lost and not request.skip_bad:
            raise DataError(
                f"{lists[split]}: names {lost[0].id}, but {lost[0].sweep} is not there ({len(lost)} of {len(found)} "
                "are not); unpack the archive again, or --skip-bad leaves them out."
            )
        reason = f"left out: {lists[split].name} names it, and it is not there."
        skipped += [Skipped(f"training/velodyne/{frame.id}.bin", reason) for frame in lost]
        frames[split] = [frame for frame in found if frame.sweep.is_file()]
    return frames, skipped


def _read_list(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as cause:
        raise DataError(f"{path}: is no text; copy the list again.") from cause
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.strip().isdigit():
            raise DataError(f"{path}: line {number} is {line.strip()[:40]!r}, expected a frame's number like 000123.")
    names = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not names:
        raise DataError(f"{path}: names no frames; copy the list again.")
    return names
