"""Vases: profile, section, mouth, handles, foot and plants are drawn independently."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import box, move, rotate
from pointsra.data.shapes.parts import curve, frustum, lathe, superellipsoid, tube
from pointsra.data.shapes.vessels import handle_path, turned_section

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "vase": {
        "body": {"cylindrical": 0.13, "trumpet": 0.16, "globular": 0.16, "amphora": 0.17, "double-gourd": 0.11,
                 "conical": 0.12, "free-form": 0.15},
        "section": {"round": 0.6, "fluted": 0.13, "hexagonal": 0.1, "square": 0.1, "twisted square": 0.07},
        "mouth": {"plain": 0.4, "flared": 0.4, "narrow": 0.2},
        "handles": {"none": 0.72, "two": 0.28},
        "foot": {"none": 0.55, "ring": 0.25, "stemmed": 0.2},
        "plants": {"no plant": 0.6, "a few twigs": 0.15, "a bunch of flowers": 0.15, "long leaves": 0.1},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {}
PART_NAMES = {
    "vase": ("body", "handle", "foot", "plant"),
}
_VASE_WORDS = {"body": "a {} body", "section": "a {} section", "mouth": "a {} mouth", "handles": "{} handles",
               "foot": "a {} foot", "plants": "{}"}  # fmt: skip


def _vase_knots(kind: str, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Return a vase's outer profile as (radius, height) knots, the height from 0 to 1."""
    u = rng.uniform
    if kind == "cylindrical":
        return [(0.2, 0.0), (0.22, 0.1), (0.22 * u(0.9, 1.1), 0.5), (0.22 * u(0.85, 1.15), 0.9)]
    if kind == "trumpet":
        return [(u(0.1, 0.18), 0.0), (0.11, 0.15), (0.11, 0.45), (0.18, 0.75), (u(0.28, 0.4), 0.95)]
    if kind == "globular":
        return [(0.15, 0.0), (u(0.32, 0.42), 0.3), (u(0.3, 0.38), 0.55), (0.16, 0.8), (0.14, 0.92)]
    if kind == "amphora":
        return [(0.1, 0.0), (0.18, 0.2), (u(0.26, 0.36), 0.55), (0.24, 0.72), (0.1, 0.82), (0.1, 0.94)]
    if kind == "double-gourd":
        return [(0.16, 0.0), (u(0.27, 0.33), 0.25), (0.14, 0.55), (u(0.17, 0.24), 0.73), (0.09, 0.92)]
    if kind == "conical":
        return [(u(0.08, 0.14), 0.0), (0.16, 0.3), (0.22, 0.6), (u(0.26, 0.34), 0.93)]
    count = int(rng.integers(4, 7))
    return list(zip(rng.uniform(0.1, 0.34, count), np.linspace(0, 0.93, count), strict=True))


def vase(rng: np.random.Generator) -> Design:
    """Build a vase from the choices of ``CHOICES["vase"]``."""
    drawn = draw(rng, CHOICES["vase"])
    asm = Assembly(PART_NAMES["vase"])
    size, section = rng.uniform(0.2, 0.5), turned_section(drawn["section"], rng)
    stretch = rng.uniform(0.75, 1.35)
    knots = _vase_knots(drawn["body"], rng)
    last = knots[-1][0]
    lip = {"plain": 1.0, "flared": rng.uniform(1.25, 1.6), "narrow": rng.uniform(0.5, 0.7)}[drawn["mouth"]] * last
    outer = curve([*knots, (lip, 1.0)], 5) * np.array([size * stretch, size])
    outer[:, 0] = np.maximum(outer[:, 0], 0.02 * size)
    lift = {"none": 0.0, "ring": 0.03, "stemmed": rng.uniform(0.12, 0.22)}[drawn["foot"]] * size
    outer[:, 1] += lift
    wall, floor = size * 0.02, lift + size * 0.03
    inner = outer[::-1] - np.array([wall, 0.0])
    inner = inner[inner[:, 1] > floor]
    body = lathe(np.concatenate([[[0.0, lift]], outer, inner, [[0.0, floor]]]), section=section)
    if drawn["section"] == "twisted square":
        turn = (body.vertices[:, 1] - lift) / size * rng.uniform(0.8, 2.2)
        x, z = body.vertices[:, 0].copy(), body.vertices[:, 2].copy()
        body.vertices[:, 0], body.vertices[:, 2] = (
            x * np.cos(turn) - z * np.sin(turn),
            x * np.sin(turn) + z * np.cos(turn),
        )
    asm.add("body", body)
    low = float(outer[0, 0])
    if drawn["foot"] == "ring":
        asm.add("foot", lathe([(0, 0), (low * 1.15, 0), (low * 1.1, lift * 0.6), (low * 0.95, lift)], section=section))
    elif drawn["foot"] == "stemmed":
        asm.add(
            "foot",
            lathe(curve([(low * 1.3, 0), (low * 1.1, lift * 0.2), (low * 0.4, lift * 0.5), (low * 0.9, lift)], 4)),
        )
        asm.add("foot", frustum((0, 0, 0), (0, 0.004, 0), low * 1.3, sides=24))
    if drawn["handles"] == "two":
        reach_out = 0.92 if drawn["section"] == "twisted square" else float(np.abs(section[:, 1]).max())
        high_f, low_f = rng.uniform(0.82, 0.92), rng.uniform(0.35, 0.6)
        at = [float(np.interp(lift + f * size, outer[:, 1], outer[:, 0])) * reach_out * 0.95 for f in (low_f, high_f)]
        between = outer[(outer[:, 1] > lift + low_f * size) & (outer[:, 1] < lift + high_f * size)]
        chord = np.interp(between[:, 1], [lift + low_f * size, lift + high_f * size], at)
        reach = float(np.max(between[:, 0] * reach_out - chord, initial=0.0)) * 1.2 + size * rng.uniform(0.08, 0.16)
        path = handle_path("C-shaped", at[1], lift + low_f * size, lift + high_f * size, reach, at[0])
        grip = tube(path, size * 0.022)
        asm.add("handle", grip, rotate(grip, "y", 180))
    count = {"no plant": 0, "a few twigs": 4, "a bunch of flowers": 9, "long leaves": 7}[drawn["plants"]]
    mouth, top = float(outer[-1, 0]), lift + size
    for _ in range(count):
        angle, spread = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.5) * size
        rise = rng.uniform(0.45, 0.9) * size
        way = np.array([np.cos(angle), 0.0, np.sin(angle)])
        start = way * mouth * 0.85 + np.array([0, top - 0.02 * size, 0])
        knee, end = (
            start + way * spread * 0.35 + np.array([0, rise * 0.6, 0]),
            start + way * spread + np.array([0, rise, 0]),
        )
        stem = curve([start, knee, end], 4)
        if drawn["plants"] == "long leaves":
            asm.add("plant", tube(stem, size * 0.035 * np.sin(np.linspace(0.5, 3.0, len(stem))), flat=size * 0.004))
            continue
        asm.add("plant", tube(stem, size * 0.009, sides=5))
        if drawn["plants"] == "a bunch of flowers":
            bloom = superellipsoid((0, 0, 0), np.array([1.0, 0.7, 1.0]) * size * rng.uniform(0.1, 0.16))
            asm.add("plant", move(bloom, end))
        else:
            asm.add("plant", *[box(end - way * 0.2 * spread * k, (0.02 * size,) * 3) for k in range(2)])
    return asm.finish(drawn, caption("vase", drawn, (), _VASE_WORDS))
