"""Helicopters, nose toward +z: cabins, booms, rotors and what they land on."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import both_sides, box, move, scale
from pointsra.data.shapes.parts import beam, bent, curve, frustum, hull, superellipsoid, tube, wheel, wing
from pointsra.data.shapes.rotors import rotor, tail_rotor

_SINGLE = ("light", "transport", "gunship", "bubble")
CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "helicopter": {
        "kind": {"light": 0.36, "transport": 0.26, "gunship": 0.14, "bubble": 0.12, "tandem": 0.12},
        "blades": {"two": 0.26, "three": 0.24, "four": 0.32, "five": 0.18},
        "landing": {"skids": 0.52, "wheels": 0.38, "floats": 0.1},
        "tail_rotor": {"open": 0.75, "ducted": 0.25},
        "tail": {"one fin": 0.5, "two fins": 0.25, "a T shape": 0.25},
        "sides": {"bare": 0.6, "stub-winged": 0.2, "tank-laden": 0.2},
    }
}
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "helicopter": {choice: ("kind", _SINGLE) for choice in ("landing", "tail_rotor", "tail")}
}
PART_NAMES = {"helicopter": ("body", "rotor")}
_WORDS = {"kind": "the form of a {} helicopter", "blades": "{} blades", "landing": "{} to land on",
          "tail_rotor": "an {} tail rotor", "tail": "a tail with {}", "sides": "{} sides"}  # fmt: skip
_COUNT = {"two": 2, "three": 3, "four": 4, "five": 5}


def _landing(
    asm: Assembly, kind: str, half: float, low: float, ends: tuple[float, float], rng: np.random.Generator
) -> None:
    """Add what it lands on: ``low`` is the belly's height, ``ends`` the belly's rear and front."""
    u = rng.uniform
    back, front = ends
    long = front - back
    if kind == "wheels":
        size, wide = min(u(0.07, 0.11) * long, half * u(0.35, 0.5)), half * u(0.85, 1.2)
        drop = low - u(0.4, 1.6) * size
        single, tail_wheel = front - long * 0.15, rng.random() < 0.3
        pair = (front - long * 0.3) if tail_wheel else back + long * u(0.1, 0.25)
        for x in (-1.0, 1.0):
            asm.add("body", wheel((x * wide, drop, pair), size, size * 0.7))
            asm.add("body", beam((x * half * 0.6, low + size, pair), (x * wide, drop, pair), size * 0.35, size * 0.35))
        last = (back - long * 0.1) if tail_wheel else single
        for x in (-size * 0.35, size * 0.35):
            asm.add("body", wheel((x, drop, last), size * 0.8, size * 0.5))
        asm.add("body", beam((0, low + size * 1.2, last), (0, drop, last), size * 0.35, size * 0.35))
        return
    drop, wide = low - long * u(0.12, 0.25), half * u(1.0, 1.35)
    thick = long * u(0.012, 0.02)
    for z in (back + long * 0.22, front - long * 0.25):
        corners = [(-wide, drop, z), (-half * 0.7, low + half * 0.15, z), (half * 0.7, low + half * 0.15, z),
                   (wide, drop, z)]  # fmt: skip
        asm.add("body", tube(bent(corners, half * 0.4), thick))
    if kind == "floats":
        rows = [(back - long * 0.1, drop, thick, thick), (back + long * 0.1, drop, long * 0.07, long * 0.06),
                (front - long * 0.1, drop, long * 0.08, long * 0.07),
                (front + long * 0.12, drop + long * 0.04, thick, thick)]  # fmt: skip
        asm.add("body", *both_sides(move(hull(rows, 2.5), (wide, 0, 0))))
        return
    nose = [
        (wide, drop, back - long * u(0.0, 0.1)),
        (wide, drop, front),
        (wide, drop + long * 0.1, front + long * 0.12),
    ]
    asm.add("body", *both_sides(tube(bent(nose, long * 0.1), thick * 1.15)))


def helicopter(rng: np.random.Generator) -> Design:
    """Build a helicopter from the choices of ``CHOICES["helicopter"]``."""
    drawn = draw(rng, CHOICES["helicopter"], ONLY_WHEN["helicopter"])
    asm, u, kind = Assembly(PART_NAMES["helicopter"]), rng.uniform, drawn["kind"]
    long = {"light": u(3.2, 4.8), "transport": u(6, 9.5), "gunship": u(5.5, 7.5), "bubble": u(2.2, 2.8)}.get(
        kind, u(11, 15)
    )
    half = {"light": u(0.65, 0.9), "transport": u(1.0, 1.35), "gunship": u(0.5, 0.7), "bubble": u(0.75, 0.95)}.get(
        kind, u(1.2, 1.6)
    )
    tall = half * {
        "light": u(0.95, 1.2),
        "transport": u(0.85, 1.1),
        "gunship": u(1.3, 1.7),
        "bubble": u(0.9, 1.05),
    }.get(kind, u(0.85, 1.1))
    front, back, count = long / 2, -long / 2, _COUNT[drawn["blades"]]
    power = {"transport": u(2.6, 5), "tandem": u(3, 5), "gunship": u(2.5, 5), "light": u(2, 3)}.get(kind, 2.0)
    if kind == "tandem":
        _tandem(asm, half, tall, long, power, count, rng)
    else:
        boom = (
            long * {"light": u(1.0, 1.5), "transport": u(0.7, 1.0), "gunship": u(0.7, 1.0), "bubble": u(1.7, 2.2)}[kind]
        )
        end, rise = back - boom, tall * u(0.2, 0.8)
        if kind == "bubble":
            asm.add("body", superellipsoid((0, 0, long * 0.15), (2 * half, 2 * tall, long * 0.7)))
            asm.add("body", box((0, -tall * 0.2, -long * 0.25), (half * 1.1, tall * 0.9, long * 0.5)))
            asm.add(
                "body",
                *both_sides(
                    superellipsoid((half * 0.5, tall * 0.5, -long * 0.3), (half * 0.6, tall * 0.6, long * 0.4))
                ),
            )
            _lattice(asm, (back + long * 0.2, end), half * 0.42, rise)
        else:
            blunt, drop = u(0.25, 0.7), u(0.1, 0.45) * tall
            rows = [
                (back - boom * 0.3, tall * 0.45 + rise * 0.2, half * 0.25, tall * 0.22),
                (back, tall * 0.28, half * 0.6, tall * 0.6),
                (back + long * 0.22, 0, half, tall),
                (front - long * 0.35, 0, half, tall),
                (front - long * 0.14, -drop * 0.5, half * (0.75 + blunt * 0.3), tall * 0.75),
                (front - long * 0.03, -drop, half * blunt, tall * (0.2 + blunt * 0.35)),
                (front, -drop, half * blunt * 0.5, tall * blunt * 0.4),
            ]
            asm.add("body", hull(rows, power, 20))
            high, slim = tall * 0.45, u(0.55, 1.0)
            asm.add("body", hull([(back - boom * 0.1, high, half * 0.34 * slim, tall * 0.32 * slim),
                                  (end, high + rise, half * 0.17, tall * 0.16)], 2.2))  # fmt: skip
            asm.add("body", hull([(back - long * 0.1, tall * 0.8, half * 0.3, tall * 0.15),
                                  (back + long * 0.15, tall * 0.95, half * 0.6, tall * 0.35),
                                  (long * u(0.0, 0.15), tall * 0.95, half * 0.6, tall * 0.35),
                                  (front - long * 0.25, tall * 0.8, half * 0.4, tall * 0.15)], 3.0))  # fmt: skip
            if kind == "gunship":
                for z, y in ((0.28, 0.85), (0.08, 1.15)):
                    asm.add(
                        "body",
                        superellipsoid((0, tall * y * 0.9, long * z), (half * 1.3, tall * 0.8, long * 0.26), 0.7, 0.7),
                    )
            if kind != "light" or rng.random() < 0.4:
                asm.add(
                    "body",
                    *both_sides(
                        frustum(
                            (half * 0.75, tall * 0.9, back + long * 0.3),
                            (half * 0.8, tall * 0.9, back - long * 0.02),
                            half * 0.28,
                        )
                    ),
                )
        hub = tall * (1.15 if kind == "bubble" else 1.3) + tall * u(0.1, 0.4)
        radius = min((-end + 0.1 * long) * u(0.58, 0.8), long * (1.7 if kind != "bubble" else 2.1))
        place = (0.0, hub + radius * 0.03, u(-0.05, 0.1) * long)
        asm.add("rotor", *rotor(place, radius, count, rng))
        asm.add("rotor", frustum((0, tall * 0.6, place[2]), place, half * 0.12, sides=8))
        _tail(asm, drawn, end, tall * 0.45 + rise, radius, rng)
    ends = {"bubble": (-0.5 * long, front)}.get(kind, (back * 0.7, front * 0.85))
    _landing(asm, drawn.get("landing", "wheels"), half, -tall, ends, rng)
    _sides(asm, drawn["sides"], half, tall, long, rng)
    return asm.finish(drawn, caption("helicopter", drawn, (), _WORDS))


def _lattice(asm: Assembly, ends: tuple[float, float], size: float, rise: float) -> None:
    """Add an open boom of three bars with braces from ``ends[0]`` back to ``ends[1]``."""
    stations = np.linspace(0, 1, 8)
    corners = np.array([(-1.0, 0.5), (1.0, 0.5), (0.0, -0.9)])
    rings = np.array(
        [
            [
                (x * size * (1 - 0.75 * t), y * size * (1 - 0.75 * t) + rise * t, ends[0] + (ends[1] - ends[0]) * t)
                for x, y in corners
            ]
            for t in stations
        ]
    )
    for i in range(3):
        asm.add("body", frustum(rings[0, i], rings[-1, i], 0.045, sides=6))
        for s in range(7):
            asm.add("body", frustum(rings[s, i], rings[s + 1, (i + 1) % 3], 0.028, sides=4))
            asm.add("body", frustum(rings[s, i], rings[s, (i + 1) % 3], 0.025, sides=4))


def _tail(
    asm: Assembly, drawn: dict[str, str], end: float, high: float, radius: float, rng: np.random.Generator
) -> None:
    """Add fins and the tail rotor at the boom's end, ``high`` above the body's middle."""
    u, ducted = rng.uniform, drawn["tail_rotor"] == "ducted"
    size, chord = radius * (u(0.15, 0.21) if not ducted else u(0.1, 0.14)), radius * u(0.1, 0.17)
    up = radius * u(0.14, 0.26)
    fin = wing((0, 0, 0), (0, up, -chord * u(0.3, 0.9)), chord, chord * 0.6, 0.14, upright=True)
    fins = [fin, scale(fin, (1, -u(0.3, 0.7), 1))]
    span = radius * u(0.12, 0.22)
    level = wing((0, 0, 0), (span, 0, -chord * 0.2), chord * 0.7, chord * 0.5, 0.16)
    if drawn["tail"] == "two fins":
        asm.add("body", *[move(each, (x, high, end + chord)) for each in fins for x in (-span, span)])
        asm.add("body", *[move(each, (0, high, end + chord)) for each in both_sides(level)])
    else:
        asm.add("body", *[move(each, (0, high, end + chord * 0.8)) for each in fins])
        lift, ahead = (up * 0.9, 0.2) if drawn["tail"] == "a T shape" else (0.0, u(1.0, 3.0))
        asm.add("body", *[move(each, (0, high + lift, end + chord * ahead)) for each in both_sides(level)])
    pieces = tail_rotor(size, int(rng.integers(5, 9)) if ducted else int(rng.integers(2, 5)), ducted, rng)
    if ducted:
        place = (0.0, high, end - size * 0.9)
    else:
        side = float(rng.choice([-1, 1])) * radius * 0.035
        place = (
            side,
            high + (up * 0.6 if drawn["tail"] != "two fins" and rng.random() < 0.5 else 0.0),
            end + chord * 0.1,
        )
        asm.add("body", frustum((-side, place[1], place[2]), (side, place[1], place[2]), size * 0.09, sides=8))
    asm.add("rotor", *[move(piece, place) for piece in pieces])


def _tandem(
    asm: Assembly, half: float, tall: float, long: float, power: float, count: int, rng: np.random.Generator
) -> None:
    u, front, back = rng.uniform, long / 2, -long / 2
    rows = [
        (back, tall * 0.35, half * 0.6, tall * 0.45),
        (back + long * 0.12, 0, half, tall),
        (front - long * 0.2, 0, half, tall),
        (front - long * 0.06, -tall * 0.15, half * 0.8, tall * 0.75),
        (front, -tall * 0.4, half * 0.4, tall * 0.3),
    ]
    asm.add("body", hull(rows, power, 20))
    up, radius = tall * u(1.9, 2.6), long * u(0.5, 0.62)
    for z, top, deep in ((back + long * 0.09, up, long * 0.16), (front - long * 0.14, tall * u(1.2, 1.6), long * 0.13)):
        asm.add("body", box((0, top / 2, z), (half * 0.9, top, deep * 1.5), taper=(0.6, 0.7)))
        asm.add("rotor", *rotor((0.0, top + radius * 0.06, z), radius, count, rng))
    asm.add(
        "body",
        *both_sides(superellipsoid((half * 0.9, tall, back + long * 0.14), (tall * 0.7, tall * 0.7, long * 0.16), 0.7)),
    )


def _sides(asm: Assembly, kind: str, half: float, tall: float, long: float, rng: np.random.Generator) -> None:
    u = rng.uniform
    if kind == "stub-winged":
        reach, y = half * u(1.8, 2.6), -tall * u(0.0, 0.3)
        asm.add(
            "body",
            *both_sides(wing((half * 0.6, y, long * 0.05), (reach, y - tall * 0.1, 0), long * 0.16, long * 0.12, 0.2)),
        )
        for share in (0.72, 1.0)[: int(rng.integers(1, 3))]:
            pod = superellipsoid(
                (reach * share, y - tall * 0.3, -long * 0.03), (half * 0.36, half * 0.36, long * u(0.2, 0.3)), 0.8
            )
            asm.add("body", *both_sides(pod), *both_sides(box((reach * share, y - tall * 0.15, -long * 0.03),
                                                              (half * 0.1, tall * 0.3, long * 0.08))))  # fmt: skip
    elif kind == "tank-laden":
        size = half * u(0.5, 0.8)
        tank = np.array(curve([(0.0, 0.0), (size * 0.4, 0.12), (size * 0.5, 0.3), (size * 0.5, 0.7), (0.0, 1.0)], 3))
        rows = [((t - 0.5) * long * 0.5, 0.0, max(r, 0.01), max(r, 0.01)) for r, t in tank]
        asm.add("body", *both_sides(move(hull(rows), (half * 1.05, -tall * u(0.3, 0.7), -long * 0.05))))
