"""The flow as objectives and samplers see it: a function of state and times alone."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pointsra.data.loaders import Batch
from pointsra.networks.mean_flow_transformer import FlowCondition, FlowContext, FlowOutput, MeanFlowTransformer

BoundFlow = Callable[[Tensor, Tensor, Tensor, Tensor | None], FlowOutput]
"""A flow with its conditions inside: ``flow(state, r, t, rows)``, a network in the sense of the objectives."""


def bound_flow(
    flow: MeanFlowTransformer, rank: Tensor | None, context: FlowContext | None, condition: FlowCondition | None
) -> BoundFlow:
    """The flow as an objective sees it: a function of state and times, with the conditions of each cloud inside."""

    def network(state: Tensor, r: Tensor, t: Tensor, rows: Tensor | None) -> FlowOutput:
        if rows is None:
            return flow(state, r, t, rank, context, condition)
        return flow(
            state,
            r,
            t,
            None if rank is None else rank[rows],
            None if context is None else context.rows(rows),
            None if condition is None else condition.rows(rows),
        )

    return network


def kept_condition(batch: Batch, image_keep: Tensor, text_keep: Tensor) -> FlowCondition:
    """Image and text of those clouds (B,) that have them and keep them."""
    image, with_image = _known(batch.image, image_keep)
    text, with_text = _known(batch.text, text_keep)
    return FlowCondition(image, text, with_image, with_text)


def over_draws(flow: BoundFlow, clouds: Tensor, draws: int) -> BoundFlow:
    """The flow for as many draws after one another of the same ``clouds`` (B,), each with its own conditions."""
    if draws == 1:
        return flow
    of = torch.arange(len(clouds), device=clouds.device).repeat(draws)
    return lambda state, r, t, rows: flow(state, r, t, of if rows is None else of[rows])


def _known(feature: Tensor | None, keep: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """A feature without its NaN rows, and which rows keep it; a missing modality is (None, None)."""
    if feature is None:
        return None, None
    return feature.nan_to_num(), keep & feature.isfinite().all(dim=-1)
