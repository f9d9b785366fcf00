"""Find, parse, override and print presets.

A name is looked up among the shipped files of ``pointsra.presets``; anything that ends in ``.toml`` or has a
path separator is a file. Every mistake becomes one :class:`SettingsError` that names the dotted key, the value
and the nearest thing that would have been right.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, overload

import tomli_w
from pydantic import BaseModel, ValidationError

from pointsra.errors import SettingsError
from pointsra.settings.finetuning import FinetunePreset
from pointsra.settings.peers import PRETRAIN_PRESETS, AnyPreset, AnyPretrainPreset

Task = Literal["pretrain", "finetune"]


@dataclass(frozen=True)
class PresetInfo:
    """A shipped preset: its name, its task and the sentence that describes it."""

    name: str
    task: str
    description: str


def list_presets() -> list[PresetInfo]:
    """The shipped presets, pre-training first, by name."""
    infos = []
    for name in _shipped_names():
        table = tomllib.loads(_shipped_text(name))
        infos.append(PresetInfo(name, table["task"], table["description"]))
    return sorted(infos, key=lambda info: (info.task != "pretrain", info.name))


@overload
def load_preset(
    source: str | Path, overrides: Sequence[str] = ..., *, seed: int | None = ..., task: Literal["pretrain"]
) -> AnyPretrainPreset: ...


@overload
def load_preset(
    source: str | Path, overrides: Sequence[str] = ..., *, seed: int | None = ..., task: Literal["finetune"]
) -> FinetunePreset: ...


@overload
def load_preset(
    source: str | Path, overrides: Sequence[str] = ..., *, seed: int | None = ..., task: Task | None = ...
) -> AnyPreset: ...


def load_preset(
    source: str | Path,
    overrides: Sequence[str] = (),
    *,
    seed: int | None = None,
    task: Task | None = None,
) -> AnyPreset:
    """Read, override and validate a preset.

    Args:
        source: a shipped name, or the path of a TOML file.
        overrides: strings ``a.b=value``; the value is read as TOML and, where that fails, as a plain string.
        seed: replaces the preset's seed.
        task: the task that the caller needs, ``pretrain`` or ``finetune``; None accepts either.

    Raises:
        SettingsError: unknown name, unreadable file, unknown or wrong field, or a preset of the other task.
    """
    label, text = _read(source)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{label} is not valid TOML: {error}.") from error
    for override in overrides:
        _apply(table, override)
    if seed is not None:
        table["seed"] = seed
    preset = validate(table, label)
    if task is not None and preset.task != task:
        fitting = ", ".join(info.name for info in list_presets() if info.task == task)
        raise SettingsError(
            f"Preset {label} is for {preset.task}, and this command needs one for {task}: try one of {fitting}."
        )
    return preset


def validate(table: dict[str, Any], label: str) -> AnyPreset:
    """Turn a plain table into a preset.

    Raises:
        SettingsError: naming every wrong field in one sentence.
    """
    model = _model(table, label)
    try:
        return model.model_validate(table)
    except ValidationError as error:
        problems = "; ".join(_sentence(problem, model) for problem in error.errors())
        raise SettingsError(f"{label}: {problems}.") from error


def _model(table: dict[str, Any], label: str) -> type[AnyPreset]:
    """The schema that a table is to be read by: its task's, and in pre-training its method's."""
    task, method = table.get("task"), table.get("method", "point-sra")
    if task == "finetune":
        return FinetunePreset
    if task != "pretrain":
        raise SettingsError(f'{label}: task = {task!r} is not known; write task = "pretrain" or task = "finetune".')
    if not isinstance(method, str) or method not in PRETRAIN_PRESETS:
        nearest = difflib.get_close_matches(str(method), PRETRAIN_PRESETS, n=1, cutoff=0.5)
        hint = f" (did you mean {nearest[0]}?)" if nearest else ""
        raise SettingsError(
            f"{label}: method = {method!r} is not known{hint}; it is one of {', '.join(PRETRAIN_PRESETS)}."
        )
    return PRETRAIN_PRESETS[method]


def to_toml(preset: AnyPreset) -> str:
    """The resolved preset as TOML that :func:`load_preset` reads back to an equal preset."""
    return tomli_w.dumps(preset.model_dump(mode="json"))


def _shipped_names() -> list[str]:
    folder = resources.files("pointsra.presets")
    return sorted(entry.name[: -len(".toml")] for entry in folder.iterdir() if entry.name.endswith(".toml"))


def _shipped_text(name: str) -> str:
    return (resources.files("pointsra.presets") / f"{name}.toml").read_text(encoding="utf-8")


def _read(source: str | Path) -> tuple[str, str]:
    name = str(source)
    if name.endswith(".toml") or "/" in name or "\\" in name:
        path = Path(name)
        try:
            return name, path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise SettingsError(f"There is no preset file {name}.") from None
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"The preset file {name} cannot be read: {error}.") from error
    names = _shipped_names()
    if name in names:
        return name, _shipped_text(name)
    nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    raise SettingsError(f"There is no preset {name!r}: {hint}`pointsra presets list` shows all of them.")


def _apply(table: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    key = key.strip()
    if not separator or not key:
        raise SettingsError(f"--set {override!r} is not of the form section.field=value.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    *sections, field = key.split(".")
    target = table
    for section in sections:
        target = target.setdefault(section, {})
        if not isinstance(target, dict):
            raise SettingsError(f"--set {key}: {section} is a value, not a section.")
    target[field] = value


def _sentence(problem: Any, model: type[BaseModel]) -> str:
    location = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        nearest = difflib.get_close_matches(location, _field_names(model), n=1, cutoff=0.5)
        hint = f" (did you mean {nearest[0]}?)" if nearest else ""
        peer = next((name for name, each in PRETRAIN_PRESETS.items() if each is model and name != "point-sra"), None)
        return f"{location} is not a field{f' of {peer}' if peer else ''}{hint}"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "missing":
        return f"{location} is missing"
    if problem["type"] == "value_error":
        return f"{location}: {message}" if location else message
    return f"{location} = {problem['input']!r}: {message[0].lower()}{message[1:]}"


def _field_names(model: type[BaseModel], prefix: str = "") -> list[str]:
    names = []
    for name, field in model.model_fields.items():
        names.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += _field_names(field.annotation, f"{prefix}{name}.")
    return names
