"""Toilets, bathtubs, sinks and faucets: what a bathroom holds, facing +z."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.hollow import shell, walls
from pointsra.data.shapes.meshes import Floats, Mesh, box, move, rotate
from pointsra.data.shapes.parts import bent, frustum, lathe, stack, superellipse, superellipsoid, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "toilet": {
        "bowl": {"oval": 0.6, "angular": 0.4},
        "foot": {"pedestal": 0.45, "skirted": 0.35, "wall-hung": 0.2},
        "tank": {"boxed": 0.5, "rounded": 0.18, "high": 0.12, "missing": 0.2},
        "lid": {"closed": 0.45, "raised": 0.4, "missing": 0.15},
        "flush": {"button": 0.5, "lever": 0.5},
    },
    "bathtub": {
        "form": {"oval": 0.4, "rounded": 0.3, "rectangular": 0.3},
        "ends": {"level": 0.6, "one raised": 0.22, "both raised": 0.18},
        "base": {"bare": 0.25, "clawed feet": 0.27, "boxed apron": 0.3, "plinth": 0.18},
        "faucet": {"none": 0.4, "end": 0.35, "middle": 0.25},
        "shower": {"no": 0.85, "a": 0.15},
    },
    "sink": {
        "basin": {"round": 0.28, "oval": 0.26, "square": 0.28, "double": 0.18},
        "base": {"pedestal": 0.32, "cabinet": 0.24, "legged": 0.16, "wall-hung": 0.28},
        "splash": {"no": 0.65, "a": 0.35},
        "faucet": {"arched": 0.4, "straight": 0.35, "missing": 0.25},
        "taps": {"one": 0.5, "two": 0.5},
    },
    "faucet": {
        "spout": {"gooseneck": 0.32, "straight": 0.24, "angular": 0.24, "low arched": 0.2},
        "taps": {"top lever": 0.26, "side lever": 0.22, "two cross taps": 0.2, "two lever taps": 0.2, "no taps": 0.12},
        "plate": {"round": 0.45, "long": 0.35, "missing": 0.2},
        "mouth": {"plain": 0.6, "aerated": 0.25, "showering": 0.15},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "toilet": {"flush": ("tank", ("boxed", "rounded", "high"))},
    "sink": {"taps": ("faucet", ("arched", "straight"))},
}
PART_NAMES = {
    "toilet": ("bowl", "foot", "tank", "lid", "flush"),
    "bathtub": ("tub", "base", "faucet"),
    "sink": ("basin", "base", "faucet"),
    "faucet": ("spout", "tap", "base"),
}
_TOILET_WORDS = {"bowl": "a {} bowl", "foot": "a {} foot", "tank": "a {} tank", "lid": "a {} lid",
                 "flush": "a {} to flush"}  # fmt: skip
_BATHTUB_WORDS = {"form": "a {} form", "ends": "{} ends", "base": "a base of {}", "faucet": "a faucet at the {}",
                  "shower": "{} shower"}  # fmt: skip
_SINK_WORDS = {"basin": "a {} basin", "base": "a {} base", "splash": "{} splash board", "faucet": "a {} faucet",
               "taps": "taps: {}"}  # fmt: skip
_FAUCET_WORDS = {"spout": "a {} spout", "taps": "{}", "plate": "a {} plate", "mouth": "a {} mouth"}


def _spout(kind: str, rng: np.random.Generator, size: float) -> Floats:
    """Return a spout's path (P, 3) from the origin up and toward +z; ``size`` is about its height."""
    reach, high = size * rng.uniform(0.5, 0.95), size * rng.uniform(0.8, 1.2)
    if kind in ("gooseneck", "arched"):
        turn = np.linspace(np.pi, -rng.uniform(0.0, 0.3), 10)
        bow = np.stack([np.zeros(10), high + reach / 2 * np.sin(turn), reach / 2 + reach / 2 * np.cos(turn)], axis=1)
        return np.concatenate([[[0, 0, 0]], bow, [[0, high * rng.uniform(0.65, 0.95), reach]]])
    if kind == "low arched":
        turn = np.linspace(0.15, 1.0, 8) * np.pi * 0.55
        return np.stack([np.zeros(8), high * 0.75 * np.sin(turn * 1.4), reach * 1.2 * (1 - np.cos(turn))], axis=1)
    corners = [(0, 0, 0), (0, high * 0.7, 0), (0, high * rng.uniform(0.6, 0.9), reach), (0, high * 0.5, reach)]
    return bent(corners[: 4 if kind == "angular" else 3], size * (0.03 if kind == "angular" else 0.15))


