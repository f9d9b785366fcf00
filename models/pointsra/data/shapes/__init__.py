"""An endless collection of everyday objects, generated: dozens of classes, each with many independent choices.

Made to train, test and measure without a download: each shape has its class, part labels and a caption, and the
probability of every choice is known, so that one visible half truly has several other halves. It is no substitute
for scans: surfaces are clean, objects stand upright and alone.
"""

from __future__ import annotations

from pointsra.data.shapes.classes import CHOICES, CLASS_NAMES, ONLY_WHEN, PART_NAMES
from pointsra.data.shapes.designs import Alternative
from pointsra.data.shapes.generator import ALTERNATIVES, Shape, generate, sample_framed, sample_meters, sample_surface
from pointsra.data.shapes.other_parts import other_part, realized_in

__all__ = [
    "ALTERNATIVES",
    "CHOICES",
    "CLASS_NAMES",
    "ONLY_WHEN",
    "PART_NAMES",
    "Alternative",
    "Shape",
    "generate",
    "other_part",
    "realized_in",
    "sample_framed",
    "sample_meters",
    "sample_surface",
]
