"""People: standing, walking, sitting; from dolls to grown men and women, in trousers, skirts and robes.

All lengths are shares of the height until the end. A pose is a list of joints; limbs are skins along them.
"""

from __future__ import annotations

import numpy as np

from pointsra.data.shapes.designs import Assembly, Design, caption, draw
from pointsra.data.shapes.flesh import Uniform, flesh
from pointsra.data.shapes.meshes import Floats, Mesh, box, rotate, scale
from pointsra.data.shapes.parts import frustum, stack, superellipsoid

CHOICES: dict[str, dict[str, dict[str, float]]] = {
    "person": {
        "proportions": {"grown": 0.62, "childlike": 0.23, "doll-like": 0.15},
        "build": {"slim": 0.35, "medium": 0.4, "stout": 0.25},
        "pose": {"standing": 0.4, "walking": 0.2, "seated on a block": 0.16, "seated on the ground": 0.1,
                 "cross-legged": 0.07, "kneeling": 0.07},
        "arms": {"lowered": 0.4, "raised": 0.1, "folded": 0.1, "waving": 0.1, "akimbo": 0.08, "spread": 0.14,
                 "reaching": 0.08},
        "clothes": {"a tight suit": 0.3, "loose trousers": 0.36, "a skirt": 0.18, "a robe": 0.16},
        "hair": {"bald": 0.16, "short-haired": 0.34, "long-haired": 0.2, "bunned": 0.08, "hatted": 0.22},
    }
}  # fmt: skip
ONLY_WHEN: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {}
PART_NAMES = {"person": ("head", "body", "limb")}
_WORDS = {"proportions": "{} proportions", "pose": "the pose of someone {}", "arms": "{} arms", "clothes": "{}",
          "hair": "a {} head"}  # fmt: skip


def _legs(pose: str, long: float, hip: float, u: Uniform) -> list[tuple[Floats, Floats]]:
    """Return for each side the joints hip, knee, ankle (3, 3), from the pelvis, and the direction of the foot (3,)."""
    thigh, shin, wide = long * 0.51, long * 0.41, u(0.0, 0.3) * u(0.3, 1)
    both = {
        "standing": (u(-3, 4), u(-5, 1), 90),
        "seated on a block": (u(80, 96), u(-12, 14), 90),
        "seated on the ground": (u(84, 92), u(84, 90), 165) if u() < 0.55 else (u(120, 140), u(15, 35), 95),
        "kneeling": (u(-2, 12), u(-92, -84), -80) if u() < 0.5 else (u(80, 90), u(-98, -92), -85),
    }
    stride, swing = u(14, 32), u(15, 45)
    found = []
    for side in (-1.0, 1.0):
        joints = [np.array([side * hip, 0.0, 0.0])]
        if pose == "cross-legged":
            joints.append(joints[0] + thigh * np.array([side * 0.66, 0.12, 0.74]))
            joints.append(joints[1] + shin * np.array([-side * 0.97, -0.12, 0.16 + 0.14 * side]))
            found.append((np.array(joints), np.array([-side * 0.8, 0.0, 0.6])))
            continue
        bend = both.get(pose, (stride, stride * 0.3, 95) if side > 0 else (-stride * 0.6, -stride * 0.6 - swing, 50))
        if pose in ("standing", "seated on a block", "seated on the ground"):
            bend = (bend[0] + u(-4, 4), bend[1] + u(-6, 4), bend[2])
        out = wide if pose != "walking" else wide * 0.3
        for length, turn in zip((thigh, shin), np.radians(bend[:2]), strict=True):
            joints.append(joints[-1] + length * np.array([side * out * 0.8, -np.cos(turn), np.sin(turn)]))
        tip = np.radians(bend[2])
        found.append((np.array(joints), np.array([side * (0.15 + wide), -np.cos(tip), np.sin(tip)])))
    return found