def _taps(kind: str, rng: np.random.Generator, apart: float, size: float) -> list[Mesh]:
    """Return two taps beside a spout, "cross" or "lever"."""
    pieces = []
    for side in (-1.0, 1.0):
        x = side * apart
        pieces.append(frustum((x, 0, 0), (x, size, 0), size * 0.3, size * 0.22))
        if kind == "cross":
            pieces += [frustum((x - size * 0.5, size, 0), (x + size * 0.5, size, 0), size * 0.12, sides=8),
                       frustum((x, size, -size * 0.5), (x, size, size * 0.5), size * 0.12, sides=8)]  # fmt: skip
        else:
            end = (x + side * size * 0.9, size * 1.2, size * rng.uniform(-0.2, 0.5))
            pieces.append(frustum((x, size, 0), end, size * 0.14, size * 0.1, sides=8))
    return pieces


def toilet(rng: np.random.Generator) -> Design:
    """Build a toilet from the choices of ``CHOICES["toilet"]``."""
    drawn = draw(rng, CHOICES["toilet"], ONLY_WHEN["toilet"])
    asm, u = Assembly(PART_NAMES["toilet"]), rng.uniform
    half, deep, high = u(0.17, 0.21), u(0.24, 0.31), u(0.37, 0.46)
    power, low = (2.2 if drawn["bowl"] == "oval" else u(3.5, 7.0)), high * u(0.35, 0.55)
    outer = [(low, half * 0.55, deep * 0.6, -deep * 0.15), (low + (high - low) * 0.4, half * 0.85, deep * 0.85, -0.03),
             (high * 0.93, half, deep, 0), (high, half, deep, 0)]  # fmt: skip
    inner = [(high, half * 0.72, deep * 0.72, deep * 0.06), (high * 0.75, half * 0.6, deep * 0.6, deep * 0.05),
             (high * 0.5, half * 0.25, deep * 0.3, -deep * 0.1)]  # fmt: skip
    asm.add("bowl", stack(outer + inner, power))
    if drawn["foot"] == "pedestal":
        wide, long = half * u(0.55, 0.75), deep * u(0.6, 0.85)
        asm.add("foot", stack([(0, wide, long, -deep * 0.2), (high * 0.08, wide * 0.9, long * 0.95, -deep * 0.2),
                               (high * 0.3, wide * 0.7, long * 0.75, -deep * 0.2),
                               (low * 1.1, half * 0.6, deep * 0.65, -deep * 0.15)], 2.5))  # fmt: skip
    elif drawn["foot"] == "skirted":
        asm.add(
            "foot",
            stack(
                [
                    (0, half * 0.8, deep * 0.85, -deep * 0.12),
                    (high * 0.9, half * 0.97, deep * 0.97, -0.01),
                    (high * 0.9, half * 0.9, deep * 0.9, -0.01),
                    (high * 0.05, half * 0.75, deep * 0.8, -deep * 0.12),
                ],
                power,
            ),
        )
    else:
        asm.add("foot", box((0, high * 0.7, -deep * 1.05), (half * 1.4, high * 0.55, deep * 0.5)))
    back = -deep * u(0.95, 1.1)
    if drawn["lid"] != "missing":
        seat = stack([(0, half * 1.02, deep * 1.0, 0), (0.025, half, deep * 0.98, 0)], power)
        if drawn["lid"] == "raised":
            asm.add("lid", move(rotate(move(seat, (0, 0, deep)), "x", -u(84, 100)), (0, high, -deep * 0.9)))
        else:
            asm.add("lid", move(seat, (0, high + 0.005, 0)))
    tank, wide, thick = drawn["tank"], half * u(0.95, 1.25), u(0.08, 0.11)
    if tank != "missing":
        bottom = high * u(0.85, 1.0) if tank != "high" else high * u(3.2, 4.2)
        tall = u(0.28, 0.42)
        z = back - thick * 0.9
        shape = 9.0 if tank != "rounded" else u(2.5, 4.0)
        asm.add("tank", stack([(bottom, wide * 0.9, thick * 0.9, z), (bottom + tall, wide, thick, z)], shape))
        asm.add(
            "tank",
            stack(
                [(bottom + tall, wide * 1.05, thick * 1.1, z), (bottom + tall + 0.03, wide * 1.05, thick * 1.1, z)],
                shape,
            ),
        )
        if tank == "high":
            asm.add("tank", frustum((0, high * 0.7, z), (0, bottom, z), 0.025))
            asm.add("bowl", box((0, high * 0.75, back), (half * 0.8, high * 0.3, deep * 0.4)))
        else:
            asm.add("tank", box((0, high * 0.8, back), (half * 1.2, high * 0.3, thick * 2.4)))
        top = bottom + tall + 0.03
        if drawn["flush"] == "button":
            asm.add("flush", frustum((0, top, z), (0, top + 0.015, z), 0.03))
        else:
            side = wide * 0.6 * float(rng.choice([-1.0, 1.0]))
            asm.add("flush", frustum((side, top - 0.08, z + thick), (side * 0.5, top - 0.1, z + thick + 0.03), 0.012))
    return asm.finish(drawn, caption("toilet", drawn, (), _TOILET_WORDS))


