"""From a pre-training preset to what is trained: Point-SRA's learner, or that of a peer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pointsra.errors import DataError
from pointsra.networks.point_sra import PointSRASizes
from pointsra.settings import AnyPretrainPreset, PretrainPreset
from pointsra.training.assembly import build_point_sra, point_sra_sizes
from pointsra.training.peers.learner import PeerLearner
from pointsra.training.peers.maskpoint import build_maskpoint
from pointsra.training.peers.pcp_mae import build_pcp_mae
from pointsra.training.peers.point_m2ae import build_point_m2ae
from pointsra.training.peers.point_mae import build_point_mae
from pointsra.training.peers.pointdif import build_pointdif
from pointsra.training.peers.recon import build_recon
from pointsra.training.pretrain_learner import PretrainLearner


@dataclass(frozen=True)
class Peer:
    """How a peer is named and built.

    Attributes:
        family: its name in print; weights carry it.
        build: ``build(preset, image_dim, text_dim)``, the widths of frozen features, 0 where there are none.
    """

    family: str
    build: Callable[[Any, int, int], PeerLearner[Any]]


PEERS: dict[str, Peer] = {
    "point-mae": Peer("Point-MAE", build_point_mae),
    "recon": Peer("ReCon", build_recon),
    "pcp-mae": Peer("PCP-MAE", build_pcp_mae),
    "pointdif": Peer("PointDif", build_pointdif),
    "maskpoint": Peer("MaskPoint", build_maskpoint),
    "point-m2ae": Peer("Point-M2AE", build_point_m2ae),
}
"""Peers by ``method``; the settings of each stand in ``settings/peers``."""


@dataclass(frozen=True)
class Assembled:
    """What a run trains, and what its weights are to say of themselves.

    Attributes:
        learner: the module with the loss; ``learner.network`` is trained, ``learner.exported()`` kept.
        sizes: of the weights.
        flow: objective and order of the flow; empty where there is none.
        details: of a peer, its method and family.
    """

    learner: PretrainLearner | PeerLearner[Any]
    sizes: PointSRASizes
    flow: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


def missing_note(preset: AnyPretrainPreset, image_dim: int, text_dim: int) -> str:
    """A sentence for the user where Point-SRA asks for features that the data set has not, and learns without; else "".

    Args:
        preset, image_dim, text_dim: as in :func:`assemble`.
    """
    if not isinstance(preset, PretrainPreset):
        return ""  # a peer that needs them refuses
    missing = [name for name, width in (("image", image_dim), ("text", text_dim)) if not width]
    wanted = []
    if preset.losses.cross_modal:
        wanted.append("losses.cross_modal")
    if preset.losses.mean_flow:
        wanted.append("the flow's conditions")
    if not missing or not wanted:
        return ""
    return (
        f"{preset.data.dataset} holds no {' and no '.join(missing)} features: {' and '.join(wanted)} go without; "
        f"`pointsra prepare-data` adds them ({', '.join(f'--{name}-encoder' for name in missing)})."
    )


def assemble(preset: AnyPretrainPreset, image_dim: int, text_dim: int) -> Assembled:
    """The learner of a preset, with the initial weights of its seed.

    Args:
        preset: of any method.
        image_dim, text_dim: widths of the data set's frozen features; 0 where it has none.

    Raises:
        DataError: the method needs features that the data set has not, or learns from nothing but those.
    """
    if isinstance(preset, PretrainPreset):
        weighted = {name for name, weight in preset.losses.model_dump().items() if weight}
        if weighted == {"cross_modal"} and not image_dim + text_dim:
            raise DataError(
                f"losses.cross_modal, the only loss with a weight, is of image and text features, and "
                f"{preset.data.dataset} holds none: prepare it with --image-encoder or --text-encoder, or give another "
                "loss a weight."
            )
        sizes = point_sra_sizes(preset, image_dim, text_dim)
        learner = PretrainLearner(build_point_sra(preset, sizes), preset)
        flow: dict[str, str] = {
            "objective": preset.flow.objective,
            "order": preset.flow.order,
            "noise": preset.flow.noise,
        }
        return Assembled(learner, sizes, flow)
    peer = PEERS[preset.method]
    trained = peer.build(preset, image_dim, text_dim)
    return Assembled(trained, trained.sizes, details={"method": preset.method, "family": peer.family, "missing": []})
