"""The presets of peers' pre-training: each holds what that method has, and nothing else.

``method`` decides which of them reads a file whose task is "pretrain"; Point-SRA's own is
:class:`~pointsra.settings.pretraining.PretrainPreset`. Numbers that a method shares with Point-SRA stand in the same
sections under the same names, so that ``--set optimizer.epochs=2`` means one thing everywhere. Where each value of
the shipped presets is from stands in docs/peers.md.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pointsra.settings.finetuning import FinetunePreset
from pointsra.settings.pretraining import PretrainPreset
from pointsra.settings.schema import (
    Augment,
    Below,
    Data,
    Encoder,
    Optimizer,
    Patches,
    Positive,
    Preset,
    Runtime,
    Section,
    Share,
    Weight,
)


class PeerMasks(Section):
    """Which patches are hidden: random ones, equally many in every cloud."""

    student: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(0.60, description="share of the patches that are hidden")


class PeerDecoder(Section):
    """The decoder over visible tokens and mask tokens, as wide as the encoder."""

    depth: Positive = Field(4, description="blocks")
    heads: Positive = Field(6, description="attention heads")
    drop_path: Below = Field(0.1, description="stochastic depth of the last block; grows linearly from 0")


class PeerPreset(Preset):
    """What the presets of all peers share."""

    task: Literal["pretrain"]
    data: Data
    patches: Patches = Patches()
    masks: PeerMasks = PeerMasks()
    optimizer: Optimizer = Optimizer()
    augment: Augment = Augment()
    runtime: Runtime = Runtime()

    @model_validator(mode="after")
    def _masked(self) -> PeerPreset:
        hidden = int(self.patches.groups * self.masks.student)
        if not 0 < hidden < self.patches.groups:
            raise ValueError("masks.student leaves no visible or no masked patch; change it or patches.groups")
        return self


class AutoencoderPreset(PeerPreset):
    """What Point-MAE and those that build on it share: a plain encoder and a decoder that fills hidden patches."""

    encoder: Encoder = Encoder()
    decoder: PeerDecoder = PeerDecoder()

    @model_validator(mode="after")
    def _divisible(self) -> AutoencoderPreset:
        if self.encoder.dim % self.decoder.heads:
            raise ValueError(f"encoder.dim {self.encoder.dim} is not divisible by decoder.heads {self.decoder.heads}")
        return self


class PointMaePreset(AutoencoderPreset):
    """Point-MAE (Pang et al., 2022): fill hidden patches."""

    method: Literal["point-mae"] = Field(description="whose pre-training it is")


class ReconLosses(Section):
    """Weights of ReCon's terms; 0 switches a term off."""

    reconstruction: Weight = Field(1.0, description="Chamfer L2 to the masked patches")
    image: Weight = Field(1.0, description="smooth L1 of the image query to the frozen image feature")
    text: Weight = Field(1.0, description="smooth L1 of the text query to the frozen text feature")


class ReconPreset(AutoencoderPreset):
    """ReCon (Qi et al., 2023): fill hidden patches, and let queries beside them predict image and text."""

    method: Literal["recon"] = Field(description="whose pre-training it is")
    losses: ReconLosses = ReconLosses()

    @model_validator(mode="after")
    def _learning(self) -> ReconPreset:
        if not any(self.losses.model_dump().values()):
            raise ValueError("every loss weight is 0: there is nothing to learn")
        return self


class PcpMaeLosses(Section):
    """Weights of PCP-MAE's terms."""

    reconstruction: Weight = Field(1.0, description="Chamfer L2 to the masked patches")
    centers: Weight = Field(0.1, description="squared error of the predicted codes of masked centers")