def bathtub(rng: np.random.Generator) -> Design:
    """Build a bathtub from the choices of ``CHOICES["bathtub"]``; it is long in x."""
    drawn = draw(rng, CHOICES["bathtub"])
    asm, u = Assembly(PART_NAMES["bathtub"]), rng.uniform
    long, ratio, tall = u(0.7, 0.95), u(0.42, 0.58), u(0.42, 0.6)
    power = {"oval": 2.1, "rounded": u(3.0, 4.5), "rectangular": u(7.0, 14.0)}[drawn["form"]]
    section = superellipse(power, 32) * np.array([ratio, 1.0])
    lift = {"bare": 0.0, "clawed feet": u(0.08, 0.16), "boxed apron": 0.0, "plinth": 0.07}[drawn["base"]]
    low, rim = u(0.65, 0.9), u(0.02, 0.1)
    line = np.array([(0, 0), (long * low * 0.6, 0), (long * low * 0.96, tall * 0.05), (long * (low + 0.05), tall * 0.3),
                     (long * 0.98, tall * 0.85), (long, tall), (long + rim, tall * 1.01)])  # fmt: skip
    tub = shell(line + np.array([0.0, lift]), u(0.02, 0.04), section)
    if drawn["ends"] != "level":
        x, y = tub.vertices[:, 0] / long, tub.vertices[:, 1]
        share = np.clip((y - lift) / tall, 0, 1) ** 2
        bow = np.clip(x, 0, None) ** 2 if drawn["ends"] == "one raised" else x**2
        tub.vertices[:, 1] += tall * u(0.2, 0.5) * share * bow
    if drawn["ends"] == "one raised" and rng.random() < 0.5:
        tub = rotate(tub, "y", 180)
    asm.add("tub", tub)
    if drawn["base"] == "clawed feet":
        for x in (-1.0, 1.0):
            for z in (-1.0, 1.0):
                top = np.array([x * long * 0.55, lift + tall * 0.12, z * long * ratio * 0.55])
                foot = top * np.array([1.1, 0, 1.3])
                asm.add(
                    "base",
                    frustum(top, foot + np.array((0, 0.03, 0)), 0.05, 0.03),
                    superellipsoid(foot + np.array((0, 0.03, 0)), (0.09, 0.06, 0.09)),
                )
    elif drawn["base"] == "boxed apron":
        size = (2 * (long + rim), tall * 0.96, 2 * (long + rim) * ratio)
        asm.add("base", *walls(size, 0.03)[1:])
    elif drawn["base"] == "plinth":
        asm.add(
            "base",
            stack([(0, long * low, long * low * ratio, 0), (lift * 1.2, long * low, long * low * ratio, 0)], power),
        )
    top = lift + tall
    spot = {"end": (-long * 0.97, 90.0), "middle": (0.0, 0.0)}.get(drawn["faucet"])
    if spot is not None:
        z = -long * ratio * 0.95 if drawn["faucet"] == "middle" else 0.0
        pieces = [tube(_spout("arched", rng, u(0.12, 0.22)), 0.018), *_taps("cross", rng, 0.1, 0.07)]
        asm.add("faucet", *[move(rotate(piece, "y", spot[1]), (spot[0], top, z)) for piece in pieces])
    if drawn["shower"] == "a":
        side, high = float(rng.choice([-1.0, 1.0])) * long * 0.95, u(1.2, 1.6)
        path = [(side, top, 0), (side, top + high, 0), (side * 0.65, top + high, 0), (side * 0.65, top + high * 0.9, 0)]
        asm.add(
            "faucet",
            tube(bent(path, 0.1), 0.015),
            frustum((side * 0.65, top + high * 0.9, 0), (side * 0.65, top + high * 0.86, 0), 0.03, 0.1),
        )
    return asm.finish(drawn, caption("bathtub", drawn, (), _BATHTUB_WORDS))


