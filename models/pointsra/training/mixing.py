"""Weights between two trainings of the same network: a mean of their tensors.

Where one training went on from the other, the mean often serves better than either (Wortsman et al., CVPR 2022,
"Robust fine-tuning of zero-shot models"): it keeps what the first knew and the second was not asked about.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from pointsra.errors import CheckpointError
from pointsra.training.weights import load_weights, save_weights


def mix_weights(former: Path, latter: Path, share: float, folder: Path, name: str) -> Path:
    """Write ``share`` of the latter's tensors plus the rest of the former's.

    Args:
        former: weights that the latter's training went on from.
        latter: weights; the result is described as they are, with the share in its details.
        share: of the latter, 0 to 1.
        folder: where to write ``<name>.safetensors`` and ``<name>.json``.
        name: see above.

    Returns:
        The path of the safetensors file.

    Raises:
        CheckpointError: the two are not of one kind and size.
        OutputError: no permission or no space.
        ValueError: the share lies outside 0 … 1.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share {share} must lie in 0 … 1")
    first, second = load_weights(former), load_weights(latter)
    if (first.description.kind, first.description.sizes) != (second.description.kind, second.description.sizes):
        raise CheckpointError(f"{former} and {latter} cannot be mixed: they are of different kinds or sizes.")
    tensors = {
        key: torch.lerp(first.tensors[key], value, share) if value.is_floating_point() else value
        for key, value in second.tensors.items()
    }
    details = second.description.details | {"mixed": {"share": share, "with": former.name}}
    return save_weights(folder, tensors, replace(second.description, details=details), name)
