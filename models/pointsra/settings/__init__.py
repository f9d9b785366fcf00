"""Settings: the schema of a preset, and how presets are found, overridden and validated."""

from pointsra.settings.finetuning import FinetunePreset
from pointsra.settings.peers import AnyPreset, AnyPretrainPreset
from pointsra.settings.presets import PresetInfo, list_presets, load_preset, to_toml, validate
from pointsra.settings.pretraining import PretrainPreset

__all__ = [
    "AnyPreset",
    "AnyPretrainPreset",
    "FinetunePreset",
    "PresetInfo",
    "PretrainPreset",
    "list_presets",
    "load_preset",
    "to_toml",
    "validate",
]
