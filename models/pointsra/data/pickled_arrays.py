"""What a pickle says of a numpy array, as plain values: the names numpy writes, types of numbers, and the array itself.

The names are signs, never looked up and never called. Which instructions a pickle may give is the matter of
``safe_pickles``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")  # numpy 1 and numpy 2
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
ARRAY_NAMES = frozenset(f"{module}._reconstruct" for module in _MULTIARRAY)
SCALAR_NAMES = frozenset(f"{module}.scalar" for module in _MULTIARRAY)
BUFFER_NAMES = frozenset(f"{module}._frombuffer" for module in _NUMERIC)
TYPE_NAME = "numpy.dtype"
CLASS_NAME = "numpy.ndarray"
BYTES_NAME = "_codecs.encode"  # how protocol 2 writes bytes: as a text of Latin-1
KNOWN_NAMES = ARRAY_NAMES | SCALAR_NAMES | BUFFER_NAMES | {TYPE_NAME, CLASS_NAME, BYTES_NAME}
NUMBERS = re.compile(r"[iu][1248]|f[248]|b1|\?")
SHORT = 1024  # bytes up to here are copied, longer ones stay views of the file
_MOST_SIDES = 8


class DamagedPickleError(Exception):
    """What is wrong where the reader stands."""


@dataclass(frozen=True)
class Name:
    """A name that the pickle gives."""

    text: str


@dataclass
class NumberType:
    """A numpy dtype on its way: its letter and size, and, once known, the order of its bytes."""

    code: str
    order: str = "="

    def set_state(self, state: object) -> None:
        """Take the order of bytes from what numpy keeps of a dtype.

        Raises:
            DamagedPickleError: it is no plain type of numbers.
        """
        if not isinstance(state, tuple) or len(state) < 5 or state[1] not in ("<", ">", "=", "|"):
            raise DamagedPickleError("a type of numbers without the order of its bytes")
        if any(each is not None for each in state[2:5]):
            raise DamagedPickleError("a type of numbers with parts")
        self.order = state[1]


@dataclass
class UnbuiltArray:
    """An array of which only the beginning was read; ``key`` is the number under which it is remembered."""

    key: int | None = None


def make_array(kind: object, shape: object, order: object, content: object) -> np.ndarray:
    """An array of the shape promised, if its bytes are neither more nor fewer than that takes.

    Args:
        kind: a :class:`NumberType`.
        shape: a tuple of integers.
        order: "C" or "F".
        content: its bytes; what Python 2 wrote may look like a text.

    Returns:
        A read-only view of the bytes.

    Raises:
        DamagedPickleError: one of these is something else, or they do not fit together.
    """
    if isinstance(content, str) and len(content) <= SHORT:
        content = content.encode("latin-1")
    if not isinstance(kind, NumberType) or not isinstance(content, bytes | memoryview):
        raise DamagedPickleError("an array without numbers")
    if not isinstance(order, str) or order not in ("C", "F"):
        raise DamagedPickleError("an array in no order")
    if not isinstance(shape, tuple) or len(shape) > _MOST_SIDES or not all(_is_count(side) for side in shape):
        raise DamagedPickleError("an array without shape")
    dtype: np.dtype[Any] = np.dtype(kind.code).newbyteorder(kind.order)  # type: ignore[arg-type]
    if math.prod(shape) * dtype.itemsize != len(content):
        raise DamagedPickleError(f"an array of shape {shape} with {len(content)} bytes")
    array = np.frombuffer(content, dtype) if len(content) else np.zeros(0, dtype)
    return array.reshape(shape, order=order)  # type: ignore[call-overload]


def _is_count(side: object) -> bool:
    return type(side) is int and 0 <= side < 1 << 48
