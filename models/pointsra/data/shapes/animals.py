"""Four-legged animals: one skeleton, and for each kind the proportions that make it a dog, a cow or a giraffe.

All lengths are shares of the height at the shoulder until the end.
"""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.flesh import flesh
from pointsra.data.shapes.heads import face
from pointsra.data.shapes.meshes import Floats, Mesh, rotate, scale

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "animal": {
        "kind": {"dog": 0.2, "cat": 0.14, "horse": 0.14, "cow": 0.11, "elephant": 0.1, "giraffe": 0.07, "pig": 0.08,
                 "sheep": 0.08, "bear": 0.08},
        "build": {"lean": 0.4, "plump": 0.6},
        "pose": {"standing": 0.4, "walking": 0.22, "sitting": 0.22, "lying": 0.16},
        "stance": {"standing": 0.52, "walking": 0.3, "lying": 0.18},
        "head": {"raised": 0.3, "level": 0.45, "lowered": 0.25},
        "horns": {"no": 0.4, "short": 0.35, "long": 0.25},
    }
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "animal": {
        "pose": ("kind", ("dog", "cat", "bear")),
        "stance": ("kind", ("horse", "cow", "elephant", "giraffe", "pig", "sheep")),
        "horns": ("kind", ("cow", "sheep", "elephant")),
    }
}
PART_NAMES = {"animal": ("body", "head", "leg")}
_WORDS = {"kind": "the form of a {}", "pose": "a {} pose", "stance": "a {} stance", "head": "a {} head",
          "horns": "{} horns or tusks"}  # fmt: skip
# For each kind: height at the shoulder in meters; length, depth and width of the body; length and slope (degrees) of
# the neck, its thickness at the root and at the head; length, height and width of the head, and how thick the muzzle is
# relative to it; radius of the leg; length and radius of the tail and its slope. Ours, from drawings of the animals.
_KINDS: dict[str, tuple[tuple[float, float], ...]] = {
    "dog": ((0.2, 0.75), (0.9, 1.25), (0.36, 0.5), (0.26, 0.36), (0.26, 0.42), (35, 62), (0.13, 0.18), (0.1, 0.13),
            (0.36, 0.46), (0.19, 0.25), (0.17, 0.24), (0.4, 0.62), (0.05, 0.075), (0.3, 0.6), (0.025, 0.06), (-60, 70)),
    "cat": ((0.22, 0.6), (1.2, 1.5), (0.36, 0.48), (0.28, 0.38), (0.2, 0.3), (28, 50), (0.13, 0.17), (0.11, 0.14),
            (0.29, 0.35), (0.25, 0.31), (0.27, 0.33), (0.45, 0.6), (0.05, 0.07), (0.65, 1.0), (0.03, 0.05), (-40, 75)),
    "horse": ((1.0, 1.7), (0.9, 1.12), (0.38, 0.46), (0.26, 0.34), (0.45, 0.6), (38, 58), (0.11, 0.135), (0.075, 0.09),
              (0.38, 0.46), (0.2, 0.24), (0.13, 0.17), (0.48, 0.6), (0.045, 0.058), (0.5, 0.7), (0.05, 0.08),
              (-80, -60)),
    "cow": ((1.1, 1.6), (1.15, 1.4), (0.52, 0.64), (0.38, 0.5), (0.3, 0.42), (5, 28), (0.2, 0.26), (0.13, 0.16),
            (0.4, 0.48), (0.24, 0.29), (0.2, 0.25), (0.6, 0.75), (0.055, 0.075), (0.55, 0.75), (0.018, 0.025),
            (-88, -78)),
    "elephant": ((1.8, 3.4), (0.95, 1.15), (0.54, 0.66), (0.46, 0.58), (0.16, 0.24), (8, 28), (0.24, 0.3), (0.2, 0.25),
                 (0.34, 0.42), (0.38, 0.46), (0.3, 0.38), (0.45, 0.55), (0.1, 0.13), (0.35, 0.5), (0.018, 0.026),
                 (-85, -70)),
    "giraffe": ((1.6, 2.6), (0.72, 0.88), (0.36, 0.42), (0.24, 0.3), (0.75, 1.05), (58, 78), (0.1, 0.13), (0.055, 0.07),
                (0.27, 0.32), (0.13, 0.16), (0.11, 0.13), (0.45, 0.6), (0.04, 0.05), (0.35, 0.5), (0.018, 0.028),
                (-85, -75)),
    "pig": ((0.4, 0.95), (1.4, 1.75), (0.62, 0.78), (0.5, 0.66), (0.16, 0.26), (-8, 12), (0.26, 0.31), (0.2, 0.25),
            (0.42, 0.54), (0.32, 0.4), (0.3, 0.38), (0.42, 0.55), (0.065, 0.085), (0.2, 0.3), (0.02, 0.028), (0, 60)),
    "sheep": ((0.55, 1.0), (1.15, 1.4), (0.62, 0.78), (0.54, 0.7), (0.22, 0.32), (30, 52), (0.18, 0.24), (0.12, 0.17),
              (0.34, 0.4), (0.2, 0.25), (0.17, 0.22), (0.5, 0.65), (0.05, 0.065), (0.12, 0.3), (0.04, 0.06),
              (-80, -50)),
    "bear": ((0.6, 1.2), (1.25, 1.5), (0.6, 0.74), (0.5, 0.64), (0.22, 0.3), (8, 28), (0.22, 0.28), (0.19, 0.23),
             (0.42, 0.5), (0.31, 0.37), (0.32, 0.4), (0.38, 0.5), (0.1, 0.13), (0.08, 0.14), (0.04, 0.06), (-60, -10)),
}  # fmt: skip


