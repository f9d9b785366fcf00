"""Windows, seen from the front: sashes of every kind in a frame, glazing bars, sills, shutters and blinds."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.joinery import Top, hang, leaf, sash, slats, strip, surround
from pointsra.data.shapes.meshes import box, move, rotate
from pointsra.data.shapes.parts import beam, circle, slab, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "window": {
        "shape": {"straight": 0.7, "arched": 0.16, "round": 0.08, "pointed": 0.06},
        "kind": {"casement": 0.38, "double-hung": 0.2, "sliding": 0.14, "tilting": 0.1, "fixed": 0.18},
        "glazing": {"plain": 0.36, "barred": 0.2, "crossed": 0.18, "gridded": 0.26},
        "state": {"closed": 0.52, "ajar": 0.3, "wide open": 0.18},
        "sill": {"no": 0.4, "a": 0.6},
        "cover": {"nothing else": 0.6, "shutters": 0.2, "a blind": 0.2},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "window": {
        "kind": ("shape", ("straight", "arched")),
        "state": ("kind", ("casement", "double-hung", "sliding", "tilting")),
        "cover": ("shape", ("straight", "arched", "pointed")),
    }
}
PART_NAMES = {"window": ("sash", "frame")}
_WINDOW_WORDS = {"shape": "a {} outline", "kind": "a {} sash", "glazing": "{} panes", "state": "the look of one {}",
                 "sill": "{} sill", "cover": "{}"}  # fmt: skip


def _round_window(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    """Add a round window; bars cross its middle."""
    u, size = rng.uniform, rng.uniform(0.25, 0.6)
    squash, thick, deep = float(rng.choice([1.0, 1.0, u(0.6, 1.5)])), size * u(0.05, 0.13), u(0.06, 0.16)
    turn = np.linspace(0, 2 * np.pi, 33)[:-1]
    around = np.stack([np.cos(turn), squash * np.sin(turn), 0 * turn], axis=1)
    asm.add("frame", tube(around * size, thick, flat=deep / 2, loop=True))
    asm.add("sash", tube(around * (size - thick), thick * 0.45, flat=deep * 0.25, loop=True))
    asm.add("sash", rotate(slab(circle(24) * np.array([1.0, squash]) * (size - thick), -0.005, 0.005), "x", 90))
    count = {"plain": 0, "barred": 1, "crossed": 2, "gridded": int(rng.integers(3, 5))}[drawn["glazing"]]
    for angle in np.arange(count) * np.pi / max(count, 1) + (np.pi / 2 if count < 3 else 0.0):
        x, y = (size - thick) * np.cos(angle), (size - thick) * squash * np.sin(angle)
        asm.add("sash", beam((-x, -y, 0), (x, y, 0), max(thick * 0.35, 0.02), 0.03))
    if drawn["sill"] == "a":
        asm.add("frame", box((0, -size * squash - thick, deep * 0.3), (size * u(1.0, 2.0), 0.05, deep * 1.6)))


def window(rng: np.random.Generator) -> Design:
    """Build a window from the choices of ``CHOICES["window"]``."""
    drawn = draw(rng, CHOICES["window"], ONLY_WHEN["window"])
    asm, u, shape = Assembly(PART_NAMES["window"]), rng.uniform, drawn["shape"]
    words = _WINDOW_WORDS
    if shape == "round":
        _round_window(asm, drawn, rng)
        return asm.finish(drawn, caption("window", drawn, (), words))
    kind = drawn.get("kind", "fixed")
    wide, high = u(0.5, 1.6), u(0.7, 1.8)
    if kind in ("sliding", "fixed") and shape == "straight":
        wide *= u(1.0, 1.5)
    elif shape != "straight":
        wide = min(wide, high * 0.9)
    rise = {"straight": 0.0, "arched": wide * u(0.15, 0.5), "pointed": wide * u(0.5, 0.9)}[shape]
    top = Top(high, rise, 0.0, wide / 2, shape == "pointed")
    jamb, deep, rail, thick = u(0.035, 0.09), u(0.07, 0.2), u(0.035, 0.075), u(0.035, 0.055)
    grid = {"plain": (1, 1), "barred": [(2, 1), (1, 2), (3, 1)][int(rng.integers(3))], "crossed": (2, 2),
            "gridded": (int(rng.integers(3, 5)), int(rng.integers(2, 5)))}[drawn["glazing"]]  # fmt: skip
    casing = u(0.08, 0.16) if rng.random() < 0.35 else 0.0
    asm.add("frame", *surround(wide, top, jamb, deep, casing), strip(-wide / 2 - jamb, wide / 2 + jamb, -jamb, 0, deep))
    openness = {"closed": 0.0, "ajar": u(0.12, 0.4), "wide open": u(0.55, 0.95)}[drawn.get("state", "closed")]
    inner, way = top, float(rng.choice([-1, 1]))
    if rise and kind in ("double-hung", "sliding", "tilting"):
        inner = Top(high)
        asm.add("frame", strip(-wide / 2, wide / 2, high - jamb / 2, high + jamb / 2, deep * 0.8))
        asm.add("sash", *sash(-wide / 2, wide / 2, high, top, rail, thick, (1, grid[1])))
    glass = bool(rng.random() < 0.85)
    half = wide / 2
    if kind == "fixed":
        asm.add("sash", *sash(-half, half, 0, inner, rail, thick, grid, glass=glass))
    elif kind == "tilting":
        pieces = sash(-half, half, 0, inner, rail, thick, grid, glass=glass)
        pivot = (0, 0 if way < 0 else high, 0)
        asm.add("sash", *(rotate(piece, "x", way * -openness * 50, pivot) for piece in pieces))
    elif kind == "double-hung":
        meet = high * u(0.42, 0.58)
        rows = (max(grid[0] // 2, 1), grid[1])
        asm.add("sash", *(move(m, (0, 0, -thick / 2)) for m in sash(-half, half, meet - rail / 2, inner, rail, thick,
                                                                      rows, glass=glass)))  # fmt: skip
        lower = sash(-half, half, 0, Top(meet + rail / 2), rail, thick, rows, glass=glass)
        asm.add("sash", *(move(piece, (0, openness * (high - meet), thick / 2)) for piece in lower))
    elif kind == "sliding":
        count = 2 if wide < 1.3 or rng.random() < 0.6 else 3
        each = wide / count
        for i in range(count):
            x = -half + each * i + (openness * each if i == 0 else 0.0)
            pieces = sash(x, x + each, 0, inner, rail, thick, grid, glass=glass)
            asm.add("sash", *(move(piece, (0, 0, (i % 2 - 0.5) * thick * way)) for piece in pieces))
    else:
        count = 1 if wide < 0.65 or (wide < 0.9 and rng.random() < 0.4) else 2
        first, both = bool(rng.random() < 0.5), rng.random() < 0.6
        for i in range(count):
            each = wide / count
            edge = Top(inner.spring, inner.rise, half, half)
            cols = max(grid[1] // count, 1)
            pieces = [("sash", m) for m in sash(0, each, 0, edge, rail, thick, (grid[0], cols), glass=glass)]
            turn = way * openness * 115 if i == 0 or both else 0.0
            for part, piece in hang(pieces, turn, half, (i == 1) != first):
                asm.add(part, piece)
    if drawn["sill"] == "a":
        reach = u(0.04, 0.2)
        asm.add("frame", box((0, -jamb - 0.02, reach / 2), (wide + 2 * jamb + u(0.02, 0.3), 0.05, deep + reach)))
    cover = drawn.get("cover")
    if cover == "shutters":
        style, swing = str(rng.choice(["louvered", "planked", "paneled"])), u(100, 178)
        out = half + max(jamb, casing)
        for right in (False, True):
            edge = Top(inner.spring, rise if inner.rise else 0.0, half, half)
            board = [("frame", m) for m in leaf(style, half, 0.0, edge, 0.035, rng)]
            for part, piece in hang(board, -swing, out, right):
                asm.add(part, move(piece, (0, 0, deep / 2)))
    elif cover == "a blind":
        drop, z = high * (1 - u(0.3, 1.0)), -deep / 2 - 0.02
        asm.add("frame", box((0, high - 0.02, z), (wide, 0.06, 0.06)), box((0, drop, z), (wide, 0.025, 0.035)))
        if rng.random() < 0.6:
            pieces = slats(-half, half, drop, high - 0.03, 0.006, u(0.035, 0.06), u(20, 70))
        else:
            pieces = [strip(-half, half, drop, high, 0.012)]
        asm.add("frame", *(move(piece, (0, 0, z)) for piece in pieces))
    return asm.finish(drawn, caption("window", drawn, (), words))
