"""The joint loss: L = L_recon + 0.5 L_MFM + L_CSC + 0.2 L_mae-sra + 0.2 L_mft-sra, with weights from the preset."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def weighted_sum(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Σ weight · term over the terms that are there: ().

    Raises:
        KeyError: a term has no weight.
    """
    return torch.stack([weights[name] * term.float() for name, term in terms.items()]).sum()
