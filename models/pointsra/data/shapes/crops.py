"""What fruit is grown from: turned flesh, leaves and twigs; grapes, and what has leaves for a crown. Knows no class."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pointsra.data.shapes.meshes import Floats, Mesh, loft, move, rotate
from pointsra.data.shapes.parts import curve, tube

Piece = tuple[str, Mesh]


def turned(line: ArrayLike, ripple: Floats | None = None, half: bool = False) -> Mesh:
    """Turn a profile (P, 2) of radius and height; ``ripple`` (R,) or (P, R) scales the radius around the axis.

    Half of it, where asked for, is what lies at z < 0, with the flat face of the cut.
    """
    rows = np.asarray(line, dtype=np.float64)
    count = 32 if ripple is None else ripple.shape[-1]
    turn = np.arange(count) * 2 * np.pi / count
    out = rows[:, :1] * (np.ones(count) if ripple is None else ripple)
    rings = np.stack([out * np.cos(turn), np.broadcast_to(rows[:, 1:], out.shape), out * np.sin(turn)], axis=2)
    if half:
        rings[:, :, 2] = np.minimum(rings[:, :, 2], 0.0)
    return loft(rings, caps=False)


def leaf(start: ArrayLike, turn: float, long: float, wide: float, rise: float, fall: float) -> Mesh:
    """Return a leaf from ``start`` outward at ``turn`` radians about y, first rising, then falling."""
    t = np.linspace(0.0, 1.0, 7)
    half = wide / 2 * np.sin(np.pi * (0.08 + 0.9 * t) ** 0.8)
    out, high = long * t * np.cos(rise), long * (t * np.sin(rise) - fall * t**2)
    across = np.array([-1.0, 0.0, 1.0, 0.0])[None, :] * half[:, None]
    thick = np.array([0.25, 1.0, 0.25, -1.0])[None, :] * (wide * 0.05)
    rings = np.stack([across, high[:, None] + thick, np.broadcast_to(out[:, None], across.shape)], axis=2)
    return move(rotate(loft(rings), "y", float(np.degrees(turn))), start)


def twig(start: tuple[float, float], long: float, thick: float, rng: np.random.Generator) -> Mesh:
    """Return a stem that starts at ``start``, two heights (inside, at the skin), and leans to one side."""
    lean = rng.uniform(-0.5, 0.5)
    low, high = start
    path = [(0, low, 0), (lean * long * 0.2, high + long * 0.5, 0.001), (lean * long, high + long, 0)]
    return tube(curve(path, 3), thick * np.linspace(1.1, rng.uniform(0.7, 1.4), 7), sides=7)


def grapes(leaves: str, rng: np.random.Generator) -> list[Piece]:
    """Return a bunch of grapes that hangs from its stem."""
    u = rng.uniform
    berry, layers, shape = u(0.008, 0.013), int(rng.integers(4, 8)), u(0.6, 1.3)
    line = [(0, -1), (0.5, -0.87), (0.87, -0.5), (1, 0), (0.87, 0.5), (0.5, 0.87), (0, 1)]
    ball = turned(np.array(line) * berry * np.array([1.0, u(0.95, 1.35)]), np.ones(10))
    pieces: list[Piece] = []
    for layer in range(layers):
        reach = berry * (0.2 + 2.6 * (layer / max(layers - 1, 1)) ** shape) * (0.8 if layer == layers - 1 else 1)
        count = max(1, round(2 * np.pi * reach / (2.0 * berry)))
        for turn in u(0, 6) + np.arange(count) * 2 * np.pi / count:
            jitter = u(-0.25, 0.25, 3) * berry
            place = (reach * np.cos(turn), layer * 1.65 * berry, reach * np.sin(turn))
            pieces.append(("flesh", move(ball, place + jitter)))
    top = (layers - 1) * 1.65 * berry
    pieces.append(("flesh", move(ball, (0, top, 0))))
    pieces.append(("stem", twig((0.0, top), berry * u(2.0, 5.0), berry * 0.22, rng)))
    if leaves == "one or two":
        for turn in u(0, 6) + np.arange(int(rng.integers(1, 3))) * 2.4:
            pieces.append(("stem", leaf((0, top + berry, 0), turn, berry * 6, berry * 5, u(0.0, 0.5), u(0.1, 0.4))))
    return pieces


def crowned(kind: str, rng: np.random.Generator) -> list[Piece]:
    """Return a pineapple, a strawberry or a carrot: flesh with leaves on top."""
    u = rng.uniform
    if kind == "pineapple":
        radius, tall, rows = u(0.045, 0.07), u(0.13, 0.22), int(rng.integers(15, 23))
        t = np.linspace(0, 1, rows)
        around = int(rng.integers(8, 12)) * 4
        check = np.cos(np.arange(around)[None, :] * np.pi / 2 + np.pi * np.arange(rows)[:, None])
        line = np.stack([radius * np.clip(1 - (2 * t - 1) ** 4 * 0.45, 0, 1) * (1 - 0.12 * t), tall * t], axis=1)
        line[[0, -1], 0] = 0.0
        pieces: list[Piece] = [("flesh", turned(line, 1 + u(0.03, 0.07) * check))]
        for i in range(int(rng.integers(14, 26))):
            share = (i % 8) / 8
            pieces.append(
                (
                    "stem",
                    leaf((0, tall * 0.96, 0), i * 2.4, u(0.08, 0.16), radius * u(0.3, 0.5), 0.5 + share, u(0.0, 0.45)),
                )
            )
        return pieces
    if kind == "strawberry":
        size, tall = u(0.013, 0.02), u(1.1, 1.9)
        line = curve(
            np.array([(0, 0), (0.3, 0.08), (0.65, 0.45), (0.95, 0.75), (0.9, 0.95), (0.5, 1.02), (0, 0.98)])
            * size
            * np.array([1, tall * 1.4]),
            3,
        )
        dots = 1 - 0.06 * np.cos(np.arange(36)[None, :] * np.pi / 2 + np.pi * np.arange(len(line))[:, None])
        pieces, top = [("flesh", turned(np.maximum(line, 0), dots))], size * tall * 1.4
        for turn in np.arange(int(rng.integers(5, 9))) * 0.9:
            pieces.append(("stem", leaf((0, top, 0), turn, size * u(0.8, 1.2), size * 0.5, u(-0.1, 0.6), u(0.0, 0.3))))
        return [*pieces, ("stem", twig((top - 0.002, top), size * u(0.4, 1.2), size * 0.1, rng))]
    long, radius = u(0.12, 0.22), u(0.012, 0.024)
    t = np.linspace(0, 1, 16)
    width = radius * t ** u(0.3, 0.7) * (1 + 0.04 * np.sin(t * 40 * u(0.7, 1.3)))
    line = np.concatenate([np.stack([width, t * long], axis=1), [(radius * 0.7, long * 1.03), (0, long * 1.02)]])
    pieces = [("flesh", turned(line, np.ones(16)))]
    full = rng.random() < 0.7
    for i in range(int(rng.integers(5, 10))):
        reach, turn = (long * u(0.4, 1.0) if full else u(0.01, 0.03)), i * 2.4
        out = reach * u(0.1, 0.45)
        path = np.array([(0, long, 0), (out * 0.3 * np.cos(turn), long + reach * 0.5, out * 0.3 * np.sin(turn)),
                         (out * np.cos(turn), long + reach, out * np.sin(turn))])  # fmt: skip
        pieces.append(("stem", tube(path, 0.0022, sides=5)))
        for share in (0.45, 0.65, 0.85, 1.0) if full else ():
            place = (
                path[1] + (path[2] - path[1]) * (2 * share - 1)
                if share > 0.5
                else path[0] + (path[1] - path[0]) * 2 * share
            )
            pieces.append(("stem", leaf(place, turn + u(-1.5, 1.5), reach * 0.28, reach * 0.14, u(0.0, 1.0), 0.2)))
    return pieces
