"""The files that other commands load: ``model.safetensors`` and, readable beside it, ``model.json``.

The description travels in the metadata of the safetensors file as well, so that a lone file is enough. Its
checksum is kept in ``model.json``: weights that were exchanged or damaged are refused rather than used.
Checkpoints of the Point-MAE family are read too, as an encoder without decoder and flow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from pointsra.data.replacing import replacing
from pointsra.errors import CheckpointError
from pointsra.networks.initialization import build, construct
from pointsra.networks.masked_autoencoder import CloudEncoder
from pointsra.networks.point_m2ae import Hierarchy
from pointsra.networks.point_sra import PointSRA, PointSRASizes
from pointsra.ops.randomness import stream
from pointsra.training.peer_checkpoints import read_peer_checkpoint

MODEL_NAME = "model"
_FORMAT = "pointsra-model"
_VERSION = 1


@dataclass(frozen=True)
class ModelDescription:
    """What one must know of weights to use them.

    Attributes:
        kind: "point_sra" (pre-trained; an encoder alone where there is no decoder) or "classifier".
        sizes: all dimensions.
        patches: points, groups and size that it was trained with.
        flow: objective, order and noise of the flow.
        preset: the resolved preset of the run, as a plain table.
        encoders: name and version of the image and text encoders whose features it knows.
        class_names: of a classifier, in the order of its logits.
        details: what else a kind needs (protocol, gate; a note on how it was chosen; the family of a peer's encoder,
            the names of tensors that it lacked and the frame of its patches).
        step: optimizer steps behind it.
        tool_version: of the program that wrote it.
    """

    kind: str
    sizes: PointSRASizes
    patches: dict[str, int]
    flow: dict[str, str]
    preset: dict[str, Any]
    encoders: dict[str, dict[str, str] | None] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    step: int = 0
    tool_version: str = ""

    @property
    def frame(self) -> str:
        """``masks.frame`` of the pre-training, by the preset or else ``details``; "whole" where there were no masks."""
        return self.preset.get("masks", {}).get("frame", self.details.get("frame", "whole"))

    @property
    def scan_density(self) -> float:
        """``masks.scan_density`` of the pre-training, or what ``details`` put in its place; 1 where there was none."""
        return self.details.get("scan_density", self.preset.get("masks", {}).get("scan_density", 1.0))

    @property
    def cell_density(self) -> int:
        """``masks.cell_density`` of the pre-training; 1 where there was none."""
        return self.preset.get("masks", {}).get("cell_density", 1)


@dataclass(frozen=True)
class Weights:
    """Loaded weights: where from, what they are, and the tensors on the CPU."""

    path: Path
    description: ModelDescription
    tensors: dict[str, Tensor]


def save_weights(
    folder: Path, tensors: Mapping[str, Tensor], description: ModelDescription, name: str = MODEL_NAME
) -> Path:
    """Write ``<name>.safetensors`` and ``<name>.json`` into ``folder``.

    Returns:
        The path of the safetensors file.

    Raises:
        OutputError: no permission or no space.
    """
    table = {"format": _FORMAT, "format_version": _VERSION, **asdict(description)}
    flat = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
    path, described = folder / f"{name}.safetensors", folder / f"{name}.json"
    with replacing(path) as partial:
        # Not save_file: that gives the file to its owner alone, whatever the umask says.
        partial.write_bytes(safetensors.torch.save(flat, metadata={"pointsra": json.dumps(table)}))
        described.unlink(missing_ok=True)  # killed here, there are weights without a checksum, never with a wrong one
    readable = table | {
        "parameters": sum(value.numel() for value in flat.values() if value.is_floating_point()),
        "sha256": _sha256(path),
    }
    with replacing(described) as partial:
        partial.write_text(json.dumps(readable, indent=2) + "\n", encoding="utf-8")
    return path


def packaged_weights() -> Path:
    """The small pre-trained weights that come with the package.

    Raises:
        CheckpointError: this installation has none.
    """
    path = Path(str(resources.files("pointsra"))) / "weights" / "small.safetensors"
    if not path.is_file():
        raise CheckpointError(
            "This installation carries no weights: train some with `pointsra pretrain` and name them."
        )
    return path


def find_weights(source: Path, name: str = MODEL_NAME) -> Path:
    """The safetensors file of a run folder, or the file itself.

    Raises:
        CheckpointError: there is none.
    """
    if source.is_dir():
        path = source / f"{name}.safetensors"
        if not path.is_file():
            unfinished = " It was not finished: go on with --resume." if (source / "preset.toml").is_file() else ""
            raise CheckpointError(f"{source} holds no {name}.safetensors.{unfinished}")
        return path
    if not source.is_file():
        raise CheckpointError(
            f"There are no weights at {source}: name a run folder, a .safetensors file or a peer's checkpoint."
        )
    return source


def load_weights(source: Path, name: str = MODEL_NAME) -> Weights:
    """Read weights and their description.

    Args:
        source: a run folder, a ``.safetensors`` file of this tool, or a pre-training checkpoint of Point-MAE, PointDif,
            ACT, PCP-MAE or ReCon.
        name: which weights of a run folder.

    Raises:
        CheckpointError: missing, damaged, exchanged, neither of this tool nor of those peers, or see
            :func:`pointsra.training.peer_checkpoints.read_peer_checkpoint`.
    """
    path = find_weights(source, name)
    if path.suffix != ".safetensors":
        return _peer_weights(path)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except Exception as cause:
        raise CheckpointError(f"{path} is damaged or not a safetensors file ({cause}).") from cause
    try:
        table = json.loads(metadata["pointsra"])
        if table["format"] != _FORMAT or table["format_version"] != _VERSION:
            raise ValueError(f"format {table['format']} {table['format_version']}")
        description = _describe(table)
    except (KeyError, TypeError, ValueError) as cause:
        raise CheckpointError(f"{path} carries no description of this tool's format ({cause}).") from cause
    _check_sum(path)
    return Weights(path, description, tensors)


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load a whole module strictly.

    Raises:
        CheckpointError: a tensor is missing, unknown, of another shape, or not finite.
    """
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise CheckpointError(f"{path}: tensor {name} holds values that are not finite.")
    try:
        module.load_state_dict(dict(tensors), strict=True)
    except RuntimeError as cause:
        reason = " ".join(str(cause).split())[:300]
        raise CheckpointError(f"{path} does not fit the network it describes: {reason}") from cause


