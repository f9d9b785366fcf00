"""Hand tools: a head, a handle and what may be at its end, lying flat or upright."""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.meshes import both_sides, box, rotate
from pointsra.data.shapes.parts import beam, circle, curve, frustum, slab, superellipsoid, tube

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "tool": {
        "kind": {"hammer": 0.2, "screwdriver": 0.15, "wrench": 0.15, "pair of pliers": 0.12, "axe": 0.12, "saw": 0.09,
                 "brush": 0.08, "power drill": 0.09},
        "grip": {"bare": 0.4, "sleeved": 0.35, "swelling": 0.25},
        "length": {"short": 0.3, "plain": 0.4, "long": 0.3},
        "rear": {"simple": 0.45, "second": 0.3, "pointed": 0.25},
        "pose": {"lying lengthwise": 0.42, "lying crosswise": 0.33, "standing upright": 0.25},
    },
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "tool": {
        "grip": ("kind", ("hammer", "screwdriver", "wrench", "pair of pliers", "axe", "brush")),
        "rear": ("kind", ("hammer", "axe", "wrench")),
    }
}
PART_NAMES = {"tool": ("head", "handle", "grip")}
_WORDS = {"kind": "the form of a {}", "grip": "a {} grip", "rear": "a {} rear"}


def _head(asm: Assembly, rng: np.random.Generator, drawn: dict[str, str], size: float, tail: float) -> None:
    """Add the head of a tool around the origin, its handle to come along -z; ``tail`` is where the handle ends."""
    u, kind, rear = rng.uniform, drawn["kind"], drawn.get("rear")
    if kind == "hammer":
        thick = size * u(0.28, 0.5)
        asm.add("head", box((0, 0, 0), (size * 0.6, thick * 0.9, thick)))
        asm.add("head", frustum((size * 0.25, 0, 0), (size * 0.75, 0, 0), thick * u(0.45, 0.7), sides=14))
        if rear == "second":
            asm.add("head", frustum((-size * 0.25, 0, 0), (-size * 0.75, 0, 0), thick * 0.6, sides=14))
        elif rear == "pointed":
            for y in (-1.0, 1.0):
                path = curve([(-size * 0.25, y * thick * 0.2, 0), (-size * 0.6, y * thick * 0.35, -size * 0.05),
                              (-size * 0.95, y * thick * 0.5, -size * 0.35)], 3)  # fmt: skip
                asm.add("head", tube(path, thick * np.linspace(0.4, 0.1, len(path)), flat=thick * 0.15))
    elif kind == "axe":
        blade, thick = size * u(0.7, 1.2), size * u(0.15, 0.3)
        asm.add("head", box((0, 0, 0), (size * 0.35, thick, size * 0.4)))
        for piece in [rotate(box((0, 0, 0), (size * 0.4, blade, thick), taper=(u(1.8, 2.6), 0.1)), "x", 90)]:
            turned = rotate(piece, "y", 90)
            turned.vertices[:, 0] += size * 0.15 + blade / 2
            asm.add("head", turned)
            if rear == "second":
                asm.add("head", both_sides(turned)[1])
        if rear == "pointed":
            asm.add("head", frustum((-size * 0.15, 0, 0), (-size * 0.9, 0, 0), thick * 0.5, thick * 0.08))
    elif kind == "screwdriver":
        thin = size * u(0.05, 0.08)
        asm.add("head", frustum((0, 0, 0), (0, 0, size * u(1.0, 1.9)), thin))
    elif kind == "wrench":
        for end, flip in ((0.0, 1.0), (tail, -1.0)):
            style = rear if flip < 0 else "second"
            if style == "simple":
                continue
            wide = size * (0.5 if flip > 0 else 0.42)
            if style == "second" and (flip < 0 or u() < 0.7):
                for side in (-1.0, 1.0):
                    path = np.array(
                        [
                            (side * wide * 0.1, 0, end - flip * wide * 0.3),
                            (side * wide * 0.6, 0, end + flip * wide * 0.1),
                            (side * wide * 0.55, 0, end + flip * wide * 0.75),
                        ]
                    )
                    asm.add("head", tube(path, wide * 0.24, flat=size * 0.08))
            else:
                ring = np.stack(
                    [wide * 0.5 * circle(16)[:, 0], np.zeros(16), end + wide * 0.5 * circle(16)[:, 1]], axis=1
                )
                asm.add("head", tube(ring, wide * 0.17, flat=size * 0.08, loop=True))
    elif kind == "saw":
        long, wide = size * u(2.2, 3.6), size * u(0.5, 0.9)
        outline = np.array([(-wide / 2, 0), (wide / 2, 0), (wide / 2, long * 0.5), (wide / 2, long), (wide * 0.1, long),
                            (-wide * 0.2, long * 0.5)])  # fmt: skip
        asm.add("head", slab(outline, -size * 0.04, size * 0.04))
        for a, b in (((-1, 0), (1, 0)), ((1, 0), (0.7, -1.4)), ((0.7, -1.4), (-0.7, -1.4)), ((-0.7, -1.4), (-1, 0))):
            start, end = np.array([a[0], 0, a[1]]) * wide / 2, np.array([b[0], 0, b[1]]) * wide / 2
            asm.add("handle", beam(start, end, size * 0.18, size * 0.16))
    elif kind == "brush":
        wide, thick = size * u(0.3, 0.8), size * u(0.15, 0.25)
        asm.add("head", box((0, 0, size * 0.15), (wide, thick, size * 0.3)))
        asm.add("head", box((0, 0, size * 0.6), (wide * u(0.8, 1.1), thick * u(0.6, 0.9), size * 0.7)))
    elif kind == "power drill":
        body, grip = size * u(0.28, 0.4), size * u(1.0, 1.5)
        asm.add("head", frustum((0, 0, -size * 0.8), (0, 0, size * 0.5), body, body * 0.9, sides=16))
        asm.add("head", frustum((0, 0, size * 0.5), (0, 0, size * 0.85), body * 0.7, body * 0.45))
        asm.add("head", frustum((0, 0, size * 0.85), (0, 0, size * u(1.1, 1.8)), size * 0.05))
        foot = np.array([grip, 0, -size * u(0.5, 0.9)])
        asm.add("handle", beam((0, 0, -size * 0.4), foot, body * 1.1, body * 1.3))
        asm.add("grip", box(foot, (size * 0.35, body * 1.7, size * u(0.7, 1.0))))
    else:
        jaw, spread = size * u(0.6, 1.1), size * u(0.03, 0.2)
        for side in (-1.0, 1.0):
            asm.add(
                "head",
                beam((side * size * 0.1, 0, 0), (side * (size * 0.06 + spread), 0, jaw), size * 0.16, size * 0.16, 0.5),
            )
        asm.add("head", frustum((0, -size * 0.12, 0), (0, size * 0.12, 0), size * 0.22))


