"""Going on from finished pre-training in a new run (``pretrain --init``): what of it fits, and where it goes.

A run that was interrupted goes on by its checkpoint instead (``checkpoint``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from pointsra.errors import CheckpointError
from pointsra.training.pretrain_learner import PretrainLearner
from pointsra.training.weights import Weights, load_into


def start_from(
    learner: PretrainLearner, weights: Weights, encoders: Mapping[str, Mapping[str, str] | None] | None = None
) -> None:
    """Take the tensors of finished pre-training in the place of the initial ones: student, teacher and both flows.

    The flow's σ comes with them: it is the unit that their flow knows, whatever the new data set's would be.

    Args:
        learner: what goes on.
        weights: of the finished pre-training.
        encoders: what made the data set's image and text features; None: not compared.

    Raises:
        CheckpointError: they are of another kind, of other sizes, or their flow or their features are others.
    """
    described = weights.description
    if described.kind != "point_sra" or described.sizes != learner.network.sizes:
        mine, theirs = asdict(learner.network.sizes), asdict(described.sizes)
        differ = ", ".join(f"{name} {theirs[name]} (here {mine[name]})" for name in mine if mine[name] != theirs[name])
        if not differ:
            raise CheckpointError(f"{weights.path} cannot be gone on with: it holds a {described.kind}.")
        featured = "image_dim" in differ or "text_dim" in differ
        where = " (image_dim and text_dim are those of the data set's features)" if featured else ""
        raise CheckpointError(
            f"{weights.path} cannot be gone on with by this preset on this data set: of its sizes {differ} "
            f"differ{where}."
        )
    flow = learner.preset.flow
    for name, mine in (("objective", flow.objective), ("order", flow.order)):
        theirs = described.flow.get(name)
        if learner.network.flow is not None and theirs != mine:
            raise CheckpointError(
                f"{weights.path} cannot be gone on with: its flow.{name} is {theirs}, the preset's {mine}."
            )
    for kind, mine in (encoders or {}).items():
        theirs = described.encoders.get(kind)
        if mine is not None and theirs is not None and mine["name"] != theirs["name"]:
            raise CheckpointError(
                f"{weights.path} cannot be gone on with: its {kind} features are of {theirs['name']}, "
                f"the data set's of {mine['name']}."
            )
    load_into(learner.network, weights.tensors, weights.path)
    if learner.teacher is not None:
        learner.teacher.follow(learner.network.encoder, 0.0)
    if learner.flow_average is not None and learner.network.flow is not None:
        learner.flow_average.follow(learner.network.flow, 0.0)