def _reach(pose: str, seated: bool, u: Uniform) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return the directions of upper arm and forearm: outward, up, ahead."""
    if pose == "raised":
        return (u(0.3, 0.9), u(0.4, 1.0), u(-0.1, 0.3)), (u(-0.3, 0.3), 1.0, u(-0.1, 0.3))
    if pose == "folded":
        return (u(0.2, 0.4), -1.0, u(0.3, 0.45)), (-1.0, u(0.0, 0.25), u(0.3, 0.42))
    if pose == "akimbo":
        return (u(0.75, 1.0), -0.85, u(-0.35, 0.0)), (-0.85, u(-0.75, -0.5), u(0.2, 0.45))
    if pose == "spread":
        low = u(-0.75, 0.15)
        return (1.0, low, u(-0.1, 0.1)), (1.0, low + u(-0.1, 0.15), u(-0.05, 0.15))
    if pose == "reaching":
        return (u(0.0, 0.25), u(-0.8, 0.05), 0.9), (u(-0.2, 0.1), u(-0.1, 0.4), 1.0)
    if seated:
        return (u(0.1, 0.3), -1.0, u(0.1, 0.35)), (u(-0.25, 0.0), u(-0.5, -0.25), 0.9)
    return (u(0.1, 0.4), -1.0, u(-0.2, 0.1)), (u(-0.1, 0.2), -1.0, u(0.05, 0.5))


def _head(kind: str, high: float, u: Uniform) -> list[Mesh]:
    """Return a head with its hair or hat whose crown is at the origin's height 1, chin toward 1 - high."""
    thin = u(0.92, 1.08)

    def at(y: float, z: float, x: float = 0.0) -> tuple[float, float, float]:
        return (x * high, 1 - high + y * high, z * high)

    pieces = [
        flesh(
            [
                (*at(0.1, 0.12), 0.19 * thin * high, 0.2 * high),
                (*at(0.3, 0.07), 0.3 * thin * high, 0.35 * high),
                (*at(0.6, 0.02), 0.37 * thin * high, 0.44 * high),
                (*at(0.82, 0.0), 0.3 * thin * high, 0.37 * high),
            ],
            ends=(0.5, 0.5),
        ),
        superellipsoid(at(0.42, 0.46), np.array([0.12, u(0.14, 0.24), u(0.12, 0.24)]) * high),
    ]
    for side in (-1.0, 1.0):
        pieces.append(superellipsoid(at(0.45, 0.0, side * 0.36 * thin), np.array([0.08, 0.24, 0.14]) * high))
    if kind == "hatted":
        out, brim = u(0.42, 0.5), u(0.55, 1.0)
        style, tall = u(), u(0.25, 0.5)
        rows = [(0.62, out), (0.62 + 0.5 * tall, out * 0.96), (0.7 + tall, out * u(0.35, 0.9)), (0.72 + tall, 0.04)]
        pieces.append(stack([(1 - high + y * high, r * 0.9 * high, r * high, 0.0) for y, r in rows]))
        if style < 0.75:
            ahead = 0.0 if style < 0.4 else brim * 0.55
            size = (brim * 1.8 if style < 0.4 else out * 1.75, 0.08, brim * 2 if style < 0.4 else brim)
            pieces.append(superellipsoid(at(0.64, ahead), np.array(size) * high, 0.6))
    elif kind != "bald":
        pieces.append(superellipsoid(at(0.66, -0.08), np.array([0.82 * thin, u(0.76, 0.95), 0.9]) * high, 0.85))
        if kind == "long-haired":
            end, full = u(-0.9, 0.1), u(0.28, 0.42)
            pieces.append(
                flesh(
                    [
                        (*at(0.75, -0.16), 0.36 * high, 0.3 * high),
                        (*at(0.35, -0.28), full * high, 0.2 * high),
                        (*at(end, -0.36), full * u(0.7, 1.2) * high, 0.13 * high),
                    ]
                )
            )
        elif kind == "bunned":
            pieces.append(superellipsoid(at(u(0.6, 1.05), -0.45), np.array([0.36, 0.34, 0.34]) * high * u(0.8, 1.2)))
    return pieces


