"""Bottles and mugs: turned bodies with drawn profiles, handles, lids and contents."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import Floats, rotate
from pointsra.data.shapes.parts import (
    bent,
    circle,
    curve,
    frustum,
    lathe,
    polygon,
    slab,
    superellipse,
    superellipsoid,
    tube,
)  # fmt: skip

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "bottle": {
        "section": {"round": 0.6, "square": 0.15, "flat oval": 0.15, "hexagonal": 0.1},
        "body": {"straight": 0.35, "tapered": 0.15, "bulbous": 0.18, "waisted": 0.16, "ribbed": 0.16},
        "shoulder": {"rounded": 0.4, "sloping": 0.35, "flat": 0.25},
        "neck": {"long": 0.35, "short": 0.35, "wide": 0.15, "bulged": 0.15},
        "closure": {"open mouth": 0.25, "screw cap": 0.3, "cork": 0.13, "pump": 0.12, "sports spout": 0.1,
                    "ball stopper": 0.1},
        "handle": {"none": 0.78, "side": 0.14, "double": 0.08},
        "base": {"flat": 0.6, "footed": 0.2, "punted": 0.2},
    },
    "mug": {
        "body": {"straight": 0.35, "tapered": 0.17, "flared": 0.18, "barrel-shaped": 0.18, "bowl-shaped": 0.12},
        "section": {"round": 0.85, "octagonal": 0.08, "square": 0.07},
        "handle": {"C-shaped": 0.38, "ear-shaped": 0.2, "square": 0.16, "finger-ring": 0.12, "none": 0.14},
        "handle_side": {"right": 0.7, "left": 0.3},
        "base": {"flat": 0.6, "footed": 0.25, "pedestal": 0.15},
        "saucer": {"none": 0.75, "round": 0.25},
        "contents": {"nothing inside": 0.5, "a drink inside": 0.28, "a spoon inside": 0.12, "a lid": 0.1},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "mug": {"handle_side": ("handle", ("C-shaped", "ear-shaped", "square", "finger-ring"))}
}
PART_NAMES = {
    "bottle": ("body", "neck", "closure", "handle", "base"),
    "mug": ("body", "handle", "base", "saucer", "contents"),
}
_BOTTLE_WORDS = {"section": "a {} section", "body": "a {} body", "shoulder": "{} shoulders", "neck": "a {} neck",
                 "closure": "a {} on top", "handle": "a {} handle", "base": "a {} base"}  # fmt: skip
_MUG_WORDS = {"body": "a {} body", "section": "a {} section", "handle": "a {} handle",
              "handle_side": "its handle on the {}",
              "base": "a {} base", "saucer": "a {} saucer", "contents": "{}"}  # fmt: skip


def turned_section(kind: str, rng: np.random.Generator) -> Floats:
    """Return the outline (R, 2) that a vessel has around its axis."""
    if kind in ("square", "twisted square"):
        return superellipse(7.0, 28) * 0.92
    if kind == "flat oval":
        return circle(24) * np.array([rng.uniform(0.4, 0.65), 1.0])
    if kind in ("hexagonal", "octagonal"):
        return polygon(6 if kind == "hexagonal" else 8, 4)
    if kind == "fluted":
        waves = int(rng.integers(6, 13))
        fine = circle(waves * 6)
        return fine * (1 + 0.07 * np.cos(np.arange(len(fine)) * 2 * np.pi / 6))[:, None]
    return circle(24)


def handle_path(kind: str, at: float, low: float, high: float, reach: float, low_at: float | None = None) -> Floats:
    """Return a handle's path (P, 3) at +x, from (at, high) out and down to (low_at, low)."""
    end, tall = at if low_at is None else low_at, high - low
    if kind == "square":
        flat = [(at, high), (at + reach, high), (at + reach, low), (end, low)]
        path = bent([(x, y, 0.0) for x, y in flat], min(reach, tall) * 0.25)
    elif kind == "ear-shaped":
        flat = [(at, high - tall * 0.1), (at + reach * 0.6, high + tall * 0.05), (at + reach, high - tall * 0.2),
                (at + reach * 0.7, low + tall * 0.35), (end, low)]  # fmt: skip
        path = np.pad(curve(flat, 4), ((0, 0), (0, 1)))
    else:
        turn = np.linspace(np.pi / 2, -np.pi / 2, 11)
        x = np.linspace(at, end, 11) + reach * np.cos(turn)
        path = np.stack([x, (low + high) / 2 + tall / 2 * np.sin(turn), np.zeros(11)], axis=1)
    return path


