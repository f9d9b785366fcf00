"""Draw completions of a visible part: encode once, draw hidden centers by the flow, fill them by the decoder.

Only visible points enter: they alone decide the frame, the patches and the condition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pointsra.errors import CheckpointError
from pointsra.networks.mean_flow_transformer import FlowCondition, FlowContext, FlowOutput
from pointsra.networks.point_sra import PointSRA
from pointsra.ops.center_state import RANKED, ranks
from pointsra.ops.cleaning import evened_rows
from pointsra.ops.masks import visible_count
from pointsra.ops.occlusion import seen_from_one_side
from pointsra.ops.patches import Patches, cut_patches
from pointsra.ops.randomness import stream
from pointsra.ops.slot_noise import cooled, slot_noise
from pointsra.reconstruction.density import evened_out, with_count
from pointsra.training.assembly import flow_objective_named
from pointsra.training.bound_flow import BoundFlow, bound_flow
from pointsra.training.masking import scan_patches, scan_size, visible_frame
from pointsra.training.weights import ModelDescription

_DENSEST = 4  # times the decoder's points, where nobody says how many: beyond, points between neighbors say nothing new
_JUDGED = 1024  # points that tell whether a cloud was seen from one side
_ONE_SIDED = 0.8  # of them, seen by one camera; of single-view scans of validation shapes 80 % are, of blocks 13


@dataclass(frozen=True)
class Drawn:
    """Completions of one visible part.

    Attributes:
        points: (S, P, 3) generated points, in the frame of the input.
        centers: (S, M, 3) the patch centers that were drawn.
        network_evaluations: evaluations of the flow for each sample.
        evened: whether the visible part was so uneven that its crowded points were thinned for the network.
        one_sided: whether it was taken for a single-view scan.
    """

    points: NDArray[np.float32]
    centers: NDArray[np.float32]
    network_evaluations: int
    evened: bool = False
    one_sided: bool = False


@torch.no_grad()
def draw_completions(
    network: PointSRA,
    description: ModelDescription,
    visible: NDArray[np.float32],
    *,
    missing: float,
    samples: int,
    steps: int,
    seed: int,
    condition: FlowCondition | None = None,
    guidance: float = 1.0,
    temperature: float = 1.0,
    count: int | None = None,
    one_sided: bool | None = None,
) -> Drawn:
    """Complete a cloud.

    Args:
        network: pre-trained, in eval mode.
        description: of its weights.
        visible: (N, 3) the visible part, in any frame near the origin.
        missing: share of the whole shape that is thought to be absent.
        samples: S.
        steps: evaluations of the flow along each path; 1 is MeanFlow's own.
        seed: sample i depends on the seed and i alone, not on S.
        condition: image and text features of one cloud, (1, D) each.
        guidance: w of classifier-free guidance, u_null + w (u − u_null); 1 is without, anything else doubles the
            evaluations.
        temperature: T, how far the noise z₁ that samples start from is :func:`cooled`; 1 is the flow's own
            distribution, less is surer and less varied, and 0 gives the same completion S times.
        count: points P of each completion; None makes them as dense as what is visible, within 1 … 4 times the M·K
            of the patches that are hidden.

    Raises:
        CheckpointError: the weights have no flow.
    """
    if network.flow is None:
        raise CheckpointError("These weights were trained without a flow and cannot draw completions.")
    device = network.center_scale.device
    groups, size = description.patches["groups"], description.patches["size"]
    shares = min(visible_count(groups, missing), groups - 1)
    cells = description.cell_density * (groups - shares)
    if one_sided is None:
        one_sided = description.scan_density > 1.0 and _looks_one_sided(visible, seed)
    shown = scan_patches(shares, description.scan_density) if one_sided else shares
    budget = max(scan_size(description.patches["points"], groups, shares, size), shown)
    chosen, evened = _resampled(visible, budget, seed)
    cloud = torch.from_numpy(chosen)[None].to(device)
    cut = cut_patches(cloud, shown, size)
    frame = visible_frame(cut, description.frame == "aligned")
    patches = cut.moved(frame)
    encoding = network.encoder(patches).repeated(samples)
    middle = patches.centers.mean(dim=1, keepdim=True)
    context = FlowContext(encoding.patches, (encoding.centers - middle) / network.center_scale)
    rank = None
    if description.flow["order"] in RANKED:
        places = torch.arange(shown + cells, device=device) - shown
        rank = ranks(cells, places).expand(samples, -1)
    streams = [stream(seed, "sample", number) for number in range(samples)]
    noise = slot_noise(
        description.flow.get("noise", "white"),
        samples,
        cells,
        None if rank is None else rank[:, shown:],
        lambda shape: torch.stack([torch.randn(shape[1:], generator=each) for each in streams]).to(device),
    )
    counter = _Counter(_guided(network, rank, context, condition, guidance), shown)
    drawn = flow_objective_named(description.flow["objective"]).draw(counter, cooled(noise, temperature), steps)
    centers = drawn * network.center_scale + middle
    points = Patches(centers, network.decoder(encoding, centers)).points
    usual = points.shape[1] // description.cell_density
    if count is None:
        count = min(max(round(len(visible) * (groups - shares) / shares), usual), _DENSEST * usual)
    dense = min(max(count, usual), _DENSEST * usual)
    points = with_count(evened_out(with_count(points, dense, seed)), count, seed)
    return Drawn(
        points=frame.from_unit(points).cpu().numpy(),
        centers=frame.from_unit(centers).cpu().numpy(),
        network_evaluations=counter.evaluations * (2 if guidance != 1.0 else 1),
        evened=evened,
        one_sided=one_sided,
    )


class _Counter:
    """A flow over hidden slots only: puts empty slots for the visible patches in front, and counts its calls."""

    def __init__(self, network: BoundFlow, shown: int) -> None:
        self.network = network
        self.shown = shown
        self.evaluations = 0

    def __call__(self, state: Tensor, r: Tensor, t: Tensor, rows: Tensor | None) -> FlowOutput:
        self.evaluations += 1
        front = state.new_zeros(len(state), self.shown, 3)
        output = self.network(torch.cat([front, state], dim=1), r, t, rows)
        return FlowOutput(output.velocity[:, self.shown :], output.hidden[:, self.shown :])


def _guided(
    network: PointSRA, rank: Tensor | None, context: FlowContext, condition: FlowCondition | None, guidance: float
) -> BoundFlow:
    samples = len(context.tokens)
    if condition is not None:
        image, text = (None if part is None else part.expand(samples, -1) for part in (condition.image, condition.text))
        condition = FlowCondition(image, text)
    conditioned = bound_flow(network.flow, rank, context, condition)  # type: ignore[arg-type]
    if guidance == 1.0:
        return conditioned
    plain = bound_flow(network.flow, rank, context, None)  # type: ignore[arg-type]

    def guided(state: Tensor, r: Tensor, t: Tensor, rows: Tensor | None) -> FlowOutput:
        without, steered = plain(state, r, t, rows).velocity, conditioned(state, r, t, rows)
        return FlowOutput(without + guidance * (steered.velocity - without), steered.hidden)

    return guided


def _looks_one_sided(visible: NDArray[np.float32], seed: int) -> bool:
    """Whether one camera sees so much of the points (N, 3) that they are a single-view scan for all one can tell."""
    judged, _ = _resampled(visible, min(len(visible), _JUDGED), seed)
    return seen_from_one_side(torch.from_numpy(judged)) >= _ONE_SIDED


def _resampled(points: NDArray[np.float32], budget: int, seed: int) -> tuple[NDArray[np.float32], bool]:
    """A random choice of ``budget`` points (N, 3), so that patches are as dense as in training; few are repeated.

    Returns:
        (``budget``, 3), and whether the choice made up for an uneven density.
    """
    evened = evened_rows(points, budget, seed) if len(points) > budget else None
    if evened is not None:
        chosen = evened
    elif len(points) > budget:
        chosen = np.random.default_rng([seed, 2]).choice(len(points), budget, replace=False)
    else:
        chosen = np.arange(max(len(points), budget)) % len(points)
    return np.ascontiguousarray(points[chosen], dtype=np.float32), evened is not None
