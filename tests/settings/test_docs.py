"""What the documentation says of presets is what the schema and the shipped presets say.

docs/presets.md names every field, with its meaning, default and range; docs/method.md compares three presets;
docs/peers.md holds a section a peer, with its recipe, and with the fields that it alone has or has otherwise.
When a test here fails, its message holds the row that the page should have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import annotated_types
import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pointsra.settings import FinetunePreset, PretrainPreset, load_preset
from pointsra.settings.peers import PRETRAIN_PRESETS

DOCS = Path(__file__).parents[2] / "docs"
COMPARED = ("paper", "small", "quickstart")
ROW = re.compile(r"^\| `([a-z0-9_.]+)` \|(.*)\|$", re.MULTILINE)


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, field


SCHEMA = dict(fields(FinetunePreset)) | dict(fields(PretrainPreset))


def documented(page: str) -> dict[str, list[str]]:
    """The rows of a page's tables that begin with a field: field -> its other cells."""
    found: dict[str, list[str]] = {}
    for name, cells in rows((DOCS / page).read_text("utf-8")):
        assert name not in found, f"docs/{page} has two rows for {name}"
        found[name] = cells
    return found


def rows(text: str) -> Iterator[tuple[str, list[str]]]:
    for name, rest in ROW.findall(text):
        yield name, [cell.strip() for cell in re.split(r"(?<!\\)\|", rest)]


def section(method: str) -> str:
    """What docs/peers.md says of one method."""
    parts = re.split(r"^## ", (DOCS / "peers.md").read_text("utf-8"), flags=re.MULTILINE)
    found = [part for part in parts if part.startswith(f"`{method}`")]
    assert len(found) == 1, f"docs/peers.md needs one heading: ## `{method}`"
    return found[0]


def written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def written_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if isinstance(field.default, str):
        return f'`"{field.default}"`'
    return f"`[{written(field.default)}]`" if isinstance(field.default, tuple) else f"`{written(field.default)}`"


def written_range(field: FieldInfo) -> str:
    kind = field.annotation
    if get_origin(kind) is Literal:
        return r" \| ".join(f"`{word}`" for word in get_args(kind))
    if get_origin(kind) is tuple:
        inner, *others = get_args(kind)
        if others[-1] is not Ellipsis:
            return "three integers ≥ 1"
        name = {int: "integers", float: "numbers"}[inner.__origin__]
        return f"{name} ≥ {inner.__metadata__[0].metadata[0].ge:g}"
    bounds = {annotated_types.Ge: "≥ ", annotated_types.Gt: "> ", annotated_types.Le: "≤ ", annotated_types.Lt: "< "}
    limits = [f"{bounds[type(each)]}{astuple(each)[0]:g}" for each in field.metadata if type(each) in bounds]
    name = {int: "integer", float: "number", str: "text", bool: r"`true` \| `false`"}[kind]
    return f"{name} {', '.join(limits)}".strip()


def flat(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def test_every_field_is_documented_and_no_other():
    page = documented("presets.md")
    assert not set(SCHEMA) - set(page), "docs/presets.md lacks these fields of the schema"
    assert not set(page) - set(SCHEMA), "docs/presets.md names fields that the schema has not"


def says(field: FieldInfo) -> list[str]:
    return [str(field.description), written_default(field), written_range(field)]


@pytest.mark.parametrize("name", sorted(set(SCHEMA) - {"task"}))
def test_a_row_says_what_the_schema_says(name):
    expected = says(SCHEMA[name])
    assert documented("presets.md")[name] == expected, f"docs/presets.md: | `{name}` | {' | '.join(expected)} |"


PEERS = sorted(set(PRETRAIN_PRESETS) - {"point-sra"})


@pytest.mark.parametrize("method", PEERS)
def test_a_peer_s_recipe_is_its_preset(method):
    found = {name: cells for name, cells in rows(section(method)) if len(cells) == 2}
    preset = dict(flat(load_preset(method).model_dump(exclude={"description", "seed", "task", "method", "runtime"})))
    expected = {name: written(value) for name, value in preset.items() if not name.startswith("data.")}
    missing = "\n".join(f"| `{name}` | {value} | ? |" for name, value in expected.items())
    assert {name: cells[0] for name, cells in found.items()} == expected, f"docs/peers.md, {method}:\n{missing}"
    assert all(len(cells[1]) > 1 for cells in found.values()), "every value says where it is from"


@pytest.mark.parametrize("method", PEERS)
def test_a_peer_s_own_fields_are_documented(method):
    found = {name: cells for name, cells in rows(section(method)) if len(cells) == 3}
    shared = {name: says(field) for name, field in fields(PretrainPreset)}
    own = {name: says(field) for name, field in fields(PRETRAIN_PRESETS[method]) if name not in ("task", "method")}
    expected = {name: cells for name, cells in own.items() if shared.get(name) != cells}
    missing = "\n".join(f"| `{name}` | {' | '.join(cells)} |" for name, cells in expected.items())
    assert found == expected, f"docs/peers.md, {method}:\n{missing}"


def test_method_compares_the_presets_as_they_are():
    presets = [dict(flat(load_preset(name).model_dump(exclude={"description"}))) for name in COMPARED]
    differing = {
        name: [written(preset[name]) for preset in presets]
        for name in presets[0]
        if any(preset[name] != presets[0][name] for preset in presets)
    }
    rows = "\n".join(f"| `{name}` | {' | '.join(cells)} |" for name, cells in differing.items())
    compared = {name: cells for name, cells in documented("method.md").items() if "." in name or name in differing}
    assert compared == differing, f"the table of docs/method.md should be\n{rows}"
