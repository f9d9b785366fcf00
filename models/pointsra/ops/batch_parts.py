"""A batch computed in parts: by several devices, or one part after another to need less memory.

What is drawn for the rows of a batch is drawn for all of them and cut down to the part's own, so that a row meets
the same numbers in whatever part it is computed. Part p of P takes the rows p, p + P, p + 2P …: parts differ by one
row at most, and what depends on the place in the batch (which rows have r = t) is spread evenly.

A mean over rows needs nothing else: the parts' means are averaged by their rows. Where the divisor is another count
(the rows that have an image, the slots that hold state), a part does not know the batch's: :func:`divisor_weights`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pointsra.ops.randomness import stream_seed


class PartStream(torch.Generator):
    """The stream of a batch, for one who computes one part of it.

    What is the same for the whole batch is drawn as from any generator; what is drawn for each row goes through
    :func:`uniform`, :func:`normal`, :func:`integers` and :func:`rows_of_batch`.

    Args:
        part, parts: which part of how many.
        total: rows of the whole batch.
        add_up: the sum of a tensor over all parts, for :func:`divisor_weights`.
    """

    def __new__(cls, part: int, parts: int, total: int, add_up: Callable[[Tensor], Tensor] | None = None) -> PartStream:
        """torch's own takes a device only."""
        return super().__new__(cls)

    def __init__(self, part: int, parts: int, total: int, add_up: Callable[[Tensor], Tensor] | None = None) -> None:
        self.rows = slice(part, None, parts)
        self.count = len(range(part, total, parts))
        self.total = total
        self.add_up = add_up


def part_stream(
    seed: int,
    *address: int | str,
    part: int,
    parts: int,
    total: int,
    add_up: Callable[[Tensor], Tensor] | None = None,
) -> PartStream:
    """``stream(seed, *address)`` for one part of a batch; arguments as of :class:`PartStream`."""
    made = PartStream(part, parts, total, add_up)
    made.manual_seed(stream_seed(seed, *address))
    return made


def rows_of_batch(count: int, generator: torch.Generator | None) -> tuple[slice, int]:
    """Which rows of the batch the ``count`` rows at hand are, and how many the batch has.

    Raises:
        ValueError: the generator is for a part of another size.
    """
    if not isinstance(generator, PartStream):
        return slice(None), count
    if count != generator.count:
        raise ValueError(f"something was drawn for {count} rows in a part of {generator.count}")
    return generator.rows, generator.total


def uniform(
    shape: Sequence[int], generator: torch.Generator | None, axis: int = 0, dtype: torch.dtype | None = None
) -> Tensor:
    """U[0, 1) of ``shape``, on the CPU; ``axis`` counts the rows of a batch."""
    return _for_rows(lambda whole: torch.rand(whole, generator=generator, dtype=dtype), shape, generator, axis)


def normal(shape: Sequence[int], generator: torch.Generator | None, axis: int = 0) -> Tensor:
    """N(0, 1) of ``shape``, on the CPU; ``axis`` counts the rows of a batch."""
    return _for_rows(lambda whole: torch.randn(whole, generator=generator), shape, generator, axis)


def integers(low: int, high: int, shape: Sequence[int], generator: torch.Generator | None, axis: int = 0) -> Tensor:
    """int64 in low … high − 1 of ``shape``, on the CPU; ``axis`` counts the rows of a batch."""
    return _for_rows(lambda whole: torch.randint(low, high, whole, generator=generator), shape, generator, axis)


def divisor_weights(counts: Tensor, generator: torch.Generator) -> Tensor:
    """What terms divided by ``counts`` are multiplied by, so that their mean over rows is the batch's term.

    A part's term is n / d, with its own divisor d; the batch's is Σ n / Σ d. As if its rows were the whole batch, the
    part's share of that is (n / d) · (d / Σ d) · (rows of the batch / rows of the part).

    Args:
        counts: (k,) the part's own divisors.
        generator: of the part; with any other the batch is whole and the weights are 1.

    Returns:
        (k,) weights, without gradient.

    Raises:
        ValueError: nobody told this part of the others' counts.
    """
    if not isinstance(generator, PartStream):
        return torch.ones_like(counts)
    if generator.add_up is None:
        raise ValueError("a term of this learner is divided by a count, and the learner has no measure() that gives it")
    counts = counts.detach()
    every = generator.add_up(counts)
    return torch.where(every > 0, counts / every.clamp_min(1e-30), 0.0) * (generator.total / generator.count)


def _for_rows(
    draw: Callable[[tuple[int, ...]], Tensor], shape: Sequence[int], generator: torch.Generator | None, axis: int
) -> Tensor:
    rows, total = rows_of_batch(shape[axis], generator)
    whole = (*shape[:axis], total, *shape[axis + 1 :])
    return draw(whole)[(slice(None),) * axis + (rows,)]