def tool(rng: np.random.Generator) -> Design:
    """Build a hand tool from the choices of ``CHOICES["tool"]``."""
    drawn = draw(rng, CHOICES["tool"], ONLY_WHEN["tool"])
    asm, u, kind = Assembly(PART_NAMES["tool"]), rng.uniform, drawn["kind"]
    size = u(0.06, 0.12)
    low, high = {"short": (1.2, 1.7), "plain": (1.9, 2.7), "long": (3.0, 4.2)}[drawn["length"]]
    long = size * u(low, high) * (0.6 if kind in ("screwdriver", "brush") else 1.0)
    thick = size * u(0.09, 0.15) * (1.3 if kind in ("screwdriver", "brush") else 1.0)
    _head(asm, rng, drawn, size, -long)
    shafts = [np.array([(0, 0, 0.1 * size), (0, 0, -long * 0.5), (0, 0, -long)])]
    if kind == "pair of pliers":
        bow, spread = size * u(0.25, 0.5), size * u(0.15, 0.5)
        shafts = [
            curve([(s * size * 0.08, 0, 0), (s * bow, 0, -long * 0.35), (s * spread, 0, -long)], 4) for s in (-1, 1)
        ]
    elif kind in ("saw", "power drill"):
        shafts = []
    for path in shafts:
        flat = thick * u(0.5, 0.8) if kind in ("wrench", "axe") else None
        asm.add("handle", tube(curve(path, 3), thick * 0.8, flat=flat))
        line = curve(path, 4)
        outer = line[int(len(line) * u(0.35, 0.6)) :]
        if drawn["grip"] == "sleeved":
            asm.add("grip", tube(outer, thick * 1.4))
        elif drawn["grip"] == "swelling":
            swell = thick * (1.1 + 0.9 * np.sin(np.linspace(0.2, 2.8, len(outer))))
            asm.add("grip", tube(outer, swell), superellipsoid(line[-1], (thick * 2.8,) * 3))
    if drawn["pose"] == "lying crosswise":
        asm.turn("y", float(rng.choice([90.0, -90.0])))
    elif drawn["pose"] == "standing upright":
        asm.turn("x", -90.0 if kind == "power drill" else float(rng.choice([90.0, -90.0])))
        asm.turn("y", u(-60.0, 60.0))
    return asm.finish(drawn, caption("tool", drawn, ("pose", "length"), _WORDS))
