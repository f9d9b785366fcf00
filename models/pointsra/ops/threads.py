"""How many threads torch computes with, where more would only get in each other's way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread(wanted: bool = True) -> Iterator[None]:
    """Compute in one thread inside, where ``wanted``.

    Operations of a small network take microseconds. Sharing them out gains little on an idle machine, and costs
    several times what it should where other programs hold the cores that torch's threads wait for.
    """
    before = torch.get_num_threads()
    if wanted:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
