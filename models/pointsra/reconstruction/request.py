"""What can be asked of a reconstruction, and which requests make no sense. It reads no files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from pointsra.errors import SettingsError
from pointsra.ops.up_axis import UP_AXES
from pointsra.reconstruction.hiding import HIDING

TEMPERATURE = 0.65
"""Of the noise, unless another is asked for; found on validation shapes (docs/beware.md says what it is worth)."""

_MOST_POINTS = 20_000_000  # of a mesh, and of all completions together; ours: some gigabytes of memory
_MOST_GUIDANCE = 20.0  # ours: there completions are swollen by half already, and of 1000 nothing is left of a shape
_USUAL_POINTS = 2048  # about what a completion has where nobody says how many


@dataclass(frozen=True)
class ReconstructRequest:
    """What is to be completed, and how.

    Attributes:
        input: a mesh or a cloud.
        samples: completions S to draw.
        weights: run folder or weights; None takes those in the package.
        steps: flow evaluations of each sample.
        hide: "block", "random" or "view" hides a part of the input; "none" takes it as a partial scan.
        ratio: share of the patches to hide, 0.75 where None; with "view" the share of the points, where None as many as
            a camera does not see.
        missing: with "none", the share of the whole shape thought to be absent (0.5 where not given).
        one_sided: with "none", whether the input is what one camera sees, rather than a whole of which a part is cut
            away; None judges by the points.
        text: a caption that steers the completions.
        image: a picture that steers them.
        guidance: weight of classifier-free guidance, 0 to 20; None: 1, that is none.
        temperature: size of the noise that samples start from, above 0 and at most 2; 1 is the flow's own
            distribution, less is surer and less varied.
        seed: everything random follows from it.
        device: where to compute.
        count: points drawn from a mesh.
        points_generated: points of each completion; None makes them about as dense as what is visible.
        up: the input's axis that points up, one of :data:`UP_AXES`; y where None.
    """

    input: Path
    samples: int = 8
    weights: Path | None = None
    steps: int = 1
    hide: str = "block"
    ratio: float | None = None
    missing: float | None = None
    one_sided: bool | None = None
    text: str | None = None
    image: Path | None = None
    guidance: float | None = None
    temperature: float = TEMPERATURE
    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    count: int | None = None
    points_generated: int | None = None
    up: str | None = None


def check_request(request: ReconstructRequest) -> None:
    """Find what is out of range or does not go together.

    Raises:
        SettingsError: such a choice.
    """
    if request.hide not in HIDING:
        raise SettingsError(f"--hide {request.hide} is not known: write one of {', '.join(HIDING)}.")
    if request.up is not None and request.up not in UP_AXES:
        raise SettingsError(f"--up {request.up} is not known: write one of {', '.join(UP_AXES)}.")
    if request.samples < 1 or request.steps < 1:
        raise SettingsError("--samples and --steps must be at least 1.")
    if request.points_generated is not None and request.points_generated < 1:
        raise SettingsError("--points must be at least 1.")
    wanted = request.samples * (request.points_generated or _USUAL_POINTS)
    if wanted > _MOST_POINTS:
        raise SettingsError(
            f"{request.samples} completions of {request.points_generated or f'about {_USUAL_POINTS}'} points are "
            f"{wanted} points; {_MOST_POINTS} are the most at a time: take fewer --samples or --points."
        )
    if request.count is not None and request.count > _MOST_POINTS:
        raise SettingsError(f"--mesh-points {request.count} is too many: {_MOST_POINTS} are the most.")
    if request.text is not None and not request.text.strip():
        raise SettingsError("--text is empty: say what the completions are to be, or leave it out.")
    for name, share in (("ratio", request.ratio), ("missing", request.missing)):
        if share is not None and not 0.0 < share < 1.0:
            raise SettingsError(f"--{name} {share} must lie between 0 and 1, both excluded.")
    if request.missing is not None and request.hide != "none":
        raise SettingsError("--missing goes with --hide none: otherwise --ratio says how much is hidden.")
    if request.one_sided is not None and request.hide != "none":
        raise SettingsError("--one-sided goes with --hide none: otherwise --hide says what is seen.")
    if request.ratio is not None and request.hide == "none":
        raise SettingsError("--ratio says how much of a whole is hidden: with --hide none write --missing.")
    if not 0.0 < request.temperature <= 2.0:
        raise SettingsError(f"--temperature {request.temperature} must lie above 0 and not above 2.")
    if request.guidance is not None and not 0.0 <= request.guidance <= _MOST_GUIDANCE:
        raise SettingsError(f"--guidance {request.guidance:g} must lie between 0 and {_MOST_GUIDANCE:g}.")
    if request.guidance is not None and request.text is None and request.image is None:
        raise SettingsError("--guidance needs --text or --image to guide towards.")
