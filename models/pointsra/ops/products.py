"""Whether products of single-precision matrices are what they say."""

from __future__ import annotations

import torch


def taken_in_full(device: torch.device) -> bool:
    """Whether torch multiplies float32 matrices on this device in float32, as it does unless told otherwise.

    With ``torch.set_float32_matmul_precision("high")`` or TensorFloat-32 allowed it rounds what it multiplies to 10
    bits or less, and distances by |a|² − 2ab + |b|² are off by more than neighbors are apart.
    """
    backend = torch.backends.cuda if device.type == "cuda" else torch.backends.mkldnn
    precision = getattr(getattr(backend, "matmul", None), "fp32_precision", None)
    if precision is None:  # before torch 2.9 there is the older setting alone
        precision = torch.get_float32_matmul_precision()
    return precision in ("none", "ieee", "highest")
