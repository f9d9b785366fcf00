"""Which code samples and searches points: plain torch, planes on a CPU, or Triton on a CUDA device."""

from __future__ import annotations

import importlib.util
import os

import torch
from torch import Tensor

from pointsra.errors import SettingsError

VARIABLE = "POINTSRA_KERNELS"
"""The one switch: an environment variable, read at every call."""
CHOICES = ("auto", "plain", "triton")


def backend(points: Tensor) -> str:
    """The way for points on their device: ``plain``, ``planes`` or ``triton``.

    ``auto``, the default, is planes on a CPU and plain torch elsewhere. ``plain`` is plain torch everywhere.
    ``triton`` is Triton on a CUDA device (or anywhere under Triton's interpreter) where it is installed and the
    points are not in double precision, and otherwise what ``auto`` is. It is not the default: the kernels equal the
    other ways in Triton's interpreter and compile for an H100 or H200, but have not run on a device yet.

    Raises:
        SettingsError: the variable holds something else.
    """
    choice = os.environ.get(VARIABLE, "auto")
    if choice not in CHOICES:
        raise SettingsError(f"{VARIABLE}={choice} is not known: write one of {', '.join(CHOICES)}.")
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    single = points.dtype != torch.float64
    if (
        choice == "triton"
        and single
        and (points.is_cuda or interpreted)
        and importlib.util.find_spec("triton") is not None
    ):
        return "triton"
    return "planes" if choice != "plain" and points.device.type == "cpu" else "plain"