class PcpMaePreset(AutoencoderPreset):
    """PCP-MAE (Zhang et al., 2024): predict the centers of hidden patches, and fill them there."""

    method: Literal["pcp-mae"] = Field(description="whose pre-training it is")
    losses: PcpMaeLosses = PcpMaeLosses()

    @model_validator(mode="after")
    def _coded(self) -> PcpMaePreset:
        if self.encoder.dim % 6:
            raise ValueError(f"encoder.dim {self.encoder.dim} is not divisible by 6, as codes of three axes need")
        if not any(self.losses.model_dump().values()):
            raise ValueError("every loss weight is 0: there is nothing to learn")
        return self


class PointDifMasks(PeerMasks):
    """Random patches, more of them than Point-MAE hides."""

    student: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(0.80, description="share of the patches that are hidden")


class Diffusion(Section):
    """What PointDif's encoder is trained for: to tell a denoiser of points what the cloud is."""

    condition_dim: Positive = Field(768, description="width of the one vector that the denoiser knows a cloud by")
    aggregation_dim: Positive = Field(512, description="width of the layers that pool the tokens to that vector")
    denoiser_dims: tuple[Positive, ...] = Field(
        (128, 256, 512, 256, 128), min_length=1, description="hidden widths of the denoiser"
    )
    levels: Positive = Field(2000, description="levels of noise")
    beta_first: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        1e-4, description="β of the first level; linear between"
    )
    beta_last: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(0.02, description="β of the last level")
    intervals: Positive = Field(4, description="equal intervals of the levels; each cloud is noised once in each")

    @model_validator(mode="after")
    def _cut(self) -> Diffusion:
        if self.intervals > self.levels:
            raise ValueError(f"intervals {self.intervals} exceed levels {self.levels}")
        return self


class PointDifPreset(PeerPreset):
    """PointDif (Zheng et al., 2024): predict the noise in a cloud from its visible patches."""

    method: Literal["pointdif"] = Field(description="whose pre-training it is")
    masks: PointDifMasks = PointDifMasks()
    encoder: Encoder = Encoder()
    diffusion: Diffusion = Diffusion()


class MaskPointMasks(PeerMasks):
    """Nearly all patches."""

    student: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(0.90, description="share of the patches that are hidden")


class MaskPointEncoder(Encoder):
    """Point-MAE's encoder behind a narrower patch embedding."""

    embedding_dim: Positive = Field(256, description="width of the patch embedding; a linear layer brings it to dim")


class MaskPointDecoder(PeerDecoder):
    """The decoder that reads the encoder's tokens, and the head behind it."""

    depth: Positive = Field(1, description="blocks")
    hidden: Positive = Field(64, description="width inside the head")


class PointQuestions(Section):
    """The places asked about, and how the answers are judged."""

    real: Annotated[int, Field(ge=2)] = Field(256, description="farthest points of the whole cloud")
    fake: Positive = Field(256, description="places drawn evenly in the box around them")
    alpha: Share = Field(0.25, description="focal loss: weight of a yes; 1 − alpha of a no")
    gamma: Weight = Field(2.0, description="focal loss: how much easy questions count less")


class MaskPointPreset(AutoencoderPreset):
    """MaskPoint (Liu et al., 2022): tell points of the cloud from places beside it."""

    method: Literal["maskpoint"] = Field(description="whose pre-training it is")
    masks: MaskPointMasks = MaskPointMasks()
    encoder: MaskPointEncoder = MaskPointEncoder()
    decoder: MaskPointDecoder = MaskPointDecoder()
    questions: PointQuestions = PointQuestions()

    @model_validator(mode="after")
    def _asked(self) -> MaskPointPreset:
        if self.questions.real > self.patches.points:
            raise ValueError(f"questions.real must not exceed patches.points ({self.patches.points})")
        return self


class PointM2aeMasks(PeerMasks):
    """Patches of the coarsest scale; what is visible at the finer ones follows."""

    student: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.80, description="share of the coarsest patches that are hidden"
    )