def bottle(rng: np.random.Generator) -> Design:
    """Build a bottle from the choices of ``CHOICES["bottle"]``."""
    drawn = draw(rng, CHOICES["bottle"])
    asm = Assembly(PART_NAMES["bottle"])
    radius, tall = rng.uniform(0.028, 0.055), rng.uniform(0.1, 0.22)
    section = turned_section(drawn["section"], rng)
    narrow = {"wide": rng.uniform(0.5, 0.75)}.get(drawn["neck"], rng.uniform(0.26, 0.45)) * radius
    t = np.linspace(0.0, 1.0, 15)
    body = {
        "straight": np.ones(15),
        "tapered": 0.78 + 0.22 * t if rng.random() < 0.5 else 1.1 - 0.25 * t,
        "bulbous": 0.78 + 0.45 * np.sin(np.pi * t),
        "waisted": 1 - rng.uniform(0.15, 0.3) * np.exp(-((t - rng.uniform(0.35, 0.65)) ** 2) / 0.03),
        "ribbed": 1 - 0.07 * (np.sin(t * np.pi * 7) > 0.3),
    }[drawn["body"]] * radius
    rim = 0.004 + radius * 0.05
    profile = [(0.0, radius * 0.12 if drawn["base"] == "punted" else 0.0), (body[0] * 0.9, 0.0)]
    profile += [(r, rim + y * tall) for r, y in zip(body, t, strict=True)]
    asm.add("body", lathe(profile, section=section))
    if drawn["base"] == "footed":
        asm.add(
            "base",
            lathe(
                [(0, -rim * 2), (body[0] * 1.12, -rim * 2), (body[0] * 1.1, 0), (body[0] * 0.9, rim)], section=section
            ),
        )
    top, wide = rim + tall, float(body[-1])
    rise = wide * rng.uniform(0.5, 0.9) if drawn["shoulder"] != "sloping" else wide * rng.uniform(1.3, 2.4)
    steps = np.linspace(0.0, 1.0, 7)
    if drawn["shoulder"] == "rounded":
        drop, lift = 1 - np.cos(steps * np.pi / 2), np.sin(steps * np.pi / 2)
    elif drawn["shoulder"] == "flat":
        drop, lift, rise = steps, np.minimum(steps * 3, 1.0), wide * 0.12
    else:
        drop, lift = (1 - np.cos(steps * np.pi)) / 2, steps
    shaped = np.stack([wide + drop * (narrow - wide), top + lift * rise], axis=1)
    blend = np.clip(drop * 1.2, 0, 1)[:, None, None]
    around = circle(len(section))
    mixed = section[None] * (1 - blend) + around[None] * blend
    shoulder = lathe(shaped, section=around)
    rings = shoulder.vertices.reshape(7, len(section), 3).copy()
    rings[:, :, 0], rings[:, :, 2] = shaped[:, :1] * mixed[:, :, 1], shaped[:, :1] * mixed[:, :, 0]
    asm.add("body", type(shoulder)(rings.reshape(-1, 3), shoulder.faces))
    start = top + rise
    neck = radius * {"long": rng.uniform(1.2, 2.4), "bulged": rng.uniform(0.9, 1.5)}.get(
        drawn["neck"], rng.uniform(0.25, 0.5)
    )
    end = start + neck
    line = [
        (narrow, start),
        (narrow, start + neck * 0.4),
        (narrow, start + neck * 0.85),
        (narrow * 1.15, start + neck * 0.86),
        (narrow * 1.15, end),
    ]
    if drawn["neck"] == "bulged":
        line[1] = (narrow * 1.45, start + neck * 0.4)
        line = [tuple(row) for row in curve(line[:3], 4)] + line[3:]
    closure, lip = drawn["closure"], narrow * 1.15
    if closure == "open mouth":
        line += [(narrow * 0.9, end), (narrow * 0.85, end - neck * 0.5)]
    asm.add("neck", lathe(line))
    if closure == "screw cap":
        cap = rng.uniform(0.012, 0.03)
        asm.add("closure", lathe([(lip * 1.15, end - cap * 0.6), (lip * 1.2, end + cap * 0.4), (0, end + cap * 0.42)]))
    elif closure == "cork":
        asm.add("closure", frustum((0, end - 0.002, 0), (0, end + radius * 0.4, 0), lip * 0.8, lip * 0.95))
    elif closure == "ball stopper":
        ball = narrow * rng.uniform(2.2, 3.2)
        asm.add("closure", superellipsoid((0, end + ball * 0.42, 0), (ball, ball, ball)))
    elif closure == "sports spout":
        asm.add("closure", lathe([(lip * 1.2, end - 0.01), (lip * 1.2, end + 0.008), (lip * 0.5, end + 0.018),
                                  (lip * 0.5, end + 0.03),
                                  (lip * 0.65, end + 0.032), (lip * 0.65, end + 0.042), (0, end + 0.042)]))  # fmt: skip
    elif closure == "pump":
        asm.add(
            "closure",
            lathe(
                [
                    (lip * 1.2, end - 0.008),
                    (lip * 1.2, end + 0.012),
                    (lip * 0.4, end + 0.014),
                    (lip * 0.3, end + 0.04),
                    (0, end + 0.04),
                ]
            ),
        )
        turn = rng.uniform(-60, 60)
        nozzle = [(0, end + 0.045, -0.008), (0, end + 0.045, radius * 0.9), (0, end + 0.036, radius * 1.2)]
        asm.add("closure", rotate(tube(bent(nozzle, 0.008), 0.006), "y", turn))
        asm.add("closure", frustum((0, end + 0.036, 0), (0, end + 0.052, 0), lip * 0.8))
    if drawn["handle"] != "none":
        low_at = float(np.abs(section[:, 1]).max()) * float(body[9]) * 0.96
        reach = float(np.abs(section[:, 1]).max() * body[9:].max()) - narrow + radius * rng.uniform(0.35, 0.7)
        path = handle_path("square", narrow * 0.9, rim + tall * 0.62, start + neck * 0.5, reach, low_at)
        grip = tube(path, radius * 0.13, flat=None)
        asm.add("handle", grip)
        if drawn["handle"] == "double":
            asm.add("handle", rotate(grip, "y", 180))
    return asm.finish(drawn, caption("bottle", drawn, (), _BOTTLE_WORDS))


