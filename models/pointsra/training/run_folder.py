"""What stands in the folder of a run before its first step: the resolved preset, and where weights and data lie."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pointsra.data.manifest import sha256_of
from pointsra.data.replacing import output_problem, replacing
from pointsra.errors import CheckpointError, DataError, SettingsError
from pointsra.training.journal import LOG_NAME, Journal
from pointsra.training.weights import find_weights

SOURCE_NAME = "source.json"
"""File that remembers which weights a run started from, if any, and where its data lies."""


@contextmanager
def alone_in(run: Path) -> Iterator[None]:
    """Make the folder of a run, and keep other processes of this tool from training in it meanwhile.

    Where the system or its disk knows no locks, nothing is kept.

    Raises:
        SettingsError: another process trains there. OutputError: it cannot be written.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        log = (run / LOG_NAME).open("a", encoding="utf-8")
    except OSError as cause:
        raise output_problem(run, cause) from cause
    with log:
        with suppress(ImportError):  # Windows has no such locks
            import fcntl

            try:
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SettingsError(f"{run}: another process trains there; let it finish, or stop it first.") from None
            except OSError:
                pass
        yield


def start_run_folder(run: Path, preset_text: str, writes: bool = True) -> Journal:
    """Write the resolved preset of a run; clear away what a killed one had half-written.

    Args:
        run: the folder, which this process is :func:`alone_in`.
        preset_text: the resolved preset.
        writes: False leaves all that to another process and gives a silent journal.

    Raises:
        OutputError: it cannot be written.
    """
    if not writes:
        return Journal(run, writes=False)
    try:
        for leftover in run.glob(".*.partial-*"):
            leftover.unlink(missing_ok=True)
    except OSError as cause:
        raise output_problem(run, cause) from cause
    with replacing(run / "preset.toml") as partial:
        partial.write_text(preset_text, encoding="utf-8")
    return Journal(run)


def kept_epoch(every: int, epoch: int) -> bool:
    """Whether the weights of the epoch number ``epoch``, from 0, are kept (``runtime.keep_every``)."""
    return every > 0 and (epoch + 1) % every == 0


def kept_name(epoch: int) -> str:
    """The file name, without ending, of weights kept after an epoch: ``epoch-0010`` after the tenth."""
    return f"epoch-{epoch + 1:04d}"


def remember_source(run: Path, init: Path | None, root: Path, checksum: str = "") -> None:
    """Keep where weights and data lie, so that a resumed run finds the same ones.

    Args:
        run: its folder.
        init: the weights that it starts from; None: random ones.
        root: the data root.
        checksum: sha256 of the weights' file, by which they are known where they have moved; "": not kept.
    """
    source = {"init": None if init is None else str(init.resolve()), "data": str(root.resolve())}
    if checksum:
        source["init_sha256"] = checksum
    with replacing(run / SOURCE_NAME) as partial:
        partial.write_text(json.dumps(source) + "\n", encoding="utf-8")


def resumed_init(run: Path, named: Path | None) -> tuple[Path | None, str]:
    """The weights that a run of fine-tuning started from, None for one from scratch, and the checksum that it keeps of
    them, "" for a run of a former version that keeps none.

    Args:
        run: its folder.
        named: where they lie now; None: where they lay.

    Raises:
        CheckpointError: they are gone, or others lie there; see :func:`_remembered`.
    """
    init, checksum = _remembered(run)
    if init is None:
        if named is not None:
            raise CheckpointError(f"{run} started from random weights: leave out --init.")
        return None, checksum
    try:
        path = find_weights(named or init)
    except CheckpointError:
        if named is not None:
            raise
        raise CheckpointError(
            f"{init}: the weights that {run} started from are no longer there; say with --init where they are now."
        ) from None
    if checksum and sha256_of(path) != checksum:
        if named is not None:
            raise CheckpointError(
                f"{named} holds other weights than {run} started from, which were {init}: name those."
            )
        raise CheckpointError(
            f"{init} holds other weights by now than {run} started from; say with --init where those are."
        )
    return named or init, checksum


def _remembered(run: Path) -> tuple[Path | None, str]:
    """The weights that a run started from, and their checksum, "" where it is not known.

    Raises:
        CheckpointError: the folder remembers nothing, so it is not one of fine-tuning, or it is damaged.
    """
    path = run / SOURCE_NAME
    try:
        source = json.loads(path.read_text(encoding="utf-8"))
        init, checksum = source["init"], source.get("init_sha256", "")
    except FileNotFoundError:
        raise CheckpointError(f"{run} is not a fine-tuning run: it holds no {SOURCE_NAME}.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        raise CheckpointError(f"{path} is damaged and the run cannot be resumed: begin a new one.") from cause
    return None if init is None else Path(init), checksum


def began_with(run: Path, init: Path | None) -> Path | None:
    """The weights that a run of pre-training started from; ``init`` where its folder does not remember, as those of
    former versions do not.

    Raises:
        CheckpointError: what the folder remembers is damaged.
    """
    return _remembered(run)[0] if (run / SOURCE_NAME).is_file() else init


def remembered_data(run: Path | None) -> Path | None:
    """The data root that a run read; None where it remembers none.

    Raises:
        DataError: it is gone: no other takes its place unsaid.
    """
    if run is None:
        return None
    try:
        root = Path(json.loads((run / SOURCE_NAME).read_text(encoding="utf-8"))["data"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # an older run's folder, or a damaged file, of which resuming speaks
    if not root.is_dir():
        raise DataError(f"{root}: the data of {run} is no longer there; say with --data where it is now.")
    return root
