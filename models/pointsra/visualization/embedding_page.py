"""The map of a data set's clouds as one self-contained page: under the pointer a cloud shows its picture and its names.

The page needs no network. Pictures are drawn in the browser from a few points a cloud, as many as keep the page below
two megabytes. The drawing is in ``embedding.html``; this module only fills it.
"""

from __future__ import annotations

import base64
import html
import json
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsra.ops.splatting import DEFAULT_CAMERA, camera_axes
from pointsra.visualization.embedding import MARKERS, EmbeddingMap, mark_radius
from pointsra.visualization.palette import hex_color

_MOST_BYTES = 1_900_000
_FEWEST_POINTS = 32  # of a picture; with less there is none
_LONGEST_ID, _LONGEST_CAPTION = 60, 160  # letters
_MOST_OF_CAPTIONS = 500_000  # bytes; so that pictures have room beside them
_STEPS = 127  # int8: a picture is small


def embedding_page(shown: EmbeddingMap) -> str:
    """The page as one string of HTML, smaller than two megabytes for any number of clouds that a map is made of.

    Captions are left out where they would take the room of pictures; pictures have fewer points where clouds are many.
    """
    classes, colors, markers = shown.classes(), shown.colors(), shown.markers()
    order = {number: place for place, (number, _, _) in enumerate(classes)}
    data: dict[str, Any] = {
        "classes": [
            {"name": name, "count": count, "color": hex_color(colors[number]), "marker": markers[number]}
            for number, name, count in classes
        ],
        "markers": [[[round(x, 3), round(y, 3)] for x, y in outline] for outline in MARKERS],
        "radius": mark_radius(len(shown.places)),
        "places": _packed(np.round(shown.framed() * 65535).clip(0, 65535).astype("<u2")),
        "labels": _packed(np.array([order[int(label)] for label in shown.labels], dtype="<u2")),
        "ids": [_short(name, _LONGEST_ID) for name in shown.ids],
        "captions": None,
        "axes": [[round(float(value), 5) for value in axis] for axis in camera_axes(DEFAULT_CAMERA)],
        "outlines": "",
        "points": 0,
    }
    if shown.captions is not None:
        captions = [_short(text, _LONGEST_CAPTION) for text in shown.captions]
        if len(_json(captions).encode()) < _MOST_OF_CAPTIONS:
            data["captions"] = captions
    template = resources.files("pointsra.visualization").joinpath("embedding.html").read_text(encoding="utf-8")
    room = _MOST_BYTES - len(template.encode()) - len(_json(data).encode()) - len(shown.note.encode())
    if shown.outlines is not None:
        kept = min(room * 3 // 4 // (3 * len(shown.places)), shown.outlines.shape[1])
        if kept >= _FEWEST_POINTS:
            steps = np.round(shown.outlines[:, :kept] * _STEPS).clip(-_STEPS, _STEPS).astype(np.int8)
            data |= {"outlines": _packed(steps), "points": int(kept)}
    payload = _json(data).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    parts = {"title": html.escape(shown.title), "note": html.escape(shown.note), "data": payload}
    before, *rest = template.split("{{")
    filled = [before]
    for piece in rest:  # one pass, so that braces in a title are left alone
        name, _, after = piece.partition("}}")
        filled += [parts[name], after]
    return "".join(filled)


def _packed(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def _short(text: str, letters: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= letters else line[: letters - 1] + "…"


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
