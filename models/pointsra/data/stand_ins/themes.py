"""What kinds of rooms hold: their sizes and how much of which furniture, on walls, along them and amid the floor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """What a kind of room holds.

    Attributes:
        width: least and greatest width in meters.
        depth: likewise.
        hung: kinds set into or hung on walls, (kind, least, greatest number).
        along: kinds standing against walls, likewise.
        amid: kinds standing free, likewise.
        bare: the chance that the room has beams and columns.
    """

    width: tuple[float, float]
    depth: tuple[float, float]
    hung: tuple[tuple[str, int, int], ...]
    along: tuple[tuple[str, int, int], ...]
    amid: tuple[tuple[str, int, int], ...] = ()
    bare: float = 0.3


THEMES = {
    "office": Theme((3.4, 5.0), (3.6, 5.5), (("door", 1, 1), ("window", 1, 2), ("board", 0, 1), ("picture", 0, 1)),
                    (("desk", 1, 2), ("shelf", 1, 3), ("cabinet", 0, 1), ("sofa", 0, 1), ("bin", 1, 2),
                     ("plant", 0, 1)),
                    (("table", 0, 1), ("chair", 0, 1), ("bag", 0, 1))),
    "conferenceRoom": Theme((4.5, 6.5), (4.0, 5.5), (("door", 1, 1), ("window", 0, 2), ("board", 1, 2)),
                            (("cabinet", 0, 1), ("bin", 1, 1), ("plant", 0, 1), ("chair", 0, 2)),
                            (("meeting table", 1, 1),), 0.6),
    "hallway": Theme((1.8, 2.6), (6.0, 9.0), (("door", 2, 4), ("board", 1, 1), ("window", 0, 1)),
                     (("bin", 0, 1), ("shelf", 0, 1), ("plant", 0, 1), ("chair", 0, 1)), (), 0.9),
    "lounge": Theme((4.5, 6.0), (4.5, 6.0), (("door", 1, 2), ("window", 1, 2), ("picture", 0, 2)),
                    (("sofa", 1, 3), ("shelf", 1, 2), ("plant", 0, 2), ("lamp", 0, 1)),
                    (("table", 1, 2), ("chair", 1, 2)), 0.5),
    "bedroom": Theme((3.2, 4.5), (3.4, 4.6), (("door", 1, 1), ("window", 1, 1), ("picture", 0, 2)),
                     (("bed", 1, 1), ("cabinet", 1, 2), ("desk", 0, 1), ("lamp", 0, 1), ("bin", 0, 1), ("shelf", 0, 1)),
                     (("chair", 0, 1), ("bag", 0, 1))),
    "kitchen": Theme((3.2, 4.6), (3.2, 4.6), (("door", 1, 1), ("window", 1, 1)),
                     (("counter", 1, 2), ("refrigerator", 1, 1), ("sink", 1, 1), ("cabinet", 0, 1), ("bin", 1, 1)),
                     (("table", 1, 1),)),
    "bathroom": Theme((2.4, 3.2), (2.6, 3.4), (("door", 1, 1), ("window", 0, 1)),
                      (("bathtub", 1, 1), ("toilet", 1, 1), ("sink", 1, 1), ("bin", 0, 1), ("cabinet", 0, 1)), ()),
}  # fmt: skip