def load_encoder(encoder: CloudEncoder, weights: Weights) -> tuple[str, ...]:
    """Load the encoder of pre-trained weights.

    Tensors that the weights are known to lack keep their values: those of ``details["missing"]``, and the query tokens
    where the weights were trained without any.

    Returns:
        Their names.

    Raises:
        CheckpointError: another tensor is missing, or one is unknown, of another shape, or not finite.
    """
    given = {name[len("encoder.") :]: value for name, value in weights.tensors.items() if name.startswith("encoder.")}
    missing = set(weights.description.details.get("missing", ()))
    if weights.description.sizes.queries == 0:
        missing |= {"query_tokens", "query_positions"}
    own = encoder.state_dict()
    if weights.description.details.get("family"):  # some peers' files lack this count of batches
        missing |= {name for name in own if name.endswith("num_batches_tracked")}
    kept = {name: value for name, value in own.items() if name in missing and name not in given}
    load_into(encoder, {**given, **kept}, weights.path)
    return tuple(kept)


def load_point_sra(source: Path, device: torch.device) -> tuple[PointSRA, ModelDescription]:
    """A pre-trained network in eval mode, ready to encode and, where the weights have a flow, to draw.

    Raises:
        CheckpointError: see :func:`load_weights`; also where the weights are a classifier's.
    """
    weights = load_weights(source)
    if weights.description.kind != "point_sra":
        raise CheckpointError(
            f"{weights.path} is a {weights.description.kind}: this needs pre-trained weights, from `pointsra pretrain`."
        )
    sizes = weights.description.sizes
    if sizes.decoder_depth:
        network = construct(lambda: PointSRA(sizes))
        load_into(network, weights.tensors, weights.path)
    else:  # an encoder alone; what it lacks is drawn from a fixed seed
        network = build(lambda: PointSRA(sizes), stream(0, "weights"))
        load_encoder(network.encoder, weights)
    return network.eval().to(device), weights.description


def _peer_weights(path: Path) -> Weights:
    peer = read_peer_checkpoint(path)
    description = ModelDescription(
        kind="point_sra",
        sizes=peer.sizes,
        patches=peer.patches,
        flow={},
        preset={},
        details={"family": peer.family, "missing": list(peer.missing), "frame": peer.frame},
    )
    return Weights(path, description, {f"encoder.{name}": value for name, value in peer.tensors.items()})


def _describe(table: dict[str, Any]) -> ModelDescription:
    sizes = dict(table["sizes"])
    sizes["patch_widths"] = tuple(sizes["patch_widths"])
    if sizes.get("hierarchy"):
        sizes["hierarchy"] = Hierarchy(**{key: tuple(value) for key, value in sizes["hierarchy"].items()})
    fields = {key: table[key] for key in ModelDescription.__dataclass_fields__ if key in table}
    return ModelDescription(
        **fields | {"sizes": PointSRASizes(**sizes), "class_names": tuple(table.get("class_names", ()))}
    )


def _check_sum(path: Path) -> None:
    readable = path.with_suffix(".json")
    if not readable.is_file():
        return
    try:
        expected = json.loads(readable.read_text(encoding="utf-8"))["sha256"]
    except (ValueError, KeyError, TypeError) as cause:
        raise CheckpointError(f"{readable} is damaged; restore it or delete it.") from cause
    if expected != _sha256(path):
        raise CheckpointError(f"{path} is not the file that {readable.name} describes: its checksum differs.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
