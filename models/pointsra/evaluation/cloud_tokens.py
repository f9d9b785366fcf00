"""What an encoder makes of whole clouds, for pictures: patch tokens, attention, one feature a cloud. Nothing is fitted.

Clouds are brought to the encoder's number of points as ``Model.embed`` does it, and cut as its weights say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pointsra.data.store import Split
from pointsra.errors import CheckpointError, InputFileError, SettingsError
from pointsra.evaluation.masked_features import Encode, GatedEncoder, load_encoder
from pointsra.networks.attention_maps import recorded_attention
from pointsra.networks.masked_autoencoder import QUERIES, CloudEncoder, Encoding, PatchEncoder
from pointsra.ops.patches import Patches, cut_patches
from pointsra.ops.randomness import stream
from pointsra.ops.sampling import farthest_point_indices, gather_points, random_indices
from pointsra.ops.transforms import unit_frame
from pointsra.progress import Progress, Report
from pointsra.training.masking import frame_of

MEAN = "mean"
"""The query that stands for all patches: how much they read of each one on average."""

_WORKING_POINTS = 8192  # as in Model.embed
_BATCH = 64
_OUTLINE = 256  # points a cloud is remembered by (ours: enough for a picture of 160 pixels)


@dataclass(frozen=True)
class OpenedEncoder:
    """An encoder and what must be known to ask it.

    Attributes:
        encode: patches to tokens; that of a classifier through its gate.
        encoder: the network inside.
        patches: points, groups and size that clouds are cut by.
        frame: ``masks.frame`` of the pre-training: "whole", "visible" or "aligned".
        source: where the weights came from.
        device: where it computes.
    """

    encode: Encode
    encoder: CloudEncoder
    patches: Mapping[str, int]
    frame: str
    source: Path
    device: torch.device


@dataclass(frozen=True)
class Gaze:
    """Whose attention is shown, and of which block.

    Attributes:
        row: of the token that reads, queries first; None for the mean over the patches.
        block: from 0.
        query: its name, "cls" for instance, "mean" or "patch 7".
        encoder: whose attention it is.
        patch: the patch that reads, or None.
    """

    row: int | None
    block: int
    query: str
    encoder: PatchEncoder
    patch: int | None = None

    @property
    def words(self) -> str:
        """What is shown, in words."""
        blocks = self.encoder.transformer.blocks
        shown: Any = blocks[self.block]
        named = self.query if self.patch is not None else f"the {self.query} token"
        reader = "all patches, on average" if self.row is None else named
        return f"attention of {reader}; block {self.block + 1} of {len(blocks)}, mean over {shown.attn.heads} heads"


@dataclass(frozen=True)
class EncodedCloud:
    """One cloud and what the encoder says of its patches.

    Attributes:
        points: (N, 3) all points in the cloud's unit frame.
        centers: (G, 3) the patch centers in that frame; those of the coarsest scale where there are several.
        tokens: (G, C).
        attention: (G,) what the asked token reads of each patch, or None; less than 1 in sum where it reads queries.
    """

    points: NDArray[np.float32]
    centers: NDArray[np.float32]
    tokens: NDArray[np.float32]
    attention: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class EncodedSplit:
    """Clouds of a split as features.

    Attributes:
        rows: (n,) which clouds of the split, ascending.
        features: (n, C) mean plus maximum of the patch tokens of one view.
        outlines: (n, P, 3) few points of each cloud, well spread, in its unit frame; the first are a coarser outline.
    """

    rows: NDArray[np.int64]
    features: NDArray[np.float32]
    outlines: NDArray[np.float32]


def open_encoder(source: Path, device: torch.device) -> OpenedEncoder:
    """The encoder of weights, pre-trained or a classifier's.

    Raises:
        CheckpointError: missing or damaged weights.
    """
    encode, description = load_encoder(source, device)
    encoder = encode.encoder if isinstance(encode, GatedEncoder) else encode
    if not isinstance(encoder, CloudEncoder):
        raise TypeError(f"an encoder of clouds was expected, not a {type(encoder).__name__}")
    return OpenedEncoder(encode, encoder, description.patches, description.frame, source, device)


def gaze_of(model: OpenedEncoder, query: str | None, block: int | None) -> Gaze:
    """The token and block that the user means.

    Args:
        model: whose tokens they are.
        query: "cls", "image", "text", "mean" or the number of a patch; None takes cls where there is one, else mean.
        block: from 1, as users count; None takes the last.

    Raises:
        CheckpointError: the encoder has several scales, so no attention over all patches.
        SettingsError: there is no such token or block.
    """
    encoder, groups = model.encoder, model.patches["groups"]
    if not isinstance(encoder, PatchEncoder):
        raise CheckpointError(f"{model.source}: attention is shown of encoders of one scale; look at its features.")
    blocks = len(encoder.transformer.blocks)
    number = blocks if block is None else block
    if not 1 <= number <= blocks:
        raise SettingsError(f"--block {number}: {model.source} has blocks 1 … {blocks}.")
    names = QUERIES[: encoder.query_tokens.shape[1]]
    name = query if query is not None else names[0] if names else MEAN
    if name == MEAN:
        return Gaze(None, number - 1, name, encoder)
    if name in names:
        return Gaze(names.index(name), number - 1, name, encoder)
    if name.isdecimal() and int(name) < groups:
        return Gaze(len(names) + int(name), number - 1, f"patch {int(name)}", encoder, int(name))
    known = ", ".join((*names, MEAN))
    raise SettingsError(f"--query {name}: {model.source} knows {known} and patches 0 … {groups - 1}.")


@torch.no_grad()
def encode_clouds(
    model: OpenedEncoder,
    clouds: Sequence[NDArray[np.floating]],
    *,
    framed: Sequence[bool],
    gaze: Gaze | None,
    seed: int,
    report: Report,
) -> list[EncodedCloud]:
    """Tokens of clouds, and what one token reads.

    Args:
        model: the encoder.
        clouds: each (N, 3), in any frame.
        framed: for each cloud whether it is brought to its unit frame before it is encoded; raw data sets are not.
        gaze: whose attention is wanted; None: no attention.
        seed: of the choice of points in large clouds.
        report: is told how far it is.

    Raises:
        InputFileError: a cloud of fewer points than a patch, or than there are patches.
        CheckpointError: the tokens are not finite.
    """
    made = []
    for number, (cloud, to_unit) in enumerate(zip(clouds, framed, strict=True)):
        given = torch.from_numpy(np.asarray(cloud, dtype=np.float64))[None]
        if given.shape[1] < max(model.patches["groups"], model.patches["size"]):
            raise InputFileError(
                f"Cloud {number + 1} has {given.shape[1]} points, too few for the {model.patches['groups']} patches of "
                f"{model.patches['size']} that {model.source} cuts: name a denser one."
            )
        frame = unit_frame(given)
        shown = frame.to_unit(given)
        working = _working_points(shown if to_unit else given, model, stream(seed, "tokens", number))
        patches = cut_patches(working, model.patches["groups"], model.patches["size"])
        attention = None
        if gaze is None:
            encoding = _encoded(model, patches)
        else:
            with recorded_attention(gaze.encoder, gaze.block) as found:
                encoding = _encoded(model, patches)
            attention = _read(found[-1], gaze)[0].cpu().numpy()
        centers = encoding.centers.cpu().double()
        centers = centers if to_unit else frame.to_unit(centers)
        tokens = _finite(encoding.patches)[0]
        made.append(EncodedCloud(shown[0].float().numpy(), centers[0].float().numpy(), tokens, attention))
        report(Progress("encode", number + 1, len(clouds), "clouds"))
    return made


@torch.no_grad()
def encode_split(model: OpenedEncoder, split: Split, *, most: int, seed: int, report: Report) -> EncodedSplit:
    """One feature a cloud, for at most ``most`` clouds of a split, chosen at random where there are more.

    Raises:
        CheckpointError: the features are not finite.
    """
    order = torch.randperm(len(split), generator=stream(seed, "embedding", "clouds")).numpy()
    rows = np.sort(order[:most]).astype(np.int64)
    features, outlines = [], []
    for number, start in enumerate(range(0, len(rows), _BATCH)):
        whole = torch.from_numpy(split.points_at(rows[start : start + _BATCH])).double()
        given = unit_frame(whole).to_unit(whole) if split.frame == "unit" else whole
        working = _working_points(given, model, stream(seed, "embedding", number))
        patches = cut_patches(working, model.patches["groups"], model.patches["size"])
        tokens = _encoded(model, patches).patches
        features.append(_finite(tokens.mean(dim=1) + tokens.amax(dim=1)))
        outlines.append(_outline(working.cpu()).numpy())
        report(Progress("encode", min(start + _BATCH, len(rows)), len(rows), "clouds"))
    return EncodedSplit(rows, np.concatenate(features), np.concatenate(outlines))


def _encoded(model: OpenedEncoder, patches: Patches) -> Encoding:
    """Patches encoded in the frame of the pre-training; the centers stay in their own."""
    frame = frame_of(patches, model.frame)
    if frame is None:
        return model.encode(patches)
    encoding = model.encode(patches.moved(frame))
    return replace(encoding, centers=frame.from_unit(encoding.centers))


def _working_points(clouds: Tensor, model: OpenedEncoder, generator: torch.Generator) -> Tensor:
    """(B, N, 3) → (B, wanted, 3) float32 on the device, farthest points first; fewer are repeated."""
    wanted, held = model.patches["points"], clouds.shape[1]
    clouds = clouds.float()
    if held > max(_WORKING_POINTS, wanted):
        chosen = random_indices(len(clouds), held, max(_WORKING_POINTS, wanted), generator)
        clouds = gather_points(clouds, chosen)
    clouds = clouds.to(model.device)
    if held > wanted:
        return gather_points(clouds, farthest_point_indices(clouds, wanted))
    return clouds[:, torch.arange(wanted, device=model.device) % held]


def _outline(working: Tensor) -> Tensor:
    """The farthest points of each cloud (B, N, 3), in its unit frame and in the order of choice."""
    few = gather_points(working, farthest_point_indices(working, min(_OUTLINE, working.shape[1])))
    return unit_frame(few).to_unit(few)


def _read(weights: Tensor, gaze: Gaze) -> Tensor:
    """What is read of each patch, (B, G), from weights (B, Q + G, Q + G)."""
    queries = gaze.encoder.query_tokens.shape[1]
    asked = weights[:, queries:].mean(dim=1) if gaze.row is None else weights[:, gaze.row]
    return asked[:, queries:]


def _finite(values: Tensor) -> NDArray[np.float32]:
    if not bool(torch.isfinite(values).all()):
        raise CheckpointError(
            "The encoder's features are not finite: its training diverged, or a cloud holds such numbers; use earlier "
            "weights, or prepare the data again."
        )
    return values.float().cpu().numpy()
