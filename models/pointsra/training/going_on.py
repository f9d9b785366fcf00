"""Going on from finished pre-training in a new run (``pretrain --init``): what of it fits, and where it goes.

A run that was interrupted goes on by its checkpoint instead (``checkpoint``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from pointsra.errors import CheckpointError
from pointsra.training.pretrain_learner import PretrainLearner
from pointsra.training.weights import Weights, load_into

_ARRAYS = "file"  # the name of all features that users bring: their checksum is of the arrays, not of what made them
_SHOWN = 12  # digits of a checksum


def start_from(
    learner: PretrainLearner, weights: Weights, encoders: Mapping[str, Mapping[str, str] | None] | None = None
) -> tuple[str, ...]:
    """Take the tensors of finished pre-training in the place of the initial ones: student, teacher and both flows.

    The flow's σ comes with them: it is the unit that their flow knows, whatever the new data set's would be.

    Args:
        learner: what goes on.
        weights: of the finished pre-training.
        encoders: what made the data set's image and text features; None: not compared.

    Returns:
        Sentences for the user, on features of which cannot be told whether one encoder made them.

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
    notes = []
    for kind, mine in (encoders or {}).items():
        theirs = described.encoders.get(kind)
        if mine is None or theirs is None:
            continue
        if _is_other(mine, theirs):
            shown = [each["name"] if mine["name"] != theirs["name"] else _named(each) for each in (theirs, mine)]
            raise CheckpointError(
                f"{weights.path} cannot be gone on with: its {kind} features are of {shown[0]}, "
                f"the data set's of {shown[1]}."
            )
        if mine["name"] == _ARRAYS and not _same_checksum(mine, theirs):
            notes.append(
                f"{weights.path} knows {kind} features of your own, {_named(theirs)}, and the data set has others, "
                f"{_named(mine)}: nothing in them tells whether one encoder made both, as this needs"
            )
    load_into(learner.network, weights.tensors, weights.path)
    if learner.teacher is not None:
        learner.teacher.follow(learner.network.encoder, 0.0)
    if learner.flow_average is not None and learner.network.flow is not None:
        learner.flow_average.follow(learner.network.flow, 0.0)
    return tuple(notes)


def _is_other(mine: Mapping[str, str], theirs: Mapping[str, str]) -> bool:
    """Whether two encoders are known to be different ones.

    By their names, and where name and version are one (all CLIPs of a folder are "local") by the checksums of their
    weights; another revision of a hub may hold the same weights in other files. Arrays of one encoder have another
    checksum for every data set, which tells nothing.
    """
    if mine["name"] != theirs["name"]:
        return True
    known = bool(mine.get("sha256") and theirs.get("sha256")) and mine.get("version") == theirs.get("version")
    return mine["name"] != _ARRAYS and known and not _same_checksum(mine, theirs)


def _same_checksum(mine: Mapping[str, str], theirs: Mapping[str, str]) -> bool:
    return bool(mine.get("sha256")) and mine.get("sha256") == theirs.get("sha256")


def _named(encoder: Mapping[str, str]) -> str:
    """An encoder by all that is kept of it: arrays by their folder."""
    checksum = encoder.get("sha256", "")[:_SHOWN] or "unknown"
    name = f"{encoder['name']}:{encoder.get('version', '')}" if encoder["name"] == _ARRAYS else encoder["name"]
    return f"{name} (sha256 {checksum})"
