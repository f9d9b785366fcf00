"""Radiators, front toward +z: cast columns, panels, towel rails and portable ones filled with oil."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import Mesh, box, loft
from pointsra.data.shapes.parts import bent, frustum, superellipsoid, tube, wheel

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "radiator": {
        "kind": {"column": 0.36, "panel": 0.26, "towel": 0.22, "portable": 0.16},
        "relief": {"slim": 0.3, "medium": 0.4, "deep": 0.3},
        "support": {"feet": 0.45, "brackets": 0.35, "nothing": 0.2},
        "valve": {"no valve": 0.3, "one valve": 0.35, "a valve and a pipe": 0.35},
        "bars": {"round": 0.55, "flat": 0.45},
        "arrangement": {"even": 0.5, "grouped": 0.5},
    }
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "radiator": {
        "support": ("kind", ("column", "panel", "towel")),
        "valve": ("kind", ("column", "panel", "towel")),
        "bars": ("kind", ("towel",)),
        "arrangement": ("kind", ("towel",)),
    }
}
PART_NAMES = {"radiator": ("body", "fitting")}
_WORDS = {"relief": "a {} body", "bars": "{} bars", "arrangement": "rows that are {}", "support": "{} under it",
          "valve": "{}"}  # fmt: skip


def _columns(rng: np.random.Generator, relief: str) -> tuple[list[Mesh], tuple[float, float, float]]:
    """Return cast sections side by side, each of one to four tubes between two hubs, and the whole's extents."""
    u = rng.uniform
    count, rows = (
        int(rng.integers(4, 21)),
        {"slim": 1, "medium": int(rng.integers(2, 4)), "deep": int(rng.integers(4, 6))}[relief],
    )
    pitch, high = u(0.042, 0.07), float(rng.choice([u(0.3, 0.5), u(0.5, 0.95), u(1.2, 1.8)], p=[0.25, 0.6, 0.15]))
    if high > 1.1:
        count = min(count, 10)
    radius, apart = pitch * u(0.28, 0.44), u(0.04, 0.062)
    deep, flat = apart * (rows - 1), rng.random() < 0.4
    pieces: list[Mesh] = []
    for x in (np.arange(count) - (count - 1) / 2) * pitch:
        for z in (np.arange(rows) - (rows - 1) / 2) * apart:
            if flat:
                pieces.append(box((x, high / 2, z), (radius * 1.5, high - 0.06, apart * 0.85)))
            else:
                pieces.append(frustum((x, 0.03, z), (x, high - 0.03, z), radius, sides=8))
        for y in (0.035, high - 0.035):
            pieces.append(superellipsoid((x, y, 0), (pitch * 0.96, 0.075, deep + apart * 1.05), 0.7, 0.6))
    for y in (0.035, high - 0.035):
        pieces.append(frustum((-pitch * count / 2, y, 0), (pitch * count / 2, y, 0), 0.02, sides=8))
    return pieces, (pitch * count, high, deep + apart)


def _panels(rng: np.random.Generator, relief: str) -> tuple[list[Mesh], tuple[float, float, float]]:
    """Return pressed sheets with upright ribs, fins between them and a cover, and the whole's extents."""
    u = rng.uniform
    upright = rng.random() < 0.2
    wide, high = (u(0.3, 0.6), u(1.4, 1.9)) if upright else (u(0.4, 1.8), u(0.25, 0.75))
    sheets = {"slim": 1, "medium": 2, "deep": 3}[relief]
    apart, style = u(0.045, 0.07), int(rng.choice(3, p=[0.6, 0.2, 0.2]))
    deep = apart * max(sheets - 1, 1)
    pieces: list[Mesh] = []
    pitch = u(0.035, 0.06)
    count = max(int(wide * 0.95 / pitch), 3)
    for z in deep / 2 - np.arange(sheets) * apart:
        pieces.append(box((0, high / 2, z), (wide, high, 0.014)))
        front = z + 0.008
        if style == 0:
            for x in (np.arange(count) - (count - 1) / 2) * wide * 0.95 / count:
                pieces.append(box((x, high / 2, front), (pitch * 0.55, high * 0.86, 0.02)))
        elif style == 1:
            for y in (np.arange(6) + 0.5) * high / 6:
                pieces.append(box((0, y, front), (wide * 0.98, high / 6 * 0.8, 0.018)))
    if sheets == 1:
        pieces.append(box((0, high / 2, -deep * 0.3), (wide * 0.94, high * 0.88, 0.02)))
        for y in (0.2, 0.8):
            pieces.append(box((0, y * high, 0), (wide * 0.8, 0.04, deep * 0.9)))
    else:
        for x in np.linspace(-0.45, 0.45, max(int(wide / u(0.06, 0.1)), 3)) * wide:
            pieces.append(box((x, high / 2, 0), (0.008, high * 0.8, deep)))
    if rng.random() < 0.65:
        for x in (-wide / 2, wide / 2):
            pieces.append(box((x, high / 2, 0), (0.012, high, deep + 0.02)))
        for x in np.linspace(-0.48, 0.48, max(int(wide / 0.04), 4)) * wide:
            pieces.append(box((x, high - 0.008, 0), (0.014, 0.012, deep)))
    return pieces, (wide, high, deep)


