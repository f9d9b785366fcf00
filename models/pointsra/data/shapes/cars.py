"""Cars, vans and trucks, front toward +z: a body from a table of proportions, and fittings drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import Mesh, both_sides, box, loft
from pointsra.data.shapes.parts import beam, frustum, hull, superellipse, superellipsoid, tube, wheel

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "car": {
        "body": {"sedan": 0.2, "hatchback": 0.15, "wagon": 0.1, "off-road": 0.13, "coupe": 0.11, "pickup": 0.1,
                 "van": 0.08,                 "convertible": 0.06, "truck": 0.07},
        "wheels": {"small": 0.25, "medium": 0.5, "large": 0.25},
        "roof_load": {"no roof load": 0.7, "roof rails": 0.13, "a roof box": 0.09, "a light bar": 0.08},
        "rear": {"plain rear": 0.55, "spoiler": 0.22, "spare wheel": 0.1, "tow bar": 0.13},
        "front": {"smooth front": 0.55, "bumper": 0.25, "bull bar": 0.2},
        "mirrors": {"two": 0.75, "no": 0.25},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "car": {"roof_load": ("body", ("sedan", "hatchback", "wagon", "off-road", "coupe", "pickup", "van", "truck"))},
}
PART_NAMES = {
    "car": ("body", "cabin", "wheel", "bumper", "mirror", "roof load", "spoiler", "cargo", "seat", "light"),
}
_CAR_WORDS = {"wheels": "{} wheels", "roof_load": "{}", "rear": "a {}", "front": "a {}",
              "mirrors": "{} mirrors"}  # fmt: skip


def _cabin(low: tuple[float, float], high: tuple[float, float], belt: float, roof: float, width: float) -> Mesh:
    """Make a cabin: its front and rear (z) at the belt line ``low`` and at the roof ``high``."""
    rings = np.empty((5, 20, 3))
    outline = superellipse(7.0, 20)
    for i, share in enumerate((0.0, 0.5, 0.92, 1.0)):
        front, rear = low[0] + (high[0] - low[0]) * share, low[1] + (high[1] - low[1]) * share
        shrink = 0.93 if i == 3 else 1.0
        rings[i, :, 0] = outline[:, 0] * width / 2 * (1 - 0.16 * share) * shrink
        rings[i, :, 1] = belt + (roof - belt) * share
        rings[i, :, 2] = (front + rear) / 2 + outline[:, 1] * (front - rear) / 2 * shrink
    rings[4] = rings[3].mean(axis=0)
    return loft(rings, caps=False)


# Length, height, belt (of height), hood (of belt), cabin front and rear at the belt
# and at the roof (of half length), deck (of belt). # Ours, from the proportions of common cars.
_CAR = {
    "sedan": ((4.4, 5.0), (1.4, 1.5), 0.62, 0.9, (0.42, -0.66), (0.1, -0.36), 0.97),
    "hatchback": ((3.6, 4.3), (1.42, 1.56), 0.62, 0.9, (0.5, -0.97), (0.14, -0.72), 0.95),
    "wagon": ((4.5, 5.0), (1.42, 1.56), 0.62, 0.9, (0.42, -0.97), (0.1, -0.85), 0.95),
    "off-road": ((4.0, 4.9), (1.65, 1.95), 0.6, 0.96, (0.42, -0.98), (0.22, -0.93), 0.98),
    "coupe": ((4.1, 4.7), (1.2, 1.36), 0.64, 0.86, (0.34, -0.88), (0.0, -0.28), 0.96),
    "pickup": ((4.8, 5.6), (1.65, 1.9), 0.58, 0.97, (0.42, -0.22), (0.2, -0.16), 0.97),
    "van": ((4.4, 5.4), (1.9, 2.4), 0.5, 0.95, (0.86, -0.99), (0.55, -0.97), 0.98),
    "convertible": ((3.9, 4.5), (1.2, 1.32), 0.64, 0.88, (0.3, -0.4), (0.1, -0.3), 0.96),
    "truck": ((5.5, 7.5), (2.3, 3.0), 0.42, 0.98, (0.97, 0.5), (0.9, 0.5), 0.98),
}


def car(rng: np.random.Generator) -> Design:
    """Build a car from the choices of ``CHOICES["car"]``."""
    drawn = draw(rng, CHOICES["car"], ONLY_WHEN["car"])
    asm = Assembly(PART_NAMES["car"])
    kind = drawn["body"]
    longs, highs, belt_share, hood_share, low, high, deck_share = _CAR[kind]
    long, tall = rng.uniform(*longs), rng.uniform(*highs)
    width = rng.uniform(1.65, 1.95) if kind != "truck" else rng.uniform(2.0, 2.4)
    roll = (
        {"small": 0.27, "medium": 0.32, "large": 0.39}[drawn["wheels"]]
        * (1.3 if kind == "truck" else 1.0)
        * rng.uniform(0.95, 1.05)
    )
    half, belt = long / 2, tall * belt_share
    floor = roll * rng.uniform(0.55, 0.8)
    hood, deck = floor + (belt - floor) * hood_share * rng.uniform(0.88, 1.0), floor + (belt - floor) * deck_share
    jitter = rng.uniform(-0.05, 0.05)
    zs = [
        half,
        half * 0.96,
        half * (low[0] + 0.06 + jitter),
        half * (low[0] - 0.1 + jitter),
        half * (low[1] + 0.05),
        -half * 0.96,
        -half,
    ]
    tops = [floor + (hood - floor) * 0.6, hood * 0.95, hood, belt, belt, deck, floor + (deck - floor) * 0.75]
    if kind in ("pickup", "truck"):
        deck = floor + (belt - floor) * (0.5 if kind == "pickup" else 0.42)
        zs[4], tops[4:] = half * low[1], [deck, deck, deck]
        zs.insert(4, half * low[1] + 0.02)
        tops.insert(4, belt)
    if kind == "truck":
        tops = [belt if top > belt * 0.6 and z > half * 0.5 else top for z, top in zip(zs, tops, strict=True)]
    zs = sorted(zs, reverse=True)
    wides = [0.86, 0.95] + [1.0] * (len(zs) - 4) + [0.96, 0.88]
    rows = [(z, (top + floor) / 2, width / 2 * w, (top - floor) / 2) for z, top, w in zip(zs, tops, wides, strict=True)]
    asm.add("body", hull(rows, 7.0, 20))
    roof_front, roof_rear = half * (high[0] + jitter), half * high[1]
    if kind == "convertible":
        screen = [
            (-width * 0.42, belt - 0.02, half * 0.3),
            (-width * 0.36, tall, half * 0.12),
            (width * 0.36, tall, half * 0.12),
            (width * 0.42, belt - 0.02, half * 0.3),
        ]
        asm.add("cabin", tube(np.array(screen), 0.03))
        for x in (-width * 0.2, width * 0.2):
            asm.add("seat", box((x, belt + 0.05, -half * 0.15), (width * 0.27, 0.5, 0.16), taper=0.8, shear=(0, -0.08)))
            asm.add("seat", box((x, belt + 0.36, -half * 0.15 - 0.08), (width * 0.15, 0.16, 0.1)))
    else:
        low_front, low_rear = half * (low[0] + jitter), half * low[1]
        asm.add("cabin", _cabin((low_front, low_rear), (roof_front, roof_rear), belt - 0.04, tall, width * 0.97))
    if kind == "pickup":
        rear, start = -half * 0.97, half * low[1]
        rim = belt * rng.uniform(0.92, 1.0)
        for x in (-width * 0.46, width * 0.46):
            asm.add("cargo", box((x, (deck + rim) / 2, (rear + start) / 2), (width * 0.06, rim - deck, start - rear)))
        if rng.random() < 0.75:
            asm.add("cargo", box((0, (deck + rim) / 2, rear), (width * 0.9, rim - deck, 0.06)))
    elif kind == "truck":
        cargo, start = int(rng.integers(3)), half * 0.46
        top = {0: tall * rng.uniform(1.0, 1.35), 1: deck + 0.1, 2: tall * 0.85}[cargo]
        middle, run = (start - half) / 2, start + half
        if cargo == 2:
            asm.add(
                "cargo",
                frustum((0, (deck + top) / 2, start - 0.05), (0, (deck + top) / 2, -half), (top - deck) / 2, sides=20),
            )
        else:
            asm.add("cargo", box((0, (deck + top) / 2, middle), (width, top - deck, run), without=("bottom",)))
        if cargo == 1:
            for x in (-width / 2, width / 2):
                asm.add("cargo", box((x, deck + 0.35, middle), (0.04, 0.5, run)))
    base = half * rng.uniform(0.56, 0.66)
    axles = [base, -base] if kind != "truck" else [half * 0.68, -base, -base + roll * 2.2]
    thick = roll * rng.uniform(0.55, 0.75)
    asm.add("wheel", *[wheel((s * (width / 2 - thick * 0.4), roll, z), roll, thick) for z in axles for s in (-1, 1)])
    if drawn["front"] == "bumper":
        asm.add("bumper", box((0, floor + 0.14, half + 0.04), (width * 0.92, 0.18, 0.16)))
    elif drawn["front"] == "bull bar":
        for y in (floor + 0.1, floor + 0.42):
            asm.add("bumper", frustum((-width * 0.36, y, half + 0.12), (width * 0.36, y, half + 0.12), 0.035))
        asm.add(
            "bumper",
            *[
                frustum((x, floor, half + 0.1), (x, floor + 0.5, half + 0.12), 0.035)
                for x in (-width * 0.25, width * 0.25)
            ],
        )
    if drawn["mirrors"] == "two":
        z = half * (low[0] + jitter) - 0.25 if kind != "convertible" else half * 0.24
        asm.add("mirror", *both_sides(box((width / 2 + 0.06, belt + 0.1, z), (0.2, 0.14, 0.1))))
    load = drawn.get("roof_load")
    middle, run = (roof_front + roof_rear) / 2, abs(roof_front - roof_rear)
    if load == "roof rails":
        for s in (-1, 1):
            asm.add(
                "roof load",
                beam(
                    (s * width * 0.33, tall + 0.05, middle - run * 0.45),
                    (s * width * 0.33, tall + 0.05, middle + run * 0.4),
                    0.04,
                    0.04,
                ),
            )
            asm.add(
                "roof load",
                *[
                    beam(
                        (s * width * 0.33, tall - 0.05, middle + run * f),
                        (s * width * 0.33, tall + 0.05, middle + run * f),
                        0.04,
                        0.04,
                    )
                    for f in (-0.4, 0.35)
                ],
            )
        asm.add(
            "roof load",
            *[
                beam(
                    (-width * 0.36, tall + 0.08, middle + run * f),
                    (width * 0.36, tall + 0.08, middle + run * f),
                    0.05,
                    0.03,
                )
                for f in (-0.25, 0.2)
            ],
        )
    elif load == "a roof box":
        asm.add(
            "roof load",
            hull(
                [
                    (middle + run * 0.42, tall + 0.1, 0.1, 0.05),
                    (middle + run * 0.3, tall + 0.17, width * 0.26, 0.16),
                    (middle - run * 0.42, tall + 0.17, width * 0.26, 0.16),
                ],
                4.0,
            ),
        )
    elif load == "a light bar":
        asm.add("roof load", box((0, tall + 0.07, middle + run * 0.1), (width * 0.6, 0.14, 0.22)))
    top = tall if kind in ("hatchback", "wagon", "off-road", "van") else deck
    if kind in ("pickup", "truck"):
        top = belt
    if drawn["rear"] == "spoiler":
        z = -half * 0.93 if top != tall else roof_rear
        lift = rng.uniform(0.05, 0.28)
        asm.add("spoiler", box((0, top + lift, z), (width * 0.85, 0.04, 0.28)))
        asm.add(
            "spoiler", *[beam((x, top - 0.1, z), (x, top + lift, z), 0.05, 0.12) for x in (-width * 0.32, width * 0.32)]
        )
    elif drawn["rear"] == "spare wheel":
        asm.add("wheel", wheel((0, max(floor + roll, belt * 0.85), -half - 0.08), roll * 0.95, 0.2, "z"))
    elif drawn["rear"] == "tow bar":
        asm.add("bumper", box((0, floor + 0.1, -half - 0.05), (width * 0.9, 0.14, 0.12)))
        asm.add(
            "bumper",
            frustum((0, floor + 0.05, -half), (0, floor + 0.05, -half - 0.28), 0.04),
            superellipsoid((0, floor + 0.12, -half - 0.28), (0.1, 0.14, 0.1)),
        )
    asm.add(
        "light",
        *[
            superellipsoid((s * width * 0.33, floor + (hood - floor) * 0.66, half * 0.985), (0.28, 0.16, 0.12))
            for s in (-1, 1)
        ],
    )
    return asm.finish(drawn, caption(f"{kind} car", drawn, (), _CAR_WORDS))
