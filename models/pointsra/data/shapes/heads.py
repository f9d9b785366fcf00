"""Heads of animals: skull, muzzle and trunk, ears, horns and tusks. All lengths are the caller's."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.flesh import Uniform, flesh
from pointsra.data.shapes.meshes import Mesh, both_sides

# Length of an ear relative to the height of the head. Ours, from drawings of the animals.
_EARS = {"dog": 0.5, "cat": 0.42, "horse": 0.34, "cow": 0.42, "elephant": 1.3, "giraffe": 0.45, "pig": 0.42,
                "sheep": 0.5, "bear": 0.26}  # fmt: skip


def face(
    kind: str, long: float, high: float, wide: float, muzzle: float, horns: str, room: float, u: Uniform
) -> list[Mesh]:
    """Return a head whose back is at the origin and whose nose points to +z.

    Args:
        kind: of animal.
        long: from the back of the skull to the nose.
        high: of the skull.
        wide: of the skull.
        muzzle: its height relative to the skull's.
        horns: no, short or long; an elephant's are tusks.
        room: how far down a trunk reaches.
        u: source of uniform numbers.
    """
    drop = 0.0 if kind in ("cat", "pig") else -0.12
    tip, broad = muzzle * high / 2, wide / 2 * min(muzzle * 1.1, 0.9)
    short = 0.62 if kind == "cat" else 0.48
    rows = [(0, 0.0, 0.0, wide * 0.36, high * 0.38), (0, 0.05 * high, long * 0.22, wide * 0.5, high * 0.5)]
    if kind in ("dog", "cat", "bear"):
        rows.append((0, -0.03 * high, long * short, broad * 1.25, (tip + 0.2 * high) * 0.85))
    rows.append((0, drop * high * (1.3 if short < 0.6 else 0.6), long * 0.66, broad * 1.08, tip * 1.12))
    flat = kind == "pig"
    rows.append((0, drop * high, long * 0.94, broad * (1.2 if flat else 0.95), tip * (1.2 if flat else 0.9)))
    pieces = [flesh(rows, ends=(0.6, 0.1 if flat else 0.5))]
    if kind in ("dog", "cat", "bear"):
        pieces.append(flesh([(0, drop * high + tip * 0.6, long * z, broad * 0.4) for z in (0.93, 0.99)], 2, 8))
    if kind == "elephant":
        reach = min(u(0.7, 1.1), max(room, 0.12))
        ahead = 0.7 * max(0.9 - reach, 0.0) + u(-0.05, 0.2)
        rows = [(0, 0, long * 0.55, high * 0.3), (0, -0.35 * reach, long * 0.95, high * 0.2),
                (0, -0.75 * reach, long + ahead * 0.3, high * 0.15),
                (0, (-1.0 + ahead * 0.3) * reach, long + ahead, high * 0.11)]  # fmt: skip
        pieces.append(flesh(rows))
    size, top = high * _EARS[kind] * u(0.8, 1.2), 0.38 * high
    hanging = kind in ("dog", "pig") and u() < 0.45
    if kind == "elephant":
        base = np.array([wide * 0.42, 0.12 * high, long * 0.2])
        out = np.array([u(0.3, 0.75), u(-0.35, -0.1), u(-0.75, -0.45)]) * size
        rows = [(*base, 0.3 * size, 0.035), (*(base + out * 0.5), 0.42 * size, 0.03), (*(base + out), 0.2 * size, 0.02)]
        ear = flesh(rows, across=(0, 1, 0))
    elif hanging:
        base = np.array([wide * 0.4, top * 0.8, long * 0.16])
        mid = base + np.array([wide * 0.18, -0.1 * size, 0])
        low = base + np.array([wide * 0.2, -1.7 * size, 0.1 * size])
        rows = [(*base, size * 0.35, 0.03), (*mid, size * 0.42, 0.03), (*low, size * 0.36, 0.022)]
        ear = flesh(rows, across=(0, 0, 1))
    elif kind in ("cow", "sheep", "giraffe"):
        base = np.array([wide * 0.36, top * 0.6, long * 0.16])
        out = np.array([1.0, u(-0.5, 0.25), -0.1]) * size * 1.3
        rows = [
            (*base, size * 0.14, 0.025),
            (*(base + out * 0.5), size * 0.34, 0.03),
            (*(base + out), size * 0.1, 0.02),
        ]
        ear = flesh(rows, across=(0, 1, 0))
    else:
        base = np.array([wide * 0.3, top, long * 0.18])
        up = np.array([u(0.1, 0.45), 1.0, u(-0.2, 0.1)]) * size * (0.75 if kind == "bear" else 1.15)
        wideness = 0.5 if kind in ("bear", "cat") else 0.36
        last = 0.36 if kind == "bear" else 0.07
        rows = [(*base, size * wideness, 0.05), (*(base + up * 0.5), size * wideness * 0.85, 0.04),
                (*(base + up), size * last, 0.02)]  # fmt: skip
        ear = flesh(rows)
    pieces += both_sides(ear)
    if kind == "giraffe":
        pieces += both_sides(flesh([(0.03, top, long * 0.25, 0.017), (0.04, top + 0.12, long * 0.2, 0.02)]))
    elif horns in ("short", "long"):
        size = {"short": u(0.45, 0.75), "long": u(0.95, 1.6)}[horns] * high
        thick, x = high * 0.11, wide * 0.3
        if kind == "elephant":
            rows = [(wide * 0.3, -0.3 * high, long * 0.75, thick * 0.7),
                    (wide * 0.4, -0.3 * high - size * 0.4, long * 0.85 + size * 0.25, thick * 0.6),
                    (wide * 0.42, -0.3 * high - size * 0.4, long * 0.85 + size * 0.7, thick * 0.3)]  # fmt: skip
        elif kind == "sheep" or u() < 0.3:
            turn = np.linspace(0.0, 1.1 * np.pi + (horns == "long") * 1.6, 7)
            swirl = high * (0.3 if horns == "short" else 0.42)
            rows = [(x + 0.05 * a, top + swirl * (np.sin(a) * 0.9 - 0.1 * a), long * 0.15 - swirl * (1 - np.cos(a)),
                     thick * (1.1 - 0.12 * a)) for a in turn]  # fmt: skip
        else:
            up, ahead = u(0.4, 0.9), u(-0.3, 0.4)
            rows = [(x, top * 0.9, long * 0.1, thick), (x + size * 0.45, top + size * 0.12, long * 0.1, thick * 0.8),
                    (x + size * 0.7, top + size * up, long * 0.1 + size * ahead, thick * 0.35)]  # fmt: skip
        pieces += both_sides(flesh(rows, around=9))
    return pieces
