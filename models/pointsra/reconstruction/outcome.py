"""What came of a reconstruction: completions in the file's frame, their figures, and the summary of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pointsra.reconstruction.hiding import asked_ratio
from pointsra.reconstruction.request import ReconstructRequest

if TYPE_CHECKING:
    from pointsra.reconstruction.surface import Surface


@dataclass(frozen=True, repr=False)
class Completions:
    """S completions of one input. ``_raw`` is the file's frame; ``_unit`` the unit frame of all its points but stray
    ones, turned so that y is up.

    Attributes:
        visible: (N,) bool, which of the file's points stayed visible; stray points always do.
        stray: (N,) bool, which of them lie so far from the others that the network was not shown them.
        visible_raw: (Nv, 3) float64, exactly the file's points that stayed visible.
        generated_raw: (S, P, 3) float64.
        hidden_raw: (Nh, 3) float64 what was hidden, or None.
        visible_unit, generated_unit, hidden_unit: the same in the unit frame, float32.
        visible_colors, hidden_colors: (Nv, 3) and (Nh, 3) uint8 where the file has colors, or None.
        points_in: points read.
        network_evaluations: of each sample.
        steps: as asked.
        fidelity: (S) mean distance of the visible points to each whole completion, unit frame; 0 where the
            visible points are part of it.
        chamfer_l2, f_score: (S) of the generated to the hidden points, unit frame; None where nothing was hidden.
        diversity: mean pairwise CD-L2 of the completions, unit frame; 0 of a single one, null in the summary.
        apart: (S) mean CD-L2 of each completion to the others, of many to 16; the smallest is the most typical one.
        seconds: load and sample.
        weights: which were used.
        one_sided: whether the visible part was taken for what one camera sees.
        notes: sentences for the user.
        request: what was asked.
    """

    visible: NDArray[np.bool_]
    stray: NDArray[np.bool_]
    visible_raw: NDArray[np.float64]
    generated_raw: NDArray[np.float64]
    hidden_raw: NDArray[np.float64] | None
    visible_unit: NDArray[np.float32]
    generated_unit: NDArray[np.float32]
    hidden_unit: NDArray[np.float32] | None
    visible_colors: NDArray[np.uint8] | None
    hidden_colors: NDArray[np.uint8] | None
    points_in: int
    network_evaluations: int
    steps: int
    fidelity: list[float]
    chamfer_l2: list[float] | None
    f_score: list[float] | None
    diversity: float
    apart: list[float]
    seconds: dict[str, float]
    weights: str
    one_sided: bool
    notes: tuple[str, ...]
    request: ReconstructRequest

    def __repr__(self) -> str:
        count, points = self.generated_raw.shape[:2]
        return f"Completions({count} of {len(self.visible_raw):,} visible points, with {points:,} new ones each)"

    def surface(self, sample: int) -> Surface | None:
        """A surface through the points of one completion, visible ones first, without stray ones; None where none fits.

        Returns:
            Triangles in the file's frame. Rows of ``nearest`` below the number of visible points that are not stray are
            of these, in their order; the others are of ``generated_raw[sample]``.

        Raises:
            MissingExtraError: open3d is not there.
        """
        from pointsra.reconstruction.surface import surface_through

        shown = self.visible_raw[~self.stray[self.visible]]
        return surface_through(np.concatenate([shown, self.generated_raw[sample]]), self.request.seed)

    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` holds; the time of writing is added by whoever writes."""
        several = len(self.generated_raw) > 1
        table: dict[str, Any] = {
            "input": str(self.request.input),
            "points_in": self.points_in,
            "points_visible": len(self.visible_raw),
            "points_generated": self.generated_raw.shape[1],
            "samples": len(self.generated_raw),
            "steps": self.steps,
            "temperature": self.request.temperature,
            "text": self.request.text,
            "image": None if self.request.image is None else str(self.request.image),
            "guidance": 1.0 if self.request.guidance is None else self.request.guidance,
            "network_evaluations": self.network_evaluations,
            "seconds": dict(self.seconds),
            "diversity": self.diversity if several else None,
            "apart": _figures(self.apart, min) if several else None,
            "fidelity": _figures(self.fidelity, min),
            "hide": self.request.hide,
            "ratio": asked_ratio(self.request.hide, self.request.ratio),
            "missing": self.request.missing,
            "hidden_share": None if self.hidden_raw is None else len(self.hidden_raw) / self.points_in,
            "one_sided": self.one_sided,
            "points_stray": int(self.stray.sum()),
            "up": self.request.up or "y",
            "seed": self.request.seed,
            "weights": self.weights,
            "notes": list(self.notes),
        }
        if self.chamfer_l2 is not None and self.f_score is not None:
            table["chamfer_l2"] = _figures(self.chamfer_l2, min)
            table["f_score"] = _figures(self.f_score, max)
        return table


def _figures(values: Sequence[float], best: Any) -> dict[str, Any]:
    return {"per_sample": list(values), "best": best(values), "mean": float(np.mean(values))}
