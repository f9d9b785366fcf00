"""Going on past damaged raw files: read what can be read, and name what was left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from pointsra.data.request import Skipped
from pointsra.errors import DataError, InputFileError

Item = TypeVar("Item")
Result = TypeVar("Result")

_SHOWN = 12  # sentences about skipped files that a user still reads; the manifest has them all


def read_sound(
    items: Iterable[Item],
    read: Callable[[Item], Result],
    name: Callable[[Item], str],
    skip_bad: bool,
) -> tuple[list[Result], list[Skipped]]:
    """Read each item; a damaged one stops the work, or is left out and named.

    Args:
        items: what is to be read.
        read: reads one of them; raises DataError or InputFileError where it is damaged.
        name: the name of an item for the manifest.
        skip_bad: leave damaged ones out.

    Returns:
        What was read, in order, and what was left out.

    Raises:
        DataError: an item is damaged and ``skip_bad`` is off.
    """
    results: list[Result] = []
    skipped: list[Skipped] = []
    for item in items:
        try:
            results.append(read(item))
        except (DataError, InputFileError) as damage:
            if not skip_bad:
                raise DataError(f"{damage} --skip-bad leaves it out and goes on.") from damage
            skipped.append(Skipped(name(item), str(damage)))
    return results, skipped


def notes_on(skipped: Sequence[Skipped], routine: Sequence[str] = ()) -> list[str]:
    """Sentences for the user about what was left out or mended; of many, the first and how many more.

    Args:
        skipped: all of it.
        routine: what a sound data set is full of, as words that the reasons hold: counted, not told one by one.
    """
    notes = []
    for words in routine:
        count = sum(words in each.reason for each in skipped)
        if count:
            notes.append(f"{words}: {count} such, all named in manifest.json under 'skipped'.")
    told = [each for each in skipped if not any(words in each.reason for words in routine)]
    notes += [f"{each.file}: {each.reason}" for each in told[:_SHOWN]]
    if len(told) > _SHOWN:
        notes.append(f"and {len(told) - _SHOWN} more of this kind; manifest.json names them all under 'skipped'.")
    return notes


def evenly(count: int, limit: int | None) -> list[int]:
    """Indices of at most ``limit`` of ``count`` items, evenly over them all; every one where limit is None."""
    if limit is None or limit >= count:
        return list(range(count))
    return [index * count // limit for index in range(limit)]


def relative_name(path: Path, folder: Path | None) -> str:
    """A raw file's name for the manifest: relative to the raw folder where it lies in it."""
    if folder is not None and path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    return path.as_posix()
