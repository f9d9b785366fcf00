"""The schema of a fine-tuning preset: what it has beside the sections that both tasks share."""

from __future__ import annotations

from typing import Literal

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
)


class Gate(Section):
    """The flow-conditioned gate of fine-tuning."""

    enabled: bool = Field(True, description="gate the frozen flow's knowledge into the patch features")
    state: Literal["clean", "noised"] = Field(
        "clean", description="what the flow is shown in training: centers or their path (evaluation: centers)"
    )
    eval_t: Share = Field(0.5, description="t in evaluation, fixed so that it is deterministic")
    eval_r: Share = Field(0.0, description="r in evaluation")


class Head(Section):
    """The classification head."""

    hidden: Positive = Field(256, description="width of its two hidden layers")
    dropout: Below = Field(0.5, description="dropout between its layers")


class FinetunePreset(Preset):
    """Supervised training of a head on the encoder and the gated, frozen flow."""

    task: Literal["finetune"]
    protocol: Literal["full", "linear", "mlp3"] = Field(
        "full",
        description="full: everything, with the gate; linear, mlp3: one or three layers on the frozen encoder",
    )
    data: Data
    patches: Patches = Patches()
    encoder: Encoder = Field(Encoder(), description="used from scratch only: otherwise the weights decide")
    gate: Gate = Gate()
    head: Head = Head()
    optimizer: Optimizer = Optimizer()
    augment: Augment = Augment()
    runtime: Runtime = Runtime()

    @model_validator(mode="after")
    def _stepped(self) -> FinetunePreset:
        if self.optimizer.name != "adamw":
            raise ValueError("optimizer.name must be adamw in fine-tuning: muon is for pre-training")
        if self.runtime.compile:
            raise ValueError("runtime.compile must be false in fine-tuning: it is for pre-training with point-sra")
        return self
