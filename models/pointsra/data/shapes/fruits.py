"""Fruit, and the vegetables that lie beside it: turned and lobed flesh, stems, leaves, bunches."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.crops import Piece, crowned, grapes, leaf, turned, twig
from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import Floats, Mesh, move, rotate, scale
from pointsra.data.shapes.parts import curve, frustum, tube

_ROUND = ("apple", "pear", "pumpkin", "lemon", "bell pepper")
CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "fruit": {
        "kind": {"apple": 0.15, "pear": 0.11, "banana": 0.12, "pumpkin": 0.11, "pineapple": 0.09, "grape": 0.09,
                 "lemon": 0.06, "strawberry": 0.07, "bell pepper": 0.06, "carrot": 0.07, "mushroom": 0.07},
        "stem": {"short": 0.5, "long": 0.35, "missing": 0.15},
        "leaves": {"no": 0.6, "one or two": 0.4},
        "cut": {"a whole": 0.82, "a halved": 0.18},
        "pose": {"upright": 0.65, "tilted": 0.2, "lying": 0.15},
        "count": {"alone": 0.72, "beside another": 0.14, "beside two more": 0.14},
    }
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "fruit": {
        "stem": ("kind", ("apple", "pear", "pumpkin", "bell pepper", "banana", "mushroom")),
        "leaves": ("kind", ("apple", "pear", "pumpkin", "lemon", "grape")),
        "cut": ("kind", _ROUND),
    }
}
PART_NAMES = {"fruit": ("flesh", "stem")}
_WORDS = {"kind": "the form of a {}", "stem": "a {} stem", "leaves": "{} leaves", "cut": "the look of {} piece",
          "pose": "its pose {}", "count": "its place {}"}  # fmt: skip


def _waves(count: int, lobes: int, depth: float, sharp: float = 1.0) -> Floats:
    turn = np.arange(count) * 2 * np.pi / count
    return 1 - depth * (1 - np.abs(np.cos(turn * lobes / 2)) ** sharp)


def _round(kind: str, drawn: dict[str, str], rng: np.random.Generator) -> list[Piece]:
    """Return an apple, a pear, a pumpkin, a lemon or a bell pepper, upright."""
    u = rng.uniform
    size = {"apple": u(0.032, 0.048), "pear": u(0.03, 0.044), "pumpkin": u(0.08, 0.25), "lemon": u(0.022, 0.035)}.get(
        kind, u(0.03, 0.048)
    )
    tall, ripple = u(0.75, 1.1), None
    if kind == "apple":
        line = [
            (0, -0.72),
            (0.2, -0.85),
            (0.5, -0.85),
            (0.82, -0.5),
            (1, 0.05),
            (0.95, 0.5),
            (0.65, 0.82),
            (0.3, 0.8),
            (0.1, 0.6),
            (0, 0.5),
        ]
        ripple = 1 - u(0.0, 0.04) * (1 + np.cos(np.arange(30) * np.pi / 3))
    elif kind == "pear":
        neck, top = u(0.35, 0.62), u(1.3, 2.0)
        line = [
            (0, -0.8),
            (0.25, -0.92),
            (0.75, -0.65),
            (1, -0.05),
            (0.88, 0.45),
            (neck * 1.2, top * 0.55),
            (neck, top * 0.8),
            (neck * 0.75, top),
            (0.12, top * 1.05),
            (0, top),
        ]
    elif kind == "pumpkin":
        line = [
            (0, -0.55),
            (0.3, -0.75),
            (0.75, -0.65),
            (1, -0.1),
            (0.95, 0.35),
            (0.65, 0.7),
            (0.3, 0.68),
            (0.1, 0.5),
            (0, 0.45),
        ]
        ripple, tall = _waves(60, int(rng.choice([8, 10, 12])), u(0.08, 0.2), 0.7), u(0.6, 1.3)
    elif kind == "lemon":
        line = [
            (0, -1.5),
            (0.15, -1.42),
            (0.25, -1.25),
            (0.7, -0.85),
            (1, 0),
            (0.75, 0.8),
            (0.3, 1.2),
            (0.12, 1.35),
            (0, 1.38),
        ]
        tall = u(0.8, 1.1)
    else:
        line = [
            (0, -0.9),
            (0.3, -1.15),
            (0.6, -1.1),
            (0.85, -0.6),
            (0.95, 0.2),
            (1, 0.75),
            (0.75, 1.1),
            (0.35, 1.0),
            (0.1, 0.8),
            (0, 0.75),
        ]
        ripple, tall = _waves(36, int(rng.choice([3, 4])), u(0.12, 0.25), 0.8), u(0.8, 1.5)
    dense = curve(np.array(line) * size * np.array([1, tall]), 3)
    flesh = turned(np.maximum(dense, [0, -9]), ripple, drawn["cut"] == "a halved")
    flesh = Mesh(flesh.vertices + flesh.vertices[:, [1, 1, 1]] * np.array([u(-0.12, 0.12), 0, 0]), flesh.faces)
    pieces = [("flesh", scale(flesh, (1, 1, u(0.88, 1.0))))]
    dent, rim = dense[-1, 1], float(dense[:, 1].max())
    foot = (dent - 0.15 * size, rim - 0.1 * size)
    if drawn.get("stem", "missing") != "missing":
        long = size * (u(0.2, 0.45) if drawn["stem"] == "short" else u(0.6, 1.2))
        thick = size * {"apple": u(0.04, 0.07), "pear": u(0.05, 0.09), "pumpkin": u(0.1, 0.17)}.get(kind, u(0.1, 0.18))
        pieces.append(("stem", twig(foot, long, thick, rng)))
    if drawn.get("leaves") == "one or two":
        for turn in u(0, 2 * np.pi) + np.arange(int(rng.integers(1, 3))) * u(1.5, 3.5):
            pieces.append(
                (
                    "stem",
                    leaf(
                        (0, rim - 0.1 * size, 0), turn, size * u(0.8, 1.5), size * u(0.4, 0.7), u(0.2, 0.8), u(0.2, 0.7)
                    ),
                )
            )
    if drawn["cut"] == "a halved":
        pieces = [(part, rotate(mesh, "x", 90)) for part, mesh in pieces if part == "flesh" or drawn["pose"] != "lying"]
        pieces = [
            (part, rotate(mesh, "x", {"upright": 180.0, "tilted": -60.0}.get(drawn["pose"], 0.0)))
            for part, mesh in pieces
        ]
    return pieces


def _bananas(count: int, stem: str, rng: np.random.Generator) -> list[Piece]:
    u = rng.uniform
    pieces: list[Piece] = []
    long, bend, thick = u(0.15, 0.22), u(0.7, 1.7), u(0.014, 0.021)
    radius, turn = long / bend, np.linspace(0.0, 1.0, 12) * bend
    path = np.stack([0 * turn, radius * np.sin(turn), radius * (1 - np.cos(turn))], axis=1)
    swell = np.interp(np.linspace(0, 1, 12), [0, 0.06, 0.2, 0.5, 0.8, 0.94, 1], [0.35, 0.45, 0.9, 1, 0.85, 0.35, 0.25])
    cut = {"short": 0.035, "long": 0.06}.get(stem, 0.012)
    for i in range(count):
        spread = (i - (count - 1) / 2) * u(16, 24)
        banana = tube(path, thick * swell * u(0.9, 1.05), sides=int(rng.choice([5, 8, 10])))
        peduncle = tube(
            [(0, -cut, -0.003), (0, -cut / 2, 0), (0, 0.004, 0)], [thick * 0.3, thick * 0.32, thick * 0.4], sides=6
        )
        for part, mesh in (("flesh", banana), ("stem", peduncle)):
            pieces.append((part, rotate(rotate(mesh, "x", u(-3, 3)), "z", spread, (0, -cut, 0))))
    if count > 1:
        pieces.append(("stem", frustum((0, -cut - 0.012, -0.002), (0, -cut + 0.012, 0), thick * 0.8, sides=8)))
    return pieces


def _mushroom(stem: str, rng: np.random.Generator) -> list[Piece]:
    u = rng.uniform
    size, tall = u(0.02, 0.05), {"short": u(0.5, 0.9), "long": u(1.2, 2.4), "missing": 0.3}[stem]
    rise, slim = u(0.35, 1.1), u(0.2, 0.45)
    t = np.linspace(np.pi / 2, 0, 8)
    lip = u(-0.2, 0.05)
    cap = [
        (0, lip * 0.3),
        (slim, lip * 0.2),
        (0.85, lip),
        (1.0, lip + 0.04),
        *[(np.cos(a), rise * np.sin(a) ** u(0.9, 1.3)) for a in t[::-1][1:]],
    ]
    line = np.maximum(np.array(cap) * size, [0, -9])
    stalk = [(0, -tall), (slim * u(0.9, 1.6), -tall * 0.95), (slim, -tall * 0.5), (slim * 0.9, 0.05), (0, 0.06)]
    return [("flesh", turned(line)), ("stem", turned(curve(np.array(stalk) * size, 2)))]


def fruit(rng: np.random.Generator) -> Design:
    """Build a fruit or several of a kind from the choices of ``CHOICES["fruit"]``."""
    drawn = draw(rng, CHOICES["fruit"], ONLY_WHEN["fruit"])
    asm, kind, u = Assembly(PART_NAMES["fruit"]), drawn["kind"], rng.uniform
    count, at = {"alone": 1, "beside another": 2}.get(drawn["count"], 3), 0.0
    tilt = {"upright": 0.0, "tilted": u(20, 50), "lying": 90.0}[drawn["pose"]]
    for i in range(1 if kind == "banana" else count):
        if kind == "banana":
            pieces, tilt = (
                _bananas(count, drawn["stem"], rng),
                {"upright": 180.0, "tilted": -60.0, "lying": 90.0}[drawn["pose"]],
            )
        elif kind == "grape":
            pieces = grapes(drawn["leaves"], rng)
        elif kind == "mushroom":
            pieces = _mushroom(drawn["stem"], rng)
        elif kind in ("pineapple", "strawberry", "carrot"):
            pieces = crowned(kind, rng)
        else:
            pieces = _round(kind, drawn, rng)
            tilt = 0.0 if drawn["cut"] == "a halved" else tilt
        turn, grow = (u(0, 360), u(0.85, 1.1)) if count > 1 else (0.0, 1.0)
        placed = [(part, scale(rotate(rotate(mesh, "x", tilt), "y", turn), (grow,) * 3)) for part, mesh in pieces]
        corners = np.concatenate([mesh.vertices for part, mesh in placed if part == "flesh"])
        low, high = corners.min(0), corners.max(0)
        floor = min(float(mesh.vertices[:, 1].min()) for _, mesh in placed)
        shift = (at - low[0], -floor, -(low[2] + high[2]) / 2 + (i == 2) * (high[2] - low[2]) * 0.3)
        for part, mesh in placed:
            asm.add(part, move(mesh, shift))
        at += (high[0] - low[0]) * 1.02
    return asm.finish(drawn, caption("fruit", drawn, (), _WORDS))
