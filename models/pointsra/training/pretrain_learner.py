"""What pre-training optimizes: Point-SRA's networks and the terms of its joint loss, as one module.

L = L_recon + 0.5 L_MFM + L_CSC + 0.2 L_mae-sra + 0.2 L_mft-sra (Wei et al., 2026), and energy scores of ours; every
weight is the preset's, and a term whose weight is 0 is not computed. It reads no files and takes no steps: that is
``pretrain``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pointsra.data.loaders import Batch
from pointsra.networks.masked_autoencoder import Encoding
from pointsra.networks.mean_flow_transformer import FlowContext
from pointsra.networks.point_sra import PointSRA
from pointsra.networks.stochastic import draw_ahead, use_generator
from pointsra.networks.teacher import Average, cosine_momentum
from pointsra.objectives.alignment import flow_time_alignment, mask_ratio_alignment
from pointsra.objectives.cross_modal import weighted_alignment
from pointsra.objectives.energy import cloud_distance, cloud_energy_score, energy_score
from pointsra.objectives.joint import weighted_sum
from pointsra.objectives.path import FlowLoss, Path, joined
from pointsra.objectives.reconstruction import patch_chamfer
from pointsra.ops.batch_parts import divisor_weights, normal, uniform
from pointsra.ops.center_state import CenterState, center_state
from pointsra.ops.ordering import hungarian_order
from pointsra.ops.randomness import stream
from pointsra.ops.sampling import gather_points
from pointsra.ops.slot_noise import cooled, slot_noise
from pointsra.training.assembly import build_flow_objective
from pointsra.training.bound_flow import BoundFlow, bound_flow, kept_condition, over_draws
from pointsra.training.decoded_samples import compared_points, refilled_points
from pointsra.training.masking import MaskedClouds, mask_batch
from pointsra.training.reading import build_reading
from pointsra.training.step import Learner

if TYPE_CHECKING:
    from pointsra.settings import PretrainPreset


class PretrainLearner(Learner):
    """Student, teacher, flow and averaged flow, and the terms between them.

    Args:
        network: the student with its flow.
        preset: weights of the terms, masks, dropouts and momenta.
    """

    def __init__(self, network: PointSRA, preset: PretrainPreset) -> None:
        super().__init__()
        self.preset = preset
        self.network = network
        self.teacher = Average(network.encoder) if preset.losses.mae_sra else None
        self.flow_average = None if network.flow is None else Average(network.flow)
        aligned = preset.losses.mft_sra > 0
        self.objective = None if network.flow is None else build_flow_objective(preset.flow, aligned)
        self.reading = build_reading(network, preset)
        self._draws = 1 if preset.flow.objective == "regression" else preset.flow.draws  # which has nothing to draw
        self._draws_ahead = False
        losses = preset.losses
        seeing = losses.reconstruction + losses.cross_modal + losses.mae_sra > 0
        self._encoder_learns = seeing or preset.flow.context_gradient
        network.decoder.requires_grad_(preset.decoder.learns)

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """All terms with a weight above 0, and their weighted sum ``loss``."""
        preset, network = self.preset, self.network
        weights = preset.losses.model_dump()
        self._listen(generator)
        clouds, coins = self._drawn(batch, generator)
        divided = self._divided(batch, clouds, coins, generator)
        self._draw_ahead(network.encoder, len(batch))
        with torch.set_grad_enabled(self._encoder_learns and torch.is_grad_enabled()):
            encoding = network.encoder(clouds.visible)
        terms: dict[str, Tensor] = {}
        if weights["reconstruction"]:
            shift = self._jitter(clouds.masked.centers, generator)
            self._draw_ahead(network.decoder, len(batch))
            predicted = network.decoder(encoding, clouds.masked.centers + shift).float() + shift.unsqueeze(2)
            scale = clouds.scale[:, None, None, None]
            terms["reconstruction"] = self._chamfer(predicted * scale, clouds.masked.neighborhoods * scale)
        if weights["points"]:
            near = clouds.masked.centers + self._jitter(clouds.masked.centers, generator)
            pair = refilled_points(network, encoding.detached(), clouds, near, generator)
            terms["points"] = (self._cloud_distance(*pair) * clouds.scale).mean()
        if weights["mean_flow"] or weights["points_energy"]:
            terms |= self._flow_terms(batch, clouds, encoding, coins, divided, generator)
        if weights["cross_modal"] and (network.image_head or network.text_head):
            terms["cross_modal"] = self._cross_modal(batch, encoding, *divided[:2])
        if self.teacher is not None:
            with torch.no_grad():
                taught = self.teacher.network(clouds.teacher_visible).pooled
            terms["mae_sra"] = mask_ratio_alignment(network.predicted_pooled(encoding), taught)
        return {"loss": weighted_sum({name: terms[name] for name in weights if name in terms}, weights)} | terms

    def measure(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """(4,) how many clouds have an image and a text, how many slots hold state, and the sum of squared units."""
        return self._divisors(batch, *self._drawn(batch, generator))

    def after_step(self, step: int, total: int) -> None:
        """Let the teacher and the averaged flow follow."""
        preset = self.preset.teacher
        if self.teacher is not None:
            self.teacher.follow(self.network.encoder, cosine_momentum(preset.momentum, step, total))
        if self.flow_average is not None and self.network.flow is not None and self.preset.losses.mean_flow:
            # The ramp (1 + n) / (10 + n) lets the average forget its random start.
            self.flow_average.follow(self.network.flow, min(preset.flow_momentum, (1 + step) / (10 + step)))

    def exported(self) -> dict[str, Tensor]:
        """The tensors worth keeping: the student, with the averaged flow in the place of the flow."""
        tensors = {name: value for name, value in self.network.state_dict().items() if not name.startswith("flow.")}
        if self.flow_average is not None:
            tensors |= {f"flow.{name}": value for name, value in self.flow_average.network.state_dict().items()}
        return tensors

    @torch.no_grad()
    def measure_center_scale(self, batches: list[Batch]) -> None:
        """Set σ to the standard deviation of hidden centers about the mean of the visible ones."""
        preset = self.preset
        if preset.flow.scale:
            self.network.center_scale.fill_(preset.flow.scale)
            return
        squares = []
        for number, batch in enumerate(batches):
            clouds = mask_batch(batch, preset, stream(preset.seed, "scale", number))
            offsets = clouds.masked.centers - clouds.visible.centers.mean(dim=1, keepdim=True)
            squares.append(offsets.square().mean())
        self.network.center_scale.copy_(torch.stack(squares).mean().sqrt())

    def compile(self, **options: Any) -> None:
        """Compile what networks and losses compute, as ``nn.Module.compile`` does with ``options``.

        Draws, cutting, hiding, and the search of Chamfer stay outside of the graphs; the JVP is inside of one.
        """
        for name in ("_listen", "_drawn", "_divided", "_draw_ahead", "_chamfer", "_cloud_distance", "_cloud_score"):
            setattr(self, name, torch.compiler.disable(getattr(self, name)))
        self._draws_ahead = True
        super().compile(**options)

    def _listen(self, generator: torch.Generator) -> None:
        use_generator(self.network, generator)

    def _draw_ahead(self, module: nn.Module, clouds: int) -> None:
        if self._draws_ahead:
            draw_ahead(module, clouds, self.network.center_scale)

    def _divided(self, batch: Batch, clouds: MaskedClouds, coins: Tensor, generator: torch.Generator) -> Tensor:
        return divisor_weights(self._divisors(batch, clouds, coins), generator)

    def _chamfer(self, predicted: Tensor, true: Tensor) -> Tensor:
        return patch_chamfer(predicted, true)

    def _cloud_distance(self, drawn: Tensor, true: Tensor) -> Tensor:
        return cloud_distance(drawn, true)

    def _cloud_score(self, samples: Tensor, truths: Tensor) -> Tensor:
        return cloud_energy_score(samples, truths, self.preset.flow.points_distance)

    def _drawn(self, batch: Batch, generator: torch.Generator) -> tuple[MaskedClouds, Tensor]:
        """The batch augmented, cut and hidden, and coins (3, B) for the conditions that are dropped."""
        clouds = mask_batch(batch, self.preset, generator)
        return clouds, uniform((3, len(batch)), generator, axis=1).to(batch.points)

    def _divisors(self, batch: Batch, clouds: MaskedClouds, coins: Tensor) -> Tensor:
        """What terms are divided by that are not means over clouds; see :meth:`measure`."""
        free = coins[0] < self.preset.flow.all_dropout
        groups, hidden = clouds.whole_centers.shape[1], clouds.masked.centers.shape[1]
        slots = torch.where(free, groups, hidden).float().sum()
        squares = _squared_unit(clouds, free).sum()
        return torch.cat([batch.known_features(), torch.stack([slots, squares]).to(batch.points)])

    def _jitter(self, centers: Tensor, generator: torch.Generator) -> Tensor:
        """What is added to true centers (B, M, 3), of another size for each cloud: the decoder learns to undo it."""
        largest = self.preset.decoder.center_jitter
        if not largest or not self.training:
            return torch.zeros_like(centers)
        deviation = largest * uniform((len(centers), 1, 1), generator)
        return (deviation * normal(centers.shape, generator)).to(centers)

    def _cross_modal(self, batch: Batch, encoding: Encoding, image_weight: Tensor, text_weight: Tensor) -> Tensor:
        network = self.network
        image = None if network.image_head is None else network.image_head(encoding.query("image"))
        text = None if network.text_head is None else network.text_head(encoding.query("text"))
        pairs = ((image, batch.image, image_weight), (text, batch.text, text_weight))
        return weighted_alignment(pairs, batch.points.new_zeros(()))

    def _flow_terms(
        self,
        batch: Batch,
        clouds: MaskedClouds,
        encoding: Encoding,
        coins: Tensor,
        divided: Tensor,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """The terms of the flow; ``divided`` as :meth:`_divided` gives it."""
        network, preset = self.network, self.preset
        image_weight, text_weight, slot_weight, square_weight = divided
        if network.flow is None or self.objective is None or self.flow_average is None:
            return {}
        free = coins[0] < preset.flow.all_dropout

        def laid_out(hidden: Tensor) -> CenterState:
            shown, whole = clouds.visible.centers, clouds.whole_centers
            return center_state(shown, hidden, whole, free, network.center_scale, preset.flow.order)

        state = laid_out(clouds.masked.centers)
        context = FlowContext(encoding.patches, state.visible_centers, ~free, state.there)
        image_keep, text_keep = coins[1] >= preset.flow.image_dropout, coins[2] >= preset.flow.text_dropout
        condition = kept_condition(batch, image_keep & ~free, text_keep & ~free)
        shown = context if preset.flow.context_gradient else context.detached()
        bound = bound_flow(network.flow, state.rank, shown, condition)
        share, unit = None, 1.0
        if preset.flow.error_frame == "whole":
            # Where little is visible its unit is short and the hidden part many units away: without this, such
            # clouds make most of the error. Unconditioned rows are in the whole cloud's frame already.
            square = _squared_unit(clouds, free)
            share, unit = (square_weight * square / square.mean()).repeat(self._draws), square.sqrt()
        terms = {}
        if preset.losses.mean_flow:
            paths = [self._sampled_path(state, generator) for _ in range(self._draws)]
            active = state.active.repeat(self._draws, 1)
            result = self.objective.loss(over_draws(bound, free, self._draws), joined(paths), active, share)
            terms = {"mean_flow": result.loss, "flow_error": result.error}
            if preset.losses.mft_sra:
                average = bound_flow(self.flow_average.network, state.rank, context.detached(), condition)
                aligned = self._across_times(result, average, paths[0], state.active, generator)
                terms["mft_sra"] = aligned * slot_weight
        if preset.losses.energy or self.reading is not None:
            samples = self._drawn_in_one(bound, state, free, generator)
            truths = torch.stack([state.data, *(laid_out(other.centers).data for other in clouds.alternatives)])
            if preset.losses.energy:
                score = energy_score(samples, truths, state.active)
                terms["energy"] = (score * unit).mean()
            if self.reading is not None:
                terms["reading"] = self.reading.error(state, batch, image_weight, text_weight, generator)
                terms["reading_energy"] = self.reading.energy(samples, state, truths).mean()
        if preset.losses.points_energy:
            with torch.set_grad_enabled(preset.losses.mean_flow > 0 and torch.is_grad_enabled()):  # else it stays still
                samples = self._drawn_in_one(bound, state, free, generator, preset.flow.points_temperature)
            seen = encoding if preset.flow.context_gradient else encoding.detached()
            score = self._cloud_score(*compared_points(network, seen, clouds, samples, generator)) * unit
            terms["points_energy"] = torch.where(free, 0.0, score).mean()  # the decoder knows no cloud without a part
        return terms

    def _sampled_path(self, state: CenterState, generator: torch.Generator) -> Path:
        if self.objective is None:
            raise ValueError("a learner without a flow has no paths")
        noise = self._noise(state, generator)
        return self.objective.sample_path(self._paired(state, noise), noise, generator)

    def _noise(self, state: CenterState, generator: torch.Generator) -> Tensor:
        clouds, slots, _ = state.data.shape
        kind = self.preset.flow.noise
        return slot_noise(kind, clouds, slots, state.rank, lambda shape: normal(shape, generator).to(state.data))

    def _drawn_in_one(
        self, flow: BoundFlow, state: CenterState, free: Tensor, generator: torch.Generator, temperature: float = 1.0
    ) -> Tensor:
        """Samples (S, B, T, 3) of every cloud, each by one evaluation over the whole interval."""
        count = self.preset.flow.samples
        noise = torch.cat([cooled(self._noise(state, generator), temperature, state.active) for _ in range(count)])
        end = noise.new_ones(len(noise))
        velocity = over_draws(flow, free, count)(noise, torch.zeros_like(end), end, None).velocity.float()
        return (noise - velocity).unflatten(0, (count, len(free)))

    def _paired(self, state: CenterState, noise: Tensor) -> Tensor:
        if self.preset.flow.order != "hungarian":
            return state.data
        order = torch.arange(noise.shape[1], device=noise.device).repeat(len(noise), 1)
        for row, active in enumerate(state.active):
            slots = active.nonzero().squeeze(1)
            matched = hungarian_order(state.data[row, slots][None], noise[row, slots][None])[0]
            order[row, slots] = slots[matched]
        return gather_points(state.data, order)

    def _across_times(
        self, later: FlowLoss, average: BoundFlow, path: Path, active: Tensor, generator: torch.Generator
    ) -> Tensor:
        """MFT-SRA: the trained flow at t_a = t against the averaged flow at t_b < t_a on a path of each cloud."""
        network = self.network
        hidden: Tensor = later.output.hidden  # type: ignore[attr-defined]
        time_b = path.t * uniform((len(path.t),), generator).to(path.t)
        with torch.no_grad():
            state_b = path.at(time_b)
            earlier = average(state_b, path.t, time_b, None)
            displacement = earlier.velocity * (path.t - time_b)[:, None, None]
        if network.transport is not None:
            transported = network.transport(displacement)
        else:
            transported = self.flow_average.network.embed_displacement(state_b, displacement)  # type: ignore[union-attr]
        return flow_time_alignment(hidden[: len(path.t)], earlier.hidden, transported, active)


def _squared_unit(clouds: MaskedClouds, free: Tensor) -> Tensor:
    """(B,) the squared length of the flow's unit in the frame of the whole clouds, for rows without condition 1."""
    return torch.where(free, 1.0, clouds.scale.square())
