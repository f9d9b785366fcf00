"""Fish and those that look like fish: trout, angelfish, eels, sharks, dolphins, puffers, resting on y = 0.

All lengths are shares of the length of the body until the end.
"""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.flesh import flesh, mirrored
from pointsra.data.shapes.meshes import Mesh, rotate, scale
from pointsra.data.shapes.parts import hull

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "fish": {
        "plan": {"torpedo": 0.32, "tall flat": 0.2, "eel-like": 0.1, "shark-like": 0.14, "dolphin-like": 0.14,
                 "round": 0.1},
        "tail": {"forked": 0.4, "rounded": 0.25, "crescent": 0.2, "veiled": 0.15},
        "back_fin": {"single": 0.4, "long": 0.3, "double": 0.2, "sail-like": 0.1},
        "bend": {"straight": 0.5, "slightly bent": 0.3, "strongly bent": 0.2},
        "snout": {"blunt": 0.5, "pointed": 0.35, "beaked": 0.15},
        "pose": {"upright": 0.75, "lying": 0.25},
    }
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {}
PART_NAMES = {"fish": ("body", "fin")}
_WORDS = {"plan": "a {} body", "tail": "a {} tail", "back_fin": "a {} back fin", "bend": "a {} spine",
          "snout": "a {} snout", "pose": "a {} pose"}  # fmt: skip


def _fin(
    root: tuple[float, float, float], tip: tuple[float, float, float], chord: float, end: float, thick: float
) -> Mesh:
    """Return a fin from root to tip, ``chord`` and ``end`` long there along z; both lie within the plane x,
    y or y, z."""
    first, last = np.array(root), np.array(tip)
    middle = first * 0.5 + last * 0.5
    rows = [
        (*first, chord / 2, thick),
        (*middle, (chord * 0.45 + end * 0.55) / 2, thick * 0.85),
        (*last, end / 2, thick * 0.6),
    ]
    return flesh(rows, across=(0, 0, 1), around=12, ends=(0.5, 0.8))


def _tail(kind: str, size: float, thick: float) -> list[Mesh]:
    """Return an upright tail fin whose root is at the origin; it runs toward -z."""
    if kind in ("rounded", "veiled"):
        long = size * (0.9 if kind == "rounded" else 1.9)
        last = size * (0.45 if kind == "rounded" else 0.75)
        rows = [(0, 0, size * 0.15, size * 0.16, thick * 1.4), (0, 0, -long * 0.4, size * 0.42, thick),
                (0, 0, -long * 0.85, last, thick * 0.7), (0, 0, -long, last * 0.75, thick * 0.6)]  # fmt: skip
        return [flesh(rows, across=(0, 1, 0), ends=(0.5, 0.5))]
    back, pieces = size * (0.85 if kind == "forked" else 0.55), []
    for side, share in ((1.0, 1.0), (-1.0, 0.9)):
        rows = [(0, -side * size * 0.05, size * 0.12, size * 0.36, thick * 1.4),
                (0, side * size * 0.4, -back * 0.4, size * 0.3, thick),
                (0, side * size * share, -back, size * 0.1, thick * 0.6)]  # fmt: skip
        pieces.append(flesh(rows, across=(0, 0, 1)))
    return pieces


