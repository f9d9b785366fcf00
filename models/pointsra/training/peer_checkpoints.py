"""Encoders out of the public pre-training checkpoints of Point-MAE, PointDif, ACT, PCP-MAE and ReCon.

The peers load with ``strict=False``: a wrong prefix trains from scratch and says nothing. Here the layout is recognized
by its names, every tensor's shape is checked, tensors that nobody knows are refused since an encoder that has them
computes something else, and so is a file with less than :data:`LEAST_SHARE` of the encoder. Files are read without
running what they pickle. Only the encoder is taken: decoders, heads and teachers of the peers stay behind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pointsra.errors import CheckpointError
from pointsra.networks.point_sra import PointSRASizes, build_encoder, encoder_sizes
from pointsra.training.masking import FRAMES
from pointsra.training.peer_keys import (
    OTHER_LAYOUTS,
    PREFIXES,
    PRETRAINING_ONLY,
    QUERY_NAMES,
    is_convolution,
    our_name,
)

LEAST_SHARE = 0.95
"""The least share of the encoder's values that a checkpoint must bring."""

_PATCHES = {"points": 1024, "groups": 64, "size": 32}  # what all five were pre-trained with (their pretrain.yaml)
_HEAD_WIDTH = 64  # of all their encoders: 384 / 6, 256 / 4, 192 / 3
_CONTAINERS = ("base_model", "pointdif", "model_state_dict", "state_dict")
_NORMS_COUNT = "num_batches_tracked"  # counts batches; no value of the encoder depends on it
_NAMED = 3


@dataclass(frozen=True)
class PeerEncoder:
    """An encoder that somebody else trained.

    Attributes:
        family: "Point-MAE", "PointDif", "ACT", "PCP-MAE" or "ReCon".
        sizes: of the encoder; it has neither decoder nor flow.
        patches: points, groups and size that it was trained with.
        frame: that patches were shown in, as ``masks.frame`` names it; "whole" for all but our own export.
        tensors: under the names of :class:`~pointsra.networks.masked_autoencoder.PatchEncoder`.
        missing: names of encoder tensors that the file lacks, a small share.
    """

    family: str
    sizes: PointSRASizes
    patches: dict[str, int]
    frame: str
    tensors: dict[str, Tensor]
    missing: tuple[str, ...]


def read_peer_checkpoint(path: Path) -> PeerEncoder:
    """Read the encoder of a peer's pre-training checkpoint.

    Args:
        path: a file of ``torch.save``.

    Raises:
        CheckpointError: damaged; holds objects that would have to be run; of no known layout, or fine-tuned; a tensor
            has another shape than its encoder needs; less than 95 % of the encoder is there.
    """
    content = _load_plainly(path)
    prefix, found = _encoder_tensors(path, _state(path, content))
    heads, patches, frame = _noted(path, content)
    family, sizes = _recognize(path, prefix, found, heads, patches["size"])
    tensors = _renamed(path, found, sizes.queries)
    missing = _check_against(path, family, sizes, tensors)
    return PeerEncoder(family, sizes, patches, frame, tensors, missing)


def _load_plainly(path: Path) -> dict[str, Any]:
    """The file's content, with numpy's scalars (accuracies) and nothing else beside tensors and plain values."""
    scalar = np.float64(0).__reduce__()[0]
    kinds = [type(np.dtype(name)) for name in ("float32", "float64", "int32", "int64", "bool")]
    known: list[Any] = [
        np.dtype,
        *kinds,
        (scalar, "numpy.core.multiarray.scalar"),
        (scalar, "numpy._core.multiarray.scalar"),
    ]
    try:
        with torch.serialization.safe_globals(known):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as cause:
        named = re.search(r"GLOBAL ([\w.]+)", str(cause))
        if named is None or "weights_only" not in str(cause).lower():
            raise CheckpointError(
                f"{path} is no checkpoint of torch, or a damaged one. Name a run folder, a model.safetensors or a "
                "peer's .pth; if it is one, copy it again."
            ) from cause
        raise CheckpointError(
            f"{path} pickles objects of {named[1]}, which reading would run: if you trust its source, save its "
            'tensors alone, torch.save({"base_model": torch.load(FILE, weights_only=False)["base_model"]}, NEW), '
            "and name the new file."
        ) from cause
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__} and not a table of tensors.")
    return content


def _noted(path: Path, content: Mapping[str, Any]) -> tuple[int | None, dict[str, int], str]:
    """Attention heads, patches and their frame, which shapes do not tell: as our own export notes them, else None and
    the peers'."""
    if "pointsra" not in content:
        return None, dict(_PATCHES), "whole"
    try:
        noted = content["pointsra"]
        frame = noted.get("frame", "whole")  # former versions did not note it
        if frame not in FRAMES:
            raise ValueError(f"frame {frame}")
        return int(noted["heads"]), {name: int(noted["patches"][name]) for name in _PATCHES}, frame
    except (AttributeError, KeyError, TypeError, ValueError) as cause:
        raise CheckpointError(f"{path}: what this tool noted under `pointsra` is damaged; export it again.") from cause


