"""The schema of Point-SRA's pre-training: what its preset has beside the sections that are shared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

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


class Masks(Section):
    """What student, teacher and flow are shown. Ratios are shares of the patches that are hidden."""

    student: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(0.75, description="student's mask ratio")
    teacher: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(0.30, description="teacher's mask ratio")
    block_share: Share = Field(0.0, description="share of steps with block masks (nearest to a random center)")
    view_share: Share = Field(0.0, description="share of steps with view-point crops (farthest from a random eye)")
    level_share: Share = Field(0.0, description="share of steps with level cuts (all above, or all below, a height)")
    part_share: Share = Field(
        0.0, description="share of steps that hide whole parts, the lowest or the highest; without labels, level cuts"
    )
    alternative_share: Share = Field(
        0.0,
        description="share of all steps that hide a part of which several true ones are known (split alternatives)",
    )
    crop_low: Share = Field(0.25, description="smallest share of the patches that a block, crop, cut or part hides")
    crop_high: Share = Field(0.75, description="largest share of the patches that a block, crop, cut or part hides")
    scan_share: Share = Field(0.0, description="share of steps with single-view scans (what a camera does not see)")
    scan_low: Share = Field(0.5, description="smallest share of the points that a scan leaves hidden")
    scan_high: Share = Field(0.8, description="largest share of the points that a scan leaves hidden")
    scan_views: int = Field(
        1,
        ge=1,
        description="cameras tried for a scan; of several, the one that hides nearest to the share, and all it hides",
    )
    scan_density: Annotated[float, Field(ge=1.0, le=8.0)] = Field(
        1.0, description="visible patches of a scan for each that its share of the points would give"
    )
    frame: Literal["whole", "visible", "aligned"] = Field(
        "whole", description="frame given to the networks: of the whole cloud, of its visible patches, or that turned"
    )
    sealed: bool = Field(
        False, description="the student's patches are cut from visible points alone, as those of a partial scan are"
    )
    hidden: Literal["patches", "cells"] = Field(
        "patches", description="what is hidden: the other patches, or equal cells of the points that they own"
    )
    cell_density: Annotated[int, Field(ge=1, le=8)] = Field(
        1, description="hidden cells for each patch that the share hides; more are smaller, of as many points each"
    )

    @model_validator(mode="after")
    def _nested(self) -> Masks:
        if self.teacher >= self.student:
            raise ValueError("masks.teacher must be below masks.student: the teacher sees more")
        if self.block_share + self.view_share + self.scan_share + self.level_share + self.part_share > 1.0 + 1e-9:
            raise ValueError("block_share, view_share, scan_share, level_share and part_share together exceed 1")
        if self.scan_density > 1.0 and not self.sealed:
            raise ValueError("masks.scan_density needs masks.sealed: other patches are not cut anew")
        if self.cell_density > 1 and self.hidden != "cells":
            raise ValueError("masks.cell_density needs masks.hidden = cells")
        if self.alternative_share and not (self.sealed and self.hidden == "cells"):
            raise ValueError("masks.alternative_share needs masks.sealed and masks.hidden = cells")
        for kind in ("crop", "scan"):
            low, high = getattr(self, f"{kind}_low"), getattr(self, f"{kind}_high")
            if low > high or not 0.0 < high < 1.0:
                raise ValueError(f"{kind}_low … {kind}_high must be an interval inside (0, 1)")
        return self


class Decoder(Section):
    """The reconstruction decoder, as wide as the encoder."""

    depth: Positive = Field(4, description="blocks")
    heads: Positive = Field(6, description="attention heads")
    center_jitter: Weight = Field(
        0.0,
        description="largest standard deviation of noise on the masked centers, for drawn centers are never exact",
    )
    learns: bool = Field(True, description="false: it stays as it is given, and what it decodes teaches the others")
    # 0 and not the family's 0.1: presets written before this field trained without.
    drop_path: Below = Field(
        0.0, description="stochastic depth of the last block while it learns; grows linearly from 0"
    )


class Teacher(Section):
    """The exponential moving average that teaches: encoder and flow."""

    momentum: Share = Field(0.996, description="momentum at the first step; rises to 1 by a cosine")
    flow_momentum: Share = Field(
        0.999, description="momentum of the averaged flow (the one that is sampled), after a ramp"
    )


class Times(Section):
    """How the two flow times r and t are drawn."""

    mean: float = Field(-0.4, description="mean of the logit-normal")
    deviation: Annotated[float, Field(gt=0.0)] = Field(1.0, description="standard deviation of the logit-normal")
    different_share: Share = Field(0.5, description="share of rows with r != t; the others are flow matching")
    uniform_share: Share = Field(0.25, description="share of draws replaced by uniform pairs")
    one_step_share: Share = Field(0.10, description="share of draws replaced by exactly (r, t) = (0, 1)")
    swapped_share: Share = Field(
        0.10, description="share of the r != t rows turned to r > t (noising direction), where MFT-SRA is on"
    )


class Flow(Section):
    """The generative transformer over masked centers."""

    objective: Literal["meanflow", "rectified_flow", "ddpm", "regression", "off"] = Field(
        "meanflow", description="what it learns"
    )
    dim: Positive = Field(288, description="width")
    depth: Positive = Field(12, description="blocks")
    heads: Positive = Field(6, description="attention heads")
    octaves: Positive = Field(4, description="frequencies of coordinates in the flow: π/4, π/2, π … this many")
    order: Literal["morton", "cells", "hungarian", "none"] = Field(
        "morton", description="what gives the unordered masked centers an identity"
    )
    noise: Literal["white", "tree"] = Field(
        "white", description="noise of the slots: independent, or the more alike the nearer they are in the order"
    )
    tangent: Literal["predicted", "conditional"] = Field(
        "predicted",
        description="velocity inside the JVP: the network's own (improved MeanFlow) or the sample's",
    )
    alpha: Share = Field(
        0.0, description="share of the interval that the change of u is taken over (α-Flow); 0: a derivative, by JVP"
    )
    adaptive_power: Weight = Field(0.0, description="p of the adaptive weight; 1 is sharp and mode-seeking")
    error_limit: Weight = Field(
        0.0, description="error of a cloud, as it is counted, above which it is weighed down to that; 0: no limit"
    )
    scale: Annotated[float, Field(ge=0.0)] = Field(
        0.0, description="σ of the state; 0: measured on the training clouds and kept in the weights"
    )
    error_frame: Literal["networks", "whole"] = Field(
        "networks", description="frame that errors are measured in: that of the networks, or of the whole cloud"
    )
    image_dropout: Share = Field(0.5, description="share of rows whose image is replaced by the learned null")
    text_dropout: Share = Field(0.5, description="share of rows whose text is replaced by the learned null")
    all_dropout: Share = Field(0.1, description="share of rows without any condition, visible patches included")
    draws: Positive = Field(1, description="pairs of noise and times that the generative term takes of each cloud")
    samples: Annotated[int, Field(ge=2)] = Field(4, description="samples of each cloud that the energy scores compare")
    points_temperature: Annotated[float, Field(gt=0.0)] = Field(
        1.0, description="temperature of the samples whose points are compared (losses.points_energy)"
    )
    points_distance: Literal["chamfer", "sliced", "both"] = Field(
        "chamfer", description="what losses.points_energy calls the distance of two clouds"
    )
    context_gradient: bool = Field(True, description="let the flow's loss reach the encoder through its tokens")
    times: Times = Times()

    @model_validator(mode="after")
    def _divisible(self) -> Flow:
        if self.dim % self.heads:
            raise ValueError(f"dim {self.dim} is not divisible by heads {self.heads}")
        return self


class Alignment(Section):
    """Choices inside the two self-alignments."""

    predictor: bool = Field(False, description="small predictor on the student's side of MAE-SRA")
    transport: Literal["input_embedding", "projection"] = Field(
        "input_embedding", description="how MFT-SRA turns a displacement of points into one of features"
    )


class Losses(Section):
    """Weights of the joint loss; 0 switches a term off, and its computation with it."""

    reconstruction: Weight = Field(1.0, description="Chamfer L2 to the masked patches")
    mean_flow: Weight = Field(0.5, description="the generative term, whatever flow.objective is")
    cross_modal: Weight = Field(1.0, description="image and text query tokens to their frozen features")
    mae_sra: Weight = Field(0.2, description="alignment of the student with the low-ratio teacher")
    mft_sra: Weight = Field(0.2, description="alignment of flow features across times")
    energy: Weight = Field(0.0, description="energy score of samples that the flow draws in one evaluation")
    points: Weight = Field(0.0, description="hidden parts as whole clouds, filled at true centers by the decoder alone")
    points_energy: Weight = Field(0.0, description="energy score of the points that such samples are decoded to")
    reading: Weight = Field(
        0.0, description="picture and caption, as a small network beside the flow reads them off true centers"
    )
    reading_energy: Weight = Field(0.0, description="energy score of what that network reads off samples")


class PretrainPreset(Preset):
    """Point-SRA's self-supervised pre-training of autoencoder and flow."""

    task: Literal["pretrain"]
    method: Literal["point-sra"] = Field("point-sra", description="whose pre-training it is; peers.md has the others")
    data: Data
    patches: Patches = Patches()
    masks: Masks = Masks()
    encoder: Encoder = Encoder()
    decoder: Decoder = Decoder()
    teacher: Teacher = Teacher()
    flow: Flow = Flow()
    alignment: Alignment = Alignment()
    losses: Losses = Losses()
    optimizer: Optimizer = Optimizer()
    augment: Augment = Augment()
    runtime: Runtime = Runtime()

    @model_validator(mode="after")
    def _consistent(self) -> PretrainPreset:
        visible = self.patches.groups - int(self.patches.groups * self.masks.student)
        if visible < 1 or visible >= self.patches.groups:
            raise ValueError("masks.student leaves no visible or no masked patch; change it or patches.groups")
        if self.encoder.dim % self.decoder.heads:
            raise ValueError(f"encoder.dim {self.encoder.dim} is not divisible by decoder.heads {self.decoder.heads}")
        if self.flow.order == "cells" and self.masks.hidden != "cells":
            raise ValueError("flow.order = cells is the order that masks.hidden = cells gives: set both or neither")
        if self.flow.noise == "tree" and self.flow.order in ("hungarian", "none"):
            raise ValueError(
                "flow.noise = tree follows the order of the slots: with it take flow.order = morton or cells"
            )
        if self.flow.objective == "off" and self.losses.mean_flow + self.losses.mft_sra > 0:
            raise ValueError("flow.objective is off: set losses.mean_flow and losses.mft_sra to 0")
        if self.flow.objective != "meanflow" and self.losses.mft_sra > 0:
            raise ValueError("losses.mft_sra needs the average velocity of flow.objective = meanflow: set it to 0")
        if self.flow.objective == "regression" and self.flow.order in ("hungarian", "none"):
            raise ValueError(
                "flow.objective = regression has no noise to tell slots apart: with flow.order = hungarian or none "
                "every center would get the same answer; take morton or cells"
            )
        if self.losses.mft_sra > 0 and self.losses.mean_flow == 0:
            raise ValueError("losses.mft_sra aligns the features that losses.mean_flow computes: give both or neither")
        for name in ("energy", "points_energy", "reading_energy"):
            if getattr(self.losses, name) > 0 and self.flow.objective != "meanflow":
                raise ValueError(
                    f"losses.{name} is of samples that MeanFlow draws in one evaluation: it needs flow.objective = "
                    "meanflow"
                )
            if getattr(self.losses, name) > 0 and self.losses.mean_flow == 0 and name != "points_energy":
                raise ValueError(
                    f"losses.{name} teaches the flow, beside its own loss: it needs losses.mean_flow above 0"
                )
        if self.decoder.learns and self.decoder.drop_path > 0 and self.losses.points + self.losses.points_energy > 0:
            raise ValueError(
                "losses.points and losses.points_energy decode with every block, as completions do: they need "
                "decoder.drop_path = 0"
            )
        if not self.decoder.learns and self.losses.points > 0:
            raise ValueError("losses.points teaches the decoder alone: it needs decoder.learns = true")
        if not self.decoder.learns and self.losses.points_energy > 0 and self.losses.mean_flow == 0:
            raise ValueError(
                "losses.points_energy without losses.mean_flow teaches the decoder: it needs decoder.learns = true"
            )
        if (self.losses.reading > 0) != (self.losses.reading_energy > 0):
            raise ValueError("losses.reading teaches what losses.reading_energy needs: give both or neither")
        if self.losses.energy > 0 and self.flow.order in ("hungarian", "none"):
            raise ValueError("losses.energy compares slot with slot: it needs flow.order = morton or cells")
        if sum(self.losses.model_dump().values()) == 0:
            raise ValueError("every loss weight is 0: there is nothing to learn")
        return self