def _towel_rail(rng: np.random.Generator, drawn: dict[str, str]) -> tuple[list[Mesh], tuple[float, float, float]]:
    """Return a ladder of level bars between two posts, and its extents."""
    u = rng.uniform
    wide, high = u(0.4, 0.75), u(0.6, 1.8)
    thick = {"slim": 0.011, "medium": 0.015, "deep": 0.02}[drawn["relief"]] * u(0.9, 1.15)
    bow = float(rng.choice([0.0, u(0.03, 0.12)]))
    pitch = thick * u(2.6, 4.5)
    heights = np.arange(0.05, high - 0.03, pitch)
    if drawn["arrangement"] == "grouped":
        run = int(rng.integers(3, 7))
        heights = heights[np.arange(len(heights)) % (run + 2) < run]
    post = thick * u(1.2, 1.8)
    pieces: list[Mesh] = []
    for side in (-1, 1):
        if rng.random() < 0.5:
            pieces.append(frustum((side * wide / 2, 0, 0), (side * wide / 2, high, 0), post, sides=10))
        else:
            pieces.append(box((side * wide / 2, high / 2, 0), (post * 2, high, post * 2)))
    t = np.linspace(-1, 1, 9 if bow else 2)
    forward = post if rng.random() < 0.3 else 0.0
    for y in heights:
        path = np.stack([t * wide / 2 * 0.999, np.full(len(t), y), forward + bow * (1 - t**2)], axis=1)
        if drawn["bars"] == "round":
            pieces.append(tube(path, thick, sides=7))
        else:
            rings = np.repeat(path[:, None], 4, axis=1)
            rings[:, :, 1] += np.array([-1, -1, 1, 1]) * thick * 1.3
            rings[:, :, 2] += np.array([-1, 1, 1, -1]) * thick * 0.55
            pieces.append(loft(rings))
    return pieces, (wide + 2 * post, high, 2 * post)


def _portable(asm: Assembly, rng: np.random.Generator, relief: str) -> None:
    """Add a row of thin fins across x on wheels, with a box of controls at one end."""
    u = rng.uniform
    count, high = int(rng.integers(5, 14)), u(0.45, 0.65)
    deep = {"slim": u(0.09, 0.12), "medium": u(0.12, 0.15), "deep": u(0.15, 0.2)}[relief]
    pitch, lift = u(0.032, 0.05), u(0.05, 0.1)
    long = pitch * count
    for x in (np.arange(count) - (count - 1) / 2) * pitch:
        asm.add("body", superellipsoid((x, lift + high / 2, 0), (pitch * u(0.3, 0.35), high, deep), 0.25, 0.5))
    for y in (0.1, 0.9):
        asm.add("body", frustum((-long / 2, lift + y * high, 0), (long / 2, lift + y * high, 0), 0.026, sides=10))
    asm.add("fitting", box((long / 2 + 0.03, lift + high * 0.52, 0), (0.075, high * 0.92, deep * 1.05), taper=0.95))
    for y in (0.7, 0.85):
        start = (long / 2 + 0.06, lift + y * high, 0)
        asm.add("fitting", frustum(start, (long / 2 + 0.09, lift + y * high, 0), 0.02, sides=10))
    for x in (-long * 0.36, long * 0.36):
        asm.add("fitting", box((x, lift, 0), (0.03, 0.04, deep * 1.7)))
        for z in (-deep * 0.8, deep * 0.8):
            if rng.random() < 0.85:
                asm.add("fitting", wheel((x, lift * 0.45, z), lift * 0.45, 0.03))
            asm.add("fitting", frustum((x, lift * 0.3, z), (x, lift, z), 0.01, sides=6))
    top = lift + high
    path = bent([(long * 0.2, top - 0.02, 0), (long * 0.2, top + 0.05, 0), (long * 0.48, top + 0.05, 0),
                 (long * 0.48, top - 0.05, 0)], 0.03)  # fmt: skip
    asm.add("fitting", tube(path, 0.012, sides=6))


