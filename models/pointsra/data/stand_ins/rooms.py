"""Furnished rooms: floor, ceiling, walls with doors and windows, and furniture that does not overlap.

A room is a list of pieces, each a mesh with a kind and a color, y up, its floor at y = 0 and one corner at the origin.
What the data sets call the kinds, and how a room is scanned, is up to their own files.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pointsra.data.shapes.meshes import Mesh, box, merge
from pointsra.data.stand_ins.bodies import Floats, make_body, turned
from pointsra.data.stand_ins.themes import THEMES

# Ours: rough everyday colors; each piece varies around its own.
_COLORS = {
    "ceiling": (228, 228, 224), "floor": (150, 125, 100), "wall": (214, 206, 192), "beam": (190, 184, 175),
    "column": (200, 196, 190), "window": (170, 195, 215), "door": (140, 100, 70), "table": (165, 120, 80),
    "chair": (70, 80, 110), "sofa": (120, 60, 55), "shelf": (120, 85, 55), "board": (240, 240, 240),
    "picture": (90, 120, 90), "curtain": (180, 150, 110), "bed": (190, 190, 210), "toilet": (240, 240, 240),
    "sink": (225, 230, 235), "bathtub": (235, 235, 235), "refrigerator": (205, 208, 212), "plant": (60, 120, 60),
    "counter": (200, 190, 175), "cabinet": (150, 110, 75), "desk": (175, 140, 100),
}  # fmt: skip
_KINDRED = {"chair": ("chair", "chair", "armchair", "stool")}


@dataclass(frozen=True)
class Piece:
    """One thing of a room: its kind, vertices (V, 3) in meters, faces (F, 3), color (3,) and theme-free extras."""

    kind: str
    vertices: Floats
    faces: NDArray[np.int32]
    color: NDArray[np.float64]


@dataclass
class Room:
    """A room of ``size`` (3,) meters and its pieces; ``eyes`` (E, 3) are where a scanner stands."""

    theme: str
    size: Floats
    pieces: list[Piece] = field(default_factory=list)

    @property
    def eyes(self) -> Floats:
        """Five places at eye height: near the middle and toward the corners."""
        shares = np.array([[0.5, 0.5], [0.2, 0.2], [0.8, 0.25], [0.22, 0.8], [0.78, 0.78]])
        return np.stack([shares[:, 0] * self.size[0], np.full(5, 1.6), shares[:, 1] * self.size[2]], axis=1)


class _Builder:
    """Fills a room; remembers which floor (x0, z0, x1, z1) and which stretch of each wall are taken."""

    def __init__(self, theme: str, index: int, seed: int) -> None:
        self.rng = np.random.default_rng([seed, index, sum(theme.encode())])
        self.plan = THEMES[theme]
        width, depth = self.rng.uniform(*self.plan.width), self.rng.uniform(*self.plan.depth)
        self.room = Room(theme, np.array([width, self.rng.uniform(2.5, 3.1), depth]))
        self.taken: list[tuple[float, float, float, float]] = []
        self.stretches: dict[int, list[tuple[float, float]]] = {wall: [] for wall in range(4)}
        self.holes: dict[int, list[tuple[float, float, float, float]]] = {wall: [] for wall in range(4)}

    def body(self, kind: str) -> Mesh:
        made = make_body(str(self.rng.choice(_KINDRED.get(kind, (kind,)))), int(self.rng.integers(2**20)), 0)
        low, high = made.vertices.min(axis=0), made.vertices.max(axis=0)
        middle = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
        return Mesh(made.vertices - middle, made.faces)

    def add(self, kind: str, mesh: Mesh) -> None:
        base = np.array(_COLORS.get(kind, self.rng.uniform(50, 220, 3)), dtype=np.float64)
        color = np.clip(base + self.rng.normal(0, 10, 3), 0, 255)
        self.room.pieces.append(Piece(kind, mesh.vertices, mesh.faces, color))

    def wall_frame(self, wall: int) -> tuple[float, float]:
        """The length of a wall and the turn about y that takes a body's front (+z) into the room."""
        length = self.room.size[0] if wall % 2 == 0 else self.room.size[2]
        return float(length), (0.0, -np.pi / 2, np.pi, np.pi / 2)[wall]

    def on_wall(self, vertices: Floats, wall: int, along: float, out: float) -> Floats:
        """Bring local vertices to a wall: x runs along it, z into the room; the middle is at ``along``."""
        width, _, depth = self.room.size
        turn = self.wall_frame(wall)[1]
        place = {0: (along, out), 1: (width - out, along), 2: (along, depth - out), 3: (out, along)}[wall]
        return turned(vertices, turn) + np.array([place[0], 0.0, place[1]])

    def free_stretch(self, wide: float, margin: float) -> tuple[int, float] | None:
        for _ in range(24):
            wall = int(self.rng.integers(4))
            length = self.wall_frame(wall)[0]
            if length < wide + 2 * margin:
                continue
            at = float(self.rng.uniform(margin + wide / 2, length - margin - wide / 2))
            if all(at + wide / 2 <= low or at - wide / 2 >= high for low, high in self.stretches[wall]):
                return wall, at
        return None

    def claim(self, vertices: Floats, gap: float) -> bool:
        """Take the floor under vertices, if it is free and inside the room."""
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        width, _, depth = self.room.size
        if low[0] < 0 or low[2] < 0 or high[0] > width or high[2] > depth or high[1] > self.room.size[1]:
            return False
        x0, z0, x1, z1 = low[0] - gap, low[2] - gap, high[0] + gap, high[2] + gap
        if any(x0 < b[2] and b[0] < x1 and z0 < b[3] and b[1] < z1 for b in self.taken):
            return False
        self.taken.append((low[0], low[2], high[0], high[2]))
        return True

    def hang(self, kind: str) -> None:
        mesh = self.body(kind)
        wide, tall = np.ptp(mesh.vertices[:, 0]), np.ptp(mesh.vertices[:, 1])
        found = self.free_stretch(float(wide) + 0.15, 0.1)
        if found is None:
            return
        wall, at = found
        self.stretches[wall].append((at - wide / 2 - 0.1, at + wide / 2 + 0.1))
        level = {"door": 0.0, "window": 0.95, "board": 0.9, "picture": 1.3}[kind]
        inset = {"door": -0.02, "window": -0.04, "board": 0.03, "picture": 0.03}[kind]
        lifted = mesh.vertices + np.array([0.0, level, 0.0])
        self.add(kind, Mesh(self.on_wall(lifted, wall, at, inset), mesh.faces))
        if kind in ("door", "window"):
            self.holes[wall].append((at - wide / 2, at + wide / 2, level, level + float(tall)))
        if kind == "door":
            clear = self.on_wall(np.array([[-wide / 2, 0, 0], [wide / 2, 0, 0.9]]), wall, at, 0.0)
            low, high = clear.min(axis=0), clear.max(axis=0)
            self.taken.append((low[0], low[2], high[0], high[2]))
        if kind == "window" and self.room.theme in ("bedroom", "bathroom", "lounge"):
            cloth = self.body("curtain")
            fit = cloth.vertices * np.array(
                [wide * 0.35 / np.ptp(cloth.vertices[:, 0]), 2.1 / np.ptp(cloth.vertices[:, 1]), 1]
            )
            for side in (-0.42, 0.42):
                self.add(
                    "curtain", Mesh(self.on_wall(fit + np.array([side * wide, 0.1, 0]), wall, at, 0.1), cloth.faces)
                )

    def stand_along(self, kind: str) -> None:
        for _ in range(6):
            mesh = self.body(kind)
            size = np.ptp(mesh.vertices, axis=0)
            found = self.free_stretch(float(size[0]) if size[1] > 0.85 else 0.0, 0.06)
            if found is None:
                continue
            wall, at = found
            vertices = self.on_wall(mesh.vertices, wall, at, float(size[2]) / 2 + 0.04)
            if not self.claim(vertices, 0.04):
                continue
            if size[1] > 1.2:
                self.stretches[wall].append((at - size[0] / 2, at + size[0] / 2))
            self.add(kind, Mesh(vertices, mesh.faces))
            if kind == "bathtub":
                cloth = self.body("curtain")
                fit = cloth.vertices * (np.array([size[0] * 0.6, 1.75, 0.1]) / np.ptp(cloth.vertices, axis=0))
                fit = fit + np.array([-size[0] * 0.2, 0.2, 0.0])
                self.add("shower curtain", Mesh(self.on_wall(fit, wall, at, float(size[2]) + 0.1), cloth.faces))
            if kind == "desk":
                seat = self.body("chair")
                out = float(size[2]) + 0.12 + np.ptp(seat.vertices[:, 2]) / 2
                placed = self.on_wall(turned(seat.vertices, np.pi + self.rng.normal(0, 0.2)), wall, at, out)
                if self.claim(placed, 0.0):
                    self.add("chair", Mesh(placed, seat.faces))
            return

    def stand_amid(self, kind: str) -> None:
        for _ in range(12):
            mesh = self.body("table" if kind == "meeting table" else kind)
            if kind == "meeting table":
                want = np.array([self.room.size[0] * 0.45, 0.75, self.room.size[2] * 0.38])
                mesh = Mesh(mesh.vertices * (want / np.ptp(mesh.vertices, axis=0)), mesh.faces)
                at = self.room.size * np.array([0.5, 0.0, 0.5])
                vertices = mesh.vertices + at
            else:
                at = self.room.size * np.array([self.rng.uniform(0.25, 0.75), 0.0, self.rng.uniform(0.25, 0.75)])
                vertices = turned(mesh.vertices, self.rng.integers(4) * np.pi / 2) + at
            if not self.claim(vertices, 0.1):
                continue
            self.add("table" if kind == "meeting table" else kind, Mesh(vertices, mesh.faces))
            if "table" in kind:
                self.set_table(vertices, at, 8 if kind == "meeting table" else int(self.rng.integers(2, 5)))
            return

    def set_table(self, table: Floats, middle: Floats, chairs: int) -> None:
        half = np.ptp(table, axis=0) / 2
        model = self.body("chair")
        places = [(x, side) for side in (1, -1) for x in ((-0.6, 0.0, 0.6) if half[0] > 0.9 else (0.0,))]
        spots = [(x * half[0], s * (half[2] + 0.22), np.pi if s > 0 else 0.0) for x, s in places]
        spots += [(s * (half[0] + 0.22), 0.0, -s * np.pi / 2) for s in (1, -1)]
        for x, z, turn in spots[:chairs]:
            seat = turned(model.vertices, turn + self.rng.normal(0, 0.15)) + middle + np.array([x, 0.0, z])
            self.taken.append((seat[:, 0].min(), seat[:, 2].min(), seat[:, 0].max(), seat[:, 2].max()))
            if seat[:, 0].min() > 0 and seat[:, 2].min() > 0 and (seat.max(axis=0) < self.room.size).all():
                self.add("chair", Mesh(seat, model.faces))
        top = float(table[:, 1].max())
        for kind in self.rng.choice(["bottle", "mug", "box", "laptop", "vase"], int(self.rng.integers(0, 3))):
            thing = self.body(str(kind))
            shrink = min(1.0, 0.35 / np.ptp(thing.vertices, axis=0).max())
            shift = self.rng.uniform(-0.45, 0.45, 2) * half[[0, 2]]
            self.add(
                str(kind), Mesh(thing.vertices * shrink + middle + np.array([shift[0], top, shift[1]]), thing.faces)
            )

    def shell(self) -> None:
        """Add floor, ceiling, the walls around their holes, and beams and columns."""
        width, height, depth = self.room.size
        self.add(
            "floor",
            box(
                (width / 2, -0.01, depth / 2),
                (width, 0.02, depth),
                without=("bottom", "left", "right", "front", "back"),
            ),
        )
        self.add(
            "ceiling",
            box(
                (width / 2, height + 0.01, depth / 2),
                (width, 0.02, depth),
                without=("top", "left", "right", "front", "back"),
            ),
        )
        for wall in range(4):
            length = self.wall_frame(wall)[0]
            pieces, edge = [], 0.0
            for low, high, sill, lintel in [*sorted(self.holes[wall]), (length, length, 0.0, height)]:
                pieces.append((edge, low, 0.0, height))
                pieces += [(low, high, 0.0, sill), (low, high, lintel, height)]
                edge = high
            solid = [(a, b, c, d) for a, b, c, d in pieces if b - a > 1e-6 and d - c > 1e-6]
            boards = [box(((a + b) / 2 - length / 2, (c + d) / 2, -0.01), (b - a, d - c, 0.02),
                          without=("back", "left", "right", "top", "bottom")) for a, b, c, d in solid]  # fmt: skip
            # On walls that face the other way, local x runs against the wall's own coordinate.
            flip = -1.0 if wall in (2, 3) else 1.0
            joined = merge(boards)
            local = joined.vertices * np.array([flip, 1.0, 1.0])
            self.add("wall", Mesh(self.on_wall(local, wall, length / 2, 0.0), joined.faces))
        if self.rng.random() < self.plan.bare:
            for share in (0.33, 0.67) if depth > 4.5 else (0.5,):
                self.add("beam", box((width / 2, height - 0.12, depth * share), (width, 0.24, 0.22), without=("top",)))
            x, z = width - 0.16, depth * 0.33 if depth > 4.5 else depth * 0.5
            column = box((x, height / 2, z), (0.32, height, 0.32), without=("top", "bottom"))
            if self.claim(column.vertices * np.array([1, 0.99, 1]), 0.0):
                self.add("column", column)


def make_room(theme: str, index: int, seed: int) -> Room:
    """Make room number ``index`` of a theme.

    Args:
        theme: a key of ``THEMES``.
        index: which, from 0.
        seed: which collection, from 0.
    """
    builder = _Builder(theme, index, seed)
    for kinds, place in (
        (builder.plan.hung, builder.hang),
        (builder.plan.amid[:1] if theme == "conferenceRoom" else (), builder.stand_amid),
        (builder.plan.along, builder.stand_along),
        (() if theme == "conferenceRoom" else builder.plan.amid, builder.stand_amid),
    ):
        for kind, least, most in kinds:
            for _ in range(int(builder.rng.integers(least, most + 1))):
                place(kind)
    builder.shell()
    return builder.room
