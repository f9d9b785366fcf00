"""Reconstruction: file → unit frame → hide → S completions → the input's frame."""

from pointsra.reconstruction.outcome import Completions
from pointsra.reconstruction.reconstruct import plan_reconstruct, reconstruct
from pointsra.reconstruction.request import ReconstructRequest
from pointsra.reconstruction.writing import write_completions, write_surfaces

__all__ = [
    "Completions",
    "ReconstructRequest",
    "plan_reconstruct",
    "reconstruct",
    "write_completions",
    "write_surfaces",
]
