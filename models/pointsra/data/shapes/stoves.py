"""Stoves, front toward +z: kitchen ranges with ovens, burners and knobs, countertop stoves, wood stoves."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.hollow import walls
from pointsra.data.shapes.meshes import Mesh, box, move, rotate
from pointsra.data.shapes.parts import beam, bent, frustum, lathe, ring, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "stove": {
        "kind": {"kitchen": 0.56, "wide double": 0.14, "countertop": 0.1, "wood-burning": 0.2},
        "burners": {"plates": 0.3, "grates": 0.36, "coils": 0.18, "glass zones": 0.16},
        "back": {"none": 0.42, "a low": 0.26, "a high": 0.22, "a hooded": 0.1},
        "controls": {"in front": 0.6, "on top": 0.4},
        "oven": {"solid": 0.35, "windowed": 0.65},
        "state": {"closed": 0.82, "open": 0.18},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "stove": {
        "burners": ("kind", ("kitchen", "wide double", "countertop")),
        "back": ("kind", ("kitchen", "wide double")),
        "controls": ("kind", ("kitchen", "wide double", "countertop")),
        "state": ("kind", ("kitchen", "wide double", "wood-burning")),
        "oven": ("kind", ("kitchen", "wide double", "wood-burning")),
    }
}
PART_NAMES = {"stove": ("body", "fitting")}
_STOVE_WORDS = {"burners": "{}", "back": "{} back", "controls": "controls {}", "oven": "a {} door",
                "state": "the look of one {}"}  # fmt: skip


def _burner(kind: str, x: float, y: float, z: float, size: float) -> list[Mesh]:
    """Return one burner of radius ``size`` on the height y."""
    at = (x, y, z)
    if kind == "glass zones":
        return [frustum(at, (x, y + 0.006, z), size)]
    if kind == "plates":
        return [lathe([(size, 0), (size, 0.014), (size * 0.9, 0.02), (size * 0.25, 0.017), (0, 0.017)], at)]
    if kind == "coils":
        return [ring((x, y + 0.012, z), size * share, size * 0.085, 6) for share in (0.25, 0.5, 0.75, 1.0)]
    pieces = [lathe([(size * 0.5, 0), (size * 0.5, 0.012), (size * 0.4, 0.022), (0, 0.024)], at, sides=14)]
    reach, thick, high = size * 1.15, 0.012, 0.04
    for turn in (0.0, np.pi / 2):
        dx, dz = reach * np.cos(turn), reach * np.sin(turn)
        corners = [(x - dx, y, z - dz), (x - dx, y + high, z - dz), (x + dx, y + high, z + dz), (x + dx, y, z + dz)]
        pieces.append(tube(np.array(corners), thick / 2, flat=thick / 2))
    for side in (-1.0, 1.0):
        for along in (0, 1):
            dx, dz = (reach, side * reach) if along else (side * reach, reach)
            pieces.append(beam((x - dx * (1 if along else -1), y + high - thick / 2, z + (dz if along else -dz)),
                               (x + dx, y + high - thick / 2, z + dz), thick, thick))  # fmt: skip
    return pieces


def _oven_door(
    wide: float, low: float, high: float, windowed: bool, thick: float, grip: float
) -> list[tuple[str, Mesh]]:
    """Return a door about z = 0 between two heights, with a window or a raised field and a bar across its top."""
    tall, middle = high - low, (low + high) / 2
    pieces = [("body", box((0, middle, 0), (wide, tall, thick)))]
    if windowed:
        for y in (middle - tall * 0.26, middle + tall * 0.2):
            pieces.append(("body", box((0, y, thick / 2), (wide * 0.76, tall * 0.05, 0.02))))
        for x in (-0.37, 0.37):
            pieces.append(("body", box((x * wide, middle - tall * 0.03, thick / 2), (wide * 0.05, tall * 0.46, 0.02))))
    else:
        pieces.append(("body", box((0, middle - tall * 0.06, thick / 2), (wide * 0.8, tall * 0.66, 0.018))))
    y, out, half = high - tall * 0.1, thick / 2 + 0.045, wide * grip / 2
    path = bent([(-half, y, 0), (-half, y, out), (half, y, out), (half, y, 0)], 0.02, 2)
    return [*pieces, ("fitting", tube(path, 0.012, sides=6))]


def _oven(size: tuple[float, float, float], low: float, wall: float) -> list[Mesh]:
    """Return a case of full extents, open toward +z, that stands on the height ``low``."""
    wide, high, deep = size
    turned = (rotate(piece, "x", 90) for piece in walls((wide, deep, high), wall))
    return [move(piece, (0, low + high / 2, -deep / 2)) for piece in turned]


def _wood_stove(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> None:
    """Add an iron stove: a case, a barrel or a pot belly on legs, a door, and a pipe."""
    u, style = rng.uniform, int(rng.choice(3, p=[0.5, 0.25, 0.25]))
    wide, deep, high, legs = u(0.4, 0.75), u(0.32, 0.5), u(0.4, 0.85), u(0.06, 0.25)
    if style == 0:
        if drawn["state"] == "open":
            asm.add("body", *_oven((wide, high, deep), legs, wide * 0.1))
        else:
            asm.add("body", box((0, legs + high / 2, 0), (wide, high, deep)))
        for y, grow in ((legs, 1.06), (legs + high, u(1.04, 1.18))):
            asm.add("body", box((0, y, 0), (wide * grow, 0.03, deep * grow)))
    elif style == 1:
        wide = deep = u(0.36, 0.5)
        high = u(0.7, 1.1)
        asm.add("body", lathe([(0, legs), (wide / 2, legs), (wide / 2, legs + high), (0, legs + high)]))
        for y in (legs, legs + high):
            asm.add("body", frustum((0, y - 0.015, 0), (0, y + 0.015, 0), wide * 0.54, sides=20))
    else:
        wide = deep = u(0.4, 0.6)
        high = u(0.6, 1.0)
        line = np.array([(0, 0), (0.8, 0), (0.85, 0.1), (0.62, 0.16), (0.92, 0.34), (1.0, 0.5), (0.85, 0.68),
                         (0.58, 0.8), (0.56, 0.9), (0.72, 0.92), (0.7, 0.97), (0, 1.0)])  # fmt: skip
        asm.add("body", lathe(line * np.array([wide / 2, high]) + np.array([0, legs])))
    for x in (-1, 1):
        for z in (-1, 1):
            foot = (x * wide * 0.42, 0, z * deep * 0.4)
            asm.add("body", frustum(foot, (x * wide * 0.33, legs + 0.05, z * deep * 0.33), 0.018, 0.032, sides=8))
    broad, tall = wide * u(0.5, 0.8), high * u(0.35, 0.6)
    front = deep / 2 + 0.008
    pieces = _oven_door(broad, -tall / 2, tall / 2, drawn["oven"] == "windowed", 0.03, 0.3)
    swing = u(40, 110) if drawn["state"] == "open" else 0.0
    for part, piece in pieces:
        turned = rotate(piece, "y", -swing, (-broad / 2, 0, 0))
        asm.add(part, move(turned, (0, legs + high * 0.5, front)))
    pipe, top, back = u(0.05, 0.085), legs + high, -deep * u(0.0, 0.25)
    rise = u(0.15, 1.1)
    path = [(0, top - 0.02, back), (0, top + rise, back)]
    if rng.random() < 0.4:
        path.append((0, top + rise + 0.05, back - u(0.2, 0.5)))
    asm.add(
        "fitting", tube(bent(path, 0.1), pipe, sides=12), frustum((0, top, back), (0, top + 0.05, back), pipe * 1.3)
    )
    if rng.random() < 0.4:
        asm.add("fitting", box((0, legs + high * 0.14, front + 0.03), (broad * 1.1, 0.025, 0.12)))


def stove(rng: np.random.Generator) -> Design:
    """Build a range, a countertop stove or a wood stove from the choices of ``CHOICES["stove"]``."""
    drawn = draw(rng, CHOICES["stove"], ONLY_WHEN["stove"])
    asm, u, kind = Assembly(PART_NAMES["stove"]), rng.uniform, drawn["kind"]
    if kind == "wood-burning":
        _wood_stove(asm, drawn, rng)
        return asm.finish(drawn, caption("stove", drawn, ("kind",), _STOVE_WORDS))
    wide = {"kitchen": u(0.5, 0.8), "wide double": u(0.9, 1.25), "countertop": u(0.3, 0.75)}[kind]
    deep = u(0.55, 0.68) if kind != "countertop" else u(0.32, 0.5)
    high = u(0.82, 0.95) if kind != "countertop" else u(0.06, 0.12)
    foot = float(rng.choice([0.0, u(0.03, 0.14)])) if kind != "countertop" else 0.015
    front, thick, knob = deep / 2, u(0.03, 0.05), u(0.018, 0.028)
    opened = drawn.get("state") == "open"
    if opened:
        asm.add("body", *_oven((wide, high - foot, deep), foot, 0.04), box((0, high - 0.05, 0), (wide, 0.1, deep)))
    else:
        asm.add("body", box((0, (foot + high) / 2, 0), (wide, high - foot, deep)))
    for x in (-0.43, 0.43) if foot else ():
        for z in (-0.4, 0.4):
            asm.add("body", frustum((x * wide, 0, z * deep), (x * wide, foot + 0.01, z * deep), 0.02, sides=8))
    lip = u(1.0, 1.04)
    asm.add("body", box((0, high, 0), (wide * lip, 0.025, deep * lip)))
    cols = 3 if kind == "wide double" else (1 if wide < 0.45 else 2)
    rows = 1 if kind == "countertop" and (cols == 2 or rng.random() < 0.5) and deep < 0.45 else 2
    for i, x in enumerate((np.arange(cols) - (cols - 1) / 2) * wide / cols * 0.95):
        for j, z in enumerate((np.arange(rows) - (rows - 1) / 2) * deep * 0.44):
            size = min(wide / cols, deep / rows) * (0.28 + 0.1 * ((i + j) % 2)) * u(0.95, 1.05)
            asm.add("fitting", *_burner(drawn["burners"], float(x), high + 0.012, float(z), size))
    count, console = cols * rows + (kind != "countertop"), drawn.get("back", "none")
    spread = (np.arange(count) - (count - 1) / 2) * min(wide * 0.85 / count, 0.11)
    band = 0.1 if kind != "countertop" else high * 0.6
    if console != "none":
        rise = {"a low": u(0.05, 0.1), "a high": u(0.14, 0.3), "a hooded": u(0.55, 0.75)}[console]
        asm.add("body", box((0, high + rise / 2, -front + 0.03), (wide, rise, 0.06), taper=(1.0, u(0.5, 1.0))))
        if console == "a hooded":
            broad = u(0.7, 0.95) * deep
            asm.add("body", box((0, high + rise + 0.08, -front + broad / 2), (wide * 1.02, 0.18, broad),
                                taper=u(0.35, 0.8), shear=(0, -broad * 0.15)))  # fmt: skip
            asm.add("body", box((0, high + rise + 0.3, -front + 0.15), (wide * 0.35, 0.4, 0.22)))
    for x in spread:
        if drawn["controls"] == "in front":
            z, y = front, high - band / 2 - (0.0 if kind != "countertop" else 0.01)
            asm.add("fitting", frustum((x, y, z), (x, y, z + 0.035), knob, knob * 0.8, sides=10))
        elif console in ("a high", "a hooded"):
            z, y = -front + 0.055, high + 0.1
            asm.add("fitting", frustum((x, y, z), (x, y, z + 0.035), knob, knob * 0.8, sides=10))
        else:
            z = front * 0.9
            asm.add("fitting", frustum((x, high, z), (x, high + 0.035, z), knob, knob * 0.8, sides=10))
    if kind == "countertop":
        return asm.finish(drawn, caption("stove", drawn, ("kind",), _STOVE_WORDS))
    drawer = float(rng.choice([0.0, u(0.12, 0.24)]))
    low, top = foot + 0.02 + drawer, high - band
    if drawer:
        asm.add("body", box((0, foot + drawer / 2 + 0.01, front), (wide * 0.97, drawer - 0.01, thick)))
        asm.add("fitting", box((0, foot + drawer * 0.75, front + thick / 2), (wide * 0.5, 0.02, 0.03)))
    doors = 1 if kind == "kitchen" else 2
    fall = u(25, 90) if opened else 0.0
    for i in range(doors):
        each, x = wide / doors, (i - (doors - 1) / 2) * wide / doors
        pieces = _oven_door(each * 0.96, 0, top - low, drawn["oven"] == "windowed", thick, u(0.65, 0.9))
        for part, piece in pieces:
            turned = rotate(piece, "x", fall if i == 0 else 0.0)
            asm.add(part, move(turned, (x, low, front + thick / 2)))
    if fall:
        each, tall, x = wide / doors, top - low, -(doors - 1) / 2 * wide / doors
        asm.add("body", box((x, low - drawer / 2, 0), (each, drawer + 0.03, deep)))
        if doors == 2:
            asm.add("body", box((each / 2, (low + top) / 2, 0), (each, tall, deep)))
        for y in np.linspace(0.3, 0.75, int(rng.integers(2, 4))):
            asm.add("fitting", box((x, low + y * tall, 0), (each * 0.95, 0.014, deep * 0.9)))
    return asm.finish(drawn, caption("stove", drawn, ("kind",), _STOVE_WORDS))
