"""Weights that came as a package from a package index: found without importing it or what it depends on."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from pointsra.errors import DataError, MissingExtraError


def package_file(package: str, pattern: str, option: str) -> Path:
    """One file of an installed package.

    Args:
        package: its import name.
        pattern: of the file, relative to the package's folder.
        option: what the user asked for, for the message.

    Raises:
        MissingExtraError: the package is not installed.
        DataError: it is, without such a file.
    """
    found = find_spec(package)
    places = list(found.submodule_search_locations or ()) if found is not None else []
    if not places:
        raise MissingExtraError(
            f"{option} needs the package {package.replace('_', '-')}: pip install 'pointsra[offline-encoders]', "
            f"or choose {option.split()[0]} builtin."
        )
    files = sorted(Path(places[0]).glob(pattern))
    if not files:
        raise DataError(f"{places[0]}: no {pattern} in it; install {package.replace('_', '-')} again.")
    return files[0]


def package_version(package: str) -> str:
    """The version of an installed package by its import name, "unknown" where it has none."""
    try:
        return version(package.replace("_", "-"))
    except PackageNotFoundError:
        return "unknown"
