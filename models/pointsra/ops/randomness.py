"""Independent random streams from one seed, addressed by what they are for.

A stream depends on nothing but the seed and its address, so a run that is killed and resumed draws exactly what
it would have drawn, without any state to save.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch


def stream(seed: int, *address: int | str) -> torch.Generator:
    """A CPU generator for one purpose.

    Args:
        seed: of the run.
        address: what the numbers are for, ``("step", 17)`` for instance; strings enter by their CRC-32. The
            addresses of one purpose have one length: a 0 at the end counts as nothing.
    """
    return torch.Generator().manual_seed(stream_seed(seed, *address))


def stream_seed(seed: int, *address: int | str) -> int:
    """The 63-bit seed of :func:`stream`."""
    words = [part if isinstance(part, int) else zlib.crc32(part.encode()) for part in address]
    state = np.random.SeedSequence([seed, *words]).generate_state(1, np.uint64)[0]
    return int(state) & 0x7FFF_FFFF_FFFF_FFFF