def _leg(front: bool, pose: str, top: Floats, high: float, thick: float, paws: bool, swing: float) -> list[Floats]:
    """Return knots (Q, 4 or 5) of a leg from the joint ``top`` (3,), ``high`` off the ground, and those of its foot."""
    x, y, z = top
    bulge = 1.75 if front else 2.2
    if pose == "lying":
        low = thick * 0.9
        if front:
            ahead = 1.0 if paws else 0.5
            rows = [(x, y, z, thick * 1.6), (x * 1.15, y * 0.3 + low, z - 0.08 * ahead, thick * 1.3),
                    (x * 1.1, low, z + 0.22 * ahead, thick), (x, low, z + 0.42 * ahead, thick)]  # fmt: skip
            return [np.array(rows)]
        thigh = [
            (x * 0.9, y, z, thick * 2.4),
            (x * 1.35, y * 0.6, z + 0.2, thick * 2.0),
            (x * 1.5, low, z + 0.3, thick),
        ]
        return [np.array(thigh), np.array([(x * 1.5, low, z + 0.04, thick), (x * 1.5, low, z + 0.36, thick * 0.95)])]
    if pose == "sitting" and not front:
        knee = (x * 1.3, thick * 3.6, z + 0.26)
        thigh = [(x, thick * 2.6, z - 0.02, thick * 2.2), (*knee, thick * 2.0), (x * 1.35, thick, z + 0.12, thick)]
        return [np.array(thigh), np.array([(x * 1.4, thick, z + 0.1, thick), (x * 1.4, thick * 0.9, z + 0.42, thick)])]
    foot, bend, slim = z + swing * high, -0.05 if front else 0.07, thick * bulge
    middle = 0.5 * (z + foot)
    rows = [(x * 0.85, y * 1.05, z, slim * 0.6, slim * 1.1),
            (x, high * 0.72, 0.75 * z + 0.25 * foot + bend * high * 0.6, slim * 0.72, slim * 0.95),
            (x, high * 0.42, middle - bend * high * (0.3 if front else 1.0), thick, thick * 1.05),
            (x, high * 0.14, foot - bend * high * 0.3, thick * 0.8, thick * 0.8),
            (x, thick * 0.5, foot, thick * 0.85, thick * 0.85)]  # fmt: skip
    ahead = 1.5 if paws else 0.35
    sole = [(x, thick * 0.5, foot - thick * 0.2, thick * 0.9, thick * 0.6),
            (x, thick * 0.45, foot + thick * ahead, thick * 1.05, thick * 0.55)]  # fmt: skip
    return [np.array(rows), np.array(sole)]


