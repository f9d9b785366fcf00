"""Buses, boats and motorcycles, front toward +z: bodies from proportions, fittings drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import box, loft
from pointsra.data.shapes.parts import frustum, hoop, hull, superellipsoid, tube, wheel, wing

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "bus": {
        "kind": {"coach": 0.3, "double-decker": 0.16, "minibus": 0.2, "railroad car": 0.2, "locomotive": 0.14},
        "edges": {"sharp": 0.45, "rounded": 0.55},
        "nose": {"flat": 0.45, "sloping": 0.3, "hooded": 0.25},
        "roof": {"bare": 0.5, "boxes": 0.3, "a rack": 0.2},
        "mirrors": {"two": 0.6, "no": 0.4},
        "bumpers": {"two": 0.5, "no": 0.5},
    },
    "boat": {
        "hull": {"rowing": 0.22, "sailing": 0.26, "motor": 0.28, "cargo": 0.24},
        "stern": {"square": 0.6, "pointed": 0.4},
        "cabin": {"none": 0.3, "front": 0.2, "middle": 0.25, "rear": 0.25},
        "mast": {"none": 0.5, "bare": 0.2, "one sail": 0.12, "two sails": 0.18},
        "engine": {"none": 0.7, "outboard": 0.3},
        "extras": {"nothing else": 0.6, "benches": 0.25, "a funnel": 0.15},
    },
    "motorcycle": {
        "kind": {"road motorcycle": 0.42, "cruiser": 0.28, "scooter": 0.3},
        "handlebar": {"straight": 0.45, "raised": 0.35, "dropped": 0.2},
        "rear": {"plain": 0.5, "rack": 0.25, "top case": 0.25},
        "front": {"plain": 0.5, "windshield": 0.2, "basket": 0.3},
        "fenders": {"no": 0.5, "two": 0.5},
        "stand": {"no": 0.6, "side": 0.4},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {}
PART_NAMES = {
    "bus": ("body", "wheel", "fitting"),
    "boat": ("hull", "cabin", "sail", "fitting"),
    "motorcycle": ("frame", "wheel", "seat", "handlebar", "fitting"),
}
_BUS_WORDS = {"kind": "the form of a {}", "edges": "{} edges", "nose": "a {} nose", "roof": "a roof that carries {}",
              "mirrors": "{} mirrors", "bumpers": "{} bumpers"}  # fmt: skip
_BOAT_WORDS = {"hull": "a {} hull", "stern": "a {} stern", "cabin": "a {} cabin", "mast": "a mast: {}",
               "engine": "an {} engine", "extras": "{}"}  # fmt: skip
_CYCLE_WORDS = {"kind": "the form of a {}", "handlebar": "a {} handlebar", "rear": "a {} at the rear",
                "front": "a {} at the front", "fenders": "{} fenders", "stand": "{} stand"}  # fmt: skip


def bus(rng: np.random.Generator) -> Design:
    """Build a bus or railroad car from the choices of ``CHOICES["bus"]``."""
    drawn = draw(rng, CHOICES["bus"])
    asm, u, kind = Assembly(PART_NAMES["bus"]), rng.uniform, drawn["kind"]
    long, high = {"coach": (u(9, 13), u(2.5, 3.0)), "double-decker": (u(8, 11), u(3.7, 4.2)),
                  "minibus": (u(5, 7), u(2.0, 2.5)), "railroad car": (u(11, 18), u(2.8, 3.4)),
                  "locomotive": (u(8, 14), u(2.8, 3.5))}[kind]  # fmt: skip
    half, lift = u(1.1, 1.35), u(0.35, 0.6)
    power = 14.0 if drawn["edges"] == "sharp" else u(4.0, 6.0)
    middle, tall = lift + high / 2, high / 2
    nose = {"flat": u(0.0, 0.2), "sloping": u(0.6, 1.6), "hooded": u(0.1, 0.4)}[drawn["nose"]]
    front = long / 2 - (u(1.0, 1.8) if drawn["nose"] == "hooded" else 0.0)
    low = lift + tall * 0.7
    rows = [
        (-long / 2, middle, half * 0.95, tall * 0.95),
        (-long / 2 + 0.15, middle, half, tall),
        (front - nose - 0.1, middle, half, tall),
        (front, (low + middle) / 2, half * 0.93, tall * (0.92 - 0.25 * (nose > 0.5))),
    ]
    asm.add("body", hull(rows, power, 20))
    if drawn["nose"] == "hooded":
        hood = high * u(0.3, 0.5)
        asm.add("body", box((0, lift + hood / 2, long / 4 + front / 2), (half * 1.8, hood, long / 2 - front)))
    if kind == "locomotive":
        asm.add("body", box((0, lift + high + 0.15, -long * u(0.1, 0.4)), (half * 1.6, 0.4, long * 0.2)))
    size = u(0.4, 0.55) * (0.9 if kind in ("minibus", "railroad car") else 1.0)
    axles = [-long * u(0.25, 0.36), long * u(0.25, 0.34)]
    if kind in ("railroad car", "locomotive"):
        axles = [z + s for z in axles for s in (-size * 1.3, size * 1.3)]
    elif kind != "minibus" and rng.random() < 0.4:
        axles.append(axles[0] - size * 2.2)
    for z in axles:
        for x in (-1.0, 1.0):
            asm.add("wheel", wheel((x * half * 0.9, size, z), size, 0.28))
    if drawn["roof"] == "boxes":
        for z in np.linspace(-0.3, 0.3, int(rng.integers(1, 4))) * long:
            asm.add("fitting", box((0, lift + high + 0.1, z), (half * 1.2, 0.3, long * 0.14)))
    elif drawn["roof"] == "a rack":
        for x in (-0.7, 0.7):
            asm.add(
                "fitting",
                frustum(
                    (x * half, lift + high + 0.15, -long * 0.4),
                    (x * half, lift + high + 0.15, long * 0.3),
                    0.05,
                    sides=6,
                ),
            )
    if drawn["mirrors"] == "two":
        for x in (-1.0, 1.0):
            asm.add("fitting", box((x * (half + 0.2), lift + high * 0.7, front), (0.2, 0.45, 0.1)))
    if drawn["bumpers"] == "two":
        for z in (-long / 2, long / 2):
            asm.add("fitting", box((0, lift + 0.15, z), (half * 2, 0.28, 0.3)))
    return asm.finish(drawn, caption("bus", drawn, (), _BUS_WORDS))


def boat(rng: np.random.Generator) -> Design:
    """Build a boat or ship from the choices of ``CHOICES["boat"]``."""
    drawn = draw(rng, CHOICES["boat"])
    asm, u, kind = Assembly(PART_NAMES["boat"]), rng.uniform, drawn["hull"]
    long = {"rowing": u(2.5, 4.5), "sailing": u(5, 10), "motor": u(5, 12), "cargo": u(14, 25)}[kind]
    half, tall = long * u(0.1, 0.19), long * {"rowing": u(0.1, 0.16), "cargo": u(0.09, 0.15)}.get(kind, u(0.11, 0.18))
    t = np.linspace(0.0, 1.0, 9)
    plan = np.clip(1 - np.clip((t - 0.45) / 0.55, 0, 1) ** u(1.8, 3.5), 0.02, 1)
    back = 0.75 if drawn["stern"] == "square" else 0.05
    plan *= back + (1 - back) * np.clip(t / 0.35, 0, 1) ** 0.6
    top = tall * (1 + u(0.0, 0.5) * np.clip(t - 0.4, 0, 1) ** 2 * 2 + u(0.0, 0.15) * (1 - t) ** 2)
    keel = tall * u(0.2, 0.7) * np.clip((t - 0.6) / 0.4, 0, 1) ** 2
    deck = top - tall * (u(0.6, 0.75) if kind == "rowing" else u(0.05, 0.35))
    across = np.array([-1.0, -0.9, -0.45, 0.0, 0.45, 0.9, 1.0])
    depth = np.array([1.0, 0.55, 0.12, 0.0, 0.12, 0.55, 1.0])
    rings = np.empty((9, 10, 3))
    rings[:, :7, 0] = half * plan[:, None] * across
    rings[:, :7, 1] = keel[:, None] + (top - keel)[:, None] * depth
    rings[:, 7:, 0] = half * plan[:, None] * np.array([0.92, 0.0, -0.92])
    rings[:, 7:, 1] = np.maximum(deck, keel + tall * 0.08)[:, None] * np.ones(3)
    rings[:, :, 2] = ((t - 0.5) * long)[:, None]
    asm.add("hull", loft(rings))
    level = float(deck[4])
    if drawn["cabin"] != "none":
        z = {"front": 0.16, "middle": 0.0, "rear": -0.3}[drawn["cabin"]] * long
        for i in range(int(rng.integers(1, 4))):
            share = 0.8**i
            high = long * u(0.05, 0.1)
            asm.add(
                "cabin",
                box(
                    (0, level + high / 2, z),
                    (half * 1.3 * share, high, long * u(0.15, 0.3) * share),
                    taper=u(0.75, 1.0),
                ),
            )
            level += high
    if drawn["mast"] != "none":
        foot, high = np.array([0.0, float(deck[4]), long * u(-0.05, 0.12)]), long * u(0.7, 1.3)
        asm.add("sail", frustum(foot, foot + np.array([0, high, 0]), long * 0.012, long * 0.008, sides=8))
        slant = u(0.3, 0.5) * long
        if "sail" in drawn["mast"]:
            asm.add(
                "sail",
                wing(
                    foot + np.array([0, high * 0.12, 0]),
                    foot + np.array([0, high * 0.96, 0]),
                    slant,
                    slant * 0.05,
                    0.04,
                    True,
                ),
            )
            asm.add(
                "sail",
                frustum(
                    foot + np.array([0, high * 0.1, 0]), foot + np.array([0, high * 0.1, -slant]), long * 0.01, sides=6
                ),
            )
        if drawn["mast"] == "two sails":
            bow = foot + np.array([0, high * 0.08, long * 0.34])
            asm.add(
                "sail", wing(bow, foot + np.array([0, high * 0.85, long * 0.04]), long * 0.25, long * 0.02, 0.04, True)
            )
    if drawn["engine"] == "outboard":
        z = -long / 2
        asm.add(
            "fitting",
            superellipsoid(
                (0, float(top[0]) * 1.15, z - long * 0.03), (long * 0.06, long * 0.08, long * 0.07), 0.6, 0.6
            ),
        )
        asm.add("fitting", frustum((0, float(top[0]), z - long * 0.03), (0, 0, z - long * 0.03), long * 0.012))
    if drawn["extras"] == "benches":
        for z in np.linspace(-0.3, 0.15, 3) * long:
            asm.add("fitting", box((0, float(top[4]) * 0.85, z), (half * 1.7, long * 0.015, long * 0.06)))
    elif drawn["extras"] == "a funnel":
        asm.add("fitting", frustum((0, level, -long * 0.15), (0, level + long * 0.1, -long * 0.17), long * 0.03))
    return asm.finish(drawn, caption("boat", drawn, (), _BOAT_WORDS))


def motorcycle(rng: np.random.Generator) -> Design:
    """Build a motorcycle or scooter from the choices of ``CHOICES["motorcycle"]``."""
    drawn = draw(rng, CHOICES["motorcycle"])
    asm, u, kind = Assembly(PART_NAMES["motorcycle"]), rng.uniform, drawn["kind"]
    size = u(0.16, 0.24) if kind == "scooter" else u(0.28, 0.34)
    span, wide = size * (u(4.8, 6.0) if kind == "scooter" else u(2.9, 3.4)), u(0.1, 0.18)
    rear, front = np.array([0, size, -span / 2]), np.array([0, size, span / 2])
    rim = hoop()
    for hub in (rear, front):
        asm.add(
            "wheel",
            tube(hub + rim * (size - wide / 2), wide / 2, loop=True),
            frustum(hub - np.array([wide, 0, 0]), hub + np.array([wide, 0, 0]), wide * 0.6),
        )
        asm.add(
            "wheel",
            frustum(hub - np.array([wide * 0.2, 0, 0]), hub + np.array([wide * 0.2, 0, 0]), size * 0.7, sides=16),
        )
    head = front + np.array([0, size * u(1.3, 1.7), -size * (u(0.6, 0.9) if kind != "cruiser" else u(1.0, 1.3))])
    if kind == "scooter":
        head[1] = u(0.75, 0.95)
    saddle = np.array([0, u(0.6, 0.7) if kind == "cruiser" else u(0.7, 0.82), -span * u(0.15, 0.25)])
    crank = np.array([0, size * 0.85, -span * 0.06])
    for x in (-1.0, 1.0):
        asm.add("frame", frustum(head, front + np.array([x * wide * 0.7, 0, 0]), 0.018, sides=8))
        asm.add("frame", frustum(crank, rear + np.array([x * wide * 0.7, 0, 0]), 0.014, sides=8))
        asm.add(
            "frame", frustum(saddle - np.array([0, 0.1, 0]), rear + np.array([x * wide * 0.7, 0, 0]), 0.012, sides=8)
        )
    if kind == "scooter":
        asm.add(
            "frame",
            box((0, size * 1.1, 0), (0.3, 0.1, span * 0.5)),
            box((0, (head[1] + size) / 2, span * 0.26), (0.36, head[1] - size, 0.06)),
        )
        asm.add("frame", box((0, saddle[1] * 0.7, -span * 0.27), (0.32, saddle[1] * 0.6, span * 0.4), taper=0.85))
        asm.add("seat", superellipsoid((0, saddle[1], -span * 0.25), (0.3, 0.13, span * 0.42), 0.5, 0.5))
    else:
        asm.add("frame", superellipsoid(crank + np.array([0, 0.08, 0.05]), (0.3, 0.36, span * 0.34), 0.6, 0.6))
        asm.add("frame", superellipsoid((0, saddle[1] + 0.08, span * 0.07), (0.28, 0.24, span * 0.33), 0.8, 0.8))
        asm.add(
            "frame",
            frustum(head, (0, saddle[1], span * 0.05), 0.05),
            frustum((0.16, size * 0.8, 0), (0.16, size, -span * 0.6), 0.045),
        )
        asm.add("seat", superellipsoid((0, saddle[1], -span * 0.2), (0.28, 0.12, span * 0.42), 0.5, 0.6))
    grip, rise = (
        u(0.25, 0.38),
        {"straight": 0.02, "raised": u(0.1, 0.25), "dropped": -u(0.05, 0.15)}[drawn["handlebar"]],
    )
    ends = head + np.array(
        [(-grip, rise, -0.12), (-grip * 0.5, rise, 0.0), (0, 0.03, 0), (grip * 0.5, rise, 0), (grip, rise, -0.12)]
    )
    asm.add("handlebar", tube(ends, 0.016))
    if drawn["front"] == "windshield":
        asm.add("fitting", box(head + np.array([0, 0.16, 0.12]), (0.36, 0.36, 0.02), shear=(0, -0.12)))
    elif drawn["front"] == "basket":
        asm.add("fitting", box(head + np.array([0, 0.0, 0.18]), (0.32, 0.24, 0.24), taper=1.15, without=("top",)))
    back = np.array([0, max(saddle[1] - 0.05, size * 2.15), -span * 0.46])
    if drawn["rear"] != "plain":
        asm.add("fitting", box(back, (0.16, 0.02, 0.36)))
        if drawn["rear"] == "top case":
            asm.add("fitting", superellipsoid(back + np.array([0, 0.15, 0]), (0.36, 0.28, 0.34), 0.4, 0.4))
    if drawn["fenders"] == "two":
        for hub in (rear, front):
            arc = np.linspace(-0.2, 1.0, 8) * np.pi * (1 if hub is rear else 0.8)
            path = hub + np.stack([0 * arc, np.sin(arc), -np.cos(arc)], axis=1) * (size * 1.1)
            asm.add("fitting", tube(path, 0.008, flat=wide * 0.8))
    if drawn["stand"] == "side":
        asm.add("fitting", frustum(crank, (0.2, 0, crank[2] - 0.1), 0.012, sides=6))
    return asm.finish(drawn, caption("motorcycle", drawn, (), _CYCLE_WORDS))
