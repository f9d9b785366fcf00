"""``shapenet55.json`` of ReCon: one text for each category of ShapeNet, in any layout that pandas writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pointsra.data.sizes import refuse_oversized
from pointsra.errors import DataError

_LARGEST = 1 << 24  # bytes; ours: the file has 55 rows


def read_texts(path: Path) -> dict[str, str]:
    """Read the texts by category.

    The columns are ``catalogue`` (the synset as a number, so without its leading 0) and ``describe`` (the text),
    column by column as ``DataFrame.to_json`` has them, or as a list of rows.

    Args:
        path: the file.

    Returns:
        Synset number of eight digits -> text.

    Raises:
        DataError: missing, not JSON, without these columns, or a row that is not a number and a text.
    """
    if not path.is_file():
        raise DataError(f"{path}: not there; it comes with the images of ReCon.")
    refuse_oversized(path, _LARGEST, "55 texts")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as cause:
        raise DataError(f"{path}: not valid JSON; copy it again.") from cause
    texts: dict[str, str] = {}
    for number, (synset, text) in enumerate(_rows(path, content)):
        key = _synset(synset)
        if key is None or not isinstance(text, str) or not " ".join(text.split()).isprintable() or not text.strip():
            raise DataError(
                f"{path}: row {number} is catalogue {_short(synset)}, describe {_short(text)}; expected a synset "
                "number and a text."
            )
        texts[key] = " ".join(text.split())
    if not texts:
        raise DataError(f"{path}: no row in it; copy it again.")
    return texts


def _rows(path: Path, content: Any) -> list[tuple[Any, Any]]:
    if isinstance(content, list) and all(isinstance(row, Mapping) for row in content):
        rows = content
    elif isinstance(content, Mapping) and isinstance(content.get("catalogue"), Mapping):
        texts = content.get("describe")
        lookup = texts if isinstance(texts, Mapping) else {}
        rows = [{"catalogue": each, "describe": lookup.get(key)} for key, each in content["catalogue"].items()]
    elif isinstance(content, Mapping) and isinstance(content.get("catalogue"), list):
        texts = content.get("describe")
        pairs = zip(content["catalogue"], texts if isinstance(texts, list) else [], strict=False)
        rows = [{"catalogue": synset, "describe": text} for synset, text in pairs]
    else:
        rows = [{}]
    if any("catalogue" not in row or "describe" not in row for row in rows):
        raise DataError(f"{path}: expected the columns catalogue and describe, as ReCon's shapenet55.json has them.")
    return [(row["catalogue"], row["describe"]) for row in rows]


def _synset(value: Any) -> str | None:
    """A synset number of eight digits from 2691156, 2691156.0 or "02691156"."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or len(text) > 8:
        return None
    return text.zfill(8)


def _short(value: Any) -> str:
    return repr(value)[:40]
