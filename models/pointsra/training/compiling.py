"""``runtime.compile``: where the loss of a run may be compiled."""

from __future__ import annotations

import torch

from pointsra.errors import SettingsError
from pointsra.settings import AnyPretrainPreset


def check_compile(preset: AnyPretrainPreset, device: torch.device) -> None:
    """Refuse before the work to compile what cannot be compiled.

    Raises:
        SettingsError: the preset asks for it, and is a peer's, or the device is no CUDA device.
    """
    if preset.runtime.compile and preset.method != "point-sra":
        raise SettingsError(f"runtime.compile = true is for method point-sra, not {preset.method}: set it to false.")
    if preset.runtime.compile and device.type != "cuda":
        raise SettingsError("runtime.compile = true is for CUDA devices: set it to false, or use --device cuda.")
