"""The frozen schema of a preset: every number that a run depends on, with its range and its reason.

A preset is one complete TOML file, without inheritance. Here stand the sections that presets share; ``task`` and
``method`` decide which model reads a file: Point-SRA's own of ``pretraining``, that of ``finetuning``, or one of
``peers``. Unknown keys are errors. Networks and objectives never see these classes: the assembling functions in
``pointsra.training`` translate them into plain arguments.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[int, Field(ge=1)]
Below = Annotated[float, Field(ge=0.0, lt=1.0)]
Weight = Annotated[float, Field(ge=0.0)]


class Section(BaseModel):
    """What every part of a preset has in common: immutable, and closed against unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


class Data(Section):
    """Which prepared clouds are read."""

    dataset: str = Field(description="folder name of the prepared data set, as `prepare-data` wrote it")
    train_split: str = Field("train", description="split that is learned from")
    validation_split: str = Field("", description="split watched while training; empty: none")
    test_split: str = Field("test", description="split that is reported on and never tuned on")


class Patches(Section):
    """How a cloud is cut: farthest-point centers, nearest neighbors around each."""

    points: Positive = Field(1024, description="points N drawn from each cloud")
    groups: Positive = Field(64, description="patches G")
    size: Positive = Field(32, description="points K a patch")

    @model_validator(mode="after")
    def _fits(self) -> Patches:
        if self.groups > self.points or self.size > self.points:
            raise ValueError(f"groups and size must not exceed points ({self.points})")
        return self


class Encoder(Section):
    """The transformer over visible patches (Point-MAE's shape at dim 384, depth 12, heads 6)."""

    dim: Positive = Field(384, description="width C of a token")
    depth: Positive = Field(12, description="blocks")
    heads: Positive = Field(6, description="attention heads")
    patch_widths: tuple[Positive, Positive, Positive] = Field(
        (128, 256, 512), description="hidden widths of the mini-PointNet that embeds a patch"
    )
    drop_path: Below = Field(0.1, description="stochastic depth of the last block; grows linearly from 0")

    @model_validator(mode="after")
    def _divisible(self) -> Encoder:
        if self.dim % self.heads:
            raise ValueError(f"dim {self.dim} is not divisible by heads {self.heads}")
        return self


class Optimizer(Section):
    """AdamW with warm-up and cosine, both functions of the step."""

    name: Literal["adamw", "muon"] = Field(
        "adamw", description="what steps; muon: for the matrices of transformer blocks, in pre-training"
    )
    epochs: Positive = Field(300, description="passes over the training split")
    batch_size: Positive = Field(128, description="clouds a step, over all devices")
    lr: Annotated[float, Field(gt=0.0)] = Field(5e-4, description="peak learning rate")
    min_lr: Weight = Field(1e-6, description="learning rate at the end")
    warmup_epochs: Weight = Field(10, description="epochs of linear warm-up")
    weight_decay: Weight = Field(0.05, description="not applied to biases, norms, tokens and embeddings")
    beta2: Below = Field(0.999, description="second AdamW decay; MeanFlow prefers 0.95")
    clip: Weight = Field(0.0, description="largest gradient norm; 0: no clipping")
    head_lr_multiplier: Annotated[float, Field(gt=0.0)] = Field(
        1.0, description="factor on the learning rate of head and gate in fine-tuning"
    )


class Augment(Section):
    """Random changes to training clouds, in the order written."""

    scale_low: Annotated[float, Field(gt=0.0)] = Field(2 / 3, description="smallest factor, drawn for each axis")
    scale_high: Annotated[float, Field(gt=0.0)] = Field(3 / 2, description="largest factor, drawn for each axis")
    translate: Weight = Field(0.2, description="largest shift along each axis")
    rotate: Weight = Field(180.0, description="largest turn about the vertical, degrees; 180 is any turn, 0 is none")

    @model_validator(mode="after")
    def _ordered(self) -> Augment:
        if self.scale_low > self.scale_high:
            raise ValueError("scale_low exceeds scale_high")
        return self


class Runtime(Section):
    """How the run is carried out; nothing here changes what is learned, but for precision, and batch norm in parts."""

    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="autocast: auto is bf16 on CUDA and fp32 on the CPU; bf16 is fast on new CPUs only"
    )
    compile: bool = Field(
        False, description="compile the loss of point-sra (CUDA only): minutes at the start, faster steps"
    )
    log_every: Positive = Field(20, description="steps between records in metrics.jsonl")
    save_every: Positive = Field(100, description="steps between saves of last.ckpt")
    keep_every: Annotated[int, Field(ge=0)] = Field(
        0, description="epochs between weights that are kept, as epoch-0010.safetensors; 0: only the last"
    )
    micro_batches: Positive = Field(
        1, description="parts that a device's share of a batch is computed in, one after another, to need less memory"
    )
    skip_limit: Positive = Field(20, description="non-finite steps in a row after which the run stops")


class Preset(Section):
    """What both tasks share."""

    description: str = Field(description="one sentence for `pointsra presets`")
    seed: int = Field(0, ge=0, description="everything random follows from it")