def animal(rng: np.random.Generator) -> Design:
    """Build a four-legged animal from the choices of ``CHOICES["animal"]``; looks toward +z."""
    drawn = draw(rng, CHOICES["animal"], ONLY_WHEN["animal"])
    u, kind, pose = rng.uniform, drawn["kind"], drawn.get("pose") or drawn["stance"]
    (
        tall,
        long,
        deep,
        wide,
        neck,
        slope,
        root,
        thin,
        head,
        high,
        broad,
        muzzle,
        thick,
        tail,
        tail_thick,
        tail_slope,
    ) = (float(u(low, top)) for low, top in _KINDS[kind])
    fat = u(0.82, 0.95) if drawn["build"] == "lean" else u(1.02, 1.22)
    half, depth, paws = wide / 2 * fat, deep / 2 * fat**0.7, kind in ("dog", "cat", "bear")
    leg = 1 - deep * 0.55
    if kind in ("dog", "cat", "pig", "sheep"):
        leg *= u(0.7, 1.0) if kind != "dog" else rng.choice([u(0.4, 0.6), u(0.7, 0.95), u(0.75, 0.95)])
    rise = {"lying": depth * 0.93, "sitting": leg + depth * 0.5}.get(pose, leg + depth * 0.62)
    chest, rump = np.array([0.0, rise, long * 0.38]), np.array([0.0, rise, -long * 0.38])
    if pose == "sitting":
        rump[1] = depth * 0.95
        chest[2] = rump[2] + max(long * 0.76 * u(0.5, 0.7), 0.3)
        chest[1] = max(chest[1], rump[1] + np.sqrt(max((long * 0.76) ** 2 - (chest[2] - rump[2]) ** 2, 0.0)) * 0.9)
    tuck = u(0.74, 0.92) if kind in ("dog", "horse", "giraffe", "cat") else u(0.98, 1.08)
    hump = {"giraffe": 0.1, "bear": 0.04, "elephant": 0.03}.get(kind, 0.0)
    rows = []
    for share, size, lift in ((-0.14, 0.55, 0.02), (0.0, 0.92, 0.02), (0.3, tuck, 0.02 * (1 - tuck) + 0.01),
                              (0.65, 1.0, 0.0), (0.95, 0.97, hump), (1.12, 0.74, 0.02 + hump), (1.2, 0.4,
                              hump)):  # fmt: skip
        at = rump + share * (chest - rump) + np.array([0, lift + (1 - size) * depth * 0.5 * (0.1 < share < 0.6), 0])
        rows.append((*at, half * (size if share != 0.3 else (1 + tuck) / 2), depth * size))
    asm, pieces = Assembly(PART_NAMES["animal"]), []
    pieces.append(("body", flesh(rows, around=16, ends=(0.8, 0.5))))
    slope += {"raised": u(8, 22), "level": 0.0, "lowered": -u(30, 75)}[drawn["head"]] * (0.5 if kind == "pig" else 1)
    slope = float(np.clip(slope, -38 if pose in ("standing", "walking") else 12, 85))
    turn = np.radians(slope)
    start = chest + np.array([0.0, depth * 0.3 + hump, depth * 0.25])
    if kind in ("horse", "giraffe", "sheep", "dog"):
        start[1] += depth * 0.2
    end = start + (neck + root * 0.6) * np.array([0.0, np.sin(turn), np.cos(turn)])
    end[1] = max(end[1], high * 0.55)
    mid = (start + end) / 2 + np.array([0.0, 0.06 * neck, -0.04 * neck])
    heavy = 1.25 if kind in ("horse", "cow", "giraffe") else 1.1
    foot = start - min(0.35, root * 1.2 / (neck + root)) * (end - start)
    neck_rows = [(*foot, root, root * heavy * (1.35 if heavy > 1.2 else 1.0)), (*mid, (root + thin) / 2,
                 (root + thin) / 2 * heavy),
                 (*end, thin, thin * heavy * 0.95)]  # fmt: skip
    group = [flesh(neck_rows)]
    if kind == "horse":
        group.append(flesh([(0, *(start[1:] + np.array([0.15, -0.08])), 0.03, 0.1), (0,
                            *(mid[1:] + np.array([0.13, -0.08])), 0.03, 0.08),
                            (0, *(end[1:] + np.array([0.1, -0.02])), 0.03, 0.06)]))  # fmt: skip
    pitch = {"horse": u(35, 60), "giraffe": u(20, 45), "cow": u(25, 50), "sheep": u(15, 40), "dog": u(0, 25),
             "cat": u(0, 20), "elephant": u(20, 40)}.get(kind, u(5, 25)) + min(slope, 0) * 0.3  # fmt: skip
    room = (float(end[1]) - head * np.sin(np.radians(pitch)) - 0.06) / np.cos(np.radians(pitch))
    skull = face(kind, head, high, broad, muzzle, drawn.get("horns", "no"), room, u)
    yaw = float(rng.choice([0.0, u(-40, 40)]))
    for each in skull:
        turned = rotate(rotate(each, "x", pitch), "y", yaw)
        group.append(Mesh(turned.vertices + end - np.array([0, 0, thin * 0.2]), turned.faces))
    if kind == "elephant" or drawn["head"] == "lowered":
        lowest = min(float(each.vertices[:, 1].min()) for each in group)
        group = [rotate(each, "x", -min(max(0.02 - lowest, 0.0) * 60, 40.0), start) for each in group]
    pieces += [("head", each) for each in group]
    swing = u(0.15, 0.35) if pose == "walking" else 0.0
    offsets = rng.uniform(-0.04, 0.04, 4)
    for number, (front, side) in enumerate(((True, -1), (True, 1), (False, -1), (False, 1))):
        joint = (chest if front else rump) + np.array([side * max(half * 0.58, thick * 1.1), 0, 0.0])
        joint[2] += 0.02 * long if front else -0.02
        if pose != "lying":
            joint[1] += 0.0 if front else 0.04
        move = side * swing * (1 if front else -1) + float(offsets[number])
        length = float(joint[1]) if pose == "sitting" else leg + depth * 0.6
        for knots in _leg(front, pose, joint, length, thick * fat**0.5, paws, move):
            pieces.append(("leg", flesh(knots, around=10)))
    rise_tail = np.radians(tail_slope if pose not in ("sitting", "lying") or tail_slope > 0 else -5.0)
    base = rows[0][:3] + np.array([0.0, depth * 0.25, 0.0])
    way = np.array([0.0, np.sin(rise_tail), -np.cos(rise_tail)])
    bend, tip = u(-0.6, 0.7), u(0.35, 1.3) if kind not in ("cow", "elephant", "giraffe") else 2.2
    lift = np.array([u(-0.2, 0.2), bend if rise_tail > 0 else 0.0, -0.1]) * tail
    points = [base + 0.05 * way, base + tail * 0.35 * way - (0, 0.0, 0.05), base + tail * 0.7 * way + lift * 0.2,
              base + tail * way + lift]  # fmt: skip
    sizes = np.array([1.15, 1.0, 1.0, tip]) * tail_thick * (1.35 if kind == "cat" else 1.0)
    low = 0.02 if pose in ("sitting", "lying") else 0.05
    line = [(p[0], max(p[1], low + r), p[2], r) for p, r in zip(points, sizes, strict=True)]
    pieces.append(("body", flesh(line, around=9)))
    for part, each in pieces:
        asm.add(part, scale(each, (tall, tall, tall)))
    return asm.finish(drawn, caption("animal", drawn, ("build",), _WORDS))
