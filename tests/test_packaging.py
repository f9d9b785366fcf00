"""The hand-written package list and data patterns say what the folders hold."""

from __future__ import annotations

import fnmatch
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SETUPTOOLS = SETTINGS["tool"]["setuptools"]


def folder_of(package):
    """Where a package's files are, by the longest prefix that package-dir knows."""
    places = SETUPTOOLS["package-dir"]
    for prefix in sorted(places, key=len, reverse=True):
        if package == prefix or package.startswith(f"{prefix}."):
            return ROOT.joinpath(places[prefix], *package[len(prefix) :].strip(".").split("."))
    return ROOT.joinpath(*package.split("."))


def packages_found():
    found = {"pointsra.presets"}
    for top, place in (("pointsra", ROOT / "models" / "pointsra"), ("pointsra_cli", ROOT / "pointsra_cli")):
        for init in place.rglob("__init__.py"):
            found.add(".".join((top, *init.parent.relative_to(place).parts)))
    return found


def data_patterns(package):
    patterns = SETUPTOOLS["package-data"]
    return patterns.get("*", []) + patterns.get(package, [])


def test_package_list_equals_the_folders():
    listed = SETUPTOOLS["packages"]
    assert len(listed) == len(set(listed))
    assert set(listed) == packages_found()
    for package in listed:
        assert (folder_of(package) / "__init__.py").is_file(), package


def test_every_folder_with_code_is_a_package():
    for place in (ROOT / "models" / "pointsra", ROOT / "pointsra_cli", ROOT / "presets"):
        for module in place.rglob("*.py"):
            assert (module.parent / "__init__.py").is_file(), module


def test_nothing_but_the_two_packages_would_be_installed():
    assert {package.split(".")[0] for package in SETUPTOOLS["packages"]} == {"pointsra", "pointsra_cli"}
    assert not (ROOT / "models" / "__init__.py").exists()


def test_presets_lie_flat_without_code():
    entries = {entry.name for entry in (ROOT / "presets").iterdir()} - {"__pycache__"}
    assert all(name == "__init__.py" or name.endswith(".toml") for name in entries)
    text = (ROOT / "presets" / "__init__.py").read_text("utf-8").strip()
    assert text.startswith('"""') and text.endswith('"""') and text.count('"""') == 2


@pytest.mark.parametrize("package", sorted(SETUPTOOLS["packages"]))
def test_every_data_file_is_shipped(package):
    place = folder_of(package)
    inner = {folder_of(other) for other in SETUPTOOLS["packages"]} - {place}
    for path in place.rglob("*"):
        owner = next(parent for parent in path.parents if parent == place or parent in inner)
        if not path.is_file() or owner != place or path.suffix == ".py" or "__pycache__" in path.parts:
            continue
        name = path.relative_to(place).as_posix()
        assert any(fnmatch.fnmatch(name, pattern) for pattern in data_patterns(package)), f"{path} is not shipped"


def test_data_patterns_find_what_the_code_reads():
    assert list(folder_of("pointsra.presets").glob("*.toml"))
    assert list(folder_of("pointsra.visualization").glob("*.html"))
    for top in ("pointsra", "pointsra_cli"):
        assert (folder_of(top) / "py.typed").is_file()
        assert "py.typed" in data_patterns(top)
    for package in SETUPTOOLS["package-data"]:
        assert package == "*" or package in SETUPTOOLS["packages"]


def test_the_command_points_at_a_function():
    module, _, function = SETTINGS["project"]["scripts"]["pointsra"].partition(":")
    assert f"def {function}(" in (folder_of(module) / "__init__.py").read_text("utf-8")