def sink(rng: np.random.Generator) -> Design:
    """Build a sink or washbasin from the choices of ``CHOICES["sink"]``."""
    drawn = draw(rng, CHOICES["sink"], ONLY_WHEN["sink"])
    asm, u = Assembly(PART_NAMES["sink"]), rng.uniform
    half, deep, tall = u(0.2, 0.34), u(0.6, 1.0), u(0.12, 0.22)
    high = {"wall-hung": 0.0}.get(drawn["base"], u(0.6, 0.72))
    kind, thick = drawn["basin"], 0.02
    middles = (-half * 1.05, half * 1.05) if kind == "double" else (0.0,)
    power = {"round": 2.0, "oval": 2.2, "square": 8.0, "double": 7.0}[kind]
    ratio = 1.0 if kind == "round" else deep
    section = superellipse(power, 28) * np.array([ratio, 1.0])
    low = u(0.45, 0.85)
    line = np.array([(0, 0), (half * low * 0.6, 0), (half * low, tall * 0.06), (half * 0.95, tall * 0.7), (half, tall)])
    line = np.concatenate([line, [[half * u(1.04, 1.12), tall]]]) + np.array([0.0, high])
    for x in middles:
        asm.add("basin", move(shell(line, thick, section), (x, 0, 0)))
    reach, z = half * (2.1 if kind == "double" else 1.1), half * ratio
    top = high + tall
    asm.add("basin", box((0, top - thick, -z * 1.1), (reach * 1.7, thick * 2, half * 0.4)))
    if drawn["base"] == "pedestal":
        wide = half * u(0.3, 0.5)
        asm.add("base", stack([(0, wide * 1.3, wide * 1.2, -z * 0.3), (high * 0.1, wide, wide * 0.9, -z * 0.3),
                               (high * 0.7, wide * 0.7, wide * 0.7, -z * 0.3),
                               (high + tall * 0.05, wide * 1.1, wide, -z * 0.2)], u(2.0, 4.0)))  # fmt: skip
    elif drawn["base"] == "cabinet":
        asm.add("base", box((0, (top - thick) / 2, -z * 0.1), (reach * 2, top - thick, z * 2.2), without=("top",)))
        for x in (-0.1, 0.1):
            asm.add("base", box((x * reach, high * 0.7, z * 1.02), (0.02, high * 0.2, 0.03)))
    elif drawn["base"] == "legged":
        for x in (-0.9, 0.9):
            for depth in (-0.9, 0.7):
                asm.add("base", frustum((x * reach, 0, depth * z), (x * reach, top - thick, depth * z), 0.018, sides=8))
        asm.add(
            "base", frustum((-0.9 * reach, high * 0.25, 0.7 * z), (0.9 * reach, high * 0.25, 0.7 * z), 0.012, sides=8)
        )
    else:
        asm.add("base", frustum((0, high - 0.12, -z * 0.1), (0, high + 0.01, -z * 0.1), 0.03))
        asm.add("base", frustum((0, high - 0.1, -z * 0.1), (0, high - 0.1, -z * 1.25), 0.022))
    if drawn["splash"] == "a":
        asm.add("basin", box((0, top + u(0.05, 0.15), -z * 1.1 - half * 0.2), (reach * 2, 0.3, thick)))
    if drawn["faucet"] != "missing":
        size = u(0.12, 0.25)
        pieces = [tube(_spout(drawn["faucet"], rng, size), size * 0.08)]
        if drawn["taps"] == "two":
            pieces += _taps("cross", rng, half * 0.5, size * 0.3)
        else:
            pieces.append(frustum((0, size * 0.3, 0), (size * 0.5, size * 0.5, 0), size * 0.08, sides=8))
        asm.add("faucet", *[move(piece, (0, top, -z * 1.1)) for piece in pieces])
    return asm.finish(drawn, caption("sink", drawn, (), _SINK_WORDS))