def person(rng: np.random.Generator) -> Design:
    """Build a person from the choices of ``CHOICES["person"]``; looks toward +z."""
    drawn = draw(rng, CHOICES["person"])
    u, pose, clothes = rng.uniform, drawn["pose"], drawn["clothes"]
    tall, head, leg = {"grown": (u(1.5, 1.95), u(0.12, 0.148), u(0.455, 0.51)),
                       "childlike": (u(0.8, 1.45), u(0.16, 0.21), u(0.39, 0.45)),
                       "doll-like": (u(0.1, 1.2), u(0.24, 0.36), u(0.24, 0.34))}[drawn["proportions"]]  # fmt: skip
    bulk = {"slim": u(0.75, 0.9), "medium": u(0.95, 1.12), "stout": u(1.3, 1.85)}[drawn["build"]]
    shoulder = 1 - head - u(0.03, 0.05) * (1 if head < 0.2 else 0.4)
    trunk, soft = shoulder - leg, bulk**0.6
    ws, wh = u(0.09, 0.115) * (0.7 + 0.3 * bulk), u(0.078, 0.1) * (0.5 + 0.5 * bulk)
    deep, waist = u(0.055, 0.068) * soft, min(u(0.062, 0.085), wh) * bulk
    belly = deep * (0.85 + 0.8 * max(bulk - 1, 0)) * u(0.9, 1.15)
    pieces: list[tuple[str, Mesh]] = []
    rows = [
        (0, leg - 0.035, 0, wh * 0.8, deep * 0.9),
        (0, leg + 0.03, -0.004, wh, deep * 1.08),
        (0, leg + 0.45 * trunk, (belly - deep) * 0.5, waist, belly),
        (0, leg + 0.76 * trunk, 0.004, (ws + waist) * 0.55, deep * u(1.0, 1.25)),
        (0, leg + 0.95 * trunk, 0, ws * 0.9, deep * 0.72),
        (0, shoulder + 0.012, -0.004, ws * 0.5, deep * 0.5),
    ]
    loose = u(1.08, 1.3) if clothes != "a tight suit" else 1.0
    scaled = [(x, y, z, a * (1 + (loose - 1) * 0.6), b * loose) for x, y, z, a, b in rows[:-1]] + rows[-1:]
    pieces.append(("body", flesh(scaled, around=16, ends=(0.5, 0.4))))
    thick = min(0.033 * soft, head * 0.24)
    pieces.append(("head", flesh([(0, shoulder - 0.01, -0.005, thick * 1.1), (0, 1 - 0.75 * head, 0.0, thick)])))
    turn = float(rng.choice([0.0, u(-45, 45)]))
    pieces += [("head", rotate(each, "y", turn)) for each in _head(drawn["hair"], head, u)]
    seated, arm = pose not in ("standing", "walking"), 0.95 * (trunk / 0.36 if head < 0.22 else u(0.65, 0.85))
    first, swing = u() < 0.5, u(0.1, 0.5)
    sleeve = u(1.2, 1.9) if clothes in ("loose trousers", "a robe") else 1.0
    both = _reach(drawn["arms"], seated, u) if u() < 0.6 else None
    for side in (-1.0, 1.0):
        style = "lowered" if drawn["arms"] == "waving" and (side > 0) == first else drawn["arms"]
        upper, fore = (np.array(each) for each in both or _reach("raised" if style == "waving" else style, seated, u))
        if drawn["arms"] == "waving" and style == "lowered" and both:
            upper, fore = (np.array(each) for each in _reach("lowered", seated, u))
        if pose == "walking" and style == "lowered":
            upper[2], fore[2] = -side * swing, -side * swing + 0.3
        out = np.array([side, 1.0, 1.0])
        start = np.array([side * ws * 0.92, shoulder - 0.028, 0.0])
        upper, fore = (each * out / np.sqrt(each @ each) for each in (upper, fore))
        if drawn["arms"] == "folded":
            fore[1] += 0.15 * side
        elbow = start + 0.17 * arm * upper
        wrist = elbow + 0.14 * arm * fore
        radii = np.array([0.034, 0.031, 0.026 * sleeve**0.6, 0.026 * sleeve, 0.018 * sleeve]) * soft
        knots = [start, (start + elbow) / 2, elbow, (elbow + wrist) / 2, wrist]
        pieces.append(("limb", flesh([(*k, r) for k, r in zip(knots, radii, strict=True)], around=10)))
        palm = wrist + 0.075 * arm * fore
        wide = 0.023 * soft
        hand = [(*wrist, wide * 0.7), (*((wrist + palm) / 2), wide * 0.95), (*palm, wide * 0.7)]
        pieces.append(("limb", flesh(hand, 2, 8)))
    lean = u(-4, 6) if pose in ("standing", "walking") else u(-10, 16)
    pelvis = np.array([0.0, leg, 0.0])
    pieces = [(part, rotate(each, "x", lean, pelvis)) for part, each in pieces]
    legs = _legs(pose, leg, wh * 0.52, u)
    fat = np.array([0.056, 0.05, 0.036, 0.037, 0.023]) * soft
    fat *= np.array([1.05, 1.1, 1.25, 1.2, u(1.3, 2.0)]) if clothes == "loose trousers" else 1.0
    length = u(0.1, 0.125)
    for joints, toe in legs:
        hip, knee, ankle = joints + pelvis
        knots = [hip, hip * 0.45 + knee * 0.55, knee, knee * 0.6 + ankle * 0.4, ankle]
        shown = 0 if clothes not in ("a skirt", "a robe") else 2
        skin = flesh([(*k, r) for k, r in zip(knots[shown:], fat[shown:], strict=True)], around=10)
        pieces.append(("limb", skin))
        toe = toe / np.sqrt(toe @ toe)
        down = (ankle - knee) / np.sqrt((ankle - knee) @ (ankle - knee))
        sole = ankle + down * 0.02 if abs(down @ toe) < 0.6 else ankle
        pieces.append(
            (
                "limb",
                flesh(
                    [
                        (*(sole - toe * 0.02), 0.022 * soft, 0.024),
                        (*(sole + toe * length * 0.4), 0.027 * soft, 0.022),
                        (*(sole + toe * length), 0.028 * soft, 0.014),
                    ],
                    2,
                    10,
                ),
            )
        )
    if clothes in ("a skirt", "a robe"):
        joints = np.stack([each for each, _ in legs]) + pelvis
        hip, knee, ankle = joints.mean(0)
        spread = np.ptp(joints, axis=0) / 2
        flare, share = u(0.0, 0.05), u(0.75, 0.97) if clothes == "a robe" else u(-0.25, 0.5)
        low = knee + (ankle - knee) * max(share, 0.0)
        rows = [
            (*(pelvis + np.array([0, trunk * 0.42, 0])), waist * 1.1, belly * 1.15),
            (*pelvis, wh * 1.12, deep * 1.25),
            (*knee, spread[1, 0] + fat[2] * 1.2 + flare * 0.7, spread[1, 2] * 0.9 + fat[2] * 1.3 + flare * 0.6),
        ]
        if share > 0.1 and pose not in ("cross-legged", "kneeling"):
            rows.append((*low, spread[1:, 0].max() + fat[3] * 1.3 + flare, spread[2, 2] * share + fat[3] + flare))
        pieces.append(("body", flesh(rows, around=18, ends=(0.2, 0.1))))
    if pose == "seated on a block":
        floor = min(float(joints[2, 1]) for joints, _ in legs) + leg - 0.042
        top, half = leg - deep * 0.85, u(0.13, 0.2)
        center, size = (0, (floor + top) / 2, -u(0.0, 0.06)), (half * 2, top - floor, half * u(1.4, 2))
        block = box(center, size) if u() < 0.6 else frustum((0, floor, center[2]), (0, top, center[2]), half, sides=20)
        pieces.append(("body", block))
    asm = Assembly(PART_NAMES["person"])
    for part, each in pieces:
        asm.add(part, scale(each, (tall, tall, tall)))
    return asm.finish(drawn, caption("person", drawn, ("build",), _WORDS))