def radiator(rng: np.random.Generator) -> Design:
    """Build a radiator from the choices of ``CHOICES["radiator"]``."""
    drawn = draw(rng, CHOICES["radiator"], ONLY_WHEN["radiator"])
    asm, u, kind = Assembly(PART_NAMES["radiator"]), rng.uniform, drawn["kind"]
    if kind == "portable":
        _portable(asm, rng, drawn["relief"])
        return asm.finish(drawn, caption("radiator", drawn, ("kind",), _WORDS))
    if kind == "towel":
        pieces, (wide, high, deep) = _towel_rail(rng, drawn)
    else:
        pieces, (wide, high, deep) = (_columns if kind == "column" else _panels)(rng, drawn["relief"])
    asm.add("body", *pieces)
    if drawn["support"] == "feet":
        drop, ends = u(0.06, 0.14), (wide / 2 - 0.03) if kind == "towel" else wide * u(0.36, 0.47)
        for x in (-ends, ends):
            if kind == "column":
                for z in (-deep * 0.36, deep * 0.36):
                    asm.add("fitting", frustum((x, -drop, z * 1.15), (x, 0.04, z), 0.024, 0.016, sides=8))
            else:
                asm.add("fitting", box((x, -drop / 2 + 0.02, 0), (0.035, drop + 0.04, max(deep * 0.5, 0.03))))
                asm.add("fitting", box((x, -drop, 0), (0.07, 0.015, max(deep * 1.4, 0.14))))
    elif drawn["support"] == "brackets":
        out = u(0.03, 0.07)
        for x in (
            -wide * 0.4 if kind != "towel" else -wide / 2 + 0.02,
            wide * 0.4 if kind != "towel" else wide / 2 - 0.02,
        ):
            for y in (0.15, 0.85):
                asm.add("fitting", box((x, y * high, -(deep + out) / 2), (0.03, 0.04, out + deep * 0.6)))
                asm.add("fitting", box((x, y * high, -deep / 2 - out), (0.06, 0.08, 0.012)))
    if drawn["valve"] != "no valve":
        side, low = float(rng.choice([-1, 1])), 0.04
        x, size = side * wide / 2, u(0.018, 0.028)
        out = x + side * 0.06
        asm.add("fitting", frustum((x - side * 0.03, low, 0), (out, low, 0), 0.014, sides=8))
        if rng.random() < 0.5:
            asm.add("fitting", frustum((out, low - 0.02, 0), (out, low + 0.09, 0), size, size * 0.9, sides=12))
        else:
            asm.add("fitting", frustum((out - side * 0.02, low, 0), (out + side * 0.08, low, 0), size, size * 0.85))
        if drawn["valve"] == "a valve and a pipe":
            drop = -u(0.1, 0.2) if drawn["support"] != "feet" else -0.08
            asm.add("fitting", frustum((out, low, 0), (out, drop, 0), 0.012, sides=8))
            asm.add("fitting", frustum((-x + side * 0.03, low, 0), (-out, low, 0), 0.013, sides=8))
            asm.add("fitting", frustum((-out, low + 0.012, 0), (-out, drop, 0), 0.012, sides=8))
    return asm.finish(drawn, caption("radiator", drawn, ("kind",), _WORDS))
