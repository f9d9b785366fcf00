"""One scan of ScanNet V2 as VoteNet's exporter leaves it: ``<id>_{vert,sem_label,ins_label,bbox}.npy``.

The exporter has aligned the points and made the boxes already, and keeps at most 50,000 points of a scan; what it cut
away is not to be had back from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pointsra.data.plain_npy import load_plain
from pointsra.data.request import Skipped
from pointsra.data.scannet_labels import CLASS_NAMES, check_nyu40, detection_classes
from pointsra.data.scenes import Scene
from pointsra.data.upright import back_to_raw, sizes_to_y_up, to_y_up
from pointsra.errors import DataError

CAP = 50_000
"""Points that the exporter keeps of a scan."""


@dataclass(frozen=True)
class ExportedScan:
    """Where an exported scan lies.

    Attributes:
        id: "scene0000_00".
        folder: the folder of all of them, ``scannet_train_detection_data``.
        annotated: whether it is to have objects; those of the test split have none.
    """

    id: str
    folder: Path
    annotated: bool

    def path(self, kind: str) -> Path:
        """One of its files: "vert", "sem_label", "ins_label" or "bbox"."""
        return self.folder / f"{self.id}_{kind}.npy"

    def files(self) -> list[Path]:
        """The files that will be read, those of them that are there."""
        kinds = ("vert", "sem_label", "ins_label", "bbox") if self.annotated else ("vert",)
        return [path for path in map(self.path, kinds) if path.is_file()]

    def is_capped(self) -> bool:
        """Whether the exporter seems to have cut points away; False where the file cannot be looked into."""
        try:
            return len(np.load(self.path("vert"), mmap_mode="r", allow_pickle=False)) == CAP
        except (ValueError, EOFError, OSError, SyntaxError, TypeError):
            return False


def read_exported_scan(scan: ExportedScan) -> tuple[Scene, list[Skipped]]:
    """Read a scan.

    Args:
        scan: where it lies.

    Returns:
        The scene, y up, and what was noted (boxes of classes that are not among the 18).

    Raises:
        DataError: a file is missing, cut short or holds Python objects; lengths that do not fit together; points that
            are not finite; labels out of range.
    """
    vertices = load_plain(scan.path("vert"), 6)
    if not len(vertices):
        raise DataError(f"{scan.path('vert')}: holds no points; export the scan again.")
    broken = np.flatnonzero(~np.isfinite(vertices).all(axis=1))
    if len(broken):
        raise DataError(f"{scan.path('vert')}: row {broken[0]} (and {len(broken) - 1} more) is not finite.")
    colors = vertices[:, 3:]
    if colors.min() < 0 or colors.max() > 255:
        shown = f"{colors.min():g} to {colors.max():g}"
        raise DataError(f"{scan.path('vert')}: its colors run from {shown}, expected 0 to 255.")
    points, extra = to_y_up(vertices[:, :3]).astype(np.float32), {"to_raw": back_to_raw()}
    if not scan.annotated:
        return Scene(id=scan.id, points=points, colors=colors.astype(np.uint8), extra=extra), []
    labels, instances = (load_plain(scan.path(kind), None) for kind in ("sem_label", "ins_label"))
    for kind, values in (("sem_label", labels), ("ins_label", instances)):
        if len(values) != len(vertices):
            what = f"{len(values)} labels for {len(vertices)} points"
            raise DataError(f"{scan.path(kind)}: {what}; export the scan again.")
    if not (instances >= 0).all():
        raise DataError(f"{scan.path('ins_label')}: has numbers below 0; export the scan again.")
    boxes = load_plain(scan.path("bbox"), 7)
    if not np.isfinite(boxes).all():
        raise DataError(f"{scan.path('bbox')}: has numbers that are not finite; export the scan again.")
    box_labels = detection_classes(check_nyu40(scan.path("bbox"), boxes[:, 6]))
    known = box_labels < len(CLASS_NAMES)
    skipped = []
    if not known.all():
        reason = f"{int((~known).sum())} boxes left out: their classes are none of the {len(CLASS_NAMES)}."
        skipped.append(Skipped(scan.path("bbox").name, reason))
    turned = np.concatenate([to_y_up(boxes[:, :3]), sizes_to_y_up(boxes[:, 3:6]), np.zeros((len(boxes), 1))], axis=1)
    scene = Scene(
        id=scan.id,
        points=points,
        colors=colors.astype(np.uint8),
        parts=detection_classes(check_nyu40(scan.path("sem_label"), labels)),
        instances=instances.astype(np.int32) - 1,  # 0 means no object there
        boxes=turned[known].astype(np.float32),
        box_labels=box_labels[known].astype(np.int64),
        extra=extra,
    )
    return scene, skipped
