"""Buildings, entrance toward +z: houses, blocks of flats, churches, towers, castles and halls with a dome."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.hollow import walls
from pointsra.data.shapes.landmarks import castle, church, domed, skyscraper
from pointsra.data.shapes.meshes import box, move
from pointsra.data.shapes.parts import frustum
from pointsra.data.shapes.roofs import block, roof_over

_HOMES = ("detached", "L-shaped")
CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "house": {
        "kind": {"detached": 0.32, "L-shaped": 0.18, "apartment": 0.12, "church": 0.13, "skyscraper": 0.14,
                 "castle": 0.06, "domed": 0.05},
        "roof": {"gable": 0.45, "hip": 0.25, "flat": 0.18, "gambrel": 0.12},
        "floors": {"one": 0.42, "two": 0.43, "three": 0.15},
        "chimney": {"none": 0.45, "one": 0.4, "two": 0.15},
        "entrance": {"plain": 0.45, "porched": 0.35, "stepped": 0.2},
        "ground": {"no": 0.75, "a slab of": 0.25},
    }
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "house": {"roof": ("kind", (*_HOMES, "apartment")), "floors": ("kind", _HOMES), "chimney": ("kind", _HOMES)}
}
PART_NAMES = {"house": ("wall", "roof")}
_WORDS = {"kind": "the form of a {} building", "roof": "a {} roof", "floors": "{} floors", "chimney": "{} chimney",
          "entrance": "a {} entrance", "ground": "{} ground"}  # fmt: skip


def house(rng: np.random.Generator) -> Design:
    """Build a house or another building from the choices of ``CHOICES["house"]``."""
    drawn = draw(rng, CHOICES["house"], ONLY_WHEN["house"])
    asm = Assembly(PART_NAMES["house"])
    build = {"church": church, "skyscraper": skyscraper, "castle": castle, "domed": domed, "apartment": _apartment}
    wide, deep, front = build.get(drawn["kind"], _home)(asm, drawn, rng)
    _entrance(asm, drawn["entrance"], front, min(wide, 14.0), rng)
    if drawn["ground"] == "a slab of":
        grow = rng.uniform(1.15, 1.7)
        asm.add("wall", box((0, -0.15, front - deep / 2), (wide * grow, 0.5, deep * grow + 2)))
    return asm.finish(drawn, caption("house", drawn, (), _WORDS))


def _entrance(asm: Assembly, kind: str, front: float, wide: float, rng: np.random.Generator) -> None:
    u = rng.uniform
    door, high = u(1.0, 1.6), u(2.0, 2.5)
    asm.add("wall", box((0, high / 2, front), (door, high, 0.35)))
    if kind == "plain":
        return
    reach, half = u(1.2, 2.6), wide * u(0.14, 0.46)
    if kind == "stepped":
        for i in range(4):
            asm.add(
                "wall", box((0, 0.1 + i * 0.12, front + (4 - i) * 0.18), (half * 1.3, 0.24 + i * 0.24, (4 - i) * 0.4))
            )
        return
    top = high + u(0.2, 0.6)
    asm.add("wall", box((0, 0.15, front + reach / 2), (half * 2, 0.3, reach)))
    for x in np.linspace(-half * 0.93, half * 0.93, 2 + int(half > 1.8) * 2):
        asm.add("wall", frustum((x, 0, front + reach * 0.9), (x, top, front + reach * 0.9), u(0.12, 0.2), sides=8))
    if rng.random() < 0.5:
        asm.add("roof", box((0, top + 0.1, front + reach / 2), (half * 2.1, 0.25, reach * 1.1), shear=(0, -0.15)))
    else:
        gables, cover = roof_over("gable", (half * 2, reach + 0.6), half * u(0.3, 0.6), 0.2, 0.2)
        asm.add("roof", *[move(each, (0, top, front + reach / 2 - 0.2)) for each in (*gables, *cover)])


def _home(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> tuple[float, float, float]:
    u, floors = rng.uniform, {"one": 1, "two": 2, "three": 3}[drawn["floors"]]
    wide, deep, high = u(6, 14), u(5, 10), floors * u(2.5, 3.2)
    pitch, over, turned = u(0.25, 0.75), u(0.15, 0.9), wide > deep * 1.1 or rng.random() < 0.4
    share, spacing, roof = u(0.3, 0.55), u(2.2, 4.0), drawn["roof"]
    span = (deep, wide) if turned else (wide, deep)
    rise = span[0] * pitch if roof != "gambrel" else span[0] * u(0.45, 0.65)
    block(asm, (span[0], high, span[1]), roof, rise, turn=90.0 if turned else 0.0, over=over, floors=floors,
           spacing=spacing, share=share)  # fmt: skip
    front = deep / 2
    if drawn["kind"] == "L-shaped":
        side, w, long = float(rng.choice([-1, 1])), wide * u(0.35, 0.5), u(3.0, 7.0)
        low = high if rng.random() < 0.6 else high * max(u(0.5, 0.8), 1 / floors)
        block(
            asm,
            (w, low, long + deep / 2),
            roof,
            min(w * pitch if roof != "gambrel" else w * 0.6, rise),
            (side * (wide - w) / 2, 0, deep / 2 + long / 2 - deep / 4),
            over=over,
            floors=max(1, floors - int(low < high)),
            spacing=spacing,
            share=share,
        )
    for i in range({"none": 0, "one": 1, "two": 2}[drawn["chimney"]]):
        side = (-1.0, 1.0)[i] if drawn["chimney"] == "two" else float(rng.choice([-1, 1]))
        top, thick, z = high + rise * u(0.9, 1.1) + u(0.3, 1.2), u(0.6, 1.1), u(-0.2, 0.0) * deep
        if roof == "flat":
            top = high + u(1.2, 2.0)
        place = np.array([side * wide * u(0.2, 0.44), 0, z])
        asm.add("roof", box(place + np.array([0, (top + high) / 2 - 0.3, 0]), (thick, top - high + 0.6, thick)))
        asm.add("roof", box(place + np.array([0, top, 0]), (thick * 1.25, 0.25, thick * 1.25)))
    if roof in ("gable", "gambrel") and turned and rng.random() < 0.35:
        w = u(1.4, 2.4)
        for x in (0.0,) if wide < 8 or rng.random() < 0.3 else (-wide * 0.25, wide * 0.25):
            block(
                asm, (w, rise * 0.45, deep * 0.4), "gable", rise * 0.25, (x, high + rise * 0.1, deep * 0.22), over=0.15
            )
    if rng.random() < 0.25:
        w, d, h = u(3, 6), deep * u(0.5, 0.9), min(u(2.4, 3.0), high)
        block(
            asm,
            (w, h, d),
            str(rng.choice(["flat", "gable"])),
            w * 0.3,
            (wide / 2 + w / 2, 0, (deep - d) / -2),
            over=0.3,
        )
    return wide, deep, front


def _apartment(asm: Assembly, drawn: dict[str, str], rng: np.random.Generator) -> tuple[float, float, float]:
    u, floors = rng.uniform, int(rng.integers(3, 8))
    wide, deep, high = u(14, 40), u(9, 14), floors * u(2.7, 3.2)
    block(asm, (deep, high, wide), drawn["roof"], deep * u(0.2, 0.5), turn=90.0, over=u(0.1, 0.6), floors=floors,
           spacing=u(3.0, 4.5), share=u(0.35, 0.6))  # fmt: skip
    if rng.random() < 0.6:
        count, w = int(rng.integers(2, 5)), u(2.5, 4.0)
        for i in range(count):
            for floor in range(1, floors):
                x = ((i + 0.5) / count - 0.5) * wide
                rail = walls((w, 1.1, 1.5), 0.15)
                asm.add("wall", *[move(each, (x, floor * high / floors, deep / 2 + 0.7)) for each in rail])
    return wide, deep, deep / 2
