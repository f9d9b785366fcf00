"""Hats, shoes and books: what people wear and carry about."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.hollow import shell
from pointsra.data.shapes.meshes import Mesh, box, loft, move, rotate
from pointsra.data.shapes.parts import circle, curve, frustum, slab, stack, superellipsoid, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "book": {
        "format": {"upright": 0.6, "wide": 0.15, "square": 0.25},
        "thickness": {"thin": 0.35, "plain": 0.4, "thick": 0.25},
        "cover": {"hard": 0.55, "soft": 0.45},
        "spine": {"flat": 0.6, "rounded": 0.4},
        "set": {"a single book": 0.55, "a pile of books": 0.22, "a row of books": 0.23},
        "pose": {"lying": 0.4, "standing": 0.35, "open": 0.25},
    },
    "hat": {
        "crown": {"round": 0.35, "flat-topped": 0.25, "creased": 0.15, "pointed": 0.1, "helmet-like": 0.15},
        "brim": {"none": 0.18, "narrow": 0.24, "wide": 0.26, "peaked": 0.32},
        "band": {"none": 0.55, "wide": 0.45},
        "top": {"plain": 0.7, "buttoned": 0.18, "ridged": 0.12},
        "chin_strap": {"no": 0.8, "a": 0.2},
    },
    "shoe": {
        "kind": {"low": 0.45, "ankle-high": 0.25, "boot": 0.18, "open": 0.12},
        "heel": {"flat": 0.5, "block": 0.28, "high": 0.22},
        "toe": {"round": 0.6, "pointed": 0.22, "square": 0.18},
        "sole": {"thin": 0.5, "thick": 0.5},
        "laces": {"no": 0.5, "tied": 0.5},
        "count": {"a single shoe": 0.7, "a pair": 0.3},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {"book": {"pose": ("set", ("a single book",))}}
PART_NAMES = {
    "book": ("cover", "pages"),
    "hat": ("crown", "brim", "fitting"),
    "shoe": ("upper", "sole", "lace"),
}
_BOOK_WORDS = {"format": "a {} format", "cover": "a {} cover", "spine": "a {} spine", "set": "the look of {}"}
_HAT_WORDS = {"crown": "a {} crown", "brim": "a {} brim", "band": "a {} band", "top": "a {} top",
              "chin_strap": "{} chin strap"}  # fmt: skip
_SHOE_WORDS = {"kind": "a {} cut", "heel": "a {} heel", "toe": "a {} toe", "sole": "a {} sole", "laces": "{} laces",
               "count": "the look of {}"}  # fmt: skip


def _volume(wide: float, high: float, thick: float, hard: bool, rounded: bool) -> tuple[list[Mesh], list[Mesh]]:
    """Return covers and pages of a closed book that lies on y = 0, its spine at -x."""
    sheet, edge = thick * (0.1 if hard else 0.04), (wide * 0.03 if hard else 0.0)
    covers = [box((0, y, 0), (wide, sheet, high)) for y in (sheet / 2, thick - sheet / 2)]
    if rounded:
        turn = np.linspace(np.pi / 2, 1.5 * np.pi, 8)
        outline = np.stack([-wide / 2 + thick * 0.3 * np.cos(turn), thick / 2 + thick / 2 * np.sin(turn)], axis=1)
        covers.append(
            loft(np.stack([np.pad(outline, ((0, 0), (0, 1)), constant_values=z) for z in (-high / 2, high / 2)]))
        )
    else:
        covers.append(box((-wide / 2 + sheet / 2, thick / 2, 0), (sheet, thick, high)))
    return covers, [box((-edge / 2, thick / 2, 0), (wide - edge, thick - 2 * sheet, high - 2 * edge))]


def book(rng: np.random.Generator) -> Design:
    """Build a book or several from the choices of ``CHOICES["book"]``."""
    drawn = draw(rng, CHOICES["book"], ONLY_WHEN["book"])
    asm, u = Assembly(PART_NAMES["book"]), rng.uniform
    high = u(0.17, 0.32)
    wide = high * {"upright": u(0.62, 0.8), "wide": u(1.2, 1.45), "square": u(0.9, 1.08)}[drawn["format"]]
    low, top = {"thin": (0.04, 0.08), "plain": (0.1, 0.18), "thick": (0.2, 0.34)}[drawn["thickness"]]
    hard, rounded = drawn["cover"] == "hard", drawn["spine"] == "rounded"
    pose = drawn.get("pose", drawn["set"])
    if pose == "open":
        thick, droop = wide * u(low, top) * 0.6, u(0.02, 0.12) * wide
        for side in (-1.0, 1.0):
            x = np.linspace(0.0, 1.0, 7)
            line = thick * (1 - 0.3 * x) + droop * np.sin(np.pi * x**0.7)
            rings = np.array(
                [
                    [
                        (side * wide * s, 0.002, -high / 2),
                        (side * wide * s, 0.002, high / 2),
                        (side * wide * s, y, high / 2),
                        (side * wide * s, y, -high / 2),
                    ]
                    for s, y in zip(x, line, strict=True)
                ]
            )
            asm.add("pages", loft(rings))
            asm.add("cover", box((side * wide * 0.51, 0, 0), (wide * 1.02, 0.006, high * 1.03)))
        asm.turn("x", float(rng.choice([0.0, 0.0, u(40, 80)])))
    else:
        count = 1 if "set" in drawn and drawn["set"] == "a single book" else int(rng.integers(3, 8))
        at = 0.0
        for _ in range(count):
            size = 1.0 if count == 1 else u(0.75, 1.1)
            thick = wide * u(low, top)
            covers, pages = _volume(wide * size, high * size, thick, hard, rounded)
            turn = u(-15, 15) if pose == "a pile of books" else 0.0
            for part, pieces in (("cover", covers), ("pages", pages)):
                for piece in pieces:
                    placed = rotate(move(piece, (0, at, 0)), "y", turn)
                    if pose in ("standing", "a row of books"):
                        placed = rotate(rotate(placed, "x", -90), "y", 90)
                        placed = move(placed, (0, high * size / 2, -wide * (1 - size) / 2))
                    asm.add(part, placed)
            at += thick * 1.02
        if pose == "standing":
            asm.turn("y", float(rng.choice([0.0, 90.0, -90.0])))
        elif pose == "a row of books":
            asm.turn("y", float(rng.choice([0.0, 180.0])))
    return asm.finish(drawn, caption("book", drawn, ("pose", "thickness"), _BOOK_WORDS))


def hat(rng: np.random.Generator) -> Design:
    """Build a hat, cap or helmet from the choices of ``CHOICES["hat"]``."""
    drawn = draw(rng, CHOICES["hat"])
    asm, u = Assembly(PART_NAMES["hat"]), rng.uniform
    radius, ratio = u(0.08, 0.11), u(0.78, 0.95)
    high, kind = radius * u(0.8, 1.4), drawn["crown"]
    t = np.linspace(0.0, np.pi / 2, 8)
    dome = [(radius * np.cos(a), high * np.sin(a)) for a in t]
    line = {
        "round": dome,
        "creased": [
            (radius, 0),
            (radius * 0.95, high * 0.5),
            (radius * 0.85, high * 0.95),
            (radius * 0.6, high),
            (0, high * 0.8),
        ],
        "flat-topped": [(radius, 0), (radius * u(0.85, 1.1), high * 0.9), (radius * 0.8, high), (0, high)],
        "pointed": [(radius, 0), (radius * 0.6, high * 0.7), (0.1 * radius, high * 1.8), (0, high * 1.85)],
        "helmet-like": [(radius * 1.05, -high * 0.4), (radius * 1.12, 0), *[(r * 1.1, y * 1.05) for r, y in dome[1:]]],
    }[kind]
    section = circle(24) * np.array([1.0, ratio])
    wall = radius * u(0.03, 0.1 if kind != "helmet-like" else 0.2)
    cap = shell([(r, -y) for r, y in line[::-1]], wall, section)
    asm.add("crown", rotate(cap, "x", 180))
    low = float(line[0][1])
    if drawn["brim"] in ("narrow", "wide"):
        out, curl = radius * (u(0.2, 0.35) if drawn["brim"] == "narrow" else u(0.5, 1.0)), radius * u(-0.2, 0.3)
        rows = [
            (radius * 0.95, low),
            (radius + out, low + curl),
            (radius + out, low + curl + wall),
            (radius * 0.95, low + wall),
            (radius * 0.95, low),
        ]
        rings = np.array([np.stack([r * section[:, 1], np.full(24, y), r * section[:, 0]], axis=1) for r, y in rows])
        bend = u(0.0, 2.5)
        rings[:, :, 1] += bend * np.maximum(np.abs(rings[:, :, 0]) - radius * 0.9, 0) ** 2 / radius
        asm.add("brim", loft(rings, caps=False))
    elif drawn["brim"] == "peaked":
        angles, out = np.linspace(0.15, 0.85, 12) * np.pi, radius * u(0.45, 0.9)
        outer = np.stack(
            [radius * ratio * np.cos(angles), radius * 0.85 * np.sin(angles) + out * np.sin(angles) ** 0.7], axis=1
        )
        inner = np.stack([radius * ratio * np.cos(angles), radius * 0.9 * np.sin(angles)], axis=1)
        peak = slab(np.concatenate([outer, inner[::-1]]), low, low + wall)
        asm.add("brim", rotate(peak, "x", u(0, 18), (0, low, radius)))
    if drawn["band"] == "wide":
        ring = np.array(
            [
                np.stack([r * section[:, 1], np.full(24, y), r * section[:, 0]], axis=1)
                for r, y in [
                    (radius, low),
                    (radius * 1.05, low),
                    (radius * 1.04, low + high * 0.25),
                    (radius * 0.95, low + high * 0.25),
                    (radius, low),
                ]
            ]
        )
        asm.add("fitting", loft(ring, caps=False))
    peak_y = float(line[-1][1])
    if drawn["top"] == "buttoned":
        asm.add("fitting", superellipsoid((0, peak_y, 0), (radius * u(0.15, 0.5),) * 3))
    elif drawn["top"] == "ridged":
        arc = np.stack([0 * t, high * 1.02 * np.sin(2 * t), radius * 0.9 * np.cos(2 * t)], axis=1)
        asm.add("fitting", tube(arc, radius * 0.08, sides=6))
    if drawn["chin_strap"] == "a":
        turn = np.linspace(0, np.pi, 11)
        path = np.stack([radius * ratio * np.cos(turn), low - radius * 1.2 * np.sin(turn), 0 * turn], axis=1)
        asm.add("fitting", tube(path, radius * 0.03, flat=radius * 0.08))
    return asm.finish(drawn, caption("hat", drawn, (), _HAT_WORDS))


def shoe(rng: np.random.Generator) -> Design:
    """Build a shoe or a pair from the choices of ``CHOICES["shoe"]``; toes toward +z."""
    drawn = draw(rng, CHOICES["shoe"])
    asm, u, kind = Assembly(PART_NAMES["shoe"]), rng.uniform, drawn["kind"]
    long, thick = u(0.22, 0.3), u(0.006, 0.012) if drawn["sole"] == "thin" else u(0.014, 0.028)
    half = long * u(0.16, 0.2)
    lift = {"flat": 0.0, "block": u(0.02, 0.035), "high": u(0.05, 0.1)}[drawn["heel"]]
    t = np.linspace(0.0, 1.0, 11)
    toe = {"round": 0.55, "pointed": 1.0, "square": 0.25}[drawn["toe"]]
    width = half * np.interp(t, [0, 0.25, 0.5, 0.75, 1], [0.72, 0.78, 0.78, 1.0, 0.95])
    width *= np.clip(1 - np.clip((t - 0.72) / 0.285, 0, 1) ** 2, 0.02, 1) ** toe * np.clip(t / 0.1 + 0.4, 0, 1)
    floor = lift * np.clip(1 - t / 0.62, 0, 1) ** 0.8 + long * 0.03 * np.clip((t - 0.8) / 0.2, 0, 1) ** 2
    z = (t - 0.5) * long
    ankle = long * {"low": u(0.24, 0.32), "ankle-high": u(0.45, 0.6), "boot": u(0.7, 1.2), "open": u(0.06, 0.2)}[kind]
    instep = long * (u(0.2, 0.27) if kind != "open" else u(0.1, 0.2))
    tall = np.interp(t, [0, 0.1, 0.4, 0.55, 0.75, 1], [instep, instep, instep, instep, instep * 0.62, instep * 0.3])
    circle_x, circle_y = np.cos(np.linspace(0, np.pi, 8)), np.sin(np.linspace(0, np.pi, 8))
    rings = np.empty((11, 8, 3))
    rings[:, :, 0] = width[:, None] * circle_x
    rings[:, :, 1] = (floor + thick)[:, None] + tall[:, None] * circle_y**0.6
    rings[:, :, 2] = z[:, None]
    pieces: list[tuple[str, Mesh]] = []
    start = 5 if kind == "open" and rng.random() < 0.6 else 0
    pieces.append(("upper", loft(rings[start:])))
    if kind != "open":
        mouth, base = long * u(0.13, 0.2), floor[2] + thick
        rows = [
            (base + ankle, half * 0.82, mouth, -long * 0.3),
            (base + instep * 0.7, half * 0.72, mouth, -long * 0.29),
        ]
        inner = [
            (base + instep * 0.75, half * 0.6, mouth * 0.85, -long * 0.29),
            (base + ankle, half * 0.74, mouth * 0.88, -long * 0.3),
        ]
        pieces.append(("upper", stack([*inner, *rows], 2.2)))
    bottom = np.empty((11, 4, 3))
    bottom[:, :, 0] = width[:, None] * 1.06 * np.array([-1, 1, 1, -1])
    bottom[:, :, 1] = floor[:, None] + thick * np.array([0, 0, 1.3, 1.3])
    bottom[:, :, 2] = z[:, None] * 1.02
    pieces.append(("sole", loft(bottom)))
    if lift:
        slim = 1.0 if drawn["heel"] == "block" else u(0.2, 0.7)
        size = half * 0.7
        pieces.append(("sole", frustum((0, 0, -long * 0.42), (0, lift, -long * 0.4), size * slim, size, sides=10)))
    if drawn["laces"] == "tied":
        for share in np.linspace(0.42, 0.68, int(rng.integers(3, 6))):
            y, w = (float(np.interp(share, t, values)) for values in (floor + tall + thick, width))
            path = curve(
                [
                    (-w * 0.6, y * 0.93, (share - 0.5) * long),
                    (0, y + 0.004, (share - 0.49) * long),
                    (w * 0.6, y * 0.93, (share - 0.5) * long),
                ],
                3,
            )
            pieces.append(("lace", tube(path, long * 0.011, sides=5)))
    apart = half * u(1.15, 1.6) if drawn["count"] == "a pair" else 0.0
    for side in (-1.0, 1.0) if apart else (0.0,):
        for part, piece in pieces:
            asm.add(part, move(piece, (side * apart, 0, 0)))
    return asm.finish(drawn, caption("shoe", drawn, (), _SHOE_WORDS))