def fish(rng: np.random.Generator) -> Design:
    """Build a fish from the choices of ``CHOICES["fish"]``; swims toward +z."""
    drawn = draw(rng, CHOICES["fish"])
    u, plan = rng.uniform, drawn["plan"]
    size, tall, wide = {
        "torpedo": (u(0.15, 1.2), u(0.1, 0.18), u(0.055, 0.095)),
        "tall flat": (u(0.06, 0.4), u(0.24, 0.42), u(0.055, 0.1)),
        "eel-like": (u(0.3, 1.5), u(0.035, 0.06), u(0.028, 0.045)),
        "shark-like": (u(1.0, 4.5), u(0.085, 0.12), u(0.08, 0.12)),
        "dolphin-like": (u(1.4, 6.0), u(0.1, 0.19), u(0.1, 0.18)),
        "round": (u(0.08, 0.4), u(0.22, 0.32), u(0.19, 0.3)),
    }[plan]
    thick = {"round": 0.018, "tall flat": 0.016, "eel-like": 0.009}.get(plan, 0.012) * u(0.9, 1.4)
    peak, stem = u(0.08, 0.24), {"eel-like": u(0.3, 0.6), "round": u(0.18, 0.28)}.get(plan, u(0.13, 0.24))
    round_ = {"blunt": u(0.42, 0.55), "pointed": u(0.75, 1.0), "beaked": u(0.55, 0.7)}[drawn["snout"]]
    low, nose = tall * u(-0.12, 0.12), 0.5
    t = (1 - np.cos(np.linspace(0.02, np.pi, 25))) / 2  # from the nose (0) to the root of the tail (1)
    first = 0.5 - peak
    front = (1 - np.clip(1 - t / first, 0, 1) ** 2) ** round_
    rear = np.clip((t - first) / (1 - first), 0, 1)
    shape = np.where(t < first, front, stem + (1 - stem) * (1 - rear ** u(1.5, 2.2)) ** u(1.0, 1.4))
    plump = np.clip(shape * np.interp(t, [0, first, 1], [1.1, 1.0, 0.75]), 0.0, 1.0)
    body = hull(np.stack([nose - t, low * (1 - shape), wide * plump, tall * shape], axis=1))
    pieces: list[tuple[str, Mesh]] = [("body", body)]
    if drawn["snout"] == "beaked":
        long = u(0.08, 0.14) if plan == "dolphin-like" else u(0.06, 0.3)
        high = tall * (0.25 if plan == "dolphin-like" else 0.15)
        rows = [(0, -high * 0.5, nose - 0.05, high), (0, -high * 0.55, nose + 0.04 + long * 0.5, high * 0.62),
                (0, -high * 0.5, nose + 0.05 + long, max(high * 0.35, 0.008))]  # fmt: skip
        pieces.append(("body", flesh(rows)))
    grow = {"tall flat": u(0.24, 0.34), "eel-like": u(0.05, 0.08), "round": u(0.2, 0.3)}.get(plan, u(0.16, 0.24))
    level = plan == "dolphin-like"
    kind = "crescent" if level and drawn["tail"] in ("rounded", "veiled") else drawn["tail"]
    grow *= 0.7 if kind == "veiled" else 1.0
    for each in _tail(kind, grow, thick):
        turned = rotate(each, "z", 90) if level else each
        pieces.append(("fin", Mesh(turned.vertices + np.array([0, low * (1 - stem), -0.48]), turned.faces)))

    def top(z: float) -> float:
        share = float(np.interp(nose - z, t, shape))
        return tall * share * 0.9 + low * (1 - share)

    deep = {"shark-like": 0.13, "dolphin-like": 0.1, "eel-like": 0.035}.get(plan, max(tall * 0.6, 0.08)) * u(0.8, 1.25)
    wanted = drawn["back_fin"]
    fins = {"single": [(u(-0.08, 0.1), u(0.22, 0.34), 1.0)], "double": [(u(0.08, 0.16), 0.24, 1.0), (u(-0.26,
            -0.18), 0.15, 0.65)],
            "long": [(u(-0.12, -0.02), u(0.45, 0.6), 0.7)], "sail-like": [(0.0, u(0.35, 0.5),
            2.0)]}[wanted]  # fmt: skip
    for z, chord, share in fins:
        high, start, lean = deep * share, z + chord * 0.5, 0.9 if wanted in ("single", "double") else 0.25
        if wanted in ("single", "double"):
            fin = _fin((0, top(z) - 0.02, z), (0, top(z) + high, z - lean * high), chord, chord * 0.3, thick)
            pieces.append(("fin", fin))
            continue
        along = np.linspace(start, start - chord, 5)
        heights = np.array([0.45, 1.0, 0.95, 0.8, 0.5]) * high / 2
        rows = [(0, top(a) - 0.01 + h * 0.75, a, h, thick * 0.85) for a, h in zip(along, heights, strict=True)]
        pieces.append(("fin", flesh(rows, across=(0, 1, 0))))
    at, flap = u(0.14, 0.24), u(0.08, 0.17) if plan != "eel-like" else u(0.03, 0.05)
    flap *= 1.3 if plan in ("shark-like", "dolphin-like") else 1.0
    side, share = wide * 0.75, float(np.interp(nose - at, t, shape))
    fall = u(0.2, 0.9)
    root, tip = (
        (side * share, -tall * 0.4 * share, at),
        (side * share + flap, -tall * 0.4 - fall * flap, at - flap * 0.8),
    )
    fin = _fin(root, tip, flap * 1.1, flap * 0.5, thick)
    pieces += [("fin", Mesh(each, fin.faces)) for each in mirrored(fin.vertices)]
    if plan not in ("eel-like", "dolphin-like"):
        z = u(-0.3, -0.2)
        under = -top(z) + 2 * low * 0.5
        high = deep * u(0.5, 0.9)
        pieces.append(("fin", _fin((0, under + 0.02, z), (0, under - high, z - 0.7 * high), 0.2, 0.07, thick)))
        z = u(-0.06, 0.06)
        for x in (-1.0, 1.0):
            tip = (x * wide * 0.9, -top(z) - flap * 0.55, z - flap * 0.5)
            pieces.append(("fin", _fin((x * wide * 0.3, -top(z) + 0.03, z), tip, flap * 0.9, flap * 0.4, thick)))
    swing = {"straight": 0.0, "slightly bent": u(0.03, 0.08), "strongly bent": u(0.1, 0.2)}[drawn["bend"]]
    swing *= float(rng.choice([-1.0, 1.0])) * (1.5 if plan == "eel-like" else 1.0)
    waves, phase = (u(5, 11), u(0, 6)) if plan == "eel-like" else (u(2.5, 4.5), u(-0.8, 0.8))
    asm = Assembly(PART_NAMES["fish"])
    for part, each in pieces:
        bent = each.vertices.copy()
        bent[:, 1 if level else 0] += swing * (np.sin(waves * bent[:, 2] + phase) - np.sin(phase))
        asm.add(part, scale(Mesh(bent, each.faces), (size, size, size)))
    if drawn["pose"] == "lying":
        asm.turn("z", 90.0 if not level else 0.0)
    return asm.finish(drawn, caption("fish", drawn, (), _WORDS))
