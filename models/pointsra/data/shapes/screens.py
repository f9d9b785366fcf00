"""Monitors, laptops and phones: screens with stands, keyboards and backs drawn independently; the screen faces +z."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import box, move, rotate
from pointsra.data.shapes.parts import beam, frustum, panel, slab, superellipse, superellipsoid, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "monitor": {
        "screen": {"wide": 0.45, "squarish": 0.22, "upright": 0.1, "curved": 0.23},
        "back": {"flat": 0.45, "boxed": 0.25, "bulging": 0.3},
        "frame": {"thin": 0.6, "thick": 0.4},
        "stand": {"round foot": 0.24, "square foot": 0.26, "pair of feet": 0.2, "bent foot": 0.14,
                  "missing stand": 0.16},
        "extras": {"nothing else": 0.7, "two speakers": 0.15, "a camera": 0.15},
    },
    "laptop": {
        "lid": {"upright": 0.45, "leaning": 0.3, "half-closed": 0.13, "closed": 0.12},
        "body": {"slim": 0.5, "wedge-shaped": 0.25, "thick": 0.25},
        "format": {"wide": 0.65, "squarish": 0.35},
        "keys": {"raised": 0.5, "flush": 0.5},
        "feet": {"none": 0.6, "small": 0.4},
    },
    "phone": {
        "kind": {"slab": 0.3, "bar with keys": 0.2, "opened flap": 0.14, "remote control": 0.18, "desk set": 0.18},
        "corners": {"sharp": 0.35, "round": 0.65},
        "antenna": {"none": 0.8, "stub": 0.2},
        "back": {"plain": 0.5, "camera-bearing": 0.25, "rounded": 0.25},
        "pose": {"lying lengthwise": 0.42, "lying crosswise": 0.22, "standing": 0.36},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "laptop": {"keys": ("lid", ("upright", "leaning", "half-closed"))},
    "phone": {
        "back": ("kind", ("slab", "bar with keys", "remote control")),
        "pose": ("kind", ("slab", "bar with keys", "opened flap", "remote control")),
    },
}
PART_NAMES = {
    "monitor": ("screen", "back", "stand", "extra"),
    "laptop": ("base", "screen", "keys", "foot"),
    "phone": ("body", "keys", "screen", "antenna"),
}
_MONITOR_WORDS = {"back": "a {} back", "frame": "a {} frame", "stand": "a {}", "extras": "{}"}
_LAPTOP_WORDS = {"lid": "a lid that is {}", "body": "a {} body", "keys": "{} keys", "feet": "{} feet"}
_PHONE_WORDS = {"kind": "the form of a {}", "corners": "{} corners", "antenna": "a {} antenna",
                "back": "a {} back"}  # fmt: skip


def monitor(rng: np.random.Generator) -> Design:
    """Build a monitor or television from the choices of ``CHOICES["monitor"]``."""
    drawn = draw(rng, CHOICES["monitor"])
    asm, u = Assembly(PART_NAMES["monitor"]), rng.uniform
    wide = u(0.4, 1.1)
    ratio = {"wide": u(0.5, 0.65), "squarish": u(0.7, 0.95), "upright": u(1.3, 1.8), "curved": u(0.4, 0.58)}
    if drawn["screen"] == "upright":
        wide *= 0.6
    high = wide * ratio[drawn["screen"]]
    thick, bow = wide * u(0.03, 0.07), (wide * u(0.05, 0.12) if drawn["screen"] == "curved" else 0.0)
    lift = {"missing stand": 0.0}.get(drawn["stand"], min(wide, high) * u(0.1, 0.4))
    asm.add("screen", panel(-wide / 2, wide / 2, lift, lift + high, thick, -thick / 2, bow))
    edge = wide * (0.015 if drawn["frame"] == "thin" else u(0.04, 0.07))
    for x, y, w, h in ((0, lift + edge / 2, wide, edge), (0, lift + high - edge / 2, wide, edge)):
        asm.add("screen", move(panel(-w / 2, w / 2, y - h / 2, y + h / 2, edge * 0.8, 0.0, bow), (x, 0, 0)))
    for side in (-1.0, 1.0):
        asm.add("screen", box((side * (wide - edge) / 2, lift + high / 2, 0.0), (edge, high, edge * 0.8)))
    middle, rear = lift + high * u(0.4, 0.6), -thick - bow
    if drawn["back"] == "boxed":
        deep = wide * u(0.05, 0.15)
        asm.add("back", box((0, middle, rear - deep / 2), (wide * u(0.3, 0.7), high * u(0.35, 0.6), deep)))
    elif drawn["back"] == "bulging":
        deep = wide * u(0.15, 0.7 if drawn["screen"] == "squarish" else 0.3)
        hump = box((0, 0, 0), (wide * 0.9, deep, high * 0.9), taper=u(0.45, 0.7))
        asm.add("back", move(rotate(hump, "x", -90), (0, lift + high / 2, rear - deep / 2)))
    if drawn["stand"] != "missing stand":
        spread, neck = wide * u(0.14, 0.28), wide * u(0.03, 0.07)
        slim = max(wide * 0.02, 0.008)
        if drawn["stand"] == "pair of feet":
            for side in (-1.0, 1.0):
                foot = (side * wide * 0.36, 0.0, 0.0)
                for z in (-spread * 0.6, spread * 0.6):
                    end = np.array([foot[0], slim / 2, rear * 0.5 + z])
                    asm.add("stand", beam((foot[0], lift + edge, rear * 0.5), end, slim * 1.5, slim))
        else:
            deep, base = spread * u(0.55, 0.9), rear - neck * 0.5
            if drawn["stand"] == "bent foot":
                path = [(0, middle, base), (0, slim, base - deep * 0.4), (0, slim, base + deep * 1.2)]
                asm.add("stand", tube(path, slim * 0.6, flat=spread * 0.5))
            else:
                power = 2.0 if drawn["stand"] == "round foot" else 12.0
                asm.add("stand", slab(superellipse(power) * np.array([spread, deep]), 0, slim, (0, base + deep * 0.3)))
                asm.add("stand", beam((0, slim, base), (0, middle, base), neck * 2, neck))
    if drawn["extras"] == "two speakers":
        for side in (-1.0, 1.0):
            wing = wide * 0.09
            asm.add(
                "extra", box((side * (wide + wing) / 2, lift + high / 2, -thick / 2), (wing, high * 0.8, thick * 1.6))
            )
    elif drawn["extras"] == "a camera":
        asm.add("extra", superellipsoid((0, lift + high + wide * 0.02, 0), (wide * 0.1, wide * 0.05, wide * 0.05)))
    return asm.finish(drawn, caption("monitor", drawn, ("screen",), _MONITOR_WORDS))


def laptop(rng: np.random.Generator) -> Design:
    """Build a laptop from the choices of ``CHOICES["laptop"]``."""
    drawn = draw(rng, CHOICES["laptop"], ONLY_WHEN["laptop"])
    asm, u = Assembly(PART_NAMES["laptop"]), rng.uniform
    wide = u(0.26, 0.4)
    deep = wide * (u(0.6, 0.7) if drawn["format"] == "wide" else u(0.75, 0.9))
    thick = wide * {"slim": u(0.035, 0.055), "wedge-shaped": u(0.06, 0.1), "thick": u(0.09, 0.15)}[drawn["body"]]
    slope = thick * 0.5 if drawn["body"] == "wedge-shaped" else 0.0
    base = box((0, thick / 2, 0), (wide, thick, deep))
    base.vertices[[6, 7], 1] -= slope
    asm.add("base", base)
    angle = {"upright": u(90, 110), "leaning": u(112, 150), "half-closed": u(25, 70), "closed": 0.0}[drawn["lid"]]
    lid = max(thick * 0.35, wide * 0.015)
    cover = box((0, thick + lid / 2, 0), (wide, lid, deep * u(0.94, 1.0)))
    hinge = (0.0, thick, -deep / 2)
    down = np.degrees(np.arctan2(slope, deep)) if drawn["lid"] == "closed" else 0.0
    asm.add("screen", rotate(cover, "x", -angle + down, hinge))
    asm.add("screen", frustum((-wide * 0.4, thick, -deep / 2), (wide * 0.4, thick, -deep / 2), lid * 0.5, sides=8))
    if drawn.get("keys") == "raised":
        pieces, rows = [], 4
        for row in range(rows):
            z = deep * (-0.32 + 0.13 * row)
            for column in range(8):
                x = wide * (-0.4 + 0.8 * (column + 0.5) / 8)
                y = thick - slope * (z / deep + 0.5)
                pieces.append(
                    box((x, y + wide * 0.006, z), (wide * 0.08, wide * 0.014, deep * 0.1), without=("bottom",))
                )
        asm.add("keys", *pieces)
    if drawn["feet"] == "small":
        for x in (-0.4, 0.4):
            for z in (-0.4, 0.4):
                asm.add(
                    "foot", frustum((x * wide, -wide * 0.02, z * deep), (x * wide, 0, z * deep), wide * 0.025, sides=8)
                )
    return asm.finish(drawn, caption("laptop", drawn, ("format",), _LAPTOP_WORDS))


def phone(rng: np.random.Generator) -> Design:
    """Build a phone or remote control from the choices of ``CHOICES["phone"]``."""
    drawn = draw(rng, CHOICES["phone"], ONLY_WHEN["phone"])
    asm, u, kind = Assembly(PART_NAMES["phone"]), rng.uniform, drawn["kind"]
    power = 20.0 if drawn["corners"] == "sharp" else u(3.5, 6.0)
    long, thick = u(0.13, 0.2), 0.0
    if kind == "desk set":
        wide, deep, high = u(0.16, 0.22), u(0.18, 0.26), u(0.05, 0.1)
        asm.add("body", box((0, high / 2, 0), (wide, high, deep), taper=(0.85, u(0.5, 0.9)), shear=(0, -deep * 0.08)))
        along = bool(rng.random() < 0.5)
        grip = wide * u(0.9, 1.2)
        ends = [np.array([x, high * 1.08, 0.0]) for x in (-grip / 2, grip / 2)]
        piece = [tube([ends[0], (ends[0] + ends[1]) / 2 + np.array((0, high * 0.35, 0)), ends[1]], wide * 0.07)]
        piece += [superellipsoid(end, (wide * 0.28, high * 0.6, wide * 0.28)) for end in ends]
        place = (-wide * 0.3, 0, -deep * 0.05) if along else (0, 0, -deep * 0.25)
        asm.add("screen", *[move(rotate(p, "y", 90 if along else 0), place) for p in piece])
        for row in range(3):
            for column in range(3):
                place = ((column - 1) * wide * 0.15, high, deep * (0.1 + 0.09 * row))
                asm.add("keys", box(place, (wide * 0.1, high * 0.3, deep * 0.06)))
    else:
        wide = long * {"slab": u(0.45, 0.6), "remote control": u(0.2, 0.32)}.get(kind, u(0.32, 0.45))
        thick = long * (u(0.05, 0.08) if kind == "slab" else u(0.08, 0.16))
        form = superellipse(power, 28) * np.array([wide, long]) / 2
        if kind == "opened flap":
            form = form * np.array([1.0, 0.6])
            asm.add("body", slab(form, 0, thick))
            flap = slab(form, thick, thick * 1.6)
            asm.add("screen", rotate(flap, "x", -u(110, 165), (0, thick, -long * 0.3)))
        else:
            asm.add("body", slab(form, 0, thick, grow=u(0.9, 1.0)))
            if kind == "slab":
                asm.add("screen", slab(form * 0.94, thick, thick * 1.06))
            else:
                asm.add("screen", box((0, thick, -long * 0.25), (wide * 0.7, thick * 0.2, long * u(0.1, 0.3))))
        if kind != "slab":
            for row in range(int(rng.integers(3, 6))):
                for column in range(3):
                    place = ((column - 1) * wide * 0.26, thick, long * (-0.02 + 0.09 * row) * (1 if row < 5 else 0))
                    asm.add("keys", box(place, (wide * 0.18, thick * 0.35, long * 0.05)))
        if drawn.get("back") == "camera-bearing":
            side = float(rng.choice([-1.0, 0.0, 1.0])) * wide * 0.25
            asm.add("body", box((side, -thick * 0.12, -long * 0.36), (wide * 0.3, thick * 0.3, wide * 0.4)))
        elif drawn.get("back") == "rounded":
            asm.add("body", superellipsoid((0, 0, 0), (wide * 0.95, thick * u(0.6, 1.2), long * 0.97), 0.7, 0.4))
    if drawn["antenna"] == "stub":
        place = (
            np.array([0.05, 0.05, -0.12]) if kind == "desk set" else np.array([wide * 0.35, thick / 2, -long * 0.48])
        )
        if kind == "opened flap":
            place[2] = -long * 0.28
        asm.add(
            "antenna",
            frustum(place, place + (np.array([0, 0.12, 0]) if kind == "desk set" else np.array([0, 0, -0.04])), 0.006),
        )
    if drawn.get("pose") == "standing":
        asm.turn("x", u(70, 90))
    elif drawn.get("pose") == "lying crosswise":
        asm.turn("y", 90.0)
    return asm.finish(drawn, caption("phone", drawn, ("pose",), _PHONE_WORDS))
