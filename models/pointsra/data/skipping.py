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
        read: reads one of them; raises DataError or InputFileError where it is damaged, OSError where the disk or
            the permissions do not let it.
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
        except (DataError, InputFileError, OSError) as problem:
            damage = unreadable(problem, name(item)) if isinstance(problem, OSError) else problem
            if not skip_bad:
                raise DataError(f"{damage} --skip-bad leaves it out and goes on.") from damage
            skipped.append(Skipped(name(item), str(damage)))
    return results, skipped


def unreadable(cause: OSError, name: str) -> DataError:
    """One sentence for a raw file that the system does not read.

    Args:
        cause: what the system said.
        name: of what was to be read, where the system does not name the file.
    """
    return DataError(f"{cause.filename or name}: cannot be read ({cause.strerror or cause}); copy it again.")


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


def each_once(path: Path, names: Sequence[str]) -> tuple[list[str], list[Skipped]]:
    """The names of a list, each once, and a record of those that it has more than once.

    Args:
        path: the list.
        names: what it names, in order.
    """
    seen: set[str] = set()
    again = [name for name in names if name in seen or seen.add(name)]
    repeated = [Skipped(path.name, f"{path}: names {name} more than once; it was taken once.") for name in again]
    return list(dict.fromkeys(names)), repeated


def relative_name(path: Path, folder: Path | None) -> str:
    """A raw file's name for the manifest: relative to the raw folder where it lies in it."""
    if folder is not None and path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    return path.as_posix()