def _state(path: Path, content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors by name, without the prefix of parallel training."""
    inner: Any = next((content[name] for name in _CONTAINERS if isinstance(content.get(name), dict)), content)
    state = {}
    for name, value in inner.items():
        if isinstance(name, str) and isinstance(value, Tensor):
            while name.startswith("module."):
                name = name.removeprefix("module.")
            state[name] = value
    if not state:
        held = ", ".join(str(name) for name in list(content)[:_NAMED])
        raise CheckpointError(f"{path} holds no tensors where the Point-MAE family keeps them; it has {held}.")
    return state


def _encoder_tensors(path: Path, state: Mapping[str, Tensor]) -> tuple[str, dict[str, Tensor]]:
    """The prefix of the encoder, and its tensors without it."""
    for prefix in PREFIXES:
        found = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        if found:
            return prefix, found
    for other in OTHER_LAYOUTS:
        if any(name.startswith(other.sign) for name in state):
            raise CheckpointError(f"{path} is {other.what}.")
    if any(name.startswith("encoder.first_conv.") for name in state):
        return "", dict(state)
    raise CheckpointError(
        f"{path} is of no layout known here (Point-MAE, PointDif, ACT, PCP-MAE, ReCon): it begins with "
        f"{', '.join(list(state)[:_NAMED])}."
    )


def _recognize(
    path: Path, prefix: str, found: Mapping[str, Tensor], heads: int | None, patch_size: int
) -> tuple[str, PointSRASizes]:
    """Family and sizes, from names and shapes; ``heads`` is None where the width has to tell them."""
    strange = [name for name in found if our_name(name) is None and not _known_beside(name)]
    if strange:
        raise CheckpointError(
            f"{path} has an encoder with {', '.join(strange[:_NAMED])}, which none of the known families has: "
            "loaded without, it would compute something else."
        )
    convolutions = [f"encoder.{name}.weight" for name in ("first_conv.0", "first_conv.3", "second_conv.0")]
    last, code = "encoder.second_conv.3.weight", "pos_embed.0.weight"
    blocks = {int(name.split(".")[2]) for name in found if re.match(r"blocks\.blocks\.\d+\.", name)}
    absent = [name for name in (*convolutions, last, code) if name not in found or found[name].ndim < 2]
    if absent or not blocks:
        raise CheckpointError(f"{path} lacks {(absent or ['blocks.blocks.0'])[0]}: this is not a whole encoder.")
    dim = found[last].shape[0]
    if heads is None:
        heads = dim // _HEAD_WIDTH if dim % _HEAD_WIDTH == 0 else 0
    if heads < 1 or dim % heads:
        raise CheckpointError(f"{path} has width {dim}, from which its number of attention heads cannot be told.")
    sine = found[code].shape[1] != 3
    recon = any("_contrast." in name for name in found)
    queries = 0
    while queries < len(QUERY_NAMES) and f"{QUERY_NAMES[queries]}_token" in found:
        queries += 1
    family = PREFIXES.get(prefix, "Point-MAE")
    if family == "Point-MAE":
        family = "ReCon" if recon else "PCP-MAE" if sine else "Point-MAE"
    usual = {"Point-MAE": (False, False), "PCP-MAE": (False, True), "ReCon": (True, False)}
    if (recon, sine) != usual.get(family, (False, False)) or (recon and queries != len(QUERY_NAMES)):
        raise CheckpointError(f"{path} looks like {family} with blocks or positions that {family} does not have.")
    widths = [found[name].shape[0] for name in convolutions]
    return family, encoder_sizes(
        dim, max(blocks) + 1, heads, (widths[0], widths[1], widths[2]), patch_size, queries, recon, sine
    )


def _known_beside(name: str) -> bool:
    query, _, kind = name.rpartition("_")
    return name.startswith(PRETRAINING_ONLY) or (query in QUERY_NAMES and kind in ("token", "pos"))


def _renamed(path: Path, found: Mapping[str, Tensor], queries: int) -> dict[str, Tensor]:
    """The encoder's tensors under our names and in our shapes."""
    tensors = {}
    for theirs, value in found.items():
        ours = our_name(theirs)
        if ours is not None:
            convolved = is_convolution(ours) and value.ndim == 3 and value.shape[-1] == 1
            tensors[ours] = value.squeeze(-1) if convolved else value
    for ours, ending in (("query_tokens", "token"), ("query_positions", "pos")) if queries else ():
        names = [f"{query}_{ending}" for query in QUERY_NAMES[:queries]]
        absent = [name for name in names if name not in found]
        if absent:
            raise CheckpointError(f"{path} lacks {absent[0]}, which its other query tensors call for.")
        odd = [name for name in names if found[name].ndim != 3 or found[name].shape[:2] != (1, 1)]
        if odd:
            raise CheckpointError(f"{path}: {odd[0]} is {tuple(found[odd[0]].shape)} and ought to be (1, 1, width).")
        tensors[ours] = torch.cat([found[name] for name in names], dim=1)
    return tensors


def _check_against(path: Path, family: str, sizes: PointSRASizes, tensors: dict[str, Tensor]) -> tuple[str, ...]:
    """Names of tensors that are missing, after refusing whatever does not fit."""
    with torch.device("meta"):
        wanted = build_encoder(sizes).state_dict()
    wanted = {name: value for name, value in wanted.items() if value.numel() and not name.endswith(_NORMS_COUNT)}
    for name, value in tensors.items():
        if name in wanted and value.shape != wanted[name].shape:
            raise CheckpointError(
                f"{path}: {name} of the {family} encoder is {tuple(value.shape)} and ought to be "
                f"{tuple(wanted[name].shape)}."
            )
    strange = [name for name in tensors if name not in wanted and not name.endswith(_NORMS_COUNT)]
    if strange:
        raise CheckpointError(f"{path} has {', '.join(strange[:_NAMED])}, which a {family} encoder does not have.")
    missing = tuple(name for name in wanted if name not in tensors)
    total = sum(value.numel() for value in wanted.values())
    share = 1 - sum(wanted[name].numel() for name in missing) / total
    if share < LEAST_SHARE:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise CheckpointError(
            f"{path} brings {share:.1%} of the {family} encoder, of which {LEAST_SHARE:.0%} is the least: "
            f"{', '.join(missing[:_NAMED])}{more} {'is' if len(missing) == 1 else 'are'} missing."
        )
    return missing