def faucet(rng: np.random.Generator) -> Design:
    """Build a faucet from the choices of ``CHOICES["faucet"]``."""
    drawn = draw(rng, CHOICES["faucet"])
    asm, u = Assembly(PART_NAMES["faucet"]), rng.uniform
    size, thick = u(0.14, 0.3), u(0.012, 0.022)
    path = _spout(drawn["spout"], rng, size)
    asm.add(
        "spout",
        tube(path, thick * np.linspace(1.0, u(0.65, 1.0), len(path)), flat=thick * u(0.6, 1.2) if u() < 0.25 else None),
    )
    body, way = size * u(0.2, 0.45), path[-1] - path[-2]
    asm.add("base", frustum((0, 0, 0), (0, body, 0), thick * u(1.4, 2.0), thick * u(1.1, 1.5), sides=16))
    way /= np.linalg.norm(way)
    if drawn["mouth"] == "aerated":
        asm.add("spout", frustum(path[-1] - way * thick, path[-1] + way * thick, thick * 1.25))
    elif drawn["mouth"] == "showering":
        asm.add("spout", frustum(path[-1], path[-1] + way * thick * 4, thick, thick * 1.9))
    taps, apart = drawn["taps"], size * u(0.3, 0.6)
    if taps.startswith("two"):
        asm.add("tap", *_taps(taps.split()[1], rng, apart, size * u(0.2, 0.32)))
    elif taps == "side lever":
        side = float(rng.choice([-1.0, 1.0]))
        asm.add("tap", frustum((0, body * 0.7, 0), (side * thick * 3, body * 0.7, 0), thick * 0.9))
        asm.add(
            "tap",
            frustum((side * thick * 3, body * 0.7, 0), (side * thick * 4, body * 0.7 + size * 0.35, 0), thick * 0.4),
        )
    elif taps == "top lever":
        asm.add("tap", frustum((0, body, 0), (0, body * 1.35, 0), thick * 1.5, thick * 1.2))
        asm.add(
            "tap",
            frustum(
                (0, body * 1.3, 0), (0, body * 1.3 + size * u(0.1, 0.4), -size * u(0.15, 0.4)), thick * 0.7, thick * 0.4
            ),
        )
    if drawn["plate"] == "round":
        asm.add("base", lathe([(0, 0), (thick * 2.6, 0), (thick * 2.5, thick * 0.6), (0, thick * 0.7)]))
    elif drawn["plate"] == "long":
        wide = apart * 1.2 if taps.startswith("two") else size * u(0.25, 0.5)
        asm.add("base", stack([(0, wide, thick * 2.2, 0), (thick * 0.7, wide, thick * 2.1, 0)], u(3.0, 9.0)))
    return asm.finish(drawn, caption("faucet", drawn, (), _FAUCET_WORDS))