def mug(rng: np.random.Generator) -> Design:
    """Build a mug from the choices of ``CHOICES["mug"]``."""
    drawn = draw(rng, CHOICES["mug"], ONLY_WHEN["mug"])
    asm = Assembly(PART_NAMES["mug"])
    radius = rng.uniform(0.035, 0.05)
    tall, wall = radius * rng.uniform(1.5, 3.0), rng.uniform(0.003, 0.006)
    t = np.linspace(0.0, 1.0, 13)
    amount = rng.uniform(0.15, 0.35)
    outer = {
        "straight": np.ones(13),
        "tapered": 1 - amount * t * 0.7,
        "flared": 1 - amount + amount * t**1.5 * 1.2,
        "barrel-shaped": 1 - amount * 0.5 + amount * np.sin(np.pi * t),
        "bowl-shaped": 0.4 + 0.75 * np.sqrt(t),
    }[drawn["body"]] * radius
    section = turned_section(drawn["section"], rng)
    lift = {"flat": 0.0, "footed": 0.005, "pedestal": rng.uniform(0.015, 0.03)}[drawn["base"]]
    if drawn["saucer"] == "round":
        lift += 0.006
    heights = lift + t * tall
    bottom = [(0.0, lift), (outer[0] * 0.93, lift)]
    inside = [(r - wall, max(y, lift + wall * 1.5)) for r, y in zip(outer[::-1], heights[::-1], strict=True)]
    asm.add(
        "body",
        lathe(bottom + list(zip(outer, heights, strict=True)) + inside + [(0.0, lift + wall * 1.5)], section=section),
    )
    foot = 0.006 if drawn["saucer"] == "round" else 0.0
    if drawn["base"] != "flat":
        neck = 0.86 if drawn["base"] == "footed" else 0.4
        asm.add(
            "base",
            lathe(
                [
                    (0, foot),
                    (outer[0] * 0.85, foot),
                    (outer[0] * neck, (foot + lift) / 2),
                    (outer[0] * neck, lift + 0.001),
                ]
            ),
        )
    if drawn["saucer"] == "round":
        wide = radius * rng.uniform(1.5, 1.9)
        asm.add(
            "saucer",
            lathe([(0, 0), (wide * 0.5, 0), (wide, 0.012), (wide * 0.99, 0.014), (wide * 0.5, 0.005), (0, 0.005)]),
        )
    kind = drawn["handle"]
    if kind != "none":
        span = (0.4, 0.78) if kind == "finger-ring" else (rng.uniform(0.12, 0.25), rng.uniform(0.75, 0.92))
        at = [float(np.interp(f, t, outer)) * float(np.abs(section[:, 1]).max()) * 0.985 for f in span]
        reach = radius * (0.5 if kind == "finger-ring" else rng.uniform(0.55, 0.95))
        path = handle_path(kind, at[1], lift + span[0] * tall, lift + span[1] * tall, reach, at[0])
        thick = rng.uniform(0.0035, 0.006)
        grip = tube(path, thick, flat=thick * rng.uniform(1.2, 2.2) if rng.random() < 0.5 else None)
        asm.add("handle", grip if drawn["handle_side"] == "right" else rotate(grip, "y", 180))
    if drawn["contents"] == "a drink inside":
        level = rng.uniform(0.7, 0.93)
        spread = (float(np.interp(level, t, outer)) - wall) * section
        asm.add("contents", slab(spread[:, ::-1], lift + level * tall - 0.001, lift + level * tall))
    elif drawn["contents"] == "a spoon inside":
        low, high = np.array([0.3 * outer[0], lift + 0.01, 0.0]), np.array([-outer[-1] * 1.15, lift + tall * 1.45, 0.0])
        spoon = [
            frustum(low, high, 0.0025),
            superellipsoid(low, (0.02, 0.028, 0.02)),
            superellipsoid(high, (0.012, 0.02, 0.006)),
        ]
        turn = rng.uniform(0, 360)
        asm.add("contents", *[rotate(piece, "y", turn) for piece in spoon])
    elif drawn["contents"] == "a lid":
        edge, y = float(outer[-1]), lift + tall
        asm.add(
            "contents",
            lathe(
                [(edge * 1.04, y - 0.004), (edge * 1.04, y + 0.004), (edge * 0.6, y + 0.012), (0, y + 0.014)],
                section=section,
            ),
        )
        asm.add("contents", superellipsoid((0, y + 0.02, 0), (0.016, 0.018, 0.016)))
    return asm.finish(drawn, caption("mug", drawn, (), _MUG_WORDS))