class PointM2aeEncoder(Section):
    """A transformer at each scale, fine to coarse; ``patches`` cuts the finest."""

    dims: tuple[Positive, ...] = Field((96, 192, 384), min_length=2, description="width of each scale")
    depths: tuple[Positive, ...] = Field((5, 5, 5), description="blocks of each scale")
    heads: Positive = Field(6, description="attention heads")
    groups: tuple[Positive, ...] = Field((256, 64), description="patches of each coarser scale")
    sizes: tuple[Positive, ...] = Field((8, 8), description="centers of the finer scale that each of those holds")
    radii: tuple[Weight, ...] = Field(
        (0.32, 0.64, 1.28), description="how far a token reads at each scale in fine-tuning; 0: everywhere"
    )
    patch_widths: tuple[Positive, Positive, Positive] = Field(
        (128, 256, 512), description="hidden widths of the mini-PointNet that embeds a finest patch"
    )
    drop_path: Below = Field(0.1, description="stochastic depth of the last block; grows linearly from 0")

    @model_validator(mode="after")
    def _scaled(self) -> PointM2aeEncoder:
        scales = len(self.dims)
        if not len(self.depths) == len(self.radii) == scales == len(self.groups) + 1 == len(self.sizes) + 1:
            raise ValueError(
                f"{scales} dims need as many depths and radii, and one less of groups and sizes: the finest scale's "
                "are those of patches"
            )
        if any(dim % self.heads for dim in self.dims):
            raise ValueError(f"dims {list(self.dims)} are not all divisible by heads {self.heads}")
        return self


class PointM2aeDecoder(Section):
    """Blocks at the coarsest scales, as wide as the encoder there, coarse to fine."""

    depths: tuple[Positive, ...] = Field((1, 1), min_length=1, description="blocks of each decoded scale")
    heads: Positive = Field(6, description="attention heads")
    points: Positive = Field(16, description="points predicted for a hidden patch of the finest decoded scale")
    drop_path: Below = Field(0.1, description="stochastic depth of the last block; grows linearly from 0")


class PointM2aePreset(PeerPreset):
    """Point-M2AE (Zhang et al., 2022): fill hidden patches through a hierarchy of scales."""

    method: Literal["point-m2ae"] = Field(description="whose pre-training it is")
    masks: PointM2aeMasks = PointM2aeMasks()
    encoder: PointM2aeEncoder = PointM2aeEncoder()
    decoder: PointM2aeDecoder = PointM2aeDecoder()

    @model_validator(mode="after")
    def _nested(self) -> PointM2aePreset:
        scales = (self.patches.groups, *self.encoder.groups)
        for size, finer, coarser in zip(self.encoder.sizes, scales[:-1], scales[1:], strict=True):
            if coarser > finer or size > finer:
                raise ValueError(
                    f"a scale of {coarser} patches of {size} cannot be made of {finer}: patches.groups and "
                    "encoder.groups must fall from scale to scale"
                )
        if not 0 < int(scales[-1] * self.masks.student) < scales[-1]:
            raise ValueError("masks.student leaves no visible or no masked patch of the coarsest scale")
        if len(self.decoder.depths) > len(scales):
            raise ValueError(f"decoder.depths has {len(self.decoder.depths)} scales, and there are {len(scales)}")
        dims = self.encoder.dims[-len(self.decoder.depths) :]
        if any(dim % self.decoder.heads for dim in dims):
            raise ValueError(f"encoder.dims {list(dims)} are not all divisible by decoder.heads {self.decoder.heads}")
        return self


AnyPeerPreset = PointMaePreset | ReconPreset | PcpMaePreset | PointDifPreset | MaskPointPreset | PointM2aePreset
AnyPretrainPreset = PretrainPreset | AnyPeerPreset
AnyPreset = AnyPretrainPreset | FinetunePreset

PRETRAIN_PRESETS: dict[str, type[AnyPretrainPreset]] = {
    "point-sra": PretrainPreset,
    "point-mae": PointMaePreset,
    "recon": ReconPreset,
    "pcp-mae": PcpMaePreset,
    "pointdif": PointDifPreset,
    "maskpoint": MaskPointPreset,
    "point-m2ae": PointM2aePreset,
}
"""The schema of a pre-training preset, by its ``method``."""
